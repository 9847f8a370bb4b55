//! Compiles lifecycles: states are the choices of a field, transitions the only way from one to the next.

use std::sync::Arc;

use super::area::Area;
use super::values::Target;
use super::{Build, Keyed};
use crate::Kind;
use crate::compile::expressions::constant_text;
use crate::compile::place::Place;
use crate::model::{FieldKind, LifecycleModel, Slot, TransitionModel};
use crate::source::{Choice, Lifecycle, Transition};

/// Most transitions of a lifecycle; beyond, nobody could draw it.
const TRANSITIONS_MAX: usize = 200;

impl Build<'_> {
    pub(super) fn lifecycles(&mut self) -> Keyed<LifecycleModel> {
        let mut models = Keyed::new();
        for (app, package) in self.packages() {
            for lifecycle in &package.lifecycles {
                let place = Place::new(package, Kind::Lifecycle, &lifecycle.id);
                if let Some(model) = self.lifecycle(app, lifecycle, &place) {
                    let model = Arc::new(model);
                    self.lifecycles.insert(model.entity, Arc::clone(&model));
                    models.insert(model.key.clone(), model);
                }
            }
        }
        models
    }

    fn lifecycle(&mut self, app: usize, lifecycle: &Lifecycle, place: &Place) -> Option<LifecycleModel> {
        let entity = self.entity(app, &lifecycle.entity, &place.key("entity"))?;
        self.with_lifecycle.insert(entity);
        let field = self.field(entity, &lifecycle.field, &place.key("field"))?;
        let model = &self.entities[entity].fields[field];
        let FieldKind::Choice { choices } = &model.kind else {
            if self.draft(entity).fields[field].ty.is_some() {
                self.problems.push(place.key("field").error("lifecycle.field").arg("name", &lifecycle.field));
            }
            return None;
        };
        if self.states.contains_key(&entity) {
            let problem = place.key("entity").error("lifecycle.second");
            self.problems.push(problem.arg("entity", &self.entities[entity].key));
            return None;
        }
        self.state(choices, &lifecycle.initial, &place.key("initial"));
        let default = model.default.as_ref().and_then(|default| constant_text(default.source()));
        if let Some(default) = default.filter(|default| *default != lifecycle.initial) {
            let problem = place.key("initial").error("lifecycle.default").arg("value", default);
            self.problems.push(problem.arg("name", &lifecycle.field).arg("initial", &lifecycle.initial));
        }
        self.states.insert(entity, (field, lifecycle.initial.clone()));
        let all = place.key("transitions");
        self.at_most(lifecycle.transitions.len(), TRANSITIONS_MAX, &all);
        self.unique(lifecycle.transitions.iter().map(|transition| transition.id.as_str()), &all);
        let area = Area::plain(entity, app);
        let transitions = lifecycle.transitions.iter().enumerate();
        let transitions = transitions
            .map(|(index, transition)| self.transition(&area, transition, field, choices, &all.index(index)));
        Some(LifecycleModel {
            transitions: transitions.collect(),
            key: self.key(app, &lifecycle.id),
            app,
            entity,
            field,
            initial: lifecycle.initial.clone(),
        })
    }

    fn transition(
        &mut self,
        area: &Area,
        transition: &Transition,
        state: Slot,
        choices: &[Choice],
        place: &Place,
    ) -> TransitionModel {
        let from = place.key("from");
        if transition.from.is_empty() {
            self.problems.push(from.error("lifecycle.no_from"));
        }
        for (index, name) in transition.from.iter().enumerate() {
            self.state(choices, name, &from.index(index));
            if transition.from[..index].contains(name) {
                self.problems.push(from.index(index).error("automation.twice").arg("name", name));
            }
        }
        self.state(choices, &transition.to, &place.key("to"));
        if transition.message.is_some() && transition.guard.is_none() {
            self.problems.push(place.key("message").warning("lifecycle.message_unused"));
        }
        let roles = transition.roles.as_ref();
        let roles = roles.map(|roles| self.roles(area.site.app, roles, &place.key("roles")));
        TransitionModel {
            id: transition.id.clone(),
            label: transition.label.clone(),
            from: transition.from.clone(),
            to: transition.to.clone(),
            roles,
            guard: self.optional_condition(area, transition.guard.as_ref(), &place.key("guard")),
            message: transition.message.clone(),
            requires: self.required(area.site.entity, &transition.requires, state, &place.key("requires")),
            set: self.values(area, area.site.entity, &transition.set, Target::Existing, &place.key("set")),
            color: transition.color.clone(),
        }
    }

    fn required(&mut self, entity: usize, names: &[String], state: Slot, place: &Place) -> Vec<Slot> {
        let mut slots = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let place = place.index(index);
            let Some(slot) = self.field(entity, name, &place) else { continue };
            let broken = self.draft(entity).fields[slot].ty.is_none();
            let fillable = self.entities[entity].fields[slot].writable() && slot != state;
            if !fillable && (!broken || slot == state) {
                self.problems.push(place.error("lifecycle.requires").arg("name", name));
            }
            if slots.contains(&slot) {
                self.problems.push(place.error("automation.twice").arg("name", name));
            }
            slots.push(slot);
        }
        slots
    }

    fn state(&mut self, choices: &[Choice], name: &str, place: &Place) {
        if !choices.iter().any(|choice| choice.value == name) {
            let problem = place.error("lifecycle.state_unknown").arg("name", name);
            self.problems.push(problem.suggest(name, choices.iter().map(|choice| choice.value.as_str())));
        }
    }
}
