//! Versions of a plugin: trying one out on some calls, bringing it into force, going back, and removing the whole.

use mortise_store::Session;
use serde_json::json;
use uuid::Uuid;

use super::install::{Standing, come_into_force};
use super::{Scene, Step, administrator, not_installed};
use crate::commands::audit_entry;
use crate::error::Error;
use crate::people::Actor;
use crate::plugins::bind;
use crate::plugins::tables::{StoredCanary, StoredPlugin, StoredVersion};
use crate::plugins::work::OPEN;
use crate::tenant::Tenant;
use crate::values::Issue;

/// Most people of a try-out; more are a share.
const PEOPLE_MAX: usize = 200;

/// A version by its number.
pub(super) fn find(plugin: &mut StoredPlugin, number: i64) -> Result<&mut StoredVersion, Error> {
    let issue = Issue::new("plugin.no_such_version").with("plugin", &plugin.id).with("number", number);
    plugin.version_mut(number).ok_or(Error::NotFound(issue))
}

/// Number of the version that came last.
pub(super) fn newest(plugin: &StoredPlugin) -> i64 {
    plugin.versions.last().map_or(0, |version| version.number)
}

/// Refuses a version that cannot be called, with the reason.
fn usable(scene: &Scene<'_>, plugin: &StoredPlugin, number: i64) -> Result<(), Error> {
    let version = plugin.version(number).expect("whoever asks has found it");
    let issue = |code| Issue::new(code).with("plugin", &plugin.id).with("version", &version.version);
    if version.broken.is_some() {
        return Err(Error::BadRequest(issue("plugin.is_broken")));
    }
    if version.granted.is_none() {
        return Err(Error::BadRequest(issue("plugin.waits")));
    }
    bind::stand(scene.house, scene.model, plugin, version).map(drop).map_err(Error::Plugin)
}

impl Tenant {
    /// Has a version serve a share of all calls, in percent, and all calls for some people. The version in force serves the
    /// others.
    pub async fn start_canary(
        &self,
        actor: &Actor,
        id: &str,
        number: i64,
        share: u8,
        people: Vec<Uuid>,
    ) -> Result<(), Error> {
        if share > 100 || people.len() > PEOPLE_MAX || (share == 0 && people.is_empty()) {
            return Err(Error::field("share", Issue::new("plugin.canary_share")));
        }
        let change = |scene: &Scene<'_>| {
            let mut plugin = scene.plugin(id)?;
            let version = find(&mut plugin, number)?.version.clone();
            if plugin.current == number {
                let issue = Issue::new("plugin.is_current").with("plugin", id).with("version", version);
                return Err(Error::BadRequest(issue));
            }
            usable(scene, &plugin, number)?;
            let details =
                json!({ "number": number, "version": version, "share": share, "people": people.len() });
            plugin.canary = Some(StoredCanary { number, share, people: people.clone() });
            Ok((Step::kept(plugin, "plugin.canary", details), ()))
        };
        self.change_plugin(actor, id, change).await
    }

    /// Brings the version that is tried out into force.
    pub async fn promote_canary(&self, actor: &Actor, id: &str) -> Result<(), Error> {
        let change = |scene: &Scene<'_>| {
            let mut plugin = scene.plugin(id)?;
            let number = plugin.canary.take().ok_or_else(|| no_canary(id))?.number;
            let version = find(&mut plugin, number)?.version.clone();
            usable(scene, &plugin, number)?;
            let details = json!({ "number": number, "version": version, "before": plugin.current });
            plugin.current = number;
            Ok((Step::kept(plugin, "plugin.promoted", details), ()))
        };
        self.change_plugin(actor, id, change).await
    }

    /// Ends a try-out: the version in force serves all calls again.
    pub async fn stop_canary(&self, actor: &Actor, id: &str) -> Result<(), Error> {
        let change = |scene: &Scene<'_>| {
            let mut plugin = scene.plugin(id)?;
            let number = plugin.canary.take().ok_or_else(|| no_canary(id))?.number;
            let details = json!({ "number": number, "share": 0 });
            Ok((Step::kept(plugin, "plugin.canary", details), ()))
        };
        self.change_plugin(actor, id, change).await
    }

    /// Brings another version into force: the one before the present one that can be used, unless numbered.
    pub async fn rollback_plugin(&self, actor: &Actor, id: &str, number: Option<i64>) -> Result<i64, Error> {
        let change = |scene: &Scene<'_>| {
            let mut plugin = scene.plugin(id)?;
            let number = match number {
                Some(number) => number,
                None => earlier(&plugin).ok_or_else(|| {
                    Error::NotFound(Issue::new("plugin.no_earlier_version").with("plugin", id))
                })?,
            };
            let version = find(&mut plugin, number)?.version.clone();
            usable(scene, &plugin, number)?;
            let details = json!({ "number": number, "version": version, "before": plugin.current });
            let (standing, _) = come_into_force(scene, &mut plugin, number, true);
            debug_assert_eq!(standing, Standing::InForce, "it is usable");
            plugin.canary = None;
            Ok((Step::kept(plugin, "plugin.rolled_back", details), number))
        };
        self.change_plugin(actor, id, change).await
    }

    /// Removes a plugin with its settings and secrets; what it keeps in its store and what it still has to do stay if that
    /// is wished, and are found again when it is installed once more.
    pub async fn remove_plugin(&self, actor: &Actor, id: &str, keep_data: bool) -> Result<(), Error> {
        let change = |scene: &Scene<'_>| {
            scene.plugin(id)?;
            Ok((Step::gone(id, keep_data), ()))
        };
        self.change_plugin(actor, id, change).await
    }

    /// Removed plugins that left something behind or still have something to do, with the bytes of their stores.
    pub async fn kept_plugin_data(&self, actor: &Actor) -> Result<Vec<(String, i64)>, Error> {
        administrator(actor)?;
        let table = |name| self.store.naming().table(name);
        let sql = format!(
            "SELECT plugin FROM (SELECT plugin FROM {} UNION SELECT plugin FROM {} UNION SELECT plugin FROM {} \
             WHERE state IN ({OPEN})) AS kept \
             WHERE NOT EXISTS (SELECT 1 FROM {} p WHERE p.id = kept.plugin) ORDER BY plugin",
            table("_plugin_storage"),
            table("_plugin_job"),
            table("_plugin_call"),
            table("_plugin")
        );
        let mut kept = Vec::new();
        for plugin in self.store.fetch(&sql, &[], |row| row.text(0)).await?.into_iter().flatten() {
            let bytes = crate::plugins::tables::stored_bytes(&self.store, &plugin).await?;
            kept.push((plugin, bytes));
        }
        Ok(kept)
    }

    /// Drops for good what a removed plugin left behind.
    pub async fn purge_plugin_data(&self, actor: &Actor, id: &str) -> Result<(), Error> {
        if !self.kept_plugin_data(actor).await?.iter().any(|(kept, _)| kept == id) {
            return Err(not_installed(id));
        }
        let (work, id) = (self.work(actor), id.to_owned());
        let write = move |session: &mut Session<'_>| {
            if !crate::plugins::tables::purge(session, &id, work.now)? {
                return Err(not_installed(&id));
            }
            let details = json!({ "plugin": id, "kept": false });
            session.audit(audit_entry(&work, "plugin.removed", details.to_string()));
            Ok(())
        };
        self.store.write(write).await
    }

    /// Lets exports be called again that failed too often.
    pub fn reset_circuits(&self, actor: &Actor, id: &str) -> Result<(), Error> {
        administrator(actor)?;
        if let Some(host) = self.plugins.opened() {
            host.close_circuits(self.calls.counted(), id);
        }
        Ok(())
    }
}

fn no_canary(id: &str) -> Error {
    Error::BadRequest(Issue::new("plugin.no_canary").with("plugin", id))
}

/// The newest version before the one in force that can be used.
fn earlier(plugin: &StoredPlugin) -> Option<i64> {
    let before = plugin.versions.iter().rev().filter(|version| version.number < plugin.current);
    before.into_iter().find(|version| version.is_usable()).map(|version| version.number)
}
