//! When something is tried again that failed for reasons which may pass: after pauses that grow, never at the same moment as
//! everything else that failed with it, and not for ever.

use chrono::TimeDelta;

use crate::env::Env;

/// Tries before something is given up; with the pauses between them they span about three hours.
pub(crate) const ATTEMPTS_MAX: i64 = 8;
/// Pause before the second try; three times as long before each one after.
const PAUSE: TimeDelta = TimeDelta::seconds(10);
/// Longest pause that the other side may ask for.
const ASKED_MAX: TimeDelta = TimeDelta::hours(1);
/// Pauses differ by up to a fifth, so that what failed together does not come back together.
const JITTER_PERCENT: u64 = 20;

/// A number that nobody foresees, out of a new id.
pub(crate) fn dice(env: &dyn Env) -> u64 {
    env.id().as_u64_pair().1
}

/// How long to wait after so many tries. What the other side asked for is kept within reason, and never shortens our own.
pub(crate) fn pause(attempts: i64, asked: Option<TimeDelta>, dice: u64) -> TimeDelta {
    let factor = 3_i32.saturating_pow(u32::try_from(attempts - 1).unwrap_or_default());
    let own = PAUSE.checked_mul(factor).unwrap_or(ASKED_MAX);
    let jitter = i32::try_from(dice % JITTER_PERCENT).unwrap_or_default();
    let own = own + own * jitter / 100;
    asked.map_or(own, |asked| asked.clamp(TimeDelta::zero(), ASKED_MAX).max(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_what_a_receiver_asks_for_is_kept_within_reason() {
        let seconds =
            |attempts, asked: Option<i64>| pause(attempts, asked.map(TimeDelta::seconds), 0).num_seconds();
        let own: Vec<i64> = (1..8).map(|attempts| seconds(attempts, None)).collect();
        assert_eq!(own, [10, 30, 90, 270, 810, 2430, 7290]);
        assert_eq!(seconds(1, Some(60)), 60);
        assert_eq!(seconds(1, Some(-5)), 10);
        assert_eq!(seconds(1, Some(86_400)), 3600);
        assert_eq!(pause(1, None, 19).num_milliseconds(), 11_900);
    }
}
