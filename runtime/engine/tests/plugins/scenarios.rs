//! Scenarios with plugins: those that a scenario names are taken from the shelf and called at their virtual time; no others are.

use std::path::PathBuf;
use std::sync::Arc;

use mortise_engine::plugins::PluginOptions;
use mortise_engine::scenario::Cast;
use serde_json::{Value as Json, json};

use crate::common::desk::words;
use crate::common::works::{rule, works};
use crate::common::{databases, patient};

fn scenario(id: &str, plugins: &Json, steps: &Json) -> Json {
    json!({"id": id, "label": words(id), "starts": "2026-03-02T09:00:00+08:00",
        "people": {"ann": {"roles": ["worker"]}}, "plugins": plugins, "steps": steps})
}

/// `works` whose jobs are rated and, two days later, slept over.
fn cast(shelf: Option<PathBuf>) -> Cast {
    let rate = json!({"type": "plugin", "plugin": "clerk", "scorer": "rate",
        "then": [{"type": "set", "values": {"note": "result.reasons"}}]});
    let nap = json!({"type": "plugin", "plugin": "worker", "action": "nap",
        "input": {"until": "'2026-03-04T01:00:00Z'"}, "returns": {"words": "text"},
        "then": [{"type": "set", "values": {"reason": "result.words"}}]});
    let clerk = json!({"read": [{"entity": "job", "fields": ["*"]}]});
    let clerk = json!({"records.read": clerk["read"], "storage": {"bytes": 1000}});
    let worker =
        json!({"storage": {"bytes": 1_048_576}, "records.read": [{"entity": "job", "fields": ["*"]}]});
    let app = json!({"id": "works", "version": "1.0.0", "label": words("Works"), "plugins": {
        "clerk": {"id": "test.clerk", "version": ">=1, <2", "optional": true, "grant": clerk},
        "worker": {"id": "test.worker", "version": ">=1, <2", "optional": true, "grant": worker}}});
    let make = json!({"type": "create", "by": "ann", "entity": "job", "as": "roof",
        "values": {"name": "Roof", "amount": 3}});
    let note = |note: &Json| json!({"type": "expect", "record": "$roof", "values": {"note": note}});
    let reason = |reason: &Json| json!({"type": "expect", "record": "$roof", "values": {"reason": reason}});
    let rated = note(&json!("rated Roof\namount (+29)\nsmall (+1)"));
    let days = json!({"type": "advance", "by": "3d"});
    let none = Json::Null;
    let scenarios = [
        scenario("without", &json!([]), &json!([make, note(&none), days, reason(&none)])),
        scenario("rated", &json!(["clerk"]), &json!([make, rated, days, reason(&none)])),
        scenario(
            "slept",
            &json!(["worker"]),
            &json!([make, note(&none), reason(&none), days, reason(&json!("woke at 2026-03-04T01:00:00Z"))]),
        ),
        scenario("both", &json!(["clerk", "worker"]), &json!([make, rated, days, reason(&none)])),
    ];
    let ask = rule("ask", json!({"on": [{"type": "created"}], "do": [rate, nap]}));
    let mut files = vec![("app.json", app), ("rules/ask.json", ask)];
    let names =
        ["scenarios/without.json", "scenarios/rated.json", "scenarios/slept.json", "scenarios/both.json"];
    files.extend(names.into_iter().zip(scenarios));
    let plugins = PluginOptions { shelf, ..patient() };
    Cast { packages: vec![Arc::new(works("1.0.0", files))], plugins, ..Cast::default() }
}

/// Failures of all scenarios, in order; empty for those that passed.
async fn told(cast: &Cast, database: &mortise_engine::Database) -> Vec<String> {
    let mut told = Vec::new();
    for (key, _) in cast.scenarios() {
        let verdict = cast.run(&key, database).await.unwrap();
        let failure = verdict.failure.map(|failure| format!("{} {}", failure.pointer(), failure.issue));
        told.push(failure.unwrap_or_default());
    }
    told
}

#[tokio::test]
async fn a_scenario_has_the_plugins_that_it_names_and_no_others() {
    let shelf = tempfile::tempdir().unwrap();
    for name in ["clerk", "worker"] {
        let file = format!("{}/tests/guests/{name}.plugin", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(file, shelf.path().join(format!("{name}.plugin"))).unwrap();
    }
    for (_, database) in databases() {
        let told = told(&cast(Some(shelf.path().to_owned())), &database).await;
        let awake = "/steps/3 reason is \"woke at 2026-03-04T01:00:00Z\"; null was expected.";
        assert_eq!(told, [awake, "", "", ""], "both, rated, slept, without");
    }
}

#[tokio::test]
async fn a_scenario_says_which_plugin_is_not_there() {
    let (_, database) = databases().remove(0);
    let told = told(&cast(None), &database).await;
    let missing = |name: &str| format!("/steps/0 The plugin “{name}” (test.{name}) is not there.");
    assert_eq!(told, [missing("clerk"), missing("clerk"), missing("worker"), String::new()]);
}
