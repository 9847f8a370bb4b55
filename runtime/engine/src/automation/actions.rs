//! The actions that change records, one function each. All of them end in the commands that people's changes go
//! through: the same checks, the same trail.

use chrono::TimeDelta;
use mortise_definition::Text;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Slot};
use mortise_expr::{Expression, Type, Value};
use mortise_store::Session;

use super::{Subject, freeze as freezes};
use crate::commands::{self, Input, Work};
use crate::decide::DecideError;
use crate::error::Error;
use crate::values::{self as fields, Issue};

/// Records that one action may change; more belongs into an import or a schedule.
const RELATED_MAX: usize = 1_000;

/// What an action gives to fields.
pub(super) type Values = Vec<(Slot, Value)>;

/// Calculates the values of an action.
pub(super) fn values(
    work: &Work,
    subject: &Subject,
    app: usize,
    expressions: &[(Slot, Expression)],
) -> Result<Values, Error> {
    let value = |(slot, expression): &(Slot, Expression)| Ok((*slot, subject.eval(work, app, expression)?));
    expressions.iter().map(value).collect()
}

/// Values that keep every limit of their fields, as an input.
fn input(entity: &EntityModel, values: Values) -> Result<Input, Error> {
    for (slot, value) in &values {
        let field = &entity.fields[*slot];
        fields::check(field, value).map_err(|issue| Error::field(&field.name, issue))?;
    }
    Ok(Input::of(values))
}

/// A record in the trash is not changed by rules.
fn demand_living(subject: &Subject) -> Result<(), Error> {
    match subject.deleted {
        true => Err(Error::BadRequest(Issue::new("automation.record_deleted"))),
        false => Ok(()),
    }
}

/// Sets fields of the record.
pub(super) fn set(
    work: &Work,
    session: &mut Session<'_>,
    subject: &mut Subject,
    values: Values,
) -> Result<(), Error> {
    demand_living(subject)?;
    let input = input(&subject.entity, values)?;
    let base = Some(subject.record.clone());
    subject.record = commands::change(work, session, &subject.entity, subject.id, input, base)?.values;
    Ok(())
}

/// Puts the record on a list or takes it off.
pub(super) fn add(
    work: &Work,
    session: &mut Session<'_>,
    subject: &mut Subject,
    slot: Slot,
    entry: &str,
    remove: bool,
) -> Result<(), Error> {
    let mut entries = match &subject.record[slot] {
        Value::List(entries) => entries.to_vec(),
        _ => Vec::new(),
    };
    let there = entries.iter().position(|value| value.as_text() == Some(entry));
    match (there, remove) {
        (Some(at), true) => drop(entries.remove(at)),
        (None, false) => entries.push(Value::text(entry)),
        _ => return Ok(()),
    }
    let value = if entries.is_empty() { Value::Null } else { Value::list(entries) };
    set(work, session, subject, vec![(slot, value)])
}

/// Makes a record.
pub(super) fn create(
    work: &Work,
    session: &mut Session<'_>,
    subject: &mut Subject,
    entity: usize,
    values: Values,
) -> Result<(), Error> {
    let entity = work.published.model.entities[entity].clone();
    let input = input(&entity, values)?;
    commands::make(work, session, &entity, input)?;
    subject.refresh(work, session)
}

/// The records that an action means beside its own.
pub(super) struct Related<'a> {
    pub(super) entity: usize,
    pub(super) via: Slot,
    pub(super) condition: Option<&'a Expression>,
    pub(super) app: usize,
}

/// Changes the records that point to this one.
pub(super) fn update_related(
    work: &Work,
    session: &mut Session<'_>,
    subject: &mut Subject,
    related: &Related<'_>,
    values: &Values,
) -> Result<(), Error> {
    let entity = work.published.model.entities[related.entity].clone();
    let ids = commands::living_rows(work, session, &entity, related.via, subject.id)?;
    if ids.len() > RELATED_MAX {
        return Err(Error::BadRequest(Issue::new("automation.too_many_records").with("limit", RELATED_MAX)));
    }
    let input = input(&entity, values.clone())?;
    for id in ids {
        let Some(other) = Subject::load(work, session, &entity, id, subject.at)? else { continue };
        let wanted = match related.condition {
            Some(condition) => other.test(work, related.app, condition)?,
            None => true,
        };
        if wanted {
            commands::change(work, session, &entity, id, input.clone(), Some(other.record))?;
        }
    }
    subject.refresh(work, session)
}

/// Changes the record that a reference of this one points to. There is nothing to change where it points to nothing; a
/// record in the trash is not changed, and that is said.
pub(super) fn update_referenced(
    work: &Work,
    session: &mut Session<'_>,
    subject: &mut Subject,
    related: &Related<'_>,
    values: Values,
) -> Result<(), Error> {
    let Some(id) = subject.record[related.via].as_id() else { return Ok(()) };
    let entity = work.published.model.entities[related.entity].clone();
    let Some(other) = Subject::load(work, session, &entity, id, subject.at)? else { return Ok(()) };
    let wanted = match related.condition {
        Some(condition) => other.test(work, related.app, condition)?,
        None => true,
    };
    if wanted {
        if other.deleted {
            let field = subject.entity.fields[related.via].label.get(&work.actor.user.language);
            let issue = Issue::new("automation.referenced_deleted").with("field", field);
            return Err(Error::BadRequest(issue));
        }
        let input = input(&entity, values)?;
        commands::change(work, session, &entity, id, input, Some(other.record))?;
    }
    subject.refresh(work, session)
}

/// Takes a transition, unless the record is in a state from which it does not start.
pub(super) fn transition(
    work: &Work,
    session: &mut Session<'_>,
    subject: &mut Subject,
    transition: &str,
) -> Result<(), Error> {
    demand_living(subject)?;
    if let Some(written) =
        commands::take_if_open(work, session, &subject.entity, &subject.record, transition)?
    {
        subject.record = written.values;
    }
    Ok(())
}

/// Asks a decision table and sets fields to what it says.
pub(super) fn decide(
    work: &Work,
    session: &mut Session<'_>,
    subject: &mut Subject,
    key: &str,
    outputs: &[(Slot, usize)],
) -> Result<(), Error> {
    let missing = || Error::BadRequest(Issue::new("automation.no_decision").with("decision", key));
    let decision = work.model().automation.decisions.get(key).cloned().ok_or_else(missing)?;
    let decided = subject.with_roots(work, decision.app, |cx| crate::decide::decide(&decision, cx));
    let decided = decided.map_err(|error| undecided(key, &error))?;
    let entity = subject.entity.clone();
    let mut values = Values::with_capacity(outputs.len());
    for (slot, output) in outputs {
        let value = &decided.outputs[*output];
        values.push((
            *slot,
            match (&entity.fields[*slot].kind, value) {
                (FieldKind::Reference { entity }, Value::Text(code)) => named(work, session, *entity, code)?,
                _ => fitted(&entity, *slot, value),
            },
        ));
    }
    set(work, session, subject, values)
}

/// The living record of an entity that a table names by its unique text: `L2` of a list of grades.
fn named(work: &Work, session: &mut Session<'_>, entity: usize, code: &str) -> Result<Value, Error> {
    let entity = &work.published.model.entities[entity];
    let unknown = || {
        let issue = Issue::new("automation.no_such_record").with("entity", &entity.key);
        Error::BadRequest(issue.with("code", code))
    };
    let is_key = |field: &&FieldModel| field.unique && matches!(field.kind, FieldKind::Text { .. });
    let key = entity.declared().iter().find(is_key).ok_or_else(unknown)?;
    let table = &work.published.layout.tables[entity.index];
    let sql = session.naming.sql(&format!(
        "SELECT id FROM {} WHERE {} = ?1 AND deleted_at IS NULL",
        table.name, table.columns[key.slot]
    ));
    let found = session.query(&sql, &[code.into()], |row| row.id(0))?.pop().flatten();
    found.map(Value::Id).ok_or_else(unknown)
}

fn undecided(key: &str, error: &DecideError) -> Error {
    Error::BadRequest(Issue::new("automation.decision").with("decision", key).with("reason", error))
}

/// What a table says as a value of the field: numbers with the field's places. What does not fit stays as it is, and
/// is refused by the field.
fn fitted(entity: &EntityModel, slot: Slot, value: &Value) -> Value {
    let scale = match (&entity.fields[slot].kind, &entity.shape.members()[slot].ty) {
        (FieldKind::Integer { .. }, _) => 0,
        (_, Type::Decimal(scale)) => *scale,
        _ => return value.clone(),
    };
    let number = match value {
        Value::Int(number) => Some(mortise_expr::Decimal::new(*number, 0)),
        Value::Decimal(number) => Some(*number),
        _ => None,
    };
    match number.and_then(|number| number.rescale(scale)) {
        Some(number) if scale == 0 && matches!(entity.fields[slot].kind, FieldKind::Integer { .. }) => {
            Value::Int(number.mantissa)
        }
        Some(number) => Value::Decimal(number),
        None => value.clone(),
    }
}

/// Takes a person's right to change the record away for a while. Nobody (an empty owner) has none to lose.
pub(super) fn freeze(
    work: &Work,
    session: &mut Session<'_>,
    subject: &Subject,
    app: usize,
    (person, duration, reason): (&Expression, Option<&Expression>, &Text),
) -> Result<(), Error> {
    let Some(person) = subject.eval(work, app, person)?.as_id() else { return Ok(()) };
    let until = match duration {
        None => None,
        Some(duration) => match subject.eval(work, app, duration)? {
            Value::Duration(milliseconds) => {
                let until = TimeDelta::try_milliseconds(milliseconds);
                Some(
                    until
                        .and_then(|length| work.now.checked_add_signed(length))
                        .ok_or_else(|| empty(duration))?,
                )
            }
            _ => return Err(empty(duration)),
        },
    };
    freezes::freeze(work, session, (&subject.entity, &subject.record), person, until, reason)
}

/// A value that has to be there is not: to go on would freeze somebody for ever.
fn empty(expression: &Expression) -> Error {
    Error::BadRequest(Issue::new("automation.no_value").with("expression", expression.source()))
}

/// Lifts freezes.
pub(super) fn unfreeze(
    work: &Work,
    session: &mut Session<'_>,
    subject: &Subject,
    app: usize,
    person: Option<&Expression>,
) -> Result<(), Error> {
    let person = match person {
        None => None,
        Some(person) => match subject.eval(work, app, person)?.as_id() {
            Some(person) => Some(person),
            None => return Ok(()),
        },
    };
    freezes::lift(work, session, (&subject.entity, &subject.record), person).map(drop)
}
