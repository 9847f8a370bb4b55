//! Policies whose assigner is a plugin: it chooses among those who are left; where it does not, the policy goes its ordinary way
//! and the decision says so.

use mortise_engine::Choice;
use mortise_engine::plugins::RunFilter;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{ID, check_clerk};
use crate::common::desk::words;
use crate::common::works::{World, check_works, rule};
use crate::support;

/// New jobs of nobody are given out: to Ann, if nobody says otherwise, and never to Bob where the job is heavy.
fn files() -> Vec<(&'static str, Json)> {
    let policy = json!({"id": "job", "label": "Job", "entity": "job", "pool": {"roles": ["worker", "chief"]},
        "filters": [{"id": "heavy", "label": "Heavy",
            "condition": "coalesce(record.amount, 0) < 100 || candidate.name != 'Bob'"}],
        "terms": [{"id": "name", "label": "Name", "weight": "1", "score": "candidate.name == 'Ann' ? 1 : 0"}],
        "assigner": {"plugin": "clerk", "name": "choose"}});
    let assign = json!({"on": [{"type": "created"}], "condition": "record.owner == null",
        "do": [{"type": "assign", "policy": "job"}]});
    vec![("assignments/job.json", policy), ("rules/assign.json", rule("assign", assign))]
}

/// Makes a job; the login of who got it, and the decision.
async fn given(world: &World, values: Json) -> (String, Choice) {
    let mut all = json!({"owner": null});
    all.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
    let (bench, admin) = (&world.bench, world.bench.admin());
    let id = bench.create(&admin, "works.job", all).await;
    world.settle().await;
    assert_eq!(world.parked().await, [""; 0]);
    let choice = bench.tenant.assignments(&admin, "works.job", id).await.unwrap().remove(0).choice.unwrap();
    let owner = world.see(id).await["owner"].clone();
    let owner: Uuid = owner["id"].as_str().or(owner.as_str()).unwrap().parse().unwrap();
    assert_eq!(choice.person, Some(owner));
    (bench.tenant.directory().user(owner).unwrap().login.clone(), choice)
}

#[tokio::test]
async fn a_plugin_chooses_among_those_who_are_left_and_the_decision_names_it() {
    check_clerk(files(), async |world: &mut World| {
        for _ in 0..3 {
            let (login, choice) = given(world, json!({"name": "to Bob"})).await;
            assert_eq!((login.as_str(), choice.tied), ("bob", 0));
            let advice = choice.advice.unwrap();
            assert_eq!((advice.plugin.as_str(), advice.title.as_str()), (ID, "Clerk"));
            assert_eq!((advice.person, advice.failure), (choice.person, None));
            assert_eq!(choice.considered.len(), 3, "the terms of all are kept");
        }
        assert_eq!(given(world, json!({"name": "to Eve"})).await.0, "eve");
        let filter = RunFilter { plugin: Some(ID.into()), ..RunFilter::default() };
        let runs = world.bench.tenant.plugin_runs(&world.bench.admin(), &filter, None, 10).await.unwrap();
        assert!(runs.iter().all(|run| (run.point.as_str(), run.outcome.as_str()) == ("assigner", "ok")));
        assert_eq!((runs.len(), runs[0].entity.as_deref()), (4, Some("works.job")));
    })
    .await;
}

#[tokio::test]
async fn where_a_plugin_does_not_choose_the_terms_do_and_the_decision_says_why() {
    let cases = [
        ("nobody", None),
        ("refuse", Some("plugin.run.fault")),
        ("crash", Some("plugin.run.trap")),
        ("to Nemo", None),
        ("stranger 00000000-0000-0000-0000-000000000001", Some("plugin.run.output")),
        ("stranger me", Some("plugin.run.output")),
    ];
    check_clerk(files(), async |world: &mut World| {
        for (name, reason) in cases {
            let (login, choice) = given(world, json!({ "name": name })).await;
            let advice = choice.advice.unwrap();
            assert_eq!((login.as_str(), advice.person), ("ann", None), "{name}");
            assert_eq!(advice.failure.as_deref(), reason, "{name}");
            assert_eq!(choice.tied, 1, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_plugin_cannot_choose_whom_filters_have_sorted_out() {
    check_clerk(files(), async |world: &mut World| {
        let bob = world.bench.person("bob").user.id;
        for name in [format!("stranger {bob}"), "to Bob".to_owned()] {
            let (login, choice) = given(world, json!({"name": name, "amount": 500})).await;
            assert_eq!((login.as_str(), choice.advice.unwrap().person), ("ann", None), "{name}");
            assert_eq!(choice.excluded[0].reason, "filter:heavy");
        }
        assert_eq!(
            given(world, json!({"name": format!("stranger {bob}")})).await.0,
            "bob",
            "he is one of those left"
        );
    })
    .await;
}

#[tokio::test]
async fn whoever_chooses_cannot_write_into_its_store_and_nobody_waits_for_that() {
    let app = json!({"id": "works", "version": "1.0.0", "label": words("Works"),
        "plugins": {"clerk": {"id": support::ID, "version": ">=1, <2"}}});
    let manifest = json!({"id": support::ID, "version": "1.0.0", "title": "Writer", "runtime": ">=0.1, <2",
        "exports": [{"point": "assigner", "name": "choose", "entity": "job", "input": ["name"]}],
        "permissions": {"storage": {"bytes": 1_000}}});
    let set = r#"(import "mortise:storage/kv@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))"#;
    // What the store says to it is its own answer.
    let body = "(call $set (i32.const 64) (i32.const 3) (i32.const 64) (i32.const 3) (i32.const 1024)) (i32.const 1024)";
    let package = support::package_using(&manifest, set, body);
    let files = [("app.json", app)].into_iter().chain(files()).collect();
    check_works(files, async |world: &mut World| {
        let granted = support::rights(&json!({"storage": {"bytes": 1_000}}));
        let (bench, admin) = (&world.bench, world.bench.admin());
        bench.tenant.install_plugin(&admin, package.clone(), Some(granted)).await.unwrap();
        let (login, choice) = given(world, json!({"name": "x"})).await;
        assert_eq!(
            (login.as_str(), choice.advice.unwrap().failure.as_deref()),
            ("ann", Some("plugin.run.fault"))
        );
        let runs = world.bench.tenant.plugin_runs(&admin, &RunFilter::default(), None, 10).await.unwrap();
        assert_eq!(
            runs[0].message.as_deref(),
            Some("Whoever chooses a person can read the plugin's store, but not change it.")
        );
    })
    .await;
}

#[tokio::test]
async fn a_policy_goes_on_without_its_plugin_and_says_that_it_is_missing() {
    check_clerk(files(), async |world: &mut World| {
        let (bench, admin) = (&world.bench, world.bench.admin());
        bench.tenant.set_plugin_enabled(&admin, ID, false).await.unwrap();
        let (login, choice) = given(world, json!({"name": "to Bob"})).await;
        let advice = choice.advice.unwrap();
        assert_eq!((login.as_str(), advice.failure.as_deref()), ("ann", Some("plugin.run.missing")));
        bench.tenant.set_plugin_enabled(&admin, ID, true).await.unwrap();
        assert_eq!(given(world, json!({"name": "to Bob"})).await.0, "bob");
    })
    .await;
}
