//! What a tenant's writer knows between its transactions: which model is in force, how often records changed, whom to
//! call. Everything here is of this process; what other nodes did comes in by [`Standing::heard`].

use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::signal::Signal;

/// Something to call.
pub(crate) type Callback = Arc<dyn Fn() + Send + Sync>;

/// A point between two steps of a write. A machine may fail at any moment, but only these make a difference to what is
/// found afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossing {
    /// Everything is written, and nothing is committed.
    BeforeCommit,
    /// Everything is committed, and nobody knows.
    AfterCommit,
}

/// Says whether the machine gets past a point.
type Passes = Arc<dyn Fn(Crossing) -> bool + Send + Sync>;

/// The model that statements are made for.
#[derive(Debug, Clone, Default)]
pub(crate) struct InForce {
    /// Its digest; empty while another node has brought one into force that is not known here.
    pub(crate) digest: String,
    /// How many changes of the model it comes after, as the database counts them; none before that was read.
    pub(crate) revision: Option<i64>,
}

#[derive(Default)]
pub(crate) struct Standing {
    pub(crate) model: Mutex<InForce>,
    changes: Mutex<Changes>,
    on_commit: Mutex<Option<Callback>>,
    on_outdated: Mutex<Option<Callback>>,
    passes: Mutex<Option<Passes>>,
}

#[derive(Default)]
struct Changes {
    by_entity: Vec<u64>,
    /// Of all entities.
    common: u64,
}

impl Standing {
    /// How often records of an entity were changed since the start; cached totals are keyed by it.
    pub(crate) fn changes(&self, entity: usize) -> u64 {
        let changes = self.changes.lock();
        changes.common + changes.by_entity.get(entity).copied().unwrap_or(0)
    }

    pub(crate) fn count(&self, entities: &[usize]) {
        let by_entity = &mut self.changes.lock().by_entity;
        for &entity in entities {
            if by_entity.len() <= entity {
                by_entity.resize(entity + 1, 0);
            }
            by_entity[entity] += 1;
        }
    }

    /// Counts a change of every entity: nobody knows what was missed.
    pub(crate) fn count_all(&self) {
        self.changes.lock().common += 1;
    }

    pub(crate) fn on_commit(&self, callback: Callback) {
        *self.on_commit.lock() = Some(callback);
    }

    pub(crate) fn on_outdated(&self, callback: Callback) {
        *self.on_outdated.lock() = Some(callback);
    }

    pub(crate) fn on_crossing(&self, passes: Passes) {
        *self.passes.lock() = Some(passes);
    }

    /// Gets past a point of a write, or ends there as if the process were gone.
    pub(crate) fn cross(&self, crossing: Crossing) -> Result<()> {
        let passes = self.passes.lock().clone();
        match passes.is_none_or(|passes| passes(crossing)) {
            true => Ok(()),
            false => Err(Error::Closed),
        }
    }

    /// Says that there is something for the lane.
    pub(crate) fn wake(&self) {
        call(&self.on_commit);
    }

    /// Says that another node has changed the model.
    pub(crate) fn outdated(&self) {
        call(&self.on_outdated);
    }

    /// Takes in what another node did.
    pub(crate) fn heard(&self, signal: &Signal) {
        match signal.everything {
            true => self.count_all(),
            false => self.count(&signal.entities),
        }
        if signal.lane {
            self.wake();
        }
        if signal.model {
            self.outdated();
        }
    }
}

/// Calls without the lock: what is called may set another callback.
fn call(place: &Mutex<Option<Callback>>) {
    let callback = place.lock().clone();
    if let Some(callback) = callback {
        callback();
    }
}
