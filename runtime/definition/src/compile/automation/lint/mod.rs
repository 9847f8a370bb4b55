//! The linter: reads a whole app that compiles, and tells what will probably not do what its author wants: clocks that
//! people can stop by hand, states without a way out, rules that undo each other, tables with gaps. It changes nothing.

mod assignments;
mod bypass;
mod clocks;
mod decisions;
mod effects;
mod lifecycles;
mod measures;
mod rules;
mod truth;
mod writers;

use std::sync::Arc;

use mortise_expr::Expression;

use crate::compile::place::Place;
use crate::model::{ActionModel, EntityModel, FieldKind, LifecycleModel, Model, Slot, roots, system};
use crate::problem::Problems;
use crate::source::RollupOperation;
use crate::{Kind, Package};

pub use bypass::{Bypass, Means, bypasses, rule_bypasses};

/// Adds what is found in the automation of all apps; `packages` are those that the model was compiled from.
pub(in crate::compile) fn check(model: &Model, packages: &[Arc<Package>], problems: &mut Problems) {
    let settable = writers::settable(model);
    let mut lint = Lint { model, packages, settable, problems };
    lint.lifecycles();
    lint.clocks();
    lint.rules();
    lint.decisions();
    lint.assignments();
    lint.measures();
}

struct Lint<'a> {
    model: &'a Model,
    packages: &'a [Arc<Package>],
    settable: writers::Settable,
    problems: &'a mut Problems,
}

impl<'a> Lint<'a> {
    fn place(&self, kind: Kind, app: usize, id: &str) -> Place {
        Place::new(&self.packages[app], kind, id)
    }

    fn entity(&self, entity: usize) -> &'a EntityModel {
        &self.model.entities[entity]
    }

    fn lifecycle(&self, entity: usize) -> Option<&'a Arc<LifecycleModel>> {
        self.model.automation.by_entity[entity].lifecycle.as_ref()
    }

    /// Names of fields, for people.
    fn names(&self, entity: usize, slots: impl IntoIterator<Item = Slot>) -> String {
        let fields = &self.entity(entity).fields;
        let mut names: Vec<&str> = slots.into_iter().map(|slot| &*fields[slot].name).collect();
        names.sort_unstable();
        names.dedup();
        names.join(", ")
    }

    /// True when every record that is saved has a value there.
    fn always_filled(&self, entity: usize, slot: Slot) -> bool {
        let field = &self.entity(entity).fields[slot];
        match field.kind {
            FieldKind::Autonumber { .. } | FieldKind::Rollup { operation: RollupOperation::Count, .. } => {
                true
            }
            _ if slot < system::FIRST => {
                matches!(slot, system::ID | system::VERSION | system::CREATED_AT | system::UPDATED_AT)
            }
            _ => field.required && field.visible_when.is_none(),
        }
    }
}

/// Id of an artifact within its app.
fn id_of(key: &str) -> &str {
    key.split_once('.').map_or(key, |(_, id)| id)
}

/// Fields of the record that an expression reads.
fn reads(expression: &Expression) -> impl Iterator<Item = Slot> + '_ {
    let of_record = expression.references().iter().filter(|reference| reference.root == roots::RECORD);
    of_record.map(|reference| reference.slot)
}

/// A field with those that it is calculated from.
fn expand(entity: &EntityModel, slot: Slot) -> Vec<Slot> {
    let mut found = vec![slot];
    let mut next = 0;
    while let Some(slot) = found.get(next).copied() {
        next += 1;
        if let FieldKind::Computed { value } = &entity.fields[slot].kind {
            let more: Vec<Slot> = reads(value).filter(|slot| !found.contains(slot)).collect();
            found.extend(more);
        }
    }
    found
}

/// All lists of actions: of rules, of the steps of clocks, and what follows from these when plugins have finished, with the
/// entity of their record.
fn action_lists(model: &Model) -> impl Iterator<Item = (usize, &[ActionModel])> {
    let automation = &model.automation;
    let rules = automation.rules.values().map(|rule| (rule.entity, rule.actions.as_slice()));
    let steps = automation
        .slas
        .values()
        .flat_map(|sla| sla.ladder.iter().map(|step| (sla.entity, step.actions.as_slice())));
    rules.chain(steps).flat_map(|(entity, actions)| {
        let later = actions.iter().flat_map(ActionModel::with_later).map(ActionModel::then);
        std::iter::once(actions).chain(later).map(move |actions| (entity, actions))
    })
}
