//! `mortise app test`: runs the scenarios of apps, of folders without any server or of a tenant as its apps are in force.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use mortise_definition::{Package, Problem, SettingValues};
use mortise_engine::Database;
use mortise_engine::scenario::Cast;
use serde_json::{Value, json};

use super::app;
use super::client::Client;
use super::words::{Words, problem_line};
use crate::api::scenarios::{keys, verdict_json, verdicts_json};
use crate::config::Config;
use crate::failure::problem_json;
use crate::plugins::decided;

/// `mortise app test`.
#[derive(Args)]
pub(super) struct Test {
    /// Folders of apps; what they require is found beside them.
    #[arg(required_unless_present = "tenant", conflicts_with = "tenant")]
    folders: Vec<PathBuf>,
    /// Test the apps of this tenant, with its overlays and settings, instead of folders.
    #[arg(long)]
    tenant: Option<String>,
    /// Only this app of the tenant.
    #[arg(long, requires = "tenant")]
    app: Option<String>,
    /// Only scenarios whose key has this part.
    #[arg(long, default_value = "")]
    scenario: String,
}

impl Test {
    /// Whether a tenant is asked for, so that its server or its data are needed.
    pub(super) fn needs_tenant(&self) -> bool {
        self.tenant.is_some()
    }

    /// Tests the apps of folders.
    pub(super) async fn run(self, config: &Config, words: &Words) -> anyhow::Result<()> {
        let told = |problems: Vec<Problem>| {
            let lines = problems.iter().map(|problem| problem_line(&problem_json(problem, words.language)));
            anyhow::anyhow!(lines.collect::<Vec<_>>().join("\n"))
        };
        let (mut packages, mut tested): (Vec<Arc<Package>>, Vec<String>) = Default::default();
        for folder in &self.folders {
            // What a folder requires is installed, not tested, unless it is named as well.
            let loaded = app::with_required(folder, &packages).map_err(told)?;
            tested.extend(loaded.last().map(|own| own.app.id.clone()));
            let new = |package: &Arc<Package>| packages.iter().all(|known| known.app.id != package.app.id);
            packages.extend(loaded.into_iter().filter(new).collect::<Vec<_>>());
        }
        let compiled = mortise_definition::compile(&packages, &[], &SettingValues::new()).map_err(told)?;
        let plugins = decided(config).map_err(|error| words.failure(&error))?.options;
        let cast = Cast { packages: compiled.packages, settings: SettingValues::new(), plugins };
        let mut verdicts = Vec::new();
        for key in tested.iter().flat_map(|app| keys(&cast, app, &self.scenario)) {
            let verdict = cast.run(&key, &Database::Sqlite).await;
            let verdict =
                verdict_json(&verdict.map_err(|error| words.failure(&error.into()))?, words.language);
            tell(&verdict, words);
            verdicts.push(verdict);
        }
        conclude(&verdicts, words)
    }

    /// Tests the apps of a tenant.
    pub(super) async fn run_at(self, client: &Client<'_>, words: &Words) -> anyhow::Result<()> {
        let tenant = self.tenant.unwrap_or_default();
        let apps = match self.app {
            Some(app) => vec![app],
            None => {
                let answer = client.get(&format!("/t/{tenant}/api/v1/apps")).await?;
                let rows = answer["rows"].as_array().cloned().unwrap_or_default();
                rows.iter().filter_map(|row| row["id"].as_str().map(str::to_owned)).collect()
            }
        };
        let mut verdicts = Vec::new();
        for app in apps {
            let body = json!({"scenario": self.scenario});
            let answer = client.post(&format!("/t/{tenant}/api/v1/apps/{app}/test"), &body).await?;
            let found = answer["scenarios"].as_array().cloned().unwrap_or_default();
            found.iter().for_each(|verdict| tell(verdict, words));
            verdicts.extend(found);
        }
        conclude(&verdicts, words)
    }
}

/// One line for a scenario; for one that fails the step, the reason and what happened before.
fn tell(verdict: &Value, words: &Words) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (name, label) = (text(&verdict["scenario"]), text(&verdict["label"]));
    let (steps, took) = (text(&verdict["steps"]), text(&verdict["took_ms"]));
    let args = [("name", &*name), ("label", &*label), ("steps", &*steps), ("took", &*took)];
    if verdict["passed"] == true {
        return words.say("cli.app.test_passed", &args);
    }
    words.say("cli.app.test_failed", &args);
    let failure = &verdict["failure"];
    let (step, pointer, message) =
        (text(&failure["step"]), text(&failure["pointer"]), text(&failure["message"]));
    let args = [("step", &*step), ("pointer", &*pointer), ("message", &*message)];
    words.say("cli.app.test_step", &args);
    if words.json {
        return;
    }
    for line in failure["timeline"].as_array().into_iter().flatten() {
        let parts = ["at", "record", "by", "action", "text"].map(|part| text(&line[part]));
        println!("      {}", parts.join("  ").trim_end());
    }
}

/// The last word: an error unless all scenarios pass.
fn conclude(verdicts: &[Value], words: &Words) -> anyhow::Result<()> {
    let result = verdicts_json(verdicts);
    words.result(&result);
    let count = result["scenarios"].as_array().map_or(0, Vec::len).to_string();
    if count == "0" {
        anyhow::bail!(words.text("cli.app.test_none", &[]));
    }
    if result["passed"] == false {
        let failed = result["failed"].to_string();
        anyhow::bail!(words.text("cli.app.test_bad", &[("failed", &failed), ("count", &count)]));
    }
    words.say("cli.app.test_good", &[("count", &count)]);
    Ok(())
}
