//! Values: what a field, a literal or the result of an expression holds. Small (24 bytes) and cheap to clone:
//! texts and lists are shared, never copied. No value knows its storage form; that is the business of `sql`.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Decimal, Type};

/// The largest magnitude of integers and decimal mantissas in fields: 2^53 - 1, which a browser can hold exactly.
pub const INT_LIMIT: i64 = 9_007_199_254_740_991;

/// A typed value. `PartialEq` compares kind and content; how expressions compare numbers of different kinds is
/// described at the top of the crate.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// An exact number with digits after the point.
    Decimal(Decimal),
    /// An inexact number.
    Float(f64),
    /// Text.
    Text(Arc<str>),
    /// A day without a zone.
    Date(NaiveDate),
    /// An instant, to the microsecond.
    DateTime(DateTime<Utc>),
    /// A length of time in milliseconds.
    Duration(i64),
    /// The id of a record, a person or a team.
    Id(Uuid),
    /// Several values of one type.
    List(Arc<[Value]>),
    /// A place on earth.
    Geo(GeoPoint),
    /// Anything else; opaque to expressions except for tests against null.
    Json(Arc<serde_json::Value>),
}

/// A place on earth in degrees (WGS 84).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeoPoint {
    /// Degrees north of the equator.
    pub lat: f64,
    /// Degrees east of Greenwich.
    pub lon: f64,
}

impl Value {
    /// A text value.
    pub fn text(text: impl Into<Arc<str>>) -> Value {
        Value::Text(text.into())
    }

    /// A list value.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
        Value::List(items.into_iter().collect())
    }

    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The truth of a value as a condition: only `true` is true.
    pub fn is_true(&self) -> bool {
        matches!(self, Value::Bool(true))
    }

    /// The text of a text value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number of an integer value.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The id of an id value.
    pub fn as_id(&self) -> Option<Uuid> {
        match self {
            Value::Id(id) => Some(*id),
            _ => None,
        }
    }

    /// How two values compare, numbers of different kinds by what they are worth; none when they cannot be compared.
    pub fn order(&self, other: &Value) -> Option<std::cmp::Ordering> {
        crate::eval::order(self, other)
    }

    /// The value of a number; none for everything else.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Int(number) => Some(*number as f64),
            Value::Decimal(decimal) => Some(decimal.to_f64()),
            Value::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// The type of the value as far as it can be seen: an empty list is a list of nulls.
    pub fn ty(&self) -> Type {
        match self {
            Value::Null => Type::Null,
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            Value::Decimal(decimal) => Type::Decimal(decimal.scale),
            Value::Float(_) => Type::Float,
            Value::Text(_) => Type::Text,
            Value::Date(_) => Type::Date,
            Value::DateTime(_) => Type::DateTime,
            Value::Duration(_) => Type::Duration,
            Value::Id(_) => Type::Id,
            Value::List(items) => Type::List(Box::new(items.first().map_or(Type::Null, Value::ty))),
            Value::Geo(_) => Type::Geo,
            Value::Json(_) => Type::Json,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<Decimal> for Value {
    fn from(value: Decimal) -> Value {
        Value::Decimal(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.into())
    }
}

impl From<Uuid> for Value {
    fn from(value: Uuid) -> Value {
        Value::Id(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

impl fmt::Display for Value {
    /// The plain form that `string(x)` gives: ISO dates, UTC instants, seconds of a duration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => Ok(()),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Decimal(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value}"),
            Value::Text(value) => f.write_str(value),
            Value::Date(value) => write!(f, "{value}"),
            Value::DateTime(value) => {
                f.write_str(&value.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
            }
            Value::Duration(ms) => write!(f, "{}s", Decimal::new(*ms, 3)),
            Value::Id(value) => write!(f, "{value}"),
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{item}")?;
                }
                Ok(())
            }
            Value::Geo(place) => write!(f, "{},{}", place.lat, place.lon),
            Value::Json(value) => write!(f, "{value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_small() {
        assert_eq!(std::mem::size_of::<Value>(), 24);
    }

    #[test]
    fn plain_forms_are_readable() {
        let day = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        let list = Value::list([Value::Date(day), Value::Duration(-1500), Value::text("客户")]);
        assert_eq!(list.to_string(), "2026-03-01, -1.500s, 客户");
    }
}
