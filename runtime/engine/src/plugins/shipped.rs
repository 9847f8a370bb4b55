//! Packages that ship with the product, on a shelf from which apps and administrators take them. The shelf is a folder that
//! the operator names; what lies there and is no package is passed over.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use mortise_definition::model::{AppModel, PluginUseModel};
use mortise_definition::{Problem, Text};
use mortise_plugin_host::{Package, Permissions};
use parking_lot::Mutex;
use serde::Serialize;

use super::host::PluginHouse;
use super::lifecycle::{PluginReport, administrator, not_installed};
use super::tables;
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;

/// Most files of a shelf that are looked at.
const FILES_MAX: usize = 500;

/// A package of the shelf.
#[derive(Debug, Clone, Serialize)]
pub struct ShippedPlugin {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: semver::Version,
    /// Name shown to people.
    pub title: Text,
    /// What it does.
    pub description: Option<Text>,
    /// What it asks for.
    pub asked: Permissions,
    #[serde(skip)]
    file: PathBuf,
}

impl ShippedPlugin {
    /// Whether it is newer than a version.
    pub fn is_newer_than(&self, version: &str) -> bool {
        semver::Version::parse(version).is_ok_and(|other| self.version > other)
    }
}

/// A plugin that comes with an app.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedPlugin {
    /// The package.
    pub plugin: ShippedPlugin,
    /// What the app wants it to be granted, as far as it asks for that and the operator allows it.
    pub grant: Permissions,
    /// Named among what is confirmed, it consents to the grant. Otherwise the plugin waits for consent, unless it asks for
    /// nothing; the app works without it.
    pub key: String,
}

/// What is known of files: a package is read once as long as its file stays the same.
#[derive(Default)]
pub(super) struct Seen(Mutex<HashMap<(PathBuf, SystemTime, u64), Option<ShippedPlugin>>>);

impl PluginHouse {
    /// All packages of the shelf, by id and version.
    pub(crate) async fn shipped(self: &Arc<Self>) -> Vec<ShippedPlugin> {
        let Some(folder) = self.options.shelf.clone() else { return Vec::new() };
        let house = Arc::clone(self);
        let found = tokio::task::spawn_blocking(move || house.look_through(&folder)).await;
        found.unwrap_or_else(|error| {
            tracing::error!(%error, "the shelf of plugins could not be looked through");
            Vec::new()
        })
    }

    fn look_through(&self, folder: &Path) -> Vec<ShippedPlugin> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "the shelf of plugins cannot be read");
                return Vec::new();
            }
        };
        let packages = entries.flatten().map(|entry| entry.path());
        let packages =
            packages.filter(|path| path.extension().is_some_and(|extension| extension == "plugin"));
        let mut found: Vec<ShippedPlugin> =
            packages.take(FILES_MAX).filter_map(|path| self.look_at(path)).collect();
        found.sort_by(|one, other| (&one.id, &one.version).cmp(&(&other.id, &other.version)));
        found
    }

    fn look_at(&self, file: PathBuf) -> Option<ShippedPlugin> {
        let about = std::fs::metadata(&file).ok()?;
        let key = (file.clone(), about.modified().ok()?, about.len());
        if let Some(known) = self.seen.0.lock().get(&key) {
            return known.clone();
        }
        let package = Package::read(&std::fs::read(&file).ok()?, &self.options.settings);
        let shipped = match package {
            Ok(Package { manifest, .. }) => Some(ShippedPlugin {
                version: semver::Version::parse(&manifest.version).ok()?,
                id: manifest.id,
                title: manifest.title,
                description: manifest.description,
                asked: manifest.permissions,
                file,
            }),
            Err(problems) => {
                let problem = problems.first().map(ToString::to_string);
                tracing::warn!(file = %file.display(), problem, "this is no package of a plugin");
                None
            }
        };
        self.seen.0.lock().insert(key, shipped.clone());
        shipped
    }
}

impl Tenant {
    /// The packages of the shelf, in their newest versions; for administrators.
    pub async fn shipped_plugins(&self, actor: &Actor) -> Result<Vec<ShippedPlugin>, Error> {
        administrator(actor)?;
        let mut shipped = self.plugins.shipped().await;
        shipped.reverse();
        shipped.dedup_by(|older, newer| older.id == newer.id);
        shipped.reverse();
        Ok(shipped)
    }

    /// The newest package of this id on the shelf.
    pub async fn shipped_package(&self, actor: &Actor, id: &str) -> Result<Vec<u8>, Error> {
        let shipped = self.shipped_plugins(actor).await?;
        let found = shipped.into_iter().find(|shipped| shipped.id == id).ok_or_else(|| not_installed(id))?;
        bytes(&found).await
    }

    /// Installs the newest package of this id from the shelf, or upgrades to it (see [`Tenant::install_plugin`]).
    pub async fn install_shipped_plugin(
        &self,
        actor: &Actor,
        id: &str,
        grant: Option<Permissions>,
    ) -> Result<PluginReport, Error> {
        let package = self.shipped_package(actor, id).await?;
        self.install_plugin(actor, package, grant).await
    }

    /// What comes with an app that is to be installed, and warnings about what it wants and does not get.
    pub(crate) async fn plan_plugins(
        &self,
        app: &AppModel,
    ) -> Result<(Vec<PlannedPlugin>, Vec<Problem>), Error> {
        let (mut planned, mut warnings) = (Vec::new(), Vec::new());
        if app.plugins.is_empty() {
            return Ok((planned, warnings));
        }
        let stored = tables::in_force(&self.store).await?;
        let shipped = self.plugins.shipped().await;
        for wanted in &app.plugins {
            let stored = stored.iter().find(|plugin| plugin.id == wanted.id);
            let installed =
                stored.and_then(|plugin| plugin.current()).map(|version| version.version.as_str());
            let fits = |version: &semver::Version| wanted.version.matches(version);
            if installed.is_some_and(|version| semver::Version::parse(version).is_ok_and(|own| fits(&own))) {
                continue;
            }
            let of_id = shipped.iter().rev().filter(|shipped| shipped.id == wanted.id);
            match of_id.into_iter().find(|shipped| fits(&shipped.version)) {
                Some(shipped) => planned.push(self.planned(wanted, shipped)),
                None => warnings.extend(lacking(&app.id, wanted, installed)),
            }
        }
        Ok((planned, warnings))
    }

    fn planned(&self, wanted: &PluginUseModel, shipped: &ShippedPlugin) -> PlannedPlugin {
        let grant: Permissions = serde_json::from_value(wanted.grant.clone()).unwrap_or_default();
        let mut grant = shipped.asked.intersect(&grant);
        if let Some(ceiling) = &self.plugins.options.ceiling {
            grant = grant.intersect(ceiling);
        }
        PlannedPlugin { plugin: shipped.clone(), grant, key: format!("plugin/{}", shipped.id) }
    }

    /// Installs what comes with an app. What cannot be installed is told and keeps nobody from using the app.
    pub(crate) async fn install_planned(
        &self,
        actor: &Actor,
        planned: Vec<PlannedPlugin>,
        confirm: &[String],
    ) -> Vec<PluginReport> {
        let mut reports = Vec::new();
        for plan in planned {
            let grant = confirm.contains(&plan.key).then_some(plan.grant);
            let installed = match bytes(&plan.plugin).await {
                Ok(bytes) => self.install_plugin(actor, bytes, grant).await,
                Err(error) => Err(error),
            };
            match installed {
                Ok(report) => reports.push(report),
                Err(error) => {
                    let plugin = &plan.plugin.id;
                    tracing::warn!(tenant = self.slug, plugin, %error, "the plugin of an app was not installed");
                }
            }
        }
        reports
    }
}

async fn bytes(shipped: &ShippedPlugin) -> Result<Vec<u8>, Error> {
    let read = tokio::fs::read(&shipped.file).await;
    read.map_err(|error| Error::PluginHost(format!("{}: {error}", shipped.file.display())))
}

/// What is said about a plugin that an app wants and nobody has here.
fn lacking(app: &str, wanted: &PluginUseModel, installed: Option<&str>) -> Option<Problem> {
    let (file, pointer) = (format!("{app}/app.json"), format!("/plugins/{}", wanted.alias));
    match installed {
        Some(installed) => {
            let problem = Problem::warning("plugin.wanted_version", file, pointer);
            let problem = problem.arg("plugin", &wanted.id).arg("wanted", &wanted.version);
            Some(problem.arg("installed", installed))
        }
        None => {
            let code = if wanted.optional { "plugin.wanted_optional" } else { "plugin.wanted_missing" };
            Some(Problem::warning(code, file, pointer).arg("plugin", &wanted.id))
        }
    }
}
