//! What an installed plugin costs when a server has just started: loading its machine code and making the first call; and
//! the memory that a hundred of them take.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, anyhow};
use mortise_plugin_host::limits::Settings;
use mortise_plugin_host::{Compiler, Package, PluginHost};

use crate::host::{entry, invocation};

/// How often a start is tried.
const STARTS: usize = 20;
/// Plugins that are loaded at once.
const MANY: usize = 100;

/// The first use after a start, for each package.
pub(crate) async fn measure(rust: &Package, others: &[PathBuf]) -> Result<()> {
    println!("| First use after a start | machine code MB | load ms (median) | load and call ms (median) |");
    println!("| --- | ---: | ---: | ---: |");
    let folder = tempfile::tempdir()?;
    one("Rust, 30 fields", rust, folder.path(), true).await?;
    for path in others {
        let package = Package::read(&std::fs::read(path)?, &Settings::default());
        let package = package.map_err(|problems| anyhow!("{problems:?}"))?;
        one(&format!("{} ({:?})", package.manifest.id, package.manifest.language), &package, folder.path(), false).await?;
    }
    println!();
    Ok(())
}

async fn one(name: &str, package: &Package, folder: &Path, callable: bool) -> Result<()> {
    let open = || PluginHost::open(Settings::default(), folder, Compiler::InProcess);
    let before = bytes_below(folder)?;
    open()?.install(package, &semver::Version::new(0, 1, 0)).await?;
    let size = bytes_below(folder)? - before;
    let (mut loads, mut calls) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let host = open()?;
        let begin = Instant::now();
        let missing = || Err(std::io::Error::other("the machine code is there"));
        let plugin = host.load(Arc::new(package.manifest.clone()), &package.digest(), &missing).await?;
        loads.push(begin.elapsed().as_secs_f64() * 1e3);
        if callable {
            let run = plugin.validate(&invocation(), "thirty", None, &entry()).await;
            run.outcome.map_err(|failure| anyhow!("{failure}"))?;
        }
        calls.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    let call = if callable { format!("{:.2}", median(calls)) } else { "–".to_owned() };
    println!("| {name} | {:.2} | {:.2} | {call} |", size as f64 / 1e6, median(loads));
    Ok(())
}

/// Resident memory of a hundred different plugins, each called once.
pub(crate) async fn memory(package: &Package) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let host = PluginHost::open(Settings::default(), folder.path(), Compiler::InProcess)?;
    let mut packages = Vec::new();
    for index in 0..MANY {
        // Another note makes another digest, and with that other machine code.
        let mut component = package.component.clone();
        mortise_wit::stamp(&mut component, &format!("plugin {index}"));
        let text = package.manifest_text.replace("bench.thirty", &format!("bench.thirty{index}"));
        packages.push(Package::of(text, component, Default::default()).map_err(|problems| anyhow!("{problems:?}"))?);
    }
    for package in &packages {
        host.install(package, &semver::Version::new(0, 1, 0)).await?;
    }
    drop(host);
    let host = PluginHost::open(Settings::default(), folder.path(), Compiler::InProcess)?;
    let before = resident()?;
    let mut kept = Vec::new();
    for package in &packages {
        let missing = || Err(std::io::Error::other("the machine code is there"));
        let plugin = host.load(Arc::new(package.manifest.clone()), &package.digest(), &missing).await?;
        let run = plugin.validate(&invocation(), "thirty", None, &entry()).await;
        run.outcome.map_err(|failure| anyhow!("{failure}"))?;
        kept.push(plugin);
    }
    let after = resident()?;
    println!("{MANY} plugins loaded and called: {:.1} MB more resident memory.", (after - before) as f64 / 1e6);
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn bytes_below(folder: &Path) -> Result<u64> {
    let sizes = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.metadata()?.len()));
    sizes.sum::<std::io::Result<u64>>().map_err(Into::into)
}

/// Bytes of this process that lie in memory, with those of mapped files.
fn resident() -> Result<i64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: i64 = text.split_whitespace().nth(1).unwrap_or_default().parse()?;
    Ok(pages * 4096)
}
