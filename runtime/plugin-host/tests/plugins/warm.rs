//! Instances that are kept warm: one tenant's calls find what the calls before them left, nobody else's do, and nothing
//! survives a call that did not end well.

use std::collections::BTreeMap;
use std::sync::Arc;

use mortise_plugin_host::limits::Settings;
use mortise_plugin_host::manifest::{Manifest, Point};
use mortise_plugin_host::run::Failure;
use mortise_plugin_host::{Invocation, Package, Permissions, Plugin};
use serde_json::json;

use crate::support::{Place, export, invocation, module, settings, thing};

/// As many violations as there were calls before on this instance; a trap when the name begins with a `t`, an answer that
/// cannot be used when it begins with an `o`, and more memory when it begins with an `m`.
const COUNTING: &str = "(local $letter i32) \
    (local.set $letter (i32.load8_u (i32.load offset=16 (i32.load offset=128 (local.get 0))))) \
    (if (i32.eq (i32.const 116) (local.get $letter)) (then (unreachable))) \
    (if (i32.eq (i32.const 109) (local.get $letter)) (then (drop (memory.grow (i32.const 16))))) \
    (i32.store (i32.const 1032) (i32.const 2048)) (i32.store (i32.const 1036) (global.get $calls)) \
    (if (i32.eq (i32.const 111) (local.get $letter)) (then (i32.store (i32.const 1036) (i32.const -1)))) \
    (global.set $calls (i32.add (global.get $calls) (i32.const 1))) (i32.const 1024)";
const CALLS: &str = "(global $calls (mut i32) (i32.const 0))";

fn manifest(language: &str, warm: bool) -> String {
    json!({
        "id": "test.warm",
        "version": "1.0.0",
        "title": "Test",
        "runtime": ">=1, <2",
        "language": language,
        "warm": warm,
        "exports": [export(Point::Validator)],
    })
    .to_string()
}

fn package(warm: bool) -> Package {
    let text = manifest("python", warm);
    let parsed = Manifest::parse(&text).unwrap();
    let module = module(Point::Validator, "(param i32)", "", CALLS, COUNTING);
    let component =
        mortise_wit::componentize(&module, &parsed.imports(), &parsed.export_interfaces()).unwrap();
    Package::of(text, component, BTreeMap::new()).unwrap()
}

async fn installed(settings: Settings) -> (Place, Arc<Plugin>) {
    let place = Place::new(settings);
    let plugin = place.install(&package(true)).await.unwrap();
    (place, plugin)
}

fn of(tenant: &str) -> Invocation {
    Invocation { tenant: tenant.into(), ..invocation() }
}

/// How many calls the instance had served before this one.
async fn before(plugin: &Plugin, tenant: &str, name: &str) -> Result<usize, Failure> {
    let run = plugin.validate(&of(tenant), "it", None, &thing(name)).await;
    run.outcome.map(|violations| violations.len())
}

#[tokio::test]
async fn without_the_wish_of_the_manifest_every_call_has_a_fresh_instance() {
    let place = Place::new(settings());
    let plugin = place.install(&package(false)).await.unwrap();
    for _ in 0..3 {
        assert_eq!(before(&plugin, "first", "a").await, Ok(0));
    }
}

#[tokio::test]
async fn an_instance_serves_many_calls_of_one_tenant_and_none_of_another() {
    let (_place, plugin) = installed(settings()).await;
    for served in 0..3 {
        assert_eq!(before(&plugin, "first", "a").await, Ok(served));
        assert_eq!(before(&plugin, "second", "a").await, Ok(served), "it has one of its own");
    }
    assert_eq!(before(&plugin, "third", "a").await, Ok(0));
}

#[tokio::test]
async fn an_instance_whose_call_did_not_end_well_is_gone() {
    let (_place, plugin) = installed(settings()).await;
    for bad in ["t", "o"] {
        assert_eq!(before(&plugin, "first", "a").await, Ok(0));
        assert_eq!(before(&plugin, "first", "a").await, Ok(1));
        assert!(before(&plugin, "first", bad).await.is_err());
    }
    assert_eq!(before(&plugin, "first", "a").await, Ok(0));
}

#[tokio::test]
async fn an_instance_goes_after_so_many_calls_and_when_it_is_too_large() {
    let mut few = settings();
    few.warm.calls = 2;
    let (_place, plugin) = installed(few).await;
    let mut served = Vec::new();
    for _ in 0..5 {
        served.push(before(&plugin, "first", "a").await.unwrap());
    }
    assert_eq!(served, [0, 1, 0, 1, 0]);

    let mut small = settings();
    small.warm.memory_bytes = 10 * 65_536;
    let (_place, plugin) = installed(small).await;
    assert_eq!(before(&plugin, "first", "a").await, Ok(0));
    assert_eq!(before(&plugin, "first", "m").await, Ok(1));
    assert_eq!(before(&plugin, "first", "a").await, Ok(0), "it had grown too large to be kept");
}

#[tokio::test]
async fn there_are_never_more_than_the_node_has_room_for() {
    let mut narrow = settings();
    narrow.warm.instances = 2;
    (narrow.calls, narrow.calls_nested) = (1, 0);
    let (_place, plugin) = installed(narrow).await;
    for round in 0..2 {
        for tenant in ["a", "b", "c", "d"] {
            let served = before(&plugin, tenant, "a").await.unwrap();
            let kept = ["a", "b"].contains(&tenant);
            assert_eq!(served, if kept { round } else { 0 }, "{tenant}");
        }
    }
}

#[tokio::test]
async fn an_instance_that_nobody_needs_goes() {
    let mut hasty = settings();
    hasty.warm.idle_ms = 0;
    let (_place, plugin) = installed(hasty).await;
    assert_eq!(before(&plugin, "first", "a").await, Ok(0));
    assert_eq!(before(&plugin, "first", "a").await, Ok(0));
}

#[tokio::test]
async fn a_change_of_the_plugin_in_a_tenant_ends_its_instances() {
    let (place, plugin) = installed(settings()).await;
    for tenant in ["first", "second"] {
        assert_eq!(before(&plugin, tenant, "a").await, Ok(0));
    }
    place.host.close_circuits("first", "test.warm");
    assert_eq!(before(&plugin, "first", "a").await, Ok(0));
    assert_eq!(before(&plugin, "second", "a").await, Ok(1));
    place.host.forget("second");
    assert_eq!(before(&plugin, "second", "a").await, Ok(0));
}

#[test]
fn a_plugin_without_an_interpreter_cannot_ask_for_it() {
    let problems = Manifest::parse(&manifest("rust", true)).unwrap_err();
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["plugin.warm"]);
    assert!(Manifest::parse(&manifest("rust", false)).is_ok());
}

#[tokio::test]
async fn what_was_granted_less_finds_no_instance_that_knows_more() {
    let (_place, plugin) = installed(settings()).await;
    let granted = |json| Arc::new(serde_json::from_value::<Permissions>(json).unwrap());
    let wide = granted(json!({ "records.read": [{ "entity": "thing", "fields": ["name", "salary"] }] }));
    let narrow = granted(json!({ "records.read": [{ "entity": "thing", "fields": ["name"] }] }));
    for (granted, served) in [(&wide, 0), (&wide, 1), (&narrow, 0), (&narrow, 1), (&wide, 2)] {
        let invocation = Invocation { granted: Arc::clone(granted), ..of("first") };
        let run = plugin.validate(&invocation, "it", None, &thing("a")).await;
        assert_eq!(run.outcome.map(|violations| violations.len()), Ok(served));
    }
}
