//! Which statements are quick. A quick one runs on the caller's thread, because handing it to another costs more than
//! the statement; a slow or unknown one must not hold up the thread's other work.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use parking_lot::RwLock;

/// A statement is quick when it took less than this the last time.
const QUICK: Duration = Duration::from_millis(1);
/// It stops being quick when it takes longer than this; a hiccup of the machine in between changes nothing.
const SLOW: Duration = Duration::from_millis(5);
/// Statements remembered; when there are more, all are forgotten and learnt again.
const KNOWN_MAX: usize = 4_096;

/// What is known of the statements of a tenant.
#[derive(Debug, Default)]
pub(crate) struct Paces {
    hasher: RandomState,
    quick: RwLock<HashSet<u64>>,
}

impl Paces {
    /// Whether the statement was quick the last time.
    pub(crate) fn is_quick(&self, sql: &str) -> bool {
        self.quick.read().contains(&self.hasher.hash_one(sql))
    }

    /// Learns how long the statement took.
    pub(crate) fn learn(&self, sql: &str, known_quick: bool, took: Duration) {
        let is_quick = took < if known_quick { SLOW } else { QUICK };
        if is_quick == known_quick {
            return;
        }
        let key = self.hasher.hash_one(sql);
        let mut quick = self.quick.write();
        if known_quick {
            quick.remove(&key);
        } else {
            if quick.len() >= KNOWN_MAX {
                quick.clear();
            }
            quick.insert(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_quick_until_they_are_slow() {
        let paces = Paces::default();
        assert!(!paces.is_quick("a"));
        paces.learn("a", false, Duration::from_micros(200));
        assert!(paces.is_quick("a"));
        paces.learn("a", true, Duration::from_millis(3));
        assert!(paces.is_quick("a"), "one slower run is a hiccup");
        paces.learn("a", true, Duration::from_millis(30));
        assert!(!paces.is_quick("a"));
        paces.learn("b", false, Duration::from_millis(2));
        assert!(!paces.is_quick("b"));
    }
}
