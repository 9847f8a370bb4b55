//! Plugins over the API: looked into, consented to, at work in saves, upgraded, tried out, broken, at rest, rolled back,
//! removed; and who may do any of that.

use std::path::Path;

use mortise_tests::Answer;
use serde_json::{Value, json};

use crate::guest::{Check, ID, manifest, package};
use crate::world::{Person, TASKS, World, on_both};

const API: &str = "/t/demo/api/v1/plugins";
const HOST: &str = "https://api.example.com";
const TASK: (&str, &str) = ("task", "name");

fn bytes(version: &str, hosts: &[&str], check: Check) -> Vec<u8> {
    package(&manifest(version, TASK, hosts), check)
}

/// Sends a package as it is.
fn send(world: &World, path: &str, package: &[u8]) -> Answer {
    let headers = [("content-type", "application/octet-stream")];
    let path = format!("{API}{path}");
    world.client(&world.admin).send("POST", &path, &headers, package).expect("the server answers")
}

fn call(world: &World, method: &str, rest: &str, body: &Value) -> Answer {
    world.call(method, &format!("{API}/{ID}{rest}"), body)
}

fn info(world: &World) -> Value {
    world.client(&world.admin).get(&format!("{API}/{ID}")).expect("an answer").expect(200).json()
}

/// Tries to make a task.
fn save(world: &World, by: &Person, name: &str) -> Answer {
    world.client(&by.token).json("POST", TASKS, &json!({ "name": name })).expect("the server answers")
}

fn get(world: &World, path: &str) -> Value {
    world.client(&world.admin).get(&format!("{API}{path}")).expect("an answer").expect(200).json()
}

#[test]
fn a_plugin_is_looked_into_consented_to_and_heard_in_saves() {
    on_both(|world| {
        let first = bytes("1.0.0", &[HOST], Check::NoX);
        let seen = send(world, "/inspect", &first).expect(200).json();
        assert_eq!(
            (&seen["id"], &seen["needs_consent"], &seen["problems"]),
            (&ID.into(), &true.into(), &json!([]))
        );
        assert_eq!(seen["asked"]["http"][0]["host"], HOST);
        assert_eq!(get(world, "")["rows"], json!([]), "looking changes nothing");
        assert_eq!(send(world, "", &first).expect(200).json()["standing"], "waits");
        assert_eq!(info(world)["state"], "waiting");
        save(world, &world.anna, "X-ray").expect(201);
        let narrow = json!({"records.read": [{"entity": "task", "fields": ["name"]}]});
        let report = call(world, "POST", "/grant", &json!({ "permissions": narrow })).expect(200).json();
        assert_eq!((&report["standing"], &report["number"]), (&"in_force".into(), &1.into()));
        assert_eq!(info(world)["versions"][0]["granted"], narrow);
        let refused = save(world, &world.anna, "X-ray").expect(422).json();
        assert_eq!(refused["issues"][0]["code"], "plugin.violation", "{refused}");
        assert!(
            refused["issues"][0]["message"]
                .as_str()
                .is_some_and(|text| text.contains("No name begins with an X")),
            "{refused}"
        );
        save(world, &world.anna, "Paint").expect(201);
        let runs = get(world, &format!("/runs?plugin={ID}"))["rows"].clone();
        assert_eq!(
            (&runs[0]["export"], &runs[0]["outcome"], &runs[0]["version"]),
            (&"names".into(), &"ok".into(), &"1.0.0".into())
        );
        assert!(runs[0]["usage"]["wall-ms"].is_array(), "{runs}");
        call(world, "POST", "/disable", &json!({})).expect(204);
        assert_eq!(info(world)["state"], "off");
        save(world, &world.anna, "X again").expect(201);
        call(world, "POST", "/enable", &json!({})).expect(204);
        save(world, &world.anna, "X once more").expect(422);
    });
}

#[test]
fn an_upgrade_that_asks_for_more_waits_and_one_that_does_not_comes_at_once() {
    on_both(|world| {
        send(world, "?grant_all=true", &bytes("1.0.0", &[HOST], Check::NoX)).expect(200);
        let more = send(world, "", &bytes("1.1.0", &[HOST, "https://other.example.com"], Check::NoX));
        assert_eq!(more.expect(200).json()["standing"], "waits");
        assert_eq!((&info(world)["version"], &info(world)["state"]), (&"1.0.0".into(), &"on".into()));
        assert_eq!(call(world, "POST", "/grant", &json!({})).expect(200).json()["standing"], "in_force");
        assert_eq!(info(world)["version"], "1.1.0");
        let less = send(world, "", &bytes("1.2.0", &[HOST], Check::NoX)).expect(200).json();
        assert_eq!(less["standing"], "in_force");
        assert_eq!(info(world)["version"], "1.2.0");
        assert_eq!(call(world, "POST", "/rollback", &json!({ "number": 1 })).expect(200).json()["number"], 1);
        assert_eq!(info(world)["version"], "1.0.0");
        call(world, "POST", "/rollback", &json!({ "number": 9 })).expect(404);
    });
}

#[test]
fn a_version_is_tried_out_on_a_person_compared_and_stopped() {
    on_both(|world| {
        send(world, "?grant_all=true", &bytes("1.0.0", &[], Check::NoX)).expect(200);
        let staged = send(world, "?grant_all=true&stage=true", &bytes("2.0.0", &[], Check::Trap));
        assert_eq!(staged.expect(200).json()["standing"], "kept");
        let trial = json!({ "number": 2, "share": 0, "people": [world.ben.id] });
        call(world, "POST", "/canary", &trial).expect(204);
        save(world, &world.anna, "Paint").expect(201);
        let refused = save(world, &world.ben, "Paint").expect(422).json();
        assert_eq!(refused["issues"][0]["code"], "plugin.failed", "{refused}");
        let usage = get(world, &format!("/{ID}/usage"))["rows"].clone();
        let of = |number: i64| {
            let rows = usage.as_array().into_iter().flatten().filter(|row| row["number"] == number);
            rows.fold((0, 0), |(calls, failures), row| {
                let count = |name: &str| row[name].as_i64().unwrap_or_default();
                (calls + count("calls"), failures + count("failures"))
            })
        };
        assert_eq!(of(1), (1, 0), "{usage}");
        assert_eq!(of(2), (1, 1), "{usage}");
        call(world, "DELETE", "/canary", &json!({})).expect(204);
        save(world, &world.ben, "Paint").expect(201);
        call(world, "DELETE", "/canary", &json!({})).expect(400);
        call(world, "POST", "/canary", &trial).expect(204);
        call(world, "POST", "/canary/promote", &json!({})).expect(204);
        save(world, &world.anna, "Paint").expect(422);
    });
}

#[test]
fn a_plugin_that_keeps_breaking_down_rests_until_it_is_reset_or_rolled_back() {
    on_both(|world| {
        send(world, "?grant_all=true", &bytes("1.0.0", &[], Check::NoX)).expect(200);
        send(world, "?grant_all=true", &bytes("2.0.0", &[], Check::Trap)).expect(200);
        for _ in 0..6 {
            save(world, &world.anna, "Paint").expect(422);
        }
        let resting = info(world)["circuits"].clone();
        assert_eq!((&resting[0]["export"], &resting[0]["point"]), (&"names".into(), &"validator".into()));
        let failed = get(world, &format!("/runs?plugin={ID}&failed=true"))["rows"].clone();
        let outcomes: Vec<&str> =
            failed.as_array().into_iter().flatten().filter_map(|run| run["outcome"].as_str()).collect();
        assert!(outcomes.contains(&"plugin.run.trap"), "{outcomes:?}");
        call(world, "POST", "/reset", &json!({})).expect(204);
        assert_eq!(info(world)["circuits"], json!([]));
        call(world, "POST", "/rollback", &json!({})).expect(200);
        save(world, &world.anna, "Paint").expect(201);
        let metrics =
            mortise_tests::Client::new(world.address).get("/metrics").expect("an answer").expect(200).text();
        assert!(
            metrics
                .contains("mortise_plugin_calls_total{plugin=\"test.names\",outcome=\"plugin.run.trap\"} 5"),
            "{metrics}"
        );
    });
}

#[test]
fn settings_secrets_and_names_are_set_and_everything_goes_with_the_plugin() {
    on_both(|world| {
        send(world, "?grant_all=true", &bytes("1.0.0", &[HOST], Check::NoX)).expect(200);
        call(world, "PATCH", "/settings", &json!({ "limit": 9, "words": ["a", "b"] })).expect(204);
        assert_eq!(info(world)["settings"], json!({ "limit": 9, "words": ["a", "b"] }));
        call(world, "PATCH", "/settings", &json!({ "limit": "many" })).expect(422);
        call(world, "PATCH", "/settings", &json!({ "limit": null, "words": null })).expect(204);
        assert_eq!(info(world)["settings"], json!({}));
        call(world, "PUT", "/secrets/key", &json!({ "secret": "hush-hush" })).expect(204);
        let shown = info(world);
        assert_eq!(
            (&shown["secrets"][0]["set"], &shown["secrets"][0]["title"]),
            (&true.into(), &"Access key".into())
        );
        assert!(!shown.to_string().contains("hush"));
        call(world, "PUT", "/secrets/other", &json!({ "secret": "x" })).expect(404);
        call(world, "PUT", "/mapping", &json!({ "task": { "entity": "workshop.project" } })).expect(204);
        assert_eq!(info(world)["entities"]["task"], "workshop.project");
        save(world, &world.anna, "X-ray").expect(201);
        call(world, "PUT", "/mapping", &json!({})).expect(204);
        save(world, &world.anna, "X-ray").expect(422);
        world
            .client(&world.admin)
            .send("DELETE", &format!("{API}/{ID}?keep_data=false"), &[], b"")
            .expect("an answer")
            .expect(204);
        call(world, "GET", "", &json!({})).expect(404);
        save(world, &world.anna, "X-ray").expect(201);
        assert_eq!(get(world, "/kept")["rows"], json!([]));
    });
}

#[test]
fn what_is_no_plugin_is_refused_with_reasons() {
    on_both(|world| {
        let nothing = send(world, "/inspect", b"").expect(400).json();
        assert_eq!(nothing["code"], "plugin.upload_missing");
        let garbage = send(world, "", b"PK\x03\x04 rubbish").expect(422).json();
        assert_eq!(
            (&garbage["code"], &garbage["problems"][0]["code"]),
            (&"plugin.invalid".into(), &"plugin.package_broken".into())
        );
        let text = world.call("POST", API, &json!({ "package": "%%%" })).expect(400).json();
        assert_eq!(text["code"], "plugin.upload_missing");
        world.call("POST", API, &json!({ "package": "", "everything": true })).expect(422);
        for (method, path) in [
            ("GET", "/test.none"),
            ("POST", "/test.none/enable"),
            ("POST", "/test.none/rollback"),
            ("POST", "/test.none/reset"),
            ("POST", "/test.none/signals/done"),
            ("POST", "/test.none/jobs/walk/run"),
            ("POST", "/test.none/connectors/echo/probe"),
            ("POST", "/calls/0197d7d4-6a8e-7000-8000-000000000001/retry"),
            ("DELETE", "/kept/test.none"),
        ] {
            world.call(method, &format!("{API}{path}"), &json!({})).expect(404);
        }
        world.call("GET", &format!("{API}/calls?state=lost"), &json!({})).expect(400);
        let calls = get(world, "/calls");
        assert_eq!((&calls["rows"], &calls["counts"]["dead"]), (&json!([]), &0.into()));
        assert_eq!(get(world, "/jobs")["rows"], json!([]));
    });
}

#[test]
fn plugins_are_for_administrators_with_a_token_for_that() {
    on_both(|world| {
        let reading = world.token(
            "demo",
            &world.person("second", &json!({"administrator": true})).id,
            &["read", "write"],
        );
        for token in [&world.anna.token, &reading] {
            for (method, path) in [
                ("GET", ""),
                ("GET", "/runs"),
                ("GET", "/calls"),
                ("GET", "/jobs"),
                ("POST", "/inspect"),
                ("POST", ""),
                ("POST", "/test.names/grant"),
                ("POST", "/test.names/signals/done"),
                ("DELETE", "/test.names"),
            ] {
                let path = format!("{API}{path}");
                let answer = world.client(token).json(method, &path, &json!({})).expect("an answer");
                assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
            }
        }
        world.tenant("other");
        send(world, "?grant_all=true", &bytes("1.0.0", &[], Check::NoX)).expect(200);
        let other = world
            .client(&world.operator)
            .get("/t/other/api/v1/plugins")
            .expect("an answer")
            .expect(200)
            .json();
        assert_eq!(other["rows"], json!([]), "another tenant has none of it");
    });
}

/// The packages that the browser installs are made of the same text: `UPDATE_EXPECT=1` writes them again.
#[test]
fn the_packages_of_the_browser_tests_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/plugins");
    let note = ("note", "title");
    let packages = [
        ("names-1.0.0.plugin", package(&manifest("1.0.0", note, &[HOST]), Check::NoX)),
        (
            "names-1.1.0.plugin",
            package(&manifest("1.1.0", note, &[HOST, "https://other.example.com"]), Check::NoX),
        ),
        (
            "names-2.0.0.plugin",
            package(&manifest("2.0.0", note, &[HOST, "https://other.example.com"]), Check::Trap),
        ),
    ];
    for (name, bytes) in packages {
        let file = folder.join(name);
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::create_dir_all(&folder).expect("the folder is ours");
            std::fs::write(&file, &bytes).expect("the folder is ours");
        }
        let kept = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(kept == bytes, "{} is not what the text makes: run with UPDATE_EXPECT=1", file.display());
    }
}
