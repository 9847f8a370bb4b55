//! Ties the installed plugins to a model: entities and fields by name, conditions compiled, rights cut down. A version that
//! does not fit is left out as a whole, with the reasons: it never half works. Where it would have had to let a record pass, and
//! has done so before, that record is refused: a check does not go away because somebody renamed a field.

use std::collections::BTreeMap;
use std::sync::Arc;

use mortise_definition::Problem;
use mortise_definition::model::Model;
use mortise_plugin_host::Permissions;
use mortise_plugin_host::manifest::{Export, FILE, OnFailure, Point};
use mortise_store::{Session, TenantStore};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::bound::{Binding, Bound, EntityPlugins, Unfit};
use super::config;
use super::host::{PluginHouse, lost};
use super::installed::{Canary, Installed, Version};
use super::names::Finder;
use super::shelf::Said;
use super::tables::{self, StoredPlugin, StoredVersion};
use super::tie::{Of, Tie};
use crate::error::Error;

/// Hexadecimal digits of the digest of a set of plugins: enough to tell two sets apart.
const DIGEST_CHARS: usize = 24;

/// The plugins of a tenant, tied to a model that is or will be in force.
pub(crate) async fn bind(
    store: &TenantStore,
    house: &Arc<PluginHouse>,
    model: &Model,
) -> Result<Arc<Bound>, Error> {
    let mut stored = tables::in_force(store).await?;
    let proven = prove(house, model, &mut stored);
    let mut bound = tied(house, model, &stored);
    bound.proven = proven;
    Ok(Arc::new(bound))
}

/// Notes which plugins are in force for the first time with this model; gives back their ids.
pub(super) fn prove(house: &Arc<PluginHouse>, model: &Model, stored: &mut [StoredPlugin]) -> Vec<String> {
    let mut proven = Vec::new();
    for plugin in stored.iter_mut().filter(|plugin| plugin.on && !plugin.proven) {
        let current = plugin.current().filter(|version| version.is_usable());
        if current.is_some_and(|version| fit(house, model, plugin, version).is_ok()) {
            plugin.proven = true;
            proven.push(plugin.id.clone());
        }
    }
    proven
}

/// Stores that plugins have come into force, in the transaction of the change that brought them there.
pub(crate) fn keep_proven(session: &mut Session<'_>, bound: &Bound) -> Result<(), Error> {
    bound.proven.iter().try_for_each(|plugin| tables::put_proven(session, plugin))
}

/// Ties plugins to a model.
pub(super) fn tie(house: &Arc<PluginHouse>, model: &Model, stored: &[StoredPlugin]) -> Arc<Bound> {
    Arc::new(tied(house, model, stored))
}

fn tied(house: &Arc<PluginHouse>, model: &Model, stored: &[StoredPlugin]) -> Bound {
    if stored.is_empty() {
        return Bound::default();
    }
    let mut bound = Bound { digest: Some(digest(house, stored)), ..Bound::default() };
    bound.by_entity.resize_with(model.entities.len(), EntityPlugins::default);
    for plugin in stored.iter().filter(|plugin| plugin.on) {
        add(&mut bound, house, model, plugin);
    }
    bound.named.sort_by(|one, other| one.order().cmp(&other.order()));
    bound.fold();
    bound
}

fn add(bound: &mut Bound, house: &Arc<PluginHouse>, model: &Model, plugin: &StoredPlugin) {
    let Some(stored) = plugin.current().filter(|version| version.is_usable()) else { return };
    // One that cannot be loaded on this node stays: its calls fail, and each export says what follows from that.
    let current = match fit(house, model, plugin, stored) {
        Ok(fitted) => fitted,
        Err(problems) => {
            if plugin.proven {
                refuse(bound, house, model, plugin, stored);
            }
            bound.problems.insert((plugin.id.clone(), stored.number), problems);
            return;
        }
    };
    let mut exports = vec![(Arc::clone(&current.version), current.tie)];
    let mut canary = None;
    if let Some(tried) = &plugin.canary
        && let Some(stored) = plugin.version(tried.number).filter(|version| version.is_usable())
    {
        match fit(house, model, plugin, stored) {
            Ok(Fitted { version, tie }) => {
                exports.push((Arc::clone(&version), tie));
                canary = Some(Canary { version, share: tried.share, people: tried.people.clone() });
            }
            Err(problems) => {
                bound.problems.insert((plugin.id.clone(), stored.number), problems);
            }
        }
    }
    let installed = Arc::new(Installed { id: plugin.id.clone(), current: current.version, canary });
    for (version, tie) in exports {
        for (export, tied) in tie.exports.iter().enumerate() {
            bound.add(Arc::new(Binding {
                plugin: Arc::clone(&installed),
                version: Arc::clone(&version),
                export,
                entity: tied.entity,
                input: Arc::clone(&tied.input),
                output: Arc::clone(&tied.output),
                when: tied.when.clone(),
            }));
        }
    }
    bound.installed.insert(plugin.id.clone(), installed);
}

/// Has records refused that a version, which has stopped to fit, would have to check before they are saved. What its
/// exports ask for under `when` cannot be told any more.
fn refuse(
    bound: &mut Bound,
    house: &Arc<PluginHouse>,
    model: &Model,
    plugin: &StoredPlugin,
    stored: &StoredVersion,
) {
    let Some(said) = house.shelf.said(&stored.parcel.manifest_digest, &stored.manifest) else { return };
    if is_optional(model, &plugin.id) {
        return;
    }
    let in_save = [Point::BeforeSave, Point::Validator];
    let exports = said.manifest.exports.iter().filter(|export| in_save.contains(&export.point));
    for export in exports.filter(|export| rejects(export)) {
        let Some(entity) = export.entity.as_deref().and_then(|name| meant(model, plugin, name)) else {
            continue;
        };
        let unfit =
            Unfit { plugin: plugin.id.clone(), title: said.manifest.title.clone(), point: export.point };
        bound.by_entity[entity].unfit.push(unfit);
    }
}

/// The entity that a plugin means, whatever became of its fields.
fn meant(model: &Model, plugin: &StoredPlugin, name: &str) -> Option<usize> {
    match plugin.mapping.get(name) {
        Some(mapping) => model.entity(&mapping.entity).map(|entity| entity.index),
        None => Finder::new(model, &plugin.id, &plugin.mapping).entity(name, "").map(|entity| entity.index),
    }
}

/// Whether a record is not saved when an export that checks it fails.
pub(super) fn rejects(export: &Export) -> bool {
    matches!(export.failure_policy(), OnFailure::Reject | OnFailure::Retry)
}

/// Whether apps use a plugin, and all of them are whole without it: what keeps it from being loaded stops nobody then.
pub(super) fn is_optional(model: &Model, plugin: &str) -> bool {
    let mut uses = model.apps.iter().flat_map(|app| &app.plugins).filter(|used| used.id == plugin).peekable();
    uses.peek().is_some() && uses.all(|used| used.optional)
}

/// A version that fits, with its exports.
pub(super) struct Fitted {
    pub(super) version: Arc<Version>,
    tie: Arc<Tie>,
}

/// Ties one version to a model, unless there is nothing left of it on this node.
pub(super) fn stand(
    house: &Arc<PluginHouse>,
    model: &Model,
    plugin: &StoredPlugin,
    stored: &StoredVersion,
) -> Result<Fitted, Vec<Problem>> {
    if house.is_lost(&stored.parcel) {
        return Err(vec![lost()]);
    }
    fit(house, model, plugin, stored)
}

/// Ties one version to a model, or tells everything that does not fit.
pub(super) fn fit(
    house: &Arc<PluginHouse>,
    model: &Model,
    plugin: &StoredPlugin,
    stored: &StoredVersion,
) -> Result<Fitted, Vec<Problem>> {
    let unreadable = || vec![Problem::error("plugin.manifest_unreadable", FILE, "")];
    let parcel = &stored.parcel;
    let said = house.shelf.said(&parcel.manifest_digest, &stored.manifest).ok_or_else(unreadable)?;
    let granted = granted(house, &said, stored.granted.as_ref().unwrap_or(&Permissions::default()));
    let of = Of { model, plugin: &plugin.id, mapping: &plugin.mapping, parcel, granted: &granted };
    // What another tenant or the set before this one has loaded is used at once.
    let loaded = || house.shelf.plugin(parcel);
    let tie = house.shelf.tie(of.digest(), || of.tie(&said, loaded()))?;
    let version = Version {
        number: stored.number,
        config: config::config(&said.manifest, &plugin.settings),
        names: Arc::clone(&tie.names),
        plugin: Arc::clone(&tie.loaded),
        parcel: Arc::clone(&tie.parcel),
        house: Arc::clone(house),
        granted: Arc::clone(&tie.granted),
        said: Arc::clone(&tie.said),
    };
    Ok(Fitted { version: Arc::new(version), tie })
}

/// Asked for, granted by the administrator, and allowed by the operator.
fn granted(house: &PluginHouse, said: &Said, granted: &Permissions) -> Arc<Permissions> {
    let mut rights = said.asked.intersect(granted);
    if let Some(ceiling) = &house.options.ceiling {
        rights = rights.intersect(ceiling);
    }
    // Whoever may do all that was asked for shares what says so.
    if rights == *said.asked { Arc::clone(&said.asked) } else { Arc::new(rights) }
}

/// What tells one set of plugins from another: everything that decides what a call does.
fn digest(house: &PluginHouse, stored: &[StoredPlugin]) -> String {
    let version = |version: &StoredVersion| {
        json!([
            version.number,
            version.parcel.digest,
            version.parcel.manifest_digest,
            version.granted,
            version.broken.is_some(),
        ])
    };
    let plugin = |plugin: &StoredPlugin| {
        let tried = plugin.canary.as_ref().and_then(|canary| plugin.version(canary.number));
        json!({
            "id": plugin.id,
            // As it was written before there was a third state.
            "on": if plugin.proven || !plugin.on { json!(plugin.on) } else { json!("new") },
            "current": plugin.current().map(version),
            "canary": plugin.canary.as_ref().map(|canary| json!([canary.number, canary.share, canary.people])),
            "tried": tried.map(version),
            "mapping": plugin.mapping,
            "settings": plugin.settings.iter().collect::<BTreeMap<_, _>>(),
        })
    };
    let whole = json!([house.options.ceiling, stored.iter().map(plugin).collect::<Vec<_>>()]);
    let digest = Sha256::digest(whole.to_string());
    mortise_store::hex(&digest)[..DIGEST_CHARS].to_owned()
}
