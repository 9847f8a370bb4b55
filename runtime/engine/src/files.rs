//! Files: contents in the object store, name and place in the tenant's database. A file that belongs to a record is
//! seen by those who see that field of the record; one that is not bound yet, only by who uploaded it.

use std::ops::Range;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt};
use mortise_definition::source::Operation;
use mortise_expr::{Type, Value};
use mortise_store::{Files, Param, PutError, TenantStore};
use serde::Serialize;
use uuid::Uuid;

use crate::commands::Work;
use crate::error::Error;
use crate::people::Actor;
use crate::photos::{self, PhotoFacts};
use crate::records;
use crate::tenant::Tenant;
use crate::values::Issue;

/// Largest upload in bytes unless the operator says otherwise; fields may ask for less. Photos of phones have up to
/// 15 MB, films are not meant to be sent.
pub const FILE_BYTES_MAX: u64 = 100 * 1024 * 1024;

/// Longest name or media type of a file in characters; the rest is cut off.
const SAID_MAX: usize = 200;

/// What is known of a file.
#[derive(Debug, Clone, Serialize)]
pub struct FileInfo {
    /// Id.
    pub id: Uuid,
    /// Name it was uploaded with.
    pub name: String,
    /// Media type as the sender says.
    pub content_type: String,
    /// Bytes.
    pub size: i64,
    /// SHA-256, hex.
    pub sha256: String,
    /// When it was uploaded.
    pub at: DateTime<Utc>,
    /// Record that it is bound to.
    pub record: Option<Uuid>,
    /// Nobody sent it: a rule made it, such as a report.
    #[serde(skip)]
    pub made_here: bool,
}

impl Tenant {
    /// Stores an uploaded file under an id that the sender made, so that it can be sent again when the answer got lost.
    pub async fn put_file_as<S>(
        &self,
        actor: &Actor,
        id: Uuid,
        (name, kind): (&str, &str),
        bytes: S,
    ) -> Result<FileInfo, Error>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Unpin,
    {
        put(&self.work(actor), &self.store, &self.files, Some(id), (name, kind), bytes).await
    }
}

/// Stores what a stream brings, under a new id or the one that the sender made for it.
pub(crate) async fn put<S>(
    work: &Work,
    store: &TenantStore,
    files: &Files,
    id: Option<Uuid>,
    said: (&str, &str),
    bytes: S,
) -> Result<FileInfo, Error>
where
    S: Stream<Item = std::io::Result<Bytes>> + Unpin,
{
    put_with(work, store, files, id, said, bytes, None).await
}

/// The same with what is known of it as a photo.
pub(crate) async fn put_with<S>(
    work: &Work,
    store: &TenantStore,
    files: &Files,
    id: Option<Uuid>,
    (name, kind): (&str, &str),
    bytes: S,
    photo: Option<&PhotoFacts>,
) -> Result<FileInfo, Error>
where
    S: Stream<Item = std::io::Result<Bytes>> + Unpin,
{
    // Where contents wait is named anew each time: the same file may be on its way twice.
    let upload = work.env.id();
    let stored = files.put(upload, bytes).await.map_err(|error| match error {
        PutError::TooLarge(limit) => Error::TooLarge(limit),
        PutError::Sender(reason) => Error::BadRequest(Issue::new("http.body_cut").with("reason", reason)),
        PutError::Store(error) => Error::Store(error),
    })?;
    let info = FileInfo {
        id: id.unwrap_or(upload),
        name: clean(name, "file"),
        content_type: clean(kind, "application/octet-stream"),
        size: i64::try_from(stored.size).unwrap_or(i64::MAX),
        sha256: stored.sha256,
        at: work.now,
        record: None,
        made_here: false,
    };
    match insert(work, store, &info, photo).await {
        Ok(()) => Ok(info),
        Err(Error::Store(mortise_store::Error::Unique(_))) => sent_before(work, store, info).await,
        Err(error) => Err(error),
    }
}

async fn insert(
    work: &Work,
    store: &TenantStore,
    info: &FileInfo,
    photo: Option<&PhotoFacts>,
) -> Result<(), Error> {
    let row = info.clone();
    let actor = work.actor.id();
    let mut details =
        serde_json::json!({ "file": row.id, "name": row.name, "sha256": row.sha256, "size": row.size });
    if let Some(photo) = photo {
        details["original"] = serde_json::json!(photo.hash);
        if photo.used_before > 0 {
            details["used_before"] = serde_json::json!(photo.used_before);
        }
    }
    let entry = crate::commands::audit_entry(work, "file.uploaded", details.to_string());
    let (photo, work) = (photo.cloned(), work.clone());
    store
        .write::<_, Error, _>(move |session| {
            let sql = session.naming.sql(&format!(
                "INSERT INTO {} (id, sha256, name, type, size, at, actor) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                session.naming.table("_file")
            ));
            let params: [Param; 7] = [
                row.id.into(),
                row.sha256.into(),
                row.name.into(),
                row.content_type.into(),
                row.size.into(),
                row.at.into(),
                Param::Uuid(actor),
            ];
            session.execute(&sql, &params)?;
            if let Some(photo) = &photo {
                photos::note(&work, session, row.id, photo)?;
            }
            session.audit(entry);
            Ok(())
        })
        .await
}

/// The id is taken: by the same file of the same person, who did not hear the answer, or by something else.
async fn sent_before(work: &Work, store: &TenantStore, info: FileInfo) -> Result<FileInfo, Error> {
    let naming = store.naming();
    let sql = naming.sql(&format!("SELECT sha256, actor FROM {} WHERE id = ?1", naming.table("_file")));
    let found = store.fetch(&sql, &[info.id.into()], |row| Ok((row.text(0)?, row.id(1)?))).await?.pop();
    let same = found == Some((Some(info.sha256.clone()), work.actor.id()));
    if same { Ok(info) } else { Err(Error::field("id", Issue::new("record.exists"))) }
}

/// What a sender says, without invisible characters and of bounded length.
fn clean(text: &str, otherwise: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).take(SAID_MAX).collect();
    if text.trim().is_empty() { otherwise.to_owned() } else { text }
}

pub(crate) async fn get(
    work: &Work,
    store: &TenantStore,
    files: &Files,
    id: Uuid,
) -> Result<(FileInfo, Contents), Error> {
    let found = find(work, store, &[id]).await?.pop();
    let info = found.ok_or_else(|| Error::NotFound(Issue::new("file.not_found")))?;
    let contents = Contents { files: files.clone(), sha256: info.sha256.clone() };
    Ok((info, contents))
}

/// The contents of a file that the person may see; read when asked for.
#[derive(Debug, Clone)]
pub struct Contents {
    files: Files,
    sha256: String,
}

impl Contents {
    /// All bytes at once; for what is known to be small.
    pub async fn bytes(&self) -> Result<Bytes, Error> {
        Ok(self.files.get(&self.sha256).await?)
    }

    /// These bytes, a piece at a time.
    pub async fn read(&self, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        Ok(self.files.read(&self.sha256, range).await?.map_err(Error::from).boxed())
    }
}

struct Row {
    info: FileInfo,
    actor: Option<Uuid>,
    entity: Option<String>,
    field: Option<String>,
}

/// What is known of these files, as far as the person may see them.
pub(crate) async fn find(work: &Work, store: &TenantStore, ids: &[Uuid]) -> Result<Vec<FileInfo>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let naming = store.naming();
    let sql = format!(
        "SELECT id, name, type, size, sha256, at, actor, entity, record, field FROM {} WHERE id IN ({})",
        naming.table("_file"),
        naming.placeholders(ids.len())
    );
    let params: Vec<Param> = ids.iter().map(|&id| id.into()).collect();
    let rows = store.fetch(&sql, &params, read_row).await?;
    let mut infos = Vec::with_capacity(rows.len());
    for row in rows {
        if visible(work, store, &row).await? {
            infos.push(row.info);
        }
    }
    Ok(infos)
}

fn read_row(row: &dyn mortise_store::Row) -> mortise_store::Result<Row> {
    let at = match row.value(5, &Type::DateTime)? {
        Value::DateTime(at) => at,
        _ => DateTime::default(),
    };
    Ok(Row {
        info: FileInfo {
            id: row.id(0)?.unwrap_or_default(),
            name: row.text(1)?.unwrap_or_default(),
            content_type: row.text(2)?.unwrap_or_default(),
            size: row.int(3)?.unwrap_or_default(),
            sha256: row.text(4)?.unwrap_or_default(),
            at,
            record: row.id(8)?,
            made_here: row.id(6)?.is_none(),
        },
        actor: row.id(6)?,
        entity: row.text(7)?,
        field: row.text(9)?,
    })
}

async fn visible(work: &Work, store: &TenantStore, row: &Row) -> Result<bool, Error> {
    let (Some(record), Some(entity)) = (row.info.record, &row.entity) else {
        return Ok(work.actor.user.admin || row.actor == work.actor.id());
    };
    let Some(entity) = work.published.model.entity(entity) else { return Ok(work.actor.user.admin) };
    let field = row.field.as_deref().unwrap_or_default();
    let slot = entity.fields.iter().find(|candidate| candidate.id == field).map(|field| field.slot);
    if slot.is_some_and(|slot| !work.access(entity).sees(slot)) {
        return Ok(false);
    }
    let table = &work.published.layout.tables[entity.index];
    let found = store.fetch(table.select(), &[record.into()], |row| table.record(row)).await?.pop();
    let Some(values) = found else { return Ok(false) };
    if slot.is_some_and(|slot| work.closed(entity, Operation::Read, &values).contains(&slot)) {
        return Ok(false);
    }
    records::visible(work, store, entity, &values).await
}
