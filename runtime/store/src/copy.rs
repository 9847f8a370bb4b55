//! Copies of a tenant's database, for trying something on them: one consistent state, made beside the tenant's writer, in a
//! place where nothing looks for tenants. A copy does not outlive its process: it waits for no disk, and what a process
//! that was killed left behind is cleared away. The original is only read here.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use sea_orm::sqlx::{self, Connection as _, PgConnection};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, IsolationLevel, Statement, TransactionTrait};

use crate::error::{Error, Result};
use crate::exec::{Param, quote};
use crate::postgres::PostgresServer;
use crate::tenant::{TenantStore, drop_postgres};

/// Pages of a file copied at once: some milliseconds, after which it is asked whether the copy is still wanted.
const PAGES: i32 = 2_048;
/// Pause while somebody else has the file for a moment.
const PAUSE: Duration = Duration::from_millis(5);
/// Tries to get the name of a copy: a node that starts has it for a moment, when it looks for what was left behind.
const TRIES_MAX: u32 = 10;
/// Pause between two of them.
const BREATH: Duration = Duration::from_millis(100);
/// How the schemas of copies begin. Those of tenants begin differently.
const PREFIX: &str = "sandbox_";

/// Asked now and then whether a copy is still wanted.
pub type Wanted = Arc<dyn Fn() -> bool + Send + Sync>;

/// Copies a tenant's file as it is now. False when that was not wanted any more; what there is of the copy is then of no
/// use.
pub async fn copy_sqlite(source: PathBuf, target: PathBuf, wanted: Wanted) -> Result<bool> {
    let copied = tokio::task::spawn_blocking(move || copy_pages(&source, &target, &*wanted)).await;
    copied.map_err(|error| Error::Panicked(error.to_string()))?
}

fn copy_pages(source: &Path, target: &Path, wanted: &dyn Fn() -> bool) -> Result<bool> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(source, flags)?;
    source.busy_timeout(Duration::from_secs(10))?;
    // What is read from here on is one state, however much is written meanwhile.
    source.execute_batch("BEGIN")?;
    source.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    let mut target = Connection::open(target)?;
    target.execute_batch("PRAGMA synchronous=OFF")?;
    let backup = Backup::new(&source, &mut target)?;
    loop {
        match backup.step(PAGES)? {
            StepResult::Done => return Ok(true),
            _ if !wanted() => return Ok(false),
            StepResult::More => {}
            _ => std::thread::sleep(PAUSE),
        }
    }
}

/// What came of copying a schema.
pub enum Copied {
    /// It is there.
    Whole(SchemaCopy),
    /// Another node has a copy of this tenant.
    Taken,
    /// It was not wanted any more; nothing is left of it.
    Unwanted,
}

/// A copy in a schema of its own. Its name is held by a session: when the process dies, the server lets go of it, and the
/// schema can be known as left behind.
pub struct SchemaCopy {
    server: PostgresServer,
    schema: String,
    session: PgConnection,
}

impl SchemaCopy {
    /// Opens the copy.
    pub async fn open(&self) -> Result<TenantStore> {
        TenantStore::open_postgres_copy(&self.server, &self.schema).await
    }

    /// Drops the copy. Its store has to be closed.
    pub async fn remove(self) -> Result<()> {
        let dropped = drop_postgres(&self.server, &self.schema).await;
        self.session.close().await.map_err(failed)?;
        dropped
    }
}

impl PostgresServer {
    /// Copies a tenant's schema as it is now, on the server itself.
    pub async fn copy_schema(&self, tenant: &str, wanted: &Wanted) -> Result<Copied> {
        let schema = format!("{PREFIX}{tenant}");
        let mut session = self.session().await?;
        let mut tries = 0;
        while !hold(&mut session, &schema).await? {
            if tries >= TRIES_MAX {
                return Ok(Copied::Taken);
            }
            tries += 1;
            tokio::time::sleep(BREATH).await;
        }
        drop_postgres(self, &schema).await?;
        let tables = tables(&self.connection, tenant).await?;
        let config = (Some(IsolationLevel::RepeatableRead), None);
        let transaction = self.connection.begin_with_config(config.0, config.1).await?;
        match copy_tables(&transaction, &tables, (tenant, &schema), wanted).await {
            Ok(true) => transaction.commit().await?,
            unfinished => {
                transaction.rollback().await?;
                unfinished?;
                return Ok(Copied::Unwanted);
            }
        }
        Ok(Copied::Whole(SchemaCopy { server: self.clone(), schema, session }))
    }

    /// Drops the copies that belong to no process any more, and names the schemas that they were copies of.
    pub async fn clear_copies(&self) -> Result<Vec<String>> {
        let sql = "SELECT nspname::text FROM pg_namespace WHERE starts_with(nspname::text, $1)";
        let found = strings(&self.connection, sql, &[PREFIX.into()]).await?;
        let mut cleared = Vec::new();
        for schema in found {
            let mut session = self.session().await?;
            if hold(&mut session, &schema).await? {
                drop_postgres(self, &schema).await?;
                cleared.extend(schema.strip_prefix(PREFIX).map(str::to_owned));
            }
            session.close().await.map_err(failed)?;
        }
        Ok(cleared)
    }

    /// A connection that nobody else gets: what it holds is let go when it ends.
    async fn session(&self) -> Result<PgConnection> {
        let pool = self.connection.get_postgres_connection_pool();
        Ok(pool.acquire().await.map_err(failed)?.detach())
    }
}

/// Takes the name of a copy; false when another session has it. The other locks of a tenant have keys of another kind.
async fn hold(session: &mut PgConnection, schema: &str) -> Result<bool> {
    let lock = sqlx::query_scalar::<_, bool>("SELECT pg_try_advisory_lock(hashtextextended($1, 1))");
    lock.bind(schema.to_owned()).fetch_one(session).await.map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "errors are handed over so")]
fn failed(error: sqlx::Error) -> Error {
    Error::Database(error.to_string())
}

/// Rows of one text.
async fn strings(connection: &impl ConnectionTrait, sql: &str, params: &[Param]) -> Result<Vec<String>> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, params.iter().cloned());
    let rows = connection.query_all_raw(statement).await?;
    rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}

async fn tables(connection: &impl ConnectionTrait, schema: &str) -> Result<Vec<String>> {
    let sql = "SELECT tablename::text FROM pg_tables WHERE schemaname = $1 ORDER BY tablename";
    strings(connection, sql, &[schema.into()]).await
}

/// Copies all tables in a transaction that reads one state; false when that was not wanted any more.
async fn copy_tables(
    transaction: &DatabaseTransaction,
    known: &[String],
    (from, to): (&str, &str),
    wanted: &Wanted,
) -> Result<bool> {
    let place = |schema: &str, table: &str| format!("{}.{}", quote(schema), quote(table));
    // Locked before the state is taken, tables keep the columns that they have in it.
    let names: Vec<String> = known.iter().map(|table| place(from, table)).collect();
    transaction.execute_unprepared(&format!("LOCK TABLE {} IN ACCESS SHARE MODE", names.join(", "))).await?;
    if tables(transaction, from).await? != known {
        return Err(Error::Database("tables were made or dropped while they were to be copied".to_owned()));
    }
    transaction.execute_unprepared(&format!("CREATE SCHEMA {}", quote(to))).await?;
    for table in known {
        if !wanted() {
            return Ok(false);
        }
        copy_table(transaction, &place(from, table), &place(to, table)).await?;
    }
    Ok(true)
}

/// Copies a table with its rows, then its keys and indexes under the names that they have: migrations know them by these.
async fn copy_table(transaction: &DatabaseTransaction, from: &str, to: &str) -> Result<()> {
    let run = async |sql: String| transaction.execute_unprepared(&sql).await.map(drop);
    let like = "INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING CONSTRAINTS INCLUDING STORAGE";
    run(format!("CREATE UNLOGGED TABLE {to} (LIKE {from} {like})")).await?;
    run(format!("INSERT INTO {to} OVERRIDING SYSTEM VALUE SELECT * FROM {from}")).await?;
    let keys = "SELECT format('%I %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint \
                WHERE conrelid = $1::regclass AND contype IN ('p', 'u') ORDER BY conname";
    for key in strings(transaction, keys, &[from.into()]).await? {
        run(format!("ALTER TABLE {to} ADD CONSTRAINT {key}")).await?;
    }
    for index in indexes(transaction, from, to).await? {
        run(index).await?;
    }
    let counters =
        "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attidentity <> ''";
    for column in strings(transaction, counters, &[from.into()]).await? {
        let next = format!(
            "SELECT setval(pg_get_serial_sequence($1, $2), \
             (SELECT coalesce(max({}), 0) + 1 FROM {to}), false)::text",
            quote(&column)
        );
        strings(transaction, &next, &[to.into(), column.into()]).await?;
    }
    // Without it the server would have to guess how many rows there are.
    run(format!("ANALYZE {to}")).await?;
    Ok(())
}

/// The statements that make the indexes of one table on another. The server tells each with the name of its table.
async fn indexes(transaction: &DatabaseTransaction, from: &str, to: &str) -> Result<Vec<String>> {
    let sql = "SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i WHERE i.indrelid = $1::regclass \
               AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid) ORDER BY 1";
    let name = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c \
                JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::regclass";
    let name = strings(transaction, name, &[from.into()]).await?.pop().unwrap_or_default();
    let made = |index: String| match index.split_once(&format!(" ON {name} ")) {
        Some((begin, end)) => Ok(format!("{begin} ON {to} {end}")),
        None => Err(Error::Corrupt(format!("the index cannot be copied: {index}"))),
    };
    strings(transaction, sql, &[from.into()]).await?.into_iter().map(made).collect()
}
