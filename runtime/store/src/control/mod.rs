//! The control plane: tenants, people, departments, sessions, tokens. One small database beside those of the tenants,
//! `control.db` or the schema `mortise_control`. It holds no record of any app. Every function that touches people
//! takes the tenant, so that an id of another tenant finds nothing.

pub mod entity;
mod keys;
mod lanes;
mod migration;
mod people;
mod sign_in;
mod tenants;

use std::path::Path;
use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, TransactionTrait};
use sea_orm_migration::MigratorTrait;

pub use entity::department::Model as Department;
pub use entity::session::Model as Session;
pub use entity::tenant::Model as Tenant;
pub use entity::token::Model as Token;
pub use entity::user::Model as User;
pub use lanes::Noted;
pub use people::{DepartmentPatch, NewUser, UserPatch};
pub use tenants::{NewTenant, TenantPatch};

use crate::Result;

/// Schema of the control plane on a PostgreSQL server.
const SCHEMA: &str = "mortise_control";
/// Connections to PostgreSQL: requests hardly ever need one, because sessions and people are cached.
const POSTGRES_CONNECTIONS: u32 = 5;
/// Connections to SQLite: one writer and a reader are enough for what is read at start and at sign-in.
const SQLITE_CONNECTIONS: u32 = 2;
/// A statement that waits longer than this for a lock fails instead of hanging a request.
const BUSY: Duration = Duration::from_secs(10);

/// The control plane's database.
#[derive(Clone, Debug)]
pub struct Control {
    db: DatabaseConnection,
}

/// Where the control plane is.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// File in this folder.
    Folder(&'a Path),
    /// PostgreSQL server.
    Postgres(&'a str),
}

impl Control {
    /// Opens the database, makes it when it is not there, and brings its tables up to date.
    pub async fn open(place: Place<'_>) -> Result<Self> {
        let db = match place {
            Place::Folder(folder) => {
                let db = open_file(&folder.join("control.db")).await?;
                migration::Migrator::up(&db, None).await?;
                db
            }
            Place::Postgres(url) => open_schema(url).await?,
        };
        Ok(Control { db })
    }

    /// Answers when the database does.
    pub async fn ping(&self) -> Result<()> {
        Ok(self.db.ping().await?)
    }

    /// Closes all connections.
    pub async fn close(&self) -> Result<()> {
        Ok(self.db.close_by_ref().await?)
    }
}

async fn open_file(path: &Path) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", path.display()));
    options.max_connections(SQLITE_CONNECTIONS).sqlx_logging(false).map_sqlx_sqlite_opts(|options| {
        options
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", "FULL")
            .pragma("foreign_keys", "ON")
            .busy_timeout(BUSY)
    });
    Ok(Database::connect(options).await?)
}

async fn open_schema(url: &str) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(POSTGRES_CONNECTIONS).sqlx_logging(false).set_schema_search_path(SCHEMA);
    options.acquire_timeout(BUSY);
    let db = Database::connect(options).await?;
    // Nodes that start at the same moment wait for each other.
    let lock = db.begin().await?;
    lock.execute_unprepared(&format!("SELECT pg_advisory_xact_lock(hashtextextended('{SCHEMA}', 0))"))
        .await?;
    db.execute_unprepared(&format!("CREATE SCHEMA IF NOT EXISTS {SCHEMA}")).await?;
    migration::Migrator::up(&db, None).await?;
    lock.commit().await?;
    Ok(db)
}
