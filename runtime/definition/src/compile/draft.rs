//! Drafts of entities: every field has its slot and name, but types and expressions are still open. What a field
//! of one entity means may depend on fields of another, so all drafts stand before anything is resolved.

use std::collections::HashMap;
use std::sync::Arc;

use mortise_expr::Type;

use super::names::{TABLE_CHARS_MAX, check_name};
use super::place::Place;
use crate::model::{FieldKind, Slot, system};
use crate::problem::Problems;
use crate::source::{Check, Entity, Field, FieldType, Index, RollupOperation};
use crate::{Kind, Package, Text, locale};

/// Most fields of one entity, those of extensions included. SQLite and PostgreSQL allow some more columns.
pub(super) const FIELDS_MAX: usize = 400;

/// An entity whose fields have slots.
pub(super) struct Draft<'a> {
    pub(super) app: usize,
    pub(super) source: &'a Entity,
    pub(super) key: String,
    pub(super) table: String,
    pub(super) place: Place,
    pub(super) fields: Vec<DraftField<'a>>,
    pub(super) slots: HashMap<Arc<str>, Slot>,
    /// Indexes and checks of the entity and its extensions, with their app and place.
    pub(super) indexes: Vec<(Place, &'a Index)>,
    pub(super) checks: Vec<(usize, Place, &'a Check)>,
}

/// A field with a slot.
pub(super) struct DraftField<'a> {
    pub(super) app: usize,
    /// `None` for the system's fields.
    pub(super) source: Option<&'a Field>,
    pub(super) id: String,
    pub(super) name: Arc<str>,
    pub(super) place: Place,
    pub(super) kind: DraftKind<'a>,
    /// Known once its expression was compiled.
    pub(super) ty: Option<Type>,
}

/// What a field holds, as far as it is known without expressions.
pub(super) enum DraftKind<'a> {
    /// Completely known.
    Ready(FieldKind),
    /// An expression over the record.
    Computed(&'a str),
    /// Calculated over records that point here.
    Rollup {
        entity: usize,
        via: Slot,
        operation: RollupOperation,
        field: Option<Slot>,
        filter: Option<&'a str>,
    },
    /// Wrong; a problem says why.
    Broken,
}

impl Draft<'_> {
    /// Names of all fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| &*field.name)
    }

    /// The slot of a field that an artifact names; a problem when there is none.
    pub(super) fn find(&self, name: &str, place: &Place, problems: &mut Problems) -> Option<Slot> {
        let found = self.slots.get(name).copied();
        if found.is_none() {
            let problem = place.error("ref.field").arg("name", name).arg("entity", &self.key);
            problems.push(problem.suggest(name, self.names()));
        }
        found
    }

    /// The entries of a choice field.
    pub(super) fn choices(&self, slot: Slot) -> Option<&[crate::source::Choice]> {
        match &self.fields[slot].source?.kind {
            FieldType::Choice { choices } | FieldType::Choices { choices } => Some(choices),
            _ => None,
        }
    }

    /// True for child rows, which have no column and no value in expressions.
    pub(super) fn is_lines(&self, slot: Slot) -> bool {
        self.fields[slot].source.is_some_and(|field| matches!(field.kind, FieldType::Lines { .. }))
    }

    /// True when every record that is saved has a value there.
    pub(super) fn always_filled(&self, slot: Slot) -> bool {
        match self.fields[slot].source {
            None => matches!(slot, system::ID | system::VERSION | system::CREATED_AT | system::UPDATED_AT),
            Some(field) => {
                let given = field.required && field.visible_when.is_none();
                // Where no record points here, their number is 0 and not unknown.
                let counted =
                    matches!(field.kind, FieldType::Rollup { operation: RollupOperation::Count, .. });
                given || counted || matches!(field.kind, FieldType::Autonumber { .. })
            }
        }
    }
}

/// Drafts of all entities, in the order of packages and files, extensions included.
pub(super) fn drafts<'a>(
    packages: &'a [Arc<Package>],
    names: &super::names::Names<'a>,
    problems: &mut Problems,
) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (app, package) in packages.iter().enumerate() {
        for entity in &package.entities {
            let place = Place::new(package, Kind::Entity, &entity.id);
            drafts.push(draft(app, package, entity, &place, problems));
        }
    }
    check_tables(&drafts, problems);
    for (app, package) in packages.iter().enumerate() {
        for extension in &package.extensions {
            let place = Place::new(package, Kind::Extension, &extension.id);
            let Some(index) = names.entity(app, &extension.extends, &place.key("extends"), problems) else {
                continue;
            };
            let draft = &mut drafts[index];
            if draft.app == app {
                problems.push(place.key("extends").error("extension.own").arg("entity", &draft.key));
                continue;
            }
            let prefix = format!("{}:", package.app.id);
            draft.add_fields(app, &extension.fields, &prefix, &place, problems);
            draft.add_rest(app, &extension.indexes, &extension.checks, &place);
        }
    }
    for draft in drafts.iter().filter(|draft| draft.fields.len() > FIELDS_MAX) {
        let problem = draft.place.key("fields").error("entity.too_many_fields");
        problems.push(problem.arg("count", draft.fields.len()).arg("limit", FIELDS_MAX));
    }
    drafts
}

fn draft<'a>(
    app: usize,
    package: &Package,
    entity: &'a Entity,
    place: &Place,
    problems: &mut Problems,
) -> Draft<'a> {
    let name = entity.name.as_deref().unwrap_or(&entity.id);
    check_name(name, &place.key(if entity.name.is_some() { "name" } else { "id" }), problems);
    let table = format!("{}__{name}", package.app.id.replace('-', "_"));
    if table.len() > TABLE_CHARS_MAX {
        problems.push(place.error("name.table_too_long").arg("name", &table).arg("limit", TABLE_CHARS_MAX));
    }
    let mut draft = Draft {
        app,
        source: entity,
        key: format!("{}.{}", package.app.id, entity.id),
        table,
        place: place.clone(),
        fields: Vec::with_capacity(system::FIRST + entity.fields.len()),
        slots: HashMap::new(),
        indexes: Vec::new(),
        checks: Vec::new(),
    };
    draft.add_system(app, place);
    draft.add_fields(app, &entity.fields, "", place, problems);
    draft.add_rest(app, &entity.indexes, &entity.checks, place);
    draft
}

impl<'a> Draft<'a> {
    fn add_system(&mut self, app: usize, place: &Place) {
        for (slot, name) in system::NAMES.into_iter().enumerate() {
            let name: Arc<str> = name.into();
            let (kind, ty) = match slot {
                system::ID => (FieldKind::System, Type::Id),
                system::VERSION => (FieldKind::System, Type::Int),
                system::CREATED_AT | system::UPDATED_AT | system::DELETED_AT => {
                    (FieldKind::Datetime, Type::DateTime)
                }
                _ => (FieldKind::User, Type::Id),
            };
            self.slots.insert(name.clone(), slot);
            self.fields.push(DraftField {
                app,
                source: None,
                id: name.to_string(),
                name,
                place: place.clone(),
                kind: DraftKind::Ready(kind),
                ty: Some(ty),
            });
        }
    }

    fn add_fields(
        &mut self,
        app: usize,
        fields: &'a [Field],
        prefix: &str,
        place: &Place,
        problems: &mut Problems,
    ) {
        for (index, field) in fields.iter().enumerate() {
            let place = place.key("fields").index(index);
            let name_place = place.key(if field.name.is_some() { "name" } else { "id" });
            let name: Arc<str> = field.name.as_deref().unwrap_or(&field.id).into();
            check_name(&name, &name_place, problems);
            let id = format!("{prefix}{}", field.id);
            let slot = self.fields.len();
            let twice_id = self.fields[system::FIRST..].iter().any(|other| other.id == id);
            match self.slots.get(&name).copied() {
                // One slip, one problem: a field that is there twice has its id and its name twice.
                _ if twice_id => {
                    problems.push(place.key("id").error("field.duplicate_id").arg("id", &field.id))
                }
                Some(other) if other < system::FIRST => {
                    problems.push(name_place.error("field.system_name").arg("name", &name));
                }
                Some(_) => {
                    let problem = name_place.error("field.duplicate_name").arg("name", &name);
                    problems.push(problem.arg("entity", &self.key));
                }
                None => drop(self.slots.insert(name.clone(), slot)),
            }
            let kind = DraftKind::Broken;
            self.fields.push(DraftField { app, source: Some(field), id, name, place, kind, ty: None });
        }
    }

    fn add_rest(&mut self, app: usize, indexes: &'a [Index], checks: &'a [Check], place: &Place) {
        let indexes = indexes.iter().enumerate();
        self.indexes.extend(indexes.map(|(at, index)| (place.key("indexes").index(at), index)));
        let checks = checks.iter().enumerate();
        self.checks.extend(checks.map(|(at, check)| (app, place.key("checks").index(at), check)));
    }
}

/// Two entities of an app must not become one table.
fn check_tables(drafts: &[Draft<'_>], problems: &mut Problems) {
    let mut tables: HashMap<&str, &Draft<'_>> = HashMap::new();
    for draft in drafts {
        if let Some(other) = tables.insert(&draft.table, draft) {
            let problem = draft.place.error("entity.duplicate_name").arg("name", &draft.table);
            problems.push(problem.arg("other", &other.key));
        }
    }
}

/// The label of a system field in every installed language.
pub(super) fn system_label(name: &str) -> Text {
    let words = locale::languages().into_iter().filter_map(|language| {
        let words = locale::lookup(language, &format!("field.{name}"))?;
        Some((language.to_owned(), words.to_owned()))
    });
    Text::ByLanguage(words.collect())
}
