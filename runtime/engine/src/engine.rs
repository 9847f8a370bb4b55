//! The engine: all tenants of one installation, opened when they are first asked for.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use chrono::TimeDelta;
use mortise_store::{Files, Keyring, PostgresServer, TenantStore};
use parking_lot::{Mutex, RwLock};

use crate::automation::Retention;
use crate::env::{Env, System};
use crate::error::Error;
use crate::files::FILE_BYTES_MAX;
use crate::plugins::{PluginHouse, PluginOptions};
use crate::tenant::Tenant;
use crate::values::Issue;

/// Longest slug; PostgreSQL's names have 63 bytes.
const SLUG_MAX: usize = 40;

/// Where tenants' data is kept.
#[derive(Debug, Clone)]
pub enum Database {
    /// One file per tenant below the data folder.
    Sqlite,
    /// One schema per tenant on a server.
    Postgres {
        /// Address of the server, with user and database.
        url: String,
    },
}

/// How an engine is opened.
pub struct EngineOptions {
    /// Folder of data and files.
    pub data_dir: PathBuf,
    /// Where tenants' data is kept.
    pub database: Database,
    /// Time, ids and randomness.
    pub env: Arc<dyn Env>,
    /// Most bytes of an uploaded file.
    pub file_bytes_max: u64,
    /// How plugins are run.
    pub plugins: PluginOptions,
}

impl EngineOptions {
    /// SQLite below this folder, in the real world.
    pub fn sqlite(data_dir: impl Into<PathBuf>) -> Self {
        EngineOptions {
            data_dir: data_dir.into(),
            database: Database::Sqlite,
            env: Arc::new(System),
            file_bytes_max: FILE_BYTES_MAX,
            plugins: PluginOptions::default(),
        }
    }
}

/// Numbers for the metrics.
#[derive(Debug, Default, Clone, Copy)]
pub struct EngineMetrics {
    /// Open tenants.
    pub tenants: usize,
    /// Writes waiting for their writer.
    pub queued: usize,
    /// Transactions committed since the start.
    pub commits: u64,
    /// Commands in them.
    pub commands: u64,
}

/// All tenants of an installation.
pub struct Engine {
    pub(crate) data_dir: PathBuf,
    pub(crate) postgres: Option<PostgresServer>,
    env: Arc<dyn Env>,
    pub(crate) file_bytes_max: u64,
    pub(crate) open: Arc<RwLock<HashMap<String, Arc<Tenant>>>>,
    /// Tenants that have a sandbox now.
    pub(crate) sandboxes: Arc<Mutex<HashSet<String>>>,
    /// Held while a tenant is opened or dropped; those that are open are found without it.
    opening: tokio::sync::Mutex<()>,
    /// What tenants did that are closed by now.
    closed: Mutex<EngineMetrics>,
    /// The keys of secrets.
    keys: ArcSwap<Keyring>,
    retention: Retention,
    /// What tenants share of plugins.
    pub(crate) plugins: Arc<PluginHouse>,
}

impl Engine {
    /// Opens the engine with the keys of the data folder; tenants are opened when they are asked for.
    pub async fn open(options: EngineOptions) -> Result<Engine, Error> {
        std::fs::create_dir_all(&options.data_dir).map_err(mortise_store::Error::from)?;
        let keys = Keyring::of_folder(&options.data_dir)?;
        Engine::open_with(options, keys, Retention::default()).await
    }

    /// The same with other keys, and with what is over kept for other lengths of time.
    pub async fn open_with(
        options: EngineOptions,
        keys: Keyring,
        retention: Retention,
    ) -> Result<Engine, Error> {
        let postgres = match &options.database {
            Database::Sqlite => None,
            Database::Postgres { url } => Some(mortise_store::connect_postgres(url).await?),
        };
        std::fs::create_dir_all(options.data_dir.join("tenants")).map_err(mortise_store::Error::from)?;
        if let Err(error) = clear_sandboxes(&options.data_dir, postgres.as_ref()).await {
            tracing::warn!(%error, "copies of tenants that were left behind could not be cleared away");
        }
        Ok(Engine {
            plugins: PluginHouse::new(options.plugins, &options.data_dir),
            data_dir: options.data_dir,
            postgres,
            env: options.env,
            file_bytes_max: options.file_bytes_max,
            open: Arc::default(),
            sandboxes: Arc::default(),
            opening: tokio::sync::Mutex::default(),
            closed: Mutex::default(),
            keys: ArcSwap::from_pointee(keys),
            retention,
        })
    }

    /// Where time, ids and randomness come from.
    pub fn env(&self) -> &Arc<dyn Env> {
        &self.env
    }

    /// The folder of a tenant: its database (SQLite), files and imports.
    pub fn tenant_dir(&self, slug: &str) -> PathBuf {
        self.data_dir.join("tenants").join(slug)
    }

    /// The folder of a copy of a tenant.
    pub(crate) fn sandbox_dir(&self, slug: &str) -> PathBuf {
        sandboxes(&self.data_dir).join(slug)
    }

    /// A tenant, opened if it is not yet.
    pub async fn tenant(&self, slug: &str) -> Result<Arc<Tenant>, Error> {
        if let Some(tenant) = self.opened(slug) {
            return Ok(tenant);
        }
        check_slug(slug)?;
        let _one = self.opening.lock().await;
        if let Some(tenant) = self.opened(slug) {
            return Ok(tenant);
        }
        let folder = self.tenant_dir(slug);
        std::fs::create_dir_all(&folder).map_err(mortise_store::Error::from)?;
        let files = Files::folder(&folder.join("files"), self.file_bytes_max)?;
        let store = match &self.postgres {
            None => TenantStore::open_sqlite(&folder.join("tenant.db"))?,
            Some(server) => TenantStore::open_postgres(server, &schema(slug)).await?,
        };
        let house = self.plugins.clone();
        let tenant = Tenant::open(slug, folder, store, files, self.env.clone(), house).await?;
        tenant.retain(self.retention);
        tenant.trust(self.keys.load_full());
        tenant.seal_again().await?;
        tenant.seal_plugin_secrets_again().await?;
        tenant.store.close_idle();
        tenant.follow();
        self.open.write().insert(slug.to_owned(), tenant.clone());
        Ok(tenant)
    }

    /// A tenant that is open.
    pub fn opened(&self, slug: &str) -> Option<Arc<Tenant>> {
        self.open.read().get(slug).cloned()
    }

    /// Closes a tenant that nobody uses and in which nothing happens by itself; false when there is a reason to keep it
    /// open, such as something that is due within this time. `own` is how often the caller has it. It is opened again by
    /// whoever asks for it.
    pub async fn rest(&self, slug: &str, own: usize, within: TimeDelta) -> Result<bool, Error> {
        let _one = self.opening.lock().await;
        let Some(tenant) = self.opened(slug) else { return Ok(true) };
        if !tenant.is_idle(within).await? {
            return Ok(false);
        }
        if !self.take_out(slug, &tenant, own) {
            return Ok(false);
        }
        tenant.close().await;
        let counters = tenant.store.counters();
        let mut closed = self.closed.lock();
        closed.commits += counters.commits.load(Ordering::Relaxed);
        closed.commands += counters.writes.load(Ordering::Relaxed);
        Ok(true)
    }

    /// Takes a tenant out of those that are open, unless somebody uses it.
    fn take_out(&self, slug: &str, tenant: &Arc<Tenant>, own: usize) -> bool {
        let mut open = self.open.write();
        // Ours, that of the map, and that of the lane, which only sleeps: everybody else could still use it.
        let unused = Arc::strong_count(tenant) <= own + 2 + usize::from(tenant.has_lane());
        if unused {
            open.remove(slug);
        }
        unused
    }

    /// Seals the secrets of tenants with other keys from now on; those that are open at once, others when they are opened.
    pub async fn trust(&self, keys: Keyring) -> Result<(), Error> {
        let keys = Arc::new(keys);
        let _one = self.opening.lock().await;
        self.keys.store(keys.clone());
        let open: Vec<Arc<Tenant>> = self.open.read().values().cloned().collect();
        for tenant in open {
            tenant.trust(keys.clone());
            tenant.seal_again().await?;
            tenant.seal_plugin_secrets_again().await?;
        }
        Ok(())
    }

    /// The keys of secrets.
    pub fn keys(&self) -> Arc<Keyring> {
        self.keys.load_full()
    }

    /// Makes the storage of a new tenant.
    pub async fn create_tenant_storage(&self, slug: &str) -> Result<(), Error> {
        self.tenant(slug).await.map(drop)
    }

    /// Removes a tenant with all its data. There is no way back.
    pub async fn drop_tenant_storage(&self, slug: &str) -> Result<(), Error> {
        check_slug(slug)?;
        let _one = self.opening.lock().await;
        let tenant = self.open.write().remove(slug);
        if let Some(tenant) = tenant {
            tenant.close().await;
        }
        if let Some(host) = self.plugins.opened() {
            host.forget(slug);
        }
        if let Some(server) = &self.postgres {
            mortise_store::drop_postgres(server, &schema(slug)).await?;
        }
        let folder = self.tenant_dir(slug);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(mortise_store::Error::from)?;
        }
        Ok(())
    }

    /// Numbers for the metrics.
    pub fn metrics(&self) -> EngineMetrics {
        let open = self.open.read();
        let mut metrics = EngineMetrics { tenants: open.len(), ..*self.closed.lock() };
        for tenant in open.values() {
            metrics.queued += tenant.store.waiting();
            metrics.commits += tenant.store.counters().commits.load(Ordering::Relaxed);
            metrics.commands += tenant.store.counters().writes.load(Ordering::Relaxed);
        }
        metrics
    }

    /// Finishes what is under way in every tenant.
    pub async fn shutdown(&self) {
        let _one = self.opening.lock().await;
        let open: Vec<Arc<Tenant>> = self.open.read().values().cloned().collect();
        for tenant in open {
            tenant.close().await;
        }
    }
}

fn sandboxes(data: &Path) -> PathBuf {
    data.join("sandboxes")
}

/// Clears away the copies that a process left behind when it was killed. On a server other nodes may have some.
async fn clear_sandboxes(data: &Path, postgres: Option<&PostgresServer>) -> Result<(), Error> {
    let folder = sandboxes(data);
    let left = match postgres {
        None => vec![folder],
        Some(server) => {
            let schemas = server.clear_copies().await?;
            schemas.iter().filter_map(|schema| Some(folder.join(slug_of(schema)?))).collect()
        }
    };
    for folder in left.into_iter().filter(|folder| folder.exists()) {
        std::fs::remove_dir_all(&folder).map_err(mortise_store::Error::from)?;
    }
    Ok(())
}

pub(crate) fn schema(slug: &str) -> String {
    format!("t_{}", slug.replace('-', "_"))
}

/// The way back: slugs have no underscore.
pub(crate) fn slug_of(schema: &str) -> Option<String> {
    Some(schema.strip_prefix("t_")?.replace('_', "-"))
}

/// Slugs become names of folders and schemas: nothing but letters, digits and hyphens.
pub fn check_slug(slug: &str) -> Result<(), Error> {
    let fits = (1..=SLUG_MAX).contains(&slug.len())
        && slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !slug.starts_with('-')
        && !slug.ends_with('-');
    match fits {
        true => Ok(()),
        false => Err(Error::NotFound(Issue::new("tenant.slug").with("slug", slug))),
    }
}
