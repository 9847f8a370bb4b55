//! The bare driver on SQLite: rusqlite with the store's own settings, reads on two threads, writes on one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use uuid::Uuid;

use super::statements::{Dialect, Table, Tables};
use super::{
    Bound, Driver, Job, PAGE, STATUSES, Subject, Totals, Trail, count_parameters, list_parameters, rate,
};

/// Readers at once: one for each core of the measured machine, as Mortise has.
const READERS: usize = 2;

/// A copied tenant file.
pub(crate) struct Sqlite {
    source: PathBuf,
    file: PathBuf,
    subject: Subject,
    tables: Tables,
    totals: Totals,
}

impl Sqlite {
    /// On a copied file; `source` is where it was copied from.
    pub(crate) fn new(source: PathBuf, file: PathBuf, subject: Subject) -> Result<Self> {
        let connection = Connection::open(&file)?;
        let item: String = connection
            .query_row(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND EXISTS \
                 (SELECT 1 FROM pragma_table_info(sqlite_master.name) AS field WHERE field.name = 'quantity')",
                [],
                |row| row.get(0),
            )
            .context("the copied file has no table of the measured entity")?;
        let columns = |table: &str| {
            let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
            let names = statement.query_map([table], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok(names)
        };
        let tables = Tables::new(Dialect::Sqlite, None, &item, columns)?;
        Ok(Self { source, file, subject, tables, totals: Totals::default() })
    }

    fn readers(
        &self,
        duration: Duration,
        work: impl Fn(&Connection, usize) -> Result<()> + Sync,
    ) -> Result<f64> {
        let (count, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let started = Instant::now();
        std::thread::scope(|scope| -> Result<()> {
            let start = |reader: usize| {
                let (work, count, stop) = (&work, &count, &stop);
                scope.spawn(move || -> Result<()> {
                    let connection = reader_of(&self.file)?;
                    let mut turn = reader * 7919;
                    while !stop.load(Ordering::Relaxed) {
                        work(&connection, turn)?;
                        turn += 1;
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            };
            let readers: Vec<_> = (0..READERS).map(start).collect();
            std::thread::sleep(duration);
            stop.store(true, Ordering::Relaxed);
            readers.into_iter().try_for_each(|reader| reader.join().expect("a reader does not panic"))
        })?;
        Ok(count.into_inner() as f64 / started.elapsed().as_secs_f64())
    }

    fn total(&self, connection: &Connection, counts: &[String; 2], status: &'static str) -> Result<i64> {
        if let Some(total) = self.totals.get(status) {
            return Ok(total);
        }
        let mut total = 0;
        for (sql, parameters) in counts.iter().zip(count_parameters::<Value>(status, self.subject.person)) {
            let counted: i64 =
                connection.prepare_cached(sql)?.query_row(params_from_iter(parameters), |row| row.get(0))?;
            total += counted;
        }
        self.totals.put(status, total);
        Ok(total)
    }

    /// Reads records and makes changes of them, group after group, until nobody takes them any more.
    fn prepare_changes(&self, group: usize, groups: &SyncSender<Vec<Job<Value>>>) -> Result<()> {
        let connection = reader_of(&self.file)?;
        let sql = self.tables.read();
        let mut turn = 0;
        loop {
            let mut jobs = Vec::with_capacity(group);
            for _ in 0..group {
                let rows = rows(&connection, &sql, &[Value::id(self.subject.id(turn))])?;
                let row = rows.first().context("a record to change is gone")?;
                jobs.push(Job::change(&self.tables, row, turn, self.subject.person)?);
                turn += 1;
            }
            if groups.send(jobs).is_err() {
                return Ok(());
            }
        }
    }

    fn write_changes(&self, duration: Duration, groups: Receiver<Vec<Job<Value>>>) -> Result<f64> {
        let mut writer = Writer::open(self)?;
        writer.trail = writer.trail.of_changes(&self.tables)?;
        let sql = self.tables.update();
        // Moved in here and dropped at the end, which ends the reader.
        rate(duration, move || writer.commit(&sql, &groups.recv().context("the reader ended")?))
    }
}

impl Driver for Sqlite {
    fn read(&self, duration: Duration) -> Result<f64> {
        let sql = self.tables.read();
        self.readers(duration, |connection, turn| {
            consume(connection, &sql, &[Value::id(self.subject.id(turn))])
        })
    }

    fn list(&self, duration: Duration) -> Result<f64> {
        let (sql, counts) = (self.tables.list(), self.tables.counts());
        self.readers(duration, |connection, turn| {
            let status = STATUSES[turn % STATUSES.len()];
            consume(connection, &sql, &list_parameters(status, self.subject.person))?;
            std::hint::black_box(self.total(connection, &counts, status)?);
            Ok(())
        })
    }

    fn update(&self, duration: Duration, group: usize) -> Result<f64> {
        let (sender, receiver) = sync_channel(1);
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || self.prepare_changes(group, &sender));
            let written = self.write_changes(duration, receiver);
            // Why the reader ended says more than that it did.
            reader.join().expect("a reader does not panic")?;
            written
        })
    }

    fn create(&self, duration: Duration, group: usize) -> Result<f64> {
        let mut writer = Writer::open(self)?;
        let sql = self.tables.insert(&self.tables.item, 1);
        let there = page(&writer.connection, &self.tables, Value::id(Uuid::nil()))?;
        let mut next = there.iter().cycle();
        rate(duration, || {
            let jobs: Result<Vec<_>> =
                next.by_ref().take(group).map(|row| Job::create(&self.tables, row)).collect();
            writer.commit(&sql, &jobs?)
        })
    }

    fn load(&self) -> Result<Duration> {
        let mut writer = Writer::open(self)?;
        writer.connection.execute_batch(&self.tables.empty())?;
        let source = reader_of(&self.source)?;
        let sql = self.tables.insert(&self.tables.item, 1);
        let started = Instant::now();
        let mut last = Value::id(Uuid::nil());
        loop {
            let rows = page(&source, &self.tables, last)?;
            let jobs: Vec<_> =
                rows.into_iter().map(|row| Job::repeat(&self.tables, row)).collect::<Result<_>>()?;
            let Some(job) = jobs.last() else { return Ok(started.elapsed()) };
            last = job.record.clone();
            writer.commit(&sql, &jobs)?;
        }
    }
}

/// The writing connection with what goes along with each write.
struct Writer<'a> {
    connection: Connection,
    tables: &'a Tables,
    trail: Trail<Value>,
}

impl<'a> Writer<'a> {
    fn open(driver: &'a Sqlite) -> Result<Self> {
        let (connection, tables) = (Connection::open(&driver.file)?, &driver.tables);
        connection.execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF; PRAGMA cache_size=-16384; \
             PRAGMA wal_autocheckpoint=4000; PRAGMA temp_store=MEMORY;",
        )?;
        connection.set_prepared_statement_cache_capacity(64);
        let last = |table: &Table| -> Result<Vec<Value>> {
            let found = rows(&connection, &tables.last(table), &[])?.pop();
            found.with_context(|| format!("{} is empty", table.name))
        };
        let (audit, event) = (last(&tables.audit)?, last(&tables.event)?);
        let head = connection.query_row(&tables.last_number(), [], |row| row.get(0))?;
        let trail = Trail::new(tables, audit, event, head)?;
        Ok(Self { connection, tables, trail })
    }

    /// One transaction: each write in its savepoint, then the entries that go with all of them.
    fn commit(&mut self, sql: &str, jobs: &[Job<Value>]) -> Result<usize> {
        let run = |sql: &str, values: &[Value]| -> Result<usize> {
            Ok(self.connection.prepare_cached(sql)?.execute(params_from_iter(values))?)
        };
        run("BEGIN IMMEDIATE", &[])?;
        for job in jobs {
            run("SAVEPOINT job", &[])?;
            ensure!(run(sql, &job.values)? == 1, "a record was changed by somebody else");
            run("RELEASE SAVEPOINT job", &[])?;
        }
        let insert = self.tables.insert(&self.tables.audit, 1);
        self.trail.audits(jobs).iter().try_for_each(|entry| run(&insert, entry).map(drop))?;
        run(&self.tables.move_head(), &self.trail.head())?;
        let insert = self.tables.insert(&self.tables.event, 1);
        self.trail.events(jobs).iter().try_for_each(|entry| run(&insert, entry).map(drop))?;
        run("COMMIT", &[])?;
        Ok(jobs.len())
    }
}

impl Bound for Value {
    fn int(value: i64) -> Self {
        Self::Integer(value)
    }

    fn flag(value: bool) -> Self {
        Self::Integer(value.into())
    }

    fn text(value: &str) -> Self {
        Self::Text(value.to_owned())
    }

    fn id(value: Uuid) -> Self {
        Self::Blob(value.as_bytes().to_vec())
    }

    fn to_int(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }
}

fn reader_of(file: &std::path::Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-4096;")?;
    Ok(connection)
}

/// The measured records after this one, in the order of their making.
fn page(connection: &Connection, tables: &Tables, last: Value) -> Result<Vec<Vec<Value>>> {
    rows(connection, &tables.page(), &[last, Value::int(PAGE as i64)])
}

fn rows(connection: &Connection, sql: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>> {
    let mut statement = connection.prepare_cached(sql)?;
    let width = statement.column_count();
    let found = statement.query_map(params_from_iter(parameters), |row| {
        (0..width).map(|column| row.get(column)).collect::<rusqlite::Result<Vec<Value>>>()
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Reads every column of every row, as whoever wants the values has to.
fn consume(connection: &Connection, sql: &str, parameters: &[Value]) -> Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    let width = statement.column_count();
    let mut rows = statement.query(params_from_iter(parameters))?;
    while let Some(row) = rows.next()? {
        for column in 0..width {
            std::hint::black_box(row.get_ref(column)?);
        }
    }
    Ok(())
}
