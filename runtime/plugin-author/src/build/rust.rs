//! A plugin in Rust: a plain `cargo build` for WebAssembly, and the component around the module that comes out.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mortise_definition::Problem;
use mortise_plugin_host::manifest::FILE;
use serde_json::Value;

use crate::error::{AuthorError, about, problem};
use crate::project::Project;
use crate::toolchain::{self, TARGET, code, missing};

/// A small component: nobody debugs in it, and every server compiles it once. What the author's environment says wins.
const PROFILE: [(&str, &str); 6] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s"),
    ("CARGO_PROFILE_RELEASE_LTO", "true"),
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_STRIP", "true"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
];

/// Compiles the plugin; its component.
pub(super) fn component(project: &Project) -> Result<Vec<u8>, AuthorError> {
    let path = module(&project.folder)?;
    let module = about(&path, std::fs::read(&path))?;
    let manifest = &project.manifest;
    mortise_wit::componentize(&module, &manifest.imports(), &manifest.export_interfaces())
        .map_err(|error| refused(&error.to_string()).into())
}

/// Why no component was made: what the code uses and the manifest does not ask for, by the name of its permission.
fn refused(detail: &str) -> Problem {
    let wanted = detail.split_once("import interface named `").and_then(|(_, rest)| rest.split('`').next());
    let known = mortise_wit::CAPABILITIES.iter().find(|word| Some(word.interface) == wanted);
    match known {
        Some(word) => Problem::error("plugin.import_not_declared", FILE, "/permissions")
            .arg("interface", word.interface)
            .arg("permission", word.name),
        None => problem("author.component").arg("detail", detail),
    }
}

/// Runs cargo and finds the module among what it reports.
fn module(folder: &Path) -> Result<PathBuf, AuthorError> {
    let crate_file = folder.join("Cargo.toml");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--lib", "--target", TARGET]);
    cargo.args(["--message-format", "json-render-diagnostics", "--manifest-path"]).arg(&crate_file);
    cargo.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped());
    for (name, value) in PROFILE.iter().filter(|(name, _)| std::env::var_os(name).is_none()) {
        cargo.env(name, value);
    }
    if let Some(toolchain) = toolchain::find(folder)? {
        cargo.env("RUSTC", &toolchain.rustc);
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", &toolchain.linker);
    }
    let mut running = cargo.spawn().map_err(|_| missing("cargo"))?;
    let reports = BufReader::new(running.stdout.take().expect("stdout was asked to be piped"));
    let mut found = None;
    for line in reports.lines() {
        let line = about(folder, line)?;
        found = artifact(&line, &crate_file).or(found);
    }
    let status = about(folder, running.wait())?;
    if !status.success() {
        return Err(problem("author.tool_failed").arg("tool", "cargo").arg("status", code(status)).into());
    }
    found.ok_or_else(|| problem("author.no_cdylib").arg("file", crate_file.display()).into())
}

/// The module in one of cargo's reports, when it is that of our crate.
fn artifact(report: &str, crate_file: &Path) -> Option<PathBuf> {
    let report: Value = serde_json::from_str(report).ok()?;
    let ours = report["reason"] == "compiler-artifact"
        && report["manifest_path"].as_str().is_some_and(|path| Path::new(path) == crate_file);
    let names = report["filenames"].as_array().filter(|_| ours)?;
    let module = names.iter().filter_map(Value::as_str).find(|name| name.ends_with(".wasm"))?;
    Some(PathBuf::from(module))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_without_a_permission_is_told_by_the_name_of_the_permission() {
        let detail = "failed: module requires an import interface named `mortise:records/read@1.0.0`";
        let told = refused(detail);
        assert_eq!(
            (told.code, told.place().as_str()),
            ("plugin.import_not_declared", "plugin.json#/permissions")
        );
        assert!(told.message("en").contains("records.read"), "{}", told.message("en"));
        assert_eq!(refused("something else").code, "author.component");
    }

    #[test]
    fn the_module_is_the_one_of_the_plugins_own_crate() {
        let report = |file: &str, path: &str| {
            format!(r#"{{"reason":"compiler-artifact","manifest_path":"{path}","filenames":["{file}"]}}"#)
        };
        let own = Path::new("/a/Cargo.toml");
        assert_eq!(artifact(&report("/t/a.wasm", "/a/Cargo.toml"), own), Some("/t/a.wasm".into()));
        assert_eq!(artifact(&report("/t/b.wasm", "/b/Cargo.toml"), own), None);
        assert_eq!(artifact(&report("/t/liba.rlib", "/a/Cargo.toml"), own), None);
        assert_eq!(artifact(r#"{"reason":"build-finished","success":true}"#, own), None);
    }
}
