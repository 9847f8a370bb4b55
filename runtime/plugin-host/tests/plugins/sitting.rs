//! Sittings: one instance for all that a plugin has to say about one save, and for nothing else.

use mortise_plugin_host::Sitting;
use mortise_plugin_host::limits::{Counter, Settings};
use mortise_plugin_host::run::Failure;

use crate::support::{Place, invocation, settings, thing, validator};

/// As many violations as there were calls before on this instance; a trap when the name begins with a `t`.
const COUNTING: &str = "(if (i32.eq (i32.const 116) (i32.load8_u (i32.load offset=16 (i32.load offset=128 (local.get 0))))) \
    (then (unreachable))) \
    (i32.store (i32.const 1032) (i32.const 2048)) (i32.store (i32.const 1036) (global.get $calls)) \
    (global.set $calls (i32.add (global.get $calls) (i32.const 1))) (i32.const 1024)";
const CALLS: &str = "(global $calls (mut i32) (i32.const 0))";

#[tokio::test]
async fn an_instance_serves_the_calls_of_its_sitting_and_no_others() {
    let place = Place::new(settings());
    let plugin = place.install(&validator("", CALLS, COUNTING)).await.unwrap();
    let other = place.install(&validator("", CALLS, COUNTING)).await.unwrap();
    let invocation = invocation();
    let fresh = async || plugin.validate(&invocation, "it", None, &thing("a")).await.outcome.unwrap().len();
    assert_eq!((fresh().await, fresh().await), (0, 0), "without a sitting every call has its own");
    let mut sitting = Sitting::default();
    let mut said = Vec::new();
    for plugin in [&plugin, &plugin, &plugin, &other, &other, &plugin] {
        let run = plugin.validate_in(Some(&mut sitting), &invocation, "it", None, &thing("a")).await;
        said.push(run.outcome.unwrap().len());
    }
    assert_eq!(said, [0, 1, 2, 0, 1, 0], "another plugin ends what the one before it has begun");
}

#[tokio::test]
async fn a_breakdown_ends_a_sitting() {
    let place = Place::new(settings());
    let plugin = place.install(&validator("", CALLS, COUNTING)).await.unwrap();
    let (invocation, mut sitting) = (invocation(), Sitting::default());
    for _ in 0..2 {
        plugin.validate_in(Some(&mut sitting), &invocation, "it", None, &thing("a")).await.outcome.unwrap();
    }
    let trap = plugin.validate_in(Some(&mut sitting), &invocation, "it", None, &thing("t")).await;
    assert!(matches!(trap.outcome, Err(Failure::Trap { .. })), "{:?}", trap.outcome);
    let after = plugin.validate_in(Some(&mut sitting), &invocation, "it", None, &thing("a")).await;
    assert_eq!(after.outcome.unwrap().len(), 0);
}

#[tokio::test]
async fn each_call_of_a_sitting_has_limits_of_its_own_and_pays_for_what_is_there() {
    let grow = "(drop (memory.grow (i32.const 1))) (i32.const 1024)";
    let mut settings = settings();
    settings.save.memory_bytes = 4 * 65_536;
    let place = Place::new(settings);
    let plugin = place.install(&validator("", "", grow)).await.unwrap();
    let (invocation, mut sitting) = (invocation(), Sitting::default());
    let mut used = Vec::new();
    for _ in 0..2 {
        let run = plugin.validate_in(Some(&mut sitting), &invocation, "it", None, &thing("a")).await;
        assert!(run.outcome.is_ok());
        used.extend(
            run.record.used.iter().filter(|used| used.counter == Counter::MemoryBytes).map(|used| used.used),
        );
    }
    assert_eq!(used, [3 * 65_536, 4 * 65_536], "what the first call took is still there");
    let run = plugin.validate_in(Some(&mut sitting), &invocation, "it", None, &thing("a")).await;
    assert!(matches!(run.outcome, Err(Failure::Limit(limit)) if limit.counter == Counter::MemoryBytes));
}

#[tokio::test]
async fn a_sitting_keeps_its_place_and_gives_it_back() {
    let narrow = Settings { calls: 1, calls_per_tenant: 1, queue_per_tenant: 0, ..settings() };
    let place = Place::new(narrow);
    let plugin = place.install(&validator("", CALLS, COUNTING)).await.unwrap();
    let (invocation, mut sitting) = (invocation(), Sitting::default());
    plugin.validate_in(Some(&mut sitting), &invocation, "it", None, &thing("a")).await.outcome.unwrap();
    let other = plugin.validate(&invocation, "it", None, &thing("a")).await;
    assert_eq!(other.outcome, Err(Failure::Busy));
    drop(sitting);
    assert!(plugin.validate(&invocation, "it", None, &thing("a")).await.outcome.is_ok());
}

#[tokio::test]
async fn what_an_instance_has_written_is_gone_when_its_place_serves_the_next() {
    // More than is wiped and kept, and more than one instance of a plugin.
    let body = "(drop (memory.grow (i32.const 16))) \
        (loop $next \
            (if (i32.load (global.get $at)) (then (unreachable))) \
            (i32.store (global.get $at) (i32.const 1)) \
            (global.set $at (i32.add (global.get $at) (i32.const 4096))) \
            (br_if $next (i32.lt_u (global.get $at) (i32.const 1179648)))) \
        (i32.const 1024)";
    let begin = "(global $at (mut i32) (i32.const 131072))";
    let place = Place::new(Settings { calls: 2, calls_per_tenant: 2, ..settings() });
    let plugin = place.install(&validator("", begin, body)).await.unwrap();
    let other = place.install(&validator("", CALLS, COUNTING)).await.unwrap();
    let invocation = invocation();
    for plugin in [&plugin, &plugin, &other, &plugin, &plugin] {
        let said = plugin.validate(&invocation, "it", None, &thing("a")).await.outcome;
        assert_eq!(said, Ok(Vec::new()));
    }
}
