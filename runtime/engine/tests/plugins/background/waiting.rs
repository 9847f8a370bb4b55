//! Actions that sleep and wait: time passes by the clock of the tenant, signals come once.

use chrono::TimeDelta;
use mortise_engine::plugins::CallState;
use mortise_engine::{Error, TrailFilter};
use serde_json::{Map, Value as Json, json};

use super::{ID, asking, calls, check_worker, keys, log, pass, work};
use crate::common::works::{World, note, rule};

fn telling(action: &str, input: &Json) -> (&'static str, Json) {
    asking(&json!({"action": action, "input": input, "returns": {"words": "text"},
        "then": [{"type": "set", "values": {"note": "result.words"}}]}))
}

async fn signal(world: &World, key: &str, words: &str) -> Result<u64, Error> {
    let given: Map<String, Json> = json!({"words": words}).as_object().unwrap().clone();
    world.bench.tenant.signal_plugin(&world.bench.admin(), ID, key, &given).await
}

#[tokio::test]
async fn an_action_sleeps_until_its_hour_and_goes_on_with_a_key_of_its_own() {
    let nap = telling("nap", &json!({"until": "'2026-03-04T01:00:00Z'"}));
    check_worker(vec![nap], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        work(world).await;
        let sleeping = calls(world).await.into_iter().find(|call| call.export == "nap").unwrap();
        assert_eq!(sleeping.state, CallState::Sleeping);
        assert_eq!(sleeping.next_at.unwrap().to_rfc3339(), "2026-03-04T01:00:00+00:00");
        assert!(world.bench.tenant.lane_due().await.unwrap() <= sleeping.next_at);
        world.bench.crash().await;
        pass(world, TimeDelta::days(3)).await;
        assert_eq!(world.see(id).await["note"], "woke at 2026-03-04T01:00:00Z");
        let naps: Vec<String> = log(world)
            .await
            .into_iter()
            .filter(|line| line.contains("tired") || line.contains("awake"))
            .collect();
        let keys = keys(&naps);
        assert_eq!(keys, [sleeping.id.to_string(), format!("{}:1", sleeping.id)]);
    })
    .await;
}

#[tokio::test]
async fn an_action_waits_for_its_signal_and_is_resumed_once() {
    let wait = telling("wait", &json!({"key": "'paid ' + record.name"}));
    check_worker(vec![wait], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        assert_eq!(signal(world, "paid Roof", "early").await.unwrap_err().code(), "plugin.no_signal");
        work(world).await;
        let waiting = calls(world).await.into_iter().find(|call| call.export == "wait").unwrap();
        assert_eq!((waiting.state, waiting.wait_key.as_deref()), (CallState::Awaiting, Some("paid Roof")));
        assert!(world.bench.tenant.lane_due().await.unwrap().is_none_or(|due| due > world.now()));
        assert_eq!(signal(world, "paid Cellar", "other").await.unwrap_err().code(), "plugin.no_signal");
        let nobody = world.bench.tenant.signal_plugin(&world.ann(), ID, "paid Roof", &Map::new()).await;
        assert!(matches!(nobody, Err(Error::Forbidden(_))));
        let both = tokio::join!(signal(world, "paid Roof", "first"), signal(world, "paid Roof", "second"));
        assert!(both.0.is_ok() != both.1.is_ok(), "one of them finds it waiting: {both:?}");
        work(world).await;
        let note = world.see(id).await["note"].clone();
        assert_eq!(note, if both.0.is_ok() { "first" } else { "second" });
        assert_eq!(signal(world, "paid Roof", "third").await.unwrap_err().code(), "plugin.no_signal");
    })
    .await;
}

/// A rule that signals the plugin when the reason of a job changes, with the reason as words.
fn signalling() -> (&'static str, Json) {
    let signal = json!({"type": "signal", "plugin": "helper", "key": "'paid ' + record.name",
        "fields": {"words": "record.reason"}});
    let on = json!({"on": [{"type": "changed", "fields": ["reason"]}], "do": [note("'told'"), signal]});
    ("rules/paid.json", rule("paid", on))
}

#[tokio::test]
async fn a_rule_signals_who_waits_and_nobody_else() {
    let wait = telling("wait", &json!({"key": "'paid ' + record.name"}));
    check_worker(vec![wait, signalling()], async |world: &mut World| {
        let (roof, wall) =
            (world.job(json!({"name": "Roof"})).await, world.job(json!({"name": "Wall"})).await);
        // It does not wait yet.
        world.bench.update(&world.ann(), "works.job", roof, json!({"reason": "early"})).await.unwrap();
        work(world).await;
        let state = async |id| {
            calls(world).await.into_iter().rfind(|call| call.export == "wait" && call.record == Some(id))
        };
        assert_eq!(state(roof).await.unwrap().state, CallState::Awaiting, "a signal is not kept for later");
        assert_eq!(world.parked().await, [""; 0], "and is no failure");

        world.change(roof, json!({"reason": "in cash"})).await;
        work(world).await;
        assert_eq!(world.see(roof).await["note"], "in cash");
        assert_eq!(state(wall).await.unwrap().state, CallState::Awaiting);
        let trail =
            world.bench.tenant.trail(&world.bench.admin(), &TrailFilter::default(), None, 200).await.unwrap();
        let told = trail.entries.iter().find(|one| one.entry.action == "plugin.signalled").unwrap();
        assert_eq!(told.entry.device.as_deref(), Some("works.paid"));
        assert!(told.entry.changes.contains("paid Roof"), "{}", told.entry.changes);

        world.change(roof, json!({"reason": "again"})).await;
        work(world).await;
        assert_eq!(world.see(roof).await["note"], "told", "once is enough");
    })
    .await;
}

#[tokio::test]
async fn a_signal_of_a_rule_that_fails_was_never_sent() {
    let wait = telling("wait", &json!({"key": "'paid ' + record.name"}));
    let (name, mut rule) = signalling();
    // A job cannot be without a name.
    rule["do"].as_array_mut().unwrap().push(json!({"type": "set", "values": {"name": "record.grade"}}));
    check_worker(vec![wait, (name, rule)], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        work(world).await;
        world.change(id, json!({"reason": "in cash"})).await;
        work(world).await;
        assert_eq!(world.parked().await, ["rule:works.paid record.invalid"]);
        let waiting = calls(world).await.into_iter().find(|call| call.export == "wait").unwrap();
        assert_eq!(waiting.state, CallState::Awaiting);
        assert_eq!(signal(world, "paid Roof", "by hand").await.unwrap(), 1);
    })
    .await;
}
