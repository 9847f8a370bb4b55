//! `cargo xtask test`: the pages' types, the browser tests, then every Rust test on SQLite and PostgreSQL.
//! `--seeds` sets how many runs the simulation of the engine makes.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, anyhow, bail};

use crate::postgres::{Cluster, Durability};
use crate::shell::{cargo, everything_required, execute, find_program, option, program, root, target};
use crate::{plugins, setup};

/// Runs all tests; arguments after `--` go to the Rust test runner.
pub(crate) fn run_all(runner_arguments: &[String], require_all: bool, seeds: Option<&str>) -> Result<()> {
    setup::web()?;
    let cluster = Cluster::start(Durability::None)?;
    // One build with the tests' features, so that no dependency is compiled twice.
    execute(&mut cargo(["build", "--workspace", "--bins", "--tests"]))?;
    let environment = Environment {
        postgres: cluster.as_ref().map(Cluster::url),
        required: require_all,
        seeds: seeds.map(str::to_owned),
        binary: target().join("debug").join("mortise"),
        plugins: plugins::build(&target().join("debug").join("mortise-plugin"))?,
    };

    let mut failures = Vec::new();
    let mut step = |name: &str, result: Result<()>| {
        if let Err(error) = result {
            eprintln!("\n{name} failed: {error:#}\n");
            failures.push(format!("{name} failed: {error:#}"));
        }
    };
    step("the type check of the pages", check_web_types());
    step("the tests of the kits", kit_tests());
    step("the browser tests", browser_tests(&environment));
    step("the Rust tests", rust_tests(&environment, runner_arguments));
    if !failures.is_empty() {
        // Once more at the end, where nobody has to look for it among what all tests printed.
        bail!("{}", failures.join("\n"));
    }
    Ok(())
}

/// `cargo xtask test`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let split = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    let (own, runner) = arguments.split_at(split);
    crate::shell::check_arguments(own, &["--require-all"], &["--seeds"])?;
    let require_all = everything_required() || own.iter().any(|argument| argument == "--require-all");
    let seeds = option(own, "--seeds")?;
    if let Some(seeds) = seeds.filter(|seeds| seeds.parse::<u32>().is_err()) {
        bail!("--seeds {seeds}: this is no number of seeds");
    }
    run_all(runner.get(1..).unwrap_or_default(), require_all, seeds)
}

/// What the tests are told about this run.
struct Environment {
    postgres: Option<String>,
    required: bool,
    /// Runs of the simulation; its own number unless given.
    seeds: Option<String>,
    binary: PathBuf,
    /// Packages of the plugins that ship.
    plugins: PathBuf,
}

impl Environment {
    fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("MORTISE_BIN", &self.binary).env("MORTISE_TEST_PLUGINS", &self.plugins);
        if let Some(url) = &self.postgres {
            command.env("MORTISE_TEST_POSTGRES", url);
        }
        if self.required {
            command.env("MORTISE_TEST_REQUIRE", "1");
        }
        if let Some(seeds) = &self.seeds {
            command.env("MORTISE_SEEDS", seeds);
        }
        command
    }
}

fn check_web_types() -> Result<()> {
    execute(program("npm", ["run", "--silent", "check"]).current_dir(root().join("runtime/web")))
}

/// The kits for plugins in TypeScript and Python, and what is written with them, without WebAssembly.
fn kit_tests() -> Result<()> {
    if !setup::kits()? {
        return Ok(());
    }
    execute(&mut program("node", ["sdk/typescript/test.mjs"]))?;
    execute(&mut program("python3", ["sdk/python/test.py"]))
}

fn browser_tests(environment: &Environment) -> Result<()> {
    let Some(chromium) = setup::ensure(&setup::CHROMIUM)? else { return Ok(()) };
    setup::ensure(&setup::FONTS)?;
    setup::browser_tests()?;
    let folder = root().join("tests/browser");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    // One browser and one server at a time are what two cores bear without a test waiting for the other's.
    // A test that failed may leave a browser open, for which nobody should wait.
    let mut command = program("node", ["--test", "--test-force-exit", "--test-concurrency=1"]);
    command.args(["--test-reporter=spec", "--test-reporter-destination=stdout"]);
    let failed = target().join("browser-failures.txt");
    command.arg(format!("--test-reporter={}", folder.join("failures.mjs").display()));
    command.arg(format!("--test-reporter-destination={}", failed.display()));
    command.args(files).env("MORTISE_CHROMIUM", chromium);
    let told = |error| match std::fs::read_to_string(&failed) {
        Ok(failures) => anyhow!("{error:#}\n\n{failures}"),
        Err(_) => error,
    };
    execute(environment.apply(&mut command)).map_err(told)
}

fn rust_tests(environment: &Environment, arguments: &[String]) -> Result<()> {
    let mut command = if find_program(&["cargo-nextest"]).is_some() {
        cargo(["nextest", "run", "--workspace"])
    } else {
        eprintln!(
            "cargo-nextest is not installed; the tests run with `cargo test`, one crate after the other"
        );
        cargo(["test", "--workspace"])
    };
    execute(environment.apply(command.args(arguments)))
}
