//! The host of plugins on one node: both engines, the machine code, permits and circuits. One per process; plugins and
//! tenants share nothing in here but numbers.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use wasmtime::component::{HasSelf, Linker};

use crate::breaker::{Breaker, Circuit};
use crate::capability::{Capabilities, HttpTerms};
use crate::compile::{CodeStore, Compiler};
use crate::component::{compatibility, inspect};
use crate::engine::{EngineKind, Engines};
use crate::error::HostError;
use crate::folder::Cleared;
use crate::limits::Settings;
use crate::manifest::{Manifest, Point};
use crate::meter::TransactionBudget;
use crate::package::Package;
use crate::permission::Permissions;
use crate::permit::Permits;
use crate::plugin::{Invocation, Plugin, Serving};
use crate::reserve::Reserve;
use crate::state::CallState;
use crate::turn::Turns;
use crate::v1::Everything;
use crate::value::{Call, Condition, Entry, Fault, Field, Page, Query, Request, Response, Retry};
use crate::warm::WarmPool;

/// Runs plugins.
pub struct PluginHost {
    pub(crate) settings: Settings,
    pub(crate) engines: Engines,
    pub(crate) permits: Permits,
    pub(crate) reserve: Reserve,
    pub(crate) breaker: Breaker,
    pub(crate) turns: Turns,
    pub(crate) warm: Arc<WarmPool>,
    linker: Linker<CallState>,
    pub(crate) code: CodeStore,
    /// How many plugins were loaded so far.
    loaded: AtomicU64,
}

impl PluginHost {
    /// Starts the engines. `folder` holds machine code and must be writable by nobody else.
    pub fn open(settings: Settings, folder: &Path, compiler: Compiler) -> Result<Arc<PluginHost>, HostError> {
        let engines = Engines::start(&settings)?;
        let code = CodeStore::open(folder, compiler, settings.sizes)?;
        let mut linker = Linker::new(&engines.serving);
        Everything::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)
            .map_err(|error| HostError::Engine(format!("{error:#}")))?;
        let (permits, reserve) = (Permits::new(&settings), Reserve::new(&settings));
        let warm = WarmPool::new(settings.warm);
        let (breaker, turns, loaded) = (Breaker::default(), Turns::start()?, AtomicU64::new(0));
        Ok(Arc::new(PluginHost {
            settings,
            engines,
            permits,
            reserve,
            breaker,
            turns,
            warm,
            linker,
            code,
            loaded,
        }))
    }

    /// The settings that it was opened with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A full budget for one transaction.
    pub fn transaction(&self) -> Arc<TransactionBudget> {
        TransactionBudget::new(self.settings.transaction)
    }

    /// Checks a package in full, compiles it, starts it once without rights, and gives back the plugin. Warnings of the
    /// check are not errors; ask [`compatibility`] for them.
    pub async fn install(
        self: &Arc<Self>,
        package: &Package,
        server: &semver::Version,
    ) -> Result<Arc<Plugin>, HostError> {
        let limit = self.settings.component_bytes(package.manifest.language);
        let file = package.manifest.component.as_str();
        if package.component.len() as u64 > limit {
            let problem = mortise_definition::Problem::error("plugin.file_too_large", file, "");
            return Err(HostError::Problems(vec![problem.arg("limit", limit)]));
        }
        let interfaces =
            inspect(file, &package.component).map_err(|problem| HostError::Problems(vec![*problem]))?;
        let mut problems = compatibility(&interfaces, &package.manifest, server);
        problems.retain(mortise_definition::Problem::is_error);
        if !problems.is_empty() {
            return Err(HostError::Problems(problems));
        }
        let component = package.component.clone();
        let manifest = Arc::new(package.manifest.clone());
        let plugin = self.load(manifest, &package.digest(), &move || Ok(component.clone())).await?;
        plugin.probe(&nobody()).await?;
        plugin.probe_functions()?;
        Ok(plugin)
    }

    /// A plugin that was installed before. `read` is asked for the component only when its machine code is missing, as after
    /// an upgrade of the server.
    pub async fn load(
        self: &Arc<Self>,
        manifest: Arc<Manifest>,
        digest: &str,
        read: &(dyn Fn() -> std::io::Result<Vec<u8>> + Send + Sync),
    ) -> Result<Arc<Plugin>, HostError> {
        let functions = match runs_on(&manifest, EngineKind::Deterministic) {
            false => None,
            true => {
                self.code.prepare(&self.engines, EngineKind::Deterministic, digest, read).await?;
                Some(OnceLock::new())
            }
        };
        let serving = match runs_on(&manifest, EngineKind::Serving) {
            false => None,
            true => {
                self.code.prepare(&self.engines, EngineKind::Serving, digest, read).await?;
                let component = self.code.component(&self.engines, EngineKind::Serving, digest)?;
                let pre = self.linker.instantiate_pre(&component);
                let pre = pre.map_err(|error| HostError::Link(format!("{error:#}")))?;
                Some(Serving::of(pre, &component, &manifest)?)
            }
        };
        let (host, digest) = (Arc::clone(self), digest.to_owned());
        let number = self.loaded.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(Plugin { number, host, manifest, digest, serving, functions }))
    }

    /// Whether the machine code of a plugin is there, so that loading it takes milliseconds and needs no package.
    pub fn has_code(&self, manifest: &Manifest, digest: &str) -> bool {
        let needed = EngineKind::ALL.into_iter().filter(|kind| runs_on(manifest, *kind));
        needed.into_iter().all(|kind| self.code.has(&self.engines, kind, digest))
    }

    /// Removes machine code that is of none of these components, or was made by another server, and that no process has
    /// loaded for so long.
    pub fn clear_code(&self, digests: &HashSet<String>, unused: Duration) -> Result<Cleared, HostError> {
        self.code.clear(&self.engines, digests, unused)
    }

    /// The circuits of a tenant that are open, and for how long still.
    pub fn open_circuits(&self, tenant: &str) -> Vec<(Circuit, Duration)> {
        self.breaker.open(tenant, Instant::now())
    }

    /// Forgets what is known of a tenant that is gone.
    pub fn forget(&self, tenant: &str) {
        self.breaker.forget(tenant);
        self.warm.forget(tenant);
        self.permits.forget(tenant);
        self.turns.forget(tenant);
    }

    /// Closes a tenant's circuits of a plugin: somebody has looked, or another version is there. Its instances that wait for
    /// another call may know what holds no more, and go.
    pub fn close_circuits(&self, tenant: &str, plugin: &str) {
        self.breaker.reset(tenant, plugin);
        self.warm.forget_plugin(tenant, plugin);
    }
}

/// Whether something of a plugin runs on an engine.
fn runs_on(manifest: &Manifest, kind: EngineKind) -> bool {
    let is_function = |point: Point| point == Point::Function;
    match kind {
        EngineKind::Deterministic => manifest.points().any(is_function),
        EngineKind::Serving => !manifest.points().all(is_function),
    }
}

/// The engine's side of calls that nobody makes.
static NOTHING: LazyLock<Arc<dyn Capabilities>> = LazyLock::new(|| Arc::new(Nothing));

/// What an instance can do between two calls.
pub(crate) fn nothing() -> Arc<dyn Capabilities> {
    Arc::clone(&NOTHING)
}

/// The circumstances of a call that has none: no person, no rights.
fn nobody() -> Invocation {
    let call = Call {
        tenant: String::new(),
        actor: None,
        locale: mortise_definition::locale::FALLBACK.to_owned(),
        time_zone: "UTC".to_owned(),
        now: "1970-01-01T00:00:00Z".to_owned(),
        idempotency_key: String::new(),
        attempt: 1,
        depth: 0,
        config: Vec::new(),
    };
    Invocation {
        tenant: String::new(),
        call,
        granted: Arc::new(Permissions::default()),
        capabilities: nothing(),
        transaction: None,
    }
}

/// Can do nothing. Permissions are checked before, so that only a call without an argument could get here.
struct Nothing;

impl Nothing {
    fn fault() -> Fault {
        Fault {
            code: "plugin.probe".into(),
            message: "nothing can be asked for while a plugin is being installed".into(),
            retry: Retry::Never,
        }
    }
}

#[async_trait]
impl Capabilities for Nothing {
    async fn get(&self, _: &str, _: &str, _: &[String]) -> Result<Option<Entry>, Fault> {
        Err(Self::fault())
    }
    async fn find(&self, _: &str, _: Query) -> Result<Page, Fault> {
        Err(Self::fault())
    }
    async fn count(&self, _: &str, _: Vec<Condition>) -> Result<u64, Fault> {
        Err(Self::fault())
    }
    async fn create(&self, _: &str, _: Vec<Field>) -> Result<String, Fault> {
        Err(Self::fault())
    }
    async fn update(&self, _: &str, _: &str, _: Vec<Field>) -> Result<(), Fault> {
        Err(Self::fault())
    }
    async fn delete(&self, _: &str, _: &str) -> Result<(), Fault> {
        Err(Self::fault())
    }
    async fn send(&self, _: Request, _: HttpTerms) -> Result<Response, Fault> {
        Err(Self::fault())
    }
    async fn storage_get(&self, _: &str) -> Result<Option<Vec<u8>>, Fault> {
        Err(Self::fault())
    }
    async fn storage_swap(
        &self,
        _: &str,
        _: Option<Option<Vec<u8>>>,
        _: Option<Vec<u8>>,
        _: u64,
    ) -> Result<bool, Fault> {
        Err(Self::fault())
    }
    async fn storage_keys(&self, _: &str, _: Option<&str>, _: u32) -> Result<Vec<String>, Fault> {
        Err(Self::fault())
    }
}
