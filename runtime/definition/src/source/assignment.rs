//! `assignments/*.json`: who gets a record: pool, filters, capacity, weighted terms, tie-break, fallbacks.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Source;
use super::patterns::{ARTIFACT_ID, NAME};
use crate::Text;

/// An assignment policy for the records of one entity.
///
/// Expressions about a candidate see `record`, `candidate` (`id`, `name`, `department`, `roles`, `open`, `today`),
/// `profile` (the candidate's record of the profile entity; all empty without one), `measures` and `settings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
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
    /// The user field that is set; the owner unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Who can be chosen.
    pub pool: Pool,
    /// What is known of each candidate beside the profile: numbers from metrics.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub measures: IndexMap<String, MeasureUse>,
    /// Conditions that a candidate must meet, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<CandidateFilter>,
    /// How much a candidate can take; never exceeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// What speaks for a candidate; the highest sum wins, and on a tie who waited longest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Term>,
    /// A plugin that chooses among those who are left, with the sums of the terms before its eyes. When it fails, or chooses
    /// nobody, the terms decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigner: Option<Assigner>,
    /// Where nobody is left: what is tried, in order. The record waits in the pool when nothing helps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<Fallback>,
    /// Asks the best few at once, instead of giving the record to the best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
    /// Records that wait without an owner can be claimed by people of the pool, as long as this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Source>,
}

/// An assigner of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assigner {
    /// The plugin, by its name in `app.json`.
    #[schemars(length(max = 60))]
    pub plugin: String,
    /// The assigner among its exports.
    #[schemars(length(max = 60))]
    pub name: String,
}

/// An offer: the best few are told, and who takes the record first gets it. When nobody does in time, it is given to the
/// best as without an offer. Only those who were asked can take it until then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Only while this holds for the record. What is offered belongs to nobody until somebody takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Source>,
    /// How many of the best are asked.
    #[schemars(range(min = 1, max = 10))]
    pub count: u8,
    /// For how long: an expression of a duration over `record` and `settings`.
    #[serde(rename = "for")]
    pub duration: Source,
    /// How they are told: a notification, whose own `to` does not count.
    pub notification: String,
}

/// Who can be chosen: active people with one of these roles, in one of these departments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Roles: `agent`, or `app.agent`.
    pub roles: Vec<String>,
    /// Entity with one record for each person: base, capacity, fields of work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
}

/// Where more is known of a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The entity.
    pub entity: String,
    /// Its user field that names the person; unique.
    pub person: String,
}

/// A number or list of a candidate, from a metric that has a dimension of type user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasureUse {
    /// The metric: `win_rate`, or `app.win_rate`.
    pub metric: String,
    /// The metric's dimension that is the candidate; `owner` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Values that other dimensions of the metric must have: expressions over `record` by dimension.
    #[serde(rename = "where", default, skip_serializing_if = "IndexMap::is_empty")]
    pub matching: IndexMap<String, Source>,
    /// The values of this dimension with the highest figures, as a list of text, instead of the figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<Top>,
}

/// The best few values of a dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Top {
    /// The dimension.
    pub by: String,
    /// How many.
    #[schemars(range(min = 1, max = 100))]
    pub count: u8,
}

/// A condition that a candidate must meet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CandidateFilter {
    /// Stable id within the policy.
    #[schemars(regex(pattern = NAME), length(max = 60))]
    pub id: String,
    /// Words for the explanation.
    pub label: Text,
    /// The condition.
    pub condition: Source,
}

/// How much a candidate can take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// Most records given to one person in a day of the tenant's time zone: an expression over `candidate`, `profile`, `settings`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<Source>,
    /// Most open records of one person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Source>,
    /// Which records are open, over `record`; must be translatable to SQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_when: Option<Source>,
}

/// Something that speaks for a candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Stable id within the policy.
    #[schemars(regex(pattern = NAME), length(max = 60))]
    pub id: String,
    /// Words for the explanation.
    pub label: Text,
    /// Weight: an expression over `settings`.
    pub weight: Source,
    /// 0 to 1, larger is better; what lies outside is cut off.
    pub score: Source,
    /// Score where `score` has no value (an input is empty); 0 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Source>,
}

/// What is tried when nobody is left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// Stable id within the policy.
    #[schemars(regex(pattern = NAME), length(max = 60))]
    pub id: String,
    /// Words for the explanation.
    pub label: Text,
    /// Only while this holds for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Source>,
    /// Filters (by id) that are not asked any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// Another pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
}
