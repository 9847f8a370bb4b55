//! Events: what happened, for the rules and workflows that follow; written in the transaction of the change.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::audit::{Insert, rows_per_statement};
use crate::error::Result;
use crate::exec::{Naming, Param, Tx};

/// One event.
#[derive(Debug, Clone)]
pub struct EventEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// `record.created`, `record.changed`, `record.deleted`, `record.restored` …
    pub kind: &'static str,
    /// Key of the entity.
    pub entity: String,
    /// The record.
    pub record: Uuid,
    /// Its version after the change.
    pub version: i64,
    /// Who did it.
    pub actor: Option<Uuid>,
}

const COLUMNS: &str = "at, kind, entity, record, version, actor";

/// Adds events to the outbox.
pub(crate) fn append(tx: &mut dyn Tx, naming: &Naming, events: &[EventEntry]) -> Result<()> {
    let mut insert = Insert::new(naming, "_event", COLUMNS, 6);
    for chunk in events.chunks(rows_per_statement(naming)) {
        let mut params = Vec::with_capacity(chunk.len() * 6);
        for event in chunk {
            params.extend([
                Param::ChronoDateTimeUtc(Some(event.at)),
                Param::String(Some(event.kind.to_owned())),
                Param::String(Some(event.entity.clone())),
                Param::Uuid(Some(event.record)),
                Param::BigInt(Some(event.version)),
                Param::Uuid(event.actor),
            ]);
        }
        tx.execute(insert.of(chunk.len()), &params)?;
    }
    Ok(())
}
