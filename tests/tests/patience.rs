//! Slow, many and rude clients of the real server: they are let go, in time and with a word where one can be said, and
//! nobody else waits for them. Limits are set low, and no time is asserted: a connection that is never closed fails a test.

use std::time::{Duration, Instant};

use mortise_tests::{Client, Installation, Raw, Server, people};
use serde_json::json;

const RECORDS: &str = "/t/demo/api/v1/records/bench.item";
const FILES: &str = "/t/demo/api/v1/files";

/// An installation with somebody who may write.
fn prepare() -> (Installation, String) {
    let installation = Installation::new();
    installation.tenant(&["tests/bench/app"]);
    let server = installation.serve();
    let (_, token) = people::person(&mut server.administrator(), "writer", &["bench.user"]);
    (installation, token)
}

fn raw(server: &Server) -> Raw {
    Raw::connect(server.address()).expect("the server listens")
}

/// A figure of the server's metrics.
fn figure(client: &mut Client, name: &str) -> u64 {
    let text = client.get("/metrics").expect("the server answers").expect(200).text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} is not in\n{text}"))
}

/// Waits until the client that asks is the only one.
#[track_caller]
fn alone(client: &mut Client) {
    let started = Instant::now();
    while figure(client, "mortise_connections_open") > 1 {
        assert!(started.elapsed() < Duration::from_secs(60), "connections stay open");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn heads_that_trickle_in_are_cut_off_while_others_are_served() {
    let (installation, token) = prepare();
    let server = installation.serve_with(&[("MORTISE_HEAD_SECONDS", "1")]);
    let mut slow: Vec<Raw> = (0..50).map(|_| raw(&server)).collect();
    for connection in &mut slow {
        connection.send(b"GET /healthz HTTP/1.1\r\nx-slow: ").expect("the server listens");
    }
    let mut client = server.client().with_token(&token);
    let mut cut_off = 0;
    let started = Instant::now();
    while cut_off < slow.len() {
        assert!(started.elapsed() < Duration::from_secs(60), "{cut_off} of {} were cut off", slow.len());
        // A byte now and then keeps none of them open: writing fails once the connection is gone.
        cut_off = slow.iter_mut().filter_map(|connection| connection.send(b"x").err()).count();
        client.json("POST", RECORDS, &json!({"name": "x", "status": "open"})).expect("an answer").expect(201);
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_body_that_does_not_come_is_answered_with_408_and_the_connection_ends() {
    let (installation, token) = prepare();
    let server = installation.serve_with(&[("MORTISE_STALL_SECONDS", "1")]);
    for (path, kind) in
        [(RECORDS, "application/json"), (FILES, "text/plain"), (FILES, "multipart/form-data; boundary=x")]
    {
        let mut slow = raw(&server);
        let headers =
            format!("authorization: Bearer {token}\r\ncontent-type: {kind}\r\ncontent-length: 100\r\n");
        slow.head(&format!("POST {path}"), &headers).expect("the server listens");
        slow.send(b"--x\r\n").expect("the server listens");
        let answer = slow.answer().expect("an answer").expect(408);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
        assert_eq!(answer.json()["code"], "http.too_slow", "{path}");
        slow.read_to_end();
    }
    alone(&mut server.client());
}

#[test]
fn a_body_that_trickles_in_does_not_hold_a_connection() {
    let (installation, token) = prepare();
    let server = installation.serve_with(&[("MORTISE_STALL_SECONDS", "1")]);
    let mut slow = raw(&server);
    let headers = format!("authorization: Bearer {token}\r\ncontent-length: 1000000\r\n");
    slow.head(&format!("POST {FILES}"), &headers).expect("the server listens");
    let started = Instant::now();
    while slow.send(b"x").is_ok() {
        assert!(started.elapsed() < Duration::from_secs(60), "the connection stays open");
        std::thread::sleep(Duration::from_millis(50));
    }
    alone(&mut server.client());
}

#[test]
fn a_slow_body_that_gets_on_is_taken() {
    let (installation, token) = prepare();
    let server = installation.serve_with(&[("MORTISE_STALL_SECONDS", "1")]);
    let mut slow = raw(&server);
    let headers = format!("authorization: Bearer {token}\r\ncontent-length: 60000\r\n");
    slow.head(&format!("POST {FILES}"), &headers).expect("the server listens");
    for _ in 0..30 {
        slow.send(&[b'x'; 2000]).expect("the server waits");
        std::thread::sleep(Duration::from_millis(100));
    }
    let file = slow.answer().expect("an answer").expect(201).json();
    assert_eq!(file["size"], json!(60000));
}

#[test]
fn an_answer_that_nobody_takes_is_given_up() {
    let (installation, token) = prepare();
    let server = installation.serve_with(&[("MORTISE_STALL_SECONDS", "1")]);
    let mut client = server.client().with_token(&token);
    let large = vec![b'x'; 50_000_000];
    let file = client.send("POST", FILES, &[], &large).expect("an answer").expect(201).json();
    let mut deaf = raw(&server);
    let path = format!("{FILES}/{}", file["id"].as_str().expect("an id"));
    deaf.head(&format!("GET {path}"), &format!("authorization: Bearer {token}\r\n"))
        .expect("the server listens");
    let head = deaf.answer_head().expect("an answer").expect(200);
    assert_eq!(head.header("content-length"), Some("50000000"));
    alone(&mut client);
    let came = deaf.read_to_end();
    assert!(came < large.len() as u64, "{came} bytes were sent to nobody");
}

#[test]
fn connections_without_requests_are_closed() {
    let (installation, _) = prepare();
    let server = installation.serve_with(&[("MORTISE_IDLE_SECONDS", "1")]);
    let mut silent = raw(&server);
    let mut quiet = raw(&server);
    quiet.head("GET /healthz", "").expect("the server listens");
    quiet.answer().expect("an answer").expect(200);
    assert_eq!((silent.read_to_end(), quiet.read_to_end()), (0, 0));
}

#[test]
fn with_all_seats_taken_idle_clients_make_room_and_busy_ones_do_not() {
    let (installation, token) = prepare();
    let server = installation.serve_with(&[("MORTISE_CONNECTIONS", "4")]);
    let mut idle: Vec<Raw> = (0..3).map(|_| raw(&server)).collect();
    for connection in &mut idle {
        connection.head("GET /healthz", "").expect("the server listens");
        connection.answer().expect("an answer").expect(200);
    }
    let mut busy = raw(&server);
    let headers =
        format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: 34\r\n");
    busy.head(&format!("POST {RECORDS}"), &headers).expect("the server listens");
    // All four seats are taken: these are answered only when an idle client had to leave.
    for _ in 0..6 {
        server.client().get("/healthz").expect("an answer").expect(200);
    }
    busy.send(br#"{"name": "busy", "status": "open"}"#).expect("the connection is kept");
    busy.answer().expect("an answer").expect(201);
}

#[test]
fn a_request_that_runs_when_the_server_is_stopped_is_answered() {
    let (installation, token) = prepare();
    let server = installation.serve();
    let mut busy = raw(&server);
    let headers =
        format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: 34\r\n");
    busy.head(&format!("POST {RECORDS}"), &headers).expect("the server listens");
    busy.send(br#"{"name": "busy", "#).expect("the server listens");
    // Its connection has to have been accepted before the server stops to listen.
    let started = Instant::now();
    while figure(&mut server.client(), "mortise_connections_open") < 2 {
        assert!(started.elapsed() < Duration::from_secs(60), "the connection is not accepted");
    }
    let mut idle = raw(&server);
    idle.head("GET /healthz", "").expect("the server listens");
    idle.answer().expect("an answer").expect(200);
    server.ask_to_stop();
    assert_eq!(idle.read_to_end(), 0, "who asks nothing is let go");
    busy.send(br#""status": "open"}"#).expect("the connection is kept");
    busy.answer().expect("an answer").expect(201);
    server.stop();
}

#[test]
fn metrics_are_for_the_machine_itself_or_for_who_has_the_token() {
    let (installation, _) = prepare();
    let server = installation.serve();
    server.client().get("/metrics").expect("an answer").expect(200);
    for passed_on in ["x-forwarded-for", "forwarded", "x-real-ip", "via"] {
        server.client().with_header(passed_on, "203.0.113.7").get("/metrics").expect("an answer").expect(403);
    }
    drop(server);
    let server = installation.serve_with(&[("MORTISE_METRICS_TOKEN", "figures")]);
    server.client().get("/metrics").expect("an answer").expect(401);
    server.client().with_token("guess").get("/metrics").expect("an answer").expect(401);
    let far =
        server.client().with_token("figures").with_header("x-forwarded-for", "203.0.113.7").get("/metrics");
    far.expect("an answer").expect(200);
}
