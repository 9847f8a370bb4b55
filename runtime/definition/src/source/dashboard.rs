//! `dashboards/*.json`: a page of cards, each of which shows a metric, a table that a plugin brings, or what is to be done.

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
    /// The first page of these roles, or of everybody (PLAT-27). Of several, the first of the app that stands on the others
    /// counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub home: bool,
    /// Dimensions by which people can narrow all cards whose metric has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<CardFilter>,
    /// People can choose another span of time for all cards that have one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spans: bool,
    /// The cards in order.
    pub cards: Vec<Card>,
}

/// A filter that cards share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CardFilter {
    /// Name of a dimension.
    pub by: String,
    /// Heading; the field's name unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text>,
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
    /// The view of a `list`: `new_orders`, or `app.new_orders`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
    /// The form of an `entry`: `quick`, or `app.quick`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// Broken down by this dimension of the metric (not for `number`, `gauge` and `line`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Broken down once more: the parts of a stacked bar, the columns of a heat map, the lines of a line, the shapes of a radar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// A `number` also tells how it was in the span of time before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trend: bool,
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
    /// Bars whose parts are the values of a second dimension.
    Stacked,
    /// Two dimensions, each figure a colour.
    Heat,
    /// A shape over the values of a dimension.
    Radar,
    /// One figure on a dial up to its target.
    Gauge,
    /// Bubbles on the regions of a map.
    Map,
    /// The first records of a view.
    List,
    /// What the person who looks has to do, with the time that is left.
    Tasks,
    /// What the person who looks may claim.
    Pool,
    /// A form for a new record, to be filled in on the spot.
    Entry,
    /// What has changed lately among the records that the person may see.
    Changes,
    /// Clocks beyond their limit among the records that the person may see, by the steps to which they have come.
    Alerts,
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
