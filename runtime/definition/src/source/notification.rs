//! `notifications/*.json`: what people are told, in which words, and by which ways.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns::ARTIFACT_ID;
use super::{FigureUse, Recipient};
use crate::Text;

/// A notification. Title and body are minijinja templates over `record` (values as people read them), `previous`,
/// `clock`, `link`, `person` (who is told), `now`, `settings` and `measures`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notification {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id within the app.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// Name shown to administrators.
    pub label: Text,
    /// The entity whose records it is about.
    pub entity: String,
    /// Figures from metrics that title and body see as `measures`, the same for everybody who is told.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub measures: IndexMap<String, FigureUse>,
    /// Title: a template.
    pub title: Text,
    /// Body: a template.
    pub body: Text,
    /// Who is told in the inbox and by e-mail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<Recipient>,
    /// Also by e-mail to the same people.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub email: bool,
    /// Also into these channels: connectors of kind `dingtalk`, `wecom`, `feishu` or `webhook`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
}
