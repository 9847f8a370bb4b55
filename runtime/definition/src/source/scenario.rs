//! `scenarios/*.json`: tests of the app itself: people act, time passes, and what should have happened is checked, in
//! virtual time and in memory.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Source;
use super::patterns::{ARTIFACT_ID, NAME};
use crate::Text;

/// A scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id within the app.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// What it shows, in a sentence.
    pub label: Text,
    /// Requirements that it covers, by their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// When it begins: `2026-03-02T09:00:00+08:00`.
    pub starts: String,
    /// Time zone of the tenant; Asia/Shanghai unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The people, by login.
    pub people: IndexMap<String, ScenarioPerson>,
    /// Values of settings, by `app.setting`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub settings: IndexMap<String, Value>,
    /// Plugins that are there, by their names in `app.json`: packages of the shelf, with what the app grants them. Without any,
    /// the app is tried as it works without plugins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(max = 60)))]
    pub plugins: Vec<String>,
    /// What happens and what is expected, in order.
    pub steps: Vec<ScenarioStep>,
}

/// A person of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioPerson {
    /// Roles: `agent`, or `app.agent`.
    pub roles: Vec<String>,
    /// Login of the supervisor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervisor: Option<String>,
}

/// A step of a scenario. Records are named with `as` and then referred to by `$name` wherever an id is expected;
/// people by `@login`. The steps run as `by`, or as the system itself without.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ScenarioStep {
    /// Makes a record.
    Create {
        /// Who.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// The entity.
        entity: String,
        /// Name for the steps after.
        #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
        #[schemars(regex(pattern = NAME))]
        name: Option<String>,
        /// Values as in the API.
        values: Map<String, Value>,
        /// So many of them, `{n}` in texts standing for the number; named ones are then `name1`, `name2` ….
        #[serde(default, skip_serializing_if = "Option::is_none")]
        times: Option<u32>,
        /// Code of the error that is expected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fails: Option<String>,
    },
    /// Changes a record.
    Update {
        /// Who.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// The record: `$name`.
        record: String,
        /// Values as in the API.
        values: Map<String, Value>,
        /// Code of the error that is expected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fails: Option<String>,
    },
    /// Takes a transition.
    Transition {
        /// Who.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// The record: `$name`.
        record: String,
        /// Its id.
        transition: String,
        /// Values that come with it.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        values: Map<String, Value>,
        /// Code of the error that is expected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fails: Option<String>,
    },
    /// Claims a record from the pool.
    Claim {
        /// Who.
        by: String,
        /// The record: `$name`.
        record: String,
        /// The policy.
        policy: String,
        /// Code of the error that is expected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fails: Option<String>,
    },
    /// A call comes in.
    Receive {
        /// The connector.
        connector: String,
        /// The call.
        body: Value,
        /// Address that it comes from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ip: Option<String>,
        /// Name for the record that it makes.
        #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// Time passes, and everything that falls due in it happens.
    Advance {
        /// How long: `25h`, `30m`, `7d`.
        by: String,
    },
    /// A record looks like this.
    Expect {
        /// The record: `$name`.
        record: String,
        /// Values as in the API.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        values: Map<String, Value>,
        /// An expression over `record` that must hold.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        that: Option<Source>,
        /// People whose rights on it are frozen now, by login.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        frozen: Option<Vec<String>>,
        /// File names (parts of them) attached to it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<String>,
    },
    /// So many records meet a condition.
    ExpectCount {
        /// The entity.
        entity: String,
        /// The condition; all records unless given.
        #[serde(rename = "where", default, skip_serializing_if = "Option::is_none")]
        condition: Option<Source>,
        /// Values that they have, as in the API.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        values: Map<String, Value>,
        /// Exactly so many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<i64>,
        /// At least so many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_least: Option<i64>,
        /// At most so many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_most: Option<i64>,
    },
    /// People were told since the last such step.
    ExpectNotified {
        /// The notification.
        notification: String,
        /// Logins, in any order; exactly these.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        people: Option<Vec<String>>,
        /// Connectors that it went to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channels: Option<Vec<String>>,
        /// How often; once unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        times: Option<u32>,
    },
    /// A clock of a record is in this state.
    ExpectClock {
        /// The record: `$name`.
        record: String,
        /// The clock.
        sla: String,
        /// `running`, `paused`, `met`, `late`, `cancelled`, or `none`.
        state: String,
        /// When its limit is: `2026-03-05T09:00:00+08:00`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<String>,
    },
    /// A metric has this value.
    ExpectMetric {
        /// The metric.
        metric: String,
        /// Values of dimensions.
        #[serde(rename = "where", default, skip_serializing_if = "Map::is_empty")]
        matching: Map<String, Value>,
        /// The figure, to six places.
        value: Option<f64>,
    },
    /// So many pieces of work are parked.
    ExpectParked {
        /// How many.
        count: i64,
    },
}
