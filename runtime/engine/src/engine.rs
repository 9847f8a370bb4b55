//! The engine: all tenants of one installation, opened when they are first asked for.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use mortise_store::{Files, PostgresServer, TenantStore};
use parking_lot::RwLock;
use tokio::sync::Mutex;

use crate::env::{Env, System};
use crate::error::Error;
use crate::files::FILE_BYTES_MAX;
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
}

impl EngineOptions {
    /// SQLite below this folder, in the real world.
    pub fn sqlite(data_dir: impl Into<PathBuf>) -> Self {
        EngineOptions {
            data_dir: data_dir.into(),
            database: Database::Sqlite,
            env: Arc::new(System),
            file_bytes_max: FILE_BYTES_MAX,
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
    data_dir: PathBuf,
    pub(crate) postgres: Option<PostgresServer>,
    env: Arc<dyn Env>,
    file_bytes_max: u64,
    pub(crate) open: Arc<RwLock<HashMap<String, Arc<Tenant>>>>,
    /// Held while a tenant is opened or dropped; those that are open are found without it.
    opening: Mutex<()>,
}

impl Engine {
    /// Opens the engine; tenants are opened when they are asked for.
    pub async fn open(options: EngineOptions) -> Result<Engine, Error> {
        let postgres = match &options.database {
            Database::Sqlite => None,
            Database::Postgres { url } => Some(mortise_store::connect_postgres(url).await?),
        };
        std::fs::create_dir_all(options.data_dir.join("tenants")).map_err(mortise_store::Error::from)?;
        Ok(Engine {
            data_dir: options.data_dir,
            postgres,
            env: options.env,
            file_bytes_max: options.file_bytes_max,
            open: Arc::default(),
            opening: Mutex::default(),
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
        let tenant = Arc::new(Tenant::open(slug, folder, store, files, self.env.clone()).await?);
        tenant.follow();
        self.open.write().insert(slug.to_owned(), tenant.clone());
        Ok(tenant)
    }

    fn opened(&self, slug: &str) -> Option<Arc<Tenant>> {
        self.open.read().get(slug).cloned()
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
        let mut metrics = EngineMetrics { tenants: open.len(), ..EngineMetrics::default() };
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
