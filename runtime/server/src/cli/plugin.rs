//! `mortise plugin …`: plugins of a tenant, by the same requests as programs make; and the worker that turns components
//! into machine code, which never touches any data.

use std::io::{Read, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use axum::http::Method;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::{Args, Subcommand};
use mortise_plugin_author::Terms;
use serde_json::{Value, json};

use super::client::Client;
use super::words::Words;

/// Columns of the list of plugins.
const COLUMNS: [&str; 4] = ["id", "version", "state", "label"];
/// Columns of the packages that ship.
const SHIPPED: [&str; 3] = ["id", "version", "label"];
/// Columns of what removed plugins left behind.
const KEPT: [&str; 3] = ["plugin", "bytes", "since"];
/// Columns of the run log.
const RUNS: [&str; 6] = ["at", "point", "export", "version", "outcome", "wall_us"];

/// `mortise plugin …`.
#[derive(Subcommand)]
pub(super) enum Task {
    /// What authors do, without any tenant.
    #[command(flatten)]
    Author(mortise_plugin_author::Task),
    /// Installed plugins and how they are doing.
    List {
        /// Tenant.
        tenant: String,
    },
    /// What a package asks for, without installing it.
    Inspect {
        /// Tenant.
        tenant: String,
        /// Package.
        file: PathBuf,
    },
    /// Install a package, or bring the plugin to its version.
    Install(Install),
    /// Say what a version may do.
    Grant {
        #[command(flatten)]
        of: Of,
        /// Number of the version; the one that waits, or the one in force, unless given.
        #[arg(long)]
        number: Option<i64>,
        /// File with permissions as in plugin.json; everything that is asked for unless given.
        #[arg(long)]
        permissions: Option<PathBuf>,
    },
    /// Switch a plugin on.
    Enable(Of),
    /// Switch a plugin off.
    Disable(Of),
    /// Try out a version on some calls or people.
    Canary {
        #[command(flatten)]
        of: Of,
        /// Number of the version.
        #[arg(long)]
        number: i64,
        /// Out of a hundred calls.
        #[arg(long, default_value_t = 0)]
        share: u8,
        /// Id of a person who always gets it; may be given several times.
        #[arg(long = "person")]
        people: Vec<String>,
    },
    /// Take the version that is tried out for everybody.
    Promote(Of),
    /// Stop trying out a version.
    Stop(Of),
    /// Go back to an earlier version.
    Rollback {
        #[command(flatten)]
        of: Of,
        /// Number of the version; the one before unless given.
        #[arg(long)]
        number: Option<i64>,
    },
    /// Remove a plugin.
    Remove {
        #[command(flatten)]
        of: Of,
        /// What it keeps for itself goes as well. There is no way back.
        #[arg(long)]
        purge: bool,
    },
    /// Packages that ship with the server.
    Shipped {
        /// Tenant.
        tenant: String,
    },
    /// What removed plugins left behind.
    Kept {
        /// Tenant.
        tenant: String,
    },
    /// Drop for good what a removed plugin left behind.
    Purge(Of),
    /// What a plugin did.
    Runs {
        #[command(flatten)]
        of: Of,
        /// Only calls that failed.
        #[arg(long)]
        failed: bool,
        /// So many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Set settings.
    Set {
        #[command(flatten)]
        of: Of,
        /// Settings as name=value, where the value is JSON or text; without a value, back to the default.
        #[arg(required = true)]
        values: Vec<String>,
    },
    /// Enter a secret from standard input.
    Secret {
        #[command(flatten)]
        of: Of,
        /// Name of the secret.
        name: String,
    },
    /// Try again at once what rests.
    Reset(Of),
}

/// A plugin of a tenant.
#[derive(Args)]
pub(super) struct Of {
    /// Tenant.
    tenant: String,
    /// Id of the plugin.
    plugin: String,
}

/// `mortise plugin install`.
#[derive(Args)]
pub(super) struct Install {
    /// Tenant.
    tenant: String,
    /// Package.
    file: PathBuf,
    /// Consent to everything that it asks for.
    #[arg(long, conflicts_with = "grant")]
    grant_all: bool,
    /// Consent to what this file says, permissions as in plugin.json.
    #[arg(long)]
    grant: Option<PathBuf>,
    /// Leave the version in force, to try this one out first.
    #[arg(long)]
    stage: bool,
}

impl Of {
    fn path(&self, rest: &str) -> String {
        format!("/t/{}/api/v1/plugins/{}{rest}", self.tenant, self.plugin)
    }

    /// Does something that has no answer, and says so.
    async fn call(
        &self,
        (client, words): (&Client<'_>, &Words),
        method: Method,
        rest: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<()> {
        let done = client.call(method, &self.path(rest), body).await?;
        words.result(&done);
        words.say("cli.plugin.done", &[("plugin", &self.plugin)]);
        Ok(())
    }
}

impl Task {
    /// What is done in a tenant.
    pub(super) async fn run(self, client: &Client<'_>, words: &Words) -> anyhow::Result<()> {
        let both = (client, words);
        match self {
            Task::Author(task) => author(task, words).await,
            Task::List { tenant } => rows(client, words, &tenant, "", &COLUMNS).await,
            Task::Inspect { tenant, file } => inspect(client, words, &tenant, &file).await,
            Task::Install(install) => install.run(client, words).await,
            Task::Grant { of, number, permissions } => {
                let permissions = permissions.as_deref().map(json_file).transpose()?;
                let body = json!({ "number": number, "permissions": permissions });
                let report = client.post(&of.path("/grant"), &body).await?;
                tell(words, &of.tenant, &report);
                Ok(())
            }
            Task::Enable(of) => of.call(both, Method::POST, "/enable", None).await,
            Task::Disable(of) => of.call(both, Method::POST, "/disable", None).await,
            Task::Canary { of, number, share, people } => {
                let body = json!({ "number": number, "share": share, "people": people });
                of.call(both, Method::POST, "/canary", Some(&body)).await
            }
            Task::Promote(of) => of.call(both, Method::POST, "/canary/promote", None).await,
            Task::Stop(of) => of.call(both, Method::DELETE, "/canary", None).await,
            Task::Rollback { of, number } => {
                of.call(both, Method::POST, "/rollback", Some(&json!({ "number": number }))).await
            }
            Task::Remove { of, purge } => {
                of.call(both, Method::DELETE, &format!("?keep_data={}", !purge), None).await
            }
            Task::Shipped { tenant } => rows(client, words, &tenant, "/shipped", &SHIPPED).await,
            Task::Kept { tenant } => rows(client, words, &tenant, "/kept", &KEPT).await,
            Task::Purge(of) => {
                let path = format!("/t/{}/api/v1/plugins/kept/{}", of.tenant, of.plugin);
                words.result(&client.call(Method::DELETE, &path, None).await?);
                words.say("cli.plugin.done", &[("plugin", &of.plugin)]);
                Ok(())
            }
            Task::Runs { of, failed, limit } => {
                let asked = format!("plugin={}&failed={failed}&limit={limit}", of.plugin);
                let path = format!("/t/{}/api/v1/plugins/runs?{asked}", of.tenant);
                let runs = client.get(&path).await?;
                words.table(runs["rows"].as_array().map_or(&[], Vec::as_slice), &RUNS);
                Ok(())
            }
            Task::Set { of, values } => {
                let body = Value::Object(values.iter().map(|pair| setting(pair)).collect());
                of.call(both, Method::PATCH, "/settings", Some(&body)).await
            }
            Task::Secret { of, name } => {
                let mut secret = String::new();
                stdin().lock().read_to_string(&mut secret)?;
                let body = json!({ "secret": secret.trim_end_matches(['\r', '\n']) });
                of.call(both, Method::PUT, &format!("/secrets/{name}"), Some(&body)).await
            }
            Task::Reset(of) => of.call(both, Method::POST, "/reset", None).await,
        }
    }
}

impl Install {
    async fn run(self, client: &Client<'_>, words: &Words) -> anyhow::Result<()> {
        let grant = self.grant.as_deref().map(json_file).transpose()?;
        let body = json!({
            "package": package(&self.file)?,
            "grant": grant,
            "grant_all": self.grant_all,
            "stage": self.stage,
        });
        let report = client.post(&format!("/t/{}/api/v1/plugins", self.tenant), &body).await?;
        tell(words, &self.tenant, &report);
        let broken = report["standing"] == "broken";
        anyhow::ensure!(!broken, reasons(words, &report).join("\n"));
        Ok(())
    }
}

/// What became of a version.
fn tell(words: &Words, tenant: &str, report: &Value) {
    words.result(report);
    let text = |name: &str| report[name].as_str().unwrap_or_default();
    let args = [("plugin", text("id")), ("version", text("version")), ("tenant", tenant)];
    let key = match text("standing") {
        "waits" => "cli.plugin.waits",
        "broken" => "cli.plugin.broken",
        _ => "cli.plugin.installed",
    };
    words.say(key, &args);
}

/// Why a version cannot be used.
fn reasons(words: &Words, report: &Value) -> Vec<String> {
    let text = |text: &Value| {
        let own = text.as_str().or_else(|| text[words.language].as_str()).or_else(|| text["en"].as_str());
        own.unwrap_or_default().to_owned()
    };
    let line = |problem: &Value| {
        let code = problem["code"].as_str().unwrap_or_default();
        format!("  [{code}] {}", text(&problem["message"]))
    };
    report["problems"].as_array().into_iter().flatten().map(line).collect()
}

/// What stands at an address of plugins, as a table.
async fn rows(
    client: &Client<'_>,
    words: &Words,
    tenant: &str,
    path: &str,
    columns: &[&str],
) -> anyhow::Result<()> {
    let found = client.get(&format!("/t/{tenant}/api/v1/plugins{path}")).await?;
    if words.json {
        words.result(&found["rows"]);
        return Ok(());
    }
    let mut rows = found["rows"].as_array().cloned().unwrap_or_default();
    for row in &mut rows {
        row["label"] = row["title"].clone();
    }
    words.table(&rows, columns);
    Ok(())
}

/// Everything about a package, as programs and people read it: what it asks for is JSON, as in its manifest.
async fn inspect(client: &Client<'_>, words: &Words, tenant: &str, file: &Path) -> anyhow::Result<()> {
    let body = json!({ "package": package(file)? });
    let found = client.post(&format!("/t/{tenant}/api/v1/plugins/inspect"), &body).await?;
    words.result(&found);
    if !words.json {
        let text = |name: &str| found[name].as_str().unwrap_or_default();
        println!("{} {} – {}", text("id"), text("version"), text("title"));
        println!("{:#}", found["asked"]);
        let problems = found["problems"].as_array().into_iter().flatten();
        problems.for_each(|problem| println!("{}", super::words::problem_line(problem)));
    }
    Ok(())
}

/// The bytes of a package, as JSON carries them.
fn package(file: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    Ok(BASE64_STANDARD.encode(bytes))
}

fn json_file(file: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read(file).with_context(|| file.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| file.display().to_string())
}

/// A setting as it was typed: JSON where it is JSON, else text.
fn setting(pair: &str) -> (String, Value) {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let value = match value {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    };
    (name.to_owned(), value)
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
pub(super) fn compile(engine: &str, memory_bytes: u64) -> ExitCode {
    #[cfg(unix)]
    let _ = rustix::process::nice(NICE);
    match mortise_plugin_host::worker(engine, memory_bytes, stdin().lock(), stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
