//! Tests of apps: the scenarios of an installed app are run as it is in force, with its overlay and its settings, on a
//! tenant of their own in memory and in virtual time. The records of this tenant are neither read nor written.

use axum::extract::Path;
use axum::response::Response;
use mortise_engine::Database;
use mortise_engine::scenario::{Cast, Line, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::body::{Raw, json as json_answer, parse};
use crate::Failure;
use crate::context::Administrator;
use crate::failure::issue_text;

/// Which scenarios to run.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// Only those whose key has this part.
    #[serde(default)]
    scenario: String,
}

/// `POST /apps/{app}/test`: runs the scenarios of an app.
pub(super) async fn run(
    by: Administrator,
    Path(id): Path<String>,
    Raw(bytes): Raw,
) -> Result<Response, Failure> {
    let asked: Asked = if bytes.is_empty() { Asked::default() } else { parse(&bytes)? };
    let verdicts = verdicts(&by, &id, &asked.scenario).await?;
    let verdicts = verdicts.iter().map(|verdict| verdict_json(verdict, by.language));
    Ok(json_answer(&verdicts_json(&verdicts.collect::<Vec<_>>())))
}

/// Runs at a time in this process: a run keeps a core busy.
static RUNS: Semaphore = Semaphore::const_new(1);

/// Runs those scenarios of an installed app whose key has this part.
pub async fn verdicts(by: &Administrator, id: &str, part: &str) -> Result<Vec<Verdict>, Failure> {
    let cast = cast(by, id).await?;
    let _one = RUNS.acquire().await.map_err(Failure::internal)?;
    let mut verdicts = Vec::new();
    for key in keys(&cast, id, part) {
        verdicts.push(cast.run(&key, &Database::Sqlite).await?);
    }
    Ok(verdicts)
}

/// The apps in force, of which one is tested.
pub async fn cast(by: &Administrator, id: &str) -> Result<Cast, Failure> {
    let engine = &by.tenant.engine;
    engine.model().app(id).ok_or_else(|| Failure::not_found("app.not_found").with("app", id))?;
    Ok(engine.cast().await?)
}

/// Keys of the scenarios of an app that have this part.
pub fn keys(cast: &Cast, app: &str, part: &str) -> Vec<String> {
    let of_app = |key: &String| key.split_once('.').is_some_and(|(of, _)| of == app);
    cast.scenarios().into_iter().map(|(key, _)| key).filter(|key| of_app(key) && key.contains(part)).collect()
}

/// What scenarios came to, as the API and the command line tell it.
pub fn verdicts_json(verdicts: &[Value]) -> Value {
    let failed = verdicts.iter().filter(|verdict| verdict["passed"] == false).count();
    json!({"passed": failed == 0, "failed": failed, "scenarios": verdicts})
}

/// What a scenario came to.
pub fn verdict_json(verdict: &Verdict, language: &str) -> Value {
    let mut told = json!({
        "scenario": verdict.scenario,
        "label": verdict.label.get(language),
        "covers": verdict.covers,
        "passed": verdict.passed,
        "steps": verdict.steps,
        "virtual_seconds": verdict.virtual_seconds,
        "took_ms": verdict.took_ms,
    });
    if let Some(failure) = &verdict.failure {
        let line = |line: &Line| {
            json!({
                "at": line.at,
                "record": line.record,
                "by": line.by,
                "action": line.action,
                "changes": line.changes,
                "details": line.details,
                "text": line.more(),
            })
        };
        told["failure"] = json!({
            "step": failure.step + 1,
            "pointer": failure.pointer(),
            "code": failure.issue.code,
            "message": issue_text(&failure.issue, language),
            "timeline": failure.timeline.iter().map(line).collect::<Vec<_>>(),
        });
    }
    told
}
