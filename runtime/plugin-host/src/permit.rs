//! How many calls run at the same time: on this node, for one tenant, and caused by other plugins. A call without a permit
//! is not made. Where places are short, the tenant goes first whose plugins have used a processor least of late: one that floods
//! waits in its own queue, and never in front of another one.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::limits::Settings;
use crate::run::Failure;

/// After so long, what a tenant has used counts half: what is fair is a matter of the last minutes.
const HALF_LIFE: Duration = Duration::from_secs(30);

pub(crate) struct Permits {
    desk: Arc<Desk>,
    nested: Arc<Semaphore>,
    queue_per_tenant: usize,
}

struct Desk {
    per_tenant: u32,
    places: Mutex<Places>,
}

#[derive(Default)]
struct Places {
    free: u32,
    lanes: HashMap<Arc<str>, Lane>,
    /// Who waits, by tenant; no queue is empty.
    queues: HashMap<Arc<str>, VecDeque<Waiting>>,
    turns: u64,
}

struct Lane {
    name: Arc<str>,
    running: u32,
    used: Used,
}

/// Microseconds on a processor, of which the older count less.
#[derive(Debug, Clone, Copy)]
struct Used {
    us: f64,
    at: Instant,
}

struct Waiting {
    turn: u64,
    place: oneshot::Sender<Permit>,
}

/// The right to one call. What the call has used is told before it is given back.
pub(crate) struct Permit {
    desk: Option<Arc<Desk>>,
    tenant: Arc<str>,
    spent: Duration,
    /// For a call that a plugin has caused: a place of its own kind.
    nested: Option<OwnedSemaphorePermit>,
}

impl Permits {
    pub(crate) fn new(settings: &Settings) -> Permits {
        let places = Mutex::new(Places { free: settings.calls, ..Places::default() });
        Permits {
            desk: Arc::new(Desk { per_tenant: settings.calls_per_tenant, places }),
            nested: Arc::new(Semaphore::new(settings.calls_nested as usize)),
            queue_per_tenant: settings.queue_per_tenant as usize,
        }
    }

    /// Waits for a place until the deadline. Calls that a plugin has caused have places of their own: their cause holds one
    /// of the others until they are done.
    pub(crate) async fn acquire(&self, tenant: &str, depth: u32, until: Instant) -> Result<Permit, Failure> {
        if depth > 0 {
            let waiting = Arc::clone(&self.nested).acquire_owned();
            let place = tokio::time::timeout_at(until.into(), waiting).await.map_err(|_| Failure::Busy)?;
            let place = place.expect("permits are never closed");
            let tenant = Arc::clone(&self.desk.places.lock().lane(tenant).name);
            return Ok(self.desk.permit(tenant, Some(place)));
        }
        let mut queued = match self.enter(tenant)? {
            Entered::Now(permit) => return Ok(permit),
            Entered::Queued(queued) => queued,
        };
        match tokio::time::timeout_at(until.into(), &mut queued.place).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Failure::Busy),
        }
    }

    /// Takes a place that is free, or one in the queue.
    fn enter(&self, tenant: &str) -> Result<Entered, Failure> {
        let mut places = self.desk.places.lock();
        let free = places.free > 0;
        let lane = places.lane(tenant);
        let name = Arc::clone(&lane.name);
        // Whoever waits could not be served, else it would not wait: a free place is taken from nobody.
        if free && lane.running < self.desk.per_tenant {
            lane.running += 1;
            places.free -= 1;
            drop(places);
            return Ok(Entered::Now(self.desk.permit(name, None)));
        }
        let turn = places.turns;
        let queue = places.queues.entry(Arc::clone(&name)).or_default();
        if queue.len() >= self.queue_per_tenant {
            if queue.is_empty() {
                places.queues.remove(&name);
            }
            return Err(Failure::Busy);
        }
        let (sender, place) = oneshot::channel();
        queue.push_back(Waiting { turn, place: sender });
        places.turns += 1;
        drop(places);
        Ok(Entered::Queued(Queued { desk: Arc::clone(&self.desk), tenant: name, turn, place }))
    }

    /// Forgets a tenant that is gone.
    pub(crate) fn forget(&self, tenant: &str) {
        let mut places = self.desk.places.lock();
        if places.lanes.get(tenant).is_some_and(|lane| lane.running == 0) {
            places.lanes.remove(tenant);
        }
    }
}

enum Entered {
    Now(Permit),
    Queued(Queued),
}

/// A call that waits in its tenant's queue, until it is dropped.
struct Queued {
    desk: Arc<Desk>,
    tenant: Arc<str>,
    turn: u64,
    place: oneshot::Receiver<Permit>,
}

impl Drop for Queued {
    fn drop(&mut self) {
        let mut places = self.desk.places.lock();
        let Some(queue) = places.queues.get_mut(&self.tenant) else { return };
        queue.retain(|waiting| waiting.turn != self.turn);
        if queue.is_empty() {
            places.queues.remove(&self.tenant);
        }
    }
}

impl Places {
    fn lane(&mut self, tenant: &str) -> &mut Lane {
        if !self.lanes.contains_key(tenant) {
            let name: Arc<str> = tenant.into();
            let used = Used { us: 0.0, at: Instant::now() };
            self.lanes.insert(Arc::clone(&name), Lane { name, running: 0, used });
        }
        self.lanes.get_mut(tenant).expect("it was put there by the lines above")
    }

    /// Whose turn it is: of the tenants that may have another call, the one that has used least, or has waited longest.
    fn next(&mut self, per_tenant: u32, now: Instant) -> Option<(Arc<str>, Waiting)> {
        let lanes = &self.lanes;
        let used = |name: &Arc<str>| lanes.get(name).map_or(0.0, |lane| lane.used.at(now));
        let may = |name: &Arc<str>| lanes.get(name).is_none_or(|lane| lane.running < per_tenant);
        let first = |queue: &VecDeque<Waiting>| queue.front().map_or(u64::MAX, |waiting| waiting.turn);
        let entitled = self.queues.iter().filter(|(name, _)| may(name));
        let chosen = entitled.min_by(|(one, ones), (other, others)| {
            used(one).total_cmp(&used(other)).then_with(|| first(ones).cmp(&first(others)))
        });
        let name = Arc::clone(chosen?.0);
        let queue = self.queues.get_mut(&name)?;
        let waiting = queue.pop_front();
        if queue.is_empty() {
            self.queues.remove(&name);
        }
        Some((name, waiting?))
    }
}

impl Used {
    fn at(self, now: Instant) -> f64 {
        let halves = now.saturating_duration_since(self.at).as_secs_f64() / HALF_LIFE.as_secs_f64();
        self.us * (-halves).exp2()
    }

    fn add(&mut self, spent: Duration, now: Instant) {
        *self = Used { us: self.at(now) + spent.as_secs_f64() * 1e6, at: now };
    }
}

impl Desk {
    fn permit(self: &Arc<Self>, tenant: Arc<str>, nested: Option<OwnedSemaphorePermit>) -> Permit {
        Permit { desk: Some(Arc::clone(self)), tenant, spent: Duration::ZERO, nested }
    }

    /// Takes a place back, and gives it to whoever is next.
    fn release(self: &Arc<Self>, tenant: &Arc<str>, spent: Duration, place: bool) {
        let now = Instant::now();
        let mut places = self.places.lock();
        let lane = places.lane(tenant);
        lane.used.add(spent, now);
        if place {
            lane.running = lane.running.saturating_sub(1);
            places.free += 1;
        }
        while places.free > 0 && !places.queues.is_empty() {
            let Some((name, waiting)) = places.next(self.per_tenant, now) else { return };
            places.lane(&name).running += 1;
            places.free -= 1;
            if let Err(mut permit) = waiting.place.send(self.permit(Arc::clone(&name), None)) {
                // Nobody waits any more. It must not come back by itself: we hold the lock.
                permit.desk = None;
                places.lane(&name).running -= 1;
                places.free += 1;
            }
        }
    }
}

impl Permit {
    /// Says what the call has used of a processor.
    pub(crate) fn charge(&mut self, spent: Duration) {
        self.spent += spent;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(desk) = self.desk.take() {
            desk.release(&self.tenant, self.spent, self.nested.is_none());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(calls: u32, per_tenant: u32, queue: u32) -> Permits {
        let settings =
            Settings { calls, calls_per_tenant: per_tenant, queue_per_tenant: queue, ..Settings::default() };
        Permits::new(&settings)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn a_tenant_that_floods_waits_in_its_own_queue() {
        let permits = permits(4, 2, 0);
        let held = (permits.acquire("a", 0, soon()).await, permits.acquire("a", 0, soon()).await);
        assert!(held.0.is_ok() && held.1.is_ok());
        assert_eq!(permits.acquire("a", 0, soon()).await.err(), Some(Failure::Busy), "no room in the queue");
        assert!(permits.acquire("b", 0, soon()).await.is_ok(), "the neighbour has its own places");
        assert!(permits.acquire("a", 1, soon()).await.is_ok(), "what a plugin causes never waits for itself");
        drop(held);
        assert!(permits.acquire("a", 0, soon()).await.is_ok());
    }

    #[tokio::test]
    async fn a_place_goes_to_the_tenant_that_has_used_least() {
        let permits = Arc::new(permits(1, 1, 64));
        let mut first = permits.acquire("flood", 0, later()).await.unwrap();
        let served = Arc::new(Mutex::new(Vec::new()));
        let mut calls = tokio::task::JoinSet::new();
        for (tenant, spends) in
            [("flood", 40), ("flood", 40), ("flood", 40), ("busy", 5), ("busy", 5), ("new", 1)]
        {
            let (permits, served) = (Arc::clone(&permits), Arc::clone(&served));
            calls.spawn(async move {
                let mut permit = permits.acquire(tenant, 0, later()).await.unwrap();
                served.lock().push(tenant);
                permit.charge(Duration::from_millis(spends));
            });
            // Each is in the queue before the next one comes.
            tokio::task::yield_now().await;
        }
        first.charge(Duration::from_millis(40));
        drop(first);
        while calls.join_next().await.is_some() {}
        assert_eq!(*served.lock(), ["busy", "new", "busy", "flood", "flood", "flood"]);
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_leaves_no_gap() {
        let permits = permits(1, 1, 64);
        let held = permits.acquire("a", 0, later()).await.unwrap();
        assert_eq!(permits.acquire("b", 0, soon()).await.err(), Some(Failure::Busy));
        assert!(permits.desk.places.lock().queues.is_empty());
        drop(held);
        assert!(permits.acquire("a", 0, soon()).await.is_ok());
        assert_eq!(permits.desk.places.lock().free, 1, "the place came back");
    }

    #[test]
    fn what_was_used_counts_less_and_less() {
        let begun = Instant::now();
        let mut used = Used { us: 0.0, at: begun };
        used.add(Duration::from_secs(1), begun);
        assert!((used.at(begun + HALF_LIFE) - 500_000.0).abs() < 1.0);
        assert!(used.at(begun + HALF_LIFE * 20) < 1.0, "a flood of yesterday is forgotten");
    }
}
