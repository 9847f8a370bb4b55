//! Files, photos and signatures: the value is the id (or ids) of files that were uploaded before.

use mortise_expr::Value;
use serde_json::Value as Json;
use uuid::Uuid;

use super::{Issue, LIST_LIMIT};

pub(super) fn from_json(json: &Json, many: bool) -> Result<Value, Issue> {
    if !many {
        return file_id(json.as_str().unwrap_or_default());
    }
    let items = json.as_array().ok_or_else(|| Issue::new("value.not_list"))?;
    list(items.iter().map(|item| item.as_str().unwrap_or_default()))
}

/// Forms send the ids of uploaded files as text, several with commas between.
pub(super) fn from_text(text: &str, many: bool) -> Result<Value, Issue> {
    if many { list(text.split(',').filter(|part| !part.trim().is_empty())) } else { file_id(text) }
}

pub(super) fn check(value: &Value, many: bool) -> Result<(), Issue> {
    match (value, many) {
        (Value::Id(_), false) => Ok(()),
        (Value::List(items), true) if items.len() > LIST_LIMIT => {
            Err(Issue::new("value.too_many_items").with("max", LIST_LIMIT))
        }
        (Value::List(items), true) if items.iter().all(|item| matches!(item, Value::Id(_))) => Ok(()),
        _ => Err(Issue::new("value.not_file")),
    }
}

fn list<'a>(ids: impl Iterator<Item = &'a str>) -> Result<Value, Issue> {
    // One more than allowed is enough for the check to refuse it.
    let ids: Vec<Value> = ids.take(LIST_LIMIT + 1).map(file_id).collect::<Result<_, _>>()?;
    Ok(if ids.is_empty() { Value::Null } else { Value::list(ids) })
}

fn file_id(text: &str) -> Result<Value, Issue> {
    Uuid::try_parse(text.trim()).map(Value::Id).map_err(|_| Issue::of("value.not_file", text))
}
