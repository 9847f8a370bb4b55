//! Assignment: pools, filters, capacity, terms, rotation, fallbacks, claims, and why it was this person.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, reason = "JSON literals are handed over as they stand")]

mod common;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use common::works::{World, check_works, rule};
use mortise_engine::{Actor, Command, Error};
use serde_json::{Value as Json, json};
use uuid::Uuid;

fn policy(more: Json) -> (&'static str, Json) {
    let mut policy = json!({"id": "job", "label": "Job", "entity": "job", "pool": {"roles": ["worker"]}});
    policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ("assignments/job.json", policy)
}

/// New jobs of nobody are assigned.
fn files(more: Json) -> Vec<(&'static str, Json)> {
    let assign = json!({"on": [{"type": "created"}], "condition": "record.owner == null",
        "do": [{"type": "assign", "policy": "job"}]});
    vec![policy(more), ("rules/assign.json", rule("assign", assign))]
}

async fn free_job(world: &World, values: Json) -> Uuid {
    let mut all = json!({"name": "Job", "owner": null});
    all.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
    let id = world.bench.create(&world.bench.admin(), "works.job", all).await;
    world.settle().await;
    id
}

async fn owner(world: &World, id: Uuid) -> Option<String> {
    let owner = world.see(id).await["owner"].clone();
    let owner = owner["id"].as_str().or(owner.as_str())?.parse().ok()?;
    world.bench.tenant.directory().user(owner).map(|user| user.login.clone())
}

async fn owners(world: &World) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for id in world.bench.column(&world.bench.admin(), "works.job", "id", &[("limit", "200")]).await {
        let owner = owner(world, id.parse().unwrap()).await.unwrap_or_default();
        *counts.entry(owner).or_default() += 1;
    }
    counts
}

async fn claim(world: &World, person: &Actor, id: Uuid) -> Result<(), Error> {
    let command = Command::Claim { entity: "works.job".into(), id, policy: "works.job".into() };
    world.bench.run(person, command).await.map(drop)
}

#[tokio::test]
async fn equals_take_turns() {
    check_works(files(json!({})), async |world: &mut World| {
        for _ in 0..6 {
            free_job(world, json!({})).await;
        }
        assert_eq!(world.parked().await, [""; 0]);
        assert_eq!(owners(world).await, BTreeMap::from([("ann".into(), 3), ("bob".into(), 3)]));
    })
    .await;
}

#[tokio::test]
async fn a_day_has_a_limit_and_what_is_left_waits() {
    let capacity = json!({"capacity": {"per_day": "2"}});
    check_works(files(capacity), async |world: &mut World| {
        let mut last = Uuid::nil();
        for _ in 0..5 {
            last = free_job(world, json!({})).await;
        }
        assert_eq!(
            owners(world).await,
            BTreeMap::from([("".into(), 1), ("ann".into(), 2), ("bob".into(), 2)])
        );
        let why = world.bench.tenant.assignments(&world.bench.admin(), "works.job", last).await.unwrap();
        let choice = why[0].choice.as_ref().unwrap();
        assert_eq!(choice.person, None);
        assert!(choice.excluded.iter().all(|out| out.reason == "capacity:per_day"));
        world.sleep(TimeDelta::days(1));
        let next = free_job(world, json!({})).await;
        assert!(owner(world, next).await.is_some(), "a new day");
    })
    .await;
}

#[tokio::test]
async fn many_at_once_never_exceed_what_one_can_have_open() {
    let capacity = json!({"capacity": {"open": "3", "open_when": "record.state != 'done'"}});
    check_works(files(capacity), async |world: &mut World| {
        let parts = (0..20).map(|_| Command::Create {
            entity: "works.job".into(),
            values: json!({"name": "Job", "owner": null}).as_object().unwrap().clone(),
            id: None,
            allow_duplicates: true,
        });
        let batch = Command::Batch { commands: parts.collect(), atomic: true };
        world.bench.run(&world.bench.admin(), batch).await.unwrap();
        world.settle().await;
        let expected = BTreeMap::from([("".into(), 14), ("ann".into(), 3), ("bob".into(), 3)]);
        assert_eq!(owners(world).await, expected);
    })
    .await;
}

#[tokio::test]
async fn what_people_have_in_hand_is_known_at_once_whoever_changes_it() {
    let capacity = json!({"capacity": {"open": "1", "open_when": "record.state != 'done'"}});
    check_works(files(capacity), async |world: &mut World| {
        let admin = world.bench.admin();
        let (entity, version) = ("works.job".to_owned(), None);
        let first = free_job(world, json!({})).await;
        let second = free_job(world, json!({})).await;
        let waiting = free_job(world, json!({})).await;
        assert_eq!(owner(world, waiting).await, None, "both have one");

        let holder = owner(world, first).await.unwrap();
        let delete = Command::Delete { entity: entity.clone(), id: first, version };
        world.bench.run(&admin, delete).await.unwrap();
        let third = free_job(world, json!({})).await;
        assert_eq!(owner(world, third).await.as_ref(), Some(&holder), "there is room after the trash");

        world.bench.run(&admin, Command::Restore { entity: entity.clone(), id: first }).await.unwrap();
        let other = owner(world, second).await.unwrap();
        let mine = world.bench.person(&holder).user.id;
        let values = json!({"owner": mine.to_string()}).as_object().unwrap().clone();
        let give = Command::Update { entity: entity.clone(), id: second, version, values };
        world.bench.run(&admin, give).await.unwrap();
        let fourth = free_job(world, json!({})).await;
        assert_eq!(owner(world, fourth).await.as_ref(), Some(&other), "who gave theirs away has room");

        let fifth = free_job(world, json!({})).await;
        assert_eq!(owner(world, fifth).await, None, "one has too many, the other one");
        assert_eq!(world.parked().await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn terms_are_weighed_and_the_decision_tells_how() {
    let terms = json!({
    "filters": [{"id": "not_huge", "label": "Not huge", "condition": "coalesce(record.amount, 0) < 100 || candidate.name == 'Bob'"}],
    "terms": [
        {"id": "name", "label": "Name", "weight": "0.7", "score": "candidate.name == 'Ann' ? 1 : 0"},
        {"id": "load", "label": "Load", "weight": "0.3", "score": "1.0 - candidate.open / 10.0"},
        {"id": "note", "label": "Note", "weight": "0.1", "score": "record.amount * 0.001", "missing": "0.5"}
    ]});
    check_works(files(terms), async |world: &mut World| {
        let first = free_job(world, json!({})).await;
        let huge = free_job(world, json!({"amount": 500})).await;
        assert_eq!(owner(world, first).await.as_deref(), Some("ann"));
        assert_eq!(owner(world, huge).await.as_deref(), Some("bob"));
        let admin = world.bench.admin();
        let why = world.bench.tenant.assignments(&admin, "works.job", first).await.unwrap().remove(0);
        assert_eq!(
            (why.policy.as_str(), why.kind.as_str(), why.digest.len()),
            ("works.job", "automatic", 64)
        );
        let choice = why.choice.unwrap();
        let told: Vec<(String, f64)> =
            choice.considered.iter().map(|one| (one.name.clone(), (one.total * 100.0).round())).collect();
        assert_eq!(told, [("Ann".to_owned(), 105.0), ("Bob".to_owned(), 35.0)]);
        let note = &choice.considered[0].terms[2];
        assert!(note.missing && note.score == 0.5);
        let why = world.bench.tenant.assignments(&admin, "works.job", huge).await.unwrap().remove(0);
        assert_eq!(why.choice.unwrap().excluded[0].reason, "filter:not_huge");
    })
    .await;
}

#[tokio::test]
async fn fallbacks_are_taken_in_order_and_named() {
    let more = json!({
    "filters": [{"id": "near", "label": "Near", "condition": "record.grade == 'a'"}],
    "fallbacks": [
        {"id": "never", "label": "Never", "when": "record.amount > 5", "without": ["near"]},
        {"id": "chiefs", "label": "Chiefs", "pool": {"roles": ["chief"]}, "without": ["near"]}
    ]});
    check_works(files(more), async |world: &mut World| {
        let id = free_job(world, json!({"amount": 1})).await;
        assert_eq!(owner(world, id).await.as_deref(), Some("eve"));
        let why = world.bench.tenant.assignments(&world.bench.admin(), "works.job", id).await.unwrap();
        assert_eq!(why[0].choice.as_ref().unwrap().fallbacks, ["chiefs"]);
        let big = free_job(world, json!({"amount": 9})).await;
        assert_ne!(owner(world, big).await.as_deref(), Some("eve"));
    })
    .await;
}

#[tokio::test]
async fn figures_of_people_come_from_metrics() {
    let metric = json!({"id": "done", "label": "Done", "entity": "job", "measure": {"type": "count"},
        "filter": "record.state == 'done'", "dimensions": ["owner", "grade"]});
    let more = json!({
        "measures": {
            "done": {"metric": "done", "where": {"grade": "record.grade"}},
            "best": {"metric": "done", "top": {"by": "grade", "count": 1}}
        },
        "terms": [{"id": "done", "label": "Done", "weight": "1", "score": "measures.done / 10.0"},
                  {"id": "best", "label": "Best", "weight": "1", "score": "record.grade in measures.best ? 1 : 0"}]});
    let mut all = files(more);
    all.push(("metrics/done.json", metric));
    check_works(all, async |world: &mut World| {
        let (bob, eve) = (world.bench.person("bob"), world.bench.person("eve"));
        for _ in 0..3 {
            let id = world
                .bench
                .create(&bob, "works.job", json!({"name": "Old", "grade": "a", "amount": 1}))
                .await;
            world.take(&bob, id, "begin", json!({})).await.unwrap();
            world.take(&eve, id, "finish", json!({})).await.unwrap();
        }
        world.settle().await;
        let id = free_job(world, json!({"grade": "a"})).await;
        assert_eq!(world.parked().await, [""; 0]);
        assert_eq!(owner(world, id).await.as_deref(), Some("bob"));
        let other = free_job(world, json!({"grade": "b"})).await;
        assert_eq!(
            owner(world, other).await.as_deref(),
            Some("ann"),
            "nobody is good at it, so it is Ann's turn"
        );
    })
    .await;
}

#[tokio::test]
async fn free_records_are_claimed_within_capacity() {
    let more = json!({"claim": "record.state == 'new'", "capacity": {"per_day": "1"}});
    let open = "record.owner == user.id || record.owner == null";
    let worker = json!({"id": "worker", "label": "Worker", "permissions": [
        {"entity": "job", "operations": ["read", "create"], "rows": {"where": open}}]});
    check_works(vec![policy(more), ("roles/worker.json", worker)], async |world: &mut World| {
        let (ann, bob, eve) = (world.ann(), world.bench.person("bob"), world.bench.person("eve"));
        let first = free_job(world, json!({})).await;
        let second = free_job(world, json!({})).await;
        assert_eq!(claim(world, &eve, first).await.unwrap_err().code(), "claim.not_in_pool");
        claim(world, &ann, first).await.unwrap();
        assert_eq!(
            owner(world, first).await.as_deref(),
            Some("ann"),
            "she may not change jobs, but claim them"
        );
        assert_eq!(claim(world, &bob, first).await.unwrap_err().code(), "record.not_found");
        assert_eq!(claim(world, &ann, second).await.unwrap_err().code(), "claim.full_today");
        claim(world, &bob, second).await.unwrap();
        let why = world.bench.tenant.assignments(&bob, "works.job", second).await.unwrap();
        assert_eq!(why[0].kind, "claim");
    })
    .await;
}

#[tokio::test]
async fn the_past_can_be_replayed_without_changing_anything() {
    let more = json!({"capacity": {"per_day": "4"}});
    check_works(files(more), async |world: &mut World| {
        for _ in 0..6 {
            free_job(world, json!({})).await;
        }
        let before = world.bench.dump().await;
        let replay = world.bench.tenant.replay(&world.bench.admin(), "works.job", 100).await.unwrap();
        assert_eq!((replay.records, replay.nobody), (6, 0));
        assert!(replay.people.iter().all(|person| (person.before, person.after) == (3, 3)));
        assert_eq!(world.bench.dump().await, before);
    })
    .await;
}
