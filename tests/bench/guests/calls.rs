//! One call by itself, beside bare wasmtime and extism: measured by the program of `tests/bench/plugins`, which is a workspace
//! of its own, since extism brings another wasmtime.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::Sizes;
use super::sheet::{About, Goal, Sheet};
use crate::report::Unit;

/// What one round of the program came to, in microseconds: the host, bare wasmtime, bare wasmtime on an instance that is
/// kept, extism.
type Round = [f64; 4];

/// Starts the program and reads its rounds.
pub(super) fn measure(sheet: &mut Sheet, sizes: &Sizes) -> Result<()> {
    let Some(program) = std::env::var_os("MORTISE_BENCH_CALLS") else {
        eprintln!("single calls are left out: MORTISE_BENCH_CALLS names no program");
        return Ok(());
    };
    let mut command = Command::new(program);
    command.args([sizes.calls, sizes.runs].map(|number| number.to_string())).stderr(Stdio::inherit());
    let output = command.output().context("the program of tests/bench/plugins")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let rounds: Vec<Round> =
        text.lines().filter_map(|line| line.strip_prefix("CALLS ")).map(round).collect::<Result<_>>()?;
    if !output.status.success() || rounds.is_empty() {
        bail!("the program of tests/bench/plugins failed: {text}");
    }
    let pairs =
        |one: usize, other: usize| rounds.iter().map(|round| (round[one], Some(round[other]))).collect();
    let line =
        |what: &str, beside, goals| About { what: what.to_owned(), beside, unit: Unit::Microseconds, goals };
    let goals = &[Goal::AtMost(40.0), Goal::TimesAtMost(2.0)];
    sheet.add(
        line("fresh instance, a call with a record of 30 fields, drop", "bare wasmtime", goals),
        pairs(0, 1),
    );
    let goals = &[Goal::TimesAtLeast(5.0)];
    sheet.add(line("the same work by extism", "Mortise", goals), pairs(3, 0));
    sheet.add(line("bare wasmtime on an instance that is kept", "bare wasmtime", &[]), pairs(2, 1));
    Ok(())
}

fn round(line: &str) -> Result<Round> {
    let numbers: Vec<f64> =
        line.split(' ').map(str::parse).collect::<Result<_, _>>().context("figures of calls")?;
    numbers.try_into().map_err(|_| anyhow::anyhow!("the program of tests/bench/plugins printed `{line}`"))
}
