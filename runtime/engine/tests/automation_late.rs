//! Automation that comes late: what it works off looks as it was when it happened, each event at its time, and what it
//! has noted for later outlives deletion, another time zone and decisions of administrators.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, reason = "JSON literals are handed over as they stand")]

mod common;

use chrono::TimeDelta;
use common::text;
use common::works::{World, beginning, check_works, rule, task};
use mortise_engine::{ClockState, Command, Directory, StoredClock, WorkState};
use serde_json::{Value as Json, json};
use uuid::Uuid;

fn sla(more: Json) -> (&'static str, Json) {
    let mut sla = json!({"id": "answer", "label": "Answer", "entity": "job", "start": "true",
        "stop": "record.note != null", "cancel": "record.state == 'lost'", "limit": "hours(48)"});
    sla.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ("slas/answer.json", sla)
}

fn remind_after(count: i64) -> Json {
    json!([{"id": "remind", "label": "Remind", "base": "start", "offset": format!("hours({count})"),
        "do": [task("record.name")]}])
}

async fn clock(world: &World, id: Uuid) -> StoredClock {
    world.bench.tenant.clocks(&world.bench.admin(), "works.job", id).await.unwrap().remove(0)
}

/// Changes a job of Ann's; what follows has to wait.
async fn change_unseen(world: &World, id: Uuid, values: Json) {
    world.bench.update(&world.ann(), "works.job", id, values).await.unwrap();
}

fn hours(count: i64) -> TimeDelta {
    TimeDelta::hours(count)
}

#[tokio::test]
async fn what_is_said_of_a_record_and_done_below_it_restarts_no_clock() {
    let policy = sla(json!({"reset": "record.owner != previous.owner || record.amount != previous.amount"}));
    check_works(vec![policy], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof", "amount": 3})).await;
        world.pass(hours(20)).await;
        let comment = Command::Comment { entity: "works.job".into(), id, text: "Well.".into() };
        world.bench.run(&world.ann(), comment).await.unwrap();
        world.settle().await;
        world.bench.create(&world.ann(), "works.task", json!({"job": id, "what": "Dig"})).await;
        world.settle().await;
        let running = clock(world, id).await;
        assert_eq!((running.state, running.started_at), (ClockState::Running, beginning()));
        world.change(id, json!({"amount": 4})).await;
        assert_eq!(clock(world, id).await.started_at, world.now());
    })
    .await;
}

#[tokio::test]
async fn an_answer_counts_from_its_own_moment_however_late_it_is_worked_off() {
    check_works(vec![sla(json!({}))], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        world.sleep(hours(40));
        change_unseen(world, id, json!({"amount": 1})).await;
        world.sleep(hours(10));
        change_unseen(world, id, json!({"note": "called"})).await;
        world.sleep(hours(10));
        world.settle().await;
        let late = clock(world, id).await;
        assert_eq!((late.state, late.counted), (ClockState::Late, 50 * 3_600_000_000));
    })
    .await;
}

#[tokio::test]
async fn a_pause_counts_although_it_was_over_before_anybody_looked() {
    let policy = sla(json!({"pause": "record.grade == 'a'"}));
    check_works(vec![policy], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        world.sleep(hours(10));
        change_unseen(world, id, json!({"grade": "a"})).await;
        world.sleep(hours(5));
        change_unseen(world, id, json!({"grade": null})).await;
        world.sleep(hours(1));
        world.settle().await;
        let running = clock(world, id).await;
        assert_eq!((running.state, running.due_at), (ClockState::Running, Some(beginning() + hours(53))));
    })
    .await;
}

#[tokio::test]
async fn steps_wait_for_all_events_before_them() {
    let policy = sla(json!({"ladder": remind_after(25)}));
    check_works(vec![policy], async |world: &mut World| {
        let answered = world.job(json!({"name": "Answered"})).await;
        world.job(json!({"name": "Forgotten"})).await;
        world.sleep(hours(24));
        let jobs = (0..200).map(|number| json!({"name": format!("Job {number}"), "note": "called"}));
        world.bench.create_all(&world.ann(), "works.job", jobs).await;
        change_unseen(world, answered, json!({"note": "called"})).await;
        world.sleep(hours(2));
        world.settle().await;
        assert_eq!(world.tasks().await, ["Forgotten"]);
        assert_eq!(clock(world, answered).await.state, ClockState::Met);
    })
    .await;
}

#[tokio::test]
async fn a_record_that_comes_back_from_the_trash_goes_on_where_its_clock_stood() {
    let policy = sla(json!({"ladder": remind_after(25), "cancel": "record.state == 'lost'"}));
    check_works(vec![policy], async |world: &mut World| {
        let (bench, ann) = (&world.bench, world.ann());
        let id = world.job(json!({"name": "Roof"})).await;
        world.pass(hours(20)).await;
        bench.delete(&ann, "works.job", id).await.unwrap();
        world.settle().await;
        world.pass(hours(100)).await;
        assert_eq!(world.tasks().await, [""; 0]);
        bench.run(&ann, Command::Restore { entity: "works.job".into(), id }).await.unwrap();
        world.settle().await;
        let again = clock(world, id).await;
        assert_eq!((again.state, again.ended_at), (ClockState::Running, None));
        assert_eq!(again.due_at, Some(world.now() + hours(28)), "the trash counts for nothing");
        world.pass(hours(5)).await;
        assert_eq!(world.tasks().await, ["Roof"]);
        // What had ended before stays as it ended.
        world.take(&ann, id, "lose", json!({"reason": "gone"})).await.unwrap();
        world.settle().await;
        world.pass(hours(1)).await;
        bench.delete(&ann, "works.job", id).await.unwrap();
        world.settle().await;
        bench.run(&ann, Command::Restore { entity: "works.job".into(), id }).await.unwrap();
        world.settle().await;
        assert_eq!(clock(world, id).await.state, ClockState::Cancelled);
    })
    .await;
}

#[tokio::test]
async fn what_one_rule_changes_is_no_part_of_the_event_that_set_the_other_off() {
    let changed = |more: Json| json!([{"type": "changed", "fields": more}]);
    let grade = rule(
        "alpha",
        json!({"on": changed(json!(["amount"])), "do": [{"type": "set", "values": {"grade": "'a'"}}]}),
    );
    let tell = rule(
        "beta",
        json!({"on": [{"type": "changed"}], "condition": "record.grade != previous.grade",
            "do": [task("'graded'")]}),
    );
    check_works(vec![("rules/alpha.json", grade), ("rules/beta.json", tell)], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        world.change(id, json!({"amount": 3})).await;
        assert_eq!(text(&world.see(id).await["grade"]), "a");
        assert_eq!(world.tasks().await, ["graded"], "once, by the event of the change");
    })
    .await;
}

fn daily() -> (&'static str, Json) {
    let schedule = json!({"type": "schedule", "cron": "0 10 * * *", "where": "record.amount > 0"});
    ("rules/daily.json", rule("daily", json!({"on": [schedule], "do": [task("record.name")]})))
}

#[tokio::test]
async fn schedules_follow_another_time_zone() {
    check_works(vec![daily()], async |world: &mut World| {
        let tenant = world.bench.tenant.clone();
        world.job(json!({"name": "Roof", "amount": 1})).await;
        let next = async || tenant.next_due().await.unwrap().unwrap();
        assert_eq!(next().await, beginning() + hours(1));
        let people = tenant.directory();
        let (users, departments) =
            (people.users().cloned().collect(), people.departments().cloned().collect());
        tenant.set_directory(Directory::new(users, departments, chrono_tz::Asia::Tokyo, "en".into()));
        world.settle().await;
        assert_eq!(next().await, beginning() + hours(24), "ten o'clock in Tokyo is now, and was not missed");
        world.pass(hours(24)).await;
        assert_eq!(world.tasks().await, ["Roof"]);
    })
    .await;
}

#[tokio::test]
async fn a_failed_run_of_a_schedule_that_is_dismissed_leaves_the_next_ones() {
    check_works(vec![daily()], async |world: &mut World| {
        let root = world.bench.admin();
        world.job(json!({"name": "Roof", "amount": 1})).await;
        world.bench.tamper("ALTER TABLE {schema}works__job RENAME TO hidden").await;
        world.pass(hours(6)).await;
        let failed = world.failed(WorkState::Parked).await;
        assert_eq!((failed.len(), failed[0].error.code.as_str()), (1, "server.failed"));
        world.bench.tamper("ALTER TABLE {schema}hidden RENAME TO works__job").await;
        world.bench.tenant.dismiss(&root, failed[0].id).await.unwrap();
        world.settle().await;
        assert_eq!(world.tasks().await, [""; 0]);
        world.pass(hours(24)).await;
        assert_eq!(world.tasks().await, ["Roof"]);
        assert_eq!(world.parked().await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_record_that_cannot_be_read_stops_nothing_but_itself() {
    let seen = (
        "rules/seen.json",
        rule("seen", json!({"on": [{"type": "changed", "fields": ["note"]}], "do": [task("record.name")]})),
    );
    check_works(vec![seen], async |world: &mut World| {
        let broken = world.job(json!({"name": "Roof"})).await;
        let whole = world.job(json!({"name": "Wall"})).await;
        world.sleep(hours(1));
        for id in [broken, whole] {
            change_unseen(world, id, json!({"note": "called"})).await;
        }
        // No value of the type is so far away, in either database.
        let far = if world.bench.database == "sqlite" { "9223372036854775807" } else { "'infinity'" };
        let spoil = format!("UPDATE {{schema}}works__job SET since = {far} WHERE name = 'Roof'");
        world.bench.tamper(&spoil).await;
        world.settle().await;
        assert_eq!(world.tasks().await, ["Wall"]);
        assert_eq!(world.parked().await.len(), 1);
        world.bench.tamper("UPDATE {schema}works__job SET since = NULL").await;
        let failed = world.failed(WorkState::Parked).await;
        world.bench.tenant.retry(&world.bench.admin(), failed[0].id).await.unwrap();
        world.settle().await;
        assert_eq!(world.tasks().await, ["Roof", "Wall"]);
    })
    .await;
}
