//! The course of records by the API: transitions with guards and evidence, claims, clocks, figures, dashboards, failed work.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{World, on_both, text};

const API: &str = "/t/demo/api/v1";
const CASES: &str = "/t/demo/api/v1/records/desk.case";
/// Longer than anything takes that happens by itself here.
const PATIENCE: Duration = Duration::from_secs(20);

fn words(en: &str) -> Value {
    json!({"en": en, "zh-CN": en})
}

/// An app with everything that has a course: cases that are opened, solved with an answer, and counted.
fn files() -> Value {
    let choice = |value: &str| json!({"value": value, "label": words(value)});
    let files = [
        ("app.json", json!({"id": "desk", "version": "1.0.0", "label": words("Desk")})),
        (
            "entities/case.json",
            json!({"id": "case", "label": words("Case"), "title": "what", "fields": [
            {"id": "what", "label": words("What"), "type": "text", "required": true},
            {"id": "answer", "label": words("Answer"), "type": "text"},
            {"id": "weight", "label": words("Weight"), "type": "integer", "max": 100},
            {"id": "state", "label": words("State"), "type": "choice", "choices": [choice("open"), choice("solved")]}]}),
        ),
        (
            "views/cases.json",
            json!({"id": "cases", "entity": "case", "label": words("Cases"), "kind": "table", "columns": ["what", "state"]}),
        ),
        (
            "forms/case.json",
            json!({"id": "case", "entity": "case", "label": words("Case"), "sections": [{"fields": ["what"]}]}),
        ),
        (
            "roles/agent.json",
            json!({"id": "agent", "label": words("Agent"), "permissions": [
            {"entity": "case", "operations": ["read", "create", "update"], "rows": "all"}]}),
        ),
        (
            "lifecycles/case.json",
            json!({"id": "case", "entity": "case", "field": "state", "initial": "open", "transitions": [
            {"id": "solve", "label": words("Solve"), "from": ["open"], "to": "solved", "requires": ["answer"],
             "guard": "record.weight == null || record.weight < 10", "message": words("Too heavy.")},
            {"id": "reopen", "label": words("Reopen"), "from": ["solved"], "to": "open", "roles": []}]}),
        ),
        (
            "slas/solve.json",
            json!({"id": "solve", "label": words("Solve"), "entity": "case", "start": "record.state == 'open'",
            "stop": "record.state == 'solved'", "limit": "hours(8)"}),
        ),
        (
            "assignments/case.json",
            json!({"id": "case", "label": words("Case"), "entity": "case", "pool": {"roles": ["agent"]},
            "capacity": {"open": "1", "open_when": "record.state == 'open'"}, "claim": "record.state == 'open'"}),
        ),
        (
            "rules/heavy.json",
            json!({"id": "heavy", "label": words("Heavy"), "entity": "case", "on": [{"type": "created"}],
            "condition": "record.weight == 7", "do": [{"type": "set", "values": {"weight": "record.weight * 1000"}}]}),
        ),
        (
            "metrics/cases.json",
            json!({"id": "cases", "label": words("Cases"), "entity": "case", "measure": {"type": "count"},
            "dimensions": ["state", "owner"], "target": "2"}),
        ),
        (
            "dashboards/desk.json",
            json!({"id": "desk", "label": words("Desk"), "roles": ["agent"], "home": true, "spans": true,
            "filters": [{"by": "owner"}], "cards": [
            {"id": "all", "kind": "number", "metric": "cases"},
            {"id": "funnel", "kind": "funnel", "metric": "cases", "by": "state"},
            {"id": "shares", "kind": "stacked", "metric": "cases", "by": "state", "split": "owner"},
            {"id": "lately", "kind": "number", "metric": "cases", "window": "week", "trend": true},
            {"id": "weeks", "kind": "line", "metric": "cases", "window": "month", "split": "owner", "per": "week"},
            {"id": "todo", "kind": "tasks"}, {"id": "late", "kind": "alerts"}, {"id": "free", "kind": "pool"},
            {"id": "list", "kind": "list", "view": "cases"}, {"id": "news", "kind": "changes"},
            {"id": "enter", "kind": "entry", "form": "case"}]}),
        ),
    ];
    let files = files.into_iter().map(|(path, file)| (path.to_owned(), Value::from(file.to_string())));
    Value::Object(files.collect())
}

/// Two agents in a tenant with the app.
struct Desk {
    eve: String,
    tom: String,
}

fn install(world: &World) -> Desk {
    world.call("POST", &format!("{API}/apps"), &json!({"files": files()})).expect(200);
    let agent = |login| world.person(login, &json!({"roles": ["desk.agent"]})).token;
    Desk { eve: agent("eve"), tom: agent("tom") }
}

fn case(world: &World, token: &str, values: &Value) -> String {
    let answer = world.client(token).json("POST", CASES, values).expect("the server answers");
    text(&answer.expect(201).json()["id"])
}

fn get(world: &World, token: &str, path: &str) -> Value {
    world.client(token).json("GET", path, &Value::Null).expect("the server answers").expect(200).json()
}

/// Asks again until something is there.
fn wait(world: &World, token: &str, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let found = get(world, token, path);
        if wanted(&found) {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{path}: {found}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_transition_wants_its_evidence_and_its_guard_and_only_then_changes_the_state() {
    on_both(|world| {
        let desk = install(world);
        let id = case(world, &desk.eve, &json!({"what": "A", "weight": 20}));
        let place = format!("{CASES}/{id}");
        let eve = || world.client(&desk.eve);
        let post = |body: &Value| {
            eve().json("POST", &format!("{place}/transitions/solve"), body).expect("an answer")
        };
        let offered = get(world, &desk.eve, &format!("{place}/transitions"));
        assert_eq!(offered["rows"][0]["id"], "solve");
        assert_eq!(offered["rows"][0]["requires"], json!(["answer"]));
        assert_eq!(offered["rows"].as_array().map(Vec::len), Some(1));
        let refused = post(&json!({})).expect(422).json();
        assert_eq!(refused["issues"][0]["field"], "answer");
        let refused = post(&json!({"answer": "yes"})).expect(422).json();
        assert_eq!(refused["issues"][0]["message"], "Too heavy.");
        let written = post(&json!({"answer": "yes", "weight": 1})).expect(200).json();
        assert_eq!(get(world, &desk.eve, &place)["state"], "solved");
        assert_eq!(get(world, &desk.eve, &place)["version"], written["version"]);
        post(&json!({"answer": "again"})).expect(400);
        eve()
            .json("POST", &format!("{place}/transitions/reopen"), &json!({}))
            .expect("an answer")
            .expect(403);
        eve()
            .json("POST", &format!("{place}/transitions/nothing"), &json!({}))
            .expect("an answer")
            .expect(404);
        eve().json("PATCH", &place, &json!({"state": "open"})).expect("an answer").expect(422);
        let clocks =
            wait(world, &desk.eve, &format!("{place}/clocks"), |clocks| clocks["rows"][0]["state"] == "met");
        assert_eq!(clocks["rows"][0]["limit_ms"], 8 * 3_600_000);
    });
}

#[test]
fn a_free_record_is_claimed_once_and_within_capacity() {
    on_both(|world| {
        let desk = install(world);
        let free = |what: &str| {
            let id = case(world, &desk.eve, &json!({"what": what}));
            world.call("PATCH", &format!("{CASES}/{id}"), &json!({"owner": null})).expect(200);
            id
        };
        let (first, second, third) = (free("A"), free("B"), free("C"));
        let claim = |token: &str, id: &str| {
            world.client(token).json("POST", &format!("{CASES}/{id}/claim"), &json!({})).expect("an answer")
        };
        claim(&desk.eve, &first).expect(200);
        assert_eq!(claim(&desk.tom, &first).expect(403).json()["code"], "claim.taken");
        assert_eq!(claim(&desk.eve, &second).expect(403).json()["code"], "claim.full_open");
        claim(&desk.tom, &second).expect(200);
        assert_eq!(claim(&world.admin, &third).expect(403).json()["code"], "claim.not_in_pool");
        let told = get(world, &desk.tom, &format!("{CASES}/{second}/assignments"));
        assert_eq!(told["rows"][0]["kind"], "claim");
    });
}

#[test]
fn a_dashboard_is_narrowed_by_its_address_and_every_card_has_a_page() {
    on_both(|world| {
        let desk = install(world);
        case(world, &desk.eve, &json!({"what": "A"}));
        let other = case(world, &desk.tom, &json!({"what": "B"}));
        let whole = get(world, &desk.eve, &format!("{API}/dashboards/desk.desk"));
        let own = get(world, &desk.eve, &format!("{API}/dashboards/desk.desk?by.owner=me&span=today"));
        let figure = |board: &Value, card: usize| board["cards"][card]["rows"][0]["figure"].clone();
        assert_eq!([figure(&whole, 0), figure(&own, 0)], [json!(2.0), json!(1.0)]);
        assert_eq!([figure(&whole, 3), figure(&own, 3)], [json!(2.0), json!(1.0)]);
        assert_eq!(whole["cards"][3]["before"], 0.0);
        let parts = whole["cards"][2]["rows"].as_array().map(Vec::len);
        assert_eq!((parts, own["cards"][2]["rows"].as_array().map(Vec::len)), (Some(2), Some(1)));
        assert_eq!(own["cards"][2]["rows"][0]["split_label"], "eve");
        wait(world, &desk.tom, &format!("{CASES}/{other}/clocks"), |clocks| {
            clocks["rows"][0]["id"].is_string()
        });
        let page = |path: &str| {
            world.client(&desk.tom).json("GET", path, &Value::Null).expect("an answer").expect(200).text()
        };
        for card in whole["cards"].as_array().expect("cards") {
            assert!(card.get("problem").is_none(), "{card}");
            let id = card["id"].as_str().expect("an id");
            let shown = page(&format!("/t/demo/dashboards/desk.desk/{id}?by.owner=me"));
            assert!(shown.contains(&format!("id=\"card-{id}\"")), "{id}: {shown}");
            assert!(
                !shown.contains("cloud-off") && !shown.contains("This card cannot be shown"),
                "{id}: {shown}"
            );
        }
        // What is to be done, what changed, and the first page.
        assert!(page("/t/demo/dashboards/desk.desk/todo").contains(&other));
        assert!(page("/t/demo/dashboards/desk.desk/news").contains(&other));
        assert!(page("/t/demo/").contains("card-todo"));
        let wrong = world.client(&desk.tom).json(
            "GET",
            &format!("{API}/dashboards/desk.desk?span=ever"),
            &Value::Null,
        );
        assert_eq!(wrong.expect("an answer").status, 400);
    });
}

#[test]
fn figures_and_dashboards_tell_what_the_person_may_see() {
    on_both(|world| {
        let desk = install(world);
        for what in ["A", "B"] {
            case(world, &desk.eve, &json!({"what": what}));
        }
        let by_state = get(world, &desk.eve, &format!("{API}/metrics/desk.cases?by=state"));
        assert_eq!(by_state["rows"][0]["group"], json!({"state": "open"}));
        assert_eq!(by_state["rows"][0]["figure"], 2.0);
        assert_eq!(by_state["target"], 2.0);
        let by_owner = get(world, &desk.eve, &format!("{API}/metrics/desk.cases?by=owner&window=7d"));
        assert_eq!(by_owner["rows"][0]["labels"]["owner"], "eve");
        let board = get(world, &desk.eve, &format!("{API}/dashboards/desk.desk"));
        assert_eq!(board["cards"][0]["rows"][0]["standing"], "green");
        let funnel: Vec<&Value> =
            board["cards"][1]["rows"].as_array().expect("rows").iter().map(|row| &row["figure"]).collect();
        assert_eq!(funnel, [&json!(2.0), &json!(0.0)]);
        let status = |token: &str, path: &str| {
            world.client(token).json("GET", &format!("{API}{path}"), &Value::Null).expect("an answer").status
        };
        assert_eq!(status(&world.guest.token, "/dashboards/desk.desk"), 404);
        assert_eq!(status(&world.guest.token, "/metrics/desk.cases"), 403);
        for (path, expected) in [
            (&*format!("/metrics/desk.cases?by=state{}", ",state".repeat(3_000)), 200),
            ("/metrics/desk.nothing", 404),
            ("/metrics/desk.cases?by=weight", 400),
            ("/metrics/desk.cases?window=ever", 400),
            ("/metrics/desk.cases?per=hour", 400),
            ("/metrics/desk.cases?colour=red", 400),
        ] {
            assert_eq!(status(&desk.eve, path), expected, "{path}");
        }
    });
}

#[test]
fn failed_work_is_told_tried_again_and_dismissed_by_administrators_only() {
    on_both(|world| {
        let desk = install(world);
        case(world, &desk.eve, &json!({"what": "A", "weight": 7}));
        let work = format!("{API}/work");
        let parked = wait(world, &world.admin, &work, |work| work["rows"][0]["id"].is_number());
        assert_eq!(parked["rows"][0]["handler"], "rule:desk.heavy");
        assert_eq!(parked["lane"]["parked"], 1);
        assert!(!text(&parked["rows"][0]["message"]).is_empty());
        let id = &parked["rows"][0]["id"];
        world.client(&desk.eve).json("GET", &work, &Value::Null).expect("an answer").expect(403);
        world.call("POST", &format!("{work}/{id}/retry"), &Value::Null).expect(204);
        wait(world, &world.admin, &work, |work| work["rows"][0]["attempts"] == 2);
        world.call("POST", &format!("{work}/{id}/dismiss"), &Value::Null).expect(204);
        assert_eq!(
            world.call("POST", &format!("{work}/{id}/retry"), &Value::Null).expect(400).json()["code"],
            "automation.work_over"
        );
        assert_eq!(get(world, &world.admin, &format!("{work}?state=dismissed"))["rows"][0]["id"], *id);
    });
}
