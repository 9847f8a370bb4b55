//! What plugins are told and asked, and what follows from it.

use std::collections::HashSet;

use chrono::TimeDelta;
use mortise_engine::plugins::CallState;
use serde_json::json;

use super::{ID, app, asking, calls, check_worker, did, install, keys, log, pass, states, tell, work};
use crate::common::works::{World, check_works, rule};

/// Sets the note and the amount to what the plugin said.
fn greeting() -> serde_json::Value {
    json!({"action": "greet", "input": {"name": "record.name"}, "returns": {"words": "text", "length": "integer"},
        "then": [{"type": "set", "values": {"note": "result.words", "amount": "result.length + 1"}}]})
}

#[tokio::test]
async fn a_plugin_is_told_of_each_change_in_order_and_as_it_was_then() {
    check_worker(vec![], async |world: &mut World| {
        let (bench, ann) = (&world.bench, world.ann());
        let id = bench.create(&ann, "works.job", json!({"name": "Roof", "amount": 1})).await;
        bench.update(&ann, "works.job", id, json!({"amount": 2})).await.unwrap();
        bench.update(&ann, "works.job", id, json!({"amount": 100})).await.unwrap();
        bench.delete(&ann, "works.job", id).await.unwrap();
        work(world).await;
        let mut told = did(world).await;
        let large: Vec<String> = told.extract_if(.., |line| line.starts_with("large")).collect();
        let expected = ["create Roof -->1", "update Roof 1->2", "update Roof 2->100", "delete Roof 100->-"];
        assert_eq!(told, expected);
        assert_eq!(large, ["large 100"], "what its condition does not want it is not told");
        assert!(states(world).await.iter().all(|state| *state == CallState::Done));
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_comes_again_with_the_same_key_and_what_is_later_waits_for_it() {
    check_worker(vec![], async |world: &mut World| {
        tell(world, "refusals", "2").await;
        let (bench, ann) = (&world.bench, world.ann());
        let id = bench.create(&ann, "works.job", json!({"name": "Roof", "amount": 1})).await;
        bench.update(&ann, "works.job", id, json!({"amount": 2})).await.unwrap();
        work(world).await;
        assert_eq!(did(world).await, [] as [&str; 0], "the second waits for the first");
        pass(world, TimeDelta::hours(1)).await;
        let log = log(world).await;
        assert!(log[0].starts_with("create") && log[0].ends_with("attempt=3"), "{log:?}");
        assert!(log[1].starts_with("update") && log[1].ends_with("attempt=1"), "{log:?}");
        let all = calls(world).await;
        assert_eq!(keys(&log), all.iter().map(|call| call.id.to_string()).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn a_call_of_which_nobody_knows_how_it_ended_is_made_again_with_the_same_key() {
    check_worker(vec![asking(&greeting())], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        work(world).await;
        // As a crash leaves it that came after the call and before what became of it was written.
        let again = "UPDATE {schema}_plugin_call SET state = 'waiting', attempts = 0, next_at = at, result = NULL, \
             ended_at = NULL WHERE point = 'action'";
        world.bench.tamper(again).await;
        world.bench.crash().await;
        work(world).await;
        let greetings: Vec<String> =
            log(world).await.into_iter().filter(|line| line.starts_with("greet")).collect();
        assert_eq!(greetings.len(), 2);
        assert_eq!(keys(&greetings).into_iter().collect::<HashSet<_>>().len(), 1, "{greetings:?}");
        assert_eq!(world.see(id).await["note"], "Hello Roof");
    })
    .await;
}

#[tokio::test]
async fn a_rule_goes_on_and_what_is_to_follow_sees_what_the_plugin_gave_back() {
    check_worker(vec![asking(&greeting())], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        assert_eq!(world.see(id).await["note"], serde_json::Value::Null);
        work(world).await;
        let job = world.see(id).await;
        assert_eq!((&job["note"], &job["amount"]), (&json!("Hello Roof"), &json!(5)));
        let timeline = world.timeline(id).await;
        assert!(timeline.contains(&"plugin.done".to_owned()), "{timeline:?}");
    })
    .await;
}

#[tokio::test]
async fn what_follows_is_tried_again_without_asking_the_plugin_again() {
    // A job cannot be without a name.
    let ask = json!({"action": "greet", "input": {"name": "record.name"}, "returns": {"words": "text"},
        "then": [{"type": "set", "values": {"note": "result.words"}},
                 {"type": "set", "values": {"name": "record.reason"}}]});
    check_worker(vec![asking(&ask)], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        work(world).await;
        assert_eq!(world.see(id).await["note"], serde_json::Value::Null, "all or nothing");
        let dead = calls(world).await.into_iter().find(|call| call.state == CallState::Dead).unwrap();
        assert_eq!(dead.error.as_ref().unwrap().code, "record.invalid");
        world.change(id, json!({"reason": "Tiles"})).await;
        let bench = &world.bench;
        bench.tenant.revive_plugin_call(&bench.admin(), dead.id).await.unwrap();
        work(world).await;
        let job = world.see(id).await;
        assert_eq!((&job["note"], &job["name"]), (&json!("Hello Roof"), &json!("Tiles")));
        let asked = did(world).await.iter().filter(|line| line.starts_with("greet")).count();
        assert_eq!(asked, 1);
    })
    .await;
}

#[tokio::test]
async fn what_fails_again_and_again_is_given_up_and_comes_back_when_an_administrator_says_so() {
    check_worker(vec![asking(&greeting())], async |world: &mut World| {
        tell(world, "refusals", "1000").await;
        let id = world.job(json!({"name": "Roof"})).await;
        pass(world, TimeDelta::days(1)).await;
        let all = calls(world).await;
        assert!(all.iter().all(|call| (call.state, call.attempts) == (CallState::Dead, 8)), "{all:?}");
        assert_eq!(all[0].error.as_ref().unwrap().code, "plugin.run.fault");
        let timeline = world.timeline(id).await;
        assert_eq!(timeline.iter().filter(|action| *action == "plugin.dead").count(), 2, "{timeline:?}");
        let bench = &world.bench;
        assert!(bench.tenant.revive_plugin_calls(&world.ann(), "test.worker").await.is_err());
        tell(world, "refusals", "0").await;
        assert_eq!(bench.tenant.revive_plugin_calls(&bench.admin(), "test.worker").await.unwrap(), 2);
        work(world).await;
        assert_eq!(world.see(id).await["note"], "Hello Roof");
    })
    .await;
}

#[tokio::test]
async fn what_is_of_no_use_is_given_up_at_once_and_can_be_dismissed() {
    check_worker(vec![asking(&json!({"action": "fail"}))], async |world: &mut World| {
        world.job(json!({"name": "Roof"})).await;
        work(world).await;
        let all = calls(world).await;
        let dead = all.iter().find(|call| call.export == "fail").unwrap();
        assert_eq!((dead.state, dead.attempts), (CallState::Dead, 1));
        let (bench, admin) = (&world.bench, world.bench.admin());
        bench.tenant.dismiss_plugin_call(&admin, dead.id).await.unwrap();
        let again = bench.tenant.dismiss_plugin_call(&admin, dead.id).await.unwrap_err();
        assert_eq!(again.code(), "plugin.call_over");
        let again = bench.tenant.revive_plugin_call(&admin, dead.id).await.unwrap_err();
        assert_eq!(again.code(), "plugin.no_call");
    })
    .await;
}

#[tokio::test]
async fn a_plugin_that_keeps_breaking_down_rests_and_no_call_is_lost() {
    check_worker(vec![asking(&json!({"action": "crash"}))], async |world: &mut World| {
        let jobs = (0..7).map(|number| json!({"name": format!("Job {number}")}));
        world.bench.create_all(&world.ann(), "works.job", jobs).await;
        work(world).await;
        let crashing = async || {
            let all = calls(world).await;
            all.into_iter().filter(|call| call.export == "crash").collect::<Vec<_>>()
        };
        let all = crashing().await;
        assert!(all.iter().all(|call| call.state == CallState::Waiting), "{all:?}");
        let resting = all.iter().filter(|call| call.attempts == 0).count();
        assert!(resting > 0, "a call that is not made is no try");
        let code = |call: &mortise_engine::plugins::PluginCall| call.error.as_ref().unwrap().code.clone();
        assert!(all.iter().any(|call| code(call) == "plugin.run.resting"));
        tell(world, "mended", "1").await;
        world.bench.tenant.reset_circuits(&world.bench.admin(), "test.worker").unwrap();
        pass(world, TimeDelta::hours(1)).await;
        assert!(crashing().await.iter().all(|call| call.state == CallState::Done));
    })
    .await;
}

#[tokio::test]
async fn circles_through_plugins_come_to_an_end() {
    let ask = json!({"type": "plugin", "plugin": "helper", "action": "greet", "input": {"name": "record.name"},
        "then": [{"type": "set", "values": {"amount": "record.amount + 1"}}]});
    let round = rule(
        "round",
        json!({"on": [{"type": "changed", "fields": ["amount"]}],
        "condition": "record.name == 'round'", "do": [ask]}),
    );
    check_worker(vec![("rules/round.json", round)], async |world: &mut World| {
        let id = world.job(json!({"name": "round", "amount": 1})).await;
        world.change(id, json!({"amount": 2})).await;
        work(world).await;
        assert!(world.parked().await.contains(&"rule:works.round automation.loop".to_owned()));
        let id = world.job(json!({"name": "circle", "amount": 1})).await;
        work(world).await;
        let parked = world.parked().await;
        let stopped = calls(world).await.iter().any(|call| call.state == CallState::Dead);
        let looped = parked.contains(&"plugin:test.worker/tell automation.loop".to_owned());
        assert!(stopped || looped, "{parked:?}");
        assert!(world.see(id).await["amount"].as_i64().unwrap() > 5);
    })
    .await;
}

#[tokio::test]
async fn calls_of_a_plugin_that_is_off_or_gone_wait_and_are_shown() {
    check_worker(vec![asking(&greeting())], async |world: &mut World| {
        let (bench, admin) = (&world.bench, world.bench.admin());
        bench.tenant.set_plugin_enabled(&admin, "test.worker", false).await.unwrap();
        let id = world.job(json!({"name": "Roof"})).await;
        work(world).await;
        let all = calls(world).await;
        assert_eq!((all.len(), all[0].state, all[0].held), (1, CallState::Waiting, true));
        assert_eq!(bench.tenant.lane_due().await.unwrap(), None, "nobody is kept awake by it");
        bench.tenant.remove_plugin(&admin, "test.worker", true).await.unwrap();
        pass(world, TimeDelta::days(2)).await;
        assert_eq!(states(world).await, [CallState::Waiting]);
        install(world).await;
        work(world).await;
        assert_eq!(world.see(id).await["note"], "Hello Roof");
    })
    .await;
}

#[tokio::test]
async fn calls_of_a_plugin_whose_package_is_gone_wait_until_it_is_there_again() {
    check_worker(vec![asking(&greeting())], async |world: &mut World| {
        let data = world.bench.engine.tenant_dir("x").parent().unwrap().parent().unwrap().join("plugins");
        world.bench.crash().await;
        for folder in ["packages", "code"] {
            std::fs::remove_dir_all(data.join(folder)).unwrap();
            std::fs::create_dir(data.join(folder)).unwrap();
        }
        let id = world.job(json!({"name": "Roof"})).await;
        work(world).await;
        let all = calls(world).await;
        assert!(all.iter().all(|call| (call.state, call.attempts) == (CallState::Waiting, 0)), "{all:?}");
        assert_eq!(all[0].error.as_ref().unwrap().code, "plugin.run.unavailable");
        install(world).await;
        pass(world, TimeDelta::hours(1)).await;
        assert_eq!(world.see(id).await["note"], "Hello Roof");
    })
    .await;
}

#[tokio::test]
async fn while_a_plugin_is_off_calls_about_one_record_do_not_pile_up() {
    let ask =
        json!({"type": "plugin", "plugin": "helper", "action": "greet", "input": {"name": "record.name"}});
    let on = json!([{"type": "changed", "fields": ["amount"]}]);
    let asking = ("rules/ask.json", rule("ask", json!({"on": on, "do": [ask]})));
    check_worker(vec![asking], async |world: &mut World| {
        let (bench, admin) = (&world.bench, world.bench.admin());
        let id = world.job(json!({"name": "Roof", "amount": 0})).await;
        work(world).await;
        let before = calls(world).await.len();
        bench.tenant.set_plugin_enabled(&admin, ID, false).await.unwrap();
        for amount in 1..=25 {
            world.change(id, json!({ "amount": amount })).await;
            work(world).await;
        }
        let states = states(world).await.split_off(before);
        let dismissed = states.iter().take_while(|state| **state == CallState::Dismissed).count();
        assert_eq!((states.len(), dismissed), (25, 5), "the last ones wait: {states:?}");
        assert!(states[5..].iter().all(|state| *state == CallState::Waiting));
    })
    .await;
}

#[tokio::test]
async fn what_a_plugin_said_with_rights_of_its_own_is_told_to_administrators_alone() {
    check_worker(vec![asking(&json!({"action": "fail"}))], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        work(world).await;
        let (tenant, admin, ann) = (&world.bench.tenant, world.bench.admin(), world.ann());
        let error = async |actor: &mortise_engine::Actor| {
            let all = tenant.background_calls_of(actor, "works.job", id).await.unwrap();
            all.into_iter().find_map(|call| call.error).unwrap()
        };
        let (told, hers) = (error(&admin).await, error(&ann).await);
        assert_eq!((told.code.as_str(), hers.code.as_str()), ("plugin.run.fault", "plugin.run.fault"));
        assert!(!told.reason.is_empty() && hers.reason.is_empty() && hers.args.is_empty());
        let line = async |actor: &mortise_engine::Actor| {
            let all = tenant.timeline(actor, "works.job", id, None, 50).await.unwrap();
            all.into_iter().find(|entry| entry.action == "plugin.dead").unwrap().details["error"].clone()
        };
        assert_eq!(line(&ann).await, json!({"code": "plugin.run.fault"}));
        assert_eq!(line(&admin).await["reason"], told.reason.as_str());
    })
    .await;
}

#[tokio::test]
async fn a_rule_goes_on_without_a_plugin_that_its_app_can_do_without() {
    let files = vec![app(true), asking(&greeting())];
    check_works(files, async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        work(world).await;
        assert_eq!(calls(world).await.len(), 0);
        let told = world.timeline(id).await;
        assert!(told.iter().all(|action| !action.starts_with("plugin.")), "nobody misses it: {told:?}");
    })
    .await;
}

#[tokio::test]
async fn a_connector_is_used_by_rules_and_tried_by_administrators() {
    let ask = json!({"connector": "echo", "input": {"words": "record.name"}, "returns": {"words": "text"},
        "then": [{"type": "set", "values": {"note": "result.words"}}]});
    check_worker(vec![asking(&ask)], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        work(world).await;
        assert_eq!(world.see(id).await["note"], "Roof, Roof");
        let (bench, admin) = (&world.bench, world.bench.admin());
        let nothing = serde_json::Map::new();
        let probe = async |operation: &str| {
            bench.tenant.probe_plugin_connector(&admin, "test.worker", operation, &nothing).await
        };
        assert_eq!(probe("echo").await.unwrap().unwrap()["words"], "reachable");
        assert_eq!(probe("nothing").await.unwrap_err().code(), "plugin.no_connector");
    })
    .await;
}
