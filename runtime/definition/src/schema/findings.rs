//! Turns what a validator found into problems that people understand: one problem per slip, with the keys and
//! values that would have been right, and never a list of all the ways in which a value is not something else.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Found};
use serde_json::Value;

use crate::source::patterns;
use crate::{Problem, json};

/// Longest piece of a file that is quoted in a message, in characters.
const QUOTE_CHARS_MAX: usize = 60;

/// Adds the problems that one finding stands for.
pub(super) fn report(error: &ValidationError<'_>, schema: &Value, file: &str, problems: &mut Vec<Problem>) {
    let pointer = error.instance_path().as_str();
    let at = |code| Problem::error(code, file, pointer);
    match error.kind() {
        Found::AdditionalProperties { unexpected } | Found::UnevaluatedProperties { unexpected } => {
            let known = known_keys(error, schema);
            for key in unexpected {
                let place = format!("{pointer}/{}", json::escape(key));
                let problem = Problem::error("schema.unknown_key", file, place).arg("key", key);
                let problem = problem.suggest(key, known.iter().map(String::as_str));
                problems.push(problem.arg("known", known.join(", ")));
            }
        }
        Found::Required { property } => problems.push(at("schema.missing_key").arg("key", quote(property))),
        Found::Type { kind } => {
            problems.push(
                at("schema.type").arg("reason", type_names(kind)).arg("found", quote(error.instance())),
            );
        }
        Found::AnyOf { context } | Found::OneOfNotValid { context } => {
            best_branch(error, context, schema, file, problems);
        }
        Found::Enum { options } => {
            let known: Vec<&Value> = options.as_array().into_iter().flatten().collect();
            problems.push(choice(at("schema.choice"), error.instance(), &known));
        }
        Found::Constant { expected_value } => {
            problems.push(choice(at("schema.choice"), error.instance(), &[expected_value]));
        }
        Found::Minimum { limit } | Found::ExclusiveMinimum { limit } => {
            problems.push(at("schema.too_small").arg("value", quote(error.instance())).arg("limit", limit));
        }
        Found::Maximum { limit } | Found::ExclusiveMaximum { limit } => {
            problems.push(at("schema.too_large").arg("value", quote(error.instance())).arg("limit", limit));
        }
        Found::MaxLength { limit } => problems.push(at("schema.too_long").arg("limit", limit)),
        Found::MaxItems { limit } => problems.push(at("schema.too_many").arg("limit", limit)),
        Found::MinLength { .. } | Found::MinProperties { .. } => problems.push(at("schema.empty")),
        Found::MinItems { limit } => problems.push(at("schema.too_few").arg("limit", limit)),
        Found::Pattern { pattern } => {
            problems
                .push(at("schema.form").arg("reason", form(pattern)).arg("value", quote(error.instance())));
        }
        Found::PropertyNames { error: inner } => {
            let key = quote(inner.instance());
            problems.push(Problem::error("schema.language", file, pointer).arg("key", key));
        }
        other => problems
            .push(at("schema.other").arg("rule", other.keyword()).arg("found", quote(error.instance()))),
    }
}

/// A value may have one of several forms: speaks of the form that was probably meant.
fn best_branch(
    error: &ValidationError<'_>,
    branches: &[Vec<ValidationError<'static>>],
    schema: &Value,
    file: &str,
    problems: &mut Vec<Problem>,
) {
    let here = |inner: &ValidationError<'_>| inner.instance_path() == error.instance_path();
    let wrong_type = |inner: &ValidationError<'_>| here(inner) && matches!(inner.kind(), Found::Type { .. });
    let mut known: Vec<Value> = Vec::new();
    let mut types: Vec<String> = Vec::new();
    let mut near: Vec<&Vec<ValidationError<'static>>> = Vec::new();
    for branch in branches {
        let before = known.len();
        branch.iter().filter(|inner| here(inner)).for_each(|inner| collect_constants(inner, &mut known));
        match branch.iter().find(|inner| wrong_type(inner)).map(|inner| inner.kind()) {
            Some(Found::Type { kind }) => types.push(type_names(kind)),
            _ if known.len() > before => {}
            _ => near.push(branch),
        }
    }
    let instance = error.instance();
    if let Some(branch) = near.iter().min_by_key(|branch| branch.len()) {
        branch.iter().for_each(|inner| report(inner, schema, file, problems));
    } else if !known.is_empty() {
        // Words stand beside an object in one place of the language; that the object exists is worth saying.
        let object = Value::from("{ … }");
        let objects = types.iter().filter(|name| *name == "object").map(|_| &object);
        let known: Vec<&Value> = known.iter().chain(objects).collect();
        let problem = Problem::error("schema.choice", file, error.instance_path().as_str());
        problems.push(choice(problem, instance, &known));
    } else {
        types.dedup();
        let problem = Problem::error("schema.type", file, error.instance_path().as_str());
        problems.push(problem.arg("reason", types.join("_or_")).arg("found", quote(instance)));
    }
}

/// The constants that a value was compared with, also those of branches within a branch.
fn collect_constants(error: &ValidationError<'_>, known: &mut Vec<Value>) {
    match error.kind() {
        Found::Constant { expected_value } => known.push((**expected_value).clone()),
        Found::Enum { options } => known.extend(options.as_array().into_iter().flatten().cloned()),
        Found::AnyOf { context } | Found::OneOfNotValid { context } => {
            context.iter().flatten().for_each(|inner| collect_constants(inner, known));
        }
        _ => {}
    }
}

fn choice(problem: Problem, value: &Value, known: &[&Value]) -> Problem {
    let known: Vec<String> = known.iter().map(|value| quote(value)).collect();
    let problem = problem.arg("value", quote(value)).arg("known", known.join(", "));
    match value.as_str() {
        Some(text) => problem.suggest(text, known.iter().map(String::as_str)),
        None => problem,
    }
}

/// The keys that the schema knows where it refused one.
fn known_keys(error: &ValidationError<'_>, schema: &Value) -> Vec<String> {
    let path = error.schema_path().as_str();
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let properties =
        schema.pointer(parent).and_then(|schema| schema.get("properties")).and_then(Value::as_object);
    properties.into_iter().flatten().map(|(key, _)| key.clone()).filter(|key| key != "$schema").collect()
}

fn type_names(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(name) => name.to_string(),
        TypeKind::Multiple(names) => {
            names.iter().map(|name| name.to_string()).collect::<Vec<_>>().join("_or_")
        }
    }
}

/// Which form a pattern stands for.
fn form(pattern: &str) -> &'static str {
    match pattern {
        patterns::APP_ID => "app_id",
        patterns::ARTIFACT_ID => "artifact_id",
        patterns::NAME => "name",
        patterns::STYLE_NAME => "style_name",
        patterns::PLUGIN_ID => "plugin_id",
        patterns::CURRENCY => "currency",
        _ => "other",
    }
}

/// A value as people write it, shortened.
fn quote(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.chars().count() <= QUOTE_CHARS_MAX {
        return text;
    }
    text.chars().take(QUOTE_CHARS_MAX).chain(['…']).collect()
}
