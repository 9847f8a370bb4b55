//! A server that is killed in the middle of its work loses nothing that it has acknowledged and keeps its audit chain whole.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mortise_tests::{Client, Installation, Server, people};
use serde_json::json;

/// The issue of the core asks for twenty at least.
const KILLS: u64 = 22;
/// Enough that several commands share a commit.
const CONNECTIONS: usize = 8;
/// From the first requests of a round to the kill: long enough for some commits, short enough to hit all stages.
const PAUSE_MS: std::ops::Range<u64> = 5..250;

const RECORDS: &str = "/t/demo/api/v1/records/bench.item";

#[test]
fn every_acknowledged_record_survives_kill_nine_on_sqlite() {
    check_kills(&Installation::new());
}

#[test]
fn every_acknowledged_record_survives_kill_nine_on_postgresql() {
    if let Some(url) = mortise_tests::postgres() {
        check_kills(&Installation::on(Some(&url)));
    }
}

fn check_kills(installation: &Installation) {
    let token = prepare(installation);
    let seed = uuid::Uuid::new_v4().as_u128() as u64;
    println!("seed {seed}");

    let mut acknowledged: HashMap<String, String> = HashMap::new();
    let mut attempted = 0;
    let mut checked = 0;
    for kill in 0..KILLS {
        let server = installation.serve();
        let mut client = server.client().with_token(&token);
        for (id, name) in acknowledged.iter().filter(|(_, name)| round_of(name) + 1 == kill) {
            let record =
                client.get(&format!("{RECORDS}/{id}")).expect("the server answers").expect(200).json();
            assert_eq!(record["name"], json!(name), "seed {seed}, kill {kill}");
            checked += 1;
        }
        let pause = PAUSE_MS.start + mix(seed.wrapping_add(kill)) % (PAUSE_MS.end - PAUSE_MS.start);
        let round = create_until_killed(server, &token, kill, Duration::from_millis(pause));
        attempted += round.attempted;
        acknowledged.extend(round.acknowledged);
    }
    assert!(checked > KILLS as usize, "only {checked} records were acknowledged, so the test shows nothing");

    let server = installation.serve();
    let found = all_records(&mut server.client().with_token(&token));
    for (id, name) in &acknowledged {
        assert_eq!(found.get(id), Some(name), "seed {seed}: {id} was acknowledged and is gone");
    }
    assert!(found.len() <= attempted, "seed {seed}: {} records out of {attempted} requests", found.len());
    drop(server);
    installation.run(&["verify", "demo"]);
    println!(
        "{KILLS} kills, {attempted} requests, {} acknowledged, {} stored",
        acknowledged.len(),
        found.len()
    );
}

fn prepare(installation: &Installation) -> String {
    installation.tenant(&["tests/bench/app"]);
    let server = installation.serve();
    let (_, token) = people::person(&mut server.administrator(), "writer", &["bench.user"]);
    token
}

/// What one round of creates came to.
struct Round {
    attempted: usize,
    acknowledged: Vec<(String, String)>,
}

fn create_until_killed(server: Server, token: &str, round: u64, pause: Duration) -> Round {
    let address = server.address();
    let killed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..CONNECTIONS)
            .map(|writer| {
                let client = Client::new(address).with_token(token);
                let killed = &killed;
                scope.spawn(move || write(client, &format!("{round}-{writer}"), killed))
            })
            .collect();
        std::thread::sleep(pause);
        killed.store(true, Ordering::SeqCst);
        server.kill();
        let rounds = writers.into_iter().map(|writer| writer.join().expect("a writer does not panic"));
        rounds.fold(Round { attempted: 0, acknowledged: Vec::new() }, |mut sum, part| {
            sum.attempted += part.attempted;
            sum.acknowledged.extend(part.acknowledged);
            sum
        })
    })
}

/// Creates one record after the other until the connection breaks, and remembers those that were answered with 201.
fn write(mut client: Client, prefix: &str, killed: &AtomicBool) -> Round {
    let mut round = Round { attempted: 0, acknowledged: Vec::new() };
    loop {
        let name = format!("{prefix}-{}", round.attempted);
        round.attempted += 1;
        match client.json("POST", RECORDS, &json!({"name": name, "status": "open", "amount": "12.50"})) {
            Ok(answer) => {
                let record = answer.expect(201).json();
                let id = record["id"].as_str().expect("a record has an id").to_owned();
                round.acknowledged.push((id, name));
            }
            Err(error) => {
                assert!(killed.load(Ordering::SeqCst), "the server broke off by itself: {error}");
                return round;
            }
        }
    }
}

fn all_records(client: &mut Client) -> HashMap<String, String> {
    let mut found = HashMap::new();
    let mut cursor = String::new();
    loop {
        let page = client
            .get(&format!("{RECORDS}?limit=200{cursor}"))
            .expect("the server answers")
            .expect(200)
            .json();
        for record in page["rows"].as_array().expect("a page has rows") {
            let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
            found.insert(text("id"), text("name"));
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

fn round_of(name: &str) -> u64 {
    name.split('-').next().and_then(|round| round.parse().ok()).expect("names begin with their round")
}

/// One step of SplitMix64, so that a printed seed repeats the pauses.
fn mix(seed: u64) -> u64 {
    let mut value = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value ^ (value >> 31)
}
