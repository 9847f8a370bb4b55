//! Installed apps of a tenant: their definitions with every version, what an installation would change, and carrying
//! it out. Tables, definitions and the data that comes with an app change in one transaction: a failed installation
//! leaves the tenant exactly as it was (PLAT-01, PLAT-02).

mod check;
mod install;
mod purge;
mod refill;
mod seed;
mod stored;
mod tenant;

use mortise_definition::{Change, Conflict, Problem};
use mortise_store::catalog::{Destructive, Migration};
use serde::Serialize;

use crate::clocks::Recomputed;
use crate::plugins::{PlannedPlugin, PluginReport};
pub use check::Findings;
pub(crate) use install::{Target, base, effective, install, plan, set_setting};
pub use purge::FormerNames;
pub(crate) use purge::{former_names, purge};
pub(crate) use seed::spoken;
pub(crate) use stored::{load, versions};

/// An installed version of an app.
#[derive(Debug, Clone, Serialize)]
pub struct AppVersion {
    /// App.
    pub app: String,
    /// Number of the installation, from 1.
    pub number: i64,
    /// Version as in its manifest.
    pub version: String,
    /// When.
    pub at: chrono::DateTime<chrono::Utc>,
    /// By whom.
    pub actor: Option<uuid::Uuid>,
    /// SHA-256 of its files, hex.
    pub digest: String,
    /// In force.
    pub current: bool,
}

/// What an installation would change.
#[derive(Debug)]
pub struct Plan {
    /// App.
    pub app: String,
    /// Version in force, when the app is installed.
    pub from: Option<String>,
    /// Version afterwards; none when the app goes.
    pub to: Option<String>,
    /// Differences of the definitions.
    pub changes: Vec<Change>,
    /// What an administrator changed and the new version changes differently.
    pub conflicts: Vec<Conflict>,
    /// Steps in the database.
    pub migration: Migration,
    /// Works, but is probably not what the author wants.
    pub warnings: Vec<Problem>,
    /// What becomes of the clocks that run.
    pub clocks: Recomputed,
    /// Plugins that come with it.
    pub plugins: Vec<PlannedPlugin>,
}

impl Plan {
    /// Steps that have to be confirmed.
    pub fn destructive(&self) -> &[Destructive] {
        &self.migration.destructive
    }
}

/// What was installed.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// App.
    pub app: String,
    /// Version in force now; none when the app is gone.
    pub version: Option<String>,
    /// Steps done in the database.
    pub steps: usize,
    /// Records that came with it: made.
    pub created: usize,
    /// Records that came with it: brought up to date.
    pub updated: usize,
    /// Plugins that came with it.
    pub plugins: Vec<PluginReport>,
}
