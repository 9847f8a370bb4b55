//! Consent to what a version asks for, taking some of it back, and switching a plugin off and on.

use mortise_plugin_host::Permissions;
use serde_json::json;

use super::install::{PluginReport, come_into_force};
use super::versions::{find, newest};
use super::{Scene, Step};
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;

impl Tenant {
    /// Grants a version so much of what it asks for, perhaps less than before. A version that waited for this comes into
    /// force.
    pub async fn grant_plugin(
        &self,
        actor: &Actor,
        id: &str,
        number: i64,
        grant: Permissions,
    ) -> Result<PluginReport, Error> {
        let change = |scene: &Scene<'_>| {
            let mut plugin = scene.plugin(id)?;
            let is_newest = newest(&plugin) == number;
            let version = find(&mut plugin, number)?;
            let said = scene.house.shelf.said(&version.parcel.manifest_digest, &version.manifest);
            let asked = said.map(|said| Permissions::clone(&said.asked)).unwrap_or_default();
            let granted = asked.intersect(&grant);
            let before = version.granted.replace(granted.clone());
            (version.granted_by, version.granted_at) = (scene.actor, Some(scene.now));
            let version = version.version.clone();
            let narrowed = before.as_ref().filter(|before| granted.within(before));
            let action = if narrowed.is_some() { "plugin.narrowed" } else { "plugin.granted" };
            // What was taken back does not return with an earlier version.
            if let Some(before) = narrowed {
                for other in plugin.versions.iter_mut().filter(|other| other.number != number) {
                    other.granted = other.granted.take().map(|had| had.narrowed(before, &granted));
                }
            }
            let switch = before.is_none() && is_newest;
            let (standing, problems) = come_into_force(scene, &mut plugin, number, switch);
            let details = json!({ "number": number, "version": version, "granted": granted });
            let report = PluginReport { id: id.to_owned(), number, version, standing, problems };
            Ok((Step::kept(plugin, action, details), report))
        };
        self.change_plugin(actor, id, change).await
    }

    /// Switches a plugin off, or on again. What is off is as if it were not there.
    pub async fn set_plugin_enabled(&self, actor: &Actor, id: &str, on: bool) -> Result<(), Error> {
        let change = |scene: &Scene<'_>| {
            let mut plugin = scene.plugin(id)?;
            // Whoever switches it on sees on its page whether it fits.
            (plugin.on, plugin.proven) = (on, plugin.on && plugin.proven);
            let action = if on { "plugin.enabled" } else { "plugin.disabled" };
            Ok((Step::kept(plugin, action, json!({})), ()))
        };
        self.change_plugin(actor, id, change).await
    }
}
