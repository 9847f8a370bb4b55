//! After an upgrade, calculated fields and rollups that are new or calculate differently are worked out anew for the
//! records that are there, so that no list mixes old results with new ones.
//!
//! Only calculated values are written, and nobody is asked about them: neither the app's own rules nor plugins that check
//! records. They judge what somebody wants to store, and here nobody does: what people entered stays as it is, and a value
//! that follows from it is not better or worse for being up to date. To refuse it would leave either the upgrade undone or old
//! results beside new ones. The next save of a record is checked with the new values, like any other.

use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Model, Slot, roots, system};
use mortise_definition::source::RollupOperation;
use mortise_expr::{Context, EvalError, Expression, OutsideFunctions, Value};
use mortise_store::{Session, version_of};

use crate::commands::{Work, aggregate, rules};
use crate::error::Error;

/// Records about which plugins are asked together: as many as one call of a function takes.
const ASKED_TOGETHER: usize = 1_000;

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
    let computed = computed(entity);
    if computed.iter().all(|(_, value)| value.outside().is_empty()) {
        return table.each(session, |session, old| refill_record(work, session, entity, stale, old));
    }
    let refill_all = |session: &mut Session<'_>, records: Vec<Vec<Value>>| {
        foresee(work, &computed, &records);
        records.iter().try_for_each(|old| refill_record(work, session, entity, stale, old))
    };
    let mut waiting = Vec::new();
    table.each(session, |session, old| -> Result<(), Error> {
        waiting.push(old.to_vec());
        match waiting.len() < ASKED_TOGETHER {
            true => Ok(()),
            false => refill_all(session, std::mem::take(&mut waiting)),
        }
    })?;
    refill_all(session, waiting)
}

/// Calculated fields, in the order of their dependence.
fn computed(entity: &EntityModel) -> Vec<(&FieldModel, &Expression)> {
    let fields = entity.computed.iter().map(|&slot| &entity.fields[slot]);
    fields
        .filter_map(|field| match &field.kind {
            FieldKind::Computed { value } => Some((field, value)),
            _ => None,
        })
        .collect()
}

/// Asks plugins about many records at once; what they say is remembered until it is needed.
fn foresee(work: &Work, computed: &[(&FieldModel, &Expression)], records: &[Vec<Value>]) {
    let model = &work.published.model;
    work.foresee_now(|functions| {
        for record in records {
            let mut values = record.clone();
            for (field, value) in computed {
                let roots: [&[Value]; 3] =
                    [&values, &work.actor.user.root, &model.apps[field.app].setting_values];
                let functions = Some(functions as &dyn OutsideFunctions);
                let cx = Context { now: work.now, tz: work.actor.user.tz, roots: &roots, functions };
                match value.eval(&cx) {
                    Ok(found) => values[field.slot] = found,
                    // What depends on it is asked in the next round.
                    Err(EvalError::Pending) => break,
                    Err(_) => values[field.slot] = Value::Null,
                }
            }
        }
    });
}

fn refill_record(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    stale: &[Slot],
    old: &[Value],
) -> Result<(), Error> {
    let table = &work.published.layout.tables[entity.index];
    let id = mortise_store::id_of(old);
    let mut values = old.to_vec();
    for &slot in stale {
        values[slot] = match entity.fields[slot].kind {
            FieldKind::Rollup { .. } => aggregate(work, session, entity, &entity.fields[slot], id)?,
            _ => Value::Null,
        };
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
}
