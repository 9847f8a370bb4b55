//! Simulation by the API: the next days of a tenant as one document or line by line, with drafts, for administrators, and
//! without a trace.

use serde_json::{Value, json};

use crate::world::{World, on_both, text};

const SANDBOX: &str = "/t/demo/api/v1/sandbox";
const CASES: &str = "/t/demo/api/v1/records/help.case";

fn words(en: &str) -> Value {
    json!({"en": en, "zh-CN": en})
}

/// Cases that have to be answered within some hours; whoever has one is told when it is late.
fn files(version: &str) -> Value {
    let files = [
        (
            "app.json",
            json!({"id": "help", "version": version, "label": words("Help"), "settings": {
            "hours": {"type": "integer", "label": words("Hours"), "default": 30}}}),
        ),
        (
            "entities/case.json",
            json!({"id": "case", "label": words("Case"), "title": "what", "fields": [
            {"id": "what", "label": words("What"), "type": "text", "required": true},
            {"id": "answer", "label": words("Answer"), "type": "text"}]}),
        ),
        (
            "views/cases.json",
            json!({"id": "cases", "entity": "case", "label": words("Cases"), "kind": "table", "columns": ["what"]}),
        ),
        (
            "roles/agent.json",
            json!({"id": "agent", "label": words("Agent"), "permissions": [
            {"entity": "case", "operations": ["read", "create", "update"], "rows": "all"}]}),
        ),
        (
            "notifications/late.json",
            json!({"id": "late", "entity": "case", "label": words("Late"), "title": words("{{ record.what }} is late"),
            "body": words("Please answer."), "to": ["owner"]}),
        ),
        (
            "slas/answer.json",
            json!({"id": "answer", "label": {"en": "Answering", "zh-CN": "答复"}, "entity": "case",
            "start": "record.answer == null", "stop": "record.answer != null", "limit": "hours(settings.hours)",
            "ladder": [{"id": "over", "label": words("Over"), "base": "due", "offset": "hours(0)",
                "do": [{"type": "notify", "notification": "late"}]}]}),
        ),
    ];
    let files = files.into_iter().map(|(path, file)| (path.to_owned(), Value::from(file.to_string())));
    Value::Object(files.collect())
}

/// Two cases of an agent.
fn install(world: &World) -> String {
    world.call("POST", "/t/demo/api/v1/apps", &json!({"files": files("1.0.0")})).expect(200);
    let eve = world.person("eve", &json!({"roles": ["help.agent"]}));
    for what in ["Leak", "Noise"] {
        let made = world.client(&eve.token).json("POST", CASES, &json!({"what": what}));
        text(&made.expect("the server answers").expect(201).json()["id"]);
    }
    eve.token
}

#[test]
fn the_next_days_are_told_with_names() {
    on_both(|world| {
        install(world);
        let report = world.call("POST", SANDBOX, &json!({"days": 2})).expect(200).json();
        assert_eq!(report["complete"], true, "{report}");
        assert_eq!(report["totals"]["breached"], 2, "{report}");
        assert_eq!(report["totals"]["messages"], 2, "{report}");
        let clock = &report["clocks"][0];
        assert_eq!((&clock["sla"], &clock["label"]), (&"help.answer".into(), &"Answering".into()));
        let mut records: Vec<String> =
            clock["records"].as_array().into_iter().flatten().map(|record| text(&record["title"])).collect();
        records.sort();
        assert_eq!(records, ["Leak", "Noise"]);
        let path = text(&clock["records"][0]["path"]);
        assert!(path.starts_with("/a/help/case/"), "{path}");
        assert_eq!(report["people"][0]["messages"], 2);
        let message = &report["messages"][0];
        assert!(text(&message["title"]).ends_with(" is late"), "{message}");
        assert_eq!(message["body"], "Please answer.");
        let days = report["by_day"].as_array().map_or(0, Vec::len);
        assert!((2..=3).contains(&days), "{report}");
        // Nothing of it has happened.
        let trail = world.call("GET", "/t/demo/api/v1/audit?action=clock.breached", &Value::Null).expect(200);
        assert_eq!(trail.json()["rows"], json!([]));
    });
}

#[test]
fn drafts_of_settings_and_apps_are_in_force_in_the_simulation_only() {
    on_both(|world| {
        install(world);
        let breached =
            |body: &Value| world.call("POST", SANDBOX, body).expect(200).json()["totals"]["breached"].clone();
        assert_eq!(breached(&json!({"days": 1})), 0);
        assert_eq!(breached(&json!({"days": 1, "settings": {"help": {"hours": 5}}})), 2);
        let mut files = files("1.1.0");
        let sla = text(&files["slas/answer.json"]).replace("hours(settings.hours)", "hours(1)");
        files["slas/answer.json"] = sla.into();
        assert_eq!(breached(&json!({"days": 1, "files": files})), 2);
        let app = world.call("GET", "/t/demo/api/v1/apps/help", &Value::Null).expect(200).json();
        assert_eq!((&app["version"], &app["settings"][0]["value"]), (&"1.0.0".into(), &30.into()));
        let broken = world.call("POST", SANDBOX, &json!({"days": 1, "files": {"app.json": "{"}}));
        assert!(broken.expect(422).json()["problems"].is_array());
    });
}

#[test]
fn whoever_asks_for_lines_hears_how_far_it_is() {
    on_both(|world| {
        install(world);
        let mut client = world.client(&world.admin).with_header("accept", "application/x-ndjson");
        let answer =
            client.json("POST", SANDBOX, &json!({"days": 3})).expect("the server answers").expect(200);
        assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
        let text = answer.text();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
        let (last, passed) = lines.split_last().expect("there are lines");
        assert_eq!(last["report"]["totals"]["breached"], 2, "{last}");
        assert!(passed.iter().all(|line| line["progress"]["days"] == 3), "{text}");
        let refused = client.json("POST", SANDBOX, &json!({"days": 500})).expect("the server answers");
        let line: Value = serde_json::from_str(refused.expect(200).text().trim()).expect("a line of JSON");
        assert_eq!(line["problem"]["issues"][0]["code"], "sandbox.days");
    });
}

#[test]
fn it_is_for_administrators_and_not_for_all_the_time() {
    on_both(|world| {
        let eve = install(world);
        let refused = world.client(&eve).json("POST", SANDBOX, &json!({"days": 2}));
        refused.expect("the server answers").expect(403);
        let wrong = world.call("POST", SANDBOX, &json!({"days": 0})).expect(422).json();
        assert_eq!(wrong["issues"][0]["code"], "sandbox.days");
        world.call("POST", SANDBOX, &json!({"days": 1, "hours": 2})).expect(422);
        world.call("POST", SANDBOX, &json!([])).expect(422);
        let mut answers = (0..20).map(|_| world.call("POST", SANDBOX, &json!({"days": 1})));
        let refused = answers.find(|answer| answer.status != 200).expect("there is a limit").expect(429);
        assert!(refused.header("retry-after").is_some());
        assert_eq!(refused.json()["code"], "sandbox.too_many");
    });
}
