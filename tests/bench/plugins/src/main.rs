//! What a call of a plugin costs: through the host with everything that keeps it in bounds, through bare wasmtime, and through
//! extism with the same work; and what it takes to use a plugin for the first time. `cargo xtask bench --plugins` builds
//! the guests and starts it. Nothing is asserted; the figures are printed as a Markdown table.

mod bare;
mod extism_call;
mod first_use;
mod host;
mod table;

use std::path::PathBuf;

use anyhow::{Context, Result};

/// Fields of the record that goes into each call.
const FIELDS: usize = 30;
/// Calls of one measurement; enough for a stable median and a 99th percentile of a hundred calls.
const CALLS: usize = 10_000;
/// How often all of them are measured, in turns, so that a busy moment does not hit one of them alone.
const ROUNDS: usize = 3;

/// The packages and modules that the caller has built.
struct Guests {
    /// The plugin as a component in a package.
    plugin: PathBuf,
    /// The same for extism, a core module.
    extism: PathBuf,
    /// Packages of plugins that carry an interpreter, for their first use.
    others: Vec<PathBuf>,
}

fn main() -> Result<()> {
    let file = |name: &str| std::env::var_os(name).map(PathBuf::from).with_context(|| format!("{name} is not set"));
    let guests = Guests {
        plugin: file("MORTISE_BENCH_GUEST")?,
        extism: file("MORTISE_BENCH_EXTISM")?,
        others: std::env::args().skip(1).map(PathBuf::from).collect(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(measure(&guests))
}

async fn measure(guests: &Guests) -> Result<()> {
    let package = host::package(&guests.plugin)?;
    let ours = host::Ours::install(&package).await?;
    let bare = bare::Bare::compile(&package.component)?;
    let extism = extism_call::Extism::compile(&guests.extism)?;
    let mut times: [Vec<f64>; 4] = Default::default();
    for _ in 0..ROUNDS {
        for _ in 0..CALLS / ROUNDS {
            times[0].push(ours.call().await?);
            times[1].push(bare.call().await?);
            times[2].push(bare.call_reused().await?);
        }
        // It is slower by so much that a tenth of the calls says as much.
        for _ in 0..CALLS / ROUNDS / 10 {
            times[3].push(extism.call()?);
        }
    }
    let [ours_times, bare_times, reused, extism_times] = times;
    let base = table::Figure::of(bare_times);
    table::head("Fresh instance, call with 30 fields, drop");
    table::row("Mortise: permit, limits, budget, breaker, record", &table::Figure::of(ours_times), &base);
    table::row("bare wasmtime 48: pool, epochs, no limits", &base, &base);
    table::row("bare wasmtime, instance kept", &table::Figure::of(reused), &base);
    table::row("extism 1.30, the same work on JSON", &table::Figure::of(extism_times), &base);
    println!();
    first_use::measure(&package, &guests.others).await?;
    first_use::memory(&package).await
}
