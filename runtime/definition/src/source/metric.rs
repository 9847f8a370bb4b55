//! `metrics/*.json`: figures over records, defined once and used by dashboards, assignment and expressions alike (PLAT-23).

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Source;
use super::patterns::ARTIFACT_ID;
use crate::Text;

/// A figure over the records of one entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id within the app.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// Name shown to people.
    pub label: Text,
    /// What it says, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text>,
    /// The entity: `order`, or `app.entity` when it belongs to another app.
    pub entity: String,
    /// What is measured.
    pub measure: Measure,
    /// Which records; must be translatable to SQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Source>,
    /// The field of time that windows and trends go by; when the record was made unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The span of time looked at; everything unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Fields by which it can be broken down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<String>,
    /// How the figure is written.
    #[serde(default, skip_serializing_if = "Figure::is_number")]
    pub figure: Figure,
    /// What is aimed at: an expression over `settings`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Source>,
    /// Smaller is better.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lower_is_better: bool,
    /// Share of the target from which on the figure is amber instead of red, 0 to 1; 0.8 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amber: Option<f64>,
}

/// What a metric measures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Measure {
    /// Number of records.
    Count,
    /// Sum of a number over the records.
    Sum {
        /// An expression over `record`; must be translatable to SQL.
        value: Source,
    },
    /// Mean of a number or duration over the records where it has a value.
    Average {
        /// An expression over `record`; must be translatable to SQL. A difference of two moments gives seconds.
        value: Source,
    },
    /// Percentile of a number or duration over the records where it has a value, by nearest rank.
    Percentile {
        /// An expression over `record`; must be translatable to SQL.
        value: Source,
        /// 0 to 100.
        #[schemars(range(min = 0, max = 100))]
        percent: u8,
    },
    /// Smallest value.
    Min {
        /// An expression over `record`; must be translatable to SQL.
        value: Source,
    },
    /// Largest value.
    Max {
        /// An expression over `record`; must be translatable to SQL.
        value: Source,
    },
    /// Share of the records for which a condition holds, 0 to 1; empty without records.
    Share {
        /// The condition; must be translatable to SQL.
        of: Source,
    },
    /// One metric divided by another, over the same window, broken down alike; empty when the other is zero.
    Ratio {
        /// The metric above the line.
        of: String,
        /// The metric below the line.
        to: String,
        /// Multiplies the result; 1 unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        times: Option<f64>,
    },
}

/// A figure that expressions and templates see as `measures.name`, over all records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FigureUse {
    /// The metric: `win_rate`, or `app.win_rate`.
    pub metric: String,
    /// Values that dimensions of the metric must have: expressions by dimension.
    #[serde(rename = "where", default, skip_serializing_if = "IndexMap::is_empty")]
    pub matching: IndexMap<String, Source>,
}

/// A span of time up to now, in the tenant's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// From midnight on.
    Today,
    /// From Monday on.
    Week,
    /// From the first of the month on.
    Month,
    /// From the first of the quarter on.
    Quarter,
    /// From the first of January on.
    Year,
    /// So many days up to now.
    #[serde(untagged)]
    Days {
        /// How many.
        #[schemars(range(min = 1, max = 3660))]
        days: u16,
    },
}

/// How a figure is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// A number.
    #[default]
    Number,
    /// A share as percent.
    Percent,
    /// A length of time.
    Duration,
    /// An amount of money.
    Money,
}

impl Figure {
    /// True for the default.
    pub fn is_number(&self) -> bool {
        *self == Figure::Number
    }
}
