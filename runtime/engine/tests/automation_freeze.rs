//! Freezes reach as far down as rows lie: rows, rows of rows, and what is attached to them; comments stay open.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::club::upload;
use common::desk::{field, plain, words};
use common::works::{World, check_works, rule};
use mortise_definition::source::Operation;
use mortise_engine::{Command, Error, Outcome};
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// Jobs have tasks, tasks have remarks, and remarks have remarks below them, as deep as people like.
fn deep() -> Vec<(&'static str, Json)> {
    let freeze = |when: &str, on: Json, entity: &str| {
        let action = json!({"type": "freeze", "person": "record.owner", "reason": {"en": "Wait.", "zh-CN": "请稍候。"}});
        let mut rule = rule(when, json!({"on": [on], "condition": when, "do": [action]}));
        (rule["id"], rule["entity"]) = (json!(format!("freeze_{entity}")), json!(entity));
        rule
    };
    let all = json!(["read", "create", "update", "delete"]);
    let may = |entity: &str| json!({"entity": entity, "operations": all});
    vec![
        (
            "entities/task.json",
            json!({"id": "task", "label": words("Task"), "title": "what", "fields": [
                field("job", "reference", json!({"entity": "job"})),
                field("what", "text", json!({"required": true})),
                plain("done", "boolean"),
                field("remarks", "lines", json!({"entity": "remark", "via": "task"}))]}),
        ),
        (
            "entities/remark.json",
            json!({"id": "remark", "label": words("Remark"), "title": "text", "fields": [
                field("task", "reference", json!({"entity": "task"})),
                field("above", "reference", json!({"entity": "remark"})),
                field("text", "text", json!({"required": true})),
                plain("secret", "boolean"),
                field("below", "lines", json!({"entity": "remark", "via": "above"}))]}),
        ),
        (
            "roles/worker.json",
            json!({"id": "worker", "label": words("Worker"), "permissions": [may("job"), may("task"), may("remark")]}),
        ),
        (
            "rules/freeze_job.json",
            freeze("record.amount > 9", json!({"type": "changed", "fields": ["amount"]}), "job"),
        ),
        ("rules/freeze_remark.json", freeze("record.secret == true", json!({"type": "changed"}), "remark")),
    ]
}

async fn make(world: &World, entity: &str, values: Json) -> Uuid {
    world.bench.create(&world.ann(), &format!("works.{entity}"), values).await
}

fn code(result: Result<Outcome, Error>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "")
}

async fn change(world: &World, entity: &str, id: Uuid, values: Json) -> &'static str {
    code(world.bench.update(&world.ann(), &format!("works.{entity}"), id, values).await)
}

#[tokio::test]
async fn a_freeze_reaches_rows_of_rows_and_their_attachments_but_no_comments() {
    check_works(deep(), async |world: &mut World| {
        let (bench, ann) = (&world.bench, world.ann());
        let job = world.job(json!({"name": "Roof"})).await;
        let task = make(world, "task", json!({"job": job, "what": "Dig"})).await;
        let remark = make(world, "remark", json!({"task": task, "text": "Deep"})).await;
        let answer = make(world, "remark", json!({"above": remark, "text": "How deep?"})).await;
        let last = make(world, "remark", json!({"above": answer, "text": "Very"})).await;
        let free = make(world, "task", json!({"what": "Free"})).await;
        let gone = make(world, "remark", json!({"above": answer, "text": "Gone"})).await;
        bench.delete(&ann, "works.remark", gone).await.unwrap();
        assert_eq!(change(world, "remark", last, json!({"text": "Very deep"})).await, "");
        world.change(job, json!({"amount": 10})).await;
        for (entity, id) in
            [("job", job), ("task", task), ("remark", remark), ("remark", answer), ("remark", last)]
        {
            let key = format!("works.{entity}");
            let title = if entity == "remark" { "text" } else { "note" };
            let title = if entity == "task" { "what" } else { title };
            assert_eq!(
                change(world, entity, id, json!({ title: "x" })).await,
                "record.frozen_open",
                "{entity}"
            );
            assert_eq!(code(bench.delete(&ann, &key, id).await), "record.frozen_open", "{entity}");
            let file = upload(bench, &ann, "text/plain").await;
            let attach = Command::Attach { entity: key.clone(), id, file };
            assert_eq!(code(bench.run(&ann, attach).await), "record.frozen_open", "{entity}");
            let comment = Command::Comment { entity: key.clone(), id, text: "Why?".into() };
            assert_eq!(code(bench.run(&ann, comment).await), "", "{entity}");
            assert!(!bench.read(&ann, &key, id).await.unwrap().may(Operation::Update), "{entity}");
        }
        let add = async |values: Json| match bench.try_create(&ann, "works.remark", values).await {
            Ok(_) => "",
            Err(error) => error.code(),
        };
        assert_eq!(add(json!({"above": last, "text": "More"})).await, "record.frozen_open");
        assert_eq!(
            change(world, "task", free, json!({"job": job})).await,
            "record.frozen_open",
            "nothing moves in"
        );
        assert_eq!(change(world, "task", free, json!({"what": "Still free"})).await, "");
        let restore = Command::Restore { entity: "works.remark".into(), id: gone };
        assert_eq!(code(bench.run(&ann, restore).await), "record.frozen_open");
        let root = bench.admin();
        bench.update(&root, "works.remark", last, json!({"text": "By somebody else"})).await.unwrap();
        let lift = Command::Unfreeze { entity: "works.job".into(), id: job, person: None };
        bench.run(&root, lift).await.unwrap();
        assert_eq!(change(world, "remark", last, json!({"text": "At last"})).await, "");
    })
    .await;
}

#[tokio::test]
async fn what_lies_above_a_frozen_row_is_open_but_cannot_be_deleted_with_it() {
    check_works(deep(), async |world: &mut World| {
        let (bench, ann) = (&world.bench, world.ann());
        let job = world.job(json!({"name": "Roof"})).await;
        let task = make(world, "task", json!({"job": job, "what": "Dig"})).await;
        let remark = make(world, "remark", json!({"task": task, "text": "Deep"})).await;
        let circle = make(world, "remark", json!({"above": remark, "text": "Round"})).await;
        assert_eq!(change(world, "remark", remark, json!({"secret": true})).await, "");
        world.settle().await;
        assert_eq!(change(world, "task", task, json!({"what": "Dig on"})).await, "");
        assert_eq!(change(world, "remark", circle, json!({"text": "x"})).await, "record.frozen_open");
        assert_eq!(code(bench.delete(&ann, "works.job", job).await), "record.frozen_open");
        // Rows may run in a circle; the way up still ends.
        bench.update(&bench.admin(), "works.remark", remark, json!({"above": circle})).await.unwrap();
        assert_eq!(change(world, "remark", circle, json!({"text": "x"})).await, "record.frozen_open");
        assert_eq!(code(bench.delete(&bench.admin(), "works.job", job).await), "");
    })
    .await;
}
