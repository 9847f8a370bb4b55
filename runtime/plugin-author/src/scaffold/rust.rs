//! The scaffold in Rust: one function and one unit test for each point.

use std::path::Path;
use std::process::{Command, Stdio};

use mortise_plugin_host::manifest::Point;

use super::{Files, Parameters, camel, quoted};
use crate::SERVER;

/// Stands between the code and the test of a template.
const CUT: &str = "//----\n";

/// Words that cannot be names; the kit puts a `_` behind them.
const KEYWORDS: [&str; 39] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "pub", "ref", "return", "static", "struct", "trait", "type",
    "use", "where",
];

pub(super) fn files(parameters: &Parameters) -> Files {
    let kit = match parameters.kit("rust") {
        Some(path) => format!("{{ path = {} }}", quoted(&path)),
        None => quoted(SERVER),
    };
    let fill = |template: &str| parameters.fill(template, &[("kit", &kit)]);
    Files::from([
        ("Cargo.toml".to_owned(), fill(include_str!("../../templates/rust/Cargo.toml.in"))),
        (".gitignore".to_owned(), fill(include_str!("../../templates/rust/gitignore.in"))),
        ("README.md".to_owned(), fill(include_str!("../../templates/rust/README.md.in"))),
        ("src/lib.rs".to_owned(), library(parameters)),
    ])
}

/// Lays the code out as usual, where rustfmt is installed; it compiles in any case.
pub(super) fn tidy(folder: &Path) {
    let mut format = Command::new("rustfmt");
    format.args(["--edition", "2024"]).arg(folder.join("src/lib.rs"));
    format.stderr(Stdio::null()).status().ok();
}

fn library(parameters: &Parameters) -> String {
    let slug = parameters.field().replace('.', "_");
    let method = if KEYWORDS.contains(&slug.as_str()) { format!("{slug}_") } else { slug.clone() };
    let names = [
        ("Record", camel(&parameters.entity)),
        ("method", method),
        ("CONST", slug.to_uppercase()),
        ("slug", slug),
    ];
    let names: Vec<(&str, &str)> = names.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let parts: Vec<(String, String)> = parameters
        .points
        .iter()
        .map(|point| {
            let (code, test) = template(*point).split_once(CUT).expect("every template has a test");
            (parameters.fill(code, &names), parameters.fill(test, &names))
        })
        .collect();
    let code: Vec<&str> = parts.iter().map(|(code, _)| code.trim_end()).collect();
    let tests: Vec<&str> = parts.iter().map(|(_, test)| test.trim_end()).collect();
    format!(
        "//! {title}.\n\nuse mortise_sdk::prelude::*;\n\nschema!(\"plugin.json\");\n\n{code}\n\nexport!();\n\n\
         #[cfg(test)]\nmod tests {{\n{imports}    use super::*;\n\n{tests}\n}}\n",
        title = parameters.title,
        code = code.join("\n\n"),
        imports = imports(&parameters.points),
        tests = tests.join("\n\n"),
    )
}

/// What the tests take from the kit, and no more, so that the compiler has nothing to warn about.
fn imports(points: &[Point]) -> String {
    let call = points.iter().any(|point| *point != Point::Function);
    let entry = points.iter().any(|point| point.needs_entity());
    match (call, entry) {
        (true, true) => "    use mortise_sdk::testing::{call, entry};\n\n".to_owned(),
        (true, false) => "    use mortise_sdk::testing::call;\n\n".to_owned(),
        (false, _) => String::new(),
    }
}

fn template(point: Point) -> &'static str {
    match point {
        Point::Validator => include_str!("../../templates/rust/validator.in"),
        Point::BeforeSave => include_str!("../../templates/rust/before-save.in"),
        Point::AfterCommit => include_str!("../../templates/rust/after-commit.in"),
        Point::Action => include_str!("../../templates/rust/action.in"),
        Point::Function => include_str!("../../templates/rust/function.in"),
        Point::Scorer => include_str!("../../templates/rust/scorer.in"),
        Point::Assigner => include_str!("../../templates/rust/assigner.in"),
        Point::Provider => include_str!("../../templates/rust/provider.in"),
        Point::Renderer => include_str!("../../templates/rust/renderer.in"),
        Point::Job => include_str!("../../templates/rust/job.in"),
        Point::Connector => include_str!("../../templates/rust/connector.in"),
    }
}
