//! Uploads that were checked and wait for a decision: in memory, for the person who uploaded them and for a while only.

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::pages::visit::Visit;

/// A decision takes minutes, not hours.
const WAITS: TimeDelta = TimeDelta::hours(1);

/// What waits, on the whole server; where there are too many, the oldest makes room.
pub(in crate::pages) struct Waiting<T> {
    room: usize,
    waiting: Mutex<Vec<Waiter<T>>>,
}

struct Waiter<T> {
    id: Uuid,
    tenant: Uuid,
    user: Uuid,
    since: DateTime<Utc>,
    upload: T,
}

impl<T: Clone> Waiting<T> {
    /// Room for so many at the same time.
    pub(in crate::pages) fn new(room: usize) -> Waiting<T> {
        Waiting { room, waiting: Mutex::default() }
    }

    /// Keeps an upload; the name by which it is found again.
    pub(super) fn put(&self, visit: &Visit, upload: T) -> Uuid {
        let (id, now) = (visit.state.new_id(), visit.state.now());
        let mut waiting = self.waiting.lock();
        waiting.retain(|one| now - one.since < WAITS);
        if waiting.len() >= self.room {
            waiting.remove(0);
        }
        let (tenant, user) = (visit.tenant.record.id, visit.user().id);
        waiting.push(Waiter { id, tenant, user, since: now, upload });
        id
    }

    /// The visitor's own upload of this name.
    pub(super) fn get(&self, visit: &Visit, id: Uuid) -> Option<T> {
        let (tenant, user) = (visit.tenant.record.id, visit.user().id);
        let waiting = self.waiting.lock();
        let own = |one: &&Waiter<T>| one.id == id && one.tenant == tenant && one.user == user;
        waiting.iter().find(own).map(|one| one.upload.clone())
    }
}
