//! The OpenAPI document: whole, consistent, and true of the answers.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::world::{TASKS, on_both};

const METHODS: [&str; 5] = ["get", "post", "patch", "delete", "put"];

#[test]
fn the_document_is_whole_and_true() {
    on_both(|world| {
        let document = world.call("GET", "/t/demo/api/v1/openapi.json", &json!({})).expect(200).json();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["servers"][0]["url"], "/t/demo/api/v1");
        check_references(&document, &document);
        check_operations(&document);
        let id = world
            .task(&world.admin, &json!({"name": "Paint", "hours": 2, "cost": "1.50", "due": "2026-12-01"}));
        let record =
            world.client(&world.admin).get(&format!("{TASKS}/{id}")).expect("an answer").expect(200).json();
        let schema = &document["components"]["schemas"]["workshop.task"];
        for (name, value) in record.as_object().expect("a record") {
            let described = &schema["properties"][name];
            assert!(described.is_object(), "{name} is not described");
            assert!(fits(described, value), "{name}: {value} is not {described}");
        }
        let required = &document["components"]["schemas"]["workshop.task.input"]["x-required-on-create"];
        assert_eq!(required, &json!(["name"]));
    });
}

/// Every `$ref` leads somewhere.
fn check_references(document: &Value, part: &Value) {
    match part {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                let pointer = reference.strip_prefix('#').expect("references stay in the document");
                assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            members.values().for_each(|member| check_references(document, member));
        }
        Value::Array(items) => items.iter().for_each(|item| check_references(document, item)),
        _ => {}
    }
}

/// Operations have unique ids, answers, and a parameter for every part of their path in braces.
fn check_operations(document: &Value) {
    let mut ids = HashSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("a path item") {
            if !METHODS.contains(&method.as_str()) {
                assert_eq!(method, "parameters", "{path}");
                continue;
            }
            let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no id"));
            assert!(ids.insert(id.to_owned()), "{id} occurs twice");
            assert!(operation["responses"].as_object().is_some_and(|all| all.len() >= 2), "{method} {path}");
            let parameters = [&item["parameters"], &operation["parameters"]];
            let parameters = parameters.into_iter().filter_map(Value::as_array).flatten();
            let names: HashSet<&str> = parameters
                .filter_map(|parameter| match parameter["$ref"].as_str() {
                    Some(reference) => document.pointer(&reference[1..])?["name"].as_str(),
                    None => parameter["name"].as_str(),
                })
                .collect();
            for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                assert!(names.contains(name), "{method} {path} does not describe {name}");
            }
        }
    }
}

/// A small part of JSON Schema: types and enums.
fn fits(schema: &Value, value: &Value) -> bool {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = match &schema["type"] {
        Value::Array(kinds) => kinds.contains(&json!(kind)),
        Value::String(one) => one == kind,
        _ => true,
    };
    allowed && schema["enum"].as_array().is_none_or(|values| values.contains(value))
}
