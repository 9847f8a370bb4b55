//! Bypass analysis: by which means people could bring about by hand what a clock takes for a fact. A field that a
//! role may write and a transition without guard and evidence are claims; what rules, computed fields and child
//! records say is evidence.

use mortise_expr::{Expression, Value};

use super::truth::{Known, Truth, truth};
use super::writers::may_change;
use super::{expand, reads};
use crate::model::{
    Model, RoleModel, RuleModel, SlaModel, Slot, StepModel, TransitionModel, TriggerModel, roots,
};
use crate::source::Operation;

/// One way around a clock or a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bypass {
    /// Key of the condition in its artifact: `stop`, `cancel`, `pause` and `reset` of a clock, `step` for those of its
    /// ladder, `where` of a schedule.
    pub condition: &'static str,
    /// Key of the role whose people could do it.
    pub role: String,
    /// How.
    pub means: Means,
}

/// How a person brings a condition about, or takes a record out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// By giving a field a value.
    Field {
        /// The field.
        slot: Slot,
        /// Keys of the forms on which it can be changed; the API and, where the role may import, files take it too.
        forms: Vec<String>,
        /// The role may import.
        import: bool,
    },
    /// By a transition that asks for nothing.
    Transition {
        /// Its id.
        id: String,
    },
    /// By putting the record into the trash, which everybody sees; taken out again, it goes on where it stood.
    Delete,
}

/// What a role can do about a condition.
enum Hold {
    /// Needs something that the role cannot bring about.
    Evidence,
    /// Depends on nothing that anybody brings about.
    Neutral,
    /// Can be brought about.
    Hand(Vec<Means>),
}

/// The conditions of a clock that change its course, by the key under which they are written.
pub(super) fn conditions(sla: &SlaModel) -> impl Iterator<Item = (&'static str, &Expression)> {
    let optional = [("cancel", &sla.cancel), ("pause", &sla.pause), ("reset", &sla.reset)];
    let optional = optional.into_iter().filter_map(|(key, condition)| Some((key, condition.as_ref()?)));
    std::iter::once(("stop", &sla.stop)).chain(optional)
}

/// Every way in which people could get around the clock by hand: who, by which fields, forms and transitions.
pub fn bypasses(model: &Model, sla: &SlaModel) -> Vec<Bypass> {
    let mut found: Vec<Bypass> = Vec::new();
    for (condition, expression) in conditions(sla) {
        for role in model.roles.values() {
            let Hold::Hand(all) = hold(model, role, sla.entity, expression) else { continue };
            for means in all {
                let bypass = Bypass { condition, role: role.key.clone(), means };
                if !found.contains(&bypass) {
                    found.push(bypass);
                }
            }
        }
    }
    for condition in sla.ladder.iter().filter_map(|step| step.condition.as_ref()) {
        evasions(model, sla.entity, "step", condition, &mut found);
    }
    found.extend(deletions(model, sla.entity, "cancel"));
    found
}

/// Roles whose people may throw records away.
fn deletions<'m>(
    model: &'m Model,
    entity: usize,
    condition: &'static str,
) -> impl Iterator<Item = Bypass> + 'm {
    let deletes = move |role: &&std::sync::Arc<RoleModel>| {
        let permission = role.permissions.get(&entity);
        permission.is_some_and(|permission| permission.operations.contains(&Operation::Delete))
    };
    let roles = model.roles.values().filter(deletes);
    roles.map(move |role| Bypass { condition, role: role.key.clone(), means: Means::Delete })
}

/// Every way in which people could get around a step of a clock, so that it passes over, and not around the clock itself.
pub(super) fn step_bypasses(model: &Model, sla: &SlaModel, step: &StepModel) -> Vec<Bypass> {
    let mut found = Vec::new();
    if let Some(condition) = &step.condition {
        evasions(model, sla.entity, "step", condition, &mut found);
    }
    let all = bypasses(model, sla);
    let around = |bypass: &Bypass| {
        let same = |other: &&Bypass| other.role == bypass.role && other.means == bypass.means;
        all.iter().filter(same).any(|other| other.condition != "step")
    };
    found.retain(|bypass| !around(bypass));
    found
}

/// Every way in which people could take a record out of a rule that goes over records by the clock.
pub fn rule_bypasses(model: &Model, rule: &RuleModel) -> Vec<Bypass> {
    let mut found: Vec<Bypass> = Vec::new();
    let schedules = rule.triggers.iter().filter_map(|trigger| match trigger {
        TriggerModel::Schedule { condition, .. } => Some(condition),
        _ => None,
    });
    for condition in schedules {
        for condition in [condition].into_iter().chain(&rule.condition) {
            evasions(model, rule.entity, "where", condition, &mut found);
        }
    }
    if rule.triggers.iter().any(|trigger| matches!(trigger, TriggerModel::Schedule { .. })) {
        found.extend(deletions(model, rule.entity, "where"));
    }
    found
}

/// Means by which people take a record out of a condition.
fn evasions(
    model: &Model,
    entity: usize,
    name: &'static str,
    condition: &Expression,
    found: &mut Vec<Bypass>,
) {
    for role in model.roles.values() {
        let by_field = reads(condition)
            .flat_map(|slot| expand(&model.entities[entity], slot))
            .filter(|slot| may_change(model, role, entity, *slot))
            .map(|slot| field(model, role, entity, slot));
        for means in by_field.chain(ways_out(model, role, entity, condition)) {
            let bypass = Bypass { condition: name, role: role.key.clone(), means };
            if !found.contains(&bypass) {
                found.push(bypass);
            }
        }
    }
}

/// Transitions that ask for nothing and lead out of a condition.
fn ways_out(model: &Model, role: &RoleModel, entity: usize, condition: &Expression) -> Vec<Means> {
    let Some(lifecycle) = &model.automation.by_entity[entity].lifecycle else { return Vec::new() };
    let holds = |state: &String| {
        truth(condition, &Known::one(lifecycle.field, Value::text(state.as_str()))) != Truth::No
    };
    let open = lifecycle.transitions.iter().filter(|transition| {
        may_take(role, entity, transition)
            && !asks_for_something(transition)
            && !holds(&transition.to)
            && transition.from.iter().any(holds)
    });
    open.map(|transition| Means::Transition { id: transition.id.clone() }).collect()
}

fn hold(model: &Model, role: &RoleModel, entity: usize, condition: &Expression) -> Hold {
    let parts = condition.conjuncts();
    if parts.len() > 1 {
        let mut all = Vec::new();
        for part in &parts {
            match hold(model, role, entity, part) {
                Hold::Evidence => return Hold::Evidence,
                Hold::Neutral => {}
                Hold::Hand(means) => all.extend(means),
            }
        }
        return if all.is_empty() { Hold::Neutral } else { Hold::Hand(all) };
    }
    let parts = condition.disjuncts();
    if parts.len() > 1 {
        let (mut all, mut evidence) = (Vec::new(), false);
        for part in &parts {
            match hold(model, role, entity, part) {
                Hold::Evidence => evidence = true,
                Hold::Neutral => {}
                Hold::Hand(means) => all.extend(means),
            }
        }
        return match (all.is_empty(), evidence) {
            (false, _) => Hold::Hand(all),
            (true, true) => Hold::Evidence,
            (true, false) => Hold::Neutral,
        };
    }
    atom(model, role, entity, condition)
}

fn atom(model: &Model, role: &RoleModel, entity: usize, condition: &Expression) -> Hold {
    let state = model.automation.by_entity[entity].lifecycle.as_ref();
    let slots: Vec<Slot> = reads(condition).collect();
    if slots.is_empty() {
        return Hold::Neutral;
    }
    if let Some(lifecycle) = state.filter(|lifecycle| slots == [lifecycle.field]) {
        let into = |transition: &&TransitionModel| {
            let known = Known::one(lifecycle.field, Value::text(transition.to.as_str()));
            truth(condition, &known) == Truth::Yes && may_take(role, entity, transition)
        };
        let open =
            lifecycle.transitions.iter().filter(into).filter(|transition| !asks_for_something(transition));
        let means: Vec<Means> =
            open.map(|transition| Means::Transition { id: transition.id.clone() }).collect();
        let initially = Known::one(lifecycle.field, Value::text(lifecycle.initial.as_str()));
        return match means.is_empty() {
            false => Hold::Hand(means),
            true if truth(condition, &initially) == Truth::Yes => Hold::Neutral,
            true => Hold::Evidence,
        };
    }
    let fields: Vec<Slot> = slots.iter().flat_map(|slot| expand(&model.entities[entity], *slot)).collect();
    let by_field = fields.iter().filter(|slot| may_change(model, role, entity, **slot));
    // Of two fields that are compared, one that people may write is enough.
    let mut means: Vec<Means> = by_field.map(|slot| field(model, role, entity, *slot)).collect();
    let gives = |transition: &&TransitionModel| {
        let set = transition.set.iter().filter(|(slot, _)| fields.contains(slot));
        set.into_iter().any(|(slot, value)| {
            let known = value.constant().map(|value| Known::one(*slot, value.clone()));
            known.is_none_or(|known| truth(condition, &known) != Truth::No)
        })
    };
    let transitions = state.into_iter().flat_map(|lifecycle| &lifecycle.transitions);
    let open = transitions.filter(|transition| may_take(role, entity, transition)).filter(gives);
    let open = open.filter(|transition| !asks_for_something(transition));
    means.extend(open.map(|transition| Means::Transition { id: transition.id.clone() }));
    if means.is_empty() { Hold::Evidence } else { Hold::Hand(means) }
}

/// Whether people with the role may take the transition.
pub(super) fn may_take(role: &RoleModel, entity: usize, transition: &TransitionModel) -> bool {
    let updates = role.permissions.get(&entity);
    let updates = updates.is_some_and(|permission| permission.operations.contains(&Operation::Update));
    updates && transition.roles.as_ref().is_none_or(|roles| roles.contains(&role.key))
}

/// A guard or evidence stands before the transition.
fn asks_for_something(transition: &TransitionModel) -> bool {
    let guarded = transition
        .guard
        .as_ref()
        .is_some_and(|guard| guard.references().iter().any(|reference| reference.root == roots::RECORD));
    guarded || !transition.requires.is_empty()
}

fn field(model: &Model, role: &RoleModel, entity: usize, slot: Slot) -> Means {
    let shows = |form: &&std::sync::Arc<crate::model::FormModel>| {
        let mut items = form.sections.iter().flat_map(|section| &section.items);
        form.entity == entity && items.any(|item| item.slot == slot && !item.read_only)
    };
    let forms = model.forms.values().filter(shows).map(|form| form.key.clone()).collect();
    let import = role.permissions[&entity].operations.contains(&Operation::Import);
    Means::Field { slot, forms, import }
}
