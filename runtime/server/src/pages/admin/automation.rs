//! What happens by itself, for whoever runs a tenant: how much waits, what failed and why, with the ways to try it again or
//! to leave it; and what an assignment policy would do with past records.

use axum::extract::{Form, Path};
use axum::response::Response;
use chrono::{DateTime, Utc};
use mortise_definition::model::Model;
use mortise_engine::{WorkItem, WorkState};
use serde::Serialize;

use super::{administrator, value};
use crate::Failure;
use crate::api::automation::{REPLAYED, reason, state};
use crate::pages::flash::Toast;
use crate::pages::list::{Tab, title_of};
use crate::pages::record::course::{length, origin};
use crate::pages::shell::entity_path;
use crate::pages::show::{Show, grouped};
use crate::pages::visit::Visit;

/// Pieces of failed work shown at once.
const SHOWN: i64 = 50;
/// Where the page is.
const PATH: &str = "/admin/automation";
/// States in the order of their tabs.
const STATES: [WorkState; 4] = [WorkState::Parked, WorkState::Waiting, WorkState::Done, WorkState::Dismissed];

#[derive(Serialize)]
struct Page {
    lane: Lane,
    tabs: Vec<Tab>,
    state: &'static str,
    rows: Vec<Row>,
    older: Option<String>,
    policies: Vec<Link>,
    apps: Vec<Link>,
}

#[derive(Serialize)]
struct Lane {
    events: String,
    /// How long the oldest event has been waiting.
    lag: Option<String>,
    position: String,
    last_event: String,
    worked: Option<String>,
    worked_exact: Option<String>,
    waiting: String,
    parked: String,
    next: Option<String>,
}

#[derive(Serialize)]
struct Link {
    label: String,
    href: String,
}

#[derive(Serialize)]
struct Row {
    id: i64,
    rule: String,
    kind: String,
    icon: &'static str,
    reason: String,
    hint: Option<String>,
    place: String,
    record: Option<Link>,
    attempts: i64,
    next: Option<String>,
    when: String,
    iso: String,
    exact: String,
    open: bool,
}

/// `GET /admin/automation?state=&before=`.
pub(in crate::pages) async fn list(visit: Visit) -> Result<Response, Failure> {
    administrator(&visit)?;
    let engine = &visit.tenant.engine;
    let shown = state(visit.look.param("state").unwrap_or("parked"))?;
    let before = visit.look.param("before").and_then(|text| text.parse().ok());
    let mut items = engine.failed_work(visit.actor(), shown, before, SHOWN + 1).await?;
    let limit = usize::try_from(SHOWN).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let backlog = engine.backlog().await?;
    let next = engine.next_due().await?;
    let (model, directory) = (engine.model(), engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let address = |state: WorkState| visit.base.path(&format!("{PATH}?state={}", state.name()));
    let tab = |one: WorkState| Tab {
        label: visit.t(&format!("automation.state.{}", one.name()), &[]),
        href: address(one),
        active: one == shown,
    };
    let page = Page {
        lane: Lane {
            events: grouped(backlog.events),
            lag: (backlog.events > 0).then(|| length(&visit, backlog.lag)),
            position: grouped(backlog.position),
            last_event: grouped(backlog.last_event),
            worked: backlog.worked_at.map(|at| show.ago(at)),
            worked_exact: backlog.worked_at.map(|at| local(&visit, at)),
            waiting: grouped(backlog.waiting),
            parked: grouped(backlog.parked),
            next: next.map(|at| local(&visit, at)),
        },
        tabs: STATES.into_iter().map(tab).collect(),
        state: shown.name(),
        older: items.last().filter(|_| more).map(|last| format!("{}&before={}", address(shown), last.id)),
        rows: rows(&visit, &show, &model, &items).await,
        policies: policies(&visit, &model),
        apps: apps(&visit, &model),
    };
    visit.page("admin/automation.html", &visit.t("automation.title", &[]), page)
}

fn local(visit: &Visit, at: DateTime<Utc>) -> String {
    at.with_timezone(&visit.user().tz).format("%Y-%m-%d %H:%M:%S").to_string()
}

fn policies(visit: &Visit, model: &Model) -> Vec<Link> {
    let policies = model.automation.assignments.values();
    let link = |policy: &std::sync::Arc<mortise_definition::model::AssignmentModel>| Link {
        label: policy.label.get(visit.language).to_owned(),
        href: visit.base.path(&format!("{PATH}/replay/{}", policy.key)),
    };
    policies.map(link).collect()
}

fn apps(visit: &Visit, model: &Model) -> Vec<Link> {
    let link = |app: &mortise_definition::model::AppModel| Link {
        label: app.label.get(visit.language).to_owned(),
        href: visit.base.path(&format!("/admin/apps/{}/findings", app.id)),
    };
    model.apps.iter().map(link).collect()
}

/// Failed work with the titles of its records; there are no more of them than a page shows.
async fn rows(visit: &Visit, show: &Show<'_>, model: &Model, items: &[WorkItem]) -> Vec<Row> {
    let mut rows = Vec::with_capacity(items.len());
    for item in items {
        let entity = item.entity.as_deref().and_then(|key| model.entity(key));
        let title = match entity.zip(item.record) {
            // A record that is gone, or not to be seen, is called by its kind.
            Some((entity, id)) => visit.tenant.engine.read(visit.actor(), &entity.key, id).await.ok(),
            None => None,
        };
        let title = entity.zip(title).map(|(entity, record)| title_of(show, entity, &record));
        rows.push(row(visit, show, model, item, title));
    }
    rows
}

fn row(visit: &Visit, show: &Show, model: &Model, item: &WorkItem, title: Option<String>) -> Row {
    let (kind, key) = item.handler.split_once(':').unwrap_or(("rule", &item.handler));
    let connector = model.automation.connectors.get(key).filter(|_| kind == "receive");
    let entity = item.entity.as_deref().and_then(|key| model.entity(key));
    let record = entity.zip(item.record).map(|(entity, id)| Link {
        label: title.unwrap_or_else(|| entity.label.get(visit.language).to_owned()),
        href: visit.base.path(&format!("{}/{id}", entity_path(model, entity))),
    });
    let args: Vec<(&str, &str)> =
        item.error.args.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    // What a form would advise is of no use here: nobody has typed anything.
    let hint = match item.error.code.as_str() {
        "record.invalid" => "ui.automation.invalid_hint".to_owned(),
        code => format!("error.{code}.hint"),
    };
    Row {
        id: item.id,
        rule: connector
            .map_or_else(|| origin(show, key), |connector| connector.label.get(visit.language).to_owned()),
        kind: visit.t(&format!("automation.kind.{kind}"), &[]),
        icon: match kind {
            "sla" | "step" => "clock",
            "schedule" => "calendar-time",
            "receive" => "plug",
            _ => "bolt",
        },
        reason: reason(item, model, visit.language),
        hint: mortise_definition::locale::find(visit.language, &hint, &args),
        place: item.error.place.clone().unwrap_or_default(),
        record,
        attempts: item.attempts,
        next: item.next_at.map(|at| local(visit, at)),
        when: show.ago(item.at),
        iso: item.at.to_rfc3339(),
        exact: local(visit, item.at),
        open: matches!(item.state, WorkState::Parked | WorkState::Waiting),
    }
}

/// `POST /admin/automation/{id}/retry`.
pub(in crate::pages) async fn retry(visit: Visit, Path(id): Path<i64>) -> Result<Response, Failure> {
    administrator(&visit)?;
    let done = visit.tenant.engine.retry(visit.actor(), id).await;
    told(&visit, done, "automation.retried")
}

/// `POST /admin/automation/{id}/dismiss`.
pub(in crate::pages) async fn dismiss(visit: Visit, Path(id): Path<i64>) -> Result<Response, Failure> {
    administrator(&visit)?;
    let done = visit.tenant.engine.dismiss(visit.actor(), id).await;
    told(&visit, done, "automation.dismissed")
}

/// `POST /admin/automation/retry`: everything that is shown.
pub(in crate::pages) async fn retry_all(
    visit: Visit,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    let engine = &visit.tenant.engine;
    let items = engine.failed_work(visit.actor(), state(value(&form, "state"))?, None, SHOWN).await?;
    for item in &items {
        // Somebody else may have dealt with one meanwhile.
        if let Err(error) = engine.retry(visit.actor(), item.id).await
            && error.code() != "automation.work_over"
        {
            return Err(error.into());
        }
    }
    told(&visit, Ok(()), "automation.retried")
}

fn told(visit: &Visit, done: Result<(), mortise_engine::Error>, key: &str) -> Result<Response, Failure> {
    match done {
        Ok(()) => Ok(visit.go_with(PATH, &Toast::good(visit.t(key, &[])))),
        Err(error) => {
            let failure = Failure::from(error);
            if failure.status().is_server_error() {
                return Err(failure);
            }
            Ok(visit.go_with(PATH, &Toast::error(failure.title(visit.language))))
        }
    }
}

#[derive(Serialize)]
struct ReplayPage {
    replay: Replay,
}

#[derive(Serialize)]
struct Replay {
    policy: String,
    version: String,
    count: u64,
    records: usize,
    nobody: usize,
    fallbacks: Vec<(String, usize)>,
    people: Vec<Share>,
}

#[derive(Serialize)]
struct Share {
    name: String,
    before: usize,
    after: usize,
    change: String,
}

/// `GET /admin/automation/replay/{policy}?count=`: how the policy would have given out the latest records, beside how they
/// were given in fact. Nothing is written.
pub(in crate::pages) async fn replay(visit: Visit, Path(key): Path<String>) -> Result<Response, Failure> {
    administrator(&visit)?;
    let count = visit.look.param("count").and_then(|text| text.parse().ok()).unwrap_or(REPLAYED);
    let engine = &visit.tenant.engine;
    let done = engine.replay(visit.actor(), &key, count).await?;
    let (model, directory) = (engine.model(), engine.directory());
    let policy = model.automation.assignments.get(&key);
    let policy = policy.ok_or_else(|| Failure::not_found("assignment.not_found").with("policy", &key))?;
    let fallback = |id: &String| {
        let known = policy.fallbacks.iter().find(|one| one.id == *id);
        known.map_or(id.as_str(), |one| one.label.get(visit.language)).to_owned()
    };
    let share = |one: &mortise_engine::ReplayedPerson| Share {
        name: directory.user(one.person).map_or_else(|| one.person.to_string(), |user| user.name.clone()),
        before: one.before,
        after: one.after,
        change: match one.after.cmp(&one.before) {
            std::cmp::Ordering::Greater => format!("+{}", one.after - one.before),
            std::cmp::Ordering::Less => format!("−{}", one.before - one.after),
            std::cmp::Ordering::Equal => "0".to_owned(),
        },
    };
    let replay = Replay {
        policy: policy.label.get(visit.language).to_owned(),
        version: policy.digest.chars().take(8).collect(),
        count,
        records: done.records,
        nobody: done.nobody,
        fallbacks: done.fallbacks.iter().map(|(id, count)| (fallback(id), *count)).collect(),
        people: done.people.iter().map(share).collect(),
    };
    visit.page("admin/replay.html", &visit.t("replay.title", &[]), ReplayPage { replay })
}
