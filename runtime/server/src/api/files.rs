//! Files: uploaded on their own, then named by records. A download never runs in the browser as a page of ours.

use std::ops::Range;

use axum::body::Body as HttpBody;
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use mortise_engine::{Contents, Error as EngineError, FileInfo};
use serde::Deserialize;
use uuid::Uuid;

use super::body::json;
use super::photos;
use crate::photo;
use crate::{AppState, Failure, SignedIn};

/// Types that browsers may show in place; everything else is a download. Neither HTML nor SVG: they carry scripts.
const SHOWN: [&str; 6] =
    ["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain"];

/// The type of reports, which rules make. Of what people send, nothing of this type is shown.
const REPORT: &str = "text/html; charset=utf-8";

/// A shown file may do nothing at all, not even be framed elsewhere.
const SANDBOX: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// Name of an upload that is the body itself.
#[derive(Deserialize)]
pub(super) struct Named {
    name: Option<String>,
    /// Made by the sender, who may send the file again when the answer gets lost.
    id: Option<Uuid>,
    /// What a form says about a photo.
    #[serde(flatten)]
    photo: photos::Told,
}

/// `POST /files`: the body is the file (`?name=`), or a form with one part `file`.
pub(super) async fn upload(
    State(state): State<AppState>,
    by: SignedIn,
    Query(named): Query<Named>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Failure> {
    super::sync::same_person_by_header(&by, &headers)?;
    refuse_announced(&headers, state.config.upload_limit_bytes() as u64, state.config.file_bytes_max())?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if named.photo.is_photo() {
        let name = plain_name(named.name.as_deref().unwrap_or("photo"));
        let taken = photos::take((&state, &by), named.photo, named.id, &name, request.into_body()).await?;
        return Ok((StatusCode::CREATED, json(&taken)).into_response());
    }
    let info = if kind.starts_with("multipart/form-data") {
        let mut form = Multipart::from_request(request, &state)
            .await
            .map_err(|_| Failure::bad_request("http.bad_request"))?;
        let field = form.next_field().await.map_err(|error| cut(&error))?;
        put_field(&by, field.ok_or_else(|| Failure::invalid_field("file", "field.required"))?).await?
    } else {
        let name = named.name.unwrap_or_else(|| "file".to_owned());
        let kind = if kind.is_empty() { "application/octet-stream" } else { kind };
        let bytes = request.into_body().into_data_stream().map_err(std::io::Error::other);
        put_as(&by, named.id, (&name, kind), bytes).await?
    };
    let location = (header::LOCATION, by.base.path(&format!("/api/v1/files/{}", info.id)));
    Ok((StatusCode::CREATED, [location], json(&info)).into_response())
}

/// Stores the part of a form that is a file.
pub async fn put_field(by: &SignedIn, field: Field<'_>) -> Result<FileInfo, Failure> {
    let name = field.file_name().unwrap_or("file").to_owned();
    let kind = field.content_type().unwrap_or("application/octet-stream").to_owned();
    put(by, &name, &kind, field.map_err(std::io::Error::other)).await
}

/// Stores a stream of bytes as a file.
pub async fn put(
    by: &SignedIn,
    name: &str,
    kind: &str,
    bytes: impl Stream<Item = std::io::Result<Bytes>> + Send + Unpin,
) -> Result<FileInfo, Failure> {
    put_as(by, None, (name, kind), bytes).await
}

/// The same, perhaps under an id that the sender made.
async fn put_as(
    by: &SignedIn,
    id: Option<Uuid>,
    (name, kind): (&str, &str),
    bytes: impl Stream<Item = std::io::Result<Bytes>> + Send + Unpin,
) -> Result<FileInfo, Failure> {
    let name = plain_name(name);
    let engine = &by.tenant.engine;
    let stored = match id {
        Some(id) => engine.put_file_as(by.actor(), id, (&name, kind), bytes).await,
        None => engine.put_file(by.actor(), &name, kind, bytes).await,
    };
    stored.map_err(|error| match error {
        EngineError::TooLarge(limit) => too_large(limit),
        error => error.into(),
    })
}

/// No path, no control characters: the name goes into a header when the file is downloaded.
fn plain_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or("file");
    name.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Refuses a body that is announced as longer than allowed, before a byte of it is read.
pub(super) fn refuse_announced(headers: &HeaderMap, limit: u64, told: u64) -> Result<(), Failure> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > limit) { Err(too_large(told)) } else { Ok(()) }
}

fn too_large(limit: u64) -> Failure {
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "file.too_large").with("max", limit / 1024 / 1024)
}

fn cut(error: &axum::extract::multipart::MultipartError) -> Failure {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "http.too_large"),
        _ => Failure::bad_request("http.body_cut"),
    }
}

/// `GET /files/{id}`.
pub(super) async fn read(by: SignedIn, Path(id): Path<Uuid>, asked: HeaderMap) -> Result<Response, Failure> {
    let found = by.tenant.engine.get_file(by.actor(), id).await?;
    download(&by, found, &asked).await
}

/// `GET /files/{id}/preview`: a small version of a picture, for pages with many; any other file as it is.
pub(super) async fn preview(
    State(state): State<AppState>,
    by: SignedIn,
    Path(id): Path<Uuid>,
    asked: HeaderMap,
) -> Result<Response, Failure> {
    let (info, contents) = by.tenant.engine.get_file(by.actor(), id).await?;
    let tag = format!("\"{}-preview\"", info.sha256);
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let preview = if known { Some(Bytes::new()) } else { small(&state, &info, &contents).await };
    let Some(preview) = preview else { return download(&by, (info, contents), &asked).await };
    let status = if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut response = (status, preview).into_response();
    let headers = response.headers_mut();
    describe(headers, &info);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    headers.insert(header::ETAG, HeaderValue::try_from(tag).expect("digits are visible ASCII"));
    Ok(response)
}

/// The small version of a file that is a large picture. There is none of what cannot be read as one: browsers know more
/// kinds of pictures, and take the file itself.
async fn small(state: &AppState, info: &FileInfo, contents: &Contents) -> Option<Bytes> {
    let worthwhile = photo::WORTHWHILE_BYTES..=photos::PHOTO_MIB.cast_signed() * 1024 * 1024;
    if !info.content_type.starts_with("image/") || !worthwhile.contains(&info.size) {
        return None;
    }
    if let Some(kept) = state.previews.get(&info.sha256) {
        return Some(kept);
    }
    state.previews.make(&info.sha256, contents.bytes().await.ok()?).await.ok()
}

/// A file as an answer: the whole, or the part that is asked for, and nothing if the asker has it already.
async fn download(
    by: &SignedIn,
    (info, contents): (FileInfo, Contents),
    asked: &HeaderMap,
) -> Result<Response, Failure> {
    let size = u64::try_from(info.size).unwrap_or_default();
    let tag = format!("\"{}\"", info.sha256);
    let named = |name| asked.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let (status, range) = if named(header::IF_NONE_MATCH) == Some(&*tag) {
        (StatusCode::NOT_MODIFIED, 0..0)
    } else {
        // A part of another version than the asker has would not fit.
        let same = named(header::IF_RANGE).is_none_or(|known| known == tag);
        match named(header::RANGE).filter(|_| same).and_then(|text| part(text, size)) {
            None => (StatusCode::OK, 0..size),
            Some(range) if range.is_empty() => return Ok(outside(by, size)),
            Some(range) => (StatusCode::PARTIAL_CONTENT, range),
        }
    };
    let body = HttpBody::from_stream(contents.read(range.clone()).await?);
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    describe(headers, &info);
    headers.insert(header::ETAG, HeaderValue::try_from(tag).expect("digits are visible ASCII"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if status != StatusCode::NOT_MODIFIED {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let told = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        headers
            .insert(header::CONTENT_RANGE, HeaderValue::try_from(told).expect("numbers are visible ASCII"));
    }
    Ok(response)
}

/// What kind of file it is, and that it may do nothing in a browser.
fn describe(headers: &mut HeaderMap, info: &FileInfo) {
    let report = info.made_here && info.content_type == REPORT;
    let shown = report || SHOWN.contains(&info.content_type.as_str());
    let kind = HeaderValue::try_from(&info.content_type);
    let kind = kind.ok().filter(|_| shown).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_TYPE, kind);
    let disposition = disposition(if shown { "inline" } else { "attachment" }, &info.name);
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    // A file never changes under its id, but who may see it may change.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=300"));
}

/// The part that `Range` asks for, cut to the file; empty when it lies outside. Anything but one part of bytes is
/// answered with the whole file, as the standard allows.
fn part(asked: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = asked.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.parse().ok(), last.parse::<u64>().ok()) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1),
        (Some(first), None) if last.is_empty() => first..size,
        (None, Some(length)) if first.is_empty() => size.saturating_sub(length)..size,
        _ => return None,
    };
    Some(range.start.min(size)..range.end.min(size))
}

fn outside(by: &SignedIn, size: u64) -> Response {
    let failure = Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, "http.range").with("size", size);
    let mut response = failure.to_problem_response(by.language);
    let told = HeaderValue::try_from(format!("bytes */{size}")).expect("numbers are visible ASCII");
    response.headers_mut().insert(header::CONTENT_RANGE, told);
    response
}

/// `Content-Disposition` with the name for old and for new readers (RFC 6266).
pub fn disposition(kind: &str, name: &str) -> HeaderValue {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._- ".contains(c) { c } else { '_' }).collect();
    let encoded: String = name.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    });
    let text = format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    HeaderValue::try_from(text).expect("only visible ASCII is left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_of_a_file_is_understood_and_everything_else_is_the_whole() {
        let cases = [
            ("bytes=0-0", Some(0..1)),
            ("bytes=2-4", Some(2..5)),
            ("bytes=5-", Some(5..10)),
            ("bytes=-3", Some(7..10)),
            ("bytes=-99", Some(0..10)),
            ("bytes=8-99", Some(8..10)),
            ("bytes=10-", Some(10..10)),
            ("bytes=99-100", Some(10..10)),
            ("bytes=-0", Some(10..10)),
            ("bytes=4-2", None),
            ("bytes=0-1,3-4", None),
            ("bytes=-", None),
            ("bytes=a-b", None),
            ("lines=0-1", None),
        ];
        for (asked, wanted) in cases {
            assert_eq!(part(asked, 10), wanted, "{asked}");
        }
    }

    #[test]
    fn a_name_cannot_break_out_of_its_header() {
        let header = disposition("attachment", "报价\"\r\nSet-Cookie: x=1.pdf");
        let text = header.to_str().unwrap();
        assert_eq!(text.matches('"').count(), 2);
        assert!(text.contains("filename*=UTF-8''%E6%8A%A5%E4%BB%B7%22%0D%0ASet-Cookie"));
    }
}
