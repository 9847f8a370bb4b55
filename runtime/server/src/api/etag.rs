//! Versions of records in HTTP: `ETag: "7"` on answers, `If-Match: "7"` on changes.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::Failure;

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
        let version = text.trim_start_matches("W/").trim_matches('"').parse();
        version.map(|version| IfMatch(Some(version))).map_err(|_| Failure::bad_request("http.if_match"))
    }
}

/// The answer with the version as its `ETag`.
pub fn with(mut response: Response, version: i64) -> Response {
    let value = HeaderValue::try_from(format!("\"{version}\"")).expect("digits in quotes are a header value");
    response.headers_mut().insert(header::ETAG, value);
    response
}

/// True when the caller has this version already (`If-None-Match`).
pub fn seen(headers: &axum::http::HeaderMap, version: i64) -> bool {
    let seen = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    seen.is_some_and(|text| text.split(',').any(|tag| tag.trim().trim_matches('"').parse() == Ok(version)))
}
