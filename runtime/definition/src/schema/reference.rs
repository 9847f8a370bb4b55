//! The reference of the app language as Markdown, generated from the schemas: one section per kind of artifact and
//! per type used in it, with keys, types and meaning.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::schemas;
use crate::Kind;

/// The language reference. Each type is described once, where it is first used.
pub fn reference_markdown() -> String {
    let mut page = Page { text: String::new(), described: Vec::new() };
    for (kind, (_, schema)) in Kind::ALL.into_iter().zip(schemas()) {
        let file = match kind {
            Kind::App => "app.json".to_owned(),
            kind => format!("{}/<id>.json", kind.folder()),
        };
        let title = schema["title"].as_str().unwrap_or_default();
        page.line(&format!("## {title} — `{file}`\n"));
        page.paragraph(&schema);
        page.keys(&schema);
        let definitions = schema["$defs"].as_object().cloned().unwrap_or_default();
        for (name, definition) in &definitions {
            page.definition(name, definition);
        }
    }
    page.text.trim_end().to_owned() + "\n"
}

/// The keys of one schema and of the types that it uses.
pub fn reference_of(schema: &Value) -> String {
    let mut page = Page { text: String::new(), described: Vec::new() };
    page.keys(schema);
    for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
        page.definition(name, definition);
    }
    page.text.trim_end().to_owned() + "\n"
}

struct Page {
    text: String,
    described: Vec<String>,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn paragraph(&mut self, schema: &Value) {
        if let Some(description) = schema["description"].as_str() {
            self.line(&format!("{}\n", flow(description)));
        }
    }

    fn definition(&mut self, name: &str, schema: &Value) {
        if self.described.iter().any(|other| other == name) {
            return;
        }
        self.described.push(name.to_owned());
        self.line(&format!("### {name}\n"));
        self.paragraph(schema);
        self.choices(schema);
        if schema.get("properties").is_some() {
            self.keys(schema);
        }
        if let Some(words) = schema["enum"].as_array() {
            let words: Vec<String> =
                words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
            self.line(&format!("One of {}.\n", words.join(", ")));
        }
        let branches = || schema["anyOf"].as_array().into_iter().flatten();
        for word in branches().filter(|branch| branch["const"].is_string()) {
            self.word(word);
        }
        if branches().any(|branch| branch["const"].is_string()) {
            self.line("");
        }
        for branch in branches() {
            self.choices(branch);
            if branch["type"] == "string" && branch.get("const").is_none() {
                self.line(&match branch["description"].as_str() {
                    Some(meaning) => format!("As a text: {}\n", flow(meaning)),
                    None => "As a text.\n".to_owned(),
                });
            }
            if branch.get("properties").is_some() {
                self.line("As an object:\n");
                self.keys(branch);
            }
        }
        self.variants(schema);
    }

    /// A table of the keys of an object.
    fn keys(&mut self, schema: &Value) {
        let required =
            |key: &str| schema["required"].as_array().into_iter().flatten().any(|name| name == key);
        self.line("| Key | Type | Required | Meaning |");
        self.line("| --- | --- | --- | --- |");
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            let meaning = cell(property["description"].as_str().unwrap_or_default());
            let needed = if required(key) { "yes" } else { "" };
            self.line(&format!("| `{key}` | {} | {needed} | {meaning} |", type_of(property)));
        }
        self.line("");
    }

    /// A list of the values of a choice, or a table of the types of an object.
    fn choices(&mut self, schema: &Value) {
        let Some(choices) = schema["oneOf"].as_array() else { return };
        if choices.iter().all(|choice| choice["properties"]["type"]["const"].is_string()) {
            return self.types(choices);
        }
        for choice in choices {
            self.word(choice);
        }
        self.line("");
    }

    /// An entry of a list: a value that is a word, and what it means.
    fn word(&mut self, choice: &Value) {
        let meaning = flow(choice["description"].as_str().unwrap_or_default());
        self.line(&format!("- `{}`: {meaning}", choice["const"].as_str().unwrap_or_default()));
    }

    /// A table of the types of an object with the keys of each.
    fn types(&mut self, types: &[Value]) {
        let common = Map::from_iter([("type".to_owned(), Value::Null)]);
        self.line("| `type` | Meaning | Keys of this type |");
        self.line("| --- | --- | --- |");
        for one in types {
            let name = one["properties"]["type"]["const"].as_str().unwrap_or_default();
            let meaning = cell(one["description"].as_str().unwrap_or_default());
            self.line(&format!("| `{name}` | {meaning} | {} |", own_keys(one, &common)));
        }
        self.line("");
    }

    /// A table of the types of a field and the keys that each of them adds.
    fn variants(&mut self, schema: &Value) {
        let Some(branches) = schema["allOf"].as_array() else { return };
        let common = schema["properties"].as_object().cloned().unwrap_or_default();
        let types =
            common.get("type").and_then(|schema| schema["oneOf"].as_array()).cloned().unwrap_or_default();
        self.line("| `type` | Meaning | Keys of this type |");
        self.line("| --- | --- | --- |");
        for branch in branches {
            let name = &branch["if"]["properties"]["type"]["const"];
            let meaning = types.iter().find(|choice| choice["const"] == *name);
            let meaning = meaning.and_then(|choice| choice["description"].as_str()).unwrap_or_default();
            let keys = own_keys(&branch["then"], &common);
            self.line(&format!("| `{}` | {} | {keys} |", name.as_str().unwrap_or_default(), cell(meaning)));
        }
        self.line("");
    }
}

/// The keys that a type of field adds to the common ones.
fn own_keys(branch: &Value, common: &Map<String, Value>) -> String {
    let mut keys = String::new();
    for (key, property) in branch["properties"].as_object().into_iter().flatten() {
        if common.contains_key(key) {
            continue;
        }
        let required = branch["required"].as_array().into_iter().flatten().any(|name| name == key);
        let star = if required { " (required)" } else { "" };
        let meaning = cell(property["description"].as_str().unwrap_or_default());
        let separator = if keys.is_empty() { "" } else { "<br>" };
        write!(keys, "{separator}`{key}`{star}: {}. {meaning}", type_of(property))
            .expect("a string takes every text");
    }
    keys
}

/// The type of a value in words.
fn type_of(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if schema.get("oneOf").is_some() {
        return "one of a list".to_owned();
    }
    match schema["type"].as_str() {
        Some("array") if schema.get("items").is_some() => format!("list of {}", type_of(&schema["items"])),
        Some("array") => "list".to_owned(),
        Some("object") => match schema.get("additionalProperties") {
            Some(values) if values.is_object() => format!("object of {}", type_of(values)),
            _ => "object".to_owned(),
        },
        Some("string") => "text".to_owned(),
        Some("integer") => bounded("whole number", schema),
        Some("boolean") => "true or false".to_owned(),
        Some(other) => other.to_owned(),
        None => "any value".to_owned(),
    }
}

/// A number with its range, where that was chosen and is not just that of the machine.
fn bounded(name: &str, schema: &Value) -> String {
    match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        (Some(min), Some(max)) => format!("{name}, {min} to {max}"),
        _ => name.to_owned(),
    }
}

/// Several lines as one.
fn flow(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    flow(text).replace('|', "\\|")
}
