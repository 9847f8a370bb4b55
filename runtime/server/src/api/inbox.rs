//! The inbox of whoever asks: what they were told, and marking it as read. Nobody reads somebody else's.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::body::{Body, json as json_answer};
use crate::{Failure, SignedIn};

/// Messages of one answer unless asked otherwise.
const MESSAGES: i64 = 50;

/// Which messages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    unread: bool,
    before: Option<Uuid>,
    limit: Option<i64>,
}

/// `GET /inbox?unread=&before=&limit=`: newest first; go on with `before` = id of the last one.
pub(super) async fn list(by: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let engine = &by.tenant.engine;
    let limit = asked.limit.unwrap_or(MESSAGES);
    let rows = engine.inbox(by.actor(), asked.unread, asked.before, limit).await?;
    Ok(json_answer(&json!({ "rows": rows, "unread": engine.unread(by.actor()).await? })))
}

/// What is to be marked: these messages, or all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Read {
    ids: Option<Vec<Uuid>>,
}

/// `POST /inbox/read`: `{"ids": […]}`, or `{}` for all.
pub(super) async fn mark(by: SignedIn, Body(read): Body<Read>) -> Result<StatusCode, Failure> {
    by.tenant.engine.mark_read(by.actor(), read.ids).await?;
    Ok(StatusCode::NO_CONTENT)
}
