//! The lane of a tenant: everything that happens by itself, in the order in which things happened, one piece after the
//! other. Position and effects are one transaction, so that a crash at any point loses nothing and does nothing twice.

mod batch;
mod failure;
mod items;
mod renewal;
mod retention;
mod schedule;
mod standing;
mod task;
mod vitals;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mortise_store::Session;
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::timer::{self, FAR};
use crate::commands::audit_entry;
use crate::error::Error;
use crate::people::{Actor, Directory};
use crate::plugins;
use crate::published::Published;
use crate::tenant::Tenant;
use crate::values::Issue;

use batch::Done;
pub(crate) use batch::guarded;
pub use failure::{FailedField, Failure};
pub use items::{WorkItem, WorkState};
pub(crate) use items::{heals, keep_call};
pub use retention::Retention;
pub use standing::Backlog;
pub use task::{LANE_RENEWAL, Lanes, Sole};
pub use vitals::Vitals;

/// Tries of a batch whose definitions change meanwhile.
const TRIES_MAX: u32 = 50;
/// How long a lane may take to end when its tenant is closed. What it does not come to is done at the next start.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pieces of failed work of one page at most.
const ITEMS_MAX: i64 = 200;

/// Name of the note of the definitions whose schedules have timers.
const SYNCED: &str = "synced";

/// What a tenant keeps of its lane in memory.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// Told after each commit that left something to do.
    pub(crate) wake: Notify,
    /// By what the timers of schedules and clocks were set, see [`reckoning`].
    synced: Mutex<String>,
    /// How far what is over was cleared away.
    clearing: Mutex<retention::Clearing>,
    /// Figures, with the number of commits at which they were counted.
    vitals: Mutex<Option<(u64, Vitals)>>,
    /// It is worked here now.
    working: AtomicBool,
    /// The tenant is closing.
    stopping: AtomicBool,
    /// The task that works it.
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Lane {
    /// Finishes the batch under way, and begins no other.
    pub(crate) async fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.wake.notify_one();
        let task = self.task.lock().take();
        let Some(mut task) = task else { return };
        match tokio::time::timeout(PATIENCE, &mut task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the lane ended unexpectedly"),
            Err(_) => task.abort(),
        }
    }

    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

impl Tenant {
    /// Works the lane from now on, beside everything else, as long as `lanes` leaves it to this node. To be called when
    /// the people are known.
    pub fn work_lane(self: &Arc<Self>, lanes: Arc<dyn Lanes>) {
        let mut task = self.lane.task.lock();
        if task.is_none() && !self.lane.stopping() {
            *task = Some(tokio::spawn(task::run(self.clone(), lanes)));
        }
    }

    /// Has the lane look whether there is something to do: another node wrote, or stopped working it.
    pub fn wake_lane(&self) {
        self.lane.wake.notify_one();
    }

    /// Works off everything that is due by now, until nothing is left.
    pub async fn run_due(&self) -> Result<(), Error> {
        // A clock that is worked out anew may have steps that are due already, though its batch was not full.
        while self.run_batch(None).await?.more || self.has_due().await? {}
        Ok(())
    }

    /// The same as long as that is wanted; tells whether nothing is left.
    pub(crate) async fn run_due_while(
        &self,
        wanted: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<bool, Error> {
        while wanted() {
            if !self.run_batch(None).await?.more && !self.has_due().await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Works off a batch; with an epoch only as long as nobody else has taken the lane over.
    async fn run_batch(&self, epoch: Option<i64>) -> Result<Done, Error> {
        let mut tries = 0;
        loop {
            let work = self.work(&Actor::system(self.directory().tz));
            let reckoning = reckoning(&work.published, &work.directory);
            let sync = *self.lane.synced.lock() != reckoning;
            let synced = reckoning.clone();
            let done = self.store.write(move |session: &mut Session<'_>| {
                let mut done = batch::run(&work, session, epoch)?;
                if sync {
                    // What this sets in motion is due at once.
                    done.more = true;
                    schedule::sync(&work, session)?;
                    plugins::sync_jobs(&work, session)?;
                    renewal::sync(&work, session)?;
                    mortise_store::put_meta(session, SYNCED, &synced)?;
                }
                Ok(done)
            });
            match done.await {
                Err(Error::ModelChanged) if tries < TRIES_MAX => tries += 1,
                Ok(done) => {
                    if sync {
                        *self.lane.synced.lock() = reckoning;
                    }
                    return Ok(done);
                }
                Err(error) => {
                    self.published().hands.forget();
                    return Err(error);
                }
            }
            self.catch_up().await;
        }
    }

    /// Whether there is something to do now, without doing it. Where nothing follows from events, they are left alone:
    /// should that change, the lane begins with what happens then.
    async fn has_due(&self) -> Result<bool, Error> {
        if !self.is_synced().await? {
            return Ok(true);
        }
        if self.published().automated && self.has_events().await? {
            return Ok(true);
        }
        let now = self.now();
        Ok(self.next_due().await?.is_some_and(|next| next <= now))
    }

    /// Whether timers are as the definitions want them; after a start by what was noted then.
    async fn is_synced(&self) -> Result<bool, Error> {
        let reckoning = reckoning(&self.published(), &self.directory());
        if *self.lane.synced.lock() == reckoning {
            return Ok(true);
        }
        if self.store.meta(SYNCED).await?.as_ref() != Some(&reckoning) {
            return Ok(false);
        }
        *self.lane.synced.lock() = reckoning;
        Ok(true)
    }

    async fn has_events(&self) -> Result<bool, Error> {
        let naming = self.store.naming();
        let sql = format!(
            "SELECT seq FROM {} WHERE seq > (SELECT position FROM {}) ORDER BY seq LIMIT 1",
            naming.table("_event"),
            naming.table("_lane")
        );
        Ok(!self.store.fetch(&sql, &[], |row| row.int(0)).await?.is_empty())
    }

    /// When the next timer, or the next try of failed work, falls due; events that wait are not counted.
    pub async fn next_due(&self) -> Result<Option<DateTime<Utc>>, Error> {
        let timer = timer::next_due(&self.store).await?.filter(|due| *due < FAR);
        let item = items::next_due(&self.store).await?;
        Ok([timer, item].into_iter().flatten().min())
    }

    /// Failed work in a state, newest first, before this id; for administrators.
    pub async fn failed_work(
        &self,
        actor: &Actor,
        state: WorkState,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<WorkItem>, Error> {
        administrator(actor)?;
        items::in_state(&self.store, state, before.unwrap_or(i64::MAX), limit.clamp(1, ITEMS_MAX)).await
    }

    /// Failed work about a record that the person may see, newest first.
    pub async fn failed_work_of(
        &self,
        actor: &Actor,
        entity: &str,
        id: Uuid,
    ) -> Result<Vec<WorkItem>, Error> {
        self.read(actor, entity, id).await?;
        items::of_record(&self.store, entity, id, ITEMS_MAX).await
    }

    /// Tries failed work again at once.
    pub async fn retry(&self, actor: &Actor, id: i64) -> Result<(), Error> {
        self.decide_work(actor, id, WorkState::Waiting).await
    }

    /// Decides that failed work is not to be done.
    pub async fn dismiss(&self, actor: &Actor, id: i64) -> Result<(), Error> {
        self.decide_work(actor, id, WorkState::Dismissed).await
    }

    async fn decide_work(&self, actor: &Actor, id: i64, state: WorkState) -> Result<(), Error> {
        administrator(actor)?;
        let work = self.work(actor);
        let write = move |session: &mut Session<'_>| {
            let item = items::find(session, id)?;
            if matches!(item.state, WorkState::Done | WorkState::Dismissed) {
                return Err(Error::BadRequest(Issue::new("automation.work_over").with("id", id)));
            }
            let again = state == WorkState::Waiting;
            items::set_state(session, id, state, work.now)?;
            if let Some(timer) = item.timer.filter(|_| !again) {
                schedule::give_up(&work, session, timer)?;
            }
            let action = if again { "automation.retried" } else { "automation.dismissed" };
            let details = json!({ "work": id, "handler": item.handler }).to_string();
            let mut entry = audit_entry(&work, action, details);
            (entry.entity, entry.record) = (item.entity, item.record);
            session.audit(entry);
            session.wake_lane();
            Ok(())
        };
        self.store.write(write).await
    }
}

/// What points in time are reckoned by: the definitions, and the zone of those that name none.
fn reckoning(published: &Published, directory: &Directory) -> String {
    format!("{} {}", published.digest, directory.tz)
}

fn administrator(actor: &Actor) -> Result<(), Error> {
    match actor.user.admin {
        true => Ok(()),
        false => Err(Error::Forbidden(Issue::new("permission.administrator"))),
    }
}
