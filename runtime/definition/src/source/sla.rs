//! `slas/*.json`: clocks on records. A clock starts, pauses, stops and starts anew by conditions over the record, runs
//! in calendar or working time, and sets off the steps of its ladder.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns::ARTIFACT_ID;
use super::{Action, FigureUse, Source};
use crate::Text;

/// A clock on the records of one entity. Its conditions are asked whenever the record has changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sla {
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
    /// A record without a clock gets one when this holds.
    pub start: Source,
    /// The moment from which it counts; the moment of the change unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Source>,
    /// The clock stops, met or late, when this holds.
    pub stop: Source,
    /// The clock ends without a result when this holds (the record is of no interest any more).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<Source>,
    /// The clock stands still when this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Source>,
    /// It goes on when this holds; as soon as `pause` no longer does unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Source>,
    /// It starts anew, stopped or not, when this holds for a change: `record.owner != previous.owner`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<Source>,
    /// Limit: an expression of a duration over `record` and `settings`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Source>,
    /// Limit by decision table, instead of an expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_by: Option<LimitBy>,
    /// Counts working time of this calendar; calendar time unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    /// Figures from metrics that conditions and actions of the steps see as `measures`; read when a step is due.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub measures: IndexMap<String, FigureUse>,
    /// The form by which people do what stops the clock: of the entity, or of one that refers to it. Lists of what is to be
    /// done offer it beside the time that is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// What happens on the way, in any number of steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ladder: Vec<LadderStep>,
}

/// A limit from a decision table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitBy {
    /// The table.
    pub decision: String,
    /// Its output of type duration.
    pub output: String,
}

/// A step of the ladder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LadderStep {
    /// Stable id within the clock.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// Name shown to people.
    pub label: Text,
    /// From where the offset counts; the limit unless given.
    #[serde(default, skip_serializing_if = "StepBase::is_due")]
    pub base: StepBase,
    /// How long after (or, with a minus, before) the base, in the time that the clock counts: an expression of a duration.
    pub offset: Source,
    /// Second factor: asked when the step is due; the step is passed over when it does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Source>,
    /// What is done.
    #[serde(rename = "do", default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
}

/// From where the offset of a step counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepBase {
    /// The start of the clock.
    Start,
    /// The limit.
    #[default]
    Due,
}

impl StepBase {
    /// True for the default.
    pub fn is_due(&self) -> bool {
        *self == StepBase::Due
    }
}
