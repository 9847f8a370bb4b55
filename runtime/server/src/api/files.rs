//! Files: uploaded on their own, then named by records. A download never runs in the browser as a page of ours.

use axum::body::Body as HttpBody;
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use mortise_engine::FileInfo;
use serde::Deserialize;
use uuid::Uuid;

use super::body::json;
use crate::{AppState, Failure, SignedIn};

/// Types that browsers may show in place; everything else is a download. Neither HTML nor SVG: they carry scripts.
const SHOWN: [&str; 6] =
    ["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain"];

/// A shown file may do nothing at all, not even be framed elsewhere.
const SANDBOX: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// Name of an upload that is the body itself.
#[derive(Deserialize)]
pub(super) struct Named {
    name: Option<String>,
}

/// `POST /files`: the body is the file (`?name=`), or a form with one part `file`.
pub(super) async fn upload(
    State(state): State<AppState>,
    by: SignedIn,
    Query(named): Query<Named>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Failure> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let info = if kind.starts_with("multipart/form-data") {
        let mut form = Multipart::from_request(request, &state)
            .await
            .map_err(|_| Failure::bad_request("http.bad_request"))?;
        let field = form.next_field().await.map_err(|error| cut(&error))?;
        put_field(&by, field.ok_or_else(|| Failure::invalid_field("file", "field.required"))?).await?
    } else {
        let name = named.name.unwrap_or_else(|| "file".to_owned());
        let kind = if kind.is_empty() { "application/octet-stream" } else { kind };
        put(&by, &name, kind, request.into_body().into_data_stream().map_err(std::io::Error::other)).await?
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
    // No path, no control characters: the name goes into a header when the file is downloaded.
    let name = name.rsplit(['/', '\\']).next().unwrap_or("file");
    let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
    Ok(by.tenant.engine.put_file(by.actor(), &name, kind, bytes).await?)
}

fn cut(error: &axum::extract::multipart::MultipartError) -> Failure {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "http.too_large"),
        _ => Failure::bad_request("http.body_cut"),
    }
}

/// `GET /files/{id}`.
pub(super) async fn read(by: SignedIn, Path(id): Path<Uuid>) -> Result<Response, Failure> {
    download(&by, id).await
}

/// A file as an answer.
pub async fn download(by: &SignedIn, id: Uuid) -> Result<Response, Failure> {
    let (info, bytes) = by.tenant.engine.get_file(by.actor(), id).await?;
    let shown = SHOWN.contains(&info.content_type.as_str());
    let kind = HeaderValue::try_from(&info.content_type);
    let kind = kind.ok().filter(|_| shown).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let disposition = disposition(if shown { "inline" } else { "attachment" }, &info.name);
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX)),
        // A file never changes under its id, but who may see it may change.
        (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=300")),
    ];
    Ok((headers, HttpBody::from(bytes)).into_response())
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
    fn a_name_cannot_break_out_of_its_header() {
        let header = disposition("attachment", "报价\"\r\nSet-Cookie: x=1.pdf");
        let text = header.to_str().unwrap();
        assert_eq!(text.matches('"').count(), 2);
        assert!(text.contains("filename*=UTF-8''%E6%8A%A5%E4%BB%B7%22%0D%0ASet-Cookie"));
    }
}
