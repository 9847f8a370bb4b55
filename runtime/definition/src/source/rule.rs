//! `rules/*.json`: when something happens, and a condition holds, then actions.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns::ARTIFACT_ID;
use super::{Action, FigureUse, Source};
use crate::Text;

/// A rule over the records of one entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id within the app.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// Name shown to people.
    pub label: Text,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text>,
    /// The entity: `order`, or `app.entity` when it belongs to another app.
    pub entity: String,
    /// What sets it off; a rule without triggers runs when another one says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<Trigger>,
    /// Figures from metrics that condition and actions see as `measures`; read once, before the condition is asked.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub measures: IndexMap<String, FigureUse>,
    /// Must hold, over `record`, `previous`, `user`, `settings` and `measures`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Source>,
    /// What is done, in order; all of it or nothing.
    #[serde(rename = "do")]
    pub actions: Vec<Action>,
    /// Rules of one event run by ascending order, then by id; 100 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<i32>,
}

/// What sets a rule off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Trigger {
    /// A record was made.
    Created,
    /// A record was changed.
    Changed {
        /// Only when one of these fields changed; any unless given.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        fields: Vec<String>,
    },
    /// A record was put into the trash.
    Deleted,
    /// A record was taken out of the trash.
    Restored,
    /// A transition was taken.
    Transition {
        /// Its id; any unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transition: Option<String>,
    },
    /// A point in time, over and over; runs for each record that `where` finds.
    Schedule {
        /// Minute, hour, day of month, month, day of week: `0 9 * * 1-5`.
        cron: String,
        /// Time zone of the cron line; the tenant's unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time_zone: Option<String>,
        /// Which records; must be translatable to SQL.
        #[serde(rename = "where")]
        condition: Source,
    },
}
