//! `calendars/*.json`: working time: hours of each weekday, holidays, and working days that make up for them (调休).

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns::ARTIFACT_ID;
use crate::Text;

/// A business calendar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id within the app.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// Name shown to people.
    pub label: Text,
    /// IANA time zone; the tenant's unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Intervals by weekday: `"09:00-12:00"`; `24:00` ends a day. A day that is absent is free.
    pub week: IndexMap<Weekday, Vec<String>>,
    /// Days that are free.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<Holiday>,
    /// Days that are worked although they would be free.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub working_days: Vec<WorkingDay>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// Free days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// First day: `2026-10-01`.
    pub date: String,
    /// Last day; the same day unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text>,
}

/// A day that is worked although it would be free.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkingDay {
    /// The day: `2026-10-10`.
    pub date: String,
    /// Its intervals; those of `like` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Vec<String>>,
    /// The weekday whose intervals it has; Monday unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<Weekday>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text>,
}
