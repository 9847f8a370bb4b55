//! Who goes first when places are short.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mortise_plugin_host::Invocation;
use mortise_plugin_host::limits::Settings;
use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::run::Failure;
use tokio::task::JoinSet;

use crate::support::{GOOD, Place, invocation, package, settings, thing, validator};

/// Keeps a processor busy for a moment.
const BUSY: &str = "(local $left i32) (local.set $left (i32.const 2000000)) \
    (loop $again (local.set $left (i32.sub (local.get $left) (i32.const 1))) (br_if $again (local.get $left)))";

#[tokio::test]
async fn a_tenant_that_floods_calls_does_not_starve_another_one() {
    let narrow = Settings { calls: 2, calls_per_tenant: 2, ..settings() };
    let place = Place::new(narrow);
    let plugin = place.install(&validator("", "", &format!("{BUSY} {GOOD}"))).await.unwrap();
    let flooded = Arc::new(AtomicUsize::new(0));
    let mut flood = JoinSet::new();
    for _ in 0..40 {
        let (plugin, flooded) = (Arc::clone(&plugin), Arc::clone(&flooded));
        flood.spawn(async move {
            let invocation = Invocation { tenant: "flood".into(), ..invocation() };
            plugin.validate(&invocation, "it", None, &thing("a")).await.outcome.unwrap();
            flooded.fetch_add(1, Ordering::Relaxed);
        });
    }
    // All of them run or wait before the neighbour comes.
    while flooded.load(Ordering::Relaxed) < 2 {
        tokio::task::yield_now().await;
    }
    let neighbour = Invocation { tenant: "neighbour".into(), ..invocation() };
    for _ in 0..3 {
        let (plugin, neighbour, flooded) = (Arc::clone(&plugin), neighbour.clone(), Arc::clone(&flooded));
        // A task like the others, so that only permits decide.
        let waits = tokio::spawn(async move {
            let earlier = flooded.load(Ordering::Relaxed);
            plugin.validate(&neighbour, "it", None, &thing("a")).await.outcome.unwrap();
            flooded.load(Ordering::Relaxed) - earlier
        });
        let overtaken = waits.await.unwrap();
        assert!(overtaken <= 6, "it waits for what is under way, not for the flood: {overtaken}");
    }
    while flood.join_next().await.is_some() {}
    assert_eq!(flooded.load(Ordering::Relaxed), 40, "nobody is forgotten");
}

#[tokio::test]
async fn work_in_the_background_needs_none_of_the_places_for_what_plugins_cause() {
    let mut none = Settings { calls_nested: 0, ..settings() };
    none.save.wall_ms = 50;
    let place = Place::new(none);
    let told = place.install(&package(Point::AfterCommit, "", "", GOOD)).await.unwrap();
    let asked = place.install(&validator("", "", GOOD)).await.unwrap();
    let mut deep = invocation();
    deep.call.depth = 1;
    let said = told.after_commit(&deep, "it", "create", None, Some(&thing("a"))).await;
    assert_eq!(said.outcome, Ok(()), "nobody waits for it, whatever caused it");
    let said = asked.validate(&deep, "it", None, &thing("a")).await;
    assert_eq!(said.outcome, Err(Failure::Busy), "a plugin that saves holds a place meanwhile");
}
