//! The circuit breaker: an export that keeps failing is left alone for a while, so that it harms nobody, and is tried
//! again by one call. Pure: it is told what time it is.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::limits::BreakerLimits;
use crate::manifest::Point;

/// Whose failures are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Circuit {
    /// The tenant.
    pub tenant: String,
    /// The plugin's id.
    pub plugin: String,
    /// The point.
    pub point: Point,
    /// The export.
    pub export: String,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// How often it has opened in a row.
    openings: u32,
    until: Option<Instant>,
    /// A call is under way to see whether things are better.
    trying: bool,
}

/// All circuits of a node.
#[derive(Debug, Default)]
pub struct Breaker {
    circuits: Mutex<HashMap<Circuit, State>>,
}

impl Breaker {
    /// Whether a call may be made; otherwise for how long not.
    pub fn admit(&self, circuit: &Circuit, now: Instant) -> Result<(), Duration> {
        let mut circuits = self.circuits.lock();
        let Some(state) = circuits.get_mut(circuit) else { return Ok(()) };
        match state.until {
            None => Ok(()),
            Some(until) if now < until => Err(until - now),
            Some(_) if state.trying => Err(Duration::ZERO),
            Some(_) => {
                state.trying = true;
                Ok(())
            }
        }
    }

    /// Notes a call that went well: everything is forgotten.
    pub fn succeeded(&self, circuit: &Circuit) {
        self.circuits.lock().remove(circuit);
    }

    /// Notes a call that was admitted and then given up for reasons that are not the plugin's.
    pub fn withdrawn(&self, circuit: &Circuit) {
        if let Some(state) = self.circuits.lock().get_mut(circuit) {
            state.trying = false;
        }
    }

    /// Notes a trap or a timeout. True when the circuit has just opened, so that somebody can be told.
    pub fn failed(&self, circuit: &Circuit, limits: &BreakerLimits, now: Instant) -> bool {
        let mut circuits = self.circuits.lock();
        let state = circuits.entry(circuit.clone()).or_default();
        state.failures += 1;
        let again = std::mem::take(&mut state.trying);
        if !again && (state.failures < limits.failures || state.until.is_some_and(|until| now < until)) {
            return false;
        }
        let doubled = limits.pause_ms.saturating_mul(1 << state.openings.min(20));
        state.openings += 1;
        state.until = Some(now + Duration::from_millis(doubled.min(limits.pause_ms_max)));
        true
    }

    /// Closes a circuit by hand, or because another version was installed.
    pub fn reset(&self, tenant: &str, plugin: &str) {
        self.circuits.lock().retain(|circuit, _| circuit.tenant != tenant || circuit.plugin != plugin);
    }

    /// Forgets a tenant: another one may come under its name.
    pub fn forget(&self, tenant: &str) {
        self.circuits.lock().retain(|circuit, _| circuit.tenant != tenant);
    }

    /// The circuits of a tenant that are open, and for how long still.
    pub fn open(&self, tenant: &str, now: Instant) -> Vec<(Circuit, Duration)> {
        let circuits = self.circuits.lock();
        let own = circuits.iter().filter(|(circuit, _)| circuit.tenant == tenant);
        own.filter_map(|(circuit, state)| Some((circuit.clone(), state.until?.checked_duration_since(now)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circuit() -> Circuit {
        Circuit { tenant: "t".into(), plugin: "p.q".into(), point: Point::Validator, export: "e".into() }
    }

    #[test]
    fn five_failures_open_it_one_try_follows_and_the_pause_doubles() {
        let (breaker, limits, circuit) = (Breaker::default(), BreakerLimits::default(), circuit());
        let start = Instant::now();
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        for _ in 0..4 {
            assert!(!breaker.failed(&circuit, &limits, start));
            assert_eq!(breaker.admit(&circuit, start), Ok(()));
        }
        assert!(breaker.failed(&circuit, &limits, start), "the fifth opens it");
        assert_eq!(breaker.admit(&circuit, after(29)), Err(Duration::from_secs(1)));
        assert_eq!(breaker.open("t", after(29)).len(), 1);
        assert_eq!(breaker.admit(&circuit, after(30)), Ok(()), "one call tries");
        assert_eq!(breaker.admit(&circuit, after(30)), Err(Duration::ZERO), "and only one");
        assert!(breaker.failed(&circuit, &limits, after(30)));
        assert_eq!(breaker.admit(&circuit, after(89)), Err(Duration::from_secs(1)), "twice as long");
        assert_eq!(breaker.admit(&circuit, after(90)), Ok(()));
        breaker.succeeded(&circuit);
        assert_eq!(breaker.admit(&circuit, after(90)), Ok(()));
        assert!(!breaker.failed(&circuit, &limits, after(91)), "all is forgotten");
    }

    #[test]
    fn the_pause_has_an_end_and_a_reset_closes_it() {
        let (breaker, limits, circuit) = (Breaker::default(), BreakerLimits::default(), circuit());
        let mut now = Instant::now();
        for _ in 0..40 {
            for _ in 0..limits.failures {
                breaker.failed(&circuit, &limits, now);
            }
            now += Duration::from_millis(limits.pause_ms_max);
            assert_eq!(breaker.admit(&circuit, now), Ok(()));
        }
        let other = Circuit { tenant: "u".into(), ..circuit.clone() };
        for _ in 0..limits.failures {
            breaker.failed(&circuit, &limits, now);
            breaker.failed(&other, &limits, now);
        }
        breaker.reset("t", "p.q");
        assert!(breaker.open("t", now).is_empty());
        assert_eq!(breaker.open("u", now).len(), 1);
        breaker.forget("u");
        assert!(breaker.open("u", now).is_empty());
    }
}
