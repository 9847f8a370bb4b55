//! Signatures by hand: who signed, when, and what. What was signed is kept as a hash of everything that people had filled in, so
//! that it can be told later whether it is still the same. Written in the transaction that binds the signature to its record.

use chrono::{DateTime, Utc};
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Slot};
use mortise_definition::source::Operation;
use mortise_expr::{Type, Value};
use mortise_store::{Param, Row, Session};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::commands::{Work, audit_entry};
use crate::error::Error;
use crate::people::Actor;
use crate::records::Record;
use crate::tenant::Tenant;
use crate::values;

/// A signature on a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The field that holds it.
    pub slot: Slot,
    /// The picture.
    pub file: Uuid,
    /// On whose account it was taken.
    pub person: Option<Uuid>,
    /// When.
    pub at: DateTime<Utc>,
    /// SHA-256 of what was signed, in hex; none for somebody who does not see all of it, who might guess the rest by it.
    pub hash: Option<String>,
    /// Whether the record still says what was signed.
    pub unchanged: bool,
}

/// The hash of what people have filled in: fields that are empty do not count, so that a field that an app gets later changes
/// nothing. Signatures are not what is signed.
pub(crate) fn content_hash(entity: &EntityModel, values: &[Value]) -> String {
    let filled = signed(entity).filter(|field| !values[field.slot].is_null());
    let mut lines: Vec<String> =
        filled.map(|field| format!("{}\u{1f}{}\n", field.id, values::to_json(&values[field.slot]))).collect();
    lines.sort_unstable();
    let digest = Sha256::digest(lines.concat().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The fields that are signed.
fn signed(entity: &EntityModel) -> impl Iterator<Item = &FieldModel> {
    entity.declared().iter().filter(|field| field.writable() && field.stored() && !is_signature(field))
}

fn is_signature(field: &FieldModel) -> bool {
    matches!(field.kind, FieldKind::File { signature: true, .. })
}

/// Writes down a signature that a record has got, with what the record says then. One that is known stays as it is.
pub(crate) fn note(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    record: Uuid,
    (field, file): (&FieldModel, Uuid),
    values: &[Value],
) -> Result<(), Error> {
    if !is_signature(field) {
        return Ok(());
    }
    let table = session.naming.table("_signature");
    let find = session.naming.sql(&format!("SELECT file FROM {table} WHERE file = ?1"));
    if !session.query(&find, &[file.into()], |row| row.id(0))?.is_empty() {
        return Ok(());
    }
    let hash = content_hash(entity, values);
    let put = session.naming.sql(&format!(
        "INSERT INTO {table} (file, entity, record, field, person, at, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
    ));
    let params: [Param; 7] = [
        file.into(),
        entity.key.as_str().into(),
        record.into(),
        field.id.as_str().into(),
        Param::Uuid(work.actor.id()),
        work.now.into(),
        hash.as_str().into(),
    ];
    session.execute(&put, &params)?;
    let details = serde_json::json!({
        "entity": entity.key, "record": record, "field": field.id, "file": file, "hash": hash,
    });
    session.audit(audit_entry(work, "record.signed", details.to_string()));
    Ok(())
}

impl Tenant {
    /// The signatures that a record has now, in fields that the person may see.
    pub async fn signatures(
        &self,
        actor: &Actor,
        entity: &str,
        record: &Record,
    ) -> Result<Vec<Signature>, Error> {
        let work = self.work(actor);
        let entity = work.entity(entity)?;
        work.access(entity).demand(Operation::Read, entity)?;
        let sees = |field: &&FieldModel| work.access(entity).sees(field.slot) && record.shows(field.slot);
        let fields: Vec<&FieldModel> =
            entity.declared().iter().filter(|field| is_signature(field)).filter(sees).collect();
        if fields.iter().all(|field| record.values[field.slot].is_null()) {
            return Ok(Vec::new());
        }
        let naming = self.store.naming();
        let sql = naming.sql(&format!(
            "SELECT file, person, at, hash FROM {} WHERE record = ?1",
            naming.table("_signature")
        ));
        let rows = self.store.fetch(&sql, &[record.id().into()], read).await?;
        // What the person may not see is not in the record either, so it is read anew for the hash.
        let now = match rows.is_empty() {
            true => String::new(),
            false => self.hash_now(&work, entity, record.id()).await?,
        };
        let whole = signed(entity).all(|field| sees(&field));
        let of = |field: &&FieldModel| {
            let file = record.values[field.slot].as_id()?;
            let (_, person, at, hash) = rows.iter().find(|row| row.0 == file)?.clone();
            let unchanged = hash == now;
            Some(Signature {
                slot: field.slot,
                file,
                person,
                at,
                unchanged,
                hash: Some(hash).filter(|_| whole),
            })
        };
        Ok(fields.iter().filter_map(of).collect())
    }

    async fn hash_now(&self, work: &Work, entity: &EntityModel, id: Uuid) -> Result<String, Error> {
        let table = &work.published.layout.tables[entity.index];
        let found = self.store.fetch(table.select(), &[id.into()], |row| table.record(row)).await?.pop();
        Ok(found.map_or_else(String::new, |values| content_hash(entity, &values)))
    }
}

type Found = (Uuid, Option<Uuid>, DateTime<Utc>, String);

fn read(row: &dyn Row) -> mortise_store::Result<Found> {
    let at = match row.value(2, &Type::DateTime)? {
        Value::DateTime(at) => at,
        _ => DateTime::default(),
    };
    Ok((row.id(0)?.unwrap_or_default(), row.id(1)?, at, row.text(3)?.unwrap_or_default()))
}
