//! What an administrator says to a plugin: settings, secrets, and which entities it means. A secret goes in and never
//! comes out again but into a call.

use mortise_plugin_host::manifest::Setting;
use mortise_store::{Param, Session};
use serde_json::{Map, Value as Json, json};

use super::{Scene, Step, administrator, not_installed};
use crate::commands::audit_entry;
use crate::error::Error;
use crate::people::Actor;
use crate::plugins::config::{SETTING_BYTES_MAX, value};
use crate::plugins::host::PluginHouse;
use crate::plugins::tables::{self, Mapping, StoredPlugin};
use crate::plugins::{credential, info};
use crate::tenant::Tenant;
use crate::values::Issue;

/// Longest secret in characters.
const SECRET_CHARS_MAX: usize = 4_000;

impl Tenant {
    /// Gives settings other values, all of them or none; null brings back that of the manifest.
    pub async fn set_plugin_settings(
        &self,
        actor: &Actor,
        id: &str,
        settings: &Map<String, Json>,
    ) -> Result<(), Error> {
        if settings.is_empty() {
            // Nothing is said, so nothing is published and nothing stands in the trail.
            return self.stored_plugin(actor, id).await.map(drop);
        }
        let change = |scene: &Scene<'_>| {
            let mut plugin = scene.plugin(id)?;
            let known = manifests(scene.house, &plugin);
            for (name, json) in settings {
                let mut known = known.iter().flat_map(|said| &said.manifest.settings);
                let setting = known.find(|setting| &setting.name == name).ok_or_else(|| {
                    Error::NotFound(
                        Issue::new("plugin.setting_unknown").with("plugin", id).with("name", name),
                    )
                })?;
                set(&mut plugin, setting, json)?;
            }
            Ok((Step::kept(plugin, "plugin.setting", json!({ "settings": settings })), ()))
        };
        self.change_plugin(actor, id, change).await
    }

    /// Says which entities and fields a plugin means by its names; what is left out goes by its name.
    pub async fn set_plugin_mapping(&self, actor: &Actor, id: &str, mapping: Mapping) -> Result<(), Error> {
        let change = |scene: &Scene<'_>| {
            let mut plugin = scene.plugin(id)?;
            let known = manifests(scene.house, &plugin);
            let names: Vec<&str> = known.iter().flat_map(|said| info::entity_names(&said.manifest)).collect();
            if let Some(stranger) = mapping.keys().find(|name| !names.contains(&name.as_str())) {
                let issue = Issue::new("plugin.mapping_unknown").with("plugin", id).with("name", stranger);
                return Err(Error::field(stranger, issue));
            }
            plugin.mapping.clone_from(&mapping);
            let details = json!({ "mapping": mapping });
            // Names that lead nowhere are told on the plugin's page, as they are when an app goes away.
            Ok((Step::kept(plugin, "plugin.mapping", details), ()))
        };
        self.change_plugin(actor, id, change).await
    }

    /// Gives a plugin a secret that the host adds to its calls; an empty one takes it away.
    pub async fn set_plugin_secret(
        &self,
        actor: &Actor,
        id: &str,
        name: &str,
        secret: &str,
    ) -> Result<(), Error> {
        let plugin = self.stored_plugin(actor, id).await?;
        let known = manifests(&self.plugins, &plugin);
        if !known.iter().flat_map(|said| &said.manifest.secrets).any(|secret| secret.name == name) {
            let issue = Issue::new("plugin.secret_unknown").with("plugin", id).with("name", name);
            return Err(Error::NotFound(issue));
        }
        let secret = secret.trim().to_owned();
        if secret.chars().count() > SECRET_CHARS_MAX || secret.chars().any(char::is_control) {
            return Err(Error::field(
                name,
                Issue::new("plugin.secret_length").with("limit", SECRET_CHARS_MAX),
            ));
        }
        let (work, id, name) = (self.work(actor), id.to_owned(), name.to_owned());
        let (keys, place) = (self.keys(), credential::place(&self.slug, &id, &name));
        let write = move |session: &mut Session<'_>| {
            match secret.is_empty() {
                true => forget(session, &id, &name)?,
                false => put(session, &id, &name, keys.seal(&place, &secret)?)?,
            }
            let details = json!({ "plugin": id, "secret": name, "set": !secret.is_empty() });
            session.audit(audit_entry(&work, "plugin.secret", details.to_string()));
            Ok(())
        };
        self.store.write(write).await
    }

    /// A plugin that is installed, for an administrator.
    async fn stored_plugin(&self, actor: &Actor, id: &str) -> Result<StoredPlugin, Error> {
        administrator(actor)?;
        let mut stored = tables::all(&self.store).await?.into_iter();
        stored.find(|plugin| plugin.id == id).ok_or_else(|| not_installed(id))
    }

    /// Seals secrets of plugins with the present key that are not. What cannot be opened stays as it is.
    pub(crate) async fn seal_plugin_secrets_again(&self) -> Result<(), Error> {
        let keys = self.keys();
        let stored = secrets(self).await?;
        if keys.id().is_none() || stored.iter().all(|(.., sealed)| keys.is_current(sealed)) {
            return Ok(());
        }
        let slug = self.slug.clone();
        let write = move |session: &mut Session<'_>| {
            session.leave_no_trace()?;
            for (plugin, name, sealed) in stored.iter().filter(|(.., sealed)| !keys.is_current(sealed)) {
                let place = credential::place(&slug, plugin, name);
                match keys.open(&place, sealed) {
                    Ok(plain) => put(session, plugin, name, keys.seal(&place, &plain)?)?,
                    Err(_) => tracing::warn!(tenant = slug, plugin, name, "a secret cannot be opened"),
                }
            }
            Ok::<_, Error>(())
        };
        self.store.write(write).await?;
        Ok(self.store.scrub()?)
    }
}

/// The secrets that are set: plugin, name, and what is stored.
pub(in crate::plugins) async fn secrets(tenant: &Tenant) -> Result<Vec<(String, String, String)>, Error> {
    let sql = format!(
        "SELECT plugin, name, secret FROM {} ORDER BY plugin, name",
        tenant.store.naming().table("_plugin_secret")
    );
    let read = |row: &dyn mortise_store::Row| {
        let text = |index| Ok::<_, mortise_store::Error>(row.text(index)?.unwrap_or_default());
        Ok((text(0)?, text(1)?, text(2)?))
    };
    Ok(tenant.store.fetch(&sql, &[], read).await?)
}

/// The manifests of a plugin's versions, the one in force first.
fn manifests(house: &PluginHouse, plugin: &StoredPlugin) -> Vec<std::sync::Arc<crate::plugins::shelf::Said>> {
    let current = plugin.current().into_iter();
    let others = plugin.versions.iter().rev().filter(|version| version.number != plugin.current);
    let said = |version: &tables::StoredVersion| {
        house.shelf.said(&version.parcel.manifest_digest, &version.manifest)
    };
    current.chain(others).filter_map(said).collect()
}

fn set(plugin: &mut StoredPlugin, setting: &Setting, json: &Json) -> Result<(), Error> {
    let name = &setting.name;
    if json.is_null() {
        plugin.settings.remove(name);
        return Ok(());
    }
    if value(setting.kind, json).is_none() || json.to_string().len() > SETTING_BYTES_MAX {
        let kind = serde_json::to_value(setting.kind).unwrap_or_default();
        let kind = kind.as_str().unwrap_or_default().to_owned();
        return Err(Error::field(name, Issue::new("plugin.setting_invalid").with("kind", kind)));
    }
    plugin.settings.insert(name.clone(), json.clone());
    Ok(())
}

fn put(session: &mut Session<'_>, plugin: &str, name: &str, sealed: String) -> Result<(), Error> {
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} (plugin, name, secret) VALUES (?1, ?2, ?3) ON CONFLICT (plugin, name) DO UPDATE SET \
         secret = excluded.secret",
        session.naming.table("_plugin_secret")
    ));
    let params: [Param; 3] = [plugin.into(), name.into(), sealed.into()];
    session.execute(&sql, &params)?;
    Ok(())
}

fn forget(session: &mut Session<'_>, plugin: &str, name: &str) -> Result<(), Error> {
    let table = session.naming.table("_plugin_secret");
    let sql = session.naming.sql(&format!("DELETE FROM {table} WHERE plugin = ?1 AND name = ?2"));
    session.execute(&sql, &[plugin.into(), name.into()])?;
    Ok(())
}
