//! `data/*.json`: records that come with an app (grades, stages, sources) and are kept up to date on upgrade.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns::ARTIFACT_ID;

/// Records of one entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id within the app.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// The entity: `grade`, or `app.entity` when it belongs to another app.
    pub entity: String,
    /// Field by which an existing record is recognised; must be unique.
    pub key: String,
    /// The records: field names with values as in the API. A reference is given by the key of the target's data file.
    pub records: Vec<serde_json::Map<String, serde_json::Value>>,
}
