//! Changes that come late, from a device without network: merged with what others did, decided by the person where both
//! changed the same, and never done twice.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use common::{Bench, check_bare, package};
use mortise_definition::Package;
use mortise_engine::{Actor, Command, Error, Outcome, RunOptions};
use serde_json::{Value as Json, json};
use uuid::Uuid;

fn words(en: &str) -> Json {
    json!({"en": en, "zh-CN": en})
}

fn field(id: &str, kind: &str) -> Json {
    json!({"id": id, "type": kind, "label": words(id)})
}

/// `task` with texts, a number, tags and rows of `step`.
fn diary() -> Package {
    let tag = |value: &str| json!({"value": value, "label": words(value)});
    let task = vec![
        field("name", "text"),
        field("place", "text"),
        field("count", "integer"),
        json!({"id": "tags", "type": "choices", "label": words("tags"), "choices": [tag("a"), tag("b"), tag("c")]}),
        json!({"id": "steps", "type": "lines", "label": words("steps"), "entity": "step", "via": "task"}),
    ];
    let step = vec![
        field("what", "text"),
        json!({"id": "task", "type": "reference", "label": words("task"), "entity": "task"}),
    ];
    package(vec![
        ("app.json", json!({"id": "diary", "version": "1.0.0", "label": words("Diary")})),
        (
            "entities/task.json",
            json!({"id": "task", "label": words("Task"), "title": "name", "fields": task}),
        ),
        (
            "entities/step.json",
            json!({"id": "step", "label": words("Step"), "title": "what", "fields": step}),
        ),
    ])
}

const TASK: &str = "diary.task";

async fn merge(bench: &Bench, by: &Actor, id: Uuid, base: Json, values: Json) -> Result<Outcome, Error> {
    let map = |json: Json| json.as_object().unwrap().clone();
    let command = Command::Merge { entity: TASK.into(), id, base: map(base), values: map(values) };
    bench.run(by, command).await
}

/// The names of the fields in conflict, with the stored values.
fn disputed(result: Result<Outcome, Error>) -> Vec<(String, Json)> {
    match result.unwrap_err() {
        Error::Conflict { fields, .. } => {
            fields.into_iter().map(|conflict| (conflict.field, conflict.theirs)).collect()
        }
        other => panic!("{other}"),
    }
}

async fn with_diary(test: impl AsyncFn(&Bench, &Actor)) {
    check_bare(async |bench: &Bench| {
        bench.install(diary()).await.unwrap();
        test(bench, &bench.admin()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_people_changed_in_different_fields_is_all_there() {
    with_diary(async |bench, root| {
        let id = bench.create(root, TASK, json!({"name": "A", "place": "x", "count": 1})).await;
        bench.update(root, TASK, id, json!({"place": "y"})).await.unwrap();
        merge(bench, root, id, json!({"name": "A", "place": "x"}), json!({"name": "B", "place": "x"}))
            .await
            .unwrap();
        let record = bench.json(root, TASK, id).await;
        assert_eq!(
            (&record["name"], &record["place"], &record["count"]),
            (&json!("B"), &json!("y"), &json!(1))
        );
        assert_eq!(record["version"], 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_both_changed_is_told_with_the_stored_value_and_nothing_is_written() {
    with_diary(async |bench, root| {
        let id = bench.create(root, TASK, json!({"name": "A", "place": "x", "count": 1})).await;
        bench.update(root, TASK, id, json!({"name": "theirs", "count": 7})).await.unwrap();
        let base = json!({"name": "A", "place": "x", "count": 1});
        let mine = json!({"name": "mine", "place": "z", "count": 7});
        assert_eq!(
            disputed(merge(bench, root, id, base, mine).await),
            [("name".to_owned(), json!("theirs"))]
        );
        assert_eq!(bench.json(root, TASK, id).await["place"], "x");
        // Decided: the person has seen the stored value.
        let decided = merge(bench, root, id, json!({"name": "theirs"}), json!({"name": "mine"})).await;
        decided.unwrap();
        assert_eq!(bench.json(root, TASK, id).await["name"], "mine");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_base_nothing_is_overwritten() {
    with_diary(async |bench, root| {
        let id = bench.create(root, TASK, json!({"name": "A", "count": 1})).await;
        assert_eq!(disputed(merge(bench, root, id, json!({}), json!({"count": 2})).await).len(), 1);
        // What a field once was and its type no longer takes is as good as no base.
        let base = json!({"count": "many", "gone": 1});
        assert_eq!(disputed(merge(bench, root, id, base, json!({"count": 2})).await).len(), 1);
        merge(bench, root, id, json!({}), json!({"count": 1})).await.unwrap();
        assert_eq!(bench.json(root, TASK, id).await["version"], 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sets_both_additions_and_both_removals_stay() {
    with_diary(async |bench, root| {
        let id = bench.create(root, TASK, json!({"name": "A", "tags": ["a"]})).await;
        bench.update(root, TASK, id, json!({"tags": ["a", "b"]})).await.unwrap();
        merge(bench, root, id, json!({"tags": ["a"]}), json!({"tags": ["c"]})).await.unwrap();
        let tags = bench.json(root, TASK, id).await["tags"].clone();
        let mut tags: Vec<&str> = tags.as_array().unwrap().iter().filter_map(Json::as_str).collect();
        tags.sort_unstable();
        assert_eq!(tags, ["b", "c"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn child_rows_are_taken_while_nobody_else_touched_them() {
    with_diary(async |bench, root| {
        let id = bench.create(root, TASK, json!({"name": "A", "steps": [{"what": "one"}]})).await;
        let row = bench.json(root, TASK, id).await["steps"][0].clone();
        let seen = json!({"steps": [{"id": row["id"], "version": row["version"].to_string()}]});
        let mine = json!({"steps": [{"id": row["id"], "what": "one more"}, {"what": "two"}]});
        merge(bench, root, id, seen.clone(), mine.clone()).await.unwrap();
        let steps = bench.json(root, TASK, id).await["steps"].clone();
        assert_eq!(steps.as_array().unwrap().len(), 2);
        // The same again, under another name: the rows are not those that were seen any more.
        assert_eq!(disputed(merge(bench, root, id, seen, mine).await)[0].0, "steps");
        assert_eq!(bench.json(root, TASK, id).await["steps"], steps);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_that_comes_twice_is_done_once_and_known_by_its_key() {
    with_diary(async |bench, root| {
        let id = Uuid::from_u128(0x0193_a3f2_7b1c_7e44_9a58_3f6c_1d2e_4b5a);
        let create = || Command::Create {
            entity: TASK.into(),
            values: json!({"name": "A"}).as_object().unwrap().clone(),
            id: Some(id),
            allow_duplicates: false,
        };
        let options = || RunOptions { idempotency_key: Some("phone-1".into()) };
        assert!(!bench.tenant.is_done(root, "phone-1").await.unwrap());
        for _ in 0..2 {
            let Outcome::Record(written) = bench.tenant.run(root, create(), options()).await.unwrap() else {
                panic!("a record is written")
            };
            assert_eq!(written.id, id);
        }
        assert!(bench.tenant.is_done(root, "phone-1").await.unwrap());
        let ann = bench.hire("ann", &[], |_| ());
        assert!(!bench.tenant.is_done(&ann, "phone-1").await.unwrap());
        assert_eq!(bench.count(root, TASK, &[]).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_comes_twice_under_its_id_is_one_file_and_no_other_takes_its_id() {
    with_diary(async |bench, root| {
        let id = Uuid::from_u128(0x0193_a3f2_7b1c_7e44_9a58_3f6c_1d2e_4b5a);
        let bytes = |text: &'static str| {
            futures_util::stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::from_static(text.as_bytes()))])
        };
        let put = async |by: &Actor, text| {
            bench.tenant.put_file_as(by, id, ("a.txt", "text/plain"), bytes(text)).await
        };
        let first = put(root, "one").await.unwrap();
        let again = put(root, "one").await.unwrap();
        assert_eq!((first.id, first.sha256), (again.id, again.sha256));
        let other = put(root, "two").await.unwrap_err();
        assert_eq!(other.issues()[0].issue.code, "record.exists");
        let ann = bench.hire("ann", &[], |_| ());
        assert!(put(&ann, "one").await.is_err());
    })
    .await;
}
