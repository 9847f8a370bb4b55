//! Lifecycles and freezes: the state changes by transition only, whoever tries by which way, and frozen rights hold.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use chrono::TimeDelta;
use common::works::{World, check_works, rule};
use common::{issues, text};
use mortise_definition::source::Operation;
use mortise_engine::{Actor, Channel, Command, Error, Origin};
use serde_json::json;
use uuid::Uuid;

fn by(actor: &Actor, channel: Channel) -> Actor {
    Actor { origin: Origin { channel, ..actor.origin.clone() }, ..actor.clone() }
}

async fn state(world: &World, id: Uuid) -> String {
    text(&world.see(id).await["state"])
}

fn code(result: Result<(), Error>) -> &'static str {
    result.unwrap_err().code()
}

#[tokio::test]
async fn a_state_is_written_by_transition_only() {
    check_works(vec![], async |world: &mut World| {
        let (bench, ann, root) = (&world.bench, world.ann(), world.bench.admin());
        let id = world.job(json!({"name": "Roof"})).await;
        assert_eq!(state(world, id).await, "new");
        let given = |state: &str| json!({"name": "Wall", "state": state});
        bench.create(&ann, "works.job", given("new")).await;
        for actor in [&ann, &root, &by(&ann, Channel::Import)] {
            let error = bench.try_create(actor, "works.job", given("done")).await.unwrap_err();
            assert_eq!(issues(&error), ["state lifecycle.state"]);
        }
        // What an administrator brings in from elsewhere may be further on already.
        let moved = bench.create(&by(&root, Channel::Import), "works.job", given("done")).await;
        assert_eq!(state(world, moved).await, "done");
        for (actor, wanted) in [(&ann, json!("done")), (&root, json!("active")), (&root, json!(null))] {
            let error = bench.update(actor, "works.job", id, json!({"state": wanted})).await.unwrap_err();
            assert_eq!(issues(&error), ["state lifecycle.state"]);
        }
        // A form sends what it has read.
        bench.update(&ann, "works.job", id, json!({"state": "new", "amount": 3})).await.unwrap();
        assert_eq!(state(world, id).await, "new");
    })
    .await;
}

#[tokio::test]
async fn a_transition_asks_for_state_role_guard_and_evidence() {
    check_works(vec![], async |world: &mut World| {
        let (ann, eve, root) = (world.ann(), world.bench.person("eve"), world.bench.admin());
        let id = world.job(json!({"name": "Roof"})).await;
        assert_eq!(code(world.take(&ann, id, "nonsense", json!({})).await), "lifecycle.no_such_transition");
        assert_eq!(code(world.take(&ann, id, "again", json!({})).await), "lifecycle.not_from");
        assert_eq!(
            code(world.take(&world.bench.person("bob"), id, "begin", json!({})).await),
            "record.not_found"
        );
        world.take(&ann, id, "begin", json!({"amount": 0})).await.unwrap();
        let job = world.see(id).await;
        assert_eq!((text(&job["state"]), text(&job["amount"])), ("active".into(), "0".into()));
        assert_eq!(text(&job["note"]), "begun by Ann");
        assert_eq!(text(&job["since"]), "2026-03-02T01:00:00Z");
        assert_eq!(code(world.take(&ann, id, "finish", json!({})).await), "lifecycle.not_yours");
        let error = world.take(&eve, id, "finish", json!({})).await.unwrap_err();
        assert_eq!(issues(&error), [" lifecycle.guard"]);
        assert_eq!(error.issues()[0].text.as_ref().unwrap().get("en"), "Nothing was earned.");
        let error = world.take(&ann, id, "lose", json!({})).await.unwrap_err();
        assert_eq!(issues(&error), ["reason field.required"]);
        for actor in [&ann, &eve, &root] {
            assert_eq!(code(world.take(actor, id, "recall", json!({})).await), "lifecycle.not_yours");
        }
        world.take(&ann, id, "again", json!({})).await.unwrap();
        // The guard is asked about the record with what comes along.
        world.take(&root, id, "finish", json!({"amount": 2})).await.unwrap();
        assert_eq!(state(world, id).await, "done");
        let told = world.timeline(id).await;
        assert_eq!(
            told,
            ["record.created", "record.transitioned", "record.transitioned", "record.transitioned"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_person_is_offered_what_they_may_take() {
    check_works(vec![], async |world: &mut World| {
        let (bench, ann, eve) = (&world.bench, world.ann(), world.bench.person("eve"));
        let id = world.job(json!({"name": "Roof"})).await;
        let offered = async |actor: &Actor| {
            let record = bench.read(actor, "works.job", id).await.unwrap();
            let offers = bench.tenant.transitions(actor, "works.job", &record).await.unwrap();
            offers.iter().map(|offer| format!("{} {}", offer.id, offer.ready)).collect::<Vec<_>>()
        };
        assert_eq!(offered(&ann).await, ["begin true", "lose true"]);
        world.take(&ann, id, "begin", json!({})).await.unwrap();
        assert_eq!(offered(&ann).await, ["lose true", "again true"]);
        assert_eq!(offered(&eve).await, ["finish false", "lose true", "again true"]);
    })
    .await;
}

#[tokio::test]
async fn a_stale_transition_is_refused() {
    check_works(vec![], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        world.change(id, json!({"amount": 1})).await;
        let command = Command::Transition {
            entity: "works.job".into(),
            id,
            version: Some(1),
            transition: "begin".into(),
            values: serde_json::Map::default(),
        };
        let error = world.bench.run(&world.ann(), command).await.unwrap_err();
        assert!(matches!(error, Error::Stale { current: 2 }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn two_transitions_in_a_batch_follow_each_other() {
    check_works(vec![], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof", "amount": 1})).await;
        let take = |transition: &str| Command::Transition {
            entity: "works.job".into(),
            id,
            version: None,
            transition: transition.into(),
            values: serde_json::Map::default(),
        };
        let commands = vec![take("begin"), take("finish")];
        world.bench.run(&world.bench.person("eve"), Command::Batch { commands, atomic: true }).await.unwrap();
        assert_eq!(state(world, id).await, "done");
    })
    .await;
}

#[tokio::test]
async fn frozen_rights_come_back_with_time_or_by_an_administrator() {
    let freeze = json!({"on": [{"type": "changed", "fields": ["amount"]}], "condition": "record.amount > 9", "do": [
        {"type": "freeze", "person": "record.owner", "for": "hours(24)", "reason": {"en": "Too much.", "zh-CN": "太多了。"}}]});
    check_works(vec![("rules/freeze.json", rule("freeze", freeze))], async |world: &mut World| {
        let (bench, ann, root) = (&world.bench, world.ann(), world.bench.admin());
        let id = world.job(json!({"name": "Roof", "tasks": [{"what": "Dig"}]})).await;
        let tasks = bench.rows(&root, "works.task", &[]).await.unwrap();
        let task: Uuid = tasks[0]["id"].as_str().unwrap().parse().unwrap();
        world.change(id, json!({"amount": 10})).await;
        let refused = bench.update(&ann, "works.job", id, json!({"note": "x"})).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "Your rights on this record are frozen until 2026-03-03 09:00: Too much."
        );
        assert_eq!(code(world.take(&ann, id, "begin", json!({})).await), "record.frozen");
        assert_eq!(bench.delete(&ann, "works.job", id).await.unwrap_err().code(), "record.frozen");
        let below = bench.update(&ann, "works.task", task, json!({"done": true})).await.unwrap_err();
        assert_eq!(below.code(), "record.frozen", "a row goes with its record");
        let more =
            bench.try_create(&ann, "works.task", json!({"job": id, "what": "Fill"})).await.unwrap_err();
        assert_eq!(more.code(), "record.frozen");
        let comment = Command::Comment { entity: "works.job".into(), id, text: "Why?".into() };
        bench.run(&ann, comment).await.unwrap();
        bench.update(&root, "works.job", id, json!({"note": "by somebody else"})).await.unwrap();
        assert_eq!(bench.tenant.freezes(&ann, "works.job", id).await.unwrap().len(), 1);
        let offered =
            async |actor: &Actor| bench.read(actor, "works.job", id).await.unwrap().may(Operation::Update);
        assert_eq!((offered(&ann).await, offered(&root).await), (false, true));

        world.pass(TimeDelta::hours(24)).await;
        bench.update(&ann, "works.job", id, json!({"note": "again"})).await.unwrap();
        world.change(id, json!({"amount": 11})).await;
        let lift = Command::Unfreeze { entity: "works.job".into(), id, person: None };
        assert_eq!(bench.run(&ann, lift.clone()).await.unwrap_err().code(), "permission.administrator");
        bench.run(&root, lift.clone()).await.unwrap();
        assert_eq!(bench.run(&root, lift).await.unwrap_err().code(), "record.not_frozen");
        bench.update(&ann, "works.job", id, json!({"note": "at last"})).await.unwrap();
        let told = world.timeline(id).await;
        assert_eq!(told.iter().filter(|action| *action == "rights.frozen").count(), 2);
        assert!(told.contains(&"rights.restored".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn a_row_is_not_moved_from_or_to_a_frozen_record_nor_thrown_away_with_its_own() {
    let freeze = |id: &str, entity: &str, condition: &str| {
        let mut freeze = rule(
            id,
            json!({"on": [{"type": "changed"}], "condition": condition, "do": [
                {"type": "freeze", "person": "record.owner", "for": "hours(24)", "reason": {"en": "No.", "zh-CN": "不。"}}]}),
        );
        freeze["entity"] = json!(entity);
        freeze
    };
    let files = vec![
        ("rules/job.json", freeze("job", "job", "record.amount > 9")),
        ("rules/task.json", freeze("task", "task", "record.what == 'Keep'")),
    ];
    check_works(files, async |world: &mut World| {
        let (bench, ann) = (&world.bench, world.ann());
        let frozen = world.job(json!({"name": "Roof", "tasks": [{"what": "Dig"}]})).await;
        let open = world.job(json!({"name": "Wall"})).await;
        let other = bench.create(&ann, "works.task", json!({"job": open, "what": "Fill"})).await;
        world.settle().await;
        let digging: Uuid = {
            let rows = bench.rows(&ann, "works.task", &[("where.what", "Dig")]).await.unwrap();
            text(&rows[0]["id"]).parse().unwrap()
        };
        world.change(frozen, json!({"amount": 10})).await;
        let moved = async |task: Uuid, job: Uuid| {
            bench.update(&ann, "works.task", task, json!({"job": job})).await.unwrap_err().code()
        };
        assert_eq!(moved(digging, open).await, "record.frozen");
        assert_eq!(moved(other, frozen).await, "record.frozen");
        bench.update(&ann, "works.task", other, json!({"what": "Keep"})).await.unwrap();
        world.settle().await;
        assert_eq!(bench.delete(&ann, "works.job", open).await.unwrap_err().code(), "record.frozen");
        world.pass(TimeDelta::hours(24)).await;
        bench.delete(&ann, "works.job", open).await.unwrap();
    })
    .await;
}
