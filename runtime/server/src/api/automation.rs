//! What happens with records by itself, over HTTP: transitions and claims, clocks, freezes, reasons of assignments, and the
//! failed work that administrators look after.

use axum::extract::{Path, Query as Params};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use mortise_definition::locale;
use mortise_definition::model::{EntityModel, Model};
use mortise_engine::{Command, RunOptions, WorkItem, WorkState};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::body::{Raw, json as json_answer, parse};
use super::etag::IfMatch;
use super::records::{id_of, idempotency, precondition, write, written};
use crate::context::Administrator;
use crate::{Failure, SignedIn};

/// Pieces of failed work of one answer unless asked otherwise.
const WORK: i64 = 50;

/// `GET /records/{entity}/{id}/transitions`: those that the person may take now.
pub(super) async fn transitions(
    by: SignedIn,
    Path((entity, id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let engine = &by.tenant.engine;
    let record = engine.read(by.actor(), &entity, id_of(&id)?).await?;
    let offers = engine.transitions(by.actor(), &entity, &record).await?;
    let model = engine.model();
    let Some(entity) = model.entity(&entity) else { return Err(Failure::not_found("entity.not_found")) };
    let name = |slot: &usize| entity.fields[*slot].name.to_string();
    let rows: Vec<Value> = offers
        .iter()
        .map(|offer| {
            json!({
                "id": offer.id, "label": offer.label.get(by.language), "to": offer.to, "ready": offer.ready,
                "requires": offer.requires.iter().map(name).collect::<Vec<_>>(),
                "message": offer.message.as_ref().map(|text| text.get(by.language)),
            })
        })
        .collect();
    Ok(json_answer(&json!({ "rows": rows })))
}

/// `POST /records/{entity}/{id}/transitions/{transition}`: the body holds the values that come along, and perhaps `version`.
pub(super) async fn take(
    by: SignedIn,
    Path((entity, id, transition)): Path<(String, String, String)>,
    IfMatch(seen): IfMatch,
    headers: HeaderMap,
    Raw(bytes): Raw,
) -> Result<Response, Failure> {
    let mut values: Map<String, Value> = if bytes.is_empty() { Map::new() } else { parse(&bytes)? };
    let version = match values.shift_remove("version") {
        Some(Value::Number(number)) if seen.is_none() => number.as_i64(),
        _ => seen,
    };
    let options = idempotency(&headers)?;
    let command = Command::Transition { entity, id: id_of(&id)?, version, transition, values };
    let done = write(&by, command, options).await.map_err(|failure| precondition(failure, seen))?;
    written(&by, &headers, done).await
}

/// By which policy.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Claiming {
    policy: Option<String>,
}

/// `POST /records/{entity}/{id}/claim`: by the policy named, or the only one that there is.
pub(super) async fn claim(
    by: SignedIn,
    Path((entity, id)): Path<(String, String)>,
    headers: HeaderMap,
    Raw(bytes): Raw,
) -> Result<Response, Failure> {
    let given: Claiming = if bytes.is_empty() { Claiming::default() } else { parse(&bytes)? };
    let policy = match given.policy {
        Some(policy) => policy,
        None => only_policy(&by, &entity)?,
    };
    let options = idempotency(&headers)?;
    let done = write(&by, Command::Claim { entity, id: id_of(&id)?, policy }, options).await?;
    written(&by, &headers, done).await
}

fn only_policy(by: &SignedIn, entity: &str) -> Result<String, Failure> {
    let model = by.tenant.engine.model();
    let policies = model.automation.assignments.values();
    let mut open = policies
        .filter(|policy| {
            (policy.claim.is_some() || policy.offer.is_some()) && model.entities[policy.entity].key == entity
        })
        .map(|policy| policy.key.clone());
    match (open.next(), open.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(Failure::invalid_field("policy", "field.required")),
    }
}

/// `GET /records/{entity}/{id}/clocks`: the newest first, with what has been counted by now.
pub(super) async fn clocks(
    by: SignedIn,
    Path((entity, id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let engine = &by.tenant.engine;
    let clocks = engine.clocks(by.actor(), &entity, id_of(&id)?).await?;
    let rows: Vec<Value> = clocks
        .iter()
        .map(|clock| {
            json!({
                "id": clock.id, "sla": clock.sla, "state": clock.state, "started_at": clock.started_at,
                "due_at": clock.due_at, "paused_at": clock.paused_at, "ended_at": clock.ended_at,
                "counted_ms": engine.counted(clock) / 1_000, "limit_ms": clock.limit / 1_000,
                "breached": clock.breached, "steps": clock.fired,
            })
        })
        .collect();
    Ok(json_answer(&json!({ "rows": rows })))
}

/// `GET /records/{entity}/{id}/assignments`: who got it and why, the newest first.
pub(super) async fn assignments(
    by: SignedIn,
    Path((entity, id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let rows = by.tenant.engine.assignments(by.actor(), &entity, id_of(&id)?).await?;
    Ok(json_answer(&json!({ "rows": rows })))
}

/// `GET /records/{entity}/{id}/freezes`: those in force, oldest first.
pub(super) async fn freezes(
    by: SignedIn,
    Path((entity, id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let freezes = by.tenant.engine.freezes(by.actor(), &entity, id_of(&id)?).await?;
    let rows: Vec<Value> = freezes
        .iter()
        .map(|freeze| {
            json!({
                "id": freeze.id, "person": freeze.person, "at": freeze.at, "until": freeze.until,
                "reason": freeze.reason.get(by.language), "rule": freeze.rule,
            })
        })
        .collect();
    Ok(json_answer(&json!({ "rows": rows })))
}

/// Whose freeze is lifted.
#[derive(Deserialize)]
pub(super) struct Lifting {
    person: Option<Uuid>,
}

/// `DELETE /records/{entity}/{id}/freezes?person=`: lifts them, everybody's unless a person is named.
pub(super) async fn lift(
    Administrator(by): Administrator,
    Path((entity, id)): Path<(String, String)>,
    Params(lifting): Params<Lifting>,
) -> Result<StatusCode, Failure> {
    let command = Command::Unfreeze { entity, id: id_of(&id)?, person: lifting.person };
    by.tenant.engine.run(by.actor(), command, RunOptions::default()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which failed work.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    state: Option<String>,
    before: Option<i64>,
    limit: Option<i64>,
}

/// A state of failed work by its name.
pub fn state(name: &str) -> Result<WorkState, Failure> {
    let all = [WorkState::Parked, WorkState::Waiting, WorkState::Done, WorkState::Dismissed];
    let found = all.into_iter().find(|state| state.name() == name);
    found.ok_or_else(|| {
        let value: String = name.chars().take(60).collect();
        let failure = Failure::bad_request("http.parameter").with("name", "state").with("value", value);
        failure.with("allowed", "parked, waiting, done, dismissed")
    })
}

/// `GET /work?state=&before=&limit=`: parked work unless asked otherwise, newest first, with how the lane stands.
pub(super) async fn work(
    Administrator(by): Administrator,
    Params(asked): Params<Asked>,
) -> Result<Response, Failure> {
    let engine = &by.tenant.engine;
    let state = state(asked.state.as_deref().unwrap_or("parked"))?;
    let items = engine.failed_work(by.actor(), state, asked.before, asked.limit.unwrap_or(WORK)).await?;
    let backlog = engine.backlog().await?;
    let model = engine.model();
    let rows: Vec<Value> = items.iter().map(|item| item_json(item, &model, by.language)).collect();
    let lane = json!({
        "events": backlog.events, "waiting": backlog.waiting, "parked": backlog.parked,
        "next_due": engine.next_due().await?, "position": backlog.position, "last_event": backlog.last_event,
        "lag_ms": backlog.lag.num_milliseconds(), "worked_at": backlog.worked_at,
    });
    Ok(json_answer(&json!({ "rows": rows, "lane": lane })))
}

fn item_json(item: &WorkItem, model: &Model, language: &str) -> Value {
    let mut told = serde_json::to_value(item).unwrap_or_default();
    told["message"] = reason(item, model, language).into();
    told
}

/// Why work failed, in words.
pub fn reason(item: &WorkItem, model: &Model, language: &str) -> String {
    let entity = item.entity.as_deref().and_then(|key| model.entity(key));
    failure_text(&item.error, entity.map(|entity| &**entity), language)
}

/// A failure in words; fields by what they are called in the records that it is about.
pub fn failure_text(
    failure: &mortise_engine::Failure,
    entity: Option<&EntityModel>,
    language: &str,
) -> String {
    let words = |code: &str, args: &std::collections::BTreeMap<String, String>| {
        let args: Vec<(&str, &str)> =
            args.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        locale::translate(language, &format!("error.{code}"), &args)
    };
    let mut text = words(&failure.code, &failure.args);
    for field in &failure.fields {
        let told = words(&field.code, &field.args);
        let known = entity.and_then(|entity| entity.field(&field.field));
        let name = known.map_or(field.field.as_str(), |known| known.label.get(language));
        let told = match name {
            "" => told,
            name => locale::translate(language, "ui.named", &[("name", name), ("text", &told)]),
        };
        text = locale::sentences(&text, &told);
    }
    text
}

/// `POST /work/{id}/retry`: tries it again at once.
pub(super) async fn retry(
    Administrator(by): Administrator,
    Path(id): Path<i64>,
) -> Result<StatusCode, Failure> {
    by.tenant.engine.retry(by.actor(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /work/{id}/dismiss`: it is not to be done.
pub(super) async fn dismiss(
    Administrator(by): Administrator,
    Path(id): Path<i64>,
) -> Result<StatusCode, Failure> {
    by.tenant.engine.dismiss(by.actor(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which records a policy is replayed with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replaying {
    count: Option<u64>,
}

/// Records of a replay unless asked otherwise.
pub const REPLAYED: u64 = 500;

/// `GET /assignments/{policy}/replay?count=`: what the policy would do with the latest records.
pub(super) async fn replay(
    Administrator(by): Administrator,
    Path(policy): Path<String>,
    Params(asked): Params<Replaying>,
) -> Result<Response, Failure> {
    let count = asked.count.unwrap_or(REPLAYED);
    Ok(json_answer(&by.tenant.engine.replay(by.actor(), &policy, count).await?))
}
