//! What left the house, what waits, and what was given up: with the reason, and a button to send it again.

use axum::extract::{Form, Path};
use axum::response::Response;
use mortise_definition::locale;
use mortise_definition::model::Model;
use mortise_engine::{Delivery, DeliveryState, EMAIL, Failure as Reason};
use serde::Serialize;
use uuid::Uuid;

use super::{administrator, value};
use crate::Failure;
use crate::api::deliveries;
use crate::pages::flash::Toast;
use crate::pages::shell::entity_path;
use crate::pages::show::Show;
use crate::pages::visit::Visit;

/// Deliveries shown at once.
const SHOWN: i64 = 50;
/// Longest beginning of a call's JSON that is shown.
const SUMMARY_CHARS: usize = 200;

#[derive(Serialize)]
struct Page {
    deliveries: Deliveries,
}

#[derive(Serialize)]
struct Deliveries {
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    state: &'static str,
    older: Option<String>,
    newest: Option<String>,
    /// Channels with deliveries that were given up, among those shown.
    dead: Vec<(String, String)>,
}

#[derive(Serialize)]
struct Tab {
    name: &'static str,
    label: String,
    count: Option<i64>,
    active: bool,
    href: String,
}

#[derive(Serialize)]
struct Row {
    id: String,
    channel: String,
    icon: &'static str,
    title: String,
    target: String,
    href: Option<String>,
    state: &'static str,
    state_name: String,
    attempts: i64,
    next: Option<String>,
    reason: Option<String>,
    hint: Option<String>,
    iso: String,
    exact: String,
    when: String,
}

/// `GET /admin/deliveries?state=&before=`.
pub(in crate::pages) async fn list(visit: Visit) -> Result<Response, Failure> {
    administrator(&visit)?;
    let engine = &visit.tenant.engine;
    let state = deliveries::state(visit.look.param("state").unwrap_or_default())?;
    let before: Option<Uuid> = visit.look.param("before").and_then(|text| text.parse().ok());
    let mut found = engine.deliveries(visit.actor(), (state, None), before, SHOWN + 1).await?;
    let limit = usize::try_from(SHOWN).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let counts = engine.delivery_counts(visit.actor()).await?;
    let name = state.map_or("", DeliveryState::name);
    let address = |rest: &str| visit.base.path(&format!("/admin/deliveries?state={name}{rest}"));
    let older = found.last().filter(|_| more).map(|last| address(&format!("&before={}", last.id)));
    let model = engine.model();
    let mut dead: Vec<(String, String)> = Vec::new();
    for one in found.iter().filter(|one| one.state == DeliveryState::Dead) {
        if !dead.iter().any(|(channel, _)| *channel == one.channel) {
            dead.push((one.channel.clone(), channel_name(&visit, &model, &one.channel)));
        }
    }
    let page = Deliveries {
        tabs: tabs(&visit, state, counts),
        rows: found.into_iter().map(|one| row(&visit, &model, one)).collect(),
        state: name,
        older,
        newest: before.map(|_| address("")),
        dead,
    };
    visit.page("admin/deliveries.html", &visit.t("deliveries.title", &[]), Page { deliveries: page })
}

fn tabs(visit: &Visit, active: Option<DeliveryState>, counts: [i64; 3]) -> Vec<Tab> {
    let tab = |state: Option<DeliveryState>, count: Option<i64>| {
        let name = state.map_or("", DeliveryState::name);
        let key =
            if name.is_empty() { "deliveries.any".to_owned() } else { format!("deliveries.state.{name}") };
        Tab {
            name,
            label: visit.t(&key, &[]),
            count,
            active: state == active,
            href: visit.base.path(&format!("/admin/deliveries?state={name}")),
        }
    };
    let states =
        DeliveryState::ALL.into_iter().zip(counts).map(|(state, count)| tab(Some(state), Some(count)));
    std::iter::once(tab(None, None)).chain(states).collect()
}

fn channel_name(visit: &Visit, model: &Model, channel: &str) -> String {
    match model.automation.connectors.get(channel) {
        _ if channel == EMAIL => visit.t("connectors.email", &[]),
        Some(connector) => connector.label.get(visit.language).to_owned(),
        None => channel.to_owned(),
    }
}

fn row(visit: &Visit, model: &Model, one: Delivery) -> Row {
    let directory = visit.tenant.engine.directory();
    let show =
        Show { by: &visit.by, model, directory: &directory, now: visit.tenant.engine.now(), files: &[] };
    let local = |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&visit.user().tz);
    let text = |name: &str| one.payload[name].as_str().map(str::to_owned);
    let entity = one.entity.as_deref().and_then(|key| model.entity(key));
    let link = |record: Uuid| Some(visit.base.path(&format!("{}/{record}", entity_path(model, entity?))));
    let (reason, hint) = one.error.as_ref().map(|reason| words(visit, reason)).unzip();
    Row {
        channel: channel_name(visit, model, &one.channel),
        icon: if one.channel == EMAIL { "mail" } else { "send" },
        title: text("subject")
            .or_else(|| text("title"))
            .unwrap_or_else(|| one.payload.to_string().chars().take(SUMMARY_CHARS).collect()),
        href: one.record.and_then(link),
        state_name: visit.t(&format!("deliveries.state.{}", one.state.name()), &[]),
        next: one
            .next_at
            .filter(|_| one.attempts > 0)
            .map(|at| local(at).format("%m-%d %H:%M:%S").to_string()),
        iso: one.at.to_rfc3339(),
        exact: local(one.at).format("%Y-%m-%d %H:%M:%S").to_string(),
        when: show.ago(one.at),
        id: one.id.to_string(),
        state: one.state.name(),
        attempts: one.attempts,
        target: one.target,
        reason,
        hint: hint.flatten(),
    }
}

/// A reason in words, and what to do about it.
fn words(visit: &Visit, reason: &Reason) -> (String, Option<String>) {
    let args: Vec<(&str, &str)> =
        reason.args.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let key = format!("error.{}", reason.code);
    let hint = locale::find(visit.language, &format!("{key}.hint"), &args);
    (locale::translate(visit.language, &key, &args), hint)
}

/// `POST /admin/deliveries/{id}/retry`.
pub(in crate::pages) async fn retry(visit: Visit, Path(id): Path<Uuid>) -> Result<Response, Failure> {
    administrator(&visit)?;
    visit.tenant.engine.send_again(visit.actor(), id).await?;
    Ok(visit.go_with("/admin/deliveries", &Toast::good(visit.t("deliveries.again_done", &[]))))
}

/// `POST /admin/deliveries/retry`: everything of a channel that was not taken.
pub(in crate::pages) async fn retry_all(
    visit: Visit,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    let count = visit.tenant.engine.send_all_again(visit.actor(), value(&form, "channel")).await?;
    let told = visit.t("deliveries.again_all_done", &[("count", &count.to_string())]);
    Ok(visit.go_with("/admin/deliveries", &Toast::good(told)))
}
