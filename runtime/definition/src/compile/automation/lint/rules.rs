//! Findings about rules: those that never run, that contradict each other, or that set each other off without end.

use mortise_expr::Expression;

use super::bypass::{Means, rule_bypasses};
use super::effects::{Effect, EffectKind, Given, effects};
use super::truth::{Known, Truth, exclusive, truth};
use super::{Lint, action_lists, expand, id_of, reads};
use crate::Kind;
use crate::compile::place::Place;
use crate::model::{ActionKind, Model, RuleModel, Slot, TriggerModel};

/// Most rules that are compared with each other; larger apps are checked up to here, so that installing stays quick.
const RULES_MAX: usize = 400;

impl Lint<'_> {
    pub(super) fn rules(&mut self) {
        let rules: Vec<&RuleModel> =
            self.model.automation.rules.values().map(|rule| &**rule).take(RULES_MAX).collect();
        let all: Vec<Vec<Effect<'_>>> =
            rules.iter().map(|rule| effects(self.model, rule.entity, &rule.actions)).collect();
        for (index, rule) in rules.iter().enumerate() {
            let place = self.place(Kind::Rule, rule.app, id_of(&rule.key));
            self.idle(rule, &place);
            self.scheduled(rule, &place);
            self.freezes(rule, &place);
            for other in 0..index {
                self.contradiction(&[rules[other], rule], [&all[other], &all[index]], &place);
            }
        }
        self.circles(&rules, &all);
    }

    fn idle(&mut self, rule: &RuleModel, place: &Place) {
        let run = |kind: &ActionKind| matches!(kind, ActionKind::Run { rule: key } if *key == rule.key);
        let called =
            action_lists(self.model).any(|(_, actions)| actions.iter().any(|action| run(&action.kind)));
        if rule.triggers.is_empty() && !called {
            self.problems.push(place.warning("lint.rule_idle"));
        }
        let never = |condition: &Expression| condition.constant().is_some_and(|value| !value.is_true());
        if rule.condition.as_ref().is_some_and(never) {
            self.problems.push(place.key("condition").warning("lint.rule_never"));
        }
    }

    /// A rule that goes over records by the clock is void where people can take a record out of it by hand.
    fn scheduled(&mut self, rule: &RuleModel, place: &Place) {
        let mut all = rule_bypasses(self.model, rule);
        // Nobody throws a record away unseen.
        all.retain(|bypass| bypass.means != Means::Delete);
        let Some(index) = rule.triggers.iter().position(|one| matches!(one, TriggerModel::Schedule { .. }))
        else {
            return;
        };
        let state = self.lifecycle(rule.entity).map(|lifecycle| lifecycle.field);
        let slots = all.iter().filter_map(|bypass| match bypass.means {
            Means::Field { slot, .. } => Some(slot),
            Means::Transition { .. } => state,
            Means::Delete => None,
        });
        let slots: Vec<Slot> = slots.collect();
        let mut roles: Vec<&str> = all.iter().map(|bypass| bypass.role.as_str()).collect();
        roles.sort_unstable();
        roles.dedup();
        if !roles.is_empty() {
            let place = place.key("on").index(index).key("where");
            let problem = place.warning("lint.rule_bypass").arg("names", self.names(rule.entity, slots));
            self.problems.push(problem.arg("roles", roles.join(", ")));
        }
    }

    /// Rights that are taken away for ever.
    fn freezes(&mut self, rule: &RuleModel, place: &Place) {
        for (index, action) in rule.actions.iter().enumerate() {
            let ActionKind::Freeze { duration: None, .. } = action.kind else { continue };
            let lifted = action_lists(self.model).filter(|(entity, _)| *entity == rule.entity);
            let lifted = lifted.flat_map(|(_, actions)| actions);
            if !lifted.into_iter().any(|action| matches!(action.kind, ActionKind::Unfreeze { .. })) {
                self.problems.push(place.key("do").index(index).warning("lint.freeze_forever"));
            }
        }
    }

    /// Two rules that the same event sets off give one field two values.
    fn contradiction(&mut self, rules: &[&RuleModel; 2], all: [&Vec<Effect<'_>>; 2], place: &Place) {
        let [one, other] = rules;
        let together = one.entity == other.entity
            && one.triggers.iter().any(|a| other.triggers.iter().any(|b| same_event(a, b)))
            && !exclusive(one.condition.as_ref(), other.condition.as_ref());
        if !together {
            return;
        }
        for effect in all[1].iter().filter(|effect| effect.certain) {
            let against =
                all[0].iter().filter(|before| before.certain).any(|before| opposite(before, effect));
            if against {
                let slot = match effect.kind {
                    EffectKind::Set(slot, _) | EffectKind::Entry(slot, ..) => slot,
                    _ => continue,
                };
                let problem = place.key("do").warning("lint.rules_contradict").arg("other", &one.key);
                self.problems.push(problem.arg("names", self.names(effect.entity, [slot])));
            }
        }
    }

    /// Rules that set each other off in a circle which does not come to rest.
    fn circles(&mut self, rules: &[&RuleModel], all: &[Vec<Effect<'_>>]) {
        let next: Vec<Vec<usize>> = (0..rules.len())
            .map(|from| {
                (0..rules.len())
                    .filter(|to| sets_off(self.model, rules[from], &all[from], rules[*to]))
                    .collect()
            })
            .collect();
        for circle in circles(&next) {
            let members: Vec<&RuleModel> = circle.iter().map(|index| rules[*index]).collect();
            let inner: Vec<(usize, &Effect<'_>)> = circle
                .iter()
                .flat_map(|index| all[*index].iter().map(move |effect| (*index, effect)))
                .filter(|(_, effect)| members.iter().any(|rule| triggers(self.model, effect, rule)))
                .collect();
            let Some(reason) = restless(self.model, &inner) else { continue };
            let names: Vec<&str> =
                members.iter().chain(members.first()).map(|rule| rule.key.as_str()).collect();
            let certain = members.iter().all(|rule| rule.condition.is_none())
                && inner.iter().any(|(_, effect)| effect.certain);
            let first = members[0];
            let place = self.place(Kind::Rule, first.app, id_of(&first.key));
            let code = if reason == "undo" { "lint.rules_undo" } else { "lint.rules_loop" };
            let problem = if certain { place.error(code) } else { place.warning(code) };
            self.problems.push(problem.arg("reason", reason).arg("rules", names.join(" → ")));
        }
    }
}

fn same_event(a: &TriggerModel, b: &TriggerModel) -> bool {
    match (a, b) {
        (TriggerModel::Changed(a), TriggerModel::Changed(b)) => {
            a.is_empty() || b.is_empty() || a.iter().any(|slot| b.contains(slot))
        }
        (TriggerModel::Transition(a), TriggerModel::Transition(b)) => a.is_none() || b.is_none() || a == b,
        (TriggerModel::Created, TriggerModel::Created)
        | (TriggerModel::Deleted, TriggerModel::Deleted)
        | (TriggerModel::Restored, TriggerModel::Restored) => true,
        _ => false,
    }
}

/// Two effects on one field that exclude each other.
fn opposite(a: &Effect<'_>, b: &Effect<'_>) -> bool {
    if a.entity != b.entity || a.own != b.own {
        return false;
    }
    match (&a.kind, &b.kind) {
        (EffectKind::Set(one, a), EffectKind::Set(other, b)) => {
            one == other && a.constant().zip(b.constant()).is_some_and(|(a, b)| a != b)
        }
        (EffectKind::Entry(one, a, adds), EffectKind::Entry(other, b, adds_too)) => {
            one == other && a == b && adds != adds_too
        }
        _ => false,
    }
}

/// Whether the first rule can set the second off: an effect triggers it, and what is known after it does not speak
/// against its condition.
fn sets_off(model: &Model, from: &RuleModel, all: &[Effect<'_>], to: &RuleModel) -> bool {
    let mut own = Known::where_holds(from.condition.as_ref());
    for effect in all.iter().filter(|effect| effect.own && effect.entity == from.entity) {
        match &effect.kind {
            EffectKind::Set(slot, given) => {
                own.set(*slot, given.constant().filter(|_| effect.certain).cloned());
            }
            EffectKind::Entry(slot, ..) => own.set(*slot, None),
            EffectKind::Transition(id) => {
                if let Some((state, to)) = after(model, effect.entity, id) {
                    own.set(state, Some(to.into()).filter(|_| effect.certain));
                }
            }
            EffectKind::Create(_) => {}
        }
    }
    all.iter().filter(|effect| triggers(model, effect, to)).any(|effect| {
        let known = match &effect.kind {
            _ if effect.own => own.clone(),
            EffectKind::Create(values) => {
                let mut known = Known::default();
                values.iter().for_each(|(slot, value)| known.set(*slot, value.constant().cloned()));
                known
            }
            _ => Known::default(),
        };
        to.condition.as_ref().is_none_or(|condition| truth(condition, &known) != Truth::No)
    })
}

fn after<'m>(model: &'m Model, entity: usize, id: &str) -> Option<(Slot, &'m str)> {
    let lifecycle = model.automation.by_entity[entity].lifecycle.as_ref()?;
    Some((lifecycle.field, lifecycle.transition(id)?.to.as_str()))
}

/// Whether the event of an effect is one that the rule waits for.
fn triggers(model: &Model, effect: &Effect<'_>, rule: &RuleModel) -> bool {
    effect.entity == rule.entity
        && rule.triggers.iter().any(|trigger| match (trigger, &effect.kind) {
            (TriggerModel::Created, EffectKind::Create(_)) => true,
            (TriggerModel::Changed(slots), EffectKind::Set(slot, _) | EffectKind::Entry(slot, ..)) => {
                slots.is_empty()
                    || slots
                        .iter()
                        .any(|wanted| expand(&model.entities[effect.entity], *wanted).contains(slot))
            }
            (TriggerModel::Transition(wanted), EffectKind::Transition(id)) => {
                wanted.as_ref().is_none_or(|wanted| wanted == id)
            }
            // A transition changes the record, too.
            (TriggerModel::Changed(slots), EffectKind::Transition(id)) => {
                slots.is_empty()
                    || changed_by(model, effect.entity, id).iter().any(|slot| slots.contains(slot))
            }
            _ => false,
        })
}

/// Fields that a transition changes.
fn changed_by(model: &Model, entity: usize, id: &str) -> Vec<Slot> {
    let Some(lifecycle) = &model.automation.by_entity[entity].lifecycle else { return Vec::new() };
    let set = lifecycle.transition(id).into_iter().flat_map(|transition| &transition.set);
    set.map(|(slot, _)| *slot).chain([lifecycle.field]).collect()
}

/// Why a circle does not come to rest; `None` where every effect has the same result the second time, so that nothing
/// changes any more and no event follows.
fn restless(model: &Model, inner: &[(usize, &Effect<'_>)]) -> Option<&'static str> {
    let opposed = |(a, (rule, one)): (usize, &(usize, &Effect<'_>))| {
        inner[..a].iter().any(|(other, two)| rule != other && opposite(one, two))
    };
    if inner.iter().enumerate().any(opposed) {
        return Some("undo");
    }
    inner.iter().find_map(|(_, effect)| match &effect.kind {
        EffectKind::Create(_) => Some("creates"),
        EffectKind::Set(_, Given::Person) => Some("assigns"),
        EffectKind::Set(slot, Given::Value(value))
            if effect.own && reads(value).any(|read| read == *slot) =>
        {
            Some("counts")
        }
        EffectKind::Set(_, Given::Value(value)) if value.volatile() => Some("counts"),
        EffectKind::Transition(_) if comes_back(model, inner) => Some("transitions"),
        _ => None,
    })
}

/// Whether the transitions of a circle lead back to a state that one of them leaves; otherwise the last one finds
/// itself in a state from which it cannot be taken, and all is quiet.
fn comes_back(model: &Model, inner: &[(usize, &Effect<'_>)]) -> bool {
    let taken = inner.iter().filter_map(|(_, effect)| {
        let EffectKind::Transition(id) = effect.kind else { return None };
        model.automation.by_entity[effect.entity].lifecycle.as_ref()?.transition(id)
    });
    let taken: Vec<_> = taken.collect();
    let follows = |from: usize| {
        let leaves = |to: &usize| taken[*to].from.contains(&taken[from].to);
        (0..taken.len()).filter(leaves).collect::<Vec<usize>>()
    };
    let next: Vec<Vec<usize>> = (0..taken.len()).map(follows).collect();
    !circles(&next).is_empty()
}

/// Groups of nodes that reach each other, and nodes that reach themselves.
fn circles(next: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let reach: Vec<Vec<bool>> = (0..next.len()).map(|from| reachable(next, from)).collect();
    let mut found: Vec<Vec<usize>> = Vec::new();
    for (node, reached) in reach.iter().enumerate() {
        if reached[node] && !found.iter().any(|circle| circle.contains(&node)) {
            found.push((node..next.len()).filter(|other| reached[*other] && reach[*other][node]).collect());
        }
    }
    found
}

fn reachable(next: &[Vec<usize>], from: usize) -> Vec<bool> {
    let mut seen = vec![false; next.len()];
    let mut waiting = next[from].clone();
    while let Some(node) = waiting.pop() {
        if !std::mem::replace(&mut seen[node], true) {
            waiting.extend(&next[node]);
        }
    }
    seen
}
