//! Plugins of a tenant: what is installed and how it is doing; what each may do, its versions, its log. Nothing comes into
//! force before an administrator has seen, in plain words, what it asks for.

pub(in crate::pages) mod calls;
pub(in crate::pages) mod change;
pub(in crate::pages) mod check;
mod consent;
pub(in crate::pages) mod kept;
mod names;
pub(in crate::pages) mod runs;
pub(in crate::pages) mod settings;
mod shelf;
pub(in crate::pages) mod show;
mod table;
mod trial;
mod words;

use axum::response::Response;
use mortise_engine::plugins::{PluginInfo, PluginState};
use serde::Serialize;

use super::administrator;
use crate::Failure;
use crate::api::plugins as api;
use crate::pages::visit::Visit;
use words::{Badge, badges};

/// The page of all plugins.
const PATH: &str = "/admin/plugins";

#[derive(Serialize)]
struct Page {
    plugins: Vec<Row>,
    /// What ships and is not installed, or is newer than what is.
    shelf: Vec<shelf::Offer>,
    kept: Vec<kept::Kept>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    title: String,
    version: String,
    description: Option<String>,
    badges: Vec<Badge>,
    /// Why it does not work, or what it needs.
    note: Option<String>,
    bad: bool,
    /// What to do next.
    next: Option<Next>,
}

#[derive(Serialize)]
struct Next {
    label: String,
    href: String,
}

/// The way on from a state that somebody should do something about.
fn next(visit: &Visit, info: &PluginInfo) -> Option<Next> {
    let to = |key: &str, place: &str| Next {
        label: visit.t(&format!("plugins.{key}"), &[]),
        href: visit.base.path(&format!("{PATH}/{}{place}", info.id)),
    };
    match info.state {
        PluginState::On | PluginState::Waiting if api::waiting(info).is_some() => {
            Some(to("to_consent", "#consent"))
        }
        PluginState::On if !info.circuits.is_empty() => Some(to("to_log", "/runs?failed=1")),
        PluginState::On | PluginState::Off | PluginState::Broken | PluginState::Waiting => None,
    }
}

fn row(visit: &Visit, info: &PluginInfo) -> Row {
    let note = match info.state {
        PluginState::Broken => {
            info.problems.first().map(|problem| problem.message.get(visit.language).to_owned())
        }
        PluginState::Waiting => Some(visit.t("plugins.waiting_first", &[])),
        PluginState::On | PluginState::Off => None,
    };
    Row {
        id: info.id.clone(),
        title: info.title.get(visit.language).to_owned(),
        version: api::current(info).map(|version| version.version.clone()).unwrap_or_default(),
        description: info.description.as_ref().map(|text| text.get(visit.language).to_owned()),
        badges: badges(visit, info),
        note,
        bad: info.state == PluginState::Broken,
        next: next(visit, info),
    }
}

/// The page of all plugins, with what went wrong.
async fn list_page(visit: &Visit, failure: Option<&Failure>) -> Result<Response, Failure> {
    let plugins = api::all(&visit.by).await?;
    let shipped = visit.tenant.engine.shipped_plugins(visit.actor()).await?;
    let page = Page {
        plugins: plugins.iter().map(|info| row(visit, info)).collect(),
        shelf: shelf::offers(visit, &shipped, &plugins),
        kept: kept::all(visit, &shipped).await?,
    };
    visit.page_telling("admin/plugins.html", &visit.t("plugins.title", &[]), page, failure)
}

/// `GET /admin/plugins`.
pub(in crate::pages) async fn list(visit: Visit) -> Result<Response, Failure> {
    administrator(&visit)?;
    list_page(&visit, None).await
}
