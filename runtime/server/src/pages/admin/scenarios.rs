//! The scenarios of an installed app: what they show, and what a run of them comes to, with the step that failed and what
//! happened before it. Nothing of the tenant is read or written by a run.

use axum::extract::{Form, Path};
use axum::response::Response;
use mortise_definition::locale;
use mortise_engine::scenario::{Failure as Failed, Line, Verdict};
use serde::Serialize;

use super::audit::details_of;
use super::{administrator, value};
use crate::Failure;
use crate::api::scenarios;
use crate::failure::issue_text;
use crate::pages::visit::Visit;

#[derive(Serialize)]
struct Page {
    app: App,
}

#[derive(Serialize)]
struct App {
    id: String,
    label: String,
    scenarios: Vec<Row>,
    /// What a run came to; none before the first.
    outcome: Option<Outcome>,
}

#[derive(Serialize)]
struct Outcome {
    good: bool,
    text: String,
}

#[derive(Serialize)]
struct Row {
    key: String,
    label: String,
    covers: String,
    steps: usize,
    /// What it came to; none when it was not run.
    verdict: Option<Told>,
}

#[derive(Serialize)]
struct Told {
    passed: bool,
    took: String,
    failure: Option<Broken>,
}

#[derive(Serialize)]
struct Broken {
    step: String,
    message: String,
    timeline: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    at: String,
    record: String,
    by: String,
    what: String,
    more: String,
}

/// `GET /admin/apps/{app}/scenarios`.
pub(in crate::pages) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    administrator(&visit)?;
    page(&visit, &id, &[]).await
}

/// `POST /admin/apps/{app}/scenarios`: runs all, or those with a part in their key.
pub(in crate::pages) async fn run(
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let by = administrator(&visit)?;
    let verdicts = scenarios::verdicts(&by, &id, value(&form, "scenario")).await?;
    page(&visit, &id, &verdicts).await
}

async fn page(visit: &Visit, id: &str, verdicts: &[Verdict]) -> Result<Response, Failure> {
    let by = administrator(visit)?;
    let cast = scenarios::cast(&by, id).await?;
    let model = visit.tenant.engine.model();
    let label = model.app(id).map_or(id, |app| app.label.get(visit.language)).to_owned();
    let keys = scenarios::keys(&cast, id, "");
    let own = cast.scenarios().into_iter().filter(|(key, _)| keys.contains(key));
    let rows = own.map(|(key, scenario)| Row {
        label: scenario.label.get(visit.language).to_owned(),
        covers: scenario.covers.join(&visit.t("value.list_separator", &[])),
        steps: scenario.steps.len(),
        verdict: verdicts.iter().find(|one| one.scenario == key).map(|one| told(visit, one)),
        key,
    });
    let failed = verdicts.iter().filter(|verdict| !verdict.passed).count();
    let outcome = (!verdicts.is_empty()).then(|| {
        let args = [("count", &*verdicts.len().to_string()), ("failed", &*failed.to_string())];
        let key = if failed == 0 { "scenarios.passed" } else { "scenarios.failed" };
        Outcome { good: failed == 0, text: visit.t(key, &args) }
    });
    let app = App { id: id.to_owned(), label, scenarios: rows.collect(), outcome };
    visit.page("admin/scenarios.html", &visit.t("scenarios.title", &[]), Page { app })
}

fn told(visit: &Visit, verdict: &Verdict) -> Told {
    let days = (verdict.virtual_seconds / 86_400).to_string();
    Told {
        passed: verdict.passed,
        took: visit.t("scenarios.took", &[("ms", &verdict.took_ms.to_string()), ("days", &days)]),
        failure: verdict.failure.as_ref().map(|failure| broken(visit, failure)),
    }
}

fn broken(visit: &Visit, failure: &Failed) -> Broken {
    Broken {
        step: visit.t("scenarios.step", &[("step", &(failure.step + 1).to_string())]),
        message: issue_text(&failure.issue, visit.language),
        timeline: failure.timeline.iter().map(|line| entry(visit, line)).collect(),
    }
}

fn entry(visit: &Visit, line: &Line) -> Entry {
    let key = format!("ui.audit.action.{}", line.action.replace('.', "_"));
    Entry {
        at: line.at.clone(),
        record: line.record.clone(),
        by: line.by.clone(),
        what: locale::find(visit.language, &key, &[]).unwrap_or_else(|| line.action.clone()),
        more: more(visit, line),
    }
}

/// What changed, and what else is to be said, in words.
fn more(visit: &Visit, line: &Line) -> String {
    let changes = Line { details: serde_json::Value::Null, ..line.clone() }.more();
    let details = details_of(visit, &visit.tenant.engine.directory(), &line.details).into_iter();
    let told = details.filter_map(|one| {
        let text = one.new.filter(|new| !new.is_empty())?;
        Some(visit.t("named", &[("name", &one.label), ("text", &text)]))
    });
    let parts: Vec<String> = [changes].into_iter().filter(|text| !text.is_empty()).chain(told).collect();
    parts.join(" · ")
}
