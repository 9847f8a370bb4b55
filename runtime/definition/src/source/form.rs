//! `forms/*.json`: which fields a person fills in, in which order, under which headings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Source;
use super::patterns::ARTIFACT_ID;
use crate::Text;

/// A form over one entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Form {
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
    /// Used for: new records, existing ones, or both (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<FormPurpose>,
    /// How its parts follow each other: below each other, as tabs, or step by step.
    #[serde(default, skip_serializing_if = "FormFlow::is_page")]
    pub flow: FormFlow,
    /// Parts of the form, in order.
    pub sections: Vec<Section>,
}

/// How the parts of a form follow each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FormFlow {
    /// Below each other on one page.
    #[default]
    Page,
    /// One at a time, in any order.
    Tabs,
    /// One at a time, in their order; a step is checked before the next one.
    Steps,
}

impl FormFlow {
    /// True for the default.
    pub fn is_page(&self) -> bool {
        *self == FormFlow::Page
    }
}

/// When a form is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FormPurpose {
    /// For new records only (the quick entry form of PLAT-16).
    Create,
    /// For existing records only.
    Edit,
    /// For both.
    Both,
}

/// A part of a form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text>,
    /// Explanation below the heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Text>,
    /// Columns on a wide screen, 1 to 3; 2 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3))]
    pub columns: Option<u8>,
    /// Shown only while this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_when: Option<Source>,
    /// The fields, by name, optionally with options of this place.
    pub fields: Vec<FormItem>,
}

/// A field on a form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FormItem {
    /// Just the field.
    Field(String),
    /// The field with options.
    Detailed {
        /// Name of the field.
        field: String,
        /// Takes the whole width of the form.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        wide: bool,
        /// Large letters in a large box, for those who dictate.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        large: bool,
        /// Shown but not changeable here.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        read_only: bool,
        /// Required on this form.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        required: bool,
        /// Grey words in the empty input.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        placeholder: Option<Text>,
        /// Columns shown for child rows.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        columns: Vec<String>,
    },
}

impl FormItem {
    /// Name of the field.
    pub fn field(&self) -> &str {
        match self {
            FormItem::Field(field) | FormItem::Detailed { field, .. } => field,
        }
    }
}
