//! Where connectors lead: addresses and secrets go in, and of secrets nothing comes out, but for one that was made here,
//! which is told once.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mortise_definition::source::ConnectorKind;
use mortise_engine::{EMAIL, EndpointInput, EndpointView, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Body, json as json_answer};
use crate::context::Administrator;
use crate::{AppState, Failure, SignedIn};

/// Bytes of a secret that is made here: as long as the digest of its signatures.
const SECRET_BYTES: usize = 32;

/// Address at which another system calls a connector.
pub fn hook(state: &AppState, by: &SignedIn, key: &str) -> String {
    let server = state.config.serving.public_url.as_deref().unwrap_or_default();
    format!("{}{}", server.trim_end_matches('/'), by.base.path(&format!("/hooks/{key}")))
}

/// All connectors.
pub async fn all(by: &SignedIn) -> Result<Vec<EndpointView>, Failure> {
    Ok(by.tenant.engine.endpoints(by.actor()).await?)
}

/// A secret that nobody has yet.
pub fn make_secret() -> Result<String, Failure> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(Failure::internal)?;
    Ok(format!("whsec_{}", BASE64_STANDARD.encode(bytes)))
}

/// Makes a secret for a connector; it is shown this once.
pub async fn new_secret(by: &SignedIn, key: &str) -> Result<String, Failure> {
    let secret = make_secret()?;
    let input = EndpointInput { secret: Some(secret.clone()), ..EndpointInput::default() };
    by.tenant.engine.set_endpoint(by.actor(), key, input).await?;
    Ok(secret)
}

/// Sends a test message; an e-mail goes to `to`, or to whoever asks.
pub async fn try_out(state: &AppState, by: &SignedIn, key: &str, to: Option<&str>) -> Result<(), Failure> {
    let words = |name: &str| {
        let key = format!("ui.connectors.{name}");
        mortise_definition::locale::translate(by.language, &key, &[("name", &by.user().name)])
    };
    let own = by.tenant.engine.directory().user(by.user().id).and_then(|user| user.email.clone());
    let to = to.filter(|to| !to.is_empty()).map(str::to_owned).or(own).unwrap_or_default();
    let (title, body) = (words("test_title"), words("test_body"));
    let payload = match key {
        EMAIL => json!({ "name": "", "subject": title, "text": body, "language": by.language }),
        _ => json!({ "title": title, "body": body, "test": true }),
    };
    let outcome = by.tenant.engine.try_channel(by.actor(), key, (&to, payload), &*state.courier).await?;
    outcome.map_err(refused)
}

/// A refusal as a failure of the request that caused it.
fn refused(refusal: Refusal) -> Failure {
    let failure = Failure::new(StatusCode::UNPROCESSABLE_ENTITY, refusal.issue.code);
    refusal.issue.args.into_iter().fold(failure, |failure, (name, value)| failure.with(name, value))
}

fn view(state: &AppState, by: &SignedIn, view: &EndpointView) -> Value {
    let mut shown = json!(view);
    if view.kind == Some(ConnectorKind::Inbound) {
        shown["hook"] = hook(state, by, &view.key).into();
    }
    shown
}

/// `GET /connectors`.
pub(super) async fn list(State(state): State<AppState>, by: Administrator) -> Result<Response, Failure> {
    let rows: Vec<Value> = all(&by).await?.iter().map(|one| view(&state, &by, one)).collect();
    Ok(json_answer(&json!({ "rows": rows })))
}

/// `PUT /connectors/{key}`: what is absent stays as it is.
pub(super) async fn put(
    by: Administrator,
    Path(key): Path<String>,
    Body(input): Body<EndpointInput>,
) -> Result<StatusCode, Failure> {
    by.tenant.engine.set_endpoint(by.actor(), &key, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /connectors/{key}`: nothing leads there any more.
pub(super) async fn delete(by: Administrator, Path(key): Path<String>) -> Result<StatusCode, Failure> {
    by.tenant.engine.remove_endpoint(by.actor(), &key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /connectors/{key}/secret`: makes a secret and tells it this once.
pub(super) async fn secret(by: Administrator, Path(key): Path<String>) -> Result<Response, Failure> {
    Ok(json_answer(&json!({ "secret": new_secret(&by, &key).await? })))
}

/// Who gets a test by e-mail.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Test {
    to: Option<String>,
}

/// `POST /connectors/{key}/test`: sends a message right away; 422 with the reason when it was not taken.
pub(super) async fn test(
    State(state): State<AppState>,
    by: Administrator,
    Path(key): Path<String>,
    Body(test): Body<Test>,
) -> Result<StatusCode, Failure> {
    try_out(&state, &by, &key, test.to.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
