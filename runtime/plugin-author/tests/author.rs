//! From nothing to a tested package, by the program that authors use: in each language, and what it says when something is
//! not right. Everything is built from source here, in folders of their own.

// Helpers of tests may unwrap.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use expect_test::expect;
use serde_json::{Value, json};
use tempfile::TempDir;

const POINTS: &str =
    "validator,before-save,after-commit,action,function,scorer,assigner,provider,renderer,job,connector";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The program in a folder.
fn tool(folder: &Path, arguments: &[&str]) -> Output {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from);
    let mut command = Command::new(env!("CARGO_BIN_EXE_mortise-plugin"));
    command.args(arguments).current_dir(folder).env("MORTISE_SDK", workspace().join("sdk"));
    // The kit is compiled once for all plugins of this clone.
    command.env("CARGO_TARGET_DIR", target.join("wasm")).env_remove("MORTISE_LANGUAGE");
    command.output().unwrap()
}

/// What the program printed, when it was content.
#[track_caller]
fn good(folder: &Path, arguments: &[&str]) -> String {
    let output = tool(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}\n{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// What the program complained about.
#[track_caller]
fn bad(folder: &Path, arguments: &[&str]) -> String {
    let output = tool(folder, arguments);
    assert!(!output.status.success(), "{arguments:?}\n{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A new plugin named `try-out`; in Rust with the versions of this repository, as a clone has them.
fn scaffold(language: &str, points: &str) -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let new = ["new", "try-out", "--lang", language, "--point", points, "--input", "name,country.code"];
    good(place.path(), &new);
    let folder = place.path().join("try-out");
    if language == "rust" {
        std::fs::copy(workspace().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    }
    (place, folder)
}

/// Builds, checks and tests a scaffold.
fn whole(language: &str, points: &str) -> Value {
    let (_place, folder) = scaffold(language, points);
    good(&folder, &["build"]);
    let check = json(&good(&folder, &["--json", "check"]));
    assert_eq!(check["problems"], json!([]));
    assert_eq!(check["permissions"], json!({}));
    let imports = check["imports"].to_string();
    assert!(!imports.contains("wasi"), "{imports}");
    let result = json(&good(&folder, &["--json", "test", "--package", "target/try-out.plugin"]));
    assert_eq!(result["passed"], true, "{result:#}");
    result
}

#[test]
fn a_plugin_in_rust_with_every_point_is_made_built_checked_and_tested() {
    let result = whole("rust", POINTS);
    assert_eq!(result["cases"].as_array().unwrap().len(), 11);
    let used = |case: usize, counter: &str| {
        let used = result["cases"][case]["used"].as_array().unwrap();
        used.iter().find(|used| used["counter"] == counter).cloned()
    };
    let function = 5;
    assert_eq!(result["cases"][function]["point"], "function");
    assert!(used(function, "fuel").unwrap()["used"].as_u64().unwrap() > 0);
    assert_eq!(used(function, "wall_ms"), None, "a function is not measured by time");
    let validator = 10;
    assert_eq!(
        used(validator, "wall_ms").unwrap()["limit"],
        50,
        "the limit of a server, not of a busy machine"
    );
}

#[test]
fn a_plugin_in_typescript_is_made_built_checked_and_tested() {
    whole("ts", "validator,before-save");
}

#[test]
fn a_plugin_in_python_is_made_built_checked_and_tested() {
    whole("python", "validator,before-save");
}

#[test]
fn the_unit_tests_of_a_scaffold_pass() {
    let (_place, folder) = scaffold("rust", POINTS);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "--quiet"]).env("CARGO_TARGET_DIR", workspace().join("target/wasm"));
    let output = cargo.current_dir(&folder).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("11 passed") && !said.contains("warning"), "{said}");
}

/// A shipped package of the museum in a folder with its manifest, so that nothing has to be built.
fn museum() -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let package = workspace().join("runtime/plugin-host/tests/museum/rust-0.1.0-similarity.plugin");
    let package =
        std::fs::copy(package, place.path().join("it.plugin")).map(|_| place.path().join("it.plugin"));
    let package = package.unwrap();
    let bytes = std::fs::read(&package).unwrap();
    let read = mortise_plugin_host::Package::read(&bytes, &mortise_plugin_host::limits::Settings::default());
    std::fs::write(place.path().join("plugin.json"), read.unwrap().manifest_text).unwrap();
    std::fs::create_dir(place.path().join("cases")).unwrap();
    (place, package)
}

fn case(place: &TempDir, text: &Value) {
    std::fs::write(place.path().join("cases/core.json"), text.to_string()).unwrap();
}

#[test]
fn a_case_that_fails_is_told_and_can_be_taken_over() {
    let (place, _) = museum();
    let wrong = json!({
        "about": "legal forms are cut off", "point": "function", "export": "company-core",
        "input": { "rows": [["Acme Trading Co., Ltd."]] }, "expect": ["acme"]
    });
    case(&place, &wrong);
    let test = ["test", "--package", "it.plugin"];
    let output = tool(place.path(), &test);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("✗ legal forms are cut off") && said.contains(r#"expected ["acme"]"#), "{said}");
    assert!(said.contains(r#"came ["acme trading"]"#) && said.contains("of 50000000"), "{said}");
    expect![[r#"
        1 of 1 cases fail. [author.cases_failed]
          If what came is right, `mortise plugin test --update` writes it into the cases.
    "#]]
    .assert_eq(&bad(place.path(), &test));
    let chinese = tool(place.path(), &[&["--language", "zh-CN"], &test[..]].concat());
    let said = String::from_utf8(chinese.stdout).unwrap();
    assert!(said.contains(r#"应为 ["acme"]"#) && said.contains(r#"实际为 ["acme trading"]"#), "{said}");
    good(place.path(), &[&test[..], &["--update"]].concat());
    let updated = json(&std::fs::read_to_string(place.path().join("cases/core.json")).unwrap());
    assert_eq!(updated["expect"], json!(["acme trading"]));
    assert_eq!(updated["about"], wrong["about"]);
    good(place.path(), &test);
}

#[test]
fn one_export_can_be_called_by_itself() {
    let (place, _) = museum();
    case(
        &place,
        &json!({
            "point": "function", "export": "company-core", "input": { "rows": [["Acme Ltd"]] }, "expect": []
        }),
    );
    let run = ["--json", "run", "company-core", "--input", "cases/core.json", "--package", "it.plugin"];
    assert_eq!(json(&good(place.path(), &run))["came"], json!({ "expect": ["acme"] }));
    let other = ["run", "company-similarity", "--input", "cases/core.json", "--package", "it.plugin"];
    assert!(bad(place.path(), &other).contains("no case that calls company-similarity"));
}

#[test]
fn a_case_that_a_server_could_not_make_is_refused() {
    let (place, _) = museum();
    let test = ["test", "--package", "it.plugin"];
    case(&place, &json!({ "point": "function", "export": "company-cor", "expect": [] }));
    let said = bad(place.path(), &test);
    assert!(
        said.contains("plugin.json has no function named company-cor") && said.contains("company-core"),
        "{said}"
    );
    case(&place, &json!({ "point": "function", "export": "company-core", "answer": [] }));
    assert!(bad(place.path(), &test).contains("author.case"));
    case(
        &place,
        &json!({ "point": "function", "export": "company-core", "input": { "row": [] }, "expect": [] }),
    );
    assert!(bad(place.path(), &test).contains("input.row: a function takes rows"));
    let chinese = bad(place.path(), &[&["--language", "zh-CN"], &test[..]].concat());
    assert!(chinese.contains("用例无法运行：input.row：function 只能使用 rows。"), "{chinese}");
    std::fs::remove_file(place.path().join("cases/core.json")).unwrap();
    assert!(bad(place.path(), &test).contains("author.no_cases"));
}

#[test]
fn a_package_is_compared_with_a_version_of_the_server_and_with_another_package() {
    let (place, _) = museum();
    let check = json(&good(place.path(), &["--json", "check", "it.plugin"]));
    assert_eq!((&check["plugin"], &check["permissions"]), (&json!("mortise.similarity"), &json!({})));
    let said = bad(place.path(), &["check", "it.plugin", "--server", "7.0.0"]);
    assert!(said.contains("The plugin does not fit to Mortise 7.0.0"), "{said}");
    let chinese = bad(place.path(), &["--language", "zh-CN", "check", "it.plugin", "--server", "7.0.0"]);
    assert!(chinese.contains("该插件不适用于 Mortise 7.0.0"), "{chinese}");

    let other = workspace().join("runtime/plugin-host/tests/museum/rust-0.1.0-intent-heat.plugin");
    let other = other.to_string_lossy().into_owned();
    let same = json(&good(place.path(), &["--json", "diff", "it.plugin", "it.plugin"]));
    assert_eq!((&same["same"], &same["needs_consent"]), (&json!(true), &json!(false)));
    let more = json(&good(place.path(), &["--json", "diff", "it.plugin", &other]));
    assert_eq!(more["needs_consent"], true);
    assert_eq!(more["permissions"]["added"], json!(["records.read touch: lead, kind, happened_at"]));
    let less = json(&good(place.path(), &["--json", "diff", &other, "it.plugin"]));
    assert_eq!(less["needs_consent"], false);
}

#[test]
fn a_condition_or_a_schedule_that_nobody_can_read_is_told_before_it_is_installed() {
    let settings = mortise_plugin_host::limits::Settings::default();
    let cases = [
        ("similarity", "validator", "when", "after.amount > ", "expr.syntax"),
        ("win-forecast", "job", "schedule", "25 * * *", "plugin.schedule"),
    ];
    for (name, point, key, text, code) in cases {
        let place = tempfile::tempdir().unwrap();
        let file = workspace().join(format!("runtime/plugin-host/tests/museum/rust-0.1.0-{name}.plugin"));
        let read = mortise_plugin_host::Package::read(&std::fs::read(file).unwrap(), &settings).unwrap();
        let mut manifest = json(&read.manifest_text);
        let exports = manifest["exports"].as_array_mut().unwrap();
        exports.push(json!({ "point": "validator", "name": "it", "entity": "thing", "input": ["name"] }));
        let index = exports.iter().position(|export| export["point"] == point).unwrap();
        exports[index][key] = text.into();
        let made = mortise_plugin_host::Package::of(manifest.to_string(), read.component, BTreeMap::new());
        std::fs::write(place.path().join("it.plugin"), made.unwrap().write().unwrap()).unwrap();
        let output = tool(place.path(), &["check", "it.plugin"]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains(code) && said.contains(&format!("/exports/{index}/{key}")), "{said}");
    }
}

#[test]
fn a_component_that_was_made_elsewhere_is_packed_only_if_it_keeps_to_the_manifest() {
    let (place, package) = museum();
    let settings = mortise_plugin_host::limits::Settings::default();
    let read = mortise_plugin_host::Package::read(&std::fs::read(package).unwrap(), &settings).unwrap();
    std::fs::write(place.path().join("made.wasm"), &read.component).unwrap();
    good(place.path(), &["pack", "--component", "made.wasm", "--out", "packed.plugin"]);
    good(place.path(), &["check", "packed.plugin"]);

    let manifest = read.manifest_text.replace("\"function\"", "\"action\"");
    let mut manifest = json(&manifest);
    for export in manifest["exports"].as_array_mut().unwrap() {
        let export = export.as_object_mut().unwrap();
        export.remove("parameters");
        export.remove("returns");
    }
    std::fs::write(place.path().join("plugin.json"), manifest.to_string()).unwrap();
    let said = bad(place.path(), &["pack", "--component", "made.wasm", "--out", "other.plugin"]);
    assert!(said.contains("plugin.export_missing") && said.contains("plugin.export_not_declared"), "{said}");
    assert!(!place.path().join("other.plugin").exists(), "nothing is written that no server takes");
}

#[test]
fn parameters_of_a_scaffold_are_checked_and_nothing_is_written_over() {
    let place = tempfile::tempdir().unwrap();
    for (arguments, told) in [
        (vec!["new", "Try"], "name: “Try” cannot stand here"),
        (vec!["new", "../up"], "name: “../up” cannot stand here"),
        (vec!["new", "a", "--entity", "a-b"], "entity: “a-b” cannot stand here"),
        (vec!["new", "a", "--input", "name;x"], "input: “name;x” cannot stand here"),
        (vec!["new", "a", "--point", "validater"], "There is no extension point “validater”"),
    ] {
        let said = bad(place.path(), &arguments);
        assert!(said.contains(told), "{said}");
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    good(place.path(), &["new", "a"]);
    assert!(bad(place.path(), &["new", "a"]).contains("author.not_empty"));
    let nothing = bad(place.path(), &["build"]);
    assert!(
        nothing.contains("There is no plugin here") && nothing.contains("mortise plugin new"),
        "{nothing}"
    );
}

#[test]
fn a_missing_compiler_is_said_with_what_to_do() {
    let (_place, folder) = scaffold("rust", "function");
    let run = |variable: &str, value: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mortise-plugin"));
        command.args(["build"]).current_dir(&folder).env(variable, value);
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    let nowhere = run("MORTISE_WASM_TOOLCHAIN", "/nowhere");
    assert!(nowhere.contains("MORTISE_WASM_TOOLCHAIN names /nowhere"), "{nowhere}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mortise-plugin"));
    command
        .args(["build"])
        .current_dir(&folder)
        .env("RUSTC", "/nowhere/rustc")
        .env("XDG_CACHE_HOME", "/nowhere");
    let said = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(said.contains("rustc is not installed. Install Rust from https://rustup.rs"), "{said}");
}

#[test]
fn what_building_a_plugin_of_this_repository_leaves_is_no_change_of_it() {
    if !workspace().join(".git").exists() {
        return;
    }
    let folders =
        ["plugins", "sdk/conformance"].map(|place| std::fs::read_dir(workspace().join(place)).unwrap());
    let folders = folders.into_iter().flatten().map(|entry| entry.unwrap().path());
    for folder in folders.filter(|folder| folder.join("plugin.json").is_file()) {
        for made in ["target/it.plugin", "build/work"] {
            let mut git = Command::new("git");
            git.args(["check-ignore", "--quiet"]).arg(folder.join(made)).current_dir(&folder);
            assert!(git.status().unwrap().success(), "{}/{made}", folder.display());
        }
    }
}
