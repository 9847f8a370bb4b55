//! After an upgrade, calculated fields and rollups that are new or calculate differently are worked out anew for the
//! records that are there, so that no list mixes old results with new ones.

use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Model, Slot, roots, system};
use mortise_definition::source::RollupOperation;
use mortise_expr::Value;
use mortise_store::{Session, version_of};

use crate::commands::{Work, aggregate, rules};
use crate::error::Error;

/// Works out anew what `before` did not have or calculated differently, and what is made of that.
pub(crate) fn refill(work: &Work, session: &mut Session<'_>, before: &Model) -> Result<(), Error> {
    let model = work.published.model.clone();
    let mut stale: Vec<Vec<Slot>> =
        model.entities.iter().map(|entity| changed(entity, &model, before)).collect();
    while let Some((entity, slot)) = follower(&model, &stale) {
        stale[entity].push(slot);
    }
    // Calculated fields come first: rollups add them up, and nothing is calculated from a rollup.
    for rollups in [false, true] {
        for (entity, slots) in model.entities.iter().zip(&stale) {
            let of_kind =
                |slot: &&Slot| matches!(entity.fields[**slot].kind, FieldKind::Rollup { .. }) == rollups;
            let slots: Vec<Slot> = slots.iter().filter(of_kind).copied().collect();
            if !slots.is_empty() {
                refill_entity(work, session, entity, &slots)?;
            }
        }
    }
    Ok(())
}

/// Fields whose values follow from other ones than before.
fn changed(entity: &EntityModel, model: &Model, before: &Model) -> Vec<Slot> {
    let Some(old) = before.entity(&entity.key) else { return Vec::new() };
    let differs = |field: &FieldModel| {
        let was = old.fields.iter().find(|candidate| candidate.id == field.id).map(|was| &was.kind);
        match (&field.kind, was) {
            (FieldKind::Computed { value }, Some(FieldKind::Computed { value: old })) => {
                value.source() != old.source()
            }
            (FieldKind::Rollup { .. }, Some(was @ FieldKind::Rollup { .. })) => {
                rollup(model, &field.kind) != rollup(before, was)
            }
            (FieldKind::Computed { .. } | FieldKind::Rollup { .. }, _) => true,
            _ => false,
        }
    };
    entity.declared().iter().filter(|field| differs(field)).map(|field| field.slot).collect()
}

/// What a rollup says, in ids: slots and indexes mean something else in every model.
fn rollup<'a>(model: &'a Model, kind: &'a FieldKind) -> Option<[&'a str; 5]> {
    let FieldKind::Rollup { entity, via, operation, field, filter } = kind else { return None };
    let child = &model.entities[*entity];
    let operation = match operation {
        RollupOperation::Count => "count",
        RollupOperation::Sum => "sum",
        RollupOperation::Min => "min",
        RollupOperation::Max => "max",
    };
    let field = field.map_or("", |slot| &child.fields[slot].id);
    Some([
        &child.key,
        &child.fields[*via].id,
        operation,
        field,
        filter.as_ref().map_or("", |filter| filter.source()),
    ])
}

/// A rollup, not yet known to be stale, of a field that is.
fn follower(model: &Model, stale: &[Vec<Slot>]) -> Option<(usize, Slot)> {
    let follows = |field: &&FieldModel| {
        let FieldKind::Rollup { entity, field, filter, .. } = &field.kind else { return false };
        let read = filter
            .iter()
            .flat_map(|filter| filter.references())
            .filter(|reference| reference.root == roots::RECORD);
        field
            .iter()
            .copied()
            .chain(read.map(|reference| reference.slot))
            .any(|slot| stale[*entity].contains(&slot))
    };
    model.entities.iter().find_map(|entity| {
        let mut waiting = entity.declared().iter().filter(|field| !stale[entity.index].contains(&field.slot));
        Some((entity.index, waiting.find(follows)?.slot))
    })
}

fn refill_entity(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    stale: &[Slot],
) -> Result<(), Error> {
    let table = &work.published.layout.tables[entity.index];
    table.each(session, |session, old| {
        let id = mortise_store::id_of(old);
        let mut values = old.to_vec();
        for &slot in stale {
            if matches!(entity.fields[slot].kind, FieldKind::Rollup { .. }) {
                values[slot] = aggregate(work, session, entity, &entity.fields[slot], id)?;
            }
        }
        // A record on which the new formula fails keeps an empty value; it must not stop the upgrade.
        let mut failures = Vec::new();
        rules::calculate(work, entity, &mut values, &mut failures);
        let changed: Vec<(Slot, Value)> = (0..values.len())
            .filter(|&slot| entity.fields[slot].stored() && values[slot] != old[slot])
            .map(|slot| (slot, values[slot].clone()))
            .collect();
        if !changed.is_empty() {
            table.update(session, id, version_of(old), &changed)?;
        }
        if changed.iter().any(|(slot, _)| table.search_slots().contains(slot)) {
            table.change_search(session, id, &values, values[system::DELETED_AT].is_null())?;
        }
        Ok(())
    })
}
