//! Rules about crates: dependencies point down only, and database drivers stay where queries are built.

use std::process::Command;

use serde_json::Value;

use crate::expect_none;
use crate::source::rust_sources;

/// Which of our crates each of our crates may use; a crate that is missing here fails the test.
const ALLOWED: &[(&str, &[&str])] = &[
    ("mortise-expr", &[]),
    ("mortise-expr-web", &["mortise-expr"]),
    ("mortise-definition", &["mortise-expr"]),
    ("mortise-store", &["mortise-expr", "mortise-definition"]),
    ("mortise-plugin-host", &["mortise-definition", "mortise-wit"]),
    ("mortise-plugin-author", &["mortise-definition", "mortise-plugin-host", "mortise-wit", "mortise-cases"]),
    (
        "mortise-engine",
        &["mortise-expr", "mortise-definition", "mortise-store", "mortise-plugin-host", "mortise-wit"],
    ),
    (
        "mortise",
        &[
            "mortise-expr",
            "mortise-expr-web",
            "mortise-definition",
            "mortise-store",
            "mortise-plugin-host",
            "mortise-plugin-author",
            "mortise-engine",
            "mortise-wit",
        ],
    ),
    (
        "mortise-tests",
        &[
            "mortise-expr",
            "mortise-definition",
            "mortise-store",
            "mortise-plugin-host",
            "mortise-plugin-author",
            "mortise-engine",
            "mortise",
            "mortise-wit",
        ],
    ),
    ("mortise-bench", &["mortise-tests", "mortise-cases", "mortise-plugin-host", "mortise-wit"]),
    ("xtask", &[]),
    ("mortise-wit", &["mortise-wit"]),
    ("mortise-sdk-macros", &["mortise-wit"]),
    ("mortise-sdk", &["mortise-sdk-macros"]),
    ("mortise-cases", &["mortise-definition", "mortise-plugin-host", "mortise-wit"]),
    ("conformance", &["mortise-sdk"]),
    ("fabe-check", &["mortise-sdk"]),
    ("test-worker", &["mortise-sdk"]),
    ("test-clerk", &["mortise-sdk"]),
    ("test-watch", &["mortise-sdk"]),
    ("bench-guard", &["mortise-sdk"]),
    ("intent-heat", &["mortise-sdk"]),
    ("quote-pricing", &["mortise-sdk"]),
    ("similarity", &["mortise-sdk"]),
    ("win-forecast", &["mortise-sdk"]),
];

/// Crates that talk to databases, and the parts of the tree that may name them. `sea_query` builds conditions out of
/// values, so the engine may hand conditions to the store; only the store makes statements of them and runs them.
const DRIVERS: &[(&str, &[&str])] = &[
    ("rusqlite", &["runtime/store/", "tests/"]),
    ("sqlx", &["runtime/store/", "tests/"]),
    ("sea_orm", &["runtime/store/", "tests/"]),
    ("sea_query", &["runtime/store/", "runtime/engine/", "runtime/expr/", "tests/"]),
];

/// Crates for the rim only: the pure parts never wait and never read a file or a socket by themselves.
const PURE: &[&str] = &["mortise-expr", "mortise-expr-web", "mortise-definition"];
const FORBIDDEN_IN_PURE: &[&str] =
    &["tokio", "axum", "rusqlite", "sea-orm", "sqlx", "object_store", "reqwest"];

fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(crate::root());
    let output = command.output().expect("cargo runs, as it runs this test");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    metadata["packages"].as_array().expect("metadata lists packages").clone()
}

fn dependencies(package: &Value) -> Vec<String> {
    let list = package["dependencies"].as_array().expect("a package lists its dependencies");
    list.iter().filter_map(|dependency| Some(dependency["name"].as_str()?.to_owned())).collect()
}

#[test]
fn dependencies_between_our_crates_point_down_only() {
    let packages = packages();
    let names: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut findings = Vec::new();
    for package in &packages {
        let name = package["name"].as_str().expect("a package has a name");
        let Some((_, allowed)) = ALLOWED.iter().find(|(crate_name, _)| *crate_name == name) else {
            findings.push(format!("{name} is not listed: say what it may depend on"));
            continue;
        };
        for dependency in
            dependencies(package).iter().filter(|dependency| names.contains(&dependency.as_str()))
        {
            if !allowed.contains(&dependency.as_str()) {
                findings.push(format!("{name} must not depend on {dependency}"));
            }
        }
    }
    expect_none("Dependencies point down: server → engine → store → definition → expr", &findings);
}

#[test]
fn pure_crates_depend_on_no_input_or_output() {
    let mut findings = Vec::new();
    for package in packages().iter().filter(|package| PURE.iter().any(|name| package["name"] == *name)) {
        let forbidden =
            dependencies(package).into_iter().filter(|name| FORBIDDEN_IN_PURE.contains(&name.as_str()));
        findings.extend(forbidden.map(|name| format!("{} uses {name}", package["name"])));
    }
    expect_none("Expressions and definitions are pure", &findings);
}

#[test]
fn databases_are_spoken_to_by_the_store_only() {
    let mut findings = Vec::new();
    for source in rust_sources() {
        for (number, line) in source.code() {
            for (driver, places) in DRIVERS {
                let named = line.contains(&format!("{driver}::"));
                if named && !places.iter().any(|place| source.path.starts_with(place)) {
                    findings.push(format!("{}:{number}: {driver}", source.path));
                }
            }
        }
    }
    findings.retain(|finding| !finding.starts_with("runtime/xtask/"));
    expect_none("Only the store speaks to databases", &findings);
}

#[test]
fn every_crate_takes_licence_and_lints_from_the_workspace() {
    let mut findings = Vec::new();
    for package in packages() {
        if package["license"] != "Apache-2.0" {
            findings.push(format!("{} has no Apache-2.0 licence", package["name"]));
        }
        let manifest = package["manifest_path"].as_str().expect("a package has a manifest");
        if !std::fs::read_to_string(manifest).unwrap_or_default().contains("[lints]\nworkspace = true") {
            findings.push(format!("{} does not take the workspace's lints", package["name"]));
        }
    }
    expect_none("Licence and lints come from the workspace", &findings);
}
