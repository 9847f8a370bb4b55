//! Taking transitions. The state of a record changes here and nowhere else: forms, programs, imports and rules that
//! write the field itself are refused, so that guards and required evidence cannot be bypassed.

use std::sync::Arc;

use mortise_definition::model::{EntityModel, LifecycleModel, Slot, TransitionModel};
use mortise_definition::source::Operation;
use mortise_expr::Value;
use mortise_store::{Session, version_of};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::input::{self, Input};
use super::prepare::{Step, Update, demand};
use super::{Work, Written, apply, rules, settle};
use crate::error::{Error, FieldIssue};
use crate::people::Channel;
use crate::values::{self, Issue};

/// A transition that is to be taken.
pub(crate) struct Taking {
    pub(crate) entity: Arc<EntityModel>,
    pub(crate) id: Uuid,
    /// The version that the person has seen.
    pub(crate) version: Option<i64>,
    pub(crate) lifecycle: Arc<LifecycleModel>,
    /// Id of the transition.
    pub(crate) transition: String,
    /// Values that come along.
    pub(crate) input: Input,
}

/// The lifecycle of an entity.
pub(crate) fn lifecycle_of<'a>(work: &'a Work, entity: &EntityModel) -> Option<&'a Arc<LifecycleModel>> {
    work.model().automation.by_entity.get(entity.index)?.lifecycle.as_ref()
}

/// Prepares a transition that somebody takes.
pub(super) fn prepare(
    work: &Work,
    key: &str,
    id: Uuid,
    version: Option<i64>,
    transition: &str,
    values: &Map<String, Json>,
) -> Result<Step, Error> {
    let entity = demand(work, key, Operation::Update)?;
    let lifecycle = lifecycle_of(work, &entity)
        .ok_or_else(|| Error::BadRequest(Issue::new("lifecycle.none").with("entity", key)))?;
    find(lifecycle, transition)?;
    let input = input::read(work, &entity, Operation::Update, values).map_err(Error::Invalid)?;
    let (lifecycle, transition) = (lifecycle.clone(), transition.to_owned());
    Ok(Step::Transition(Box::new(Taking { entity, id, version, lifecycle, transition, input })))
}

pub(super) fn find<'a>(lifecycle: &'a LifecycleModel, id: &str) -> Result<&'a TransitionModel, Error> {
    lifecycle.transition(id).ok_or_else(|| {
        let issue = Issue::of("lifecycle.no_such_transition", id);
        let ids = lifecycle.transitions.iter().map(|transition| transition.id.as_str());
        Error::NotFound(match mortise_expr::suggest(id, ids) {
            Some(suggestion) => issue.with("suggestion", suggestion),
            None => issue,
        })
    })
}

/// Takes a transition.
pub(crate) fn take(work: &Work, session: &mut Session<'_>, taking: Taking) -> Result<Written, Error> {
    let Taking { entity, id, version, lifecycle, transition, mut input } = taking;
    let transition = find(&lifecycle, &transition)?;
    let old = apply::living(work, session, &entity, id)?;
    work.demand_in(session, &entity, Operation::Update, &old, None)?;
    input::permit(work, &entity, Operation::Update, Some(&old), &input)?;
    let current = version_of(&old);
    if version.is_some_and(|seen| seen != current) {
        return Err(Error::Stale { current });
    }
    if !open_to(work, transition) {
        let issue = Issue::new("lifecycle.not_yours").with("transition", label(work, transition));
        return Err(Error::Forbidden(issue));
    }
    let state = state_of(&lifecycle, &old);
    if !transition.from.iter().any(|from| from == state) {
        return Err(Error::BadRequest(
            Issue::new("lifecycle.not_from")
                .with("transition", label(work, transition))
                .with("state", words(work, &entity, &lifecycle, state)),
        ));
    }
    input.given.retain(|(slot, value)| {
        *slot != lifecycle.field
            || value.as_text().is_none_or(|value| value != state && value != transition.to)
    });
    let changes = demanded(work, &entity, &lifecycle, transition, &old, &input)?;
    input.given.retain(|(slot, _)| !changes.iter().any(|(set, _)| set == slot));
    input.given.extend(changes);
    input.transition = Some(transition.id.clone());
    let settled = settle::change_now(work, &entity, &old, &input)?;
    let base = Some((old, settled));
    let version = Some(current);
    apply::update(work, session, Update { entity, id, version, input, base, merge: None, within: None })
}

/// Checks what the transition demands of the record with the values that come along, and gives what it sets.
fn demanded(
    work: &Work,
    entity: &EntityModel,
    lifecycle: &LifecycleModel,
    transition: &TransitionModel,
    old: &[Value],
    input: &Input,
) -> Result<Vec<(Slot, Value)>, Error> {
    if input.has(lifecycle.field) {
        return Err(Error::field(&entity.fields[lifecycle.field].name, Issue::new("lifecycle.state")));
    }
    let mut values = old.to_vec();
    for (slot, value) in &input.given {
        values[*slot] = value.clone();
    }
    let mut issues = Vec::new();
    rules::calculate(work, entity, &mut values, &mut issues);
    for &slot in transition.requires.iter().filter(|slot| values[**slot].is_null()) {
        let field = entity.fields[slot].name.to_string();
        issues.push(FieldIssue { field, issue: Issue::new("field.required"), text: None });
    }
    if !issues.is_empty() {
        return Err(Error::Invalid(issues));
    }
    if let Some(guard) = &transition.guard
        && !rules::holds(work, lifecycle.app, guard, &values)
    {
        let issue = Issue::new("lifecycle.guard").with("transition", label(work, transition));
        let text = transition.message.clone();
        return Err(Error::Invalid(vec![FieldIssue { field: String::new(), issue, text }]));
    }
    let mut changes = vec![(lifecycle.field, Value::text(transition.to.as_str()))];
    for (slot, expression) in &transition.set {
        let field = &entity.fields[*slot];
        let value = work.with_roots(lifecycle.app, &values, |cx| expression.eval(cx));
        let value = value.map_err(|error| {
            Error::field(&field.name, Issue::new("field.calculation").with("reason", error))
        })?;
        values::check(field, &value).map_err(|issue| Error::field(&field.name, issue))?;
        changes.push((*slot, value));
    }
    Ok(changes)
}

/// The state of a record; one that is older than its lifecycle stands at the beginning.
pub(crate) fn state_of<'a>(lifecycle: &'a LifecycleModel, record: &'a [Value]) -> &'a str {
    record[lifecycle.field].as_text().unwrap_or(&lifecycle.initial)
}

/// Whether somebody's roles permit a transition. One for rules only is closed to people, whoever they are.
pub(crate) fn open_to(work: &Work, transition: &TransitionModel) -> bool {
    let user = &work.actor.user;
    match &transition.roles {
        _ if work.cause.is_some() => true,
        None => true,
        Some(roles) if roles.is_empty() => false,
        Some(roles) => user.admin || roles.iter().any(|role| user.roles.contains(role)),
    }
}

/// Whether the guard holds for the record as it is.
pub(crate) fn guarded(
    work: &Work,
    lifecycle: &LifecycleModel,
    transition: &TransitionModel,
    record: &[Value],
) -> bool {
    let guard = transition.guard.as_ref();
    guard.is_none_or(|guard| rules::holds(work, lifecycle.app, guard, record))
}

fn label<'a>(work: &'a Work, transition: &'a TransitionModel) -> &'a str {
    transition.label.get(&work.actor.user.language)
}

fn words(work: &Work, entity: &EntityModel, lifecycle: &LifecycleModel, state: &str) -> String {
    values::display(&entity.fields[lifecycle.field], &Value::text(state), &work.values())
}

/// Whether the lifecycle leaves a field open to an operation: the state is nobody's to write.
pub(crate) fn leaves_open(work: &Work, entity: &EntityModel, operation: Operation, slot: Slot) -> bool {
    let state = lifecycle_of(work, entity).is_some_and(|lifecycle| lifecycle.field == slot);
    match operation {
        Operation::Create | Operation::Update => !state,
        Operation::Import => !state || work.actor.user.admin,
        _ => true,
    }
}

/// The state of a new record: the initial one. What is made up or moved here, and what an administrator imports, may be
/// further on already.
pub(super) fn begin(
    work: &Work,
    entity: &EntityModel,
    input: &Input,
    values: &mut [Value],
    issues: &mut Vec<FieldIssue>,
) {
    let Some(lifecycle) = lifecycle_of(work, entity) else { return };
    let slot = lifecycle.field;
    let moved = match work.actor.origin.channel {
        Channel::System => true,
        Channel::Import => work.actor.user.admin,
        _ => false,
    };
    match values[slot].as_text().filter(|_| input.has(slot)) {
        Some(state) if state == lifecycle.initial || moved => {}
        Some(_) => issues.push(refused(entity, slot)),
        None => values[slot] = Value::text(lifecycle.initial.as_str()),
    }
}

/// Complains about a state that is written without a transition.
pub(super) fn keep(
    work: &Work,
    entity: &EntityModel,
    input: &Input,
    changed: &[Slot],
    issues: &mut Vec<FieldIssue>,
) {
    let Some(lifecycle) = lifecycle_of(work, entity) else { return };
    let moved = work.actor.origin.channel == Channel::System;
    if input.transition.is_none() && !moved && changed.contains(&lifecycle.field) {
        issues.push(refused(entity, lifecycle.field));
    }
}

fn refused(entity: &EntityModel, slot: Slot) -> FieldIssue {
    let field = entity.fields[slot].name.to_string();
    FieldIssue { field, issue: Issue::new("lifecycle.state"), text: None }
}
