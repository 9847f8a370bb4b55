//! Time, ids and randomness, passed in: nothing else in the engine may look at a clock or throw dice (invariant 3).

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use uuid::{NoContext, Timestamp, Uuid};

/// Where time, ids and randomness come from.
pub trait Env: Send + Sync {
    /// The present, to the microsecond.
    fn now(&self) -> DateTime<Utc>;
    /// A new id, a UUIDv7, larger than the ones before.
    fn id(&self) -> Uuid;
}

/// The real world.
#[derive(Debug, Default)]
pub struct System;

impl Env for System {
    fn now(&self) -> DateTime<Utc> {
        let now = Utc::now();
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }

    fn id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A made-up world for tests and scenarios: time stands still until it is moved, ids follow from the seed.
#[derive(Debug)]
pub struct Simulated {
    now: Mutex<DateTime<Utc>>,
    seed: u64,
    count: AtomicU64,
}

impl Simulated {
    /// A world that begins at `now`.
    pub fn new(now: DateTime<Utc>, seed: u64) -> Self {
        Simulated { now: Mutex::new(now), seed, count: AtomicU64::new(0) }
    }

    /// Lets time pass.
    pub fn advance(&self, by: TimeDelta) {
        let mut now = self.now.lock();
        *now += by;
    }
}

impl Env for Simulated {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock()
    }

    fn id(&self) -> Uuid {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let now = self.now();
        let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
        let base = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos()));
        // The 62 free bits hold the seed and a counter, so that ids are ordered and a run can be repeated.
        let bits = ((self.seed & 0x3FFF_FFFF) << 32) | (count & 0xFFFF_FFFF);
        let mut bytes = *base.as_bytes();
        bytes[6] = 0x70;
        bytes[7] = 0;
        bytes[8..].copy_from_slice(&(bits | 1 << 63).to_be_bytes());
        Uuid::from_bytes(bytes)
    }
}
