//! How many calls run at the same time: on this node, for one tenant, and caused by other plugins. A call without a permit
//! is not made; the queue of a tenant is short, so that one tenant's flood is its own problem.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::Settings;
use crate::run::Failure;

pub(crate) struct Permits {
    total: Arc<Semaphore>,
    nested: Arc<Semaphore>,
    tenants: Mutex<HashMap<String, Arc<Lane>>>,
    per_tenant: u32,
    queue_per_tenant: u32,
}

struct Lane {
    places: Arc<Semaphore>,
    waiting: AtomicU32,
}

/// The right to one call.
pub(crate) struct Permit {
    _places: [Option<OwnedSemaphorePermit>; 2],
}

impl Permits {
    pub(crate) fn new(settings: &Settings) -> Permits {
        Permits {
            total: Arc::new(Semaphore::new(settings.calls as usize)),
            nested: Arc::new(Semaphore::new(settings.calls_nested as usize)),
            tenants: Mutex::default(),
            per_tenant: settings.calls_per_tenant,
            queue_per_tenant: settings.queue_per_tenant,
        }
    }

    /// Waits for a place until the deadline. Calls that a plugin has caused have places of their own: their cause holds one
    /// of the others until they are done.
    pub(crate) async fn acquire(&self, tenant: &str, depth: u32, until: Instant) -> Result<Permit, Failure> {
        if depth > 0 {
            let place = wait(&self.nested, until).await?;
            return Ok(Permit { _places: [Some(place), None] });
        }
        let lane = self.lane(tenant);
        let own = match Arc::clone(&lane.places).try_acquire_owned() {
            Ok(place) => place,
            Err(_) => {
                let _queued = Queued::join(&lane, self.queue_per_tenant)?;
                wait(&lane.places, until).await?
            }
        };
        let place = wait(&self.total, until).await?;
        Ok(Permit { _places: [Some(own), Some(place)] })
    }

    fn lane(&self, tenant: &str) -> Arc<Lane> {
        let mut tenants = self.tenants.lock();
        if let Some(lane) = tenants.get(tenant) {
            return Arc::clone(lane);
        }
        let lane = Arc::new(Lane {
            places: Arc::new(Semaphore::new(self.per_tenant as usize)),
            waiting: AtomicU32::new(0),
        });
        tenants.insert(tenant.to_owned(), Arc::clone(&lane));
        lane
    }
}

async fn wait(places: &Arc<Semaphore>, until: Instant) -> Result<OwnedSemaphorePermit, Failure> {
    let waiting = Arc::clone(places).acquire_owned();
    match tokio::time::timeout_at(until.into(), waiting).await {
        Ok(place) => Ok(place.expect("permits are never closed")),
        Err(_) => Err(Failure::Busy),
    }
}

/// A call that waits in its tenant's queue.
struct Queued<'a>(&'a Lane);

impl<'a> Queued<'a> {
    fn join(lane: &'a Lane, limit: u32) -> Result<Queued<'a>, Failure> {
        let before = lane.waiting.fetch_add(1, Ordering::Relaxed);
        let queued = Queued(lane);
        if before >= limit { Err(Failure::Busy) } else { Ok(queued) }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_tenant_that_floods_waits_in_its_own_queue() {
        let settings = Settings { calls: 4, calls_per_tenant: 2, queue_per_tenant: 0, ..Settings::default() };
        let permits = Permits::new(&settings);
        let soon = Instant::now() + Duration::from_millis(20);
        let held = (permits.acquire("a", 0, soon).await, permits.acquire("a", 0, soon).await);
        assert!(held.0.is_ok() && held.1.is_ok());
        assert_eq!(permits.acquire("a", 0, soon).await.err(), Some(Failure::Busy), "no room in the queue");
        assert!(permits.acquire("b", 0, soon).await.is_ok(), "the neighbour has its own places");
        assert!(permits.acquire("a", 1, soon).await.is_ok(), "what a plugin causes never waits for itself");
        drop(held);
        assert!(permits.acquire("a", 0, soon).await.is_ok());
    }
}
