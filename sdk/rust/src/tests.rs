//! The kit without a plugin: values, contexts and the fakes that tests of plugins rely on.

use crate::prelude::*;
use crate::testing::{Fakes, call, entry};
use crate::{FromValue, IntoAnswer, IntoValue, Response, Row};

#[test]
fn a_row_is_taken_apart_into_types_and_says_what_does_not_fit() {
    let row = || Row::of(vec![Value::Text("a".into()), Value::Integer(2), Value::Null]);
    let mut good = row();
    assert_eq!(good.next::<String>(1).unwrap(), "a");
    assert_eq!(good.next::<f64>(2).unwrap(), 2.0);
    assert_eq!(good.next::<Option<i64>>(3).unwrap(), None);
    good.end().unwrap();
    assert_eq!(row().next::<i64>(1).unwrap_err().message, "argument 1 is not a whole number");
    assert_eq!(row().end().unwrap_err().message, "there are too many arguments");
}

#[test]
fn answers_are_values_or_faults() {
    assert_eq!(7_i64.into_answer().unwrap(), Value::Integer(7));
    assert_eq!(None::<bool>.into_answer().unwrap(), Value::Null);
    let refused: Result<i64, Fault> = Err(fault("no", "No."));
    assert_eq!(refused.into_answer().unwrap_err().code, "no");
    assert_eq!(Vec::<String>::from_value("x".into_value()), None);
}

#[test]
fn a_fake_host_finds_records() {
    let (fakes, cx) = (Fakes::current(), Context::of(call()));
    fakes.put(entry("thing", "1", &[("size", Value::Integer(3)), ("name", "a".into_value())]));
    fakes.put(entry("thing", "2", &[("size", Value::Integer(9)), ("name", "b".into_value())]));
    let query = Query {
        conditions: vec![Condition::new("size", "ge", 3_i64)],
        order: vec!["-size".into()],
        fields: vec!["name".into()],
        limit: 1,
        cursor: None,
    };
    let page = cx.records().find("thing", &query).unwrap();
    assert_eq!(page.entries[0].id.as_deref(), Some("2"));
    let rest = cx.records().find("thing", &Query { cursor: page.next, ..query }).unwrap();
    assert_eq!((rest.entries[0].id.as_deref(), rest.next), (Some("1"), None));
    assert_eq!(cx.records().count("thing", &[Condition::new("name", "eq", "a")]).unwrap(), 1);
    let found = cx.records().get("thing", "2", &["size"]).unwrap().unwrap();
    assert_eq!((found.fields.len(), &found.fields[0].value), (1, &Value::Integer(9)));
    assert_eq!(cx.records().get("thing", "3", &["size"]).unwrap(), None);
}

#[test]
fn a_fake_host_keeps_what_a_plugin_writes() {
    let (fakes, cx) = (Fakes::current(), Context::of(call()));
    let size = |value: i64| [Field { name: "size".into(), value: Value::Integer(value) }];
    let id = cx.records().create("thing", &size(1)).unwrap();
    cx.records().update("thing", &id, &size(2)).unwrap();
    assert_eq!(fakes.record("thing", &id).unwrap(), size(2));
    cx.records().delete("thing", &id).unwrap();
    assert_eq!(fakes.record("thing", &id), None);
    assert_eq!(cx.records().update("thing", &id, &size(3)).unwrap_err().code, "record.not_found");
}

#[test]
fn a_fake_host_answers_for_other_systems_what_the_test_prepared() {
    let (fakes, cx) = (Fakes::current(), Context::of(call()));
    assert_eq!(cx.http().get("https://a.example", None).unwrap_err().code, "test.no_response");
    fakes.respond(Ok(Response { status: 204, headers: Vec::new(), body: Vec::new() }));
    assert_eq!(cx.http().get("https://a.example", Some("key")).unwrap().status, 204);
    assert_eq!(fakes.sent()[1].credential.as_deref(), Some("key"));
    fakes.respond(Err(fault("closed", "closed")));
    assert_eq!(cx.http().get("https://a.example", None).unwrap_err().code, "closed");
}

#[test]
fn a_fake_host_keeps_the_lines_of_the_log() {
    let (fakes, cx) = (Fakes::current(), Context::of(call()));
    cx.log().info("begun");
    cx.log().warn("slow");
    let lines = [("info", "begun"), ("warn", "slow")].map(|(level, words)| (level.into(), words.into()));
    assert_eq!(fakes.lines(), lines);
}

#[test]
fn a_fake_host_tells_what_is_left_of_the_counters_that_a_test_names() {
    let (fakes, cx) = (Fakes::current(), Context::of(call()));
    fakes.leave("cpu-ms", 4);
    assert_eq!((cx.left("cpu-ms"), cx.left("rows-read")), (Some(4), None));
}

#[test]
fn the_store_of_a_plugin_changes_only_from_what_was_expected() {
    let store = Context::of(call());
    let store = store.storage();
    assert!(store.swap("k", None, Some(b"1")).unwrap());
    assert!(!store.swap("k", None, Some(b"2")).unwrap());
    store.set("l", b"x").unwrap();
    assert_eq!(store.keys("", Some("k"), 10).unwrap(), ["l"]);
    store.delete("k").unwrap();
    assert_eq!(store.get("k").unwrap(), None);
}
