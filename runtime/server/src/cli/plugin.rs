//! `mortise plugin …`: plugins of a tenant, by the same requests as programs make; and the worker that turns components
//! into machine code, which never touches any data.

use std::io::{stdin, stdout};
use std::process::ExitCode;

use clap::Subcommand;
use mortise_plugin_author::Terms;

use super::words::Words;

/// `mortise plugin …`.
#[derive(Subcommand)]
pub(super) enum Task {
    /// What authors do, without any tenant.
    #[command(flatten)]
    Author(mortise_plugin_author::Task),
}

/// The tools of authors: they need no server.
pub(super) async fn author(task: mortise_plugin_author::Task, words: &Words) -> anyhow::Result<()> {
    let terms = Terms { language: words.language, json: words.json };
    let done = mortise_plugin_author::run(task, terms).await;
    done.map_err(|error| anyhow::anyhow!(error.words(words.language)))
}

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
