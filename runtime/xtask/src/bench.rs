//! `cargo xtask bench`: builds the release and runs the measurements of `tests/bench` with it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::postgres::{Cluster, Durability};
use crate::shell::{cargo, check_arguments, execute, program, root, target};
use crate::{plugins, setup, wasm};

/// `cargo xtask bench`; the arguments go on to the measurements.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    check_arguments(
        arguments,
        &["--automation", "--million", "--plugins", "--postgres", "--write"],
        &["--runs", "--seconds", "--only", "--rows"],
    )?;
    setup::web()?;
    let Some(wrk) = setup::ensure(&setup::WRK)? else { bail!("the load comes from wrk") };
    if arguments.iter().any(|argument| argument == "--plugins") {
        calls_of_plugins()?;
    }
    let postgres = arguments.iter().any(|argument| argument == "--postgres");
    let cluster = if postgres { Cluster::start(Durability::Full)? } else { None };

    // In one build, since two would compile what they share twice, with different features.
    execute(&mut cargo(["build", "--release", "--package", "mortise", "--package", "mortise-bench"]))?;
    let mut command = program(target().join("release/measure"), arguments);
    command.env("MORTISE_BIN", target().join("release/mortise")).env("MORTISE_WRK", wrk);
    if let Some(cluster) = &cluster {
        command.env("MORTISE_TEST_POSTGRES", cluster.url());
    }
    execute(&mut command)
}

/// What a call of a plugin costs by itself, beside bare wasmtime and extism: a workspace of its own, since extism brings
/// another wasmtime.
fn calls_of_plugins() -> Result<()> {
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
    let extism = wasm::module(&folder, "mortise-bench-extism-guest", &place.join("wasm"))?;
    let mut build = cargo(["build", "--release", "--package", "mortise-bench-plugins"]);
    execute(build.current_dir(&folder).env("CARGO_TARGET_DIR", &place))?;
    let others = ["keyword-check", "semantic-tags"].map(|name| shelf.join(format!("{name}.plugin")));
    let others: Vec<PathBuf> = others.into_iter().filter(|package| Path::exists(package)).collect();
    let mut measure = program(place.join("release/mortise-bench-plugins"), others);
    execute(measure.env("MORTISE_BENCH_GUEST", guest).env("MORTISE_BENCH_EXTISM", extism))
}
