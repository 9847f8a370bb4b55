//! Compiles.
use std::collections::BTreeMap;
use std::sync::Arc;
use serde_json::Value;
use crate::model::Model;
use crate::{Overlay, Package, Problem};

/// Values that administrators gave to settings: by app id, then by the setting's name.
pub type SettingValues = BTreeMap<String, BTreeMap<String, Value>>;

/// The result of a successful compilation.
#[derive(Debug)]
pub struct Compiled {
    /// The model.
    pub model: Model,
    /// What works but is probably not what the author wants.
    pub warnings: Vec<Problem>,
}

/// Compiles the apps of a tenant.
pub fn compile(packages: &[Arc<Package>], overlays: &[Overlay], settings: &SettingValues) -> Result<Compiled, Vec<Problem>> {
    let _ = (packages, overlays, settings);
    Err(Vec::new())
}
