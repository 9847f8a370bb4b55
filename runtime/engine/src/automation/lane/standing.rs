//! How a tenant's lane stands, for whoever looks after it: how far it has come, what waits for it, and since when.

use chrono::{DateTime, TimeDelta, Utc};
use mortise_store::Row;

use super::items;
use crate::automation::timer::moment;
use crate::error::Error;
use crate::tenant::Tenant;

/// How the lane stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Events that were not looked at yet.
    pub events: i64,
    /// Failed work that is tried again.
    pub waiting: i64,
    /// Failed work that waits for somebody to look at it.
    pub parked: i64,
    /// Number of the last event that was worked off; that of the last event where nothing follows from events.
    pub position: i64,
    /// Number of the last event.
    pub last_event: i64,
    /// How long the oldest event has been waiting.
    pub lag: TimeDelta,
    /// When the lane last did something.
    pub worked_at: Option<DateTime<Utc>>,
}

impl Tenant {
    /// How the lane stands.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        let naming = self.store.naming();
        let (lane, event) = (naming.table("_lane"), naming.table("_event"));
        let sql = format!(
            "SELECT position, worked_at, (SELECT max(seq) FROM {event}),
             (SELECT count(*) FROM {event} WHERE seq > position),
             (SELECT at FROM {event} WHERE seq > position ORDER BY seq LIMIT 1) FROM {lane}"
        );
        let read = |row: &dyn Row| {
            let number = |index| Ok::<_, mortise_store::Error>(row.int(index)?.unwrap_or_default());
            Ok((number(0)?, moment(row, 1)?, number(2)?, number(3)?, moment(row, 4)?))
        };
        let lane = self.store.fetch(&sql, &[], read).await?.pop();
        let (position, worked_at, last_event, events, oldest) = lane.unwrap_or_default();
        let (waiting, parked) = items::counts(&self.store).await?;
        // Where nothing follows from events, nobody looks at them, and none of them waits.
        if !self.published().automated {
            return Ok(Backlog {
                waiting,
                parked,
                position: last_event,
                last_event,
                worked_at,
                ..Backlog::default()
            });
        }
        let lag = oldest.map_or(TimeDelta::zero(), |oldest| (self.now() - oldest).max(TimeDelta::zero()));
        Ok(Backlog { events, waiting, parked, position, last_event, lag, worked_at })
    }
}
