//! Rollups: values that a record takes from the records pointing to it, brought up to date in the same transaction.

use mortise_definition::model::{EntityModel, FieldKind, FieldModel};
use mortise_definition::source::RollupOperation;
use mortise_expr::{Context, Value};
use mortise_store::{Session, select};
use sea_query::{Alias, Expr, ExprTrait, Query};
use uuid::Uuid;

use super::Work;
use crate::error::Error;
use crate::values::Issue;

/// Brings the rollups up to date that depend on a record which was `old` and is `new` (either may be absent).
pub(crate) fn refresh(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    old: Option<&[Value]>,
    new: Option<&[Value]>,
) -> Result<(), Error> {
    for &(parent, slot) in &entity.feeds {
        let parent = &work.published.model.entities[parent];
        let field = &parent.fields[slot];
        let FieldKind::Rollup { via, .. } = &field.kind else { continue };
        if !matters(field, old, new) {
            continue;
        }
        let mut parents: Vec<Uuid> =
            [old, new].into_iter().flatten().filter_map(|record| record[*via].as_id()).collect();
        parents.dedup();
        for id in parents {
            refresh_one(work, session, parent, field, id)?;
        }
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

fn refresh_one(
    work: &Work,
    session: &mut Session<'_>,
    parent: &EntityModel,
    field: &FieldModel,
    id: Uuid,
) -> Result<(), Error> {
    let table = &work.published.layout.tables[parent.index];
    let Some(old) = table.load(session, id)? else { return Ok(()) };
    let value = aggregate(work, session, parent, field, id)?;
    if value != old[field.slot] {
        // Nothing is calculated from rollups, and the version stays: nobody's save is disturbed by new child rows.
        table.update(session, id, mortise_store::version_of(&old), &[(field.slot, value)])?;
        session.touch(parent.index);
    }
    Ok(())
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
    let column = field.map_or("id", |slot| child.fields[slot].name.as_ref());
    let column = mortise_store::quote(column);
    let mut query = Query::select();
    query.expr(Expr::cust(match operation {
        RollupOperation::Count => "count(*)".to_owned(),
        // PostgreSQL sums integers into numeric.
        RollupOperation::Sum => format!("CAST(COALESCE(sum({column}), 0) AS bigint)"),
        RollupOperation::Min => format!("min({column})"),
        RollupOperation::Max => format!("max({column})"),
    }));
    query.from(table.from.clone());
    query.and_where(select::column(child, *via).eq(id));
    query.and_where(Expr::col(Alias::new("deleted_at")).is_null());
    if let Some(filter) = filter {
        let roots: [&[Value]; 3] =
            [&[], &work.actor.user.root, &work.published.model.apps[rollup.app].setting_values];
        let cx = Context { now: work.now, tz: work.actor.user.tz, roots: &roots };
        let condition = filter.to_sql(session.naming.dialect, None, &cx).map_err(|diagnostic| {
            Error::BadRequest(Issue::new("query.filter").with("reason", diagnostic.message))
        })?;
        query.and_where(condition);
    }
    let ty = parent.shape.members()[rollup.slot].ty.clone();
    let (sql, params) = select::build(&query, session.naming.dialect);
    Ok(session.query(&sql, &params, |row| row.value(0, &ty))?.pop().unwrap_or(Value::Null))
}
