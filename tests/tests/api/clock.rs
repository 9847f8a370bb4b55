//! Tenants whose time can be moved by the operator: clocks run out at once, and nothing else is fooled by it.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use mortise_tests::Client;
use serde_json::{Value, json};

use crate::world::{PASSWORD, World, on_both, text};

const LAB: &str = "/operator/v1/tenants/lab";
const CASES: &str = "/t/lab/api/v1/records/desk.case";
/// Longer than anything takes that happens by itself here.
const PATIENCE: Duration = Duration::from_secs(20);

/// Cases are late after a day.
fn app() -> Value {
    let words = |en: &str| json!({"en": en, "zh-CN": en});
    let files = [
        ("app.json", json!({"id": "desk", "version": "1.0.0", "label": words("Desk")})),
        (
            "entities/case.json",
            json!({"id": "case", "label": words("Case"), "title": "what", "fields": [
            {"id": "what", "label": words("What"), "type": "text", "required": true},
            {"id": "late", "label": words("Late"), "type": "boolean", "default": "false"}]}),
        ),
        (
            "slas/answer.json",
            json!({"id": "answer", "label": words("Answer"), "entity": "case", "start": "!record.late",
            "stop": "record.late", "limit": "days(1)", "ladder": [{"id": "late", "label": words("Late"),
            "offset": "minutes(0)", "do": [{"type": "set", "values": {"late": "true"}}]}]}),
        ),
    ];
    Value::Object(files.into_iter().map(|(path, file)| (path.to_owned(), file.to_string().into())).collect())
}

/// A tenant with a clock of its own; gives the token of its administrator.
fn lab(world: &World) -> String {
    let mut operator = world.client(&world.operator);
    let body = json!({"slug": "lab", "time_zone": "Asia/Shanghai", "test_clock": true});
    let made = operator.json("POST", "/operator/v1/tenants", &body).expect("an answer").expect(201).json();
    assert_eq!(made["test_clock"]["ahead_seconds"], 0);
    let body = json!({"login": "admin", "name": "admin", "password": PASSWORD, "administrator": true});
    let user = operator.json("POST", "/t/lab/api/v1/users", &body).expect("an answer").expect(201).json();
    let apps = json!({ "files": app() });
    operator.json("POST", "/t/lab/api/v1/apps", &apps).expect("an answer").expect(200);
    world.token("lab", &text(&user["id"]), &["read", "write", "admin"])
}

fn moment(value: &Value) -> DateTime<Utc> {
    text(value).parse().expect("a moment")
}

#[test]
fn what_falls_due_in_a_tenant_happens_when_its_time_is_moved() {
    on_both(|world| {
        let token = lab(world);
        let mut client = world.client(&token);
        let case =
            client.json("POST", CASES, &json!({"what": "Leak"})).expect("an answer").expect(201).json();
        let path = format!("{CASES}/{}", text(&case["id"]));
        let advance = |by: &str| {
            let mut operator = world.client(&world.operator);
            let body = json!({ "by": by });
            operator.json("POST", &format!("{LAB}/advance"), &body).expect("an answer").expect(200).json()
        };
        advance("12h");
        let tenant = advance("12h30m");
        assert_eq!(tenant["test_clock"]["ahead_seconds"], 88_200);
        assert!(text(&tenant["test_clock"]["now"]).ends_with("+08:00"), "{tenant}");
        let begun = Instant::now();
        while client.get(&path).expect("an answer").expect(200).json()["late"] != true {
            assert!(begun.elapsed() < PATIENCE, "the step of the clock did not happen");
            std::thread::sleep(Duration::from_millis(50));
        }
        // What is made now is a day younger, though only seconds have passed; the token is as good as before.
        let body = json!({"what": "Flood"});
        let other = client.json("POST", CASES, &body).expect("an answer").expect(201).json();
        let mut made = |id: &Value| {
            let path = format!("{CASES}/{}", text(id));
            moment(&client.get(&path).expect("an answer").expect(200).json()["created_at"])
        };
        let between = made(&other["id"]) - made(&case["id"]);
        assert!(between > TimeDelta::hours(24) && between < TimeDelta::hours(25), "{between}");
        let page = Client::new(world.address).get("/t/lab/sign-in").expect("an answer").expect(200).text();
        assert!(page.contains("test-clock") && page.contains("data-ahead=\"88200000\""), "{page}");
        // Others go on in real time.
        let task = world.task(&world.admin, &json!({"name": "now"}));
        let task = format!("/t/demo/api/v1/records/workshop.task/{task}");
        let task = world.client(&world.admin).get(&task).expect("an answer").expect(200).json();
        assert!((Utc::now() - moment(&task["created_at"])).abs() < TimeDelta::minutes(5));
    });
}

#[test]
fn time_is_moved_by_the_operator_only_and_never_back() {
    on_both(|world| {
        let token = lab(world);
        let mut operator = world.client(&world.operator);
        let mut refused = |slug: &str, by: &str, status: u16| {
            let path = format!("/operator/v1/tenants/{slug}/advance");
            operator.json("POST", &path, &json!({ "by": by })).expect("an answer").expect(status).json()
        };
        assert_eq!(refused("demo", "1h", 409)["code"], "tenant.no_test_clock");
        assert_eq!(refused("nobody", "1h", 404)["code"], "tenant.unknown");
        for by in ["", "-1h", "0m", "25", "soon", "99999d"] {
            assert_eq!(refused("lab", by, 422)["issues"][0]["code"], "tenant.advance", "{by}");
        }
        let body = json!({"by": "1h"});
        world.client(&token).json("POST", &format!("{LAB}/advance"), &body).expect("an answer").expect(404);
        let fixed = json!({"test_clock": false});
        let answer = operator.json("PATCH", LAB, &fixed).expect("an answer").expect(422).json();
        assert_eq!(answer["issues"][0]["code"], "tenant.test_clock_fixed");
        for _ in 0..2 {
            let body = json!({"by": "1830d"});
            operator.json("POST", &format!("{LAB}/advance"), &body).expect("an answer").expect(200);
        }
        let body = json!({"by": "1d"});
        operator.json("POST", &format!("{LAB}/advance"), &body).expect("an answer").expect(422);
        let tenant = operator.get(LAB).expect("an answer").expect(200).json();
        assert_eq!(tenant["test_clock"]["ahead_seconds"], 3_660 * 86_400);
    });
}
