//! Compiles rules: what sets them off, what must hold, what is done.

use std::sync::Arc;

use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use super::{Build, Keyed};
use crate::Kind;
use crate::compile::place::Place;
use crate::model::{RuleModel, TriggerModel};
use crate::source::{Rule, Trigger};

/// Order of a rule that names none: room on both sides.
const ORDER: i32 = 100;
/// Most triggers of a rule; there are six kinds, some with a few variants.
const TRIGGERS_MAX: usize = 50;
/// Longest cron line.
const CRON_CHARS_MAX: usize = 200;

impl Build<'_> {
    pub(super) fn rules(&mut self) -> Keyed<RuleModel> {
        let mut models = Keyed::new();
        for (app, package) in self.packages() {
            for rule in &package.rules {
                let place = Place::new(package, Kind::Rule, &rule.id);
                if let Some(model) = self.rule(app, rule, &place) {
                    models.insert(model.key.clone(), Arc::new(model));
                }
            }
        }
        models
    }

    fn rule(&mut self, app: usize, rule: &Rule, place: &Place) -> Option<RuleModel> {
        let entity = self.entity(app, &rule.entity, &place.key("entity"))?;
        let area = self.rule_area(entity, app);
        let figures = self.figures(&area, &rule.measures, &place.key("measures"));
        let area = area.with_figures(&figures);
        let on = place.key("on");
        self.at_most(rule.on.len(), TRIGGERS_MAX, &on);
        let triggers = rule.on.iter().enumerate();
        let triggers =
            triggers.filter_map(|(index, trigger)| self.trigger(entity, app, trigger, &on.index(index)));
        let triggers = triggers.collect();
        if rule.actions.is_empty() {
            self.problems.push(place.key("do").error("rule.no_actions"));
        }
        Some(RuleModel {
            key: self.key(app, &rule.id),
            id: rule.id.clone(),
            app,
            entity,
            label: rule.label.clone(),
            triggers,
            measures: figures.uses,
            condition: self.optional_condition(&area, rule.condition.as_ref(), &place.key("condition")),
            actions: self.actions(&area, &rule.actions, &place.key("do")),
            order: rule.order.unwrap_or(ORDER),
        })
    }

    fn trigger(
        &mut self,
        entity: usize,
        app: usize,
        trigger: &Trigger,
        place: &Place,
    ) -> Option<TriggerModel> {
        Some(match trigger {
            Trigger::Created => TriggerModel::Created,
            Trigger::Deleted => TriggerModel::Deleted,
            Trigger::Restored => TriggerModel::Restored,
            Trigger::Changed { fields } => {
                let place = place.key("fields");
                let fields = fields.iter().enumerate();
                let slots = fields.filter_map(|(index, name)| self.field(entity, name, &place.index(index)));
                TriggerModel::Changed(slots.collect())
            }
            Trigger::Transition { transition } => {
                if let Some(id) = transition {
                    self.transition_exists(entity, id, &place.key("transition"));
                } else if !self.with_lifecycle.contains(&entity) {
                    self.problems
                        .push(place.error("action.no_lifecycle").arg("entity", &self.entities[entity].key));
                }
                TriggerModel::Transition(transition.clone())
            }
            Trigger::Schedule { cron, time_zone, condition } => TriggerModel::Schedule {
                zone: self.zone(time_zone.as_deref(), &place.key("time_zone")),
                condition: self.filter(entity, app, condition, &place.key("where"))?,
                cron: self.cron(cron, &place.key("cron"))?,
            },
        })
    }

    fn cron(&mut self, line: &str, place: &Place) -> Option<Box<Cron>> {
        if line.len() > CRON_CHARS_MAX {
            self.problems.push(place.error("rule.cron").arg("value", "…").arg("detail", CRON_CHARS_MAX));
            return None;
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        match parser.parse(line.trim()) {
            // Thirty days hath February in some lines: such a rule would wait for ever.
            Ok(cron) if cron.find_next_occurrence(&chrono::DateTime::UNIX_EPOCH, false).is_err() => {
                self.problems.push(place.error("rule.cron_never").arg("value", line));
                None
            }
            Ok(cron) => Some(Box::new(cron)),
            Err(error) => {
                let detail = error.to_string();
                let detail = detail.trim_end_matches('.');
                self.problems.push(place.error("rule.cron").arg("value", line).arg("detail", detail));
                None
            }
        }
    }

    /// A time zone by its IANA name.
    pub(super) fn zone(&mut self, name: Option<&str>, place: &Place) -> Option<Tz> {
        let name = name?;
        match name.parse() {
            Ok(zone) => Some(zone),
            Err(_) => {
                let problem = place.error("automation.time_zone").arg("name", name);
                let known = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
                self.problems.push(problem.suggest(name, known));
                None
            }
        }
    }
}
