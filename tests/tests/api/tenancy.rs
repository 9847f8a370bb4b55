//! Tenants never meet: ids, sessions and tokens of one are nothing in another.

use mortise_tests::Client;
use serde_json::{Value, json};

use crate::workshop;
use crate::world::{PASSWORD, TASKS, World, on_both, text};

/// A second tenant with the same app and an administrator; returns the administrator's token.
fn neighbour(world: &World) -> String {
    world.tenant("next");
    let mut operator = world.client(&world.operator);
    let body = json!({"login": "admin", "name": "admin", "password": PASSWORD, "administrator": true});
    let user = operator.json("POST", "/t/next/api/v1/users", &body).expect("an answer").expect(201).json();
    let apps = json!({"files": workshop::files()});
    operator.json("POST", "/t/next/api/v1/apps", &apps).expect("an answer").expect(200);
    world.token("next", &text(&user["id"]), &["read", "write", "admin"])
}

#[test]
fn an_id_of_another_tenant_is_nothing_here() {
    on_both(|world| {
        let next = neighbour(world);
        let task = world.task(&world.admin, &json!({"name": "ours"}));
        let theirs = "/t/next/api/v1/records/workshop.task";
        let mut neighbour = world.client(&next);
        for (method, path) in [
            ("GET", format!("{theirs}/{task}")),
            ("DELETE", format!("{theirs}/{task}")),
            ("GET", format!("{theirs}/{task}/timeline")),
            ("GET", format!("/t/next/api/v1/users/{}", world.anna.id)),
        ] {
            neighbour.send(method, &path, &[], &[]).expect("an answer").expect(404);
        }
        let change = neighbour.json("PATCH", &format!("{theirs}/{task}"), &json!({"name": "theirs"}));
        change.expect("an answer").expect(404);
        let owner = json!({"name": "x", "owner": world.anna.id});
        neighbour.json("POST", theirs, &owner).expect("an answer").expect(422);
        let list = neighbour.get(theirs).expect("an answer").expect(200).json();
        assert_eq!(list["rows"], json!([]));
    });
}

#[test]
fn sessions_and_tokens_open_their_own_tenant_only() {
    on_both(|world| {
        neighbour(world);
        let theirs = "/t/next/api/v1/session";
        world.client(&world.admin).get(theirs).expect("an answer").expect(401);
        let body = json!({"login": "anna", "password": PASSWORD});
        let answer =
            Client::new(world.address).json("POST", "/t/demo/api/v1/session", &body).expect("an answer");
        let cookie = answer.expect(201).header("set-cookie").expect("a cookie").to_owned();
        let mut anna =
            Client::new(world.address).with_header("cookie", cookie.split(';').next().unwrap_or_default());
        anna.get(TASKS).expect("an answer").expect(200);
        anna.get(theirs).expect("an answer").expect(401);
        Client::new(world.address).json("POST", theirs, &body).expect("an answer").expect(401);
    });
}

#[test]
fn a_tenant_is_found_by_its_host() {
    on_both(|world| {
        neighbour(world);
        let host = json!({"host": "demo.example"});
        let mut operator = world.client(&world.operator);
        operator.json("PATCH", "/operator/v1/tenants/demo", &host).expect("an answer").expect(200);
        let bare = "GET /api/v1/session HTTP/1.1\r\n";
        let ask = |host: &str| {
            use std::io::{Read, Write};
            let mut stream = std::net::TcpStream::connect(world.address).expect("the server listens");
            let token = &world.admin;
            let head =
                format!("{bare}host: {host}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).expect("the server listens");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("the server answers");
            answer
        };
        assert!(ask("demo.example:8080").starts_with("HTTP/1.1 200"));
        assert!(ask("other.example").starts_with("HTTP/1.1 404"));
        let taken =
            operator.json("PATCH", "/operator/v1/tenants/next", &host).expect("an answer").expect(422).json();
        assert_eq!(taken["issues"][0]["code"], "tenant.taken");
    });
}

#[test]
fn only_the_operator_makes_suspends_and_removes_tenants() {
    on_both(|world| {
        let tenants = "/operator/v1/tenants";
        world.client(&world.admin).get(tenants).expect("an answer").expect(404);
        Client::new(world.address).get(tenants).expect("an answer").expect(404);
        let mut operator = world.client(&world.operator);
        for slug in ["Demo", "9lives", "a/b", "control", "", "x".repeat(41).as_str()] {
            let answer =
                operator.json("POST", tenants, &json!({"slug": slug})).expect("an answer").expect(422).json();
            assert_eq!(answer["issues"][0]["code"], "tenant.slug", "{slug}");
        }
        let again =
            operator.json("POST", tenants, &json!({"slug": "demo"})).expect("an answer").expect(422).json();
        assert_eq!(again["issues"][0]["code"], "tenant.taken");
        let session = "/t/demo/api/v1/session";
        let mut suspend = |suspended: bool| {
            let path = format!("{tenants}/demo");
            operator.json("PATCH", &path, &json!({"suspended": suspended})).expect("an answer").expect(200);
        };
        suspend(true);
        world.client(&world.admin).get(session).expect("an answer").expect(404);
        suspend(false);
        world.client(&world.admin).get(session).expect("an answer").expect(200);
        operator.send("DELETE", "/operator/v1/tenants/demo", &[], &[]).expect("an answer").expect(204);
        world.client(&world.admin).get(session).expect("an answer").expect(404);
        world.tenant("demo");
        let list: Value = operator.get("/t/demo/api/v1/users").expect("an answer").expect(200).json();
        assert_eq!(list["rows"], json!([]), "nothing of the old tenant is left");
    });
}

#[test]
fn health_and_metrics_are_told_without_names_of_anybody() {
    on_both(|world| {
        world.task(&world.admin, &json!({"name": "counted"}));
        let mut anybody = Client::new(world.address);
        assert_eq!(anybody.get("/healthz").expect("an answer").expect(200).text(), "ok\n");
        let metrics = anybody.get("/metrics").expect("an answer").expect(200).text();
        let created =
            "mortise_requests_total{method=\"POST\",route=\"/api/v1/records/{entity}\",status=\"201\"} 1";
        for line in
            [created, "mortise_tenants_open 1", "mortise_request_seconds_bucket", "mortise_commits_total"]
        {
            assert!(metrics.contains(line), "{line} is not in\n{metrics}");
        }
        assert!(!metrics.contains("demo") && !metrics.contains("counted"), "{metrics}");
    });
}
