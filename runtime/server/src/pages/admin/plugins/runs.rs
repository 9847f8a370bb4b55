//! What a plugin did: each call with its outcome, what it used of every limit, and what it wrote.

use axum::extract::Path;
use axum::response::Response;
use mortise_definition::model::Model;
use mortise_engine::plugins::{PluginInfo, PluginRun, RunFilter};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::names::Names;
use super::{PATH, words};
use crate::Failure;
use crate::api::plugins as api;
use crate::pages::admin::administrator;
use crate::pages::shell::entity_path;
use crate::pages::show::Show;
use crate::pages::visit::Visit;

/// Runs shown at once.
const SHOWN: i64 = 50;
/// Counters shown of a run: those of which most was used.
const COUNTERS: usize = 4;

#[derive(Serialize)]
struct Page {
    plugin: Head,
    failed: bool,
    runs: Vec<Row>,
    older: Option<String>,
}

/// The plugin that a page is about.
#[derive(Serialize)]
pub(super) struct Head {
    id: String,
    title: String,
}

impl Head {
    pub(super) fn of(visit: &Visit, info: &PluginInfo) -> Head {
        Head { id: info.id.clone(), title: info.title.get(visit.language).to_owned() }
    }
}

#[derive(Serialize)]
struct Row {
    /// What it is called, and its name where that is another.
    title: String,
    export: String,
    point: String,
    version: String,
    who: Option<String>,
    record: Option<Link>,
    good: bool,
    outcome: String,
    /// What the plugin said about it, for people.
    said: Option<String>,
    /// What the machine said about it, for the author.
    detail: Option<String>,
    used: Vec<Used>,
    lines: Vec<Line>,
    iso: String,
    exact: String,
    when: String,
}

/// A record.
#[derive(Serialize)]
pub(super) struct Link {
    label: String,
    href: String,
}

#[derive(Serialize)]
struct Used {
    label: String,
    value: u64,
    limit: u64,
    text: String,
    exact: String,
}

#[derive(Serialize)]
struct Line {
    level: String,
    message: String,
}

/// `GET /admin/plugins/{id}/runs?failed=&before=`.
pub(in crate::pages) async fn list(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    administrator(&visit)?;
    let info = api::one(&visit.by, &id).await?;
    let engine = &visit.tenant.engine;
    let failed = visit.look.param("failed").is_some();
    let before: Option<Uuid> = visit.look.param("before").and_then(|text| text.parse().ok());
    let filter = RunFilter { plugin: Some(id.clone()), failed, ..RunFilter::default() };
    let mut found = engine.plugin_runs(visit.actor(), &filter, before, SHOWN + 1).await?;
    let limit = usize::try_from(SHOWN).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let address = |last: &PluginRun| {
        let only = if failed { "failed=1&" } else { "" };
        visit.base.path(&format!("{PATH}/{id}/runs?{only}before={}", last.id))
    };
    let (model, directory) = (engine.model(), engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let named = named(&visit, &model, &info);
    let page = Page {
        older: found.last().filter(|_| more).map(address),
        runs: found.iter().map(|run| row(&visit, &show, &named, run)).collect(),
        failed,
        plugin: Head::of(&visit, &info),
    };
    visit.page("admin/plugin_runs.html", info.title.get(visit.language), page)
}

/// What the plugin's names mean, by the version in force.
pub(super) fn named<'a>(visit: &'a Visit, model: &'a Model, info: &'a PluginInfo) -> Named<'a> {
    let manifest = api::current(info).and_then(|version| version.manifest.as_ref());
    Named { model, names: manifest.map(|said| Names::new(model, visit.language, said, Some(info))) }
}

/// What there is to name records and functions by.
pub(super) struct Named<'a> {
    model: &'a Model,
    names: Option<Names<'a>>,
}

impl Named<'_> {
    /// A function as people call it.
    pub(super) fn export(&self, point: &str, name: &str) -> String {
        self.names.as_ref().map_or(name, |names| names.export(point, name)).to_owned()
    }

    /// The record that something is about.
    pub(super) fn record(&self, visit: &Visit, entity: Option<&str>, id: Option<Uuid>) -> Option<Link> {
        link(visit, self.model, entity, id)
    }
}

/// The record that something is about.
fn link(visit: &Visit, model: &Model, entity: Option<&str>, id: Option<Uuid>) -> Option<Link> {
    let (entity, id) = (model.entity(entity?)?, id?);
    Some(Link {
        label: entity.label.get(visit.language).to_owned(),
        href: visit.base.path(&format!("{}/{id}", entity_path(model, entity))),
    })
}

fn row(visit: &Visit, show: &Show<'_>, named: &Named<'_>, run: &PluginRun) -> Row {
    let good = run.outcome == "ok";
    let (said, detail) = words::spoken(&run.outcome, run.message.as_deref());
    let who = run.actor.and_then(|id| show.directory.user(id)).map(|user| user.name.clone());
    let key = format!("error.{}", run.outcome);
    let bad = || mortise_definition::locale::translate(visit.language, &key, &[]);
    Row {
        title: named.export(&run.point, &run.export),
        export: run.export.clone(),
        point: words::point(visit, &run.point),
        version: run.version.clone(),
        who,
        record: named.record(visit, run.entity.as_deref(), run.record),
        good,
        outcome: if good { visit.t("plugins.good", &[]) } else { bad() },
        said,
        detail,
        used: used(visit, &run.usage, run.wall_us),
        lines: lines(&run.lines),
        iso: run.at.to_rfc3339(),
        exact: run.at.with_timezone(&visit.user().tz).format("%Y-%m-%d %H:%M:%S").to_string(),
        when: show.ago(run.at),
    }
}

/// The counters of which most was used, the time always among them.
fn used(visit: &Visit, usage: &Value, wall_us: i64) -> Vec<Used> {
    let share = |used: u64, limit: u64| used.saturating_mul(10_000) / limit.max(1);
    let counters = usage.as_object().into_iter().flatten();
    let mut all: Vec<(&str, u64, u64)> = counters
        .filter_map(|(name, pair)| Some((name.as_str(), pair.get(0)?.as_u64()?, pair.get(1)?.as_u64()?)))
        .filter(|(name, used, limit)| *limit > 0 && (*used > 0 || *name == "wall-ms"))
        .collect();
    all.sort_by_key(|(name, used, limit)| (*name != "wall-ms", std::cmp::Reverse(share(*used, *limit))));
    let shown = |(name, used, limit): (&str, u64, u64)| {
        let (of_used, of_limit) = (words::amount(name, used), words::amount(name, limit));
        // A call takes less than a millisecond as a rule.
        let precise = if name == "wall-ms" { words::micros(wall_us) } else { of_used };
        let args = [("used", precise.as_str()), ("limit", of_limit.as_str())];
        Used {
            label: visit.t(&format!("plugins.counter.{name}"), &[]),
            exact: visit.t("plugins.used_of", &args),
            text: precise.clone(),
            value: used.min(limit),
            limit,
        }
    };
    all.into_iter().take(COUNTERS).map(shown).collect()
}

fn lines(lines: &Value) -> Vec<Line> {
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let line = |line: &Value| Line { level: text(line, "level"), message: text(line, "message") };
    lines.as_array().into_iter().flatten().map(line).collect()
}
