//! The host of plugins on this node: opened when the first plugin is used, because an installation without plugins must not
//! pay for engines that run them. Knows no tenant.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mortise_definition::Problem;
use mortise_plugin_host::limits::Settings;
use mortise_plugin_host::manifest::FILE;
use mortise_plugin_host::{Compiler, HostError, Permissions, PluginHost};
use parking_lot::Mutex;

use super::complaint::Complaint;
use super::renewal::Renewal;
use super::shelf::{Parcel, Shelf};
use super::shipped::Seen;

/// How plugins are run on this node.
#[derive(Debug, Clone)]
pub struct PluginOptions {
    /// Limits.
    pub settings: Settings,
    /// How components are compiled.
    pub compiler: Compiler,
    /// What the operator allows any plugin; none when that is for the administrators of tenants alone.
    pub ceiling: Option<Permissions>,
    /// Folder of packages that ship with the product.
    pub shelf: Option<PathBuf>,
    /// How long runs wait until they are written to the log: one small transaction in this time, however many calls there are.
    pub log_pause: Duration,
    /// Calls of one plugin in one tenant that are under way in the background at the same time.
    pub parallel: usize,
}

impl Default for PluginOptions {
    fn default() -> Self {
        PluginOptions {
            settings: Settings::default(),
            compiler: Compiler::InProcess,
            ceiling: None,
            shelf: None,
            log_pause: Duration::from_secs(1),
            // Half of what a tenant may have, so that people get in between.
            parallel: 4,
        }
    }
}

/// What all tenants of a node share of plugins: the host, and code that was loaded.
pub(crate) struct PluginHouse {
    pub(crate) options: PluginOptions,
    folder: PathBuf,
    host: OnceLock<Arc<PluginHost>>,
    opening: Mutex<()>,
    pub(crate) shelf: Shelf,
    pub(super) seen: Seen,
    /// Why plugins could not be loaded the last time that it was tried.
    pub(super) troubles: Mutex<HashMap<Parcel, Vec<Complaint>>>,
    /// What was done about their files.
    pub(super) renewed: Mutex<Renewal>,
}

impl PluginHouse {
    /// Over a folder of its own, which is made when the first plugin comes.
    pub(crate) fn new(options: PluginOptions, data: &Path) -> Arc<PluginHouse> {
        let folder = data.join("plugins");
        Arc::new(PluginHouse {
            options,
            folder,
            host: OnceLock::new(),
            opening: Mutex::new(()),
            shelf: Shelf::default(),
            seen: Seen::default(),
            troubles: Mutex::default(),
            renewed: Mutex::default(),
        })
    }

    /// The host, opened by whoever needs it first.
    pub(crate) fn host(&self) -> Result<&Arc<PluginHost>, HostError> {
        if let Some(host) = self.host.get() {
            return Ok(host);
        }
        let _one = self.opening.lock();
        if self.host.get().is_none() {
            let code = self.code();
            let host = PluginHost::open(self.options.settings.clone(), &code, self.options.compiler.clone())?;
            // Nobody else opens it while we hold the lock.
            drop(self.host.set(host));
        }
        Ok(self.host.get().expect("it was opened a line above"))
    }

    /// The host, if any plugin was used since the start.
    pub(crate) fn opened(&self) -> Option<&Arc<PluginHost>> {
        self.host.get()
    }

    /// The folder of packages.
    pub(super) fn packages(&self) -> PathBuf {
        self.folder.join("packages")
    }

    /// The folder of machine code.
    pub(super) fn code(&self) -> PathBuf {
        self.folder.join("code")
    }

    /// Where packages are kept, by the SHA-256 of the file.
    pub(crate) fn package_file(&self, sha256: &str) -> PathBuf {
        self.packages().join(format!("{sha256}.plugin"))
    }

    /// Whether there is nothing left by which a plugin could be called: no package, and no code that was made of it.
    pub(super) fn is_lost(&self, parcel: &Parcel) -> bool {
        let has_code = || {
            let files = std::fs::read_dir(self.code()).into_iter().flatten().flatten();
            files.into_iter().any(|file| file.file_name().to_string_lossy().starts_with(&parcel.digest))
        };
        !self.package_file(&parcel.package).exists() && self.shelf.plugin(parcel).is_none() && !has_code()
    }

    /// What is wrong with a plugin on this node, whatever its tenant thinks of it.
    pub(super) fn troubles_of(&self, parcel: &Parcel) -> Vec<Complaint> {
        if !self.package_file(&parcel.package).exists() {
            // It may still run, by the code that was made of it; after the next upgrade of the server it could not.
            return vec![Complaint::from(&lost())];
        }
        self.troubles.lock().get(parcel).cloned().unwrap_or_default()
    }
}

/// What is said of a version of which the package is gone.
pub(super) fn lost() -> Problem {
    Problem::error("plugin.package_lost", FILE, "")
}
