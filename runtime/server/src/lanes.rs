//! Who works the lanes of tenants: leases in the control plane, so that of several nodes one works a tenant at a time,
//! and a watch that opens tenants whose time has come although nobody visits them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use mortise_engine::{Error, Lanes, News};
use parking_lot::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::state::{noted, set_clock};
use crate::{AppState, Failure};

/// How long a lane belongs to a node that does not renew it; several times the renewal, so that a slow moment does not
/// cost the lane, and short enough for others to take over soon.
const LEASE: TimeDelta = TimeDelta::seconds(20);
/// How often lanes are looked for that other nodes have left behind.
const WATCH: Duration = Duration::from_secs(5);

/// The leases of this node.
struct Leases {
    state: AppState,
    node: Uuid,
}

impl Leases {
    async fn take(&self, slug: &str) -> Result<Option<i64>, Error> {
        let (control, node) = (&self.state.control, self.node);
        let tenant = control.tenant_by_slug(slug).await?.filter(|tenant| !tenant.suspended);
        // A tenant that is just being closed is not taken on any more.
        let Some((tenant, engine)) = tenant.zip(self.state.engine.opened(slug)) else { return Ok(None) };
        let epoch = control.acquire_lane(tenant.id, node, self.state.now(), LEASE).await?;
        let Some(epoch) = epoch else { return Ok(None) };
        set_clock(&engine, &tenant);
        // Data that was restored or moved here may have been worked with higher epochs elsewhere.
        let seen = engine.lane_epoch().await?;
        if seen < epoch {
            return Ok(Some(epoch));
        }
        let raised = control.raise_lane(tenant.id, node, epoch, seen + 1).await?;
        Ok(raised.then_some(seen + 1))
    }

    async fn keep(&self, slug: &str, epoch: i64) -> Result<bool, Error> {
        let control = &self.state.control;
        match control.tenant_by_slug(slug).await?.filter(|tenant| !tenant.suspended) {
            Some(tenant) => {
                // Should nobody have told that its clock was moved.
                if let Some(engine) = self.state.engine.opened(slug) {
                    set_clock(&engine, &tenant);
                }
                Ok(control.renew_lane(tenant.id, self.node, epoch, self.state.now(), LEASE).await?)
            }
            None => Ok(false),
        }
    }

    async fn give_back(&self, slug: &str, epoch: i64, next_due: Option<DateTime<Utc>>) -> Result<(), Error> {
        let control = &self.state.control;
        if let Some(tenant) = control.tenant_by_slug(slug).await? {
            // The tenant's time may be ahead of the one by which lanes are looked after.
            let ahead = tenant.ahead().unwrap_or_default();
            let next_due = next_due.map(|due| due - ahead);
            if let Some(engine) = self.state.engine.opened(slug) {
                control.note_lane(tenant.id, &noted(&engine.vitals().await?)).await?;
            }
            control.release_lane(tenant.id, self.node, epoch, next_due).await?;
        }
        Ok(())
    }
}

impl Lanes for Leases {
    fn acquire<'a>(&'a self, slug: &'a str) -> BoxFuture<'a, Result<Option<i64>, Error>> {
        Box::pin(self.take(slug))
    }

    fn renew<'a>(&'a self, slug: &'a str, epoch: i64) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(self.keep(slug, epoch))
    }

    fn release<'a>(
        &'a self,
        slug: &'a str,
        epoch: i64,
        next_due: Option<DateTime<Utc>>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.give_back(slug, epoch, next_due))
    }
}

/// What other nodes said that was not looked after yet.
#[derive(Default)]
struct Rumours {
    /// Tenants in which something was written, which are not open here.
    lanes: HashSet<String>,
    /// Tenants of which the people changed.
    people: HashSet<String>,
    /// Anything may have happened.
    gap: bool,
}

#[derive(Default)]
struct Ears {
    rumours: Mutex<Rumours>,
    heard: Notify,
}

impl Ears {
    fn hear(&self, news: News) {
        let mut rumours = self.rumours.lock();
        match news {
            // Who wrote works it off; it is looked after only should that node not come to it.
            News::Lane(slug) => {
                rumours.lanes.insert(slug);
                return;
            }
            News::People(slug) => {
                rumours.people.insert(slug);
            }
            News::Gap => rumours.gap = true,
        }
        drop(rumours);
        self.heard.notify_one();
    }
}

/// Begins to work the lanes of all tenants, those that are open and those whose time comes, until the server stops.
pub async fn work(state: &AppState) -> Result<(), Failure> {
    let control = &state.control;
    if !state.engine.shared() {
        // Nobody else can hold a lane here: leases of before are those of a process that is gone.
        control.end_leases().await?;
    }
    let lanes: Arc<dyn Lanes> = Arc::new(Leases { state: state.clone(), node: state.new_id() });
    state.begin_lanes(lanes.clone());
    let ears = Arc::new(Ears::default());
    let hearing = ears.clone();
    let listening = state.engine.listen(move |news| hearing.hear(news)).await?;
    let left = control.lanes_left(state.now()).await?;
    let watching = state.clone();
    state.keep_task(tokio::spawn(async move {
        let _listening = listening;
        let stop = watching.stop.clone();
        stop.run_until_cancelled(watch(&watching, &*lanes, &ears, left)).await;
    }));
    Ok(())
}

/// Looks after tenants whose time has come, and after what other nodes say.
async fn watch(state: &AppState, lanes: &dyn Lanes, ears: &Ears, left: Vec<Uuid>) {
    let mut waiting = left;
    let mut rested = state.now();
    let mut asked = state.now();
    loop {
        let rumours = std::mem::take(&mut *ears.rumours.lock());
        if let Err(failure) = look(state, lanes, rumours, std::mem::take(&mut waiting)).await {
            let reason = failure.log().unwrap_or_default();
            tracing::error!(code = failure.code(), reason, "lanes could not be looked after");
        }
        if state.now() - rested >= REST {
            rest(state).await;
            rested = state.now();
        }
        if state.now() - asked >= ASK {
            state.engine.catch_up().await;
            asked = state.now();
        }
        let next = state.control.next_lane_due().await.unwrap_or_default();
        let until = next.map_or(WATCH, |next| (next - state.now()).to_std().unwrap_or_default().min(WATCH));
        tokio::select! {
            () = ears.heard.notified() => {}
            // What is due and not taken yet is not asked about without a break.
            () = tokio::time::sleep(until.max(PAUSE)) => {}
        }
    }
}

/// How often it is looked which tenants can be closed.
const REST: TimeDelta = TimeDelta::seconds(5);
/// How often it is asked whether definitions have changed, should a signal have been lost.
const ASK: TimeDelta = TimeDelta::seconds(30);
/// Shortest pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

async fn look(
    state: &AppState,
    lanes: &dyn Lanes,
    rumours: Rumours,
    mut waiting: Vec<Uuid>,
) -> Result<(), Failure> {
    waiting.extend(state.control.lanes_due(state.now()).await?);
    if rumours.gap {
        waiting.extend(state.control.lanes_left(state.now()).await?);
        state.sign_ins.clear();
    }
    let mut slugs: HashSet<String> = HashSet::new();
    if !waiting.is_empty() {
        let tenants = state.control.tenants().await?.into_iter();
        slugs.extend(tenants.filter(|tenant| waiting.contains(&tenant.id)).map(|tenant| tenant.slug));
    }
    for slug in rumours.lanes {
        if state.engine.has_backlog(&slug).await? {
            slugs.insert(slug);
        }
    }
    for slug in &slugs {
        if let Err(failure) = inspect(state, lanes, slug).await {
            let reason = failure.log().unwrap_or_default();
            tracing::error!(tenant = slug, code = failure.code(), reason, "a lane could not be looked after");
        }
    }
    state.follow_tenants(&rumours.people, rumours.gap).await?;
    for handle in state.open_tenants() {
        if rumours.gap || rumours.people.contains(&handle.record.slug) {
            state.sign_ins.clear();
            state.read_directory(&handle).await?;
        }
    }
    Ok(())
}

/// Opens a tenant, has its lane worked, and notes when there is something to do again.
async fn inspect(state: &AppState, lanes: &dyn Lanes, slug: &str) -> Result<(), Failure> {
    let tenant = state.look_into(slug).await?.engine.clone();
    if let Some(epoch) = lanes.acquire(slug).await? {
        lanes.release(slug, epoch, tenant.lane_due().await?).await?;
    }
    tenant.wake_lane();
    drop(tenant);
    // Many may be looked into after a start, most of them in vain: they are not left open.
    state.rest(slug).await?;
    Ok(())
}

/// Closes tenants that nobody uses and in which nothing happens.
async fn rest(state: &AppState) {
    let open: Vec<String> =
        state.open_tenants().into_iter().map(|handle| handle.record.slug.clone()).collect();
    for slug in open {
        if let Err(failure) = state.rest(&slug).await {
            let reason = failure.log().unwrap_or_default();
            tracing::error!(tenant = slug, code = failure.code(), reason, "a tenant could not be closed");
        }
    }
}
