//! Connectors and secrets: a secret is put into a call and seen nowhere else; what the other system answers comes back, and what
//! it refuses is tried again.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use mortise_engine::plugins::{CallState, Errand, Outside, RunFilter};
use mortise_plugin_host::value::{Fault, Response};
use parking_lot::Mutex;
use serde_json::{Value as Json, json};

use super::{ID, asked, check_clerk, connect, given_up, settled};
use crate::background::pass;
use crate::common::works::{World, rule};

const SECRET: &str = "pssst-7f3a9c";

/// The other system: takes what is signed with the secret, unless it is told to be away, and keeps what it was sent.
#[derive(Default)]
struct Other {
    away: Mutex<u32>,
    came: Mutex<Vec<(String, String, String)>>,
}

#[async_trait]
impl Outside for Other {
    async fn send(&self, errand: Errand) -> Result<Response, Fault> {
        let credential = errand.credential.map(|one| format!("{}: {}", one.header, one.value));
        let key = errand.request.headers.iter().find(|(name, _)| name == "x-request").unwrap();
        let came = (errand.request.url.to_string(), credential.clone().unwrap_or_default(), key.1.clone());
        self.came.lock().push(came);
        let mut away = self.away.lock();
        let is_away = *away > 0;
        *away = away.saturating_sub(1);
        let status = match credential.as_deref() == Some(&format!("Authorization: Bearer {SECRET}")) {
            _ if is_away => 503,
            true => 200,
            false => 401,
        };
        Ok(Response { status, headers: Vec::new(), body: b"taken".to_vec() })
    }
}

/// When the reason of a job changes, it is sent there.
fn telling() -> Vec<(&'static str, Json)> {
    let ask = json!({"type": "plugin", "plugin": "clerk", "connector": "send", "input": {"url": "record.reason"},
        "returns": {"words": "text"}, "then": [{"type": "set", "values": {"note": "result.words"}}]});
    let tell = rule("tell", json!({"on": [{"type": "changed", "fields": ["reason"]}], "do": [ask]}));
    vec![("rules/tell.json", tell)]
}

async fn hire(world: &World) -> Arc<Other> {
    let (tenant, other) = (&world.bench.tenant, Arc::new(Other::default()));
    tenant.connect_plugins(other.clone());
    tenant.set_plugin_secret(&world.bench.admin(), ID, "key", SECRET).await.unwrap();
    other
}

const THERE: &str = "https://api.example.com/things";

#[tokio::test]
async fn a_secret_goes_into_the_call_and_nowhere_else() {
    check_clerk(telling(), async |world: &mut World| {
        let other = hire(world).await;
        let id = world.job(json!({"name": "Roof"})).await;
        world.change(id, json!({"reason": THERE})).await;
        let call = settled(world, "send", id).await;
        assert_eq!((call.state, &world.see(id).await["note"]), (CallState::Done, &json!("taken")));
        let came = other.came.lock()[0].clone();
        assert_eq!(came, (THERE.to_owned(), format!("Authorization: Bearer {SECRET}"), call.id.to_string()));

        // One that fails as well: its error and its log are kept.
        *other.away.lock() = 100;
        let words = connect(world, "send", &json!({"url": THERE})).await.unwrap_err();
        assert!(words.contains("503") && !words.contains(SECRET), "{words}");
        let (tenant, admin) = (&world.bench.tenant, world.bench.admin());
        let runs = tenant.plugin_runs(&admin, &RunFilter::default(), None, 50).await.unwrap();
        assert_eq!(runs.len(), 2, "what writes a line is kept");
        assert!(runs.iter().all(|run| run.lines.to_string().contains("credential: Some")), "{runs:?}");
        let told = serde_json::to_string(&(runs, tenant.plugin(&admin, ID).await.unwrap())).unwrap();
        assert!(!told.contains(SECRET), "{told}");
        let inbox = tenant.inbox(&admin, false, None, 50).await.unwrap();
        assert!(!serde_json::to_string(&inbox).unwrap().contains(SECRET));
        let dump = world.bench.dump().await;
        let leaks: Vec<&str> = dump.lines().filter(|line| line.contains(SECRET)).collect();
        assert!(leaks.iter().all(|line| line.starts_with("_plugin_secret: ")), "{leaks:?}");
    })
    .await;
}

#[tokio::test]
async fn a_call_without_its_secret_or_without_a_way_outside_is_refused() {
    check_clerk(telling(), async |world: &mut World| {
        let away = connect(world, "send", &json!({"url": THERE})).await.unwrap_err();
        assert!(away.contains("plugin.run.fault"), "no way outside: {away}");
        let other = hire(world).await;
        let (tenant, admin) = (&world.bench.tenant, world.bench.admin());
        tenant.set_plugin_secret(&admin, ID, "key", "").await.unwrap();
        let missing = connect(world, "send", &json!({"url": THERE})).await.unwrap_err();
        assert!(missing.contains("plugin.run.fault"), "{missing}");
        tenant.set_plugin_secret(&admin, ID, "key", "another").await.unwrap();
        let wrong = connect(world, "send", &json!({"url": THERE})).await.unwrap_err();
        assert!(wrong.contains("401: taken"), "{wrong}");
        assert_eq!(other.came.lock().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_connector_reaches_the_hosts_that_it_was_granted_and_no_others() {
    check_clerk(telling(), async |world: &mut World| {
        let other = hire(world).await;
        for url in ["https://example.com/", "http://api.example.com/", "https://api.example.com.evil.net/"] {
            let id = world.job(json!({"name": "Roof"})).await;
            world.change(id, json!({ "reason": url })).await;
            let told = given_up(&settled(world, "send", id).await);
            assert!(told.contains("plugin.run.fault"), "{url}: {told}");
        }
        let mut narrow = asked();
        narrow.http[0].methods = ["GET".to_owned()].into_iter().collect();
        world.bench.tenant.grant_plugin(&world.bench.admin(), ID, 1, narrow).await.unwrap();
        connect(world, "send", &json!({"url": THERE})).await.unwrap_err();
        assert_eq!(other.came.lock().len(), 0, "nothing left the house");
    })
    .await;
}

#[tokio::test]
async fn what_another_system_refuses_for_a_while_is_tried_again_with_the_same_key() {
    check_clerk(telling(), async |world: &mut World| {
        let other = hire(world).await;
        *other.away.lock() = 2;
        let id = world.job(json!({"name": "Roof"})).await;
        world.change(id, json!({"reason": THERE})).await;
        let call = settled(world, "send", id).await;
        assert_eq!((call.state, call.attempts), (CallState::Waiting, 1));
        pass(world, TimeDelta::hours(1)).await;
        assert_eq!(world.see(id).await["note"], "taken");
        let keys: Vec<String> = other.came.lock().iter().map(|(.., key)| key.clone()).collect();
        assert_eq!(keys, vec![call.id.to_string(); 3]);
    })
    .await;
}
