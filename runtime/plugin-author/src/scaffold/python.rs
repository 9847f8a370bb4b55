//! The scaffold in Python: one function for each point, and a test that runs the cases on Python itself.

use std::collections::BTreeSet;

use mortise_plugin_host::manifest::Point;

use super::{Files, Parameters, camel};
use crate::SERVER;

/// Stands between what a template takes from the kit and its code.
const CUT: &str = "\n//----\n";

pub(super) fn files(parameters: &Parameters) -> Files {
    let kit = match parameters.kit("python") {
        Some(path) => format!("mortise-sdk @ file://{path}"),
        None => format!("mortise-sdk=={SERVER}"),
    };
    let fill = |template: &str| parameters.fill(template, &[("kit", &kit)]);
    Files::from([
        ("requirements.txt".to_owned(), fill(include_str!("../../templates/python/requirements.txt.in"))),
        (".gitignore".to_owned(), fill(include_str!("../../templates/python/gitignore.in"))),
        ("README.md".to_owned(), fill(include_str!("../../templates/python/README.md.in"))),
        ("tests/__init__.py".to_owned(), "\"\"\"Tests of the plugin.\"\"\"\n".to_owned()),
        ("tests/test_cases.py".to_owned(), fill(include_str!("../../templates/python/test_cases.py.in"))),
        ("plugin.py".to_owned(), source(parameters)),
    ])
}

fn source(parameters: &Parameters) -> String {
    let method = parameters.field().replace('.', "_");
    let record = camel(&parameters.entity);
    let names = [("Record", record.as_str()), ("method", &method), ("CONST", &method.to_uppercase())];
    let mut taken = BTreeSet::new();
    let mut functions = Vec::new();
    for point in &parameters.points {
        let (kit, code) = template(*point).split_once(CUT).expect("every template names what it takes");
        taken.extend(kit.split_whitespace());
        // Braces of a dictionary must not touch those of a place that is filled.
        functions.push(parameters.fill(code, &names).replace("({ ", "({"));
    }
    let taken: Vec<&str> = taken.into_iter().collect();
    let imports = match taken.is_empty() {
        true => String::new(),
        // As formatters lay it out: on one line while it is short.
        false if taken.len() <= 5 => format!("from mortise_sdk import {}\n", taken.join(", ")),
        false => format!("from mortise_sdk import (\n    {},\n)\n", taken.join(",\n    ")),
    };
    let records = if parameters.points.iter().any(|point| point.needs_entity()) {
        format!("{record}, ")
    } else {
        String::new()
    };
    format!(
        "\"\"\"{}.\"\"\"\n\n{imports}from plugin_gen import {records}plugin\n\n\n{}",
        parameters.title,
        functions.join("\n\n"),
    )
}

fn template(point: Point) -> &'static str {
    match point {
        Point::Validator => include_str!("../../templates/python/validator.in"),
        Point::BeforeSave => include_str!("../../templates/python/before-save.in"),
        Point::AfterCommit => include_str!("../../templates/python/after-commit.in"),
        Point::Action => include_str!("../../templates/python/action.in"),
        Point::Function => include_str!("../../templates/python/function.in"),
        Point::Scorer => include_str!("../../templates/python/scorer.in"),
        Point::Assigner => include_str!("../../templates/python/assigner.in"),
        Point::Provider => include_str!("../../templates/python/provider.in"),
        Point::Renderer => include_str!("../../templates/python/renderer.in"),
        Point::Job => include_str!("../../templates/python/job.in"),
        Point::Connector => include_str!("../../templates/python/connector.in"),
    }
}
