//! Rules: what sets them off, what they do, and what becomes of those that fail.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use chrono::TimeDelta;
use common::text;
use common::works::{World, check_works, note, rule, task, works};
use mortise_engine::WorkState;
use serde_json::{Value as Json, json};

fn file(id: &'static str, more: Json) -> (&'static str, Json) {
    let name: &'static str = Box::leak(format!("rules/{id}.json").into_boxed_str());
    (name, rule(id, more))
}

#[tokio::test]
async fn each_trigger_sets_off_its_rules_once() {
    let on = |id: &'static str, trigger: Json| {
        file(id, json!({"on": [trigger], "do": [task(&format!("'{id}'"))]}))
    };
    let rules = vec![
        on("made", json!({"type": "created"})),
        on("changed", json!({"type": "changed"})),
        on("amount", json!({"type": "changed", "fields": ["amount"]})),
        on("begun", json!({"type": "transition", "transition": "begin"})),
        on("moved", json!({"type": "transition"})),
        on("restored", json!({"type": "restored"})),
    ];
    check_works(rules, async |world: &mut World| {
        let (bench, ann) = (&world.bench, world.ann());
        let id = world.job(json!({"name": "Roof", "amount": 1})).await;
        assert_eq!(world.tasks().await, ["made"]);
        world.change(id, json!({"note": "n"})).await;
        assert_eq!(world.tasks().await, ["changed", "made"]);
        world.change(id, json!({"amount": 2})).await;
        assert_eq!(world.tasks().await, ["amount", "changed", "changed", "made"]);
        world.take(&ann, id, "begin", json!({})).await.unwrap();
        world.take(&ann, id, "again", json!({})).await.unwrap();
        world.settle().await;
        let tasks = ["amount", "begun", "changed", "changed", "changed", "changed", "made", "moved", "moved"];
        assert_eq!(world.tasks().await, tasks);
        bench.delete(&ann, "works.job", id).await.unwrap();
        world.settle().await;
        let restore = mortise_engine::Command::Restore { entity: "works.job".into(), id };
        bench.run(&ann, restore).await.unwrap();
        world.settle().await;
        assert_eq!(world.tasks().await.last().unwrap(), "restored");
        // Nothing happens twice: everything is worked off.
        world.settle().await;
        assert_eq!(world.tasks().await.len(), tasks.len() + 1);
        assert_eq!(bench.tenant.backlog().await.unwrap().events, 0);
    })
    .await;
}

#[tokio::test]
async fn a_rule_about_the_trash_sees_what_went_into_it() {
    let rules = vec![file(
        "gone",
        json!({"on": [{"type": "deleted"}], "do": [
            {"type": "create", "entity": "task", "values": {"what": "'gone: ' + record.name"}}]}),
    )];
    check_works(rules, async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        world.bench.delete(&world.ann(), "works.job", id).await.unwrap();
        world.settle().await;
        assert_eq!(world.tasks().await, ["gone: Roof"]);
    })
    .await;
}

#[tokio::test]
async fn a_condition_sees_before_and_after_and_who_it_was() {
    let condition = "record.amount > previous.amount && user.name == 'Ann'";
    let rules = vec![file(
        "more",
        json!({"on": [{"type": "changed", "fields": ["amount"]}], "condition": condition, "do": [
            note("'from ' + string(previous.amount) + ' to ' + string(record.amount)")]}),
    )];
    check_works(rules, async |world: &mut World| {
        let id = world.job(json!({"name": "Roof", "amount": 5})).await;
        world.change(id, json!({"amount": 3})).await;
        assert_eq!(text(&world.see(id).await["note"]), "");
        world.change(id, json!({"amount": 8})).await;
        assert_eq!(text(&world.see(id).await["note"]), "from 3 to 8");
        world.bench.update(&world.bench.admin(), "works.job", id, json!({"amount": 9})).await.unwrap();
        world.settle().await;
        assert_eq!(text(&world.see(id).await["note"]), "from 3 to 8");
    })
    .await;
}

#[tokio::test]
async fn rules_of_one_event_run_in_their_order_and_see_each_other() {
    let add = |letter: &str| note(&format!("coalesce(record.note, '') + '{letter}'"));
    let on = json!([{"type": "created"}]);
    let rules = vec![
        file("late", json!({"on": on, "order": 200, "do": [add("d")]})),
        file("beta", json!({"on": on, "do": [add("c")]})),
        file("alpha", json!({"on": on, "do": [add("b")]})),
        file("early", json!({"on": on, "order": 1, "do": [add("a")]})),
    ];
    check_works(rules, async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        assert_eq!(text(&world.see(id).await["note"]), "abcd");
    })
    .await;
}

#[tokio::test]
async fn actions_set_list_decide_relate_and_move() {
    let grade = json!({"id": "grade", "entity": "job", "label": "Grade",
        "inputs": [{"id": "amount", "label": "Amount", "value": "record.amount"}],
        "outputs": [{"id": "grade", "label": "Grade", "type": "text"}],
        "rows": [{"when": [">= 10"], "then": ["'a'"]}, {"when": ["-"], "then": ["'b'"]}]});
    let rules = vec![
        ("decisions/grade.json", grade),
        file(
            "begun",
            json!({"on": [{"type": "changed", "fields": ["amount"]}], "do": [
                {"type": "decide", "decision": "grade", "values": {"grade": "grade"}},
                {"type": "add", "field": "lists", "value": "vip", "when": "record.grade == 'a'"},
                {"type": "add", "field": "lists", "value": "vip", "remove": true, "when": "record.grade == 'b'"},
                {"type": "transition", "transition": "begin"},
                {"type": "update_related", "entity": "task", "via": "job", "where": "record.what != 'Keep'",
                 "values": {"done": "true"}},
                {"type": "run", "rule": "summary"}]}),
        ),
        file(
            "summary",
            json!({"condition": "record.open == 1", "do": [note("'graded ' + record.grade + ', one task left'")]}),
        ),
    ];
    check_works(rules, async |world: &mut World| {
        let id = world
            .job(json!({"name": "Roof", "tasks": [{"what": "Dig"}, {"what": "Keep"}, {"what": "Fill"}]}))
            .await;
        world.change(id, json!({"amount": 12})).await;
        assert_eq!(world.parked().await, [""; 0]);
        let job = world.see(id).await;
        assert_eq!(text(&job["note"]), "graded a, one task left");
        assert_eq!(
            (text(&job["state"]), text(&job["grade"]), &job["lists"]),
            ("active".into(), "a".into(), &json!(["vip"]))
        );
        let done = world.bench.column(&world.bench.admin(), "works.task", "done", &[("sort", "what")]).await;
        assert_eq!(done, ["false", "true", "true"]);
        // From another state than those it starts from, the transition is passed over.
        world.change(id, json!({"amount": 2})).await;
        assert_eq!(world.parked().await, [""; 0]);
        let job = world.see(id).await;
        assert_eq!((text(&job["grade"]), &job["lists"]), ("b".into(), &Json::Null));
    })
    .await;
}

#[tokio::test]
async fn what_a_rule_does_is_done_wholly_or_not_at_all_and_does_not_stop_the_rest() {
    let on = json!([{"type": "created"}]);
    let rules = vec![
        file(
            "broken",
            json!({"on": on, "order": 1, "do": [task("'half'"), {"type": "set", "values": {"name": "record.note"}}]}),
        ),
        file("sound", json!({"on": on, "order": 2, "do": [task("'whole'")]})),
    ];
    check_works(rules, async |world: &mut World| {
        let (bench, root) = (&world.bench, world.bench.admin());
        let id = world.job(json!({"name": "Roof"})).await;
        assert_eq!(world.tasks().await, ["whole"]);
        assert_eq!(world.parked().await, ["rule:works.broken record.invalid"]);
        assert_eq!(world.timeline(id).await, ["record.created", "automation.failed"]);
        let item = world.failed(WorkState::Parked).await.remove(0);
        assert_eq!(item.error.place.as_deref(), Some("/do/1"));
        assert_eq!(item.error.fields[0].code, "field.required");
        assert_eq!(bench.tenant.failed_work_of(&world.ann(), "works.job", id).await.unwrap().len(), 1);
        assert!(bench.tenant.failed_work(&world.ann(), WorkState::Parked, None, 10).await.is_err());
        // Somebody mends it and has it run again.
        bench.update(&root, "works.job", id, json!({"note": "Wall"})).await.unwrap();
        bench.tenant.retry(&root, item.id).await.unwrap();
        world.settle().await;
        assert_eq!(text(&world.see(id).await["name"]), "Wall");
        assert_eq!(world.tasks().await, ["half", "whole"]);
        assert_eq!(world.failed(WorkState::Done).await.len(), 1);
        assert_eq!(bench.tenant.retry(&root, item.id).await.unwrap_err().code(), "automation.work_over");
        assert!(bench.tenant.verify().await.unwrap().broken.is_none());
    })
    .await;
}

#[tokio::test]
async fn failed_work_can_be_dismissed_and_goes_away_with_its_rule() {
    let rules = || {
        vec![file(
            "broken",
            json!({"on": [{"type": "created"}], "do": [{"type": "set", "values": {"name": "record.note"}}]}),
        )]
    };
    check_works(rules(), async |world: &mut World| {
        let (bench, root) = (&world.bench, world.bench.admin());
        for name in ["Roof", "Wall"] {
            world.job(json!({ "name": name })).await;
        }
        let items = world.failed(WorkState::Parked).await;
        bench.tenant.dismiss(&root, items[0].id).await.unwrap();
        bench.install(works("1.1.0", vec![])).await.unwrap();
        bench.tenant.retry(&root, items[1].id).await.unwrap();
        world.settle().await;
        assert_eq!(world.parked().await, [""; 0]);
        assert_eq!(world.failed(WorkState::Dismissed).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_circle_of_rules_is_stopped_and_named() {
    let on = json!([{"type": "changed", "fields": ["amount"]}]);
    let rules = vec![
        file(
            "ping",
            json!({"on": on, "condition": "record.note != 'stop'", "do": [{"type": "set", "values": {"amount": "record.amount + 1"}}]}),
        ),
        file("self", json!({"on": [{"type": "created"}], "do": [{"type": "run", "rule": "self"}]})),
    ];
    check_works(rules, async |world: &mut World| {
        let id = world.job(json!({"name": "Roof", "amount": 0})).await;
        world.change(id, json!({"amount": 1})).await;
        assert_eq!(text(&world.see(id).await["amount"]), "17");
        assert_eq!(
            world.parked().await,
            ["rule:works.ping automation.loop", "rule:works.self automation.loop"]
        );
        let items = world.failed(WorkState::Parked).await;
        let chain = |handler: &str| {
            items.iter().find(|item| item.handler == handler).unwrap().error.args["chain"].clone()
        };
        assert_eq!(chain("rule:works.ping").matches("works.ping").count(), 17);
        assert!(chain("rule:works.self").starts_with("works.self → works.self"));
    })
    .await;
}

#[tokio::test]
async fn rules_obey_the_lifecycle_and_the_validity_of_fields() {
    let rules = vec![
        file(
            "finish",
            json!({"on": [{"type": "transition", "transition": "begin"}], "do": [{"type": "transition", "transition": "finish"}]}),
        ),
        file(
            "recall",
            json!({"on": [{"type": "transition", "transition": "lose"}], "do": [{"type": "transition", "transition": "recall"}]}),
        ),
    ];
    check_works(rules, async |world: &mut World| {
        let ann = world.ann();
        let id = world.job(json!({"name": "Roof"})).await;
        world.take(&ann, id, "begin", json!({})).await.unwrap();
        world.settle().await;
        assert_eq!(world.parked().await, ["rule:works.finish record.invalid"]);
        world.take(&ann, id, "lose", json!({"reason": "Too dear"})).await.unwrap();
        world.settle().await;
        assert_eq!(text(&world.see(id).await["state"]), "new", "what nobody may take is open to rules");
    })
    .await;
}

#[tokio::test]
async fn a_record_that_is_gone_by_then_sets_off_nothing() {
    let rules =
        vec![file("made", json!({"on": [{"type": "created"}, {"type": "changed"}], "do": [task("'made'")]}))];
    check_works(rules, async |world: &mut World| {
        let (bench, ann) = (&world.bench, world.ann());
        let id = bench.create(&ann, "works.job", json!({"name": "Roof"})).await;
        bench.delete(&ann, "works.job", id).await.unwrap();
        world.settle().await;
        assert_eq!(world.tasks().await, [""; 0]);
        assert_eq!(world.parked().await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_lost_and_nothing_done_twice_by_a_crash() {
    let rules = vec![file("made", json!({"on": [{"type": "created"}], "do": [task("record.name")]}))];
    check_works(rules, async |world: &mut World| {
        let names: Vec<String> = (100..350).map(|number| format!("Job {number}")).collect();
        let root = world.bench.admin();
        world.bench.create_all(&root, "works.job", names.iter().map(|name| json!({ "name": name }))).await;
        world.bench.crash().await;
        world.settle().await;
        world.bench.crash().await;
        world.settle().await;
        assert_eq!(world.tasks().await, names);
    })
    .await;
}

#[tokio::test]
async fn a_schedule_runs_for_the_records_it_finds_and_once_after_a_downtime() {
    let schedule = json!({"type": "schedule", "cron": "0 9 * * *", "where": "record.amount > 1"});
    let rules = vec![file(
        "daily",
        json!({"on": [schedule], "condition": "record.note != 'quiet'", "do": [
            task("record.name + (clock.late ? ' late' : '')")]}),
    )];
    check_works(rules.clone(), async |world: &mut World| {
        let root = world.bench.admin();
        world.job(json!({"name": "Roof", "amount": 2})).await;
        world.job(json!({"name": "Wall", "amount": 1})).await;
        world.job(json!({"name": "Door", "amount": 3, "note": "quiet"})).await;
        world.pass(TimeDelta::hours(23)).await;
        assert_eq!(world.tasks().await, [""; 0]);
        world.pass(TimeDelta::hours(1)).await;
        assert_eq!(world.tasks().await, ["Roof"]);
        world.pass(TimeDelta::days(2)).await;
        assert_eq!(world.tasks().await, ["Roof", "Roof", "Roof"]);
        world.sleep(TimeDelta::days(5) + TimeDelta::hours(2));
        world.bench.crash().await;
        world.settle().await;
        assert_eq!(world.tasks().await, ["Roof", "Roof", "Roof", "Roof late"]);
        world.pass(TimeDelta::hours(22)).await;
        assert_eq!(world.tasks().await.len(), 5);
        // Another line takes the place of the one before; without the rule nothing is left.
        let mut later = rules[0].clone();
        later.1["on"][0]["cron"] = json!("30 9 * * *");
        world.bench.install(works("1.1.0", vec![later])).await.unwrap();
        world.settle().await;
        let next = world.bench.tenant.next_due().await.unwrap().unwrap();
        assert_eq!(next - world.now(), TimeDelta::minutes(30));
        world.bench.install(works("1.2.0", vec![])).await.unwrap();
        world.settle().await;
        assert_eq!(world.bench.tenant.next_due().await.unwrap(), None);
        assert_eq!(world.parked().await, [""; 0]);
        assert!(world.bench.tenant.verify().await.unwrap().broken.is_none(), "{root:?}");
    })
    .await;
}

#[tokio::test]
async fn a_schedule_goes_on_page_by_page_and_visits_each_record_once() {
    let schedule = json!({"type": "schedule", "cron": "0 10 * * *", "where": "record.amount > 0"});
    let rules = vec![file(
        "daily",
        json!({"on": [schedule], "do": [
            {"type": "set", "values": {"note": "coalesce(record.note, '') + 'x'"}},
            {"type": "set", "when": "record.amount == 7", "values": {"name": "record.reason"}}]}),
    )];
    check_works(rules, async |world: &mut World| {
        let root = world.bench.admin();
        let jobs = (1..=450).map(|number| json!({"name": format!("Job {number}"), "amount": number}));
        world.bench.create_all(&root, "works.job", jobs).await;
        world.settle().await;
        world.pass(TimeDelta::hours(1)).await;
        let notes = world.bench.column(&root, "works.job", "note", &[("where.note", "x")]).await;
        assert_eq!(notes.len(), 449);
        assert_eq!(world.parked().await, ["rule:works.daily record.invalid"]);
    })
    .await;
}
