//! Looking before leaping: what the checks say about an installed app, and what changed settings or definitions would make
//! of the clocks that run. Nothing is written here.

use mortise_definition::compile::recompile;
use mortise_definition::{AcceptedFinding, Overlay, Problem, compile};
use serde_json::Value as Json;

use super::{Target, load, plan};
use crate::clocks::Recomputed;
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::Issue;

/// What the checks say about an app.
#[derive(Debug)]
pub struct Findings {
    /// What works, but is probably not what its author wants.
    pub warnings: Vec<Problem>,
    /// What its author knows of and keeps.
    pub accepted: Vec<AcceptedFinding>,
}

fn administrator(actor: &Actor) -> Result<(), Error> {
    match actor.user.admin {
        true => Ok(()),
        false => Err(Error::Forbidden(Issue::new("permission.administrator"))),
    }
}

impl Tenant {
    /// What the checks say about an app as it is in force, with the administrator's changes.
    pub async fn findings(&self, actor: &Actor, app: &str) -> Result<Findings, Error> {
        administrator(actor)?;
        let sources = load(&self.store).await?;
        let mut compiled =
            compile(&sources.packages, &sources.overlays, &sources.settings).map_err(Error::Definition)?;
        let own = |problem: &Problem| problem.file.split('/').next() == Some(app);
        compiled.warnings.retain(own);
        compiled.accepted.retain(|accepted| own(&accepted.problem));
        Ok(Findings { warnings: compiled.warnings, accepted: compiled.accepted })
    }

    /// What other values of settings would make of the clocks that run.
    pub async fn preview_settings(
        &self,
        actor: &Actor,
        app: &str,
        values: &[(String, Json)],
    ) -> Result<Recomputed, Error> {
        administrator(actor)?;
        let mut sources = load(&self.store).await?;
        sources.settings.entry(app.to_owned()).or_default().extend(values.iter().cloned());
        let compiled =
            recompile(&sources.packages, &sources.overlays, &sources.settings).map_err(Error::Definition)?;
        self.clock_preview(&compiled.model).await
    }

    /// What other changes of an administrator would make of the clocks that run.
    pub async fn preview_overlay(&self, actor: &Actor, overlay: Overlay) -> Result<Recomputed, Error> {
        administrator(actor)?;
        let planned = plan(self, load(&self.store).await?, &Target::Customized(overlay)).await?;
        Ok(planned.plan.clocks)
    }
}
