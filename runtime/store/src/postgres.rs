//! PostgreSQL by sea-orm: all tenants share one pool, each in its own schema; names are always qualified, so that
//! no session state can leak from one tenant to another.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mortise_expr::{Decimal, Dialect, Type, Value};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    QueryResult, Statement,
};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::column;
use crate::error::{Error, Result};
use crate::exec::{Param, Row, Tx};

/// Connections to a server: writers hold one each until they have committed, reads take one for a statement, one listens.
const CONNECTIONS: u32 = 17;
/// Writers of all tenants at the same time. A writer may have to wait for a read, as that of a plugin which it asks; so that all
/// of them together never wait for each other's connections, some are left to reads alone.
const WRITERS: usize = 12;

/// The connections that all tenants of one server share.
#[derive(Debug, Clone)]
pub struct PostgresServer {
    pub(crate) connection: DatabaseConnection,
    /// Places of writers.
    pub(crate) writers: Arc<Semaphore>,
    /// Names this process among those that share the server.
    pub(crate) node: Uuid,
}

/// How long the server waits for the next statement of a transaction before it ends it. A node that stands still (a
/// paused machine, a broken network) holds the locks of its tenants until then; nothing of ours thinks so long.
const STANDSTILL: &str = "15s";

/// Connects to a server (`postgres://user:password@host/database`) as a node of its own.
pub async fn connect_postgres(url: &str) -> Result<PostgresServer> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(CONNECTIONS).sqlx_logging(false);
    let timeout = [("idle_in_transaction_session_timeout", STANDSTILL)];
    options.map_sqlx_postgres_opts(move |options| options.options(timeout));
    let connection = Database::connect(options).await?;
    // The server tells its nodes apart, so it names them.
    let name = Statement::from_string(DbBackend::Postgres, "SELECT gen_random_uuid()");
    let named = connection.query_one_raw(name).await?;
    let named = named.ok_or_else(|| Error::Database("the server gave this node no name".to_owned()))?;
    let writers = Arc::new(Semaphore::new(WRITERS));
    Ok(PostgresServer { connection, writers, node: named.try_get_by_index(0)? })
}

/// The connections that a tenant works with.
///
/// A connection keeps its prepared statements, and the server refuses one whose columns have got other types since
/// ("cached plan must not change result type"). So after tables changed, statements carry a mark and are new.
#[derive(Clone)]
pub(crate) struct PostgresPool {
    pub(crate) connection: DatabaseConnection,
    mark: Arc<AtomicU32>,
}

impl PostgresPool {
    pub(crate) fn new(connection: DatabaseConnection) -> PostgresPool {
        PostgresPool { connection, mark: Arc::default() }
    }

    /// Says that tables were altered.
    pub(crate) fn tables_changed(&self) {
        self.mark.fetch_add(1, Ordering::AcqRel);
    }

    fn statement(&self, sql: &str, params: &[Param]) -> Statement {
        let sql = match self.mark.load(Ordering::Acquire) {
            0 => Cow::Borrowed(sql),
            mark => Cow::Owned(format!("{sql} /*{mark}*/")),
        };
        Statement::from_sql_and_values(DbBackend::Postgres, sql, params.iter().cloned())
    }

    /// Runs a query outside of a transaction.
    pub(crate) async fn query(
        &self,
        sql: &str,
        params: &[Param],
        each: &mut (dyn FnMut(&dyn Row) -> Result<()> + Send),
    ) -> Result<()> {
        let rows = self.connection.query_all_raw(self.statement(sql, params)).await?;
        rows.iter().try_for_each(|row| each(&PostgresRow(row)))
    }
}

/// A transaction driven from the writer's thread.
pub(crate) struct PostgresTx<'a> {
    pub(crate) transaction: &'a DatabaseTransaction,
    pub(crate) runtime: &'a Handle,
    pub(crate) pool: &'a PostgresPool,
    /// Statements about savepoints that wait for the next one: to leave a savepoint and to enter the next is one
    /// round trip.
    pub(crate) marks: Vec<&'static str>,
}

impl PostgresTx<'_> {
    /// Sends what waits; nothing may be committed before.
    pub(crate) fn send_marks(&mut self) -> Result<()> {
        if !self.marks.is_empty() {
            let sql = std::mem::take(&mut self.marks).join("; ");
            self.runtime.block_on(self.transaction.execute_unprepared(&sql))?;
        }
        Ok(())
    }
}

impl Tx for PostgresTx<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn execute(&mut self, sql: &str, params: &[Param]) -> Result<u64> {
        self.send_marks()?;
        let result = self.runtime.block_on(self.transaction.execute_raw(self.pool.statement(sql, params)))?;
        Ok(result.rows_affected())
    }

    fn query(
        &mut self,
        sql: &str,
        params: &[Param],
        each: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        self.send_marks()?;
        let rows = self.runtime.block_on(self.transaction.query_all_raw(self.pool.statement(sql, params)))?;
        rows.iter().try_for_each(|row| each(&PostgresRow(row)))
    }

    fn mark(&mut self, statements: &[&'static str]) -> Result<()> {
        self.marks.extend(statements);
        Ok(())
    }

    fn batch(&mut self, sql: &str) -> Result<()> {
        self.send_marks()?;
        self.runtime.block_on(self.transaction.execute_unprepared(sql))?;
        Ok(())
    }

    // The altered tables are locked until the commit: nobody prepares a marked statement for their old columns.
    fn tables_changed(&mut self) {
        self.pool.tables_changed();
    }
}

struct PostgresRow<'a>(&'a QueryResult);

impl PostgresRow<'_> {
    fn get<T: sea_orm::TryGetable>(&self, index: usize) -> Result<Option<T>> {
        self.0
            .try_get_by_index::<Option<T>>(index)
            .map_err(|error| Error::Corrupt(format!("column {index}: {error}")))
    }
}

impl Row for PostgresRow<'_> {
    fn value(&self, index: usize, ty: &Type) -> Result<Value> {
        let value = match ty {
            Type::Bool => self.get::<bool>(index)?.map(Value::Bool),
            Type::Int => self.get::<i64>(index)?.map(Value::Int),
            Type::Decimal(scale) => {
                self.get::<i64>(index)?.map(|value| Value::Decimal(Decimal::new(value, *scale)))
            }
            Type::Duration => self.get::<i64>(index)?.map(Value::Duration),
            Type::Float => self.get::<f64>(index)?.map(Value::Float),
            Type::Text | Type::Null => self.get::<String>(index)?.map(Value::text),
            Type::Date => self.get::<chrono::NaiveDate>(index)?.map(Value::Date),
            Type::DateTime => self.get::<chrono::DateTime<chrono::Utc>>(index)?.map(Value::DateTime),
            Type::Id => self.get::<Uuid>(index)?.map(Value::Id),
            Type::List(_) | Type::Geo | Type::Json => {
                self.get::<serde_json::Value>(index)?.map(|json| column::from_json(json, ty)).transpose()?
            }
        };
        Ok(value.unwrap_or(Value::Null))
    }

    fn int(&self, index: usize) -> Result<Option<i64>> {
        self.get(index)
    }

    fn text(&self, index: usize) -> Result<Option<String>> {
        self.get(index)
    }

    fn bytes(&self, index: usize) -> Result<Option<Vec<u8>>> {
        self.get(index)
    }
}
