//! A model in force, with all that is worked out from it once: statements, access by role, keys of JSON answers.

use mortise_definition::model::{
    ActionKind, ActionModel, AssignmentModel, EntityAutomation, FieldKind, Model, Slot,
};
use mortise_store::{Layout, Naming};
use std::sync::Arc;

use crate::access::{Access, AccessCache};
use crate::assign::{self, CandidateCache, HandsCache};
use crate::people::UserContext;
use crate::plugins::Bound;

/// A model in force; a request works with one of these from beginning to end.
#[derive(Debug)]
pub(crate) struct Published {
    /// The model.
    pub model: Arc<Model>,
    /// The plugins in force.
    pub(crate) plugins: Arc<Bound>,
    /// What tells it from others: the digest of the model and, where there are any, of the plugins.
    pub(crate) digest: String,
    /// Its statements.
    pub(crate) layout: Layout,
    access: AccessCache,
    /// `"name":` by entity and slot.
    pub(crate) keys: Vec<Vec<Box<[u8]>>>,
    /// What is known of the candidates of assignments.
    pub(crate) candidates: CandidateCache,
    /// What the candidates have in hand.
    pub(crate) hands: HandsCache,
    /// By entity: the policies whose counts of its records follow each change.
    pub(crate) assigning: Vec<Vec<Arc<AssignmentModel>>>,
    /// By entity: the policies for which its records are profiles of people.
    pub(crate) profiling: Vec<Vec<Arc<AssignmentModel>>>,
    /// By entity: what its records are child rows of, with their references to it.
    pub(crate) parents: Vec<Vec<(usize, Slot)>>,
    /// By entity: whether anything can freeze people's rights on its records.
    pub(crate) freezable: Vec<bool>,
    /// By entity: whether anything can freeze people's rights on records that its records are rows of, however far above.
    pub(crate) freezable_above: Vec<bool>,
    /// Whether anything follows from events at all.
    pub(crate) automated: bool,
}

impl Published {
    /// Works out what follows from a model and the plugins that were bound to it.
    pub(crate) fn new(model: Arc<Model>, naming: &Naming, plugins: Arc<Bound>) -> Published {
        let keys = |entity: &Arc<mortise_definition::model::EntityModel>| {
            let key = |field: &mortise_definition::model::FieldModel| {
                let mut bytes = serde_json::to_vec(field.name.as_ref()).unwrap_or_default();
                bytes.push(b':');
                bytes.into_boxed_slice()
            };
            entity.fields.iter().map(key).collect()
        };
        let told = (0..model.entities.len()).any(|entity| !plugins.entity(entity).after_commit.is_empty());
        let (parents, freezable) = (parents(&model), freezable(&model));
        Published {
            layout: Layout::new(naming, &model),
            keys: model.entities.iter().map(keys).collect(),
            access: AccessCache::default(),
            candidates: CandidateCache::default(),
            hands: HandsCache::default(),
            assigning: policies(&model, |policy, entity| {
                policy.entity == entity && assign::follows(policy, &model.entities[entity])
            }),
            profiling: policies(&model, |policy, entity| {
                let pools = policy.fallbacks.iter().filter_map(|fallback| fallback.pool.as_ref());
                let mut profiles = pools.chain([&policy.pool]).filter_map(|pool| pool.profile);
                profiles.any(|(profile, _)| profile == entity)
            }),
            freezable_above: freezable_above(&parents, &freezable),
            parents,
            freezable,
            digest: match plugins.digest() {
                Some(digest) => format!("{}+{digest}", model.digest),
                None => model.digest.clone(),
            },
            plugins,
            automated: model.automation.by_entity.iter().any(EntityAutomation::is_interested) || told,
            model,
        }
    }

    /// What a person may do.
    pub(crate) fn access(&self, user: &UserContext) -> Arc<Access> {
        self.access.of(&self.model, user)
    }
}

/// By entity: the assignment policies that it concerns.
fn policies(
    model: &Model,
    concerns: impl Fn(&AssignmentModel, usize) -> bool,
) -> Vec<Vec<Arc<AssignmentModel>>> {
    let of = |entity: usize| {
        let all = model.automation.assignments.values();
        all.filter(|policy| concerns(policy, entity)).cloned().collect()
    };
    (0..model.entities.len()).map(of).collect()
}

fn freezable(model: &Model) -> Vec<bool> {
    let mut freezable = vec![false; model.entities.len()];
    let freezes = |actions: &[ActionModel]| {
        actions
            .iter()
            .flat_map(ActionModel::with_later)
            .any(|action| matches!(action.kind, ActionKind::Freeze { .. }))
    };
    for rule in model.automation.rules.values().filter(|rule| freezes(&rule.actions)) {
        freezable[rule.entity] = true;
    }
    for sla in model.automation.slas.values() {
        freezable[sla.entity] |= sla.ladder.iter().any(|step| freezes(&step.actions));
    }
    freezable
}

fn freezable_above(parents: &[Vec<(usize, Slot)>], freezable: &[bool]) -> Vec<bool> {
    let mut above = vec![false; parents.len()];
    // Entities may lie below each other in a circle: it is over when nothing new comes to light.
    loop {
        let next: Vec<bool> = parents
            .iter()
            .map(|up| up.iter().any(|(parent, _)| freezable[*parent] || above[*parent]))
            .collect();
        if next == above {
            return above;
        }
        above = next;
    }
}

fn parents(model: &Model) -> Vec<Vec<(usize, Slot)>> {
    let mut parents = vec![Vec::new(); model.entities.len()];
    for entity in &model.entities {
        for field in entity.declared() {
            if let FieldKind::Lines { entity: child, via } = &field.kind
                && !parents[*child].contains(&(entity.index, *via))
            {
                parents[*child].push((entity.index, *via));
            }
        }
    }
    parents
}
