//! Compiles what apps do by themselves: every name is resolved, every expression compiled against the roots that its
//! place has. Nothing here runs anything; what a rule or a clock does is for the engine to say.

mod action;
mod area;
mod assignment;
mod calendar;
mod connector;
mod dashboard;
mod decision;
mod figure;
mod lifecycle;
pub(crate) mod lint;
mod look_up;
mod metric;
mod notification;
mod plugin;
mod rule;
mod scenario;
mod sla;
mod template;
mod unary;
mod values;
mod watched;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;
use mortise_expr::Shape;

use super::Compiler;
use super::draft::Draft;
use super::place::Place;
use crate::Kind;
use crate::Package;
use crate::model::{
    Automation, EntityAutomation, EntityModel, FieldKind, LifecycleModel, MetricModel, Slot, TriggerModel,
};
use crate::problem::Problems;

impl Compiler<'_> {
    /// All automation of all apps.
    pub(super) fn automation(&self, entities: &[EntityModel], problems: &mut Problems) -> Automation {
        let previous = self.drafts.iter().map(area::previous_shape).collect();
        let clock = Arc::new(area::clock_shape());
        let mut build = Build {
            compiler: self,
            entities,
            problems,
            previous,
            clock,
            with_lifecycle: HashSet::new(),
            states: HashMap::new(),
            lifecycles: HashMap::new(),
            measured: Keyed::new(),
        };
        // Each after what it looks into: actions ask lifecycles for transitions, and nearly all ask for metrics.
        let lifecycles = build.lifecycles();
        let decisions = build.decisions();
        let calendars = build.calendars();
        let metrics = build.metrics();
        build.measured.clone_from(&metrics);
        let connectors = build.connectors();
        let notifications = build.notifications();
        let assignments = build.assignments(&metrics);
        let slas = build.slas();
        let rules = build.rules();
        let dashboards = build.dashboards(&metrics);
        let scenarios = build.scenarios(&metrics);
        let mut automation = Automation {
            lifecycles,
            decisions,
            calendars,
            slas,
            metrics,
            assignments,
            connectors,
            notifications,
            rules,
            dashboards,
            scenarios,
            by_entity: Vec::new(),
        };
        automation.by_entity = by_entity(&automation, entities);
        automation
    }
}

/// What the artifacts of one compilation share.
struct Build<'a> {
    compiler: &'a Compiler<'a>,
    entities: &'a [EntityModel],
    problems: &'a mut Problems,
    /// Shapes of the root `previous` by entity.
    previous: Vec<Arc<Shape>>,
    clock: Arc<Shape>,
    /// Entities for which somebody wrote a lifecycle, right or wrong.
    with_lifecycle: HashSet<usize>,
    /// Fields that hold states, with the state of a new record, by entity.
    states: HashMap<usize, (Slot, String)>,
    /// Lifecycles by entity.
    lifecycles: HashMap<usize, Arc<LifecycleModel>>,
    /// Metrics by key.
    measured: Keyed<MetricModel>,
}

impl<'a> Build<'a> {
    fn packages(&self) -> impl Iterator<Item = (usize, &'a Package)> + use<'a> {
        self.compiler.packages.iter().map(|package| &**package).enumerate()
    }

    fn draft(&self, entity: usize) -> &'a Draft<'a> {
        &self.compiler.drafts[entity]
    }

    fn key(&self, app: usize, id: &str) -> String {
        format!("{}.{id}", self.compiler.packages[app].app.id)
    }

    fn entity(&mut self, app: usize, name: &str, place: &Place) -> Option<usize> {
        self.compiler.names.entity(app, name, place, self.problems)
    }

    fn field(&mut self, entity: usize, name: &str, place: &Place) -> Option<Slot> {
        self.draft(entity).find(name, place, self.problems)
    }

    /// The owner and the id of an artifact that is named.
    fn artifact<'n>(
        &mut self,
        kind: Kind,
        app: usize,
        name: &'n str,
        place: &Place,
    ) -> Option<(usize, &'n str)> {
        self.compiler.names.artifact(kind, app, name, place, self.problems)
    }

    fn artifact_key(&mut self, kind: Kind, app: usize, name: &str, place: &Place) -> Option<String> {
        let (owner, id) = self.artifact(kind, app, name, place)?;
        Some(self.key(owner, id))
    }

    /// Keys of roles.
    fn roles(&mut self, app: usize, names: &[String], place: &Place) -> Vec<String> {
        let mut keys = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let place = place.index(index);
            let Some(key) = self.artifact_key(Kind::Role, app, name, &place) else { continue };
            if keys.contains(&key) {
                self.problems.push(place.error("automation.twice").arg("name", name));
            }
            keys.push(key);
        }
        keys
    }

    /// True when the field refers to people.
    fn is_person(&self, entity: usize, slot: Slot) -> bool {
        matches!(self.entities[entity].fields[slot].kind, FieldKind::User)
    }

    /// An artifact that another one names has to be about the same entity; `written` is what it says in its own app.
    fn same_entity(&mut self, owner: usize, written: &str, entity: usize, place: &Place) {
        // A wrong name is reported where it is written.
        let mut unheard = Problems::default();
        let found = self.compiler.names.entity(owner, written, place, &mut unheard);
        if let Some(found) = found.filter(|found| *found != entity) {
            let problem = place.error("automation.other_entity").arg("entity", &self.entities[found].key);
            self.problems.push(problem.arg("wanted", &self.entities[entity].key));
        }
    }

    /// Ids of the parts of an artifact are used once.
    fn unique<'i>(&mut self, ids: impl Iterator<Item = &'i str>, place: &Place) {
        let mut seen: Vec<&str> = Vec::new();
        for (index, id) in ids.enumerate() {
            if seen.contains(&id) {
                self.problems.push(place.index(index).key("id").error("automation.twice").arg("name", id));
            }
            seen.push(id);
        }
    }

    /// A list must not be longer than anybody can oversee; see the constant.
    fn at_most(&mut self, count: usize, limit: usize, place: &Place) {
        if count > limit {
            self.problems.push(place.error("automation.too_many").arg("count", count).arg("limit", limit));
        }
    }
}

fn by_entity(automation: &Automation, entities: &[EntityModel]) -> Vec<EntityAutomation> {
    let mut all: Vec<EntityAutomation> = entities.iter().map(|_| EntityAutomation::default()).collect();
    for lifecycle in automation.lifecycles.values() {
        all[lifecycle.entity].lifecycle = Some(Arc::clone(lifecycle));
    }
    for sla in automation.slas.values() {
        all[sla.entity].slas.push(Arc::clone(sla));
    }
    for rule in automation.rules.values() {
        let by_event = |trigger: &TriggerModel| !matches!(trigger, TriggerModel::Schedule { .. });
        if rule.triggers.iter().any(by_event) {
            all[rule.entity].rules.push(Arc::clone(rule));
        }
    }
    for one in &mut all {
        one.rules.sort_by(|a, b| (a.order, &a.key).cmp(&(b.order, &b.key)));
        one.slas.sort_by(|a, b| a.key.cmp(&b.key));
    }
    for (one, entity) in all.iter_mut().zip(entities) {
        one.watched = watched::rollups(automation, one, entity);
    }
    all
}

/// Artifacts by key, each shared.
type Keyed<T> = IndexMap<String, Arc<T>>;
