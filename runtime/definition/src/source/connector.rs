//! `connectors/*.json`: doors to other systems: robots and webhooks that go out, signed calls that come in. Addresses
//! and secrets are not here: an administrator gives them per tenant.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Source;
use super::patterns::{ARTIFACT_ID, NAME};
use crate::Text;

/// A connector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connector {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id within the app.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// Name shown to people.
    pub label: Text,
    /// What it is.
    pub kind: ConnectorKind,
    /// For `inbound`: what becomes of a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receive: Option<Receive>,
}

/// Kinds of connectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectorKind {
    /// Group robot of DingTalk (钉钉).
    Dingtalk,
    /// Group robot of WeCom (企业微信).
    Wecom,
    /// Group robot of Feishu (飞书).
    Feishu,
    /// Signed HTTP call of ours to any address.
    Webhook,
    /// Signed HTTP call of another system to us.
    Inbound,
}

/// What becomes of a call that comes in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Receive {
    /// The entity of the record that is made.
    pub entity: String,
    /// Where the values of its fields are in the call.
    pub map: Vec<Mapping>,
    /// JSON pointer to the id that the other system gives the call; a second call with it changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The record that the call belongs to, when it is about somebody already known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attach: Option<Attach>,
}

/// A field and where its value comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The field.
    #[schemars(regex(pattern = NAME), length(max = 60))]
    pub field: String,
    /// JSON pointer into the call (`/contact/phone`), or `@ip`, `@user_agent`, `@received_at`, `@device`; of several the
    /// first at which the call has something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Places>,
    /// A value as in the API, where the call has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
    /// What does not suit the field is left out, instead of the whole call being refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lenient: bool,
}

/// One place of a call, or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Places {
    /// One place.
    One(String),
    /// Several, one after the other.
    Several(Vec<String>),
}

impl Places {
    /// All of them, in order.
    pub fn all(&self) -> &[String] {
        match self {
            Places::One(place) => std::slice::from_ref(place),
            Places::Several(places) => places,
        }
    }
}

/// How a call finds the record that it belongs to. When it finds one, a record of `entity` is made that refers to it,
/// instead of a second record of the same thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attach {
    /// Fields of the received record by which the existing one is found: any that has the same value.
    #[serde(rename = "match")]
    pub by: Vec<String>,
    /// Which of the existing records count; all unless given. Must be translatable to SQL.
    #[serde(rename = "where", default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Source>,
    /// The entity of the record that is made beside the existing one.
    pub entity: String,
    /// Its reference field that points to the existing record.
    pub via: String,
    /// Where the values of its other fields are in the call.
    pub map: Vec<Mapping>,
    /// Makes that record also together with a new one, so that the first contact is on the trail as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub always: bool,
}
