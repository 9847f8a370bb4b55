//! How forms are used, over HTTP: what pages tell of it, and the figures for administrators. What pages tell is taken into memory
//! and written later, so that nobody waits for it; there is no place in it for what was typed.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::TimeDelta;
use mortise_engine::{FormUse, FormUses, INTERACTIONS_MAX, Interaction, InteractionFilter, Screen};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Body, json as json_answer};
use crate::context::Administrator;
use crate::{Failure, SignedIn};

/// Days that are looked at unless asked otherwise.
pub const DAYS: i64 = 30;
/// Days that can be looked at; more are not kept unless the operator says so.
const DAYS_MAX: i64 = 366;

/// What a page tells.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Told {
    screen: Screen,
    seen: Vec<Interaction>,
}

/// `POST /interactions`: 204 whether they are kept or not, since no page has anything to do about it.
pub(super) async fn note(by: SignedIn, Body(told): Body<Told>) -> Result<StatusCode, Failure> {
    if told.seen.len() > INTERACTIONS_MAX {
        return Err(Failure::bad_request("interactions.too_many").with("limit", INTERACTIONS_MAX));
    }
    by.tenant.engine.note_interactions(by.actor(), told.screen, told.seen);
    Ok(StatusCode::NO_CONTENT)
}

/// Which figures are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    days: Option<i64>,
    role: Option<String>,
}

/// `GET /interactions?days=&role=`: how forms were used.
pub(super) async fn read(by: Administrator, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let uses = uses(&by, asked.days.unwrap_or(DAYS), asked.role).await?;
    let rows: Vec<Value> = uses.forms.iter().map(row).collect();
    let on = by.tenant.engine.watches_forms();
    Ok(json_answer(&json!({ "on": on, "only_since": uses.only_since, "rows": rows })))
}

/// How forms were used in the last days.
pub async fn uses(by: &SignedIn, days: i64, role: Option<String>) -> Result<FormUses, Failure> {
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Failure::bad_request("interactions.days").with("limit", DAYS_MAX));
    }
    let until = by.tenant.engine.now() + TimeDelta::seconds(1);
    let filter = InteractionFilter { since: until - TimeDelta::days(days), until, role };
    Ok(by.tenant.engine.form_uses(by.actor(), &filter).await?)
}

fn row(form: &FormUse) -> Value {
    let slowest = form.slowest.iter();
    let errors = form.errors.iter();
    json!({
        "entity": form.entity, "form": Some(&form.form).filter(|key| !key.is_empty()),
        "opened": form.opened, "saved": form.saved, "abandoned": form.abandoned, "refused": form.refused,
        "median_ms": form.median_ms,
        "slowest": slowest
            .map(|field| json!({"field": field.field, "median_ms": field.median_ms, "times": field.visits}))
            .collect::<Vec<_>>(),
        "errors": errors
            .map(|error| json!({"field": error.field, "code": error.code, "times": error.visits}))
            .collect::<Vec<_>>(),
    })
}

/// Whether forms are watched.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Switch {
    on: bool,
}

/// `PUT /interactions`: `{"on": false}` switches it off.
pub(super) async fn switch(by: Administrator, Body(switch): Body<Switch>) -> Result<StatusCode, Failure> {
    by.tenant.engine.watch_forms(by.actor(), switch.on).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /interactions`: everything that was recorded.
pub(super) async fn delete(by: Administrator) -> Result<StatusCode, Failure> {
    by.tenant.engine.delete_interactions(by.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}
