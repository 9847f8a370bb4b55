//! `decisions/*.json`: decision tables as in DMN: inputs, rows, outputs, and which row counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Source;
use super::patterns::{ARTIFACT_ID, NAME};
use crate::Text;

/// A decision table over the records of one entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id within the app.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// Name shown to people.
    pub label: Text,
    /// The entity: `order`, or `app.entity` when it belongs to another app.
    pub entity: String,
    /// What is looked at.
    pub inputs: Vec<DecisionInput>,
    /// What comes out.
    pub outputs: Vec<DecisionOutput>,
    /// Which rows count; the first that fits unless given.
    #[serde(default, skip_serializing_if = "HitPolicy::is_first")]
    pub hit: HitPolicy,
    /// The rows.
    pub rows: Vec<DecisionRow>,
}

/// An input of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionInput {
    /// Name within the table.
    #[schemars(regex(pattern = NAME), length(max = 60))]
    pub id: String,
    /// Heading.
    pub label: Text,
    /// The value that is looked at: an expression over `record`, `user` and `settings`.
    pub value: Source,
}

/// An output of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionOutput {
    /// Name within the table.
    #[schemars(regex(pattern = NAME), length(max = 60))]
    pub id: String,
    /// Heading.
    pub label: Text,
    /// Type of the value.
    #[serde(rename = "type")]
    pub kind: OutputType,
}

/// Types of outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutputType {
    /// Text, choices, keys.
    Text,
    /// Whole number.
    Integer,
    /// Exact decimal, at most six places.
    Decimal,
    /// Yes or no.
    Boolean,
    /// Length of time.
    Duration,
}

/// Which rows of a table count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HitPolicy {
    /// The first that fits.
    #[default]
    First,
    /// The only one that fits; two are an error.
    Unique,
    /// All that fit, as lists.
    Collect,
    /// The sum of all that fit.
    Sum,
    /// The one with the highest `priority` that fits.
    Priority,
}

impl HitPolicy {
    /// True for the default.
    pub fn is_first(&self) -> bool {
        *self == HitPolicy::First
    }
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionRow {
    /// A test for each input: `-` (anything), `null`, a literal or several (`'a', 'b'`), `>= 5`, `[1..5)`, `not('a')`.
    pub when: Vec<String>,
    /// An expression for each output, over the inputs' names, `record` and `settings`.
    pub then: Vec<Source>,
    /// For the hit policy `priority`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Why this row is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}
