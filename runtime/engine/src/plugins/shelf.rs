//! What tenants share: manifests that were read, versions that were tied to a model, and plugins that were loaded, for as long
//! as somebody uses them. Two hundred tenants with the same plugin have its code once. Nothing here is of a tenant: what is
//! looked up is found by the digest of all that it was made of.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Weak};

use mortise_plugin_host::manifest::Manifest;
use mortise_plugin_host::{HostError, Package, Permissions, Plugin};
use parking_lot::Mutex;

use super::complaint::troubles;
use super::host::PluginHouse;
use super::tie::{Tie, TieDigest};

/// Which component with which manifest, out of which package file; all SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Parcel {
    /// The component.
    pub(crate) digest: String,
    /// The manifest.
    pub(crate) manifest_digest: String,
    /// The file in which both came.
    pub(crate) package: String,
}

/// What a manifest says, once per node.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) manifest: Arc<Manifest>,
    /// Its permissions, for those who grant all of them.
    pub(crate) asked: Arc<Permissions>,
}

/// Entries of a map after which it is looked for those that nobody uses any more.
const SWEPT: usize = 64;

/// Things that somebody uses, by what tells them apart.
struct InUse<K, V> {
    known: HashMap<K, Weak<V>>,
    /// So many entries there may be until those are taken out that nobody uses.
    room: usize,
}

impl<K, V> Default for InUse<K, V> {
    fn default() -> Self {
        InUse { known: HashMap::new(), room: SWEPT }
    }
}

impl<K: Eq + Hash, V> InUse<K, V> {
    fn get<Q>(&self, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.known.get(key).and_then(Weak::upgrade)
    }

    fn put(&mut self, key: K, value: &Arc<V>) {
        if self.known.len() >= self.room {
            self.known.retain(|_, one| one.strong_count() > 0);
            self.room = SWEPT.max(self.known.len() * 2);
        }
        self.known.insert(key, Arc::downgrade(value));
    }
}

/// Manifests, ties and plugins that are in use.
#[derive(Default)]
pub(crate) struct Shelf {
    said: Mutex<InUse<String, Said>>,
    ties: Mutex<InUse<TieDigest, Tie>>,
    plugins: Mutex<InUse<Parcel, Plugin>>,
}

impl Shelf {
    /// The manifest of this digest; `text` is read only when nobody has it yet. None when it is no manifest of this server.
    pub(crate) fn said(&self, digest: &str, text: &str) -> Option<Arc<Said>> {
        let mut said = self.said.lock();
        if let Some(known) = said.get(digest) {
            return Some(known);
        }
        let manifest = Manifest::parse(text).ok()?;
        let asked = Arc::new(manifest.permissions.clone());
        let made = Arc::new(Said { manifest: Arc::new(manifest), asked });
        said.put(digest.to_owned(), &made);
        Some(made)
    }

    /// The tie of this digest; `make` is asked only when nobody has it yet.
    pub(super) fn tie<E>(
        &self,
        digest: TieDigest,
        make: impl FnOnce() -> Result<Tie, E>,
    ) -> Result<Arc<Tie>, E> {
        if let Some(known) = self.ties.lock().get(&digest) {
            return Ok(known);
        }
        // Others are not to wait for a large condition. Who makes the same at the same moment has one more.
        let made = Arc::new(make()?);
        self.ties.lock().put(digest, &made);
        Ok(made)
    }

    /// A plugin that somebody uses.
    pub(crate) fn plugin(&self, parcel: &Parcel) -> Option<Arc<Plugin>> {
        self.plugins.lock().get(parcel)
    }

    /// Puts a plugin there for others.
    pub(crate) fn put(&self, parcel: &Parcel, plugin: &Arc<Plugin>) {
        self.plugins.lock().put(parcel.clone(), plugin);
    }
}

impl PluginHouse {
    /// A plugin that was installed, ready to be called: from the shelf, or from its machine code.
    pub(crate) async fn plugin(
        &self,
        parcel: &Parcel,
        manifest: &Arc<Manifest>,
    ) -> Result<Arc<Plugin>, HostError> {
        if let Some(plugin) = self.shelf.plugin(parcel) {
            return Ok(plugin);
        }
        if let Some(trouble) = self.troubles.lock().get(parcel).and_then(|found| found.first()) {
            // To find the same out again at every call would keep the compiler busy with nothing else.
            return Err(HostError::GivenUp { reason: trouble.message.get("en").to_owned() });
        }
        if self.is_lost(parcel) {
            // Found out here, so that no call waits behind what is being compiled.
            return Err(std::io::Error::new(std::io::ErrorKind::NotFound, "its package is gone").into());
        }
        let (file, digest) = (self.package_file(&parcel.package), parcel.digest.clone());
        let settings = self.options.settings.clone();
        let read = move || {
            let bytes = std::fs::read(&file)?;
            let package = Package::read(&bytes, &settings);
            let package = package.map_err(|problems| broken(&HostError::Problems(problems)))?;
            match package.digest() == digest {
                true => Ok(package.component),
                false => Err(broken(&"the package holds another component")),
            }
        };
        let loaded = self.host()?.load(Arc::clone(manifest), &parcel.digest, &read).await;
        match &loaded {
            Ok(plugin) => {
                self.shelf.put(parcel, plugin);
                self.troubles.lock().remove(parcel);
            }
            Err(error) => {
                let found = troubles(error, &manifest.component);
                if !found.is_empty() {
                    self.troubles.lock().insert(parcel.clone(), found);
                }
            }
        }
        loaded
    }
}

fn broken(reason: &dyn std::fmt::Display) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, reason.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_uses_any_more_makes_room() {
        let mut in_use = InUse::<usize, usize>::default();
        let held = Arc::new(0);
        in_use.put(0, &held);
        for number in 1..100 * SWEPT {
            in_use.put(number, &Arc::new(number));
            assert!(in_use.get(&number).is_none());
        }
        assert_eq!(in_use.get(&0), Some(held));
        assert!(in_use.known.len() <= SWEPT);
        let all: Vec<Arc<usize>> = (0..10 * SWEPT).map(Arc::new).collect();
        all.iter().for_each(|one| in_use.put(**one, one));
        assert!(all.iter().all(|one| in_use.get(&**one).is_some()));
    }
}
