//! The worker that turns a component into machine code: reads it from standard input, writes the code to standard output.
//! The server brings the same along as `mortise plugin-compile`; this file serves tools and tests without it.

use std::io::{stdin, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let engine = arguments.next().unwrap_or_default();
    let Some(memory_bytes) = arguments.next().and_then(|bytes| bytes.parse().ok()) else {
        eprintln!("usage: plugin-compile ENGINE MEMORY_BYTES");
        return ExitCode::from(2);
    };
    match mortise_plugin_host::worker(&engine, memory_bytes, stdin().lock(), stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
