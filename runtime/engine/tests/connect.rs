//! Calls of other systems: signed, taken once, put where they belong, and kept when they cannot be taken.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use chrono::{DateTime, TimeDelta, Utc};
use common::works::{World, check_works, rule};
use common::{issues, text};
use mortise_engine::connect::{Call, Circumstances, Received, SignedCall, signature};
use mortise_engine::{EndpointInput, Error, WorkState};
use serde_json::{Value as Json, json};

const SECRET: &str = "a secret of some length";

fn form() -> (&'static str, Json) {
    let map = json!([
        {"field": "name", "from": "/customer/name", "default": "Somebody"},
        {"field": "note", "from": "@ip"},
        {"field": "reason", "from": "/customer/phone"},
        {"field": "amount", "from": "/amount", "default": 1},
        {"field": "grade", "from": "/grade"},
        {"field": "since", "from": "@received_at"}]);
    let attach = json!({"match": ["reason", "name"], "where": "record.state != 'lost'", "entity": "task", "via": "job",
        "map": [{"field": "what", "from": "/text", "default": "Said nothing"}], "always": true});
    let receive = json!({"entity": "job", "map": map, "key": "/no", "attach": attach});
    (
        "connectors/form.json",
        json!({"id": "form", "label": {"en": "Form", "zh-CN": "表单"}, "kind": "inbound", "receive": receive}),
    )
}

async fn receive(world: &World, body: Json, id: &str) -> Result<Received, Error> {
    let meta = Circumstances {
        ip: Some("203.0.113.9".parse().unwrap()),
        id: Some(id.to_owned()),
        ..Circumstances::default()
    };
    world.bench.tenant.receive(Call::new("works.form", body, meta)).await
}

#[tokio::test]
async fn a_call_becomes_a_record_with_the_circumstances_in_which_it_came() {
    let note = rule(
        "seen",
        json!({"on": [{"type": "created"}], "do": [{"type": "set", "values": {"lists": "['vip']"}}]}),
    );
    check_works(vec![form(), ("rules/seen.json", note)], async |world: &mut World| {
        let body =
            json!({"customer": {"name": "Li", "phone": 13800138000_i64}, "grade": "b", "text": "Hello"});
        let received = receive(world, body, "1").await.unwrap();
        assert!(!received.known && !received.repeated && received.attached.is_some());
        world.settle().await;
        let job = world.see(received.record).await;
        let seen = ["name", "note", "reason", "amount", "grade", "since"].map(|field| text(&job[field]));
        assert_eq!(seen, ["Li", "203.0.113.9", "13800138000", "1", "b", "2026-03-02T01:00:00Z"]);
        assert_eq!(job["lists"], json!(["vip"]), "rules see what came");
        assert_eq!(world.tasks().await, ["Hello"]);
    })
    .await;
}

#[tokio::test]
async fn a_call_about_somebody_known_belongs_to_the_first_record() {
    check_works(vec![form()], async |world: &mut World| {
        let call = |name: &str, phone: &str, text: &str| {
            json!({"customer": {"name": name, "phone": phone}, "text": text})
        };
        let first = receive(world, call("Li", "1", "a"), "1").await.unwrap().record;
        world.sleep(TimeDelta::hours(1));
        let other = receive(world, call("Wang", "2", "b"), "2").await.unwrap().record;
        // The number decides before the name.
        let again = receive(world, call("Wang", "1", "c"), "3").await.unwrap();
        assert_eq!((again.record, again.known), (first, true));
        let by_name = receive(world, call("Wang", "3", "d"), "4").await.unwrap();
        assert_eq!((by_name.record, by_name.known), (other, true));
        let tasks = world.see(first).await["tasks"].as_array().unwrap().len();
        assert_eq!((tasks, world.tasks().await), (2, ["a", "b", "c", "d"].map(String::from).to_vec()));
        // What is lost or in the trash is not looked for.
        world.take(&world.bench.admin(), first, "lose", json!({"reason": "1"})).await.unwrap();
        world.bench.delete(&world.bench.admin(), "works.job", other).await.unwrap();
        let new = receive(world, call("Wang", "1", "e"), "5").await.unwrap();
        assert!(!new.known && new.record != first);
    })
    .await;
}

#[tokio::test]
async fn a_call_is_taken_once_however_often_it_comes() {
    check_works(vec![form()], async |world: &mut World| {
        let body = json!({"no": 17, "text": "Hello"});
        let first = receive(world, body.clone(), "1").await.unwrap();
        for id in ["1", "2"] {
            let again = receive(world, body.clone(), id).await.unwrap();
            assert_eq!((again.record, again.repeated), (first.record, true));
        }
        let calls = (0..8).map(|_| receive(world, json!({"no": 18, "customer": {"name": "New"}}), "3"));
        let all = futures_util::future::join_all(calls).await;
        let new = all.iter().filter(|one| !one.as_ref().unwrap().repeated).count();
        assert_eq!((new, world.tasks().await.len()), (1, 2));
    })
    .await;
}

#[tokio::test]
async fn a_call_that_cannot_be_taken_is_kept_until_it_can() {
    check_works(vec![form()], async |world: &mut World| {
        let body = json!({"no": 1, "customer": {"name": "Li"}, "amount": "many"});
        let refused = receive(world, body.clone(), "1").await.unwrap_err();
        assert_eq!(issues(&refused), ["amount value.not_integer"]);
        assert_eq!(receive(world, body, "1").await.unwrap_err().code(), "connector.kept");
        assert_eq!(world.parked().await, ["receive:works.form record.invalid"]);
        let item = world.failed(WorkState::Parked).await.pop().unwrap();
        assert_eq!(item.error.fields[0].field, "amount");
        let retry = async || world.bench.tenant.retry(&world.bench.admin(), item.id).await.unwrap();
        retry().await;
        world.settle().await;
        assert_eq!(world.parked().await.len(), 1);
        let (name, mut form) = form();
        form["receive"]["map"][3] = json!({"field": "amount", "from": "/number", "default": 5});
        world.bench.install(common::works::works("1.1.0", vec![(name, form)])).await.unwrap();
        retry().await;
        world.settle().await;
        assert_eq!(world.parked().await, Vec::<String>::new());
        let names = world.bench.column(&world.bench.admin(), "works.job", "name", &[]).await;
        assert_eq!(names, ["Li"]);
        let again = receive(world, json!({"no": 1}), "9").await.unwrap();
        assert!(again.repeated);
    })
    .await;
}

fn signed<'a>(id: &'a str, time: &'a str, signature: &'a str, body: &'a [u8]) -> SignedCall<'a> {
    SignedCall { id, timestamp: time, signature, body, ..SignedCall::default() }
}

#[tokio::test]
async fn only_what_is_signed_just_now_is_received() {
    check_works(vec![form()], async |world: &mut World| {
        let tenant = &world.bench.tenant;
        let now: DateTime<Utc> = world.now();
        let time = now.timestamp().to_string();
        let body = br#"{"customer": {"name": "Li"}}"#;
        let check = async |call: &SignedCall<'_>| {
            tenant.check_call("works.form", call).await.map(drop).map_err(|error| error.code())
        };
        assert_eq!(check(&signed("1", &time, "", body)).await, Err("connector.not_set_up"));
        let root = world.bench.admin();
        let set = async |secret: &str| {
            let input = EndpointInput { secret: Some(secret.to_owned()), ..EndpointInput::default() };
            tenant.set_endpoint(&root, "works.form", input).await
        };
        assert_eq!(issues(&set("short").await.unwrap_err()), ["secret connector.secret"]);
        set(SECRET).await.unwrap();
        let key = signature::key(SECRET).unwrap();
        let good = signature::sign(&key, "1", now, body);
        assert_eq!(check(&signed("1", &time, &good, body)).await, Ok(()));
        assert_eq!(check(&signed("1", &time, &good, b"{}")).await, Err("connector.signature"));
        let broken = signature::sign(&key, "1", now, b"{");
        assert_eq!(check(&signed("1", &time, &broken, b"{")).await, Err("connector.not_json"));
        let deep = [b"[".repeat(500), b"]".repeat(500)].concat();
        let signature = signature::sign(&key, "1", now, &deep);
        assert_eq!(check(&signed("1", &time, &signature, &deep)).await, Err("connector.not_json"));
        world.sleep(TimeDelta::minutes(6));
        assert_eq!(check(&signed("1", &time, &good, body)).await, Err("connector.call_time"));
        let unknown = tenant.check_call("works.none", &signed("1", &time, &good, body)).await.unwrap_err();
        assert_eq!(unknown.code(), "connector.not_found");
    })
    .await;
}
