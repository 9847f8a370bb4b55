//! What went wrong: work that is tried again after a while, and work that waits for somebody to look at it. Nothing is
//! ever lost here, and nothing stands in the way of the rest.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use mortise_definition::model::RuleModel;
use mortise_store::{AuditEntry, Param, Row, Session, TenantStore};
use serde::Serialize;
use uuid::Uuid;

use super::failure::Failure;
use crate::automation::Subject;
use crate::automation::timer::moment;
use crate::commands::{Work, audit_entry};
use crate::error::Error;
use crate::values::Issue;

/// Tries before work is parked; with the pauses between them they span about two hours.
const ATTEMPTS_MAX: i64 = 8;
/// Pause before the second try; four times as long before each one after.
const PAUSE: TimeDelta = TimeDelta::seconds(10);
/// Longest pause.
const PAUSE_MAX: TimeDelta = TimeDelta::hours(1);

/// What has to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Handler {
    /// A rule, by key.
    Rule(String),
    /// A clock policy looks at an event.
    Sla(String),
    /// A step of a clock: `app.sla.step`.
    Step(String),
    /// A schedule of a rule, by the key of the rule.
    Schedule(String),
    /// The end of an offer, by the key of the assignment policy.
    Offer(String),
    /// A call of another system, by the key of its connector.
    Receive(String),
    /// A plugin that wants to know of an event: `plugin/export`.
    Plugin(String),
}

impl Handler {
    /// Key of the rule, policy or step.
    pub(crate) fn key(&self) -> &str {
        match self {
            Handler::Rule(key)
            | Handler::Sla(key)
            | Handler::Step(key)
            | Handler::Schedule(key)
            | Handler::Offer(key)
            | Handler::Receive(key)
            | Handler::Plugin(key) => key,
        }
    }

    fn parse(text: &str) -> Option<Handler> {
        let (kind, key) = text.split_once(':')?;
        let key = key.to_owned();
        Some(match kind {
            "rule" => Handler::Rule(key),
            "sla" => Handler::Sla(key),
            "step" => Handler::Step(key),
            "schedule" => Handler::Schedule(key),
            "offer" => Handler::Offer(key),
            "receive" => Handler::Receive(key),
            "plugin" => Handler::Plugin(key),
            _ => return None,
        })
    }
}

impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Handler::Rule(_) => "rule",
            Handler::Sla(_) => "sla",
            Handler::Step(_) => "step",
            Handler::Schedule(_) => "schedule",
            Handler::Offer(_) => "offer",
            Handler::Receive(_) => "receive",
            Handler::Plugin(_) => "plugin",
        };
        write!(f, "{kind}:{}", self.key())
    }
}

/// Something that has to be done: who does it, and at what.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) handler: Handler,
    pub(crate) event: Option<i64>,
    pub(crate) timer: Option<Uuid>,
    pub(crate) entity: Option<String>,
    pub(crate) record: Option<Uuid>,
}

/// Where a piece of failed work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkState {
    /// It is tried again by itself.
    Waiting,
    /// It waits for somebody to look at it.
    Parked,
    /// It was done after all.
    Done,
    /// Somebody decided that it is not to be done.
    Dismissed,
}

impl WorkState {
    /// Name in the database.
    pub fn name(self) -> &'static str {
        match self {
            WorkState::Waiting => "waiting",
            WorkState::Parked => "parked",
            WorkState::Done => "done",
            WorkState::Dismissed => "dismissed",
        }
    }

    fn parse(name: &str) -> WorkState {
        match name {
            "waiting" => WorkState::Waiting,
            "done" => WorkState::Done,
            "dismissed" => WorkState::Dismissed,
            _ => WorkState::Parked,
        }
    }
}

/// A piece of failed work.
#[derive(Debug, Clone, Serialize)]
pub struct WorkItem {
    /// Id.
    pub id: i64,
    /// When it failed first.
    pub at: DateTime<Utc>,
    /// Who does it: `rule:app.id`, `sla:app.id`, `step:app.sla.step`, `schedule:app.id`, `offer:app.id`, `receive:app.id`,
    /// `plugin:id/export`.
    pub handler: String,
    /// The event that it follows from.
    pub event: Option<i64>,
    /// The timer that it follows from.
    #[serde(skip)]
    pub timer: Option<Uuid>,
    /// Entity of the record.
    pub entity: Option<String>,
    /// The record.
    pub record: Option<Uuid>,
    /// Tries so far.
    pub attempts: i64,
    /// When it is tried next.
    pub next_at: Option<DateTime<Utc>>,
    /// Where it stands.
    pub state: WorkState,
    /// Why it failed last.
    pub error: Failure,
}

impl WorkItem {
    /// What is to be done; none for what no version of this program knows any more.
    pub(super) fn task(&self) -> Option<Task> {
        Some(Task {
            handler: Handler::parse(&self.handler)?,
            event: self.event,
            timer: self.timer,
            entity: self.entity.clone(),
            record: self.record,
        })
    }
}

const COLUMNS: &str = "id, at, handler, event, timer, entity, record, attempts, next_at, state, error";

/// Whether trying again can help: the database may have had a bad moment; what the definitions or the data say will be
/// the same in ten seconds.
pub(crate) fn heals(error: &Error) -> bool {
    match error {
        Error::Within { error, .. } => heals(error),
        Error::Store(mortise_store::Error::Database(_) | mortise_store::Error::Io(_)) => true,
        Error::Stale { .. } => true,
        // A plugin that broke down, or had too much to do, may have recovered by then.
        Error::Invalid(issues) => issues.iter().any(|issue| issue.issue.code == "plugin.failed"),
        _ => false,
    }
}

/// When work that failed so often is tried again; none when it is parked.
fn next_try(error: &Error, attempts: i64, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if !heals(error) || attempts >= ATTEMPTS_MAX {
        return None;
    }
    let factor = 4_i32.saturating_pow(u32::try_from(attempts - 1).unwrap_or_default());
    Some(now + PAUSE.checked_mul(factor).map_or(PAUSE_MAX, |pause| pause.min(PAUSE_MAX)))
}

/// Notes that work failed for the first time.
pub(super) fn put(work: &Work, session: &mut Session<'_>, task: &Task, error: &Error) -> Result<(), Error> {
    let next_at = next_try(error, 1, work.now);
    put_with(work, session, task, error, (next_at, None))
}

/// Keeps a call that could not be taken, with all that it said.
pub(crate) fn keep_call(
    work: &Work,
    session: &mut Session<'_>,
    connector: &str,
    payload: String,
    error: &Error,
) -> Result<(), Error> {
    let handler = Handler::Receive(connector.to_owned());
    let task = Task { handler, event: None, timer: None, entity: None, record: None };
    put_with(work, session, &task, error, (None, Some(payload)))
}

fn put_with(
    work: &Work,
    session: &mut Session<'_>,
    task: &Task,
    error: &Error,
    (next_at, payload): (Option<DateTime<Utc>>, Option<String>),
) -> Result<(), Error> {
    let state = if next_at.is_some() { WorkState::Waiting } else { WorkState::Parked };
    let failure = Failure::of(error);
    if matches!(task.handler, Handler::Sla(_)) && fails_already(session, task, &failure)? {
        return Ok(());
    }
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} (at, handler, event, timer, entity, record, attempts, next_at, state, error, payload) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, ?9, ?10)",
        session.naming.table("_work")
    ));
    let params: [Param; 10] = [
        work.now.into(),
        task.handler.to_string().into(),
        Param::BigInt(task.event),
        Param::Uuid(task.timer),
        Param::String(task.entity.clone()),
        Param::Uuid(task.record),
        Param::ChronoDateTimeUtc(next_at),
        state.name().into(),
        json(&failure).into(),
        Param::String(payload),
    ];
    session.execute(&sql, &params)?;
    tell(work, session, task, state, &failure);
    if next_at.is_some() {
        session.wake_lane();
    }
    Ok(())
}

/// A clock looks at the record as it is: however many events it fails at, looking once more is enough. Tells whether it
/// was noted before.
fn fails_already(session: &mut Session<'_>, task: &Task, failure: &Failure) -> Result<bool, Error> {
    let sql = session.naming.sql(&format!(
        "UPDATE {} SET event = ?3, error = ?4 WHERE record = ?1 AND handler = ?2 AND state IN ('waiting', 'parked')",
        session.naming.table("_work")
    ));
    let params: [Param; 4] = [
        Param::Uuid(task.record),
        task.handler.to_string().into(),
        Param::BigInt(task.event),
        json(failure).into(),
    ];
    Ok(session.execute(&sql, &params)? > 0)
}

/// Notes that work failed again.
pub(super) fn put_again(
    work: &Work,
    session: &mut Session<'_>,
    item: &WorkItem,
    error: &Error,
) -> Result<(), Error> {
    let attempts = item.attempts + 1;
    let next_at = next_try(error, attempts, work.now);
    let state = if next_at.is_some() { WorkState::Waiting } else { WorkState::Parked };
    let failure = Failure::of(error);
    let sql = session.naming.sql(&format!(
        "UPDATE {} SET attempts = ?2, next_at = ?3, state = ?4, error = ?5 WHERE id = ?1",
        session.naming.table("_work")
    ));
    let params: [Param; 5] = [
        item.id.into(),
        attempts.into(),
        Param::ChronoDateTimeUtc(next_at),
        state.name().into(),
        json(&failure).into(),
    ];
    session.execute(&sql, &params)?;
    if let Some(task) = item.task().filter(|_| state == WorkState::Parked) {
        tell(work, session, &task, state, &failure);
    }
    Ok(())
}

/// Puts work into another state: to be tried at once, or over by now.
pub(super) fn set_state(
    session: &mut Session<'_>,
    id: i64,
    state: WorkState,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let sql = session.naming.sql(&format!(
        "UPDATE {} SET state = ?2, next_at = ?3, ended_at = ?4 WHERE id = ?1",
        session.naming.table("_work")
    ));
    let waits = state == WorkState::Waiting;
    let (next_at, ended_at) = (waits.then_some(now), (!waits).then_some(now));
    let params: [Param; 4] = [
        id.into(),
        state.name().into(),
        Param::ChronoDateTimeUtc(next_at),
        Param::ChronoDateTimeUtc(ended_at),
    ];
    session.execute(&sql, &params)?;
    Ok(())
}

fn json(failure: &Failure) -> String {
    serde_json::to_string(failure).unwrap_or_default()
}

/// Says on the record's timeline that something failed.
fn tell(work: &Work, session: &mut Session<'_>, task: &Task, state: WorkState, failure: &Failure) {
    tracing::warn!(handler = %task.handler, code = failure.code, "automation failed: {}", failure.reason);
    let details =
        serde_json::json!({ "handler": task.handler.to_string(), "state": state, "error": failure });
    session.audit(AuditEntry {
        entity: task.entity.clone(),
        record: task.record,
        ..audit_entry(work, "automation.failed", details.to_string())
    });
}

/// Says on the record's timeline that a rule did nothing, because the record is in the trash.
pub(super) fn tell_passed_over(work: &Work, session: &mut Session<'_>, rule: &RuleModel, subject: &Subject) {
    let handler = Handler::Rule(rule.key.clone()).to_string();
    let error = Failure::of(&Error::BadRequest(Issue::new("automation.record_deleted")));
    let details = serde_json::json!({ "handler": handler, "error": error });
    session.audit(AuditEntry {
        entity: Some(subject.entity.key.clone()),
        record: Some(subject.id),
        ..audit_entry(work, "automation.passed_over", details.to_string())
    });
}

/// Work that is to be tried again now.
pub(super) fn due(session: &mut Session<'_>, now: DateTime<Utc>, limit: i64) -> Result<Vec<WorkItem>, Error> {
    let sql = session.naming.sql(&format!(
        "SELECT {COLUMNS} FROM {} WHERE state = 'waiting' AND next_at <= ?1 ORDER BY next_at, id LIMIT ?2",
        session.naming.table("_work")
    ));
    Ok(session.query(&sql, &[now.into(), limit.into()], read)?)
}

/// When the next work is to be tried again.
pub(super) async fn next_due(store: &TenantStore) -> Result<Option<DateTime<Utc>>, Error> {
    let table = store.naming().table("_work");
    let sql = format!("SELECT min(next_at) FROM {table} WHERE state = 'waiting'");
    Ok(store.fetch(&sql, &[], |row| moment(row, 0)).await?.pop().flatten())
}

/// A piece of failed work inside a write.
pub(super) fn find(session: &mut Session<'_>, id: i64) -> Result<WorkItem, Error> {
    let table = session.naming.table("_work");
    let sql = session.naming.sql(&format!("SELECT {COLUMNS} FROM {table} WHERE id = ?1"));
    let found = session.query(&sql, &[id.into()], read)?.pop();
    found.ok_or_else(|| Error::NotFound(Issue::new("automation.no_work").with("id", id)))
}

/// What a call said that could not be taken.
pub(super) fn payload(session: &mut Session<'_>, id: i64) -> Result<String, Error> {
    let table = session.naming.table("_work");
    let sql = session.naming.sql(&format!("SELECT payload FROM {table} WHERE id = ?1"));
    Ok(session.query(&sql, &[id.into()], |row| row.text(0))?.pop().flatten().unwrap_or_default())
}

/// Failed work in a state, newest first, before this id.
pub(super) async fn in_state(
    store: &TenantStore,
    state: WorkState,
    before: i64,
    limit: i64,
) -> Result<Vec<WorkItem>, Error> {
    let sql = store.naming().sql(&format!(
        "SELECT {COLUMNS} FROM {} WHERE state = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
        store.naming().table("_work")
    ));
    Ok(store.fetch(&sql, &[state.name().into(), before.into(), limit.into()], read).await?)
}

/// How much work waits and is parked.
pub(super) async fn counts(store: &TenantStore) -> Result<(i64, i64), Error> {
    let sql = format!(
        "SELECT state, count(*) FROM {} WHERE state IN ('waiting', 'parked') GROUP BY state",
        store.naming().table("_work")
    );
    let found = store.fetch(&sql, &[], |row| Ok((row.text(0)?, row.int(1)?.unwrap_or(0)))).await?;
    let of = |name: &str| {
        found.iter().filter(|(state, _)| state.as_deref() == Some(name)).map(|(_, count)| *count).sum()
    };
    Ok((of("waiting"), of("parked")))
}

/// Failed work about a record, newest first.
pub(super) async fn of_record(
    store: &TenantStore,
    entity: &str,
    record: Uuid,
    limit: i64,
) -> Result<Vec<WorkItem>, Error> {
    let sql = store.naming().sql(&format!(
        "SELECT {COLUMNS} FROM {} WHERE record = ?1 AND entity = ?2 ORDER BY id DESC LIMIT ?3",
        store.naming().table("_work")
    ));
    Ok(store.fetch(&sql, &[record.into(), entity.into(), limit.into()], read).await?)
}

fn read(row: &dyn Row) -> mortise_store::Result<WorkItem> {
    let error = row.text(10)?.unwrap_or_default();
    Ok(WorkItem {
        id: row.int(0)?.unwrap_or_default(),
        at: moment(row, 1)?.unwrap_or_default(),
        handler: row.text(2)?.unwrap_or_default(),
        event: row.int(3)?,
        timer: row.id(4)?,
        entity: row.text(5)?,
        record: row.id(6)?,
        attempts: row.int(7)?.unwrap_or_default(),
        next_at: moment(row, 8)?,
        state: WorkState::parse(&row.text(9)?.unwrap_or_default()),
        error: serde_json::from_str(&error).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_an_hour_and_end_in_parking() {
        let now = DateTime::UNIX_EPOCH;
        let error = Error::Store(mortise_store::Error::Database("down".to_owned()));
        let pauses: Vec<_> = (1..=8)
            .map(|attempts| next_try(&error, attempts, now).map(|at| (at - now).num_seconds()))
            .collect();
        let expected = [Some(10), Some(40), Some(160), Some(640), Some(2560), Some(3600), Some(3600), None];
        assert_eq!(pauses, expected);
    }

    #[test]
    fn what_cannot_heal_is_parked_at_once() {
        let error = Error::BadRequest(Issue::new("automation.expression"));
        let within = Error::Within { place: "/do/0".to_owned(), error: Box::new(error) };
        assert_eq!(next_try(&within, 1, DateTime::UNIX_EPOCH), None);
    }

    #[test]
    fn a_handler_is_read_back_as_it_was_written() {
        for text in [
            "rule:shop.greet",
            "sla:shop.answer",
            "step:shop.answer.warn",
            "schedule:shop.daily",
            "receive:shop.form",
            "plugin:acme.credit-check/tell",
        ] {
            assert_eq!(Handler::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Handler::parse("nonsense"), None);
    }
}
