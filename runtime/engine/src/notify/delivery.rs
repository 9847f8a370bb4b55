//! Deliveries: what leaves the house, as rows that wait in the transaction of whatever caused them. They are sent
//! afterwards, at least once, and every one that could not be sent is kept with the reason until somebody looks at it.

use chrono::{DateTime, Utc};
use mortise_store::{AuditEntry, Param, Row, Session};
use serde::Serialize;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::post::Refusal;
use crate::again::{ATTEMPTS_MAX, dice, pause};
use crate::automation::Failure;
use crate::automation::timer::moment;
use crate::commands::{Work, audit_entry};
use crate::env::Env;
use crate::error::Error;
use crate::queue::Queue;
use crate::values::Issue;

/// The channel of e-mail; the others are named by their connectors.
pub const EMAIL: &str = "email";
/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is sent as soon as it is due.
    Waiting,
    /// It was taken.
    Sent,
    /// It was given up, and waits for somebody to look at it.
    Dead,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [DeliveryState; 3] = [DeliveryState::Waiting, DeliveryState::Sent, DeliveryState::Dead];

    /// Name in the database and in answers.
    pub fn name(self) -> &'static str {
        match self {
            DeliveryState::Waiting => "waiting",
            DeliveryState::Sent => "sent",
            DeliveryState::Dead => "dead",
        }
    }
}

/// Something that leaves the house.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    /// Id; receivers get it with every try, to know what they have already.
    pub id: Uuid,
    /// Since when it is to be sent.
    pub at: DateTime<Utc>,
    /// `email`, or the key of a connector.
    pub channel: String,
    /// The e-mail address; for others, the connector's address is its own.
    pub target: String,
    /// What is sent.
    pub payload: Json,
    /// Where it stands.
    pub state: DeliveryState,
    /// Tries so far.
    pub attempts: i64,
    /// When it is tried next.
    pub next_at: Option<DateTime<Utc>>,
    /// When it was sent or given up.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why the last try failed.
    pub error: Option<Failure>,
    /// Key of the notification.
    pub notification: Option<String>,
    /// Entity of the record that it is about.
    pub entity: Option<String>,
    /// That record.
    pub record: Option<Uuid>,
}

const COLUMNS: &str = "id, at, channel, target, payload, state, attempts, next_at, ended_at, error, notification, entity, record";

/// The queue of deliveries.
pub(super) const DELIVERIES: Queue<Delivery> = Queue {
    table: "_delivery",
    columns: COLUMNS,
    strand: "channel",
    pending: "'waiting'",
    open: "'waiting'",
    read,
};

/// A delivery that is to be sent now.
pub(super) fn new(work: &Work, channel: &str, target: &str, payload: Json) -> Delivery {
    Delivery {
        id: work.env.id(),
        at: work.now,
        channel: channel.to_owned(),
        target: target.to_owned(),
        payload,
        state: DeliveryState::Waiting,
        attempts: 0,
        next_at: Some(work.now),
        ended_at: None,
        error: None,
        notification: None,
        entity: None,
        record: None,
    }
}

/// Puts a delivery into the queue.
pub(super) fn put(session: &mut Session<'_>, delivery: &Delivery) -> Result<(), Error> {
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        session.naming.table("_delivery")
    ));
    let params: [Param; 13] = [
        delivery.id.into(),
        delivery.at.into(),
        delivery.channel.as_str().into(),
        delivery.target.as_str().into(),
        delivery.payload.to_string().into(),
        delivery.state.name().into(),
        delivery.attempts.into(),
        Param::ChronoDateTimeUtc(delivery.next_at),
        Param::ChronoDateTimeUtc(delivery.ended_at),
        Param::String(delivery.error.as_ref().map(error_json)),
        Param::String(delivery.notification.clone()),
        Param::String(delivery.entity.clone()),
        Param::Uuid(delivery.record),
    ];
    session.execute(&sql, &params)?;
    session.wake_lane();
    Ok(())
}

fn error_json(failure: &Failure) -> String {
    serde_json::to_string(failure).unwrap_or_default()
}

impl Delivery {
    /// The same, given up before it was tried.
    pub(super) fn hopeless(mut self, issue: &Issue) -> Delivery {
        (self.state, self.next_at, self.ended_at) = (DeliveryState::Dead, None, Some(self.at));
        self.error = Some(failure(issue));
        self
    }

    /// What has become of it after a try.
    pub(super) fn after(&self, env: &dyn Env, outcome: &Result<(), Refusal>) -> Delivery {
        let now = env.now();
        let mut after = Delivery { attempts: self.attempts + 1, error: None, ..self.clone() };
        let refusal = match outcome {
            Ok(()) => {
                (after.state, after.next_at, after.ended_at) = (DeliveryState::Sent, None, Some(now));
                return after;
            }
            Err(refusal) => refusal,
        };
        after.error = Some(failure(&refusal.issue));
        if refusal.permanent || after.attempts >= ATTEMPTS_MAX {
            (after.state, after.next_at, after.ended_at) = (DeliveryState::Dead, None, Some(now));
        } else {
            after.next_at = Some(now + pause(after.attempts, refusal.retry_after, dice(env)));
        }
        after
    }
}

fn failure(issue: &Issue) -> Failure {
    let args = issue.args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Failure { code: issue.code.to_owned(), args, reason: issue.to_string(), ..Failure::default() }
}

/// Writes what has become of a delivery. What was given up is told on the record's timeline.
pub(super) fn settle(work: &Work, session: &mut Session<'_>, delivery: &Delivery) -> Result<(), Error> {
    let sql = session.naming.sql(&format!(
        "UPDATE {} SET state = ?2, attempts = ?3, next_at = ?4, ended_at = ?5, error = ?6 WHERE id = ?1",
        session.naming.table("_delivery")
    ));
    let params: [Param; 6] = [
        delivery.id.into(),
        delivery.state.name().into(),
        delivery.attempts.into(),
        Param::ChronoDateTimeUtc(delivery.next_at),
        Param::ChronoDateTimeUtc(delivery.ended_at),
        Param::String(delivery.error.as_ref().map(error_json)),
    ];
    session.execute(&sql, &params)?;
    if delivery.state == DeliveryState::Dead {
        tell_dead(work, session, delivery);
    }
    Ok(())
}

/// Says that a delivery was given up.
pub(super) fn tell_dead(work: &Work, session: &mut Session<'_>, delivery: &Delivery) {
    let details = json!({
        "delivery": delivery.id, "channel": delivery.channel, "notification": delivery.notification,
        "error": delivery.error,
    });
    session.audit(AuditEntry {
        entity: delivery.entity.clone(),
        record: delivery.record,
        ..audit_entry(work, "delivery.dead", details.to_string())
    });
}

fn read(row: &dyn Row) -> mortise_store::Result<Delivery> {
    let state = row.text(5)?.unwrap_or_default();
    let state = DeliveryState::ALL.into_iter().find(|known| known.name() == state);
    let payload = row.text(4)?.unwrap_or_default();
    Ok(Delivery {
        id: row.id(0)?.unwrap_or_default(),
        at: moment(row, 1)?.unwrap_or_default(),
        channel: row.text(2)?.unwrap_or_default(),
        target: row.text(3)?.unwrap_or_default(),
        payload: serde_json::from_str(&payload).unwrap_or_default(),
        state: state.unwrap_or(DeliveryState::Dead),
        attempts: row.int(6)?.unwrap_or_default(),
        next_at: moment(row, 7)?,
        ended_at: moment(row, 8)?,
        error: row.text(9)?.and_then(|text| serde_json::from_str(&text).ok()),
        notification: row.text(10)?,
        entity: row.text(11)?,
        record: row.id(12)?,
    })
}
