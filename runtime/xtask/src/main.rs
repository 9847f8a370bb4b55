//! `cargo xtask`: one door to setting up, running, testing, measuring and documenting Mortise.
//!
//! Nothing of the product lives here, and the product never depends on this crate. Each command is one file; they share
//! [`shell`] (running programs, finding the workspace) and [`setup`] (making sure that a tool is there before it is used).

mod bench;
mod ci;
mod docs;
mod plugins;
mod postgres;
mod rules;
mod run;
mod setup;
mod shell;
mod shots;
mod test;
mod wasm;

use std::process::ExitCode;

const USAGE: &str = "\
Build automation of Mortise.

  cargo xtask setup                install what building and testing need, and build the web assets
  cargo xtask run  [options]       build, create a demo tenant with both apps, and serve it
      --listen ADDRESS   default 127.0.0.1:8080
      --leads COUNT      size of the demo data, default 10000
      --data FOLDER      default data/ in the workspace
      --fresh            throw the folder away first
      --debug            build without optimisation: ready sooner, slower to use
  cargo xtask test [options] [-- arguments of nextest]
                                   unit, database, whole-binary and browser tests
      --seeds COUNT      runs of the simulation of the engine, default 200
      --require-all      a missing database or browser is a failure
  cargo xtask bench [options]      measure the workloads of docs/performance.md
      --automation       measure what happens by itself (rules, timers, assignment, clocks) instead
      --pages            measure what the server needs for each page of the shipped apps instead
      --plugins          measure what plugins cost instead
      --quick            with --plugins: little of everything, to see that it can be measured
      --million          also measure with a million rows
      --postgres         measure PostgreSQL as well
      --write            put the tables into docs/performance.md
      --runs COUNT       repeat everything so often and publish medians, default 1, with --plugins 3
      --rows COUNT       records to load, default 100000; with --automation everything in proportion
      --seconds COUNT    length of each measurement, default 10, with --plugins 5
      --only WORD        measure only the workloads whose name contains the word
  cargo xtask plugins              build the plugins that ship into target/plugins
  cargo xtask docs [--check]       regenerate the generated pages and build the book; --check changes nothing
  cargo xtask ci                   everything that has to pass before a change lands
  cargo xtask shots [WORD…]        pictures of the main pages in both languages, light and dark, for docs/pictures; with words
                                   only those whose name (phone-zh-dark/list) contains one of them
      --all              of every page in every state instead, in target/shots
";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = if arguments.is_empty() { String::new() } else { arguments.remove(0) };
    let result = match command.as_str() {
        "setup" => setup::everything(),
        "run" => run::run(&arguments),
        "test" => test::run(&arguments),
        "bench" => bench::run(&arguments),
        "plugins" => plugins::run(&arguments),
        "docs" => docs::run(&arguments),
        "ci" => ci::run(),
        "shots" => shots::run(&arguments),
        "" | "help" | "--help" | "-h" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        other => Err(anyhow::anyhow!("there is no command `{other}`\n\n{USAGE}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask {command}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
