//! Where somebody is signed in: everybody sees and ends their own sessions, administrators those of all. Tokens are
//! elsewhere. A session is named by the beginning of its hash, which opens nothing.

use std::collections::HashSet;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use mortise_store::control::Session;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::body::json;
use crate::context::{Administrator, Via};
use crate::{AppState, Failure, SignedIn, auth};

/// Digits of a hash that name a session: nobody has so many sessions that two would be alike.
const NAME_DIGITS: usize = 16;

/// A session without its secret.
#[derive(Debug, Clone, Serialize)]
pub struct SessionView {
    /// Name of the session.
    pub id: String,
    /// When the person signed in.
    pub created_at: DateTime<Utc>,
    /// When it ends unless used.
    pub expires_at: DateTime<Utc>,
    /// Address of the sign-in.
    pub ip: Option<String>,
    /// What the browser said about itself.
    pub device: Option<String>,
    /// The session of this request.
    pub current: bool,
}

fn name(session: &Session) -> &str {
    session.hash.get(..NAME_DIGITS).unwrap_or(&session.hash)
}

/// Hash of the session that a request is made in; none for tokens.
fn current(by: &SignedIn) -> Option<String> {
    match &by.person().via {
        Via::Session { hash } => Some(auth::hex(hash)),
        _ => None,
    }
}

async fn rows(state: &AppState, by: &SignedIn, user: Uuid) -> Result<Vec<Session>, Failure> {
    Ok(state.control.sessions(by.tenant.record.id, user, state.now()).await?)
}

/// Sessions of a person, newest first.
pub async fn of(state: &AppState, by: &SignedIn, user: Uuid) -> Result<Vec<SessionView>, Failure> {
    let current = current(by);
    let view = |session: Session| SessionView {
        id: name(&session).to_owned(),
        current: current.as_ref() == Some(&session.hash),
        created_at: session.created_at,
        expires_at: session.expires_at,
        ip: session.ip,
        device: session.device,
    };
    Ok(rows(state, by, user).await?.into_iter().map(view).collect())
}

/// Ends sessions of a person: the named one, or all but that of this request. How many ended.
pub async fn end(state: &AppState, by: &SignedIn, user: Uuid, id: Option<&str>) -> Result<usize, Failure> {
    let current = current(by);
    let ends = |session: &Session| match id {
        Some(id) => name(session) == id,
        None => current.as_ref() != Some(&session.hash),
    };
    let ended: HashSet<String> =
        rows(state, by, user).await?.into_iter().filter(ends).map(|session| session.hash).collect();
    for hash in &ended {
        state.control.delete_session(hash).await?;
    }
    state.sign_ins.forget_user(user);
    if !ended.is_empty() {
        super::note(by, "sessions_ended", json!({"user": user, "count": ended.len()})).await?;
    }
    Ok(ended.len())
}

/// `GET /sessions`: the own ones.
pub(super) async fn list(State(state): State<AppState>, by: SignedIn) -> Result<Response, Failure> {
    Ok(json(&json!({"rows": of(&state, &by, by.user().id).await?})))
}

/// `DELETE /sessions`: all own ones but this.
pub(super) async fn end_others(State(state): State<AppState>, by: SignedIn) -> Result<StatusCode, Failure> {
    end(&state, &by, by.user().id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /sessions/{id}`: one of the own.
pub(super) async fn end_one(
    State(state): State<AppState>,
    by: SignedIn,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    match end(&state, &by, by.user().id, Some(&id)).await? {
        0 => Err(Failure::not_found("session.not_found")),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// `GET /users/{id}/sessions`.
pub(super) async fn list_of(
    State(state): State<AppState>,
    by: Administrator,
    Path(user): Path<Uuid>,
) -> Result<Response, Failure> {
    known(&by, user)?;
    Ok(json(&json!({"rows": of(&state, &by, user).await?})))
}

/// `DELETE /users/{id}/sessions`: the person is signed out everywhere.
pub(super) async fn end_of(
    State(state): State<AppState>,
    by: Administrator,
    Path(user): Path<Uuid>,
) -> Result<StatusCode, Failure> {
    known(&by, user)?;
    end(&state, &by, user, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn known(by: &SignedIn, user: Uuid) -> Result<(), Failure> {
    let found = by.tenant.engine.directory().user(user).map(|_| ());
    found.ok_or_else(|| Failure::not_found("user.not_found"))
}
