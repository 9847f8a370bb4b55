//! Plugins made of text, and packages that were built long ago.

use std::collections::BTreeMap;
use std::path::Path;

use mortise_engine::plugins::{PluginInfo, PluginReport, PluginState};
use mortise_engine::{Error, TrailFilter};
use mortise_plugin_host::manifest::{Manifest, Point};
use mortise_plugin_host::{Package, Permissions};
use mortise_wit::module_text;
use serde_json::{Value as Json, json};

use crate::common::desk::{desk, plain, thing};
use crate::common::{Bench, check_bare};

/// The id of plugins made here.
pub(crate) const ID: &str = "test.plugin";
/// The answer of a plugin to which everything is all right.
pub(crate) const GOOD: &str = "(i32.const 1024)";
/// A plugin that breaks down.
pub(crate) const TRAP: &str = "(unreachable)";

/// A tenant with `desk.thing`, which has a name and a note.
pub(crate) async fn check(test: impl AsyncFn(&Bench)) {
    check_bare(async |bench: &Bench| {
        bench.install(desk("1.0.0", vec![thing(vec![plain("note", "text")])])).await.unwrap();
        test(bench).await;
    })
    .await;
}

/// A plugin that was built by a released kit.
pub(crate) fn museum(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin-host/tests/museum");
    std::fs::read(folder.join(format!("rust-0.1.0-{name}.plugin"))).unwrap()
}

/// A manifest with a validator named `it` of `thing`, which gets the name.
pub(crate) fn manifest(version: &str, permissions: &Json) -> Json {
    let export = json!({ "point": "validator", "name": "it", "entity": "thing", "input": ["name"] });
    json!({
        "id": ID,
        "version": version,
        "title": { "en": "Test", "zh-CN": "测试" },
        "runtime": ">=0.1, <2",
        "exports": [export],
        "permissions": permissions,
    })
}

/// May read these fields of things.
pub(crate) fn reads(fields: &[&str]) -> Json {
    json!({ "records.read": [{ "entity": "thing", "fields": fields }] })
}

pub(crate) fn rights(permissions: &Json) -> Permissions {
    serde_json::from_value(permissions.clone()).unwrap()
}

/// A package whose exports all do the same.
pub(crate) fn package(manifest: &Json, body: &str) -> Vec<u8> {
    package_using(manifest, "", body)
}

/// The same with functions of the host that it uses. At 64 there is the text `key`.
pub(crate) fn package_using(manifest: &Json, imports: &str, body: &str) -> Vec<u8> {
    let parsed = Manifest::parse(&manifest.to_string()).unwrap();
    let functions: String = parsed.points().map(|point| function(point, body)).collect();
    let text = module_text(imports, &format!(r#"(data (i32.const 64) "key") {functions}"#));
    let module = wat::parse_str(text).unwrap();
    let (imports, exports) = (parsed.imports(), parsed.export_interfaces());
    of_parts(manifest, mortise_wit::componentize(&module, &imports, &exports).unwrap())
}

fn function(point: Point, body: &str) -> String {
    let name = format!("{}#{}", point.interface(), point.functions()[0]);
    format!(r#"(func (export "{name}") (param i32) (result i32) {body})"#)
}

/// A package with whatever is said to be the component.
pub(crate) fn of_parts(manifest: &Json, component: Vec<u8>) -> Vec<u8> {
    Package::of(manifest.to_string(), component, BTreeMap::new()).unwrap().write().unwrap()
}

pub(crate) async fn install(bench: &Bench, bytes: Vec<u8>) -> PluginReport {
    bench.tenant.install_plugin(&bench.admin(), bytes, None).await.unwrap()
}

/// Installs a validator that asks for no rights.
pub(crate) async fn install_plain(bench: &Bench, version: &str, body: &str) -> PluginReport {
    install(bench, package(&manifest(version, &json!({})), body)).await
}

pub(crate) async fn info(bench: &Bench) -> PluginInfo {
    bench.tenant.plugin(&bench.admin(), ID).await.unwrap()
}

/// State, number of the version in force, and its version.
pub(crate) async fn standing(bench: &Bench) -> (PluginState, i64, String) {
    let info = info(bench).await;
    let current = info.versions.iter().find(|version| version.number == info.current).unwrap();
    (info.state, info.current, current.version.clone())
}

/// Codes of what is wrong with the version in force.
pub(crate) async fn problems(bench: &Bench) -> Vec<String> {
    info(bench).await.problems.into_iter().map(|problem| problem.code).collect()
}

/// What the audit trail says about plugins, oldest first.
pub(crate) async fn trail(bench: &Bench) -> Vec<String> {
    let found = bench.tenant.trail(&bench.admin(), &TrailFilter::default(), None, 100).await.unwrap();
    let mut actions: Vec<String> = found.entries.into_iter().map(|entry| entry.entry.action).collect();
    actions.retain(|action| action.starts_with("plugin."));
    actions.reverse();
    actions
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.unwrap_err().code()
}

/// The code of the first issue of a record that was refused.
pub(crate) fn issue<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.unwrap_err().issues()[0].issue.code
}
