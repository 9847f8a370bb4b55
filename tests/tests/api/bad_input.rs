//! Everything that must not be accepted, each with its own clear error, and nothing half-written afterwards.

use serde_json::{Value, json};

use crate::world::Who::{Admin, Anna, Nobody};
use crate::world::{TASKS, World, on_both, step};

/// Values of one field that are refused, with the code beside the field.
const VALUES: &[(&str, &str, &str)] = &[
    ("name", "null", "field.required"),
    ("name", "7", "value.not_text"),
    ("name", "\"a\\u0000b\"", "value.control_character"),
    ("status", "\"lost\"", "value.not_choice"),
    ("cost", "\"abc\"", "value.not_number"),
    ("cost", "\"1.234\"", "value.too_many_places"),
    ("cost", "\"-1\"", "value.too_small"),
    ("hours", "1.5", "value.not_integer"),
    ("hours", "1001", "value.too_large"),
    ("due", "\"2026-02-30\"", "value.not_date"),
    ("met_at", "\"yesterday\"", "value.not_datetime"),
    ("urgent", "\"perhaps\"", "value.not_boolean"),
    ("email", "\"nobody\"", "value.not_email"),
    ("phone", "\"12\"", "value.not_phone"),
    ("project", "\"house\"", "value.not_id"),
    ("total", "\"5\"", "field.read_only"),
    ("colour", "\"red\"", "field.unknown"),
];

#[test]
fn every_wrong_value_is_told_beside_its_field() {
    on_both(|world| {
        let mut client = world.client(&world.admin);
        for (field, value, code) in VALUES {
            let value: Value = serde_json::from_str(value).expect("the table has JSON");
            let mut body = json!({"name": "A task"});
            body[*field] = value.clone();
            let answer = client.json("POST", TASKS, &body).expect("an answer").expect(422).json();
            let issue = &answer["issues"][0];
            assert_eq!((&issue["field"], &issue["code"]), (&json!(field), &json!(code)), "{value}: {answer}");
            let message = issue["message"].as_str().unwrap_or_default();
            assert!(!message.is_empty() && !message.starts_with("error."), "{answer}");
        }
        assert_eq!(count(world), 0);
    });
}

#[test]
fn all_mistakes_are_told_at_once_in_the_language_of_the_person() {
    on_both(|world| {
        let mut client = world.client(&world.admin).with_header("accept-language", "zh-CN");
        let body = json!({"hours": 5000, "email": "x", "status": "lost"});
        let answer = client.json("POST", TASKS, &body).expect("an answer").expect(422).json();
        let issues = answer["issues"].as_array().expect("issues");
        assert_eq!(answer["code"], "record.invalid");
        let fields: Vec<&str> = issues.iter().filter_map(|issue| issue["field"].as_str()).collect();
        assert_eq!(fields, ["hours", "email", "status"], "{answer}");
        let chinese = |text: &Value| text.as_str().is_some_and(|text| text.chars().any(|c| c > '\u{4e00}'));
        assert!(issues.iter().all(|issue| chinese(&issue["message"])), "{answer}");
        assert!(chinese(&answer["title"]), "{answer}");
    });
}

#[test]
fn requests_that_make_no_sense_are_refused_with_the_reason() {
    on_both(|world| {
        world.play(&[
            step("no such kind of record", Admin, "GET /t/demo/api/v1/records/workshop.nothing")
                .refused(404, "entity.not_found"),
            step(
                "no such record",
                Admin,
                "GET /t/demo/api/v1/records/workshop.task/0193a3f2-7b1c-7e44-9a58-3f6c1d2e4b5a",
            )
            .refused(404, "record.not_found"),
            step("an id that is none", Admin, "GET /t/demo/api/v1/records/workshop.task/1%20or%201=1")
                .refused(400, "http.id"),
            step("an unknown filter", Admin, "GET /t/demo/api/v1/records/workshop.task?where.colour=red")
                .refused(400, "query.unknown_field"),
            step(
                "an unknown comparison",
                Admin,
                "GET /t/demo/api/v1/records/workshop.task?where.name.like=x",
            )
            .refused(400, "query.unknown_operator"),
            step("an unknown parameter", Admin, "GET /t/demo/api/v1/records/workshop.task?wehre.name=x")
                .refused(400, "query.unknown_parameter"),
            step(
                "a value of the wrong type",
                Admin,
                "GET /t/demo/api/v1/records/workshop.task?where.hours=many",
            )
            .refused(400, "query.value"),
            step(
                "an expression that does not compile",
                Admin,
                "GET /t/demo/api/v1/records/workshop.task?filter=record.name%20%3D%3D",
            )
            .refused(400, "query.filter"),
            step(
                "an expression of another type",
                Admin,
                "GET /t/demo/api/v1/records/workshop.task?filter=record.hours%20%2B%201",
            )
            .refused(400, "query.filter"),
            step("an invented cursor", Admin, "GET /t/demo/api/v1/records/workshop.task?cursor=AAAA")
                .refused(400, "query.cursor"),
            step("no such view", Admin, "GET /t/demo/api/v1/records/workshop.task?view=secret")
                .refused(400, "query.unknown_view"),
            step("no such address", Admin, "GET /t/demo/api/v1/nothing").refused(404, "http.not_found"),
            step("a method that is not for it", Admin, "PUT /t/demo/api/v1/users")
                .refused(405, "http.method_not_allowed"),
            step("no such tenant", Admin, "GET /t/nobody/api/v1/session").refused(404, "tenant.unknown"),
            step("nobody", Nobody, "GET /t/demo/api/v1/records/workshop.task").refused(401, "auth.required"),
            step(
                "a version that is none",
                Anna,
                "PATCH /t/demo/api/v1/records/workshop.task/0193a3f2-7b1c-7e44-9a58-3f6c1d2e4b5a",
            )
            .header("if-match", "\"new\"")
            .body(json!({}))
            .refused(400, "http.if_match"),
            step("a token's key that is too long", Anna, "POST /t/demo/api/v1/records/workshop.task")
                .header("idempotency-key", "")
                .body(json!({"name": "x"}))
                .refused(400, "http.idempotency_key"),
        ]);
    });
}

#[test]
fn injection_attempts_find_and_change_nothing() {
    on_both(|world| {
        world.task(&world.admin, &json!({"name": "Keep"}));
        let attempts = [
            "where.name=x'%20OR%20'1'='1",
            "where.name.contains=%25'%20OR%201=1--",
            "where.name.starts=%22);%20DROP%20TABLE%20workshop__task;--",
            "q=x%22%20OR%20*",
            "q=%22%27%29%20UNION%20SELECT%20*%20FROM%20sqlite_master--",
            "where.name.in=a,b';--",
        ];
        for attempt in attempts {
            let answer =
                world.client(&world.admin).get(&format!("{TASKS}?{attempt}")).expect("an answer").expect(200);
            assert_eq!(answer.json()["rows"], json!([]), "{attempt}");
        }
        for attempt in ["sort=name;DROP%20TABLE%20x", "where.name'--=x", "fields=name,(select%201)"] {
            world.client(&world.admin).get(&format!("{TASKS}?{attempt}")).expect("an answer").expect(400);
        }
        assert_eq!(count(world), 1);
    });
}

#[test]
fn broken_and_oversized_bodies_are_refused_as_such() {
    on_both(|world| {
        let json_type = ("content-type", "application/json");
        let deep = format!("{{\"name\":{}1{}}}", "[".repeat(500), "]".repeat(500));
        let large = format!("{{\"name\":\"{}\"}}", "x".repeat(5 * 1024 * 1024));
        let cases: [(&str, &[u8], u16, &str); 7] = [
            ("{\"name\": \"x\"", json_type.1.as_bytes(), 400, "json.syntax"),
            ("{\"name\": }", json_type.1.as_bytes(), 400, "json.syntax"),
            ("", json_type.1.as_bytes(), 400, "json.syntax"),
            ("[1]", json_type.1.as_bytes(), 422, "json.form"),
            (&deep, json_type.1.as_bytes(), 400, "json.syntax"),
            (&large, json_type.1.as_bytes(), 413, "http.too_large"),
            ("{\"name\": \"\u{0}\"}", json_type.1.as_bytes(), 400, "json.syntax"),
        ];
        for (body, kind, status, code) in cases {
            let kind = std::str::from_utf8(kind).expect("ASCII");
            let headers = [("content-type", kind)];
            let answer =
                world.client(&world.admin).send("POST", TASKS, &headers, body.as_bytes()).expect("an answer");
            let shown: String = body.chars().take(40).collect();
            assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{shown}");
        }
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let users = "/t/demo/api/v1/users";
        let answer = world.client(&world.admin).send("POST", users, &form, b"login=x").expect("an answer");
        assert_eq!((answer.status, &answer.json()["code"]), (415, &json!("http.unsupported_type")));
        assert_eq!(count(world), 0);
    });
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    on_both(|world| {
        let headers = [("content-type", "application/json")];
        let body = b"{\"name\": \"\xff\xfe\"}";
        let answer = world.client(&world.admin).send("POST", TASKS, &headers, body).expect("an answer");
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("json.syntax")));
    });
}

#[test]
fn values_that_are_taken_are_refused_with_their_field() {
    on_both(|world| {
        world.task(&world.admin, &json!({"name": "one", "code": "A-1"}));
        world.play(&[step("the same code", Admin, "POST /t/demo/api/v1/records/workshop.task")
            .body(json!({"name": "two", "code": "A-1"}))
            .refused(422, "record.invalid")
            .with("/issues/0/field", json!("code"))
            .with("/issues/0/code", json!("field.not_unique"))]);
        let id = "0193a3f2-7b1c-7e44-9a58-3f6c1d2e4b5a";
        let body = json!({"id": id, "name": "three"});
        world.call("POST", TASKS, &body).expect(201);
        let again = world.call("POST", TASKS, &body);
        assert_eq!(again.status / 100, 4, "{}", again.text());
        assert_eq!(count(world), 2);
    });
}

fn count(world: &World) -> i64 {
    let list = world.client(&world.admin).get(TASKS).expect("an answer").expect(200).json();
    list["total"].as_i64().expect("a count")
}
