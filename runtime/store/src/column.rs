//! How each type of value is stored: its column type, its bound parameter and the way back.
//! SQLite keeps ids as 16 bytes, days and microseconds as integers, lists as JSON text; PostgreSQL uses its own types.

use std::sync::Arc;

use mortise_expr::{Decimal, Dialect, GeoPoint, Type, Value};
use sea_query::Value as Param;

use crate::error::{Error, Result};

/// The column type in a `CREATE TABLE`.
pub fn sql_type(ty: &Type, dialect: Dialect) -> &'static str {
    match (dialect, ty) {
        (Dialect::Sqlite, Type::Float) => "REAL",
        (Dialect::Sqlite, Type::Id) => "BLOB",
        (Dialect::Sqlite, Type::Text | Type::List(_) | Type::Geo | Type::Json | Type::Null) => "TEXT",
        (Dialect::Sqlite, _) => "INTEGER",
        (Dialect::Postgres, Type::Bool) => "boolean",
        (Dialect::Postgres, Type::Int | Type::Decimal(_) | Type::Duration) => "bigint",
        (Dialect::Postgres, Type::Float) => "double precision",
        (Dialect::Postgres, Type::Text | Type::Null) => "text COLLATE \"C\"",
        (Dialect::Postgres, Type::Date) => "date",
        (Dialect::Postgres, Type::DateTime) => "timestamptz",
        (Dialect::Postgres, Type::Id) => "uuid",
        (Dialect::Postgres, Type::List(_) | Type::Geo | Type::Json) => "jsonb",
    }
}

/// The bound parameter for a value of a column of this type. A value of another type is stored as null, which
/// cannot happen for values that went through the engine's parsers.
pub fn param(value: &Value, ty: &Type) -> Param {
    match ty {
        Type::Bool => Param::Bool(match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        }),
        Type::Int => Param::BigInt(value.as_int()),
        Type::Decimal(scale) => Param::BigInt(mantissa(value, *scale)),
        Type::Duration => Param::BigInt(match value {
            Value::Duration(ms) => Some(*ms),
            _ => None,
        }),
        Type::Float => Param::Double(match value {
            Value::Float(value) => Some(*value),
            _ => None,
        }),
        Type::Text | Type::Null => Param::String(value.as_text().map(str::to_owned)),
        Type::Date => Param::ChronoDate(match value {
            Value::Date(date) => Some(*date),
            _ => None,
        }),
        Type::DateTime => Param::ChronoDateTimeUtc(match value {
            Value::DateTime(time) => Some(*time),
            _ => None,
        }),
        Type::Id => Param::Uuid(value.as_id()),
        Type::List(_) | Type::Geo | Type::Json => Param::Json(to_json(value).map(Box::new)),
    }
}

fn mantissa(value: &Value, scale: u8) -> Option<i64> {
    match value {
        Value::Decimal(decimal) => decimal.rescale(scale).map(|decimal| decimal.mantissa),
        Value::Int(int) => Decimal::new(*int, 0).rescale(scale).map(|decimal| decimal.mantissa),
        _ => None,
    }
}

fn to_json(value: &Value) -> Option<serde_json::Value> {
    match value {
        Value::Json(json) => Some((**json).clone()),
        Value::Geo(point) => Some(serde_json::json!([point.lat, point.lon])),
        Value::List(items) => Some(serde_json::Value::Array(
            items
                .iter()
                .map(|item| match item {
                    Value::Id(id) => serde_json::Value::String(id.to_string()),
                    other => serde_json::Value::String(other.to_string()),
                })
                .collect(),
        )),
        _ => None,
    }
}

/// The value that a JSON column of this type holds.
pub(crate) fn from_json(json: serde_json::Value, ty: &Type) -> Result<Value> {
    let corrupt = |what: &str| Error::Corrupt(format!("{what} expected in a JSON column"));
    match ty {
        Type::Geo => {
            let part = |index: usize| json.get(index).and_then(serde_json::Value::as_f64);
            match (part(0), part(1)) {
                (Some(lat), Some(lon)) => Ok(Value::Geo(GeoPoint { lat, lon })),
                _ => Err(corrupt("a point")),
            }
        }
        Type::List(item) => {
            let serde_json::Value::Array(items) = json else { return Err(corrupt("a list")) };
            let values: Result<Vec<Value>> = items
                .iter()
                .map(|json| {
                    let text = json.as_str().ok_or_else(|| corrupt("a text"))?;
                    match **item {
                        Type::Id => text.parse().map(Value::Id).map_err(|_| corrupt("an id")),
                        _ => Ok(Value::text(text)),
                    }
                })
                .collect();
            Ok(Value::List(values?.into()))
        }
        _ => Ok(Value::Json(Arc::new(json))),
    }
}
