//! `mortise app …`: apps are folders of JSON; checking needs no server, everything else is a request for one tenant.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use axum::http::Method;
use clap::{Args, Subcommand};
use mortise_definition::{Package, Problem};
use serde_json::{Value, json};

use super::client::Client;
use super::test::Test;
use super::words::{Words, problem_line};
use crate::failure::problem_json;

const COLUMNS: [&str; 3] = ["id", "version", "label"];
/// Columns of the list of what is kept.
const RETIRED: [&str; 4] = ["entity", "field", "place", "rows"];

#[derive(Subcommand)]
pub(super) enum Task {
    /// Check an app without installing it.
    Check(Check),
    /// Run the scenarios of apps, in virtual time.
    Test(Test),
    /// Install apps, or bring them to the version of the folders.
    #[command(visible_alias = "upgrade")]
    Install {
        /// Tenant.
        tenant: String,
        /// Folders of apps, required ones first.
        #[arg(required = true)]
        folders: Vec<PathBuf>,
        /// Confirm a step that takes something away (as printed by `app diff`); may be given several times.
        #[arg(long = "confirm")]
        confirm: Vec<String>,
    },
    /// What installing a folder would change.
    Diff {
        /// Tenant.
        tenant: String,
        /// Folder of the app.
        folder: PathBuf,
    },
    /// Installed apps.
    List {
        /// Tenant.
        tenant: String,
    },
    /// Go back to an earlier version.
    #[command(disable_version_flag = true)]
    Rollback {
        /// Tenant.
        tenant: String,
        /// Id of the app.
        app: String,
        /// The version to go back to; the one before unless given.
        #[arg(long)]
        version: Option<String>,
        /// Confirm a step that takes something away, or that brings back what was purged without its values.
        #[arg(long = "confirm")]
        confirm: Vec<String>,
    },
    /// Uninstall an app; its tables stay until they are purged.
    Uninstall {
        /// Tenant.
        tenant: String,
        /// Id of the app.
        app: String,
        /// Confirm a step that takes something away.
        #[arg(long = "confirm")]
        confirm: Vec<String>,
    },
    /// Drop for good what earlier versions and removed apps left behind; lists it unless confirmed.
    Purge {
        /// Tenant.
        tenant: String,
        /// Id of the app; all apps unless given.
        app: Option<String>,
        /// Drop everything that is listed. There is no way back.
        #[arg(long)]
        yes: bool,
    },
    /// Write the files of an installed app into a folder.
    Export {
        /// Tenant.
        tenant: String,
        /// Id of the app.
        app: String,
        /// Folder; made when it is not there.
        folder: PathBuf,
    },
    /// Fill a tenant with made-up records that an app describes in its `demo` folder.
    Demo {
        /// Tenant.
        tenant: String,
        /// Folders of the apps, on the machine of the server.
        #[arg(required = true)]
        folders: Vec<PathBuf>,
        /// How many records of the kind of which most are made; the others in proportion.
        #[arg(long, default_value_t = 10_000)]
        records: u64,
        /// The same number gives the same records.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

/// `mortise app check`.
#[derive(Args)]
pub(super) struct Check {
    /// Folder of the app.
    folder: PathBuf,
    /// Folder of a required app; may be given several times. Neighbours of the folder are found by themselves.
    #[arg(long = "with")]
    with: Vec<PathBuf>,
}

impl Check {
    pub(super) fn run(self, words: &Words) -> anyhow::Result<()> {
        let (problems, accepted) = match self.load() {
            Ok(packages) => match mortise_definition::compile(&packages, &[], &Default::default()) {
                Ok(compiled) => (compiled.warnings, compiled.accepted),
                Err(problems) => (problems, Vec::new()),
            },
            Err(problems) => (problems, Vec::new()),
        };
        let found: Vec<Value> =
            problems.iter().map(|problem| problem_json(problem, words.language)).collect();
        let accepted = accepted.iter().map(|one| {
            json!({
                "problem": problem_json(&one.problem, words.language),
                "note": one.note.get(words.language),
            })
        });
        words.result(&json!({"problems": found, "accepted": accepted.collect::<Vec<Value>>()}));
        if !words.json {
            found.iter().for_each(|problem| println!("{}", problem_line(problem)));
        }
        let errors = problems.iter().filter(|problem| problem.is_error()).count();
        let warnings = problems.len() - errors;
        let counts = [("errors", &*errors.to_string()), ("warnings", &*warnings.to_string())];
        if errors > 0 {
            anyhow::bail!(words.text("cli.app.check_failed", &counts));
        }
        words.say("cli.app.check_passed", &counts);
        Ok(())
    }

    /// The app and what it requires, in order.
    fn load(&self) -> Result<Vec<Arc<Package>>, Vec<Problem>> {
        let mut loaded: Vec<Arc<Package>> = Vec::new();
        for folder in &self.with {
            loaded.push(Arc::new(Package::read_folder(folder)?));
        }
        loaded.extend(with_required(&self.folder, &loaded)?);
        Ok(loaded)
    }
}

/// The app of a folder and those of its neighbours that it requires and that are not known yet, required ones first.
pub(super) fn with_required(
    folder: &Path,
    known: &[Arc<Package>],
) -> Result<Vec<Arc<Package>>, Vec<Problem>> {
    let own = Package::read_folder(folder)?;
    let mut missing: Vec<String> = own.app.requires.iter().map(|required| required.app.clone()).collect();
    let mut loaded = vec![Arc::new(own)];
    while let Some(app) = missing.pop() {
        let neighbour = folder.canonicalize().ok().and_then(|folder| Some(folder.parent()?.join(&app)));
        let known = known.iter().chain(&loaded).any(|package| package.app.id == app);
        if let Some(folder) = neighbour.filter(|folder| !known && folder.is_dir()) {
            let package = Package::read_folder(&folder)?;
            missing.extend(package.app.requires.iter().map(|required| required.app.clone()));
            loaded.insert(0, Arc::new(package));
        }
    }
    Ok(loaded)
}

impl Task {
    pub(super) async fn run(self, client: &Client<'_>, words: &Words) -> anyhow::Result<()> {
        match self {
            Task::Check(check) => check.run(words),
            Task::Test(test) => test.run_at(client, words).await,
            Task::Install { tenant, folders, confirm } => {
                for folder in folders {
                    install(client, words, &tenant, &folder, &confirm).await?;
                }
                Ok(())
            }
            Task::Diff { tenant, folder } => {
                let body = json!({"files": files(words, &folder)?});
                let plan = client.post(&format!("/t/{tenant}/api/v1/apps/plan"), &body).await?;
                words.result(&plan);
                print_plan(words, &plan);
                Ok(())
            }
            Task::List { tenant } => {
                let apps = client.get(&format!("/t/{tenant}/api/v1/apps")).await?;
                words.table(apps["rows"].as_array().map_or(&[], Vec::as_slice), &COLUMNS);
                Ok(())
            }
            Task::Rollback { tenant, app, version, confirm } => {
                let body = json!({"version": version, "confirm": confirm});
                let done = client.post(&format!("/t/{tenant}/api/v1/apps/{app}/rollback"), &body).await?;
                words.result(&done);
                let version = done["version"].as_str().unwrap_or_default();
                words.say("cli.app.rolled_back", &[("app", &app), ("version", version)]);
                Ok(())
            }
            Task::Uninstall { tenant, app, confirm } => {
                let path = format!("/t/{tenant}/api/v1/apps/{app}");
                client.call(Method::DELETE, &path, Some(&json!({"confirm": confirm}))).await?;
                words.say("cli.app.uninstalled", &[("app", &app)]);
                Ok(())
            }
            Task::Purge { tenant, app, yes } => purge(client, words, &tenant, app.as_deref(), yes).await,
            Task::Export { tenant, app, folder } => export(client, words, &tenant, &app, &folder).await,
            Task::Demo { tenant, folders, records, seed } => {
                let whole =
                    |folder: &PathBuf| folder.canonicalize().with_context(|| folder.display().to_string());
                let folders = folders.iter().map(whole).collect::<anyhow::Result<Vec<_>>>()?;
                let body = json!({"folders": folders, "records": records, "seed": seed});
                let done = client.post(&format!("/operator/v1/tenants/{tenant}/demo"), &body).await?;
                words.result(&done);
                words.say("cli.app.demo", &[("count", &done["records"].to_string())]);
                Ok(())
            }
        }
    }
}

/// Files of an app as they are, without those that are not part of it.
pub(super) fn files(words: &Words, folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let package = Package::read_folder(folder).map_err(|problems| {
        let lines = problems.iter().map(|problem| problem_line(&problem_json(problem, words.language)));
        anyhow::anyhow!(lines.collect::<Vec<_>>().join("\n"))
    })?;
    Ok(package.files())
}

async fn install(
    client: &Client<'_>,
    words: &Words,
    tenant: &str,
    folder: &Path,
    confirm: &[String],
) -> anyhow::Result<()> {
    let body = json!({"files": files(words, folder)?, "confirm": confirm});
    let report = client.post(&format!("/t/{tenant}/api/v1/apps"), &body).await?;
    words.result(&report);
    let text = |name: &str| report[name].as_str().unwrap_or_default().to_owned();
    words.say(
        "cli.app.installed",
        &[("app", &text("app")), ("version", &text("version")), ("tenant", tenant)],
    );
    Ok(())
}

/// Lists what is kept, and drops all of that when told so: what comes to be kept in between stays.
async fn purge(
    client: &Client<'_>,
    words: &Words,
    tenant: &str,
    app: Option<&str>,
    yes: bool,
) -> anyhow::Result<()> {
    let of_app = app.map(|app| format!("/{app}")).unwrap_or_default();
    let path = format!("/t/{tenant}/api/v1/apps{of_app}/purge");
    let listed = client.post(&path, &json!({"dry_run": true})).await?;
    let mut retired = listed["retired"].as_array().cloned().unwrap_or_default();
    for one in &mut retired {
        let table = one["table"].as_str().unwrap_or_default();
        one["place"] =
            one["column"].as_str().map_or(table.into(), |column| format!("{table}.{column}").into());
    }
    if !yes || retired.is_empty() {
        words.table(&retired, &RETIRED);
        let said = if retired.is_empty() { "cli.app.purge_nothing" } else { "cli.app.purge_listed" };
        words.say(said, &[]);
        return Ok(());
    }
    let confirm: Vec<&Value> = retired.iter().map(|one| &one["key"]).collect();
    let done = client.post(&path, &json!({"confirm": confirm})).await?;
    words.result(&done["dropped"]);
    if !words.json {
        words.table(&retired, &RETIRED);
    }
    words.say("cli.app.purged", &[("count", &retired.len().to_string())]);
    Ok(())
}

fn print_plan(words: &Words, plan: &Value) {
    if words.json {
        return;
    }
    let rows = |name: &str| plan[name].as_array().cloned().unwrap_or_default();
    for change in rows("changes") {
        println!("{}", change["text"].as_str().unwrap_or_default());
    }
    for conflict in rows("conflicts") {
        println!("! {conflict}");
    }
    for step in rows("destructive") {
        println!("! --confirm {}", step["key"].as_str().unwrap_or_default());
    }
    for plugin in rows("plugins") {
        let name = |key: &str| plugin["plugin"][key].as_str().unwrap_or_default();
        words.say("cli.app.brings_plugin", &[("plugin", name("id")), ("version", name("version"))]);
        if plugin["grant"].as_object().is_some_and(|grant| !grant.is_empty()) {
            println!("! --confirm {}  {}", plugin["key"].as_str().unwrap_or_default(), plugin["grant"]);
        }
    }
    rows("warnings").iter().for_each(|problem| println!("{}", problem_line(problem)));
    if rows("changes").is_empty() {
        words.say("cli.app.no_changes", &[]);
    }
}

async fn export(
    client: &Client<'_>,
    words: &Words,
    tenant: &str,
    app: &str,
    folder: &Path,
) -> anyhow::Result<()> {
    let answer = client.get(&format!("/t/{tenant}/api/v1/apps/{app}/export")).await?;
    let files = answer["files"].as_object().cloned().unwrap_or_default();
    for (name, text) in &files {
        // The server checked the names when the app was installed; a name that leaves the folder is refused all the same.
        let relative = Path::new(name);
        let inside = relative.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        anyhow::ensure!(inside, "{name}");
        let path = folder.join(relative);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, text.as_str().unwrap_or_default())?;
    }
    let count = files.len().to_string();
    words.say(
        "cli.app.exported",
        &[("app", app), ("count", &count), ("folder", &folder.display().to_string())],
    );
    Ok(())
}
