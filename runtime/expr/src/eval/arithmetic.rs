//! Arithmetic on values: exact where the operands are, checked, and null where an operand is.

use chrono::{Days, LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};

use super::{EvalError, exact, float, mismatch};
use crate::calendar::DAY_MS;
use crate::node::Operation;
use crate::{Decimal, Type, Value, Zone};

pub(crate) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Int(number) => *number == 0,
        Value::Decimal(number) => number.is_zero(),
        Value::Float(number) => *number == 0.0,
        Value::Duration(ms) => *ms == 0,
        _ => false,
    }
}

/// The whole days of a duration, without its fraction; what is added to a Date.
pub(crate) fn whole_days(ms: i64) -> i64 {
    ms / DAY_MS
}

pub(super) fn arithmetic(operation: Operation, a: &Value, b: &Value) -> Result<Value, EvalError> {
    use Operation::{Add, Divide, Modulo, Multiply, Subtract};
    if a.is_null() || b.is_null() || (matches!(operation, Divide | Modulo) && is_zero(b)) {
        return Ok(Value::Null);
    }
    let overflow = || EvalError::Overflow { operation: operation.symbol() };
    match (operation, a, b) {
        (Add, Value::Text(a), Value::Text(b)) => {
            let mut text = String::with_capacity(a.len() + b.len());
            text.push_str(a);
            text.push_str(b);
            Ok(Value::text(text))
        }
        (_, Value::DateTime(_) | Value::Date(_), _) | (Add, _, Value::DateTime(_) | Value::Date(_)) => {
            time(operation, a, b)
        }
        (Add, Value::Duration(a), Value::Duration(b)) => {
            a.checked_add(*b).map(Value::Duration).ok_or_else(overflow)
        }
        (Subtract, Value::Duration(a), Value::Duration(b)) => {
            a.checked_sub(*b).map(Value::Duration).ok_or_else(overflow)
        }
        (Multiply, Value::Duration(a), Value::Int(b)) | (Multiply, Value::Int(a), Value::Duration(b)) => {
            a.checked_mul(*b).map(Value::Duration).ok_or_else(overflow)
        }
        (Divide, Value::Duration(a), Value::Duration(b)) => {
            Decimal::from(*a).div(Decimal::from(*b)).map(Value::Decimal).ok_or_else(overflow)
        }
        (_, Value::Float(_), _) | (_, _, Value::Float(_)) => floats(operation, a, b),
        (_, Value::Int(a), Value::Int(b)) => integers(operation, *a, *b).ok_or_else(overflow),
        _ => {
            let (x, y) = exact(a).zip(exact(b)).ok_or_else(|| mismatch(operation.symbol(), &[a, b]))?;
            let result = match operation {
                Add => x.checked_add(y),
                Subtract => x.sub(y),
                Multiply => x.mul(y),
                Divide => x.div(y),
                Modulo => return Err(mismatch(operation.symbol(), &[a, b])),
            };
            result.map(Value::Decimal).ok_or_else(overflow)
        }
    }
}

fn integers(operation: Operation, a: i64, b: i64) -> Option<Value> {
    Some(match operation {
        Operation::Add => Value::Int(a.checked_add(b)?),
        Operation::Subtract => Value::Int(a.checked_sub(b)?),
        Operation::Multiply => Value::Int(a.checked_mul(b)?),
        Operation::Modulo => Value::Int(a.checked_rem(b)?),
        Operation::Divide => Value::Decimal(Decimal::from(a).div(Decimal::from(b))?),
    })
}

fn floats(operation: Operation, a: &Value, b: &Value) -> Result<Value, EvalError> {
    let (x, y) = float(a).zip(float(b)).ok_or_else(|| mismatch(operation.symbol(), &[a, b]))?;
    let result = match operation {
        Operation::Add => x + y,
        Operation::Subtract => x - y,
        Operation::Multiply => x * y,
        Operation::Divide => x / y,
        Operation::Modulo => x % y,
    };
    finite(result, operation.symbol())
}

fn finite(number: f64, operation: &'static str) -> Result<Value, EvalError> {
    if number.is_finite() { Ok(Value::Float(number)) } else { Err(EvalError::Overflow { operation }) }
}

/// Dates and datetimes with durations, and the time between two datetimes.
fn time(operation: Operation, a: &Value, b: &Value) -> Result<Value, EvalError> {
    let overflow = || EvalError::Overflow { operation: operation.symbol() };
    let sign = if operation == Operation::Subtract { -1 } else { 1 };
    match (a, b) {
        (Value::DateTime(a), Value::DateTime(b)) if operation == Operation::Subtract => {
            Ok(Value::Duration(a.signed_duration_since(b).num_milliseconds()))
        }
        (Value::DateTime(instant), Value::Duration(ms)) | (Value::Duration(ms), Value::DateTime(instant)) => {
            let delta = TimeDelta::try_milliseconds(*ms).ok_or_else(overflow)? * sign;
            instant.checked_add_signed(delta).map(Value::DateTime).ok_or_else(overflow)
        }
        (Value::Date(date), Value::Duration(ms)) | (Value::Duration(ms), Value::Date(date)) => {
            plus_days(*date, whole_days(*ms) * i64::from(sign)).map(Value::Date).ok_or_else(overflow)
        }
        _ => Err(mismatch(operation.symbol(), &[a, b])),
    }
}

fn plus_days(date: NaiveDate, days: i64) -> Option<NaiveDate> {
    let count = Days::new(days.unsigned_abs());
    if days < 0 { date.checked_sub_days(count) } else { date.checked_add_days(count) }
}

pub(super) fn negate(value: &Value) -> Result<Value, EvalError> {
    let negated = match value {
        Value::Null => Some(Value::Null),
        Value::Int(number) => number.checked_neg().map(Value::Int),
        Value::Duration(ms) => ms.checked_neg().map(Value::Duration),
        Value::Float(number) => Some(Value::Float(-number)),
        Value::Decimal(number) => {
            number.mantissa.checked_neg().map(|mantissa| Value::Decimal(Decimal::new(mantissa, number.scale)))
        }
        _ => return Err(mismatch("-", &[value])),
    };
    negated.ok_or(EvalError::Overflow { operation: "-" })
}

/// A value as another type, where the checker has found that it fits.
pub(super) fn convert(value: &Value, ty: &Type, tz: Zone) -> Result<Value, EvalError> {
    let overflow = || EvalError::Overflow { operation: "conversion" };
    match (ty, value) {
        (Type::Decimal(scale), Value::Int(_) | Value::Decimal(_)) => {
            exact(value).and_then(|number| number.rescale(*scale)).map(Value::Decimal).ok_or_else(overflow)
        }
        (Type::Float, Value::Int(_) | Value::Decimal(_)) => {
            float(value).map(Value::Float).ok_or_else(|| mismatch("conversion", &[value]))
        }
        (Type::DateTime, Value::Date(date)) => start_of_day(*date, tz)
            .map(|start| Value::DateTime(start.with_timezone(&Utc)))
            .ok_or_else(overflow),
        (Type::List(item), Value::List(items)) => {
            items.iter().map(|value| convert(value, item, tz)).collect::<Result<Vec<_>, _>>().map(Value::list)
        }
        _ => Ok(value.clone()),
    }
}

/// The first moment of a local day; where clocks are set forward over midnight, the moment after the gap.
fn start_of_day(date: NaiveDate, tz: Zone) -> Option<chrono::DateTime<Zone>> {
    let midnight: NaiveDateTime = date.and_hms_opt(0, 0, 0)?;
    match tz.from_local_datetime(&midnight) {
        LocalResult::Single(start) | LocalResult::Ambiguous(start, _) => Some(start),
        // Gaps are at most a day long and end on a quarter of an hour.
        LocalResult::None => (1..=96).find_map(|quarter| {
            tz.from_local_datetime(&(midnight + TimeDelta::minutes(15 * quarter))).earliest()
        }),
    }
}
