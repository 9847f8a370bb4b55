//! Photos: what is known of a picture beside its file, and where the same picture, or one that looks the same, is used already.
//! Pictures are decoded and marked by whoever takes them in; here are only their hashes, time and place.

use std::collections::HashMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::Stream;
use mortise_expr::{GeoPoint, Type, Value};
use mortise_store::{Param, Row, Session};
use serde::Serialize;
use uuid::Uuid;

use crate::commands::Work;
use crate::error::Error;
use crate::files::{self, FileInfo};
use crate::people::Actor;
use crate::tenant::Tenant;

/// Two pictures look the same when their hashes differ in at most so many of 64 bits: another size or quality changes a few,
/// the next photo of the same room a dozen.
pub const LOOK_BITS_MAX: u32 = 6;
/// Photos that are compared by their looks, the newest: those of a team of fifty in a year, read in some ten milliseconds.
const COMPARED_MAX: i64 = 50_000;
/// Uses of a picture that are told.
const TOLD_MAX: usize = 5;

/// What is known of a photo.
#[derive(Debug, Clone)]
pub struct PhotoFacts {
    /// SHA-256 of what the camera gave, before anything was drawn into it; hex.
    pub hash: String,
    /// 64 bits by which pictures that look alike are found.
    pub look: u64,
    /// When it was taken.
    pub at: DateTime<Utc>,
    /// Where, if the device said so.
    pub place: Option<GeoPoint>,
    /// In how many records the picture was used already when it came; kept in the audit trail, for those who look later.
    pub used_before: usize,
}

/// A record in which a picture is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoUse {
    /// The file.
    pub file: Uuid,
    /// Key of the entity.
    pub entity: String,
    /// The record.
    pub record: Uuid,
    /// The very same picture, not only one that looks the same.
    pub same: bool,
}

/// Where a picture is used already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhotoUses {
    /// Records that the person may see, with the photo.
    pub seen: Vec<PhotoUse>,
    /// How many others there are.
    pub hidden: usize,
}

#[derive(Serialize)]
struct Place {
    lat: f64,
    lon: f64,
}

impl Tenant {
    /// Stores a photo with what is known of it, under an id that the sender may have made. Sent again, it is not stored again.
    pub async fn put_photo<S>(
        &self,
        actor: &Actor,
        id: Option<Uuid>,
        (name, kind): (&str, &str),
        bytes: S,
        facts: &PhotoFacts,
    ) -> Result<FileInfo, Error>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Unpin,
    {
        let work = self.work(actor);
        files::put_with(&work, &self.store, &self.files, id, (name, kind), bytes, Some(facts)).await
    }

    /// A photo that this person sent before under this id, when it was the same picture.
    pub async fn photo_sent(&self, actor: &Actor, id: Uuid, hash: &str) -> Result<Option<FileInfo>, Error> {
        let work = self.work(actor);
        let naming = self.store.naming();
        let sql = naming
            .sql(&format!("SELECT hash_original, person FROM {} WHERE file = ?1", naming.table("_photo")));
        let read = |row: &dyn Row| Ok((row.text(0)?, row.id(1)?));
        let found = self.store.fetch(&sql, &[id.into()], read).await?.pop();
        if found != Some((Some(hash.to_owned()), work.actor.id())) {
            return Ok(None);
        }
        Ok(files::find(&work, &self.store, &[id]).await?.pop())
    }

    /// Where this picture, or one that looks the same, is used already; not counting one record.
    pub async fn photo_uses(
        &self,
        actor: &Actor,
        facts: &PhotoFacts,
        own: Option<Uuid>,
    ) -> Result<PhotoUses, Error> {
        let work = self.work(actor);
        let mut found = self.same_pictures(facts).await?;
        found.extend(self.alike(facts, &found).await?);
        let ids: Vec<Uuid> = found.iter().map(|(file, _)| *file).collect();
        let bound = self.bound(&ids).await?;
        let mut uses: Vec<PhotoUse> = Vec::new();
        for (file, same) in found {
            let Some((entity, record)) = bound.get(&file).cloned() else { continue };
            if Some(record) != own && uses.iter().all(|known| known.record != record) {
                uses.push(PhotoUse { file, entity, record, same });
            }
        }
        let ids: Vec<Uuid> = uses.iter().map(|one| one.file).collect();
        let visible = files::find(&work, &self.store, &ids).await?;
        let (mut seen, hidden): (Vec<PhotoUse>, Vec<PhotoUse>) =
            uses.into_iter().partition(|one| visible.iter().any(|info| info.id == one.file));
        seen.truncate(TOLD_MAX);
        Ok(PhotoUses { seen, hidden: hidden.len() })
    }

    async fn same_pictures(&self, facts: &PhotoFacts) -> Result<Vec<(Uuid, bool)>, Error> {
        let naming = self.store.naming();
        let sql = naming.sql(&format!(
            "SELECT file FROM {} WHERE hash_original = ?1 ORDER BY at LIMIT 50",
            naming.table("_photo")
        ));
        let rows = self.store.fetch(&sql, &[facts.hash.as_str().into()], |row| row.id(0)).await?;
        Ok(rows.into_iter().flatten().map(|file| (file, true)).collect())
    }

    /// Pictures that look the same. One colour and little else looks like any other such picture, which says nothing.
    async fn alike(&self, facts: &PhotoFacts, known: &[(Uuid, bool)]) -> Result<Vec<(Uuid, bool)>, Error> {
        if says_little(facts.look) {
            return Ok(Vec::new());
        }
        let naming = self.store.naming();
        let sql = naming.sql(&format!(
            "SELECT file, dhash FROM {} ORDER BY at DESC LIMIT {COMPARED_MAX}",
            naming.table("_photo")
        ));
        let read = |row: &dyn Row| Ok((row.id(0)?.unwrap_or_default(), row.int(1)?.unwrap_or_default()));
        let rows = self.store.fetch(&sql, &[], read).await?;
        let near = |look: i64| (look.cast_unsigned() ^ facts.look).count_ones() <= LOOK_BITS_MAX;
        let fresh = |file: &Uuid| known.iter().all(|(other, _)| other != file);
        let found = rows.into_iter().filter(|(file, look)| near(*look) && fresh(file));
        Ok(found.map(|(file, _)| (file, false)).take(50).collect())
    }

    /// Entity and record of those files that belong to one.
    async fn bound(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, (String, Uuid)>, Error> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let naming = self.store.naming();
        let sql = format!(
            "SELECT id, entity, record FROM {} WHERE record IS NOT NULL AND id IN ({})",
            naming.table("_file"),
            naming.placeholders(ids.len())
        );
        let params: Vec<Param> = ids.iter().map(|&id| id.into()).collect();
        let read = |row: &dyn Row| Ok((row.id(0)?, row.text(1)?, row.id(2)?));
        let rows = self.store.fetch(&sql, &params, read).await?;
        Ok(rows.into_iter().filter_map(|(id, entity, record)| Some((id?, (entity?, record?)))).collect())
    }

    /// What is known of a photo that the person may see.
    pub async fn photo_facts(&self, actor: &Actor, file: Uuid) -> Result<Option<PhotoFacts>, Error> {
        let work = self.work(actor);
        if files::find(&work, &self.store, &[file]).await?.is_empty() {
            return Ok(None);
        }
        let naming = self.store.naming();
        let sql = naming.sql(&format!(
            "SELECT hash_original, dhash, at, place FROM {} WHERE file = ?1",
            naming.table("_photo")
        ));
        Ok(self.store.fetch(&sql, &[file.into()], read_facts).await?.pop())
    }
}

fn read_facts(row: &dyn Row) -> mortise_store::Result<PhotoFacts> {
    let at = match row.value(2, &Type::DateTime)? {
        Value::DateTime(at) => at,
        _ => DateTime::default(),
    };
    let place = row.text(3)?.and_then(|text| serde_json::from_str(&text).ok());
    Ok(PhotoFacts {
        hash: row.text(0)?.unwrap_or_default(),
        look: row.int(1)?.unwrap_or_default().cast_unsigned(),
        at,
        place,
        used_before: 0,
    })
}

/// Whether nearly all bits are alike: paper, a wall, a covered lens.
fn says_little(look: u64) -> bool {
    look.count_ones() <= LOOK_BITS_MAX || look.count_zeros() <= LOOK_BITS_MAX
}

/// Writes down what is known of a photo, in the transaction that makes its file.
pub(crate) fn note(
    work: &Work,
    session: &mut Session<'_>,
    file: Uuid,
    facts: &PhotoFacts,
) -> Result<(), Error> {
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} (file, hash_original, dhash, at, place, person) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        session.naming.table("_photo")
    ));
    let place = facts.place.map(|point| Place { lat: point.lat, lon: point.lon });
    let place = place.and_then(|place| serde_json::to_string(&place).ok());
    let params: [Param; 6] = [
        file.into(),
        facts.hash.as_str().into(),
        facts.look.cast_signed().into(),
        facts.at.into(),
        Param::String(place),
        Param::Uuid(work.actor.id()),
    ];
    session.execute(&sql, &params)?;
    Ok(())
}

/// Whether a file is a photo into which its mark was drawn: it is another file then than what the camera gave.
pub(crate) fn is_marked(session: &mut Session<'_>, file: Uuid) -> Result<bool, Error> {
    let naming = &session.naming;
    let sql = naming.sql(&format!(
        "SELECT p.file FROM {} p JOIN {} f ON f.id = p.file WHERE p.file = ?1 AND p.hash_original <> f.sha256",
        naming.table("_photo"),
        naming.table("_file")
    ));
    Ok(!session.query(&sql, &[file.into()], |row| row.id(0))?.is_empty())
}
