//! The steps of a ladder: as timers while they lie ahead, carried out once each when they are due.

use chrono::{DateTime, TimeDelta, Utc};
use mortise_definition::model::{ActionModel, SlaModel, StepModel, clock_slots};
use mortise_definition::source::StepBase;
use mortise_definition::worktime::TimeBase;
use mortise_expr::Value;
use mortise_store::Session;

use super::row::{self, ClockState, StoredClock};
use super::{Asks, broken, note, time};
use crate::automation::timer::{self, Timer, TimerKind};
use crate::automation::{self, Subject};
use crate::commands::{Work, audit_entry};
use crate::error::Error;
use crate::metrics;

/// Behind its time by more than this, a step counts as late: the system was down or busy.
const LATE_AFTER: TimeDelta = TimeDelta::minutes(1);

/// Sets the timers of all steps that are still to come, and one for the limit itself. Those that are there already stay
/// as far as they can: a changed calendar moves those of a hundred thousand clocks.
pub(super) fn schedule(
    asks: &Asks<'_>,
    session: &mut Session<'_>,
    clock: &StoredClock,
    base: TimeBase<'_>,
) -> Result<(), Error> {
    let mut present = timer::of_clock(session, clock.id)?;
    if !clock.breached {
        set(asks.work, session, clock, &mut present, ("", clock.due_at))?;
    }
    for step in asks.sla.ladder.iter().filter(|step| !clock.fired.contains(&step.id)) {
        let Value::Duration(offset) = asks.eval(&step.offset)? else {
            return Err(broken(&asks.sla.key, "clock.no_offset"));
        };
        let from = match step.base {
            StepBase::Start => 0,
            StepBase::Due => clock.limit,
        };
        let counted = from.saturating_add(offset.saturating_mul(1_000));
        set(asks.work, session, clock, &mut present, (&step.id, time::moment(clock, counted, base)))?;
    }
    present.iter().try_for_each(|gone| timer::remove(session, gone.id))
}

/// Takes the timers of a clock away.
pub(super) fn forget(session: &mut Session<'_>, clock: &StoredClock) -> Result<(), Error> {
    timer::remove_of_clock(session, clock.id)
}

/// Sets the timer of a step, or moves the one that is present.
fn set(
    work: &Work,
    session: &mut Session<'_>,
    clock: &StoredClock,
    present: &mut Vec<Timer>,
    (step, due): (&str, Option<DateTime<Utc>>),
) -> Result<(), Error> {
    // No moment: the calendar has no more working time in this century, so the step never comes.
    let Some(due) = due else { return Ok(()) };
    let target = format!("{}.{step}", clock.sla);
    let payload = Timer::chained(work, due);
    // One that has failed waits for somebody to look at it; what is set now is another.
    let mine = |timer: &Timer| timer.target == target && timer.due < timer::FAR;
    if let Some(at) = present.iter().position(mine) {
        let timer = present.swap_remove(at);
        return match timer.due == due && timer.payload == payload {
            true => Ok(()),
            false => timer::put_off(session, timer.id, due, payload.as_deref()),
        };
    }
    let timer = Timer {
        id: work.env.id(),
        due,
        kind: TimerKind::Step,
        target,
        entity: Some(clock.entity.clone()),
        record: Some(clock.record),
        clock: Some(clock.id),
        payload,
    };
    timer::put(session, &timer)
}

/// Carries out the step of a timer. Whatever is not so any more (the clock, the policy, the step) makes it pass over.
pub(crate) fn due(work: &Work, session: &mut Session<'_>, timer: &Timer) -> Result<(), Error> {
    let Some(clock) = timer.clock else { return Ok(()) };
    let Some(clock) = row::by_id(session, clock)?.filter(|clock| clock.state == ClockState::Running) else {
        return Ok(());
    };
    let Some(sla) = work.model().automation.slas.get(&clock.sla).cloned() else { return Ok(()) };
    let Some(entity) = work.model().entity(&clock.entity).cloned() else { return Ok(()) };
    let Some(subject) = Subject::load(work, session, &entity, clock.record, timer.due)? else {
        return Ok(());
    };
    let step = timer.target.strip_prefix(&clock.sla).and_then(|rest| rest.strip_prefix('.')).unwrap_or("");
    if step.is_empty() {
        return breach(work, session, &sla, &subject, clock, timer.due);
    }
    match sla.ladder.iter().find(|model| model.id == step) {
        Some(step) if !clock.fired.contains(&step.id) => {
            carry_out(work, session, (&sla, step), subject, clock, timer.due)
        }
        _ => Ok(()),
    }
}

/// The limit has passed.
fn breach(
    work: &Work,
    session: &mut Session<'_>,
    sla: &SlaModel,
    subject: &Subject,
    mut clock: StoredClock,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    clock.breached = true;
    row::update(session, &clock)?;
    note(&Asks { work, sla, subject }, session, "clock.breached", &clock, at)
}

fn carry_out(
    work: &Work,
    session: &mut Session<'_>,
    (sla, step): (&SlaModel, &StepModel),
    mut subject: Subject,
    mut clock: StoredClock,
    due: DateTime<Utc>,
) -> Result<(), Error> {
    let late = work.now - due > LATE_AFTER;
    subject.clock = view(work, sla, step, &clock, late);
    subject.measures = metrics::figures(work, session, sla.app, &sla.measures, &subject)?;
    let wanted = match &step.condition {
        Some(condition) => subject.test(work, sla.app, condition)?,
        None => true,
    };
    clock.fired.push(step.id.clone());
    row::update(session, &clock)?;
    let action = if wanted { "clock.step" } else { "clock.step_passed_over" };
    let details = serde_json::json!({ "sla": sla.key, "step": step.id, "due": due, "late": late });
    let mut entry = audit_entry(work, action, details.to_string());
    entry.entity = Some(clock.entity.clone());
    entry.record = Some(clock.record);
    session.audit(entry);
    if wanted { act(work, session, sla, subject, &step.actions) } else { Ok(()) }
}

fn act(
    work: &Work,
    session: &mut Session<'_>,
    sla: &SlaModel,
    mut subject: Subject,
    actions: &[ActionModel],
) -> Result<(), Error> {
    automation::act::all(work, session, sla.app, &mut subject, actions)
}

/// The root `clock`.
fn view(work: &Work, sla: &SlaModel, step: &StepModel, clock: &StoredClock, late: bool) -> Vec<Value> {
    let base = time::base(work.model(), sla, work.directory.tz);
    let mut values = vec![Value::Null; clock_slots::LATE + 1];
    values[clock_slots::SLA] = Value::text(clock.sla.as_str());
    values[clock_slots::STEP] = Value::text(step.id.as_str());
    values[clock_slots::STARTED_AT] = Value::DateTime(clock.started_at);
    values[clock_slots::DUE_AT] = clock.due_at.map_or(Value::Null, Value::DateTime);
    values[clock_slots::LIMIT] = Value::Duration(clock.limit / 1_000);
    values[clock_slots::ELAPSED] = Value::Duration(time::counted(clock, work.now, base) / 1_000);
    values[clock_slots::LATE] = Value::Bool(late);
    values
}
