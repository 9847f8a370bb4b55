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

/// A record that is similar: how much, by which field, and whether that is only a hint.
struct Found {
    score: f64,
    slot: Slot,
    hint: bool,
    record: Vec<Value>,
}

/// Keys of a record in the duplicate index.
pub(crate) fn keys(entity: &EntityModel, values: &[Value]) -> Vec<i64> {
    keys_of(entity, values, |_| true)
}

/// Keys by which a record is looked for that would refuse this one.
fn deciding(entity: &EntityModel, values: &[Value]) -> Vec<i64> {
    keys_of(entity, values, |slot| {
        entity.duplicates.as_ref().is_some_and(|check| !check.hints.contains(&slot))
    })
}

fn keys_of(entity: &EntityModel, values: &[Value], wanted: impl Fn(Slot) -> bool) -> Vec<i64> {
    let Some(check) = &entity.duplicates else { return Vec::new() };
    let mut keys = Vec::new();
    for &(slot, compare) in check.fields.iter().filter(|(slot, _)| wanted(*slot)) {
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

/// Those of the candidates that are similar enough: hints last, else the most similar first.
fn judge(entity: &EntityModel, values: &[Value], candidates: Vec<Vec<Value>>) -> Vec<Found> {
    let Some(check) = &entity.duplicates else { return Vec::new() };
    let own = values[system::ID].as_id();
    let others = candidates.into_iter().filter(|candidate| candidate[system::ID].as_id() != own);
    let mut found: Vec<Found> = others.filter_map(|record| alike(check, values, record)).collect();
    found.sort_by(|one, other| one.hint.cmp(&other.hint).then(other.score.total_cmp(&one.score)));
    found.truncate(SUSPECTS_MAX);
    found
}

/// By the most similar field; by one that gives a hint only when no other says enough.
fn alike(check: &DuplicatesModel, values: &[Value], record: Vec<Value>) -> Option<Found> {
    let score = |&(slot, compare): &(Slot, _)| {
        let (one, other) = (values[slot].as_text()?, record[slot].as_text()?);
        Some((similarity(compare, one, other), slot)).filter(|(score, _)| *score >= check.threshold)
    };
    let most = |hint: bool| {
        let fields = check.fields.iter().filter(|(slot, _)| check.hints.contains(slot) == hint);
        fields.filter_map(score).max_by(|one, other| one.0.total_cmp(&other.0))
    };
    let (hint, (score, slot)) =
        most(false).map(|most| (false, most)).or_else(|| Some((true, most(true)?)))?;
    Some(Found { score, slot, hint, record })
}

/// What the person is told: of a record out of sight, or one on which the field that is alike is closed, only that it exists.
fn suspect(work: &Work, entity: &EntityModel, found: &Found, seen: bool) -> Suspect {
    let candidate = &found.record;
    let access = work.access(entity);
    let closed = work.closed(entity, Operation::Read, candidate);
    let open = |slot: &&Slot| access.sees(**slot) && !closed.contains(slot);
    let seen = seen && open(&&found.slot);
    let shown = entity.duplicates.iter().flat_map(|check| &check.show).filter(open);
    let show = |&slot: &Slot| {
        let mut text = Vec::new();
        write_json(&candidate[slot], &mut text);
        let value = serde_json::from_slice(&text).unwrap_or_default();
        (entity.fields[slot].name.to_string(), value)
    };
    Suspect {
        id: seen.then(|| mortise_store::id_of(candidate)),
        similarity: found.score,
        field: entity.fields[found.slot].name.to_string(),
        hint: found.hint,
        shown: if seen { shown.map(show).collect() } else { Vec::new() },
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
    let mut suspects = Vec::new();
    for found in judge(entity, &typed, candidates) {
        let seen = work.reaches(store, entity, Operation::Read, &found.record).await?;
        let suspect = suspect(work, entity, &found, seen);
        // That somebody of this name is known to others helps nobody.
        if !suspect.hint || suspect.id.is_some() {
            suspects.push(suspect);
        }
    }
    Ok(suspects)
}

/// Looks for records inside a write that refuse it: what only gives a hint is left out.
pub(crate) fn find(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    values: &[Value],
    keys: &[i64],
) -> Result<Vec<Suspect>, Error> {
    let Some(check) = &entity.duplicates else { return Ok(Vec::new()) };
    // The keys of the index serve where every field decides, which is usual; they are at hand.
    let own = (!check.hints.is_empty()).then(|| deciding(entity, values));
    let Some((sql, params)) = candidates(session.naming, entity, own.as_deref().unwrap_or(keys)) else {
        return Ok(Vec::new());
    };
    let ids: Vec<Uuid> = session.query(&sql, &params, |row| row.id(0))?.into_iter().flatten().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (sql, params) = records(work, entity, &ids);
    let table = &work.published.layout.tables[entity.index];
    let found = session.query(&sql, &params, |row| table.record(row))?;
    let mut suspects = Vec::new();
    for found in judge(entity, values, found).iter().filter(|found| !found.hint) {
        let seen = work.reaches_in(session, entity, Operation::Read, &found.record, None)?;
        suspects.push(suspect(work, entity, found, seen));
    }
    Ok(suspects)
}
