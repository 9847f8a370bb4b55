//! The wire form of every value, and fields that hold any JSON.

use std::io::Write;

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use mortise_expr::Value;
use serde_json::Value as Json;
use std::sync::Arc;

use super::{Issue, duration};

/// Largest JSON value of a field, in bytes.
const JSON_LIMIT: usize = 64 * 1024;

pub(super) fn from_json(json: &Json) -> Result<Value, Issue> {
    Ok(Value::Json(Arc::new(json.clone())))
}

pub(super) fn from_text(text: &str) -> Result<Value, Issue> {
    if text.len() > JSON_LIMIT {
        return Err(Issue::new("value.json_too_large").with("max", JSON_LIMIT / 1024));
    }
    match serde_json::from_str::<Json>(text) {
        Ok(Json::Null) => Ok(Value::Null),
        Ok(json) => Ok(Value::Json(Arc::new(json))),
        Err(error) => Err(Issue::new("value.not_json").with("reason", error)),
    }
}

pub(super) fn check(json: &Json) -> Result<(), Issue> {
    let size = serde_json::to_vec(json).map_or(usize::MAX, |bytes| bytes.len());
    if size > JSON_LIMIT {
        return Err(Issue::new("value.json_too_large").with("max", JSON_LIMIT / 1024));
    }
    if has_nul(json) {
        return Err(Issue::new("value.control_character").with("character", "U+0000"));
    }
    Ok(())
}

/// PostgreSQL's jsonb cannot hold NUL.
fn has_nul(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains('\0'),
        Json::Array(items) => items.iter().any(has_nul),
        Json::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// Appends the wire form of a value. The value alone decides it, whatever field it belongs to.
pub fn write_json(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(number) => write(out, format_args!("{number}")),
        Value::Decimal(number) => write(out, format_args!("\"{number}\"")),
        // JSON has no infinity; the evaluator gives none either.
        Value::Float(number) if !number.is_finite() => out.extend_from_slice(b"null"),
        Value::Float(number) => write(out, format_args!("{number:?}")),
        Value::Text(text) => write_text(text, out),
        Value::Date(date) => quoted(out, |out| write_date(*date, out)),
        Value::DateTime(instant) => quoted(out, |out| write_instant(*instant, out)),
        Value::Duration(ms) => quoted(out, |out| duration::write_iso(*ms, out)),
        Value::Id(id) => quoted(out, |out| {
            let mut buffer = uuid::Uuid::encode_buffer();
            out.extend_from_slice(id.hyphenated().encode_lower(&mut buffer).as_bytes());
        }),
        Value::List(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_json(item, out);
            }
            out.push(b']');
        }
        Value::Geo(point) => write(out, format_args!("{{\"lat\":{:?},\"lon\":{:?}}}", point.lat, point.lon)),
        Value::Json(json) => to_writer(&**json, out),
    }
}

/// The wire form of a value as a JSON tree, for values on their way into a command.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(yes) => Json::Bool(*yes),
        Value::Int(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::Text(text) => Json::String(text.to_string()),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Json(json) => (**json).clone(),
        Value::Geo(point) => serde_json::json!({ "lat": point.lat, "lon": point.lon }),
        Value::Decimal(_) | Value::Date(_) | Value::DateTime(_) | Value::Duration(_) | Value::Id(_) => {
            let mut text = Vec::with_capacity(40);
            write_json(value, &mut text);
            // All of these are written as text without anything to escape, between quotation marks.
            let inner = &text[1..text.len() - 1];
            Json::String(String::from_utf8_lossy(inner).into_owned())
        }
    }
}

/// Appends a JSON string.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    to_writer(text, out);
}

fn to_writer<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value)
        .expect("text and JSON values always serialise, and a Vec takes every byte");
}

fn write(out: &mut Vec<u8>, text: std::fmt::Arguments) {
    out.write_fmt(text).expect("a Vec takes every byte");
}

fn quoted(out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    content(out);
    out.push(b'"');
}

// Dates are written digit by digit: they are in every row of every list, and chrono's formatting takes ten times as long.

fn write_date(date: NaiveDate, out: &mut Vec<u8>) {
    let Ok(year) = u32::try_from(date.year()) else { return write(out, format_args!("{date}")) };
    if year > 9999 {
        return write(out, format_args!("{date}"));
    }
    digits(year, 4, out);
    out.push(b'-');
    digits(date.month(), 2, out);
    out.push(b'-');
    digits(date.day(), 2, out);
}

fn write_instant(instant: DateTime<Utc>, out: &mut Vec<u8>) {
    write_date(instant.date_naive(), out);
    out.push(b'T');
    digits(instant.hour(), 2, out);
    out.push(b':');
    digits(instant.minute(), 2, out);
    out.push(b':');
    digits(instant.second(), 2, out);
    let micros = instant.timestamp_subsec_micros();
    if micros != 0 {
        out.push(b'.');
        if micros.is_multiple_of(1_000) { digits(micros / 1_000, 3, out) } else { digits(micros, 6, out) }
    }
    out.push(b'Z');
}

fn digits(number: u32, width: u32, out: &mut Vec<u8>) {
    for position in (0..width).rev() {
        let digit = number / 10u32.pow(position) % 10;
        out.push(b'0' + u8::try_from(digit).expect("a remainder of ten is a digit"));
    }
}
