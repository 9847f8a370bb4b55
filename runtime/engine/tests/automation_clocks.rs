//! Clocks: start, pause, stop, reset and limit, the steps of a ladder, downtime, and what a changed calendar does.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, reason = "JSON literals are handed over as they stand")]

mod common;

use chrono::{DateTime, TimeDelta, Utc};
use common::text;
use common::works::{World, check_works, task};
use mortise_engine::{ClockState, StoredClock, WorkState};
use serde_json::{Value as Json, json};
use uuid::Uuid;

fn sla(more: Json) -> (&'static str, Json) {
    let mut sla = json!({"id": "answer", "label": "Answer", "entity": "job",
        "start": "record.state == 'new' || record.state == 'active'",
        "stop": "record.note != null", "cancel": "record.state == 'lost'", "limit": "hours(48)"});
    sla.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ("slas/answer.json", sla)
}

fn step(id: &str, offset: i64, more: Json) -> Json {
    let mut step = json!({"id": id, "label": id, "base": "start", "offset": format!("hours({offset})"),
        "do": [task(&format!("'{id} ' + string(clock.late)"))]});
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

async fn clock(world: &World, id: Uuid) -> StoredClock {
    world.bench.tenant.clocks(&world.bench.admin(), "works.job", id).await.unwrap().remove(0)
}

fn at(text: &str) -> Option<DateTime<Utc>> {
    Some(text.parse().unwrap())
}

fn hours(count: i64) -> TimeDelta {
    TimeDelta::hours(count)
}

#[tokio::test]
async fn a_clock_runs_from_the_event_and_is_met_or_late() {
    check_works(vec![sla(json!({}))], async |world: &mut World| {
        let met = world.job(json!({"name": "Met"})).await;
        let late = world.job(json!({"name": "Late"})).await;
        let lost = world.job(json!({"name": "Lost"})).await;
        assert_eq!(clock(world, met).await.due_at, at("2026-03-04T01:00:00Z"));
        world.pass(hours(47)).await;
        world.change(met, json!({"note": "called"})).await;
        let ann = world.ann();
        world.take(&ann, lost, "lose", json!({"reason": "gone"})).await.unwrap();
        world.settle().await;
        world.pass(hours(2)).await;
        assert!(
            clock(world, late).await.breached,
            "the limit is noticed when it passes, not when somebody looks"
        );
        world.change(late, json!({"note": "called"})).await;
        assert_eq!(clock(world, met).await.state, ClockState::Met);
        assert_eq!(clock(world, lost).await.state, ClockState::Cancelled);
        let late = clock(world, late).await;
        assert_eq!((late.state, late.counted), (ClockState::Late, 49 * 3_600_000_000));
        assert_eq!(world.bench.tenant.next_due().await.unwrap(), None, "no timer outlives its clock");
    })
    .await;
}

#[tokio::test]
async fn steps_are_carried_out_once_in_order_and_only_while_the_clock_runs() {
    let ladder = json!([
        step("warn", -2, json!({"base": "due"})),
        step("remind", 25, json!({})),
        step("second", 40, json!({"condition": "record.amount > 5"})),
        step("last", 73, json!({"do": [task("'last'"), {"type": "set", "values": {"grade": "'b'"}}]})),
    ]);
    check_works(vec![sla(json!({"ladder": ladder}))], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        world.pass(hours(24)).await;
        assert_eq!(world.tasks().await, [""; 0]);
        world.pass(hours(1)).await;
        assert_eq!(world.tasks().await, ["remind false"]);
        world.pass(hours(22)).await;
        assert_eq!(world.tasks().await, ["remind false", "warn false"], "the second asked its condition");
        world.pass(hours(100)).await;
        assert_eq!(world.tasks().await, ["last", "remind false", "warn false"]);
        assert_eq!(text(&world.see(id).await["grade"]), "b");
        let told = world.timeline(id).await;
        let clocks: Vec<&str> =
            told.iter().map(String::as_str).filter(|action| action.starts_with("clock.")).collect();
        let expected = [
            "clock.started",
            "clock.step",
            "clock.step_passed_over",
            "clock.step",
            "clock.breached",
            "clock.step",
        ];
        assert_eq!(clocks, expected);
    })
    .await;
}

#[tokio::test]
async fn after_a_downtime_each_step_comes_once_in_order_and_says_that_it_is_late() {
    let ladder = json!([step("one", 1, json!({})), step("two", 2, json!({})), step("three", 200, json!({}))]);
    check_works(vec![sla(json!({"ladder": ladder}))], async |world: &mut World| {
        world.job(json!({"name": "Roof"})).await;
        world.sleep(hours(100));
        world.bench.crash().await;
        world.settle().await;
        world.settle().await;
        assert_eq!(world.tasks().await, ["one true", "two true"]);
        world.pass(hours(100)).await;
        assert_eq!(world.tasks().await, ["one true", "three false", "two true"]);
    })
    .await;
}

#[tokio::test]
async fn a_pause_stops_counting_and_a_reset_starts_anew() {
    let policy = sla(json!({"pause": "record.grade == 'a'", "reset": "record.owner != previous.owner",
        "ladder": [step("remind", 25, json!({}))]}));
    check_works(vec![policy], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        world.pass(hours(20)).await;
        world.change(id, json!({"grade": "a"})).await;
        let paused = clock(world, id).await;
        assert_eq!((paused.state, paused.due_at), (ClockState::Paused, None));
        world.pass(hours(500)).await;
        assert_eq!(world.tasks().await, [""; 0]);
        world.change(id, json!({"grade": "b"})).await;
        assert_eq!(clock(world, id).await.due_at, Some(world.now() + hours(28)));
        world.pass(hours(5)).await;
        assert_eq!(world.tasks().await, ["remind false"]);
        let bob = world.bench.person("bob").user.id;
        world.change(id, json!({"owner": bob.to_string()})).await;
        let again = clock(world, id).await;
        assert_eq!((again.state, again.started_at, again.counted), (ClockState::Running, world.now(), 0));
        world.pass(hours(25)).await;
        assert_eq!(world.tasks().await, ["remind false", "remind false"], "the new clock has its own ladder");
        let all = world.bench.tenant.clocks(&world.bench.admin(), "works.job", id).await.unwrap();
        assert_eq!(
            all.iter().map(|clock| clock.state).collect::<Vec<_>>(),
            [ClockState::Running, ClockState::Cancelled]
        );
    })
    .await;
}

#[tokio::test]
async fn a_limit_follows_its_table_and_working_time() {
    let day = json!(["09:00-12:00", "13:30-18:00"]);
    let calendar = json!({"id": "work", "label": "Work", "time_zone": "Asia/Shanghai",
        "week": {"monday": day, "tuesday": day, "wednesday": day, "thursday": day, "friday": day}});
    let table = json!({"id": "limit", "entity": "job", "label": "Limit",
        "inputs": [{"id": "grade", "label": "Grade", "value": "record.grade"}],
        "outputs": [{"id": "limit", "label": "Limit", "type": "duration"}],
        "rows": [{"when": ["'a'"], "then": ["hours(2)"]}, {"when": ["-"], "then": ["hours(settings.limit)"]}]});
    let (path, mut policy) =
        sla(json!({"calendar": "work", "limit_by": {"decision": "limit", "output": "limit"}}));
    policy.as_object_mut().unwrap().remove("limit");
    let files = vec![("calendars/work.json", calendar), ("decisions/limit.json", table), (path, policy)];
    check_works(files, async |world: &mut World| {
        // Monday nine o'clock; five hours end at 15:30, after lunch.
        let id = world.job(json!({"name": "Roof"})).await;
        assert_eq!(clock(world, id).await.due_at, at("2026-03-02T07:30:00Z"));
        world.change(id, json!({"grade": "a"})).await;
        assert_eq!(clock(world, id).await.due_at, at("2026-03-02T03:00:00Z"));
        assert!(world.timeline(id).await.contains(&"clock.limit_changed".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn a_clock_without_a_limit_is_parked_with_its_reason() {
    check_works(vec![sla(json!({"limit": "hours(record.amount)"}))], async |world: &mut World| {
        world.settle().await;
        world.job(json!({"name": "Roof"})).await;
        assert_eq!(world.parked().await, ["sla:works.answer clock.no_limit"]);
    })
    .await;
}

/// The office of Shanghai, with these days off.
fn office(holidays: Json) -> (&'static str, Json) {
    let day = json!(["09:00-18:00"]);
    let calendar = json!({"id": "work", "label": "Work", "time_zone": "Asia/Shanghai", "holidays": holidays,
        "week": {"monday": day, "tuesday": day, "wednesday": day, "thursday": day, "friday": day}});
    ("calendars/work.json", calendar)
}

#[tokio::test]
async fn a_changed_calendar_moves_the_clocks_that_run() {
    let policy =
        || sla(json!({"calendar": "work", "limit": "hours(12)", "ladder": [step("late", 12, json!({}))]}));
    check_works(vec![office(json!([])), policy()], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        let done = world.job(json!({"name": "Done"})).await;
        world.change(done, json!({"note": "called"})).await;
        assert_eq!(clock(world, id).await.due_at, at("2026-03-03T04:00:00Z"));
        let with_holiday = vec![office(json!([{"date": "2026-03-03"}])), policy()];
        world.bench.install(common::works::works("1.0.1", with_holiday)).await.unwrap();
        world.settle().await;
        assert_eq!(clock(world, id).await.due_at, at("2026-03-04T04:00:00Z"));
        assert_eq!(clock(world, done).await.state, ClockState::Met, "what is over stays as it was");
        world.pass(hours(30)).await;
        assert_eq!(world.tasks().await, [""; 0], "the step has moved as well");
        world.pass(hours(24)).await;
        assert_eq!(world.tasks().await, ["late false"]);
    })
    .await;
}

#[tokio::test]
async fn records_that_were_there_before_the_policy_get_their_clocks() {
    check_works(vec![], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        world.sleep(hours(10));
        let policy = sla(json!({"from": "record.created_at"}));
        world.bench.install(common::works::works("1.0.1", vec![policy])).await.unwrap();
        world.settle().await;
        assert_eq!(clock(world, id).await.due_at, at("2026-03-04T01:00:00Z"));
        let again = world.timeline(id).await.len();
        world.bench.crash().await;
        world.settle().await;
        assert_eq!(world.timeline(id).await.len(), again, "once is enough");
    })
    .await;
}

#[tokio::test]
async fn before_a_calendar_is_published_the_clocks_that_would_move_are_shown() {
    let policy = || sla(json!({"calendar": "work", "limit": "hours(12)"}));
    check_works(vec![office(json!([])), policy()], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        let draft = common::works::works("1.0.1", vec![office(json!([{"date": "2026-03-03"}])), policy()]);
        let plan = world.bench.tenant.plan(std::sync::Arc::new(draft)).await.unwrap();
        assert_eq!((plan.clocks.running, plan.clocks.changed, plan.clocks.newly_late), (1, 1, 0));
        let moved = &plan.clocks.shown[0];
        assert_eq!(
            (moved.record, moved.before, moved.after),
            (id, at("2026-03-03T04:00:00Z"), at("2026-03-04T04:00:00Z"))
        );
        let same = common::works::works("1.0.1", vec![office(json!([])), policy()]);
        let plan = world.bench.tenant.plan(std::sync::Arc::new(same)).await.unwrap();
        assert_eq!(plan.clocks.running, 0, "nothing counts differently");
    })
    .await;
}

/// Runs all parked work again.
async fn again(world: &World) {
    for item in world.failed(WorkState::Parked).await {
        world.bench.tenant.retry(&world.bench.admin(), item.id).await.unwrap();
    }
    world.settle().await;
}

#[tokio::test]
async fn a_step_that_is_run_again_still_knows_when_it_was_due() {
    let remind = json!({"do": [task("record.reason + ' ' + string(clock.late)")]});
    check_works(vec![sla(json!({"ladder": [step("remind", 1, remind)]}))], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        world.pass(hours(5)).await;
        assert_eq!(world.parked().await, ["step:works.answer.remind record.invalid"]);
        world.change(id, json!({"reason": "told"})).await;
        again(world).await;
        assert_eq!(world.tasks().await, ["told true"]);
        let entries =
            world.bench.tenant.timeline(&world.bench.admin(), "works.job", id, None, 50).await.unwrap();
        let done = entries.iter().find(|entry| entry.action == "clock.step").unwrap();
        assert_eq!(done.details["due"], "2026-03-02T02:00:00Z");
    })
    .await;
}

#[tokio::test]
async fn what_failed_at_an_event_and_is_run_again_leaves_the_clock_that_came_later() {
    let policy = json!({"limit": "hours(record.amount)", "reset": "record.owner != previous.owner"});
    check_works(vec![sla(policy)], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        world.pass(hours(1)).await;
        world.change(id, json!({"amount": 5})).await;
        let before = clock(world, id).await;
        world.pass(hours(1)).await;
        again(world).await;
        assert_eq!(world.parked().await, [""; 0]);
        assert_eq!(world.bench.tenant.clocks(&world.bench.admin(), "works.job", id).await.unwrap(), [before]);
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_has_lost_its_limit_stands_in_the_way_of_no_installation() {
    let policy = |limit: &str| sla(json!({"limit": limit}));
    check_works(vec![policy("hours(record.amount)")], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof", "amount": 5})).await;
        world.change(id, json!({"amount": null})).await;
        let other = common::works::works("1.0.1", vec![policy("hours(record.amount * 2)")]);
        world.bench.install(other).await.unwrap();
        world.settle().await;
        assert_eq!(world.parked().await, ["sla:works.answer clock.no_limit"]);
        assert_eq!(clock(world, id).await.due_at, at("2026-03-02T06:00:00Z"));
    })
    .await;
}
