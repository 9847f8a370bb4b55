//! Turns: half of the processors are for tenants whose plugins have lately kept processors busy, so that the other half is for
//! everybody else, however many calls such a tenant makes at once and however long they take. A turn lasts until the next
//! epoch; tenants that wait get theirs one after the other, whoever has more calls waiting.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::meter::Meter;

/// What plugins of a tenant may take of a processor at once without waiting for turns: more than any save needs.
const BURST: Duration = Duration::from_millis(50);
/// So many times the time that passes is forgiven: half a processor may be used all the time.
const FORGIVEN: f64 = 0.5;

pub(crate) struct Turns {
    total: Arc<Semaphore>,
    /// Turns at once of one tenant.
    per_tenant: usize,
    tenants: Mutex<HashMap<String, Arc<Queue>>>,
}

/// The calls of one tenant.
struct Queue {
    own: Arc<Semaphore>,
    debt: Mutex<Debt>,
}

/// What was taken of processors lately.
struct Debt {
    taken: Duration,
    at: Instant,
}

/// The right to keep a processor busy until the next epoch.
struct Turn {
    _places: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl Turns {
    pub(crate) fn new() -> Turns {
        Turns::among(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
    }

    fn among(processors: usize) -> Turns {
        let total = (processors / 2).max(1);
        let per_tenant = total.div_ceil(2);
        Turns { total: Arc::new(Semaphore::new(total)), per_tenant, tenants: Mutex::default() }
    }

    /// Runs a call. What it waits for needs no turn.
    pub(crate) async fn run<T>(&self, tenant: &str, meter: &Meter, call: impl Future<Output = T>) -> T {
        let (queue, mut call) = (self.queue(tenant), pin!(call));
        let mut turn = self.turn(&queue).await;
        loop {
            let until_next_epoch = std::future::poll_fn(|context| {
                let before = meter.cpu();
                let polled = call.as_mut().poll(context);
                drop(turn.take());
                queue.debt.lock().add(meter.cpu().saturating_sub(before), Instant::now());
                match polled {
                    Poll::Ready(value) => Poll::Ready(Some(value)),
                    Poll::Pending if meter.take_epoch() => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                }
            });
            if let Some(value) = until_next_epoch.await {
                return value;
            }
            // First whoever else waits for this thread.
            tokio::task::yield_now().await;
            turn = self.turn(&queue).await;
        }
    }

    /// Forgets a tenant that is gone.
    pub(crate) fn forget(&self, tenant: &str) {
        self.tenants.lock().remove(tenant);
    }

    /// A turn, where the tenant needs one.
    async fn turn(&self, queue: &Queue) -> Option<Turn> {
        if !queue.debt.lock().is_too_much(Instant::now()) {
            return None;
        }
        let own = wait(&queue.own).await;
        Some(Turn { _places: (own, wait(&self.total).await) })
    }

    fn queue(&self, tenant: &str) -> Arc<Queue> {
        let mut tenants = self.tenants.lock();
        if let Some(queue) = tenants.get(tenant) {
            return Arc::clone(queue);
        }
        let debt = Mutex::new(Debt { taken: Duration::ZERO, at: Instant::now() });
        let queue = Arc::new(Queue { own: Arc::new(Semaphore::new(self.per_tenant)), debt });
        tenants.insert(tenant.to_owned(), Arc::clone(&queue));
        queue
    }
}

async fn wait(places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(places).acquire_owned().await.expect("turns are never closed")
}

impl Debt {
    fn add(&mut self, taken: Duration, now: Instant) {
        self.forgive(now);
        self.taken += taken;
    }

    fn is_too_much(&mut self, now: Instant) -> bool {
        self.forgive(now);
        self.taken > BURST
    }

    fn forgive(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at);
        self.taken = self.taken.saturating_sub(passed.mul_f64(FORGIVEN));
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_forgiven_in_time() {
        let start = Instant::now();
        let mut debt = Debt { taken: Duration::ZERO, at: start };
        debt.add(BURST, start);
        assert!(!debt.is_too_much(start));
        debt.add(BURST, start);
        assert!(debt.is_too_much(start) && debt.is_too_much(start + BURST));
        assert!(!debt.is_too_much(start + 2 * BURST));
    }

    #[tokio::test]
    async fn tenants_that_take_too_much_get_turns_one_after_the_other_and_others_need_none() {
        let turns = Turns::among(2);
        let queues = ["a", "b", "c"].map(|tenant| turns.queue(tenant));
        for queue in &queues[..2] {
            queue.debt.lock().add(3_600 * BURST, Instant::now());
        }
        let first = turns.turn(&queues[0]).await;
        assert!(first.is_some());
        let (mut again, mut other) = (pin!(turns.turn(&queues[0])), pin!(turns.turn(&queues[1])));
        assert!(futures_poll(&mut again).await.is_none() && futures_poll(&mut other).await.is_none());
        assert!(turns.turn(&queues[2]).await.is_none(), "whoever takes little waits for nobody");
        drop(first);
        assert!(
            futures_poll(&mut again).await.is_none(),
            "the other tenant has waited longer for the processor"
        );
        let second = futures_poll(&mut other).await.expect("it is the other one's turn");
        drop(second);
        assert!(futures_poll(&mut again).await.is_some());
    }

    /// What a future has come to, without waiting for it.
    async fn futures_poll<F: Future>(future: &mut std::pin::Pin<&mut F>) -> Option<F::Output> {
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }
}
