//! Turns: tenants whose plugins have lately kept processors busy get half of the processors at most, and those only where
//! nobody else wants them, however many calls such a tenant makes at once and however long they take. A turn lasts until the
//! next epoch; tenants that wait get theirs one after the other, whoever has more calls waiting. Calls that are over at once
//! never count, however many they are: nobody waits longer for them than for anything else that the server does.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::aside::{Aside, Bell, Running};
use crate::meter::Meter;

/// What plugins of a tenant may take of a processor at once without waiting for turns: more than any save needs.
const BURST: Duration = Duration::from_millis(50);
/// What a call takes at a stretch counts from here on. A plugin in Rust looks at a record in a thirtieth of it.
const COUNTED: Duration = Duration::from_millis(1);
/// So many times the time that passes is forgiven: a tenth of a processor may be kept busy all the time. Where other programs
/// leave this one little of the processors, that is still less than what is left.
const FORGIVEN: f64 = 0.1;
/// More is never remembered: whoever stops is forgiven within seconds, not hours.
const REMEMBERED: Duration = Duration::from_secs(10);

pub(crate) struct Turns {
    aside: Aside,
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
    pub(crate) fn start() -> std::io::Result<Turns> {
        Turns::among(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
    }

    fn among(processors: usize) -> std::io::Result<Turns> {
        let total = (processors / 2).max(1);
        let (aside, per_tenant) = (Aside::start(total)?, total.div_ceil(2));
        Ok(Turns { aside, total: Arc::new(Semaphore::new(total)), per_tenant, tenants: Mutex::default() })
    }

    /// Runs a call. What it waits for needs no turn.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        tenant: &str,
        meter: &Arc<Meter>,
        mut call: Running<T>,
    ) -> T {
        let queue = self.queue(tenant);
        loop {
            let done;
            match self.turn(&queue).await {
                None => done = queue.go_on(&mut call, meter).await,
                Some(turn) => (call, done) = self.go_on_aside(turn, &queue, call, meter).await,
            }
            if let Some(value) = done {
                return value;
            }
        }
    }

    /// Goes on with a call on a thread of lower priority, until the next epoch or until it is to go on after it has waited.
    async fn go_on_aside<T: Send + 'static>(
        &self,
        turn: Turn,
        queue: &Arc<Queue>,
        call: Running<T>,
        meter: &Arc<Meter>,
    ) -> (Running<T>, Option<T>) {
        let (bell, queue, counts) = (Arc::new(Bell::default()), Arc::clone(queue), Arc::clone(meter));
        let poll = move |call: &mut Running<T>, context: &mut Context<'_>| {
            let polled = queue.poll(call, &counts, context);
            drop(turn);
            polled
        };
        let (call, polled) = self.aside.poll(call, &bell, poll).await;
        match polled {
            Poll::Ready(value) => (call, Some(value)),
            Poll::Pending if meter.take_epoch() => (call, None),
            Poll::Pending => {
                bell.rings().await;
                (call, None)
            }
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

impl Queue {
    /// Polls a call once. What that takes of a processor is taken by its tenant, unless it is hardly anything.
    fn poll<T>(&self, call: &mut Running<T>, meter: &Meter, context: &mut Context<'_>) -> Poll<T> {
        let before = meter.cpu();
        let polled = call.as_mut().poll(context);
        let taken = meter.cpu().saturating_sub(before);
        if taken >= COUNTED {
            self.debt.lock().add(taken, Instant::now());
        }
        polled
    }

    /// Goes on with a call until the next epoch.
    async fn go_on<T>(&self, call: &mut Running<T>, meter: &Meter) -> Option<T> {
        let done = std::future::poll_fn(|context| match self.poll(call, meter, context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if meter.take_epoch() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        let done = done.await;
        if done.is_none() {
            // First whoever else waits for this thread.
            tokio::task::yield_now().await;
        }
        done
    }
}

async fn wait(places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(places).acquire_owned().await.expect("turns are never closed")
}

impl Debt {
    fn add(&mut self, taken: Duration, now: Instant) {
        self.forgive(now);
        self.taken = (self.taken + taken).min(REMEMBERED);
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
    use std::pin::pin;

    use super::*;
    use crate::limits::Limits;

    #[test]
    fn what_was_taken_is_forgiven_in_time() {
        let start = Instant::now();
        let mut debt = Debt { taken: Duration::ZERO, at: start };
        debt.add(BURST, start);
        assert!(!debt.is_too_much(start));
        debt.add(BURST, start);
        assert!(debt.is_too_much(start) && debt.is_too_much(start + BURST));
        assert!(!debt.is_too_much(start + BURST.div_f64(FORGIVEN)));
    }

    #[tokio::test]
    async fn tenants_that_take_too_much_get_turns_one_after_the_other_and_others_need_none() {
        let turns = Turns::among(2).unwrap();
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

    #[tokio::test]
    async fn whoever_takes_too_much_runs_aside_and_whoever_takes_little_does_not() {
        let turns = Turns::among(2).unwrap();
        turns.queue("greedy").debt.lock().add(3_600 * BURST, Instant::now());
        let here = std::thread::current().id();
        for (tenant, aside) in [("modest", false), ("greedy", true)] {
            let meter = Meter::start(Limits::SAVE, None);
            let call = Box::pin(async {
                let mut places = vec![std::thread::current().id()];
                for _ in 0..3 {
                    // What it waits for comes back to it, wherever it was.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    places.push(std::thread::current().id());
                }
                places
            });
            let places = turns.run(tenant, &meter, call).await;
            assert!(places.iter().all(|place| (*place != here) == aside), "{tenant}: {places:?}");
        }
        assert_eq!(turns.total.available_permits(), 1, "the turn came back");
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
