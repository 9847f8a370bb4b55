//! What an administrator does with plugins, on a running system: each change is worked out from what is stored, tied to the
//! model in force, and comes into force with its commit. Calls under way finish on what they began with. A plugin that
//! cannot be used is shown with the reasons, and never touched.

mod arrival;
mod consent;
mod install;
mod settings;
mod versions;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use mortise_definition::model::Model;
use mortise_store::Session;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::bind;
use super::host::PluginHouse;
use super::tables::{self, StoredPlugin};
use crate::commands::audit_entry;
use crate::error::Error;
use crate::people::Actor;
use crate::published::Published;
use crate::tenant::Tenant;
use crate::values::Issue;

pub use install::{Difference, ExportName, Inspection, PluginReport, Standing};
pub(super) use settings::secrets;

/// Tries of a change that another node's change gets in front of.
const TRIES_MAX: u32 = 5;

pub(super) fn administrator(actor: &Actor) -> Result<(), Error> {
    match actor.user.admin {
        true => Ok(()),
        false => Err(Error::Forbidden(Issue::new("permission.administrator"))),
    }
}

pub(super) fn not_installed(plugin: &str) -> Error {
    Error::NotFound(Issue::new("plugin.not_installed").with("plugin", plugin))
}

/// What a change is worked out from.
struct Scene<'a> {
    house: &'a Arc<PluginHouse>,
    model: &'a Model,
    /// The plugin as it is stored.
    found: Option<&'a StoredPlugin>,
    /// How many plugins there are.
    installed: usize,
    /// Bytes in its store, perhaps from an earlier installation.
    stored_bytes: i64,
    actor: Option<Uuid>,
    now: DateTime<Utc>,
}

impl Scene<'_> {
    /// A copy of the plugin, to be changed.
    fn plugin(&self, id: &str) -> Result<StoredPlugin, Error> {
        self.found.cloned().ok_or_else(|| not_installed(id))
    }
}

/// What comes of a change: the plugin as it is to be stored, and what the audit trail says.
struct Step {
    plugin: Next,
    action: &'static str,
    details: Json,
}

/// What is to be stored.
enum Next {
    /// The plugin like this.
    Kept(Box<StoredPlugin>),
    /// Nothing of it, or only what it keeps in its store.
    Gone { keep_data: bool },
}

impl Step {
    /// The plugin changes; `details` get its id.
    fn kept(plugin: StoredPlugin, action: &'static str, mut details: Json) -> Step {
        details["plugin"] = Json::from(plugin.id.as_str());
        Step { plugin: Next::Kept(Box::new(plugin)), action, details }
    }

    fn gone(id: &str, keep_data: bool) -> Step {
        let details = json!({ "plugin": id, "kept": keep_data });
        Step { plugin: Next::Gone { keep_data }, action: "plugin.removed", details }
    }
}

impl Tenant {
    /// Changes a plugin and brings the new set into force.
    async fn change_plugin<R>(
        &self,
        actor: &Actor,
        id: &str,
        change: impl Fn(&Scene<'_>) -> Result<(Step, R), Error>,
    ) -> Result<R, Error> {
        administrator(actor)?;
        let mut tries = 0;
        loop {
            let one = self.changing.lock().await;
            match self.try_change_plugin(actor, id, &change).await {
                Err(Error::ModelChanged) if tries < TRIES_MAX => {
                    drop(one);
                    tries += 1;
                    self.catch_up().await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_change_plugin<R>(
        &self,
        actor: &Actor,
        id: &str,
        change: &impl Fn(&Scene<'_>) -> Result<(Step, R), Error>,
    ) -> Result<R, Error> {
        let base = self.published();
        let mut stored = tables::all(&self.store).await?;
        let place = stored.binary_search_by(|one| one.id.as_str().cmp(id));
        let scene = Scene {
            house: &self.plugins,
            model: &base.model,
            found: place.ok().map(|place| &stored[place]),
            installed: stored.len(),
            stored_bytes: tables::stored_bytes(&self.store, id).await?,
            actor: actor.id(),
            now: self.now(),
        };
        let (step, outcome) = change(&scene)?;
        let (now, id) = (scene.now, id.to_owned());
        let before = scene.found.cloned();
        let mut written = step.plugin;
        if let Ok(place) = place {
            stored.remove(place);
        }
        let place = place.unwrap_or_else(|place| place);
        if let Next::Kept(plugin) = &written {
            stored.insert(place, StoredPlugin { changed_at: now, ..(**plugin).clone() });
        }
        bind::prove(&self.plugins, &base.model, &mut stored);
        if let Next::Kept(plugin) = &mut written {
            // What is written is what was proved.
            **plugin = stored[place].clone();
        }
        let bound = bind::tie(&self.plugins, &base.model, &stored);
        let published = Arc::new(Published::new(base.model.clone(), self.store.naming(), bound));
        let (work, digest) = (self.work_with(published.clone(), actor), published.digest.clone());
        let publish = self.publisher(published);
        let (base, name) = (base.digest.clone(), id.clone());
        let write = move |session: &mut Session<'_>| {
            // What is not in force is no part of the model, and somebody else may have changed it just now.
            if session.model != base || !tables::is_as(session, &name, before.as_ref())? {
                return Err(Error::ModelChanged);
            }
            match written {
                Next::Kept(plugin) => tables::put(session, &plugin)?,
                Next::Gone { keep_data } => tables::remove(session, &name, keep_data, now)?,
            }
            session.audit(audit_entry(&work, step.action, step.details.to_string()));
            session.model_changed(digest);
            session.wake_lane();
            session.after_commit(publish);
            Ok(())
        };
        self.store.write(write).await?;
        self.store.close_idle();
        if let Some(host) = self.plugins.opened() {
            // What failed before may work from now on.
            host.close_circuits(self.calls.counted(), &id);
        }
        Ok(outcome)
    }
}
