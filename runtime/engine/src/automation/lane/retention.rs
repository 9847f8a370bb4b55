//! What nobody looks at any more is cleared away: a little at a time, while the lane has nothing else to do, so that
//! people never wait for it. What waits, or waits for somebody, is never touched, however old it is; nor is the audit
//! trail, which is the history of all records.

use chrono::{DateTime, TimeDelta, Utc};
use mortise_store::{Param, Session};

use crate::automation::timer::moment;
use crate::error::Error;
use crate::tenant::Tenant;

/// Rows of one transaction: about a millisecond.
const BATCH: i64 = 500;
/// How often it is looked whether something has become old.
const PAUSE: TimeDelta = TimeDelta::hours(6);

/// How long things are kept that are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Events that were worked off. Nothing reads them any more but failed work, and what that needs is kept with it.
    pub events: TimeDelta,
    /// Failed work that was done after all, or dismissed.
    pub work: TimeDelta,
    /// Messages and calls that were sent.
    pub deliveries: TimeDelta,
    /// Calls of plugins that were made, or dismissed.
    pub calls: TimeDelta,
    /// Messages of the inbox that were read.
    pub inbox: TimeDelta,
    /// Keys by which a call of another system is known when it comes again. A signature is good for minutes, but
    /// systems repeat calls for days.
    pub received: TimeDelta,
    /// How forms were used.
    pub interactions: TimeDelta,
}

impl Default for Retention {
    fn default() -> Self {
        let quarter = TimeDelta::days(90);
        Retention {
            events: quarter,
            work: quarter,
            deliveries: quarter,
            calls: quarter,
            inbox: TimeDelta::days(180),
            received: quarter,
            interactions: quarter,
        }
    }
}

/// What is cleared away, in this order.
const KINDS: [Kind; 7] = [
    Kind::Events,
    Kind::Work,
    Kind::Deliveries,
    Kind::Calls,
    Kind::Inbox,
    Kind::Received,
    Kind::Interactions,
];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Events,
    Work,
    Deliveries,
    Calls,
    Inbox,
    Received,
    Interactions,
}

/// How far clearing away has come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clearing {
    /// When it begins anew; at once after a start.
    next: Option<DateTime<Utc>>,
    /// Position in the list of kinds.
    kind: usize,
    /// The event after which it goes on.
    after: i64,
}

impl Kind {
    /// Table, key, and what is over and older than `?1`. Each condition is served by an index.
    fn rows(self) -> (&'static str, &'static str, String) {
        let plain = |condition: &str| condition.to_owned();
        match self {
            // Asked for by their position, see below.
            Kind::Events => ("_event", "seq", String::new()),
            Kind::Work => ("_work", "id", plain("ended_at < ?1 AND state IN ('done', 'dismissed')")),
            Kind::Deliveries => ("_delivery", "id", plain("state = 'sent' AND ended_at < ?1")),
            Kind::Calls => ("_plugin_call", "id", plain("state IN ('done', 'dismissed') AND ended_at < ?1")),
            Kind::Inbox => ("_inbox", "id", plain("read_at < ?1")),
            Kind::Received => ("_received", "connector, \"key\"", plain("at < ?1")),
            Kind::Interactions => ("_interaction", "seq", plain("at < ?1")),
        }
    }

    fn kept(self, retention: &Retention) -> TimeDelta {
        match self {
            Kind::Events => retention.events,
            Kind::Work => retention.work,
            Kind::Deliveries => retention.deliveries,
            Kind::Calls => retention.calls,
            Kind::Inbox => retention.inbox,
            Kind::Received => retention.received,
            Kind::Interactions => retention.interactions,
        }
    }
}

impl Tenant {
    /// Clears away what is over and old enough, until nothing of it is left; how many rows there were.
    pub async fn clear_old(&self) -> Result<u64, Error> {
        *self.lane.clearing.lock() = Clearing::default();
        let mut cleared = 0;
        while let Some(count) = self.clear_some(None).await? {
            cleared += count;
        }
        Ok(cleared)
    }

    /// Clears away what is old until there is something else to do.
    pub(super) async fn clear_meanwhile(&self, epoch: i64) -> Result<(), Error> {
        let epoch = Some(epoch).filter(|epoch| *epoch > 0);
        while self.clear_some(epoch).await?.is_some() {
            if self.lane.stopping() || self.has_due().await? {
                break;
            }
        }
        Ok(())
    }

    /// Clears away some of it, where it is time for that; none when nothing is left to do for now. With an epoch only as
    /// long as nobody else has taken the lane over.
    async fn clear_some(&self, epoch: Option<i64>) -> Result<Option<u64>, Error> {
        let now = self.now();
        let clearing = *self.lane.clearing.lock();
        if clearing.next.is_some_and(|next| next > now) {
            return Ok(None);
        }
        let Some(&kind) = KINDS.get(clearing.kind) else {
            *self.lane.clearing.lock() = Clearing { next: Some(now + PAUSE), ..Clearing::default() };
            return Ok(None);
        };
        let before = now - kind.kept(&self.retention());
        let found = match kind {
            Kind::Events => self.old_events(clearing.after, before).await?,
            kind => self.old_rows(kind, before).await?,
        };
        let next = match &found {
            Some(Found { last: Some(seq), .. }) => Clearing { after: *seq, ..clearing },
            Some(_) => clearing,
            None => Clearing { kind: clearing.kind + 1, after: 0, ..clearing },
        };
        let mut cleared = 0;
        if let Some(Found { sql, params, .. }) = found {
            let clear = move |session: &mut Session<'_>| {
                if let Some(epoch) = epoch {
                    session.fence(epoch)?;
                }
                Ok::<_, Error>(session.execute(&sql, &params)?)
            };
            cleared = self.store.write(clear).await?;
        }
        *self.lane.clearing.lock() = next;
        Ok(Some(cleared))
    }

    /// Rows that are over and old, and how they are cleared away; none when there are none.
    async fn old_rows(&self, kind: Kind, before: DateTime<Utc>) -> Result<Option<Found>, Error> {
        let naming = self.store.naming();
        let (table, key, over) = kind.rows();
        let (table, kept) = (
            naming.table(table),
            match kind {
                // A call that could not be taken is known as long as somebody may still run it.
                Kind::Received => format!(
                    " AND (record IS NOT NULL OR NOT EXISTS (SELECT 1 FROM {} w \
                 WHERE w.handler = 'receive:' || connector AND w.state IN ('waiting', 'parked')))",
                    naming.table("_work")
                ),
                _ => String::new(),
            },
        );
        let old = format!("SELECT {key} FROM {table} WHERE {over}{kept} LIMIT {BATCH}");
        let first = naming.sql(&format!("SELECT 1 FROM {table} WHERE {over}{kept} LIMIT 1"));
        if self.store.fetch(&first, &[before.into()], |_| Ok(())).await?.is_empty() {
            return Ok(None);
        }
        let sql = naming.sql(&format!("DELETE FROM {table} WHERE ({key}) IN ({old})"));
        Ok(Some(Found { sql, params: vec![before.into()], last: None }))
    }

    /// The next events that were worked off long ago. Events are in the order of time, so that the first that is not old
    /// ends it.
    async fn old_events(&self, after: i64, before: DateTime<Utc>) -> Result<Option<Found>, Error> {
        let naming = self.store.naming();
        let (event, lane) = (naming.table("_event"), naming.table("_lane"));
        // Where nothing follows from events, nobody works them off.
        let worked = match self.published().automated {
            true => format!(" AND seq <= (SELECT position FROM {lane})"),
            false => String::new(),
        };
        let sql = naming
            .sql(&format!("SELECT seq, at FROM {event} WHERE seq > ?1{worked} ORDER BY seq LIMIT {BATCH}"));
        let events =
            self.store.fetch(&sql, &[after.into()], |row| Ok((row.int(0)?, moment(row, 1)?))).await?;
        let old = events.into_iter().take_while(|(_, at)| at.is_some_and(|at| at < before));
        let Some(last) = old.last().and_then(|(seq, _)| seq) else { return Ok(None) };
        let sql = naming.sql(&format!(
            "DELETE FROM {event} WHERE seq > ?1 AND seq <= ?2 AND NOT EXISTS \
             (SELECT 1 FROM {} w WHERE w.event = {event}.seq AND w.state IN ('waiting', 'parked'))",
            naming.table("_work")
        ));
        Ok(Some(Found { sql, params: vec![after.into(), last.into()], last: Some(last) }))
    }
}

/// What can be cleared away in one go.
struct Found {
    sql: String,
    params: Vec<Param>,
    /// The last event of them.
    last: Option<i64>,
}
