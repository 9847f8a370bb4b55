//! What a command carries along: who acts, when, under which model and permissions. Owned, so that it can go with the
//! command into the writer.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use mortise_definition::model::{EntityModel, Model, Slot};
use mortise_definition::source::Operation;
use mortise_expr::{Context, Value};
use mortise_plugin_host::TransactionBudget;
use mortise_store::Files;

use crate::access::{Access, Asker, EntityAccess};
use crate::automation::Cause;
use crate::env::Env;
use crate::error::Error;
use crate::metrics::FigureCache;
use crate::people::{Actor, Directory};
use crate::plugins::{FunctionMemo, Switchboard};
use crate::published::Published;
use crate::tenant::Tenant;
use crate::values::{Issue, ValueContext};

/// The surroundings of a command.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) published: Arc<Published>,
    pub(crate) access: Arc<Access>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) actor: Actor,
    pub(crate) env: Arc<dyn Env>,
    pub(crate) now: DateTime<Utc>,
    /// Where contents of files are.
    pub(crate) files: Files,
    /// Figures that were read for it.
    pub(crate) figures: Arc<FigureCache>,
    /// Why it happens, where nobody asked for it.
    pub(crate) cause: Option<Arc<Cause>>,
    /// Through which plugins are called.
    pub(crate) calls: Arc<Switchboard>,
    /// What functions of plugins answered to expressions.
    pub(crate) functions: Arc<FunctionMemo>,
    /// What plugins may still use for this piece of work; none before there is one.
    pub(crate) budget: Option<Arc<TransactionBudget>>,
}

impl Tenant {
    /// The surroundings of what somebody does now.
    pub(crate) fn work(&self, actor: &Actor) -> Work {
        self.work_with(self.published(), actor)
    }

    pub(crate) fn work_with(&self, published: Arc<Published>, actor: &Actor) -> Work {
        Work {
            access: published.access(&actor.user),
            directory: self.directory(),
            actor: actor.clone(),
            env: self.env.clone(),
            now: self.now(),
            cause: None,
            calls: self.calls.clone(),
            functions: Arc::default(),
            budget: None,
            figures: Arc::default(),
            files: self.files.clone(),
            published,
        }
    }
}

impl Work {
    pub(crate) fn model(&self) -> &Model {
        &self.published.model
    }

    /// The entity of a key.
    pub(crate) fn entity(&self, key: &str) -> Result<&Arc<EntityModel>, Error> {
        entity(&self.published, key)
    }

    pub(crate) fn access(&self, entity: &EntityModel) -> &EntityAccess {
        self.access.entity(entity.index)
    }

    /// For whom and when scopes are asked about.
    pub(crate) fn asker(&self) -> Asker<'_> {
        Asker { published: &self.published, user: &self.actor.user, now: self.now }
    }

    /// Fields of a record on which the operation is closed to the person, although it is open on other records.
    pub(crate) fn closed(&self, entity: &EntityModel, operation: Operation, record: &[Value]) -> Vec<Slot> {
        self.access(entity).closed(operation, |rows| self.asker().holds(rows, record))
    }

    /// How values are read and shown for this person.
    pub(crate) fn values(&self) -> ValueContext<'_> {
        ValueContext {
            model: &self.published.model,
            directory: &*self.directory,
            tz: self.actor.user.tz,
            language: &self.actor.user.language,
        }
    }

    /// Runs `evaluate` with the roots `record`, `user` and the settings of an app.
    pub(crate) fn with_roots<R>(
        &self,
        app: usize,
        record: &[Value],
        evaluate: impl FnOnce(&Context<'_>) -> R,
    ) -> R {
        let roots: [&[Value]; 3] =
            [record, &self.actor.user.root, &self.published.model.apps[app].setting_values];
        evaluate(&Context {
            now: self.now,
            tz: self.actor.user.tz,
            roots: &roots,
            functions: Some(&self.asking()),
        })
    }
}

/// The entity of a key.
pub(crate) fn entity<'a>(published: &'a Published, key: &str) -> Result<&'a Arc<EntityModel>, Error> {
    published
        .model
        .entity(key)
        .ok_or_else(|| Error::NotFound(Issue::new("entity.not_found").with("entity", key)))
}
