//! One tenant's database: reads that run beside each other, writes that go through the one writer.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use mortise_expr::Dialect;
use parking_lot::Mutex;
use rusqlite::Connection;
use sea_orm::{ConnectionTrait, TransactionTrait};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::audit::{self, Head, StoredEntry, Verified, Verifier};
use crate::catalog::{Catalog, Migration};
use crate::error::{Error, Result};
use crate::exec::{Naming, Param, Row, Tx};
use crate::pace::Paces;
use crate::postgres::{PostgresPool, PostgresServer, PostgresTx};
use crate::signal::{self, Sender, Signal};
use crate::sqlite::{self, Durability, SqliteFile, SqliteTx};
use crate::standing::{Crossing, InForce};
use crate::writer::{Session, Source, Writer, WriterCounters};
use crate::{migrate, secrets, system};

/// Entries read at once when the trail is verified.
const VERIFY_BATCH: i64 = 1_000;

enum Backend {
    Sqlite(Arc<SqliteFile>),
    /// With the sender of signals, unless nobody is to hear of it.
    Postgres(PostgresPool, Option<Sender>),
}

/// One tenant's database.
pub struct TenantStore {
    naming: Naming,
    backend: Backend,
    writer: Arc<Writer>,
    paces: Paces,
}

impl TenantStore {
    /// Opens the tenant's file, making it if there is none.
    pub fn open_sqlite(path: &Path) -> Result<TenantStore> {
        Self::open_file(path, Durability::Full)
    }

    /// Opens a copy of a tenant's file that need not survive a power cut.
    pub fn open_sqlite_copy(path: &Path) -> Result<TenantStore> {
        Self::open_file(path, Durability::None)
    }

    fn open_file(path: &Path, durability: Durability) -> Result<TenantStore> {
        let (file, writer) = SqliteFile::open(path, durability)?;
        let naming = Naming { dialect: Dialect::Sqlite, schema: None };
        let file = Arc::new(file);
        let mut source = Box::new(SqliteSource { writer: Mutex::new(writer), file: file.clone() });
        source.transaction(&mut |tx| system::bring_up_to_date(tx, &naming))?;
        Ok(TenantStore {
            writer: Writer::new(naming.clone(), source, None),
            naming,
            backend: Backend::Sqlite(file),
            paces: Paces::default(),
        })
    }

    /// Opens the tenant's schema, making it if there is none.
    pub async fn open_postgres(server: &PostgresServer, schema: &str) -> Result<TenantStore> {
        let sender = Sender { schema: schema.to_owned(), node: server.node };
        Self::open_schema(server, schema, Some(sender)).await
    }

    /// Opens a copy of a tenant's schema: what happens in it is told to no node.
    pub(crate) async fn open_postgres_copy(server: &PostgresServer, schema: &str) -> Result<TenantStore> {
        Self::open_schema(server, schema, None).await
    }

    async fn open_schema(
        server: &PostgresServer,
        schema: &str,
        sender: Option<Sender>,
    ) -> Result<TenantStore> {
        let naming = Naming { dialect: Dialect::Postgres, schema: Some(schema.to_owned()) };
        let pool = PostgresPool::new(server.connection.clone());
        let writers = server.writers.clone();
        let mut source = PostgresSource { pool: pool.clone(), writers, runtime: Handle::current() };
        let names = naming.clone();
        let made = tokio::task::spawn_blocking(move || {
            source.transaction(&mut |tx| system::bring_up_to_date(tx, &names)).map(|()| source)
        });
        let source = made.await.map_err(|error| Error::Panicked(error.to_string()))??;
        let writer = Writer::new(naming.clone(), Box::new(source), sender.clone());
        Ok(TenantStore { writer, naming, backend: Backend::Postgres(pool, sender), paces: Paces::default() })
    }

    /// Names of this tenant's tables.
    pub fn naming(&self) -> &Naming {
        &self.naming
    }

    /// Queues a write; see [`Writer`](crate::writer). Resolves after the commit.
    pub async fn write<R, E, F>(&self, work: F) -> Result<R, E>
    where
        R: Send + 'static,
        E: Send + From<Error> + 'static,
        F: FnOnce(&mut Session<'_>) -> Result<R, E> + Send + 'static,
    {
        self.writer.write(work).await
    }

    /// Reads rows. Short reads of SQLite run on the caller's thread: they take less time than a thread switch.
    pub async fn fetch<T: Send>(
        &self,
        sql: &str,
        params: &[Param],
        mut map: impl FnMut(&dyn Row) -> Result<T> + Send,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        let mut each = |row: &dyn Row| {
            rows.push(map(row)?);
            Ok(())
        };
        match &self.backend {
            Backend::Sqlite(file) => {
                file.read(|connection| sqlite::query(connection, sql, params, &mut each))?
            }
            Backend::Postgres(pool, _) => pool.query(sql, params, &mut each).await?,
        }
        Ok(rows)
    }

    /// Reads rows of a query that may take long, without holding up other work of this thread.
    pub async fn fetch_long<T: Send>(
        &self,
        sql: &str,
        params: &[Param],
        map: impl FnMut(&dyn Row) -> Result<T> + Send,
    ) -> Result<Vec<T>> {
        let threaded = Handle::current().runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread;
        let Backend::Sqlite(file) = &self.backend else { return self.fetch(sql, params, map).await };
        let quick = self.paces.is_quick(sql);
        let begun = Instant::now();
        let rows = match quick || !threaded {
            true => read_file(file, sql, params, map)?,
            false => tokio::task::block_in_place(|| read_file(file, sql, params, map))?,
        };
        self.paces.learn(sql, quick, begun.elapsed());
        Ok(rows)
    }

    /// How often records of an entity changed since the start.
    pub fn changes(&self, entity: usize) -> u64 {
        self.writer.standing.changes(entity)
    }

    /// Whether the model of this digest is (still) in force; asked after a read, the answer covers the read.
    pub fn in_force(&self, digest: &str) -> bool {
        self.writer.in_force(digest)
    }

    /// How many changes of the model there were. Read before the definitions: should they change in between, the next
    /// write finds out.
    pub async fn model_revision(&self) -> Result<i64> {
        let sql = format!("SELECT model FROM {}", self.naming.table("_audit_head"));
        Ok(self.fetch(&sql, &[], |row| row.int(0)).await?.pop().flatten().unwrap_or_default())
    }

    /// Says which model is in force, as of this revision.
    pub fn set_model(&self, digest: &str, revision: i64) {
        let model = InForce { digest: digest.to_owned(), revision: Some(revision) };
        let before = std::mem::replace(&mut *self.writer.standing.model.lock(), model);
        if let Backend::Postgres(pool, _) = &self.backend
            && before.revision.is_some_and(|before| before != revision)
        {
            pool.tables_changed();
        }
    }

    /// Closes the connections for reading that nobody uses just now: what definitions were read with keeps them in its
    /// memory, page by page, and nobody reads them again.
    pub fn close_idle(&self) {
        match &self.backend {
            Backend::Sqlite(file) => file.close_idle(),
            // They serve all tenants, and keep no pages.
            Backend::Postgres(..) => {}
        }
    }

    /// Whether the model of this revision is in force here.
    pub fn knows(&self, revision: i64) -> bool {
        self.writer.standing.model.lock().revision == Some(revision)
    }

    /// Sets what is called after each commit that wrote events or timers, here or on another node: it must be quick.
    /// There is one at a time.
    pub fn on_commit(&self, callback: impl Fn() + Send + Sync + 'static) {
        self.writer.standing.on_commit(Arc::new(callback));
    }

    /// Sets what is called when another node has changed the model: writes are refused until [`Self::set_model`].
    pub fn on_outdated(&self, callback: impl Fn() + Send + Sync + 'static) {
        self.writer.standing.on_outdated(Arc::new(callback));
    }

    /// Sets what is asked at each [`Crossing`] of a write; whatever it says no to goes no further, and ends with
    /// [`Error::Closed`]. For tests of what a failing machine leaves behind.
    pub fn on_crossing(&self, passes: impl Fn(Crossing) -> bool + Send + Sync + 'static) {
        self.writer.standing.on_crossing(Arc::new(passes));
    }

    /// Takes in what another node did.
    pub fn heard(&self, signal: &Signal) {
        self.writer.standing.heard(signal);
    }

    /// Takes in that other nodes may have done anything.
    pub fn heard_gap(&self) {
        self.writer.standing.count_all();
        self.writer.standing.wake();
        self.writer.standing.outdated();
    }

    /// Tells other nodes that people, roles or departments of this tenant changed.
    pub async fn announce_people(&self) -> Result<()> {
        let Backend::Postgres(pool, Some(sender)) = &self.backend else { return Ok(()) };
        let signal = Signal { people: true, ..sender.blank() };
        pool.query(signal::SEND, &signal::payload(&signal)?, &mut |_| Ok(())).await
    }

    /// Has nothing of what was replaced left in the files, as far as that can be had without waiting.
    pub fn scrub(&self) -> Result<()> {
        match &self.backend {
            Backend::Sqlite(file) => secrets::take_over_log(file.path()),
            Backend::Postgres(..) => Ok(()),
        }
    }

    /// Counters of the writer.
    pub fn counters(&self) -> &WriterCounters {
        &self.writer.counters
    }

    /// Writes waiting for the writer.
    pub fn waiting(&self) -> usize {
        self.writer.waiting()
    }

    /// Finishes the writes that wait and takes no more.
    pub async fn close(&self) {
        self.writer.close().await;
    }

    /// A value of the tenant's own notes.
    pub async fn meta(&self, name: &str) -> Result<Option<String>> {
        let sql =
            self.naming.sql(&format!("SELECT value FROM {} WHERE name = ?1", self.naming.table("_meta")));
        Ok(self.fetch(&sql, &[name.into()], |row| row.text(0)).await?.pop().flatten())
    }

    /// The catalogue of what tables there are.
    pub async fn catalog(&self) -> Result<Catalog> {
        parse_catalog(self.meta("catalog").await?)
    }

    /// Checks the audit trail from its first entry to its head.
    pub async fn verify(&self) -> Result<Verified> {
        let naming = &self.naming;
        let sql = naming.sql(&format!(
            "SELECT {} FROM {} WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3",
            audit::COLUMNS,
            naming.table("_audit")
        ));
        let head = self.head().await?;
        let mut verifier = Verifier::new();
        let mut last = 0;
        loop {
            let params = [last.into(), head.seq.into(), VERIFY_BATCH.into()];
            // What cannot be read was changed, too: it is reported, not stumbled over.
            let read = |row: &dyn Row| Ok((row.int(0)?.unwrap_or_default(), audit::read_entry(row)));
            let entries = self.fetch_long(&sql, &params, read).await?;
            let Some((end, _)) = entries.last() else { break };
            last = *end;
            for (seq, entry) in &entries {
                match entry {
                    Ok(entry) => verifier.check(entry),
                    Err(_) => verifier.changed(*seq),
                }
            }
        }
        let mut verified = verifier.finish(head);
        // Entries that are written while this runs move the head with them; one statement sees both together.
        let outside = format!(
            "SELECT count(*) FROM {} WHERE seq < 1 OR seq > (SELECT seq FROM {})",
            naming.table("_audit"),
            naming.table("_audit_head")
        );
        let outside = self.fetch(&outside, &[], |row| row.int(0)).await?.pop().flatten().unwrap_or(0);
        if verified.broken.is_none() && outside > 0 {
            verified.broken = Some((head.seq + 1, format!("{outside} entries lie outside of the trail")));
        }
        Ok(verified)
    }

    pub(crate) async fn head(&self) -> Result<Head> {
        let sql = format!("SELECT seq, hash FROM {}", self.naming.table("_audit_head"));
        let rows = self.fetch(&sql, &[], |row| Ok((row.int(0)?, row.bytes(1)?))).await?;
        let head = rows
            .into_iter()
            .next()
            .and_then(|(seq, hash)| Some(Head { seq: seq?, hash: hash?.try_into().ok()? }));
        head.ok_or_else(|| Error::Corrupt("the head of the audit trail is missing".to_owned()))
    }

    /// Entries of the audit trail about one record, newest first, before `before`. The entity belongs to the record:
    /// clients may choose ids, so that records of two entities can have the same one.
    pub async fn record_trail(
        &self,
        entity: &str,
        record: uuid::Uuid,
        before: i64,
        limit: i64,
    ) -> Result<Vec<StoredEntry>> {
        let params = [record.into(), before.into(), limit.into(), entity.into()];
        self.fetch(&record_trail_sql(&self.naming), &params, audit::read_entry).await
    }
}

impl Session<'_> {
    /// The newest entries of the audit trail about one record. Those of this transaction are not among them.
    pub fn record_trail(&mut self, entity: &str, record: uuid::Uuid, limit: i64) -> Result<Vec<StoredEntry>> {
        let params = [record.into(), i64::MAX.into(), limit.into(), entity.into()];
        let sql = record_trail_sql(self.naming);
        self.query(&sql, &params, audit::read_entry)
    }
}

fn record_trail_sql(naming: &Naming) -> String {
    naming.sql(&format!(
        "SELECT {} FROM {} WHERE record = ?1 AND seq < ?2 AND entity = ?4 ORDER BY seq DESC LIMIT ?3",
        audit::COLUMNS,
        naming.table("_audit")
    ))
}

/// The catalogue as seen inside a write.
pub fn catalog_in(session: &mut Session<'_>) -> Result<Catalog> {
    let sql =
        session.naming.sql(&format!("SELECT value FROM {} WHERE name = ?1", session.naming.table("_meta")));
    parse_catalog(session.query(&sql, &["catalog".into()], |row| row.text(0))?.pop().flatten())
}

fn parse_catalog(text: Option<String>) -> Result<Catalog> {
    match text {
        Some(text) => {
            serde_json::from_str(&text).map_err(|error| Error::Corrupt(format!("catalogue: {error}")))
        }
        None => Ok(Catalog::default()),
    }
}

/// Carries out a migration and stores the catalogue afterwards, all in the transaction of this write.
pub fn migrate_in(session: &mut Session<'_>, migration: &Migration, desired: &Catalog) -> Result<()> {
    for step in &migration.steps {
        migrate::apply(session, step, &|entity| desired.tables.get(entity).cloned())?;
    }
    session.tx().tables_changed();
    let text = serde_json::to_string(&migration.after).map_err(|error| Error::Corrupt(error.to_string()))?;
    put_meta(session, "catalog", &text)
}

/// Writes a value of the tenant's own notes.
pub fn put_meta(session: &mut Session<'_>, name: &str, value: &str) -> Result<()> {
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        session.naming.table("_meta")
    ));
    session.execute(&sql, &[name.into(), value.into()])?;
    Ok(())
}

fn read_file<T>(
    file: &SqliteFile,
    sql: &str,
    params: &[Param],
    mut map: impl FnMut(&dyn Row) -> Result<T>,
) -> Result<Vec<T>> {
    let mut rows = Vec::new();
    file.read(|connection| {
        sqlite::query(connection, sql, params, &mut |row| {
            rows.push(map(row)?);
            Ok(())
        })
    })?;
    Ok(rows)
}

struct SqliteSource {
    writer: Mutex<Connection>,
    file: Arc<SqliteFile>,
}

impl Source for SqliteSource {
    fn transaction(&mut self, work: &mut dyn FnMut(&mut dyn Tx) -> Result<()>) -> Result<()> {
        let connection = self.writer.get_mut();
        if !connection.is_autocommit() {
            // A panic left the transaction before this one open.
            connection.execute_batch("ROLLBACK")?;
        }
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let done = work(&mut SqliteTx(connection))
            .and_then(|()| Ok(connection.prepare_cached("COMMIT")?.execute([]).map(|_| ())?));
        if done.is_err() {
            // Fails when the database has already rolled back, which is what is wanted.
            let _ = connection.execute_batch("ROLLBACK");
        }
        done
    }

    fn measure(&mut self) -> Result<()> {
        sqlite::measure(self.writer.get_mut())?;
        // A connection reads what is known of the tables when it opens.
        self.file.close_idle();
        Ok(())
    }
}

struct PostgresSource {
    pool: PostgresPool,
    writers: Arc<Semaphore>,
    runtime: Handle,
}

impl Source for PostgresSource {
    fn transaction(&mut self, work: &mut dyn FnMut(&mut dyn Tx) -> Result<()>) -> Result<()> {
        let place = self.writers.acquire();
        let _place = self.runtime.block_on(place).expect("the places of writers are never closed");
        let transaction = self.runtime.block_on(self.pool.connection.begin())?;
        let mut tx = PostgresTx {
            transaction: &transaction,
            runtime: &self.runtime,
            pool: &self.pool,
            marks: Vec::new(),
        };
        match work(&mut tx).and_then(|()| tx.send_marks()) {
            Ok(()) => Ok(self.runtime.block_on(transaction.commit())?),
            Err(error) => {
                self.runtime.block_on(transaction.rollback())?;
                Err(error)
            }
        }
    }
}

/// Drops a tenant's schema with all it holds.
pub async fn drop_postgres(server: &PostgresServer, schema: &str) -> Result<()> {
    let sql = format!("DROP SCHEMA IF EXISTS {} CASCADE", crate::exec::quote(schema));
    server.connection.execute_unprepared(&sql).await?;
    Ok(())
}
