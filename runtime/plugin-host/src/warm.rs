//! Instances that wait for their next call, where a plugin's manifest asks for it: an interpreter is made once for many calls.
//! Each serves one tenant only, one call at a time, and goes after a number of calls, a while without any, and with the first
//! call that does not end well. Between two calls it can do nothing and holds nothing of whoever called.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::limits::{Limits, WarmLimits};
use crate::sitting::Seat;

/// How often it is looked for instances that have waited long enough.
const LOOK: Duration = Duration::from_secs(1);
/// Parts of the time between the shortest and the longest wait.
const PARTS: u32 = 16;

/// All instances of a node that wait.
pub(crate) struct WarmPool {
    limits: WarmLimits,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    by_owner: HashMap<Owner, Vec<Warm>>,
    instances: u32,
    bytes: u64,
    /// How many were kept so far: they shall not all go in the same moment.
    kept: u32,
    /// Somebody looks after those that wait.
    watched: bool,
}

/// For whom an instance works.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    pub(crate) tenant: String,
    /// Number of the plugin, see [`crate::Plugin`].
    pub(crate) number: u64,
    /// Digest of what it was granted: an instance may remember what it was allowed to read.
    pub(crate) granted: u64,
}

/// An instance that waits.
struct Warm {
    seat: Seat,
    /// Id of its plugin.
    plugin: String,
    calls: u32,
    bytes: u64,
    until: Instant,
}

impl WarmPool {
    pub(crate) fn new(limits: WarmLimits) -> Arc<WarmPool> {
        Arc::new(WarmPool { limits, waiting: Mutex::default() })
    }

    /// An instance for a call with these limits, and how many it has served. One that is larger than the call may be goes.
    pub(crate) fn take(&self, owner: &Owner, limits: &Limits, now: Instant) -> Option<(Seat, u32)> {
        loop {
            let warm = self.waiting.lock().pop(owner)?;
            if warm.until > now && warm.seat.store.data().memory.fits(limits) {
                return Some((warm.seat, warm.calls));
            }
        }
    }

    /// Keeps an instance that has served so many calls, if there is room for it.
    pub(crate) fn keep(
        self: &Arc<Self>,
        owner: Owner,
        plugin: &str,
        mut seat: Seat,
        calls: u32,
        now: Instant,
    ) {
        let bytes = seat.store.data().memory.bytes();
        seat.store.data_mut().rest();
        let mut waiting = self.waiting.lock();
        let own = waiting.by_owner.get(&owner).map_or(0, Vec::len);
        let has_room = calls < self.limits.calls
            && own < self.limits.instances_per_plugin as usize
            && waiting.instances < self.limits.instances
            && waiting.bytes.saturating_add(bytes) <= self.limits.memory_bytes;
        if !has_room {
            drop(waiting);
            return;
        }
        waiting.kept = waiting.kept.wrapping_add(1);
        let idle = Duration::from_millis(self.limits.idle_ms);
        // Seven goes around all parts of the circle before it comes back to one.
        let part = waiting.kept.wrapping_mul(7) % PARTS;
        let until = now + idle + idle * part / PARTS;
        waiting.instances += 1;
        waiting.bytes += bytes;
        let warm = Warm { seat, plugin: plugin.to_owned(), calls, bytes, until };
        waiting.by_owner.entry(owner).or_default().push(warm);
        if !std::mem::replace(&mut waiting.watched, true) {
            drop(waiting);
            self.watch();
        }
    }

    /// Lets instances go that have waited long enough, until there are none.
    fn watch(self: &Arc<Self>) {
        let pool = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK).await;
                let Some(pool) = pool.upgrade() else { return };
                if !pool.look(Instant::now()) {
                    return;
                }
            }
        });
    }

    /// False when none is left, and nobody looks after them any more.
    fn look(&self, now: Instant) -> bool {
        let gone = self.waiting.lock().drain(|_, warm| warm.until <= now);
        drop(gone);
        let mut waiting = self.waiting.lock();
        waiting.watched = waiting.instances > 0;
        waiting.watched
    }

    /// Lets all instances of a tenant go.
    pub(crate) fn forget(&self, tenant: &str) {
        drop(self.waiting.lock().drain(|owner, _| owner.tenant == tenant));
    }

    /// Lets all instances of a plugin in a tenant go.
    pub(crate) fn forget_plugin(&self, tenant: &str, plugin: &str) {
        drop(self.waiting.lock().drain(|owner, warm| owner.tenant == tenant && warm.plugin == plugin));
    }
}

impl Waiting {
    /// The instance that was used last.
    fn pop(&mut self, owner: &Owner) -> Option<Warm> {
        let own = self.by_owner.get_mut(owner)?;
        let warm = own.pop();
        if own.is_empty() {
            self.by_owner.remove(owner);
        }
        let warm = warm?;
        self.instances -= 1;
        self.bytes -= warm.bytes;
        Some(warm)
    }

    /// Takes out those of which this is true. Whoever asked drops them, when it does not hold the lock any more.
    fn drain(&mut self, goes: impl Fn(&Owner, &Warm) -> bool) -> Vec<Warm> {
        let mut gone = Vec::new();
        for (owner, own) in &mut self.by_owner {
            let (out, stay) = std::mem::take(own).into_iter().partition(|warm| goes(owner, warm));
            *own = stay;
            let out: Vec<Warm> = out;
            self.instances -= u32::try_from(out.len()).unwrap_or(u32::MAX);
            self.bytes -= out.iter().map(|warm| warm.bytes).sum::<u64>();
            gone.extend(out);
        }
        self.by_owner.retain(|_, own| !own.is_empty());
        gone
    }
}
