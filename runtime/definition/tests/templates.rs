//! The apps that ship with the product load, compile together without a word, and are saved byte for byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use expect_test::{Expect, expect};
use mortise_definition::{Overlay, Package, Problem, compile};

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

/// What the linter says of the templates when an administrator made them worse (`tests/data/broken`).
#[track_caller]
fn check_broken(case: &str, expected: &Expect) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/broken").join(case);
    let overlay: Overlay = serde_json::from_str(&std::fs::read_to_string(file).expect("the case is there"))
        .expect("the case is an overlay");
    let packages = [package("sales-core"), package("lead-management")];
    let found = match compile(&packages, &[overlay], &BTreeMap::new()) {
        Ok(compiled) => compiled.warnings,
        Err(problems) => problems,
    };
    expected.assert_eq(&text(&found));
}

#[test]
fn the_three_ways_in_which_leads_escaped_recall_are_named() {
    check_broken(
        "case-01.json",
        &expect![[r#"
            warning lead-management/slas/circulation.json#/ladder/0/condition: People with lead-management.supervisor can make this step pass over by changing owner by hand. [lint.step_bypass]
              Close the fields to these roles, or let the condition ask for evidence.
            warning lead-management/slas/first_contact.json#/stop: People with lead-management.representative can bring “stop” about by setting followed_up_at by hand, through the API. [lint.clock_bypass]
              Close the fields to these roles (“fields” of the permission: read) and let a rule fill them from what really happened.
            warning lead-management/slas/first_contact.json#/cancel: People with lead-management.supervisor can bring “cancel” about by setting owner by hand, through the API. [lint.clock_bypass]
              Close the fields to these roles (“fields” of the permission: read) and let a rule fill them from what really happened.
            warning lead-management/slas/follow_up.json#/stop: Every save changes updated_at, so anything that is saved counts, whatever it is. [lint.clock_touched]
              Read a field that only a real action changes, such as the number of related records.
            warning lead-management/slas/follow_up.json#/stop: People with lead-management.representative can bring “stop” about by setting followed_up_at by hand, through the API. [lint.clock_bypass]
              Close the fields to these roles (“fields” of the permission: read) and let a rule fill them from what really happened.
            warning lead-management/slas/follow_up.json#/stop: People with lead-management.supervisor can bring “stop” about with contact, which asks for nothing. [lint.clock_bypass_transition]
              Give the transition a guard or required fields, or leave it to rules (roles: []).
            warning lead-management/slas/follow_up.json#/cancel: People with lead-management.supervisor can bring “cancel” about by setting owner by hand, through the API. [lint.clock_bypass]
              Close the fields to these roles (“fields” of the permission: read) and let a rule fill them from what really happened.
            warning lead-management/slas/follow_up.json#/limit: People with lead-management.supervisor can put off the limit as far as they like with follow_up_hours. [lint.clock_stretch]
              Give the field a largest value or “valid_when”, or close it to these roles.
        "#]],
    );
}

#[test]
fn an_assignment_that_hangs_on_a_field_which_may_be_empty_is_named() {
    check_broken(
        "case-02.json",
        &expect![[r#"
        warning lead-management/assignments/lead.json#/filters/1/condition: The filter “territory” depends on region, which may be empty, and no fallback goes on without it. [lint.assignment_empty]
          Begin with record.x == null || …, and add a fallback without the filter.
    "#]],
    );
}
