//! The scaffold in TypeScript: one function for each point, and a test that runs the cases on Node.

use std::collections::BTreeSet;

use mortise_plugin_host::manifest::Point;

use super::{Files, Parameters, quoted};
use crate::SERVER;

/// Stands between what a template takes from the kit and its code.
const CUT: &str = "\n//----\n";

pub(super) fn files(parameters: &Parameters) -> Files {
    let kit = match parameters.kit("typescript") {
        Some(path) => quoted(&format!("file:{path}")),
        None => quoted(SERVER),
    };
    let fill = |template: &str| parameters.fill(template, &[("kit", &kit)]);
    Files::from([
        ("package.json".to_owned(), fill(include_str!("../../templates/typescript/package.json.in"))),
        (".gitignore".to_owned(), fill(include_str!("../../templates/typescript/gitignore.in"))),
        ("README.md".to_owned(), fill(include_str!("../../templates/typescript/README.md.in"))),
        (
            "test/plugin.test.ts".to_owned(),
            fill(include_str!("../../templates/typescript/plugin.test.ts.in")),
        ),
        ("src/plugin.ts".to_owned(), source(parameters)),
    ])
}

fn source(parameters: &Parameters) -> String {
    let method = parameters.field().replace('.', "_");
    let mut taken = BTreeSet::new();
    let mut functions = String::new();
    for point in &parameters.points {
        let (names, code) = template(*point).split_once(CUT).expect("every template names what it takes");
        taken.extend(names.split_whitespace());
        let code = parameters.fill(code, &[("method", &method)]);
        functions.push_str(&format!("  {}: {{\n{code}  }},\n", quoted(point.name())));
    }
    let taken: Vec<&str> = taken.into_iter().collect();
    let imports = match taken.is_empty() {
        true => String::new(),
        false => format!("import {{ {} }} from \"@mortise/sdk\";\n\n", taken.join(", ")),
    };
    format!(
        "/** {}. */\n{imports}import {{ plugin }} from \"./plugin.gen.ts\";\n\nexport default plugin({{\n{functions}}});\n",
        parameters.title
    )
}

fn template(point: Point) -> &'static str {
    match point {
        Point::Validator => include_str!("../../templates/typescript/validator.in"),
        Point::BeforeSave => include_str!("../../templates/typescript/before-save.in"),
        Point::AfterCommit => include_str!("../../templates/typescript/after-commit.in"),
        Point::Action => include_str!("../../templates/typescript/action.in"),
        Point::Function => include_str!("../../templates/typescript/function.in"),
        Point::Scorer => include_str!("../../templates/typescript/scorer.in"),
        Point::Assigner => include_str!("../../templates/typescript/assigner.in"),
        Point::Provider => include_str!("../../templates/typescript/provider.in"),
        Point::Renderer => include_str!("../../templates/typescript/renderer.in"),
        Point::Job => include_str!("../../templates/typescript/job.in"),
        Point::Connector => include_str!("../../templates/typescript/connector.in"),
    }
}
