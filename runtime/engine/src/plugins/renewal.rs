//! What becomes of the files of plugins: machine code that an upgrade of the server made useless is made anew before somebody
//! waits for it, and files that no tenant needs are cleared away. Asks all tenants, those that are not open as well; when one
//! of them cannot be asked, nothing is cleared away.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use mortise_plugin_host::folder::{self, Cleared};
use mortise_store::Texts;

use super::shelf::Parcel;
use crate::engine::Engine;
use crate::error::Error;

/// The table that says what tenants need.
const TABLE: &str = "_plugin_version";

/// What was done about the files of plugins on this node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Renewal {
    /// Plugins of which machine code was made anew.
    pub compiled: u64,
    /// Those for which that did not work; they are shown as broken.
    pub failed: u64,
    /// Files that nobody needed any more.
    pub cleared_files: u64,
    /// Their bytes.
    pub cleared_bytes: u64,
}

impl std::ops::AddAssign for Renewal {
    fn add_assign(&mut self, other: Renewal) {
        self.compiled += other.compiled;
        self.failed += other.failed;
        self.cleared_files += other.cleared_files;
        self.cleared_bytes += other.cleared_bytes;
    }
}

/// Versions that tenants have installed. Of each there is one here, however many tenants have it.
type AllNeeded = HashMap<Parcel, Needed>;

/// A version that at least one tenant has installed.
struct Needed {
    manifest: String,
    /// Whether it is called anywhere: in force or tried out, and not switched off; and since when it was installed there.
    called: Option<String>,
}

/// All versions of a tenant, as texts.
fn sql(versions: &str, plugins: &str) -> String {
    format!(
        "SELECT v.package, v.digest, v.manifest_digest, v.manifest, CAST(v.installed_at AS text), CASE WHEN p.state <> 'off' \
         AND v.broken IS NULL AND v.granted IS NOT NULL AND (v.number = p.current OR v.number = p.canary) THEN 'yes' END \
         FROM {versions} v JOIN {plugins} p ON p.id = v.plugin"
    )
}

fn add(all: &mut AllNeeded, row: Texts) {
    let Ok([package, digest, manifest_digest, manifest, installed_at, called]) = <[_; 6]>::try_from(row)
    else {
        return;
    };
    let (Some(package), Some(digest), Some(manifest_digest), Some(manifest)) =
        (package, digest, manifest_digest, manifest)
    else {
        return;
    };
    let needed = all.entry(Parcel { digest, manifest_digest, package });
    let needed = needed.or_insert_with(|| Needed { manifest, called: None });
    if called.is_some() {
        let installed_at = installed_at.unwrap_or_default();
        needed.called = Some(match needed.called.take() {
            Some(before) => before.min(installed_at),
            None => installed_at,
        });
    }
}

impl Engine {
    /// Makes machine code of the plugins that are called in any tenant where there is none for this server, one after the
    /// other and what was installed first before what came later; then clears away files that no tenant needs and nobody
    /// has used for so long.
    pub async fn renew_plugins(&self, unused: Duration) -> Result<Renewal, Error> {
        let packages = self.plugins.packages();
        // An installation without plugins pays nothing.
        if !packages.exists() {
            return Ok(Renewal::default());
        }
        // What did not work is tried once more.
        self.plugins.troubles.lock().clear();
        let all = self.needed_plugins().await?;
        let mut renewal = self.compile_plugins(&all).await?;
        let cleared = self.clear_plugins(&all, unused)?;
        (renewal.cleared_files, renewal.cleared_bytes) = (cleared.files, cleared.bytes);
        *self.plugins.renewed.lock() += renewal;
        if renewal != Renewal::default() {
            let Renewal { compiled, failed, cleared_files, cleared_bytes } = renewal;
            tracing::info!(compiled, failed, cleared_files, cleared_bytes, "files of plugins were renewed");
        }
        Ok(renewal)
    }

    /// What was done about the files of plugins since the start.
    pub fn plugin_renewal(&self) -> Renewal {
        *self.plugins.renewed.lock()
    }

    async fn needed_plugins(&self) -> Result<AllNeeded, Error> {
        let mut all = AllNeeded::new();
        if let Some(server) = &self.postgres {
            let sql = |qualified: &dyn Fn(&str) -> String| sql(&qualified(TABLE), &qualified("_plugin"));
            server.glance(TABLE, sql, |row| add(&mut all, row)).await?;
            return Ok(all);
        }
        let tenants = self.data_dir.join("tenants");
        let glance = move || -> Result<AllNeeded, Error> {
            for tenant in std::fs::read_dir(tenants).map_err(mortise_store::Error::from)? {
                let file = tenant.map_err(mortise_store::Error::from)?.path().join("tenant.db");
                if file.exists() {
                    let sql = sql(TABLE, "_plugin");
                    mortise_store::glance_sqlite(&file, TABLE, &sql, |row| add(&mut all, row))?;
                }
            }
            Ok(all)
        };
        let all = tokio::task::spawn_blocking(glance).await;
        all.map_err(|error| Error::PluginHost(error.to_string()))?
    }

    async fn compile_plugins(&self, all: &AllNeeded) -> Result<Renewal, Error> {
        let mut renewal = Renewal::default();
        let called = all.iter().filter_map(|(parcel, one)| Some((one.called.as_ref()?, parcel, one)));
        let mut called: Vec<(&String, &Parcel, &Needed)> = called.collect();
        called.sort_by_key(|(since, _, _)| *since);
        for (_, parcel, one) in called {
            let house = &self.plugins;
            // A manifest of another time is told at the plugin's page.
            let Some(said) = house.shelf.said(&parcel.manifest_digest, &one.manifest) else { continue };
            let host = house.host().map_err(|error| Error::PluginHost(error.to_string()))?;
            // Tenants of other nodes have their packages there.
            if host.has_code(&said.manifest, &parcel.digest) || !house.package_file(&parcel.package).exists()
            {
                continue;
            }
            let (plugin, version) = (&said.manifest.id, &said.manifest.version);
            match house.plugin(parcel, &said.manifest).await {
                Ok(_) => {
                    renewal.compiled += 1;
                    tracing::info!(plugin, version, "a plugin was compiled for this version of the server");
                }
                Err(error) => {
                    renewal.failed += 1;
                    tracing::warn!(plugin, version, %error, "a plugin does not work with this version of the server");
                }
            }
        }
        Ok(renewal)
    }

    fn clear_plugins(&self, all: &AllNeeded, unused: Duration) -> Result<Cleared, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::PluginHost(error.to_string());
        let packages: HashSet<&str> = all.keys().map(|parcel| parcel.package.as_str()).collect();
        let wanted = |name: &str| name.strip_suffix(".plugin").is_some_and(|name| packages.contains(name));
        let mut cleared = folder::clear(&self.plugins.packages(), wanted, unused);
        let digests: HashSet<String> = all.keys().map(|parcel| parcel.digest.clone()).collect();
        let host = match digests.is_empty() {
            true => self.plugins.opened(),
            false => Some(self.plugins.host().map_err(|error| failed(&error))?),
        };
        let code = match host {
            Some(host) => host.clear_code(&digests, unused).map_err(|error| failed(&error))?,
            // Nobody has a plugin: no code is of use, whatever engine it is for.
            None => folder::clear(&self.plugins.code(), |_| false, unused).map_err(|error| failed(&error))?,
        };
        if let Ok(cleared) = &mut cleared {
            *cleared += code;
        }
        cleared.map_err(|error| failed(&error))
    }
}
