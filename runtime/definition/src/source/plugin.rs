//! Plugins as apps use them: `plugins` of `app.json`, and the types of what goes in and comes out. What a plugin is and does
//! is said by itself; here stands only what the app may rely on while it is compiled.

use mortise_expr::Type;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Places of an exact number of a plugin.
pub const PLUGIN_DECIMAL_SCALE: u8 = 6;

/// A plugin that an app uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginUse {
    /// Id of the plugin: `acme.credit-check`.
    #[schemars(length(min = 1, max = 80))]
    pub id: String,
    /// Versions that will do: `>=1.2, <3`.
    #[schemars(length(min = 1, max = 80))]
    pub version: String,
    /// The app works without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// Kinds of values that go into plugins and come out of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PluginType {
    /// Words.
    Text,
    /// A whole number.
    Integer,
    /// An exact number with six places.
    Decimal,
    /// A number with a floating point.
    Float,
    /// Yes or no.
    Boolean,
    /// A day.
    Date,
    /// A moment.
    Timestamp,
    /// Several texts.
    Many,
    /// Anything nested, as JSON text.
    Json,
}

impl PluginType {
    /// The type that expressions see.
    pub fn ty(self) -> Type {
        match self {
            PluginType::Text | PluginType::Json => Type::Text,
            PluginType::Integer => Type::Int,
            PluginType::Decimal => Type::Decimal(PLUGIN_DECIMAL_SCALE),
            PluginType::Float => Type::Float,
            PluginType::Boolean => Type::Bool,
            PluginType::Date => Type::Date,
            PluginType::Timestamp => Type::DateTime,
            PluginType::Many => Type::List(Box::new(Type::Text)),
        }
    }
}
