//! Checks scenarios: that the people, records, artifacts and fields that their steps name are there. What the steps
//! do is for whoever runs them to say.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::DateTime;
use indexmap::IndexMap;
use mortise_expr::Type;
use serde_json::{Map, Value};

use super::area::Area;
use super::{Build, Keyed, unary};
use crate::Kind;
use crate::compile::place::Place;
use crate::model::MetricModel;
use crate::source::{ConnectorKind, Scenario, ScenarioStep};

/// Most steps of a scenario.
const STEPS_MAX: usize = 1_000;
/// Most records of one step.
const TIMES_MAX: u32 = 10_000;
/// States of clocks that can be expected.
const CLOCK_STATES: [&str; 6] = ["running", "paused", "met", "late", "cancelled", "none"];

/// What the steps of a scenario know so far.
struct Stage<'s> {
    app: usize,
    scenario: &'s Scenario,
    /// Entities of records by name; unknown where the step that made one is wrong itself.
    records: HashMap<String, Option<usize>>,
}

impl Build<'_> {
    pub(super) fn scenarios(
        &mut self,
        metrics: &Keyed<MetricModel>,
    ) -> IndexMap<String, (usize, Arc<Scenario>)> {
        let mut all = IndexMap::new();
        for (app, package) in self.packages() {
            for scenario in &package.scenarios {
                let place = Place::new(package, Kind::Scenario, &scenario.id);
                self.scenario(app, scenario, metrics, &place);
                all.insert(self.key(app, &scenario.id), (app, Arc::new(scenario.clone())));
            }
        }
        all
    }

    fn scenario(&mut self, app: usize, scenario: &Scenario, metrics: &Keyed<MetricModel>, place: &Place) {
        self.moment(&scenario.starts, &place.key("starts"));
        self.zone(scenario.time_zone.as_deref(), &place.key("time_zone"));
        for (login, person) in &scenario.people {
            let place = place.key("people").key(login);
            self.roles(app, &person.roles, &place.key("roles"));
            let stage = Stage { app, scenario, records: HashMap::new() };
            self.person(&stage, person.supervisor.as_ref(), &place.key("supervisor"));
        }
        for name in scenario.settings.keys() {
            self.setting(app, name, &place.key("settings").key(name));
        }
        for (index, name) in scenario.plugins.iter().enumerate() {
            self.plugin_of(app, name, &place.key("plugins").index(index));
        }
        let at = place.key("steps");
        self.at_most(scenario.steps.len(), STEPS_MAX, &at);
        let mut stage = Stage { app, scenario, records: HashMap::new() };
        for (index, step) in scenario.steps.iter().enumerate() {
            let place = at.index(index);
            match step {
                ScenarioStep::Expect { .. }
                | ScenarioStep::ExpectCount { .. }
                | ScenarioStep::ExpectNotified { .. }
                | ScenarioStep::ExpectClock { .. }
                | ScenarioStep::ExpectMetric { .. }
                | ScenarioStep::ExpectParked { .. } => self.expectation(&stage, step, metrics, &place),
                step => self.deed(&mut stage, step, &place),
            }
        }
    }

    /// A step in which something happens.
    fn deed(&mut self, stage: &mut Stage<'_>, step: &ScenarioStep, place: &Place) {
        match step {
            ScenarioStep::Create { by, entity, name, values, times, .. } => {
                self.person(stage, by.as_ref(), &place.key("by"));
                let entity = self.entity(stage.app, entity, &place.key("entity"));
                self.named_fields(entity, values, &place.key("values"));
                let times_place = place.key("times");
                self.at_most(times.unwrap_or(1) as usize, TIMES_MAX as usize, &times_place);
                let Some(name) = name else { return };
                match times {
                    Some(times) => {
                        let names =
                            (1..=(*times).min(TIMES_MAX)).map(|number| (format!("{name}{number}"), entity));
                        stage.records.extend(names);
                    }
                    None => drop(stage.records.insert(name.clone(), entity)),
                }
            }
            ScenarioStep::Update { by, record, values, .. } => {
                self.person(stage, by.as_ref(), &place.key("by"));
                let entity = self.record(stage, record, &place.key("record"));
                self.named_fields(entity, values, &place.key("values"));
            }
            ScenarioStep::Transition { by, record, transition, values, .. } => {
                self.person(stage, by.as_ref(), &place.key("by"));
                let entity = self.record(stage, record, &place.key("record"));
                self.named_fields(entity, values, &place.key("values"));
                if let Some(entity) = entity {
                    self.transition_exists(entity, transition, &place.key("transition"));
                }
            }
            ScenarioStep::Claim { by, record, policy, .. } => {
                self.person(stage, Some(by), &place.key("by"));
                self.record(stage, record, &place.key("record"));
                self.artifact(Kind::Assignment, stage.app, policy, &place.key("policy"));
            }
            ScenarioStep::Receive { connector, name, .. } => {
                let at = place.key("connector");
                let key = self.connector_of(stage.app, connector, &[ConnectorKind::Inbound], &at);
                if let Some(name) = name {
                    let entity = key.and_then(|key| self.received(&key));
                    stage.records.insert(name.clone(), entity);
                }
            }
            ScenarioStep::Advance { by } if unary::duration(by).is_none_or(|duration| duration <= 0) => {
                self.problems.push(place.key("by").error("scenario.duration").arg("value", by));
            }
            _ => {}
        }
    }

    /// A step that looks at what happened.
    fn expectation(
        &mut self,
        stage: &Stage<'_>,
        step: &ScenarioStep,
        metrics: &Keyed<MetricModel>,
        place: &Place,
    ) {
        match step {
            ScenarioStep::Expect { record, values, that, frozen, .. } => {
                let entity = self.record(stage, record, &place.key("record"));
                self.named_fields(entity, values, &place.key("values"));
                if let (Some(that), Some(entity)) = (that, entity) {
                    self.value(&Area::plain(entity, stage.app), that, &Type::Bool, &place.key("that"));
                }
                self.people(stage, frozen.as_deref(), &place.key("frozen"));
            }
            ScenarioStep::ExpectCount { entity, condition, .. } => {
                let entity = self.entity(stage.app, entity, &place.key("entity"));
                if let (Some(condition), Some(entity)) = (condition, entity) {
                    self.filter(entity, stage.app, condition, &place.key("where"));
                }
            }
            ScenarioStep::ExpectNotified { notification, people, channels, .. } => {
                self.artifact(Kind::Notification, stage.app, notification, &place.key("notification"));
                self.people(stage, people.as_deref(), &place.key("people"));
                for (index, name) in channels.iter().flatten().enumerate() {
                    self.artifact(Kind::Connector, stage.app, name, &place.key("channels").index(index));
                }
            }
            ScenarioStep::ExpectClock { record, sla, state, due } => {
                self.record(stage, record, &place.key("record"));
                self.artifact(Kind::Sla, stage.app, sla, &place.key("sla"));
                if !CLOCK_STATES.contains(&state.as_str()) {
                    let problem = place.key("state").error("scenario.clock_state").arg("name", state);
                    let problem = problem.arg("known", CLOCK_STATES.join(", "));
                    self.problems.push(problem.suggest(state, CLOCK_STATES));
                }
                due.iter().for_each(|due| self.moment(due, &place.key("due")));
            }
            ScenarioStep::ExpectMetric { metric, matching, .. } => {
                let key = self.artifact_key(Kind::Metric, stage.app, metric, &place.key("metric"));
                if let Some(metric) = key.and_then(|key| metrics.get(&key)) {
                    for name in matching.keys() {
                        self.dimension(metric, name, &place.key("where").key(name));
                    }
                }
            }
            _ => {}
        }
    }

    /// The entity of a record that a step before made.
    fn record(&mut self, stage: &Stage<'_>, written: &str, place: &Place) -> Option<usize> {
        let name = written.strip_prefix('$').unwrap_or(written);
        match stage.records.get(name) {
            Some(entity) if written.starts_with('$') => *entity,
            _ => {
                let problem = place.error("scenario.record").arg("name", written);
                let known: Vec<String> = stage.records.keys().map(|name| format!("${name}")).collect();
                self.problems.push(problem.suggest(written, known.iter().map(String::as_str)));
                None
            }
        }
    }

    fn people(&mut self, stage: &Stage<'_>, logins: Option<&[String]>, place: &Place) {
        for (index, login) in logins.into_iter().flatten().enumerate() {
            self.person(stage, Some(login), &place.index(index));
        }
    }

    fn person(&mut self, stage: &Stage<'_>, login: Option<&String>, place: &Place) {
        let Some(login) = login.filter(|login| !stage.scenario.people.contains_key(*login)) else { return };
        let problem = place.error("scenario.person").arg("name", login);
        self.problems.push(problem.suggest(login, stage.scenario.people.keys().map(String::as_str)));
    }

    fn named_fields(&mut self, entity: Option<usize>, values: &Map<String, Value>, place: &Place) {
        let Some(entity) = entity else { return };
        for name in values.keys() {
            self.field(entity, name, &place.key(name));
        }
    }

    /// The entity of the record that a call makes.
    fn received(&self, key: &str) -> Option<usize> {
        let (app, id) = key.split_once('.')?;
        let owner = self.compiler.packages.iter().position(|package| package.app.id == app)?;
        let connector = self.compiler.packages[owner].connectors.iter().find(|one| one.id == id)?;
        let mut unheard = crate::problem::Problems::default();
        let place = Place::new(&self.compiler.packages[owner], Kind::Connector, id);
        self.compiler.names.entity(owner, &connector.receive.as_ref()?.entity, &place, &mut unheard)
    }

    /// A setting of the scenario's own app, or `app.setting`.
    fn setting(&mut self, own: usize, name: &str, place: &Place) {
        let own = self.compiler.packages[own].app.id.as_str();
        let (app, setting) = name.split_once('.').unwrap_or((own, name));
        let package = self.compiler.packages.iter().find(|package| package.app.id == app);
        let found = package.is_some_and(|package| package.app.settings.contains_key(setting));
        if !found {
            self.problems.push(place.error("scenario.setting").arg("name", name));
        }
    }

    fn moment(&mut self, text: &str, place: &Place) {
        if DateTime::parse_from_rfc3339(text).is_err() {
            self.problems.push(place.error("scenario.moment").arg("value", text));
        }
    }
}
