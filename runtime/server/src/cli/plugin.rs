//! `mortise plugin …`: plugins of a tenant, by the same requests as programs make; and the worker that turns components
//! into machine code, which never touches any data.

use std::io::{stdin, stdout};
use std::process::ExitCode;

/// Steps of politeness of the worker: people who wait for a page come first.
const NICE: i32 = 10;

/// `mortise plugin-compile`: reads a component, writes machine code.
pub(super) fn compile(engine: &str) -> ExitCode {
    #[cfg(unix)]
    let _ = rustix::process::nice(NICE);
    match mortise_plugin_host::worker(engine, stdin().lock(), stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
