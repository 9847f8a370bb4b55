//! `views/*.json`: a list of records that people open: which, in which order, with which columns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Source;
use super::patterns::{ARTIFACT_ID, NAME, STYLE_NAME};
use crate::Text;

/// A list over one entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id within the app.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// The entity: `order`, or `app.entity` when it belongs to another app.
    pub entity: String,
    /// Name shown to people.
    pub label: Text,
    /// How it is drawn.
    #[serde(default, skip_serializing_if = "ViewKind::is_table")]
    pub kind: ViewKind,
    /// Columns in order: fields, fields of a referenced record (`account.phone`), or expressions.
    pub columns: Vec<Column>,
    /// Which records: an expression over `record`, `user` and `settings`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Source>,
    /// Order: field names, `-` before one for descending. Newest first unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sort: Vec<String>,
    /// Fields offered as quick filters above the list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quick_filters: Vec<String>,
    /// Records on a page, 10 to 200; 50 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 200))]
    pub page_size: Option<u16>,
    /// Colour of a row: first condition that holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub highlights: Vec<Highlight>,
}

/// A colour for rows that meet a condition (red, amber, green of PLAT-24).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Highlight {
    /// The condition.
    pub when: Source,
    /// Tabler colour name.
    #[schemars(regex(pattern = STYLE_NAME))]
    pub color: String,
}

/// How a view is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ViewKind {
    /// Rows and columns (cards on a phone).
    #[default]
    Table,
}

impl ViewKind {
    /// True for the default.
    pub fn is_table(&self) -> bool {
        *self == ViewKind::Table
    }
}

/// A column of a view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Column {
    /// Just the field.
    Field(String),
    /// The field with options.
    Detailed {
        /// Field, or `reference.field`.
        field: String,
        /// Heading instead of the field's label.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<Text>,
        /// Left out on a phone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        hide_on_phone: bool,
    },
    /// A value that is calculated whenever the list is shown, and stored nowhere: lists cannot be filtered or ordered by it.
    Calculated {
        /// Name of the column in the API; no field has the same.
        #[schemars(regex(pattern = NAME), length(max = 40))]
        id: String,
        /// The value, over `record`, `user` and `settings`. Fields that the person may not see are empty.
        expression: Source,
        /// Heading.
        label: Text,
        /// Left out on a phone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        hide_on_phone: bool,
    },
}
