//! The worker that turns a component into machine code: reads it from standard input, writes the code to standard output.
//! The server brings the same along as `mortise plugin-compile`; this file serves tools and tests without it.

use std::io::{stdin, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let engine = std::env::args().nth(1).unwrap_or_default();
    match mortise_plugin_host::worker(&engine, stdin().lock(), stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
