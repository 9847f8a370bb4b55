//! `cargo xtask bench`: builds the release and runs the measurements of `tests/bench` with it.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::postgres::{Cluster, Durability};
use crate::shell::{cargo, check_arguments, execute, program, root, target};
use crate::{plugins, setup, wasm};

/// `cargo xtask bench`; the arguments go on to the measurements.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    check_arguments(
        arguments,
        &["--automation", "--million", "--pages", "--plugins", "--postgres", "--quick", "--write"],
        &["--runs", "--seconds", "--only", "--rows"],
    )?;
    setup::web()?;
    let Some(wrk) = setup::ensure(&setup::WRK)? else { bail!("the load comes from wrk") };
    let plugins = arguments.iter().any(|argument| argument == "--plugins");
    let guests = if plugins { Some(guests()?) } else { None };
    let postgres = arguments.iter().any(|argument| argument == "--postgres");
    let cluster = if postgres { Cluster::start(Durability::Full)? } else { None };

    // In one build, since two would compile what they share twice, with different features.
    execute(&mut cargo(["build", "--release", "--package", "mortise", "--package", "mortise-bench"]))?;
    let mut command = program(target().join("release/measure"), arguments);
    command.env("MORTISE_BIN", target().join("release/mortise")).env("MORTISE_WRK", wrk);
    if let Some(cluster) = &cluster {
        command.env("MORTISE_TEST_POSTGRES", cluster.url());
    }
    command.envs(guests.into_iter().flatten());
    execute(&mut command)
}

/// Builds the plugins that are measured, and the program that measures single calls beside bare wasmtime and extism: a workspace
/// of its own, since extism brings another wasmtime. Where all of that lies, by the names of the variables that tell it.
fn guests() -> Result<[(&'static str, PathBuf); 4]> {
    let folder = root().join("tests/bench/plugins");
    let place = target().join("bench-plugins");
    std::fs::create_dir_all(&place)?;
    execute(&mut cargo(["build", "--package", "mortise-plugin-author"]))?;
    let tool = target().join("debug/mortise-plugin");
    let shelf = plugins::build(&tool)?;
    let guest = place.join("guest.plugin");
    let mut build = program(&tool, ["build"]);
    build.arg(folder.join("guest")).arg("--out").arg(&guest);
    build.env("CARGO_TARGET_DIR", place.join("wasm")).env("MORTISE_SDK", root().join("sdk"));
    execute(&mut build)?;
    let extism = wasm::module(&folder, "mortise-bench-extism-guest", &place.join("wasm"), &[])?;
    let mut build = cargo(["build", "--release", "--package", "mortise-bench-plugins"]);
    execute(build.current_dir(&folder).env("CARGO_TARGET_DIR", &place))?;
    Ok([
        ("MORTISE_BENCH_CALLS", place.join("release/mortise-bench-plugins")),
        ("MORTISE_BENCH_GUEST", guest),
        ("MORTISE_BENCH_EXTISM", extism),
        ("MORTISE_BENCH_SHELF", shelf),
    ])
}
