//! Changes that were made on an older version of a record, on a device without network: merged field by field with what
//! others did meanwhile. A field that both changed to different values is a conflict; nobody's value is overwritten unseen.

use mortise_definition::model::{EntityModel, FieldKind, Slot};
use mortise_definition::source::Operation;
use mortise_expr::Value;
use mortise_store::{Session, version_of};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::input::Input;
use super::{Work, links};
use crate::error::{Error, FieldConflict};
use crate::values::{from_json, to_json};

/// The record as the person saw it, as far as it was sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Base {
    values: Vec<(Slot, Value)>,
    /// Ids and versions of child rows.
    rows: Vec<(Slot, Vec<(Uuid, i64)>)>,
}

/// What becomes of one field.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// This is written.
    Take(Value),
    /// What is stored stays.
    Leave,
    /// The person has to decide.
    Conflict,
}

/// Reads what the person saw. A value that is not understood any more, since its field has changed, is as good as none.
pub(super) fn read(work: &Work, entity: &EntityModel, seen: &Map<String, Json>) -> Base {
    let cx = work.values();
    let mut base = Base::default();
    for (name, json) in seen {
        let Some(field) = entity.field(name) else { continue };
        if matches!(field.kind, FieldKind::Lines { .. }) {
            let rows = json.as_array().map(Vec::as_slice).unwrap_or_default();
            let mut rows: Vec<(Uuid, i64)> = rows.iter().filter_map(row).collect();
            rows.sort_unstable();
            base.rows.push((field.slot, rows));
        } else if let Ok(value) = from_json(field, json, &cx) {
            base.values.push((field.slot, value));
        }
    }
    base
}

/// Id and version of a child row.
fn row(json: &Json) -> Option<(Uuid, i64)> {
    let id = Uuid::try_parse(json.get("id")?.as_str()?).ok()?;
    let version = json.get("version")?;
    // Forms carry versions as text.
    Some((id, version.as_i64().or_else(|| version.as_str()?.parse().ok())?))
}

/// What is left to write over the record as it is now.
pub(super) fn over(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    old: &[Value],
    (input, base): (&Input, &Base),
) -> Result<Input, Error> {
    let closed = work.closed(entity, Operation::Read, old);
    let seen = |slot: Slot| work.access(entity).sees(slot) && !closed.contains(&slot);
    let mut merged = Input { transition: input.transition.clone(), ..Input::default() };
    let mut conflicts = Vec::new();
    for (slot, mine) in &input.given {
        let (slot, theirs) = (*slot, &old[*slot]);
        let before = base.values.iter().find(|(at, _)| *at == slot).map(|(_, value)| value);
        // What the person cannot see has no base on any device; it is given as in any other change.
        let verdict = if seen(slot) { judge(before, mine, theirs) } else { Verdict::Take(mine.clone()) };
        match verdict {
            Verdict::Take(value) => merged.given.push((slot, value)),
            Verdict::Leave => {}
            Verdict::Conflict => conflicts.push(FieldConflict {
                field: entity.fields[slot].name.to_string(),
                base: before.map_or(Json::Null, to_json),
                mine: to_json(mine),
                theirs: to_json(theirs),
            }),
        }
    }
    for (slot, rows) in &input.lines {
        let before = base.rows.iter().find(|(at, _)| at == slot).map(|(_, rows)| rows.clone());
        match before == Some(present(work, session, entity, *slot, mortise_store::id_of(old))?) {
            true => merged.lines.push((*slot, rows.clone())),
            // Rows belong together; which of them to keep is for the person to say.
            false => conflicts.push(FieldConflict {
                field: entity.fields[*slot].name.to_string(),
                base: Json::Null,
                mine: Json::Null,
                theirs: Json::Null,
            }),
        }
    }
    match conflicts.is_empty() {
        true => Ok(merged),
        false => Err(Error::Conflict { current: version_of(old), fields: conflicts }),
    }
}

/// Ids and versions of the child rows as they are now, as far as the person sees them.
fn present(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    slot: Slot,
    record: Uuid,
) -> Result<Vec<(Uuid, i64)>, Error> {
    use sea_query::ExprTrait;
    let FieldKind::Lines { entity: child, via } = &entity.fields[slot].kind else { return Ok(Vec::new()) };
    let child = &work.published.model.entities[*child];
    let of_record = mortise_store::select::column(child, *via).eq(record);
    let ids = links::seen(work, session, child, of_record, Some(*via))?;
    let table = &work.published.layout.tables[child.index];
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(values) = table.load(session, id)? {
            rows.push((id, version_of(&values)));
        }
    }
    rows.sort_unstable();
    Ok(rows)
}

/// Three-way merge of one value.
fn judge(base: Option<&Value>, mine: &Value, theirs: &Value) -> Verdict {
    if mine == theirs || base == Some(mine) {
        return Verdict::Leave;
    }
    if base == Some(theirs) {
        return Verdict::Take(mine.clone());
    }
    match (base.and_then(items), items(mine), items(theirs)) {
        (Some(base), Some(mine), Some(theirs)) => Verdict::Take(list(union(base, mine, theirs))),
        _ => Verdict::Conflict,
    }
}

/// The members of a value that is a set, such as pictures; none has no members.
fn items(value: &Value) -> Option<&[Value]> {
    match value {
        Value::List(items) => Some(items),
        Value::Null => Some(&[]),
        _ => None,
    }
}

/// What both left, and what either added.
fn union(base: &[Value], mine: &[Value], theirs: &[Value]) -> Vec<Value> {
    let kept = theirs.iter().filter(|item| mine.contains(item) || !base.contains(item));
    let added = mine.iter().filter(|item| !base.contains(item) && !theirs.contains(item));
    kept.chain(added).cloned().collect()
}

fn list(items: Vec<Value>) -> Value {
    if items.is_empty() { Value::Null } else { Value::List(items.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::text(text)
    }

    fn set(items: &[&str]) -> Value {
        list(items.iter().map(|item| text(item)).collect())
    }

    #[test]
    fn a_field_that_one_side_changed_follows_that_side() {
        assert_eq!(judge(Some(&text("a")), &text("b"), &text("a")), Verdict::Take(text("b")));
        assert_eq!(judge(Some(&text("a")), &text("a"), &text("c")), Verdict::Leave);
        assert_eq!(judge(Some(&text("a")), &text("b"), &text("b")), Verdict::Leave);
        assert_eq!(judge(Some(&Value::Null), &text("b"), &Value::Null), Verdict::Take(text("b")));
    }

    #[test]
    fn a_field_that_both_changed_differently_is_for_the_person_to_decide() {
        assert_eq!(judge(Some(&text("a")), &text("b"), &text("c")), Verdict::Conflict);
        assert_eq!(judge(None, &text("b"), &text("c")), Verdict::Conflict);
        assert_eq!(judge(Some(&text("a")), &Value::Null, &text("c")), Verdict::Conflict);
    }

    #[test]
    fn of_sets_both_sides_keep_what_they_added_and_removed() {
        let merged = judge(Some(&set(&["a", "b"])), &set(&["a", "c"]), &set(&["a", "b", "d"]));
        assert_eq!(merged, Verdict::Take(set(&["a", "d", "c"])));
        assert_eq!(judge(Some(&set(&[])), &set(&["a"]), &set(&["b"])), Verdict::Take(set(&["b", "a"])));
    }
}
