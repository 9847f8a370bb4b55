//! Single records: reading one within the person's scope, and writing records as JSON.

use std::sync::Arc;

use mortise_definition::model::{EntityModel, FieldKind, Slot, system};
use mortise_definition::source::Operation;
use mortise_expr::Value;
use mortise_store::{Select, TenantStore};
use uuid::Uuid;

use crate::automation::freeze;
use crate::commands::{Work, lifecycle_of};
use crate::error::Error;
use crate::lists;
use crate::values::{People, write_json, write_text};

/// A record as a person may see it: hidden fields are null.
#[derive(Debug, Clone)]
pub struct Record {
    /// Values by slot.
    pub values: Vec<Value>,
    /// Titles of referenced records, by slot of the reference.
    pub titles: Vec<(Slot, String)>,
    /// Fields of referenced records, by slot of the reference and slot of the field.
    pub through: Vec<((Slot, Slot), Value)>,
    /// What the calculated columns of the list's view say, with their names, in their order.
    pub calculated: Vec<(Arc<str>, Value)>,
    /// Position of the highlight of the list's view that gives it its colour, where plugins have a say in that.
    pub colour: Option<usize>,
    /// Child rows, by slot of the lines field.
    pub lines: Vec<(Slot, Vec<Record>)>,
    /// Fields that the person sees on other records but not on this one.
    pub(crate) hidden: Vec<Slot>,
    /// What the person may do with it.
    pub(crate) rights: Rights,
}

/// What a person may do with a record that was read by itself; nothing is known of records in lists.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rights {
    operations: Vec<Operation>,
    /// Fields that may be changed on other records but not on this one.
    fixed: Vec<Slot>,
}

impl Record {
    pub(crate) fn new(values: Vec<Value>) -> Record {
        Record {
            values,
            titles: Vec::new(),
            through: Vec::new(),
            calculated: Vec::new(),
            colour: None,
            lines: Vec::new(),
            hidden: Vec::new(),
            rights: Rights::default(),
        }
    }

    /// Its id.
    pub fn id(&self) -> Uuid {
        mortise_store::id_of(&self.values)
    }

    /// Its version.
    pub fn version(&self) -> i64 {
        mortise_store::version_of(&self.values)
    }

    /// True when it is in the trash.
    pub fn deleted(&self) -> bool {
        !self.values[system::DELETED_AT].is_null()
    }

    /// Whether the person may do this with the record.
    pub fn may(&self, operation: Operation) -> bool {
        self.rights.operations.contains(&operation)
    }

    /// Whether the person sees a field here that is seen on some records.
    pub fn shows(&self, slot: Slot) -> bool {
        !self.hidden.contains(&slot)
    }

    /// Whether the person may change a field here that may be changed on some records.
    pub fn takes(&self, slot: Slot) -> bool {
        !self.rights.fixed.contains(&slot)
    }

    /// Title of the referenced record.
    pub fn title(&self, slot: Slot) -> Option<&str> {
        self.titles.iter().find(|(at, _)| *at == slot).map(|(_, title)| title.as_str())
    }

    /// Child rows of a lines field.
    pub fn rows(&self, slot: Slot) -> &[Record] {
        self.lines.iter().find(|(at, _)| *at == slot).map_or(&[], |(_, rows)| rows)
    }
}

/// Child rows shown with a record at most.
const LINES_MAX: u64 = 1_000;

/// Reads a record with titles and child rows. Records in the trash are shown to those who may take them out.
pub(crate) async fn read(
    work: &Work,
    store: &TenantStore,
    entity: &EntityModel,
    id: Uuid,
) -> Result<Record, Error> {
    work.access(entity).demand(Operation::Read, entity)?;
    let table = &work.published.layout.tables[entity.index];
    let values = store.fetch(table.select(), &[id.into()], |row| table.record(row)).await?.pop();
    let values = values.ok_or_else(Error::no_record)?;
    if !visible(work, store, entity, &values).await? {
        return Err(Error::no_record());
    }
    let mut rows = [Record::new(values)];
    lists::resolve_with(work, store, entity, &[], &mut rows).await?;
    let [mut record] = rows;
    lists::hide(work, entity, &[Operation::Read], std::slice::from_mut(&mut record));
    for field in entity.declared() {
        if let FieldKind::Lines { entity: child, via } = &field.kind
            && work.access(entity).sees(field.slot)
            && record.shows(field.slot)
        {
            record.lines.push((field.slot, lines(work, store, *child, *via, id).await?));
        }
    }
    Ok(record)
}

/// Whether a record is in sight; in the trash it is there for those who may take it out.
pub(crate) async fn visible(
    work: &Work,
    store: &TenantStore,
    entity: &EntityModel,
    values: &[Value],
) -> Result<bool, Error> {
    Ok(work.reaches(store, entity, Operation::Read, values).await?
        && (values[system::DELETED_AT].is_null()
            || work.reaches(store, entity, Operation::Delete, values).await?))
}

/// What the person may do with a record.
pub(crate) async fn rights(
    work: &Work,
    store: &TenantStore,
    entity: &EntityModel,
    id: Uuid,
) -> Result<Rights, Error> {
    let table = &work.published.layout.tables[entity.index];
    let found = store.fetch(table.select(), &[id.into()], |row| table.record(row)).await?.pop();
    let Some(values) = found else { return Ok(Rights::default()) };
    let mut rights =
        Rights { operations: Vec::new(), fixed: work.closed(entity, Operation::Update, &values) };
    rights.fixed.extend(lifecycle_of(work, entity).map(|lifecycle| lifecycle.field));
    let frozen = freeze::frozen(work, store, entity, &values).await?;
    for operation in [Operation::Read, Operation::Update, Operation::Delete] {
        let open = operation == Operation::Read || !frozen;
        if open && work.reaches(store, entity, operation, &values).await? {
            rights.operations.push(operation);
        }
    }
    Ok(rights)
}

async fn lines(
    work: &Work,
    store: &TenantStore,
    child: usize,
    via: Slot,
    id: Uuid,
) -> Result<Vec<Record>, Error> {
    use sea_query::ExprTrait;
    let child = work.published.model.entities[child].clone();
    if !work.access(&child).may(Operation::Read) {
        return Ok(Vec::new());
    }
    let table = &work.published.layout.tables[child.index];
    let mut conditions = vec![mortise_store::select::column(&child, via).eq(id)];
    conditions.extend(work.scope_sql_within(&child, Operation::Read, Some(via))?.single());
    let select = Select {
        entity: &child,
        slots: &table.stored,
        branches: Vec::new(),
        conditions,
        search: None,
        sort: &[(system::ID, false)],
        after: None,
        limit: LINES_MAX,
        trash: false,
    };
    let (sql, params) = select.records(&work.published.layout);
    let map = |row: &dyn mortise_store::Row| Ok(Record::new(table.partial(row, &table.stored)?));
    let mut rows = store.fetch(&sql, &params, map).await?;
    lists::resolve_with(work, store, &child, &[], &mut rows).await?;
    lists::hide(work, &child, &[Operation::Read], &mut rows);
    Ok(rows)
}

/// Writes a record as a JSON object: its fields, and the titles of what it points to under `_titles`.
pub(crate) fn write_record(
    work: &Work,
    entity: &EntityModel,
    record: &Record,
    slots: &[Slot],
    out: &mut Vec<u8>,
) {
    let access = work.access(entity);
    let keys = &work.published.keys[entity.index];
    out.push(b'{');
    let mut first = true;
    for &slot in slots.iter().filter(|&&slot| access.sees(slot) && record.shows(slot)) {
        separate(out, &mut first);
        out.extend_from_slice(&keys[slot]);
        write_json(&record.values[slot], out);
    }
    for ((reference, slot), value) in &record.through {
        let FieldKind::Reference { entity: target } = &entity.fields[*reference].kind else { continue };
        let path = format!(
            "{}.{}",
            entity.fields[*reference].name, work.published.model.entities[*target].fields[*slot].name
        );
        separate(out, &mut first);
        write_text(&path, out);
        out.push(b':');
        write_json(value, out);
    }
    for (name, value) in &record.calculated {
        separate(out, &mut first);
        write_text(name, out);
        out.push(b':');
        write_json(value, out);
    }
    for (slot, rows) in &record.lines {
        let FieldKind::Lines { entity: child, .. } = &entity.fields[*slot].kind else { continue };
        let child = &work.published.model.entities[*child];
        separate(out, &mut first);
        out.extend_from_slice(&keys[*slot]);
        out.push(b'[');
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_record(work, child, row, &work.published.layout.tables[child.index].stored, out);
        }
        out.push(b']');
    }
    write_titles(work, entity, record, slots, out, &mut first);
    out.push(b'}');
}

fn write_titles(
    work: &Work,
    entity: &EntityModel,
    record: &Record,
    slots: &[Slot],
    out: &mut Vec<u8>,
    first: &mut bool,
) {
    let access = work.access(entity);
    let start = out.len();
    let before = *first;
    separate(out, first);
    out.extend_from_slice(b"\"_titles\":{");
    let mut none = true;
    for &slot in slots.iter().filter(|&&slot| access.sees(slot) && record.shows(slot)) {
        let title = match (&entity.fields[slot].kind, &record.values[slot]) {
            (FieldKind::User, Value::Id(id)) => work.directory.user_name(*id),
            (FieldKind::Team, Value::Id(id)) => work.directory.team_name(*id),
            (FieldKind::Reference { .. }, Value::Id(_)) => record.title(slot),
            _ => None,
        };
        if let Some(title) = title {
            separate(out, &mut none);
            out.extend_from_slice(&work.published.keys[entity.index][slot]);
            write_text(title, out);
        }
    }
    if none {
        out.truncate(start);
        *first = before;
    } else {
        out.push(b'}');
    }
}

fn separate(out: &mut Vec<u8>, first: &mut bool) {
    if !*first {
        out.push(b',');
    }
    *first = false;
}
