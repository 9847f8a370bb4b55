//! What administrators look after: the audit trail, what upgrades left behind, and their own changes of apps.

use serde_json::{Value, json};

use crate::workshop;
use crate::world::Who::{Admin, Anna};
use crate::world::{TASKS, World, on_both, step};

const APPS: &str = "/t/demo/api/v1/apps";
const AUDIT: &str = "/t/demo/api/v1/audit";

fn rows(world: &World, query: &str) -> Vec<Value> {
    let answer = world.call("GET", &format!("{AUDIT}?{query}"), &json!({})).expect(200).json();
    answer["rows"].as_array().expect("rows").clone()
}

#[test]
fn the_trail_is_found_by_person_record_action_and_day() {
    on_both(|world| {
        let id = world.task(&world.anna.token, &json!({"name": "Paint"}));
        let anna = world.anna.id.clone();
        assert_eq!(rows(world, &format!("actor={anna}&action=record.created")).len(), 1);
        assert_eq!(rows(world, &format!("record={id}"))[0]["changes"]["name"], json!([null, "Paint"]));
        assert_eq!(rows(world, "entity=workshop.project").len(), 0);
        assert_eq!(rows(world, "until=2000-01-01").len(), 0);
        let whole = rows(world, "from=2000-01-01");
        let seqs: Vec<i64> = whole.iter().filter_map(|row| row["seq"].as_i64()).collect();
        // Page by page it is the same.
        let (mut before, mut paged) = (String::new(), Vec::new());
        loop {
            let path = format!("{AUDIT}?limit=2{before}");
            let page = world.call("GET", &path, &json!({})).expect(200).json();
            paged.extend(page["rows"].as_array().expect("rows").iter().filter_map(|row| row["seq"].as_i64()));
            match page["next"].as_i64() {
                Some(next) => before = format!("&before={next}"),
                None => break,
            }
        }
        assert_eq!(paged, seqs);
        for wrong in ["actor=anna", "from=yesterday", "before=x", "colour=red", "limit=many"] {
            let answer = world.call("GET", &format!("{AUDIT}?{wrong}"), &json!({})).expect(400).json();
            assert_eq!(answer["code"], "http.parameter", "{wrong}");
        }
        let file = world.call("GET", &format!("{AUDIT}/export?actor={anna}"), &json!({})).expect(200);
        assert!(file.header("content-disposition").is_some_and(|name| name.contains(".csv")));
        assert!(file.text().contains("Paint") && file.text().contains(&id), "{}", file.text());
        assert_eq!(rows(world, "action=audit.exported").len(), 1);
        world.client(&world.anna.token).get(&format!("{AUDIT}/export")).expect("an answer").expect(403);
    });
}

fn without_email() -> Value {
    let mut files = workshop::files();
    let text = files["entities/task.json"].as_str().expect("text");
    let mut entity: Value = serde_json::from_str(text).expect("JSON");
    entity["fields"].as_array_mut().expect("fields").retain(|field| field["id"] != "email");
    files["entities/task.json"] = format!("{entity:#}\n").into();
    files["app.json"] = format!("{:#}\n", workshop::app("2.0.0")).into();
    json!({"files": files, "confirm": ["workshop.task.email"]})
}

#[test]
fn what_an_upgrade_left_behind_is_listed_and_dropped_when_it_is_named() {
    on_both(|world| {
        let id = world.task(&world.admin, &json!({"name": "Old", "email": "old@mail.example"}));
        world.call("POST", APPS, &without_email()).expect(200);
        let purge = format!("{APPS}/workshop/purge");
        let listed = world.call("POST", &purge, &json!({"dry_run": true})).expect(200).json();
        let one = &listed["retired"][0];
        assert_eq!(
            (&one["key"], &one["field"], &one["column"], &one["rows"]),
            (&json!("workshop.task.email"), &json!("email"), &json!("_old_email"), &json!(1)),
            "{listed}"
        );
        world.play(&[
            step("nothing is dropped unnamed", Admin, "POST /t/demo/api/v1/apps/workshop/purge")
                .body(json!({}))
                .refused(409, "app.unconfirmed")
                .with("/steps/0/key", json!("workshop.task.email"))
                .with("/steps/0/kind", json!("field_retired")),
            step("nor something in use", Admin, "POST /t/demo/api/v1/apps/workshop/purge")
                .body(json!({"confirm": ["workshop.task.email", "workshop.task.name"]}))
                .refused(404, "app.not_retired"),
            step("nor by a member", Anna, "POST /t/demo/api/v1/apps/workshop/purge")
                .body(json!({"confirm": ["workshop.task.email"]}))
                .refused(403, "token.scope_missing"),
            step("an app that never was", Admin, "POST /t/demo/api/v1/apps/nothing/purge")
                .body(json!({"dry_run": true}))
                .refused(404, "app.not_found"),
            step("it is all there", Admin, "POST /t/demo/api/v1/apps/purge")
                .body(json!({"dry_run": true}))
                .with("/retired/0/rows", json!(1)),
            step("named, it goes", Admin, "POST /t/demo/api/v1/apps/workshop/purge")
                .body(json!({"confirm": ["workshop.task.email"]}))
                .with("/dropped/0/rows", json!(1)),
            step("and is gone", Admin, "POST /t/demo/api/v1/apps/purge")
                .body(json!({"dry_run": true}))
                .with("/retired", json!([])),
            step("the way back says so", Admin, "POST /t/demo/api/v1/apps/workshop/rollback")
                .body(json!({}))
                .refused(409, "app.unconfirmed")
                .with("/steps/0/kind", json!("field_purged")),
            step("and leads there", Admin, "POST /t/demo/api/v1/apps/workshop/rollback")
                .body(json!({"confirm": ["workshop.task.email"]})),
        ]);
        let task = world.call("GET", &format!("{TASKS}/{id}"), &json!({})).expect(200).json();
        assert_eq!((&task["name"], &task["email"]), (&json!("Old"), &json!(null)));
    });
}

#[test]
fn changes_of_administrators_are_read_replaced_and_taken_back() {
    on_both(|world| {
        let path = format!("{APPS}/workshop/overlay");
        let none = world.call("GET", &path, &json!({})).expect(200).json();
        assert_eq!(none, json!({"app": "workshop", "version": "1.0.0", "patches": []}));
        let overlay =
            |patches: Value| json!({"overlay": {"app": "workshop", "version": "1.0.0", "patches": patches}});
        let label = json!({"artifact": "entities/task", "path": "label", "before": label(), "after": "Job"});
        world.call("PUT", &path, &overlay(json!([label]))).expect(200);
        let model = world.call("GET", "/t/demo/api/v1/openapi.json", &json!({})).expect(200).json();
        assert_eq!(model["components"]["schemas"]["workshop.task"]["title"], "Job");
        let kept = world.call("GET", &path, &json!({})).expect(200).json();
        assert_eq!(kept["patches"].as_array().map(Vec::len), Some(1), "{kept}");
        for (patches, status, code) in [
            (
                json!([{"artifact": "entities/nothing", "path": "label", "before": "x", "after": "y"}]),
                422,
                "app.invalid",
            ),
            (
                json!([{"artifact": "entities/task", "path": "title", "before": "name", "after": 7}]),
                422,
                "app.invalid",
            ),
            (json!([{"artifact": "entities/task", "colour": "red"}]), 422, "json.form"),
        ] {
            let answer = world.call("PUT", &path, &overlay(patches)).expect(status).json();
            assert_eq!(answer["code"], code, "{answer}");
        }
        let elsewhere = json!({"overlay": {"app": "other", "version": "1.0.0", "patches": []}});
        assert_eq!(world.call("PUT", &path, &elsewhere).expect(422).json()["code"], "overlay.other_app");
        let still = world.call("GET", &path, &json!({})).expect(200).json();
        assert_eq!(still, kept);
        world.call("PUT", &path, &overlay(json!([]))).expect(200);
        assert_eq!(world.call("GET", &path, &json!({})).expect(200).json(), none);
        world.client(&world.anna.token).get(&path).expect("an answer").expect(403);
    });
}

/// The label of the task as its author wrote it.
fn label() -> Value {
    let files = workshop::files();
    let entity: Value =
        serde_json::from_str(files["entities/task.json"].as_str().expect("text")).expect("JSON");
    entity["label"].clone()
}
