//! Empty places for tenants on both databases.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test file uses a part")]

use mortise_expr::Dialect;
use mortise_store::{AuditEntry, EventEntry, PostgresServer, TenantStore, connect_postgres, drop_postgres};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use uuid::Uuid;

/// Where a tenant of a test is, or will be.
pub struct Place {
    pub dialect: Dialect,
    folder: tempfile::TempDir,
    server: Option<PostgresServer>,
    pub schema: String,
}

/// Runs a test on SQLite and, where a server is given by `MORTISE_TEST_POSTGRES`, on PostgreSQL.
pub async fn check(test: impl AsyncFn(&Place)) {
    let place = Place {
        dialect: Dialect::Sqlite,
        folder: tempfile::tempdir().unwrap(),
        server: None,
        schema: String::new(),
    };
    test(&place).await;
    check_postgres(test).await;
}

/// The same on PostgreSQL alone.
pub async fn check_postgres(test: impl AsyncFn(&Place)) {
    let Some(url) = postgres() else { return };
    let place = Place {
        dialect: Dialect::Postgres,
        folder: tempfile::tempdir().unwrap(),
        server: Some(connect_postgres(&url).await.unwrap()),
        schema: format!("s_{}", Uuid::new_v4().simple()),
    };
    test(&place).await;
    drop_postgres(place.server(), &place.schema).await.unwrap();
}

/// The address of the server.
pub fn postgres() -> Option<String> {
    let url = std::env::var("MORTISE_TEST_POSTGRES").ok();
    assert!(
        url.is_some() || std::env::var("MORTISE_TEST_REQUIRE").is_err(),
        "MORTISE_TEST_POSTGRES is not set"
    );
    if url.is_none() {
        eprintln!("skipped on PostgreSQL: MORTISE_TEST_POSTGRES is not set");
    }
    url
}

impl Place {
    pub fn server(&self) -> &PostgresServer {
        self.server.as_ref().unwrap()
    }

    pub async fn open(&self) -> mortise_store::Result<TenantStore> {
        match &self.server {
            None => TenantStore::open_sqlite(&self.folder.path().join("tenant.db")),
            Some(server) => TenantStore::open_postgres(server, &self.schema).await,
        }
    }

    /// A connection past the product.
    pub async fn connection(&self) -> DatabaseConnection {
        let url = match self.dialect {
            Dialect::Sqlite => format!("sqlite://{}/tenant.db?mode=rwc", self.folder.path().display()),
            Dialect::Postgres => postgres().unwrap(),
        };
        Database::connect(url).await.unwrap()
    }

    /// The name of a table as statements past the product write it.
    pub fn table(&self, name: &str) -> String {
        match self.dialect {
            Dialect::Sqlite => name.to_owned(),
            Dialect::Postgres => format!("{}.{name}", self.schema),
        }
    }

    /// Runs statements past the product.
    pub async fn batch(&self, sql: &str) {
        let connection = self.connection().await;
        connection.execute_unprepared(sql).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Reads a column of text past the product.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let connection = self.connection().await;
        let backend = match self.dialect {
            Dialect::Sqlite => DbBackend::Sqlite,
            Dialect::Postgres => DbBackend::Postgres,
        };
        let rows = connection.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
        let texts = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        connection.close().await.unwrap();
        texts
    }
}

/// An audit entry about a change of a record.
pub fn audit(record: Uuid, changes: &str) -> AuditEntry {
    AuditEntry {
        at: chrono::DateTime::UNIX_EPOCH,
        actor: None,
        action: "record.changed".to_owned(),
        entity: Some("desk.thing".to_owned()),
        record: Some(record),
        version: Some(1),
        channel: "api".to_owned(),
        ip: None,
        device: None,
        changes: changes.to_owned(),
    }
}

/// An event about a change of a record by a person.
pub fn event(record: Uuid) -> EventEntry {
    EventEntry {
        at: chrono::DateTime::UNIX_EPOCH,
        kind: "record.changed",
        entity: "desk.thing".to_owned(),
        record,
        version: 1,
        actor: None,
        cause: None,
        depth: 0,
        rule: None,
        detail: None,
    }
}
