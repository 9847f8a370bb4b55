//! The bare driver on PostgreSQL: sqlx with prepared statements, reads on as many connections as the store keeps, writes
//! on one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions, Row};
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::raw::Raw;
use super::statements::{Dialect, Table, Tables};
use super::{Bound, Driver, Job, PAGE, STATUSES, Subject, Totals, Trail, count_parameters, list_parameters};

/// Connections that read at once: as many as the pool of the store holds.
const READERS: usize = 16;

/// A copied database.
pub(crate) struct Postgres {
    runtime: Runtime,
    source: String,
    place: Arc<Place>,
}

/// What all readers share.
struct Place {
    url: String,
    subject: Subject,
    tables: Tables,
    totals: Totals,
    texts: Texts,
}

/// Statements that are sent again and again.
struct Texts {
    read: Arc<str>,
    list: Arc<str>,
    counts: [Arc<str>; 2],
}

/// What a reader does in turn.
#[derive(Clone, Copy)]
enum Reading {
    Record,
    List,
}

impl Postgres {
    /// On a copied database; `source` is what it was copied from.
    pub(crate) fn new(source: String, url: String, subject: Subject) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let tables = runtime.block_on(async { tables(&mut connect(&url).await?).await })?;
        let texts = Texts {
            read: tables.read().into(),
            list: tables.list().into(),
            counts: tables.counts().map(Arc::from),
        };
        let place = Arc::new(Place { url, subject, tables, totals: Totals::default(), texts });
        Ok(Self { runtime, source, place })
    }

    fn readers(&self, duration: Duration, reading: Reading) -> Result<f64> {
        self.runtime.block_on(async {
            let count = Arc::new(AtomicU64::new(0));
            let connecting = (0..READERS).map(|_| connect(&self.place.url));
            let connections = try_join_all(connecting).await?;
            let started = Instant::now();
            let tasks = connections.into_iter().enumerate().map(|(reader, mut connection)| {
                let (place, count) = (self.place.clone(), count.clone());
                tokio::spawn(async move {
                    let mut turn = reader * 7919;
                    while started.elapsed() < duration {
                        place.one(&mut connection, reading, turn).await?;
                        turn += 1;
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    anyhow::Ok(())
                })
            });
            for task in tasks.collect::<Vec<_>>() {
                task.await??;
            }
            Ok(count.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64())
        })
    }
}

impl Place {
    async fn one(&self, connection: &mut PgConnection, reading: Reading, turn: usize) -> Result<()> {
        let subject = &self.subject;
        let Reading::List = reading else {
            return consume(&rows(connection, &self.texts.read, &[Raw::id(subject.id(turn))]).await?);
        };
        let status = STATUSES[turn % STATUSES.len()];
        consume(&rows(connection, &self.texts.list, &list_parameters(status, subject.person)).await?)?;
        std::hint::black_box(self.total(connection, status).await?);
        Ok(())
    }

    async fn total(&self, connection: &mut PgConnection, status: &'static str) -> Result<i64> {
        if let Some(total) = self.totals.get(status) {
            return Ok(total);
        }
        let mut total = 0;
        for (sql, parameters) in self.texts.counts.iter().zip(count_parameters(status, self.subject.person)) {
            let counted = rows(connection, sql, &parameters).await?;
            total += counted.first().context("a count has an answer")?.try_get::<i64, _>(0)?;
        }
        self.totals.put(status, total);
        Ok(total)
    }

    /// Reads the records of these turns on all connections and makes changes of them.
    async fn changes(
        &self,
        readers: &mut [PgConnection],
        turns: std::ops::Range<usize>,
    ) -> Result<Vec<Job<Raw>>> {
        let turns: Vec<usize> = turns.collect();
        let parts = turns.chunks(turns.len().div_ceil(readers.len()));
        let reading = readers.iter_mut().zip(parts).map(|(connection, turns)| async move {
            let mut jobs = Vec::with_capacity(turns.len());
            for &turn in turns {
                let found = rows(connection, &self.texts.read, &[Raw::id(self.subject.id(turn))]).await?;
                let row = Raw::row(found.first().context("a record to change is gone")?)?;
                jobs.push(Job::change(&self.tables, &row, turn, self.subject.person)?);
            }
            anyhow::Ok(jobs)
        });
        Ok(try_join_all(reading).await?.into_iter().flatten().collect())
    }
}

impl Driver for Postgres {
    fn read(&self, duration: Duration) -> Result<f64> {
        self.readers(duration, Reading::Record)
    }

    fn list(&self, duration: Duration) -> Result<f64> {
        self.readers(duration, Reading::List)
    }

    fn update(&self, duration: Duration, group: usize) -> Result<f64> {
        self.runtime.block_on(async {
            let place = &*self.place;
            let mut readers = try_join_all((0..READERS).map(|_| connect(&place.url))).await?;
            let mut writer = Writer::open(place).await?;
            writer.trail = writer.trail.of_changes(&place.tables)?;
            let sql = place.tables.update().into();
            let mut next = place.changes(&mut readers, 0..group).await?;
            let (mut turn, started) = (group, Instant::now());
            while started.elapsed() < duration {
                let loading = place.changes(&mut readers, turn..turn + group);
                ((), next) = tokio::try_join!(writer.commit(&sql, &next), loading)?;
                turn += group;
            }
            Ok((turn - group) as f64 / started.elapsed().as_secs_f64())
        })
    }

    fn create(&self, duration: Duration, group: usize) -> Result<f64> {
        self.runtime.block_on(async {
            let tables = &self.place.tables;
            let mut writer = Writer::open(&self.place).await?;
            let sql = tables.insert(&tables.item, 1).into();
            let there = page(&mut writer.connection, tables, Raw::id(Uuid::nil())).await?;
            let mut next = there.iter().cycle();
            let (mut count, started) = (0, Instant::now());
            while started.elapsed() < duration {
                let jobs: Result<Vec<_>> =
                    next.by_ref().take(group).map(|row| Job::create(tables, row)).collect();
                writer.commit(&sql, &jobs?).await?;
                count += group;
            }
            Ok(count as f64 / started.elapsed().as_secs_f64())
        })
    }

    fn load(&self) -> Result<Duration> {
        self.runtime.block_on(async {
            let tables = &self.place.tables;
            let mut writer = Writer::open(&self.place).await?;
            sqlx::raw_sql(AssertSqlSafe(tables.empty())).execute(&mut writer.connection).await?;
            let mut source = connect(&self.source).await?;
            let sql = tables.insert(&tables.item, 1).into();
            let started = Instant::now();
            let mut last = Raw::id(Uuid::nil());
            loop {
                let rows = page(&mut source, tables, last).await?;
                let jobs: Vec<_> =
                    rows.into_iter().map(|row| Job::repeat(tables, row)).collect::<Result<_>>()?;
                let Some(job) = jobs.last() else { break };
                last = job.record.clone();
                writer.commit(&sql, &jobs).await?;
            }
            let took = started.elapsed();
            // What the server would do by itself later must not fall into the measurements that follow.
            for tidying in ["VACUUM ANALYZE", "CHECKPOINT"] {
                sqlx::raw_sql(tidying).execute(&mut writer.connection).await?;
            }
            Ok(took)
        })
    }
}

/// The writing connection with what goes along with each write.
struct Writer<'a> {
    connection: PgConnection,
    tables: &'a Tables,
    trail: Trail<Raw>,
    last_number: Arc<str>,
    move_head: Arc<str>,
    /// Statements for all entries of a group, by size of the group.
    entries: (usize, [Arc<str>; 2]),
}

impl<'a> Writer<'a> {
    async fn open(place: &'a Place) -> Result<Self> {
        let tables = &place.tables;
        let mut connection = connect(&place.url).await?;
        let audit = last(&mut connection, tables, &tables.audit).await?;
        let event = last(&mut connection, tables, &tables.event).await?;
        let last_number = tables.last_number();
        let head = sqlx::query(AssertSqlSafe(last_number.as_str())).fetch_one(&mut connection).await?;
        Ok(Self {
            trail: Trail::new(tables, audit, event, head.try_get(0)?)?,
            last_number: format!("{last_number} FOR UPDATE").into(),
            move_head: tables.move_head().into(),
            entries: (0, [Arc::from(""), Arc::from("")]),
            connection,
            tables,
        })
    }

    /// One transaction: each write in its savepoint, then the entries that go with all of them in one statement each.
    async fn commit(&mut self, sql: &Arc<str>, jobs: &[Job<Raw>]) -> Result<()> {
        if self.entries.0 != jobs.len() {
            let insert = |table| Arc::from(self.tables.insert(table, jobs.len()));
            self.entries = (jobs.len(), [insert(&self.tables.audit), insert(&self.tables.event)]);
        }
        let (audits, events) = (self.trail.audits(jobs).concat(), self.trail.events(jobs).concat());
        let connection = &mut self.connection;
        sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
        rows(connection, &self.last_number, &[]).await?;
        let mut mark = "SAVEPOINT job";
        for job in jobs {
            sqlx::raw_sql(mark).execute(&mut *connection).await?;
            ensure!(run(connection, sql, &job.values).await? == 1, "a record was changed by somebody else");
            // To leave a savepoint and to enter the next is one round trip.
            mark = "RELEASE SAVEPOINT job; SAVEPOINT job";
        }
        sqlx::raw_sql("RELEASE SAVEPOINT job").execute(&mut *connection).await?;
        run(connection, &self.entries.1[0], &audits).await?;
        run(connection, &self.move_head, &self.trail.head()).await?;
        run(connection, &self.entries.1[1], &events).await?;
        sqlx::raw_sql("COMMIT").execute(&mut *connection).await?;
        Ok(())
    }
}

/// Opens a connection that logs nothing.
pub(crate) async fn connect(url: &str) -> Result<PgConnection> {
    let options: PgConnectOptions = url.parse()?;
    Ok(options.disable_statement_logging().connect().await?)
}

/// Brings the statistics of a database up to date, as the server does by itself within minutes, and copies it. Nobody
/// may be connected. Returns the address of the copy.
pub(crate) fn copy_database(url: &str) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = connect(url).await?;
        sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection).await?;
        sqlx::Connection::close(connection).await?;
        let (server, name) = url.rsplit_once('/').context("the address names a database")?;
        let mut connection = connect(&format!("{server}/postgres")).await?;
        // Copying files ends with a checkpoint, so that the one of the load does not fall into a measurement.
        let copy = format!("CREATE DATABASE \"{name}_copy\" TEMPLATE \"{name}\" STRATEGY file_copy");
        sqlx::raw_sql(AssertSqlSafe(copy)).execute(&mut connection).await?;
        Ok(format!("{server}/{name}_copy"))
    })
}

/// Finds the tables by the one entity that has a column of this name.
async fn tables(connection: &mut PgConnection) -> Result<Tables> {
    let found = sqlx::query(
        "SELECT table_schema::text, table_name::text, column_name::text FROM information_schema.columns \
         WHERE table_schema = (SELECT table_schema FROM information_schema.columns WHERE column_name = 'quantity') \
         ORDER BY table_name, ordinal_position",
    );
    let found = found.fetch_all(connection).await?;
    let all: Vec<[String; 3]> = found
        .iter()
        .map(|row| Ok([row.try_get(0)?, row.try_get(1)?, row.try_get(2)?]))
        .collect::<Result<_>>()?;
    let item = all.iter().find(|[_, _, column]| column == "quantity");
    let [schema, item, _] = item.context("the copied database has no table of the measured entity")?;
    Tables::new(Dialect::Postgres, Some(schema), item, |table| {
        Ok(all.iter().filter(|[_, name, _]| name == table).map(|[_, _, column]| column.clone()).collect())
    })
}

async fn last(connection: &mut PgConnection, tables: &Tables, table: &Table) -> Result<Vec<Raw>> {
    let found = rows(connection, &tables.last(table).into(), &[]).await?;
    Raw::row(found.first().with_context(|| format!("{} is empty", table.name))?)
}

/// The measured records after this one, in the order of their making.
async fn page(connection: &mut PgConnection, tables: &Tables, last: Raw) -> Result<Vec<Vec<Raw>>> {
    let found = rows(connection, &tables.page().into(), &[last, Raw::int(PAGE as i64)]).await?;
    found.iter().map(Raw::row).collect()
}

async fn rows(connection: &mut PgConnection, sql: &Arc<str>, parameters: &[Raw]) -> Result<Vec<PgRow>> {
    Ok(bound(sql, parameters).fetch_all(connection).await?)
}

async fn run(connection: &mut PgConnection, sql: &Arc<str>, parameters: &[Raw]) -> Result<u64> {
    Ok(bound(sql, parameters).execute(connection).await?.rows_affected())
}

fn bound<'a>(sql: &Arc<str>, parameters: &'a [Raw]) -> Query<'a, sqlx::Postgres, PgArguments> {
    parameters.iter().fold(sqlx::query(AssertSqlSafe(sql.clone())), |query, value| query.bind(value))
}

/// Reads every column of every row, as whoever wants the values has to.
fn consume(rows: &[PgRow]) -> Result<()> {
    for row in rows {
        for column in 0..row.len() {
            std::hint::black_box(row.try_get_raw(column)?);
        }
    }
    Ok(())
}
