//! Installed plugins as administrators see them: whether they are in force, in which versions, with which rights, and what
//! is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mortise_definition::model::EntityModel;
use mortise_definition::{Problem, Text, humanize};
use mortise_plugin_host::Permissions;
use mortise_plugin_host::manifest::{FILE, Manifest};
use serde::Serialize;
use serde_json::Value as Json;
use uuid::Uuid;

use super::bind::{is_optional, rejects};
use super::complaint::Complaint;
use super::credential;
use super::lifecycle::{administrator, not_installed, secrets};
use super::names::Finder;
use super::tables::{self, Mapping, StoredPlugin, StoredVersion};
use crate::error::Error;
use crate::people::Actor;
use crate::published::Published;
use crate::tenant::Tenant;

/// Whether a plugin does anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginState {
    /// It is in force.
    On,
    /// Somebody has switched it off.
    Off,
    /// It cannot be used.
    Broken,
    /// It waits for consent.
    Waiting,
}

/// An installed plugin.
#[derive(Debug, Clone, Serialize)]
pub struct PluginInfo {
    /// Its id.
    pub id: String,
    /// Name shown to people.
    pub title: Text,
    /// What it does.
    pub description: Option<Text>,
    /// Whether it does anything.
    pub state: PluginState,
    /// Number of the version in force.
    pub current: i64,
    /// The version that is tried out.
    pub canary: Option<CanaryInfo>,
    /// Why it is broken.
    pub problems: Vec<Complaint>,
    /// All versions that are kept, newest first.
    pub versions: Vec<VersionInfo>,
    /// What it means by names of entities, as far as somebody has said it.
    pub mapping: Mapping,
    /// What it means by each name of an entity; null where there is none.
    pub entities: BTreeMap<String, Option<String>>,
    /// Settings that differ from the manifest.
    pub settings: BTreeMap<String, Json>,
    /// Secrets that it names.
    pub secrets: Vec<SecretInfo>,
    /// Exports that are left alone for a while, because they failed too often.
    pub circuits: Vec<CircuitInfo>,
    /// Bytes in its store.
    pub stored_bytes: i64,
    /// When it was installed.
    pub installed_at: DateTime<Utc>,
    /// When something about it was changed.
    pub changed_at: DateTime<Utc>,
}

/// A version that is tried out.
#[derive(Debug, Clone, Serialize)]
pub struct CanaryInfo {
    /// Its number.
    pub number: i64,
    /// Out of a hundred calls.
    pub share: u8,
    /// People who always get it.
    pub people: Vec<Uuid>,
    /// Why it serves nothing at present.
    pub problems: Vec<Complaint>,
}

/// A version of a plugin.
#[derive(Debug, Clone, Serialize)]
pub struct VersionInfo {
    /// Number of the installation.
    pub number: i64,
    /// As its manifest says.
    pub version: String,
    /// SHA-256 of the component.
    pub digest: String,
    /// What it says about itself; null when this server cannot read it any more.
    pub manifest: Option<Manifest>,
    /// What it asks for.
    pub asked: Permissions,
    /// What it was granted; null while it waits for consent.
    pub granted: Option<Permissions>,
    /// By whom.
    pub granted_by: Option<Uuid>,
    /// When.
    pub granted_at: Option<DateTime<Utc>>,
    /// When it was installed.
    pub installed_at: DateTime<Utc>,
    /// By whom.
    pub installed_by: Option<Uuid>,
    /// Why it cannot be compiled or linked.
    pub broken: Vec<Complaint>,
}

/// A secret that a plugin names.
#[derive(Debug, Clone, Serialize)]
pub struct SecretInfo {
    /// Its name.
    pub name: String,
    /// Name shown to people.
    pub title: Text,
    /// Whether it was given.
    pub set: bool,
    /// It was given, but cannot be opened with the keys of this installation, and has to be given anew.
    pub locked: bool,
}

/// An export that is left alone for a while.
#[derive(Debug, Clone, Serialize)]
pub struct CircuitInfo {
    /// Its point.
    pub point: &'static str,
    /// Its name.
    pub export: String,
    /// For how long still.
    pub seconds: u64,
}

/// The names of entities that a plugin uses, each once.
pub(super) fn entity_names(manifest: &Manifest) -> Vec<&str> {
    let exports = manifest.exports.iter().filter_map(|export| export.entity.as_deref());
    let read = manifest.permissions.read.iter().map(|right| right.entity.as_str());
    let write = manifest.permissions.write.iter().map(|right| right.entity.as_str());
    let mut names: Vec<&str> = exports.chain(read).chain(write).collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl Tenant {
    /// All installed plugins; for administrators.
    pub async fn plugins(&self, actor: &Actor) -> Result<Vec<PluginInfo>, Error> {
        administrator(actor)?;
        let stored = tables::all(&self.store).await?;
        if stored.is_empty() {
            return Ok(Vec::new());
        }
        let (published, secrets) = (self.published(), secrets(self).await?);
        Ok(stored.iter().map(|plugin| self.plugin_info(&published, plugin, &secrets)).collect())
    }

    /// One of them.
    pub async fn plugin(&self, actor: &Actor, id: &str) -> Result<PluginInfo, Error> {
        let found = self.plugins(actor).await?.into_iter().find(|plugin| plugin.id == id);
        found.ok_or_else(|| not_installed(id))
    }

    fn plugin_info(
        &self,
        published: &Published,
        plugin: &StoredPlugin,
        secrets: &[(String, String, String)],
    ) -> PluginInfo {
        let complaints = |number: i64| -> Vec<Complaint> {
            let Some(version) = plugin.version(number) else { return Vec::new() };
            let misfits = published.plugins.problems.get(&(plugin.id.clone(), number));
            match (&version.broken, misfits) {
                (Some(broken), _) => broken.clone(),
                (None, Some(misfits)) => misfits.iter().map(Complaint::from).collect(),
                (None, None) => self.plugins.troubles_of(&version.parcel),
            }
        };
        let mut problems = complaints(plugin.current);
        let current = plugin.current();
        let manifest = current.and_then(|version| self.manifest_of(version));
        let state = match current {
            _ if !plugin.on => PluginState::Off,
            _ if !problems.is_empty() => PluginState::Broken,
            Some(version) if version.granted.is_some() => PluginState::On,
            _ => PluginState::Waiting,
        };
        problems.extend(self.stops(published, plugin));
        PluginInfo {
            id: plugin.id.clone(),
            title: manifest
                .as_ref()
                .map_or_else(|| Text::Plain(plugin.id.clone()), |said| said.title.clone()),
            description: manifest.as_ref().and_then(|said| said.description.clone()),
            state,
            current: plugin.current,
            canary: plugin.canary.as_ref().map(|canary| CanaryInfo {
                number: canary.number,
                share: canary.share,
                people: canary.people.clone(),
                problems: complaints(canary.number),
            }),
            problems,
            versions: plugin.versions.iter().rev().map(|version| self.version_info(version)).collect(),
            mapping: plugin.mapping.clone(),
            entities: manifest.as_ref().map_or_else(BTreeMap::new, |said| meant(published, plugin, said)),
            settings: plugin.settings.clone(),
            secrets: manifest
                .as_ref()
                .map_or_else(Vec::new, |said| self.secret_infos(&plugin.id, said, secrets)),
            circuits: self.circuits(&plugin.id),
            stored_bytes: plugin.stored_bytes,
            installed_at: plugin.installed_at,
            changed_at: plugin.changed_at,
        }
    }

    /// That records cannot be saved because this plugin cannot look at them, and which.
    fn stops(&self, published: &Published, plugin: &StoredPlugin) -> Option<Complaint> {
        let bound = &published.plugins;
        let is_lost = plugin.current().is_some_and(|version| self.plugins.is_lost(&version.parcel));
        let spared = !is_lost || is_optional(&published.model, &plugin.id);
        let stopped = |entity: &&Arc<EntityModel>| {
            let of = bound.entity(entity.index);
            let mut asked = of.before_save.iter().chain(&of.validators);
            of.unfit.iter().any(|unfit| unfit.plugin == plugin.id)
                || (!spared && asked.any(|one| one.plugin.id == plugin.id && rejects(one.export())))
        };
        let keys: Vec<&str> =
            published.model.entities.iter().filter(stopped).map(|entity| entity.key.as_str()).collect();
        (!keys.is_empty()).then(|| {
            let problem = Problem::error("plugin.saves_refused", FILE, "");
            Complaint::from(&problem.arg("entities", keys.join(", ")))
        })
    }

    fn manifest_of(&self, version: &StoredVersion) -> Option<Manifest> {
        let said = self.plugins.shelf.said(&version.parcel.manifest_digest, &version.manifest)?;
        Some(Manifest::clone(&said.manifest))
    }

    fn version_info(&self, version: &StoredVersion) -> VersionInfo {
        let manifest = self.manifest_of(version);
        VersionInfo {
            number: version.number,
            version: version.version.clone(),
            digest: version.parcel.digest.clone(),
            asked: manifest.as_ref().map(|said| said.permissions.clone()).unwrap_or_default(),
            manifest,
            granted: version.granted.clone(),
            granted_by: version.granted_by,
            granted_at: version.granted_at,
            installed_at: version.installed_at,
            installed_by: version.installed_by,
            broken: version.broken.clone().unwrap_or_default(),
        }
    }

    fn secret_infos(
        &self,
        id: &str,
        manifest: &Manifest,
        stored: &[(String, String, String)],
    ) -> Vec<SecretInfo> {
        let keys = self.keys();
        let info = |secret: &mortise_plugin_host::manifest::Secret| {
            let found = stored.iter().find(|(plugin, name, _)| plugin == id && *name == secret.name);
            let place = credential::place(&self.slug, id, &secret.name);
            SecretInfo {
                name: secret.name.clone(),
                title: secret
                    .title
                    .clone()
                    .unwrap_or_else(|| Text::Plain(humanize(&secret.name).into_owned())),
                set: found.is_some(),
                locked: found.is_some_and(|(.., sealed)| keys.open(&place, sealed).is_err()),
            }
        };
        manifest.secrets.iter().map(info).collect()
    }

    fn circuits(&self, id: &str) -> Vec<CircuitInfo> {
        let open =
            self.plugins.opened().map(|host| host.open_circuits(self.calls.counted())).unwrap_or_default();
        let own = open.into_iter().filter(|(circuit, _)| circuit.plugin == id);
        let info = own.map(|(circuit, left)| CircuitInfo {
            point: circuit.point.name(),
            export: circuit.export,
            seconds: left.as_secs() + 1,
        });
        info.collect()
    }
}

/// What each name of an entity means at present.
fn meant(
    published: &Published,
    plugin: &StoredPlugin,
    manifest: &Manifest,
) -> BTreeMap<String, Option<String>> {
    let mut finder = Finder::new(&published.model, &plugin.id, &plugin.mapping);
    let names = entity_names(manifest).into_iter();
    names.map(|name| (name.to_owned(), finder.entity(name, "").map(|entity| entity.key.clone()))).collect()
}
