//! Points in time at which something is to be done: steps of clocks and schedules, as rows that wait in the order in
//! which they fall due. There is no horizon: a timer may lie years ahead and costs nothing until then.

use chrono::{DateTime, NaiveDate, Utc};
use mortise_expr::{Type, Value};
use mortise_store::{Param, Row, Session, TenantStore};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Cause;
use crate::commands::Work;
use crate::error::Error;

/// Farther than anything: what waits for somebody to look at it does not fall due by itself.
pub(crate) const FAR: DateTime<Utc> = NaiveDate::from_ymd_opt(9999, 1, 1)
    .expect("a day of the calendar")
    .and_hms_opt(0, 0, 0)
    .expect("an hour of the day")
    .and_utc();

const COLUMNS: &str = "id, due, kind, target, entity, record, clock, payload";

/// What falls due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimerKind {
    /// A step of the ladder of a clock.
    Step,
    /// A schedule of a rule.
    Schedule,
    /// Clocks of a policy that are to be worked out anew.
    Renewal,
    /// The end of an offer.
    Offer,
}

impl TimerKind {
    fn name(self) -> &'static str {
        match self {
            TimerKind::Step => "step",
            TimerKind::Schedule => "schedule",
            TimerKind::Renewal => "renewal",
            TimerKind::Offer => "offer",
        }
    }
}

/// A point in time at which something is to be done.
#[derive(Debug, Clone)]
pub(crate) struct Timer {
    /// Id.
    pub(crate) id: Uuid,
    /// When.
    pub(crate) due: DateTime<Utc>,
    /// What.
    pub(crate) kind: TimerKind,
    /// Key of the clock policy and step (`app.sla.step`), or of the rule.
    pub(crate) target: String,
    /// Entity, for steps.
    pub(crate) entity: Option<String>,
    /// Record, for steps.
    pub(crate) record: Option<Uuid>,
    /// Clock, for steps.
    pub(crate) clock: Option<Uuid>,
    /// What else its kind has to know.
    pub(crate) payload: Option<String>,
}

impl Timer {
    /// What the timer of a step has to know: how long the chain is that set it, where no time lies in between. Without
    /// it a step that restarts its own clock in the past would go on for ever.
    pub(crate) fn chained(work: &Work, due: DateTime<Utc>) -> Option<String> {
        let cause = work.cause.as_ref().filter(|_| due <= work.now)?;
        Some((cause.depth + 1).to_string())
    }

    /// The timer as it was before it was parked.
    pub(crate) fn before_parking(self) -> Timer {
        let parked = self.payload.as_deref().filter(|_| self.due == FAR);
        match parked.and_then(|parked| serde_json::from_str::<Parked>(parked).ok()) {
            Some(Parked { due, payload }) => Timer { due, payload, ..self },
            None => self,
        }
    }

    /// The cause of what this timer sets off.
    pub(crate) fn cause(&self) -> Cause {
        let depth = self.payload.as_deref().filter(|_| self.kind == TimerKind::Step);
        let depth = depth.and_then(|depth| depth.parse().ok()).unwrap_or(0);
        Cause { depth, ..Cause::time(self.target.as_str()) }
    }
}

/// What a timer was before it was parked.
#[derive(Serialize, Deserialize)]
struct Parked {
    due: DateTime<Utc>,
    payload: Option<String>,
}

/// Has a timer that failed wait for somebody to look at it. When it was due is kept: what is late has to say so.
pub(crate) fn park(session: &mut Session<'_>, timer: &Timer) -> Result<(), Error> {
    let parked = Parked { due: timer.due, payload: timer.payload.clone() };
    put_off(session, timer.id, FAR, serde_json::to_string(&parked).ok().as_deref())
}

/// Sets a timer.
pub(crate) fn put(session: &mut Session<'_>, timer: &Timer) -> Result<(), Error> {
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        session.naming.table("_timer")
    ));
    let params: [Param; 8] = [
        timer.id.into(),
        timer.due.into(),
        timer.kind.name().into(),
        timer.target.as_str().into(),
        Param::String(timer.entity.clone()),
        Param::Uuid(timer.record),
        Param::Uuid(timer.clock),
        Param::String(timer.payload.clone()),
    ];
    session.execute(&sql, &params)?;
    session.wake_lane();
    Ok(())
}

/// Sets a timer to another time, perhaps with something else to know.
pub(crate) fn put_off(
    session: &mut Session<'_>,
    id: Uuid,
    due: DateTime<Utc>,
    payload: Option<&str>,
) -> Result<(), Error> {
    let sql = session
        .naming
        .sql(&format!("UPDATE {} SET due = ?2, payload = ?3 WHERE id = ?1", session.naming.table("_timer")));
    session.execute(&sql, &[id.into(), due.into(), Param::String(payload.map(str::to_owned))])?;
    session.wake_lane();
    Ok(())
}

/// Takes a timer away.
pub(crate) fn remove(session: &mut Session<'_>, id: Uuid) -> Result<(), Error> {
    remove_where(session, "id", id)
}

/// Takes all timers of a clock away.
pub(crate) fn remove_of_clock(session: &mut Session<'_>, clock: Uuid) -> Result<(), Error> {
    remove_where(session, "clock", clock)
}

fn remove_where(session: &mut Session<'_>, column: &str, id: Uuid) -> Result<(), Error> {
    let table = session.naming.table("_timer");
    let sql = session.naming.sql(&format!("DELETE FROM {table} WHERE {column} = ?1"));
    session.execute(&sql, &[id.into()])?;
    Ok(())
}

/// A timer, unless it was taken away.
pub(crate) fn find(session: &mut Session<'_>, id: Uuid) -> Result<Option<Timer>, Error> {
    let table = session.naming.table("_timer");
    let sql = session.naming.sql(&format!("SELECT {COLUMNS} FROM {table} WHERE id = ?1"));
    Ok(session.query(&sql, &[id.into()], read)?.pop())
}

/// The timers of a clock.
pub(crate) fn of_clock(session: &mut Session<'_>, clock: Uuid) -> Result<Vec<Timer>, Error> {
    let table = session.naming.table("_timer");
    let sql = session.naming.sql(&format!("SELECT {COLUMNS} FROM {table} WHERE clock = ?1"));
    Ok(session.query(&sql, &[clock.into()], read)?)
}

/// Timers that are due, first those that were due first.
pub(crate) fn due(session: &mut Session<'_>, now: DateTime<Utc>, limit: i64) -> Result<Vec<Timer>, Error> {
    let sql = session.naming.sql(&format!(
        "SELECT {COLUMNS} FROM {} WHERE due <= ?1 ORDER BY due, id LIMIT ?2",
        session.naming.table("_timer")
    ));
    Ok(session.query(&sql, &[now.into(), limit.into()], read)?)
}

/// All schedules.
pub(crate) fn schedules(session: &mut Session<'_>) -> Result<Vec<Timer>, Error> {
    let table = session.naming.table("_timer");
    // They have no record: the index of records finds them among however many steps.
    let sql =
        session.naming.sql(&format!("SELECT {COLUMNS} FROM {table} WHERE record IS NULL AND kind = ?1"));
    Ok(session.query(&sql, &[TimerKind::Schedule.name().into()], read)?)
}

/// When the next timer falls due.
pub(crate) async fn next_due(store: &TenantStore) -> Result<Option<DateTime<Utc>>, Error> {
    let table = store.naming().table("_timer");
    let sql = format!("SELECT due FROM {table} ORDER BY due, id LIMIT 1");
    Ok(store.fetch(&sql, &[], |row| moment(row, 0)).await?.pop().flatten())
}

fn read(row: &dyn Row) -> mortise_store::Result<Timer> {
    Ok(Timer {
        id: row.id(0)?.unwrap_or_default(),
        due: moment(row, 1)?.unwrap_or_default(),
        kind: match row.text(2)?.as_deref() {
            Some("schedule") => TimerKind::Schedule,
            Some("renewal") => TimerKind::Renewal,
            Some("offer") => TimerKind::Offer,
            _ => TimerKind::Step,
        },
        target: row.text(3)?.unwrap_or_default(),
        entity: row.text(4)?,
        record: row.id(5)?,
        clock: row.id(6)?,
        payload: row.text(7)?,
    })
}

/// A column of a moment.
pub(crate) fn moment(row: &dyn Row, index: usize) -> mortise_store::Result<Option<DateTime<Utc>>> {
    Ok(match row.value(index, &Type::DateTime)? {
        Value::DateTime(at) => Some(at),
        _ => None,
    })
}
