//! The duplicate check (PLAT-18): candidates come from an index of blocking keys, so that it stays fast at a million
//! records; only they are compared in full.

use mortise_definition::model::{DuplicatesModel, EntityModel, Slot, system};
use mortise_definition::source::Operation;
use mortise_expr::Value;
use mortise_store::{Naming, Param, Session, TenantStore};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::Work;
use crate::error::{Error, Suspect};
use crate::values::normalize::{duplicate_keys, similarity};
use crate::values::{from_json, write_json};

/// Candidates looked at per key: a key that more records share says nothing about sameness.
const PER_KEY_MAX: usize = 50;
/// Keys asked for at once; SQLite joins at most 500 selects, and no two names differ behind so many.
const KEYS_MAX: usize = 400;
/// Suspects told at most.
const SUSPECTS_MAX: usize = 5;

/// Keys of a record in the duplicate index.
pub(crate) fn keys(entity: &EntityModel, values: &[Value]) -> Vec<i64> {
    let Some(check) = &entity.duplicates else { return Vec::new() };
    let mut keys = Vec::new();
    for &(slot, compare) in &check.fields {
        if let Some(text) = values[slot].as_text() {
            let salt = salt(&entity.fields[slot].id);
            keys.extend(
                duplicate_keys(compare, check.threshold, text).into_iter().map(|key| (key ^ salt) as i64),
            );
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// FNV-1a of the field's id: keys of different fields must not meet.
fn salt(id: &str) -> u64 {
    id.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// True when a change of these slots asks for another look.
pub(crate) fn concerned(entity: &EntityModel, changed: &[Slot]) -> bool {
    entity
        .duplicates
        .as_ref()
        .is_some_and(|check| check.fields.iter().any(|(slot, _)| changed.contains(slot)))
}

/// The statement that finds the ids of candidates.
pub(crate) fn candidates(
    naming: &Naming,
    entity: &EntityModel,
    keys: &[i64],
) -> Option<(String, Vec<Param>)> {
    if keys.is_empty() {
        return None;
    }
    let table = naming.table(&format!("{}__similar", entity.table));
    let part = |number: usize| {
        format!(
            "SELECT id FROM (SELECT id FROM {table} WHERE key = {} LIMIT {PER_KEY_MAX}) AS k{number}",
            naming.placeholder(number)
        )
    };
    let keys = &keys[..keys.len().min(KEYS_MAX)];
    let parts: Vec<String> = (1..=keys.len()).map(part).collect();
    Some((parts.join(" UNION "), keys.iter().map(|&key| key.into()).collect()))
}

/// The statement that reads the records of these ids, all columns.
pub(crate) fn records(work: &Work, entity: &EntityModel, ids: &[Uuid]) -> (String, Vec<Param>) {
    let table = &work.published.layout.tables[entity.index];
    let columns: Vec<&str> = table.stored.iter().map(|&slot| table.columns[slot].as_str()).collect();
    let naming = &work.published.layout.naming;
    let sql = format!(
        "SELECT {} FROM {} WHERE id IN ({}) AND deleted_at IS NULL",
        columns.join(", "),
        table.name,
        naming.placeholders(ids.len())
    );
    (sql, ids.iter().map(|&id| id.into()).collect())
}

/// Those of the candidates that are similar enough, most similar first.
pub(crate) fn judge(
    work: &Work,
    entity: &EntityModel,
    values: &[Value],
    candidates: Vec<Vec<Value>>,
) -> Vec<Suspect> {
    let Some(check) = &entity.duplicates else { return Vec::new() };
    let own = values[system::ID].as_id();
    let mut found: Vec<(f64, Slot, Vec<Value>)> = candidates
        .into_iter()
        .filter(|candidate| candidate[system::ID].as_id() != own)
        .filter_map(|candidate| {
            let (score, slot) = most_similar(check, values, &candidate)?;
            (score >= check.threshold).then_some((score, slot, candidate))
        })
        .collect();
    found.sort_by(|one, other| other.0.total_cmp(&one.0));
    found.truncate(SUSPECTS_MAX);
    found
        .into_iter()
        .map(|(score, slot, candidate)| suspect(work, entity, check, score, slot, &candidate))
        .collect()
}

fn most_similar(check: &DuplicatesModel, values: &[Value], candidate: &[Value]) -> Option<(f64, Slot)> {
    let score = |&(slot, compare): &(Slot, _)| {
        let (one, other) = (values[slot].as_text()?, candidate[slot].as_text()?);
        Some((similarity(compare, one, other), slot))
    };
    check.fields.iter().filter_map(score).max_by(|one, other| one.0.total_cmp(&other.0))
}

/// What the person is told: of a record out of sight, only that it exists.
fn suspect(
    work: &Work,
    entity: &EntityModel,
    check: &DuplicatesModel,
    score: f64,
    slot: Slot,
    candidate: &[Value],
) -> Suspect {
    let access = work.access(entity);
    let seen = work.covers(entity, Operation::Read, candidate);
    let show = |&slot: &Slot| {
        let mut text = Vec::new();
        write_json(&candidate[slot], &mut text);
        let value = serde_json::from_slice(&text).unwrap_or_default();
        (entity.fields[slot].name.to_string(), value)
    };
    Suspect {
        id: seen.then(|| mortise_store::id_of(candidate)),
        similarity: score,
        field: entity.fields[slot].name.to_string(),
        shown: if seen {
            check.show.iter().filter(|&&slot| access.sees(slot)).map(show).collect()
        } else {
            Vec::new()
        },
    }
}

/// Looks for records like the values typed so far. Values that do not parse yet are passed over, and so are fields
/// that the person may not see: asking for them one by one would tell what stands in them.
pub(crate) async fn while_typing(
    work: &Work,
    store: &TenantStore,
    entity: &EntityModel,
    values: &Map<String, Json>,
    own: Option<Uuid>,
) -> Result<Vec<Suspect>, Error> {
    let access = work.access(entity);
    if !access.may(Operation::Update) {
        access.demand(Operation::Create, entity)?;
    }
    let mut typed = vec![Value::Null; entity.fields.len()];
    typed[system::ID] = own.map_or(Value::Null, Value::Id);
    for (name, json) in values {
        if let Some(field) = entity.field(name).filter(|field| access.sees(field.slot))
            && let Ok(value) = from_json(field, json, &work.values())
        {
            typed[field.slot] = value;
        }
    }
    let Some((sql, params)) = candidates(store.naming(), entity, &keys(entity, &typed)) else {
        return Ok(Vec::new());
    };
    let ids: Vec<Uuid> = store.fetch(&sql, &params, |row| row.id(0)).await?.into_iter().flatten().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (sql, params) = records(work, entity, &ids);
    let table = &work.published.layout.tables[entity.index];
    let candidates = store.fetch(&sql, &params, |row| table.record(row)).await?;
    Ok(judge(work, entity, &typed, candidates))
}

/// Looks for similar records inside a write.
pub(crate) fn find(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    values: &[Value],
    keys: &[i64],
) -> Result<Vec<Suspect>, Error> {
    let Some((sql, params)) = candidates(session.naming, entity, keys) else { return Ok(Vec::new()) };
    let ids: Vec<Uuid> = session.query(&sql, &params, |row| row.id(0))?.into_iter().flatten().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (sql, params) = records(work, entity, &ids);
    let table = &work.published.layout.tables[entity.index];
    let found = session.query(&sql, &params, |row| table.record(row))?;
    Ok(judge(work, entity, values, found))
}
