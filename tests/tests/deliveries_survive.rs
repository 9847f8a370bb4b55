//! A server that is killed while it sends, and while clocks run out, sends everything that was due at least once, by the
//! same key each time, and carries out each step once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use mortise_tests::sink::{Call, Manner, WebSink};
use mortise_tests::{Client, Installation, Server, people};
use serde_json::{Value, json};

/// Enough to hit deliveries before, under way, and between being taken and being noted.
const KILLS: usize = 6;
const RECORDS_PER_ROUND: usize = 6;
/// A debug build on a loaded machine; a refused call alone waits ten seconds for its next turn.
const PATIENCE: Duration = Duration::from_secs(90);
/// Nobody but this machine may be called otherwise.
const SETTINGS: &[(&str, &str)] = &[("MORTISE_ALLOW_PRIVATE_ADDRESSES", "true")];

const ITEMS: &str = "/t/demo/api/v1/records/mail.item";

/// Each item is called out by a rule at once, and by a step of its clock a minute after the moment that it names.
fn write_app(folder: &Path) {
    let words = |en: &str| json!({"en": en, "zh-CN": en});
    let text = |id: &str| json!({"id": id, "label": words(id), "type": "text", "required": true});
    let call = |what: &str| json!({"type": "webhook", "connector": "out", "body": {"what": format!("record.name + ' {what}'")}});
    let log = json!({"type": "create", "entity": "log", "values": {"what": "record.name"}});
    let files = [
        ("app.json", json!({"id": "mail", "version": "1.0.0", "label": words("Mail")})),
        ("connectors/out.json", json!({"id": "out", "label": words("Out"), "kind": "webhook"})),
        (
            "entities/item.json",
            json!({"id": "item", "label": words("Item"), "title": "name", "fields": [
            text("name"), {"id": "since", "label": words("Since"), "type": "datetime"}]}),
        ),
        (
            "entities/log.json",
            json!({"id": "log", "label": words("Log"), "title": "what", "fields": [text("what")]}),
        ),
        (
            "rules/made.json",
            json!({"id": "made", "label": words("Made"), "entity": "item", "on": [{"type": "created"}], "do": [call("rule")]}),
        ),
        (
            "slas/answer.json",
            json!({"id": "answer", "label": words("Answer"), "entity": "item", "start": "true", "from": "record.since",
            "stop": "record.name == ''", "limit": "hours(1)", "ladder": [{"id": "minute", "label": words("Minute"),
            "base": "start", "offset": "minutes(1)", "do": [call("step"), log]}]}),
        ),
    ];
    for (name, json) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .expect("a folder can be made");
        std::fs::write(path, json.to_string()).expect("a file can be written");
    }
}

/// Slow, refusing one call in seven, and losing the answer of one in five; but what comes again is taken, so that nothing
/// waits longer than for its second turn.
fn manner(number: usize, again: bool) -> Manner {
    let status = match number {
        number if !again && number % 7 == 6 => Some(503),
        number if !again && number % 5 == 4 => None,
        _ => Some(200),
    };
    Manner { pause: Duration::from_millis(20 + 37 * (number as u64 % 6)), status }
}

fn prepare(installation: &Installation, sink: &WebSink) -> String {
    let app = installation.data().join("mail-app");
    write_app(&app);
    installation.tenant(&[&app.to_string_lossy()]);
    let server = installation.serve_with(SETTINGS);
    let mut administrator = server.administrator();
    let (id, token) = people::person(&mut administrator, "writer", &[]);
    let mut change = |method: &str, path: &str, body: Value, status: u16| {
        administrator.json(method, path, &body).expect("the server answers").expect(status);
    };
    change("PATCH", &format!("/t/demo/api/v1/users/{id}"), json!({"administrator": true}), 200);
    let out = json!({"url": sink.url("/out"), "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
    change("PUT", "/t/demo/api/v1/connectors/mail.out", out, 204);
    server.stop();
    token
}

/// Makes items until the server is gone, whose steps fall due now and within the next seconds; gives the names of those
/// that were acknowledged.
fn make(client: &mut Client, round: usize) -> Vec<String> {
    let mut made = Vec::new();
    for number in 0..RECORDS_PER_ROUND {
        let name = format!("{round}-{number}");
        let due = TimeDelta::milliseconds(200 * number as i64);
        let since = Utc::now() - TimeDelta::minutes(1) + due;
        let item = json!({"name": name, "since": since.to_rfc3339()});
        match client.json("POST", ITEMS, &item) {
            Ok(answer) => {
                answer.expect(201);
                made.push(name);
            }
            Err(_) => break,
        }
    }
    made
}

fn names(client: &mut Client, entity: &str, field: &str) -> Vec<String> {
    let path = format!("/t/demo/api/v1/records/mail.{entity}?limit=500");
    let page: Value = client.get(&path).expect("the server answers").expect(200).json();
    let rows = page["rows"].as_array().expect("a page has rows").iter();
    let mut found: Vec<String> = rows.map(|row| row[field].as_str().unwrap_or_default().to_owned()).collect();
    found.sort();
    found
}

/// Keys by which each thing came, and whether one of them was taken.
fn arrived(calls: &[Call]) -> BTreeMap<String, (BTreeSet<String>, bool)> {
    let mut arrived: BTreeMap<String, (BTreeSet<String>, bool)> = BTreeMap::new();
    for call in calls {
        let what = call.json()["what"].as_str().expect("it says what it is").to_owned();
        let (keys, taken) = arrived.entry(what).or_default();
        keys.insert(call.header("idempotency-key").to_owned());
        *taken |= call.status.is_none_or(|status| status == 200);
    }
    arrived
}

/// Waits until everything was sent, and checks that nothing is missing, doubled, or came by another key.
fn check(server: &Server, token: &str, sink: &WebSink, acknowledged: &[String]) {
    let (client, mut administrator) = (&mut server.client().with_token(token), server.administrator());
    let begun = Instant::now();
    loop {
        let items = names(client, "item", "name");
        let expected: BTreeSet<String> =
            items.iter().flat_map(|name| [format!("{name} rule"), format!("{name} step")]).collect();
        let arrived = arrived(&sink.calls());
        let came = arrived.iter().filter(|(_, (_, taken))| *taken).map(|(what, _)| what.clone());
        let waiting: Value = administrator
            .get("/t/demo/api/v1/deliveries?state=waiting")
            .expect("the server answers")
            .expect(200)
            .json();
        let left = waiting["rows"].as_array().map_or(0, Vec::len);
        if came.collect::<BTreeSet<_>>() == expected && left == 0 {
            let lost: Vec<_> = acknowledged.iter().filter(|name| !items.contains(name)).collect();
            assert!(lost.is_empty(), "acknowledged and gone: {lost:?}");
            assert_eq!(names(client, "log", "what"), items, "each clock has run out once");
            let other: Vec<_> = arrived.iter().filter(|(_, (keys, _))| keys.len() != 1).collect();
            assert!(other.is_empty(), "came by several keys: {other:?}");
            return;
        }
        let missing: Vec<&String> = expected.iter().filter(|what| !arrived.contains_key(*what)).collect();
        assert!(begun.elapsed() < PATIENCE, "{left} wait, and of {} are missing {missing:?}", expected.len());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The lease of a node that was killed would last for twenty seconds; the test does not wait for it.
fn end_lease(installation: &Installation) {
    let Some(url) = installation.postgres() else { return };
    let sql = "UPDATE mortise_control.lanes SET lease_until = now()";
    let status = Command::new("psql").args([url, "-q", "-c", sql]).status();
    assert!(status.is_ok_and(|status| status.success()), "psql cannot end the lease");
}

fn check_kills(installation: &Installation) {
    let sink = WebSink::start_with(manner);
    let token = prepare(installation, &sink);
    let mut acknowledged = Vec::new();
    for round in 0..KILLS {
        end_lease(installation);
        let server = installation.serve_with(SETTINGS);
        let before = sink.calls().len();
        acknowledged.extend(make(&mut server.client().with_token(&token), round));
        // Killed with calls on their way, some taken already, and others that have not been thought of yet.
        let begun = Instant::now();
        while sink.calls().len() < before + 2 + round && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(3));
        }
        server.kill();
    }
    assert!(sink.calls().len() >= KILLS, "nothing was sent before the kills, so the test shows nothing");
    end_lease(installation);
    let server = installation.serve_with(SETTINGS);
    check(&server, &token, &sink, &acknowledged);
    server.stop();
    installation.run(&["verify", "demo"]);
}

#[test]
fn what_was_due_arrives_after_kill_nine_on_sqlite() {
    check_kills(&Installation::new());
}

#[test]
fn what_was_due_arrives_after_kill_nine_on_postgresql() {
    if let Some(url) = mortise_tests::postgres() {
        check_kills(&Installation::on(Some(&url)));
    }
}
