//! Compiles metrics: what is measured and by which fields it is broken down, all of it translatable to SQL.

use std::sync::Arc;

use mortise_expr::{Expression, Type};

use super::area::Area;
use super::{Build, Keyed};
use crate::Kind;
use crate::compile::place::Place;
use crate::model::{FieldKind, MeasureModel, MetricModel, Slot, roots, system};
use crate::source::{Measure, Metric};

/// Most dimensions of a metric; each is a column of its answers.
const DIMENSIONS_MAX: usize = 20;
/// Share of the target from which on a figure is amber, unless the metric says otherwise.
const AMBER: f64 = 0.8;
/// Largest percentile.
const PERCENT_MAX: u8 = 100;

impl Build<'_> {
    pub(super) fn metrics(&mut self) -> Keyed<MetricModel> {
        let mut models = Keyed::new();
        for (app, package) in self.packages() {
            for metric in &package.metrics {
                let place = Place::new(package, Kind::Metric, &metric.id);
                if let Some(model) = self.metric(app, metric, &place) {
                    models.insert(model.key.clone(), Arc::new(model));
                }
            }
        }
        models
    }

    fn metric(&mut self, app: usize, metric: &Metric, place: &Place) -> Option<MetricModel> {
        let entity = self.entity(app, &metric.entity, &place.key("entity"))?;
        let area = Area::plain(entity, app);
        let measure = self.measure(&area, metric, &place.key("measure"));
        let filter = metric.filter.as_deref();
        let filter = filter.and_then(|source| self.filter(entity, app, source, &place.key("filter")));
        let time = match &metric.time {
            Some(name) => self.moment_field(entity, name, &place.key("time")),
            None => Some(system::CREATED_AT),
        };
        let target = metric.target.as_deref();
        let target = target.and_then(|source| self.target(&area, source, &place.key("target")));
        let amber = metric.amber.unwrap_or(AMBER);
        if !(0.0..=1.0).contains(&amber) {
            self.problems.push(place.key("amber").error("metric.amber"));
        }
        Some(MetricModel {
            key: self.key(app, &metric.id),
            id: metric.id.clone(),
            app,
            entity,
            label: metric.label.clone(),
            description: metric.description.clone(),
            dimensions: self.dimensions(entity, &metric.dimensions, &place.key("dimensions")),
            measure: measure?,
            filter,
            time: time?,
            window: metric.window,
            figure: metric.figure,
            target,
            lower_is_better: metric.lower_is_better,
            amber,
        })
    }

    fn measure(&mut self, area: &Area, metric: &Metric, place: &Place) -> Option<MeasureModel> {
        let at = place.key("value");
        Some(match &metric.measure {
            Measure::Count => MeasureModel::Count,
            Measure::Sum { value } => MeasureModel::Sum(self.measured(area, value, &at)?),
            Measure::Average { value } => MeasureModel::Average(self.measured(area, value, &at)?),
            Measure::Min { value } => MeasureModel::Min(self.measured(area, value, &at)?),
            Measure::Max { value } => MeasureModel::Max(self.measured(area, value, &at)?),
            Measure::Percentile { value, percent } => {
                if *percent > PERCENT_MAX {
                    self.problems.push(place.key("percent").error("metric.percent"));
                }
                MeasureModel::Percentile(self.measured(area, value, &at)?, *percent)
            }
            Measure::Share { of } => {
                let (entity, app) = (area.site.entity, area.site.app);
                MeasureModel::Share(self.filter(entity, app, of, &place.key("of"))?)
            }
            Measure::Ratio { of, to, times } => {
                for (key, given) in [("filter", metric.filter.is_some()), ("time", metric.time.is_some())] {
                    if given {
                        self.problems.push(place.error("metric.ratio_part").arg("name", key));
                    }
                }
                let times = times.unwrap_or(1.0);
                if !times.is_finite() || times == 0.0 {
                    self.problems.push(place.key("times").error("metric.times"));
                }
                let of = self.part(area.site.app, of, metric, &place.key("of"));
                let to = self.part(area.site.app, to, metric, &place.key("to"));
                MeasureModel::Ratio { of: of?, to: to?, times }
            }
        })
    }

    /// A number or a duration that SQL can calculate.
    fn measured(&mut self, area: &Area, source: &str, place: &Place) -> Option<Expression> {
        let value = self.any_value(area, source, place)?;
        if !value.ty().is_number() && *value.ty() != Type::Duration {
            self.problems.push(place.error("metric.value").arg("type", value.ty()));
            return None;
        }
        match value.check_sql() {
            Ok(()) => Some(value),
            Err(diagnostic) => {
                self.problems.push(place.diagnostic(diagnostic));
                None
            }
        }
    }

    /// One of the two metrics of a ratio: it is broken down by at least the same dimensions.
    fn part(&mut self, app: usize, name: &str, ratio: &Metric, place: &Place) -> Option<String> {
        let (owner, id) = self.artifact(Kind::Metric, app, name, place)?;
        let part = self.compiler.packages[owner].metrics.iter().find(|one| one.id == id)?;
        if matches!(part.measure, Measure::Ratio { .. }) {
            self.problems.push(place.error("metric.ratio_of_ratio").arg("name", name));
        }
        for dimension in ratio.dimensions.iter().filter(|one| !part.dimensions.contains(one)) {
            let problem = place.error("metric.ratio_dimension").arg("name", name);
            self.problems.push(problem.arg("dimension", dimension));
        }
        Some(self.key(owner, id))
    }

    fn moment_field(&mut self, entity: usize, name: &str, place: &Place) -> Option<Slot> {
        let slot = self.field(entity, name, place)?;
        match self.draft(entity).fields[slot].ty {
            Some(Type::DateTime | Type::Date) => Some(slot),
            None => None,
            Some(_) => {
                self.problems.push(place.error("metric.time").arg("name", name));
                None
            }
        }
    }

    fn dimensions(&mut self, entity: usize, names: &[String], place: &Place) -> Vec<Slot> {
        self.at_most(names.len(), DIMENSIONS_MAX, place);
        let mut slots = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let place = place.index(index);
            let Some(slot) = self.field(entity, name, &place) else { continue };
            let ty = &self.draft(entity).fields[slot].ty;
            let few = matches!(ty, Some(Type::Bool | Type::Int | Type::Text | Type::Id | Type::Date));
            let long = matches!(self.entities[entity].fields[slot].kind, FieldKind::LongText { .. });
            if ty.is_some() && (!few || long) {
                self.problems.push(place.error("metric.dimension").arg("name", name));
            }
            if slots.contains(&slot) {
                self.problems.push(place.error("automation.twice").arg("name", name));
            }
            slots.push(slot);
        }
        slots
    }

    fn target(&mut self, area: &Area, source: &str, place: &Place) -> Option<Expression> {
        let target = self.number(area, source, place)?;
        if let Some(other) = target.references().iter().find(|one| one.root != roots::SETTINGS) {
            let name = format!("{}.{}", other.root_name, other.name);
            self.problems.push(place.error("metric.target").arg("name", name));
        }
        Some(target)
    }

    /// The dimension of this name; a problem when the metric has none.
    pub(super) fn dimension(&mut self, metric: &MetricModel, name: &str, place: &Place) -> Option<Slot> {
        let fields = &self.entities[metric.entity].fields;
        let found = metric.dimensions.iter().copied().find(|slot| &*fields[*slot].name == name);
        if found.is_none() {
            let problem = place.error("ref.dimension").arg("name", name).arg("metric", &metric.key);
            let known = metric.dimensions.iter().map(|slot| &*fields[*slot].name);
            self.problems.push(problem.suggest(name, known));
        }
        found
    }
}
