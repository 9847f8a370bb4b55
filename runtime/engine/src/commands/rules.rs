//! What a record must be: defaults, calculated fields and validity. Pure: values in, values or issues out.

use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Slot, system};
use mortise_expr::{Expression, Value};
use uuid::Uuid;

use super::Work;
use super::input::Input;
use super::lifecycle;
use crate::error::FieldIssue;
use crate::people::Channel;
use crate::plugins::plugin_issue;
use crate::values::{self, Issue};

/// A record as it would be, and what is wrong with it already. Whether it is valid has not been asked yet.
pub(crate) struct Draft {
    pub(crate) values: Vec<Value>,
    pub(crate) issues: Vec<FieldIssue>,
}

/// A new record: given values, defaults, calculated fields.
pub(crate) fn draft_new(work: &Work, entity: &EntityModel, id: Uuid, input: &Input) -> Draft {
    let mut values = vec![Value::Null; entity.fields.len()];
    let actor = work.actor.id().map_or(Value::Null, Value::Id);
    values[system::ID] = Value::Id(id);
    values[system::VERSION] = Value::Int(1);
    values[system::CREATED_AT] = Value::DateTime(work.now);
    values[system::CREATED_BY] = actor.clone();
    values[system::UPDATED_AT] = Value::DateTime(work.now);
    values[system::UPDATED_BY] = actor.clone();
    // Who enters a record owns it; what is brought in from a file belongs to nobody until it is assigned.
    if matches!(work.actor.origin.channel, Channel::Page | Channel::Api) {
        values[system::OWNER] = actor;
    }
    for (slot, value) in &input.given {
        values[*slot] = value.clone();
    }
    let mut issues = Vec::new();
    fill_defaults(work, entity, input, &mut values, &mut issues);
    lifecycle::begin(work, entity, input, &mut values, &mut issues);
    calculate(work, entity, &mut values, &mut issues);
    Draft { values, issues }
}

/// Whether a new record is valid; gives its values and the slots that have one.
pub(crate) fn judge_new(
    work: &Work,
    entity: &EntityModel,
    input: &Input,
    Draft { values, mut issues }: Draft,
) -> Result<(Vec<Value>, Vec<Slot>), Vec<FieldIssue>> {
    refuse_invisible(work, entity, input, &values, &mut issues);
    let everything = |_: &FieldModel, _: Option<&Expression>| true;
    validate(work, entity, &values, &everything, &mut issues);
    dedupe(&mut issues);
    let changed = (system::OWNER..values.len()).filter(|&slot| !values[slot].is_null()).collect();
    if issues.is_empty() { Ok((values, changed)) } else { Err(issues) }
}

/// A changed record.
pub(crate) fn draft_change(work: &Work, entity: &EntityModel, old: &[Value], input: &Input) -> Draft {
    let mut values = old.to_vec();
    for (slot, value) in &input.given {
        values[*slot] = value.clone();
    }
    let mut issues = Vec::new();
    calculate(work, entity, &mut values, &mut issues);
    Draft { values, issues }
}

/// The slots in which a record differs from what it was.
pub(crate) fn changed(entity: &EntityModel, old: &[Value], values: &[Value]) -> Vec<Slot> {
    (system::FIRST..values.len())
        .chain([system::OWNER])
        .filter(|&slot| entity.fields[slot].stored() && values[slot] != old[slot])
        .collect()
}

/// Whether a changed record is valid; gives its values and what differs. What was wrong before and is not touched now
/// does not stand in the way.
pub(crate) fn judge_change(
    work: &Work,
    entity: &EntityModel,
    old: &[Value],
    input: &Input,
    Draft { values, mut issues }: Draft,
) -> Result<(Vec<Value>, Vec<Slot>), Vec<FieldIssue>> {
    let changed = changed(entity, old, &values);
    lifecycle::keep(work, entity, input, &changed, &mut issues);
    refuse_invisible(work, entity, input, &values, &mut issues);
    let touched = |field: &FieldModel, expression: Option<&Expression>| {
        changed.contains(&field.slot) || expression.is_some_and(|expression| reads_any(expression, &changed))
    };
    validate(work, entity, &values, &touched, &mut issues);
    dedupe(&mut issues);
    if issues.is_empty() { Ok((values, changed)) } else { Err(issues) }
}

fn reads_any(expression: &Expression, slots: &[Slot]) -> bool {
    expression.references().iter().any(|reference| reference.root == 0 && slots.contains(&reference.slot))
}

fn fill_defaults(
    work: &Work,
    entity: &EntityModel,
    input: &Input,
    values: &mut [Value],
    issues: &mut Vec<FieldIssue>,
) {
    for field in entity.declared() {
        let Some(default) = &field.default else { continue };
        if input.has(field.slot) {
            continue;
        }
        match work.with_roots(field.app, values, |cx| default.eval(cx)) {
            Ok(value) => match values::check(field, &value) {
                Ok(()) => values[field.slot] = value,
                Err(issue) => complain(issues, field, issue, None),
            },
            Err(error) => complain(issues, field, failed(&error), None),
        }
    }
}

/// Calculated fields, in the order of their dependence.
pub(crate) fn calculate(
    work: &Work,
    entity: &EntityModel,
    values: &mut [Value],
    issues: &mut Vec<FieldIssue>,
) {
    for &slot in &entity.computed {
        let field = &entity.fields[slot];
        let FieldKind::Computed { value } = &field.kind else { continue };
        match work.with_roots(field.app, values, |cx| value.eval(cx)) {
            Ok(value) => values[slot] = value,
            Err(error) => complain(issues, field, failed(&error), None),
        }
    }
}

/// Whether a field is shown for these values.
pub(crate) fn visible(work: &Work, field: &FieldModel, values: &[Value]) -> bool {
    field.visible_when.as_ref().is_none_or(|condition| holds(work, field.app, condition, values))
}

/// Whether a field is required for these values.
pub(crate) fn required(work: &Work, field: &FieldModel, values: &[Value]) -> bool {
    field.required
        || field.required_when.as_ref().is_some_and(|condition| holds(work, field.app, condition, values))
}

/// A condition that cannot be evaluated does not hold.
pub(crate) fn holds(work: &Work, app: usize, condition: &Expression, values: &[Value]) -> bool {
    work.with_roots(app, values, |cx| condition.test(cx)).unwrap_or(false)
}

/// Whether a condition of validity holds. Where a plugin could not be asked, that is told, and not that the value is wrong.
fn judged(work: &Work, app: usize, condition: &Expression, values: &[Value]) -> Result<bool, Issue> {
    let holds = work.with_roots(app, values, |cx| condition.test(cx));
    holds.or_else(|error| plugin_issue(&error).map_or(Ok(false), Err))
}

fn refuse_invisible(
    work: &Work,
    entity: &EntityModel,
    input: &Input,
    values: &[Value],
    issues: &mut Vec<FieldIssue>,
) {
    for (slot, value) in &input.given {
        let field = &entity.fields[*slot];
        if !value.is_null() && !visible(work, field, values) {
            complain(issues, field, Issue::new("field.not_applicable"), None);
        }
    }
}

type Touched<'a> = &'a dyn Fn(&FieldModel, Option<&Expression>) -> bool;

/// Everything that the definitions demand of these values, as far as `touched` says that it matters.
pub(crate) fn validate(
    work: &Work,
    entity: &EntityModel,
    values: &[Value],
    touched: Touched<'_>,
    issues: &mut Vec<FieldIssue>,
) {
    for field in entity.declared().iter().filter(|field| field.writable()) {
        let value = &values[field.slot];
        let matters = touched(field, field.required_when.as_ref());
        if value.is_null() && field.stored() {
            if matters && required(work, field, values) && visible(work, field, values) {
                complain(issues, field, Issue::new("field.required"), None);
            }
        } else if let Some(condition) = &field.valid_when
            && touched(field, Some(condition))
        {
            match judged(work, field.app, condition, values) {
                Ok(true) => {}
                Ok(false) => complain(issues, field, Issue::new("field.not_valid"), field.message.clone()),
                Err(issue) => complain(issues, field, issue, None),
            }
        }
    }
    for check in &entity.checks {
        let field = check.field.map_or(&entity.fields[system::ID], |slot| &entity.fields[slot]);
        let matters = touched(field, Some(&check.condition)) || check.field.is_none() && touched(field, None);
        if matters {
            let (issue, text) = match judged(work, check.app, &check.condition, values) {
                Ok(true) => continue,
                Ok(false) => {
                    (Issue::new("record.check").with("check", &check.id), Some(check.message.clone()))
                }
                Err(issue) => (issue, None),
            };
            let field = check.field.map_or(String::new(), |slot| entity.fields[slot].name.to_string());
            issues.push(FieldIssue { field, issue, text });
        }
    }
}

fn complain(
    issues: &mut Vec<FieldIssue>,
    field: &FieldModel,
    issue: Issue,
    text: Option<mortise_definition::Text>,
) {
    issues.push(FieldIssue { field: field.name.to_string(), issue, text });
}

fn failed(error: &mortise_expr::EvalError) -> Issue {
    plugin_issue(error).unwrap_or_else(|| Issue::new("field.calculation").with("reason", error))
}

/// One complaint of a kind per field is enough.
fn dedupe(issues: &mut Vec<FieldIssue>) {
    let mut seen = std::collections::HashSet::new();
    issues.retain(|issue| seen.insert((issue.field.clone(), issue.issue.code)));
}
