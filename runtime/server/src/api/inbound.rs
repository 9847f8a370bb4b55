//! Signed calls of other systems: `POST /hooks/{app}.{connector}` by the scheme of Standard Webhooks. Whoever calls is
//! known by the signature alone; cookies and tokens mean nothing here.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chrono::{DateTime, TimeDelta, Utc};
use mortise_engine::connect::SignedCall;
use parking_lot::Mutex;
use serde_json::json;
use uuid::Uuid;

use super::body::Raw;
use crate::config::CALL_LIMIT_BYTES;
use crate::{AppState, Ctx, Failure};

/// Calls of a connector that may come at once: a day's worth of a form that was held back.
const BURST: f64 = 300.0;
/// Calls of a connector per second in the long run.
const PER_SECOND: f64 = 20.0;

/// How many calls came lately, by tenant and connector. Only connectors that there are get an entry.
#[derive(Default)]
pub struct Calls(Mutex<HashMap<(Uuid, String), Bucket>>);

struct Bucket {
    left: f64,
    at: DateTime<Utc>,
}

impl Calls {
    /// Counts a call; seconds to wait when there were too many.
    fn count(&self, tenant: Uuid, connector: &str, now: DateTime<Utc>) -> Result<(), u64> {
        let mut buckets = self.0.lock();
        let full = Bucket { left: BURST, at: now };
        let bucket = buckets.entry((tenant, connector.to_owned())).or_insert(full);
        let passed = (now - bucket.at).max(TimeDelta::zero()).as_seconds_f64();
        bucket.left = (bucket.left + passed * PER_SECOND).min(BURST);
        bucket.at = now.max(bucket.at);
        if bucket.left < 1.0 {
            return Err(1);
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

/// The door for calls.
pub fn router() -> Router<AppState> {
    Router::new().route("/hooks/{connector}", post(receive)).layer(DefaultBodyLimit::max(CALL_LIMIT_BYTES))
}

/// `POST /hooks/{connector}`: 201 for a new record, 200 for one that was there or a call that came before.
async fn receive(
    State(state): State<AppState>,
    context: Ctx,
    Path(connector): Path<String>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Response, Failure> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signed = SignedCall {
        id: text("webhook-id").unwrap_or_default(),
        timestamp: text("webhook-timestamp").unwrap_or_default(),
        signature: text("webhook-signature").unwrap_or_default(),
        body: &body,
        ip: context.ip,
        user_agent: context.device.as_deref(),
        languages: text(header::ACCEPT_LANGUAGE.as_str()),
    };
    let engine = &context.tenant.engine;
    let call = engine.check_call(&connector, &signed).await.map_err(unproven)?;
    let counted = state.calls.count(context.tenant.record.id, &connector, state.now());
    counted.map_err(|seconds| {
        Failure::new(StatusCode::TOO_MANY_REQUESTS, "connector.too_many").retry_after(seconds)
    })?;
    let received = engine.receive(call).await.map_err(untaken)?;
    let status = if received.known || received.repeated { StatusCode::OK } else { StatusCode::CREATED };
    let answer = json!({
        "entity": received.entity, "record": received.record, "attached": received.attached,
        "known": received.known, "repeated": received.repeated,
    });
    Ok((status, super::body::json(&answer)).into_response())
}

/// A call without a good signature comes from nobody.
fn unproven(error: mortise_engine::Error) -> Failure {
    let failure = Failure::from(error);
    match failure.code() {
        "connector.signature" | "connector.call_id" | "connector.call_time" => {
            failure.with_status(StatusCode::UNAUTHORIZED)
        }
        _ => failure,
    }
}

/// A call that was understood but cannot be taken is kept; the sender need not send it again.
fn untaken(error: mortise_engine::Error) -> Failure {
    let failure = Failure::from(error);
    match failure.status() {
        StatusCode::BAD_REQUEST | StatusCode::CONFLICT | StatusCode::FORBIDDEN => {
            failure.with_status(StatusCode::UNPROCESSABLE_ENTITY)
        }
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_taken_in_bursts_but_not_without_end() {
        let calls = Calls::default();
        let (tenant, start) = (Uuid::nil(), DateTime::UNIX_EPOCH);
        let taken = |name: &str, at| (0..1_000).filter(|_| calls.count(tenant, name, at).is_ok()).count();
        assert_eq!(taken("a", start), 300);
        assert_eq!(taken("a", start + TimeDelta::seconds(2)), 40);
        assert_eq!(taken("b", start), 300);
        assert_eq!(taken("a", start), 0, "a clock that was put back gives nothing away");
    }
}
