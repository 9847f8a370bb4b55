//! A package that comes in: read, checked, compiled, started once without rights, and kept. One that can be read but not
//! used comes in as well, with the reasons, so that it can be shown.

use std::path::Path;
use std::sync::Arc;

use mortise_plugin_host::manifest::Manifest;
use mortise_plugin_host::{Package, Plugin, folder};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::plugins::complaint::{Complaint, problems_of};
use crate::plugins::host::PluginHouse;
use crate::plugins::shelf::Parcel;
use crate::plugins::tables::StoredVersion;

/// The version of this server, as manifests ask for it.
pub(super) fn server() -> semver::Version {
    semver::Version::parse(env!("CARGO_PKG_VERSION")).expect("cargo takes no other versions")
}

/// A package that was read.
pub(super) struct Arrival {
    pub(super) manifest: Manifest,
    pub(super) parcel: Parcel,
    manifest_text: String,
    broken: Option<Vec<Complaint>>,
    /// Holds the code until the version is in force, so that it is not loaded twice.
    _plugin: Option<Arc<Plugin>>,
}

/// Reads a package; an error tells everything that is wrong with it.
pub(super) async fn read(house: &PluginHouse, bytes: Vec<u8>) -> Result<(Package, Parcel), Error> {
    let settings = house.options.settings.clone();
    let work = move || {
        let package = Package::read(&bytes, &settings).map_err(Error::Plugin)?;
        let parcel = Parcel {
            digest: package.digest(),
            manifest_digest: package.manifest_digest(),
            package: mortise_store::hex(&Sha256::digest(&bytes)),
        };
        Ok((package, parcel))
    };
    let read = tokio::task::spawn_blocking(work).await;
    read.map_err(|error| Error::PluginHost(error.to_string()))?
}

impl Arrival {
    /// Takes a package in. Whatever it contains, the answer is a version that can be stored.
    pub(super) async fn of(house: &PluginHouse, bytes: Vec<u8>) -> Result<Arrival, Error> {
        let (package, parcel) = read(house, bytes.clone()).await?;
        keep(&house.package_file(&parcel.package), bytes).await?;
        let (plugin, broken) = match house.shelf.plugin(&parcel) {
            // Somebody else here uses the very same.
            Some(plugin) => (Some(plugin), None),
            None => {
                let host = house.host().map_err(|error| Error::PluginHost(error.to_string()))?;
                match host.install(&package, &server()).await {
                    Ok(plugin) => {
                        house.shelf.put(&parcel, &plugin);
                        house.troubles.lock().remove(&parcel);
                        (Some(plugin), None)
                    }
                    Err(error) => {
                        let problems = problems_of(error, &package.manifest.component)?;
                        (None, Some(problems.iter().map(Complaint::from).collect()))
                    }
                }
            }
        };
        let Package { manifest, manifest_text, .. } = package;
        Ok(Arrival { manifest, parcel, manifest_text, broken, _plugin: plugin })
    }

    /// It as a version of this number, which nobody has consented to yet.
    pub(super) fn version(&self, number: i64, scene: &super::Scene<'_>) -> StoredVersion {
        StoredVersion {
            number,
            version: self.manifest.version.clone(),
            parcel: self.parcel.clone(),
            manifest: self.manifest_text.clone(),
            granted: None,
            granted_by: None,
            granted_at: None,
            installed_at: scene.now,
            installed_by: scene.actor,
            broken: self.broken.clone(),
        }
    }

    /// Why it cannot be used.
    pub(super) fn broken(&self) -> &Option<Vec<Complaint>> {
        &self.broken
    }
}

/// Puts a package where it is found by its digest; it may be there already.
async fn keep(file: &Path, bytes: Vec<u8>) -> Result<(), Error> {
    let file = file.to_owned();
    let work = move || {
        // Nobody clears it away before this version is stored. One that was damaged is mended.
        if folder::touch(&file).is_ok() && std::fs::read(&file).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        std::fs::create_dir_all(file.parent().expect("packages lie in a folder"))?;
        folder::keep(&file, &bytes)
    };
    let kept: Result<std::io::Result<()>, _> = tokio::task::spawn_blocking(work).await;
    let kept = kept.map_err(|error| Error::PluginHost(error.to_string()))?;
    kept.map_err(|error| Error::PluginHost(error.to_string()))
}
