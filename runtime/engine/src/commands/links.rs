//! What a record points to must be there and in sight of the person who points: other records, and files.

use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Slot};
use mortise_definition::source::Operation;
use mortise_expr::Value;
use mortise_store::{Row, Session, select};
use sea_query::{Alias, Expr, ExprTrait, Order, Query};
use uuid::Uuid;

use super::Work;
use crate::error::{Error, FieldIssue};
use crate::photos;
use crate::signatures;
use crate::values::Issue;

/// Checks the links in these slots and binds files to the record.
pub(crate) fn check(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    id: Uuid,
    values: &[Value],
    slots: &[Slot],
) -> Result<(), Error> {
    let mut issues = Vec::new();
    for &slot in slots {
        let field = &entity.fields[slot];
        let issue = match (&field.kind, &values[slot]) {
            (FieldKind::Reference { entity: target }, Value::Id(target_id)) => {
                let target = &work.published.model.entities[*target];
                (!in_sight(work, session, target, *target_id)?).then(|| Issue::new("value.no_such_record"))
            }
            (FieldKind::File { .. }, Value::Id(file)) => {
                let issue = bind(work, session, entity, id, Some(field), *file)?;
                if issue.is_none() {
                    signatures::note(work, session, entity, id, (field, *file), values)?;
                }
                issue
            }
            (FieldKind::File { .. }, Value::List(files)) => {
                let mut issue = None;
                for file in files.iter().filter_map(Value::as_id) {
                    issue = issue.or(bind(work, session, entity, id, Some(field), file)?);
                }
                issue
            }
            _ => None,
        };
        issues.extend(issue.map(|issue| FieldIssue { field: field.name.to_string(), issue, text: None }));
    }
    if issues.is_empty() { Ok(()) } else { Err(Error::Invalid(issues)) }
}

/// Whether a living record is within the person's sight.
fn in_sight(work: &Work, session: &mut Session<'_>, entity: &EntityModel, id: Uuid) -> Result<bool, Error> {
    Ok(!seen(work, session, entity, Expr::col(Alias::new("id")).eq(id), None)?.is_empty())
}

/// Ids of the living records that meet a condition and that the person may see; for child rows perhaps those of a
/// record that was asked about already.
pub(crate) fn seen(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    condition: Expr,
    within: Option<Slot>,
) -> Result<Vec<Uuid>, Error> {
    let table = &work.published.layout.tables[entity.index];
    let id = || Alias::new("id");
    let mut query = Query::select();
    query.column(id()).and_where(condition).and_where(Expr::col(Alias::new("deleted_at")).is_null());
    query.from(table.from.clone());
    if let Some(scope) = work.scope_sql_within(entity, Operation::Read, within)?.single() {
        query.and_where(scope);
    }
    query.order_by(id(), Order::Asc);
    let (sql, params) = select::build(&query, session.naming.dialect);
    Ok(session.query(&sql, &params, |row| row.id(0))?.into_iter().flatten().collect())
}

/// Binds an uploaded file to a record, where the field (if any) takes such files; only who uploaded it, or who finds it
/// there already, may do so.
pub(crate) fn bind(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    record: Uuid,
    field: Option<&FieldModel>,
    file: Uuid,
) -> Result<Option<Issue>, Error> {
    let table = session.naming.table("_file");
    let find =
        session.naming.sql(&format!("SELECT actor, record, entity, type, size FROM {table} WHERE id = ?1"));
    let read = |row: &dyn Row| Ok((row.id(0)?, row.id(1)?, row.text(2)?, row.text(3)?, row.int(4)?));
    let found = session.query(&find, &[file.into()], read)?.pop();
    let Some((uploader, bound, owner, kind, size)) = found else {
        return Ok(Some(Issue::new("value.no_such_file")));
    };
    let here = bound == Some(record) && owner.as_deref() == Some(entity.key.as_str());
    let free = bound.is_none() && (uploader == work.actor.id() || work.actor.user.admin);
    if !here && !free {
        return Ok(Some(Issue::new("value.no_such_file")));
    }
    if let Some(issue) =
        field.and_then(|field| unfit(field, &kind.unwrap_or_default(), size.unwrap_or_default()))
    {
        return Ok(Some(issue));
    }
    let wants_mark =
        |field: &FieldModel| matches!(&field.kind, FieldKind::File { photo, .. } if photo.watermark);
    if !here && field.is_some_and(wants_mark) && !photos::is_marked(session, file)? {
        return Ok(Some(Issue::new("photo.unmarked")));
    }
    if !here {
        let put = session
            .naming
            .sql(&format!("UPDATE {table} SET entity = ?1, record = ?2, field = ?3 WHERE id = ?4"));
        let field = field.map_or("", |field| &field.id);
        session.execute(&put, &[entity.key.as_str().into(), record.into(), field.into(), file.into()])?;
    }
    Ok(None)
}

/// Why a field does not take a file of this media type and size.
fn unfit(field: &FieldModel, kind: &str, size: i64) -> Option<Issue> {
    let FieldKind::File { image, max_mib, .. } = &field.kind else { return None };
    if *image && !kind.starts_with("image/") {
        return Some(Issue::new("value.not_image"));
    }
    (size > i64::from(*max_mib) * 1024 * 1024).then(|| Issue::new("file.too_large").with("max", max_mib))
}
