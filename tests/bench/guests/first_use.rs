//! What an installed plugin costs when a server has just started: a process of its own opens the engines, loads the machine
//! code from its file and makes the first call, which is a case of the plugin's own tests.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail, ensure};
use mortise_cases::Case;
use mortise_plugin_host::limits::Settings;
use mortise_plugin_host::{Compiler, Plugin, PluginHost};
use mortise_tests::server;

use super::Sizes;
use super::packages;
use super::sheet::{About, Goal, Sheet};
use crate::report::Unit;

/// The argument by which this program becomes the process that has just started.
pub(crate) const ARGUMENT: &str = "--first-use";

const MACHINE_CODE: &[Goal] = &[Goal::AtMost(10.0)];
const INTERPRETER: &[Goal] = &[Goal::AtMost(30.0)];
/// Plugins, their language, the case that is called, and the goal.
const PLUGINS: [(&str, &str, &str, &[Goal]); 4] = [
    ("fabe-check", "Rust", "fabe", MACHINE_CODE),
    ("similarity", "Rust, a function", "core", MACHINE_CODE),
    ("keyword-check", "TypeScript", "check", INTERPRETER),
    ("semantic-tags", "Python", "tag", INTERPRETER),
];

/// Compiles each plugin, then starts so many processes.
pub(super) fn measure(sheet: &mut Sheet, sizes: &Sizes) -> Result<()> {
    for (name, language, case, goals) in PLUGINS {
        let Some(package) = packages::shipped(name) else {
            eprintln!("{name} is left out: it was not built");
            continue;
        };
        let case = server::workspace().join(format!("plugins/{name}/cases/{case}.json"));
        let code = tempfile::tempdir()?;
        let bytes = std::fs::read(&package)?;
        runtime()?.block_on(async {
            let host = PluginHost::open(Settings::default(), code.path(), Compiler::InProcess)?;
            host.install(&packages::read(&bytes)?, &semver::Version::new(0, 1, 0)).await?;
            anyhow::Ok(())
        })?;
        let start = |_| begin(&package, code.path(), &case);
        let runs = (0..sizes.starts).map(start).collect::<Result<Vec<_>>>()?;
        let what = format!("first use after a start: {name} ({language})");
        sheet.add(About { what, beside: "the second call", unit: Unit::Milliseconds, goals }, runs);
    }
    Ok(())
}

/// Milliseconds of the first use and of the call after it, in a process of its own.
fn begin(package: &Path, code: &Path, case: &Path) -> Result<(f64, Option<f64>)> {
    let mut process = Command::new(std::env::current_exe()?);
    process.arg(ARGUMENT).args([package, code, case]).stderr(Stdio::inherit());
    let output = process.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let [first, second] = numbers[..] else { bail!("{}: {text}", package.display()) };
    Ok((first, Some(second)))
}

/// What the process does that has just started: prints the milliseconds of the first use and of a second call.
pub(crate) fn in_own_process(arguments: &[String]) -> Result<()> {
    let [package, code, case] = arguments else { bail!("{ARGUMENT} package code case") };
    let package = packages::read(&std::fs::read(package)?)?;
    let cases = mortise_cases::read(case, &std::fs::read_to_string(case)?)?;
    let case = cases.first().context("the file has a case")?;
    let (manifest, digest) = (Arc::new(package.manifest.clone()), package.digest());
    runtime()?.block_on(async {
        let begin = Instant::now();
        let host = PluginHost::open(Settings::default(), Path::new(code), Compiler::InProcess)?;
        let missing = || Err(std::io::Error::other("the machine code is there"));
        let plugin = host.load(manifest, &digest, &missing).await?;
        run(case, &plugin).await?;
        let first = begin.elapsed().as_secs_f64() * 1e3;
        let begin = Instant::now();
        run(case, &plugin).await?;
        println!("{first} {}", begin.elapsed().as_secs_f64() * 1e3);
        Ok(())
    })
}

async fn run(case: &Case, plugin: &Plugin) -> Result<()> {
    let report = case.run(plugin).await.map_err(|error| anyhow!("{error}"))?;
    ensure!(report.passed(), "{}", report.told("en").join("\n"));
    Ok(())
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}
