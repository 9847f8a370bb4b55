//! What rules, clocks and notifications know beyond the record itself: figures of metrics, child records, tables of ranges,
//! and offers to several people at once.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, reason = "JSON literals are handed over as they stand")]

mod common;

use chrono::TimeDelta;
use common::desk::{field, plain, words};
use common::works::{World, check_works, note, rule, task};
use mortise_engine::{Actor, Command, Error, Message};
use serde_json::{Value as Json, json};
use uuid::Uuid;

fn metric(id: &str, more: Json) -> Json {
    let mut metric = json!({"id": id, "label": words(id), "entity": "job", "dimensions": ["owner", "grade"]});
    metric.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    metric
}

/// How many jobs there are, and the mean of their amounts.
fn metrics() -> Vec<(&'static str, Json)> {
    vec![
        ("metrics/jobs.json", metric("jobs", json!({"measure": {"type": "count"}}))),
        (
            "metrics/mean.json",
            metric(
                "mean",
                json!({"measure": {"type": "average", "value": "record.amount"}, "figure": "money"}),
            ),
        ),
    ]
}

async fn inbox(world: &World, actor: &Actor) -> Vec<Message> {
    world.bench.tenant.inbox(actor, false, None, 50).await.unwrap()
}

#[tokio::test]
async fn a_rule_sees_figures_as_they_are_at_its_event() {
    let mut files = metrics();
    let measures = json!({
        "own": {"metric": "jobs", "where": {"owner": "record.owner"}},
        "alike": {"metric": "jobs", "where": {"grade": "record.grade", "owner": "record.owner"}},
        "mean": {"metric": "mean", "where": {"owner": "record.owner"}}});
    let second = json!({"on": [{"type": "created"}], "measures": measures, "order": 10,
        "condition": "measures.own == 2",
        "do": [note("string(int(measures.own)) + '/' + string(int(measures.alike)) + '/' + coalesce(string(int(measures.mean)), 'none')")]});
    files.push(("rules/second.json", rule("second", second)));
    // Each rule reads what the ones before have done.
    let later = json!({"on": [{"type": "created"}], "order": 20, "condition": "record.note != null",
        "do": [{"type": "set", "values": {"amount": "100"}}, {"type": "run", "rule": "told"}]});
    files.push(("rules/later.json", rule("later", later)));
    let told = json!({"measures": {"mean": {"metric": "mean", "where": {"owner": "record.owner"}}},
        "condition": "measures.mean != null && measures.mean > 50",
        "do": [task("'mean ' + string(int(measures.mean))")]});
    files.push(("rules/told.json", rule("told", told)));
    check_works(files, async |world: &mut World| {
        let bob = world.bench.person("bob");
        world.bench.create(&bob, "works.job", json!({"name": "Bob's", "amount": 7})).await;
        let first = world.job(json!({"name": "One", "grade": "a"})).await;
        let second = world.job(json!({"name": "Two", "grade": "b"})).await;
        assert_eq!(world.parked().await, [""; 0]);
        assert_eq!(world.see(first).await["note"], Json::Null);
        assert_eq!(world.see(second).await["note"], json!("2/1/none"), "a mean of nothing is empty");
        assert_eq!(world.tasks().await, ["mean 100"]);
    })
    .await;
}

#[tokio::test]
async fn steps_of_clocks_and_notifications_see_figures() {
    let mut files = metrics();
    let clock = json!({"id": "wait", "label": words("Wait"), "entity": "job", "start": "true",
        "stop": "record.state == 'done'", "limit": "hours(2)",
        "measures": {"own": {"metric": "jobs", "where": {"owner": "record.owner"}}},
        "ladder": [{"id": "many", "label": words("Many"), "offset": "minutes(0)", "condition": "measures.own >= 2",
            "do": [{"type": "notify", "notification": "many"}]}]});
    files.push(("slas/wait.json", clock));
    let many = json!({"id": "many", "label": words("Many"), "entity": "job", "to": ["owner"],
        "measures": {
            "own": {"metric": "jobs", "where": {"owner": "record.owner"}},
            "mean": {"metric": "mean", "where": {"owner": "record.owner"}},
            "graded": {"metric": "mean", "where": {"grade": "'a'"}}},
        "title": words("{{ record.name }}: {% if measures.own > 1 %}{{ measures.own }}{% endif %} jobs"),
        "body": words("mean {{ measures.mean }}, of a [{{ measures.graded }}]")});
    files.push(("notifications/many.json", many));
    check_works(files, async |world: &mut World| {
        world.job(json!({"name": "One", "amount": 3})).await;
        world.pass(TimeDelta::hours(1)).await;
        world.job(json!({"name": "Two", "amount": 4})).await;
        world.pass(TimeDelta::minutes(61)).await;
        assert_eq!(world.parked().await, [""; 0]);
        let told = inbox(world, &world.ann()).await;
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].title.as_str(), told[0].body.as_str()), ("One: 2 jobs", "mean 3.50, of a []"));
    })
    .await;
}

#[tokio::test]
async fn a_rollup_that_somebody_waits_for_is_an_event_of_its_record() {
    let changed = json!({"on": [{"type": "changed", "fields": ["open"]}], "condition": "record.open != previous.open",
        "do": [note("string(previous.open) + '-' + string(record.open)")]});
    let clock = json!({"id": "idle", "label": words("Idle"), "entity": "job", "start": "record.open > 0",
        "stop": "record.open == 0", "limit": "hours(2)"});
    let files = vec![("rules/changed.json", rule("changed", changed)), ("slas/idle.json", clock)];
    check_works(files, async |world: &mut World| {
        let (bench, ann) = (&world.bench, world.ann());
        let id = world.job(json!({"name": "Roof"})).await;
        let version = world.see(id).await["version"].clone();
        let part = bench.create(&ann, "works.task", json!({"job": id, "what": "Tiles"})).await;
        assert_eq!(world.see(id).await["version"], version, "nobody's save is disturbed");
        world.settle().await;
        assert_eq!(world.see(id).await["note"], json!("0-1"));
        bench.update(&ann, "works.task", part, json!({"what": "Slates"})).await.unwrap();
        world.settle().await;
        assert_eq!(world.see(id).await["note"], json!("0-1"), "what counts has not changed");
        bench.update(&ann, "works.task", part, json!({"done": true})).await.unwrap();
        world.settle().await;
        assert_eq!(world.see(id).await["note"], json!("1-0"));
        let clocks = bench.tenant.clocks(&bench.admin(), "works.job", id).await.unwrap();
        assert_eq!(clocks[0].state.name(), "met");
        assert_eq!(world.parked().await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_rollup_that_nobody_waits_for_changes_in_silence() {
    let any = json!({"on": [{"type": "changed"}], "do": [note("'changed'")]});
    check_works(vec![("rules/any.json", rule("any", any))], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        world.bench.create(&world.ann(), "works.task", json!({"job": id, "what": "Tiles"})).await;
        world.settle().await;
        let seen = world.see(id).await;
        assert_eq!((&seen["open"], &seen["note"]), (&json!(1), &Json::Null));
    })
    .await;
}

#[tokio::test]
async fn ranges_are_looked_up_by_where_they_begin() {
    let zone = json!({"id": "zone", "label": words("Zone"), "title": "first", "fields": [
        plain("first", "text"), plain("last", "text"), plain("name", "text"),
        field("first_key", "computed", json!({"value": "ip_key(record.first)"})),
        field("last_key", "computed", json!({"value": "ip_key(record.last)"}))]});
    let locate = json!({"on": [{"type": "created"}, {"type": "changed", "fields": ["reason"]}],
        "do": [{"type": "look_up", "entity": "zone", "value": "ip_key(record.reason)",
            "first": "first_key", "last": "last_key", "values": {"note": "name"}}]});
    let files = vec![("entities/zone.json", zone), ("rules/locate.json", rule("locate", locate))];
    check_works(files, async |world: &mut World| {
        let admin = world.bench.admin();
        for (first, last, name) in [
            ("9.0.0.0", "9.255.255.255", "nine"),
            ("10.0.0.0", "10.0.0.255", "ten"),
            ("2001:db8::", "2001:db8::ffff", "six"),
        ] {
            let zone = json!({"first": first, "last": last, "name": name});
            world.bench.create(&admin, "works.zone", zone).await;
        }
        let id = world.job(json!({"name": "Call"})).await;
        assert_eq!(world.see(id).await["note"], Json::Null, "nothing is looked up");
        for (address, found) in [
            ("10.0.0.255", json!("ten")),
            ("9.1.2.3", json!("nine")),
            ("10.0.1.0", json!("nine")),
            ("2001:DB8::1", json!("six")),
            ("nonsense", json!("six")),
        ] {
            world.change(id, json!({"reason": address})).await;
            assert_eq!(world.see(id).await["note"], found, "{address}");
        }
        assert_eq!(world.parked().await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_record_is_made_for_the_supervisor_of_a_person() {
    let review = json!({"on": [{"type": "created"}],
        "do": [{"type": "create", "entity": "task", "values": {"what": "record.name"}, "owner": "supervisor"}]});
    check_works(vec![("rules/review.json", rule("review", review))], async |world: &mut World| {
        let eve = world.bench.person("eve").user.id;
        world.bench.hire("ann", &["works.worker"], |ann| ann.supervisor = Some(eve));
        world.job(json!({"name": "Roof"})).await;
        let admin = world.bench.admin();
        let owners = world.bench.column(&admin, "works.task", "owner", &[]).await;
        assert_eq!(owners, [eve.to_string()]);
    })
    .await;
}

/// New jobs of nobody are offered to the two who have the least.
fn offering() -> Vec<(&'static str, Json)> {
    let open = "record.owner == user.id || record.owner == null";
    let worker = json!({"id": "worker", "label": words("Worker"), "permissions": [
        {"entity": "job", "operations": ["read", "create"], "rows": {"where": open}}]});
    let policy = json!({"id": "job", "label": words("Jobs"), "entity": "job", "pool": {"roles": ["worker"]},
        "capacity": {"open": "3", "open_when": "record.state == 'new'"},
        "terms": [{"id": "load", "label": words("Load"), "weight": "1", "score": "1.0 - candidate.open / 10.0"}],
        "offer": {"count": 2, "for": "minutes(10)", "notification": "offered", "when": "record.amount == 1"},
        "claim": "record.state == 'new'"});
    let offered = json!({"id": "offered", "label": words("Offered"), "entity": "job",
        "title": words("Offered: {{ record.name }}"), "body": words("Be quick.")});
    let assign = json!({"on": [{"type": "created"}], "condition": "record.owner == null",
        "do": [{"type": "assign", "policy": "job"}]});
    vec![
        ("roles/worker.json", worker),
        ("assignments/job.json", policy),
        ("notifications/offered.json", offered),
        ("rules/assign.json", rule("assign", assign)),
    ]
}

async fn claim(world: &World, person: &Actor, id: Uuid) -> Result<(), Error> {
    let command = Command::Claim { entity: "works.job".into(), id, policy: "works.job".into() };
    world.bench.run(person, command).await.map(drop)
}

async fn offered_job(world: &World, name: &str) -> Uuid {
    let values = json!({"name": name, "owner": null, "amount": 1});
    let id = world.bench.create(&world.bench.admin(), "works.job", values).await;
    world.settle().await;
    id
}

#[tokio::test]
async fn an_offer_goes_to_the_best_few_and_the_first_to_take_it_gets_it() {
    check_works(offering(), async |world: &mut World| {
        let bench = &world.bench;
        let dan = bench.hire("dan", &["works.worker"], |_| ());
        let (ann, bob) = (world.ann(), bench.person("bob"));
        bench.create(&dan, "works.job", json!({"name": "Dan's"})).await;
        world.settle().await;
        let id = offered_job(world, "Roof").await;
        assert_eq!(world.parked().await, [""; 0]);
        for (person, told) in [(&ann, 1), (&bob, 1), (&dan, 0)] {
            assert_eq!(inbox(world, person).await.len(), told, "{}", person.user.name);
        }
        world.sleep(TimeDelta::seconds(95));
        assert_eq!(claim(world, &dan, id).await.unwrap_err().code(), "claim.offered");
        claim(world, &bob, id).await.unwrap();
        assert_eq!(claim(world, &ann, id).await.unwrap_err().code(), "claim.taken");
        world.pass(TimeDelta::hours(1)).await;
        assert_eq!(world.see(id).await["owner"], json!(bob.user.id));
        let why = bench.tenant.assignments(&bench.admin(), "works.job", id).await.unwrap();
        let kinds: Vec<&str> = why.iter().map(|one| one.kind.as_str()).collect();
        assert_eq!(kinds, ["claim", "offer"]);
        let (taken, offer) = (why[0].choice.as_ref().unwrap(), why[1].choice.as_ref().unwrap());
        let mut asked = offer.offered.clone();
        asked.sort();
        let mut expected = vec![ann.user.id, bob.user.id];
        expected.sort();
        assert_eq!(asked, expected);
        assert_eq!((offer.person, offer.considered.len()), (None, 3));
        assert_eq!((taken.offered.clone(), taken.answered_ms), (offer.offered.clone(), Some(95_000)));
        assert_eq!(world.parked().await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn an_offer_that_nobody_takes_ends_with_an_ordinary_assignment() {
    check_works(offering(), async |world: &mut World| {
        let bench = &world.bench;
        let id = offered_job(world, "Roof").await;
        let other = offered_job(world, "Wall").await;
        let plain = json!({"name": "Door", "owner": null, "amount": 2});
        let plain = bench.create(&bench.admin(), "works.job", plain).await;
        world.settle().await;
        assert_ne!(world.see(plain).await["owner"], Json::Null, "this one is given at once");
        assert_eq!(world.see(id).await["owner"], Json::Null);
        let eve = bench.person("eve");
        bench.update(&bench.admin(), "works.job", other, json!({"owner": eve.user.id})).await.unwrap();
        world.pass(TimeDelta::minutes(11)).await;
        assert_ne!(world.see(id).await["owner"], Json::Null);
        assert_eq!(world.see(other).await["owner"], json!(eve.user.id), "somebody has decided meanwhile");
        let why = bench.tenant.assignments(&bench.admin(), "works.job", id).await.unwrap();
        let kinds: Vec<&str> = why.iter().map(|one| one.kind.as_str()).collect();
        assert_eq!(kinds, ["automatic", "offer"]);
        assert_eq!(world.parked().await, [""; 0]);
    })
    .await;
}
