//! Keeps places free for saves: of what a tenant and a node may call at the same time, work in the background, which may take
//! seconds, has three quarters. Somebody who saves would otherwise be refused because others wait for the network.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::Settings;
use crate::run::Failure;

/// What calls in the background have at most.
pub(crate) struct Reserve {
    node: Arc<Semaphore>,
    /// Of tenants that call something in the background just now.
    tenants: Mutex<HashMap<String, Weak<Semaphore>>>,
    per_tenant: usize,
    queue_per_tenant: usize,
}

/// The right to one call in the background, beside a place among all calls.
pub(crate) struct Leave {
    _places: [OwnedSemaphorePermit; 2],
}

/// Three quarters, and never nothing.
fn most(places: u32) -> usize {
    (places - places.div_ceil(4)).max(1) as usize
}

impl Reserve {
    pub(crate) fn new(settings: &Settings) -> Reserve {
        Reserve {
            node: Arc::new(Semaphore::new(most(settings.calls))),
            tenants: Mutex::default(),
            per_tenant: most(settings.calls_per_tenant),
            queue_per_tenant: settings.queue_per_tenant as usize,
        }
    }

    /// Waits until the deadline for leave to call something in the background.
    pub(crate) async fn leave(&self, tenant: &str, until: Instant) -> Result<Leave, Failure> {
        let own = self.of(tenant);
        // Whoever calls or waits holds it once, and so do we.
        if Arc::strong_count(&own) > self.per_tenant + self.queue_per_tenant + 1 {
            return Err(Failure::Busy);
        }
        let own = wait(own, until).await?;
        let node = wait(Arc::clone(&self.node), until).await?;
        Ok(Leave { _places: [own, node] })
    }

    fn of(&self, tenant: &str) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock();
        if let Some(known) = tenants.get(tenant).and_then(Weak::upgrade) {
            return known;
        }
        tenants.retain(|_, one| one.strong_count() > 0);
        let places = Arc::new(Semaphore::new(self.per_tenant));
        tenants.insert(tenant.to_owned(), Arc::downgrade(&places));
        places
    }
}

async fn wait(places: Arc<Semaphore>, until: Instant) -> Result<OwnedSemaphorePermit, Failure> {
    match tokio::time::timeout_at(until.into(), places.acquire_owned()).await {
        Ok(place) => Ok(place.expect("permits are never closed")),
        Err(_) => Err(Failure::Busy),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_quarter_of_a_tenant_and_of_the_node_is_left() {
        let settings = Settings { calls: 8, calls_per_tenant: 4, queue_per_tenant: 0, ..Settings::default() };
        let reserve = Reserve::new(&settings);
        let soon = || Instant::now() + Duration::from_millis(20);
        let leave = async |tenant: &str| reserve.leave(tenant, soon()).await;
        let mut held = Vec::new();
        for tenant in ["a", "a", "a", "b", "b", "b"] {
            held.push(leave(tenant).await.ok().unwrap());
        }
        assert_eq!(leave("a").await.err(), Some(Failure::Busy), "its own are all taken");
        assert_eq!(leave("c").await.err(), Some(Failure::Busy), "the rest of the node is for saves");
        drop(held.pop());
        assert!(leave("c").await.is_ok());
        drop(held);
        assert!(leave("a").await.is_ok());
        assert_eq!(reserve.tenants.lock().len(), 1, "nobody else is remembered");
    }
}
