//! A delivery by HTTP: one call, and what its answer means.

use std::time::Duration;

use axum::body::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use mortise_engine::{Issue, Refusal};

use super::address;
use super::wire::{self, Line, Peer, Trouble};

/// So long a call may take in all.
const TOTAL: Duration = Duration::from_secs(10);
/// So much of an answer is read; robots answer in a line.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A call that goes out.
pub(super) struct Call {
    pub(super) uri: Uri,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
    /// The present time.
    pub(super) now: DateTime<Utc>,
}

impl Call {
    /// The host that it goes to.
    pub(super) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }
}

/// Sends a call and returns the body of a good answer.
pub(super) async fn post(line: &Line, call: &Call) -> Result<Bytes, Refusal> {
    let https = call.uri.scheme_str() == Some("https");
    let port = call.uri.port_u16().unwrap_or(if https { 443 } else { 80 });
    let peer = Peer { https, host: call.host(), port };
    let sending = async {
        let stream = line.open(&peer).await?;
        wire::exchange(stream, request(call), |response| answer(call, response)).await
    };
    let sent = tokio::time::timeout(TOTAL, sending).await;
    match sent.unwrap_or(Err(Unsent::Trouble(Trouble::Late))) {
        Ok(body) => Ok(body),
        Err(Unsent::Refused(refusal)) => Err(refusal),
        Err(Unsent::Trouble(trouble)) => Err(address::refusal(call.host(), trouble)),
    }
}

/// Why a call was not taken.
enum Unsent {
    Trouble(Trouble),
    Refused(Refusal),
}

impl From<Trouble> for Unsent {
    fn from(trouble: Trouble) -> Unsent {
        Unsent::Trouble(trouble)
    }
}

impl From<hyper::Error> for Unsent {
    fn from(error: hyper::Error) -> Unsent {
        Unsent::Trouble(Trouble::unreachable(error))
    }
}

async fn answer(call: &Call, response: Response<Incoming>) -> Result<Bytes, Unsent> {
    let (head, body) = response.into_parts();
    if !head.status.is_success() {
        return Err(Unsent::Refused(refusal(call, head.status, &head.headers)));
    }
    match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        // It was taken; what more there is to say does not matter.
        Err(_) => Ok(Bytes::new()),
    }
}

fn request(call: &Call) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(call.body.clone()));
    *request.method_mut() = Method::POST;
    let path = call.uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = Uri::try_from(path).unwrap_or_else(|_| Uri::from_static("/"));
    let headers = request.headers_mut();
    let authority = call.uri.authority().map_or("", |authority| authority.as_str());
    if let Ok(host) = HeaderValue::try_from(authority) {
        headers.insert(header::HOST, host);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("Mortise"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    for (name, value) in &call.headers {
        headers.insert(name, value.clone());
    }
    request
}

/// What an answer that is not good means.
fn refusal(call: &Call, status: StatusCode, headers: &HeaderMap) -> Refusal {
    let issue = Issue::new("delivery.status").with("host", call.host()).with("status", status.as_u16());
    let passing = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
    match passing {
        true => Refusal { retry_after: retry_after(headers, call.now), ..Refusal::passing(issue) },
        false => Refusal::lasting(issue),
    }
}

/// When the receiver wants to be asked again: seconds, or a moment.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<TimeDelta> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse::<i64>() {
        Ok(seconds) => TimeDelta::try_seconds(seconds),
        Err(_) => DateTime::parse_from_rfc2822(text).ok().map(|at| at.to_utc() - now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_may_ask_for_a_pause_in_seconds_or_until_a_moment() {
        let asked = |text: &'static str| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static(text))]);
            retry_after(&headers, DateTime::UNIX_EPOCH).map(|length| length.num_seconds())
        };
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked("Thu, 01 Jan 1970 00:10:00 GMT"), Some(600));
        assert_eq!(asked("soon"), None);
    }
}
