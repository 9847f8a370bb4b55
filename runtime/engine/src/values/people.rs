//! Ids: of records, users and teams. Users and teams may be typed by name; records by title, which only a query can resolve.

use mortise_expr::Value;
use serde_json::Value as Json;
use uuid::Uuid;

use super::{Issue, Parsed, People, half_width, text};

/// Longest title of a record that is looked up.
const TITLE_LIMIT: u32 = 500;

pub(super) fn id_from_json(json: &Json) -> Result<Value, Issue> {
    let refused = || Issue::of("value.not_id", &json.to_string());
    let text = json.as_str().ok_or_else(refused)?;
    Uuid::try_parse(text.trim()).map(Value::Id).map_err(|_| refused())
}

pub(super) fn user_from_json(json: &Json, people: &dyn People) -> Result<Value, Issue> {
    known(id_from_json(json)?, |id| people.user_name(id).is_some(), "value.unknown_user")
}

pub(super) fn team_from_json(json: &Json, people: &dyn People) -> Result<Value, Issue> {
    known(id_from_json(json)?, |id| people.team_name(id).is_some(), "value.unknown_team")
}

pub(super) fn reference_from_text(text: &str) -> Result<Parsed, Issue> {
    if let Ok(id) = Uuid::try_parse(text.trim()) {
        return Ok(Parsed::Value(Value::Id(id)));
    }
    text::check(text.trim(), TITLE_LIMIT, None)?;
    Ok(Parsed::Reference(text.trim().to_owned()))
}

pub(super) fn user_from_text(text: &str, people: &dyn People) -> Result<Value, Issue> {
    if let Ok(id) = Uuid::try_parse(text.trim()) {
        return known(Value::Id(id), |id| people.user_name(id).is_some(), "value.unknown_user");
    }
    one(text, &people.find_user(half_width(text).trim()), ["value.unknown_user", "value.ambiguous_user"])
}

pub(super) fn team_from_text(text: &str, people: &dyn People) -> Result<Value, Issue> {
    if let Ok(id) = Uuid::try_parse(text.trim()) {
        return known(Value::Id(id), |id| people.team_name(id).is_some(), "value.unknown_team");
    }
    one(text, &people.find_team(half_width(text).trim()), ["value.unknown_team", "value.ambiguous_team"])
}

fn known(value: Value, exists: impl Fn(Uuid) -> bool, code: &'static str) -> Result<Value, Issue> {
    match value.as_id() {
        Some(id) if !exists(id) => Err(Issue::of(code, &id.to_string())),
        _ => Ok(value),
    }
}

fn one(text: &str, found: &[Uuid], [unknown, ambiguous]: [&'static str; 2]) -> Result<Value, Issue> {
    match found {
        [] => Err(Issue::of(unknown, text)),
        [id] => Ok(Value::Id(*id)),
        many => Err(Issue::of(ambiguous, text).with("count", many.len())),
    }
}
