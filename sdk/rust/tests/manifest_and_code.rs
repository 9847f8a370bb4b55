//! Plugin and manifest belong together: what the macros accept works, and what does not fit is an error of the compiler.
//! Each wrong plugin is compiled by the real compiler, with the real macros.

// Helpers of tests may unwrap.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

use std::path::{Path, PathBuf};
use std::process::Command;

const HEAD: &str = "#![allow(dead_code)]\nuse mortise_sdk::prelude::*;\nschema!(\"plugin.json\");\n";
const MANIFEST: &str = r#"{
  "exports": [
    { "point": "validator", "name": "vat-number", "entity": "company", "input": ["vat_number", "country.code", "type"] },
    { "point": "function", "name": "double" }
  ]
}"#;
const GOOD: &str = r#"
#[validator("vat-number")]
fn vat_number(cx: &Context, change: &Change<Company>) -> Result<Vec<Violation>, Fault> {
    let Some(company) = change.record() else { return Ok(Vec::new()) };
    let _ = (cx.locale(), company.type_().text(), company.country_code().is_empty());
    match company.vat_number().text() {
        "" => Ok(vec![violation(Company::VAT_NUMBER, "vat_missing", "is missing")]),
        _ => Ok(Vec::new()),
    }
}
"#;
const DOUBLE: &str = "#[function(\"double\")]\nfn double(number: i64) -> i64 { number * 2 }\n";

/// Compiles a plugin of this text as cargo would, as far as types; what the compiler says, or nothing.
fn compile(name: &str, code: &str) -> Option<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("plugin.json"), MANIFEST).unwrap();
    std::fs::write(folder.join("lib.rs"), format!("{HEAD}{code}")).unwrap();
    let deps = deps();
    let sdk = newest(&deps, "libmortise_sdk-");
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "--crate-name", "plugin"])
        .arg("--extern")
        .arg(format!("mortise_sdk={}", sdk.display()))
        .arg("-L")
        .arg(format!("dependency={}", deps.display()))
        .arg("--out-dir")
        .arg(&folder)
        .arg(folder.join("lib.rs"))
        .env("CARGO_MANIFEST_DIR", &folder)
        .output()
        .unwrap();
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The folder of this test's own dependencies, where cargo has put the kit.
fn deps() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_path_buf()
}

fn newest(folder: &Path, prefix: &str) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(prefix) && name.ends_with(".rlib")
    };
    let changed = |path: &PathBuf| std::fs::metadata(path).and_then(|file| file.modified()).unwrap();
    files.filter(fits).max_by_key(changed).unwrap()
}

#[test]
fn a_plugin_that_keeps_to_its_manifest_compiles() {
    assert_eq!(compile("good", &format!("{GOOD}{DOUBLE}export!();")), None);
}

#[test]
fn a_name_in_the_manifest_without_a_function_is_an_error() {
    let said = compile("no_function", &format!("{GOOD}export!();")).unwrap();
    assert!(said.contains("cannot find function `function_double_of_plugin_json`"), "{said}");
}

#[test]
fn a_function_without_a_name_in_the_manifest_is_an_error_that_names_what_there_is() {
    let other = DOUBLE.replace("\"double\"", "\"triple\"");
    let said = compile("no_name", &format!("{GOOD}{DOUBLE}{other}export!();")).unwrap();
    assert!(said.contains("plugin.json has no function named `triple`; it has `double`"), "{said}");
}

#[test]
fn a_field_that_was_not_asked_for_has_no_accessor() {
    let other = GOOD.replace("company.vat_number()", "company.turnover()");
    let said = compile("no_field", &format!("{other}{DOUBLE}export!();")).unwrap();
    assert!(said.contains("turnover"), "{said}");
}

#[test]
fn an_argument_of_a_type_that_no_value_has_is_an_error() {
    let other = DOUBLE.replace("i64", "std::net::IpAddr").replace(" * 2", "");
    let said = compile("no_type", &format!("{GOOD}{other}export!();")).unwrap();
    assert!(said.contains("FromValue"), "{said}");
}
