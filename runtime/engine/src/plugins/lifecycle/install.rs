//! Looking into a package, installing it, and upgrading to it. A version that asks for more than its predecessor waits for
//! consent while the predecessor goes on; one that asks for less comes into force at once.

use std::collections::BTreeSet;

use mortise_definition::Problem;
use mortise_plugin_host::manifest::Manifest;
use mortise_plugin_host::{HostCall, Permissions, compatibility, inspect, permit};
use serde::Serialize;
use serde_json::json;

use super::arrival::{self, Arrival};
use super::{Scene, Step, administrator};
use crate::error::Error;
use crate::people::Actor;
use crate::plugins::bind;
use crate::plugins::complaint::Complaint;
use crate::plugins::shelf::Parcel;
use crate::plugins::tables::{self, Mapping, StoredPlugin, StoredVersion};
use crate::tenant::Tenant;
use crate::values::Issue;

/// Most versions of a plugin that are kept; the oldest go first.
const VERSIONS_MAX: usize = 20;

/// What a package holds, before anything is done with it.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// What it says about itself.
    pub manifest: Manifest,
    /// SHA-256 of the component.
    pub digest: String,
    /// What is wrong with it here: errors keep it from being used.
    pub problems: Vec<Problem>,
    /// Whether the component itself works on this server. What else is wrong can be mended once it is installed: by another
    /// app, or by saying which records it means.
    pub works: bool,
    /// What it asks for.
    pub asked: Permissions,
    /// As much of it as the operator allows.
    pub allowed: Permissions,
    /// Whether somebody has to consent before it comes into force.
    pub needs_consent: bool,
    /// What it changes, where another version is installed.
    pub installed: Option<Difference>,
}

/// How a package differs from the version in force.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// The version in force.
    pub version: String,
    /// Its number.
    pub number: i64,
    /// What it was granted; none while it waits.
    pub granted: Option<Permissions>,
    /// Whether the package is this very version.
    pub same: bool,
    /// Exports that come.
    pub added: Vec<ExportName>,
    /// Exports that go.
    pub removed: Vec<ExportName>,
}

/// An export by its point and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportName {
    /// `validator`, `action` …
    pub point: &'static str,
    /// Its name.
    pub name: String,
}

/// What became of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is in force.
    InForce,
    /// It waits for consent; what was in force before still is.
    Waits,
    /// It cannot be used; what was in force before still is.
    Broken,
    /// It is kept and could come into force.
    Kept,
}

/// What was done with a package.
#[derive(Debug, Clone, Serialize)]
pub struct PluginReport {
    /// The plugin.
    pub id: String,
    /// Number of the version here.
    pub number: i64,
    /// Its version.
    pub version: String,
    /// What became of it.
    pub standing: Standing,
    /// Why it is not in force.
    pub problems: Vec<Complaint>,
}

impl Tenant {
    /// What a package holds and what installing it would mean.
    pub async fn inspect_plugin(&self, actor: &Actor, bytes: Vec<u8>) -> Result<Inspection, Error> {
        administrator(actor)?;
        let (package, parcel) = arrival::read(&self.plugins, bytes).await?;
        let manifest = package.manifest;
        let mut problems = match inspect(&manifest.component, &package.component) {
            Ok(interfaces) => compatibility(&interfaces, &manifest, &arrival::server()),
            Err(problem) => vec![*problem],
        };
        let works = !problems.iter().any(Problem::is_error);
        let stored = tables::all(&self.store).await?;
        let found = stored.into_iter().find(|plugin| plugin.id == manifest.id);
        let previous = found.as_ref().and_then(StoredPlugin::current);
        let asked = manifest.permissions.clone();
        let granted = consent(self, &manifest, None, previous);
        problems.extend(self.misfits(&manifest, &package.manifest_text, &parcel, found.as_ref()));
        let allowed = match &self.plugins.options.ceiling {
            Some(ceiling) => asked.intersect(ceiling),
            None => asked.clone(),
        };
        Ok(Inspection {
            installed: previous.map(|version| self.difference(version, &parcel, &manifest)),
            digest: parcel.digest,
            needs_consent: granted.is_none(),
            manifest,
            problems,
            works,
            asked,
            allowed,
        })
    }

    /// What of a package does not fit to the model in force.
    fn misfits(
        &self,
        manifest: &Manifest,
        text: &str,
        parcel: &Parcel,
        found: Option<&StoredPlugin>,
    ) -> Vec<Problem> {
        let now = self.now();
        let version = StoredVersion {
            number: 0,
            version: manifest.version.clone(),
            parcel: parcel.clone(),
            manifest: text.to_owned(),
            granted: Some(manifest.permissions.clone()),
            granted_by: None,
            granted_at: None,
            installed_at: now,
            installed_by: None,
            broken: None,
        };
        let plugin = found.cloned().unwrap_or_else(|| fresh(&manifest.id, now, 0));
        bind::fit(&self.plugins, &self.model(), &plugin, &version).err().unwrap_or_default()
    }

    fn difference(&self, version: &StoredVersion, parcel: &Parcel, manifest: &Manifest) -> Difference {
        let said = self.plugins.shelf.said(&version.parcel.manifest_digest, &version.manifest);
        let before = said.map(|said| exports(&said.manifest)).unwrap_or_default();
        let after = exports(manifest);
        let without = |some: &[ExportName], others: &[ExportName]| {
            some.iter().filter(|one| !others.contains(one)).cloned().collect()
        };
        Difference {
            version: version.version.clone(),
            number: version.number,
            granted: version.granted.clone(),
            same: version.parcel == *parcel,
            added: without(&after, &before),
            removed: without(&before, &after),
        }
    }

    /// Installs a package, or upgrades to it. With `grant` the administrator consents to so much of what it asks for.
    pub async fn install_plugin(
        &self,
        actor: &Actor,
        bytes: Vec<u8>,
        grant: Option<Permissions>,
    ) -> Result<PluginReport, Error> {
        self.take_in(actor, bytes, grant, true).await
    }

    /// The same, but the version in force stays: the new one can be tried out first.
    pub async fn stage_plugin(
        &self,
        actor: &Actor,
        bytes: Vec<u8>,
        grant: Option<Permissions>,
    ) -> Result<PluginReport, Error> {
        self.take_in(actor, bytes, grant, false).await
    }

    async fn take_in(
        &self,
        actor: &Actor,
        bytes: Vec<u8>,
        grant: Option<Permissions>,
        switch: bool,
    ) -> Result<PluginReport, Error> {
        administrator(actor)?;
        let one = self.calls.arriving.lock().await;
        let arrival = Arrival::of(&self.plugins, bytes).await?;
        drop(one);
        let id = arrival.manifest.id.clone();
        let change = |scene: &Scene<'_>| self.place(scene, &arrival, grant.as_ref(), switch);
        self.change_plugin(actor, &id, change).await
    }

    /// Puts a package among the versions of its plugin.
    fn place(
        &self,
        scene: &Scene<'_>,
        arrival: &Arrival,
        grant: Option<&Permissions>,
        switch: bool,
    ) -> Result<(Step, PluginReport), Error> {
        let id = &arrival.manifest.id;
        let first = scene.found.is_none();
        let most = self.plugins.options.settings.plugins_per_tenant;
        if first && scene.installed >= most as usize {
            return Err(Error::BadRequest(Issue::new("plugin.too_many").with("limit", most)));
        }
        let mut plugin = scene.found.cloned().unwrap_or_else(|| fresh(id, scene.now, scene.stored_bytes));
        let granted = consent(self, &arrival.manifest, grant, plugin.current());
        let number = number_of(&mut plugin, arrival, scene);
        let plugin_serves = plugin.current == number && plugin.proven;
        let version = plugin.version_mut(number).expect("it was put there by the line above");
        // What is in force and cannot be made anew just now stays bound: what it checks must not go unchecked.
        let serves = plugin_serves && version.is_usable();
        if !serves {
            version.broken.clone_from(arrival.broken());
        }
        if grant.is_some() || version.granted.is_none() {
            if granted.is_some() {
                (version.granted_by, version.granted_at) = (scene.actor, Some(scene.now));
            }
            version.granted = granted;
        }
        let standing = come_into_force(scene, &mut plugin, number, switch);
        let version = plugin.version(number).expect("no version was taken away");
        let (standing, problems) = match arrival.broken() {
            Some(broken) => (Standing::Broken, broken.clone()),
            None => standing,
        };
        let details = json!({
            "number": number,
            "version": version.version,
            "component": version.parcel.digest,
            "standing": standing,
            "granted": version.granted,
            "problems": problems.iter().map(|problem| problem.code.as_str()).collect::<Vec<_>>(),
        });
        let report =
            PluginReport { id: id.clone(), number, version: version.version.clone(), standing, problems };
        prune(&mut plugin);
        let action = if first { "plugin.installed" } else { "plugin.upgraded" };
        Ok((Step::kept(plugin, action, details), report))
    }
}

/// The number under which the package is stored: that of the same package, or the next.
fn number_of(plugin: &mut StoredPlugin, arrival: &Arrival, scene: &Scene<'_>) -> i64 {
    let same = plugin.versions.iter().rev().find(|version| version.parcel == arrival.parcel);
    if let Some(version) = same {
        return version.number;
    }
    let number = plugin.versions.last().map_or(0, |version| version.number) + 1;
    plugin.versions.push(arrival.version(number, scene));
    number
}

/// Switches to a version if it can be used and is wanted; tells what it is then, and why not more.
pub(super) fn come_into_force(
    scene: &Scene<'_>,
    plugin: &mut StoredPlugin,
    number: i64,
    switch: bool,
) -> (Standing, Vec<Complaint>) {
    let version = plugin.version(number).expect("whoever asks has found it");
    let misfits = bind::stand(scene.house, scene.model, plugin, version).err().unwrap_or_default();
    let misfits: Vec<Complaint> = misfits.iter().map(Complaint::from).collect();
    let (standing, problems) = match (&version.broken, version.granted.is_some()) {
        (Some(broken), _) => (Standing::Broken, broken.clone()),
        (None, false) => (Standing::Waits, misfits),
        (None, true) if !misfits.is_empty() => (Standing::Broken, misfits),
        (None, true) => (Standing::InForce, Vec::new()),
    };
    let helpless = !plugin.current().is_some_and(StoredVersion::is_usable);
    if plugin.current == number {
        return (standing, problems);
    }
    if standing == Standing::InForce && !switch && !helpless {
        return (Standing::Kept, problems);
    }
    // Where nothing is in force, the newest is what is shown.
    if standing == Standing::InForce || helpless {
        plugin.current = number;
        plugin.canary = None;
    }
    (standing, problems)
}

/// Rights that a version has without anybody being asked, or with what somebody grants now; none when it has to wait.
fn consent(
    tenant: &Tenant,
    manifest: &Manifest,
    grant: Option<&Permissions>,
    previous: Option<&StoredVersion>,
) -> Option<Permissions> {
    let asked = &manifest.permissions;
    if let Some(grant) = grant {
        return Some(asked.intersect(grant));
    }
    if *asked == Permissions::default() {
        return Some(Permissions::default());
    }
    let previous = previous?;
    let granted = previous.granted.as_ref()?;
    // What an administrator narrowed stays narrowed, and what was asked for then is not asked again.
    let said = tenant.plugins.shelf.said(&previous.parcel.manifest_digest, &previous.manifest)?;
    let as_before = asked.within(&said.asked) || asked.within(granted);
    // What its exports get is no permission, but what it may call or write carries that on.
    let gets_more = !gets(manifest, granted).is_subset(&gets(&said.manifest, &Permissions::default()));
    // The same words open all records to what works when nobody is there.
    let newly_alone = manifest.works_alone() && !said.manifest.works_alone();
    (as_before && !gets_more && !newly_alone).then(|| asked.intersect(granted))
}

/// Fields that exports get and set by their own declaration, without those that may be read anyway: entity, field, whether
/// it is set.
fn gets<'m>(manifest: &'m Manifest, granted: &Permissions) -> BTreeSet<(&'m str, &'m str, bool)> {
    let exports = manifest.exports.iter().filter_map(|export| Some((export.entity.as_deref()?, export)));
    let all = exports.flat_map(|(entity, export)| {
        let (input, output) = (export.input.iter(), export.output.iter());
        input.map(move |name| (entity, &**name, false)).chain(output.map(move |name| (entity, &**name, true)))
    });
    let may_read = |(entity, name, set): &(&str, &str, bool)| {
        let read = HostCall::Read { entity, fields: vec![*name] };
        !set && !name.contains('.') && permit(granted, &read).is_ok()
    };
    all.filter(|one| !may_read(one)).collect()
}

fn prune(plugin: &mut StoredPlugin) {
    let (current, canary) = (plugin.current, plugin.canary.as_ref().map(|canary| canary.number));
    let mut over = plugin.versions.len().saturating_sub(VERSIONS_MAX);
    plugin.versions.retain(|version| {
        let goes = over > 0 && version.number != current && Some(version.number) != canary;
        over -= usize::from(goes);
        !goes
    });
}

fn fresh(id: &str, now: chrono::DateTime<chrono::Utc>, stored_bytes: i64) -> StoredPlugin {
    StoredPlugin {
        id: id.to_owned(),
        on: true,
        proven: false,
        current: 0,
        canary: None,
        mapping: Mapping::default(),
        settings: std::collections::BTreeMap::new(),
        stored_bytes,
        installed_at: now,
        changed_at: now,
        versions: Vec::new(),
    }
}

fn exports(manifest: &Manifest) -> Vec<ExportName> {
    let name = |export: &mortise_plugin_host::manifest::Export| ExportName {
        point: export.point.name(),
        name: export.name.clone(),
    };
    manifest.exports.iter().map(name).collect()
}
