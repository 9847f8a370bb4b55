//! A plugin as it is in force in a tenant: its version, perhaps a second one that is tried out, what they may do, and how
//! their names of entities and fields lead to those of the tenant.

use std::collections::BTreeMap;
use std::sync::Arc;

use mortise_definition::model::{EntityModel, FieldModel, Slot};
use mortise_plugin_host::manifest::Manifest;
use mortise_plugin_host::value::Field;
use mortise_plugin_host::{HostError, Permissions, Plugin};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::host::PluginHouse;
use super::shelf::{Parcel, Said};

/// Parts of a share: it is given in percent.
const SHARES: u64 = 100;

/// A plugin in force. What is off or broken is not among the [`super::Bound`].
pub(crate) struct Installed {
    /// Its id.
    pub(crate) id: String,
    /// The version in force.
    pub(crate) current: Arc<Version>,
    /// The version that is tried out.
    pub(crate) canary: Option<Canary>,
}

/// A version that is tried out on some people, or on a share of all calls.
pub(crate) struct Canary {
    /// The version.
    pub(crate) version: Arc<Version>,
    /// Out of a hundred calls.
    pub(crate) share: u8,
    /// People who always get it.
    pub(crate) people: Vec<Uuid>,
}

impl Installed {
    /// The version that serves a call. Whoever calls several exports in one go gives the same key for all of them, so that
    /// one version does the whole.
    pub(crate) fn version_for(&self, actor: Option<Uuid>, idempotency_key: &str) -> &Arc<Version> {
        match &self.canary {
            Some(canary) if canary.serves(actor, idempotency_key, &self.id) => &canary.version,
            _ => &self.current,
        }
    }
}

impl Canary {
    fn serves(&self, actor: Option<Uuid>, key: &str, plugin: &str) -> bool {
        if actor.is_some_and(|actor| self.people.contains(&actor)) {
            return true;
        }
        if self.share == 0 {
            return false;
        }
        let digest = Sha256::new().chain_update(plugin).chain_update([0]).chain_update(key).finalize();
        let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        number % SHARES < u64::from(self.share)
    }
}

/// A version of a plugin in a tenant.
pub(crate) struct Version {
    /// Number of the installation, from 1.
    pub(crate) number: i64,
    pub(super) said: Arc<Said>,
    /// What it may do: asked for, granted, allowed by the operator; in the plugin's own names.
    pub(crate) granted: Arc<Permissions>,
    /// Its settings in this tenant.
    pub(crate) config: Vec<Field>,
    /// What its names mean in this tenant.
    pub(crate) names: Arc<Names>,
    pub(super) parcel: Parcel,
    pub(super) house: Arc<PluginHouse>,
    pub(super) plugin: OnceCell<Arc<Plugin>>,
}

impl Version {
    /// What it says about itself.
    pub(crate) fn manifest(&self) -> &Manifest {
        &self.said.manifest
    }

    /// Its machine code, if it was loaded already.
    pub(crate) fn loaded(&self) -> Option<Arc<Plugin>> {
        self.plugin.get().cloned()
    }

    /// Its machine code, loaded when it is called for the first time.
    pub(crate) async fn ready(&self) -> Result<Arc<Plugin>, HostError> {
        let load = || self.house.plugin(&self.parcel, &self.said.manifest);
        self.plugin.get_or_try_init(load).await.cloned()
    }
}

/// What a plugin's names of entities and fields mean in a tenant.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(super) entities: BTreeMap<String, Named>,
}

/// An entity of a plugin.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// Its position in the model.
    pub(crate) entity: usize,
    /// The tenant's name by the plugin's, where they differ.
    pub(super) fields: BTreeMap<String, String>,
}

impl Names {
    /// What the plugin means by this name.
    pub(crate) fn entity(&self, name: &str) -> Option<&Named> {
        self.entities.get(name)
    }

    /// What the plugin calls an entity.
    pub(crate) fn of(&self, entity: usize) -> Option<(&str, &Named)> {
        let found = self.entities.iter().find(|(_, named)| named.entity == entity);
        found.map(|(name, named)| (name.as_str(), named))
    }
}

impl Named {
    /// The field that the plugin means by this name.
    pub(crate) fn slot(&self, entity: &EntityModel, name: &str) -> Option<Slot> {
        let own = self.fields.get(name).map_or(name, String::as_str);
        entity.slot_by_name.get(own).copied()
    }

    /// What the plugin calls a field.
    pub(crate) fn name_of<'a>(&'a self, field: &'a FieldModel) -> &'a str {
        let renamed = self.fields.iter().find(|(_, own)| **own == *field.name);
        renamed.map_or(&field.name, |(name, _)| name)
    }
}
