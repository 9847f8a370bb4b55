//! What tables, columns and indexes a tenant's database has, by the stable ids of the definitions, and the steps from
//! what is there to what a model asks for. Planning is pure; [`crate::migrate`] carries the steps out.
//!
//! Nothing is dropped by an upgrade: what a new version no longer has is retired (renamed and kept), so that a
//! rollback finds its data again. Only an explicit [purge](crate::purge) drops it, and is remembered: a version that
//! wants the field again is told that it begins empty.

use indexmap::IndexMap;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, IndexModel, Model};
use mortise_expr::Type;
use serde::{Deserialize, Serialize};

/// Tables by key of the entity (`app.entity`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// The tables.
    pub tables: IndexMap<String, Table>,
    /// What was dropped with its values and has not come back since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purged: Vec<Purged>,
}

/// A field, or an entity with all its records, whose values were dropped for good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Purged {
    /// Key of the entity.
    pub entity: String,
    /// Id of the field and what it stored; none for a whole entity.
    pub field: Option<(String, Type)>,
}

/// One entity's table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Present name.
    pub name: String,
    /// Columns by id of the field.
    pub columns: IndexMap<String, Column>,
    /// Indexes by their definition (`owner,status,-created_at`, ids of fields).
    pub indexes: IndexMap<String, Index>,
    /// Ids of the fields in the search index; empty when there is none.
    pub search: Vec<String>,
    /// Fields and ways of comparison in the duplicate index; empty when there is none.
    pub duplicates: Vec<String>,
    /// Kept, but no longer part of the model.
    #[serde(default)]
    pub retired: bool,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Present name.
    pub name: String,
    /// What it stores.
    #[serde(rename = "type")]
    pub ty: Type,
    /// Kept, but no longer part of the model.
    #[serde(default)]
    pub retired: bool,
    /// Its values follow from others and can be worked out again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub calculated: bool,
}

/// One index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// Present name.
    pub name: String,
    /// Columns by id of the field; true is descending.
    pub columns: Vec<(String, bool)>,
    /// Unique among living records.
    pub unique: bool,
}

impl Catalog {
    /// What a model asks for.
    pub fn of(model: &Model) -> Catalog {
        Catalog {
            tables: model.entities.iter().map(|entity| (entity.key.clone(), Table::of(entity))).collect(),
            purged: Vec::new(),
        }
    }
}

impl Table {
    fn of(entity: &EntityModel) -> Table {
        let stored = entity.fields.iter().filter(|field| field.stored());
        let ids = |slots: &[usize]| slots.iter().map(|&slot| entity.fields[slot].id.clone()).collect();
        Table {
            name: entity.table.clone(),
            columns: stored.map(|field| (field.id.clone(), Column::of(entity, field))).collect(),
            indexes: entity.indexes.iter().map(|index| Index::of(entity, index)).collect(),
            search: ids(&entity.search),
            duplicates: entity
                .duplicates
                .iter()
                .flat_map(|check| &check.fields)
                .map(|(slot, compare)| format!("{}:{compare:?}", entity.fields[*slot].id))
                .collect(),
            retired: false,
        }
    }
}

impl Column {
    fn of(entity: &EntityModel, field: &FieldModel) -> Column {
        Column {
            name: field.name.to_string(),
            ty: entity.shape.members()[field.slot].ty.clone(),
            retired: false,
            calculated: matches!(field.kind, FieldKind::Computed { .. } | FieldKind::Rollup { .. }),
        }
    }
}

impl Index {
    fn of(entity: &EntityModel, index: &IndexModel) -> (String, Index) {
        let columns: Vec<(String, bool)> = index
            .slots
            .iter()
            .map(|&(slot, descending)| (entity.fields[slot].id.clone(), descending))
            .collect();
        let signs = columns.iter().map(|(id, down)| if *down { format!("-{id}") } else { id.clone() });
        let key = signs.collect::<Vec<_>>().join(",") + if index.unique { "!" } else { "" };
        (key, Index { name: index.name.clone(), columns, unique: index.unique })
    }
}

/// One step of a migration. Tables and columns are named as they are when the step is reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Step {
    /// A new table with all its columns.
    CreateTable { entity: String, table: String },
    /// The table gets another name.
    RenameTable { entity: String, from: String, to: String },
    /// A new, empty column.
    AddColumn {
        entity: String,
        table: String,
        column: String,
        #[serde(skip)]
        ty: Option<Type>,
    },
    /// The column gets another name (also when it is retired or comes back).
    RenameColumn { entity: String, table: String, from: String, to: String },
    /// The column stores more than before; its values are kept.
    Widen {
        entity: String,
        table: String,
        column: String,
        #[serde(skip)]
        types: Option<(Type, Type)>,
    },
    /// An index goes.
    DropIndex { entity: String, index: String },
    /// An index comes.
    CreateIndex { entity: String, table: String, index: String, columns: Vec<(String, bool)>, unique: bool },
    /// The search index is made anew.
    RebuildSearch { entity: String, table: String, drop: bool, create: bool },
    /// The duplicate index is made anew.
    RebuildDuplicates { entity: String, table: String, drop: bool, create: bool },
    /// A retired column is dropped for good.
    DropColumn { entity: String, table: String, column: String },
    /// A retired table is dropped for good.
    DropTable { entity: String, table: String },
}

/// A step that takes something away from people, named so that it can be confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Destructive {
    /// What has to be confirmed: `lead-management.lead.phone`.
    pub key: String,
    /// `field_removed`, `entity_removed`, `type_changed`; `field_purged` and `entity_purged` for what comes back empty,
    /// because its values were dropped for good.
    pub kind: &'static str,
    /// Entity.
    pub entity: String,
    /// Field, by its present name.
    pub field: Option<String>,
}

/// Steps and what they take away.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Migration {
    /// In order.
    pub steps: Vec<Step>,
    /// To be confirmed.
    pub destructive: Vec<Destructive>,
    /// The catalogue afterwards.
    #[serde(skip)]
    pub after: Catalog,
}

/// Plans the way from `current` to what `desired` asks for. What goes makes room before what comes takes its place:
/// tables and indexes of all entities share their names.
pub fn plan(current: &Catalog, desired: &Catalog) -> Migration {
    let mut migration = Migration { after: current.clone(), ..Migration::default() };
    for (key, present) in &current.tables {
        if !present.retired && !desired.tables.contains_key(key) {
            retire_table(key, present, &mut migration);
        }
    }
    for (key, wanted) in &desired.tables {
        drop_indexes(key, wanted, &mut migration);
    }
    free_table_names(desired, &mut migration);
    for (key, wanted) in &desired.tables {
        match migration.after.tables.contains_key(key) {
            true => plan_table(key, wanted, &mut migration),
            false => plan_new_table(key, wanted, &mut migration),
        }
    }
    for (key, wanted) in &desired.tables {
        plan_indexes(key, wanted, current.tables.get(key), &mut migration);
    }
    migration
}

fn plan_new_table(key: &str, table: &Table, migration: &mut Migration) {
    let entity = key.to_owned();
    migration.steps.push(Step::CreateTable { entity: entity.clone(), table: table.name.clone() });
    let purged = &mut migration.after.purged;
    let lost = purged.iter().any(|lost| lost.entity == key && lost.field.is_none());
    purged.retain(|lost| lost.entity != key);
    if lost {
        let kind = "entity_purged";
        migration.destructive.push(Destructive {
            key: entity.clone(),
            kind,
            entity: entity.clone(),
            field: None,
        });
    }
    let bare = Table { indexes: IndexMap::new(), search: vec![], duplicates: vec![], ..table.clone() };
    migration.after.tables.insert(entity, bare);
}

fn retire_table(key: &str, present: &Table, migration: &mut Migration) {
    let entity = key.to_owned();
    let to = free_table_name(&migration.after, &format!("_old_{}", present.name));
    migration.destructive.push(Destructive {
        key: entity.clone(),
        kind: "entity_removed",
        entity: entity.clone(),
        field: None,
    });
    for index in present.indexes.values() {
        migration.steps.push(Step::DropIndex { entity: entity.clone(), index: index.name.clone() });
    }
    migration.steps.push(Step::RenameTable {
        entity: entity.clone(),
        from: present.name.clone(),
        to: to.clone(),
    });
    let after = migration.after.tables.entry(entity).or_insert_with(|| present.clone());
    (after.name, after.retired) = (to, true);
    after.indexes.clear();
}

/// Drops indexes that go or are made anew: they would stand in the way of columns that change and names that are
/// taken over.
fn drop_indexes(key: &str, wanted: &Table, migration: &mut Migration) {
    let Some(after) = migration.after.tables.get_mut(key) else { return };
    let columns = after.columns.clone();
    let same_type = |id: &str| match (columns.get(id), wanted.columns.get(id)) {
        (Some(one), Some(other)) => one.ty == other.ty && !one.retired,
        _ => false,
    };
    after.indexes.retain(|definition, index| {
        // A violated unique index is recognised by its name, so that it has to fit.
        let same = wanted.indexes.get(definition).is_some_and(|wanted| wanted.name == index.name)
            && index.columns.iter().all(|(id, _)| same_type(id));
        if !same {
            migration.steps.push(Step::DropIndex { entity: key.to_owned(), index: index.name.clone() });
        }
        same
    });
}

/// Moves tables out of the way whose names other entities take over, so that two entities can swap names.
fn free_table_names(desired: &Catalog, migration: &mut Migration) {
    for (key, wanted) in &desired.tables {
        let holder =
            migration.after.tables.iter().find(|(other, table)| *other != key && table.name == wanted.name);
        let Some(holder) = holder.map(|(other, _)| other.clone()) else { continue };
        let to = free_table_name(&migration.after, &format!("_moving_{}", wanted.name));
        let from = wanted.name.clone();
        migration.steps.push(Step::RenameTable { entity: holder.clone(), from, to: to.clone() });
        migration.after.tables[&holder].name = to;
    }
}

fn plan_table(key: &str, wanted: &Table, migration: &mut Migration) {
    let mut after = migration.after.tables[key].clone();
    if after.name != wanted.name {
        let (from, to) = (after.name.clone(), wanted.name.clone());
        migration.steps.push(Step::RenameTable { entity: key.to_owned(), from, to });
    }
    after.name = wanted.name.clone();
    after.retired = false;
    retire_columns(key, wanted, &mut after, migration);
    revive_columns(wanted, &mut after);
    plan_columns(key, wanted, &mut after, migration);
    migration.after.tables.insert(key.to_owned(), after);
}

/// Moves columns out of the way that the new version does not have, or has with a type that cannot hold the values.
fn retire_columns(entity: &str, wanted: &Table, after: &mut Table, migration: &mut Migration) {
    let stays = |id: &str, column: &Column| match wanted.columns.get(id) {
        None => column.retired,
        Some(new) if new.ty == column.ty => true,
        // Values that were there before the type changed are worth more than what became of them since.
        Some(new) => widens(&column.ty, &new.ty) && kept(after, id, &new.ty).is_none(),
    };
    let going: Vec<String> =
        after.columns.iter().filter(|(id, column)| !stays(id, column)).map(|(id, _)| id.clone()).collect();
    for id in going {
        let Some(mut column) = after.columns.shift_remove(&id) else { continue };
        let changed = wanted.columns.contains_key(&id);
        let old_id = if changed { free_key(after, &format!("{id}~old")) } else { id.clone() };
        if !column.retired {
            migration.destructive.push(Destructive {
                key: format!("{entity}.{}", column.name),
                kind: if changed { "type_changed" } else { "field_removed" },
                entity: entity.to_owned(),
                field: Some(column.name.clone()),
            });
            let to = free_name(after, wanted, &format!("_old_{}", column.name));
            migration.steps.push(rename(entity, after, &column.name, &to));
            (column.name, column.retired) = (to, true);
        }
        after.columns.insert(old_id, column);
        if changed {
            // Indexes outside of the table hold words of the values that went.
            after.search.retain(|field| *field != id);
            after.duplicates.retain(|field| field.split_once(':').is_none_or(|(field, _)| field != id));
        }
    }
}

/// Columns that were kept when their field got another type come back when it gets the old type again.
fn revive_columns(wanted: &Table, after: &mut Table) {
    for (id, new) in &wanted.columns {
        if after.columns.contains_key(id) {
            continue;
        }
        let found = kept(after, id, &new.ty).and_then(|old| after.columns.shift_remove(&old));
        if let Some(column) = found {
            after.columns.insert(id.clone(), column);
        }
    }
}

/// The key of the newest column of this type that was kept for a field.
fn kept(table: &Table, id: &str, ty: &Type) -> Option<String> {
    let prefix = format!("{id}~old");
    let fits =
        |(key, column): &(&String, &Column)| column.retired && key.starts_with(&prefix) && column.ty == *ty;
    table.columns.iter().rfind(fits).map(|(key, _)| key.clone())
}

fn plan_columns(entity: &str, wanted: &Table, after: &mut Table, migration: &mut Migration) {
    // Names that another column still holds are freed first, so that two fields can swap names.
    for (id, new) in &wanted.columns {
        let holder = after.columns.iter().find(|(other, column)| *other != id && column.name == new.name);
        if let Some(holder) = holder.map(|(other, _)| other.clone()) {
            let to = free_name(after, wanted, &format!("_moving_{}", new.name));
            migration.steps.push(rename(entity, after, &new.name, &to));
            after.columns[&holder].name = to;
        }
    }
    for (id, new) in &wanted.columns {
        let table = after.name.clone();
        let Some(old) = after.columns.get(id).cloned() else {
            let (column, ty) = (new.name.clone(), Some(new.ty.clone()));
            migration.steps.push(Step::AddColumn { entity: entity.to_owned(), table, column, ty });
            tell_purged(entity, id, new, migration);
            after.columns.insert(id.clone(), new.clone());
            continue;
        };
        if old.name != new.name {
            migration.steps.push(rename(entity, after, &old.name, &new.name));
        }
        if old.ty != new.ty {
            let (column, types) = (new.name.clone(), Some((old.ty, new.ty.clone())));
            migration.steps.push(Step::Widen { entity: entity.to_owned(), table, column, types });
        }
        after.columns[id] = new.clone();
    }
}

/// Says of a column that comes back that the values it once had are gone.
fn tell_purged(entity: &str, id: &str, new: &Column, migration: &mut Migration) {
    let is_it = |lost: &Purged| {
        let kept = |(field, ty): &(String, Type)| field == id && (*ty == new.ty || widens(ty, &new.ty));
        lost.entity == entity && lost.field.as_ref().is_some_and(kept)
    };
    let purged = &mut migration.after.purged;
    if !purged.iter().any(is_it) {
        return;
    }
    purged.retain(|lost| !is_it(lost));
    if !new.calculated {
        migration.destructive.push(Destructive {
            key: format!("{entity}.{}", new.name),
            kind: "field_purged",
            entity: entity.to_owned(),
            field: Some(new.name.clone()),
        });
    }
}

fn plan_indexes(key: &str, wanted: &Table, before: Option<&Table>, migration: &mut Migration) {
    let entity = key.to_owned();
    let Some(after) = migration.after.tables.get_mut(key) else { return };
    for (definition, index) in &wanted.indexes {
        if after.indexes.contains_key(definition) {
            continue;
        }
        let column = |(id, down): &(String, bool)| {
            (after.columns.get(id).map_or(id.clone(), |column| column.name.clone()), *down)
        };
        migration.steps.push(Step::CreateIndex {
            entity: entity.clone(),
            table: after.name.clone(),
            index: index.name.clone(),
            columns: index.columns.iter().map(column).collect(),
            unique: index.unique,
        });
        after.indexes.insert(definition.clone(), index.clone());
    }
    let table = after.name.clone();
    let before =
        before.cloned().unwrap_or_else(|| Table { search: vec![], duplicates: vec![], ..after.clone() });
    // They differ from before where a column that they hold has gone out of the way.
    if after.search != wanted.search || after.search != before.search {
        let (drop, create) = (!before.search.is_empty(), !wanted.search.is_empty());
        migration.steps.push(Step::RebuildSearch {
            entity: entity.clone(),
            table: table.clone(),
            drop,
            create,
        });
        after.search = wanted.search.clone();
    }
    if after.duplicates != wanted.duplicates || after.duplicates != before.duplicates {
        let (drop, create) = (!before.duplicates.is_empty(), !wanted.duplicates.is_empty());
        migration.steps.push(Step::RebuildDuplicates { entity, table, drop, create });
        after.duplicates = wanted.duplicates.clone();
    }
}

fn rename(entity: &str, table: &Table, from: &str, to: &str) -> Step {
    let (from, to) = (from.to_owned(), to.to_owned());
    Step::RenameColumn { entity: entity.to_owned(), table: table.name.clone(), from, to }
}

fn free_name(after: &Table, wanted: &Table, base: &str) -> String {
    let taken =
        |name: &str| after.columns.values().chain(wanted.columns.values()).any(|column| column.name == name);
    (1u32..)
        .map(|n| if n == 1 { base.to_owned() } else { format!("{base}_{n}") })
        .find(|name| !taken(name))
        .unwrap_or_default()
}

fn free_table_name(after: &Catalog, base: &str) -> String {
    let taken = |name: &str| after.tables.values().any(|table| table.name == name);
    (1u32..)
        .map(|n| if n == 1 { base.to_owned() } else { format!("{base}_{n}") })
        .find(|name| !taken(name))
        .unwrap_or_default()
}

fn free_key(after: &Table, base: &str) -> String {
    (1u32..).map(|n| format!("{base}{n}")).find(|key| !after.columns.contains_key(key)).unwrap_or_default()
}

/// Whether every value of one type has its place in the other.
pub fn widens(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (Type::Int, Type::Decimal(_)) | (Type::Int | Type::Bool | Type::Decimal(_), Type::Text) => true,
        (Type::Decimal(from), Type::Decimal(to)) => to > from,
        _ => false,
    }
}
