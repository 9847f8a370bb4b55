//! Rollups on real databases: right after every kind of change, worked out once per command, and refused when they grow
//! beyond what can be stored.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use common::desk::*;
use common::{Bench, check_bare, issues};
use mortise_engine::{Command, Error, Outcome};
use serde_json::{Value as Json, json};
use uuid::Uuid;

const BOX: &str = "desk.box";
const PART: &str = "desk.part";
/// The largest number that is stored.
const LARGEST: i64 = 9_007_199_254_740_991;

/// Boxes that count and add up what lies in them; a small box takes no more than ten.
async fn with_boxes(test: impl AsyncFn(&Bench)) {
    check_bare(async |bench: &Bench| {
        let rollup = |id: &str, operation: &str, more: Json| {
            let mut options = json!({"entity": "part", "via": "inside", "operation": operation});
            options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            field(id, "rollup", options)
        };
        let holder = entity(
            "box",
            vec![
                plain("name", "text"),
                plain("small", "boolean"),
                field("parts", "lines", json!({"entity": "part", "via": "inside"})),
                rollup("count", "count", json!({})),
                rollup("heavy", "count", json!({"filter": "record.weight > 100"})),
                rollup("total", "sum", json!({"field": "weight"})),
                rollup("least", "min", json!({"field": "weight"})),
                rollup("most", "max", json!({"field": "weight"})),
            ],
            json!({"title": "name", "checks": [
                {"id": "fits", "condition": "record.small != true || coalesce(record.total, 0) <= 10", "message": words("Too much in it.")}
            ]}),
        );
        let part = entity(
            "part",
            vec![plain("name", "text"), field("inside", "reference", json!({"entity": "box"})), plain("weight", "integer")],
            json!({"title": "name"}),
        );
        bench.install(desk("1.0.0", vec![holder, part])).await.unwrap();
        test(bench).await;
    })
    .await;
}

async fn told(bench: &Bench, id: Uuid) -> [Json; 5] {
    let found = bench.json(&bench.admin(), BOX, id).await;
    ["count", "heavy", "total", "least", "most"].map(|name| found[name].clone())
}

fn part(inside: Uuid, weight: i64) -> Command {
    let values = json!({"inside": inside, "weight": weight}).as_object().unwrap().clone();
    Command::Create { entity: PART.into(), values, id: None, allow_duplicates: true }
}

fn shrink(id: Uuid, small: bool) -> Command {
    let values = json!({"small": small}).as_object().unwrap().clone();
    Command::Update { entity: BOX.into(), id, version: None, values }
}

async fn batch(bench: &Bench, atomic: bool, commands: Vec<Command>) -> Result<Outcome, Error> {
    bench.run(&bench.admin(), Command::Batch { commands, atomic }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rollups_follow_many_rows_that_change_in_one_command() {
    with_boxes(async |bench: &Bench| {
        let root = bench.admin();
        let rows: Vec<Json> = (1..=1_000).map(|weight| json!({"weight": weight})).collect();
        let id = bench.create(&root, BOX, json!({"name": "full", "parts": rows})).await;
        assert_eq!(told(bench, id).await, [json!(1_000), json!(900), json!(500_500), json!(1), json!(1_000)]);
        let other = bench.create(&root, BOX, json!({"name": "other"})).await;
        assert_eq!(told(bench, other).await, [json!(0), json!(0), json!(0), Json::Null, Json::Null]);
        // Half of them move, in one batch; both boxes know.
        let found = bench.json(&root, BOX, id).await;
        let moved =
            found["parts"].as_array().unwrap().iter().filter(|row| row["weight"].as_i64() > Some(500));
        let moved = moved.map(|row| Command::Update {
            entity: PART.into(),
            id: row["id"].as_str().unwrap().parse().unwrap(),
            version: None,
            values: json!({"inside": other}).as_object().unwrap().clone(),
        });
        batch(bench, true, moved.collect()).await.unwrap();
        assert_eq!(told(bench, id).await, [json!(500), json!(400), json!(125_250), json!(1), json!(500)]);
        assert_eq!(
            told(bench, other).await,
            [json!(500), json!(500), json!(375_250), json!(501), json!(1_000)]
        );
        bench.update(&root, BOX, id, json!({"parts": [{"weight": 7}]})).await.unwrap();
        assert_eq!(told(bench, id).await, [json!(1), json!(0), json!(7), json!(7), json!(7)]);
        bench.delete(&root, BOX, other).await.unwrap();
        bench.run(&root, Command::Restore { entity: BOX.into(), id: other }).await.unwrap();
        assert_eq!(
            told(bench, other).await,
            [json!(500), json!(500), json!(375_250), json!(501), json!(1_000)]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_batch_sees_the_rollups_of_the_parts_before_it() {
    with_boxes(async |bench: &Bench| {
        let id = bench.create(&bench.admin(), BOX, json!({"name": "box"})).await;
        for atomic in [true, false] {
            let commands =
                vec![part(id, 6), shrink(id, true), shrink(id, false), part(id, 6), shrink(id, true)];
            let refused = |error: &Error| assert_eq!(issues(error), [" record.check"]);
            match batch(bench, atomic, commands).await {
                Err(Error::Batch { index, error }) => {
                    assert!(atomic && index == 4);
                    refused(&error);
                    assert_eq!(told(bench, id).await[2], 0);
                }
                Ok(Outcome::Batch(parts)) => {
                    assert!(!atomic && parts[..4].iter().all(Result::is_ok));
                    refused(parts[4].as_ref().unwrap_err());
                    assert_eq!(told(bench, id).await[2], 12);
                }
                other => panic!("{other:?}"),
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sum_beyond_what_can_be_stored_is_refused_with_the_reason() {
    with_boxes(async |bench: &Bench| {
        let root = bench.admin();
        let id = bench.create(&root, BOX, json!({"name": "box", "parts": [{"weight": LARGEST}]})).await;
        let error = bench.try_create(&root, PART, json!({"inside": id, "weight": 1})).await.unwrap_err();
        assert_eq!(issues(&error), [" value.sum_too_large"]);
        assert!(error.issues()[0].issue.args.iter().any(|(_, value)| value.contains("total")), "{error}");
        // Beyond what the database can add up as well.
        let rows: Vec<Json> = (0..1_000).map(|_| json!({"weight": LARGEST})).collect();
        for rows in [rows.clone(), rows[..2].to_vec()] {
            let error = bench.try_create(&root, BOX, json!({"name": "x", "parts": rows})).await.unwrap_err();
            assert_eq!(issues(&error), [" value.sum_too_large"]);
        }
        let many = (0..1_100).map(|_| part(id, LARGEST)).collect();
        assert_eq!(issues(&batch(bench, true, many).await.unwrap_err()), [" value.sum_too_large"]);
        // Only the part that is too much is refused, where each stands for itself.
        let Outcome::Batch(parts) =
            batch(bench, false, vec![part(id, -5), part(id, 6), part(id, 5)]).await.unwrap()
        else {
            panic!()
        };
        assert_eq!(parts.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(told(bench, id).await[2], LARGEST);
        assert_eq!(bench.count(&root, PART, &[]).await, 3);
        assert_eq!(bench.tenant.verify().await.unwrap().broken, None);
    })
    .await;
}
