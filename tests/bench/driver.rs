//! The bare driver: what rusqlite alone does on a copy of the measured file, with the statements and the grouping of
//! the store, but without HTTP, rights, checks and JSON.
//!
//! Rows to write are copies of rows that are there, under new ids, so that this stays true when tables change.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use uuid::Uuid;

/// Readers at once: one for each core of the measured machine, as Mortise has.
const READERS: usize = 2;

/// A copied tenant file.
pub(crate) struct Driver<'a> {
    /// The file.
    pub(crate) file: &'a Path,
    /// Table of the measured entity.
    pub(crate) table: String,
    /// Ids to read and change.
    pub(crate) ids: &'a [Uuid],
    /// The person whose row scope is applied.
    pub(crate) person: Uuid,
    /// Length of one measurement.
    pub(crate) duration: Duration,
}

impl<'a> Driver<'a> {
    /// Finds the table of the measured entity: the only one with these two columns.
    pub(crate) fn new(file: &'a Path, ids: &'a [Uuid], person: Uuid, duration: Duration) -> Result<Self> {
        let connection = Connection::open(file)?;
        let mut tables =
            connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")?;
        let names: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let has = |name: &String| {
            let columns = columns(&connection, name).unwrap_or_default();
            columns.iter().any(|column| column == "quantity") && columns.iter().any(|column| column == "due")
        };
        let table =
            names.into_iter().find(has).context("the copied file has no table of the measured entity")?;
        Ok(Self { file, table, ids, person, duration })
    }

    /// Records read by id per second.
    pub(crate) fn read(&self) -> Result<f64> {
        let sql = format!(
            "SELECT * FROM {} WHERE id = ?1 AND deleted_at IS NULL AND (owner = ?2 OR owner IS NULL)",
            self.table
        );
        self.readers(|connection, turn| {
            let id = self.ids[turn % self.ids.len()];
            let mut statement = connection.prepare_cached(&sql)?;
            consume(&mut statement, vec![blob(id), blob(self.person)])
        })
    }

    /// Lists of fifty per second: two fields filtered, in order of time, one branch for each case of the row scope.
    pub(crate) fn list(&self) -> Result<f64> {
        let branch = |owner: &str| {
            format!(
                "SELECT * FROM (SELECT * FROM {} WHERE deleted_at IS NULL AND status = ?1 AND active = 1 AND {owner} \
                 ORDER BY created_at DESC, id DESC LIMIT 51)",
                self.table
            )
        };
        let sql = format!(
            "{} UNION ALL {} ORDER BY created_at DESC, id DESC LIMIT 51",
            branch("owner = ?2"),
            branch("owner IS NULL")
        );
        let statuses = ["new", "open", "waiting", "won", "lost"];
        self.readers(|connection, turn| {
            let status = Value::Text(statuses[turn % statuses.len()].to_owned());
            let mut statement = connection.prepare_cached(&sql)?;
            consume(&mut statement, vec![status, blob(self.person)])
        })
    }

    /// Records created per second, `group` in each commit.
    pub(crate) fn create(&self, group: usize) -> Result<f64> {
        let connection = self.writer()?;
        let record = Copied::sample(&connection, &self.table)?;
        let trail = Trail::new(&connection)?;
        self.groups(&connection, group, |_| {
            record.insert(&connection, &[("id", blob(Uuid::now_v7()))])?;
            trail.append(&connection)
        })
    }

    /// Records changed per second, `group` in each commit.
    pub(crate) fn update(&self, group: usize) -> Result<f64> {
        let connection = self.writer()?;
        let trail = Trail::new(&connection)?;
        let load = format!("SELECT * FROM {} WHERE id = ?1", self.table);
        let change = format!(
            "UPDATE {} SET quantity = ?2, version = version + 1, updated_at = updated_at + 1 WHERE id = ?1",
            self.table
        );
        self.groups(&connection, group, |turn| {
            let id = blob(self.ids[turn % self.ids.len()]);
            consume(&mut *connection.prepare_cached(&load)?, vec![id.clone()])?;
            connection
                .prepare_cached(&change)?
                .execute(params_from_iter([id, Value::Integer(turn as i64)]))?;
            trail.append(&connection)
        })
    }

    fn readers(&self, work: impl Fn(&Connection, usize) -> Result<()> + Sync) -> Result<f64> {
        let (count, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let started = Instant::now();
        std::thread::scope(|scope| -> Result<()> {
            let readers: Vec<_> = (0..READERS)
                .map(|reader| {
                    let (work, count, stop) = (&work, &count, &stop);
                    scope.spawn(move || -> Result<()> {
                        let connection = self.reader()?;
                        let mut turn = reader * 7919;
                        while !stop.load(Ordering::Relaxed) {
                            work(&connection, turn)?;
                            turn += 1;
                            count.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(())
                    })
                })
                .collect();
            std::thread::sleep(self.duration);
            stop.store(true, Ordering::Relaxed);
            readers.into_iter().try_for_each(|reader| reader.join().expect("a reader does not panic"))
        })?;
        Ok(count.into_inner() as f64 / started.elapsed().as_secs_f64())
    }

    fn groups(
        &self,
        connection: &Connection,
        group: usize,
        each: impl Fn(usize) -> Result<()>,
    ) -> Result<f64> {
        let started = Instant::now();
        let mut count = 0;
        while started.elapsed() < self.duration {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            for _ in 0..group {
                connection.prepare_cached("SAVEPOINT one")?.execute([])?;
                each(count)?;
                connection.prepare_cached("RELEASE one")?.execute([])?;
                count += 1;
            }
            connection.execute_batch("COMMIT")?;
        }
        Ok(count as f64 / started.elapsed().as_secs_f64())
    }

    fn writer(&self) -> Result<Connection> {
        let connection = Connection::open(self.file)?;
        connection.execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF; PRAGMA cache_size=-16384; \
             PRAGMA wal_autocheckpoint=4000; PRAGMA temp_store=MEMORY;",
        )?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    }

    fn reader(&self) -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(self.file, flags)?;
        connection
            .execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-8192; PRAGMA mmap_size=268435456;")?;
        Ok(connection)
    }
}

/// The audit entry and the event that go with each change.
struct Trail {
    audit: Copied,
    event: Copied,
    next: std::cell::Cell<i64>,
}

impl Trail {
    fn new(connection: &Connection) -> Result<Self> {
        let last: i64 = connection.query_row("SELECT max(seq) FROM _audit", [], |row| row.get(0))?;
        Ok(Self {
            audit: Copied::sample(connection, "_audit")?,
            event: Copied::sample(connection, "_event")?,
            next: std::cell::Cell::new(last + 1),
        })
    }

    fn append(&self, connection: &Connection) -> Result<()> {
        let number = self.next.replace(self.next.get() + 1);
        let record = blob(Uuid::now_v7());
        self.audit.insert(connection, &[("seq", Value::Integer(number)), ("record", record.clone())])?;
        self.event.insert(connection, &[("seq", Value::Null), ("record", record)])
    }
}

/// A row that is written again and again with some columns changed.
struct Copied {
    columns: Vec<String>,
    values: Vec<Value>,
    insert: String,
}

impl Copied {
    fn sample(connection: &Connection, table: &str) -> Result<Self> {
        let mut columns = columns(connection, table)?;
        // The key that SQLite counts by itself.
        columns.retain(|column| column != "_rid");
        let listed = columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ");
        let last = format!("SELECT {listed} FROM {table} ORDER BY rowid DESC LIMIT 1");
        let values =
            connection.query_row(&last, [], |row| (0..columns.len()).map(|index| row.get(index)).collect());
        let places = vec!["?"; columns.len()].join(", ");
        let insert = format!("INSERT INTO {table} ({listed}) VALUES ({places})");
        Ok(Self { values: values.with_context(|| format!("{table} is empty"))?, columns, insert })
    }

    fn insert(&self, connection: &Connection, changes: &[(&str, Value)]) -> Result<()> {
        let mut values = self.values.clone();
        for (name, value) in changes {
            let index = self.columns.iter().position(|column| column == name);
            values[index.with_context(|| format!("there is no column {name}"))?] = value.clone();
        }
        connection.prepare_cached(&self.insert)?.execute(params_from_iter(values))?;
        Ok(())
    }
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map([table], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(names)
}

fn blob(id: Uuid) -> Value {
    Value::Blob(id.as_bytes().to_vec())
}

/// Reads every column of every row, as whoever wants the values has to.
fn consume(statement: &mut rusqlite::Statement, params: Vec<Value>) -> Result<()> {
    let width = statement.column_count();
    let mut rows = statement.query(params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        for index in 0..width {
            std::hint::black_box(row.get_ref(index)?);
        }
    }
    Ok(())
}
