//! Settings of a plugin: what an administrator set over what the manifest gives, as values of the kinds that it declares.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use mortise_plugin_host::manifest::{Manifest, ValueKind};
use mortise_plugin_host::value::{Field, Value};
use serde_json::Value as Json;

/// Longest value of a setting as JSON: a list of terms, not a table.
pub(super) const SETTING_BYTES_MAX: usize = 64 * 1024;

/// All settings that have a value.
pub(super) fn config(manifest: &Manifest, set: &BTreeMap<String, Json>) -> Vec<Field> {
    let field = |setting: &mortise_plugin_host::manifest::Setting| {
        let own = set.get(&setting.name).and_then(|json| value(setting.kind, json));
        let value = own.or_else(|| value(setting.kind, setting.default.as_ref()?))?;
        Some(Field::new(setting.name.as_str(), value))
    };
    manifest.settings.iter().filter_map(field).collect()
}

/// Whether JSON is a value of this kind, as settings and the cells of their tables are.
pub fn setting_fits(kind: ValueKind, json: &Json) -> bool {
    value(kind, json).is_some()
}

/// JSON as a value of this kind; none when it is no such value.
pub(super) fn value(kind: ValueKind, json: &Json) -> Option<Value> {
    let text = json.as_str();
    Some(match kind {
        ValueKind::Text => Value::Text(text?.to_owned()),
        ValueKind::Integer => Value::Integer(json.as_i64()?),
        ValueKind::Decimal => {
            let written = text.map_or_else(|| json.to_string(), str::to_owned);
            is_decimal(&written).then_some(Value::Decimal(written))?
        }
        ValueKind::Float => Value::Float(json.as_f64()?),
        ValueKind::Boolean => Value::Boolean(json.as_bool()?),
        ValueKind::Date => {
            NaiveDate::parse_from_str(text?, "%Y-%m-%d").ok()?;
            Value::Date(text?.to_owned())
        }
        ValueKind::Timestamp => {
            DateTime::parse_from_rfc3339(text?).ok()?;
            Value::Timestamp(text?.to_owned())
        }
        ValueKind::Many => {
            let texts = json.as_array()?.iter().map(|one| one.as_str().map(str::to_owned));
            Value::Many(texts.collect::<Option<_>>()?)
        }
        ValueKind::Json => Value::Json(json.to_string()),
    })
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits.len() <= 30 && plain(whole) && plain(rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_setting_is_taken_only_as_what_it_is_declared_to_be() {
        assert_eq!(value(ValueKind::Integer, &json!(7)), Some(Value::Integer(7)));
        assert_eq!(value(ValueKind::Integer, &json!("7")), None);
        assert_eq!(value(ValueKind::Decimal, &json!("-12.50")), Some(Value::Decimal("-12.50".into())));
        assert_eq!(value(ValueKind::Decimal, &json!(1.5)), Some(Value::Decimal("1.5".into())));
        assert_eq!(value(ValueKind::Decimal, &json!("1e9")), None);
        assert_eq!(value(ValueKind::Date, &json!("2026-02-30")), None);
        assert_eq!(value(ValueKind::Many, &json!(["a", 1])), None);
    }
}
