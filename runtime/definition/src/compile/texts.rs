//! Looks for words that are missing: texts that lack one of the languages every app should speak, and fields
//! without a label. Only authors need this, so it is no part of loading an app that is installed already.

use serde_json::{Map, Value};

use crate::problem::Problems;
use crate::{Package, Problem, json};

/// The languages that every app should have.
const LANGUAGES: [&str; 2] = ["en", "zh-CN"];
/// Keys that hold text for people.
const TEXT_KEYS: [&str; 6] = ["label", "plural", "help", "description", "message", "placeholder"];

/// Warnings for all texts of a package.
pub(super) fn check(package: &Package, problems: &mut Problems) {
    for (path, value) in package.values() {
        let file = format!("{}/{path}", package.app.id);
        walk(&value, &mut Vec::new(), &file, problems);
        if path.starts_with("entities/") || path.starts_with("extensions/") {
            let fields = value.get("fields").and_then(Value::as_array).into_iter().flatten();
            for (index, field) in fields.enumerate().filter(|(_, field)| field.get("label").is_none()) {
                let name = field.get("id").and_then(Value::as_str).unwrap_or_default();
                let problem = Problem::warning("field.no_label", &*file, format!("/fields/{index}"));
                problems.push(problem.arg("name", name));
            }
        }
    }
}

/// Words for people: under the keys that hold nothing else, and wherever an author wrote them by language.
fn is_text(key: &str, words: &Map<String, Value>) -> bool {
    let by_language = LANGUAGES.iter().any(|language| words.contains_key(*language));
    (by_language || TEXT_KEYS.contains(&key)) && words.values().all(Value::is_string)
}

fn walk(value: &Value, path: &mut Vec<String>, file: &str, problems: &mut Problems) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                if key == "default" {
                    continue;
                }
                path.push(key.clone());
                match inner.as_object() {
                    Some(words) if is_text(key, words) => {
                        for language in LANGUAGES {
                            if words.get(language).and_then(Value::as_str).is_none_or(str::is_empty) {
                                let problem = Problem::warning("text.missing", file, json::pointer(path));
                                problems.push(problem.arg("language", language));
                            }
                        }
                    }
                    _ => walk(inner, path, file, problems),
                }
                path.pop();
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                path.push(index.to_string());
                walk(inner, path, file, problems);
                path.pop();
            }
        }
        _ => {}
    }
}
