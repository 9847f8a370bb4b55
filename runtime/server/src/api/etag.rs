//! Versions of records in HTTP: `ETag: "7"` on answers to changes, `ETag: "7.0c1d…"` on what is read, either as `If-Match` on changes.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::body::json_bytes;
use crate::Failure;

/// Bytes of the digest of an answer that its tag has.
const DIGEST_BYTES: usize = 8;

/// Version that the caller has seen, if it says so.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub Option<i64>);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(IfMatch(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(IfMatch(None));
        }
        // What was read says more than the version, behind a point.
        let tag = text.trim_start_matches("W/").trim_matches('"');
        let version = tag.split('.').next().unwrap_or_default().parse();
        version.map(|version| IfMatch(Some(version))).map_err(|_| Failure::bad_request("http.if_match"))
    }
}

/// The answer with the version as its `ETag`.
pub fn with(mut response: Response, version: i64) -> Response {
    let value = HeaderValue::try_from(format!("\"{version}\"")).expect("digits in quotes are a header value");
    response.headers_mut().insert(header::ETAG, value);
    response
}

/// An answer with its version and what it says as its `ETag`; empty when the caller has just that (`If-None-Match`). The version
/// alone does not tell: rows of the record, titles of others and what the person may see change without it.
pub fn whole(headers: &HeaderMap, version: i64, bytes: Vec<u8>) -> Response {
    let digest = Sha256::digest(&bytes);
    let digest: String = digest.iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{version}.{digest}\"");
    let seen = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = match seen.is_some_and(|text| text.split(',').any(|one| one.trim() == tag)) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => json_bytes(bytes),
    };
    let value = HeaderValue::try_from(tag).expect("digits in quotes are a header value");
    response.headers_mut().insert(header::ETAG, value);
    response
}
