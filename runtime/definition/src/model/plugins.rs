//! Plugins as apps make use of them, compiled: names resolved, types known. What a plugin really offers is known elsewhere.

use std::sync::Arc;

use mortise_expr::OutsideFunction;
use semver::VersionReq;

use super::Slot;
use crate::source::PluginType;

/// A plugin that an app makes use of.
#[derive(Debug)]
pub struct PluginUseModel {
    /// Its name within the app.
    pub alias: String,
    /// Its id.
    pub id: String,
    /// Versions that will do.
    pub version: VersionReq,
    /// The app is whole without it.
    pub optional: bool,
    /// What it is to be allowed, as in `plugin.json`.
    pub grant: serde_json::Value,
    /// Which entities are meant by names that it uses.
    pub entities: Vec<PluginEntityModel>,
    /// Functions that expressions of the app call.
    pub functions: Vec<PluginFunctionModel>,
}

/// The entity that a plugin means by a name.
#[derive(Debug)]
pub struct PluginEntityModel {
    /// The name.
    pub name: String,
    /// Index of the entity.
    pub entity: usize,
    /// Which fields are meant by names that the plugin uses.
    pub fields: Vec<(String, Slot)>,
}

/// A function of a plugin that expressions call.
#[derive(Debug)]
pub struct PluginFunctionModel {
    /// As expressions know it; the same in all expressions of the app.
    pub function: Arc<OutsideFunction>,
    /// What it takes.
    pub parameters: Vec<PluginType>,
    /// What it gives.
    pub returns: PluginType,
}
