//! Applying prepared commands inside the one writer: here everything is decided that depends on rows.

use mortise_definition::model::{EntityModel, FieldKind, Slot, system};
use mortise_definition::source::Operation;
use mortise_expr::{Type, Value};
use mortise_store::{Param, Session, version_of};
use uuid::Uuid;

use super::prepare::{Create, Step, Update};
use super::settle;
use super::{
    Outcome, Work, Written, input, lifecycle, lines, links, merge, numbers, rollups, similar, trail, trash,
};
use crate::assign;
use crate::automation::{Subject, freeze};
use crate::error::{Error, FieldIssue};
use crate::published::Published;
use crate::values::Issue;

/// How often a change is worked out again when the record moved under it; inside the writer once is enough.
const SETTLE_MAX: usize = 3;

impl Step {
    /// Applies the step.
    pub(crate) fn apply(self, work: &Work, session: &mut Session<'_>) -> Result<Outcome, Error> {
        match self {
            Step::Batch { parts, atomic } => apply_batch(work, session, parts, atomic),
            Step::Note(entry) => {
                session.audit(*entry);
                Ok(Outcome::Done)
            }
            step => Ok(Outcome::Record(step.apply_alone(work, session)?)),
        }
    }

    fn apply_alone(self, work: &Work, session: &mut Session<'_>) -> Result<Written, Error> {
        let written = self.apply_record(work, session)?;
        rollups::settle(work, session, None)?;
        Ok(written)
    }

    /// The record that the step looks at before it changes something.
    fn looks_at(&self) -> Option<(usize, Uuid)> {
        match self {
            Step::Update(step) => Some((step.entity.index, step.id)),
            Step::Delete { entity, id, .. } | Step::Restore { entity, id } => Some((entity.index, *id)),
            Step::Transition(step) => Some((step.entity.index, step.id)),
            _ => None,
        }
    }

    fn apply_record(self, work: &Work, session: &mut Session<'_>) -> Result<Written, Error> {
        match self {
            Step::Create(step) => create(work, session, *step),
            Step::Update(step) => update(work, session, *step),
            Step::Delete { entity, id, version } => trash::delete(work, session, &entity, id, version, None),
            Step::Restore { entity, id } => trash::restore(work, session, &entity, id),
            Step::Comment { entity, id, text } => comment(work, session, &entity, id, &text),
            Step::Attach { entity, id, file } => attach(work, session, &entity, id, file),
            Step::Transition(step) => lifecycle::take(work, session, *step),
            Step::Claim { entity, id, policy } => {
                let record = living(work, session, &entity, id)?;
                if let Err(unseen) = work.demand_in(session, &entity, Operation::Read, &record, None) {
                    return Err(assign::missed(work, session, &entity.key, id)?.unwrap_or(unseen));
                }
                assign::claim(work, session, &policy, Subject::new(entity, record, work.now))
            }
            Step::Unfreeze { entity, id, person } => {
                let record = living(work, session, &entity, id)?;
                freeze::lift_by_hand(work, session, &entity, record, person)
            }
            Step::Batch { .. } | Step::Note(_) => Err(Error::BadRequest(Issue::new("batch.nested"))),
        }
    }
}

fn apply_batch(
    work: &Work,
    session: &mut Session<'_>,
    parts: Vec<Result<Step, Error>>,
    atomic: bool,
) -> Result<Outcome, Error> {
    let mut results = Vec::with_capacity(parts.len());
    for (index, part) in parts.into_iter().enumerate() {
        let result = match part {
            Err(error) => Err(error),
            Ok(step) if atomic => apply_part(work, session, step),
            Ok(step) => session.nested(|session| step.apply_alone(work, session)),
        };
        match result {
            Err(error) if atomic => return Err(Error::Batch { index, error: Box::new(error) }),
            result => results.push(result),
        }
    }
    rollups::settle(work, session, None)?;
    Ok(Outcome::Batch(results))
}

/// A part of a batch that stands or falls as a whole: rollups are worked out at its end, except where the part looks.
fn apply_part(work: &Work, session: &mut Session<'_>, step: Step) -> Result<Written, Error> {
    if let Some(record) = step.looks_at() {
        rollups::settle(work, session, Some(record))?;
    }
    step.apply_record(work, session)
}

pub(crate) fn create(work: &Work, session: &mut Session<'_>, step: Create) -> Result<Written, Error> {
    let entity = &step.entity;
    if !step.allow_duplicates {
        let suspects = similar::find(work, session, entity, &step.settled.values, &step.keys)?;
        if !suspects.is_empty() {
            return Err(Error::Duplicate(suspects));
        }
    }
    let (mut values, mut changed, heard) = step.settled.take();
    // A row points to the record that it is written with, even when that has just been given to somebody else.
    let linked: Vec<Slot> = changed.iter().copied().filter(|slot| Some(*slot) != step.within).collect();
    links::check(work, session, entity, step.id, &values, &linked)?;
    work.demand_above(session, entity, &values, &linked)?;
    if step.within.is_none() {
        freeze::check(work, session, entity, &values)?;
    }
    if numbers::assign(work, session, entity, &mut values)? {
        changed = (system::OWNER..values.len()).filter(|&slot| !values[slot].is_null()).collect();
    }
    set_empty_rollups(entity, &mut values);
    let table = &work.published.layout.tables[entity.index];
    table.insert(session, &values).map_err(|error| not_unique(entity, error))?;
    table.add_search(session, step.id, &values)?;
    table.add_similar(session, step.id, &step.keys)?;
    let text = trail::changes(entity, None, &values, &changed);
    trail::record(work, session, entity, "record.created", (step.id, 1), text);
    heard.put_off(work, session, entity, None, &values)?;
    if !step.input.lines.is_empty() {
        lines::write(&work.spending(heard.budget()), session, entity, step.id, &step.input)?;
    }
    rollups::note(work, session, entity, None, Some(&values));
    assign::note(work, session, entity, None, Some(&values));
    Ok(Written { entity: entity.key.clone(), id: step.id, version: 1, values })
}

/// A record to which nothing points yet counts and sums nothing.
fn set_empty_rollups(entity: &EntityModel, values: &mut [Value]) {
    use mortise_definition::source::RollupOperation::{Count, Sum};
    for field in entity.declared() {
        if let FieldKind::Rollup { operation: Count | Sum, .. } = &field.kind {
            values[field.slot] = match &entity.shape.members()[field.slot].ty {
                Type::Decimal(scale) => Value::Decimal(mortise_expr::Decimal::new(0, *scale)),
                Type::Duration => Value::Duration(0),
                _ => Value::Int(0),
            };
        }
    }
}

pub(crate) fn update(work: &Work, session: &mut Session<'_>, mut step: Update) -> Result<Written, Error> {
    let entity = &step.entity;
    let table = &work.published.layout.tables[entity.index];
    let mut base = step.base.take();
    for _ in 0..SETTLE_MAX {
        let prepared = base.is_some();
        let (old, settled) = match base.take() {
            Some(base) => base,
            None => {
                let old = living(work, session, entity, step.id)?;
                work.demand_in(session, entity, Operation::Update, &old, step.within)?;
                if let Some(seen) = &step.merge {
                    step.input = merge::over(work, session, entity, &old, (&step.input, seen))?;
                }
                input::permit(work, entity, Operation::Update, Some(&old), &step.input)?;
                let settled = settle::change_now(work, entity, &old, &step.input)?;
                (old, settled)
            }
        };
        if prepared {
            // What lies above the record may have changed since, without a new version of the record.
            work.demand_in(session, entity, Operation::Update, &old, step.within)?;
        }
        let version = version_of(&old);
        if let Some(seen) = step.version.filter(|&seen| seen != version) {
            // What was prepared may have been read before a write that was still on its way: look again, in here.
            if prepared && seen > version {
                continue;
            }
            return Err(Error::Stale { current: version });
        }
        freeze::check(work, session, entity, &old)?;
        // A transition that leads back to where it began has happened all the same.
        if settled.changed.is_empty() && step.input.lines.is_empty() && step.input.transition.is_none() {
            return Ok(Written { entity: entity.key.clone(), id: step.id, version, values: old });
        }
        let (mut values, changed, heard) = settled.take();
        links::check(work, session, entity, step.id, &values, &changed)?;
        work.demand_above(session, entity, &values, &changed)?;
        if step.within.is_none()
            && work.published.parents[entity.index].iter().any(|(_, via)| changed.contains(via))
        {
            // A row that comes to another record is a change of that one.
            freeze::check(work, session, entity, &values)?;
        }
        let mut changes: Vec<(Slot, Value)> =
            changed.iter().map(|&slot| (slot, values[slot].clone())).collect();
        changes.extend(stamp(work, version + 1));
        for (slot, value) in &changes {
            values[*slot] = value.clone();
        }
        if !table.update(session, step.id, version, &changes).map_err(|error| not_unique(entity, error))? {
            continue;
        }
        after_update(work, session, entity, (&old, &values), &changed, step.input.transition.take())?;
        heard.put_off(work, session, entity, Some(&old), &values)?;
        if !step.input.lines.is_empty() {
            lines::write(&work.spending(heard.budget()), session, entity, step.id, &step.input)?;
        }
        rollups::note(work, session, entity, Some(&old), Some(&values));
        assign::note(work, session, entity, Some(&old), Some(&values));
        return Ok(Written { entity: entity.key.clone(), id: step.id, version: version + 1, values });
    }
    let current = version_of(&living(work, session, entity, step.id)?);
    Err(Error::Stale { current })
}

/// Version, time and person of a change.
pub(super) fn stamp(work: &Work, version: i64) -> [(Slot, Value); 3] {
    [
        (system::VERSION, Value::Int(version)),
        (system::UPDATED_AT, Value::DateTime(work.now)),
        (system::UPDATED_BY, work.actor.id().map_or(Value::Null, Value::Id)),
    ]
}

fn after_update(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    (old, new): (&[Value], &[Value]),
    changed: &[Slot],
    transition: Option<String>,
) -> Result<(), Error> {
    let table = &work.published.layout.tables[entity.index];
    let id = mortise_store::id_of(new);
    if changed.iter().any(|slot| table.search_slots().contains(slot)) {
        table.change_search(session, id, new, true)?;
    }
    if similar::concerned(entity, changed) {
        table.remove_similar(session, id, &similar::keys(entity, old))?;
        table.add_similar(session, id, &similar::keys(entity, new))?;
    }
    let text = trail::changes(entity, Some(old), new, changed);
    let kind = if transition.is_some() { "record.transitioned" } else { "record.changed" };
    trail::detailed(work, session, entity, kind, (id, version_of(new)), text, transition);
    Ok(())
}

/// The record inside the transaction, unless it is in the trash.
pub(super) fn living(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    id: Uuid,
) -> Result<Vec<Value>, Error> {
    let table = &work.published.layout.tables[entity.index];
    let found = table.load(session, id)?;
    found.filter(|values| values[system::DELETED_AT].is_null()).ok_or_else(Error::no_record)
}

pub(super) fn comment(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    id: Uuid,
    text: &str,
) -> Result<Written, Error> {
    let record = living(work, session, entity, id)?;
    work.demand_in(session, entity, Operation::Read, &record, None)?;
    let comment = work.env.id();
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} (id, entity, record, at, actor, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        session.naming.table("_comment")
    ));
    let params: [Param; 6] = [
        comment.into(),
        entity.key.as_str().into(),
        id.into(),
        work.now.into(),
        Param::Uuid(work.actor.id()),
        text.into(),
    ];
    session.execute(&sql, &params)?;
    let version = version_of(&record);
    let details = serde_json::json!({ "comment": comment, "text": text }).to_string();
    trail::record(work, session, entity, "comment.added", (id, version), details);
    Ok(Written { entity: entity.key.clone(), id: comment, version, values: Vec::new() })
}

pub(super) fn attach(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    id: Uuid,
    file: Uuid,
) -> Result<Written, Error> {
    let record = living(work, session, entity, id)?;
    work.demand_in(session, entity, Operation::Update, &record, None)?;
    freeze::check(work, session, entity, &record)?;
    if let Some(issue) = links::bind(work, session, entity, id, None, file)? {
        return Err(Error::field("file", issue));
    }
    let sql = session
        .naming
        .sql(&format!("SELECT name, sha256 FROM {} WHERE id = ?1", session.naming.table("_file")));
    let found = session.query(&sql, &[file.into()], |row| Ok((row.text(0)?, row.text(1)?)))?.pop();
    let (name, sha256) = found.unwrap_or_default();
    let version = version_of(&record);
    let details = serde_json::json!({ "file": file, "name": name, "sha256": sha256 }).to_string();
    trail::record(work, session, entity, "file.attached", (id, version), details);
    Ok(Written { entity: entity.key.clone(), id: file, version, values: Vec::new() })
}

/// Names the field that is not unique, from what the database names (columns in SQLite, the index in PostgreSQL).
pub(super) fn not_unique(entity: &EntityModel, error: mortise_store::Error) -> Error {
    let mortise_store::Error::Unique(what) = &error else { return Error::Store(error) };
    let by_index = entity.indexes.iter().find(|index| index.name == *what);
    let slots: Vec<Slot> = match by_index {
        Some(index) => index.slots.iter().map(|(slot, _)| *slot).collect(),
        None => what
            .split(", ")
            .filter_map(|column| entity.field(column.rsplit('.').next().unwrap_or(column)))
            .map(|field| field.slot)
            .collect(),
    };
    let named: Vec<FieldIssue> = slots
        .into_iter()
        .map(|slot| match slot {
            system::ID => {
                FieldIssue { field: "id".to_owned(), issue: Issue::new("record.exists"), text: None }
            }
            slot => FieldIssue {
                field: entity.fields[slot].name.to_string(),
                issue: Issue::new("field.not_unique"),
                text: None,
            },
        })
        .collect();
    match named.is_empty() {
        // The primary key of PostgreSQL carries no name of ours.
        true => Error::field("id", Issue::new("record.exists")),
        false => Error::Invalid(named),
    }
}

/// Makes the search and duplicate indexes of an entity anew (after an upgrade that changed them).
pub(crate) fn reindex(
    published: &Published,
    session: &mut Session<'_>,
    entity: &EntityModel,
    (search, duplicates): (bool, bool),
) -> Result<(), Error> {
    let table = &published.layout.tables[entity.index];
    table.each(session, |session, record| {
        if !record[system::DELETED_AT].is_null() {
            return Ok(());
        }
        let id = mortise_store::id_of(record);
        if search {
            table.add_search(session, id, record)?;
        }
        if duplicates {
            table.add_similar(session, id, &similar::keys(entity, record))?;
        }
        Ok(())
    })
}
