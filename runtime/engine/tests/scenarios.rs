//! Scenarios: those that ship with the apps pass, on every database, and one that fails says where and why.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::sync::Arc;

use common::Bench;
use common::desk::words;
use common::works::{rule, works};
use expect_test::expect;
use mortise_definition::Package;
use mortise_engine::scenario::Cast;
use mortise_engine::{Database, System};
use serde_json::{Value as Json, json};

#[tokio::test]
async fn every_scenario_of_the_shipped_apps_passes() {
    let packages = ["sales-core", "lead-management"].map(|name| Arc::new(common::template(name)));
    let cast = Cast { packages: packages.into(), ..Cast::default() };
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let mut failed = Vec::new();
    for (name, database) in common::databases() {
        for (key, _) in cast.scenarios().into_iter().filter(|(key, _)| key.contains(&only)) {
            let verdict = cast.run(&key, &database).await.unwrap();
            eprintln!("{name} {key}: {} steps in {} ms", verdict.steps, verdict.took_ms);
            if let Some(failure) = verdict.failure {
                let lines = failure.timeline.iter();
                let lines: Vec<String> = lines
                    .map(|line| {
                        format!("  {} {} {} {} {}", line.at, line.record, line.by, line.action, line.more())
                    })
                    .collect();
                let (pointer, issue) = (failure.pointer(), &failure.issue);
                failed.push(format!("{name} {key}{pointer}: {issue}\n{}", lines.join("\n")));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// The app `works` with something of every kind that scenarios look at.
fn trial(scenario: Json) -> Package {
    let clock = json!({"id": "answer", "label": words("Answer"), "entity": "job", "start": "true",
        "stop": "record.note != null", "limit": "hours(24)"});
    let news = json!({"id": "news", "label": words("News"), "entity": "job", "to": ["owner"],
        "title": words("News"), "body": words("News")});
    let tell = rule(
        "tell",
        json!({"on": [{"type": "changed", "fields": ["amount"]}],
        "do": [{"type": "notify", "notification": "news"}]}),
    );
    let broken = rule(
        "broken",
        json!({"on": [{"type": "changed", "fields": ["reason"]}],
        "do": [{"type": "create", "entity": "task", "values": {"job": "record.id", "what": "record.note"}}]}),
    );
    let policy = json!({"id": "job", "label": words("Jobs"), "entity": "job", "pool": {"roles": ["worker"]},
        "claim": "record.owner == null"});
    let form = json!({"id": "form", "label": words("Form"), "kind": "inbound", "receive": {
        "entity": "job", "map": [{"field": "name", "from": "/name"}]}});
    let metric = json!({"id": "jobs", "label": words("Jobs"), "entity": "job", "measure": {"type": "count"}});
    works(
        "1.0.0",
        vec![
            ("slas/answer.json", clock),
            ("notifications/news.json", news),
            ("rules/tell.json", tell),
            ("rules/broken.json", broken),
            ("assignments/job.json", policy),
            ("connectors/form.json", form),
            ("metrics/jobs.json", metric),
            ("scenarios/trial.json", scenario),
        ],
    )
}

/// Where and why a scenario with these steps after a first one, which makes `$roof`, fails.
async fn failure(steps: Json) -> String {
    let mut all = vec![json!({"type": "create", "by": "ann", "entity": "job", "as": "roof",
        "values": {"name": "Roof", "grade": "a"}})];
    all.extend(steps.as_array().unwrap().clone());
    let scenario = json!({"id": "trial", "label": words("Trial"), "starts": "2026-03-02T09:00:00+08:00",
        "people": {"ann": {"roles": ["worker"]}, "bob": {"roles": ["worker"]}}, "steps": all});
    let cast = Cast { packages: vec![Arc::new(trial(scenario))], ..Cast::default() };
    let verdict = cast.run("works.trial", &Database::Sqlite).await.unwrap();
    match verdict.failure {
        Some(failure) => {
            assert!(!verdict.passed && !failure.timeline.is_empty());
            format!("{} {}", failure.pointer(), failure.issue)
        }
        None => "passed".to_owned(),
    }
}

#[tokio::test]
async fn a_step_that_goes_otherwise_than_expected_says_how() {
    let steps = json!([
        {"type": "create", "by": "ann", "entity": "job", "values": {}},
        {"type": "create", "by": "ann", "entity": "job", "values": {"name": "Wall"}, "fails": "value.required"},
        {"type": "update", "by": "bob", "record": "$roof", "values": {"note": "Mine"}},
        {"type": "update", "by": "ann", "record": "$roof", "values": {"state": "done"}, "fails": "value.required"},
        {"type": "transition", "by": "ann", "record": "$roof", "transition": "finish"},
        {"type": "claim", "by": "bob", "record": "$roof", "policy": "job"},
        {"type": "receive", "connector": "form", "body": {"name": null}},
        {"type": "receive", "connector": "form", "body": {"name": "Wall"}, "ip": "here"},
        {"type": "expect", "record": "$roof", "values": {"name": "Wall"}},
        {"type": "expect", "record": "$roof", "values": {"owner": "@bob"}},
        {"type": "expect", "record": "$roof", "that": "record.amount > 3"},
        {"type": "expect", "record": "$roof", "frozen": ["ann"]},
        {"type": "expect", "record": "$roof", "files": ["report"]},
        {"type": "expect_count", "entity": "job", "where": "record.grade == 'a'", "at_least": 2, "at_most": 5},
        {"type": "expect_count", "entity": "job", "values": {"owner": "@bob"}, "count": 1},
        {"type": "expect_notified", "notification": "news"},
        {"type": "expect_clock", "record": "$roof", "sla": "answer", "state": "met"},
        {"type": "expect_clock", "record": "$roof", "sla": "answer", "state": "running",
            "due": "2026-03-03T10:00:00+08:00"},
        {"type": "expect_metric", "metric": "jobs", "value": 2.0},
        {"type": "expect_parked", "count": 1},
    ]);
    let mut told = String::new();
    for step in steps.as_array().unwrap() {
        told += &format!("{}: {}\n", step["type"].as_str().unwrap(), failure(json!([step])).await);
    }
    expect![[r#"
        create: /steps/1 It failed with record.invalid, field.required: name: Please fill in this field.
        create: /steps/1 It succeeded; it was expected to fail with value.required.
        update: /steps/1 It failed with record.not_found: The record does not exist, or you may not see it.
        update: /steps/1 It failed with record.invalid, lifecycle.state; it was expected to fail with value.required.
        transition: /steps/1 It failed with lifecycle.not_yours: You may not take the step “Finish”.
        claim: /steps/1 It failed with record.not_found: The record does not exist, or you may not see it.
        receive: /steps/1 It failed with record.invalid, field.required: name: Please fill in this field.
        receive: /steps/1 “here” is not an IP address.
        expect: /steps/1 name is "Roof"; "Wall" was expected.
        expect: /steps/1 owner is @ann; @bob was expected.
        expect: /steps/1 This does not hold: record.amount > 3
        expect: /steps/1 Frozen are: –; expected were: ann.
        expect: /steps/1 No file named “report” is attached, only: –.
        expect_count: /steps/1 There are 1 such records; ≥ 2, ≤ 5 were expected.
        expect_count: /steps/1 There are 0 such records; 1 were expected.
        expect_notified: /steps/1 works.news went out 0 times; 1 were expected.
        expect_clock: /steps/1 The clock works.answer is “running”; “met” was expected.
        expect_clock: /steps/1 The limit of works.answer is 2026-03-03T09:00:00+08:00; 2026-03-03T10:00:00+08:00 was expected.
        expect_metric: /steps/1 works.jobs is 1; 2 was expected.
        expect_parked: /steps/1 0 pieces of work are parked (–); 1 were expected.
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn what_is_parked_and_told_is_named() {
    let change =
        json!({"type": "update", "by": "ann", "record": "$roof", "values": {"amount": 3, "reason": "Rain"}});
    let told = json!({"type": "expect_notified", "notification": "news", "people": ["bob"]});
    let parked = json!({"type": "expect_parked", "count": 0});
    let week = json!({"type": "advance", "by": "7d"});
    let again = json!({"type": "expect_notified", "notification": "news"});
    let all = [
        failure(json!([change, told])).await,
        failure(json!([change, week, parked])).await,
        // What was looked at is not looked at again.
        failure(json!([change, again, again])).await,
    ]
    .join("\n");
    expect![[r#"
        /steps/2 works.news went to: ann; expected were: bob.
        /steps/3 1 pieces of work are parked (rule:works.broken (record.invalid)); 0 were expected.
        /steps/3 works.news went out 0 times; 1 were expected."#]]
    .assert_eq(&all);
}

#[tokio::test]
async fn time_passes_from_one_due_moment_to_the_next() {
    let steps = json!([
        {"type": "advance", "by": "23h"},
        {"type": "expect_clock", "record": "$roof", "sla": "answer", "state": "running",
            "due": "2026-03-03T09:00:00+08:00"},
        {"type": "advance", "by": "1d2h"},
        {"type": "expect", "record": "$roof", "that": "now() == record.created_at + hours(49)"},
        {"type": "update", "by": "ann", "record": "$roof", "values": {"note": "Late"}},
        {"type": "expect_clock", "record": "$roof", "sla": "answer", "state": "late"},
        {"type": "advance", "by": "30m"},
    ]);
    assert_eq!(failure(steps).await, "passed");
}

#[tokio::test]
async fn overlays_and_settings_of_a_tenant_take_part() {
    for (name, kind) in common::databases() {
        let bench = Bench::open(name, kind, Arc::new(System)).await;
        let steps = json!([
            {"type": "create", "by": "ann", "entity": "job", "as": "roof", "values": {"name": "Roof"}},
            {"type": "expect", "record": "$roof", "values": {"note": "Customized"}},
            {"type": "expect", "record": "$roof", "that": "settings.limit == 9"},
        ]);
        let scenario = json!({"id": "trial", "label": words("Trial"), "starts": "2026-03-02T09:00:00+08:00",
            "people": {"ann": {"roles": ["worker"]}}, "steps": steps});
        let package = works("1.0.0", vec![("scenarios/trial.json", scenario)]);
        bench.install(package).await.unwrap();
        let run = async || {
            let cast = bench.tenant.cast().await.unwrap();
            let verdict = cast.run("works.trial", &Database::Sqlite).await.unwrap();
            verdict.failure.map(|failure| format!("{} {}", failure.pointer(), failure.issue))
        };
        assert_eq!(run().await.unwrap(), "/steps/1 note is null; \"Customized\" was expected.");
        let patch = json!({"app": "works", "version": "1.0.0", "patches": [
            {"artifact": "entities/job", "path": "fields/note/default", "after": "'Customized'"}]});
        let overlay = serde_json::from_value(patch).unwrap();
        bench.tenant.set_overlay(&bench.admin(), overlay, &[]).await.unwrap();
        assert_eq!(run().await.unwrap(), "/steps/2 This does not hold: settings.limit == 9");
        bench.tenant.set_setting(&bench.admin(), "works", "limit", json!(9)).await.unwrap();
        assert_eq!(run().await, None);
        bench.drop().await;
    }
}
