//! Compiles assignment policies: who can be chosen, what they must meet, how much they can take, what speaks for them.

use std::sync::Arc;

use mortise_expr::{Expression, Member, Shape, Type};
use sha2::{Digest, Sha256};

use super::area::{Area, candidate_shape};
use super::figure::FIGURE_SCALE;
use super::{Build, Keyed};
use crate::Kind;
use crate::compile::expressions::Extra;
use crate::compile::names::check_name;
use crate::compile::place::Place;
use crate::model::{
    AssignmentModel, FallbackModel, FilterModel, MeasureUseModel, MetricModel, OfferModel, PoolModel, Slot,
    TermModel, system,
};
use crate::package::hex;
use crate::source::{Assignment, Capacity, Fallback, MeasureUse, Offer, Pool, Term};

/// The dimension that is the candidate, unless the use of the metric says otherwise.
const PERSON: &str = "owner";
/// Most filters, terms, measures or fallbacks: each is asked for every candidate of every decision.
const PARTS_MAX: usize = 50;

impl Build<'_> {
    pub(super) fn assignments(&mut self, metrics: &Keyed<MetricModel>) -> Keyed<AssignmentModel> {
        let mut models = Keyed::new();
        for (app, package) in self.packages() {
            for policy in &package.assignments {
                let place = Place::new(package, Kind::Assignment, &policy.id);
                if let Some(model) = self.assignment(app, policy, metrics, &place) {
                    models.insert(model.key.clone(), Arc::new(model));
                }
            }
        }
        models
    }

    fn assignment(
        &mut self,
        app: usize,
        policy: &Assignment,
        metrics: &Keyed<MetricModel>,
        place: &Place,
    ) -> Option<AssignmentModel> {
        let entity = self.entity(app, &policy.entity, &place.key("entity"))?;
        let plain = Area::plain(entity, app);
        let field = self.assigned_field(entity, policy, &place.key("field"));
        let pool = self.pool(app, &policy.pool, None, &place.key("pool"));
        self.check_parts(policy, place);
        let measures = self.measures(&plain, policy, metrics, &place.key("measures"));
        let measures_shape = measures_shape(policy);
        let area = self.candidate_area(&plain, pool.profile, &measures_shape);
        let filters = self.candidate_filters(&area, policy, &place.key("filters"));
        let capacity = policy.capacity.as_ref();
        let [per_day, open, open_when] = match capacity {
            Some(capacity) => self.capacity(&area, capacity, &place.key("capacity")),
            None => [None, None, None],
        };
        let terms = policy.terms.iter().enumerate();
        let terms = terms
            .filter_map(|(index, term)| self.term(&plain, &area, term, &place.key("terms").index(index)));
        let terms = terms.collect();
        let assigner = policy.assigner.as_ref().and_then(|one| {
            let (plugin, _) = self.plugin_of(app, &one.plugin, &place.key("assigner").key("plugin"))?;
            Some((plugin, one.name.clone()))
        });
        let fallbacks = policy.fallbacks.iter().enumerate();
        let fallbacks = fallbacks.map(|(index, fallback)| {
            self.fallback(&plain, policy, &pool, fallback, &place.key("fallbacks").index(index))
        });
        let fallbacks = fallbacks.collect();
        let offer = policy.offer.as_ref();
        let offer = offer.and_then(|offer| self.offer(&plain, offer, &place.key("offer")));
        let claim = policy.claim.as_deref();
        let claim = claim.and_then(|source| self.filter(entity, app, source, &place.key("claim")));
        let written = serde_json::to_vec(policy).expect("artifacts hold only what JSON can hold");
        Some(AssignmentModel {
            key: self.key(app, &policy.id),
            id: policy.id.clone(),
            app,
            entity,
            label: policy.label.clone(),
            field: field?,
            pool,
            measures,
            measures_shape,
            filters,
            per_day,
            open,
            open_when,
            terms,
            assigner,
            fallbacks,
            offer,
            claim,
            digest: hex(&Sha256::digest(written)),
        })
    }

    fn offer(&mut self, plain: &Area, offer: &Offer, place: &Place) -> Option<OfferModel> {
        let (entity, app) = (plain.site.entity, plain.site.app);
        let when = self.optional_condition(plain, offer.when.as_ref(), &place.key("when"));
        let duration = self.value(plain, &offer.duration, &Type::Duration, &place.key("for"));
        let at = place.key("notification");
        let (owner, id) = self.artifact(Kind::Notification, app, &offer.notification, &at)?;
        let package = &self.compiler.packages[owner];
        let written = package.notifications.iter().find(|one| one.id == id)?;
        self.same_entity(owner, &written.entity, entity, &at);
        let notification = self.key(owner, id);
        Some(OfferModel { when, count: usize::from(offer.count), duration: duration?, notification })
    }

    fn assigned_field(&mut self, entity: usize, policy: &Assignment, place: &Place) -> Option<Slot> {
        let Some(name) = &policy.field else { return Some(system::OWNER) };
        let slot = self.person_field(entity, name, place)?;
        if !self.entities[entity].fields[slot].writable() {
            self.problems.push(place.error("action.not_writable").arg("name", name));
            return None;
        }
        Some(slot)
    }

    fn check_parts(&mut self, policy: &Assignment, place: &Place) {
        for (key, count) in [
            ("measures", policy.measures.len()),
            ("filters", policy.filters.len()),
            ("terms", policy.terms.len()),
            ("fallbacks", policy.fallbacks.len()),
        ] {
            self.at_most(count, PARTS_MAX, &place.key(key));
        }
        self.unique(policy.filters.iter().map(|one| one.id.as_str()), &place.key("filters"));
        self.unique(policy.terms.iter().map(|one| one.id.as_str()), &place.key("terms"));
        self.unique(policy.fallbacks.iter().map(|one| one.id.as_str()), &place.key("fallbacks"));
    }

    /// A pool. Expressions are compiled against one profile, so another pool has the same or none of its own.
    fn pool(&mut self, app: usize, pool: &Pool, main: Option<&PoolModel>, place: &Place) -> PoolModel {
        let roles = place.key("roles");
        if pool.roles.is_empty() {
            self.problems.push(roles.error("assignment.no_roles"));
        }
        let roles = self.roles(app, &pool.roles, &roles);
        let inherited = main.and_then(|main| main.profile);
        let profile = pool.profile.as_ref().and_then(|profile| {
            let place = place.key("profile");
            let entity = self.entity(app, &profile.entity, &place.key("entity"))?;
            let at = place.key("person");
            let slot = self.person_field(entity, &profile.person, &at)?;
            if !self.entities[entity].fields[slot].unique {
                self.problems.push(at.error("assignment.profile_unique").arg("name", &profile.person));
            }
            if main.is_some() && inherited != Some((entity, slot)) {
                self.problems.push(place.error("assignment.profile_differs"));
            }
            Some((entity, slot))
        });
        PoolModel { roles, profile: profile.or(inherited) }
    }

    /// The roots of expressions about a candidate.
    fn candidate_area(&self, plain: &Area, profile: Option<(usize, Slot)>, measures: &Arc<Shape>) -> Area {
        let entity = profile.map(|(entity, _)| entity);
        let shape = entity.map_or_else(Default::default, |entity| Arc::clone(&self.previous[entity]));
        let extra = vec![
            Extra { name: "candidate", shape: Arc::new(candidate_shape()), entity: None },
            Extra { name: "profile", shape, entity },
            Extra { name: "measures", shape: Arc::clone(measures), entity: None },
        ];
        Area { site: plain.site, extra }
    }

    fn measures(
        &mut self,
        area: &Area,
        policy: &Assignment,
        metrics: &Keyed<MetricModel>,
        place: &Place,
    ) -> Vec<MeasureUseModel> {
        let mut models = Vec::with_capacity(policy.measures.len());
        for (id, used) in &policy.measures {
            let place = place.key(id);
            check_name(id, &place, self.problems);
            models.extend(self.measure_use(area, id, used, metrics, &place));
        }
        models
    }

    fn measure_use(
        &mut self,
        area: &Area,
        id: &str,
        used: &MeasureUse,
        metrics: &Keyed<MetricModel>,
        place: &Place,
    ) -> Option<MeasureUseModel> {
        let key = self.artifact_key(Kind::Metric, area.site.app, &used.metric, &place.key("metric"))?;
        // A metric that is wrong itself was reported already.
        let metric = metrics.get(&key)?;
        let at = place.key("person");
        let person = self.dimension(metric, used.person.as_deref().unwrap_or(PERSON), &at);
        if let Some(person) = person.filter(|slot| !self.is_person(metric.entity, *slot)) {
            let name = &self.entities[metric.entity].fields[person].name;
            self.problems.push(at.error("automation.not_person").arg("name", name));
        }
        let mut matching = Vec::with_capacity(used.matching.len());
        for (name, source) in &used.matching {
            let place = place.key("where").key(name);
            let Some(slot) = self.dimension(metric, name, &place) else { continue };
            let Some(want) = self.draft(metric.entity).fields[slot].ty.clone() else { continue };
            matching.extend(self.value(area, source, &want, &place).map(|value| (slot, value)));
        }
        let top = match &used.top {
            None => None,
            Some(top) => {
                let place = place.key("top").key("by");
                let slot = self.dimension(metric, &top.by, &place)?;
                if self.draft(metric.entity).fields[slot].ty != Some(Type::Text) {
                    self.problems.push(place.error("assignment.top").arg("name", &top.by));
                }
                Some((slot, top.count))
            }
        };
        Some(MeasureUseModel { id: id.to_owned(), metric: key, person: person?, matching, top })
    }

    fn candidate_filters(&mut self, area: &Area, policy: &Assignment, place: &Place) -> Vec<FilterModel> {
        let filters = policy.filters.iter().enumerate().filter_map(|(index, filter)| {
            let place = place.index(index).key("condition");
            let condition = self.value(area, &filter.condition, &Type::Bool, &place)?;
            Some(FilterModel { id: filter.id.clone(), label: filter.label.clone(), condition })
        });
        filters.collect()
    }

    fn capacity(&mut self, area: &Area, capacity: &Capacity, place: &Place) -> [Option<Expression>; 3] {
        let mut count = |source: &Option<String>, key: &str| {
            self.value(area, source.as_deref()?, &Type::Int, &place.key(key))
        };
        let (per_day, open) = (count(&capacity.per_day, "per_day"), count(&capacity.open, "open"));
        if capacity.open.is_some() && capacity.open_when.is_none() {
            self.problems.push(place.error("assignment.no_open_when"));
        }
        let open_when = capacity.open_when.as_deref();
        let (entity, app) = (area.site.entity, area.site.app);
        let open_when =
            open_when.and_then(|source| self.filter(entity, app, source, &place.key("open_when")));
        [per_day, open, open_when]
    }

    fn term(&mut self, plain: &Area, area: &Area, term: &Term, place: &Place) -> Option<TermModel> {
        let weight = self.number(plain, &term.weight, &place.key("weight"));
        let score = self.number(area, &term.score, &place.key("score"));
        let missing = term.missing.as_deref();
        let missing = missing.and_then(|source| self.number(area, source, &place.key("missing")));
        Some(TermModel {
            id: term.id.clone(),
            label: term.label.clone(),
            weight: weight?,
            score: score?,
            missing,
        })
    }

    fn fallback(
        &mut self,
        plain: &Area,
        policy: &Assignment,
        main: &PoolModel,
        fallback: &Fallback,
        place: &Place,
    ) -> FallbackModel {
        if fallback.without.is_empty() && fallback.pool.is_none() {
            self.problems.push(place.error("assignment.empty_fallback"));
        }
        let mut without = Vec::with_capacity(fallback.without.len());
        for (index, id) in fallback.without.iter().enumerate() {
            match policy.filters.iter().position(|filter| filter.id == *id) {
                Some(position) => without.push(position),
                None => {
                    let problem = place.key("without").index(index).error("ref.filter").arg("name", id);
                    let known = policy.filters.iter().map(|filter| filter.id.as_str());
                    self.problems.push(problem.suggest(id, known));
                }
            }
        }
        let app = plain.site.app;
        let pool = fallback.pool.as_ref();
        FallbackModel {
            id: fallback.id.clone(),
            label: fallback.label.clone(),
            when: self.optional_condition(plain, fallback.when.as_ref(), &place.key("when")),
            without,
            pool: pool.map(|pool| self.pool(app, pool, Some(main), &place.key("pool"))),
        }
    }
}

/// The shape of the root `measures`: a figure each, or the best few values as texts.
fn measures_shape(policy: &Assignment) -> Arc<Shape> {
    let members = policy.measures.iter().map(|(id, used)| {
        let ty = match used.top {
            Some(_) => Type::List(Box::new(Type::Text)),
            None => Type::Decimal(FIGURE_SCALE),
        };
        Member::new(id.as_str(), ty).nullable()
    });
    Arc::new(Shape::new(members.collect()))
}
