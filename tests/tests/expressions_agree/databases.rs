//! The two databases of the agreement test, holding the same rows in their own storage forms.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use mortise_expr::Value;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value as Stored;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use sea_query::{
    Alias, Expr, IntoIden, PostgresQueryBuilder, Query, SelectStatement, SqliteQueryBuilder, TableRef,
    Value as Bound,
};

use crate::table::columns;

/// The statement's text, and the ids that it picks.
type Answer = Result<(String, BTreeSet<i64>), String>;

fn select_ids(table: impl Into<TableRef>, condition: Expr) -> SelectStatement {
    Query::select().column(Alias::new("row_id")).from(table.into()).and_where(condition).to_owned()
}

pub(crate) struct Sqlite {
    connection: rusqlite::Connection,
}

impl Sqlite {
    pub(crate) fn with(rows: &[Vec<Value>]) -> Sqlite {
        let connection = rusqlite::Connection::open_in_memory().expect("a database in memory");
        connection
            .create_scalar_function("mortise_local", 3, FunctionFlags::SQLITE_DETERMINISTIC, |call| {
                let (part, micros, tz): (String, Option<i64>, String) =
                    (call.get(0)?, call.get(1)?, call.get(2)?);
                Ok(micros.and_then(|micros| mortise_expr::local_part(&part, micros, &tz)))
            })
            .expect("a function");
        let names: Vec<_> = columns().iter().map(|(name, ..)| format!("\"{name}\"")).collect();
        let names = names.join(", ");
        connection.execute_batch(&format!("CREATE TABLE t (row_id INTEGER, {names})")).expect("a table");
        let marks = vec!["?"; columns().len() + 1].join(", ");
        let mut insert = connection.prepare(&format!("INSERT INTO t VALUES ({marks})")).expect("an insert");
        for (id, row) in rows.iter().enumerate() {
            let values = row.iter().map(stored);
            let values = std::iter::once(Stored::Integer(id as i64)).chain(values);
            insert.execute(rusqlite::params_from_iter(values)).expect("a row");
        }
        drop(insert);
        Sqlite { connection }
    }

    pub(crate) fn select(&self, condition: Expr) -> Answer {
        let (sql, values) = select_ids(Alias::new("t").into_iden(), condition).build(SqliteQueryBuilder);
        let values: Vec<Stored> = values.iter().map(bound).collect();
        let ids = || -> rusqlite::Result<BTreeSet<i64>> {
            let mut statement = self.connection.prepare_cached(&sql)?;
            statement.query_map(rusqlite::params_from_iter(&values), |row| row.get(0))?.collect()
        };
        let ids = ids().map_err(|error| format!("{error}\n{sql}\n{values:?}"))?;
        Ok((format!("{sql}\n{values:?}"), ids))
    }
}

fn days(date: NaiveDate) -> i64 {
    date.signed_duration_since(NaiveDate::default()).num_days()
}

/// A field's value as SQLite stores it.
fn stored(value: &Value) -> Stored {
    match value {
        Value::Null => Stored::Null,
        Value::Bool(value) => Stored::Integer(i64::from(*value)),
        Value::Int(number) | Value::Duration(number) => Stored::Integer(*number),
        Value::Decimal(number) => Stored::Integer(number.mantissa),
        Value::Float(number) => Stored::Real(*number),
        Value::Text(text) => Stored::Text(text.to_string()),
        Value::Date(date) => Stored::Integer(days(*date)),
        Value::DateTime(instant) => Stored::Integer(instant.timestamp_micros()),
        Value::Id(id) => Stored::Blob(id.as_bytes().to_vec()),
        Value::List(_) => Stored::Text(json(value).to_string()),
        Value::Geo(_) | Value::Json(_) => unreachable!("the table has no such column"),
    }
}

/// A statement's parameter as SQLite's executor binds it.
fn bound(value: &Bound) -> Stored {
    match value {
        Bound::Bool(Some(value)) => Stored::Integer(i64::from(*value)),
        Bound::BigInt(Some(number)) => Stored::Integer(*number),
        Bound::Int(Some(number)) => Stored::Integer(i64::from(*number)),
        Bound::Double(Some(number)) => Stored::Real(*number),
        Bound::String(Some(text)) => Stored::Text(text.clone()),
        Bound::Uuid(Some(id)) => Stored::Blob(id.as_bytes().to_vec()),
        Bound::ChronoDate(Some(date)) => Stored::Integer(days(*date)),
        Bound::ChronoDateTimeUtc(Some(instant)) => Stored::Integer(instant.timestamp_micros()),
        other if *other == other.as_null() => Stored::Null,
        other => panic!("conditions do not bind {other:?}"),
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::List(items) => items.iter().map(json).collect(),
        Value::Text(text) => text.as_ref().into(),
        _ => serde_json::Value::Null,
    }
}

/// A PostgreSQL server with a schema for this test alone.
pub(crate) struct Postgres {
    runtime: tokio::runtime::Runtime,
    connection: DatabaseConnection,
    schema: String,
}

impl Postgres {
    /// `None` where no server is named, unless one is required.
    pub(crate) fn with(rows: &[Vec<Value>]) -> Option<Postgres> {
        let Ok(url) = std::env::var("MORTISE_TEST_POSTGRES") else {
            let required = std::env::var("MORTISE_TEST_REQUIRE").is_ok_and(|value| value == "1");
            assert!(!required, "MORTISE_TEST_POSTGRES names no server, but MORTISE_TEST_REQUIRE demands one");
            println!("skipped: the PostgreSQL half, because MORTISE_TEST_POSTGRES names no server");
            return None;
        };
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let connection = runtime.block_on(Database::connect(&url)).expect("the server that is named");
        let schema = format!("expressions_{}", uuid::Uuid::new_v4().simple());
        let postgres = Postgres { runtime, connection, schema };
        postgres.fill(rows);
        Some(postgres)
    }

    fn fill(&self, rows: &[Vec<Value>]) {
        let described: Vec<_> = columns().iter().map(|(name, _, _, ty)| format!("\"{name}\" {ty}")).collect();
        let create = format!(
            "CREATE SCHEMA {0}; CREATE TABLE {0}.t (row_id bigint, {1})",
            self.schema,
            described.join(", ")
        );
        self.runtime.block_on(self.connection.execute_unprepared(&create)).expect("a schema and a table");
        let names =
            std::iter::once("row_id").chain(columns().into_iter().map(|(name, ..)| name)).map(Alias::new);
        let names: Vec<_> = names.collect();
        for (number, chunk) in rows.chunks(100).enumerate() {
            let mut insert = Query::insert();
            insert.into_table((Alias::new(&*self.schema), Alias::new("t"))).columns(names.clone());
            for (id, row) in chunk.iter().enumerate() {
                let id = Expr::val((number * 100 + id) as i64);
                let values =
                    row.iter().zip(columns()).map(|(value, (_, ty, ..))| Expr::val(typed(value, &ty)));
                insert.values_panic(std::iter::once(id).chain(values));
            }
            let (sql, values) = insert.build(PostgresQueryBuilder);
            let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
            self.runtime.block_on(self.connection.execute_raw(statement)).expect("rows");
        }
    }

    pub(crate) fn select(&self, condition: Expr) -> Answer {
        let table = (Alias::new(&*self.schema), Alias::new("t"));
        let (sql, values) = select_ids(table, condition).build(PostgresQueryBuilder);
        let shown = format!("{sql}\n{values:?}");
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let rows = self.runtime.block_on(self.connection.query_all_raw(statement));
        let rows = rows.map_err(|error| format!("{error}\n{shown}"))?;
        let ids = rows.iter().map(|row| row.try_get::<i64>("", "row_id").map_err(|error| error.to_string()));
        Ok((shown, ids.collect::<Result<_, _>>()?))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let drop = format!("DROP SCHEMA {} CASCADE", self.schema);
        // A schema that stays behind harms nobody; the server is made for tests.
        let _ = self.runtime.block_on(self.connection.execute_unprepared(&drop));
    }
}

/// A field's value as a parameter of PostgreSQL's type.
fn typed(value: &Value, ty: &mortise_expr::Type) -> Bound {
    use mortise_expr::Type;
    match (value, ty) {
        (Value::Bool(value), _) => Bound::Bool(Some(*value)),
        (Value::Int(number) | Value::Duration(number), _) => Bound::BigInt(Some(*number)),
        (Value::Decimal(number), _) => Bound::BigInt(Some(number.mantissa)),
        (Value::Float(number), _) => Bound::Double(Some(*number)),
        (Value::Text(text), _) => Bound::String(Some(text.to_string())),
        (Value::Date(date), _) => Bound::ChronoDate(Some(*date)),
        (Value::DateTime(instant), _) => Bound::ChronoDateTimeUtc(Some(*instant)),
        (Value::Id(id), _) => Bound::Uuid(Some(*id)),
        (Value::List(_), _) => Bound::Json(Some(Box::new(json(value)))),
        (_, Type::Bool) => Bound::Bool(None),
        (_, Type::Float) => Bound::Double(None),
        (_, Type::Text) => Bound::String(None),
        (_, Type::Date) => Bound::ChronoDate(None),
        (_, Type::DateTime) => Bound::ChronoDateTimeUtc(None),
        (_, Type::Id) => Bound::Uuid(None),
        (_, Type::List(_)) => Bound::Json(None),
        _ => Bound::BigInt(None),
    }
}
