//! What a call of a plugin costs: through the host with everything that keeps it in bounds, through bare wasmtime, and through
//! extism with the same work. `cargo xtask bench --plugins` builds the guests and starts it. Nothing is asserted; the medians
//! of each round are printed as a line of numbers, which `tests/bench` reads.

mod bare;
mod extism_call;
mod host;

use std::path::PathBuf;

use anyhow::{Context, Result};

/// Fields of the record that goes into each call.
const FIELDS: usize = 30;
/// Calls before anything is counted.
const WARM_UP: usize = 200;

/// Whose calls are measured.
struct Contestants {
    ours: host::Ours,
    bare: bare::Bare,
    extism: extism_call::Extism,
}

fn main() -> Result<()> {
    let numbers: Vec<usize> =
        std::env::args().skip(1).map(|number| number.parse()).collect::<Result<_, _>>()?;
    let [calls, rounds] = numbers[..] else { anyhow::bail!("wanted: calls of a round, rounds") };
    let file =
        |name: &str| std::env::var_os(name).map(PathBuf::from).with_context(|| format!("{name} is not set"));
    let (plugin, module) = (file("MORTISE_BENCH_GUEST")?, file("MORTISE_BENCH_EXTISM")?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let package = host::package(&plugin)?;
        let contestants = Contestants {
            ours: host::Ours::install(&package).await?,
            bare: bare::Bare::compile(&package.component)?,
            extism: extism_call::Extism::compile(&module)?,
        };
        contestants.round(WARM_UP).await?;
        for _ in 0..rounds {
            let [ours, bare, kept, extism] = contestants.round(calls).await?;
            println!("CALLS {ours} {bare} {kept} {extism}");
        }
        Ok(())
    })
}

impl Contestants {
    /// Medians in microseconds: the host, bare wasmtime, bare wasmtime on a kept instance, extism. One call of each in turns,
    /// so that a busy moment does not hit one of them alone.
    async fn round(&self, calls: usize) -> Result<[f64; 4]> {
        let mut times: [Vec<f64>; 4] = Default::default();
        for number in 0..calls {
            times[0].push(self.ours.call().await?);
            times[1].push(self.bare.call().await?);
            times[2].push(self.bare.call_reused().await?);
            // It is slower by so much that a tenth of the calls says as much.
            if number % 10 == 0 {
                times[3].push(self.extism.call()?);
            }
        }
        Ok(times.map(median))
    }
}

fn median(mut micros: Vec<f64>) -> f64 {
    micros.sort_by(f64::total_cmp);
    micros[micros.len() / 2]
}
