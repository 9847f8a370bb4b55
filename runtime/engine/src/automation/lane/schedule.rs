//! Schedules: rules that run at points in time, over and over, for all records that meet a condition. A schedule that
//! was due several times while nothing ran (a downtime) fires once, and is marked as late.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use mortise_definition::model::{Model, RuleModel, TriggerModel, clock_slots};
use mortise_expr::{Expression, Value};
use mortise_store::{Session, select};
use sea_query::{Alias, Expr, ExprTrait, Order, Query};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::batch::Batch;
use super::items::{Handler, Task};
use crate::automation::timer::{self, FAR, Timer, TimerKind};
use crate::automation::{Cause, Subject};
use crate::commands::{Work, audit_entry};
use crate::error::Error;
use crate::values::Issue;

/// Records of one transaction.
const PAGE: u64 = 100;
/// Behind its time by more than this, a schedule counts as late: the system was down or busy.
const LATE_AFTER: TimeDelta = TimeDelta::minutes(1);

/// What the timer of a schedule has to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Plan {
    /// Position of the trigger in its rule.
    trigger: usize,
    /// The line and its zone, by which a changed schedule is noticed.
    cron: String,
    zone: String,
    /// The record after which it goes on, while it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<Uuid>,
}

/// A schedule of a rule.
struct Schedule<'a> {
    rule: &'a RuleModel,
    cron: &'a croner::Cron,
    condition: &'a Expression,
    zone: Tz,
    plan: Plan,
}

fn schedules(model: &Model, zone: Tz) -> Vec<Schedule<'_>> {
    let mut found = Vec::new();
    for rule in model.automation.rules.values() {
        for (trigger, model) in rule.triggers.iter().enumerate() {
            if let TriggerModel::Schedule { cron, zone: own, condition } = model {
                let zone = own.unwrap_or(zone);
                let plan = Plan {
                    trigger,
                    cron: cron.pattern.to_string(),
                    zone: zone.name().to_owned(),
                    after: None,
                };
                found.push(Schedule { rule, cron, condition, zone, plan });
            }
        }
    }
    found
}

impl Schedule<'_> {
    /// The next time after a moment.
    fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = after.with_timezone(&self.zone);
        self.cron.find_next_occurrence(&local, false).ok().map(|next| next.with_timezone(&Utc))
    }
}

/// Brings the timers of schedules in line with the definitions: new and changed schedules get one, others lose theirs.
pub(super) fn sync(work: &Work, session: &mut Session<'_>) -> Result<(), Error> {
    let model = work.published.model.clone();
    let wanted = schedules(&model, work.directory.tz);
    let mut present = timer::schedules(session)?;
    for schedule in &wanted {
        let same = |timer: &Timer| {
            let plan = plan_of(timer);
            timer.target == schedule.rule.key
                && plan.is_some_and(|plan| Plan { after: None, ..plan } == schedule.plan)
        };
        if let Some(at) = present.iter().position(same) {
            present.swap_remove(at);
        } else if let Some(due) = schedule.next(work.now) {
            timer::put(
                session,
                &Timer {
                    id: work.env.id(),
                    due,
                    kind: TimerKind::Schedule,
                    target: schedule.rule.key.clone(),
                    entity: None,
                    record: None,
                    clock: None,
                    payload: serde_json::to_string(&schedule.plan).ok(),
                },
            )?;
        }
    }
    for gone in present {
        timer::remove(session, gone.id)?;
    }
    Ok(())
}

fn plan_of(timer: &Timer) -> Option<Plan> {
    serde_json::from_str(timer.payload.as_deref()?).ok()
}

/// Runs a schedule that is due, a page of records at a time; tells whether there are more.
pub(super) fn fire(batch: &mut Batch<'_>, session: &mut Session<'_>, timer: &Timer) -> Result<bool, Error> {
    let result = run(batch, session, timer);
    let task = || Task {
        handler: Handler::Schedule(timer.target.clone()),
        event: None,
        timer: Some(timer.id),
        entity: None,
        record: None,
    };
    match result {
        Ok(more) => Ok(more),
        Err(error) => {
            batch.settle(session, Err(error), task)?;
            timer::put_off(session, timer.id, FAR, timer.payload.as_deref())?;
            Ok(false)
        }
    }
}

/// Runs a schedule that failed before.
pub(super) fn again(batch: &mut Batch<'_>, session: &mut Session<'_>, timer: &Timer) -> Result<(), Error> {
    let timer = Timer { due: batch.work.now, ..timer.clone() };
    run(batch, session, &timer).map(drop)
}

/// Somebody decided that what a timer failed at is not to be done: a step is over, a schedule waits for its next time.
pub(super) fn give_up(work: &Work, session: &mut Session<'_>, timer: Uuid) -> Result<(), Error> {
    let Some(timer) = timer::find(session, timer)? else { return Ok(()) };
    let model = work.published.model.clone();
    let all = schedules(&model, work.directory.tz);
    match (timer.kind, of_timer(&all, &timer)) {
        (TimerKind::Schedule, Some(schedule)) => {
            let payload = serde_json::to_string(&schedule.plan).unwrap_or_default();
            let next = schedule.next(work.now).unwrap_or(FAR);
            timer::put_off(session, timer.id, next, Some(&payload))
        }
        _ => timer::remove(session, timer.id),
    }
}

/// The schedule of a timer; none when the definitions say something else by now.
fn of_timer<'s, 'm>(all: &'s [Schedule<'m>], timer: &Timer) -> Option<&'s Schedule<'m>> {
    let plan = Plan { after: None, ..plan_of(timer)? };
    all.iter().find(|schedule| schedule.rule.key == timer.target && schedule.plan == plan)
}

fn run(batch: &mut Batch<'_>, session: &mut Session<'_>, timer: &Timer) -> Result<bool, Error> {
    let model = batch.work.published.model.clone();
    let all = schedules(&model, batch.work.directory.tz);
    let (Some(schedule), Some(plan)) = (of_timer(&all, timer), plan_of(timer)) else {
        // The definitions say something else by now, and have set another timer.
        timer::remove(session, timer.id)?;
        return Ok(false);
    };
    let late = batch.work.now - timer.due > LATE_AFTER;
    if late && plan.after.is_none() {
        note_late(batch.work, session, timer);
    }
    // In PostgreSQL nothing could be written any more after a statement that failed.
    let ids = session.nested(|session| page(batch.work, session, schedule, plan.after))?;
    for &id in &ids {
        one(batch, session, schedule, timer, (id, late))?;
    }
    let more = ids.len() as u64 == PAGE;
    let after = ids.last().copied().filter(|_| more);
    let payload = serde_json::to_string(&Plan { after, ..plan }).unwrap_or_default();
    let due = match more {
        true => timer.due,
        false => schedule.next(batch.work.now).unwrap_or(FAR),
    };
    timer::put_off(session, timer.id, due, Some(&payload))?;
    Ok(more)
}

/// Runs the rule for one record.
fn one(
    batch: &mut Batch<'_>,
    session: &mut Session<'_>,
    schedule: &Schedule<'_>,
    timer: &Timer,
    (id, late): (Uuid, bool),
) -> Result<(), Error> {
    let rule = schedule.rule;
    let entity = batch.work.published.model.entities[rule.entity].clone();
    let Some(mut subject) = Subject::load(batch.work, session, &entity, id, batch.work.now)? else {
        return Ok(());
    };
    subject.clock = vec![Value::Null; clock_slots::LATE + 1];
    subject.clock[clock_slots::DUE_AT] = Value::DateTime(timer.due);
    subject.clock[clock_slots::LATE] = Value::Bool(late);
    let work = batch.because(Cause::time(rule.key.as_str()));
    let result = batch.rule(&work, session, rule, &mut subject, "");
    let task = || Task {
        handler: Handler::Rule(rule.key.clone()),
        event: None,
        timer: None,
        entity: Some(entity.key.clone()),
        record: Some(id),
    };
    batch.settle(session, result, task).map(drop)
}

/// Ids of the next records that a schedule is about.
fn page(
    work: &Work,
    session: &mut Session<'_>,
    schedule: &Schedule<'_>,
    after: Option<Uuid>,
) -> Result<Vec<Uuid>, Error> {
    let entity = &work.published.model.entities[schedule.rule.entity];
    let table = &work.published.layout.tables[entity.index];
    let condition = work
        .with_roots(schedule.rule.app, &[], |cx| schedule.condition.to_sql(session.naming.dialect, None, cx));
    let condition = condition.map_err(|diagnostic| {
        Error::BadRequest(Issue::new("query.filter").with("reason", diagnostic.message))
    })?;
    let id = || Alias::new("id");
    let mut query = Query::select();
    query.column(id()).from(table.from.clone()).and_where(condition);
    query.and_where(Expr::col(Alias::new("deleted_at")).is_null());
    if let Some(after) = after {
        query.and_where(Expr::col(id()).gt(after));
    }
    query.order_by(id(), Order::Asc).limit(PAGE);
    let (sql, params) = select::build(&query, session.naming.dialect);
    Ok(session.query(&sql, &params, |row| row.id(0))?.into_iter().flatten().collect())
}

fn note_late(work: &Work, session: &mut Session<'_>, timer: &Timer) {
    let details = serde_json::json!({ "rule": timer.target, "due": timer.due });
    session.audit(audit_entry(work, "schedule.late", details.to_string()));
}
