//! `dashboards/*.json`: a page of cards, each of which shows a metric, or a table that a plugin brings.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Window;
use super::patterns::{ARTIFACT_ID, STYLE_NAME};
use crate::Text;

/// A dashboard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dashboard {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id within the app.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// Name shown to people.
    pub label: Text,
    /// Name of a Tabler icon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = STYLE_NAME))]
    pub icon: Option<String>,
    /// Roles that see it; everybody unless given. Each sees only figures over the records that they may see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The cards in order.
    pub cards: Vec<Card>,
}

/// A card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Stable id within the dashboard.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// Heading; the metric's name unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text>,
    /// How it is drawn; `table` where a plugin brings the figures.
    pub kind: CardKind,
    /// The metric: `new_orders`, or `app.new_orders`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// A plugin that brings the figures, instead of a metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<CardProvider>,
    /// Broken down by this dimension of the metric (not for `number` and `line`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Step of a `line`; days unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<Grain>,
    /// Another span of time than the metric's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Most bars or places shown; 10 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub limit: Option<u8>,
    /// Columns of twelve; 3 for a number, 6 otherwise, unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 12))]
    pub width: Option<u8>,
}

/// A table that a plugin brings, with the eyes of whoever looks at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CardProvider {
    /// The plugin, by its name in `app.json`.
    #[schemars(length(max = 60))]
    pub plugin: String,
    /// The provider among its exports.
    #[schemars(length(max = 60))]
    pub name: String,
    /// What it is given: texts, numbers, yes or no.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub params: IndexMap<String, serde_json::Value>,
}

/// How a card is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CardKind {
    /// One figure with its target.
    Number,
    /// Over time.
    Line,
    /// Bars, one for each value of a dimension.
    Bar,
    /// Bars in the order of the choices, each with its share of the first.
    Funnel,
    /// The best, in order.
    Leaderboard,
    /// Figures in rows.
    Table,
}

/// A step of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// Days.
    Day,
    /// Weeks from Monday on.
    Week,
    /// Months.
    Month,
}
