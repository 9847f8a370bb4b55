//! The tenant's audit trail for administrators: who did what, when, from where, newest first.

use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::json as json_answer;
use crate::context::Administrator;
use crate::{Failure, auth};

/// Entries of one answer unless asked otherwise.
const ENTRIES: i64 = 100;

/// Which part of the trail.
#[derive(Deserialize)]
pub(super) struct Part {
    before: Option<i64>,
    limit: Option<i64>,
}

/// `GET /audit?before=&limit=`.
pub(super) async fn list(by: Administrator, Query(part): Query<Part>) -> Result<Response, Failure> {
    let entries = by.tenant.engine.trail(by.actor(), part.before, part.limit.unwrap_or(ENTRIES)).await?;
    let rows = entries.iter().map(|stored| {
        let entry = &stored.entry;
        json!({
            "seq": stored.seq,
            "at": entry.at,
            "actor": entry.actor,
            "action": entry.action,
            "entity": entry.entity,
            "record": entry.record,
            "version": entry.version,
            "channel": entry.channel,
            "ip": entry.ip,
            "device": entry.device,
            "changes": serde_json::from_str::<Value>(&entry.changes).unwrap_or_default(),
            "hash": stored.hash.as_slice().try_into().ok().map(auth::hex),
        })
    });
    Ok(json_answer(&json!({"rows": rows.collect::<Vec<_>>()})))
}
