//! `lifecycles/*.json`: the states of a kind of record and the ways from one to the next. The field of the state changes
//! by transition only, whatever a client sends.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Source;
use super::patterns::{ARTIFACT_ID, STYLE_NAME};
use crate::Text;

/// The states of one entity and the ways between them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lifecycle {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id within the app.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// The entity: `order`, or `app.entity` when it belongs to another app. An entity has one lifecycle at most.
    pub entity: String,
    /// The choice field that holds the state; its choices are the states.
    pub field: String,
    /// State of a new record.
    pub initial: String,
    /// The ways between states.
    pub transitions: Vec<Transition>,
}

/// A way from some states to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// Stable id within the lifecycle.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// Words on its button.
    pub label: Text,
    /// States in which it can be taken.
    pub from: Vec<String>,
    /// The state afterwards.
    pub to: String,
    /// Roles that may take it; everybody who may change the record unless given. An empty list leaves it to rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Must hold for the record, with the values that come with the transition, before the state changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Source>,
    /// Told when the guard does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Text>,
    /// Fields that have to be filled (evidence); they are asked for with the transition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// Fields that the transition sets, with expressions over `record`, `user` and `settings`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub set: IndexMap<String, Source>,
    /// Tabler colour name of its button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = STYLE_NAME))]
    pub color: Option<String>,
}
