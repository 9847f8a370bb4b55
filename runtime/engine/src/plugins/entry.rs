//! Values as plugins see them, and back. Nothing is rounded or lost on the way out; what comes back is read like a value
//! that a program sent, so that it keeps every limit of its field.

use std::borrow::Cow;

use mortise_definition::model::{FieldKind, FieldModel, Model};
use mortise_expr::Value;
use mortise_plugin_host::value::Value as Wire;
use serde_json::Value as Json;

use crate::values::{self, Issue, ValueContext};

/// What a reference to a person names as its kind.
pub(crate) const USER: &str = "user";
/// The same for departments and teams.
pub(crate) const TEAM: &str = "team";
/// The same for uploaded files.
pub(crate) const FILE: &str = "file";

/// A value of a field, as a plugin sees it. `kind_of` tells what the plugin calls an entity.
pub(crate) fn outward<'n>(
    field: &FieldModel,
    value: &Value,
    kind_of: impl Fn(usize) -> Cow<'n, str>,
) -> Wire {
    match value {
        Value::Id(id) => {
            let id = id.to_string();
            match &field.kind {
                FieldKind::Reference { entity } => {
                    Wire::Reference { entity: kind_of(*entity).into_owned(), id }
                }
                FieldKind::User => Wire::Reference { entity: USER.to_owned(), id },
                FieldKind::Team => Wire::Reference { entity: TEAM.to_owned(), id },
                FieldKind::File { .. } => Wire::Reference { entity: FILE.to_owned(), id },
                _ => Wire::Text(id),
            }
        }
        value => plain(value),
    }
}

/// A value that belongs to no field.
pub(crate) fn plain(value: &Value) -> Wire {
    match value {
        Value::Null => Wire::Null,
        Value::Bool(yes) => Wire::Boolean(*yes),
        Value::Int(number) => Wire::Integer(*number),
        Value::Float(number) => Wire::Float(*number),
        Value::Decimal(number) => Wire::Decimal(number.to_string()),
        Value::Text(text) => Wire::Text(text.to_string()),
        Value::Date(_) => Wire::Date(text_of(value)),
        Value::DateTime(_) => Wire::Timestamp(text_of(value)),
        // No kind of its own in the interface: as the REST API writes it.
        Value::Duration(_) => Wire::Other { kind: "duration".to_owned(), text: text_of(value) },
        Value::Id(id) => Wire::Text(id.to_string()),
        Value::List(items) => Wire::Many(items.iter().map(item).collect()),
        Value::Geo(_) | Value::Json(_) => Wire::Json(values::to_json(value).to_string()),
    }
}

fn item(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        other => text_of(other),
    }
}

/// The wire form of a value that is a text in JSON; of any other its JSON.
pub(crate) fn text_of(value: &Value) -> String {
    match values::to_json(value) {
        Json::String(text) => text,
        json => json.to_string(),
    }
}

/// Reads a plugin's value for a field, with all that the field demands of it. `kind_of` tells what the plugin calls an
/// entity: a reference to a record of another kind is refused.
pub(crate) fn inward<'n>(
    field: &FieldModel,
    value: &Wire,
    kind_of: impl Fn(usize) -> Cow<'n, str>,
    cx: &ValueContext<'_>,
) -> Result<Value, Issue> {
    if let Wire::Reference { entity, .. } = value {
        let expected = match &field.kind {
            FieldKind::Reference { entity } => kind_of(*entity),
            FieldKind::User => USER.into(),
            FieldKind::Team => TEAM.into(),
            FieldKind::File { .. } => FILE.into(),
            _ => entity.as_str().into(),
        };
        if expected != entity.as_str() {
            return Err(Issue::of("value.no_such_record", entity));
        }
    }
    values::from_json(field, &wire_json(value)?, cx)
}

/// The value as a program would send it.
pub(crate) fn wire_json(value: &Wire) -> Result<Json, Issue> {
    Ok(match value {
        Wire::Null => Json::Null,
        Wire::Boolean(yes) => Json::Bool(*yes),
        Wire::Integer(number) => Json::from(*number),
        Wire::Float(number) => Json::from(*number),
        Wire::Decimal(text)
        | Wire::Text(text)
        | Wire::Date(text)
        | Wire::Timestamp(text)
        | Wire::Other { text, .. }
        | Wire::Reference { id: text, .. } => Json::String(text.clone()),
        Wire::Many(texts) => Json::from(texts.clone()),
        Wire::Json(text) => {
            serde_json::from_str(text).map_err(|error| Issue::new("value.not_json").with("reason", error))?
        }
        // No field holds bytes: they go into files, which plugins cannot make here.
        Wire::Bytes(_) => return Err(Issue::new("value.not_text")),
    })
}

/// What a plugin calls an entity that it has not named itself: its id within its app.
pub(crate) fn own_name(model: &Model, entity: usize) -> &str {
    &model.entities[entity].id
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, TimeZone, Utc};
    use mortise_expr::{Decimal, GeoPoint};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_value_goes_out_in_its_own_kind() {
        let id = Uuid::nil();
        let day = NaiveDate::from_ymd_opt(2026, 3, 31).unwrap();
        let moment = Utc.with_ymd_and_hms(2026, 3, 31, 8, 15, 0).unwrap();
        let cases = [
            (Value::Null, Wire::Null),
            (Value::Bool(true), Wire::Boolean(true)),
            (Value::Int(-7), Wire::Integer(-7)),
            (Value::Float(0.5), Wire::Float(0.5)),
            (Value::Decimal(Decimal::new(-1250, 2)), Wire::Decimal("-12.50".into())),
            (Value::text("x"), Wire::Text("x".into())),
            (Value::Date(day), Wire::Date("2026-03-31".into())),
            (Value::DateTime(moment), Wire::Timestamp("2026-03-31T08:15:00Z".into())),
            (Value::Duration(3_600_000), Wire::Other { kind: "duration".into(), text: "PT1H".into() }),
            (Value::Id(id), Wire::Text(id.to_string())),
            (Value::list([Value::text("a"), Value::Id(id)]), Wire::Many(vec!["a".into(), id.to_string()])),
            (Value::Geo(GeoPoint { lat: 1.5, lon: 2.0 }), Wire::Json(r#"{"lat":1.5,"lon":2.0}"#.into())),
            (Value::Json(json!({ "a": 1 }).into()), Wire::Json(r#"{"a":1}"#.into())),
        ];
        for (value, wire) in cases {
            assert_eq!(plain(&value), wire);
        }
    }

    #[test]
    fn bytes_are_no_value_of_a_field() {
        assert_eq!(wire_json(&Wire::Bytes(vec![1])).unwrap_err().code, "value.not_text");
        assert_eq!(wire_json(&Wire::Json("[1".into())).unwrap_err().code, "value.not_json");
    }
}
