//! When somebody else saved first: both versions side by side, everything typed still there, the person decides.

use axum::http::StatusCode;
use axum::response::Response;
use mortise_definition::model::FieldKind;
use mortise_engine::{Record, TimelineEntry};
use mortise_expr::Value;
use serde::Serialize;
use std::collections::HashMap;

use super::raw::Raw;
use super::{Editing, read};
use crate::Failure;
use crate::pages::list::{field_label, title_of};
use crate::pages::show::Show;

/// Changes looked at to tell what others did; older ones were there before the form was opened.
const ENTRIES: i64 = 50;
/// Starts the name of a choice between two versions.
const KEEP: &str = "_keep/";

#[derive(Serialize)]
struct Page {
    conflict: Conflict,
}

#[derive(Serialize)]
struct Conflict {
    plural: String,
    list_url: String,
    title: String,
    record_url: String,
    action: String,
    form: String,
    version: i64,
    who: String,
    when: String,
    idempotency_key: String,
    values: Vec<(String, String)>,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    label: String,
    theirs: String,
    mine: String,
}

/// Takes out of a form what the person gave up in favour of the stored version.
pub(super) fn apply_choices(raw: &mut Raw) {
    let given_up: Vec<String> = raw
        .0
        .iter()
        .filter(|(_, value)| value == "theirs")
        .filter_map(|(name, _)| name.strip_prefix(KEEP).map(str::to_owned))
        .collect();
    given_up.iter().for_each(|name| raw.remove(name));
    raw.0.retain(|(name, _)| !name.starts_with(KEEP));
}

/// The page with both versions.
pub(super) async fn show(editing: &Editing<'_>, raw: &Raw) -> Result<Response, Failure> {
    let visit = editing.visit;
    let id = editing.id().ok_or_else(|| Failure::not_found("record.not_found"))?;
    // Once more, because it may have been changed again while this was tried.
    let record = visit.tenant.engine.read(visit.actor(), &editing.entity.key, id).await?;
    let seen: i64 = raw.get("_version").and_then(|text| text.parse().ok()).unwrap_or(0);
    let entries = visit.tenant.engine.timeline(visit.actor(), &editing.entity.key, id, None, ENTRIES).await?;
    let since: Vec<TimelineEntry> =
        entries.into_iter().filter(|entry| entry.version.is_some_and(|version| version > seen)).collect();
    let conflict = editing.showing(|show| context(editing, show, raw, &record, &since));
    let mut response = visit.page("conflict.html", &visit.t("conflict.title", &[]), Page { conflict })?;
    *response.status_mut() = StatusCode::CONFLICT;
    Ok(response)
}

fn context(
    editing: &Editing<'_>,
    show: &Show,
    raw: &Raw,
    record: &Record,
    since: &[TimelineEntry],
) -> Conflict {
    let (visit, entity) = (editing.visit, &editing.entity);
    let list_url = visit.base.path(&editing.path());
    let record_url = format!("{list_url}/{}", record.id());
    // Words before the first change by others, by field: what the person saw.
    let mut before: HashMap<&str, Option<&str>> = HashMap::new();
    for change in since.iter().flat_map(|entry| &entry.changes) {
        before.insert(&change.field, change.old.as_deref());
    }
    let mut mine = raw.clone();
    let rows = rows(editing, show, &mut mine, record, &before);
    let system = || visit.t("record.system", &[]);
    let keep = |name: &str| !name.starts_with('_') || name.starts_with("_title/");
    Conflict {
        plural: entity.plural.get(visit.language).to_owned(),
        title: title_of(show, entity, record),
        action: format!("{record_url}/edit"),
        record_url,
        list_url,
        form: editing.layout.key.clone(),
        version: record.version(),
        who: since.first().map_or_else(system, |entry| entry.actor_name.clone().unwrap_or_else(system)),
        when: since.first().map(|entry| show.ago(entry.at)).unwrap_or_default(),
        idempotency_key: visit.state.new_id().to_string(),
        values: mine.0.into_iter().filter(|(name, _)| keep(name)).collect(),
        rows,
    }
}

/// Fields on which the two versions differ. What the person did not touch follows the stored version without being asked.
fn rows(
    editing: &Editing<'_>,
    show: &Show,
    mine: &mut Raw,
    record: &Record,
    before: &HashMap<&str, Option<&str>>,
) -> Vec<Row> {
    let reading = read::read(show, &editing.layout, mine);
    let mut rows = Vec::new();
    for item in editing.layout.items().filter(|item| !item.read_only) {
        let field = &editing.entity.fields[item.slot];
        let name = field.name.as_ref();
        if matches!(field.kind, FieldKind::Lines { .. }) || !mine.has(name) {
            continue;
        }
        let theirs = words(editing, show, record, item.slot);
        // The same id may have another title by now: what counts is the value.
        if reading.values.get(name) == Some(&mortise_engine::values::to_json(&record.values[item.slot])) {
            continue;
        }
        let typed = match reading.values.get(name) {
            Some(_) if !mine.title(name).is_empty() => mine.titles(name).collect::<Vec<_>>().join(", "),
            Some(json) => {
                let value =
                    mortise_engine::values::from_json(field, json, &show.values()).unwrap_or(Value::Null);
                show.words(field, &value)
            }
            // Not understood: shown as typed.
            None => mine.get(name).unwrap_or_default().to_owned(),
        };
        if typed == theirs {
            continue;
        }
        let untouched = before.get(name).is_some_and(|before| before.unwrap_or_default() == typed);
        if untouched {
            mine.remove(name);
            continue;
        }
        rows.push(Row { name: name.to_owned(), label: field_label(show, field), theirs, mine: typed });
    }
    rows
}

/// A stored value in words.
fn words(editing: &Editing<'_>, show: &Show, record: &Record, slot: usize) -> String {
    let field = &editing.entity.fields[slot];
    match (&field.kind, &record.values[slot]) {
        (FieldKind::Reference { .. }, Value::Id(_)) => record.title(slot).unwrap_or("…").to_owned(),
        (FieldKind::File { .. }, value) => {
            let names: Vec<String> = show.file_links(value).into_iter().map(|link| link.name).collect();
            names.join(", ")
        }
        (_, value) => show.words(field, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_is_not_sent_again() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut raw = Raw(vec![
            pair("a", "1"),
            pair("b", "2"),
            pair("_title/b", "x"),
            pair("_keep/a", "mine"),
            pair("_keep/b", "theirs"),
        ]);
        apply_choices(&mut raw);
        assert_eq!(raw.0, [pair("a", "1")]);
    }
}
