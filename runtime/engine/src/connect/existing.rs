//! The record that a call belongs to, when it is about somebody already known.

use mortise_definition::model::{AttachModel, EntityModel, system};
use mortise_expr::Value;
use mortise_store::{Session, column, select};
use sea_query::{Expr, ExprTrait, Order, Query};
use uuid::Uuid;

use crate::commands::Work;
use crate::error::Error;
use crate::values::Issue;

/// The oldest living record with the same value in one of the fields; the first field that finds one decides. Each is
/// looked up through the index that the connector gave it.
pub(super) fn find(
    work: &Work,
    session: &mut Session<'_>,
    app: usize,
    entity: &EntityModel,
    attach: &AttachModel,
    values: &[Value],
) -> Result<Option<Uuid>, Error> {
    let dialect = session.naming.dialect;
    let condition = attach.condition.as_ref().map(|condition| {
        let sql = work.with_roots(app, &[], |cx| condition.to_sql(dialect, None, cx));
        sql.map_err(|diagnostic| {
            Error::BadRequest(Issue::new("query.filter").with("reason", diagnostic.message))
        })
    });
    let condition = condition.transpose()?;
    let table = &work.published.layout.tables[entity.index];
    for slot in attach.by.iter().copied().filter(|slot| !values[*slot].is_null()) {
        let value = column::param(&values[slot], &entity.shape.members()[slot].ty);
        let mut query = Query::select();
        query.expr(select::column(entity, system::ID)).from(table.from.clone());
        query.and_where(select::column(entity, slot).eq(Expr::val(value)));
        query.and_where(select::column(entity, system::DELETED_AT).is_null());
        if let Some(condition) = &condition {
            query.and_where(condition.clone());
        }
        query.order_by_expr(select::column(entity, system::CREATED_AT), Order::Asc);
        query.order_by_expr(select::column(entity, system::ID), Order::Asc).limit(1);
        let (sql, params) = select::build(&query, dialect);
        if let Some(found) = session.query(&sql, &params, |row| row.id(0))?.pop().flatten() {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
