//! The apps that ship with the product load, compile together without a word, and are saved byte for byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mortise_definition::{Package, Problem, compile};

fn folder(app: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../app-templates").join(app)
}

fn package(app: &str) -> Arc<Package> {
    Arc::new(Package::read_folder(&folder(app)).unwrap_or_else(|problems| panic!("{}", text(&problems))))
}

fn text(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn both_templates_compile_together_without_errors_or_warnings() {
    let packages = [package("lead-management"), package("sales-core")];
    let compiled =
        compile(&packages, &[], &BTreeMap::new()).unwrap_or_else(|problems| panic!("{}", text(&problems)));
    assert_eq!(text(&compiled.warnings), "");
    let apps: Vec<&str> = compiled.model.apps.iter().map(|app| app.id.as_str()).collect();
    assert_eq!(apps, ["sales-core", "lead-management"]);
}

#[test]
fn what_is_loaded_is_saved_byte_for_byte() {
    for app in ["sales-core", "lead-management"] {
        for (path, saved) in package(app).files() {
            let written = std::fs::read_to_string(folder(app).join(&path)).unwrap();
            assert!(
                written == saved,
                "{app}/{path} is not in canonical form; saved it would be:\n{saved:.2000}"
            );
        }
    }
}
