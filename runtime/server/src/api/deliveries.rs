//! What left the house, or could not: for administrators, who look at the reason and send it again.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use mortise_engine::DeliveryState;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::body::{Body, json as json_answer};
use crate::Failure;
use crate::context::Administrator;

/// Deliveries of one answer unless asked otherwise.
const DELIVERIES: i64 = 50;

/// Which deliveries.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    state: Option<String>,
    channel: Option<String>,
    before: Option<Uuid>,
    limit: Option<i64>,
}

/// A state by its name; empty is any.
pub fn state(name: &str) -> Result<Option<DeliveryState>, Failure> {
    if name.is_empty() {
        return Ok(None);
    }
    let found = DeliveryState::ALL.into_iter().find(|state| state.name() == name);
    let wrong = || {
        let failure = Failure::bad_request("http.parameter").with("name", "state");
        failure
            .with("value", name.chars().take(60).collect::<String>())
            .with("allowed", "waiting, sent, dead")
    };
    found.map(Some).ok_or_else(wrong)
}

/// `GET /deliveries?state=&channel=&before=&limit=`: newest first; go on with `before` = id of the last one.
pub(super) async fn list(by: Administrator, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let engine = &by.tenant.engine;
    let which = (state(asked.state.as_deref().unwrap_or_default())?, asked.channel.as_deref());
    let limit = asked.limit.unwrap_or(DELIVERIES);
    let rows = engine.deliveries(by.actor(), which, asked.before, limit).await?;
    let [waiting, sent, dead] = engine.delivery_counts(by.actor()).await?;
    let counts = json!({ "waiting": waiting, "sent": sent, "dead": dead });
    Ok(json_answer(&json!({ "rows": rows, "counts": counts })))
}

/// `POST /deliveries/{id}/retry`: sends one once more.
pub(super) async fn retry(by: Administrator, Path(id): Path<Uuid>) -> Result<StatusCode, Failure> {
    by.tenant.engine.send_again(by.actor(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Of which channel.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Channel {
    channel: String,
}

/// `POST /deliveries/retry`: sends all of a channel once more that were not taken.
pub(super) async fn retry_all(by: Administrator, Body(of): Body<Channel>) -> Result<Response, Failure> {
    let count = by.tenant.engine.send_all_again(by.actor(), &of.channel).await?;
    Ok(json_answer(&json!({ "count": count })))
}
