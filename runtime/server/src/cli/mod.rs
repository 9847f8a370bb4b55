//! The command line. Commands that touch a tenant make the same requests as programs do over the API
//! ([`client`]); results go to standard output, everything else to standard error, `--json` is for programs.

mod app;
mod client;
mod doctor;
mod lock;
mod plugin;
mod schema;
mod secret;
mod serve;
mod simulate;
mod tenant;
mod test;
mod user;
mod words;

use std::process::ExitCode;

use clap::{Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use mortise_definition::locale;

use crate::config::{Config, Place, Serving};
use client::Client;
use words::Words;

/// Low-code application runtime: apps of JSON, many tenants, one binary.
#[derive(Parser)]
#[command(name = "mortise", version, propagate_version = true, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    place: Place,
    /// Language of messages (en, zh-CN); that of the environment unless given.
    #[arg(long, env = "MORTISE_LANGUAGE", global = true)]
    language: Option<String>,
    /// Results as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Serve tenants.
    Serve(Serving),
    /// Apps: check, install, compare, go back.
    #[command(subcommand)]
    App(app::Task),
    /// Tenants: make, change, list, remove.
    #[command(subcommand)]
    Tenant(tenant::Task),
    /// Users of a tenant.
    #[command(subcommand)]
    User(user::Task),
    /// The key with which secrets of tenants are sealed.
    #[command(subcommand)]
    Secret(secret::Task),
    /// Plugins: make, build, test.
    #[command(subcommand)]
    Plugin(plugin::Task),
    /// JSON Schemas of the app language, for editors.
    Schema(schema::Schema),
    /// Check the audit chain and the tables of tenants.
    Verify(tenant::Verify),
    /// Look for what keeps the server from working well.
    Doctor(Serving),
    /// Turn a component on standard input into machine code on standard output, for this version and this machine.
    #[command(hide = true)]
    PluginCompile {
        /// The engine: `serving` or `deterministic`.
        engine: String,
        /// How much memory it may take.
        memory_bytes: u64,
    },
}

/// Runs the command line; the exit code is 0 when all went well, 1 when not, 2 for a command that was not understood.
pub fn main() -> ExitCode {
    let asked = std::env::args().skip_while(|arg| arg != "--language").nth(1);
    let words = Words::new(asked.as_deref(), false);
    let matches = translated(Cli::command(), words.language, "cli.about").get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    if let Task::PluginCompile { engine, memory_bytes } = &cli.command {
        return plugin::compile(engine, *memory_bytes);
    }
    let words = Words::new(cli.language.as_deref(), cli.json);
    let serving = match &cli.command {
        Task::Serve(serving) | Task::Doctor(serving) => Some(serving.clone()),
        _ => None,
    };
    start_log(&cli.command);
    let config = Config::new(cli.place, serving.unwrap_or_default());
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = config.serving.threads {
        runtime.worker_threads(threads.max(1));
    }
    let runtime = runtime.enable_all().build().expect("the operating system gives threads");
    match runtime.block_on(run(cli.command, &config, &words)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(task: Task, config: &Config, words: &Words) -> anyhow::Result<()> {
    match task {
        Task::Serve(_) => serve::run(config.clone(), words).await,
        Task::Schema(schema) => schema.run(words),
        Task::Doctor(_) => doctor::run(config, words).await,
        Task::App(app::Task::Check(check)) => check.run(words),
        Task::Plugin(plugin::Task::Author(task)) => plugin::author(task, words).await,
        Task::App(app::Task::Test(test)) if !test.needs_tenant() => test.run(config, words).await,
        task => {
            let client = Client::open(config, words).await?;
            let result = match task {
                Task::App(task) => task.run(&client, words).await,
                Task::Tenant(task) => task.run(&client, words).await,
                Task::User(task) => task.run(&client, words).await,
                Task::Secret(task) => task.run(&client, words).await,
                Task::Plugin(task) => task.run(&client, words).await,
                Task::Verify(verify) => verify.run(&client, words).await,
                Task::Serve(_) | Task::Schema(_) | Task::Doctor(_) | Task::PluginCompile { .. } => Ok(()),
            };
            client.close().await;
            result
        }
    }
}

/// Help in the language of the person, where the catalogue has it: `cli.about`, `cli.about.app`, `cli.about.app.check` …
fn translated(command: Command, language: &str, key: &str) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let mut command = match locale::find(language, key, &[]) {
        Some(about) => command.about(about),
        None => command,
    };
    for name in names {
        let key = format!("{key}.{name}");
        command = command.mut_subcommand(name, |sub| translated(sub, language, &key));
    }
    command
}

/// Logs go to standard error: lines for people or, with `--log-json`, JSON for machines. `MORTISE_LOG` filters.
fn start_log(task: &Task) {
    let (usual, json) = match task {
        Task::Serve(serving) => ("info", serving.log_json),
        _ => ("warn", false),
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("MORTISE_LOG");
    let filter = filter
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(format!("{usual},sea_orm_migration=warn")));
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    if json { log.json().init() } else { log.init() }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn no_two_flags_of_a_command_have_the_same_name() {
        super::Cli::command().debug_assert();
    }
}
