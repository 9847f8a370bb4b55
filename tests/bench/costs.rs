//! What single steps cost on either database. They explain the difference between the two tables and are no workloads.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::try_join_all;
use rusqlite::Connection;

use crate::driver::connect;
use crate::report::{Samples, Unit};

/// Connections that ask at once: as many as the store's pool holds.
const CONNECTIONS: usize = 16;
/// Length of each measurement; a step takes a thousandth of it at most.
const DURATION: Duration = Duration::from_secs(1);

const TABLE: &str = "CREATE TABLE cost (id INTEGER PRIMARY KEY, text TEXT)";
const ASK: &str = "SELECT 1";
const INSERT: &str = "INSERT INTO cost (id, text) VALUES ($1, 'a text of some forty characters in a row')";

/// Microseconds of each step.
#[derive(Default)]
pub(crate) struct Costs {
    ask: Samples,
    ask_at_once: Samples,
    insert: Samples,
    commit: Samples,
    commit_unsynced: Samples,
}

impl Costs {
    /// Measures SQLite once more, in a file of its own.
    pub(crate) fn sqlite(&mut self, folder: &Path) -> Result<()> {
        let file = folder.join("costs.sqlite");
        let connection = Connection::open(&file)?;
        connection.execute_batch(&format!("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {TABLE}"))?;
        let mut id = 0;
        let mut insert = || {
            id += 1;
            connection.prepare_cached(INSERT)?.execute([id])?;
            Ok(())
        };
        self.ask.push(each(|| {
            Ok(connection.prepare_cached(ASK)?.query_row([], |row| row.get::<_, i64>(0)).map(drop)?)
        })?);
        self.commit.push(each(&mut insert)?);
        connection.execute_batch("PRAGMA synchronous=NORMAL")?;
        self.commit_unsynced.push(each(&mut insert)?);
        connection.execute_batch("BEGIN IMMEDIATE")?;
        self.insert.push(each(&mut insert)?);
        connection.execute_batch("COMMIT")?;
        drop(connection);
        // Nothing of it is needed for the next time.
        for end in ["", "-wal", "-shm"] {
            std::fs::remove_file(format!("{}{end}", file.display())).ok();
        }
        Ok(())
    }

    /// Measures PostgreSQL once more, in a database of its own.
    pub(crate) fn postgres(&mut self, server: &str) -> Result<()> {
        let url = mortise_tests::server::create_database(server);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let connection = std::cell::RefCell::new(runtime.block_on(connect(&url))?);
        let text = |sql: &'static str| {
            let mut connection = connection.borrow_mut();
            runtime.block_on(sqlx::raw_sql(sql).execute(&mut *connection))?;
            anyhow::Ok(())
        };
        let mut id = 0;
        let mut insert = || {
            id += 1;
            let mut connection = connection.borrow_mut();
            runtime.block_on(sqlx::query(INSERT).bind(id).execute(&mut *connection))?;
            Ok(())
        };
        text(TABLE)?;
        self.ask.push(each(|| {
            let mut connection = connection.borrow_mut();
            runtime.block_on(sqlx::query(ASK).fetch_all(&mut *connection))?;
            Ok(())
        })?);
        self.commit.push(each(&mut insert)?);
        text("SET synchronous_commit = off")?;
        self.commit_unsynced.push(each(&mut insert)?);
        text("BEGIN")?;
        self.insert.push(each(&mut insert)?);
        text("COMMIT")?;
        self.ask_at_once.push(runtime.block_on(at_once(&url))?);
        Ok(())
    }

    /// Both beside each other.
    pub(crate) fn table(sqlite: &Self, postgres: &Self) -> String {
        let lines = [
            ("`SELECT 1`, one connection", &sqlite.ask, &postgres.ask),
            ("`SELECT 1`, each of 16 connections at once", &sqlite.ask_at_once, &postgres.ask_at_once),
            ("insert of a small row inside a transaction", &sqlite.insert, &postgres.insert),
            ("such a row and its commit, safe on disk", &sqlite.commit, &postgres.commit),
            ("the same without waiting for the disk", &sqlite.commit_unsynced, &postgres.commit_unsynced),
        ];
        let mut text = "| One step | SQLite | PostgreSQL |\n| --- | --- | --- |\n".to_owned();
        for (name, sqlite, postgres) in lines {
            let [sqlite, postgres] = [sqlite, postgres].map(|samples| samples.show(Unit::Microseconds));
            text.push_str(&format!("| {name} | {sqlite} | {postgres} |\n"));
        }
        text
    }
}

/// Microseconds of one of many steps in a row.
fn each(mut step: impl FnMut() -> Result<()>) -> Result<f64> {
    step()?;
    let (mut count, started) = (0, Instant::now());
    while started.elapsed() < DURATION {
        step()?;
        count += 1;
    }
    Ok(started.elapsed().as_secs_f64() * 1e6 / f64::from(count))
}

/// Microseconds between two answers, of whichever connection.
async fn at_once(url: &str) -> Result<f64> {
    let connections = try_join_all((0..CONNECTIONS).map(|_| connect(url))).await?;
    let started = Instant::now();
    let tasks = connections.into_iter().map(|mut connection| {
        tokio::spawn(async move {
            let mut count = 0;
            while started.elapsed() < DURATION {
                sqlx::query(ASK).fetch_all(&mut connection).await?;
                count += 1;
            }
            anyhow::Ok(count)
        })
    });
    let mut count = 0;
    for task in tasks.collect::<Vec<_>>() {
        count += task.await??;
    }
    Ok(started.elapsed().as_secs_f64() * 1e6 / f64::from(count))
}
