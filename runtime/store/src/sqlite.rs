//! SQLite by rusqlite: one writing connection and a few reading ones per tenant file, in WAL mode with full sync.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate};
use mortise_expr::{Decimal, Dialect, Type, Value};
use parking_lot::Mutex;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags};
use uuid::Uuid;

use crate::column;
use crate::error::{Error, Result};
use crate::exec::{Param, Row, Tx};

/// Prepared statements kept per connection; a model of both templates needs about 150.
const STATEMENTS: usize = 256;
/// Reading connections kept open when idle: opening one costs as much as a hundred reads.
const IDLE_READERS: usize = 16;

/// When a commit has happened.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Durability {
    /// When it is on the disk.
    Full,
    /// When the system has it: for files that nobody needs after a power cut.
    None,
}

/// The connections of one tenant file.
pub(crate) struct SqliteFile {
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
}

impl SqliteFile {
    /// Opens or makes the file; gives the writing connection beside it.
    pub(crate) fn open(path: &Path, durability: Durability) -> Result<(Self, Connection)> {
        let writer = Connection::open(path)?;
        // After a large load the log gives back all but 64 MiB of its room.
        writer.execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA journal_size_limit=67108864; PRAGMA foreign_keys=OFF; \
             PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=4000; PRAGMA temp_store=MEMORY;",
        )?;
        writer.execute_batch(match durability {
            Durability::Full => "PRAGMA synchronous=FULL",
            Durability::None => "PRAGMA synchronous=OFF",
        })?;
        prepare(&writer)?;
        Ok((SqliteFile { path: path.to_owned(), readers: Mutex::new(Vec::new()) }, writer))
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` with a reading connection.
    pub(crate) fn read<R>(&self, work: impl FnOnce(&Connection) -> Result<R>) -> Result<R> {
        let idle = self.readers.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.open_reader()?,
        };
        let result = work(&connection);
        let mut readers = self.readers.lock();
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        result
    }

    /// Closes the reading connections that nobody uses just now.
    pub(crate) fn close_idle(&self) {
        let idle = std::mem::take(&mut *self.readers.lock());
        drop(idle);
    }

    fn open_reader(&self) -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-4096;")?;
        prepare(&connection)?;
        Ok(connection)
    }
}

/// Another connection, for what the others cannot do in between.
pub(crate) fn open_beside(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<()> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("mortise_local", 3, flags, |cx| {
        let (part, micros, zone) =
            (cx.get::<Option<String>>(0)?, cx.get::<Option<i64>>(1)?, cx.get::<Option<String>>(2)?);
        Ok(match (part, micros, zone) {
            (Some(part), Some(micros), Some(zone)) => mortise_expr::local_part(&part, micros, &zone),
            _ => None,
        })
    })?;
    Ok(())
}

/// The writing side as a transaction.
pub(crate) struct SqliteTx<'a>(pub(crate) &'a Connection);

impl Tx for SqliteTx<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn execute(&mut self, sql: &str, params: &[Param]) -> Result<u64> {
        let mut statement = self.0.prepare_cached(sql)?;
        Ok(statement.execute(rusqlite::params_from_iter(params.iter().map(Bound)))? as u64)
    }

    fn query(
        &mut self,
        sql: &str,
        params: &[Param],
        each: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        query(self.0, sql, params, each)
    }

    fn mark(&mut self, statements: &[&'static str]) -> Result<()> {
        statements.iter().try_for_each(|sql| self.execute(sql, &[]).map(drop))
    }

    fn batch(&mut self, sql: &str) -> Result<()> {
        Ok(self.0.execute_batch(sql)?)
    }
}

/// Entries of an index that are looked at. With few, SQLite takes a state that half of the records have for one that narrows.
const SAMPLE: u32 = 10_000;

/// Has SQLite look at tables that have grown tenfold or that it has never looked at, a sample of each index. Without that it
/// takes all indexes for equally good, and reads the records of a whole state to find the five of one customer.
pub(crate) fn measure(connection: &Connection) -> Result<()> {
    // 0x02: look at tables that need it; 0x10000: at those that this connection has not asked, too.
    Ok(connection.execute_batch(&format!("PRAGMA analysis_limit={SAMPLE}; PRAGMA optimize=0x10002"))?)
}

/// Runs a query on a connection.
pub(crate) fn query(
    connection: &Connection,
    sql: &str,
    params: &[Param],
    each: &mut dyn FnMut(&dyn Row) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(params.iter().map(Bound)))?;
    while let Some(row) = rows.next()? {
        each(&SqliteRow(row))?;
    }
    Ok(())
}

struct Bound<'a>(&'a Param);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        fn owned(value: Option<i64>) -> rusqlite::Result<ToSqlOutput<'static>> {
            Ok(ToSqlOutput::Owned(
                value.map_or(rusqlite::types::Value::Null, rusqlite::types::Value::Integer),
            ))
        }
        Ok(match self.0 {
            Param::Bool(value) => return owned(value.map(i64::from)),
            Param::TinyInt(value) => return owned(value.map(i64::from)),
            Param::SmallInt(value) => return owned(value.map(i64::from)),
            Param::Int(value) => return owned(value.map(i64::from)),
            Param::BigInt(value) => return owned(*value),
            Param::Unsigned(value) => return owned(value.map(i64::from)),
            Param::BigUnsigned(value) => return owned(value.and_then(|value| i64::try_from(value).ok())),
            Param::ChronoDate(value) => return owned(value.map(days)),
            Param::ChronoDateTimeUtc(value) => return owned(value.map(|time| time.timestamp_micros())),
            Param::Double(Some(value)) => ToSqlOutput::Borrowed(ValueRef::Real(*value)),
            Param::String(Some(text)) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Param::Bytes(Some(bytes)) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Param::Uuid(Some(id)) => ToSqlOutput::Borrowed(ValueRef::Blob(id.as_bytes())),
            Param::Json(Some(json)) => ToSqlOutput::Owned(rusqlite::types::Value::Text(json.to_string())),
            Param::Double(None)
            | Param::String(None)
            | Param::Bytes(None)
            | Param::Uuid(None)
            | Param::Json(None) => ToSqlOutput::Owned(rusqlite::types::Value::Null),
            other => {
                return Err(rusqlite::Error::ToSqlConversionFailure(
                    format!("no binding for {other:?}").into(),
                ));
            }
        })
    }
}

fn days(date: NaiveDate) -> i64 {
    (date - NaiveDate::default()).num_days()
}

struct SqliteRow<'a, 'b>(&'a rusqlite::Row<'b>);

impl Row for SqliteRow<'_, '_> {
    fn value(&self, index: usize, ty: &Type) -> Result<Value> {
        let wrong = || Error::Corrupt(format!("column {index} does not hold {ty}"));
        Ok(match (self.0.get_ref(index)?, ty) {
            (ValueRef::Null, _) => Value::Null,
            (ValueRef::Integer(value), Type::Int) => Value::Int(value),
            (ValueRef::Integer(value), Type::Bool) => Value::Bool(value != 0),
            (ValueRef::Integer(value), Type::Decimal(scale)) => Value::Decimal(Decimal::new(value, *scale)),
            (ValueRef::Integer(value), Type::DateTime) => {
                Value::DateTime(DateTime::from_timestamp_micros(value).ok_or_else(wrong)?)
            }
            (ValueRef::Integer(value), Type::Date) => {
                let date = chrono::TimeDelta::try_days(value)
                    .and_then(|days| NaiveDate::default().checked_add_signed(days));
                Value::Date(date.ok_or_else(wrong)?)
            }
            (ValueRef::Integer(value), Type::Duration) => Value::Duration(value),
            (ValueRef::Real(value), Type::Float) => Value::Float(value),
            (ValueRef::Blob(bytes), Type::Id) => Value::Id(Uuid::from_slice(bytes).map_err(|_| wrong())?),
            (ValueRef::Text(text), Type::Text | Type::Null) => {
                Value::Text(Arc::from(std::str::from_utf8(text).map_err(|_| wrong())?))
            }
            (ValueRef::Text(text), Type::List(_) | Type::Geo | Type::Json) => {
                column::from_json(serde_json::from_slice(text).map_err(|_| wrong())?, ty)?
            }
            _ => return Err(wrong()),
        })
    }

    fn int(&self, index: usize) -> Result<Option<i64>> {
        Ok(self.0.get(index)?)
    }

    fn text(&self, index: usize) -> Result<Option<String>> {
        Ok(self.0.get(index)?)
    }

    fn bytes(&self, index: usize) -> Result<Option<Vec<u8>>> {
        Ok(self.0.get(index)?)
    }
}
