//! Checks the records that come with an app: known fields, values of the right form, keys that are there and
//! unique, references to records that some app brings. They are written by the engine when the app is installed.

use std::collections::{HashMap, HashSet};

use mortise_expr::Decimal;
use serde_json::{Map, Value};

use super::Compiler;
use super::place::Place;
use crate::Kind;
use crate::model::{EntityModel, FieldKind, FieldModel, TreeModel};
use crate::problem::Problems;
use crate::source::{Data, words};

/// Most records in one data file. Larger amounts are for the import.
pub(super) const RECORDS_MAX: usize = 5_000;

type Trees = indexmap::IndexMap<String, std::sync::Arc<TreeModel>>;

/// Keys of the records that come with apps, by entity.
type Keys<'a> = HashMap<usize, HashSet<&'a str>>;

impl Compiler<'_> {
    /// Checks all data files.
    pub(super) fn check_data(&self, entities: &[EntityModel], trees: &Trees, problems: &mut Problems) {
        let files: Vec<(usize, &Data, Place)> = self.data_files(problems);
        let mut keys: Keys<'_> = HashMap::new();
        for (entity, data, _) in &files {
            let values = data.records.iter().filter_map(|record| record.get(&data.key)?.as_str());
            keys.entry(*entity).or_default().extend(values);
        }
        let check = Check { keys: &keys, trees };
        for (entity, data, place) in &files {
            check.file(&entities[*entity], data, place, problems);
        }
    }

    fn data_files(&self, problems: &mut Problems) -> Vec<(usize, &Data, Place)> {
        let mut files = Vec::new();
        for (app, package) in self.packages.iter().enumerate() {
            for data in &package.data {
                let place = Place::new(package, Kind::Data, &data.id);
                if let Some(entity) = self.names.entity(app, &data.entity, &place.key("entity"), problems) {
                    files.push((entity, data, place));
                }
            }
        }
        files
    }
}

struct Check<'a> {
    keys: &'a Keys<'a>,
    trees: &'a Trees,
}

impl Check<'_> {
    fn file(&self, entity: &EntityModel, data: &Data, place: &Place, problems: &mut Problems) {
        match entity.field(&data.key) {
            None => {
                let problem = place.key("key").error("ref.field").arg("name", &data.key);
                let names = entity.fields.iter().map(|field| &*field.name);
                return problems.push(problem.arg("entity", &entity.key).suggest(&data.key, names));
            }
            Some(field) if !field.unique => {
                problems.push(place.key("key").error("data.key_not_unique").arg("name", &data.key));
            }
            Some(_) => {}
        }
        if data.records.len() > RECORDS_MAX {
            let problem = place.key("records").error("data.too_many").arg("count", data.records.len());
            return problems.push(problem.arg("limit", RECORDS_MAX));
        }
        let mut seen: HashSet<String> = HashSet::new();
        for (index, record) in data.records.iter().enumerate() {
            let place = place.key("records").index(index);
            match record.get(&data.key) {
                None | Some(Value::Null) => problems.push(place.error("data.no_key").arg("name", &data.key)),
                Some(value) if !seen.insert(value.to_string()) => {
                    problems
                        .push(place.key(&data.key).error("data.duplicate_key").arg("value", plain(value)));
                }
                Some(_) => {}
            }
            self.record(entity, record, &data.key, &place, problems);
        }
    }

    fn record(
        &self,
        entity: &EntityModel,
        record: &Map<String, Value>,
        key: &str,
        place: &Place,
        problems: &mut Problems,
    ) {
        for (name, value) in record {
            let place = place.key(name);
            let Some(field) = entity.field(name) else {
                let problem = place.error("ref.field").arg("name", name).arg("entity", &entity.key);
                problems.push(problem.suggest(name, entity.fields.iter().map(|field| &*field.name)));
                continue;
            };
            if !field.writable() || matches!(field.kind, FieldKind::Lines { .. } | FieldKind::File { .. }) {
                problems.push(place.error("data.not_writable").arg("name", name));
            } else if let Some(wanted) = self.misfit(field, value, name == key) {
                let problem = place.error("data.value").arg("name", name).arg("value", plain(value));
                problems.push(problem.arg("wanted", wanted));
            }
        }
        let missing = entity.declared().iter().filter(|field| {
            let empty = record.get(&*field.name).is_none_or(Value::is_null);
            field.required && field.writable() && field.default.is_none() && empty
        });
        for field in missing {
            problems.push(place.error("data.required").arg("name", &field.name));
        }
    }

    /// What is wanted instead of the value; `None` when it suits. The engine looks closer when it writes.
    fn misfit(&self, field: &FieldModel, value: &Value, key: bool) -> Option<String> {
        let wanted = |ok: bool, form: &str| (!ok).then(|| form.to_owned());
        let text = value.as_str();
        match &field.kind {
            _ if value.is_null() => None,
            FieldKind::Integer { min, max } => {
                let fits = value.as_i64().is_some_and(|number| (*min..=*max).contains(&number));
                wanted(fits, &format!("{min}–{max}"))
            }
            FieldKind::Decimal { scale, .. } => {
                let number = text.map(str::to_owned).or_else(|| value.as_number().map(ToString::to_string));
                let number = number.and_then(|text| text.parse::<Decimal>().ok());
                wanted(
                    number.is_some_and(|number| number.scale <= *scale),
                    &format!("\"0.{}\"", "0".repeat((*scale).into())),
                )
            }
            FieldKind::Boolean => wanted(value.is_boolean(), "true, false"),
            FieldKind::Date => {
                wanted(text.is_some_and(|text| text.parse::<chrono::NaiveDate>().is_ok()), "2026-01-31")
            }
            FieldKind::Datetime => {
                let parsed = text.is_some_and(|text| chrono::DateTime::parse_from_rfc3339(text).is_ok());
                wanted(parsed, "2026-01-31T09:00:00Z")
            }
            FieldKind::Choice { choices } => {
                let known = text.is_some_and(|text| choices.iter().any(|choice| choice.value == text));
                wanted(known, &list(choices.iter().map(|choice| choice.value.as_str())))
            }
            FieldKind::Choices { choices } => {
                let known =
                    |item: &Value| choices.iter().any(|choice| Some(choice.value.as_str()) == item.as_str());
                let fits = value.as_array().is_some_and(|items| items.iter().all(known));
                wanted(fits, &format!("[{}]", list(choices.iter().map(|choice| choice.value.as_str()))))
            }
            FieldKind::Tree { tree, .. } => {
                let tree = self.trees.get(tree)?;
                wanted(text.is_some_and(|path| tree.by_path.contains_key(path)), &tree.key)
            }
            FieldKind::Reference { entity } => {
                let keys = self.keys.get(entity);
                let known = text.is_some_and(|text| keys.is_some_and(|keys| keys.contains(text)));
                wanted(known, &list(keys.into_iter().flatten().copied()))
            }
            FieldKind::GeoPoint => wanted(value.is_object(), "{\"lat\": …, \"lon\": …}"),
            FieldKind::Json => None,
            // A record is recognised by its key, whatever language the tenant has.
            FieldKind::Text { .. } | FieldKind::LongText { .. } if !key => {
                wanted(text.is_some() || words(value).is_some(), "\"…\", {\"en\": \"…\", \"zh-CN\": \"…\"}")
            }
            _ => wanted(text.is_some(), "\"…\""),
        }
    }
}

/// A few of many values, in a stable order.
fn list<'v>(values: impl Iterator<Item = &'v str>) -> String {
    const SHOWN: usize = 12;
    let mut values: Vec<&str> = values.collect();
    if values.len() > SHOWN {
        values.sort_unstable();
        values.truncate(SHOWN);
        values.push("…");
    }
    values.join(", ")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
