//! The bare driver: what a database does with the statements and the grouping of the store when there is no HTTP and
//! nothing is authorised, checked, calculated or rendered.
//!
//! It works on a copy of the measured data and must never touch what the server works on. Rows to write are rows that
//! are there already, under new ids, so that this stays true when tables change.

mod postgres;
mod raw;
mod sqlite;
mod statements;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use uuid::Uuid;

pub(crate) use postgres::{Postgres, connect, copy_database};
pub(crate) use sqlite::Sqlite;
use statements::Tables;

/// Rows of one transaction of a bulk load, as the import of Mortise groups them.
const PAGE: usize = 500;
/// What a list is filtered by, in turn.
const STATUSES: [&str; 5] = ["new", "open", "waiting", "won", "lost"];
/// The audit entry's text for a change of one field; a created record's text names all of them.
const CHANGE: &str = "{\"quantity\":[12345,54321]}";

/// A database under the workloads; each method gives what it did in a second.
pub(crate) trait Driver {
    /// Records read by id.
    fn read(&self, duration: Duration) -> Result<f64>;
    /// Lists of fifty: two fields filtered, in order of time, one branch for each case of the row scope, with the total.
    fn list(&self, duration: Duration) -> Result<f64>;
    /// Records read and then changed, so many in each commit; the next are read while these are written.
    fn update(&self, duration: Duration, group: usize) -> Result<f64>;
    /// Records created, so many in each commit.
    fn create(&self, duration: Duration, group: usize) -> Result<f64>;
    /// Empties the copy and writes all measured records into it again; gives how long that takes.
    fn load(&self) -> Result<Duration>;
}

/// What the workloads ask for.
pub(crate) struct Subject {
    /// Ids of records to read and change.
    pub(crate) ids: Vec<Uuid>,
    /// The person whose row scope is applied.
    pub(crate) person: Uuid,
}

impl Subject {
    fn id(&self, turn: usize) -> Uuid {
        self.ids[turn % self.ids.len()]
    }
}

/// Totals of lists, kept until records change, as Mortise keeps them. No workload with lists changes any.
#[derive(Default)]
struct Totals(Mutex<HashMap<&'static str, i64>>);

impl Totals {
    fn get(&self, status: &str) -> Option<i64> {
        self.0.lock().expect("no holder panics").get(status).copied()
    }

    fn put(&self, status: &'static str, total: i64) {
        self.0.lock().expect("no holder panics").insert(status, total);
    }
}

/// A value as the driver binds and returns it.
trait Bound: Clone {
    fn int(value: i64) -> Self;
    fn flag(value: bool) -> Self;
    fn text(value: &str) -> Self;
    fn id(value: Uuid) -> Self;
    /// The integer, if it is one.
    fn to_int(&self) -> Option<i64>;
}

/// Parameters of a list, in the order of [`Tables::list`].
fn list_parameters<V: Bound>(status: &str, person: Uuid) -> Vec<V> {
    // One more than is shown tells whether there is a next page.
    vec![V::text(status), V::flag(true), V::id(person), V::int(51)]
}

/// Parameters of a total, in the order of [`Tables::counts`], each case with its own.
fn count_parameters<V: Bound>(status: &str, person: Uuid) -> [Vec<V>; 2] {
    // Mortise counts to ten thousand and says "10,000+" beyond.
    let common = [V::int(1), V::text(status), V::flag(true), V::int(10_001)];
    let mut owned = common.to_vec();
    owned.push(V::id(person));
    [owned, common.to_vec()]
}

/// One write of a group: the parameters of its statement and the record that it is about.
struct Job<V> {
    values: Vec<V>,
    record: V,
}

impl<V: Bound> Job<V> {
    /// This row once more, under a new id.
    fn create(tables: &Tables, row: &[V]) -> Result<Self> {
        let record = V::id(Uuid::now_v7());
        let mut values = row.to_vec();
        values[tables.item.position("id")?] = record.clone();
        Ok(Self { values, record })
    }

    /// This row as it is.
    fn repeat(tables: &Tables, row: Vec<V>) -> Result<Self> {
        Ok(Self { record: row[tables.item.position("id")?].clone(), values: row })
    }

    /// Another quantity for this row, in the order of [`Tables::update`].
    fn change(tables: &Tables, row: &[V], quantity: usize, person: Uuid) -> Result<Self> {
        let column = |name| tables.item.position(name).map(|position| row[position].clone());
        let (record, version) = (column("id")?, column("version")?);
        let next = version.to_int().context("a version is a number")? + 1;
        let values = vec![
            V::int(quantity as i64),
            V::int(next),
            column("updated_at")?,
            V::id(person),
            record.clone(),
            version,
        ];
        Ok(Self { values, record })
    }
}

/// The audit entries and events that go with the writes of a group, and the head of the trail.
struct Trail<V> {
    audit: Vec<V>,
    event: Vec<V>,
    head: i64,
    seq: usize,
    audit_record: usize,
    event_record: usize,
    hash: V,
}

impl<V: Bound> Trail<V> {
    /// From an entry and an event that are there; `head` is the number of the last entry.
    fn new(tables: &Tables, audit: Vec<V>, event: Vec<V>, head: i64) -> Result<Self> {
        Ok(Self {
            seq: tables.audit.position("seq")?,
            audit_record: tables.audit.position("record")?,
            event_record: tables.event.position("record")?,
            hash: audit[tables.audit.position("hash")?].clone(),
            audit,
            event,
            head,
        })
    }

    /// The same with the text of a small change.
    fn of_changes(mut self, tables: &Tables) -> Result<Self> {
        self.audit[tables.audit.position("changes")?] = V::text(CHANGE);
        Ok(self)
    }

    /// The next entries, one for each job.
    fn audits(&mut self, jobs: &[Job<V>]) -> Vec<Vec<V>> {
        let entry = |job: &Job<V>| {
            self.head += 1;
            let mut values = self.audit.clone();
            values[self.seq] = V::int(self.head);
            values[self.audit_record] = job.record.clone();
            values
        };
        jobs.iter().map(entry).collect()
    }

    /// The events, one for each job.
    fn events(&self, jobs: &[Job<V>]) -> Vec<Vec<V>> {
        let entry = |job: &Job<V>| {
            let mut values = self.event.clone();
            values[self.event_record] = job.record.clone();
            values
        };
        jobs.iter().map(entry).collect()
    }

    /// Parameters that move the head.
    fn head(&self) -> [V; 2] {
        [V::int(self.head), self.hash.clone()]
    }
}

/// How often `work` is done in a second; it says how much it did each time.
fn rate(duration: Duration, mut work: impl FnMut() -> Result<usize>) -> Result<f64> {
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < duration {
        count += work()?;
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}
