//! Who can give a field a value: roles by hand, transitions, rules, calls from outside.

use std::collections::HashSet;

use super::effects::{EffectKind, effects};
use super::{action_lists, reads};
use crate::model::{EntityModel, FieldKind, Model, RoleModel, Slot, system};
use crate::source::{FieldAccess, Operation};

/// Fields that something gives a value after all: entity and slot.
pub(super) type Settable = HashSet<(usize, Slot)>;

/// True when the role may do one of these with records of the entity.
fn may(role: &RoleModel, entity: usize, operations: &[Operation]) -> bool {
    let permission = role.permissions.get(&entity);
    permission.is_some_and(|one| operations.iter().any(|operation| one.operations.contains(operation)))
}

fn open(role: &RoleModel, entity: &EntityModel, slot: Slot) -> bool {
    let access = role.permissions.get(&entity.index).and_then(|one| one.fields.get(&slot));
    entity.fields[slot].writable() && access.is_none_or(|access| *access == FieldAccess::Write)
}

/// Whether people with the role may change the field of an existing record by hand. The state changes by transition.
pub(super) fn may_change(model: &Model, role: &RoleModel, entity: usize, slot: Slot) -> bool {
    let state = model.automation.by_entity[entity].lifecycle.as_ref().map(|lifecycle| lifecycle.field);
    state != Some(slot)
        && may(role, entity, &[Operation::Update])
        && open(role, &model.entities[entity], slot)
}

/// Keys of the roles whose people may change the field by hand.
pub(super) fn roles_changing(model: &Model, entity: usize, slot: Slot) -> Vec<&str> {
    let roles = model.roles.values().filter(|role| may_change(model, role, entity, slot));
    roles.map(|role| role.key.as_str()).collect()
}

/// Everything that has a writer.
pub(super) fn settable(model: &Model) -> Settable {
    let mut found = Settable::new();
    for entity in &model.entities {
        let automatic =
            [system::ID, system::VERSION, system::CREATED_AT, system::CREATED_BY, system::UPDATED_AT];
        found.extend(automatic.iter().map(|slot| (entity.index, *slot)));
        found.extend([(entity.index, system::UPDATED_BY), (entity.index, system::OWNER)]);
        for field in &entity.fields {
            let given = model.roles.values().any(|role| {
                may(role, entity.index, &[Operation::Create, Operation::Update])
                    && open(role, entity, field.slot)
            });
            let own = field.default.is_some() || matches!(field.kind, FieldKind::Autonumber { .. });
            if given || own {
                found.insert((entity.index, field.slot));
            }
        }
        if model.roles.values().any(|role| may(role, entity.index, &[Operation::Delete])) {
            found.insert((entity.index, system::DELETED_AT));
        }
    }
    by_automation(model, &mut found);
    by_calculation(model, &mut found);
    found
}

fn by_automation(model: &Model, found: &mut Settable) {
    for (entity, actions) in action_lists(model) {
        for effect in effects(model, entity, actions) {
            match effect.kind {
                EffectKind::Set(slot, _) | EffectKind::Entry(slot, ..) => {
                    found.insert((effect.entity, slot));
                }
                EffectKind::Create(values) => {
                    found.extend(values.iter().map(|(slot, _)| (effect.entity, *slot)));
                }
                EffectKind::Transition(_) => {}
            }
        }
    }
    for lifecycle in model.automation.lifecycles.values() {
        found.insert((lifecycle.entity, lifecycle.field));
        let set = lifecycle.transitions.iter().flat_map(|transition| &transition.set);
        found.extend(set.map(|(slot, _)| (lifecycle.entity, *slot)));
    }
    for receive in model.automation.connectors.values().filter_map(|connector| connector.receive.as_ref()) {
        found.extend(receive.map.iter().map(|(slot, _)| (receive.entity, *slot)));
        if let Some(attach) = &receive.attach {
            found.insert((attach.entity, attach.via));
            found.extend(attach.map.iter().map(|(slot, _)| (attach.entity, *slot)));
        }
    }
    let claimed = model.automation.assignments.values();
    found.extend(claimed.map(|policy| (policy.entity, policy.field)));
}

/// Calculated fields follow those that they read; they may read each other, so this goes on until nothing is new.
fn by_calculation(model: &Model, found: &mut Settable) {
    loop {
        let before = found.len();
        for entity in &model.entities {
            for field in &entity.fields {
                let moves = match &field.kind {
                    FieldKind::Computed { value } => {
                        reads(value).any(|slot| found.contains(&(entity.index, slot)))
                    }
                    FieldKind::Rollup { entity: child, via, .. } => found.contains(&(*child, *via)),
                    _ => false,
                };
                if moves {
                    found.insert((entity.index, field.slot));
                }
            }
        }
        if found.len() == before {
            return;
        }
    }
}
