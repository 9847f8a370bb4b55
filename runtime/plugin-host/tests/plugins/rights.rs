//! Plugins that want what nobody gave them: other kinds of records, other fields, other hosts.

use std::sync::Arc;

use mortise_plugin_host::Permissions;
use mortise_plugin_host::limits::Counter;
use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::run::Failure;
use mortise_plugin_host::value::Retry;
use serde_json::json;

use crate::support::{Memory, Place, invocation, invocation_with, settings, thing, with_permissions};

const GET: &str =
    r#"(import "mortise:records/read@1.0.0" "get" (func $get (param i32 i32 i32 i32 i32 i32 i32)))"#;
/// `thing` at 64, `1` at 72, and at 80 a list of one text, `name` at 96.
const WORDS: &str = r#"(data (i32.const 64) "thing   1") (data (i32.const 80) "\60\00\00\00\04\00\00\00") (data (i32.const 96) "name")"#;
/// Reads a record; a fault of the host is handed on as it is, anything else is good.
const READ: &str = "(call $get (i32.const 64) (i32.const 5) (i32.const 72) (i32.const 1) (i32.const 80) \
    (i32.const 1) (i32.const 1024)) \
    (if (i32.eqz (i32.load8_u (i32.const 1024))) \
        (then (i64.store (i32.const 1032) (i64.const 0)))) (i32.const 1024)";

fn asks() -> serde_json::Value {
    json!({ "records.read": [{ "entity": "thing", "fields": ["name", "size"] }] })
}

fn permissions(value: serde_json::Value) -> Permissions {
    serde_json::from_value(value).unwrap()
}

async fn read(granted: Permissions) -> (Result<(), Failure>, Vec<String>) {
    let place = Place::new(settings());
    let package = with_permissions(Point::Validator, &asks(), GET, WORDS, READ);
    let plugin = place.install(&package).await.unwrap();
    let memory = Memory { things: vec![thing("a")], ..Memory::default() };
    let asked = Arc::clone(&memory.asked);
    let run = plugin.validate(&invocation_with(granted, memory), "it", None, &thing("a")).await;
    let asked = asked.lock().clone();
    (run.outcome.map(drop), asked)
}

fn code(outcome: Result<(), Failure>) -> String {
    match outcome.unwrap_err() {
        Failure::Fault(fault) => fault.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_was_granted_is_done_and_what_was_only_asked_for_is_not() {
    let (outcome, asked) = read(permissions(asks())).await;
    assert_eq!(outcome, Ok(()));
    assert_eq!(asked, ["get thing 1"]);
    let (outcome, asked) = read(Permissions::default()).await;
    assert_eq!(code(outcome), "plugin.denied.read");
    assert_eq!(asked, Vec::<String>::new(), "the engine is never asked");
}

#[tokio::test]
async fn a_field_that_was_not_granted_is_refused_by_name() {
    let granted = permissions(json!({ "records.read": [{ "entity": "thing", "fields": ["size"] }] }));
    assert_eq!(code(read(granted).await.0), "plugin.denied.field");
    let other = permissions(json!({ "records.read": [{ "entity": "other", "fields": ["*"] }] }));
    assert_eq!(code(read(other).await.0), "plugin.denied.read");
}

#[tokio::test]
async fn a_refusal_speaks_the_language_of_the_call() {
    let place = Place::new(settings());
    let package = with_permissions(Point::Validator, &asks(), GET, WORDS, READ);
    let plugin = place.install(&package).await.unwrap();
    let mut invocation = invocation();
    invocation.call.locale = "zh-CN".into();
    match plugin.validate(&invocation, "it", None, &thing("a")).await.outcome.unwrap_err() {
        Failure::Fault(fault) => assert_eq!(fault.message, "插件无权读取 thing。"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn records_are_counted_and_the_limit_cannot_be_caught() {
    let mut settings = settings();
    settings.save.rows_read = 3;
    let place = Place::new(settings);
    let once = READ.trim_end_matches("(i32.const 1024)");
    let body = format!("(loop $more {once} (br $more)) (i32.const 1024)");
    let package = with_permissions(Point::Validator, &asks(), GET, WORDS, &body);
    let plugin = place.install(&package).await.unwrap();
    let memory = Memory { things: vec![thing("a")], ..Memory::default() };
    let invocation = invocation_with(permissions(asks()), memory);
    match plugin.validate(&invocation, "it", None, &thing("a")).await.outcome.unwrap_err() {
        Failure::Limit(exceeded) => assert_eq!(exceeded.counter, Counter::RowsRead),
        other => panic!("{other:?}"),
    }
}

const SEND: &str = r#"(import "mortise:http/client@1.0.0" "send" (func $send
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#;

/// An action that gets `url`, and hands a fault on.
fn fetch(url: &str) -> (String, String) {
    let extra = format!(r#"(data (i32.const 64) "GET     {url}")"#);
    let none = "(i32.const 0) ".repeat(10);
    let body = format!(
        "(call $send (i32.const 64) (i32.const 3) (i32.const 72) (i32.const {}) {none} (i32.const 1024)) \
         (if (i32.eqz (i32.load8_u (i32.const 1024))) (then unreachable)) (i32.const 1024)",
        url.len()
    );
    (extra, body)
}

async fn fetched(url: &str) -> (mortise_plugin_host::value::Fault, Vec<String>) {
    let asks = json!({ "http": [{ "host": "https://api.example.com", "methods": ["GET"] }] });
    let mut settings = settings();
    settings.background.http_ms = 30;
    let place = Place::new(settings);
    let (extra, body) = fetch(url);
    let plugin = place.install(&with_permissions(Point::Action, &asks, SEND, &extra, &body)).await.unwrap();
    let memory = Memory::default();
    let asked = Arc::clone(&memory.asked);
    let run = plugin.run(&invocation_with(permissions(asks), memory), "it", &[], None).await;
    let asked = asked.lock().clone();
    match run.outcome.unwrap_err() {
        Failure::Fault(fault) => (fault, asked),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_the_hosts_of_the_grant_are_called() {
    for url in [
        "https://api.example.com.evil.net/",
        "http://api.example.com/",
        "https://169.254.169.254/latest/meta-data",
        "https://user@api.example.com/",
        "https://api.example.com:8443/",
    ] {
        let (fault, asked) = fetched(url).await;
        assert_eq!(fault.code, "plugin.denied.host", "{url}");
        assert_eq!(asked, Vec::<String>::new());
    }
    assert_eq!(fetched("no address").await.0.code, "plugin.http.url");
}

#[tokio::test]
async fn a_host_that_never_answers_costs_the_time_that_was_granted_and_no_more() {
    let (fault, asked) = fetched("https://api.example.com/v1").await;
    assert_eq!((fault.code.as_str(), fault.retry), ("plugin.http.timeout", Retry::Backoff));
    assert_eq!(asked, ["GET https://api.example.com/v1"]);
}
