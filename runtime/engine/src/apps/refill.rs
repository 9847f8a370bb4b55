//! After an upgrade, calculated fields and rollups that are new or calculate differently are worked out anew for the
//! records that are there, so that no list mixes old results with new ones.

use mortise_definition::model::{EntityModel, FieldKind, Model, Slot};
use mortise_expr::Value;
use mortise_store::{Session, version_of};
use uuid::Uuid;

use crate::commands::{Work, aggregate, rules};
use crate::error::Error;

/// Records worked on at once.
const BATCH: i64 = 500;

/// Works out anew what `before` did not have or calculated differently.
pub(crate) fn refill(work: &Work, session: &mut Session<'_>, before: &Model) -> Result<(), Error> {
    let model = work.published.model.clone();
    for entity in &model.entities {
        let Some(old) = before.entity(&entity.key) else { continue };
        let stale: Vec<Slot> =
            entity.declared().iter().map(|field| field.slot).filter(|&slot| differs(entity, old, slot)).collect();
        if !stale.is_empty() {
            refill_entity(work, session, entity, &stale)?;
        }
    }
    Ok(())
}

fn differs(entity: &EntityModel, old: &EntityModel, slot: Slot) -> bool {
    let field = &entity.fields[slot];
    let before = old.fields.iter().find(|candidate| candidate.id == field.id);
    match (&field.kind, before.map(|before| &before.kind)) {
        (FieldKind::Computed { value }, Some(FieldKind::Computed { value: old })) => value.source() != old.source(),
        (FieldKind::Rollup { .. }, Some(FieldKind::Rollup { .. })) => false,
        (FieldKind::Computed { .. } | FieldKind::Rollup { .. }, _) => true,
        _ => false,
    }
}

fn refill_entity(work: &Work, session: &mut Session<'_>, entity: &EntityModel, stale: &[Slot]) -> Result<(), Error> {
    let table = &work.published.layout.tables[entity.index];
    let columns: Vec<&str> = table.stored.iter().map(|&slot| table.columns[slot].as_str()).collect();
    let sql = session.naming.sql(&format!(
        "SELECT {} FROM {} WHERE id > ?1 ORDER BY id LIMIT ?2",
        columns.join(", "),
        table.name
    ));
    let mut last = Uuid::nil();
    loop {
        let records = session.query(&sql, &[last.into(), BATCH.into()], |row| table.record(row))?;
        let Some(end) = records.last() else { return Ok(()) };
        last = mortise_store::id_of(end);
        for old in &records {
            let id = mortise_store::id_of(old);
            let mut values = old.clone();
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
        }
    }
}
