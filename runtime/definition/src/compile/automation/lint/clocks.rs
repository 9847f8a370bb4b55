//! Findings about clocks: those that never stop, those that people can stop, restart or stretch by hand, and steps
//! that lie before the start.

use mortise_expr::{Expression, INT_LIMIT, Type, Value};

use super::bypass::{Means, bypasses, conditions, step_bypasses};
use super::truth::{Known, Truth, truth};
use super::writers::roles_changing;
use super::{Lint, expand, id_of, reads};
use crate::Kind;
use crate::compile::place::Place;
use crate::model::{
    ActionKind, FieldKind, LimitModel, RecipientModel, SlaModel, Slot, StepModel, roots, system,
};
use crate::source::StepBase;

/// What changes with every save, whatever was saved.
const TOUCHED: [Slot; 3] = [system::VERSION, system::UPDATED_AT, system::UPDATED_BY];

impl<'a> Lint<'a> {
    pub(super) fn clocks(&mut self) {
        for sla in self.model.automation.slas.values() {
            let place = self.place(Kind::Sla, sla.app, id_of(&sla.key));
            self.never(sla, &place);
            self.moments(sla, &place);
            self.by_hand(sla, &place);
            self.stretched(sla, &place);
            self.empty_lengths(sla, &place);
            self.standing_still(sla, &place);
            self.steps(sla, &place);
        }
    }

    /// A clock that nothing ever stops, or that stops as soon as it starts.
    fn never(&mut self, sla: &SlaModel, place: &Place) {
        match sla.stop.constant() {
            Some(value) if value.is_true() => {
                return self.problems.push(place.key("stop").error("lint.clock_stops_at_once"));
            }
            Some(_) => return self.problems.push(place.key("stop").error("lint.clock_never_stops")),
            None => {}
        }
        if sla.start.constant().is_some_and(|value| !value.is_true()) {
            self.problems.push(place.key("start").error("lint.clock_never_starts"));
        }
        let wanted: Vec<Slot> = reads(&sla.stop).collect();
        let unset = wanted.iter().filter(|slot| !self.settable.contains(&(sla.entity, **slot)));
        let unset: Vec<Slot> = unset.copied().collect();
        if !wanted.is_empty() && unset.len() == wanted.len() {
            let problem = place.key("stop").warning("lint.clock_unset");
            self.problems.push(problem.arg("names", self.names(sla.entity, unset)));
        } else if !self.reachable(sla.entity, &sla.stop) {
            self.problems.push(place.key("stop").warning("lint.clock_unreachable"));
        }
    }

    /// Whether the condition can hold in some state of the lifecycle.
    fn reachable(&self, entity: usize, condition: &Expression) -> bool {
        let Some(lifecycle) = self.lifecycle(entity) else { return true };
        let states = super::lifecycles::reachable(lifecycle);
        states
            .iter()
            .any(|state| truth(condition, &Known::one(lifecycle.field, Value::text(*state))) != Truth::No)
    }

    /// Conditions are asked when a record changes: what only time changes is not seen, and what every save changes
    /// says nothing.
    fn moments(&mut self, sla: &SlaModel, place: &Place) {
        for (key, condition) in conditions(sla).chain([("start", &sla.start)]) {
            if condition.volatile() {
                self.problems.push(place.key(key).warning("lint.clock_time"));
            }
            let touched: Vec<Slot> = reads(condition).filter(|slot| TOUCHED.contains(slot)).collect();
            if !touched.is_empty() && key != "start" {
                let names = self.names(sla.entity, touched);
                self.problems.push(place.key(key).warning("lint.clock_touched").arg("names", names));
            }
        }
    }

    /// Roles, fields, forms and transitions by which people can get around the clock.
    fn by_hand(&mut self, sla: &SlaModel, place: &Place) {
        let all = bypasses(self.model, sla);
        for (key, _) in conditions(sla) {
            let (mut roles, mut slots, mut forms) = (Vec::new(), Vec::new(), Vec::new());
            let (mut takers, mut transitions) = (Vec::new(), Vec::new());
            for bypass in all.iter().filter(|bypass| bypass.condition == key) {
                match &bypass.means {
                    Means::Field { slot, forms: shown, .. } => {
                        add(&mut roles, &bypass.role);
                        slots.push(*slot);
                        shown.iter().for_each(|form| add(&mut forms, form));
                    }
                    Means::Transition { id } => {
                        add(&mut takers, &bypass.role);
                        add(&mut transitions, id);
                    }
                    Means::Delete => {}
                }
            }
            let place = place.key(key);
            if !slots.is_empty() {
                let names = self.names(sla.entity, slots);
                let reason = if forms.is_empty() { "api" } else { "forms" };
                let problem = place.warning("lint.clock_bypass").arg("condition", key).arg("names", names);
                let problem = problem.arg("roles", roles.join(", ")).arg("reason", reason);
                self.problems.push(problem.arg("forms", forms.join(", ")));
            }
            if !transitions.is_empty() {
                let problem = place.warning("lint.clock_bypass_transition").arg("condition", key);
                let problem = problem.arg("names", transitions.join(", "));
                self.problems.push(problem.arg("roles", takers.join(", ")));
            }
        }
    }

    /// A step is void where people can make it pass over by hand.
    fn evaded(&mut self, sla: &SlaModel, step: &StepModel, place: &Place) {
        let state = self.lifecycle(sla.entity).map(|lifecycle| lifecycle.field);
        let (mut roles, mut slots) = (Vec::new(), Vec::new());
        for bypass in step_bypasses(self.model, sla, step) {
            add(&mut roles, &bypass.role);
            slots.extend(match bypass.means {
                Means::Field { slot, .. } => Some(slot),
                Means::Transition { .. } => state,
                Means::Delete => None,
            });
        }
        if !roles.is_empty() {
            let problem = place.warning("lint.step_bypass").arg("names", self.names(sla.entity, slots));
            self.problems.push(problem.arg("roles", roles.join(", ")));
        }
    }

    /// Where the length of a clock and of its steps comes from.
    fn lengths<'s>(&self, sla: &'s SlaModel, place: &Place) -> Vec<(Place, &'s Expression)>
    where
        'a: 's,
    {
        let mut sources: Vec<(Place, &'s Expression)> = Vec::new();
        match &sla.limit {
            LimitModel::Expression(limit) => sources.push((place.key("limit"), limit)),
            LimitModel::Decision { decision, output } => {
                let table = self.model.automation.decisions.get(decision);
                let rows = table.into_iter().flat_map(|table| &table.rows);
                sources.extend(rows.filter_map(|row| Some((place.key("limit_by"), row.then.get(*output)?))));
            }
        }
        sources.extend(sla.from.as_ref().map(|from| (place.key("from"), from)));
        for step in &sla.ladder {
            let index = sla.ladder.iter().position(|other| other.id == step.id).unwrap_or(0);
            sources.push((place.key("ladder").index(index).key("offset"), &step.offset));
        }
        sources
    }

    /// Lengths that may be empty: the clock has no limit then, the step no moment.
    fn empty_lengths(&mut self, sla: &SlaModel, place: &Place) {
        let mut told = Vec::new();
        for (place, source) in self.lengths(sla, place) {
            // Without a moment to count from, it counts from the change.
            let length = *source.ty() == Type::Duration;
            if length && source.nullable() && first(&mut told, &place, "") {
                self.problems.push(place.warning("lint.clock_length_empty"));
            }
        }
    }

    /// A limit or a beginning that people move, without a largest value.
    fn stretched(&mut self, sla: &SlaModel, place: &Place) {
        let sources = self.lengths(sla, place);
        let mut told: Vec<(Place, String)> = Vec::new();
        for (place, source) in sources {
            let entity = self.entity(sla.entity);
            for slot in reads(source).flat_map(|slot| expand(entity, slot)) {
                let roles = roles_changing(self.model, sla.entity, slot);
                let name = entity.fields[slot].name.to_string();
                let open = self.unbounded(sla.entity, slot) && !roles.is_empty();
                if open && first(&mut told, &place, &name) {
                    let problem = place.warning("lint.clock_stretch").arg("name", &name);
                    self.problems.push(problem.arg("roles", roles.join(", ")));
                }
            }
            for name in self.open_settings(sla.app, source) {
                if first(&mut told, &place, &format!("settings.{name}")) {
                    self.problems.push(place.warning("lint.clock_setting").arg("name", name));
                }
            }
        }
    }

    /// Settings without a largest value that an expression reads.
    fn open_settings(&self, app: usize, source: &Expression) -> Vec<String> {
        let settings = &self.model.apps[app].settings;
        let read = source.references().iter().filter(|reference| reference.root == roots::SETTINGS);
        let read = read.filter_map(|reference| settings.get(reference.slot));
        let number = |value: &Value| matches!(value, Value::Int(_) | Value::Decimal(_));
        read.filter(|setting| number(&setting.value) && setting.declaration.max.is_none())
            .map(|setting| setting.name.clone())
            .collect()
    }

    /// A field whose value grows as far as anybody likes.
    fn unbounded(&self, entity: usize, slot: Slot) -> bool {
        let entity = self.entity(entity);
        let field = &entity.fields[slot];
        let open = match field.kind {
            FieldKind::Integer { max, .. } => max == INT_LIMIT,
            FieldKind::Decimal { max, .. } => max.is_none(),
            FieldKind::Duration | FieldKind::Date | FieldKind::Datetime => true,
            _ => false,
        };
        let checked = entity.checks.iter().any(|check| reads(&check.condition).any(|other| other == slot));
        open && field.valid_when.is_none() && !checked
    }

    /// A clock that stands still in a state which nothing leaves.
    fn standing_still(&mut self, sla: &SlaModel, place: &Place) {
        let (Some(pause), Some(lifecycle)) = (&sla.pause, self.lifecycle(sla.entity)) else { return };
        for state in super::lifecycles::reachable(lifecycle) {
            let known = Known::one(lifecycle.field, Value::text(state));
            let ends = |condition: &Expression| truth(condition, &known) != Truth::No;
            let ended = ends(&sla.stop) || sla.cancel.as_ref().is_some_and(ends);
            let left = lifecycle
                .transitions
                .iter()
                .any(|transition| transition.from.iter().any(|from| from == state));
            if truth(pause, &known) == Truth::Yes && !left && !ended {
                self.problems.push(place.key("pause").warning("lint.clock_stuck").arg("state", state));
            }
        }
    }

    fn steps(&mut self, sla: &SlaModel, place: &Place) {
        if sla.ladder.is_empty() {
            self.problems.push(place.key("ladder").warning("lint.clock_without_steps"));
        }
        for (index, step) in sla.ladder.iter().enumerate() {
            let place = place.key("ladder").index(index);
            let early = matches!(step.offset.constant(), Some(Value::Duration(offset)) if *offset < 0);
            if step.base == StepBase::Start && early {
                self.problems.push(place.key("offset").error("lint.step_before_start"));
            }
            self.evaded(sla, step, &place.key("condition"));
            for (position, action) in step.actions.iter().enumerate() {
                let ActionKind::Notify { notification, to } = &action.kind else { continue };
                let told = match to.as_slice() {
                    [] => {
                        self.model.automation.notifications.get(notification).map_or(&[][..], |one| &one.to)
                    }
                    to => to,
                };
                let gone = [RecipientModel::PreviousOwner, RecipientModel::PreviousSupervisor];
                if told.iter().any(|one| gone.contains(one)) {
                    self.problems.push(place.key("do").index(position).warning("lint.step_previous"));
                }
            }
        }
    }
}

/// Whether this was not told of this place before; rows of a table often read the same.
fn first(told: &mut Vec<(Place, String)>, place: &Place, name: &str) -> bool {
    let new = !told.iter().any(|(other, what)| other.pointer() == place.pointer() && what == name);
    if new {
        told.push((place.clone(), name.to_owned()));
    }
    new
}

fn add(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|other| other == name) {
        names.push(name.to_owned());
    }
}
