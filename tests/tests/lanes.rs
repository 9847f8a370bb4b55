//! What happens by itself goes on through kills, pauses and other nodes: everything that was acknowledged is followed up,
//! once, without anybody visiting.

use std::path::Path;
use std::time::{Duration, Instant};

use mortise_tests::{Client, Installation, people};
use serde_json::{Value, json};

/// Enough to hit the lane before, within and after its commits.
const KILLS: usize = 8;
const RECORDS_PER_ROUND: usize = 12;
/// A debug build on a loaded machine; with another node's lease of twenty seconds to wait for.
const PATIENCE: Duration = Duration::from_secs(90);

const ITEMS: &str = "/t/demo/api/v1/records/chain.item";

/// Each item is followed by one log entry from a rule, and one from a step of its clock that is due at once.
fn write_app(folder: &Path) {
    let words = |en: &str| json!({"en": en, "zh-CN": en});
    let log = |text: &str| json!({"type": "create", "entity": "log", "values": {"item": "record.id", "what": format!("record.name + ' {text}'")}});
    let files = [
        ("app.json", json!({"id": "chain", "version": "1.0.0", "label": words("Chain")})),
        (
            "entities/item.json",
            json!({"id": "item", "label": words("Item"), "title": "name", "fields": [
            {"id": "name", "label": words("Name"), "type": "text", "required": true},
            {"id": "open", "label": words("Open"), "type": "boolean", "default": "true"}]}),
        ),
        (
            "entities/log.json",
            json!({"id": "log", "label": words("Log"), "title": "what", "fields": [
            {"id": "item", "label": words("Item"), "type": "reference", "entity": "item"},
            {"id": "what", "label": words("What"), "type": "text", "required": true}]}),
        ),
        (
            "rules/follow.json",
            json!({"id": "follow", "label": words("Follow"), "entity": "item",
            "on": [{"type": "created"}], "do": [log("rule")]}),
        ),
        (
            "slas/answer.json",
            json!({"id": "answer", "label": words("Answer"), "entity": "item",
            "start": "record.open == true", "stop": "record.open != true", "limit": "hours(1)",
            "ladder": [{"id": "now", "label": words("Now"), "base": "start", "offset": "minutes(0)", "do": [log("step")]}]}),
        ),
    ];
    for (name, json) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .expect("a folder can be made");
        std::fs::write(path, json.to_string()).expect("a file can be written");
    }
}

fn prepare(installation: &Installation) -> String {
    let app = installation.data().join("chain-app");
    write_app(&app);
    installation.tenant(&[&app.to_string_lossy()]);
    let server = installation.serve();
    let (_, token) = people::person(&mut server.administrator(), "writer", &[]);
    let mut administrator = server.administrator();
    let users = administrator.get("/t/demo/api/v1/users").expect("the server answers").expect(200).json();
    let id = users["rows"].as_array().expect("rows").iter().find(|user| user["login"] == "writer");
    let path = format!(
        "/t/demo/api/v1/users/{}",
        id.expect("the writer is there")["id"].as_str().unwrap_or_default()
    );
    administrator
        .json("PATCH", &path, &json!({"administrator": true}))
        .expect("the server answers")
        .expect(200);
    server.stop();
    token
}

/// Makes items until the server is gone; gives the names of those that were acknowledged.
fn make(client: &mut Client, round: usize) -> Vec<String> {
    let mut made = Vec::new();
    for number in 0..RECORDS_PER_ROUND {
        let name = format!("{round:02}-{number:02}");
        match client.json("POST", ITEMS, &json!({ "name": name })) {
            Ok(answer) => {
                answer.expect(201);
                made.push(name);
            }
            Err(_) => break,
        }
    }
    made
}

fn rows(client: &mut Client, entity: &str, field: &str) -> Vec<String> {
    let path = format!("/t/demo/api/v1/records/chain.{entity}?limit=500");
    let page: Value = client.get(&path).expect("the server answers").expect(200).json();
    let rows = page["rows"].as_array().expect("a page has rows").iter();
    let mut found: Vec<String> = rows.map(|row| row[field].as_str().unwrap_or_default().to_owned()).collect();
    found.sort();
    found
}

/// Waits until every item has what follows, and checks that nothing followed twice.
fn check(client: &mut Client, acknowledged: &[String]) {
    let begun = Instant::now();
    loop {
        let items = rows(client, "item", "name");
        let expected: Vec<String> =
            items.iter().flat_map(|name| [format!("{name} rule"), format!("{name} step")]).collect();
        let logs = rows(client, "log", "what");
        if logs == expected {
            let lost: Vec<_> = acknowledged.iter().filter(|name| !items.contains(name)).collect();
            assert!(lost.is_empty(), "acknowledged and gone: {lost:?}");
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{} of {} followed", logs.len(), expected.len());
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn check_kills(installation: &Installation) {
    let token = prepare(installation);
    let mut acknowledged = Vec::new();
    for round in 0..KILLS {
        let server = installation.serve();
        acknowledged.extend(make(&mut server.client().with_token(&token), round));
        // From at once to well after the work is done.
        std::thread::sleep(Duration::from_millis(7 * (round * round) as u64));
        server.kill();
    }
    // Nobody visits: the tenant is opened because it was left in the middle of something.
    let server = installation.serve();
    if installation.postgres().is_none() {
        let file = installation.data().join("tenants/demo/tenant.db");
        let begun = Instant::now();
        while left(&file) > 0 {
            assert!(begun.elapsed() < PATIENCE, "{} events were left", left(&file));
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    check(&mut server.client().with_token(&token), &acknowledged);
    server.stop();
    installation.run(&["verify", "demo"]);
}

/// Events that were not looked at yet.
fn left(file: &Path) -> i64 {
    let connection = rusqlite::Connection::open(file).expect("the tenant's file opens");
    let sql = "SELECT count(*) FROM _event WHERE seq > (SELECT position FROM _lane)";
    connection.query_row(sql, [], |row| row.get(0)).expect("the events can be counted")
}

#[test]
fn what_was_acknowledged_is_followed_up_after_kill_nine_on_sqlite() {
    check_kills(&Installation::new());
}

#[test]
fn what_was_acknowledged_is_followed_up_after_kill_nine_on_postgresql() {
    if let Some(url) = mortise_tests::postgres() {
        check_kills(&Installation::on(Some(&url)));
    }
}

#[test]
fn of_two_nodes_the_other_goes_on_when_one_is_paused_or_killed() {
    let Some(url) = mortise_tests::postgres() else { return };
    let first = Installation::on(Some(&url));
    let token = prepare(&first);
    let second = first.beside();
    let (one, other) = (first.serve(), second.serve());
    let (mut by_one, mut by_other) = (one.client().with_token(&token), other.client().with_token(&token));
    let mut acknowledged = make(&mut by_one, 0);
    acknowledged.extend(make(&mut by_other, 1));
    // Whichever holds the lane: in turn each stands still in the middle of its work.
    one.pause();
    acknowledged.extend(make(&mut by_other, 2));
    check(&mut by_other, &acknowledged);
    one.resume();
    acknowledged.extend(make(&mut by_one, 3));
    other.pause();
    acknowledged.extend(make(&mut by_one, 4));
    check(&mut by_one, &acknowledged);
    other.resume();
    acknowledged.extend(make(&mut by_other, 5));
    other.kill();
    check(&mut by_one, &acknowledged);
    one.stop();
    first.run(&["verify", "demo"]);
}

#[test]
fn what_an_operator_changes_of_a_tenant_holds_on_every_node() {
    let Some(url) = mortise_tests::postgres() else { return };
    let first = Installation::on(Some(&url));
    let token = prepare(&first);
    let second = first.beside();
    let (one, other) = (first.serve(), second.serve());
    let mut client = other.client().with_token(&token);
    client.get(ITEMS).expect("the server answers").expect(200);
    let mut wait = |status: u16| {
        let begun = Instant::now();
        while client.get(ITEMS).expect("the server answers").status != status {
            assert!(begun.elapsed() < PATIENCE, "the other node has not heard of it");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    first.run(&["tenant", "change", "demo", "--suspended", "true"]);
    wait(404);
    first.run(&["tenant", "change", "demo", "--suspended", "false"]);
    wait(200);
    one.stop();
    other.stop();
}
