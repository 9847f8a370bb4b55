//! Compiles clocks: conditions over the record, a limit, and a ladder of steps with actions.

use std::sync::Arc;

use mortise_expr::Type;
use sha2::{Digest, Sha256};

use super::action::output_type;
use super::area::Area;
use super::{Build, Keyed};
use crate::Kind;
use crate::compile::place::Place;
use crate::model::{FieldKind, FieldModel, LimitModel, SlaModel, Slot, StepModel};
use crate::package::hex;
use crate::problem::Problems;
use crate::source::{LadderStep, LimitBy, Sla};

/// Most steps of a ladder; each is a timer of every record with the clock.
const STEPS_MAX: usize = 50;

impl Build<'_> {
    pub(super) fn slas(&mut self) -> Keyed<SlaModel> {
        let mut models = Keyed::new();
        for (app, package) in self.packages() {
            for sla in &package.slas {
                let place = Place::new(package, Kind::Sla, &sla.id);
                if let Some(model) = self.sla(app, sla, &place) {
                    models.insert(model.key.clone(), Arc::new(model));
                }
            }
        }
        models
    }

    fn sla(&mut self, app: usize, sla: &Sla, place: &Place) -> Option<SlaModel> {
        let entity = self.entity(app, &sla.entity, &place.key("entity"))?;
        let area = self.clock_area(entity, app);
        let start = self.condition(&area, &sla.start, &place.key("start"));
        let from = sla.from.as_deref();
        let from = from.and_then(|source| self.value(&area, source, &Type::DateTime, &place.key("from")));
        let stop = self.condition(&area, &sla.stop, &place.key("stop"));
        if sla.resume.is_some() && sla.pause.is_none() {
            self.problems.push(place.key("resume").error("sla.resume"));
        }
        let limit = self.limit(&area, sla, place);
        let calendar = sla.calendar.as_deref();
        let calendar =
            calendar.map(|name| self.artifact_key(Kind::Calendar, app, name, &place.key("calendar")));
        let at = place.key("ladder");
        self.at_most(sla.ladder.len(), STEPS_MAX, &at);
        self.unique(sla.ladder.iter().map(|step| step.id.as_str()), &at);
        let inner = self.rule_area(entity, app);
        let figures = self.figures(&inner, &sla.measures, &place.key("measures"));
        let inner = inner.with_figures(&figures);
        let steps = sla.ladder.iter().enumerate();
        let steps = steps.map(|(index, step)| self.step([&area, &inner], step, &at.index(index)));
        let steps: Vec<_> = steps.collect();
        Some(SlaModel {
            key: self.key(app, &sla.id),
            id: sla.id.clone(),
            app,
            entity,
            label: sla.label.clone(),
            cancel: self.optional_condition(&area, sla.cancel.as_ref(), &place.key("cancel")),
            pause: self.optional_condition(&area, sla.pause.as_ref(), &place.key("pause")),
            resume: self.optional_condition(&area, sla.resume.as_ref(), &place.key("resume")),
            reset: self.optional_condition(&area, sla.reset.as_ref(), &place.key("reset")),
            start: start?,
            from,
            stop: stop?,
            limit: limit?,
            calendar: calendar.flatten(),
            measures: figures.uses,
            form: self.clock_form(app, sla, entity, place),
            ladder: steps.into_iter().flatten().collect(),
            digest: self.reckoning(app, sla, place),
        })
    }

    /// The form that stops the clock, with the field by which its records refer to those of the clock.
    fn clock_form(
        &mut self,
        app: usize,
        sla: &Sla,
        entity: usize,
        place: &Place,
    ) -> Option<(String, Option<Slot>)> {
        let at = place.key("form");
        let (owner, id) = self.artifact(Kind::Form, app, sla.form.as_deref()?, &at)?;
        let key = self.key(owner, id);
        let form = self.compiler.packages[owner].forms.iter().find(|form| form.id == id)?;
        // A form that is wrong itself was reported already.
        let of = self.compiler.names.entity(owner, &form.entity, place, &mut Problems::default())?;
        if of == entity {
            return Some((key, None));
        }
        let refers = |field: &&FieldModel| matches!(field.kind, FieldKind::Reference { entity: target } if target == entity);
        let found = self.entities[of].fields.iter().find(refers).map(|field| field.slot);
        if found.is_none() {
            self.problems.push(at.error("sla.form"));
        }
        found.map(|slot| (key, Some(slot)))
    }

    /// Names everything that the limits of the clock are worked out from, so that a change of it is noticed.
    fn reckoning(&self, app: usize, sla: &Sla, place: &Place) -> String {
        let packages = self.compiler.packages;
        // What is wrong with the names was said before.
        let find =
            |kind, name| self.compiler.names.artifact(kind, app, name, place, &mut Problems::default());
        let calendar = sla.calendar.as_deref().and_then(|name| find(Kind::Calendar, name));
        let calendar =
            calendar.and_then(|(owner, id)| packages[owner].calendars.iter().find(|one| one.id == id));
        let by = sla.limit_by.as_ref().and_then(|by| find(Kind::Decision, &by.decision));
        let table = by.and_then(|(owner, id)| packages[owner].decisions.iter().find(|one| one.id == id));
        let settings: Vec<String> =
            self.compiler.settings[app].0.iter().map(|setting| setting.value.to_string()).collect();
        // By which form it is stopped changes no limit.
        let sla = Sla { form: None, ..sla.clone() };
        let written = serde_json::to_vec(&(sla, calendar, table, settings));
        hex(&Sha256::digest(written.expect("artifacts hold only what JSON can hold")))
    }

    fn limit(&mut self, area: &Area, sla: &Sla, place: &Place) -> Option<LimitModel> {
        match (&sla.limit, &sla.limit_by) {
            (Some(source), None) => {
                let site = Area::plain(area.site.entity, area.site.app);
                let limit = self.value(&site, source, &Type::Duration, &place.key("limit"))?;
                Some(LimitModel::Expression(limit))
            }
            (None, Some(by)) => self.limit_by(area, by, &place.key("limit_by")),
            (Some(_), Some(_)) => {
                self.problems.push(place.key("limit_by").error("sla.two_limits"));
                None
            }
            (None, None) => {
                self.problems.push(place.error("sla.no_limit"));
                None
            }
        }
    }

    fn limit_by(&mut self, area: &Area, by: &LimitBy, place: &Place) -> Option<LimitModel> {
        let at = place.key("decision");
        let (owner, id) = self.artifact(Kind::Decision, area.site.app, &by.decision, &at)?;
        let table = self.compiler.packages[owner].decisions.iter().find(|one| one.id == id)?;
        self.same_entity(owner, &table.entity, area.site.entity, &at);
        let place = place.key("output");
        let output = self.output(table, &by.output, &place)?;
        let found = output_type(table, output);
        if found != Type::Duration {
            self.problems.push(place.error("sla.limit_type").arg("name", &by.output).arg("type", found));
            return None;
        }
        Some(LimitModel::Decision { decision: self.key(owner, id), output })
    }

    /// A step; its offset sees the roots of the clock, what happens when it is due those of rules.
    fn step(&mut self, [area, inner]: [&Area; 2], step: &LadderStep, place: &Place) -> Option<StepModel> {
        let offset = self.value(area, &step.offset, &Type::Duration, &place.key("offset"));
        let condition = self.optional_condition(inner, step.condition.as_ref(), &place.key("condition"));
        let actions = self.actions(inner, &step.actions, &place.key("do"));
        Some(StepModel {
            id: step.id.clone(),
            label: step.label.clone(),
            base: step.base,
            offset: offset?,
            condition,
            actions,
        })
    }
}
