//! Data that comes with an app: made at installation, brought up to date by an upgrade. A value that somebody changed
//! since is theirs and stays. Records go through the same checks as everybody's.

use std::collections::HashMap;

use mortise_definition::Package;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, system};
use mortise_definition::source::{Data, words};
use mortise_expr::Value;
use mortise_store::{Session, column};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::commands::{Command, Outcome, Work, prepare_now};
use crate::error::{Error, FieldIssue};
use crate::people::Directory;
use crate::values::{self, Issue};

/// Numbers of records made and changed.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Seeded {
    pub(crate) created: usize,
    pub(crate) updated: usize,
}

/// Writes the data of `package`; `before` is the version that was in force.
pub(crate) fn seed(
    work: &Work,
    session: &mut Session<'_>,
    package: &Package,
    before: Option<&Package>,
    all: &[std::sync::Arc<Package>],
) -> Result<Seeded, Error> {
    let mut seeded = Seeded::default();
    for data in in_order(work, package)? {
        let entity = resolve(work, package, &data.entity)?;
        let old = before.and_then(|before| before.data.iter().find(|old| old.id == data.id));
        for record in &data.records {
            let source = Source { work, package, data, entity: &entity, all };
            match source.write(session, record, old)? {
                Some(true) => seeded.created += 1,
                Some(false) => seeded.updated += 1,
                None => {}
            }
        }
    }
    Ok(seeded)
}

/// An entity as an app names it: its own `grade`, or `app.entity`.
fn resolve(work: &Work, package: &Package, name: &str) -> Result<std::sync::Arc<EntityModel>, Error> {
    let own = format!("{}.{name}", package.app.id);
    let key = if name.contains('.') { name } else { own.as_str() };
    work.entity(key).cloned()
}

/// Data files in such an order that what is referred to comes first.
fn in_order<'a>(work: &Work, package: &'a Package) -> Result<Vec<&'a Data>, Error> {
    let mut by_entity: HashMap<usize, Vec<&Data>> = HashMap::new();
    let mut entities = Vec::new();
    for data in &package.data {
        let entity = resolve(work, package, &data.entity)?;
        by_entity.entry(entity.index).or_default().push(data);
        entities.push(entity.index);
    }
    let mut ordered = Vec::new();
    for entity in entities {
        visit(work, entity, &mut by_entity, &mut ordered);
    }
    Ok(ordered)
}

fn visit<'a>(
    work: &Work,
    entity: usize,
    waiting: &mut HashMap<usize, Vec<&'a Data>>,
    ordered: &mut Vec<&'a Data>,
) {
    let Some(own) = waiting.remove(&entity) else { return };
    for field in work.published.model.entities[entity].declared() {
        if let FieldKind::Reference { entity: target } = field.kind {
            visit(work, target, waiting, ordered);
        }
    }
    ordered.extend(own);
}

/// The words of a text that an app gives by language, in the language of the tenant; none for any other value.
pub(crate) fn spoken(field: &FieldModel, json: &Json, directory: &Directory) -> Option<String> {
    let text = matches!(field.kind, FieldKind::Text { .. } | FieldKind::LongText { .. });
    words(json).filter(|_| text).map(|words| words.get(&directory.language).to_owned())
}

struct Source<'a> {
    work: &'a Work,
    package: &'a Package,
    data: &'a Data,
    entity: &'a EntityModel,
    all: &'a [std::sync::Arc<Package>],
}

impl Source<'_> {
    /// Makes a record (true), brings it up to date (false), or leaves it as it is.
    fn write(
        &self,
        session: &mut Session<'_>,
        record: &Map<String, Json>,
        old: Option<&Data>,
    ) -> Result<Option<bool>, Error> {
        let key = record
            .get(&self.data.key)
            .ok_or_else(|| self.wrong(&self.data.key, Issue::new("field.required")))?;
        let values = self.resolved(session, record)?;
        let Some(present) = self.find(session, self.entity, &self.data.key, key)? else {
            let command =
                Command::Create { entity: self.entity.key.clone(), values, id: None, allow_duplicates: true };
            self.run(session, &command)?;
            return Ok(Some(true));
        };
        if !present[system::DELETED_AT].is_null() {
            // Somebody put it into the trash, and there it stays.
            return Ok(None);
        }
        let before = match old
            .and_then(|old| old.records.iter().find(|record| record.get(&self.data.key) == Some(key)))
        {
            Some(before) => Some(self.resolved(session, before)?),
            None => None,
        };
        let changed: Map<String, Json> = values
            .into_iter()
            .filter(|(name, value)| {
                self.is_ours(&present, before.as_ref(), name) && !self.holds(&present, name, value)
            })
            .collect();
        if changed.is_empty() {
            return Ok(None);
        }
        let id = mortise_store::id_of(&present);
        self.run(
            session,
            &Command::Update { entity: self.entity.key.clone(), id, version: None, values: changed },
        )?;
        Ok(Some(false))
    }

    /// Whether a field still holds what the version before put there: nothing, where it said nothing.
    fn is_ours(&self, present: &[Value], before: Option<&Map<String, Json>>, name: &str) -> bool {
        match before.and_then(|before| before.get(name)) {
            Some(value) => self.holds(present, name, value),
            None => self.entity.field(name).is_some_and(|field| present[field.slot].is_null()),
        }
    }

    fn holds(&self, present: &[Value], name: &str, json: &Json) -> bool {
        let Some(field) = self.entity.field(name) else { return false };
        values::from_json(field, json, &self.work.values()).is_ok_and(|value| value == present[field.slot])
    }

    fn run(&self, session: &mut Session<'_>, command: &Command) -> Result<(), Error> {
        let name = |error: Error| match error {
            Error::Invalid(issues) => {
                Error::Invalid(issues.into_iter().map(|issue| self.placed(issue)).collect())
            }
            other => other,
        };
        match prepare_now(self.work, command).and_then(|step| step.apply(self.work, session)).map_err(name)? {
            Outcome::Record(_) | Outcome::Batch(_) | Outcome::Done => Ok(()),
        }
    }

    /// Says in which data file a value is wrong.
    fn placed(&self, issue: FieldIssue) -> FieldIssue {
        FieldIssue {
            field: format!("{}/data/{}: {}", self.package.app.id, self.data.id, issue.field),
            ..issue
        }
    }

    fn wrong(&self, field: &str, issue: Issue) -> Error {
        Error::Invalid(vec![self.placed(FieldIssue { field: field.to_owned(), issue, text: None })])
    }

    /// The record with references by key turned into ids. What refers to a record in the trash is left out: that
    /// somebody deleted one must not stand in the way of an upgrade.
    fn resolved(
        &self,
        session: &mut Session<'_>,
        record: &Map<String, Json>,
    ) -> Result<Map<String, Json>, Error> {
        let mut values = Map::new();
        for (name, json) in record {
            let field = self.entity.field(name);
            let reference = field.and_then(|field| match field.kind {
                FieldKind::Reference { entity } => Some(self.work.published.model.entities[entity].clone()),
                _ => None,
            });
            let value = match (reference, json) {
                (Some(target), Json::String(text)) if Uuid::try_parse(text).is_err() => {
                    let key = self
                        .key_of(&target)
                        .ok_or_else(|| self.wrong(name, Issue::new("value.no_such_record")))?;
                    let found = self.find(session, &target, &key, json)?;
                    let found = found.ok_or_else(|| {
                        self.wrong(name, Issue::new("value.no_such_record").with("value", text))
                    })?;
                    if !found[system::DELETED_AT].is_null() {
                        continue;
                    }
                    Json::String(mortise_store::id_of(&found).to_string())
                }
                _ => field
                    .and_then(|field| spoken(field, json, &self.work.directory))
                    .map_or_else(|| json.clone(), Json::String),
            };
            values.insert(name.clone(), value);
        }
        Ok(values)
    }

    /// The field by which data files recognise records of an entity.
    fn key_of(&self, target: &EntityModel) -> Option<String> {
        let of = |package: &Package| {
            let fits = |data: &&Data| {
                resolve(self.work, package, &data.entity).is_ok_and(|entity| entity.index == target.index)
            };
            package.data.iter().find(fits).map(|data| data.key.clone())
        };
        of(self.package).or_else(|| self.all.iter().find_map(|package| of(package)))
    }

    /// The record with this key; one in the trash when there is no other.
    fn find(
        &self,
        session: &mut Session<'_>,
        entity: &EntityModel,
        key: &str,
        value: &Json,
    ) -> Result<Option<Vec<Value>>, Error> {
        let field = entity
            .field(key)
            .ok_or_else(|| self.wrong(key, Issue::new("field.unknown").with("value", key)))?;
        let value =
            values::from_json(field, value, &self.work.values()).map_err(|issue| self.wrong(key, issue))?;
        let table = &self.work.published.layout.tables[entity.index];
        let param = column::param(&value, &table.types[field.slot]);
        // Two statements, each with an index of its own: keys are unique among the living, the trash is small.
        for which in ["IS NULL", "IS NOT NULL"] {
            let sql = session.naming.sql(&format!(
                "SELECT id FROM {} WHERE {} = ?1 AND deleted_at {which} LIMIT 1",
                table.name, table.columns[field.slot]
            ));
            if let Some(id) =
                session.query(&sql, std::slice::from_ref(&param), |row| row.id(0))?.pop().flatten()
            {
                return Ok(table.load(session, id)?);
            }
        }
        Ok(None)
    }
}
