//! Functions that mean harm, in a computed field of what is saved: they get nothing but instructions, and the save is refused
//! with their name. And one that would like to answer differently each time it is asked.

use std::sync::Arc;

use mortise_engine::Tenant;
use mortise_plugin_host::manifest::Point;
use serde_json::{Value as Json, json};

use super::code::module;
use super::{failed_runs, neighbour, save, told};
use crate::common::desk::{field, thing, words};
use crate::common::{Bench, check_bare, issues, package};
use crate::support::of_parts;

const ID: &str = "test.moody";
/// The rows are at `$rows`, and there are `$count` of them.
const COUNTING: &str = "(global.set $seen (i64.add (global.get $seen) (i64.const 1000)))
    (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
        (i32.store8 (i32.add (i32.const 32768) (i32.mul (local.get $i) (i32.const 24))) (i32.const 2))
        (i64.store offset=8 (i32.add (i32.const 32768) (i32.mul (local.get $i) (i32.const 24)))
            (i64.add (global.get $seen) (i64.extend_i32_u (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (i32.store (i32.const 1032) (i32.const 32768)) (i32.store (i32.const 1036) (local.get $count))
    (i32.const 1024)";

/// A plugin with a function that does this for a text beginning with a W, and counts its calls otherwise.
fn moody(version: &str, imports: &str, extra: &str, body: &str) -> Vec<u8> {
    let name = format!("{}#{}", Point::Function.interface(), Point::Function.functions()[0]);
    let function = format!(
        r#"(global $seen (mut i64) (i64.const 0))
        (func (export "{name}") (param i32 i32) (param $rows i32) (param $count i32) (result i32) (local $i i32)
            (if (i32.eq (i32.load8_u (i32.load offset=8 (i32.load (local.get $rows)))) (i32.const 87))
                (then {body}))
            {COUNTING})"#
    );
    let manifest = json!({"id": ID, "version": version, "title": {"en": "Moody", "zh-CN": "多变"},
        "runtime": ">=0.1, <2", "exports": [{"point": "function", "name": "mood", "returns": "integer",
        "parameters": [{"name": "text", "type": "text"}]}]});
    let (code, exports) = (module(imports, extra, &function), [Point::Function.interface()]);
    of_parts(&manifest, mortise_wit::componentize(&code, &["mortise:log/log@1.0.0"], &exports).unwrap())
}

fn app() -> mortise_definition::Package {
    let function = json!({"parameters": ["text"], "returns": "integer"});
    let uses = json!({"moody": {"id": ID, "version": ">=1, <2", "functions": {"mood": function}}});
    let value = json!({"value": "moody.mood(record.name)"});
    let fields = vec![field("one", "computed", value.clone()), field("two", "computed", value)];
    let columns =
        json!(["name", "one", {"id": "now", "label": words("Now"), "expression": "moody.mood(record.name)"}]);
    let view = json!({"id": "things", "entity": "thing", "label": words("Things"), "page_size": 200, "columns": columns});
    let app = json!({"id": "desk", "version": "1.0.0", "label": words("Desk"), "plugins": uses});
    package(vec![("app.json", app), ("entities/thing.json", thing(fields)), ("views/things.json", view)])
}

async fn check(test: impl AsyncFn(&Bench, &Arc<Tenant>)) {
    check_bare(async |bench: &Bench| {
        bench.install(app()).await.unwrap();
        let (slug, next) = neighbour(bench).await;
        next.install(&bench.admin(), Arc::new(app()), &[]).await.unwrap();
        test(bench, &next).await;
        drop(next);
        bench.engine.drop_tenant_storage(&slug).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_function_that_means_harm_refuses_the_save_and_nobody_else_notices() {
    let deeper = "(func $deeper (param i32) (result i32) \
        (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))";
    let log = r#"(import "mortise:log/log@1.0.0" "write" (func $log (param i32 i32 i32 i32)))"#;
    let nan = "(i32.store8 (i32.const 2048) (i32.const 3)) (f64.store (i32.const 2056) (f64.const nan)) \
        (i32.store (i32.const 1032) (i32.const 2048)) (i32.store (i32.const 1036) (i32.const 1)) (return (i32.const 1024))";
    let cases = [
        ("", "", "(loop $again (br $again))", "plugin.run.limit", "fuel"),
        (
            "",
            "",
            "(loop $again (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br $again))",
            "plugin.run.limit",
            "fuel",
        ),
        (
            "",
            "",
            "(loop $more (drop (memory.grow (i32.const 16))) (br $more))",
            "plugin.run.limit",
            "memory-bytes",
        ),
        ("", deeper, "(drop (call $deeper (i32.const 0)))", "plugin.run.trap", "stack"),
        ("", "", nan, "plugin.run.output", "no finite number"),
        ("", "", "(return (i32.const 1024))", "plugin.run.output", "0 answers for 1 rows"),
        (
            log,
            "",
            "(call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))",
            "plugin.run.trap",
            "",
        ),
    ];
    check(async |bench: &Bench, next: &Arc<Tenant>| {
        for (number, (imports, extra, body, outcome, detail)) in (1..).zip(cases) {
            let package = moody(&format!("1.0.{number}"), imports, extra, body);
            for tenant in [&bench.tenant, next] {
                tenant.install_plugin(&bench.admin(), package.clone(), None).await.unwrap();
            }
            let before = super::standing(bench).await;
            let (wild, calm) = tokio::join!(save(&bench.tenant, bench, "Wild"), save(next, bench, "calm"));
            let error = wild.expect_err(detail);
            assert_eq!(issues(&error), ["one expr.plugin_failed", "two expr.plugin_failed"], "{detail}");
            calm.unwrap();
            assert_eq!(super::standing(bench).await, before, "{detail}: nothing is half written");
            let runs = told(&bench.tenant, bench, ID, number).await;
            let message = runs[0].message.clone().unwrap_or_default();
            assert!(runs[0].outcome == outcome && message.contains(detail), "{}: {message}", runs[0].outcome);
            save(&bench.tenant, bench, "calm").await.unwrap();
            assert!(failed_runs(next, bench, ID, number).await.is_empty());
        }
    })
    .await;
}

#[tokio::test]
async fn a_function_that_remembers_how_often_it_was_asked_gives_the_same_answer_every_time() {
    check(async |bench: &Bench, next: &Arc<Tenant>| {
        for tenant in [&bench.tenant, next] {
            tenant.install_plugin(&bench.admin(), moody("1.0.0", "", "", ""), None).await.unwrap();
        }
        let admin = bench.admin();
        for _ in 0..5 {
            let id = bench.create(&admin, "desk.thing", json!({"name": "calm"})).await;
            let record = bench.json(&admin, "desk.thing", id).await;
            assert_eq!((&record["one"], &record["two"]), (&json!(1000), &json!(1000)));
            save(next, bench, "calm").await.unwrap();
        }
        for _ in 0..3 {
            let rows = bench.rows(&admin, "desk.thing", &[("view", "desk.things")]).await.unwrap();
            let now: Vec<&Json> = rows.iter().map(|row| &row["now"]).collect();
            assert_eq!(now, [&json!(1000); 5], "nobody counts rows or lists");
        }
    })
    .await;
}
