//! `plugin.json`: what is accepted, and what every slip is answered with.

// Helpers of tests may unwrap.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

use expect_test::expect;
use mortise_plugin_host::Permissions;
use mortise_plugin_host::manifest::{Manifest, OnFailure, Point};
use proptest::prelude::*;
use serde_json::{Value, json};

fn good() -> Value {
    json!({
        "id": "acme.credit-check",
        "version": "1.4.0",
        "title": { "en": "Credit check", "zh-CN": "资信核查" },
        "runtime": ">=1.2, <3",
        "exports": [
            {
                "point": "validator", "name": "vat-number", "entity": "company",
                "input": ["name", "vat_number", "country.code"],
                "when": "after.vat_number != before.vat_number", "deadline_ms": 20
            },
            { "point": "action", "name": "fetch-score", "on_failure": "retry" }
        ],
        "permissions": {
            "records.read": [{ "entity": "company", "fields": ["name"] }],
            "http": [{ "host": "https://api.vies.example", "methods": ["GET"], "credential": "vies" }],
            "storage": { "bytes": 1000 }
        },
        "settings": [{ "name": "min_score", "type": "integer", "default": 600 }],
        "secrets": [{ "name": "vies", "inject": { "header": "Authorization", "format": "Bearer {}" } }]
    })
}

fn said(change: impl FnOnce(&mut Value)) -> String {
    let mut manifest = good();
    change(&mut manifest);
    match Manifest::parse(&manifest.to_string()) {
        Ok(_) => "fine".into(),
        Err(problems) => problems
            .iter()
            .map(|problem| format!("{} {}", problem.pointer, problem.code))
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

#[test]
fn the_example_of_the_design_is_read() {
    let manifest = Manifest::parse(&good().to_string()).unwrap();
    assert_eq!(manifest.points().collect::<Vec<_>>(), [Point::Validator, Point::Action]);
    let validator = manifest.export(Point::Validator, "vat-number").unwrap();
    assert_eq!(validator.failure_policy(), OnFailure::Reject);
    let imports = manifest.imports().join(" ");
    expect!["mortise:log/log@1.0.0 mortise:budget/budget@1.0.0 mortise:records/read@1.0.0 mortise:http/client@1.0.0 mortise:storage/kv@1.0.0"].assert_eq(&imports);
}

#[test]
fn every_slip_is_named_with_its_place() {
    assert_eq!(said(|_| ()), "fine");
    assert_eq!(said(|m| m["id"] = "credit".into()), "/id schema.form");
    assert_eq!(said(|m| m["version"] = "1.4".into()), "/version plugin.version");
    assert_eq!(said(|m| m["runtime"] = "new".into()), "/runtime plugin.runtime");
    assert_eq!(said(|m| m["component"] = "../x.wasm".into()), "/component plugin.path");
    assert_eq!(said(|m| m["colour"] = "red".into()), "/colour schema.unknown_key");
    assert_eq!(said(|m| m["exports"] = json!([])), "/exports schema.too_few");
    assert_eq!(said(|m| m["exports"][0]["entity"] = Value::Null), "/exports/0/entity schema.type");
    assert_eq!(
        said(|m| {
            m["exports"][0]["point"] = "before-save".into();
            m["exports"][0]["on_failure"] = "defer".into();
        }),
        "/exports/0/on_failure plugin.defer_change"
    );
    assert_eq!(
        said(|m| m["exports"][0]["on_failure"] = "retry".into()),
        "/exports/0/on_failure plugin.on_failure"
    );
    assert_eq!(
        said(|m| m["exports"][0]["schedule"] = "0 3 * * *".into()),
        "/exports/0/schedule plugin.key_not_here"
    );
    assert_eq!(said(|m| m["exports"][1]["input"] = json!(["name"])), "/exports/1/input plugin.key_not_here");
    assert_eq!(
        said(|m| m["exports"][1] = m["exports"][0].clone()).lines().next(),
        Some("/exports/1/name plugin.export_twice")
    );
    assert_eq!(
        said(|m| m["permissions"]["http"][0]["host"] = "https://a/b".into()),
        "/permissions/http/0/host plugin.host"
    );
    assert_eq!(
        said(|m| m["permissions"]["http"][0]["credential"] = "vie".into()),
        "/permissions/http/0/credential plugin.credential"
    );
    assert_eq!(
        said(|m| m["secrets"][0]["inject"]["format"] = "Bearer".into()),
        "/secrets/0/inject/format plugin.secret_format"
    );
    let columns = |more: Value| {
        let mut setting = json!({ "name": "limits", "type": "json",
            "columns": [{ "name": "who", "type": "text", "required": true }, { "name": "percent", "type": "decimal" }] });
        setting.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        said(|m| m["settings"] = json!([setting]))
    };
    assert_eq!(columns(json!({})), "fine");
    assert_eq!(columns(json!({ "keyed": true })), "fine");
    for slip in [
        json!({ "type": "many" }),
        json!({ "columns": [{ "name": "who", "type": "json" }] }),
        json!({ "columns": [{ "name": "who", "type": "text" }, { "name": "who", "type": "text" }] }),
        json!({ "keyed": true, "columns": [{ "name": "who", "type": "text", "required": true }] }),
        json!({ "keyed": true, "columns": [] }),
    ] {
        assert_eq!(columns(slip.clone()), "/settings/0 plugin.setting_columns", "{slip}");
    }
    let unusable =
        "/permissions/http plugin.permission_unusable\n/permissions/storage plugin.permission_unusable";
    assert_eq!(said(|m| m["exports"] = json!([m["exports"][0].clone()])), unusable);
    let long = "x".repeat(300_000);
    assert_eq!(said(|m| m["title"] = long.into()), " plugin.manifest_too_large");
}

#[test]
fn every_problem_has_words_in_both_languages() {
    let mut manifest = good();
    manifest["permissions"]["http"][0]["host"] = "https://*.com".into();
    let problems = Manifest::parse(&manifest.to_string()).unwrap_err();
    assert_eq!(problems[0].message("en"), "In “https://*.com” the star stands at the wrong place.");
    assert_eq!(problems[0].message("zh-CN"), "“https://*.com”中的星号位置不对。");
    assert!(problems[0].hint("zh-CN").is_some());
}

#[test]
fn the_schema_describes_every_key() {
    let schema = Manifest::json_schema();
    assert_eq!(schema["additionalProperties"], false);
    for (key, property) in schema["properties"].as_object().unwrap() {
        assert!(property.get("description").is_some(), "{key}");
    }
}

fn permissions() -> impl Strategy<Value = Permissions> {
    let names = || proptest::collection::hash_set("[a-c]|\\*", 1..3);
    let read = proptest::collection::vec(("[xy]", names()), 0..3);
    let hosts = proptest::sample::select(vec![
        "https://a.example.com",
        "https://*.example.com",
        "https://*.a.example.com",
        "http://a.example.com",
        "https://example.com",
    ]);
    let methods = proptest::collection::hash_set(proptest::sample::select(vec!["GET", "POST"]), 1..3);
    let http = proptest::collection::vec((hosts, methods), 0..3);
    (read, http, proptest::option::of(1_u64..100)).prop_map(|(read, http, bytes)| {
        let read: Vec<Value> =
            read.iter().map(|(entity, fields)| json!({ "entity": entity, "fields": fields })).collect();
        let http: Vec<Value> =
            http.iter().map(|(host, methods)| json!({ "host": host, "methods": methods })).collect();
        let mut value = json!({ "records.read": read, "http": http });
        if let Some(bytes) = bytes {
            value["storage"] = json!({ "bytes": bytes });
        }
        serde_json::from_value(value).unwrap()
    })
}

proptest! {
    #[test]
    fn what_two_grants_share_is_within_both(one in permissions(), other in permissions()) {
        let both = one.intersect(&other);
        prop_assert!(both.within(&one), "{both:?}");
        prop_assert!(both.within(&other), "{both:?}");
        prop_assert!(other.intersect(&one).within(&both) , "the order does not matter");
    }

    #[test]
    fn any_text_is_a_manifest_or_a_list_of_problems(text in ".{0,200}") {
        prop_assert!(Manifest::parse(&text).is_err());
    }

    #[test]
    fn a_manifest_with_any_value_anywhere_never_panics(place in 0_usize..12, value in ".{0,20}") {
        let mut manifest = good();
        let keys = ["/id", "/version", "/runtime", "/component", "/exports/0/name", "/exports/0/entity", "/exports/0/input/0",
            "/exports/0/when", "/permissions/http/0/host", "/secrets/0/inject/header", "/settings/0/type", "/title/en"];
        if let Some(slot) = manifest.pointer_mut(keys[place]) {
            *slot = value.into();
        }
        let _ = Manifest::parse(&manifest.to_string());
    }
}
