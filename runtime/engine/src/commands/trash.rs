//! Into the trash and out of it, together with the child rows. Row after row from a list, never by recursion: how deep
//! rows lie below rows is up to the data, which may even run in a circle.

use std::sync::Arc;

use mortise_definition::model::{EntityModel, FieldKind, Slot, system};
use mortise_definition::source::Operation;
use mortise_expr::{Type, Value};
use mortise_store::{Param, Session, column, version_of};
use uuid::Uuid;

use super::apply::{living, not_unique, stamp};
use super::{Work, Written, lines, links, rollups, settle, similar, trail};
use crate::access::denied;
use crate::assign;
use crate::automation::freeze;
use crate::error::Error;

/// Puts a record and its child rows into the trash; `within` is its reference to the record that it is removed from.
pub(crate) fn delete(
    work: &Work,
    session: &mut Session<'_>,
    entity: &Arc<EntityModel>,
    id: Uuid,
    version: Option<i64>,
    within: Option<Slot>,
) -> Result<Written, Error> {
    let old = living(work, session, entity, id)?;
    work.demand_in(session, entity, Operation::Delete, &old, within)?;
    freeze::check(work, session, entity, &old)?;
    let current = version_of(&old);
    if version.is_some_and(|seen| seen != current) {
        return Err(Error::Stale { current });
    }
    let work = &*work.spending(None);
    let written = put_away(work, session, entity, &old)?;
    let mut waiting = vec![(entity.clone(), id)];
    while let Some((parent, id)) = waiting.pop() {
        for (child, via) in rows_of(work, &parent) {
            for row in lines::living(work, session, &child, via, id)? {
                let old = living(work, session, &child, row)?;
                demand(work, session, &child, &old, via)?;
                freeze::check_row(work, session, &child, &old)?;
                put_away(work, session, &child, &old)?;
                waiting.push((child.clone(), row));
            }
        }
    }
    Ok(written)
}

/// Takes a record, and the child rows that went with it, out of the trash.
pub(crate) fn restore(
    work: &Work,
    session: &mut Session<'_>,
    entity: &Arc<EntityModel>,
    id: Uuid,
) -> Result<Written, Error> {
    let old = work.published.layout.tables[entity.index].load(session, id)?.ok_or_else(Error::no_record)?;
    work.demand_in(session, entity, Operation::Delete, &old, None)?;
    freeze::check(work, session, entity, &old)?;
    let deleted_at = old[system::DELETED_AT].clone();
    if deleted_at.is_null() {
        return Ok(Written { entity: entity.key.clone(), id, version: version_of(&old), values: old });
    }
    let work = &*work.spending(None);
    let written = take_out(work, session, entity, &old)?;
    let mut waiting = vec![(entity.clone(), id)];
    while let Some((parent, id)) = waiting.pop() {
        for (child, via) in rows_of(work, &parent) {
            let table = &work.published.layout.tables[child.index];
            // Rows that went with the record come back with it; rows deleted before stay away.
            let sql = session.naming.sql(&format!(
                "SELECT id FROM {} WHERE {} = ?1 AND deleted_at = ?2",
                table.name, table.columns[via]
            ));
            let params: [Param; 2] = [id.into(), column::param(&deleted_at, &Type::DateTime)];
            let rows = session.query(&sql, &params, |row| row.id(0))?;
            for row in rows.into_iter().flatten() {
                let old = table.load(session, row)?.ok_or_else(Error::no_record)?;
                demand(work, session, &child, &old, via)?;
                freeze::check_row(work, session, &child, &old)?;
                take_out(work, session, &child, &old)?;
                waiting.push((child.clone(), row));
            }
        }
    }
    Ok(written)
}

/// Entities of the child rows of an entity, with their references to it.
fn rows_of(work: &Work, entity: &EntityModel) -> Vec<(Arc<EntityModel>, Slot)> {
    let lines = entity.declared().iter().filter_map(|field| match &field.kind {
        FieldKind::Lines { entity, via } => Some((work.published.model.entities[*entity].clone(), *via)),
        _ => None,
    });
    lines.collect()
}

/// A record may go only with all its rows; that there is one which the person may not see is all they are told.
fn demand(
    work: &Work,
    session: &mut Session<'_>,
    child: &EntityModel,
    row: &[Value],
    via: Slot,
) -> Result<(), Error> {
    match work.demand_in(session, child, Operation::Delete, row, Some(via)) {
        Err(Error::NotFound(_)) => Err(denied(child)),
        result => result,
    }
}

/// Moves one record into the trash, if plugins let it go.
fn put_away(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    old: &[Value],
) -> Result<Written, Error> {
    let heard = settle::delete_now(work, entity, old)?;
    let deleted = vec![(system::DELETED_AT, Value::DateTime(work.now))];
    let written = move_between(work, session, entity, old, deleted, "record.deleted")?;
    heard.put_off(work, session, entity, Some(old), &written.values)?;
    Ok(written)
}

/// Takes one record out of the trash, as plugins leave it.
fn take_out(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    old: &[Value],
) -> Result<Written, Error> {
    let (values, changed, heard) = settle::restore_now(work, entity, old)?.take();
    let id = mortise_store::id_of(old);
    links::check(work, session, entity, id, &values, &changed)?;
    work.demand_above(session, entity, &values, &changed)?;
    let mut changes = vec![(system::DELETED_AT, Value::Null)];
    changes.extend(changed.iter().map(|slot| (*slot, values[*slot].clone())));
    let written = move_between(work, session, entity, old, changes, "record.restored")?;
    heard.put_off(work, session, entity, None, &written.values)?;
    Ok(written)
}

/// Moves a record into or out of the trash.
fn move_between(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    old: &[Value],
    mut changes: Vec<(Slot, Value)>,
    kind: &'static str,
) -> Result<Written, Error> {
    let table = &work.published.layout.tables[entity.index];
    let (id, version) = (mortise_store::id_of(old), version_of(old));
    let told: Vec<Slot> = changes.iter().map(|(slot, _)| *slot).collect();
    changes.extend(stamp(work, version + 1));
    let mut values = old.to_vec();
    for (slot, value) in &changes {
        values[*slot] = value.clone();
    }
    let living = values[system::DELETED_AT].is_null();
    table.update(session, id, version, &changes).map_err(|error| not_unique(entity, error))?;
    table.change_search(session, id, &values, living)?;
    // What is in the trash has no keys.
    let keys = similar::keys(entity, &values);
    match living {
        true => table.add_similar(session, id, &keys)?,
        false => table.remove_similar(session, id, &keys)?,
    }
    let text = trail::changes(entity, Some(old), &values, &told);
    trail::record(work, session, entity, kind, (id, version + 1), text);
    // What rollups read did not change, but the row left or joined the living: as if it were new.
    rollups::note(work, session, entity, None, Some(&values));
    assign::note(work, session, entity, None, Some(&values));
    Ok(Written { entity: entity.key.clone(), id, version: version + 1, values })
}
