//! What a form sent, exactly as typed: pairs of name and text. It is what a form is drawn from, be it new, an existing
//! record or one that came back with errors, so nothing typed can get lost between.
//!
//! Names: `company`; `lines/0/amount` for child rows; `_title/company` for the words beside an id; others that begin with
//! `_` belong to the form itself.

use chrono::{DateTime, Timelike, Utc};
use chrono_tz::Tz;
use mortise_definition::model::{FieldKind, FieldModel};
use mortise_engine::Record;
use mortise_engine::values;
use mortise_expr::Value;

use super::layout::Layout;
use crate::pages::show::{Show, file_ids};

/// Child rows of one form at most.
pub(super) const ROWS_MAX: usize = 500;

/// Pairs of name and text.
#[derive(Debug, Clone, Default)]
pub(super) struct Raw(pub(super) Vec<(String, String)>);

impl Raw {
    /// The last text of a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All texts of a name that are not empty.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Whether the form had this field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The words beside an id.
    pub(super) fn title(&self, name: &str) -> &str {
        self.0
            .iter()
            .rev()
            .find(|(known, _)| known.strip_prefix("_title/") == Some(name))
            .map_or("", |(_, value)| value)
    }

    /// All words beside ids of a field with many, in order.
    pub(super) fn titles<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known.strip_prefix("_title/") == Some(name))
            .map(|(_, value)| value.as_str())
    }

    /// Numbers of the child rows of a field, in order of the form.
    pub(super) fn rows(&self, name: &str) -> Vec<usize> {
        let mut rows = Vec::new();
        for (known, _) in &self.0 {
            let number = known.strip_prefix(name).and_then(|rest| rest.strip_prefix('/'));
            let number = number.and_then(|rest| rest.split('/').next()?.parse::<usize>().ok());
            if let Some(number) = number
                && !rows.contains(&number)
                && rows.len() < ROWS_MAX
            {
                rows.push(number);
            }
        }
        rows
    }

    /// Sets the text of a name.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.into()));
    }

    /// Takes out a field with its words and child rows.
    pub(super) fn remove(&mut self, name: &str) {
        let below = format!("{name}/");
        self.0.retain(|(known, _)| {
            let plain = known.strip_prefix("_title/").unwrap_or(known);
            plain != name && !plain.starts_with(&below)
        });
    }

    /// The pairs of a record, as if somebody had typed it.
    pub(super) fn of_record(show: &Show, layout: &Layout, record: &Record) -> Raw {
        let mut raw = Raw::default();
        for item in layout.items() {
            let field = &layout.entity.fields[item.slot];
            if let FieldKind::Lines { entity, .. } = &field.kind {
                let child = &show.model.entities[*entity];
                for (index, row) in record.rows(item.slot).iter().enumerate().take(ROWS_MAX) {
                    let prefix = format!("{}/{index}", field.name);
                    raw.0.push((format!("{prefix}/id"), row.id().to_string()));
                    raw.0.push((format!("{prefix}/version"), row.version().to_string()));
                    for slot in &item.columns {
                        raw.add(
                            show,
                            &child.fields[*slot],
                            &format!("{prefix}/{}", child.fields[*slot].name),
                            row,
                        );
                    }
                }
            } else {
                raw.add(show, field, &field.name, record);
            }
        }
        raw
    }

    /// Adds the pairs of one field of a record.
    pub(super) fn add(&mut self, show: &Show, field: &FieldModel, name: &str, record: &Record) {
        let value = &record.values[field.slot];
        let mut push = |text: String| self.0.push((name.to_owned(), text));
        let mut titles = Vec::new();
        match (&field.kind, value) {
            (_, Value::Null) => push(String::new()),
            (FieldKind::Choices { .. }, Value::List(items)) => {
                items.iter().filter_map(Value::as_text).for_each(|text| push(text.to_owned()));
            }
            (FieldKind::File { .. }, value) => {
                file_ids(value).for_each(|id| push(id.to_string()));
                titles.extend(show.file_links(value).into_iter().map(|link| link.name));
            }
            (FieldKind::Reference { .. }, Value::Id(id)) => {
                push(id.to_string());
                titles.push(record.title(field.slot).unwrap_or_default().to_owned());
            }
            (FieldKind::User | FieldKind::Team, Value::Id(id)) => {
                push(id.to_string());
                titles.push(show.words(field, value));
            }
            (FieldKind::Tree { .. }, Value::Text(path)) => {
                push(path.to_string());
                titles.push(show.words(field, value));
            }
            _ => push(typed(value, show.by.user().tz)),
        }
        self.0.extend(titles.into_iter().map(|title| (format!("_title/{name}"), title)));
    }
}

/// A value as a person would type it into its input.
fn typed(value: &Value, zone: Tz) -> String {
    match value {
        Value::DateTime(at) => local(*at, zone),
        Value::Duration(ms) => length(*ms),
        Value::Geo(point) => format!("{}, {}", point.lat, point.lon),
        Value::Json(json) => serde_json::to_string_pretty(json.as_ref()).unwrap_or_default(),
        other => match values::to_json(other) {
            serde_json::Value::String(text) => text,
            serde_json::Value::Null => String::new(),
            json => json.to_string(),
        },
    }
}

/// The form that browsers want for their input of local times; seconds only where there are any.
fn local(at: DateTime<Utc>, zone: Tz) -> String {
    let local = at.with_timezone(&zone);
    let pattern = match (local.second(), local.nanosecond()) {
        (0, 0) => "%Y-%m-%dT%H:%M",
        (_, 0) => "%Y-%m-%dT%H:%M:%S",
        _ => "%Y-%m-%dT%H:%M:%S%.3f",
    };
    local.format(pattern).to_string()
}

/// `2h30m`.
fn length(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    let parts = [(ms / 3_600_000, "h"), (ms / 60_000 % 60, "m"), (ms / 1_000 % 60, "s"), (ms % 1_000, "ms")];
    let parts: String =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if parts.is_empty() { "0m".to_owned() } else { format!("{sign}{parts}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_order_and_may_have_gaps() {
        let raw = Raw(vec![
            ("l/4/a".into(), "1".into()),
            ("l/0/a".into(), "2".into()),
            ("l/4/b".into(), "3".into()),
            ("lx/9/a".into(), String::new()),
        ]);
        assert_eq!(raw.rows("l"), [4, 0]);
    }

    #[test]
    fn removing_a_field_takes_its_words_and_rows_along() {
        let mut raw = Raw(vec![
            ("a".into(), "1".into()),
            ("_title/a".into(), "x".into()),
            ("a/0/b".into(), "2".into()),
            ("ab".into(), "3".into()),
        ]);
        raw.remove("a");
        assert_eq!(raw.0, [("ab".to_owned(), "3".to_owned())]);
    }

    #[test]
    fn lengths_are_typed_as_people_type_them() {
        assert_eq!(length(9_000_000), "2h30m");
        assert_eq!(length(0), "0m");
        assert_eq!(length(-1_500), "-1s500ms");
    }
}
