//! The tenant's audit trail for administrators: as it is stored, and in words that people understand (who, what, which
//! record, from what to what). Only read here; entries are written where the changes happen.

use std::collections::{BTreeMap, HashMap};

use mortise_definition::model::EntityModel;
use mortise_store::{Found, StoredEntry, TrailFilter};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::commands::Work;
use crate::error::Error;
use crate::exchange::{Export, TrailFile};
use crate::lists;
use crate::people::Actor;
use crate::records::Record;
use crate::tenant::Tenant;
use crate::timeline::{self, FieldChange, TimelineEntry, Titles};
use crate::values::{self, Issue};

/// An entry in words.
#[derive(Debug, Clone)]
pub struct TrailEntry {
    /// What every entry has, with changes of fields in words. A field that is gone has its id and its stored values.
    pub told: TimelineEntry,
    /// Key of the entity.
    pub entity: Option<String>,
    /// The record.
    pub record: Option<Uuid>,
    /// What the record is called now; none when it, or its kind, is gone.
    pub title: Option<String>,
    /// Address of the client.
    pub ip: Option<String>,
    /// Browser or program of the client.
    pub device: Option<String>,
    /// What is said of something else than the fields of a record.
    pub details: Json,
    /// Its hash in the chain.
    pub hash: Vec<u8>,
}

/// A part of the trail, newest first.
#[derive(Debug)]
pub struct TrailPage {
    /// What was found.
    pub entries: Vec<TrailEntry>,
    /// Where to go on, even if nothing was found so far; none at the end.
    pub next: Option<i64>,
}

impl Tenant {
    /// The trail as it is stored: entries before `before` that the filter lets through. There may be none of them and
    /// still more to look at.
    pub async fn trail(
        &self,
        actor: &Actor,
        filter: &TrailFilter,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Found, Error> {
        if !actor.user.admin {
            return Err(Error::Forbidden(Issue::new("permission.administrator")));
        }
        let limit = limit.clamp(1, timeline::LIMIT_MAX);
        Ok(self.store.trail(filter, before.unwrap_or(i64::MAX), limit).await?)
    }

    /// The same in words.
    pub async fn trail_in_words(
        &self,
        actor: &Actor,
        filter: &TrailFilter,
        before: Option<i64>,
        limit: i64,
    ) -> Result<TrailPage, Error> {
        let mut tries = 0;
        loop {
            let Found { entries, next } = self.trail(actor, filter, before, limit).await?;
            let work = self.work(actor);
            let entries = in_words(self, &work, entries).await;
            if self.stands(&work, &mut tries).await {
                return Ok(TrailPage { entries: entries?, next });
            }
        }
    }

    /// All entries that a filter lets through as a CSV file, in constant memory.
    pub async fn export_trail(&self, actor: &Actor, filter: &TrailFilter) -> Result<Export, Error> {
        let mut file = TrailFile::new(actor)?;
        let mut before = None;
        loop {
            let page = self.trail_in_words(actor, filter, before, timeline::LIMIT_MAX).await?;
            page.entries.iter().try_for_each(|entry| file.write(entry))?;
            before = page.next;
            if before.is_none() {
                let today = self.work(actor).now.with_timezone(&actor.user.tz);
                return file.finish(&today.format("%Y-%m-%d").to_string());
            }
        }
    }
}

async fn in_words(tenant: &Tenant, work: &Work, entries: Vec<StoredEntry>) -> Result<Vec<TrailEntry>, Error> {
    let mut by_entity: BTreeMap<Option<usize>, Vec<StoredEntry>> = BTreeMap::new();
    for stored in entries {
        let entity = stored.entry.entity.as_deref().and_then(|key| work.model().entity(key));
        by_entity.entry(entity.map(|entity| entity.index)).or_default().push(stored);
    }
    let mut told = Vec::new();
    for (index, entries) in by_entity {
        let Some(entity) = index.map(|index| work.model().entities[index].clone()) else {
            told.extend(entries.into_iter().map(|stored| tell(work, None, stored, &HashMap::new())));
            continue;
        };
        let titles = timeline::titles(work, &tenant.store, &entity, &entries).await?;
        let names = names(tenant, work, &entity, &entries).await?;
        let known = Some((&*entity, &titles));
        told.extend(entries.into_iter().map(|stored| tell(work, known, stored, &names)));
    }
    told.sort_by_key(|entry| std::cmp::Reverse(entry.told.seq));
    Ok(told)
}

/// What the records are called, at one statement.
async fn names(
    tenant: &Tenant,
    work: &Work,
    entity: &EntityModel,
    entries: &[StoredEntry],
) -> Result<HashMap<Uuid, String>, Error> {
    let mut ids: Vec<Uuid> = entries.iter().filter_map(|stored| stored.entry.record).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = lists::referenced(work, &tenant.store, entity, &ids, &[]).await?;
    let title = &entity.fields[entity.title];
    let name = |record: &Record| values::display(title, &record.values[title.slot], &work.values());
    Ok(found.into_iter().map(|(id, record)| (id, name(&record))).collect())
}

/// An entry in words, with what only the trail tells. `known` is the entity, if it is still there, with the titles of
/// what its records point to.
fn tell(
    work: &Work,
    known: Option<(&EntityModel, &Titles)>,
    stored: StoredEntry,
    names: &HashMap<Uuid, String>,
) -> TrailEntry {
    let entry = stored.entry.clone();
    let changes: Json = serde_json::from_str(&entry.changes).unwrap_or_default();
    let of_record = entry.action.starts_with("record.");
    let in_told = of_record || matches!(entry.action.as_str(), "comment.added" | "file.attached");
    let hash = stored.hash.clone();
    let mut told = match known {
        Some((entity, titles)) => timeline::tell(work, entity, &[], stored, titles),
        None => timeline::tell_bare(work, stored),
    };
    if let (true, Json::Object(changes)) = (of_record, &changes) {
        let is_known =
            |id: &str| known.is_some_and(|(entity, _)| entity.fields.iter().any(|field| field.id == id));
        let gone = changes.iter().filter(|(id, _)| !is_known(id));
        told.changes.extend(gone.map(|(id, change)| {
            let (old, new) = match change.as_array().map(Vec::as_slice) {
                Some([old, new]) => (as_stored(old), as_stored(new)),
                _ => (None, as_stored(change)),
            };
            FieldChange { field: id.clone(), label: id.clone(), old, new }
        }));
    }
    TrailEntry {
        told,
        title: entry.record.and_then(|id| names.get(&id).cloned()),
        entity: entry.entity.clone(),
        record: entry.record,
        ip: entry.ip,
        device: entry.device,
        details: if in_told { Json::Null } else { changes },
        hash,
    }
}

/// A value of a field that is gone.
fn as_stored(json: &Json) -> Option<String> {
    (!json.is_null()).then(|| json.as_str().map_or_else(|| json.to_string(), str::to_owned))
}
