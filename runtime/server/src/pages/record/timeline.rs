//! The history of a record as people read it.

use mortise_definition::model::EntityModel;
use mortise_engine::TimelineEntry;
use serde::Serialize;
use uuid::Uuid;

use super::course::origin;
use super::happened;
use crate::Failure;
use crate::pages::shell::entity_path;
use crate::pages::show::Show;
use crate::pages::visit::Visit;

/// Entries shown at once.
const ENTRIES: i64 = 30;

/// A page of history.
#[derive(Serialize)]
pub(super) struct Timeline {
    entries: Vec<Entry>,
    older: Option<String>,
}

/// What happened, in words.
#[derive(Serialize)]
pub(in crate::pages) struct Entry {
    kind: &'static str,
    icon: &'static str,
    who: String,
    what: String,
    /// More about what happened by itself.
    more: Option<String>,
    when: String,
    iso: String,
    exact: String,
    text: Option<String>,
    changes: Vec<Change>,
    files: Vec<FileEntry>,
}

#[derive(Serialize)]
struct Change {
    label: String,
    old: String,
    new: String,
}

#[derive(Serialize)]
struct FileEntry {
    href: String,
    name: String,
}

/// Reads the newest entries, or those before one.
pub(super) async fn read(
    visit: &Visit,
    entity: &EntityModel,
    id: Uuid,
    before: Option<i64>,
) -> Result<Timeline, Failure> {
    let mut entries =
        visit.tenant.engine.timeline(visit.actor(), &entity.key, id, before, ENTRIES + 1).await?;
    let limit = usize::try_from(ENTRIES).unwrap_or(usize::MAX);
    let more = entries.len() > limit;
    entries.truncate(limit);
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let path = visit.base.path(&format!("{}/{id}", entity_path(&model, entity)));
    let older = entries.last().filter(|_| more).map(|entry| format!("{path}?before={}", entry.seq));
    Ok(Timeline { entries: entries.into_iter().map(|entry| tell(visit, &show, entry)).collect(), older })
}

/// Tells an entry.
pub(in crate::pages) fn tell(visit: &Visit, show: &Show, entry: TimelineEntry) -> Entry {
    let by_itself = happened::tell(visit, show, &entry);
    let created = entry.action == "record.created";
    let (kind, icon, key) = match entry.action.as_str() {
        "comment.added" => ("comment", "message", "timeline.commented"),
        "file.attached" => ("file", "paperclip", "timeline.filed"),
        "record.created" if entry.channel == "import" => ("create", "upload", "timeline.imported"),
        "record.created" => ("create", "plus", "timeline.created"),
        "record.transitioned" => ("change", "arrow-right", "timeline.transitioned"),
        "record.deleted" => ("delete", "trash", "timeline.deleted"),
        "record.restored" => ("restore", "arrow-back-up", "timeline.restored"),
        _ => ("change", "pencil", "timeline.updated"),
    };
    let zone = visit.user().tz;
    // What nobody did has a rule that did it.
    let rule = entry.rule.as_deref().filter(|_| by_itself.is_none()).map(|rule| origin(show, rule));
    let who = rule.or(entry.actor_name).unwrap_or_else(|| visit.t("record.system", &[]));
    let (icon, what, more) = match by_itself {
        Some(told) => (told.icon, told.what, told.more),
        None => (icon, visit.t(key, &[]), None),
    };
    Entry {
        kind,
        icon,
        who,
        what,
        more,
        when: show.ago(entry.at),
        iso: entry.at.to_rfc3339(),
        exact: entry.at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string(),
        text: entry.comment,
        // What a record began with is on the page itself.
        changes: match created {
            true => Vec::new(),
            false => entry.changes.into_iter().map(change).collect(),
        },
        files: entry
            .file
            .map(|(id, name)| FileEntry { href: visit.base.path(&format!("/api/v1/files/{id}")), name })
            .into_iter()
            .collect(),
    }
}

fn change(change: mortise_engine::FieldChange) -> Change {
    Change { label: change.label, old: change.old.unwrap_or_default(), new: change.new.unwrap_or_default() }
}
