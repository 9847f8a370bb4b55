//! One or some of a list: stored by value, typed by value or by label in any language.

use std::sync::Arc;

use mortise_definition::locale::translate;
use mortise_definition::source::Choice;
use mortise_expr::Value;
use serde_json::Value as Json;

use super::{Issue, LIST_LIMIT, fold, text};

/// Choices named in a message; more would not be read.
const NAMED: usize = 12;

pub(super) fn list_from_json(json: &Json) -> Result<Value, Issue> {
    let items = json.as_array().ok_or_else(|| Issue::new("value.not_list"))?;
    let items: Vec<Value> =
        items.iter().map(|item| text::of_json(item).map(Value::text)).collect::<Result<_, _>>()?;
    Ok(distinct(items))
}

pub(super) fn from_text(text: &str, choices: &[Choice], language: &str) -> Result<Value, Issue> {
    match find(text, choices) {
        Some(choice) => Ok(Value::text(choice.value.as_str())),
        None => Err(unknown(text, choices, language)),
    }
}

pub(super) fn list_from_text(text: &str, choices: &[Choice], language: &str) -> Result<Value, Issue> {
    // A label may itself contain a comma.
    if let Some(choice) = find(text, choices) {
        return Ok(Value::list([Value::text(choice.value.as_str())]));
    }
    let parts =
        text.split([',', '，', '、', ';', '；', '|', '\n']).map(str::trim).filter(|part| !part.is_empty());
    Ok(distinct(parts.map(|part| from_text(part, choices, language)).collect::<Result<Vec<_>, _>>()?))
}

pub(super) fn check(value: &str, choices: &[Choice]) -> Result<(), Issue> {
    if choices.iter().any(|choice| choice.value == value) { Ok(()) } else { Err(unknown(value, choices, "")) }
}

pub(super) fn check_list(items: &Arc<[Value]>, choices: &[Choice]) -> Result<(), Issue> {
    if items.len() > LIST_LIMIT {
        return Err(Issue::new("value.too_many_items").with("max", LIST_LIMIT));
    }
    items.iter().try_for_each(|item| match item {
        Value::Text(text) => check(text, choices),
        _ => Err(Issue::new("value.not_text")),
    })
}

/// The label; values that are no longer declared show as they are.
pub(super) fn display<'a>(value: &'a str, choices: &'a [Choice], language: &str) -> &'a str {
    choices.iter().find(|choice| choice.value == value).map_or(value, |choice| choice.label.get(language))
}

pub(super) fn display_list(items: &[Value], choices: &[Choice], language: &str) -> String {
    let labels: Vec<&str> =
        items.iter().filter_map(Value::as_text).map(|value| display(value, choices, language)).collect();
    labels.join(&translate(language, "ui.value.list_separator", &[]))
}

/// By value, then by label in any language.
fn find<'a>(text: &str, choices: &'a [Choice]) -> Option<&'a Choice> {
    let exact = text.trim();
    if let Some(choice) = choices.iter().find(|choice| choice.value == exact) {
        return Some(choice);
    }
    let wanted = fold::comparable(text);
    let by_value = choices.iter().find(|choice| fold::comparable(&choice.value) == wanted);
    by_value.or_else(|| {
        choices.iter().find(|choice| choice.label.all().any(|label| fold::comparable(label) == wanted))
    })
}

fn unknown(text: &str, choices: &[Choice], language: &str) -> Issue {
    let offered = choices.iter().filter(|choice| !choice.retired);
    // Programs send values and are told values; people type labels.
    let names: Vec<&str> = offered
        .clone()
        .take(NAMED)
        .map(|choice| if language.is_empty() { choice.value.as_str() } else { choice.label.get(language) })
        .collect();
    let more = if offered.count() > NAMED { " …" } else { "" };
    Issue::of("value.not_choice", text).with("allowed", format!("{}{more}", names.join(", ")))
}

/// Without repetitions, in the order given; an empty list is no value.
fn distinct(items: Vec<Value>) -> Value {
    let mut seen: Vec<Value> = Vec::with_capacity(items.len().min(LIST_LIMIT));
    for item in items {
        // One more than allowed is enough for the check to refuse it.
        if seen.len() <= LIST_LIMIT && !seen.contains(&item) {
            seen.push(item);
        }
    }
    if seen.is_empty() { Value::Null } else { Value::list(seen) }
}
