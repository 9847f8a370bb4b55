//! Places within an artifact by ids instead of positions: `fields/phone/label`. A path keeps its meaning when fields
//! are moved or added before it, which is what makes differences readable and patches durable.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::json;

/// Last segment of the path of a list's order.
pub(crate) const ORDER: &str = "#order";

/// Keys that tell the items of a list apart, in the order in which they are looked for.
const ITEM_KEYS: [&str; 6] = ["id", "code", "value", "entity", "field", "app"];

/// A path as written, from its segments.
pub(crate) fn written(path: &[String]) -> String {
    path.iter().map(|segment| json::escape(segment)).collect::<Vec<_>>().join("/")
}

/// The segments of a path as written.
pub(crate) fn segments(path: &str) -> Vec<String> {
    if path.is_empty() { Vec::new() } else { path.split('/').map(json::unescape).collect() }
}

/// The key by which the records of a data file are told apart, where `name` is their list.
pub(crate) fn record_key<'v>(parent: &'v Map<String, Value>, name: &str) -> Option<&'v str> {
    if name == "records" { parent.get("key").and_then(Value::as_str) } else { None }
}

/// What tells the items of a list apart; `None` when they have no ids, or not each its own.
pub(crate) fn item_ids(items: &[Value], record_key: Option<&str>) -> Option<Vec<String>> {
    let ids: Option<Vec<String>> = items.iter().map(|item| item_id(item, record_key)).collect();
    let ids = ids?;
    let distinct: HashSet<&str> = ids.iter().map(String::as_str).collect();
    (distinct.len() == ids.len()).then_some(ids)
}

fn item_id(item: &Value, record_key: Option<&str>) -> Option<String> {
    match item {
        Value::String(text) => Some(text.clone()),
        Value::Object(map) => match record_key {
            Some(key) => map.get(key).and_then(Value::as_str),
            None => ITEM_KEYS.iter().find_map(|key| map.get(*key)?.as_str()),
        }
        .map(str::to_owned),
        _ => None,
    }
}

/// The value at a path.
pub(crate) fn find<'v>(root: &'v Value, path: &[String]) -> Option<&'v Value> {
    let mut value = root;
    let mut key = None;
    for segment in path {
        (value, key) = match value {
            Value::Object(map) => (map.get(segment)?, record_key(map, segment)),
            Value::Array(items) => (items.get(position(items, key, segment)?)?, None),
            _ => return None,
        };
    }
    Some(value)
}

/// The object or list that holds the last segment of a path, with the key of records if it is a list of them.
pub(crate) fn holder<'v>(root: &'v mut Value, path: &[String]) -> Option<(&'v mut Value, Option<String>)> {
    let mut value = root;
    let mut key: Option<String> = None;
    for segment in path {
        (value, key) = match value {
            Value::Object(map) => {
                let key = record_key(map, segment).map(str::to_owned);
                (map.get_mut(segment)?, key)
            }
            Value::Array(items) => {
                let position = position(items, key.as_deref(), segment)?;
                (items.get_mut(position)?, None)
            }
            _ => return None,
        };
    }
    Some((value, key))
}

/// Where the item with this id is in a list; lists without ids are counted from 0.
pub(crate) fn position(items: &[Value], record_key: Option<&str>, id: &str) -> Option<usize> {
    match item_ids(items, record_key) {
        Some(ids) => ids.iter().position(|other| other == id),
        None => id.parse().ok().filter(|position| *position < items.len()),
    }
}

/// Ids in the order of `wanted`; those that `wanted` does not name stay behind the one they stood behind.
pub(crate) fn reorder(present: &[String], wanted: &[String]) -> Vec<String> {
    let mut ordered: Vec<String> = wanted.iter().filter(|id| present.contains(id)).cloned().collect();
    for (at, id) in present.iter().enumerate().filter(|(_, id)| !wanted.contains(id)) {
        let behind =
            at.checked_sub(1).and_then(|before| ordered.iter().position(|other| *other == present[before]));
        ordered.insert(behind.map_or(0, |before| before + 1), id.clone());
    }
    ordered
}
