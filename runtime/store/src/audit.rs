//! The audit trail: who did what, when and from where, as a chain of hashes (PLAT-19).
//! Each entry's hash covers the hash before it, so that no entry can be changed, removed or put in between unnoticed.
//! Entries are only ever added, by the writer, in the transaction of the change they tell of.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::Result;
use crate::exec::{Naming, Param, Row, Tx};
use mortise_expr::Type;

/// What is written about one change.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// Which user; none for the system itself.
    pub actor: Option<Uuid>,
    /// What: `record.created`, `session.opened` …
    pub action: String,
    /// Key of the entity (`app.entity`), for records.
    pub entity: Option<String>,
    /// The record.
    pub record: Option<Uuid>,
    /// Version of the record after the change.
    pub version: Option<i64>,
    /// By which door: page, api, import, cli, system.
    pub channel: String,
    /// Address of the client.
    pub ip: Option<String>,
    /// Browser or program of the client.
    pub device: Option<String>,
    /// The change itself as JSON text: `{"field": [old, new]}` for records.
    pub changes: String,
}

/// An entry as it was stored.
#[derive(Debug, Clone)]
pub struct StoredEntry {
    /// Position in the chain, from 1.
    pub seq: i64,
    /// The entry.
    pub entry: AuditEntry,
    /// Its hash.
    pub hash: Vec<u8>,
}

/// The end of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Position of the last entry; 0 before the first.
    pub seq: i64,
    /// Its hash.
    pub hash: [u8; 32],
}

impl Head {
    /// The end of an empty chain.
    pub const START: Head = Head { seq: 0, hash: [0; 32] };

    /// The head after this entry.
    pub fn next(&self, entry: &AuditEntry) -> Head {
        let seq = self.seq + 1;
        Head { seq, hash: digest(&self.hash, seq, entry) }
    }
}

/// SHA-256 over the hash before, the position and every column, each preceded by its length.
fn digest(before: &[u8; 32], seq: i64, entry: &AuditEntry) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(before);
    hasher.update(seq.to_be_bytes());
    hasher.update(entry.at.timestamp_micros().to_be_bytes());
    let mut part = |bytes: Option<&[u8]>| match bytes {
        Some(bytes) => {
            hasher.update((bytes.len() as u64 + 1).to_be_bytes());
            hasher.update(bytes);
        }
        None => hasher.update(0u64.to_be_bytes()),
    };
    part(entry.actor.as_ref().map(|id| id.as_bytes().as_slice()));
    part(Some(entry.action.as_bytes()));
    part(entry.entity.as_ref().map(|text| text.as_bytes()));
    part(entry.record.as_ref().map(|id| id.as_bytes().as_slice()));
    part(entry.version.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
    part(Some(entry.channel.as_bytes()));
    part(entry.ip.as_ref().map(|text| text.as_bytes()));
    part(entry.device.as_ref().map(|text| text.as_bytes()));
    part(Some(entry.changes.as_bytes()));
    hasher.finalize().into()
}

/// Columns of the audit table in the order of [`read_entry`].
pub(crate) const COLUMNS: &str =
    "seq, at, actor, action, entity, record, version, channel, ip, device, changes, hash";

/// Reads an entry from a row that selects [`COLUMNS`].
pub(crate) fn read_entry(row: &dyn Row) -> Result<StoredEntry> {
    let at = match row.value(1, &Type::DateTime)? {
        mortise_expr::Value::DateTime(at) => at,
        _ => DateTime::default(),
    };
    Ok(StoredEntry {
        seq: row.int(0)?.unwrap_or_default(),
        entry: AuditEntry {
            at,
            actor: row.id(2)?,
            action: row.text(3)?.unwrap_or_default(),
            entity: row.text(4)?,
            record: row.id(5)?,
            version: row.int(6)?,
            channel: row.text(7)?.unwrap_or_default(),
            ip: row.text(8)?,
            device: row.text(9)?,
            changes: row.text(10)?.unwrap_or_default(),
        },
        hash: row.bytes(11)?.unwrap_or_default(),
    })
}

/// Rows of one statement; PostgreSQL allows 65 535 parameters, 12 of them per entry.
const ROWS_MAX: usize = 500;

/// Appends entries to the chain and moves its head.
pub(crate) fn append(tx: &mut dyn Tx, naming: &Naming, head: Head, entries: &[AuditEntry]) -> Result<Head> {
    let mut last = head;
    let mut insert = Insert::new(naming, "_audit", COLUMNS, 12);
    for chunk in entries.chunks(rows_per_statement(naming)) {
        let mut params = Vec::with_capacity(chunk.len() * 12);
        for entry in chunk {
            last = last.next(entry);
            params.extend([
                Param::BigInt(Some(last.seq)),
                Param::ChronoDateTimeUtc(Some(entry.at)),
                Param::Uuid(entry.actor),
                Param::String(Some(entry.action.clone())),
                Param::String(entry.entity.clone()),
                Param::Uuid(entry.record),
                Param::BigInt(entry.version),
                Param::String(Some(entry.channel.clone())),
                Param::String(entry.ip.clone()),
                Param::String(entry.device.clone()),
                Param::String(Some(entry.changes.clone())),
                Param::Bytes(Some(last.hash.to_vec())),
            ]);
        }
        tx.execute(insert.of(chunk.len()), &params)?;
    }
    if last.seq > head.seq {
        let sql = naming.sql(&format!("UPDATE {} SET seq = ?1, hash = ?2", naming.table("_audit_head")));
        tx.execute(&sql, &[Param::BigInt(Some(last.seq)), Param::Bytes(Some(last.hash.to_vec()))])?;
    }
    Ok(last)
}

/// SQLite gains nothing from many rows in a statement, PostgreSQL saves round trips.
pub(crate) fn rows_per_statement(naming: &Naming) -> usize {
    match naming.dialect {
        mortise_expr::Dialect::Sqlite => 1,
        mortise_expr::Dialect::Postgres => ROWS_MAX,
    }
}

/// `INSERT INTO table (columns) VALUES (?1, …), (…)`, put together once per number of rows.
pub(crate) struct Insert<'a> {
    naming: &'a Naming,
    table: &'a str,
    columns: &'a str,
    width: usize,
    made: (usize, String),
}

impl<'a> Insert<'a> {
    /// For rows of so many columns.
    pub(crate) fn new(naming: &'a Naming, table: &'a str, columns: &'a str, width: usize) -> Insert<'a> {
        Insert { naming, table, columns, width, made: (0, String::new()) }
    }

    /// The statement for so many rows.
    pub(crate) fn of(&mut self, rows: usize) -> &str {
        if self.made.0 != rows {
            let mut sql = format!("INSERT INTO {} ({}) VALUES ", self.naming.table(self.table), self.columns);
            for row in 0..rows {
                sql.push_str(if row == 0 { "(" } else { ", (" });
                for column in 1..=self.width {
                    if column > 1 {
                        sql.push_str(", ");
                    }
                    sql.push_str(&self.naming.placeholder(row * self.width + column));
                }
                sql.push(')');
            }
            self.made = (rows, sql);
        }
        &self.made.1
    }
}

/// What [`crate::TenantStore::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// Entries checked.
    pub entries: i64,
    /// First entry that does not fit, with the reason.
    pub broken: Option<(i64, String)>,
}

/// Checks entries in order against the chain.
pub(crate) struct Verifier {
    head: Head,
    broken: Option<(i64, String)>,
}

impl Verifier {
    pub(crate) fn new() -> Self {
        Verifier { head: Head::START, broken: None }
    }

    pub(crate) fn check(&mut self, stored: &StoredEntry) {
        if self.broken.is_some() {
            return;
        }
        let expected = self.head.next(&stored.entry);
        if stored.seq != expected.seq {
            self.broken = Some((expected.seq, format!("entry {} is missing", expected.seq)));
        } else if stored.hash != expected.hash {
            self.changed(stored.seq);
        } else {
            self.head = expected;
        }
    }

    /// Notes an entry that is not what it was.
    pub(crate) fn changed(&mut self, seq: i64) {
        if self.broken.is_none() {
            self.broken = Some((seq, format!("entry {seq} was changed")));
        }
    }

    pub(crate) fn finish(mut self, head: Head) -> Verified {
        if self.broken.is_none() && head != self.head {
            let last = self.head.seq;
            self.broken = Some((last + 1, format!("the trail ends at {last}, its head says {}", head.seq)));
        }
        Verified { entries: self.head.seq, broken: self.broken }
    }
}
