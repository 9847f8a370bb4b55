//! `trees/*.json`: classifications of several levels (industries, regions) that tree and region fields choose from.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns::ARTIFACT_ID;
use crate::Text;

/// A classification. A record stores the path of codes from the root, joined by `/`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id within the app.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// Name shown to people.
    pub label: Text,
    /// Top-level nodes.
    pub nodes: Arc<Vec<TreeNode>>,
}

/// One node of a tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TreeNode {
    /// Code, unique among its siblings; no `/`.
    pub code: String,
    /// Name shown to people.
    pub label: Arc<Text>,
    /// Latitude and longitude of the place, for regions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<(f64, f64)>,
    /// Nodes below this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<TreeNode>,
}
