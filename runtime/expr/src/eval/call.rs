//! What the functions do. Each gives null when an argument that it needs is null.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;

use chrono::NaiveDateTime;

use super::arithmetic::negate;
use super::{EvalError, Held, Machine, boolean, exact, float, mismatch, order};
use crate::calendar::{Part, epoch_days, local, read_date, read_instant};
#[cfg(not(target_arch = "wasm32"))]
use crate::check::pattern;
use crate::decimal::{divide_half_up, power};
use crate::node::{Function, Node, NodeRef};
use crate::{Decimal, GeoPoint, Value};

/// The mean radius of the earth in kilometres.
const EARTH_KM: f64 = 6371.0088;

impl<'a> Machine<'a> {
    pub(super) fn call(&mut self, function: Function, args: &'a [NodeRef]) -> Result<Held<'a>, EvalError> {
        match function {
            Function::Now => Ok(Cow::Owned(Value::DateTime(micros(self.cx.now)))),
            Function::Today => Ok(Cow::Owned(Value::Date(local(self.cx.now, self.cx.tz).date()))),
            Function::Coalesce => {
                for arg in args {
                    let value = self.eval(arg)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                Ok(Cow::Owned(Value::Null))
            }
            Function::Min => self.extreme(args, Ordering::Less),
            Function::Max => self.extreme(args, Ordering::Greater),
            _ => self.strict(function, args),
        }
    }

    /// A function that gives null as soon as one argument is null.
    fn strict(&mut self, function: Function, args: &'a [NodeRef]) -> Result<Held<'a>, EvalError> {
        let mut values: [Held<'a>; 3] = [const { Cow::Borrowed(super::NULL) }; 3];
        for (place, arg) in values.iter_mut().zip(args) {
            *place = self.eval(arg)?;
            if place.is_null() {
                return Ok(Cow::Borrowed(super::NULL));
            }
            self.spend_text(place)?;
        }
        let [a, b, c] = &values;
        if let (Some(a), Some(b)) = (a.as_text(), b.as_text()) {
            return self.on_texts(function, a, b, c);
        }
        if let (Some(text), None) = (a.as_text(), b.as_text()) {
            return on_text(function, text, b, c).map(Cow::Owned);
        }
        on_values(function, a, b, self.cx.tz).map(Cow::Owned)
    }

    fn on_texts(&mut self, function: Function, a: &str, b: &str, c: &Value) -> Result<Held<'a>, EvalError> {
        Ok(match function {
            Function::Contains => boolean(a.contains(b)),
            Function::StartsWith => boolean(a.starts_with(b)),
            Function::EndsWith => boolean(a.ends_with(b)),
            Function::Under => boolean(is_under(a, b)),
            #[cfg(not(target_arch = "wasm32"))]
            Function::Matches => {
                let regex = pattern(b).map_err(|reason| EvalError::Pattern { reason })?;
                boolean(regex.is_match(a))
            }
            Function::Similarity => Cow::Owned(Value::Float(crate::similarity(a, b))),
            Function::Replace => {
                let new = c.as_text().unwrap_or_default();
                // An empty search text would insert the new one everywhere; people mean nothing by it.
                let occurrences = if b.is_empty() { 0 } else { a.matches(b).count() };
                self.spend((occurrences * new.len() / super::BYTES_PER_COST) as u64)?;
                if occurrences == 0 {
                    Cow::Owned(Value::text(a))
                } else {
                    Cow::Owned(Value::text(a.replace(b, new)))
                }
            }
            _ => return Err(mismatch(function.name(), &[&Value::text(a), &Value::text(b)])),
        })
    }

    /// The smallest or largest of the values that are not null.
    fn extreme(&mut self, args: &'a [NodeRef], wanted: Ordering) -> Result<Held<'a>, EvalError> {
        let mut best: Held<'a> = Cow::Borrowed(super::NULL);
        if let [list] = args
            && matches!(list.ty, crate::Type::List(_))
        {
            let list = self.eval(list)?;
            self.spend_text(&list)?;
            let Value::List(items) = &*list else { return Ok(best) };
            for item in items.iter() {
                if !item.is_null() && (best.is_null() || order(item, &best) == Some(wanted)) {
                    best = Cow::Owned(item.clone());
                }
            }
            return Ok(best);
        }
        for arg in args {
            let value = self.eval(arg as &'a Node)?;
            if !value.is_null() && (best.is_null() || order(&value, &best) == Some(wanted)) {
                best = value;
            }
        }
        Ok(best)
    }
}

/// Whether a tree code is the ancestor's or lies below it.
fn is_under(path: &str, ancestor: &str) -> bool {
    path.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Instants have microseconds, as both databases store them.
fn micros(instant: chrono::DateTime<chrono::Utc>) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_micros(instant.timestamp_micros()).unwrap_or(instant)
}

fn on_text(function: Function, text: &str, b: &Value, c: &Value) -> Result<Value, EvalError> {
    let number = || text.parse::<Decimal>().ok();
    Ok(match function {
        Function::Size => Value::Int(i64::try_from(text.chars().count()).unwrap_or(i64::MAX)),
        Function::LowerAscii => Value::text(text.to_ascii_lowercase()),
        Function::UpperAscii => Value::text(text.to_ascii_uppercase()),
        Function::Trim => Value::text(text.trim()),
        Function::ToText => Value::text(text),
        Function::IpKey => ip_key(text).map_or(Value::Null, Value::text),
        Function::Substring => {
            let position =
                |value: &Value| value.as_int().map(|n| usize::try_from(n.max(0)).unwrap_or(usize::MAX));
            let from = position(b).unwrap_or(0);
            let to = position(c).unwrap_or(usize::MAX);
            Value::text(text.chars().skip(from).take(to.saturating_sub(from)).collect::<String>())
        }
        Function::ToInt => text.trim().parse::<i64>().ok().map_or(Value::Null, Value::Int),
        Function::ToDecimal => {
            let scale = b.as_int().and_then(|scale| u8::try_from(scale).ok()).unwrap_or(0);
            number().and_then(|number| number.rescale(scale)).map_or(Value::Null, Value::Decimal)
        }
        Function::ParseDate => read_date(text).map_or(Value::Null, Value::Date),
        Function::ParseDateTime => read_instant(text).map_or(Value::Null, Value::DateTime),
        _ => return Err(mismatch(function.name(), &[&Value::text(text), b])),
    })
}

/// An address as 32 digits that sort as addresses do, those of version 4 among those of version 6.
fn ip_key(text: &str) -> Option<String> {
    let address = match text.trim().parse().ok()? {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    Some(format!("{:032x}", u128::from(address)))
}

fn on_values(function: Function, a: &Value, b: &Value, tz: crate::Zone) -> Result<Value, EvalError> {
    let wrong = || mismatch(function.name(), &[a, b]);
    let overflow = || EvalError::Overflow { operation: function.name() };
    Ok(match function {
        Function::Part(part) => {
            let time = local_time(a, tz).ok_or_else(wrong)?;
            if part == Part::Date { Value::Date(time.date()) } else { Value::Int(part.of(time)) }
        }
        Function::DaysBetween => {
            let (a, b) = local_time(a, tz).zip(local_time(b, tz)).ok_or_else(wrong)?;
            Value::Int(epoch_days(b.date()) - epoch_days(a.date()))
        }
        Function::Duration(unit) => {
            Value::Duration(a.as_int().ok_or_else(wrong)?.checked_mul(unit).ok_or_else(overflow)?)
        }
        Function::Size => match a {
            Value::List(items) => Value::Int(i64::try_from(items.len()).unwrap_or(i64::MAX)),
            _ => return Err(wrong()),
        },
        Function::ToText => Value::text(a.to_string()),
        Function::ToFloat => Value::Float(float(a).ok_or_else(wrong)?),
        Function::Abs if is_negative(a) => negate(a)?,
        Function::Abs => a.clone(),
        Function::ToInt => whole(a, |n, unit| n / unit, f64::trunc).ok_or_else(overflow)?,
        Function::Floor => whole(a, i128::div_euclid, f64::floor).ok_or_else(overflow)?,
        Function::Ceil => whole(a, |n, unit| -(-n).div_euclid(unit), f64::ceil).ok_or_else(overflow)?,
        Function::Round if b.is_null() => whole(a, divide_half_up, f64::round).ok_or_else(overflow)?,
        Function::Round | Function::ToDecimal => {
            let scale = b.as_int().and_then(|scale| u8::try_from(scale).ok()).ok_or_else(wrong)?;
            let rounded = match a {
                Value::Float(number) => Decimal::from_f64(*number, scale),
                _ => exact(a).ok_or_else(wrong)?.rescale(scale),
            };
            rounded.map(Value::Decimal).ok_or_else(overflow)?
        }
        Function::DistanceKm => match (a, b) {
            (Value::Geo(a), Value::Geo(b)) => Value::Float(distance_km(*a, *b)),
            _ => return Err(wrong()),
        },
        _ => return Err(wrong()),
    })
}

fn is_negative(value: &Value) -> bool {
    match value {
        Value::Int(number) | Value::Duration(number) => *number < 0,
        Value::Decimal(number) => number.mantissa < 0,
        Value::Float(number) => *number < 0.0,
        _ => false,
    }
}

/// A date at midnight, or a datetime as clocks in the zone show it.
fn local_time(value: &Value, tz: crate::Zone) -> Option<NaiveDateTime> {
    match value {
        Value::Date(date) => date.and_hms_opt(0, 0, 0),
        Value::DateTime(instant) => Some(local(*instant, tz)),
        _ => None,
    }
}

/// A number made whole in one of several ways.
fn whole(
    value: &Value,
    exactly: impl Fn(i128, i128) -> i128,
    floating: impl Fn(f64) -> f64,
) -> Option<Value> {
    match value {
        Value::Int(number) => Some(Value::Int(*number)),
        Value::Decimal(number) => {
            i64::try_from(exactly(i128::from(number.mantissa), power(number.scale))).ok().map(Value::Int)
        }
        Value::Float(number) => {
            Decimal::from_f64(floating(*number), 0).map(|number| Value::Int(number.mantissa))
        }
        _ => None,
    }
}

/// The distance along a great circle (haversine).
fn distance_km(a: GeoPoint, b: GeoPoint) -> f64 {
    let (lat_a, lat_b) = (a.lat.to_radians(), b.lat.to_radians());
    let half_lat = ((lat_b - lat_a) / 2.0).sin();
    let half_lon = ((b.lon - a.lon).to_radians() / 2.0).sin();
    let h = half_lat * half_lat + lat_a.cos() * lat_b.cos() * half_lon * half_lon;
    2.0 * EARTH_KM * h.sqrt().min(1.0).asin()
}
