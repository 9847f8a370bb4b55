//! The host of plugins on this node: opened when the first plugin is used, because an installation without plugins must not
//! pay for engines that run them. Knows no tenant.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use mortise_plugin_host::limits::Settings;
use mortise_plugin_host::{Compiler, HostError, Permissions, PluginHost};
use parking_lot::Mutex;

use super::shelf::Shelf;
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
}

impl Default for PluginOptions {
    fn default() -> Self {
        PluginOptions {
            settings: Settings::default(),
            compiler: Compiler::InProcess,
            ceiling: None,
            shelf: None,
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
        })
    }

    /// The host, opened by whoever needs it first.
    pub(crate) fn host(&self) -> Result<&Arc<PluginHost>, HostError> {
        if let Some(host) = self.host.get() {
            return Ok(host);
        }
        let _one = self.opening.lock();
        if self.host.get().is_none() {
            let code = self.folder.join("code");
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

    /// Where packages are kept, by the SHA-256 of the file.
    pub(crate) fn package_file(&self, sha256: &str) -> PathBuf {
        self.folder.join("packages").join(format!("{sha256}.plugin"))
    }
}
