//! The tenant's whole audit trail as a page: who did what to which record, when and from where, with filters; a button
//! that checks the chain, and the same as a file. Nothing is changed here.

use axum::response::Response;
use chrono::{DateTime, NaiveDate};
use mortise_definition::locale;
use mortise_definition::model::Model;
use mortise_engine::{Directory, TrailEntry, TrailFilter};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::administrator;
use crate::Failure;
use crate::api::audit::{Asked, export_file};
use crate::api::automation::failure_text;
use crate::pages::lookup;
use crate::pages::record::course::origin;
use crate::pages::sessions::device;
use crate::pages::shell::entity_path;
use crate::pages::show::{Show, grouped};
use crate::pages::visit::Visit;

/// Entries of a page.
const ENTRIES: i64 = 50;
/// Longest detail shown, in characters; the API has all of it.
const DETAIL_CHARS_MAX: usize = 200;
/// More changes than this are folded away.
const CHANGES_SHOWN: usize = 4;

/// What is offered to look for; other actions are shown by their own name.
const ACTIONS: [&str; 65] = [
    "record.created",
    "record.changed",
    "record.deleted",
    "record.restored",
    "record.transitioned",
    "comment.added",
    "file.attached",
    "file.uploaded",
    "app.installed",
    "app.changed",
    "app.removed",
    "app.purged",
    "setting.changed",
    "audit.exported",
    "signed_in",
    "signed_out",
    "sessions_ended",
    "password_changed",
    "user_created",
    "user_changed",
    "token_created",
    "token_removed",
    "department_created",
    "department_changed",
    "department_removed",
    "rights.frozen",
    "rights.restored",
    "clock.started",
    "clock.paused",
    "clock.resumed",
    "clock.limit_changed",
    "clock.step",
    "clock.step_passed_over",
    "clock.met",
    "clock.breached",
    "clock.late",
    "clock.cancelled",
    "schedule.late",
    "automation.failed",
    "automation.retried",
    "automation.dismissed",
    "notification.told",
    "delivery.dead",
    "delivery.sent_again",
    "connector.changed",
    "plugin.installed",
    "plugin.upgraded",
    "plugin.granted",
    "plugin.narrowed",
    "plugin.enabled",
    "plugin.disabled",
    "plugin.canary",
    "plugin.promoted",
    "plugin.rolled_back",
    "plugin.removed",
    "plugin.setting",
    "plugin.secret",
    "plugin.mapping",
    "plugin.done",
    "plugin.waits",
    "plugin.dead",
    "plugin.dismissed",
    "plugin.called_again",
    "plugin.signalled",
    "plugin.job_started",
];

/// Parameters of the address that the filter knows.
const PARAMS: [&str; 8] = ["actor", "people", "entity", "record", "action", "from", "until", "before"];

#[derive(Serialize)]
struct Page {
    audit: Audit,
}

#[derive(Serialize, Default)]
struct Audit {
    entries: Vec<Row>,
    person: Person,
    entities: Vec<Group>,
    actions: Vec<Choice>,
    people: bool,
    from: String,
    until: String,
    filtered: bool,
    /// Where older entries are.
    older: Option<String>,
    /// Nothing was found so far, but not everything was looked through.
    unfinished: bool,
    /// Where the newest entries are, on later pages.
    newest: Option<String>,
    clear: String,
    export: String,
    verified: Option<Verified>,
}

/// The picker of a person.
#[derive(Serialize, Default)]
struct Person {
    id: &'static str,
    name: &'static str,
    kind: &'static str,
    label: String,
    value: String,
    title: String,
    source: String,
    placeholder: String,
}

#[derive(Serialize)]
struct Group {
    label: String,
    options: Vec<Choice>,
}

#[derive(Serialize)]
struct Choice {
    value: String,
    label: String,
    selected: bool,
}

#[derive(Serialize)]
struct Verified {
    good: bool,
    text: String,
}

#[derive(Serialize)]
struct Row {
    seq: i64,
    who: String,
    when: String,
    iso: String,
    exact: String,
    place: String,
    said_by_device: Option<String>,
    icon: &'static str,
    what: String,
    entity: Option<String>,
    title: Option<String>,
    href: Option<String>,
    text: Option<String>,
    changes: Vec<Change>,
    folded: bool,
    summary: String,
}

#[derive(Serialize)]
pub(super) struct Change {
    /// What changed.
    pub(super) label: String,
    old: Option<String>,
    /// What it is now.
    pub(super) new: Option<String>,
}

/// `GET /admin/audit`.
pub(in crate::pages) async fn show(visit: Visit) -> Result<Response, Failure> {
    administrator(&visit)?;
    page(&visit, None).await
}

/// `POST /admin/audit/verify`: the page with what the check of the chain found.
pub(in crate::pages) async fn verify(visit: Visit) -> Result<Response, Failure> {
    administrator(&visit)?;
    let verified = visit.tenant.engine.verify().await?;
    let count = grouped(verified.entries);
    let told = match verified.broken {
        None => Verified { good: true, text: visit.t("audit.whole", &[("count", &count)]) },
        Some((seq, _)) => {
            let args = [("seq", &*grouped(seq)), ("count", &*count)];
            Verified { good: false, text: visit.t("audit.broken", &args) }
        }
    };
    page(&visit, Some(told)).await
}

/// `GET /admin/audit/export`: what the filters let through as CSV.
pub(in crate::pages) async fn export(visit: Visit) -> Result<Response, Failure> {
    administrator(&visit)?;
    export_file(&visit, &params(&visit)).await
}

/// What the filters say; words that pickers send beside their values are not among it.
fn params(visit: &Visit) -> Vec<(String, String)> {
    let known =
        |(name, value): &&(String, String)| PARAMS.contains(&name.as_str()) && !value.trim().is_empty();
    visit.look.params.iter().filter(known).cloned().collect()
}

async fn page(visit: &Visit, verified: Option<Verified>) -> Result<Response, Failure> {
    let params = params(visit);
    let asked = Asked::parse(visit, &params);
    let (asked, failure) = match asked {
        Ok(asked) => (asked, None),
        Err(failure) => (Asked::default(), Some(failure)),
    };
    let mut audit = Audit { verified, ..frame(visit, &params, &asked.filter) };
    if failure.is_none() {
        let engine = &visit.tenant.engine;
        let found = engine.trail_in_words(visit.actor(), &asked.filter, asked.before, ENTRIES).await?;
        let model = engine.model();
        audit.entries = found.entries.into_iter().map(|entry| row(visit, &model, entry)).collect();
        audit.older = found.next.map(|next| address(visit, "", &params, Some(next)));
        audit.unfinished = audit.entries.is_empty() && audit.older.is_some();
    }
    visit.page_telling("admin/audit.html", &visit.t("audit.title", &[]), Page { audit }, failure.as_ref())
}

/// An address of this page with filters, from an entry on.
fn address(visit: &Visit, below: &str, params: &[(String, String)], before: Option<i64>) -> String {
    let before = before.map(|before| ("before".to_owned(), before.to_string()));
    let kept = params.iter().filter(|(name, _)| name != "before").cloned();
    let query = serde_urlencoded::to_string(kept.chain(before).collect::<Vec<_>>()).unwrap_or_default();
    let mark = if query.is_empty() { "" } else { "?" };
    visit.base.path(&format!("/admin/audit{below}{mark}{query}"))
}

/// Everything but the entries.
fn frame(visit: &Visit, params: &[(String, String)], filter: &TrailFilter) -> Audit {
    let get = |name: &str| visit.look.param(name).unwrap_or_default().trim().to_owned();
    // Inputs of days take nothing else.
    let day =
        |name: &str| Some(get(name)).filter(|text| text.parse::<NaiveDate>().is_ok()).unwrap_or_default();
    let model = visit.tenant.engine.model();
    let action = |action: &&str| Choice {
        value: (*action).to_owned(),
        label: action_words(visit, action),
        selected: filter.action.as_deref() == Some(*action),
    };
    let group = |(index, app): (usize, &mortise_definition::model::AppModel)| Group {
        label: app.label.get(visit.language).to_owned(),
        options: model
            .entities
            .iter()
            .filter(|entity| entity.app == index)
            .map(|entity| Choice {
                value: entity.key.clone(),
                label: entity.plural.get(visit.language).to_owned(),
                selected: filter.entity.as_ref() == Some(&entity.key),
            })
            .collect(),
    };
    let directory = visit.tenant.engine.directory();
    let person = Person {
        id: "audit-actor",
        name: "actor",
        kind: "user",
        label: visit.t("audit.who", &[]),
        value: get("actor"),
        title: filter.actor.map(|id| person(visit, &directory, id)).unwrap_or_default(),
        source: lookup::all_users_address(visit),
        placeholder: visit.t("audit.anybody", &[]),
    };
    let is_filter = |(name, _): &&(String, String)| name != "before";
    Audit {
        person,
        entities: model
            .apps
            .iter()
            .enumerate()
            .map(group)
            .filter(|group| !group.options.is_empty())
            .collect(),
        actions: ACTIONS.iter().map(action).collect(),
        people: filter.people == Some(true),
        from: day("from"),
        until: day("until"),
        filtered: params.iter().any(|pair| is_filter(&pair)),
        newest: params.iter().any(|(name, _)| name == "before").then(|| address(visit, "", params, None)),
        clear: visit.base.path("/admin/audit"),
        export: address(visit, "/export", params, None),
        ..Audit::default()
    }
}

fn person(visit: &Visit, directory: &Directory, id: Uuid) -> String {
    directory.user(id).map_or_else(|| visit.t("audit.unknown_person", &[]), |user| user.name.clone())
}

/// An action in words; one that has none by its name.
fn action_words(visit: &Visit, action: &str) -> String {
    let key = format!("ui.audit.action.{}", action.replace('.', "_"));
    locale::lookup(visit.language, &key).unwrap_or(action).to_owned()
}

fn row(visit: &Visit, model: &Model, entry: TrailEntry) -> Row {
    let directory = visit.tenant.engine.directory();
    let show =
        Show { by: &visit.by, model, directory: &directory, now: visit.tenant.engine.now(), files: &[] };
    let TrailEntry { told, entity, record, title, ip, device: said, details, .. } = entry;
    let known = entity.as_deref().and_then(|key| model.entity(key));
    let mut changes: Vec<Change> = told
        .changes
        .into_iter()
        .map(|change| Change { label: change.label, old: change.old, new: change.new })
        .collect();
    changes.extend(details_of(visit, &directory, &details));
    // Where the system itself did something, nothing more is to be said of who and whence.
    let channel = (told.channel != "system").then(|| {
        let key = format!("ui.audit.channel.{}", told.channel);
        locale::lookup(visit.language, &key).unwrap_or(&told.channel).to_owned()
    });
    // What happens by itself names its rule there.
    let by = |said: &str| if told.channel == "automation" { origin(&show, said) } else { device(said) };
    let place = [channel, ip, said.as_deref().map(by)];
    let system = || visit.t("record.system", &[]);
    Row {
        seq: told.seq,
        who: told.actor.map_or_else(system, |id| person(visit, &directory, id)),
        when: show.ago(told.at),
        iso: told.at.to_rfc3339(),
        exact: told.at.with_timezone(&visit.user().tz).format("%Y-%m-%d %H:%M:%S").to_string(),
        place: place.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        said_by_device: said,
        icon: icon(&told.action),
        what: action_words(visit, &told.action),
        href: known
            .zip(record)
            .map(|(known, id)| visit.base.path(&format!("{}/{id}", entity_path(model, known)))),
        title: record.map(|_| {
            title.filter(|title| !title.is_empty()).unwrap_or_else(|| visit.t("record.untitled", &[]))
        }),
        entity: known.map(|known| known.label.get(visit.language).to_owned()).or(entity),
        text: told.comment.or(told.file.map(|(_, name)| name)),
        folded: changes.len() > CHANGES_SHOWN,
        summary: visit.t("audit.fields", &[("count", &changes.len().to_string())]),
        changes,
    }
}

fn icon(action: &str) -> &'static str {
    match action {
        "record.created" => "plus",
        "record.changed" => "pencil",
        "record.deleted" => "trash",
        "record.restored" => "arrow-back-up",
        "comment.added" => "message",
        "file.attached" | "file.uploaded" => "paperclip",
        "record.transitioned" => "arrow-right",
        "rights.frozen" | "rights.restored" => "lock",
        _ if action.starts_with("clock.") => "clock",
        _ if action.starts_with("notification.") || action.starts_with("delivery.") => "bell",
        _ if action.starts_with("automation.") || action.starts_with("schedule.") => "settings-automation",
        _ if action.starts_with("app.") || action.starts_with("setting.") => "apps",
        _ if action.starts_with("user_") || action.starts_with("department_") => "users",
        _ => "shield-check",
    }
}

/// What an entry says beside the fields of a record, one line each.
pub(super) fn details_of(visit: &Visit, directory: &Directory, details: &Value) -> Vec<Change> {
    let Value::Object(details) = details else { return Vec::new() };
    let told = details.iter().filter(|(_, value)| !value.is_null());
    told.map(|(name, value)| {
        let label = locale::lookup(visit.language, &format!("ui.audit.detail.{name}")).unwrap_or(name);
        Change { label: label.to_owned(), old: None, new: Some(shortened(words(visit, directory, value))) }
    })
    .collect()
}

/// A detail in one line: people by their names, moments where the reader is, lists of things by their keys or by how many
/// they are.
fn words(visit: &Visit, directory: &Directory, value: &Value) -> String {
    match value {
        Value::String(text) => {
            if let Some(user) = text.parse().ok().and_then(|id: Uuid| directory.user(id)) {
                return user.name.clone();
            }
            match DateTime::parse_from_rfc3339(text) {
                Ok(at) => at.with_timezone(&visit.user().tz).format("%Y-%m-%d %H:%M:%S").to_string(),
                Err(_) => text.clone(),
            }
        }
        Value::Bool(yes) => visit.t(if *yes { "value.yes" } else { "value.no" }, &[]),
        Value::Array(items) => {
            let word = |item: &Value| match item {
                Value::Object(thing) => thing.get("key").map(|key| words(visit, directory, key)),
                Value::Array(_) => None,
                plain => Some(words(visit, directory, plain)),
            };
            let named: Option<Vec<String>> = items.iter().map(word).collect();
            let separator = visit.t("value.list_separator", &[]);
            named.map_or_else(|| items.len().to_string(), |named| named.join(&separator))
        }
        // Why something failed is kept by its code.
        Value::Object(thing) if thing.contains_key("code") => {
            match serde_json::from_value::<mortise_engine::Failure>(value.clone()) {
                Ok(failure) => failure_text(&failure, None, visit.language),
                Err(_) => value.to_string(),
            }
        }
        other => other.to_string(),
    }
}

fn shortened(text: String) -> String {
    match text.chars().count() <= DETAIL_CHARS_MAX {
        true => text,
        false => text.chars().take(DETAIL_CHARS_MAX).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{ACTIONS, locale};

    #[test]
    fn every_action_that_is_offered_has_words() {
        for language in locale::languages() {
            for action in ACTIONS {
                let key = format!("ui.audit.action.{}", action.replace('.', "_"));
                assert!(locale::lookup(language, &key).is_some(), "{language} {action}");
            }
        }
    }
}
