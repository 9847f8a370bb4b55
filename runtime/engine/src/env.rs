//! Time, ids and randomness, passed in: nothing else in the engine may look at a clock or throw dice (invariant 3).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
pub use mortise_store::Crossing;
use parking_lot::Mutex;
use uuid::{NoContext, Timestamp, Uuid};

/// Where time, ids and randomness come from.
pub trait Env: Send + Sync {
    /// The present, to the microsecond.
    fn now(&self) -> DateTime<Utc>;
    /// A new id, a UUIDv7, larger than the ones before.
    fn id(&self) -> Uuid;
    /// Whether the machine gets past this point of a write. Only made-up worlds say no: the real one does not ask before
    /// it fails.
    fn passes(&self, _crossing: Crossing) -> bool {
        true
    }
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

/// The time of a tenant: that of the world around it, or ahead of it by as much as an operator has let pass for tests. It
/// never goes back. Ids are those of the world.
pub(crate) struct Ahead {
    world: Arc<dyn Env>,
    micros: AtomicI64,
}

impl Ahead {
    /// In step with the world.
    pub(crate) fn new(world: Arc<dyn Env>) -> Self {
        Ahead { world, micros: AtomicI64::new(0) }
    }

    /// The time of the world, by which others sign what they send.
    pub(crate) fn real(&self) -> DateTime<Utc> {
        self.world.now()
    }

    /// How far it is ahead of the world.
    pub(crate) fn ahead(&self) -> TimeDelta {
        TimeDelta::microseconds(self.micros.load(Ordering::Relaxed))
    }

    /// Goes ahead of the world by so much, unless it is further already; tells whether it moved.
    pub(crate) fn reach(&self, ahead: TimeDelta) -> bool {
        let micros = ahead.num_microseconds().unwrap_or_default();
        self.micros.fetch_max(micros, Ordering::Relaxed) < micros
    }
}

impl Env for Ahead {
    fn now(&self) -> DateTime<Utc> {
        self.world.now() + self.ahead()
    }

    fn id(&self) -> Uuid {
        self.world.id()
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

/// A length of time as people write it: `25h`, `1d12h`, `30m`, `45s`. None when it is no such thing, or nothing.
pub fn span(text: &str) -> Option<TimeDelta> {
    let mut total = TimeDelta::zero();
    let mut digits = String::new();
    for letter in text.chars() {
        if letter.is_ascii_digit() && digits.len() < 9 {
            digits.push(letter);
            continue;
        }
        let count: i64 = digits.parse().ok()?;
        digits.clear();
        let part = match letter {
            'd' => TimeDelta::try_days(count)?,
            'h' => TimeDelta::try_hours(count)?,
            'm' => TimeDelta::try_minutes(count)?,
            's' => TimeDelta::try_seconds(count)?,
            _ => return None,
        };
        total = total.checked_add(&part)?;
    }
    (digits.is_empty() && total > TimeDelta::zero()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_numbers_with_units() {
        assert_eq!(span("25h"), Some(TimeDelta::hours(25)));
        assert_eq!(span("1d12h"), Some(TimeDelta::hours(36)));
        let endless = "999999999d".repeat(200);
        for wrong in ["", "h", "25", "25x", "-1h", "0m", "9999999999d", &endless] {
            assert_eq!(span(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_time_of_its_own_goes_ahead_and_never_back() {
        let world = Arc::new(Simulated::new(DateTime::UNIX_EPOCH, 1));
        let own = Ahead::new(world.clone());
        assert_eq!(own.now(), world.now());
        assert!(own.reach(TimeDelta::hours(2)));
        assert!(!own.reach(TimeDelta::hours(1)));
        world.advance(TimeDelta::hours(1));
        assert_eq!(own.now(), DateTime::UNIX_EPOCH + TimeDelta::hours(3));
        assert_eq!(own.real(), DateTime::UNIX_EPOCH + TimeDelta::hours(1));
    }
}
