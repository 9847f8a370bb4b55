//! `entities/*.json`: a kind of record, or fields added to an entity of a required app.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns::{ARTIFACT_ID, NAME, STYLE_NAME};
use super::{Field, Source};
use crate::Text;

/// A kind of record; becomes one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id within the app.
    #[schemars(regex(pattern = NAME), length(max = 40))]
    pub id: String,
    /// Name in the API and the database; the id unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = NAME), length(max = 40))]
    pub name: Option<String>,
    /// Name of one record, shown to people.
    pub label: Text,
    /// Name of many records; the label unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plural: Option<Text>,
    /// Name of a Tabler icon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = STYLE_NAME))]
    pub icon: Option<String>,
    /// Field that names a record to people; the first text field unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The fields in their natural order.
    pub fields: Vec<Field>,
    /// Indexes beside those which views and scopes ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Index>,
    /// When a new record is suspected to exist already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<Duplicates>,
    /// Conditions over the whole record that must hold when it is saved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

/// A condition over the whole record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Stable id within the entity.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// Must hold for the record to be saved.
    pub condition: Source,
    /// What a person is told when it does not.
    pub message: Text,
    /// Field beside which the message is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// `extensions/*.json`: fields that this app adds to an entity of an app which it requires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id within the app.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// The extended entity: `base.company`.
    pub extends: String,
    /// Fields that are added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// Indexes that are added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Index>,
    /// Conditions that are added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

/// An index over several fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Fields in order.
    pub fields: Vec<String>,
    /// No two living records have the same values.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
}

/// Duplicate check of an entity (PLAT-18).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Duplicates {
    /// Fields that are compared; the most similar one decides. At least one of them is more than a hint.
    pub fields: Vec<DuplicateField>,
    /// Similarity in percent from which a record is a suspect; 85 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub threshold: Option<u8>,
    /// Fields of the existing record shown to the person who types.
    pub show: Vec<String>,
}

/// How one field takes part in the duplicate check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateField {
    /// The field.
    pub field: String,
    /// How its values are compared.
    pub compare: Compare,
    /// Only a hint: shown while somebody types, but a record that is alike in nothing else is saved and imported all the
    /// same. For fields that many share, such as the names of people.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hint: bool,
}

/// Ways of comparing values for duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// Equal after normalisation (phone digits, e-mail in lower case).
    Exact,
    /// Similar letters: Dice coefficient over bigrams.
    Similar,
    /// As `similar`, after legal form and region were taken from a company's name.
    CompanyName,
}
