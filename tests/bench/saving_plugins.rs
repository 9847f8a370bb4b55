//! What a plugin with a `before-save` and a validator costs saves: the same load with and without it, one after the other in
//! the same installation, so that both meet the same machine and the same number of records.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use mortise_tests::server;

use crate::load::Load;
use crate::place::Place;
use crate::report::{Samples, Unit};

/// Records of the installation: what is there already makes no difference to a save.
const RECORDS: usize = 10_000;
/// What has to be left of the rate of saves.
const GOAL: f64 = 0.7;

/// The loads: script, connections, words.
const LOADS: [(&str, usize, &str); 2] =
    [("create", 64, "create, 64 connections"), ("update", 16, "update one field, 16 connections")];

/// Measures on one database.
pub(crate) fn measure(load: &Load, postgres: Option<&str>, runs: usize) -> Result<String> {
    let package = build()?;
    let (mut place, _) = Place::new(postgres, RECORDS)?;
    place.settle()?;
    place.install_plugin(&package)?;
    let mut samples: [[Samples; 2]; LOADS.len()] = Default::default();
    for run in 1..=runs {
        eprintln!("plugins in saves, run {run} of {runs}");
        for ((script, connections, _), [without, with]) in LOADS.iter().zip(&mut samples) {
            place.switch_plugin("bench.guard", false)?;
            without.push(load.measure(&place.workload(script, *connections))?.per_second);
            place.switch_plugin("bench.guard", true)?;
            with.push(load.measure(&place.workload(script, *connections))?.per_second);
        }
    }
    Ok(table(&samples))
}

fn table(samples: &[[Samples; 2]]) -> String {
    let mut text = "| Saves | Without plugins | With a validator and a before-save hook | Kept | Goal |\n\
                    | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for ((_, _, words), [without, with]) in LOADS.iter().zip(samples) {
        let kept = with.median().unwrap_or_default() / without.median().unwrap_or(1.0);
        let met = if kept >= GOAL { "met" } else { "missed" };
        let (without, with) = (without.show(Unit::PerSecond), with.show(Unit::PerSecond));
        text.push_str(&format!("| {words} | {without} | {with} | {:.0} % | 70 %: {met} |\n", kept * 100.0));
    }
    text
}

/// Builds the plugin as an author would.
fn build() -> Result<Vec<u8>> {
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
