//! Events: what happened, for the rules and clocks that follow; written in the transaction of the change, read in the
//! order of the commits. Nothing is ever changed in an event.

use chrono::{DateTime, Utc};
use mortise_expr::{Type, Value};
use uuid::Uuid;

use crate::audit::{Insert, rows_per_statement};
use crate::error::Result;
use crate::exec::{Naming, Param, Row, Tx};
use crate::tenant::TenantStore;
use crate::writer::Session;

/// One event.
#[derive(Debug, Clone)]
pub struct EventEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// `record.created`, `record.changed`, `record.deleted`, `record.restored`, `record.transitioned`.
    pub kind: &'static str,
    /// Key of the entity.
    pub entity: String,
    /// The record.
    pub record: Uuid,
    /// Its version after the change.
    pub version: i64,
    /// Who did it.
    pub actor: Option<Uuid>,
    /// The event that this one follows from; none for what people do.
    pub cause: Option<i64>,
    /// Length of the chain of causes.
    pub depth: i32,
    /// Key of the rule, or of the clock's step, that did it.
    pub rule: Option<String>,
    /// Id of the transition that was taken.
    pub detail: Option<String>,
}

/// An event as it was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Position; later commits have higher ones, with gaps.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// What happened.
    pub kind: String,
    /// Key of the entity.
    pub entity: String,
    /// The record.
    pub record: Uuid,
    /// Its version after the change.
    pub version: i64,
    /// Who did it.
    pub actor: Option<Uuid>,
    /// The event that this one follows from.
    pub cause: Option<i64>,
    /// Length of the chain of causes.
    pub depth: i32,
    /// Key of the rule, or of the clock's step, that did it.
    pub rule: Option<String>,
    /// Id of the transition that was taken.
    pub detail: Option<String>,
    /// Number of its audit entry; none for events of before version 2.
    pub audit: Option<i64>,
    /// `{"field id": [old, new]}` of that entry.
    pub changes: Option<String>,
}

/// An event of a group with the position of its audit entry among those of the group.
pub(crate) type Paired = (EventEntry, Option<usize>);

const COLUMNS: &str = "at, kind, entity, record, version, actor, audit, cause, depth, rule, detail";
const WIDTH: usize = 11;

/// Adds events to the outbox. `before` is the number of the audit entry before those of the group.
pub(crate) fn append(tx: &mut dyn Tx, naming: &Naming, before: i64, events: &[Paired]) -> Result<()> {
    let mut insert = Insert::new(naming, "_event", COLUMNS, WIDTH);
    for chunk in events.chunks(rows_per_statement(naming)) {
        let mut params = Vec::with_capacity(chunk.len() * WIDTH);
        for (event, audit) in chunk {
            let audit = audit.and_then(|audit| i64::try_from(audit).ok()).map(|audit| before + 1 + audit);
            params.extend([
                Param::ChronoDateTimeUtc(Some(event.at)),
                Param::String(Some(event.kind.to_owned())),
                Param::String(Some(event.entity.clone())),
                Param::Uuid(Some(event.record)),
                Param::BigInt(Some(event.version)),
                Param::Uuid(event.actor),
                Param::BigInt(audit),
                Param::BigInt(event.cause),
                Param::BigInt(Some(event.depth.into())),
                Param::String(event.rule.clone()),
                Param::String(event.detail.clone()),
            ]);
        }
        tx.execute(insert.of(chunk.len()), &params)?;
    }
    Ok(())
}

impl TenantStore {
    /// Committed events after this position, oldest first.
    pub async fn events(&self, after: i64, limit: i64) -> Result<Vec<StoredEvent>> {
        self.fetch(&sql(self.naming()), &[after.into(), limit.into()], read).await
    }
}

impl Session<'_> {
    /// Events after this position, oldest first. Those of this transaction are not among them: they get their
    /// positions at its end.
    pub fn events(&mut self, after: i64, limit: i64) -> Result<Vec<StoredEvent>> {
        let sql = sql(self.naming);
        self.query(&sql, &[after.into(), limit.into()], read)
    }

    /// What changed in a record after an audit entry, oldest first: `{"field id": [old, new]}` each. What this transaction
    /// changed is among it, whichever write it was.
    pub fn changes_since(
        &mut self,
        entity: &str,
        record: Uuid,
        audit: i64,
        limit: i64,
    ) -> Result<Vec<String>> {
        // Between "record." and what comes after the dot lie all kinds of changes of records.
        let sql = self.naming.sql(&format!(
            "SELECT changes FROM {} WHERE record = ?1 AND seq > ?2 AND entity = ?3 \
             AND action >= 'record.' AND action < 'record/' ORDER BY seq LIMIT ?4",
            self.naming.table("_audit")
        ));
        let params = [record.into(), audit.into(), entity.into(), limit.into()];
        let mut found: Vec<String> =
            self.query(&sql, &params, |row| row.text(0))?.into_iter().flatten().collect();
        let own = self.added_audits().filter(|entry| {
            let same = entry.record == Some(record) && entry.entity.as_deref() == Some(entity);
            same && entry.action.starts_with("record.")
        });
        let own: Vec<String> = own.map(|entry| entry.changes.clone()).collect();
        found.extend(own);
        Ok(found)
    }
}

fn sql(naming: &Naming) -> String {
    naming.sql(&format!(
        "SELECT e.seq, e.at, e.kind, e.entity, e.record, e.version, e.actor, e.cause, e.depth, e.rule, e.detail, \
         e.audit, a.changes FROM {} e LEFT JOIN {} a ON a.seq = e.audit WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2",
        naming.table("_event"),
        naming.table("_audit")
    ))
}

fn read(row: &dyn Row) -> Result<StoredEvent> {
    let at = match row.value(1, &Type::DateTime)? {
        Value::DateTime(at) => at,
        _ => DateTime::default(),
    };
    Ok(StoredEvent {
        seq: row.int(0)?.unwrap_or_default(),
        at,
        kind: row.text(2)?.unwrap_or_default(),
        entity: row.text(3)?.unwrap_or_default(),
        record: row.id(4)?.unwrap_or_default(),
        version: row.int(5)?.unwrap_or_default(),
        actor: row.id(6)?,
        cause: row.int(7)?,
        depth: row.int(8)?.and_then(|depth| i32::try_from(depth).ok()).unwrap_or_default(),
        rule: row.text(9)?,
        detail: row.text(10)?,
        audit: row.int(11)?,
        changes: row.text(12)?,
    })
}
