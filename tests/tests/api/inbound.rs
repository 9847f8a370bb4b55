//! Calls of other systems from outside: signed by the scheme of Standard Webhooks, taken once, refused with a reason.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use mortise_tests::{Answer, Client};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::messages::help;
use crate::world::{World, on_both, text};

const API: &str = "/t/demo/api/v1";
const HOOK: &str = "/t/demo/hooks/help.form";

/// The other system.
struct Sender {
    key: Vec<u8>,
    client: Client,
}

impl Sender {
    fn new(world: &World) -> Sender {
        world.call("POST", &format!("{API}/apps"), &json!({"files": help(false, &[])})).expect(200);
        let made =
            world.call("POST", &format!("{API}/connectors/help.form/secret"), &json!({})).expect(200).json();
        let secret = text(&made["secret"]);
        let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").expect("the prefix")).expect("base64");
        // What a form on a website might send along means nothing here.
        let client = Client::new(world.address)
            .with_header("origin", "https://www.example.com")
            .with_header("authorization", "Bearer of-something-else");
        Sender { key, client }
    }

    fn send_at(&mut self, id: &str, seconds: i64, body: &[u8]) -> Answer {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any key");
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        let signature = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
        self.send_signed(id, &seconds.to_string(), &signature, body)
    }

    fn send_signed(&mut self, id: &str, time: &str, signature: &str, body: &[u8]) -> Answer {
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", id),
            ("webhook-timestamp", time),
            ("webhook-signature", signature),
        ];
        self.client.send("POST", HOOK, &headers, body).expect("an answer")
    }

    fn send(&mut self, id: &str, body: &Value) -> Answer {
        self.send_at(id, chrono::Utc::now().timestamp(), body.to_string().as_bytes())
    }
}

#[test]
fn a_signed_call_becomes_a_record_once() {
    on_both(|world| {
        let mut sender = Sender::new(world);
        let body = json!({"what": "Leak", "phone": "13800138000"});
        let first = sender.send("msg_1", &body).expect(201).json();
        let again = sender.send("msg_1", &body).expect(200).json();
        assert_eq!((&again["record"], &again["repeated"]), (&first["record"], &json!(true)));
        let path = format!("{API}/records/help.call/{}", text(&first["record"]));
        let record = world.client(&world.admin).get(&path).expect("an answer").expect(200).json();
        assert_eq!((&record["what"], &record["phone"]), (&json!("Leak"), &json!("+8613800138000")));
        let known =
            sender.send("msg_2", &json!({"what": "Still", "phone": "138 0013 8000"})).expect(200).json();
        assert_eq!((&known["record"], &known["known"]), (&first["record"], &json!(true)));
        let path = format!("{API}/records/help.word/{}", text(&known["attached"]));
        let word = world.client(&world.admin).get(&path).expect("an answer").expect(200).json();
        assert_eq!((&word["text"], &word["call"]), (&json!("Still"), &first["record"]));
    });
}

#[test]
fn nothing_else_is_let_in() {
    on_both(|world| {
        let mut sender = Sender::new(world);
        let now = chrono::Utc::now().timestamp();
        let code = |answer: Answer, status: u16| {
            let problem = answer.expect(status);
            assert_eq!(problem.header("content-type"), Some("application/problem+json"));
            text(&problem.json()["code"])
        };
        assert_eq!(
            code(sender.send_signed("1", &now.to_string(), "v1,AAAA", b"{}"), 401),
            "connector.signature"
        );
        assert_eq!(code(sender.send_signed("", "", "", b"{}"), 401), "connector.call_id");
        assert_eq!(code(sender.send_at("1", now - 600, b"{}"), 401), "connector.call_time");
        assert_eq!(code(sender.send_at("1", now, b"not json"), 400), "connector.not_json");
        assert_eq!(code(sender.send_at("1", now, &vec![b' '; 1024 * 1024 + 1]), 413), "http.too_large");
        let mut other = Client::new(world.address);
        let unknown = other.send("POST", "/t/demo/hooks/help.none", &[], b"{}").expect("an answer");
        assert_eq!(code(unknown, 404), "connector.not_found");
        let outbound = other.send("POST", "/t/demo/hooks/help.ding", &[], b"{}").expect("an answer");
        assert_eq!(code(outbound, 404), "connector.not_found");
        other.get(HOOK).expect("an answer").expect(405);
    });
}

#[test]
fn a_call_that_cannot_be_taken_is_kept_and_named() {
    on_both(|world| {
        let mut sender = Sender::new(world);
        let body = json!({"what": "Leak", "count": "many"});
        let refused = sender.send("msg_1", &body).expect(422).json();
        assert_eq!(
            (&refused["code"], &refused["issues"][0]["field"]),
            (&json!("record.invalid"), &json!("count"))
        );
        assert_eq!(sender.send("msg_1", &body).expect(422).json()["code"], "connector.kept");
        let missing = sender.send("msg_2", &json!({"phone": "1"})).expect(422).json();
        assert_eq!(missing["code"], "record.invalid");
    });
}

#[test]
fn too_many_calls_at_once_are_asked_to_come_later() {
    let world = World::start(None);
    let mut sender = Sender::new(&world);
    let body = json!({"what": "Leak"});
    let refused = (0..2_000).map(|_| sender.send("msg_1", &body)).find(|answer| answer.status == 429);
    let refused = refused.expect("there is an end");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.json()["code"], "connector.too_many");
}
