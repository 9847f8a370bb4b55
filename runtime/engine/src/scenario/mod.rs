//! Scenarios: tests of apps, run on a tenant of their own in virtual time. People act, time passes from one due moment to
//! the next, and what should have happened is compared with what did. Nothing leaves the scenario: deliveries are
//! written, never sent.

mod advance;
mod expect;
mod names;
mod stage;
mod step;

use std::sync::Arc;
use std::time::Instant;

use mortise_definition::Package;
use mortise_definition::source::Scenario;
use serde::Serialize;

use crate::engine::Database;
use crate::error::Error;
use stage::Stage;

/// Steps of one scenario at most.
pub const STEPS_MAX: usize = 1_000;

/// What a scenario came to.
#[derive(Debug, Clone, Serialize)]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// What went otherwise than expected.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// The step: JSON pointer within the scenario.
    pub pointer: String,
    /// What was expected, and what was found.
    pub message: String,
    /// What happened to the records of the scenario, oldest first.
    pub timeline: Vec<Line>,
}

/// An entry of the timeline of a failure.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// When, in the zone of the scenario.
    pub at: String,
    /// The record: its name in the scenario.
    pub record: String,
    /// Who or which rule.
    pub by: String,
    /// What.
    pub what: String,
}

/// Apps whose scenarios are run, required ones first.
#[derive(Debug, Clone, Default)]
pub struct Cast {
    /// The apps.
    pub packages: Vec<Arc<Package>>,
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
        let missing = || Error::NotFound(crate::Issue::new("scenario.not_found").with("scenario", key));
        let all = self.scenarios();
        let (_, scenario) = all.iter().find(|(known, _)| known == key).ok_or_else(missing)?;
        let app = key.split_once('.').map_or("", |(app, _)| app);
        let begun = Instant::now();
        let mut stage = Stage::set(&self.packages, app, scenario, database).await?;
        let mut verdict = Verdict {
            scenario: key.to_owned(),
            label: scenario.label.clone(),
            covers: scenario.covers.clone(),
            passed: true,
            steps: 0,
            virtual_seconds: 0,
            took_ms: 0,
            failure: None,
        };
        let from = stage.now();
        for (position, step) in scenario.steps.iter().take(STEPS_MAX).enumerate() {
            if let Err(message) = stage.step(step).await {
                verdict.passed = false;
                let pointer = format!("/steps/{position}");
                verdict.failure = Some(Failure { pointer, message, timeline: stage.timeline().await });
                break;
            }
            verdict.steps += 1;
        }
        verdict.virtual_seconds = (stage.now() - from).num_seconds();
        stage.strike().await?;
        verdict.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(verdict)
    }
}
