//! Databases: the control plane, tenants' tables and migrations, compiled queries, the audit chain and files.
//!
//! Only this crate talks to a database. Every statement about a tenant goes through its [`TenantStore`], whose
//! [`Naming`] qualifies each table, so that no query can reach another tenant.

mod audit;
pub mod catalog;
pub mod column;
pub mod control;
mod copy;
mod error;
mod event;
mod exec;
mod files;
mod glance;
mod lane;
mod layout;
mod migrate;
mod pace;
mod postgres;
pub mod purge;
pub mod search;
mod secrets;
pub mod select;
mod signal;
mod sqlite;
mod standing;
mod system;
mod tenant;
mod trail;
mod writer;

pub use audit::{AuditEntry, Head, StoredEntry, Verified};
pub use copy::{Copied, SchemaCopy, Wanted, copy_sqlite};
pub use error::{Error, Result};
pub use event::{EventEntry, StoredEvent};
pub use exec::{Naming, Param, Row, Tx, quote};
pub use files::{Files, PutError, StoredFile, hex};
pub use glance::{Texts, glance_sqlite};
pub use layout::{Layout, TableLayout, id_of, version_of};
pub use postgres::{PostgresServer, connect_postgres};
pub use secrets::Keyring;
pub use select::Select;
pub use signal::{Heard, Listening, Signal};
pub use standing::Crossing;
pub use tenant::{TenantStore, catalog_in, drop_postgres, migrate_in, put_meta};
pub use trail::{Found, TrailFilter};
pub use writer::{Follower, Session, WriterCounters};
