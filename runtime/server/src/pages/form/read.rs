//! From typed text to values: the wire form for the engine, or what is wrong beside each field. Fields that the form did not
//! have are left alone; what could not be understood is reported, never dropped silently.

use std::collections::HashMap;

use mortise_definition::locale;
use mortise_definition::model::{FieldKind, FieldModel};
use mortise_engine::values::{self, Issue, Parsed};
use serde_json::{Map, Value as Json, json};

use super::layout::{Layout, gives};
use super::raw::Raw;
use crate::pages::show::Show;

/// What was understood, and what was not.
#[derive(Default)]
pub(super) struct Reading {
    /// Values by field name, in wire form.
    pub(super) values: Map<String, Json>,
    /// Messages by path of the field (`name`, `lines/3/amount` with the numbers of the form).
    pub(super) issues: Vec<(String, String)>,
    /// Numbers that the rows had in the form, by field: the engine counts them from 0.
    row_numbers: HashMap<String, Vec<usize>>,
}

impl Reading {
    /// A path of the engine as a path of the form.
    pub(super) fn path_in_form(&self, path: &str) -> String {
        let mut parts = path.splitn(3, '/');
        let (Some(name), Some(index), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return path.to_owned();
        };
        let number =
            index.parse::<usize>().ok().and_then(|index| self.row_numbers.get(name)?.get(index).copied());
        number.map_or_else(|| path.to_owned(), |number| format!("{name}/{number}/{rest}"))
    }
}

/// An issue in words, with what to do.
pub(super) fn words(language: &str, issue: &Issue) -> String {
    let args: Vec<(&str, &str)> = issue.args.iter().map(|(name, value)| (*name, value.as_str())).collect();
    with_hint(language, issue.code, &args)
}

/// Words of a code, with what to do.
pub(in crate::pages) fn with_hint(language: &str, code: &str, args: &[(&str, &str)]) -> String {
    let text = locale::translate(language, &format!("error.{code}"), args);
    match locale::find(language, &format!("error.{code}.hint"), args) {
        Some(hint) => locale::sentences(&text, &hint),
        None => text,
    }
}

/// Reads a form.
pub(super) fn read(show: &Show, layout: &Layout, raw: &Raw) -> Reading {
    let mut reading = Reading::default();
    for item in layout.items().filter(|item| !item.read_only) {
        let field = &layout.entity.fields[item.slot];
        if !raw.has(&field.name) && raw.rows(&field.name).is_empty() {
            continue;
        }
        if let FieldKind::Lines { entity, .. } = &field.kind {
            let child = &show.model.entities[*entity];
            let given = item.columns.iter().filter(|slot| gives(show, child, **slot));
            let columns: Vec<&FieldModel> = given.map(|slot| &child.fields[*slot]).collect();
            let rows = lines(show, &field.name, &columns, raw, &mut reading);
            reading.values.insert(field.name.to_string(), Json::Array(rows));
            continue;
        }
        match value(show, field, &field.name, raw) {
            Ok(json) => {
                reading.values.insert(field.name.to_string(), json);
            }
            Err(message) => reading.issues.push((field.name.to_string(), message)),
        }
    }
    reading
}

fn lines(show: &Show, name: &str, columns: &[&FieldModel], raw: &Raw, reading: &mut Reading) -> Vec<Json> {
    let mut rows = Vec::new();
    let mut numbers = Vec::new();
    for number in raw.rows(name) {
        let prefix = format!("{name}/{number}");
        if raw.get(&format!("{prefix}/_remove")) == Some("1") {
            continue;
        }
        let mut row = Map::new();
        for column in columns {
            let path = format!("{prefix}/{}", column.name);
            match value(show, column, &path, raw) {
                Ok(json) => {
                    row.insert(column.name.to_string(), json);
                }
                Err(message) => reading.issues.push((path, message)),
            }
        }
        match raw.get(&format!("{prefix}/id")).filter(|id| !id.is_empty()) {
            Some(id) => {
                row.insert("id".to_owned(), json!(id));
            }
            // A new row in which nothing was typed is no row.
            None if row.values().all(|value| value.is_null() || value == &Json::Bool(false)) => continue,
            None => {}
        }
        rows.push(Json::Object(row));
        numbers.push(number);
    }
    reading.row_numbers.insert(name.to_owned(), numbers);
    rows
}

/// One value in wire form, or words about what is wrong with it.
pub(super) fn value(show: &Show, field: &FieldModel, name: &str, raw: &Raw) -> Result<Json, String> {
    if matches!(field.kind, FieldKind::Choices { .. } | FieldKind::File { many: true, .. }) {
        let items: Vec<&str> = raw.all(name).collect();
        return Ok(if items.is_empty() { Json::Null } else { json!(items) });
    }
    let text = raw.get(name).unwrap_or_default();
    let picked = matches!(
        field.kind,
        FieldKind::Reference { .. } | FieldKind::User | FieldKind::Team | FieldKind::Tree { .. }
    );
    let title = raw.title(name).trim();
    // Words without an id: somebody typed a name and did not pick it.
    let text = if picked && text.is_empty() { title } else { text };
    let language = show.by.language;
    match values::from_text(field, text, &show.values()) {
        Ok(Parsed::Value(value)) => Ok(values::to_json(&value)),
        Ok(Parsed::Reference(words)) => {
            Err(locale::translate(language, "ui.pick.unknown", &[("value", &words)]))
        }
        Err(issue) => Err(words(language, &issue)),
    }
}
