//! How a tenant's lane and post are doing, as figures for whoever watches the whole installation.

use std::sync::Arc;

use chrono::TimeDelta;

use super::Lane;
use crate::error::Error;
use crate::tenant::Tenant;

/// Figures of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vitals {
    /// Events behind the last one: how far the lane is behind.
    pub behind: i64,
    /// How long the oldest event has been waiting.
    pub lag: TimeDelta,
    /// Failed work that is tried again.
    pub waiting: i64,
    /// Failed work that waits for somebody to look at it.
    pub parked: i64,
    /// Deliveries that are to be sent.
    pub unsent: i64,
    /// Deliveries that were given up.
    pub dead: i64,
    /// Calls of plugins in the background that are to be made.
    pub calls_waiting: i64,
    /// Calls of plugins in the background that were given up.
    pub calls_dead: i64,
}

impl Lane {
    /// Says whether the lane is worked here now.
    pub(super) fn set_working(&self, working: bool) {
        self.working.store(working, std::sync::atomic::Ordering::Release);
    }

    fn is_working(&self) -> bool {
        self.working.load(std::sync::atomic::Ordering::Acquire)
    }
}

impl Tenant {
    /// Figures of the tenant, counted anew when something was written since they were counted last.
    pub async fn vitals(&self) -> Result<Vitals, Error> {
        let commits = self.store.counters().commits.load(std::sync::atomic::Ordering::Relaxed);
        let known = *self.lane.vitals.lock();
        if let Some((_, vitals)) = known.filter(|(at, vitals)| *at == commits && vitals.behind == 0) {
            return Ok(vitals);
        }
        let backlog = self.backlog().await?;
        let (unsent, dead) = self.undelivered().await?;
        let (calls_waiting, calls_dead) = self.calls_left().await?;
        let vitals = Vitals {
            behind: backlog.last_event - backlog.position,
            lag: backlog.lag,
            waiting: backlog.waiting,
            parked: backlog.parked,
            unsent,
            dead,
            calls_waiting,
            calls_dead,
        };
        *self.lane.vitals.lock() = Some((commits, vitals));
        Ok(vitals)
    }

    /// Whether the lane is worked by this node now.
    pub fn is_worked(&self) -> bool {
        self.lane.is_working()
    }

    /// Whether nothing happens here, and nothing will within this time unless somebody comes.
    pub async fn is_idle(self: &Arc<Self>, within: TimeDelta) -> Result<bool, Error> {
        if self.lane.is_working()
            || self.post.is_busy()
            || self.desk.is_busy()
            || self.store.waiting() > 0
            || self.is_listened_to()
        {
            return Ok(false);
        }
        let soon = self.now() + within;
        Ok(self.lane_due().await?.is_none_or(|due| due > soon))
    }

    /// Whether there is a task that works the lane.
    pub(crate) fn has_lane(&self) -> bool {
        self.lane.task.lock().is_some()
    }
}
