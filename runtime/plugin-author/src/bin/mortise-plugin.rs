//! `mortise-plugin`: the tools of `mortise plugin …` alone, for machines that build plugins and serve nobody.

use std::process::ExitCode;

use clap::Parser;
use mortise_definition::locale;
use mortise_plugin_author::{Task, Terms, run};

/// Tools for authors of plugins.
#[derive(Parser)]
#[command(name = "mortise-plugin", version)]
struct Cli {
    /// Language of messages (en, zh-CN).
    #[arg(long, env = "MORTISE_LANGUAGE", global = true, default_value = "en")]
    language: String,
    /// Results as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    task: Task,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let terms = Terms { language: locale::negotiate(&cli.language), json: cli.json };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("the operating system gives threads");
    match runtime.block_on(run(cli.task, terms)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.words(terms.language));
            ExitCode::FAILURE
        }
    }
}
