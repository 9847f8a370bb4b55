//! Scenarios: tests of apps, run on a tenant of their own in virtual time. People act, time passes from one due moment to
//! the next, and what should have happened is compared with what did. Nothing leaves the scenario: deliveries are
//! written, never sent.

mod advance;
mod expect;
mod names;
pub mod sandbox;
mod stage;
mod step;
mod timeline;

use std::sync::Arc;
use std::time::Instant;

use mortise_definition::source::Scenario;
use mortise_definition::{Package, SettingValues, recompile};

use crate::apps;
use crate::engine::Database;
use crate::error::Error;
use crate::plugins::PluginOptions;
use crate::tenant::Tenant;
use crate::values::Issue;
use stage::Stage;
pub use timeline::Line;

/// Steps of one scenario at most.
pub const STEPS_MAX: usize = 1_000;

/// What a scenario came to.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Key (`app.scenario`).
    pub scenario: String,
    /// What it shows, by language.
    pub label: mortise_definition::Text,
    /// Requirements that it covers.
    pub covers: Vec<String>,
    /// All steps went as expected.
    pub passed: bool,
    /// Steps that were carried out.
    pub steps: usize,
    /// Virtual time that passed, in seconds.
    pub virtual_seconds: i64,
    /// Time that it took, in milliseconds.
    pub took_ms: u64,
    /// What went otherwise.
    pub failure: Option<Failure>,
}

/// What went otherwise than expected.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Position of the step, from 0.
    pub step: usize,
    /// What was expected, and what was found.
    pub issue: Issue,
    /// What happened to the records of the scenario, oldest first.
    pub timeline: Vec<Line>,
}

impl Failure {
    /// The step: JSON pointer within the scenario.
    pub fn pointer(&self) -> String {
        format!("/steps/{}", self.step)
    }
}

/// Apps whose scenarios are run, required ones first.
#[derive(Debug, Clone, Default)]
pub struct Cast {
    /// The apps.
    pub packages: Vec<Arc<Package>>,
    /// Values that their settings have unless a scenario gives others.
    pub settings: SettingValues,
    /// How plugins are run, and the shelf from which scenarios take those that they name.
    pub plugins: PluginOptions,
}

impl Tenant {
    /// The apps that are in force, with what administrators changed in them and in their settings.
    pub async fn cast(&self) -> Result<Cast, Error> {
        let sources = apps::load(&self.store).await?;
        let compiled =
            recompile(&sources.packages, &sources.overlays, &sources.settings).map_err(Error::Definition)?;
        let plugins = self.plugins.options.clone();
        Ok(Cast { packages: compiled.packages, settings: sources.settings, plugins })
    }
}

impl Cast {
    /// Keys of all scenarios, in the order of apps and files.
    pub fn scenarios(&self) -> Vec<(String, &Scenario)> {
        let of = |package: &Arc<Package>| format!("{}.", package.app.id);
        let all = self.packages.iter().flat_map(|package| {
            package.scenarios.iter().map(move |scenario| (of(package) + &scenario.id, scenario))
        });
        all.collect()
    }

    /// Runs a scenario by its key. Problems of the scenario itself (an unknown name) are told as its failure.
    pub async fn run(&self, key: &str, database: &Database) -> Result<Verdict, Error> {
        let missing = || Error::NotFound(Issue::new("scenario.not_found").with("scenario", key));
        let all = self.scenarios();
        let (_, scenario) = all.iter().find(|(known, _)| known == key).ok_or_else(missing)?;
        let app = key.split_once('.').map_or("", |(app, _)| app);
        let begun = Instant::now();
        let mut stage = Stage::set(app, scenario, database, &self.plugins).await?;
        let played = self.play(&mut stage, key, scenario).await;
        stage.strike().await?;
        let mut verdict = played?;
        verdict.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(verdict)
    }

    async fn play(&self, stage: &mut Stage, key: &str, scenario: &Scenario) -> Result<Verdict, Error> {
        stage.install(self, scenario).await?;
        let from = stage.now();
        let mut steps = 0;
        let went = async {
            stage.has_plugins(scenario)?;
            for step in scenario.steps.iter().take(STEPS_MAX) {
                stage.step(step).await?;
                steps += 1;
            }
            Ok(())
        };
        let failure = match went.await {
            Ok(()) => None,
            Err(issue) => Some(Failure { step: steps, issue, timeline: stage.timeline().await }),
        };
        Ok(Verdict {
            scenario: key.to_owned(),
            label: scenario.label.clone(),
            covers: scenario.covers.clone(),
            passed: failure.is_none(),
            steps,
            virtual_seconds: (stage.now() - from).num_seconds(),
            took_ms: 0,
            failure,
        })
    }
}
