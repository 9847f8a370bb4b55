//! Values as cases write them, in both directions. What a plain JSON value says is taken for it; all else is an object with
//! the kind as its only key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mortise_plugin_host::value::{Candidate, Condition, Entry, Field, Value};
use serde_json::{Map, Value as Json, json};

use crate::case::CaseError;
use crate::said::Said;

pub(crate) fn wrong(place: &str, reason: Said) -> CaseError {
    CaseError::Value { place: place.to_owned(), reason }
}

/// Something else than this is wanted.
pub(crate) fn wanted(place: &str, kind: &str) -> CaseError {
    wrong(place, Said::new(&format!("wanted.{kind}")))
}

/// The value of a piece of JSON.
pub(crate) fn value(json: &Json, place: &str) -> Result<Value, CaseError> {
    match json {
        Json::Null => Ok(Value::Null),
        Json::Bool(value) => Ok(Value::Boolean(*value)),
        Json::String(text) => Ok(Value::Text(text.clone())),
        Json::Number(number) => {
            number.as_i64().map(Value::Integer).ok_or_else(|| wrong(place, Said::new("number")))
        }
        Json::Array(_) => texts(json, place).map(Value::Many),
        Json::Object(object) => match object.iter().next() {
            Some((kind, inner)) if object.len() == 1 => of_kind(kind, inner, &format!("{place}.{kind}")),
            _ => Err(wrong(place, Said::new("object"))),
        },
    }
}

fn of_kind(kind: &str, inner: &Json, place: &str) -> Result<Value, CaseError> {
    let said = || text(inner, place);
    match kind {
        "integer" => said()?.parse().map(Value::Integer).map_err(|_| wanted(place, "integer")),
        "float" => inner.as_f64().map(Value::Float).ok_or_else(|| wanted(place, "number")),
        "decimal" => said().map(Value::Decimal),
        "text" => said().map(Value::Text),
        "date" => said().map(Value::Date),
        "timestamp" => said().map(Value::Timestamp),
        "bytes" => base64(&said()?, place).map(Value::Bytes),
        "many" => texts(inner, place).map(Value::Many),
        "json" => Ok(Value::Json(inner.to_string())),
        "reference" => Ok(Value::Reference {
            entity: text(&inner["entity"], &format!("{place}.entity"))?,
            id: text(&inner["id"], &format!("{place}.id"))?,
        }),
        "other" => Ok(Value::Other {
            kind: text(&inner["kind"], &format!("{place}.kind"))?,
            text: text(&inner["text"], &format!("{place}.text"))?,
        }),
        other => Err(wrong(place, Said::new("kind").arg("kind", other))),
    }
}

/// A value, as a case would write it.
pub(crate) fn written(value: &Value) -> Json {
    /// The largest whole number that every reader of JSON keeps exactly.
    const EXACT: u64 = 1 << 53;
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Integer(value) if value.unsigned_abs() <= EXACT => json!(value),
        Value::Integer(value) => json!({ "integer": value.to_string() }),
        Value::Float(value) => json!({ "float": value }),
        Value::Decimal(text) => json!({ "decimal": text }),
        Value::Text(text) => json!(text),
        Value::Date(text) => json!({ "date": text }),
        Value::Timestamp(text) => json!({ "timestamp": text }),
        Value::Bytes(bytes) => json!({ "bytes": STANDARD.encode(bytes) }),
        Value::Reference { entity, id } => json!({ "reference": { "entity": entity, "id": id } }),
        Value::Many(texts) => json!(texts),
        // The host lets only JSON through.
        Value::Json(text) => json!({ "json": serde_json::from_str::<Json>(text).unwrap_or_default() }),
        Value::Other { kind, text } => json!({ "other": { "kind": kind, "text": text } }),
    }
}

/// Fields of an object.
pub(crate) fn fields(json: &Json, place: &str) -> Result<Vec<Field>, CaseError> {
    let object = match json {
        Json::Null => return Ok(Vec::new()),
        Json::Object(object) => object,
        _ => return Err(wanted(place, "fields")),
    };
    let read = object
        .iter()
        .map(|(name, inner)| Ok(Field::new(name.clone(), value(inner, &format!("{place}.{name}"))?)));
    read.collect()
}

pub(crate) fn written_fields(fields: &[Field]) -> Json {
    Json::Object(fields.iter().map(|field| (field.name.clone(), written(&field.value))).collect())
}

/// A record.
pub(crate) fn entry(json: &Json, place: &str) -> Result<Entry, CaseError> {
    Ok(Entry {
        entity: text(&json["entity"], &format!("{place}.entity"))?,
        id: maybe(json.get("id"), |id| text(id, &format!("{place}.id")))?,
        fields: fields(&json["fields"], &format!("{place}.fields"))?,
    })
}

pub(crate) fn entries(json: &Json, place: &str) -> Result<Vec<Entry>, CaseError> {
    each(json, place, entry)
}

pub(crate) fn candidate(json: &Json, place: &str) -> Result<Candidate, CaseError> {
    Ok(Candidate {
        id: text(&json["id"], &format!("{place}.id"))?,
        fields: fields(&json["fields"], &format!("{place}.fields"))?,
    })
}

pub(crate) fn written_condition(condition: &Condition) -> Json {
    json!({ "field": condition.field, "op": condition.op, "value": written(&condition.value) })
}

/// Bytes that are no value: text, or `{"bytes": base64}` for what is no text.
pub(crate) fn raw(json: &Json, place: &str) -> Result<Vec<u8>, CaseError> {
    match json.get("bytes") {
        Some(encoded) => base64(&text(encoded, place)?, place),
        None => text(json, place).map(String::into_bytes),
    }
}

pub(crate) fn written_raw(bytes: &[u8]) -> Json {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({ "bytes": STANDARD.encode(bytes) }),
    }
}

/// Nothing for a key that is missing or `null`.
pub(crate) fn maybe<T>(
    json: Option<&Json>,
    read: impl FnOnce(&Json) -> Result<T, CaseError>,
) -> Result<Option<T>, CaseError> {
    json.filter(|json| !json.is_null()).map(read).transpose()
}

pub(crate) fn each<T>(
    json: &Json,
    place: &str,
    read: impl Fn(&Json, &str) -> Result<T, CaseError>,
) -> Result<Vec<T>, CaseError> {
    let list = json.as_array().ok_or_else(|| wanted(place, "list"))?;
    list.iter().enumerate().map(|(index, one)| read(one, &format!("{place}[{index}]"))).collect()
}

pub(crate) fn text(json: &Json, place: &str) -> Result<String, CaseError> {
    json.as_str().map(str::to_owned).ok_or_else(|| wanted(place, "text"))
}

pub(crate) fn texts(json: &Json, place: &str) -> Result<Vec<String>, CaseError> {
    each(json, place, text)
}

fn base64(encoded: &str, place: &str) -> Result<Vec<u8>, CaseError> {
    STANDARD.decode(encoded).map_err(|error| wrong(place, Said::new("base64").arg("detail", error)))
}

/// Headers as an object.
pub(crate) fn headers(json: &Json, place: &str) -> Result<Vec<(String, String)>, CaseError> {
    let empty = Map::new();
    let object = json.as_object().unwrap_or(&empty);
    object.iter().map(|(name, value)| Ok((name.clone(), text(value, place)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_was_read() {
        for json in [
            json!(null),
            json!(true),
            json!(-42),
            json!({ "integer": "9007199254740993" }),
            json!({ "float": 0.5 }),
            json!({ "decimal": "-12.50" }),
            json!("text"),
            json!({ "date": "2026-03-31" }),
            json!({ "timestamp": "2026-03-31T08:15:00Z" }),
            json!({ "bytes": "3q2+7w==" }),
            json!({ "reference": { "entity": "company", "id": "c1" } }),
            json!(["a", "b"]),
            json!({ "json": { "a": [1, null] } }),
            json!({ "other": { "kind": "colour", "text": "red" } }),
        ] {
            assert_eq!(written(&value(&json, "it").unwrap()), json);
        }
    }

    #[test]
    fn what_is_no_value_is_refused_with_its_place() {
        for (json, said) in [
            (json!(1.5), "it: only a whole number stands alone"),
            (json!({ "colour": "red" }), "it.colour: there is no kind of value named colour"),
            (json!({ "a": 1, "b": 2 }), "it: an object is a value when its only key is a kind"),
            (json!([1]), "it[0]: text is wanted"),
            (json!({ "bytes": "?" }), "it.bytes: no base64"),
        ] {
            let error = value(&json, "it").unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
