//! Apps over the API: checked, planned, installed, taken back; what is wrong is told, and leaves everything as it was.

use mortise_tests::Client;
use serde_json::{Value, json};

use crate::workshop;
use crate::world::{PASSWORD, TASKS, World, on_both};

const APPS: &str = "/t/demo/api/v1/apps";

/// Files of the app after a change of one of them.
fn changed(version: &str, file: &str, change: impl Fn(&mut Value)) -> Value {
    let mut files = workshop::files();
    let mut artifact: Value = serde_json::from_str(files[file].as_str().expect("text")).expect("JSON");
    change(&mut artifact);
    files[file] = format!("{artifact:#}\n").into();
    if file != "app.json" {
        files["app.json"] = format!("{:#}\n", workshop::app(version)).into();
    }
    json!({"files": files})
}

fn add_field(entity: &mut Value, field: Value) {
    entity["fields"].as_array_mut().expect("fields").push(field);
}

/// What must not change when something is refused.
fn state(world: &World) -> Value {
    let apps = world.call("GET", APPS, &json!({})).expect(200).json();
    let tasks = world.client(&world.admin).get(TASKS).expect("an answer").expect(200).json();
    json!([apps, tasks])
}

#[test]
fn an_upgrade_keeps_data_and_can_be_taken_back() {
    on_both(|world| {
        let id = world.task(&world.admin, &json!({"name": "Old", "email": "old@mail.example"}));
        let upgrade = changed("1.1.0", "entities/task.json", |entity| {
            add_field(
                entity,
                json!({"id": "note", "label": {"en": "Note", "zh-CN": "备注"}, "type": "text"}),
            );
            entity["fields"][9]["name"] = "address".into();
        });
        let plan = world.call("POST", &format!("{APPS}/plan"), &upgrade).expect(200).json();
        assert!(!plan["changes"].as_array().expect("changes").is_empty(), "{plan}");
        world.call("POST", APPS, &upgrade).expect(200);
        let task = world.call("GET", &format!("{TASKS}/{id}"), &json!({})).expect(200).json();
        assert_eq!((&task["address"], &task["note"]), (&json!("old@mail.example"), &json!(null)), "{task}");
        let back = format!("{APPS}/workshop/rollback");
        assert_eq!(world.call("POST", &back, &json!({})).expect(409).json()["code"], "app.unconfirmed");
        world
            .call("POST", &back, &json!({"version": "1.0.0", "confirm": ["workshop.task.note"]}))
            .expect(200);
        let task = world.call("GET", &format!("{TASKS}/{id}"), &json!({})).expect(200).json();
        assert_eq!((&task["email"], task.get("note")), (&json!("old@mail.example"), None), "{task}");
    });
}

#[test]
fn a_broken_upgrade_leaves_the_tenant_exactly_as_before() {
    on_both(|world| {
        world.task(&world.admin, &json!({"name": "Old", "hours": 3}));
        let before = state(world);
        let computed = |value: &str| json!({"id": "a", "type": "computed", "value": value, "label": "A"});
        let broken: [(&str, Value); 5] = [
            (
                "an expression that does not compile",
                changed("2.0.0", "entities/task.json", |entity| {
                    add_field(entity, computed("record.hours +"));
                }),
            ),
            (
                "an unknown field",
                changed("2.0.0", "entities/task.json", |entity| {
                    add_field(entity, computed("record.nothing"));
                }),
            ),
            (
                "a circle of computed fields",
                changed("2.0.0", "entities/task.json", |entity| {
                    add_field(entity, computed("record.b + 1"));
                    add_field(
                        entity,
                        json!({"id": "b", "type": "computed", "value": "record.a + 1", "label": "B"}),
                    );
                }),
            ),
            ("an unknown key", changed("2.0.0", "views/open.json", |view| view["colour"] = "red".into())),
            (
                "a missing requirement",
                changed("", "app.json", |app| {
                    app["requires"] = json!([{"app": "nothing", "version": "1.0.0"}]);
                }),
            ),
        ];
        for (what, files) in broken {
            let answer = world.call("POST", APPS, &files).expect(422).json();
            let problem = &answer["problems"][0];
            assert_eq!(answer["code"], "app.invalid", "{what}: {answer}");
            assert!(problem["file"].is_string() && problem["message"].is_string(), "{what}: {answer}");
            assert_eq!(state(world), before, "{what}");
        }
    });
}

#[test]
fn taking_a_field_away_needs_a_confirmation() {
    on_both(|world| {
        let id = world.task(&world.admin, &json!({"name": "Old", "email": "old@mail.example"}));
        let before = state(world);
        let mut smaller = changed("2.0.0", "entities/task.json", |entity| {
            let fields = entity["fields"].as_array_mut().expect("fields");
            fields.retain(|field| field["id"] != "email");
        });
        let answer = world.call("POST", APPS, &smaller).expect(409).json();
        assert_eq!(answer["code"], "app.unconfirmed", "{answer}");
        assert_eq!(state(world), before);
        let keys = answer["steps"].as_array().expect("steps").iter().map(|step| step["key"].clone());
        smaller["confirm"] = keys.collect();
        world.call("POST", APPS, &smaller).expect(200);
        let task = world.call("GET", &format!("{TASKS}/{id}"), &json!({})).expect(200).json();
        assert_eq!(task.get("email"), None, "{task}");
    });
}

#[test]
fn archives_are_read_and_bad_ones_refused() {
    on_both(|world| {
        let zip_type = [("content-type", "application/zip")];
        let mut admin = world.client(&world.admin);
        let answer =
            admin.send("POST", &format!("{APPS}/check"), &zip_type, b"not a zip file").expect("an answer");
        assert_eq!(answer.expect(422).json()["code"], "app.archive");
        let bomb = zip(&[("app.json", "0".repeat(20 * 1024 * 1024))]);
        assert!(bomb.len() < 100_000, "a bomb is small");
        let answer = admin.send("POST", &format!("{APPS}/check"), &zip_type, &bomb).expect("an answer");
        assert_eq!(answer.expect(413).json()["code"], "http.too_large");
        let files = workshop::files();
        let files: Vec<(&str, String)> = files
            .as_object()
            .expect("an object")
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str().unwrap_or_default().to_owned()))
            .collect();
        let answer =
            admin.send("POST", &format!("{APPS}/check"), &zip_type, &zip(&files)).expect("an answer");
        assert_eq!(answer.expect(200).json()["problems"], json!([]));
    });
}

fn zip(files: &[(&str, String)]) -> Vec<u8> {
    use std::io::Write;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).expect("memory takes files");
        archive.write_all(text.as_bytes()).expect("memory takes files");
    }
    archive.finish().expect("memory takes files").into_inner()
}

#[test]
fn an_app_exports_to_the_files_that_were_installed() {
    on_both(|world| {
        let exported = world.call("GET", &format!("{APPS}/workshop/export"), &json!({})).expect(200).json();
        let names = |files: &Value| files.as_object().map(|files| files.keys().cloned().collect::<Vec<_>>());
        let (mut ours, mut theirs) = (names(&workshop::files()), names(&exported["files"]));
        ours.iter_mut().chain(theirs.iter_mut()).for_each(|names| names.sort());
        assert_eq!(ours, theirs);
        let again = world
            .call("POST", &format!("{APPS}/plan"), &json!({"files": exported["files"]}))
            .expect(200)
            .json();
        assert_eq!(again["changes"], json!([]));
    });
}

#[test]
fn settings_are_checked_and_take_effect() {
    on_both(|world| {
        let path = format!("{APPS}/workshop/settings");
        world.call("PATCH", &path, &json!({"limit": 20})).expect(204);
        let app = world.call("GET", &format!("{APPS}/workshop"), &json!({})).expect(200).json();
        assert_eq!(app["settings"][0]["value"], 20, "{app}");
        let wrong = world.call("PATCH", &path, &json!({"limit": "many"}));
        assert_eq!(wrong.status, 422, "{}", wrong.text());
        let unknown = world.call("PATCH", &path, &json!({"colour": 1}));
        assert_eq!(unknown.status / 100, 4, "{}", unknown.text());
    });
}

#[test]
fn only_administrators_install() {
    on_both(|world| {
        let files = json!({"files": workshop::files()});
        let answer = world.client(&world.anna.token).json("POST", APPS, &files).expect("an answer");
        assert_eq!(answer.status, 403);
    });
}

/// The app with a scenario that expects a task to have a note.
fn with_scenario() -> Value {
    let mut files = workshop::files();
    let scenario = json!({"id": "named", "label": {"en": "Tasks have names", "zh-CN": "任务有名称"},
        "covers": ["T-1"], "starts": "2026-03-02T09:00:00+08:00", "people": {}, "steps": [
            {"type": "create", "entity": "task", "as": "first", "values": {"name": "Paint"}},
            {"type": "expect", "record": "$first", "that": "settings.limit == 10"}]});
    files["scenarios/named.json"] = format!("{scenario:#}\n").into();
    files["app.json"] = format!("{:#}\n", workshop::app("1.1.0")).into();
    json!({"files": files})
}

#[test]
fn scenarios_run_with_the_settings_of_the_tenant_and_leave_its_records_alone() {
    on_both(|world| {
        world.call("POST", APPS, &with_scenario()).expect(200);
        let before = state(world);
        let test = format!("{APPS}/workshop/test");
        let passed = world.call("POST", &test, &json!({})).expect(200).json();
        assert_eq!(
            (&passed["passed"], &passed["scenarios"][0]["scenario"], &passed["scenarios"][0]["steps"]),
            (&json!(true), &json!("workshop.named"), &json!(2)),
            "{passed}"
        );
        world.call("PATCH", &format!("{APPS}/workshop/settings"), &json!({"limit": 20})).expect(204);
        let failed = world.call("POST", &test, &json!({"scenario": "named"})).expect(200).json();
        let failure = &failed["scenarios"][0]["failure"];
        assert_eq!(
            (&failed["failed"], &failure["pointer"], &failure["code"], &failure["timeline"][0]["action"]),
            (&json!(1), &json!("/steps/1"), &json!("scenario.condition"), &json!("record.created")),
            "{failed}"
        );
        let none = world.call("POST", &test, &json!({"scenario": "nothing"})).expect(200).json();
        assert_eq!(none["scenarios"], json!([]));
        world.call("POST", &format!("{APPS}/nothing/test"), &json!({})).expect(404);
        let anna = world.client(&world.anna.token).json("POST", &test, &json!({})).expect("an answer");
        assert_eq!(anna.status, 403);
        assert_eq!(state(world)[1], before[1]);
    });
}

#[test]
fn the_page_of_scenarios_shows_the_step_that_fails_and_what_happened_before() {
    let world = World::start(None);
    world.call("POST", APPS, &with_scenario()).expect(200);
    world.call("PATCH", &format!("{APPS}/workshop/settings"), &json!({"limit": 20})).expect(204);
    let credentials = json!({"login": "admin", "password": PASSWORD});
    let answer = Client::new(world.address).json("POST", "/t/demo/api/v1/session", &credentials);
    let answer = answer.expect("an answer").expect(201);
    let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie");
    let mut admin = Client::new(world.address).with_header("cookie", cookie);
    let path = "/t/demo/admin/apps/workshop/scenarios";
    let listed = admin.get(path).expect("an answer").expect(200).text();
    assert!(listed.contains("workshop.named") && !listed.contains("tone-red"), "{listed}");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let run =
        admin.send("POST", path, &form, b"scenario=workshop.named").expect("an answer").expect(200).text();
    assert!(
        run.contains("tone-red") && run.contains("settings.limit == 10") && run.contains("Paint"),
        "{run}"
    );
    world.call("PATCH", &format!("{APPS}/workshop/settings"), &json!({"limit": 10})).expect(204);
    let run = admin.send("POST", path, &form, b"").expect("an answer").expect(200).text();
    assert!(run.contains("tone-green") && !run.contains("tone-red"), "{run}");
}
