//! A field of an entity: its type and the rules that hold for each value of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Source;
use super::patterns::{CURRENCY, NAME, STYLE_NAME};
use crate::Text;

/// One field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Field {
    /// Stable id: never changes, so that renaming keeps the data.
    #[schemars(regex(pattern = NAME), length(max = 40))]
    pub id: String,
    /// Name in expressions, the API and the database; the id unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = NAME), length(max = 40))]
    pub name: Option<String>,
    /// Name shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text>,
    /// Explanation shown below the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Text>,
    /// What the field holds.
    #[serde(flatten)]
    pub kind: FieldType,
    /// A record cannot be saved without a value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// No two living records have the same value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    /// The value is found by the search box.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub search: bool,
    /// Keep an index for filters on this field alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub index: bool,
    /// Value of a new record that gives none: an expression over `user`, `settings` and `record`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Source>,
    /// The field is shown and accepted only while this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_when: Option<Source>,
    /// The field is required while this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_when: Option<Source>,
    /// A value is refused unless this holds; see `message`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_when: Option<Source>,
    /// What a person is told when `valid_when` does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Text>,
}

/// What a field holds, with the options of that type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FieldType {
    /// One line of text.
    Text {
        /// Longest value in characters; 200 unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 4000))]
        max_length: Option<u32>,
        /// Regular expression that the whole value must match.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pattern: Option<String>,
    },
    /// Text of several lines.
    LongText {
        /// Longest value in characters; 20 000 unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 1_000_000))]
        max_length: Option<u32>,
    },
    /// Whole number within ±9 007 199 254 740 991.
    Integer {
        /// Smallest value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<i64>,
        /// Largest value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<i64>,
    },
    /// Exact decimal number with a fixed number of places.
    Decimal {
        /// Places after the point, 0 to 9.
        #[schemars(range(max = 9))]
        scale: u8,
        /// Smallest value, as a decimal string.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<String>,
        /// Largest value, as a decimal string.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<String>,
    },
    /// Amount of money with two places.
    Money {
        /// ISO 4217 code; `CNY` unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(regex(pattern = CURRENCY))]
        currency: Option<String>,
        /// Smallest amount, as a decimal string.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<String>,
        /// Largest amount, as a decimal string.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<String>,
    },
    /// Yes or no.
    Boolean {},
    /// Calendar day.
    Date {},
    /// Moment, stored in UTC with microseconds.
    Datetime {},
    /// Length of time; ISO 8601 or `2h30m` on input.
    Duration {},
    /// One of a fixed list.
    Choice {
        /// What may be chosen.
        choices: Vec<Choice>,
    },
    /// Any number of a fixed list.
    Choices {
        /// What may be chosen.
        choices: Vec<Choice>,
    },
    /// A node of a tree of the same app or of a required one.
    Tree {
        /// Id of the tree, `app.tree` when it belongs to another app.
        tree: String,
        /// Only nodes without children may be chosen.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        leaf_only: bool,
    },
    /// Another record.
    Reference {
        /// Id of the entity, `app.entity` when it belongs to another app.
        entity: String,
    },
    /// Child rows: records of another entity that point to this one and are edited together with it. They are seen by
    /// those who see the record above them, and changed by those who may change it.
    Lines {
        /// Id of the entity of the rows.
        entity: String,
        /// Reference field of that entity which points to this one.
        via: String,
    },
    /// A user of the tenant.
    User {},
    /// A department or team of the tenant.
    Team {},
    /// Telephone number, stored as +country digits where it can be told.
    Phone {},
    /// E-mail address.
    Email {},
    /// Web address (http or https).
    Url {},
    /// A place out of a tree of regions.
    Region {
        /// Id of the tree, `app.tree` when it belongs to another app.
        tree: String,
    },
    /// Latitude and longitude (WGS 84).
    GeoPoint {},
    /// One file.
    File {
        /// Largest size in mebibytes; 25 unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 1024))]
        max_mib: Option<u32>,
    },
    /// Any number of files.
    Files {
        /// Largest size of one file in mebibytes; 25 unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 1024))]
        max_mib: Option<u32>,
    },
    /// A picture.
    Photo {
        /// Where it may come from.
        #[serde(default, skip_serializing_if = "Capture::is_any")]
        capture: Capture,
        /// The server draws place, time and name into it, and keeps what the original was (PLAT-13).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        watermark: bool,
    },
    /// A handwritten signature, as a picture.
    Signature {},
    /// Any JSON value up to 64 kB.
    Json {},
    /// Number given by the system when the record is created: `L-{yyyy}-{00000}`.
    Autonumber {
        /// Pattern: `{yyyy}`, `{mm}`, `{dd}` and one run of zeros in braces for the counter.
        pattern: String,
    },
    /// Value calculated from other fields of the record whenever it is saved.
    Computed {
        /// Expression over `record`; may not use now() or today().
        value: Source,
    },
    /// Value calculated from records that point to this one.
    Rollup {
        /// Entity whose records are summed up.
        entity: String,
        /// Reference field of that entity which points to this one.
        via: String,
        /// What is calculated.
        operation: RollupOperation,
        /// Field of that entity (not for `count`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        field: Option<String>,
        /// Only records for which this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        filter: Option<Source>,
    },
}

/// Where a picture may come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    /// The camera, or a file.
    #[default]
    Any,
    /// The camera of the device only, with place and time.
    Camera,
}

impl Capture {
    /// True for the default.
    pub fn is_any(&self) -> bool {
        *self == Capture::Any
    }
}

/// One entry of a choice field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Stored value.
    #[schemars(length(min = 1, max = 80))]
    pub value: String,
    /// Name shown to people.
    pub label: Text,
    /// Colour of its badge: a Tabler colour name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = STYLE_NAME))]
    pub color: Option<String>,
    /// Kept for old records, no longer offered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

/// What a rollup calculates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RollupOperation {
    /// Number of records.
    Count,
    /// Sum of a number field.
    Sum,
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
}
