//! The packages that are measured: a small plugin in Rust that is built as an author would, those that ship, many that
//! differ only in their digest, and a hostile one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};
use mortise_plugin_host::Package;
use mortise_plugin_host::limits::Settings;
use mortise_plugin_host::manifest::{Manifest, Point};
use mortise_tests::server;
use serde_json::json;

/// Id of the small plugin.
pub(super) const GUARD: &str = "bench.guard";
/// Id of the hostile one.
pub(super) const HOSTILE: &str = "bench.hostile";
/// Its job.
pub(super) const JOB: &str = "spin";

/// Builds the small plugin.
pub(super) fn guard() -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let package = folder.path().join("guard.plugin");
    let mut build = Command::new(server::binary());
    build.args(["plugin", "build"]).arg(server::workspace().join("tests/bench/guard"));
    build.arg("--out").arg(&package).env("MORTISE_SDK", server::workspace().join("sdk"));
    build.env("CARGO_TARGET_DIR", server::workspace().join("target/wasm"));
    let output = build.output().context("mortise plugin build")?;
    ensure!(
        output.status.success(),
        "the plugin cannot be built: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(std::fs::read(package)?)
}

/// A package that ships; none where its language could not be built.
pub(super) fn shipped(name: &str) -> Option<PathBuf> {
    let shelf = std::env::var_os("MORTISE_BENCH_SHELF").map(PathBuf::from);
    let shelf = shelf.unwrap_or_else(|| server::workspace().join("target/plugins"));
    Some(shelf.join(format!("{name}.plugin"))).filter(|file| file.is_file())
}

/// Reads a package.
pub(super) fn read(bytes: &[u8]) -> Result<Package> {
    Package::read(bytes, &Settings::default()).map_err(|problems| anyhow!("{problems:?}"))
}

/// So many plugins of one: another note makes another digest, and with that other machine code.
pub(super) fn copies(package: &Package, count: usize) -> Result<Vec<Vec<u8>>> {
    let copy = |number: usize| {
        let mut component = package.component.clone();
        mortise_wit::stamp(&mut component, &format!("copy {number}"));
        let text =
            package.manifest_text.replace(&package.manifest.id, &format!("{}{number}", package.manifest.id));
        let copy = Package::of(text, component, package.files.clone());
        Ok(copy.map_err(|problems| anyhow!("{problems:?}"))?.write()?)
    };
    (0..count).map(copy).collect()
}

/// A plugin that does nothing but go round in circles, in saves and in a job.
pub(super) fn hostile() -> Result<Vec<u8>> {
    let text = json!({
        "id": HOSTILE,
        "version": "1.0.0",
        "title": "Hostile",
        "runtime": ">=0.1, <2",
        "exports": [
            { "point": "validator", "name": "spin", "entity": "item", "input": ["name"] },
            { "point": "job", "name": JOB, "schedule": "0 3 * * *" },
        ],
    });
    let text = text.to_string();
    let manifest = Manifest::parse(&text).map_err(|problems| anyhow!("{problems:?}"))?;
    let module = wat::parse_str(circles(&[Point::Validator, Point::Job]))?;
    let component = mortise_wit::componentize(&module, &manifest.imports(), &manifest.export_interfaces())?;
    let package = Package::of(text, component, BTreeMap::new());
    Ok(package.map_err(|problems| anyhow!("{problems:?}"))?.write()?)
}

/// A module whose functions never end.
fn circles(points: &[Point]) -> String {
    let function = |point: &Point| {
        let name = format!("{}#{}", point.interface(), point.functions()[0]);
        format!("(func (export \"{name}\") (param i32) (result i32) (loop $on (br $on)) (i32.const 0))\n")
    };
    let functions: String = points.iter().map(function).collect();
    mortise_wit::module_text("", &functions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hostile_plugin_is_a_package() {
        let package = read(&hostile().expect("it is made")).expect("it is one");
        assert_eq!(package.manifest.exports.len(), 2);
    }

    #[test]
    fn copies_differ_in_id_and_digest() {
        let package = read(&hostile().expect("it is made")).expect("it is one");
        let copies = copies(&package, 2).expect("they are made");
        let copies: Vec<Package> = copies.iter().map(|copy| read(copy).expect("it is one")).collect();
        assert_ne!(copies[0].manifest.id, copies[1].manifest.id);
        assert_ne!(copies[0].digest(), copies[1].digest());
    }
}
