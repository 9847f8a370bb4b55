//! Work of a plugin in the background: what waits, what was given up and why, and the ways on from there.

use axum::extract::Path;
use axum::response::Response;
use mortise_definition::locale;
use mortise_engine::Failure as Reason;
use mortise_engine::plugins::{CallState, PluginCall};
use serde::Serialize;
use uuid::Uuid;

use super::PATH;
use super::runs::{Head, Link, Named, named};
use super::words::{point, spoken};
use crate::Failure;
use crate::api::plugins as api;
use crate::pages::admin::administrator;
use crate::pages::flash::Toast;
use crate::pages::show::Show;
use crate::pages::visit::Visit;

/// Calls shown at once.
const SHOWN: i64 = 50;

#[derive(Serialize)]
struct Page {
    plugin: Head,
    states: Vec<Tab>,
    calls: Vec<Row>,
    older: Option<String>,
}

#[derive(Serialize)]
struct Tab {
    label: String,
    href: String,
    active: bool,
}

#[derive(Serialize)]
struct Row {
    id: String,
    /// What it is called, and its name where that is another.
    title: String,
    export: String,
    point: String,
    record: Option<Link>,
    state: &'static str,
    state_name: String,
    color: &'static str,
    /// It can be made once more.
    open: bool,
    attempts: i64,
    next: Option<String>,
    reason: Option<String>,
    hint: Option<String>,
    /// What the plugin said about it, for people.
    said: Option<String>,
    /// What the machine said about it, for the author.
    detail: Option<String>,
    iso: String,
    exact: String,
    when: String,
}

/// `GET /admin/plugins/{id}/calls?state=&before=`.
pub(in crate::pages) async fn list(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    administrator(&visit)?;
    let info = api::one(&visit.by, &id).await?;
    let engine = &visit.tenant.engine;
    let state = api::call_state(visit.look.param("state").unwrap_or_default())?;
    let before: Option<Uuid> = visit.look.param("before").and_then(|text| text.parse().ok());
    let mut found = engine.background_calls(visit.actor(), (state, Some(&id)), before, SHOWN + 1).await?;
    let limit = usize::try_from(SHOWN).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let address = |state: Option<CallState>, rest: &str| {
        let name = state.map_or("", CallState::name);
        visit.base.path(&format!("{PATH}/{id}/calls?state={name}{rest}"))
    };
    let tab = |one: Option<CallState>| Tab {
        label: visit.t(&format!("plugins.call.{}", one.map_or("any", CallState::name)), &[]),
        href: address(one, ""),
        active: one == state,
    };
    let (model, directory) = (engine.model(), engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let named = named(&visit, &model, &info);
    let page = Page {
        states: std::iter::once(None).chain(CallState::ALL.into_iter().map(Some)).map(tab).collect(),
        older: found.last().filter(|_| more).map(|last| address(state, &format!("&before={}", last.id))),
        calls: found.iter().map(|call| row(&visit, &show, &named, call)).collect(),
        plugin: Head::of(&visit, &info),
    };
    visit.page("admin/plugin_calls.html", info.title.get(visit.language), page)
}

fn row(visit: &Visit, show: &Show<'_>, named: &Named<'_>, call: &PluginCall) -> Row {
    let words_of = |reason: &Reason| spoken(&reason.code, reason.args.get("reason").map(String::as_str));
    let (said, detail) = call.error.as_ref().map(words_of).unwrap_or_default();
    let (reason, hint) = call.error.as_ref().map(|reason| words(visit, reason)).unzip();
    let local = |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&visit.user().tz);
    Row {
        id: call.id.to_string(),
        title: named.export(&call.point, &call.export),
        export: call.export.clone(),
        point: point(visit, &call.point),
        record: named.record(visit, call.entity.as_deref(), call.record),
        state: call.state.name(),
        state_name: visit.t(&format!("plugins.call.{}", call.state.name()), &[]),
        color: match call.state {
            CallState::Done => "green",
            CallState::Dead => "red",
            CallState::Dismissed => "gray",
            CallState::Waiting | CallState::Sleeping | CallState::Awaiting => "yellow",
        },
        open: call.state == CallState::Dead || (call.state == CallState::Waiting && call.attempts > 0),
        attempts: call.attempts,
        next: call
            .next_at
            .filter(|_| call.attempts > 0 || call.state == CallState::Sleeping)
            .map(|at| local(at).format("%m-%d %H:%M:%S").to_string()),
        reason,
        hint: hint.flatten(),
        said,
        detail,
        iso: call.at.to_rfc3339(),
        exact: local(call.at).format("%Y-%m-%d %H:%M:%S").to_string(),
        when: show.ago(call.at),
    }
}

/// A reason in words, and what to do about it.
pub(super) fn words(visit: &Visit, reason: &Reason) -> (String, Option<String>) {
    let args: Vec<(&str, &str)> =
        reason.args.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let key = format!("error.{}", reason.code);
    let hint = locale::find(visit.language, &format!("{key}.hint"), &args);
    (locale::translate(visit.language, &key, &args), hint)
}

/// `POST /admin/plugins/{id}/calls/{call}/retry`.
pub(in crate::pages) async fn retry(
    visit: Visit,
    Path((id, call)): Path<(String, Uuid)>,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    visit.tenant.engine.revive_plugin_call(visit.actor(), call).await?;
    let toast = Toast::good(visit.t("plugins.again_done", &[]));
    Ok(visit.go_with(&format!("{PATH}/{id}/calls"), &toast))
}

/// `POST /admin/plugins/{id}/calls/{call}/dismiss`.
pub(in crate::pages) async fn dismiss(
    visit: Visit,
    Path((id, call)): Path<(String, Uuid)>,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    visit.tenant.engine.dismiss_plugin_call(visit.actor(), call).await?;
    let toast = Toast::good(visit.t("plugins.dismissed", &[]));
    Ok(visit.go_with(&format!("{PATH}/{id}/calls"), &toast))
}
