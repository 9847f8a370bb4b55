//! The plugins of a tenant, tied to its model: which exports are called at which entity, with which fields. Part of what is
//! published, so that a request sees one set of plugins from beginning to end.

use std::collections::BTreeMap;
use std::sync::Arc;

use mortise_definition::model::Slot;
use mortise_definition::{Problem, Text};
use mortise_expr::Expression;
use mortise_plugin_host::manifest::{Export, Point};
use uuid::Uuid;

use super::installed::{Installed, Version};

/// All plugins in force. Those that are off, broken or wait for consent are not here.
#[derive(Default)]
pub(crate) struct Bound {
    /// By entity; empty where there are no plugins at all.
    pub(super) by_entity: Vec<EntityPlugins>,
    /// What is called by name, in the order of point, plugin, export and version.
    pub(super) named: Vec<Arc<Binding>>,
    pub(super) installed: BTreeMap<String, Arc<Installed>>,
    pub(super) digest: Option<String>,
    /// Why a version that was granted is not in force, by plugin and number.
    pub(super) problems: BTreeMap<(String, i64), Vec<Problem>>,
    /// Plugins that are in force for the first time with this model.
    pub(super) proven: Vec<String>,
}

/// What is called about the records of an entity, in the order of plugin and export.
#[derive(Default)]
pub(crate) struct EntityPlugins {
    /// Inside the save, before it is checked.
    pub(crate) before_save: Vec<Arc<Binding>>,
    /// Inside the save, on what is going to be stored.
    pub(crate) validators: Vec<Arc<Binding>>,
    /// Told about a change afterwards.
    pub(crate) after_commit: Vec<Arc<Binding>>,
    /// Give records a number.
    pub(crate) scorers: Vec<Arc<Binding>>,
    /// Choose a person.
    pub(crate) assigners: Vec<Arc<Binding>>,
    /// Make documents.
    pub(crate) renderers: Vec<Arc<Binding>>,
    /// Have to be asked before a record is saved, and cannot be.
    pub(crate) unfit: Vec<Unfit>,
}

/// An export that keeps records from being saved unchecked, of a version that does not fit to the definitions any more.
pub(crate) struct Unfit {
    /// The plugin.
    pub(crate) plugin: String,
    /// Its name.
    pub(crate) title: Text,
    /// Where it would be asked.
    pub(crate) point: Point,
}

/// An export of a version, tied to the model. While a version is tried out there are two of most exports: ask
/// [`Binding::serves`] which of them a call is for. Fields and condition are those of [`super::tie::Tied`], which tenants share.
pub(crate) struct Binding {
    /// The plugin.
    pub(crate) plugin: Arc<Installed>,
    /// The version that this export is of.
    pub(crate) version: Arc<Version>,
    /// Its position in the manifest.
    pub(super) export: usize,
    /// The entity that it is about.
    pub(crate) entity: Option<usize>,
    /// The fields that it gets.
    pub(crate) input: Arc<[InputPath]>,
    /// The fields that a `before-save` may change.
    pub(crate) output: Arc<[OutputField]>,
    /// When it is called at all; over the roots `before` and `after`, records of the entity by slot.
    pub(crate) when: Option<Expression>,
}

/// A field that a plugin gets, perhaps of a record that is referred to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputPath {
    /// As the plugin wrote it: `country.code`.
    pub(crate) name: Arc<str>,
    /// Slots from the entity on: all but the last are references, each leading to the entity of the next. None where the
    /// plugin may not see what is there.
    pub(crate) steps: Vec<Slot>,
}

/// A field that a plugin may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutputField {
    /// As the plugin calls it.
    pub(crate) name: Arc<str>,
    /// Its slot.
    pub(crate) slot: Slot,
}

impl Binding {
    /// What the manifest says about it.
    pub(crate) fn export(&self) -> &Export {
        &self.version.manifest().exports[self.export]
    }

    /// Whether this version of the export is the one for a call (see [`Installed::version_for`]).
    pub(crate) fn serves(&self, actor: Option<Uuid>, idempotency_key: &str) -> bool {
        self.plugin.canary.is_none()
            || self.plugin.version_for(actor, idempotency_key).number == self.version.number
    }

    pub(super) fn order(&self) -> (Point, &str, &str, i64) {
        let export = self.export();
        (export.point, &self.plugin.id, &export.name, self.version.number)
    }
}

static NONE: EntityPlugins = EntityPlugins {
    before_save: Vec::new(),
    validators: Vec::new(),
    after_commit: Vec::new(),
    scorers: Vec::new(),
    assigners: Vec::new(),
    renderers: Vec::new(),
    unfit: Vec::new(),
};

impl std::fmt::Debug for Bound {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_set().entries(self.installed.keys()).finish()
    }
}

impl Bound {
    pub(super) fn add(&mut self, binding: Arc<Binding>) {
        let point = binding.export().point;
        if let Some(entity) = binding.entity {
            let of = &mut self.by_entity[entity];
            match point {
                Point::BeforeSave => of.before_save.push(Arc::clone(&binding)),
                Point::Validator => of.validators.push(Arc::clone(&binding)),
                Point::AfterCommit => of.after_commit.push(Arc::clone(&binding)),
                Point::Scorer => of.scorers.push(Arc::clone(&binding)),
                Point::Assigner => of.assigners.push(Arc::clone(&binding)),
                Point::Renderer => of.renderers.push(Arc::clone(&binding)),
                Point::Action | Point::Function | Point::Provider | Point::Job | Point::Connector => {}
            }
        }
        self.named.push(binding);
    }

    /// Gives back the room for bindings that have not come.
    pub(super) fn fold(&mut self) {
        self.named.shrink_to_fit();
        for of in &mut self.by_entity {
            let EntityPlugins { before_save, validators, after_commit, scorers, assigners, renderers, unfit } =
                of;
            let all = [before_save, validators, after_commit, scorers, assigners, renderers];
            all.into_iter().for_each(Vec::shrink_to_fit);
            unfit.shrink_to_fit();
        }
    }

    /// Whether there is no plugin at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.installed.is_empty()
    }

    /// What is called about the records of an entity.
    pub(crate) fn entity(&self, entity: usize) -> &EntityPlugins {
        self.by_entity.get(entity).unwrap_or(&NONE)
    }

    /// A plugin that is in force.
    pub(crate) fn plugin(&self, id: &str) -> Option<&Arc<Installed>> {
        self.installed.get(id)
    }

    /// The export of a plugin that a call is for, at any point; none when the version that serves the call has none.
    pub(crate) fn find(
        &self,
        point: Point,
        plugin: &str,
        export: &str,
        actor: Option<Uuid>,
        idempotency_key: &str,
    ) -> Option<&Arc<Binding>> {
        let first = self.named.partition_point(|one| one.order() < (point, plugin, export, i64::MIN));
        let versions = self.named[first..].iter().take_while(|one| {
            let (at, id, name, _) = one.order();
            (at, id, name) == (point, plugin, export)
        });
        versions.into_iter().find(|one| one.serves(actor, idempotency_key))
    }

    /// All exports at a point, in the order of plugin, export and version.
    pub(crate) fn at(&self, point: Point) -> &[Arc<Binding>] {
        let first = self.named.partition_point(|one| one.export().point < point);
        let last = self.named.partition_point(|one| one.export().point <= point);
        &self.named[first..last]
    }

    /// What tells this set from others; none where there are no plugins.
    pub(crate) fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}
