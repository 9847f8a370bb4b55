//! Functions in expressions: the same rows give the same answers, always, and nothing else can be done there.

use std::collections::BTreeMap;

use mortise_plugin_host::Package;
use mortise_plugin_host::limits::{Counter, Limits, Settings};
use mortise_plugin_host::manifest::{Manifest, Point};
use mortise_plugin_host::run::{Failure, Run};
use mortise_plugin_host::value::Value;
use serde_json::json;

use crate::support::{Place, invocation, manifest, module, settings};

const SEEN: &str = "(global $seen (mut i64) (i64.const 0))";

/// Answers each row with how often this instance was called.
const COUNT: &str = "(local $i i32)
    (global.set $seen (i64.add (global.get $seen) (i64.const 1)))
    (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get 3)))
        (i32.store8 (i32.add (i32.const 32768) (i32.mul (local.get $i) (i32.const 24))) (i32.const 2))
        (i64.store offset=8 (i32.add (i32.const 32768) (i32.mul (local.get $i) (i32.const 24)))
            (global.get $seen))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (i32.store (i32.const 1032) (i32.const 32768))
    (i32.store (i32.const 1036) (local.get 3))
    (i32.const 1024)";

fn function(imports: &str, extra: &str, body: &str) -> Package {
    let text = manifest(&[Point::Function], &json!({}));
    let parsed = Manifest::parse(&text).unwrap();
    let module = module(Point::Function, "(param i32 i32 i32 i32)", imports, extra, body);
    let component =
        mortise_wit::componentize(&module, &parsed.imports(), &parsed.export_interfaces()).unwrap();
    Package::of(text, component, BTreeMap::new()).unwrap()
}

fn rows(count: i64) -> Vec<Vec<Value>> {
    (0..count).map(|number| vec![Value::Integer(number), Value::Text("x".into())]).collect()
}

async fn call(package: &Package, count: i64) -> Run<Vec<Value>> {
    let place = Place::new(settings());
    let plugin = place.install(package).await.unwrap();
    plugin.call_many(&invocation(), "it", &rows(count))
}

#[tokio::test]
async fn what_one_call_leaves_behind_no_other_call_sees() {
    let place = Place::new(settings());
    let plugin = place.install(&function("", SEEN, COUNT)).await.unwrap();
    for _ in 0..3 {
        let run = plugin.call_many(&invocation(), "it", &rows(2));
        assert_eq!(run.outcome, Ok(vec![Value::Integer(1), Value::Integer(1)]));
    }
    let used = |run: &Run<Vec<Value>>| {
        run.record.used.iter().find(|used| used.counter == Counter::Fuel).unwrap().used
    };
    let (one, other) =
        (plugin.call_many(&invocation(), "it", &rows(5)), plugin.call_many(&invocation(), "it", &rows(5)));
    assert_eq!(used(&one), used(&other), "instructions are counted, not time");
    assert!(used(&one) > 0);
}

#[tokio::test]
async fn more_rows_than_a_batch_are_several_batches() {
    let run = call(&function("", SEEN, COUNT), 1_500).await;
    assert_eq!(run.outcome.unwrap(), vec![Value::Integer(1); 1_500]);
}

#[tokio::test]
async fn an_endless_function_runs_out_of_instructions() {
    let run = call(&function("", "", "(loop $again (br $again)) (i32.const 1024)"), 1).await;
    match run.outcome.unwrap_err() {
        Failure::Limit(exceeded) => {
            assert_eq!((exceeded.counter, exceeded.limit), (Counter::Fuel, Limits::FUNCTION.fuel))
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn fewer_answers_than_rows_are_no_answer() {
    let failure = call(&function("", "", "(i32.const 1024)"), 3).await.outcome.unwrap_err();
    assert!(matches!(&failure, Failure::Output { reason } if reason.contains("0 answers for 3 rows")));
}

#[tokio::test]
async fn a_number_that_is_none_is_no_answer() {
    // One value of kind `float` with the bits of NaN.
    let body = "(i32.store8 (i32.const 2048) (i32.const 3)) (f64.store (i32.const 2056) (f64.const nan)) \
                (i32.store (i32.const 1032) (i32.const 2048)) (i32.store (i32.const 1036) (i32.const 1)) \
                (i32.const 1024)";
    let failure = call(&function("", "", body), 1).await.outcome.unwrap_err();
    assert!(matches!(&failure, Failure::Output { .. }), "{failure:?}");
}

#[tokio::test]
async fn a_function_that_calls_the_host_breaks_down() {
    let import = r#"(import "mortise:log/log@1.0.0" "write" (func $log (param i32 i32 i32 i32)))"#;
    let body = "(call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 1024)";
    let failure = call(&function(import, "", body), 1).await.outcome.unwrap_err();
    assert!(matches!(&failure, Failure::Trap { .. }), "{failure:?}");
}

#[tokio::test]
async fn a_name_that_the_manifest_does_not_have_is_never_called() {
    let place = Place::new(settings());
    let plugin = place.install(&function("", SEEN, COUNT)).await.unwrap();
    let failure = plugin.call_many(&invocation(), "other", &rows(1)).outcome.unwrap_err();
    assert!(matches!(failure, Failure::Missing { .. }));
}

#[tokio::test]
async fn batches_take_places_among_the_calls_of_their_tenant() {
    let background = Limits { wall_ms: 50, ..Limits::BACKGROUND };
    let place = Place::new(Settings { calls_per_tenant: 1, queue_per_tenant: 1, background, ..settings() });
    let held = place.host.place("flood").await.unwrap();
    assert_eq!(place.host.place("flood").await.err(), Some(Failure::Busy));
    assert!(place.host.place("neighbour").await.is_ok());
    drop(held);
    assert!(place.host.place("flood").await.is_ok());
}
