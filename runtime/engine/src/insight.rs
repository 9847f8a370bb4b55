//! What people may ask about what happens by itself: clocks and decisions of a record, figures, and what a draft of a
//! policy would change.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use mortise_definition::model::{EntityModel, MetricModel, Model, SlaModel, system};
use mortise_definition::source::{Operation, Window};
use uuid::Uuid;

use crate::assign::{self, Replay, StoredAssignment};
use crate::clocks::{self, Recomputed, StoredClock};
use crate::commands::Work;
use crate::error::Error;
use crate::metrics::{self, Figured, MetricQuery, Trend};
use crate::people::Actor;
use crate::published::Published;
use crate::tenant::Tenant;
use crate::values::Issue;

impl Tenant {
    /// The clocks of a record, the newest first.
    pub async fn clocks(&self, actor: &Actor, entity: &str, id: Uuid) -> Result<Vec<StoredClock>, Error> {
        self.read(actor, entity, id).await?;
        clocks::of_record(&self.store, entity, id).await
    }

    /// The present clocks of records that the caller has read.
    pub async fn clocks_of(&self, records: &[Uuid]) -> Result<Vec<StoredClock>, Error> {
        clocks::of_records(&self.store, records).await
    }

    /// Microseconds that a clock has counted by now.
    pub fn counted(&self, clock: &StoredClock) -> i64 {
        let work = self.work(&Actor::system(self.directory().tz));
        clocks::counted(&work, clock)
    }

    /// Who got a record and why, the newest decision first. How others stood is told to those who may read the profiles of
    /// all of them.
    pub async fn assignments(
        &self,
        actor: &Actor,
        entity: &str,
        id: Uuid,
    ) -> Result<Vec<StoredAssignment>, Error> {
        self.read(actor, entity, id).await?;
        let mut decisions = assign::of_record(&self.store, entity, id).await?;
        let work = self.work(actor);
        for decision in &mut decisions {
            let policy = work.model().automation.assignments.get(&decision.policy);
            if !policy.map_or(actor.user.admin, |policy| assign::compares_for(&work, policy)) {
                decision.choice = decision.choice.take().map(|choice| choice.seen_by(actor.id()));
            }
        }
        Ok(decisions)
    }

    /// Whether the person may claim records by a policy at all.
    pub fn may_claim(&self, actor: &Actor, policy: &str) -> bool {
        let model = self.model();
        let policy = model.automation.assignments.get(policy);
        policy.is_some_and(|policy| {
            policy.claim.is_some() && policy.pool.roles.iter().any(|role| actor.user.roles.contains(role))
        })
    }

    /// A figure, over the records that the person may see.
    pub async fn metric(
        &self,
        actor: &Actor,
        key: &str,
        query: &MetricQuery,
    ) -> Result<(Arc<MetricModel>, Vec<Figured>), Error> {
        let work = self.work(actor);
        let metric = asked_metric(&work, key, query)?;
        let figures = metrics::read(&work, (&self.store, &self.answers), &metric, query).await?;
        Ok((metric, figures))
    }

    /// The same over everything, with how it was in the span of time before.
    pub async fn metric_trend(
        &self,
        actor: &Actor,
        key: &str,
        query: &MetricQuery,
    ) -> Result<(Arc<MetricModel>, Trend), Error> {
        let work = self.work(actor);
        let metric = asked_metric(&work, key, query)?;
        let trend = metrics::read_trend(&work, (&self.store, &self.answers), &metric, query).await?;
        Ok((metric, trend))
    }

    /// The moment at which a span of time begins that reaches until now.
    pub fn window_start(&self, window: Window) -> DateTime<Utc> {
        metrics::start(&window, self.now(), self.directory().tz)
    }

    /// What a metric aims at.
    pub fn metric_target(&self, actor: &Actor, metric: &MetricModel) -> Option<f64> {
        let work = self.work(actor);
        let target = metric.target.as_ref()?;
        work.with_roots(metric.app, &[], |cx| target.eval(cx)).ok()?.as_number()
    }

    /// Whether the person may read records of an entity.
    pub fn may_read(&self, actor: &Actor, entity: &str) -> bool {
        self.may(actor, entity, Operation::Read)
    }

    /// What a policy of `draft` (definitions that are not in force yet) would have done with the latest records.
    pub(crate) async fn replay_with(
        &self,
        actor: &Actor,
        draft: Arc<Published>,
        policy: &str,
        count: u64,
    ) -> Result<Replay, Error> {
        if !actor.user.admin {
            return Err(Error::Forbidden(Issue::new("permission.administrator")));
        }
        let work = self.work_with(draft, actor);
        let policy = assign::find(&work, policy)?;
        let done = self.store.write(move |session| {
            let result = assign::replay(&work, session, &policy, count)?;
            Ok::<_, Error>(result)
        });
        done.await
    }

    /// The same with the policy in force.
    pub async fn replay(&self, actor: &Actor, policy: &str, count: u64) -> Result<Replay, Error> {
        self.replay_with(actor, self.published(), policy, count).await
    }

    /// What definitions that are not in force yet make of the running clocks. Clocks on records whose fields change with
    /// them are left out: their values cannot be read by the new definitions before these are in force.
    pub(crate) async fn clock_preview(&self, draft: &Arc<Model>) -> Result<Recomputed, Error> {
        let model = self.model();
        let alike = |entity: usize| {
            let names = |entity: &EntityModel| -> Vec<_> {
                entity.fields.iter().map(|field| field.name.clone()).collect()
            };
            let new = &draft.entities[entity];
            model.entity(&new.key).is_some_and(|old| old.table == new.table && names(old) == names(new))
        };
        let changed = |sla: &&Arc<SlaModel>| {
            let before = model.automation.slas.get(&sla.key);
            before.is_some_and(|before| before.digest != sla.digest) && alike(sla.entity)
        };
        let slas: Vec<_> = draft.automation.slas.values().filter(changed).cloned().collect();
        if slas.is_empty() {
            return Ok(Recomputed::default());
        }
        let published = Arc::new(Published::new(draft.clone(), self.store.naming(), Arc::default()));
        let work = self.work_with(published, &Actor::system(self.directory().tz));
        clocks::preview(&work, &self.store, &slas).await
    }
}

/// The metric of a key, if all that is asked about is among its dimensions.
fn asked_metric(work: &Work, key: &str, query: &MetricQuery) -> Result<Arc<MetricModel>, Error> {
    let metric = metrics::find(work, key)?.clone();
    let unknown = |slot: &usize| *slot >= system::FIRST && !metric.dimensions.contains(slot);
    match query.dimensions().find(unknown) {
        Some(slot) => {
            let name = work.model().entities[metric.entity].fields[slot].name.to_string();
            Err(Error::BadRequest(Issue::new("metric.no_dimension").with("field", name)))
        }
        None => Ok(metric),
    }
}
