//! What actions do to records, as far as it can be told without running them.

use mortise_expr::{Expression, Value};

use crate::model::{ActionKind, ActionModel, Model, Slot};

/// One thing that an action does to records of an entity.
#[derive(Debug, Clone)]
pub(super) struct Effect<'m> {
    pub(super) entity: usize,
    /// The record of the rule itself, and not another one.
    pub(super) own: bool,
    pub(super) kind: EffectKind<'m>,
    /// Without a condition of its own.
    pub(super) certain: bool,
}

#[derive(Debug, Clone)]
pub(super) enum EffectKind<'m> {
    /// A field gets a value.
    Set(Slot, Given<'m>),
    /// An entry comes into a list or leaves it.
    Entry(Slot, &'m str, bool),
    /// A record is made.
    Create(Vec<(Slot, &'m Expression)>),
    /// A transition is taken.
    Transition(&'m str),
}

/// What a field gets.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given<'m> {
    Value(&'m Expression),
    /// What a table says: the same for the same record.
    Output,
    /// A person whom a policy chooses: another one each time.
    Person,
}

impl Given<'_> {
    /// The value, where it is always the same.
    pub(super) fn constant(&self) -> Option<&Value> {
        match self {
            Given::Value(expression) => expression.constant(),
            _ => None,
        }
    }
}

/// Most rules that one rule runs in turn; deeper ones are looked at when they are looked at themselves.
const RUN_DEPTH_MAX: usize = 8;

/// The effects of actions on a record of `entity`, those of rules that they run included.
pub(super) fn effects<'m>(model: &'m Model, entity: usize, actions: &'m [ActionModel]) -> Vec<Effect<'m>> {
    let mut found = Vec::new();
    collect(model, entity, actions, true, 0, &mut found);
    found
}

fn collect<'m>(
    model: &'m Model,
    entity: usize,
    actions: &'m [ActionModel],
    certain: bool,
    depth: usize,
    found: &mut Vec<Effect<'m>>,
) {
    for action in actions {
        let certain = certain && action.when.is_none();
        let mut add = |entity, own, kind| found.push(Effect { entity, own, kind, certain });
        match &action.kind {
            ActionKind::Set { values } => {
                for (slot, value) in values {
                    add(entity, true, EffectKind::Set(*slot, Given::Value(value)));
                }
            }
            ActionKind::Add { slot, value, remove } => {
                add(entity, true, EffectKind::Entry(*slot, value, !remove));
            }
            ActionKind::Create { entity, values, .. } => {
                let values = values.iter().map(|(slot, value)| (*slot, value)).collect();
                add(*entity, false, EffectKind::Create(values));
            }
            ActionKind::UpdateRelated { entity, values, .. }
            | ActionKind::UpdateReferenced { entity, values, .. } => {
                for (slot, value) in values {
                    add(*entity, false, EffectKind::Set(*slot, Given::Value(value)));
                }
            }
            ActionKind::Transition { transition } => {
                add(entity, true, EffectKind::Transition(transition));
            }
            ActionKind::Decide { values, .. } => {
                for (slot, _) in values {
                    add(entity, true, EffectKind::Set(*slot, Given::Output));
                }
            }
            ActionKind::LookUp { values, .. } => {
                for (slot, _) in values {
                    add(entity, true, EffectKind::Set(*slot, Given::Output));
                }
            }
            ActionKind::Assign { policy } => {
                let field = model.automation.assignments.get(policy).map(|policy| policy.field);
                field.into_iter().for_each(|slot| add(entity, true, EffectKind::Set(slot, Given::Person)));
            }
            // When the plugin has finished, if it does.
            ActionKind::Plugin { then, .. } => collect(model, entity, then, false, depth, found),
            ActionKind::Run { rule } if depth < RUN_DEPTH_MAX => {
                if let Some(rule) = model.automation.rules.get(rule) {
                    let certain = certain && rule.condition.is_none();
                    collect(model, entity, &rule.actions, certain, depth + 1, found);
                }
            }
            ActionKind::Run { .. }
            | ActionKind::Notify { .. }
            | ActionKind::Freeze { .. }
            | ActionKind::Unfreeze { .. }
            | ActionKind::Report { .. }
            | ActionKind::Comment { .. }
            | ActionKind::Webhook { .. }
            | ActionKind::Signal { .. } => {}
        }
    }
}
