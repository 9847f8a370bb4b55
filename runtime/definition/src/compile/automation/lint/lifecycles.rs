//! Findings about lifecycles: states that nothing reaches or leaves, transitions that nobody takes.

use super::bypass::may_take;
use super::effects::{EffectKind, effects};
use super::{Lint, action_lists, id_of};
use crate::Kind;
use crate::compile::place::Place;
use crate::model::{FieldKind, LifecycleModel, TransitionModel};

impl Lint<'_> {
    pub(super) fn lifecycles(&mut self) {
        for lifecycle in self.model.automation.lifecycles.values() {
            let place = self.place(Kind::Lifecycle, lifecycle.app, id_of(&lifecycle.key));
            self.states(lifecycle, &place);
            for (index, transition) in lifecycle.transitions.iter().enumerate() {
                self.taken(lifecycle, transition, &place.key("transitions").index(index));
            }
        }
    }

    fn states(&mut self, lifecycle: &LifecycleModel, place: &Place) {
        let FieldKind::Choice { choices } = &self.entity(lifecycle.entity).fields[lifecycle.field].kind
        else {
            return;
        };
        let reached = reachable(lifecycle);
        for choice in choices.iter().filter(|choice| !choice.retired) {
            let state = choice.value.as_str();
            if !reached.contains(&state) {
                let problem = place.key("transitions").warning("lint.state_unreachable");
                self.problems.push(problem.arg("state", state));
                continue;
            }
            let mut ways =
                lifecycle.transitions.iter().filter(|one| one.from.iter().any(|from| from == state));
            let mut left = ways.clone().peekable();
            let stuck = match left.peek() {
                // A state that nothing leaves is an end, which the first one cannot be.
                None => state == lifecycle.initial,
                Some(_) => !ways.any(|transition| self.is_taken(lifecycle, transition)),
            };
            if stuck {
                let problem = place.key("transitions").warning("lint.state_no_exit");
                self.problems.push(problem.arg("state", state));
            }
        }
    }

    fn taken(&mut self, lifecycle: &LifecycleModel, transition: &TransitionModel, place: &Place) {
        if self.is_taken(lifecycle, transition) {
            return;
        }
        let code = match transition.roles.as_deref() {
            Some([]) => "lint.transition_unused",
            _ => "lint.transition_forbidden",
        };
        self.problems.push(place.key("roles").warning(code).arg("name", &transition.id));
    }

    /// Whether anybody, or anything, may take the transition.
    fn is_taken(&self, lifecycle: &LifecycleModel, transition: &TransitionModel) -> bool {
        let entity = lifecycle.entity;
        // An app without roles is one that others build upon.
        let nobody_yet = transition.roles.is_none() && self.model.roles.is_empty();
        let by_people = self.model.roles.values().any(|role| may_take(role, entity, transition));
        nobody_yet
            || by_people
            || action_lists(self.model).filter(|(of, _)| *of == entity).any(|(_, actions)| {
                effects(self.model, entity, actions)
                    .iter()
                    .any(|effect| matches!(effect.kind, EffectKind::Transition(id) if id == transition.id))
            })
    }
}

/// States to which transitions lead from the first one, itself included.
pub(super) fn reachable(lifecycle: &LifecycleModel) -> Vec<&str> {
    let mut found = vec![lifecycle.initial.as_str()];
    let mut next = 0;
    while let Some(state) = found.get(next).copied() {
        next += 1;
        for transition in &lifecycle.transitions {
            let leaves = transition.from.iter().any(|from| from == state);
            if leaves && !found.contains(&transition.to.as_str()) {
                found.push(&transition.to);
            }
        }
    }
    found
}
