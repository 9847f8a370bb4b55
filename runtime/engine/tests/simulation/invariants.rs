//! What must be true of a tenant whatever happened to it: some of it whenever nothing is due, all of it in the end.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use mortise_engine::{ClockState, DeliveryState, StoredClock, WorkState};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::app::{self, CHANNELS, CLIENT, CLOCK, JOB, LOG, TASK, TICKET};
use crate::ledger::{self, Entry, Event, Ledger};
use crate::promises::Promises;
use crate::watch;
use crate::world::World;

/// Behind its time by more than this, a step is late.
const LATE_AFTER: TimeDelta = TimeDelta::minutes(1);
/// Longer than the pauses between all tries of a delivery.
const PATIENCE: TimeDelta = TimeDelta::hours(4);
/// Longer than any clock of the yard, holidays included.
const SEASON: TimeDelta = TimeDelta::days(90);

/// Whenever nothing is due: all is looked at, and nobody has more than they can take.
pub(crate) async fn at_rest(world: &World) {
    let backlog = world.tenant().backlog().await.unwrap();
    assert_eq!(backlog.events, 0, "events wait, and nothing is due");
    let due = world.tenant().next_due().await.unwrap();
    assert!(due.is_none_or(|due| due > world.now()), "{due:?} has passed");
    let open =
        "SELECT count(*) AS n FROM {}yard__ticket WHERE state = 'open' AND agent IS NOT NULL GROUP BY agent";
    let day = "SELECT count(*) AS n FROM {}_assignment WHERE person IS NOT NULL GROUP BY policy, person, day";
    let (open, day) = (ledger::most(world, open).await, ledger::most(world, day).await);
    assert!(day <= world.limits.0 && open <= world.limits.1, "{day} a day, {open} open: {:?}", world.limits);
    let dealt = "SELECT count(*) AS n FROM {}_assignment WHERE kind = 'automatic' GROUP BY record";
    assert!(ledger::most(world, dealt).await <= 1, "a ticket was dealt twice");
}

/// In the end: receivers take everything, time passes until nothing is under way, and everything is looked at.
pub(crate) async fn at_end(world: &mut World) {
    world.fate.spare();
    world.settle().await;
    world.tell("the end");
    under_way(world).await;
    world.fate.calm();
    world.pass(PATIENCE).await;
    for channel in CHANNELS {
        world.tenant().send_all_again(&world.root(), channel).await.unwrap();
    }
    world.settle().await;
    // Those of the last weeks would be cleared away with the season.
    delivered(world).await;
    world.fate.advance(SEASON);
    world.fail().await;
    world.settle().await;
    world.pass(PATIENCE).await;
    at_rest(world).await;
    let ledger = Ledger::read(world).await;
    kept(&ledger, &world.promises);
    once(&ledger);
    by_transition_only(&ledger);
    nothing_sleeps(&ledger, world.edition);
    climbed_in_order(&ledger);
    reset_with_reason(&ledger);
    failures_are_told(&ledger);
    rows_are_counted(&ledger, &world.promises);
    all_were_told(&ledger, world);
    if world.watched {
        watch::watched(&ledger, world).await;
    }
    let dealt = ledger::most(world, "SELECT count(*) AS n FROM {}_assignment WHERE kind = 'automatic'").await;
    let tickets = created(&ledger).filter(|event| event.entity == TICKET).count();
    assert_eq!(usize::try_from(dealt), Ok(tickets), "tickets that were dealt");
    let verified = world.tenant().verify().await.unwrap();
    assert_eq!(verified.broken, None, "the audit chain");
}

/// What was acknowledged is there, once; of what nobody heard, all or nothing.
fn kept(ledger: &Ledger, promises: &Promises) {
    let mut versions: BTreeMap<(&str, Uuid, i64), usize> = BTreeMap::new();
    for event in ledger.events.iter().filter(|event| event.kind.starts_with("record.")) {
        *versions.entry((&event.entity, event.record, event.version)).or_default() += 1;
    }
    for promise in &promises.versions {
        let found = versions.get(&(promise.entity.as_str(), promise.id, promise.version)).copied();
        assert_eq!(found, Some(1), "acknowledged in step {}: {promise:?}", promise.step);
    }
    for text in &promises.comments {
        let said = |entry: &&Entry| entry.action == "comment.added" && entry.changes["text"] == **text;
        assert_eq!(ledger.trail.iter().filter(said).count(), 1, "{text}");
    }
    let made: BTreeSet<Uuid> = created(ledger).map(|event| event.record).collect();
    for batch in &promises.batches {
        let there = batch.iter().filter(|id| made.contains(id)).count();
        assert!(there == 0 || there == batch.len(), "{there} of a batch of {}", batch.len());
    }
    for (prefix, count) in &promises.imported {
        let name = |entry: &Entry| entry.changes["name"][1].as_str().unwrap_or_default().to_owned();
        let rows =
            ledger.trail.iter().filter(|entry| entry.action == "record.created" && entry.entity == JOB);
        let found = rows.filter(|entry| name(entry).starts_with(prefix.as_str())).count();
        assert_eq!(found, *count, "imported as {prefix}");
    }
}

fn created(ledger: &Ledger) -> impl Iterator<Item = &Event> {
    ledger.events.iter().filter(|event| event.kind == "record.created")
}

/// Each event was looked at once by each rule: its log says so.
fn once(ledger: &Ledger) {
    let mut logs: BTreeMap<(i64, &str), usize> = BTreeMap::new();
    for event in created(ledger).filter(|event| event.entity == LOG) {
        if let (Some(cause), Some(rule)) = (event.cause, event.rule.as_deref()) {
            *logs.entry((cause, rule)).or_default() += 1;
        }
    }
    let twice: Vec<_> = logs.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "done twice: {twice:?}");
    let trashed = |id: Uuid| {
        ledger
            .events
            .iter()
            .filter(|event| event.record == id && event.kind == "record.deleted")
            .map(|event| event.seq)
            .max()
    };
    for event in &ledger.events {
        let rule = match (event.entity.as_str(), event.kind.as_str()) {
            (CLIENT, "record.created" | "record.changed") => "yard.tally",
            (JOB, "record.deleted") => "yard.gone",
            // Records that are in the trash by then set off nothing.
            (JOB, "record.created") if trashed(event.record).is_none() => "yard.made",
            (JOB, "record.restored") if trashed(event.record).is_some_and(|at| at < event.seq) => "yard.back",
            _ => continue,
        };
        assert!(logs.contains_key(&(event.seq, rule)), "{rule} did not see {event:?}");
    }
    let weekly: Vec<&str> =
        ledger.trail.iter().filter_map(|entry| entry.changes["what"][1].as_str()).collect();
    let weekly: Vec<&&str> = weekly.iter().filter(|what| what.starts_with("weekly")).collect();
    assert_eq!(
        weekly.iter().collect::<BTreeSet<_>>().len(),
        weekly.len(),
        "a schedule ran twice: {weekly:?}"
    );
}

/// The state moves from one to the next, and only by transitions.
fn by_transition_only(ledger: &Ledger) {
    let mut states: BTreeMap<Uuid, Json> = BTreeMap::new();
    for entry in ledger.trail.iter().filter(|entry| [JOB, TICKET].contains(&entry.entity.as_str())) {
        let (Some(record), change) = (entry.record, &entry.changes["state"]) else { continue };
        match entry.action.as_str() {
            "record.created" => drop(states.insert(record, change[1].clone())),
            "record.transitioned" if change.is_null() => {}
            "record.transitioned" => {
                let before = states.insert(record, change[1].clone());
                assert_eq!(before.as_ref(), Some(&change[0]), "{entry:?}");
            }
            "record.changed" => assert!(change.is_null(), "without a transition: {entry:?}"),
            _ => {}
        }
    }
}

/// Every open job has a clock that goes, or stands still by its policy, or a failure that somebody can see; a clock that
/// goes has a timer for each step to come, and others have none.
fn nothing_sleeps(ledger: &Ledger, edition: u32) {
    for (id, clocks) in &ledger.clocks {
        for clock in clocks.iter().filter(|clock| clock.state != ClockState::Running) {
            let left = ledger.timers.iter().filter(|timer| timer.clock == clock.id).count();
            assert_eq!(left, 0, "timers outlive {clock:?}");
        }
        let Some(Some(job)) = ledger.jobs.get(id) else { continue };
        let state = job["state"].as_str().unwrap_or_default();
        let (current, failed) = (clocks.first(), ledger.failed(&format!("sla:{CLOCK}"), *id));
        let fits = match (state, current.map(|clock| clock.state)) {
            ("new" | "active", Some(state)) => state.is_active(),
            ("done", Some(state)) => matches!(state, ClockState::Met | ClockState::Late),
            ("lost", Some(state)) => state == ClockState::Cancelled,
            // What never had a clock needs none when it is over.
            (state, None) => ["done", "lost"].contains(&state),
            _ => false,
        };
        assert!(fits || failed, "{id} is {state} and has {clocks:#?}");
        if let Some(clock) = current.filter(|clock| clock.state == ClockState::Running) {
            climbed(ledger, clock, edition);
        }
    }
}

/// A season later a clock that still goes has all its steps behind it.
fn climbed(ledger: &Ledger, clock: &StoredClock, edition: u32) {
    let failed = |step: &str| ledger.failed(&format!("step:{CLOCK}.{step}"), clock.record);
    assert!(clock.breached || failed(""), "nobody noticed the limit of {clock:?}");
    for step in app::ladder(edition) {
        let fired = clock.fired.iter().filter(|fired| fired == step).count();
        let unknown = ledger.failed(&format!("sla:{CLOCK}"), clock.record) && *step == "extra";
        assert!(
            fired == 1 || fired == 0 && (failed(step) || unknown),
            "{step} fired {fired} times: {clock:?}"
        );
    }
}

/// Each step once for each clock, in the order in which they were due, and late when they were.
fn climbed_in_order(ledger: &Ledger) {
    for id in ledger.jobs.keys() {
        let mut fired: BTreeSet<String> = BTreeSet::new();
        let mut last: Option<(DateTime<Utc>, DateTime<Utc>)> = None;
        let again =
            ledger.work.iter().any(|item| item.record == Some(*id) && item.handler.starts_with("step:"));
        for entry in ledger.of_job(*id).filter(|entry| entry.action.starts_with("clock.")) {
            match entry.action.as_str() {
                "clock.started" => (fired, last) = (BTreeSet::new(), None),
                "clock.breached" => {}
                "clock.step" | "clock.step_passed_over" => {
                    let step = entry.changes["step"].as_str().unwrap_or_default().to_owned();
                    let due: DateTime<Utc> =
                        entry.changes["due"].as_str().unwrap_or_default().parse().unwrap();
                    assert!(fired.insert(step.clone()), "twice: {entry:?}");
                    assert!(entry.at >= due, "too early: {entry:?}");
                    assert_eq!(entry.changes["late"], Json::from(entry.at - due > LATE_AFTER), "{entry:?}");
                    let in_order = last.is_none_or(|(at, before)| at != entry.at || before <= due);
                    // What failed and was tried again comes when it comes, and what another edition adds, when the
                    // clocks are worked out anew.
                    let in_turn = !again && step != "extra";
                    assert!(in_order || !in_turn, "after one that was due later: {entry:?}");
                    last = Some((entry.at, due));
                }
                // The limit has moved, and with it what was due when.
                _ => last = None,
            }
        }
    }
}

/// A clock starts anew only when the policy says so: with another client.
fn reset_with_reason(ledger: &Ledger) {
    for (id, clocks) in &ledger.clocks {
        let other = |entry: &&Entry| entry.action != "record.created" && !entry.changes["client"].is_null();
        let reasons = ledger.of_job(*id).filter(other).count();
        assert!(clocks.len() <= 1 + reasons, "{} clocks, {reasons} reasons: {clocks:#?}", clocks.len());
    }
}

/// What failed is listed with its reason, told on the record's timeline, and left nothing half done.
fn failures_are_told(ledger: &Ledger) {
    for item in &ledger.work {
        assert!(!item.error.code.is_empty() && !item.error.reason.is_empty(), "{item:?} has no reason");
        assert_ne!(item.state, WorkState::Waiting, "it would heal, and nobody tried: {item:?}");
        let told = |entry: &Entry| {
            entry.action == "automation.failed"
                && entry.record == item.record
                && entry.changes["handler"] == *item.handler
        };
        assert!(ledger.trail.iter().any(told), "nobody was told of {item:?}");
        let (Some(cause), Some(rule)) = (item.event, item.handler.strip_prefix("rule:")) else { continue };
        if item.state != WorkState::Done {
            let left = ledger
                .events
                .iter()
                .find(|event| event.cause == Some(cause) && event.rule.as_deref() == Some(rule));
            assert!(left.is_none(), "{item:?} failed and left {left:?}");
        }
    }
}

/// Rows come and go with their record, and are counted.
fn rows_are_counted(ledger: &Ledger, promises: &Promises) {
    for (id, job) in ledger.jobs.iter().filter_map(|(id, job)| Some((id, job.as_ref()?))) {
        let rows = job["tasks"].as_array().map_or(&[][..], Vec::as_slice);
        let open = rows.iter().filter(|row| row["done"] != Json::Bool(true)).count();
        assert_eq!(job["open"], Json::from(open), "open rows of {id}");
        if let Some(sent) = promises.rows.get(id) {
            assert_eq!(rows.len(), *sent, "rows of {id}");
        }
    }
    let made = created(ledger).filter(|event| event.entity == TASK).count();
    let there = |(id, count): (&Uuid, &usize)| if ledger.jobs.contains_key(id) { *count } else { 0 };
    assert_eq!(made, promises.rows.iter().map(there).sum::<usize>(), "rows of records that are not there");
}

/// While things are under way: a clock that goes has a timer for each step to come, and what was given up has a reason,
/// and the record's timeline says so.
async fn under_way(world: &World) {
    let ledger = Ledger::read(world).await;
    for clock in ledger.clocks.values().flatten().filter(|clock| clock.state == ClockState::Running) {
        let timed = |step: &str| {
            let target = format!("{CLOCK}.{step}");
            ledger.timers.iter().any(|timer| timer.clock == clock.id && timer.target == target)
        };
        let to_come =
            app::ladder(world.edition).iter().filter(|step| !clock.fired.iter().any(|id| id == **step));
        let dismissed = |step: &str| ledger.failed(&format!("step:{CLOCK}.{step}"), clock.record);
        let known = !ledger.failed(&format!("sla:{CLOCK}"), clock.record);
        for step in to_come.filter(|_| known) {
            assert!(timed(step) || dismissed(step), "nothing waits for {step} of {clock:?}");
        }
        assert!(clock.breached || timed("") || dismissed(""), "nothing waits for the limit of {clock:?}");
    }
    for dead in ledger.deliveries.iter().filter(|one| one.state == DeliveryState::Dead) {
        assert!(dead.error.as_ref().is_some_and(|error| !error.code.is_empty()), "{dead:?}");
        let id = Json::from(dead.id.to_string());
        let told = |entry: &Entry| entry.action == "delivery.dead" && entry.changes["delivery"] == id;
        assert!(ledger.trail.iter().any(|entry| told(entry) && entry.record == dead.record), "{dead:?}");
    }
}

/// Everything that is kept was sent, and whoever it was for has it.
async fn delivered(world: &World) {
    for one in ledger::deliveries(world).await {
        assert_eq!(one.state, DeliveryState::Sent, "{one:?}");
        let (times, taken) = world.fate.received(|received| {
            (received.parcels.get(&one.id).map_or(0, |handed| handed.times), received.taken.contains(&one.id))
        });
        assert!(times > 0 && taken, "handed over {times} times, taken: {taken}: {one:?}");
    }
}

/// One call for each client and one message for each time that people were told: however often they came, by their ids
/// they are so many.
fn all_were_told(ledger: &Ledger, world: &World) {
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    world.fate.received(|received| {
        for id in &received.taken {
            let payload = &received.parcels[id].payload;
            let about = match (&payload["client"], &payload["notification"], &payload["record"]) {
                (Json::String(client), _, _) => client.clone(),
                (_, Json::String(_), Json::String(record)) => format!("news {record}"),
                _ => continue,
            };
            *calls.entry(about).or_default() += 1;
        }
    });
    let came = |about: &str| calls.get(about).copied().unwrap_or(0);
    for event in created(ledger).filter(|event| event.entity == CLIENT) {
        assert_eq!(came(&event.record.to_string()), 1, "calls about {event:?}");
    }
    let mut told: BTreeMap<Uuid, usize> = BTreeMap::new();
    for entry in ledger.trail.iter().filter(|entry| entry.action == "notification.told") {
        *told.entry(entry.record.expect("it is about a record")).or_default() += 1;
    }
    for (record, times) in told {
        assert_eq!(came(&format!("news {record}")), times, "messages about {record}");
    }
}
