//! The kits for Rust, TypeScript and Python: the same plugin, written in each, has to pass the same cases as a built
//! component, to import exactly what its manifest asks for, and nothing of WASI.

// Helpers of tests may unwrap.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

mod build;

use std::path::Path;
use std::sync::Arc;

use mortise_cases::{Case, read};
use mortise_plugin_host::limits::{Limits, Settings};
use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::{Compiler, Package, Plugin, PluginHost, compatibility, inspect};

use build::{Kit, root};

/// Time enough for a machine that is busy with other things; everything else as it is by default.
fn settings() -> Settings {
    let long = |limits: Limits| Limits { wall_ms: 20_000, cpu_ms: 10_000, cpu_ms_dynamic: 10_000, ..limits };
    let mut settings = Settings {
        save: long(Limits::SAVE),
        background: long(Limits::BACKGROUND),
        job: long(Limits::JOB),
        ..Settings::default()
    };
    // A plugin that breaks down on purpose is not to rest.
    settings.breaker.failures = u32::MAX;
    settings
}

fn cases() -> Vec<Case> {
    let folder = root().join("sdk/conformance/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read_file = |file: &std::path::PathBuf| {
        let text = std::fs::read_to_string(file).unwrap();
        read(&file.display().to_string(), &text).unwrap_or_else(|error| panic!("{error}"))
    };
    files.iter().flat_map(read_file).collect()
}

fn package(folder: &Path, component: Vec<u8>) -> Package {
    let manifest = std::fs::read_to_string(folder.join("plugin.json")).unwrap();
    Package::of(manifest, component, std::collections::BTreeMap::new())
        .unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Installs a package; the machine code of an interpreter is kept between runs, because it takes long to make.
async fn install(package: &Package) -> Arc<Plugin> {
    let code = Path::new(env!("CARGO_TARGET_TMPDIR")).join("code");
    let host = PluginHost::open(settings(), &code, Compiler::InProcess).unwrap();
    let installed = host.install(package, &semver::Version::new(0, 1, 0)).await;
    installed.unwrap_or_else(|error| panic!("{error}"))
}

async fn conform(kit: Kit) {
    let Some(component) = build::component(kit, &root().join(kit.conformance())) else { return };
    let package = package(&root().join(kit.conformance()), component);
    let interfaces = inspect("plugin.wasm", &package.component).unwrap();
    assert!(!interfaces.imports.iter().any(|import| import.starts_with("wasi:")), "{interfaces:?}");
    let problems = compatibility(&interfaces, &package.manifest, &semver::Version::new(0, 1, 0));
    assert!(!problems.iter().any(mortise_definition::Problem::is_error), "{problems:?}");
    let plugin = install(&package).await;
    let mut failed = Vec::new();
    for case in cases() {
        let report = case.run(&plugin).await.unwrap_or_else(|error| panic!("{}: {error}", case.about));
        if !report.passed() {
            failed.push(format!("{}:\n     {}", case.about, report.told("en").join("\n     ")));
        }
    }
    assert!(failed.is_empty(), "{kit:?} fails {} cases:\n{}", failed.len(), failed.join("\n"));
}

#[tokio::test]
async fn the_kit_for_rust_passes_every_case() {
    conform(Kit::Rust).await;
}

#[tokio::test]
async fn the_kit_for_typescript_passes_every_case() {
    conform(Kit::TypeScript).await;
}

#[tokio::test]
async fn the_kit_for_python_passes_every_case() {
    conform(Kit::Python).await;
}

#[test]
fn the_three_manifests_differ_by_language_only() {
    let manifest = |kit: Kit| {
        let text = std::fs::read_to_string(root().join(kit.conformance()).join("plugin.json")).unwrap();
        text.replace(&format!("\"language\": \"{}\"", kit.name()), "\"language\": \"\"")
    };
    assert_eq!(manifest(Kit::Rust), manifest(Kit::TypeScript));
    assert_eq!(manifest(Kit::Rust), manifest(Kit::Python));
}

#[test]
fn there_is_a_case_for_every_point_and_every_kind_of_value() {
    let cases = cases();
    for point in Point::ALL {
        assert!(cases.iter().any(|case| case.point == point), "{}", point.name());
    }
    let words: Vec<String> =
        cases.iter().map(|case| serde_json::Value::from(case.input.clone()).to_string()).collect();
    for kind in ["integer", "float", "decimal", "date", "timestamp", "bytes", "reference", "json", "other"] {
        assert!(words.iter().any(|text| text.contains(&format!("{{\"{kind}\":"))), "{kind}");
    }
}
