//! Plugins that take more than they may: time, memory, tables, stack, lines, calls.

use std::time::Duration;

use mortise_plugin_host::Scope;
use mortise_plugin_host::limits::{BreakerLimits, Counter, Settings, TransactionLimits};
use mortise_plugin_host::run::{Failure, Run};
use mortise_plugin_host::{Package, TransactionBudget};

use mortise_plugin_host::manifest::Point;
use mortise_wit::{PACKAGES, Package as WitPackage, componentize_against};

use crate::support::{GOOD, Place, impatient, invocation, module, settings, thing, validator};

async fn validate<T>(settings: Settings, package: &Package, look: impl Fn(Run<()>) -> T) -> T {
    let place = Place::new(settings);
    let plugin = place.install(package).await.unwrap();
    let run = plugin.validate(&invocation(), "it", None, &thing("a")).await;
    look(Run { outcome: run.outcome.map(drop), record: run.record })
}

async fn failure(settings: Settings, package: &Package) -> Failure {
    validate(settings, package, |run| run.outcome.unwrap_err()).await
}

fn limit_of(failure: Failure) -> Counter {
    match failure {
        Failure::Limit(exceeded) => exceeded.counter,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_plugin_that_does_its_work_is_recorded_with_what_it_used() {
    let run = validate(settings(), &validator("", "", GOOD), |run| run).await;
    assert_eq!(run.outcome, Ok(()));
    let memory = run.record.used.iter().find(|used| used.counter == Counter::MemoryBytes).unwrap();
    assert_eq!(memory.used, 2 * 65536);
    assert_eq!((run.record.failure, run.record.opened), (None, false));
}

#[tokio::test]
async fn an_endless_loop_ends() {
    let package = validator("", "", "(loop $again (br $again)) (i32.const 1024)");
    assert_eq!(limit_of(failure(impatient(), &package).await), Counter::CpuMs);
}

#[tokio::test]
async fn an_endless_loop_at_the_start_of_a_module_keeps_it_from_being_installed() {
    let start = "(func $start (loop $again (br $again))) (start $start)";
    let mut settings = settings();
    settings.background.cpu_ms = 100;
    let refused = Place::new(settings).install(&validator("", start, GOOD)).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn memory_ends_where_the_settings_say() {
    let body = "(loop $more (drop (memory.grow (i32.const 16))) (br $more)) (i32.const 1024)";
    let package = validator("", "", body);
    assert_eq!(limit_of(failure(settings(), &package).await), Counter::MemoryBytes);
}

#[tokio::test]
async fn tables_end_where_the_settings_say() {
    let extra = "(table $table 1 funcref)";
    let body = "(loop $more (drop (table.grow $table (ref.null func) (i32.const 1000))) (br $more)) \
                (i32.const 1024)";
    let package = validator("", extra, body);
    assert_eq!(limit_of(failure(settings(), &package).await), Counter::TableElements);
}

#[tokio::test]
async fn recursion_without_end_breaks_the_plugin_and_not_the_host() {
    let extra = "(func $deeper (param i32) (result i32) \
                 (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))";
    let package = validator("", extra, "(drop (call $deeper (i32.const 0))) (i32.const 1024)");
    match failure(settings(), &package).await {
        Failure::Trap { reason } => assert!(reason.contains("stack"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

const LOG: &str = r#"(import "mortise:log/log@1.0.0" "write" (func $log (param i32 i32 i32 i32)))"#;

#[tokio::test]
async fn a_flood_of_lines_ends_and_the_lines_before_it_are_kept() {
    let line = "(call $log (i32.const 64) (i32.const 4) (i32.const 72) (i32.const 5))";
    let body = format!("(loop $more {line} (br $more)) (i32.const 1024)");
    let extra = r#"(data (i32.const 64) "warn    hello")"#;
    let package = validator(LOG, extra, &body);
    let run = validate(settings(), &package, |run| run).await;
    assert_eq!(limit_of(run.outcome.unwrap_err()), Counter::LogLines);
    assert_eq!(run.record.lines.len(), 20);
    assert_eq!(run.record.lines[0].message, "hello");
}

#[tokio::test]
async fn a_line_that_fills_the_log_is_not_written() {
    let body = "(call $log (i32.const 64) (i32.const 4) (i32.const 0) (i32.const 15000)) (i32.const 1024)";
    assert_eq!(limit_of(failure(settings(), &validator(LOG, "", body)).await), Counter::LogBytes);
}

#[tokio::test]
async fn a_flood_of_calls_to_the_host_ends() {
    let import = r#"(import "mortise:budget/budget@1.0.0" "remaining" (func $left (param i32)))"#;
    let body = "(loop $more (call $left (i32.const 2048)) (br $more)) (i32.const 1024)";
    let package = validator(import, "", body);
    assert_eq!(limit_of(failure(settings(), &package).await), Counter::HostCalls);
}

#[tokio::test]
async fn handles_of_resources_end_where_the_settings_say() {
    // A resource of the plugin's own, in an interface that this server does not know and so ignores.
    let own = WitPackage {
        name: "test:extra",
        version: "1.0.0",
        text: "package test:extra@1.0.0; interface things { resource thing; make: func() -> thing; }",
    };
    let import = r#"(import "[export]test:extra/things@1.0.0" "[resource-new]thing"
        (func $new (param i32) (result i32)))"#;
    let extra = r#"(func (export "test:extra/things@1.0.0#make") (result i32) (call $new (i32.const 1)))"#;
    let body = "(loop $more (drop (call $new (i32.const 1))) (br $more)) (i32.const 1024)";
    let module = module(Point::Validator, "(param i32)", import, extra, body);
    let packages: Vec<WitPackage> = PACKAGES.into_iter().chain([own]).collect();
    let exports = [Point::Validator.interface(), "test:extra/things@1.0.0"];
    let mut package = validator("", "", GOOD);
    package.component = componentize_against(&packages, &module, &[], &exports).unwrap();
    assert_eq!(limit_of(failure(settings(), &package).await), Counter::Handles);
}

#[tokio::test]
async fn a_call_ends_with_the_time_of_its_transaction_and_is_not_blamed_for_it() {
    let place = Place::new(settings());
    let package = validator("", "", "(loop $again (br $again)) (i32.const 1024)");
    let plugin = place.install(&package).await.unwrap();
    let limits = TransactionLimits { wall_ms: 50, ..TransactionLimits::default() };
    let mut invocation = invocation();
    invocation.transaction = Some(TransactionBudget::new(limits));
    let failure = plugin.validate(&invocation, "it", None, &thing("a")).await.outcome.unwrap_err();
    assert!(!failure.is_breakdown());
    match failure {
        Failure::Limit(exceeded) => {
            assert_eq!((exceeded.counter, exceeded.scope), (Counter::WallMs, Scope::Transaction));
        }
        other => panic!("{other:?}"),
    }
    let next = plugin.validate(&invocation, "it", None, &thing("a")).await.outcome.unwrap_err();
    assert!(matches!(next, Failure::Limit(exceeded) if exceeded.counter == Counter::WallMs));
}

#[tokio::test]
async fn all_plugins_of_a_transaction_share_one_allowance() {
    let place = Place::new(settings());
    let plugin = place.install(&validator("", "", GOOD)).await.unwrap();
    let limits = TransactionLimits { invocations: 3, wall_ms: 60_000, ..TransactionLimits::default() };
    let mut invocation = invocation();
    invocation.transaction = Some(TransactionBudget::new(limits));
    for _ in 0..3 {
        assert!(plugin.validate(&invocation, "it", None, &thing("a")).await.outcome.is_ok());
    }
    let failure = plugin.validate(&invocation, "it", None, &thing("a")).await.outcome.unwrap_err();
    match &failure {
        Failure::Limit(exceeded) => {
            assert_eq!((exceeded.counter, exceeded.scope), (Counter::Invocations, Scope::Transaction));
        }
        other => panic!("{other:?}"),
    }
    assert!(!failure.is_breakdown(), "it is not this plugin's fault");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neighbours_are_served_while_a_plugin_runs_wild() {
    let mut settings = settings();
    settings.save.cpu_ms = 300;
    let place = Place::new(settings);
    let wild = validator("", "", "(loop $again (br $again)) (i32.const 1024)");
    let wild = place.install(&wild).await.unwrap();
    let quiet = place.install(&validator("", "", GOOD)).await.unwrap();
    let running: Vec<_> = (0..4)
        .map(|_| {
            let wild = wild.clone();
            tokio::spawn(async move { wild.validate(&invocation(), "it", None, &thing("a")).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut neighbour = invocation();
    neighbour.tenant = "second".into();
    for _ in 0..20 {
        assert!(quiet.validate(&neighbour, "it", None, &thing("a")).await.outcome.is_ok());
    }
    for run in running {
        assert!(run.await.unwrap().outcome.is_err());
    }
}

#[tokio::test]
async fn a_plugin_that_keeps_breaking_down_rests_in_its_tenant_only() {
    let place = Place::new(settings());
    let plugin = place.install(&validator("", "", "unreachable")).await.unwrap();
    for round in 1..=5 {
        let run = plugin.validate(&invocation(), "it", None, &thing("a")).await;
        assert!(matches!(run.outcome, Err(Failure::Trap { .. })), "{:?}", run.outcome);
        assert_eq!(run.record.opened, round == 5);
    }
    let resting = plugin.validate(&invocation(), "it", None, &thing("a")).await.outcome;
    assert!(matches!(resting, Err(Failure::Resting { .. })), "{resting:?}");
    assert_eq!(place.host.open_circuits("first").len(), 1);
    let mut neighbour = invocation();
    neighbour.tenant = "second".into();
    let own = plugin.validate(&neighbour, "it", None, &thing("a")).await.outcome;
    assert!(matches!(own, Err(Failure::Trap { .. })), "the neighbour's circuit is its own");
    place.host.close_circuits("first", "test.plugin");
    let again = plugin.validate(&invocation(), "it", None, &thing("a")).await.outcome;
    assert!(matches!(again, Err(Failure::Trap { .. })));
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_does_not_keep_its_circuit_closed_for_ever() {
    let mut settings = settings();
    settings.breaker = BreakerLimits { failures: 1, pause_ms: 0, pause_ms_max: 0 };
    let place = Place::new(settings);
    // Both have the same id, and so the same circuit.
    let slow = place.install(&validator("", "", "(loop $again (br $again)) (i32.const 1024)")).await.unwrap();
    let wait = |limit: u64| {
        let slow = slow.clone();
        async move {
            let call = async { slow.validate(&invocation(), "it", None, &thing("a")).await.outcome };
            tokio::time::timeout(Duration::from_millis(limit), call).await
        }
    };
    assert!(wait(30).await.is_err(), "given up by the caller");
    let unfit = place.install(&validator("", "", "unreachable")).await.unwrap();
    assert!(
        unfit.validate(&invocation(), "it", None, &thing("a")).await.outcome.is_err(),
        "opens the circuit"
    );
    for _ in 0..3 {
        assert!(wait(30).await.is_err(), "each of these is the one call that tries");
    }
}
