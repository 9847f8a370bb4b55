//! Photos that are taken in a form: marked here with who took them, when and where; the hash of what the camera gave is kept; and
//! where the same picture, or one that looks the same, is used already, that is told, with the record when the person may see it.

use axum::body::Body as HttpBody;
use axum::http::StatusCode;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use mortise_definition::locale::translate;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel};
use mortise_engine::values;
use mortise_engine::{FileInfo, PhotoFacts, PhotoUse, PhotoUses};
use mortise_expr::GeoPoint;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::Uuid;

use crate::photo::{self, Line, PhotoError};
use crate::{AppState, Failure, SignedIn};

/// Largest photo in MiB; phones give up to 15.
pub(super) const PHOTO_MIB: u64 = 25;
/// A time of the phone that is so near ours is ours: nobody can say that the photo is older than it is, and clocks differ.
const NOW: TimeDelta = TimeDelta::minutes(5);

/// What a form says about a photo.
#[derive(Deserialize)]
pub(super) struct Told {
    /// The field that it is for: `app.entity.field`.
    #[serde(rename = "for")]
    field: Option<String>,
    /// When it was taken, by the phone's clock measured against ours.
    at: Option<DateTime<Utc>>,
    /// Where: `31.2304,121.4737`.
    place: Option<String>,
    /// How exact that is, in metres.
    within: Option<String>,
    /// The record that the form is about.
    record: Option<Uuid>,
}

impl Told {
    /// Whether it is a photo at all.
    pub(super) fn is_photo(&self) -> bool {
        self.field.is_some()
    }
}

/// The stored photo, and where its picture is used already.
#[derive(Serialize)]
pub(super) struct Answer {
    #[serde(flatten)]
    info: FileInfo,
    used: Vec<Used>,
    /// Records with the picture that the person may not see.
    used_elsewhere: usize,
}

#[derive(Serialize)]
struct Used {
    entity: String,
    record: Uuid,
    title: String,
    same: bool,
}

/// Takes a photo in.
pub(super) async fn take(
    (state, by): (&AppState, &SignedIn),
    told: Told,
    id: Option<Uuid>,
    name: &str,
    body: HttpBody,
) -> Result<Answer, Failure> {
    let field = field_of(by, told.field.as_deref().unwrap_or_default())?;
    let original = read(body, &field.1).await?;
    let engine = &by.tenant.engine;
    let now = engine.now();
    let at = told.at.filter(|at| (now - *at).abs() > NOW && *at < now).unwrap_or(now);
    let place = told.place.as_deref().map(place_of).transpose()?;
    let hash = hex(Sha256::digest(&original).as_slice());
    if let Some(id) = id
        && let Some(info) = engine.photo_sent(by.actor(), id, &hash).await?
    {
        return Ok(Answer { info, used: Vec::new(), used_elsewhere: 0 });
    }
    let mark = match field.1.watermark {
        true => {
            let title = title(by, &field.0, told.record).await;
            Some(lines(by, &told, (at, now), place, title.as_deref()))
        }
        false => None,
    };
    let taken = photo::take(original.clone(), mark, state.fonts()).await.map_err(|error| refused(&error))?;
    let mut facts = PhotoFacts { hash, look: taken.look, at, place, used_before: 0 };
    let mut uses = engine.photo_uses(by.actor(), &facts, None).await?;
    // The sender says which record the form is about. The trail counts all of them, or naming another record would hide one.
    facts.used_before = uses.seen.len() + uses.hidden;
    uses.seen.retain(|one| Some(one.record) != told.record);
    let (name, kind) = named(name, &original, taken.marked.is_some());
    let contents = taken.marked.map_or(original, Bytes::from);
    let stream = futures_util::stream::iter([Ok::<_, std::io::Error>(contents)]);
    let info = engine.put_photo(by.actor(), id, (&name, kind), stream, &facts).await?;
    answer(by, info, uses).await
}

/// What a field asks of its photos.
struct Asked {
    watermark: bool,
    mib: u64,
}

/// The field of a photo.
fn field_of(by: &SignedIn, path: &str) -> Result<(Arc<EntityModel>, Asked), Failure> {
    let unknown = || Failure::invalid_field("for", "photo.no_field");
    let model = by.tenant.engine.model();
    let (entity, name) = path.rsplit_once('.').ok_or_else(unknown)?;
    let entity = model.entity(entity).ok_or_else(unknown)?;
    let field: &FieldModel = entity.field(name).ok_or_else(unknown)?;
    let FieldKind::File { image: true, max_mib, photo, .. } = &field.kind else { return Err(unknown()) };
    let mib = if *max_mib == 0 { PHOTO_MIB } else { u64::from(*max_mib).min(PHOTO_MIB) };
    Ok((entity.clone(), Asked { watermark: photo.watermark, mib }))
}

async fn read(body: HttpBody, asked: &Asked) -> Result<Bytes, Failure> {
    let limit = usize::try_from(asked.mib * 1024 * 1024).unwrap_or(usize::MAX);
    let too_large = || Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "file.too_large").with("max", asked.mib);
    axum::body::to_bytes(body, limit).await.map_err(|_| too_large())
}

/// The title of the record that the form is about, if the person may see it.
async fn title(by: &SignedIn, entity: &EntityModel, record: Option<Uuid>) -> Option<String> {
    let record = by.tenant.engine.read(by.actor(), &entity.key, record?).await.ok()?;
    let value = &record.values[entity.title];
    let field = &entity.fields[entity.title];
    let (model, directory) = (by.tenant.engine.model(), by.tenant.engine.directory());
    let cx = values::ValueContext {
        model: &model,
        directory: &*directory,
        tz: by.tenant.zone(),
        language: by.language,
    };
    Some(values::display(field, value, &cx)).filter(|title| !title.is_empty())
}

/// Who, when, where and about what.
fn lines(
    by: &SignedIn,
    told: &Told,
    (at, now): (DateTime<Utc>, DateTime<Utc>),
    place: Option<GeoPoint>,
    title: Option<&str>,
) -> Vec<Line> {
    let (user, zone) = (by.user(), by.tenant.zone());
    let directory = by.tenant.engine.directory();
    let login = directory.user(user.id).map_or_else(String::new, |person| person.login.clone());
    let clock = |at: DateTime<Utc>| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string();
    let say = |language: &str, key: &str, args: &[(&str, &str)]| {
        translate(language, &format!("ui.photo.{key}"), args)
    };
    let line = |key: &str, args: &[(&str, &str)]| Line {
        words: say(&by.tenant.record.language, key, args),
        plain: say("en", key, args),
    };
    let who = Line {
        words: [Some(user.name.as_str()), title].into_iter().flatten().collect::<Vec<_>>().join(" · "),
        plain: login,
    };
    let when = match at == now {
        true => Line { words: clock(now), plain: clock(now) },
        // By a clock that is not ours: told as such, with when it came.
        false => line("late", &[("at", &clock(at)), ("now", &clock(now))]),
    };
    let whereabouts = match place {
        None => line("no_place", &[]),
        Some(point) => {
            let place = format!("{:.5}, {:.5}", point.lat, point.lon);
            let within = told.within.as_deref().and_then(|text| text.parse::<f64>().ok());
            let within = within.filter(|metres| (0.0..1e6).contains(metres));
            match within {
                Some(metres) => {
                    line("place_within", &[("place", &place), ("metres", &format!("{metres:.0}"))])
                }
                None => Line { words: place.clone(), plain: place },
            }
        }
    };
    vec![who, when, whereabouts]
}

fn place_of(text: &str) -> Result<GeoPoint, Failure> {
    let point = text.split_once(',').and_then(|(lat, lon)| {
        Some(GeoPoint { lat: lat.trim().parse().ok()?, lon: lon.trim().parse().ok()? })
    });
    point
        .filter(|point| point.lat.abs() <= 90.0 && point.lon.abs() <= 180.0)
        .ok_or_else(|| Failure::invalid_field("place", "value.not_geo_point").with("value", text))
}

/// Name and type of what is stored: a marked photo is a JPEG, whatever came in.
fn named(name: &str, original: &[u8], marked: bool) -> (String, &'static str) {
    if marked {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        return (format!("{stem}.jpg"), "image/jpeg");
    }
    let kind = match image::guess_format(original) {
        Ok(image::ImageFormat::Png) => "image/png",
        Ok(image::ImageFormat::WebP) => "image/webp",
        _ => "image/jpeg",
    };
    (name.to_owned(), kind)
}

async fn answer(by: &SignedIn, info: FileInfo, uses: PhotoUses) -> Result<Answer, Failure> {
    let mut used = Vec::with_capacity(uses.seen.len());
    let model = by.tenant.engine.model();
    for PhotoUse { entity, record, same, .. } in uses.seen {
        let Some(found) = model.entity(&entity) else { continue };
        let title = title(by, found, Some(record)).await.unwrap_or_else(|| record.to_string());
        used.push(Used { entity, record, title, same });
    }
    Ok(Answer { info, used, used_elsewhere: uses.hidden })
}

/// No failure of ours: a device would send the same picture again and again.
fn refused(error: &PhotoError) -> Failure {
    tracing::warn!(%error, "a photo is not taken");
    Failure::new(StatusCode::UNPROCESSABLE_ENTITY, error.code())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_two_numbers_on_earth() {
        assert_eq!(place_of("31.23, 121.47").ok(), Some(GeoPoint { lat: 31.23, lon: 121.47 }));
        for wrong in ["", "31.23", "91,0", "0,181", "NaN,1", "a,b"] {
            assert!(place_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_marked_photo_is_a_jpeg_whatever_came_in() {
        assert_eq!(named("a.b.png", b"", true), ("a.b.jpg".to_owned(), "image/jpeg"));
        assert_eq!(named("x", b"\x89PNG\r\n\x1a\n", false), ("x".to_owned(), "image/png"));
    }
}
