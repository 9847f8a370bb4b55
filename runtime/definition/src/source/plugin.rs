//! `plugins` in `app.json`: which plugins an app makes use of, what it wants them to be allowed, whose records they mean, and
//! which of their functions its expressions call. Whether a plugin is there, and what it really is, is known elsewhere.

use indexmap::IndexMap;
use mortise_expr::Type;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::patterns::PLUGIN_ID;

/// Places of a decimal that travels to and from plugins.
pub const PLUGIN_DECIMAL_SCALE: u8 = 6;

/// A plugin that an app makes use of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginUse {
    /// Id of the plugin: `acme.credit-check`.
    #[schemars(regex(pattern = PLUGIN_ID), length(max = 60))]
    pub id: String,
    /// Versions that will do: `>=1, <2`.
    #[schemars(length(max = 80))]
    pub version: String,
    /// The app is whole without it, so that nobody has to be told when it is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// What the plugin is to be allowed, written as in `plugin.json`; an administrator confirms it, or allows less.
    #[serde(default, skip_serializing_if = "PluginGrant::is_empty")]
    pub grant: PluginGrant,
    /// Which entity is meant by a name that the plugin uses; those left out mean the entity of that name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub entities: IndexMap<String, PluginEntity>,
    /// Functions that expressions of the app call, by their names in the plugin. `company-name` of the plugin `similar` is
    /// written `similar.company_name(…)`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub functions: IndexMap<String, PluginFunction>,
}

/// What a plugin is to be allowed. Empty means nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginGrant {
    /// Records that it may read.
    #[serde(rename = "records.read", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub read: Vec<PluginReading>,
    /// Records that it may change.
    #[serde(rename = "records.write", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub write: Vec<PluginWriting>,
    /// Hosts that it may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub http: Vec<PluginHost>,
    /// A store of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<PluginStorage>,
}

impl PluginGrant {
    /// True when nothing is to be allowed.
    pub fn is_empty(&self) -> bool {
        *self == PluginGrant::default()
    }
}

/// Fields of one kind of record that a plugin may read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginReading {
    /// The entity, as the plugin names it.
    #[schemars(length(min = 1, max = 60))]
    pub entity: String,
    /// Its fields, as the plugin names them; `*` for all.
    #[schemars(length(min = 1, max = 200))]
    pub fields: Vec<String>,
}

/// Fields of one kind of record that a plugin may change, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginWriting {
    /// The entity, as the plugin names it.
    #[schemars(length(min = 1, max = 60))]
    pub entity: String,
    /// Its fields, as the plugin names them; `*` for all.
    #[schemars(length(min = 1, max = 200))]
    pub fields: Vec<String>,
    /// What may be done.
    #[schemars(length(min = 1, max = 3))]
    pub ops: Vec<PluginWriteOp>,
}

/// Ways in which a plugin changes records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PluginWriteOp {
    /// Make a new one.
    Create,
    /// Change one.
    Update,
    /// Put one into the trash.
    Delete,
}

/// A host that a plugin may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginHost {
    /// `https://api.example.com`, or `https://*.example.com` for everything below.
    #[schemars(length(min = 1, max = 260))]
    pub host: String,
    /// `GET`, `POST` …
    #[schemars(length(min = 1, max = 9))]
    pub methods: Vec<String>,
    /// The secret of the plugin that may be added to these calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 60))]
    pub credential: Option<String>,
}

/// A store of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginStorage {
    /// Most bytes of keys and values together.
    #[schemars(range(min = 1, max = 1_073_741_824))]
    pub bytes: u64,
}

/// The entity that a plugin means by a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginEntity {
    /// The entity: `order`, or `app.entity` when it belongs to another app.
    pub entity: String,
    /// Which field is meant by a name that the plugin uses; those left out mean the field of that name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub fields: IndexMap<String, String>,
}

/// A function of a plugin that expressions call. A call with an empty argument is empty, and the plugin is not asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginFunction {
    /// What it takes, in the order of the plugin.
    #[serde(default)]
    #[schemars(length(max = 12))]
    pub parameters: Vec<PluginType>,
    /// What it gives.
    pub returns: PluginType,
    /// The value while the plugin is missing, switched off, broken or resting after failures. Without it, expressions that
    /// call the function cannot be calculated then. `null` is the empty value.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub otherwise: Option<serde_json::Value>,
}

/// A null that is written is a value; only what is left out is none.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<serde_json::Value>, D::Error> {
    serde_json::Value::deserialize(deserializer).map(Some)
}

/// Types of what goes to a function of a plugin and comes back.
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
    /// Anything, as JSON in a text.
    Json,
}

impl PluginType {
    /// The name in the language of apps.
    pub fn name(self) -> &'static str {
        match self {
            PluginType::Text => "text",
            PluginType::Integer => "integer",
            PluginType::Decimal => "decimal",
            PluginType::Float => "float",
            PluginType::Boolean => "boolean",
            PluginType::Date => "date",
            PluginType::Timestamp => "timestamp",
            PluginType::Many => "many",
            PluginType::Json => "json",
        }
    }

    /// The type in expressions.
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
