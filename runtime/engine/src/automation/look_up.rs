//! Looking something up in a table of ranges: postcodes, dialling codes, network addresses.

use mortise_definition::model::{Slot, system};
use mortise_expr::Value;
use mortise_store::{Session, select};
use sea_query::{Alias, Expr, ExprTrait, Order, Query};

use super::{Subject, actions};
use crate::commands::Work;
use crate::error::Error;

/// The table and the fields of its ranges.
pub(super) struct Table {
    pub(super) entity: usize,
    pub(super) first: Slot,
    pub(super) last: Slot,
}

/// Sets fields of the record to those of the range in which the value lies. Ranges do not overlap: the nearest start
/// decides, found by its index.
pub(super) fn look_up(
    work: &Work,
    session: &mut Session<'_>,
    subject: &mut Subject,
    range: &Table,
    value: &Value,
    values: &[(Slot, Slot)],
) -> Result<(), Error> {
    let Some(text) = value.as_text() else { return Ok(()) };
    let entity = work.published.model.entities[range.entity].clone();
    let table = &work.published.layout.tables[entity.index];
    let mut query = Query::select();
    for &slot in &table.stored {
        query.column(Alias::new(entity.fields[slot].name.as_ref()));
    }
    query.from(table.from.clone());
    query.and_where(select::column(&entity, range.first).lte(Expr::val(text)));
    query.and_where(select::column(&entity, system::DELETED_AT).is_null());
    query.order_by_expr(select::column(&entity, range.first), Order::Desc).limit(1);
    let (sql, params) = select::build(&query, session.naming.dialect);
    let Some(found) = session.query(&sql, &params, |row| table.record(row))?.pop() else { return Ok(()) };
    if found[range.last].as_text().is_none_or(|last| last < text) {
        return Ok(());
    }
    let values = values.iter().map(|(own, other)| (*own, found[*other].clone())).collect();
    actions::set(work, session, subject, values)
}
