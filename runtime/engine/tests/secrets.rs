//! Addresses and secrets of connectors lie sealed in the database: nowhere in clear, good for one tenant only, and sealed
//! again when the key changes.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use common::works::{World, check_works, works};
use futures_util::future::BoxFuture;
use mortise_engine::connect::{SignedCall, signature};
use mortise_engine::{Courier, DeliveryState, EMAIL, EndpointInput, Env, Keyring, Parcel, Refusal};
use serde_json::{Value as Json, json};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ADDRESS: &str = "https://oapi.example.com/robot?access_token=hush-hush-hush";

fn connectors() -> Vec<(&'static str, Json)> {
    let label = json!({"en": "X", "zh-CN": "某"});
    let receive = json!({"entity": "task", "map": [{"field": "what", "from": "/what"}]});
    let call = json!({"on": [{"type": "created"}], "do": [{"type": "webhook", "connector": "out"}]});
    vec![
        ("connectors/out.json", json!({"id": "out", "label": label, "kind": "webhook"})),
        (
            "connectors/form.json",
            json!({"id": "form", "label": label, "kind": "inbound", "receive": receive}),
        ),
        ("rules/call.json", common::works::rule("call", call)),
    ]
}

/// Writes down where it was sent and with which secret.
#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl Courier for Seen {
    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            let secret = parcel.endpoint.secret.clone().unwrap_or_default();
            self.0.lock().unwrap().push(format!("{} {secret}", parcel.endpoint.url));
            Ok(())
        })
    }
}

async fn set(world: &World, connector: &str, url: Option<&str>, secret: &str) {
    let mail =
        (connector == EMAIL).then(|| serde_json::from_value(json!({"from": "me@example.com"})).unwrap());
    let input = EndpointInput { url: url.map(str::to_owned), secret: Some(secret.to_owned()), mail };
    world.bench.tenant.set_endpoint(&world.bench.admin(), connector, input).await.unwrap();
}

async fn set_all(world: &World) {
    set(world, "works.out", Some(ADDRESS), SECRET).await;
    set(world, "works.form", None, SECRET).await;
    set(world, EMAIL, Some("mail.example.com:465"), "hush-hush-hush").await;
}

/// What is written in the files of the tenant, or in its schema.
async fn everything(world: &World) -> String {
    let mut all = world.bench.dump().await;
    let folder = world.bench.engine.tenant_dir(&world.bench.tenant.slug);
    for file in ["tenant.db", "tenant.db-wal"] {
        let bytes = std::fs::read(folder.join(file)).unwrap_or_default();
        all.push_str(&String::from_utf8_lossy(&bytes));
    }
    all
}

async fn is_in_clear(world: &World) -> bool {
    let all = everything(world).await;
    ["MfKQ9r8GKYqr", "hush-hush", "access_token"].iter().any(|part| all.contains(part))
}

/// Whether a call with the right signature is let in.
async fn call(world: &World) -> &'static str {
    let body = br#"{"what": "Hello"}"#;
    let now = world.time.now();
    let signed = signature::sign(&signature::key(SECRET).unwrap(), "1", now, body);
    let timestamp = now.timestamp().to_string();
    let call =
        SignedCall { id: "1", timestamp: &timestamp, signature: &signed, body, ..SignedCall::default() };
    world.bench.tenant.check_call("works.form", &call).await.map_or_else(|error| error.code(), |_| "")
}

async fn sent(world: &World) -> Vec<String> {
    let courier = Seen::default();
    world.job(json!({"name": "Roof"})).await;
    world.bench.tenant.deliver_due(&courier).await.unwrap();
    courier.0.into_inner().unwrap()
}

#[tokio::test]
async fn nothing_lies_in_clear_and_everything_works() {
    check_works(connectors(), async |world: &mut World| {
        set_all(world).await;
        assert!(!is_in_clear(world).await);
        assert_eq!(sent(world).await, [format!("{ADDRESS} {SECRET}")]);
        assert_eq!(call(world).await, "");
        world.bench.crash().await;
        assert_eq!((sent(world).await.len(), call(world).await), (1, ""));
        assert!(world.bench.tenant.locked_endpoints().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_was_stored_before_there_were_keys_is_sealed_when_the_tenant_is_opened() {
    check_works(connectors(), async |world: &mut World| {
        let plain = format!(
            "INSERT INTO {{schema}}_endpoint (connector, url, secret, options) VALUES ('works.out', '{ADDRESS}', '{SECRET}', '{{}}')"
        );
        world.bench.tamper(&plain).await;
        assert!(is_in_clear(world).await);
        assert_eq!(sent(world).await.len(), 1, "until then it works as it is");
        world.bench.crash().await;
        if world.bench.database == "sqlite" {
            assert!(!is_in_clear(world).await, "nothing is left in the file nor in its log");
        }
        assert!(!world.bench.dump().await.contains("MfKQ9r8GKYqr"));
        assert_eq!(sent(world).await, [format!("{ADDRESS} {SECRET}")]);
    })
    .await;
}

#[tokio::test]
async fn what_was_sealed_for_another_tenant_is_of_no_use_here() {
    check_works(connectors(), async |world: &mut World| {
        set_all(world).await;
        world.bench.tamper("UPDATE {schema}_endpoint SET secret = (SELECT secret FROM {schema}_endpoint WHERE connector = 'email') WHERE connector = 'works.form'").await;
        assert_eq!(call(world).await, "connector.locked");
        assert_eq!(world.bench.tenant.locked_endpoints().await.unwrap(), ["works.form"]);
        set(world, "works.form", None, SECRET).await;
        assert_eq!(call(world).await, "", "given anew, it works again");
    })
    .await;
}

#[tokio::test]
async fn a_new_key_seals_everything_again_and_without_the_right_one_nothing_opens() {
    check_works(connectors(), async |world: &mut World| {
        set_all(world).await;
        let (engine, tenant, root) = (&world.bench.engine, &world.bench.tenant, world.bench.admin());
        let sealed = world.bench.dump().await;
        let old = engine.keys();
        let key = |byte: u8| BASE64_STANDARD.encode([byte; 32]);
        let folder = tempfile::tempdir().unwrap();
        let both = old.rotate(folder.path()).unwrap();
        let id = both.id().unwrap().to_owned();
        engine.trust(both).await.unwrap();
        let again = world.bench.dump().await;
        assert!(
            sealed.contains(old.id().unwrap()) && !again.contains(old.id().unwrap()) && again.contains(&id)
        );
        assert_eq!((sent(world).await.len(), call(world).await), (1, ""));
        // Another key opens nothing, and takes nothing away.
        engine.trust(Keyring::parse(&key(9)).unwrap()).await.unwrap();
        assert_eq!((sent(world).await.len(), call(world).await), (0, "connector.locked"));
        let dead = tenant.deliveries(&root, (Some(DeliveryState::Dead), None), None, 10).await.unwrap();
        assert_eq!(dead[0].error.as_ref().unwrap().code, "connector.locked");
        let seen = tenant.endpoints(&root).await.unwrap();
        assert!(seen.iter().all(|one| one.locked && !one.ready && one.host.is_empty()));
        engine.trust(Keyring::find(folder.path()).unwrap().unwrap()).await.unwrap();
        tenant.send_all_again(&root, "works.out").await.unwrap();
        let courier = Arc::new(Seen::default());
        tenant.deliver_due(&*courier).await.unwrap();
        let sent = courier.0.lock().unwrap().len();
        assert_eq!((sent, call(world).await), (1, ""));
    })
    .await;
}

#[tokio::test]
async fn apps_are_exported_without_them() {
    check_works(connectors(), async |world: &mut World| {
        set_all(world).await;
        world.bench.install(works("1.0.1", connectors())).await.unwrap();
        let model = format!("{:?}", world.bench.tenant.model());
        assert!(!model.contains("MfKQ9r8GKYqr") && !model.contains("hush-hush"));
    })
    .await;
}
