//! Clocks on records (PLAT-09, PLAT-10): when they start, stand still, stop and start anew, and the steps of their ladders.
//!
//! A clock is moved by events alone, at the time of the event, never at the time at which the event is worked off: after
//! a downtime it says the same as if there had been none.

mod recompute;
mod row;
mod step;
mod time;

use chrono::{DateTime, Utc};
use mortise_definition::model::{LimitModel, SlaModel, system};
use mortise_expr::{Expression, Value};
use mortise_store::Session;

pub(crate) use recompute::preview;
pub use recompute::{Moved, Recomputed};
pub use row::{ClockState, StoredClock};
pub(crate) use row::{of_record, of_record_in, of_records, overdue, urgent};
pub(crate) use step::due;

use crate::automation::Subject;
use crate::commands::{Work, audit_entry};
use crate::decide::{DecideError, decide};
use crate::error::Error;
use crate::values::Issue;

/// Moves the clock of a policy on a record after an event.
pub(crate) fn on_event(
    work: &Work,
    session: &mut Session<'_>,
    sla: &SlaModel,
    subject: &Subject,
) -> Result<(), Error> {
    let current = row::current(session, &sla.key, subject.id)?;
    let asks = Asks { work, sla, subject };
    match current {
        Some(clock) if clock.state.is_active() => move_on(&asks, session, clock, false),
        Some(ended) => {
            if asks.holds(sla.reset.as_ref())? && asks.starts()? {
                row::retire(session, ended.id)?;
                return start(&asks, session);
            }
            if ended.state == ClockState::Cancelled && went_with_record(&ended, subject) {
                return go_on(&asks, session, ended);
            }
            Ok(())
        }
        None if asks.starts()? => start(&asks, session),
        None => Ok(()),
    }
}

/// Whether a clock ended because its record was thrown away, which has just come back.
fn went_with_record(clock: &StoredClock, subject: &Subject) -> bool {
    let thrown = subject.previous.get(system::DELETED_AT);
    match (thrown, clock.ended_at) {
        (Some(Value::DateTime(thrown)), Some(ended)) => !subject.deleted && ended >= *thrown,
        _ => false,
    }
}

/// A record is out of the trash again: its clock goes on where it stood, so that nobody gets rid of it on the way.
fn go_on(asks: &Asks<'_>, session: &mut Session<'_>, ended: StoredClock) -> Result<(), Error> {
    let state = if ended.paused_at.is_some() { ClockState::Paused } else { ClockState::Running };
    let at = asks.subject.at;
    let mut clock = StoredClock { state, since: at, ended_at: None, due_at: None, ..ended };
    match clock.state {
        ClockState::Running => schedule(asks, session, &mut clock, None)?,
        _ => row::update(session, &clock)?,
    }
    note(asks, session, "clock.resumed", &clock, at)?;
    move_on(asks, session, clock, false)
}

/// Looks at an event once more after it failed. A clock that began with it or later knows what came of it; one that had
/// to be worked out anew meanwhile is, too.
pub(crate) fn on_event_again(
    work: &Work,
    session: &mut Session<'_>,
    sla: &SlaModel,
    subject: Subject,
) -> Result<(), Error> {
    let current = row::current(session, &sla.key, subject.id)?;
    if current.is_none_or(|clock| clock.started_at < subject.at) {
        on_event(work, session, sla, &subject)?;
    }
    renew(work, session, sla, Subject { at: work.now, ..subject })
}

/// Works out the clock of a policy on a record anew, after the policy itself has changed: what runs gets its limit and
/// steps by the new reckoning, and a record that would have a clock by now gets one.
pub(crate) fn renew(
    work: &Work,
    session: &mut Session<'_>,
    sla: &SlaModel,
    mut subject: Subject,
) -> Result<(), Error> {
    // Nothing happened to the record: there is no change by which it could be reset.
    subject.previous = subject.record.clone();
    let asks = Asks { work, sla, subject: &subject };
    match row::current(session, &sla.key, subject.id)? {
        Some(clock) if clock.state.is_active() => move_on(&asks, session, clock, true),
        Some(_) => Ok(()),
        None if asks.starts()? => start(&asks, session),
        None => Ok(()),
    }
}

/// What happens to a clock that runs or stands still; `anew` works out its steps even when its limit is the same.
fn move_on(
    asks: &Asks<'_>,
    session: &mut Session<'_>,
    mut clock: StoredClock,
    anew: bool,
) -> Result<(), Error> {
    let (sla, subject) = (asks.sla, asks.subject);
    let at = subject.at.max(clock.since);
    if subject.deleted || asks.holds(sla.cancel.as_ref())? {
        return end(asks, session, &clock, ClockState::Cancelled, at);
    }
    if asks.holds(sla.reset.as_ref())? {
        end(asks, session, &clock, ClockState::Cancelled, at)?;
        row::retire(session, clock.id)?;
        return if asks.starts()? { start(asks, session) } else { Ok(()) };
    }
    if asks.test(&sla.stop)? {
        let counted = asks.counted(&clock, at);
        let state = if counted > clock.limit { ClockState::Late } else { ClockState::Met };
        return end(asks, session, &clock, state, at);
    }
    let stands = clock.state == ClockState::Paused;
    let pauses = asks.holds(sla.pause.as_ref())?;
    let goes_on = match &sla.resume {
        Some(resume) => asks.test(resume)?,
        None => !pauses,
    };
    if !stands && pauses {
        clock.counted = asks.counted(&clock, at);
        (clock.state, clock.since, clock.paused_at, clock.due_at) = (ClockState::Paused, at, Some(at), None);
        step::forget(session, &clock)?;
        row::update(session, &clock)?;
        return note(asks, session, "clock.paused", &clock, at);
    }
    let limit = asks.limit()?;
    let changed = limit != clock.limit;
    let before = clock.clone();
    clock.limit = limit;
    if stands && goes_on {
        (clock.state, clock.since, clock.paused_at) = (ClockState::Running, at, None);
        schedule(asks, session, &mut clock, None)?;
        return note(asks, session, "clock.resumed", &clock, at);
    }
    if !changed && !anew {
        return Ok(());
    }
    match clock.state {
        ClockState::Running => {
            // By the new reckoning the limit may lie ahead again.
            let base = time::base(asks.work.model(), sla, asks.work.directory.tz);
            let due = time::moment(&clock, clock.limit, base);
            clock.breached &= due.is_some_and(|due| due <= asks.work.now);
            schedule(asks, session, &mut clock, Some(&before))?;
        }
        _ => row::update(session, &clock)?,
    }
    if changed || clock.due_at != before.due_at {
        note(asks, session, "clock.limit_changed", &clock, at)?;
    }
    Ok(())
}

fn start(asks: &Asks<'_>, session: &mut Session<'_>) -> Result<(), Error> {
    let (sla, subject) = (asks.sla, asks.subject);
    let from = match &sla.from {
        Some(from) => match asks.eval(from)? {
            Value::DateTime(from) => from,
            _ => subject.at,
        },
        None => subject.at,
    };
    let mut clock = StoredClock {
        id: asks.work.env.id(),
        sla: sla.key.clone(),
        entity: subject.entity.key.clone(),
        record: subject.id,
        state: ClockState::Running,
        started_at: from,
        due_at: None,
        paused_at: None,
        ended_at: None,
        since: from,
        counted: 0,
        limit: asks.limit()?,
        breached: false,
        fired: Vec::new(),
    };
    if asks.holds(sla.pause.as_ref())? {
        (clock.state, clock.paused_at) = (ClockState::Paused, Some(from));
    }
    row::insert(session, &clock)?;
    if clock.state == ClockState::Running {
        schedule(asks, session, &mut clock, None)?;
    }
    note(asks, session, "clock.started", &clock, from)
}

/// Works out the limit of a running clock anew, with the timers of the steps that are still to come.
/// `stored` is the clock's row, where it is known: what stays as it is needs no writing.
fn schedule(
    asks: &Asks<'_>,
    session: &mut Session<'_>,
    clock: &mut StoredClock,
    stored: Option<&StoredClock>,
) -> Result<(), Error> {
    let zone = asks.work.directory.tz;
    let model = asks.work.model();
    let base = time::base(model, asks.sla, zone);
    clock.due_at = time::moment(clock, clock.limit, base);
    if stored != Some(&*clock) {
        row::update(session, clock)?;
    }
    step::schedule(asks, session, clock, base)
}

fn end(
    asks: &Asks<'_>,
    session: &mut Session<'_>,
    clock: &StoredClock,
    state: ClockState,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let counted = asks.counted(clock, at);
    let ended = StoredClock {
        state,
        ended_at: Some(at),
        counted,
        breached: clock.breached || state == ClockState::Late,
        ..clock.clone()
    };
    step::forget(session, clock)?;
    row::update(session, &ended)?;
    note(asks, session, state.event(), &ended, at)
}

/// Says on the record's timeline what became of the clock.
fn note(
    asks: &Asks<'_>,
    session: &mut Session<'_>,
    action: &str,
    clock: &StoredClock,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let details = serde_json::json!({
        "sla": clock.sla, "state": clock.state.name(), "at": at, "due": clock.due_at,
        "limit": clock.limit, "counted": clock.counted,
    });
    let mut entry = audit_entry(asks.work, action, details.to_string());
    entry.entity = Some(clock.entity.clone());
    entry.record = Some(clock.record);
    session.audit(entry);
    Ok(())
}

/// Microseconds that a clock has counted by now.
pub(crate) fn counted(work: &Work, clock: &StoredClock) -> i64 {
    let sla = work.model().automation.slas.get(&clock.sla);
    sla.map_or(clock.counted, |sla| {
        time::counted(clock, work.now, time::base(work.model(), sla, work.directory.tz))
    })
}

/// The questions that a policy asks about a record at an event.
pub(crate) struct Asks<'a> {
    work: &'a Work,
    sla: &'a SlaModel,
    subject: &'a Subject,
}

impl Asks<'_> {
    fn eval(&self, expression: &Expression) -> Result<Value, Error> {
        self.subject.eval(self.work, self.sla.app, expression)
    }

    fn test(&self, condition: &Expression) -> Result<bool, Error> {
        Ok(self.eval(condition)?.is_true())
    }

    /// A condition that is not there does not hold.
    fn holds(&self, condition: Option<&Expression>) -> Result<bool, Error> {
        condition.map_or(Ok(false), |condition| self.test(condition))
    }

    fn starts(&self) -> Result<bool, Error> {
        let sla = self.sla;
        Ok(!self.subject.deleted
            && self.test(&sla.start)?
            && !self.test(&sla.stop)?
            && !self.holds(sla.cancel.as_ref())?)
    }

    /// Time counted until a moment.
    fn counted(&self, clock: &StoredClock, at: DateTime<Utc>) -> i64 {
        let base = time::base(self.work.model(), self.sla, self.work.directory.tz);
        time::counted(clock, at, base)
    }

    /// The limit in microseconds.
    fn limit(&self) -> Result<i64, Error> {
        let value = match &self.sla.limit {
            LimitModel::Expression(limit) => self.eval(limit)?,
            LimitModel::Decision { decision, output } => {
                let model = self.work.model();
                let table = model.automation.decisions.get(decision);
                let table = table.ok_or_else(|| broken(&self.sla.key, "decision.missing"))?;
                let decided = self.subject.with_roots(self.work, table.app, |cx| decide(table, cx));
                decided.map_err(|error| undecided(decision, &error))?.outputs.swap_remove(*output)
            }
        };
        match value {
            Value::Duration(milliseconds) if milliseconds > 0 => Ok(milliseconds.saturating_mul(1_000)),
            _ => Err(broken(&self.sla.key, "clock.no_limit")),
        }
    }
}

fn undecided(decision: &str, error: &DecideError) -> Error {
    Error::BadRequest(Issue::new("automation.decision").with("decision", decision).with("reason", error))
}

fn broken(policy: &str, code: &'static str) -> Error {
    Error::BadRequest(Issue::new(code).with("rule", policy))
}
