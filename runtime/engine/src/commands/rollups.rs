//! Rollups: values that a record takes from the records pointing to it, brought up to date in the same transaction.

use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Slot, system};
use mortise_definition::source::RollupOperation;
use mortise_expr::{Context, INT_LIMIT, Value};
use mortise_store::{Follower, Session, select};
use sea_query::{Alias, CaseStatement, Expr, ExprTrait, Func, Query};
use uuid::Uuid;

use super::{Work, trail};
use crate::error::Error;
use crate::values::Issue;

/// Notes the rollups that depend on a record which was `old` and is `new` (either may be absent). However many records
/// a command changes, [`settle`] works out each rollup once.
pub(crate) fn note(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    old: Option<&[Value]>,
    new: Option<&[Value]>,
) {
    for &(parent, slot) in &entity.feeds {
        let field = &work.published.model.entities[parent].fields[slot];
        let FieldKind::Rollup { via, .. } = &field.kind else { continue };
        if matters(field, old, new) {
            for id in [old, new].into_iter().flatten().filter_map(|record| record[*via].as_id()) {
                session.stale((parent, id, slot));
            }
        }
    }
}

/// Brings the noted rollups up to date: those of one record, or all.
pub(crate) fn settle(
    work: &Work,
    session: &mut Session<'_>,
    record: Option<(usize, Uuid)>,
) -> Result<(), Error> {
    let stale: Vec<Follower> = session.take_stale(record).into_iter().collect();
    for of_record in stale.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
        let (entity, id, _) = of_record[0];
        let slots = of_record.iter().map(|(_, _, slot)| *slot);
        refresh(work, session, &work.published.model.entities[entity], id, slots)?;
    }
    Ok(())
}

/// Whether the change can make a difference to the rollup.
fn matters(field: &FieldModel, old: Option<&[Value]>, new: Option<&[Value]>) -> bool {
    let (Some(old), Some(new)) = (old, new) else { return true };
    let FieldKind::Rollup { via, field, filter, .. } = &field.kind else { return false };
    let read = filter.iter().flat_map(|filter| filter.references()).filter(|reference| reference.root == 0);
    let slots = [*via].into_iter().chain(*field).chain(read.map(|reference| reference.slot));
    slots.into_iter().any(|slot| old[slot] != new[slot])
}

fn refresh(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    id: Uuid,
    slots: impl Iterator<Item = Slot>,
) -> Result<(), Error> {
    let table = &work.published.layout.tables[entity.index];
    let Some(old) = table.load(session, id)? else { return Ok(()) };
    let mut changes = Vec::new();
    for slot in slots {
        let value = aggregate(work, session, entity, &entity.fields[slot], id)?;
        if value != old[slot] {
            changes.push((slot, value));
        }
    }
    if !changes.is_empty() {
        // Nothing is calculated from rollups, and the version stays: nobody's save is disturbed by new child rows.
        table.update(session, id, mortise_store::version_of(&old), &changes)?;
        session.touch(entity.index);
        tell(work, session, entity, &old, changes);
    }
    Ok(())
}

/// What rules and clocks wait for is an event of the record, as if somebody had changed it.
fn tell(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    old: &[Value],
    changes: Vec<(Slot, Value)>,
) {
    let watched = work.model().automation.by_entity.get(entity.index);
    let watched = watched.map_or(&[][..], |automation| &automation.watched);
    let told: Vec<Slot> =
        changes.iter().map(|(slot, _)| *slot).filter(|slot| watched.contains(slot)).collect();
    if told.is_empty() || !old[system::DELETED_AT].is_null() {
        return;
    }
    let mut new = old.to_vec();
    changes.into_iter().for_each(|(slot, value)| new[slot] = value);
    let text = trail::changes(entity, Some(old), &new, &told);
    let version = mortise_store::version_of(&new);
    trail::record(work, session, entity, "record.changed", (mortise_store::id_of(&new), version), text);
}

/// The value of a rollup of one record.
pub(crate) fn aggregate(
    work: &Work,
    session: &mut Session<'_>,
    parent: &EntityModel,
    rollup: &FieldModel,
    id: Uuid,
) -> Result<Value, Error> {
    let FieldKind::Rollup { entity, via, operation, field, filter } = &rollup.kind else {
        return Ok(Value::Null);
    };
    let child = &work.published.model.entities[*entity];
    let table = &work.published.layout.tables[child.index];
    let counts = *operation == RollupOperation::Count;
    let mut counted = select::column(child, field.filter(|_| !counts).unwrap_or(system::ID));
    if let Some(filter) = filter {
        let roots: [&[Value]; 3] =
            [&[], &work.actor.user.root, &work.published.model.apps[rollup.app].setting_values];
        let cx = Context { now: work.now, tz: work.actor.user.tz, roots: &roots, functions: None };
        let condition = filter.to_sql(session.naming.dialect, None, &cx).map_err(|diagnostic| {
            Error::BadRequest(Issue::new("query.filter").with("reason", diagnostic.message))
        })?;
        // In here and not behind WHERE, where a database without statistics takes it for as good a way to the rows as the
        // reference, and reads half of the table for a handful of them.
        counted = CaseStatement::new().case(condition, counted).into();
    }
    let mut query = Query::select();
    query.expr(match operation {
        RollupOperation::Count => Func::count(counted).into(),
        // PostgreSQL sums integers into numeric.
        RollupOperation::Sum => {
            let sum = Func::coalesce([Func::sum(counted).into(), Expr::cust("0")]);
            Expr::from(sum).cast_as(Alias::new("bigint"))
        }
        RollupOperation::Min => Func::min(counted).into(),
        RollupOperation::Max => Func::max(counted).into(),
    });
    query.from(table.from.clone());
    query.and_where(select::column(child, *via).eq(id));
    query.and_where(Expr::col(Alias::new("deleted_at")).is_null());
    let ty = parent.shape.members()[rollup.slot].ty.clone();
    let (sql, params) = select::build(&query, session.naming.dialect);
    let values = session.query(&sql, &params, |row| row.value(0, &ty)).map_err(|error| match error {
        mortise_store::Error::OutOfRange => too_large(work, parent, rollup),
        error => Error::Store(error),
    })?;
    let value = values.into_iter().next().unwrap_or(Value::Null);
    match number(&value).unsigned_abs() > INT_LIMIT.unsigned_abs() {
        true => Err(too_large(work, parent, rollup)),
        false => Ok(value),
    }
}

/// What a value is stored as, for those that are numbers.
fn number(value: &Value) -> i64 {
    match value {
        Value::Int(number) | Value::Duration(number) => *number,
        Value::Decimal(number) => number.mantissa,
        _ => 0,
    }
}

/// It is no single field of the written record that is wrong.
fn too_large(work: &Work, entity: &EntityModel, rollup: &FieldModel) -> Error {
    let language = &work.actor.user.language;
    let issue = Issue::new("value.sum_too_large").with("entity", entity.label.get(language));
    Error::field("", issue.with("name", rollup.label.get(language)))
}
