//! Child rows that are edited together with their record: new ones are made, known ones changed, missing ones deleted,
//! all in the transaction of the record.

use mortise_definition::model::{EntityModel, FieldKind, Slot};
use mortise_definition::source::Operation;
use mortise_expr::Value;
use mortise_store::{Session, select};
use sea_query::ExprTrait;
use uuid::Uuid;

use super::input::{self, Input, LINES_MAX, LineInput};
use super::prepare::{Create, Update};
use super::{Work, apply, links, settle, similar, trash};
use crate::error::{Error, FieldIssue};
use crate::values::Issue;

/// Writes the child rows that came with a record.
pub(crate) fn write(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    record: Uuid,
    input: &Input,
) -> Result<(), Error> {
    for (slot, rows) in &input.lines {
        let field = &entity.fields[*slot];
        let FieldKind::Lines { entity: child, via } = &field.kind else { continue };
        let child = &work.published.model.entities[*child];
        // Rows out of sight are not for this person to leave out.
        let of_record = select::column(child, *via).eq(record);
        let present = links::seen(work, session, child, of_record, Some(*via))?;
        if present.len() > LINES_MAX {
            // More than a form shows; to take the rest for removed would delete what nobody has seen.
            return Err(Error::field(&field.name, Issue::new("value.too_many").with("limit", LINES_MAX)));
        }
        for (index, row) in rows.iter().enumerate() {
            let written = match row.id.filter(|id| present.contains(id)) {
                Some(id) => change(work, session, child, (*via, id), &row.input),
                None => add(work, session, child, (*via, record), row),
            };
            written.map_err(|error| inside(error, &format!("{}/{index}/", field.name)))?;
        }
        for gone in present.iter().filter(|id| !rows.iter().any(|row| row.id == Some(**id))) {
            trash::delete(work, session, child, *gone, None, Some(*via))?;
        }
    }
    Ok(())
}

fn add(
    work: &Work,
    session: &mut Session<'_>,
    child: &std::sync::Arc<EntityModel>,
    (via, record): (Slot, Uuid),
    row: &LineInput,
) -> Result<(), Error> {
    work.access(child).demand(Operation::Create, child)?;
    input::permit(work, child, Operation::Create, None, &row.input)?;
    let id = row.id.unwrap_or_else(|| work.env.id());
    let mut input = row.input.clone();
    input.given.retain(|(slot, _)| *slot != via);
    input.given.push((via, Value::Id(record)));
    let settled = settle::new_now(work, child, id, &input)?;
    let keys = similar::keys(child, &settled.values);
    let within = Some(via);
    let create = Create { entity: child.clone(), id, input, settled, keys, allow_duplicates: true, within };
    apply::create(work, session, create).map(drop)
}

fn change(
    work: &Work,
    session: &mut Session<'_>,
    child: &std::sync::Arc<EntityModel>,
    (via, id): (Slot, Uuid),
    input: &Input,
) -> Result<(), Error> {
    work.access(child).demand(Operation::Update, child)?;
    let (input, within) = (input.clone(), Some(via));
    let entity = child.clone();
    let update = Update { entity, id, version: None, input, base: None, merge: None, within };
    apply::update(work, session, update).map(drop)
}

/// Ids of the living child rows.
pub(crate) fn living(
    work: &Work,
    session: &mut Session<'_>,
    child: &EntityModel,
    via: Slot,
    record: Uuid,
) -> Result<Vec<Uuid>, Error> {
    let table = &work.published.layout.tables[child.index];
    let sql = session.naming.sql(&format!(
        "SELECT id FROM {} WHERE {} = ?1 AND deleted_at IS NULL ORDER BY id",
        table.name, table.columns[via]
    ));
    Ok(session.query(&sql, &[record.into()], |row| row.id(0))?.into_iter().flatten().collect())
}

/// Puts the path of the row before the fields of its issues.
fn inside(error: Error, path: &str) -> Error {
    let prefix = |issue: FieldIssue| FieldIssue { field: format!("{path}{}", issue.field), ..issue };
    match error {
        Error::Invalid(issues) => Error::Invalid(issues.into_iter().map(prefix).collect()),
        Error::NotFound(_) => Error::field(path.trim_end_matches('/'), Issue::new("value.no_such_record")),
        other => other,
    }
}
