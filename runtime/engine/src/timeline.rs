//! The history of a record for people: who changed which field from what to what, what was said, which files came.
//! Read from the audit trail, so that it cannot differ from it; fields that the person may not see are left out.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Slot};
use mortise_expr::Value;
use mortise_store::{StoredEntry, TenantStore};
use serde::Serialize;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::commands::Work;
use crate::error::Error;
use crate::lists;
use crate::people::Channel;
use crate::plugins::outline;
use crate::records::{self, Record};
use crate::values::{self, People};

/// Entries of one page at most.
pub(crate) const LIMIT_MAX: i64 = 200;

/// One entry.
#[derive(Debug, Clone, Serialize)]
pub struct TimelineEntry {
    /// Position in the audit trail; the next page is asked for with `before` this.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who; none for the system.
    pub actor: Option<Uuid>,
    /// Name of who: of a person, or of the plugin that did it.
    pub actor_name: Option<String>,
    /// `record.created`, `record.changed`, `record.transitioned`, `record.deleted`, `record.restored`, `comment.added`,
    /// `file.attached`, `rights.frozen`, `rights.restored`, `automation.failed`, `clock.started` …
    pub action: String,
    /// By which door.
    pub channel: String,
    /// Version of the record after it.
    pub version: Option<i64>,
    /// Fields that changed.
    pub changes: Vec<FieldChange>,
    /// What was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The file that came, with its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<(Uuid, String)>,
    /// Key of the rule or clock step that did it, where nobody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What else is to be said of what happened by itself.
    #[serde(skip_serializing_if = "Json::is_null")]
    pub details: Json,
}

/// A field that changed.
#[derive(Debug, Clone, Serialize)]
pub struct FieldChange {
    /// Name of the field; its id when the field is gone.
    pub field: String,
    /// Label in the person's language.
    pub label: String,
    /// Value before, as words.
    pub old: Option<String>,
    /// Value after, as words.
    pub new: Option<String>,
}

/// Reads a page of the history of a record that the person may see, newest first.
pub(crate) async fn of_record(
    work: &Work,
    store: &TenantStore,
    entity: &EntityModel,
    id: Uuid,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<TimelineEntry>, Error> {
    let record = records::read(work, store, entity, id).await?;
    let entries =
        store.record_trail(&entity.key, id, before.unwrap_or(i64::MAX), limit.clamp(1, LIMIT_MAX)).await?;
    let titles = titles(work, store, entity, &entries).await?;
    Ok(entries.into_iter().map(|entry| tell(work, entity, &record.hidden, entry, &titles)).collect())
}

pub(crate) type Titles = BTreeMap<(Slot, Uuid), String>;

/// Titles of all records that the entries point to, at one statement per reference field.
pub(crate) async fn titles(
    work: &Work,
    store: &TenantStore,
    entity: &EntityModel,
    entries: &[StoredEntry],
) -> Result<Titles, Error> {
    let mut rows: Vec<Record> = Vec::new();
    for entry in entries {
        for (field, [old, new]) in changes_of(entity, entry) {
            if !matches!(field.kind, FieldKind::Reference { .. }) {
                continue;
            }
            for id in [old, new].iter().filter_map(|json| json.as_str()?.parse::<Uuid>().ok()) {
                let mut values = vec![Value::Null; entity.fields.len()];
                values[field.slot] = Value::Id(id);
                rows.push(Record::new(values));
            }
        }
    }
    lists::resolve_with(work, store, entity, &[], &mut rows).await?;
    let title = |row: Record| {
        let (slot, title) = row.titles.into_iter().next()?;
        Some(((slot, row.values[slot].as_id()?), title))
    };
    Ok(rows.into_iter().filter_map(title).collect())
}

fn changes_of<'a>(entity: &'a EntityModel, entry: &StoredEntry) -> Vec<(&'a FieldModel, [Json; 2])> {
    if !entry.entry.action.starts_with("record.") {
        return Vec::new();
    }
    let parsed: serde_json::Map<String, Json> =
        serde_json::from_str(&entry.entry.changes).unwrap_or_default();
    let find = |(id, change): (String, Json)| {
        let field = entity.fields.iter().find(|field| field.id == id)?;
        let [old, new] = serde_json::from_value(change).ok()?;
        Some((field, [old, new]))
    };
    parsed.into_iter().filter_map(find).collect()
}

pub(crate) fn tell(
    work: &Work,
    entity: &EntityModel,
    hidden: &[Slot],
    stored: StoredEntry,
    titles: &Titles,
) -> TimelineEntry {
    let access = work.access(entity);
    let changes = changes_of(entity, &stored)
        .into_iter()
        .filter(|(field, _)| access.sees(field.slot) && !hidden.contains(&field.slot))
        .map(|(field, [old, new])| FieldChange {
            field: field.name.to_string(),
            label: field.label.get(&work.actor.user.language).to_owned(),
            old: words(work, entity, field, &old, titles),
            new: words(work, entity, field, &new, titles),
        })
        .collect();
    TimelineEntry { changes, ..tell_bare(work, stored) }
}

/// An entry in words, but for the changes of fields.
pub(crate) fn tell_bare(work: &Work, stored: StoredEntry) -> TimelineEntry {
    let entry = stored.entry;
    let mut details: Json = match entry.action.as_str() {
        "record.created" | "record.changed" | "record.transitioned" => Json::Null,
        _ => serde_json::from_str(&entry.changes).unwrap_or_default(),
    };
    if entry.action.starts_with("plugin.") && !work.actor.user.admin {
        // The rest may tell of what the plugin saw with rights of its own.
        if let Some(code) = details["error"]["code"].as_str().map(|code| outline(code).to_owned()) {
            details["error"] = json!({ "code": code });
        }
    }
    let by_itself =
        ["automation.", "rights.", "clock.", "assignment.", "notification.", "delivery.", "plugin."];
    let by_itself = by_itself.iter().any(|kind| entry.action.starts_with(kind));
    let spoken = matches!(entry.action.as_str(), "comment.added" | "file.attached");
    let text = |name: &str| details.get(name).filter(|_| spoken).and_then(Json::as_str);
    let automatic = entry.channel == Channel::Automation.name();
    let plugin = entry.device.as_deref().filter(|_| entry.channel == Channel::Plugin.name());
    let name = match (entry.actor, plugin) {
        (Some(person), _) => work.directory.user_name(person),
        (None, plugin) => plugin.map(|id| plugin_name(work, id)),
    };
    TimelineEntry {
        actor_name: name.map(str::to_owned),
        rule: entry.device.filter(|_| automatic),
        seq: stored.seq,
        at: entry.at,
        actor: entry.actor,
        channel: entry.channel,
        version: entry.version,
        changes: Vec::new(),
        comment: text("text").map(str::to_owned),
        file: text("file").and_then(|id| id.parse().ok()).zip(text("name").map(str::to_owned)),
        action: entry.action,
        details: if by_itself { details } else { Json::Null },
    }
}

/// What a plugin that did something is called; its id where it is gone.
fn plugin_name<'w>(work: &'w Work, id: &'w str) -> &'w str {
    let plugin = work.published.plugins.plugin(id);
    plugin.map_or(id, |plugin| plugin.current.manifest().title.get(&work.actor.user.language))
}

/// Ids that an entry has of a reference field, before and after.
pub(crate) fn ids_of(field: &FieldModel, entry: &StoredEntry) -> Vec<Uuid> {
    let id = |json: &Json| json.as_str()?.parse().ok();
    let parsed: Json = match entry.entry.action.starts_with("record.") {
        true => serde_json::from_str(&entry.entry.changes).unwrap_or_default(),
        false => return Vec::new(),
    };
    let change = parsed.get(&field.id).and_then(Json::as_array);
    change.into_iter().flatten().filter_map(id).collect()
}

/// A value of the trail as words; what cannot be read any more (the field's type changed) is shown as it stands.
fn words(
    work: &Work,
    entity: &EntityModel,
    field: &FieldModel,
    json: &Json,
    titles: &Titles,
) -> Option<String> {
    if json.is_null() {
        return None;
    }
    let cx = work.values();
    let Some(value) = values::from_stored(&entity.shape.members()[field.slot].ty, json, &cx) else {
        return Some(json.as_str().map_or_else(|| json.to_string(), str::to_owned));
    };
    if let (FieldKind::Reference { .. }, Some(id)) = (&field.kind, value.as_id()) {
        return Some(titles.get(&(field.slot, id)).cloned().unwrap_or_else(|| "…".to_owned()));
    }
    Some(values::display(field, &value, &cx))
}
