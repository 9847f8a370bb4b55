//! What a client gave, field by field: known, permitted, of the right type. Everything that is wrong is reported at once.

use mortise_definition::model::{EntityModel, FieldKind, Slot, system};
use mortise_definition::source::Operation;
use mortise_expr::Value;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::Work;
use crate::error::{Error, FieldIssue};
use crate::people::Channel;
use crate::values::{Issue, from_json};

/// Child rows of one record at most.
pub(super) const LINES_MAX: usize = 1_000;
/// Depth of child rows of child rows.
const DEPTH_MAX: usize = 4;

/// What a client gave for one record.
#[derive(Debug, Clone, Default)]
pub(crate) struct Input {
    /// Values by slot.
    pub(crate) given: Vec<(Slot, Value)>,
    /// Child rows by slot.
    pub(crate) lines: Vec<(Slot, Vec<LineInput>)>,
    /// Id of the transition that is being taken; only with one the state may change.
    pub(crate) transition: Option<String>,
}

/// What a client gave for one child row.
#[derive(Debug, Clone)]
pub(crate) struct LineInput {
    /// The row, when it exists already.
    pub(crate) id: Option<Uuid>,
    /// Its values.
    pub(crate) input: Input,
}

impl Input {
    pub(crate) fn has(&self, slot: Slot) -> bool {
        self.given.iter().any(|(given, _)| *given == slot)
    }
}

/// Reads what a client gave for an operation. Fields that are open to it on some records only are judged by
/// [`permit`], when the record is known.
pub(crate) fn read(
    work: &Work,
    entity: &EntityModel,
    operation: Operation,
    values: &Map<String, Json>,
) -> Result<Input, Vec<FieldIssue>> {
    let mut issues = Vec::new();
    let input = read_into(work, entity, &[operation], values, ("", 0), &mut issues);
    if issues.is_empty() { Ok(input) } else { Err(issues) }
}

/// Fails for fields that are closed to the operation on this record (none: a new one).
pub(crate) fn permit(
    work: &Work,
    entity: &EntityModel,
    operation: Operation,
    record: Option<&[Value]>,
    input: &Input,
) -> Result<(), Error> {
    let access = work.access(entity);
    let closed = record.map_or_else(Vec::new, |record| work.closed(entity, operation, record));
    let hidden = record.map_or_else(Vec::new, |record| work.closed(entity, Operation::Read, record));
    let seen = |slot: Slot| access.sees(slot) && !hidden.contains(&slot);
    // What the person read they may send back.
    let same = |slot: Slot, value: &Value| seen(slot) && record.is_some_and(|record| record[slot] == *value);
    let given = input.given.iter().filter(|(slot, value)| !same(*slot, value)).map(|(slot, _)| *slot);
    let given = given.chain(input.lines.iter().map(|(slot, _)| *slot));
    let refused = given.filter(|slot| closed.contains(slot) || !access.opens(operation, *slot));
    let complain = |slot: Slot| {
        let name = &entity.fields[slot].name;
        let issue = match seen(slot) {
            true => Issue::new("field.no_permission"),
            false => Issue::of("field.unknown", name),
        };
        FieldIssue { field: name.to_string(), issue, text: None }
    };
    let issues: Vec<FieldIssue> = refused.map(complain).collect();
    if issues.is_empty() { Ok(()) } else { Err(Error::Invalid(issues)) }
}

fn read_into(
    work: &Work,
    entity: &EntityModel,
    operations: &[Operation],
    values: &Map<String, Json>,
    (path, depth): (&str, usize),
    issues: &mut Vec<FieldIssue>,
) -> Input {
    let cx = work.values();
    let access = work.access(entity);
    let gives = |slot: Slot| operations.iter().any(|operation| access.opens(*operation, slot));
    let mut input = Input { given: Vec::with_capacity(values.len()), ..Input::default() };
    for (name, json) in values {
        let mut complain =
            |issue: Issue| issues.push(FieldIssue { field: format!("{path}{name}"), issue, text: None });
        let Some(field) = entity.field(name).filter(|field| access.sees(field.slot) || gives(field.slot))
        else {
            // Titles of references come with answers and may come back with them.
            if name != "_titles" {
                complain(unknown(work, entity, name));
            }
            continue;
        };
        if !field.writable() && !told_by_system(work, field.slot) {
            // What a client read it may send back; only a try to give the field a value is an error.
            if field.slot >= system::FIRST && !json.is_null() {
                complain(Issue::new("field.read_only"));
            }
            continue;
        }
        if !gives(field.slot) {
            complain(Issue::new("field.no_permission"));
            continue;
        }
        if let FieldKind::Lines { entity: child, .. } = &field.kind {
            let child = &work.published.model.entities[*child];
            let path = format!("{path}{name}/");
            match read_lines(work, child, json, &path, depth, issues) {
                Ok(rows) => input.lines.push((field.slot, rows)),
                Err(issue) => issues.push(FieldIssue {
                    field: path.trim_end_matches('/').to_owned(),
                    issue,
                    text: None,
                }),
            }
            continue;
        }
        match from_json(field, json, &cx) {
            Ok(value) => input.given.push((field.slot, value)),
            Err(issue) => complain(issue),
        }
    }
    input
}

/// Made-up and moved records say themselves when they were made, and by whom; nobody else may.
fn told_by_system(work: &Work, slot: Slot) -> bool {
    work.actor.origin.channel == Channel::System && (system::CREATED_AT..=system::UPDATED_BY).contains(&slot)
}

fn read_lines(
    work: &Work,
    child: &EntityModel,
    json: &Json,
    path: &str,
    depth: usize,
    issues: &mut Vec<FieldIssue>,
) -> Result<Vec<LineInput>, Issue> {
    let rows = match json {
        Json::Null => return Ok(Vec::new()),
        Json::Array(rows) => rows,
        _ => return Err(Issue::new("value.not_list")),
    };
    if rows.len() > LINES_MAX || depth >= DEPTH_MAX {
        return Err(Issue::new("value.too_many").with("limit", LINES_MAX));
    }
    // Which of them exist already is seen when they are written.
    let operations = [Operation::Create, Operation::Update];
    let mut lines = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let Json::Object(values) = row else { return Err(Issue::new("value.not_object")) };
        let id = values.get("id").and_then(Json::as_str).and_then(|id| Uuid::try_parse(id).ok());
        let input =
            read_into(work, child, &operations, values, (&format!("{path}{index}/"), depth + 1), issues);
        lines.push(LineInput { id, input });
    }
    Ok(lines)
}

fn unknown(work: &Work, entity: &EntityModel, name: &str) -> Issue {
    let seen = entity.declared().iter().filter(|field| work.access(entity).sees(field.slot));
    let names = seen.map(|field| field.name.as_ref());
    let issue = Issue::of("field.unknown", name);
    match mortise_expr::suggest(name, names) {
        Some(suggestion) => issue.with("suggestion", suggestion),
        None => issue,
    }
}
