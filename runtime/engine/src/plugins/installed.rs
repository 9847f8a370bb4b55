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
        actor.is_some_and(|actor| self.people.contains(&actor)) || is_served(self.share, key, plugin)
    }
}

/// Whether a call is among the share: the same for the same call, on every node.
fn is_served(share: u8, key: &str, plugin: &str) -> bool {
    let digest = Sha256::new().chain_update(plugin).chain_update([0]).chain_update(key).finalize();
    let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    number % SHARES < u64::from(share)
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
    /// What its names mean.
    pub(crate) names: Arc<Names>,
    pub(super) parcel: Arc<Parcel>,
    pub(super) house: Arc<PluginHouse>,
    pub(super) plugin: Arc<OnceCell<Arc<Plugin>>>,
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

    /// Whether nothing is left on this node by which it could be called.
    pub(crate) fn is_lost(&self) -> bool {
        self.loaded().is_none() && self.house.is_lost(&self.parcel)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Out of a thousand calls, those that go to the version that is tried out.
    fn served(share: u8) -> usize {
        (0..1_000).filter(|call| is_served(share, &format!("call {call}"), "p.q")).count()
    }

    #[test]
    fn a_share_of_calls_is_served_and_the_same_call_always_alike() {
        assert_eq!((served(0), served(100)), (0, 1_000));
        for share in [5_u8, 25, 50, 95] {
            let found = served(share);
            let expected = usize::from(share) * 10;
            assert!(found.abs_diff(expected) < 60, "{found} of {expected}");
            assert_eq!(served(share), found);
        }
    }

    #[test]
    fn a_call_that_a_small_share_serves_is_served_by_a_larger_one() {
        let keys: Vec<String> = (0..500).map(|call| format!("call {call}")).collect();
        assert!(keys.iter().filter(|key| is_served(10, key, "p.q")).all(|key| is_served(40, key, "p.q")));
        assert!(keys.iter().any(|key| is_served(10, key, "p.q") != is_served(10, key, "p.r")));
    }
}
