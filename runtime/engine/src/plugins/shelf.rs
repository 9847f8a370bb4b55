//! What tenants share: manifests that were read and plugins that were loaded, for as long as somebody uses them. Two hundred
//! tenants with the same plugin have its code once.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use mortise_plugin_host::manifest::Manifest;
use mortise_plugin_host::{HostError, Package, Permissions, Plugin};
use parking_lot::Mutex;

use super::complaint::troubles;
use super::host::PluginHouse;

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

/// Manifests and plugins that are in use.
#[derive(Default)]
pub(crate) struct Shelf {
    said: Mutex<HashMap<String, Weak<Said>>>,
    plugins: Mutex<HashMap<Parcel, Weak<Plugin>>>,
}

impl Shelf {
    /// The manifest of this digest; `text` is read only when nobody has it yet. None when it is no manifest of this server.
    pub(crate) fn said(&self, digest: &str, text: &str) -> Option<Arc<Said>> {
        let mut said = self.said.lock();
        if let Some(known) = said.get(digest).and_then(Weak::upgrade) {
            return Some(known);
        }
        let manifest = Manifest::parse(text).ok()?;
        let asked = Arc::new(manifest.permissions.clone());
        let made = Arc::new(Said { manifest: Arc::new(manifest), asked });
        said.retain(|_, one| one.strong_count() > 0);
        said.insert(digest.to_owned(), Arc::downgrade(&made));
        Some(made)
    }

    /// A plugin that somebody uses.
    pub(crate) fn plugin(&self, parcel: &Parcel) -> Option<Arc<Plugin>> {
        self.plugins.lock().get(parcel).and_then(Weak::upgrade)
    }

    /// Puts a plugin there for others.
    pub(crate) fn put(&self, parcel: &Parcel, plugin: &Arc<Plugin>) {
        let mut plugins = self.plugins.lock();
        plugins.retain(|_, one| one.strong_count() > 0);
        plugins.insert(parcel.clone(), Arc::downgrade(plugin));
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
