//! `app.json`: what an app is, what it needs, and the settings an administrator tunes.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PluginUse;
use super::patterns::{APP_ID, STYLE_NAME};
use crate::Text;

/// The manifest of an app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id, lower case with hyphens: `order-desk`.
    #[schemars(regex(pattern = APP_ID), length(max = 24))]
    pub id: String,
    /// Version as in semver.org: `1.4.0`.
    pub version: String,
    /// Name shown to people.
    pub label: Text,
    /// One or two sentences for the people who choose apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text>,
    /// Name of a Tabler icon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = STYLE_NAME))]
    pub icon: Option<String>,
    /// Apps that have to be installed first; their entities may be referred to and extended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Requirement>,
    /// Plugins that the app makes use of, by the names under which its artifacts know them.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub plugins: IndexMap<String, PluginUse>,
    /// Typed values that artifacts read as `settings.name` and that an administrator changes.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub settings: IndexMap<String, Setting>,
    /// Views in the order in which the app's menu shows them (view ids).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub menu: Vec<String>,
    /// Warnings that the authors know of and keep, each with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Accepted>,
}

/// A warning that is no longer shown as one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// Code of the warning: `lint.clock_bypass`.
    pub code: String,
    /// File within the app: `slas/answer.json`.
    pub file: String,
    /// Place within the file: a JSON pointer; empty for the whole file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pointer: String,
    /// Why it is kept.
    pub note: Text,
}

/// Another app that this one stands on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Id of the required app.
    pub app: String,
    /// Lowest version that will do.
    pub version: String,
}

/// One setting of an app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Type of the value.
    #[serde(rename = "type")]
    pub kind: SettingType,
    /// Name shown to people.
    pub label: Text,
    /// Value used until an administrator sets another.
    pub default: serde_json::Value,
    /// Explanation shown below the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Text>,
    /// Smallest number allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    /// Largest number allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
}

/// Types that a setting may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingType {
    /// Whole number.
    Integer,
    /// Exact decimal number, at most six places, written as a string: `"0.85"`.
    Decimal,
    /// Yes or no.
    Boolean,
    /// One line of text.
    Text,
}
