//! JSON Schemas of the app language, generated from the source types. The same schemas check what comes in, complete
//! it in editors (`mortise schema`) and are the language reference, so the three cannot differ.

use std::sync::OnceLock;

use jsonschema::Validator;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::package::PROBLEMS_PER_FILE_MAX;
use crate::source::{
    App, Assignment, Calendar, Connector, Dashboard, Data, Decision, Entity, Extension, Form, Lifecycle,
    Metric, Notification, Role, Rule, Scenario, Sla, Tree, View,
};
use crate::{Kind, Problem};

mod document;
mod findings;
mod reference;

pub use document::Document;
pub use reference::{reference_markdown, reference_of};

/// The schema of every kind of artifact, by the name of the kind (JSON Schema 2020-12).
pub fn schemas() -> Vec<(&'static str, Value)> {
    Kind::ALL.into_iter().map(|kind| (kind.name(), checker(kind).schema.clone())).collect()
}

/// What is wrong with the value of a file, as far as the schema of its kind can tell.
pub(crate) fn validate(kind: Kind, file: &str, value: &Value) -> Vec<Problem> {
    let checker = checker(kind);
    let mut problems = Vec::new();
    for error in checker.validator.iter_errors(value) {
        findings::report(&error, &checker.schema, file, &mut problems);
        if problems.len() > PROBLEMS_PER_FILE_MAX {
            problems.truncate(PROBLEMS_PER_FILE_MAX);
            problems.push(Problem::error("schema.more", file, "").arg("limit", PROBLEMS_PER_FILE_MAX));
            break;
        }
    }
    problems
}

struct Checker {
    schema: Value,
    validator: Validator,
}

/// Made when first needed: a server that only loads installed apps never does.
fn checker(kind: Kind) -> &'static Checker {
    static CHECKERS: [OnceLock<Checker>; Kind::ALL.len()] = [const { OnceLock::new() }; Kind::ALL.len()];
    CHECKERS[kind as usize].get_or_init(|| {
        let schema = match kind {
            Kind::App => generate::<App>(),
            Kind::Entity => generate::<Entity>(),
            Kind::Extension => generate::<Extension>(),
            Kind::Tree => generate::<Tree>(),
            Kind::Form => generate::<Form>(),
            Kind::View => generate::<View>(),
            Kind::Role => generate::<Role>(),
            Kind::Data => generate::<Data>(),
            Kind::Lifecycle => generate::<Lifecycle>(),
            Kind::Decision => generate::<Decision>(),
            Kind::Calendar => generate::<Calendar>(),
            Kind::Sla => generate::<Sla>(),
            Kind::Metric => generate::<Metric>(),
            Kind::Assignment => generate::<Assignment>(),
            Kind::Connector => generate::<Connector>(),
            Kind::Notification => generate::<Notification>(),
            Kind::Rule => generate::<Rule>(),
            Kind::Dashboard => generate::<Dashboard>(),
            Kind::Scenario => generate::<Scenario>(),
        };
        let validator =
            jsonschema::draft202012::new(&schema).expect("generated schemas are tested to be schemas");
        Checker { schema, validator }
    })
}

fn generate<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    refine(&mut schema);
    schema
}

/// Makes a generated schema as strict as the reader: no unknown keys, no null for what is left out.
fn refine(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            forbid_null(map);
            if map.contains_key("properties") {
                match map.remove("oneOf") {
                    Some(Value::Array(variants)) => tagged(map, &variants),
                    _ => drop(map.entry("additionalProperties").or_insert(Value::Bool(false))),
                }
            }
            // An `if` asks about one key only and must not mind the others.
            map.iter_mut().filter(|(key, _)| *key != "if").for_each(|(_, value)| refine(value));
        }
        Value::Array(items) => items.iter_mut().for_each(refine),
        _ => {}
    }
}

/// An optional key is left out, never null.
fn forbid_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".into(), only);
        }
    }
    let Some(Value::Array(branches)) = map.get_mut("anyOf") else { return };
    branches.retain(|branch| branch != &json!({ "type": "null" }));
    if let [Value::Object(only)] = branches.as_slice() {
        let only = only.clone();
        map.remove("anyOf");
        for (key, value) in only {
            map.entry(key).or_insert(value);
        }
    }
}

/// Keys that depend on `type`: one `if … then` per type, so that an error says what is wrong for that very type,
/// instead of thirty ways in which it is not another one.
fn tagged(map: &mut Map<String, Value>, variants: &[Value]) {
    let Some(Value::Object(common)) = map.get("properties").cloned() else { return };
    let open: Map<String, Value> = common.keys().map(|key| (key.clone(), Value::Bool(true))).collect();
    let mut types = Vec::new();
    let mut branches = Vec::new();
    for variant in variants {
        let name = &variant["properties"]["type"]["const"];
        types.push(json!({ "const": name, "description": variant["description"] }));
        let mut properties = open.clone();
        for (key, own) in variant["properties"].as_object().into_iter().flatten() {
            properties.insert(key.clone(), if key == "type" { Value::Bool(true) } else { own.clone() });
        }
        let required: Vec<&Value> =
            variant["required"].as_array().into_iter().flatten().filter(|key| *key != "type").collect();
        branches.push(json!({
            "if": { "properties": { "type": { "const": name } }, "required": ["type"] },
            "then": { "properties": properties, "required": required, "additionalProperties": false },
        }));
    }
    // `type` stands where people write it: behind the names.
    let mut properties = Map::new();
    for (key, value) in common {
        let last_name = key == "help";
        properties.insert(key, value);
        if last_name {
            properties.insert(
                "type".into(),
                json!({ "description": "What the field holds.", "type": "string", "oneOf": types }),
            );
        }
    }
    map.insert("properties".into(), Value::Object(properties));
    if let Some(Value::Array(required)) = map.get_mut("required")
        && !required.contains(&json!("type"))
    {
        required.push(json!("type"));
    }
    map.insert("allOf".into(), Value::Array(branches));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_a_schema_that_refuses_unknown_keys_and_describes_each_key() {
        for (name, schema) in schemas() {
            assert!(jsonschema::draft202012::meta::is_valid(&schema), "{name}");
            assert_eq!(schema["additionalProperties"], false, "{name}");
            for (key, property) in schema["properties"].as_object().unwrap() {
                assert!(property.get("description").is_some(), "{name}.{key}");
            }
        }
    }
}
