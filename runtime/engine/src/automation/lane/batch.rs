//! One transaction of the lane: some events, some timers that are due, some work that is tried again, and the mark of
//! how far it came. Each handler has a savepoint of its own: what fails is undone, noted and passed over.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mortise_definition::model::{EntityModel, RuleModel, Slot};
use mortise_expr::Value;
use mortise_store::{Session, StoredEvent, version_of};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::items::{self, Handler, Task, WorkItem, WorkState};
use super::{renewal, schedule};
use crate::assign;
use crate::automation::timer::{self, Timer, TimerKind};
use crate::automation::{Cause, Subject, cause, rules};
use crate::clocks;
use crate::commands::Work;
use crate::connect;
use crate::error::Error;
use crate::people::UserContext;
use crate::plugins;
use crate::values::{self, Issue};

/// Events of one transaction from which something follows: enough to make its commit cheap, few enough that people do not
/// wait for it.
const EVENTS_MAX: usize = 64;
/// Events read at once.
const PAGE: i64 = 64;
/// Events of one transaction: those from which nothing follows cost next to nothing.
const LOOKED_AT_MAX: usize = 1_024;
/// Timers of one transaction.
const TIMERS_MAX: i64 = 64;
/// Tries of failed work in one transaction.
const ITEMS_MAX: i64 = 16;
/// Later changes of a record that are taken away to see it as it was; nobody changes one more often in a moment.
const LATER_MAX: i64 = 1_000;
/// Overdue by more than this, a schedule waits no longer for a moment in which nothing else happens.
const PATIENCE: TimeDelta = TimeDelta::seconds(1);

/// What a batch did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Done {
    /// Events worked off.
    pub(super) events: usize,
    /// Timers that were due.
    pub(super) timers: usize,
    /// Failed work tried again.
    pub(super) items: usize,
    /// There may be more to do right now.
    pub(super) more: bool,
}

/// A batch under way.
pub(super) struct Batch<'a> {
    pub(super) work: &'a Work,
    users: HashMap<Option<Uuid>, Arc<UserContext>>,
}

/// Works off one batch.
pub(super) fn run(work: &Work, session: &mut Session<'_>, epoch: Option<i64>) -> Result<Done, Error> {
    if session.model != work.published.digest {
        return Err(Error::ModelChanged);
    }
    if let Some(epoch) = epoch {
        session.fence(epoch)?;
    }
    let mut batch = Batch { work, users: HashMap::new() };
    let (events, more) = batch.events(session)?;
    let mut done = Done { events, more: more.is_some(), ..Done::default() };
    // What is due waits for the events before it, since they may call it off: while there are more of them than a batch
    // takes, time goes no farther than they do.
    let until = more.map_or(work.now, |last| last.min(work.now));
    batch.timers(session, until, &mut done)?;
    let items = items::due(session, work.now, ITEMS_MAX)?;
    for item in &items {
        batch.again(session, item)?;
    }
    done.items = items.len();
    if done.events + done.timers + done.items > 0 {
        session.lane_worked(work.now)?;
    }
    done.more |= items.len() as i64 == ITEMS_MAX || session.added_events().next().is_some();
    Ok(done)
}

/// Errors that mean that the whole batch has to end: nothing of it counts.
fn fatal(error: &Error) -> bool {
    matches!(
        error,
        Error::ModelChanged | Error::Store(mortise_store::Error::Closed | mortise_store::Error::Fenced)
    )
}

/// Does something in a savepoint; even a panic only undoes that.
pub(crate) fn guarded(
    session: &mut Session<'_>,
    work: impl FnOnce(&mut Session<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    session.nested(|session| caught(|| work(session)))
}

fn caught<R>(work: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Error::Store(mortise_store::Error::Panicked(text)))
    })
}

impl Batch<'_> {
    /// The surroundings of what follows from a cause.
    pub(super) fn because(&mut self, cause: Cause) -> Work {
        let work = self.work;
        let user = self.users.entry(cause.actor).or_insert_with(|| cause::automaton(work, cause.actor));
        work.because_as(cause, user.clone())
    }

    /// Works off the next events; tells how many, and when the last one was if there may be more.
    fn events(&mut self, session: &mut Session<'_>) -> Result<(usize, Option<DateTime<Utc>>), Error> {
        let mut position = session.lane_position()?;
        let (mut looked_at, mut worked) = (0, 0);
        loop {
            let events = session.events(position, PAGE)?;
            for event in &events {
                worked += usize::from(self.event(session, event)?);
            }
            looked_at += events.len();
            let full = events.len() as i64 == PAGE;
            let last = events.last().map(|last| (last.seq, last.at));
            position = last.map_or(position, |(seq, _)| seq);
            if !full || worked >= EVENTS_MAX || looked_at >= LOOKED_AT_MAX {
                if looked_at > 0 {
                    session.set_lane_position(position)?;
                }
                return Ok((looked_at, last.filter(|_| full).map(|(_, at)| at)));
            }
        }
    }

    /// Shows an event to everybody who is interested: clocks first, then rules in their order. Tells whether anybody was.
    fn event(&mut self, session: &mut Session<'_>, event: &StoredEvent) -> Result<bool, Error> {
        let published = self.work.published.clone();
        let model = &published.model;
        let Some(entity) = model.entity(&event.entity) else { return Ok(false) };
        let Some(interested) = model.automation.by_entity.get(entity.index) else { return Ok(false) };
        let told = &published.plugins.entity(entity.index).after_commit;
        if !interested.is_interested() && told.is_empty() {
            return Ok(false);
        }
        let operation = plugins::operation(&event.kind).filter(|_| !told.is_empty());
        let changes = Changes::of(self.work, entity, event);
        let changed: Vec<Slot> = changes.old.iter().map(|(slot, _)| *slot).collect();
        let detail = event.detail.as_deref();
        let set_off = |rule: &&Arc<RuleModel>| rules::sets_off(rule, &event.kind, &changed, detail);
        let set_off: Vec<&Arc<RuleModel>> = interested.rules.iter().filter(set_off).collect();
        if set_off.is_empty() && interested.slas.is_empty() && operation.is_none() {
            return Ok(false);
        }
        let mut subject = match caught(|| self.subject(session, entity, event, &changes)) {
            Ok(Some(subject)) => subject,
            Ok(None) => return Ok(false),
            // One record that cannot be read must not stop the lane for all the others.
            Err(error) if !fatal(&error) => {
                let slas = interested.slas.iter().map(|sla| Handler::Sla(sla.key.clone()));
                let rules = set_off.iter().map(|rule| Handler::Rule(rule.key.clone()));
                let told = operation.iter().flat_map(|_| plugins::exports(told));
                let told = told.map(|versions| Handler::Plugin(plugins::export_name(versions)));
                for handler in slas.chain(rules).chain(told) {
                    let unread = caught(|| self.subject(session, entity, event, &changes)).map(drop);
                    self.settle(session, unread, || task(handler, event))?;
                }
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        if !interested.slas.is_empty() || operation.is_some() {
            let then = self.at_event(session, &subject, event, &changes)?;
            for versions in operation.iter().flat_map(|_| plugins::exports(told)) {
                let name = plugins::export_name(versions);
                let work = self.because(cause_of(event, &format!("plugin:{name}")));
                let operation = operation.unwrap_or_default();
                let result =
                    guarded(session, |session| plugins::tell(&work, session, versions, &then, operation));
                self.settle(session, result, || task(Handler::Plugin(name), event))?;
            }
            for sla in &interested.slas {
                let work = self.because(cause_of(event, &sla.key));
                let result = guarded(session, |session| clocks::on_event(&work, session, sla, &then));
                self.settle(session, result, || task(Handler::Sla(sla.key.clone()), event))?;
            }
        }
        for rule in set_off {
            let work = self.because(cause_of(event, &rule.key));
            let result = self.rule(&work, session, rule, &mut subject, &event.kind);
            let handler = || task(Handler::Rule(rule.key.clone()), event);
            if self.settle(session, result, handler)? {
                subject.refresh(self.work, session)?;
            }
            // What this rule has changed is another event.
            subject.previous = changes.before(&subject.record);
        }
        Ok(true)
    }

    /// The record as it was right after its event. What came later moves its clocks when its turn comes: else an answer
    /// that was late would count from an event before it, and a short pause would never have been.
    fn at_event<'s>(
        &self,
        session: &mut Session<'_>,
        now: &'s Subject,
        event: &StoredEvent,
        changes: &Changes,
    ) -> Result<Cow<'s, Subject>, Error> {
        let automation = self.work.model().automation.by_entity.get(now.entity.index);
        // Only values that follow from other records change without a new version.
        let follows = automation.is_some_and(|automation| !automation.watched.is_empty());
        let moved = follows || version_of(&now.record) != event.version;
        let Some(audit) = event.audit.filter(|_| moved) else { return Ok(Cow::Borrowed(now)) };
        let mut record = now.record.clone();
        let mut told: HashSet<Slot> = HashSet::new();
        for later in session.changes_since(&event.entity, event.record, audit, LATER_MAX)? {
            let was = Changes::read(self.work, &now.entity, &later);
            was.into_iter().filter(|(slot, _)| told.insert(*slot)).for_each(|(slot, old)| record[slot] = old);
        }
        let mut then = Subject::new(now.entity.clone(), record, now.at);
        then.previous = changes.before(&then.record);
        Ok(Cow::Owned(then))
    }

    /// The record of an event, as it is now, with what it was before.
    fn subject(
        &self,
        session: &mut Session<'_>,
        entity: &Arc<EntityModel>,
        event: &StoredEvent,
        changes: &Changes,
    ) -> Result<Option<Subject>, Error> {
        let subject = Subject::load(self.work, session, entity, event.record, event.at)?;
        Ok(subject.map(|subject| Subject { previous: changes.before(&subject.record), ..subject }))
    }

    /// Runs a rule where its condition holds. A record that is in the trash by now sets off only what is about that; of
    /// the rest its timeline tells.
    pub(super) fn rule(
        &self,
        work: &Work,
        session: &mut Session<'_>,
        rule: &RuleModel,
        subject: &mut Subject,
        kind: &str,
    ) -> Result<(), Error> {
        let holds = caught(|| rules::holds(work, session, rule, subject));
        if subject.deleted && kind != "record.deleted" {
            if holds.unwrap_or(true) {
                items::tell_passed_over(work, session, rule, subject);
            }
            return Ok(());
        }
        match holds? {
            true => guarded(session, |session| rules::run(work, session, rule, subject)),
            false => Ok(()),
        }
    }

    /// Notes what failed; tells whether something did.
    pub(super) fn settle(
        &self,
        session: &mut Session<'_>,
        result: Result<(), Error>,
        task: impl FnOnce() -> Task,
    ) -> Result<bool, Error> {
        match result {
            Ok(()) => Ok(false),
            Err(error) if fatal(&error) => Err(error),
            Err(error) => {
                self.work.figures.clear();
                self.work.published.hands.forget();
                let task = task();
                let work = self.work.because(Cause::time(task.handler.key()));
                items::put(&work, session, &task, &error)?;
                Ok(true)
            }
        }
    }

    /// Carries out what is due, in order. A timer of a record that something in this transaction has just changed waits
    /// until that was looked at.
    fn timers(
        &mut self,
        session: &mut Session<'_>,
        until: DateTime<Utc>,
        done: &mut Done,
    ) -> Result<(), Error> {
        let timers = timer::due(session, until, TIMERS_MAX)?;
        done.more |= timers.len() as i64 == TIMERS_MAX;
        // What people did a moment ago may be in force already, although its events are read in the next batch only.
        let mut changed: HashSet<Uuid> = session.events_before().map(|event| event.record).collect();
        done.more |= !changed.is_empty();
        let mut seen = 0;
        for timer in timers {
            changed.extend(session.added_events().skip(seen).map(|event| event.record));
            seen = session.added_events().count();
            let waits = match timer.kind {
                TimerKind::Schedule | TimerKind::Renewal => seen > 0 && timer.due > self.work.now - PATIENCE,
                TimerKind::Step | TimerKind::Offer => {
                    timer.record.is_some_and(|record| changed.contains(&record))
                }
            };
            if waits {
                done.more = true;
                break;
            }
            done.timers += 1;
            match timer.kind {
                TimerKind::Schedule => done.more |= schedule::fire(self, session, &timer)?,
                TimerKind::Step | TimerKind::Offer => self.step(session, &timer)?,
                TimerKind::Renewal => done.more |= renewal::fire(self, session, &timer)?,
            }
        }
        Ok(())
    }

    fn step(&mut self, session: &mut Session<'_>, timer: &Timer) -> Result<(), Error> {
        let result = self.carry_out(session, timer);
        let task = || Task {
            handler: match timer.kind {
                TimerKind::Offer => Handler::Offer(timer.target.clone()),
                _ => Handler::Step(timer.target.clone()),
            },
            event: None,
            timer: Some(timer.id),
            entity: timer.entity.clone(),
            record: timer.record,
        };
        if self.settle(session, result, task)? {
            // It stays, so that it goes with its clock, but falls due no more by itself.
            timer::park(session, timer)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, session: &mut Session<'_>, timer: &Timer) -> Result<(), Error> {
        let work = self.because(timer.cause());
        guarded(session, |session| {
            work.cause.iter().try_for_each(|cause| cause.limit(session))?;
            timer::remove(session, timer.id)?;
            match timer.kind {
                TimerKind::Offer => assign::lapse(&work, session, timer),
                _ => clocks::due(&work, session, timer),
            }
        })
    }

    /// Tries failed work again.
    fn again(&mut self, session: &mut Session<'_>, item: &WorkItem) -> Result<(), Error> {
        let result = match item.task() {
            Some(Task { handler: Handler::Receive(_), .. }) => self.receive(session, item.id),
            Some(task) => self.perform(session, &task),
            None => Ok(()),
        };
        match result {
            Ok(()) => items::set_state(session, item.id, WorkState::Done, self.work.now),
            Err(error) if fatal(&error) => Err(error),
            Err(error) => {
                self.work.published.hands.forget();
                let work = self.work.because(Cause::time(item.handler.as_str()));
                items::put_again(&work, session, item, &error)
            }
        }
    }

    /// Tells a plugin of an event that it could not be told of when its turn was.
    fn told_again(
        &mut self,
        session: &mut Session<'_>,
        entity: &EntityModel,
        (event, now): (&StoredEvent, &Subject),
        name: &str,
    ) -> Result<(), Error> {
        let published = self.work.published.clone();
        let told = &published.plugins.entity(entity.index).after_commit;
        let versions = plugins::exports(told).find(|versions| plugins::export_name(versions) == name);
        let Some((versions, operation)) = versions.zip(plugins::operation(&event.kind)) else {
            return Ok(());
        };
        let changes = Changes::of(self.work, entity, event);
        let then = self.at_event(session, now, event, &changes)?;
        let work = self.because(cause_of(event, &format!("plugin:{name}")));
        guarded(session, |session| plugins::tell(&work, session, versions, &then, operation))
    }

    /// Takes a call that could not be taken when it came.
    fn receive(&self, session: &mut Session<'_>, item: i64) -> Result<(), Error> {
        let payload = items::payload(session, item)?;
        guarded(session, |session| connect::take_kept(self.work, session, &payload))
    }

    /// Does what failed before, from the beginning. What is gone by now (rule, record, timer) needs nothing any more.
    fn perform(&mut self, session: &mut Session<'_>, task: &Task) -> Result<(), Error> {
        let model = self.work.published.model.clone();
        if let Some(timer) = task.timer {
            let Some(timer) = timer::find(session, timer)?.map(Timer::before_parking) else { return Ok(()) };
            return match timer.kind {
                TimerKind::Step | TimerKind::Offer => self.carry_out(session, &timer),
                TimerKind::Schedule => schedule::again(self, session, &timer),
                TimerKind::Renewal => Ok(()),
            };
        }
        let event = match task.event {
            Some(seq) => session.events(seq - 1, 1)?.into_iter().find(|event| event.seq == seq),
            None => None,
        };
        let entity = task.entity.as_deref().and_then(|key| model.entity(key));
        let (Some(entity), Some(record)) = (entity, task.record) else { return Ok(()) };
        let subject = match &event {
            Some(event) => {
                let changes = Changes::of(self.work, entity, event);
                caught(|| self.subject(session, entity, event, &changes))?
            }
            None => Subject::load(self.work, session, entity, record, self.work.now)?,
        };
        let Some(mut subject) = subject else { return Ok(()) };
        let key = task.handler.key();
        let cause = event.as_ref().map_or_else(|| Cause::time(key), |event| cause_of(event, key));
        let work = self.because(cause);
        let kind = event.as_ref().map_or("", |event| &event.kind);
        match &task.handler {
            Handler::Rule(key) => match model.automation.rules.get(key) {
                // Somebody wants it done now.
                Some(_) if subject.deleted && kind != "record.deleted" => {
                    Err(Error::BadRequest(Issue::new("automation.record_deleted")))
                }
                Some(rule) => self.rule(&work, session, rule, &mut subject, kind),
                None => Ok(()),
            },
            Handler::Sla(key) => match model.automation.slas.get(key) {
                Some(sla) if event.is_some() => {
                    guarded(session, |session| clocks::on_event_again(&work, session, sla, subject))
                }
                Some(sla) => guarded(session, |session| clocks::renew(&work, session, sla, subject)),
                None => Ok(()),
            },
            Handler::Plugin(name) => match &event {
                Some(event) => self.told_again(session, entity, (event, &subject), name),
                None => Ok(()),
            },
            Handler::Step(_) | Handler::Schedule(_) | Handler::Offer(_) | Handler::Receive(_) => Ok(()),
        }
    }
}

fn cause_of(event: &StoredEvent, rule: &str) -> Cause {
    Cause { event: Some(event.seq), depth: event.depth, rule: rule.to_owned(), actor: event.actor, via: None }
}

fn task(handler: Handler, event: &StoredEvent) -> Task {
    Task {
        handler,
        event: Some(event.seq),
        timer: None,
        entity: Some(event.entity.clone()),
        record: Some(event.record),
    }
}

/// Fields that an event changed, with their values before.
struct Changes {
    old: Vec<(Slot, Value)>,
    /// Before the event there was no record.
    created: bool,
}

impl Changes {
    /// What an event tells. What people say about a record and attach to it changes none of its fields.
    fn of(work: &Work, entity: &EntityModel, event: &StoredEvent) -> Changes {
        let created = event.kind == "record.created";
        let told = event.changes.as_deref().filter(|_| event.kind.starts_with("record.") && !created);
        Changes { old: told.map_or_else(Vec::new, |told| Changes::read(work, entity, told)), created }
    }

    /// Fields with their old values, of an entry of the audit trail.
    fn read(work: &Work, entity: &EntityModel, told: &str) -> Vec<(Slot, Value)> {
        let told: Map<String, Json> = serde_json::from_str(told).unwrap_or_default();
        let cx = work.values();
        let change = |(id, change): (&String, &Json)| {
            let field = entity.fields.iter().find(|field| field.id == *id)?;
            let old = change.get(0).unwrap_or(&Json::Null);
            // What does not fit its field any more (the type has changed since) counts as empty.
            let old = values::from_stored(&entity.shape.members()[field.slot].ty, old, &cx);
            Some((field.slot, old.unwrap_or_default()))
        };
        told.iter().filter_map(change).collect()
    }

    /// The record before the event, by what it was afterwards; empty where there was none.
    fn before(&self, after: &[Value]) -> Vec<Value> {
        if self.created {
            return Vec::new();
        }
        let mut before = after.to_vec();
        for (slot, old) in &self.old {
            before[*slot] = old.clone();
        }
        before
    }
}
