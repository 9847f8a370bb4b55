//! Values known only by the type of an expression: computed fields, rollups, and the id and version of a record.

use mortise_definition::locale::translate;
use mortise_expr::{Type, Value};
use serde_json::Value as Json;

use super::{Issue, ValueContext, boolean, duration, json, number, people, place, text, time};

pub(super) fn from_json(ty: &Type, json: &Json, cx: &ValueContext) -> Result<Value, Issue> {
    match ty {
        Type::Bool => boolean::from_json(json),
        Type::Int => number::integer_from_json(json),
        Type::Decimal(scale) => number::decimal_from_json(json, *scale),
        Type::Float => {
            json.as_f64().map(Value::Float).ok_or_else(|| Issue::of("value.not_number", &json.to_string()))
        }
        Type::Text => text::lines(text::of_json(json)?),
        Type::Date => time::date_from_json(json),
        Type::DateTime => time::datetime_from_json(json, cx.tz),
        Type::Duration => duration::from_json(json),
        Type::Id => people::id_from_json(json),
        Type::Geo => place::from_json(json),
        Type::Json => json::from_json(json),
        Type::Null => Ok(Value::Null),
        Type::List(item) => {
            let items = json.as_array().ok_or_else(|| Issue::new("value.not_list"))?;
            Ok(Value::list(
                items.iter().map(|json| from_json(item, json, cx)).collect::<Result<Vec<_>, _>>()?,
            ))
        }
    }
}

pub(super) fn from_text(ty: &Type, text: &str, cx: &ValueContext) -> Result<Value, Issue> {
    match ty {
        Type::Bool => boolean::from_text(text),
        Type::Int => number::integer_from_text(text),
        Type::Decimal(scale) => number::decimal_from_text(text, *scale, None),
        Type::Float => text.trim().parse().map(Value::Float).map_err(|_| Issue::of("value.not_number", text)),
        Type::Text => text::lines(text),
        Type::Date => time::date_from_text(text),
        Type::DateTime => time::datetime_from_text(text, cx.tz),
        Type::Duration => duration::from_text(text),
        Type::Id => people::id_from_json(&Json::String(text.to_owned())),
        Type::Geo => place::from_text(text),
        Type::Json => json::from_text(text),
        Type::Null => Ok(Value::Null),
        Type::List(item) => {
            let parts = text.split([',', '，', '、']).filter(|part| !part.trim().is_empty());
            Ok(Value::list(parts.map(|part| from_text(item, part, cx)).collect::<Result<Vec<_>, _>>()?))
        }
    }
}

/// Limits that hold for every value, whatever gave it.
pub(super) fn check(value: &Value) -> Result<(), Issue> {
    match value {
        Value::Int(number) => number::check_integer(*number, i64::MIN, i64::MAX),
        Value::Decimal(decimal) => number::check_decimal(*decimal, decimal.scale, None, None),
        Value::Text(content) => text::check(content, text::LINE_LIMIT, None),
        Value::Date(date) => time::check_date(*date),
        Value::DateTime(instant) => time::check_instant(*instant),
        Value::Duration(ms) => duration::check(*ms),
        Value::Geo(point) => place::check(*point),
        Value::Json(content) => json::check(content),
        Value::List(items) => items.iter().try_for_each(check),
        Value::Float(number) if !number.is_finite() => {
            Err(Issue::new("value.not_number").with("value", number))
        }
        Value::Null | Value::Bool(_) | Value::Id(_) | Value::Float(_) => Ok(()),
    }
}

/// The words for a value that its type alone gives.
pub(super) fn display(value: &Value, cx: &ValueContext) -> String {
    match value {
        Value::Bool(yes) => translate(cx.language, if *yes { "ui.value.yes" } else { "ui.value.no" }, &[]),
        Value::Decimal(decimal) => decimal.shortened().grouped(),
        Value::DateTime(instant) => time::display(*instant, cx.tz),
        Value::Duration(ms) => duration::display(*ms, cx.language),
        Value::Geo(point) => format!("{:.6}, {:.6}", point.lat, point.lon),
        Value::List(items) => {
            let words: Vec<String> = items.iter().map(|item| display(item, cx)).collect();
            words.join(&translate(cx.language, "ui.value.list_separator", &[]))
        }
        other => other.to_string(),
    }
}
