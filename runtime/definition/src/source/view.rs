//! `views/*.json`: records that people open: which, in which order, with which columns, and how they are drawn.

use indexmap::IndexMap;
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
    /// What the way of drawing needs to know: which field makes the columns of a board, the days of a calendar.
    #[serde(default, skip_serializing_if = "Layout::is_empty")]
    pub layout: Layout,
    /// Columns in order, or what a card shows: fields, fields of a referenced record (`account.phone`), or expressions.
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
    /// Kept on the devices of everybody who may read it, opened or not, to be read without network (PLAT-15).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offline: bool,
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
    /// Cards in columns, one for each value of a field; moving a card changes the value, or takes the step of a lifecycle.
    Board,
    /// Records on the days of a month or week.
    Calendar,
    /// Records as bars from a beginning to an end.
    Timeline,
    /// Bubbles on a map.
    Map,
    /// Pictures with a few words.
    Gallery,
}

impl ViewKind {
    /// True for the default.
    pub fn is_table(&self) -> bool {
        *self == ViewKind::Table
    }
}

/// What a way of drawing needs to know. Each kind of view takes some of these and refuses the others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Board: the field with a column for each value (needed). Table: rows under a heading for each value.
    /// Timeline: bars in a lane for each value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Board: a number that is added up at the head of each column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
    /// Calendar and timeline: the field with the day or moment at which a record begins (needed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Calendar and timeline: where it ends; without it, a record is one point in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Calendar, timeline, map and gallery: the choice whose colour a record has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Map: the field with the place (needed): a point, or a region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Map: a number that makes bubbles larger; without it, they show how many records there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// Gallery: the field with the picture (needed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Table: figures below the columns, over all records of the view.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub totals: IndexMap<String, Total>,
    /// Table: fields that can be changed in their cell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edit: Vec<String>,
}

impl Layout {
    /// True when nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Layout::default()
    }
}

/// What is worked out of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Total {
    /// Sum of the values.
    Sum,
    /// Mean of the values that are there.
    Average,
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
    /// How many records have a value.
    Count,
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
