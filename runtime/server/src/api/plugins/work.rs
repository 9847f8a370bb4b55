//! What plugins do and did: the run log, figures by version, calls in the background, jobs, signals.

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use chrono::TimeDelta;
use mortise_engine::plugins::{CallState, PluginUsage, RunFilter};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::api::body::{Raw, json as json_answer, parse};
use crate::context::Administrator;
use crate::{AppState, Failure, SignedIn};

/// Rows of one answer unless asked otherwise.
const ROWS: i64 = 50;
/// Hours of figures unless asked otherwise.
const HOURS: i64 = 24;
/// Most hours of figures: as long as they say something about a version.
const HOURS_MAX: i64 = 24 * 31;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/plugins/runs", get(runs))
        .route("/plugins/calls", get(calls))
        .route("/plugins/calls/{call}/retry", post(retry))
        .route("/plugins/calls/{call}/dismiss", post(dismiss))
        .route("/plugins/jobs", get(jobs))
        .route("/plugins/{id}/calls/retry", post(retry_all))
        .route("/plugins/{id}/usage", get(figures))
        .route("/plugins/{id}/jobs/{job}/run", post(run_job))
        .route("/plugins/{id}/signals/{key}", post(signal))
        .route("/plugins/{id}/connectors/{operation}/probe", post(probe))
}

/// Which runs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Runs {
    plugin: Option<String>,
    record: Option<Uuid>,
    #[serde(default)]
    failed: bool,
    before: Option<Uuid>,
    limit: Option<i64>,
}

/// `GET /plugins/runs?plugin=&record=&failed=&before=&limit=`: newest first; go on with `before` = id of the last one.
async fn runs(by: Administrator, Query(asked): Query<Runs>) -> Result<Response, Failure> {
    let filter = RunFilter { plugin: asked.plugin, record: asked.record, failed: asked.failed };
    let limit = asked.limit.unwrap_or(ROWS);
    let rows = by.tenant.engine.plugin_runs(by.actor(), &filter, asked.before, limit).await?;
    Ok(json_answer(&json!({ "rows": rows })))
}

/// Which calls.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Calls {
    state: Option<String>,
    plugin: Option<String>,
    before: Option<Uuid>,
    limit: Option<i64>,
}

/// A state by its name; empty is any.
pub fn call_state(name: &str) -> Result<Option<CallState>, Failure> {
    if name.is_empty() {
        return Ok(None);
    }
    let found = CallState::ALL.into_iter().find(|state| state.name() == name);
    let wrong = || {
        let failure = Failure::bad_request("http.parameter").with("name", "state");
        failure
            .with("value", name.chars().take(60).collect::<String>())
            .with("allowed", CallState::ALL.map(CallState::name).join(", "))
    };
    found.map(Some).ok_or_else(wrong)
}

/// `GET /plugins/calls?state=&plugin=&before=&limit=`: work in the background, newest first.
async fn calls(by: Administrator, Query(asked): Query<Calls>) -> Result<Response, Failure> {
    let engine = &by.tenant.engine;
    let which = (call_state(asked.state.as_deref().unwrap_or_default())?, asked.plugin.as_deref());
    let limit = asked.limit.unwrap_or(ROWS);
    let rows = engine.background_calls(by.actor(), which, asked.before, limit).await?;
    let counts = engine.background_call_counts(by.actor()).await?;
    let counts: Map<String, Value> = CallState::ALL
        .into_iter()
        .zip(counts)
        .map(|(state, count)| (state.name().to_owned(), count.into()))
        .collect();
    Ok(json_answer(&json!({ "rows": rows, "counts": counts })))
}

/// `POST /plugins/calls/{call}/retry`: makes a call once more.
async fn retry(by: Administrator, Path(call): Path<Uuid>) -> Result<StatusCode, Failure> {
    by.tenant.engine.revive_plugin_call(by.actor(), call).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /plugins/calls/{call}/dismiss`: it is not to be made.
async fn dismiss(by: Administrator, Path(call): Path<Uuid>) -> Result<StatusCode, Failure> {
    by.tenant.engine.dismiss_plugin_call(by.actor(), call).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /plugins/{id}/calls/retry`: all of a plugin that were given up or wait.
async fn retry_all(by: Administrator, Path(id): Path<String>) -> Result<Response, Failure> {
    let count = by.tenant.engine.revive_plugin_calls(by.actor(), &id).await?;
    Ok(json_answer(&json!({ "count": count })))
}

/// How far back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    hours: Option<i64>,
}

/// Figures of the last hours, by version and export.
pub async fn usage(by: &SignedIn, id: &str, hours: Option<i64>) -> Result<Vec<PluginUsage>, Failure> {
    let hours = hours.unwrap_or(HOURS).clamp(1, HOURS_MAX);
    let since = by.tenant.engine.now() - TimeDelta::hours(hours);
    Ok(by.tenant.engine.plugin_usage(by.actor(), id, since).await?)
}

/// `GET /plugins/{id}/usage?hours=`: what the versions in force and tried out came to, by export and hour.
async fn figures(
    by: Administrator,
    Path(id): Path<String>,
    Query(since): Query<Since>,
) -> Result<Response, Failure> {
    let rows = usage(&by, &id, since.hours).await?;
    Ok(json_answer(&json!({ "rows": rows })))
}

/// `GET /plugins/jobs`.
async fn jobs(by: Administrator) -> Result<Response, Failure> {
    let rows = by.tenant.engine.plugin_jobs(by.actor()).await?;
    Ok(json_answer(&json!({ "rows": rows })))
}

/// Fields in a body; none when there is no body.
fn fields(bytes: &[u8]) -> Result<Map<String, Value>, Failure> {
    if bytes.is_empty() { Ok(Map::new()) } else { parse(bytes) }
}

/// `POST /plugins/{id}/jobs/{job}/run`: starts a job now; the body is what its steps are told.
async fn run_job(
    by: Administrator,
    Path((id, job)): Path<(String, String)>,
    Raw(bytes): Raw,
) -> Result<StatusCode, Failure> {
    by.tenant.engine.run_plugin_job(by.actor(), &id, &job, &fields(&bytes)?).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `POST /plugins/{id}/signals/{key}`: what calls of the plugin wait for has happened; the body is what they are told.
async fn signal(
    by: Administrator,
    Path((id, key)): Path<(String, String)>,
    Raw(bytes): Raw,
) -> Result<Response, Failure> {
    let count = by.tenant.engine.signal_plugin(by.actor(), &id, &key, &fields(&bytes)?).await?;
    Ok(json_answer(&json!({ "count": count })))
}

/// `POST /plugins/{id}/connectors/{operation}/probe`: whether the other system can be reached.
async fn probe(
    by: Administrator,
    Path((id, operation)): Path<(String, String)>,
    Raw(bytes): Raw,
) -> Result<Response, Failure> {
    let given = fields(&bytes)?;
    let said = by.tenant.engine.probe_plugin_connector(by.actor(), &id, &operation, &given).await?;
    Ok(json_answer(&match said {
        Ok(answer) => json!({ "good": true, "answer": answer }),
        Err(reason) => json!({ "good": false, "reason": reason }),
    }))
}
