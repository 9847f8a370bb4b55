//! Counts what a call uses and says when it is enough. One meter per call, one budget per transaction; a call takes from
//! both. Never reads a calendar: it measures durations only.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::limits::{Counter, Limits, TransactionLimits};

/// A limit was reached. Ends the call; the plugin cannot catch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit of {limit} {} is used up ({scope})", .counter.name())]
pub struct Exceeded {
    /// What was counted.
    pub counter: Counter,
    /// How much was allowed.
    pub limit: u64,
    /// Whose limit it was.
    pub scope: Scope,
}

/// Whose limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// This call's.
    Call,
    /// All calls' of the transaction.
    Transaction,
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Scope::Call => "of the call",
            Scope::Transaction => "of the transaction",
        })
    }
}

/// What all plugins of one transaction share.
#[derive(Debug)]
pub struct TransactionBudget {
    limits: TransactionLimits,
    wall_us: AtomicU64,
    host_calls: AtomicU64,
    rows_read: AtomicU64,
    invocations: AtomicU64,
}

impl TransactionBudget {
    /// A full budget.
    pub fn new(limits: TransactionLimits) -> Arc<TransactionBudget> {
        Arc::new(TransactionBudget {
            limits,
            wall_us: AtomicU64::new(0),
            host_calls: AtomicU64::new(0),
            rows_read: AtomicU64::new(0),
            invocations: AtomicU64::new(0),
        })
    }

    /// Counts one more call of a plugin, `depth` plugins below the first.
    pub fn enter(&self, depth: u32) -> Result<(), Exceeded> {
        let exceeded = |counter, limit| Exceeded { counter, limit, scope: Scope::Transaction };
        if u64::from(depth) >= self.limits.depth {
            return Err(exceeded(Counter::Depth, self.limits.depth));
        }
        if self.wall_left().is_zero() {
            return Err(exceeded(Counter::WallMs, self.limits.wall_ms));
        }
        self.take(Counter::Invocations, 1)
    }

    /// Time that is left for all calls.
    pub fn wall_left(&self) -> Duration {
        let used = Duration::from_micros(self.wall_us.load(Ordering::Relaxed));
        Duration::from_millis(self.limits.wall_ms).saturating_sub(used)
    }

    fn spend_wall(&self, time: Duration) {
        self.wall_us.fetch_add(micros(time), Ordering::Relaxed);
    }

    fn take(&self, counter: Counter, amount: u64) -> Result<(), Exceeded> {
        let Some((used, limit)) = self.place(counter) else { return Ok(()) };
        let before = used.fetch_add(amount, Ordering::Relaxed);
        match before.saturating_add(amount) > limit {
            true => Err(Exceeded { counter, limit, scope: Scope::Transaction }),
            false => Ok(()),
        }
    }

    fn left(&self, counter: Counter) -> u64 {
        match (counter, self.place(counter)) {
            (Counter::WallMs, _) => u64::try_from(self.wall_left().as_millis()).unwrap_or(u64::MAX),
            (_, Some((used, limit))) => limit.saturating_sub(used.load(Ordering::Relaxed)),
            (_, None) => u64::MAX,
        }
    }

    fn place(&self, counter: Counter) -> Option<(&AtomicU64, u64)> {
        match counter {
            Counter::HostCalls => Some((&self.host_calls, self.limits.host_calls)),
            Counter::RowsRead => Some((&self.rows_read, self.limits.rows_read)),
            Counter::Invocations => Some((&self.invocations, self.limits.invocations)),
            _ => None,
        }
    }
}

/// What this thread has used of a processor since it began, in microseconds.
fn on_processor() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.unwrap_or_default() * 1_000_000 + nanos.unwrap_or_default() / 1_000
}

const COUNTERS: usize = Counter::Depth as usize + 1;
/// Stands for "not on a processor".
const PAUSED: u64 = u64::MAX;

/// Counts one call.
#[derive(Debug)]
pub struct Meter {
    limits: Limits,
    transaction: Option<Arc<TransactionBudget>>,
    used: [AtomicU64; COUNTERS],
    begun: Instant,
    cpu_us: AtomicU64,
    /// What the plugin's thread had used of a processor when this was last counted, in microseconds.
    running_since: AtomicU64,
    /// An epoch has ended while the plugin kept a processor busy.
    epoch: AtomicBool,
}

impl Meter {
    /// A meter that starts now.
    pub fn start(limits: Limits, transaction: Option<Arc<TransactionBudget>>) -> Arc<Meter> {
        Arc::new(Meter {
            limits,
            transaction,
            used: std::array::from_fn(|_| AtomicU64::new(0)),
            begun: Instant::now(),
            cpu_us: AtomicU64::new(0),
            running_since: AtomicU64::new(PAUSED),
            epoch: AtomicBool::new(false),
        })
    }

    /// The limits of the call.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Uses up some of a counter.
    pub fn take(&self, counter: Counter, amount: u64) -> Result<(), Exceeded> {
        let before = self.used[counter as usize].fetch_add(amount, Ordering::Relaxed);
        let limit = self.limits.of(counter);
        if before.saturating_add(amount) > limit {
            return Err(Exceeded { counter, limit, scope: Scope::Call });
        }
        self.transaction.as_ref().map_or(Ok(()), |budget| budget.take(counter, amount))
    }

    /// Notes a level, of which the highest counts: memory, the bytes of one answer.
    pub fn reach(&self, counter: Counter, level: u64) -> Result<(), Exceeded> {
        let limit = self.limits.of(counter);
        if level > limit {
            return Err(Exceeded { counter, limit, scope: Scope::Call });
        }
        self.used[counter as usize].fetch_max(level, Ordering::Relaxed);
        Ok(())
    }

    /// How much of a counter is used.
    pub fn used(&self, counter: Counter) -> u64 {
        match counter {
            Counter::WallMs => millis(self.begun.elapsed()),
            Counter::CpuMs => self.cpu().as_millis().try_into().unwrap_or(u64::MAX),
            _ => self.used[counter as usize].load(Ordering::Relaxed),
        }
    }

    /// How much is left, for the call and for the transaction.
    pub fn left(&self, counter: Counter) -> u64 {
        let own = self.limits.of(counter).saturating_sub(self.used(counter));
        self.transaction.as_ref().map_or(own, |budget| own.min(budget.left(counter)))
    }

    /// When the call has to be over.
    pub fn deadline(&self) -> Instant {
        let own = Duration::from_millis(self.limits.wall_ms);
        let shared = self.transaction.as_ref().map_or(own, |budget| budget.wall_left());
        self.begun + own.min(shared)
    }

    /// The limit of the transaction, when that is what ends this call: others have used up the time before it.
    pub fn shared_deadline(&self) -> Option<Exceeded> {
        let budget = self.transaction.as_ref()?;
        let shorter = budget.wall_left() < Duration::from_millis(self.limits.wall_ms);
        let limit = budget.limits.wall_ms;
        shorter.then_some(Exceeded { counter: Counter::WallMs, limit, scope: Scope::Transaction })
    }

    /// Time on a processor, as far as it is counted: while the plugin runs, it is an epoch late at most.
    pub fn cpu(&self) -> Duration {
        Duration::from_micros(self.cpu_us.load(Ordering::Relaxed))
    }

    /// Counts what the plugin has used of a processor by now; only on the thread on which it runs, or when it does not run.
    pub(crate) fn count_cpu(&self) {
        let since = self.running_since.load(Ordering::Relaxed);
        if since != PAUSED {
            let now = on_processor();
            self.cpu_us.fetch_add(now.saturating_sub(since), Ordering::Relaxed);
            self.running_since.store(now, Ordering::Relaxed);
        }
    }

    /// An error once the time on a processor is used up; asked for on the thread on which the plugin runs.
    pub fn check_cpu(&self) -> Result<(), Exceeded> {
        self.count_cpu();
        match self.cpu() > Duration::from_millis(self.limits.cpu_ms) {
            true => Err(Exceeded { counter: Counter::CpuMs, limit: self.limits.cpu_ms, scope: Scope::Call }),
            false => Ok(()),
        }
    }

    /// Notes that an epoch has ended.
    pub(crate) fn note_epoch(&self) {
        self.epoch.store(true, Ordering::Relaxed);
    }

    /// Whether one has ended since this was last asked.
    pub(crate) fn take_epoch(&self) -> bool {
        self.epoch.swap(false, Ordering::Relaxed)
    }

    /// Runs a future and counts what polling it takes of a processor. What it waits for costs nothing, and neither does a
    /// machine on which others are busy: a good plugin must not fail for that.
    pub async fn measure<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        std::future::poll_fn(|context| {
            self.running_since.store(on_processor(), Ordering::Relaxed);
            let polled = future.as_mut().poll(context);
            self.count_cpu();
            self.running_since.store(PAUSED, Ordering::Relaxed);
            polled
        })
        .await
    }

    /// Ends the call: its time is taken from the transaction.
    pub fn finish(&self) {
        if let Some(budget) = &self.transaction {
            budget.spend_wall(self.begun.elapsed());
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX - 1)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_ends_at_its_own_limit_and_at_the_one_it_shares() {
        let shared = TransactionBudget::new(TransactionLimits { host_calls: 70, ..Default::default() });
        let first = Meter::start(Limits::SAVE, Some(Arc::clone(&shared)));
        assert_eq!(first.take(Counter::HostCalls, 50), Ok(()));
        assert_eq!(first.take(Counter::HostCalls, 1).unwrap_err().scope, Scope::Call);
        let second = Meter::start(Limits::SAVE, Some(shared));
        assert_eq!(second.left(Counter::HostCalls), 20);
        assert_eq!(second.take(Counter::HostCalls, 21).unwrap_err().scope, Scope::Transaction);
    }

    #[test]
    fn a_transaction_limits_how_deep_and_how_often_plugins_are_called() {
        let limits = TransactionLimits { invocations: 2, depth: 3, ..Default::default() };
        let budget = TransactionBudget::new(limits);
        assert_eq!(budget.enter(3).unwrap_err().counter, Counter::Depth);
        assert_eq!(budget.enter(2), Ok(()));
        assert_eq!(budget.enter(0), Ok(()));
        assert_eq!(budget.enter(0).unwrap_err().counter, Counter::Invocations);
    }

    #[test]
    fn of_a_level_the_highest_counts() {
        let meter = Meter::start(Limits::SAVE, None);
        meter.reach(Counter::MemoryBytes, 5).unwrap();
        meter.reach(Counter::MemoryBytes, 3).unwrap();
        assert_eq!(meter.used(Counter::MemoryBytes), 5);
        assert!(meter.reach(Counter::MemoryBytes, u64::MAX).is_err());
    }
}
