//! The bare driver for events through a rule: rusqlite on a copy of the tenant's file, with the statements of the lane for
//! one event, in its grouping. It asks no conditions, checks nothing and computes no hashes.
//!
//! The statements are written down here and not taken from the store, so that a slower statement there shows as a smaller
//! share and never moves its own baseline.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use uuid::Uuid;

/// Events of one transaction.
const GROUP: usize = 64;
/// Events read at once.
const PAGE: i64 = 64;
/// Rows of each table that stand for all; of the records themselves more, so that not all of them lie in a cache.
const SAMPLES: usize = 1_000;
const RECORDS: usize = 50_000;

/// A copied file.
pub(super) struct Bare {
    connection: Connection,
    /// Changes the record of an event.
    change: String,
    /// Looks for the record that another one points to.
    there: String,
    item: Rows,
    follow_up: Rows,
    audit: Rows,
    event: Rows,
}

/// A table with rows that are written again under new ids.
struct Rows {
    name: String,
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    /// Reads a row by its id.
    select: String,
    /// Writes a row.
    insert: String,
}

impl Bare {
    /// Copies a file that nobody has open.
    pub(super) fn new(file: &Path) -> Result<Self> {
        let copy = copy(file)?;
        let connection = Connection::open(copy)?;
        connection.execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF; PRAGMA cache_size=-16384; \
             PRAGMA wal_autocheckpoint=4000; PRAGMA temp_store=MEMORY;",
        )?;
        connection.set_prepared_statement_cache_capacity(64);
        let of = |column: &str| -> Result<String> {
            let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND EXISTS (SELECT 1 FROM \
                       pragma_table_info(sqlite_master.name) AS field WHERE field.name = ?1)";
            connection.query_row(sql, [column], |row| row.get(0)).context("a table of the app is missing")
        };
        let (item, follow_up) = (of("phone")?, of("subject")?);
        Ok(Self {
            change: format!(
                "UPDATE \"{item}\" SET status = ?1, version = ?2, updated_at = ?3, updated_by = NULL \
                 WHERE id = ?4 AND version = ?5"
            ),
            there: format!("SELECT id FROM \"{item}\" WHERE id = ?1 AND deleted_at IS NULL"),
            item: Rows::read(&connection, &item, &["_rid"], RECORDS)?,
            follow_up: Rows::read(&connection, &follow_up, &["_rid"], SAMPLES)?,
            audit: Rows::read(&connection, "_audit", &[], SAMPLES)?,
            event: Rows::read(&connection, "_event", &["seq"], SAMPLES)?,
            connection,
        })
    }

    /// How many events it works off in a second, of so many.
    pub(super) fn rate(self, count: usize) -> Result<f64> {
        let started = Instant::now();
        let mut done = 0;
        let mut position = 0;
        let mut seq: i64 = self.connection.query_row("SELECT max(seq) FROM _audit", [], |row| row.get(0))?;
        while done < count {
            let group = GROUP.min(count - done);
            self.run("BEGIN IMMEDIATE", &[])?;
            // Each event is followed by two others, of which nothing follows.
            for _ in 0..3 {
                position = self.read_events(position)?;
            }
            for number in done..done + group {
                self.one(number)?;
            }
            self.note(group, &mut seq)?;
            self.run("UPDATE _lane SET position = ?1", &[Value::Integer(position)])?;
            self.run("COMMIT", &[])?;
            done += group;
        }
        Ok(done as f64 / started.elapsed().as_secs_f64())
    }

    fn run(&self, sql: &str, values: &[Value]) -> Result<usize> {
        Ok(self.connection.prepare_cached(sql)?.execute(params_from_iter(values))?)
    }

    fn read_events(&self, position: i64) -> Result<i64> {
        let sql = "SELECT e.*, a.changes FROM _event e LEFT JOIN _audit a ON a.seq = e.audit WHERE e.seq > ?1 \
                   ORDER BY e.seq LIMIT ?2";
        let rows = read(&self.connection, sql, &[Value::Integer(position), Value::Integer(PAGE)])?;
        // At its end it begins anew: what is read costs the same.
        Ok(match rows.last().map(|row| &row[0]) {
            Some(Value::Integer(last)) => *last,
            _ => 0,
        })
    }

    /// The record is read, changed, another is made that points to it, and the record is read again.
    fn one(&self, number: usize) -> Result<()> {
        let row = &self.item.rows[number % self.item.rows.len()];
        let id = row[self.item.position("id")?].clone();
        let found = read(&self.connection, &self.item.select, std::slice::from_ref(&id))?;
        let version = found.first().context("the record is gone")?[self.item.position("version")?].clone();
        let Value::Integer(number) = version else { anyhow::bail!("a version is a number") };
        self.run("SAVEPOINT part", &[])?;
        let at = row[self.item.position("updated_at")?].clone();
        let values = [
            Value::Text("open".to_owned()),
            Value::Integer(number + 1),
            at,
            id.clone(),
            Value::Integer(number),
        ];
        ensure!(self.run(&self.change, &values)? == 1, "the record was changed by somebody else");
        ensure!(
            !read(&self.connection, &self.there, std::slice::from_ref(&id))?.is_empty(),
            "the record is gone"
        );
        let mut follow_up = self.follow_up.rows[0].clone();
        follow_up[self.follow_up.position("id")?] = new_id();
        follow_up[self.follow_up.position("item")?] = id.clone();
        self.run(&self.follow_up.insert, &follow_up)?;
        read(&self.connection, &self.item.select, &[id])?;
        self.run("RELEASE SAVEPOINT part", &[])?;
        Ok(())
    }

    /// Two entries and two events for each, and the head of the trail.
    fn note(&self, group: usize, seq: &mut i64) -> Result<()> {
        let (insert, at) = (&self.audit.insert, self.audit.position("seq")?);
        for number in 0..2 * group {
            *seq += 1;
            let mut entry = self.audit.rows[number % self.audit.rows.len()].clone();
            entry[at] = Value::Integer(*seq);
            self.run(insert, &entry)?;
        }
        self.run("UPDATE _audit_head SET seq = ?1", &[Value::Integer(*seq)])?;
        for number in 0..2 * group {
            self.run(&self.event.insert, &self.event.rows[number % self.event.rows.len()])?;
        }
        Ok(())
    }
}

impl Rows {
    fn read(connection: &Connection, name: &str, own: &[&str], limit: usize) -> Result<Self> {
        let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
        let columns: Vec<String> =
            statement.query_map([name], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let columns: Vec<String> =
            columns.into_iter().filter(|column| !own.contains(&column.as_str())).collect();
        let listed = columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ");
        let places: Vec<String> = (1..=columns.len()).map(|number| format!("?{number}")).collect();
        let latest = format!("SELECT {listed} FROM \"{name}\" ORDER BY rowid DESC LIMIT {limit}");
        let table = Self {
            rows: read(connection, &latest, &[])?,
            select: format!("SELECT {listed} FROM \"{name}\" WHERE id = ?1"),
            insert: format!("INSERT INTO \"{name}\" ({listed}) VALUES ({})", places.join(", ")),
            name: name.to_owned(),
            columns,
        };
        ensure!(!table.rows.is_empty(), "{name} is empty");
        Ok(table)
    }

    fn position(&self, column: &str) -> Result<usize> {
        let position = self.columns.iter().position(|name| name == column);
        position.with_context(|| format!("{} has no column {column}", self.name))
    }
}

fn new_id() -> Value {
    Value::Blob(Uuid::now_v7().as_bytes().to_vec())
}

fn read(connection: &Connection, sql: &str, values: &[Value]) -> Result<Vec<Vec<Value>>> {
    let mut statement = connection.prepare_cached(sql)?;
    let width = statement.column_count();
    let found = statement.query_map(params_from_iter(values), |row| {
        (0..width).map(|column| row.get(column)).collect::<rusqlite::Result<Vec<Value>>>()
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Copies a file together with its log.
fn copy(file: &Path) -> Result<PathBuf> {
    let copy = file.with_file_name("bare-driver.sqlite");
    std::fs::copy(file, &copy)?;
    let log = format!("{}-wal", file.display());
    if Path::new(&log).exists() {
        std::fs::copy(&log, format!("{}-wal", copy.display()))?;
    }
    Ok(copy)
}
