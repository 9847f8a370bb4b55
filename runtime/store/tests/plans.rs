//! What SQLite knows of its tables when it chooses how to read them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use mortise_store::{Error, Session, TenantStore};
use uuid::Uuid;

use common::audit;

/// How long the writer may take to find a quiet moment, in tenths of a second.
const PATIENCE: usize = 100;

/// Twenty customers with fifty visits each, all but one of them done.
fn fill(session: &mut Session<'_>) -> Result<(), Error> {
    let make = [
        "CREATE TABLE visit (id INTEGER PRIMARY KEY, customer INTEGER, state TEXT, at INTEGER)",
        "CREATE INDEX visit_customer ON visit (customer)",
        "CREATE INDEX visit_state ON visit (state, at DESC)",
    ];
    for sql in make {
        session.execute(sql, &[])?;
    }
    for number in 0..1_000_i64 {
        let sql = "INSERT INTO visit (customer, state, at) VALUES (?1, ?2, ?3)";
        let state = if number == 0 { "planned" } else { "done" };
        session.execute(sql, &[(number % 20).into(), state.into(), number.into()])?;
        session.audit(audit(Uuid::nil(), "{}"));
    }
    Ok(())
}

async fn texts(store: &TenantStore, sql: &str, column: usize) -> Vec<String> {
    store.fetch(sql, &[], |row| Ok(row.text(column)?.unwrap_or_default())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_many_changes_the_index_is_read_that_narrows_most() {
    let folder = tempfile::tempdir().unwrap();
    let store = TenantStore::open_sqlite(&folder.path().join("tenant.db")).unwrap();
    let plan = "EXPLAIN QUERY PLAN SELECT max(at) FROM visit WHERE customer = 7 AND state = 'done'";
    store.write(fill).await.unwrap();
    for _ in 0..PATIENCE {
        let told = texts(&store, plan, 3).await;
        if told.iter().any(|line| line.contains("visit_customer")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{:?}", texts(&store, plan, 3).await);
}
