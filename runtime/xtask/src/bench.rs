//! `cargo xtask bench`: builds the release and runs the measurements of `tests/bench` with it.

use anyhow::{Result, bail};

use crate::postgres::{Cluster, Durability};
use crate::setup;
use crate::shell::{cargo, check_arguments, execute, program, target};

/// `cargo xtask bench`; the arguments go on to the measurements.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    check_arguments(
        arguments,
        &["--automation", "--million", "--plugins", "--postgres", "--write"],
        &["--runs", "--seconds", "--only", "--rows"],
    )?;
    setup::web()?;
    let Some(wrk) = setup::ensure(&setup::WRK)? else { bail!("the load comes from wrk") };
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
