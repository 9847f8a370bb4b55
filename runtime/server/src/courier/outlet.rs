//! Calls of plugins to other systems. The host has asked whether the plugin may make the call; here every address is checked
//! before it is connected to, every redirect is asked about again, and the secret goes to the host it belongs to and no
//! further. A plugin that calls too much at once is refused, never made to wait.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use mortise_definition::locale;
use mortise_engine::plugins::{Credential, Errand, Outside};
use mortise_plugin_host::value::{Fault, Response, Retry};
use parking_lot::Mutex;
use tokio_rustls::rustls;
use url::Url;

use super::wire::{self, Line, Peer, Trouble};

/// Redirects that are followed, as browsers and others follow a few and programs none or five.
const REDIRECTS_MAX: usize = 5;
/// Connections of one plugin in one tenant at once: a call has one at a time, and a tenant eight calls.
pub(super) const CONNECTIONS_MAX: usize = 4;

/// What only the server says, since connection and framing are its business.
const OWN_HEADERS: [HeaderName; 11] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    header::PROXY_AUTHENTICATE,
    HeaderName::from_static("keep-alive"),
];
/// What a plugin may send to the host that it named, and nobody takes along to another one.
const CONFIDENTIAL: [HeaderName; 2] = [header::AUTHORIZATION, header::COOKIE];

/// The way of plugins out of the house.
pub struct Outlet {
    pub(super) line: Line,
    /// Connections by tenant and plugin.
    open: Arc<Mutex<HashMap<(String, String), usize>>>,
}

/// A place among the connections of a plugin, until it is dropped.
struct Place {
    open: Arc<Mutex<HashMap<(String, String), usize>>>,
    of: (String, String),
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        let left = open.get(&self.of).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            open.remove(&self.of);
        } else {
            open.insert(self.of.clone(), left);
        }
    }
}

/// One request of a call, which may have several when it is redirected.
struct Leg {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    credential: Option<Credential>,
}

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Why nothing came back.
enum Broken {
    Trouble(Trouble),
    TooLarge,
    /// No request can carry the address: it is too long.
    Address,
}

impl From<Trouble> for Broken {
    fn from(trouble: Trouble) -> Broken {
        Broken::Trouble(trouble)
    }
}

impl From<hyper::Error> for Broken {
    fn from(error: hyper::Error) -> Broken {
        Broken::Trouble(Trouble::unreachable(error))
    }
}

#[async_trait]
impl Outside for Outlet {
    async fn send(&self, errand: Errand) -> Result<Response, Fault> {
        let Some(_place) = self.enter(&errand) else {
            return Err(fault(&errand, "plugin.http.busy", CONNECTIONS_MAX, Retry::Backoff));
        };
        let timeout = errand.terms.timeout;
        let late = |_| fault(&errand, "plugin.http.timeout", timeout.as_millis(), Retry::Backoff);
        tokio::time::timeout(timeout, self.follow(&errand)).await.map_err(late)?
    }
}

impl Outlet {
    /// A way into the internet, and into private networks only when the operator allows it.
    pub fn new(allow_private: bool) -> Result<Outlet, rustls::Error> {
        Ok(Outlet::through(Line::new(allow_private)?))
    }

    pub(super) fn through(line: Line) -> Outlet {
        Outlet { line, open: Arc::default() }
    }

    fn enter(&self, errand: &Errand) -> Option<Place> {
        let of = (errand.tenant.clone(), errand.plugin.clone());
        let mut open = self.open.lock();
        let count = open.entry(of.clone()).or_default();
        if *count >= CONNECTIONS_MAX {
            return None;
        }
        *count += 1;
        Some(Place { open: self.open.clone(), of })
    }

    /// Sends the call, and once more for every redirect.
    async fn follow(&self, errand: &Errand) -> Result<Response, Fault> {
        let mut leg = Leg::first(errand)?;
        for _ in 0..=REDIRECTS_MAX {
            let host = leg.url.host_str().unwrap_or_default().to_owned();
            let answer = self.ask(&leg, errand.terms.body_bytes_max).await;
            let answer = answer.map_err(|broken| explain(errand, &host, broken))?;
            tracing::debug!(
                tenant = errand.tenant,
                plugin = errand.plugin,
                host,
                status = answer.status.as_u16(),
                "a plugin called another system"
            );
            match leg.next(&answer) {
                None => return Ok(answer.into()),
                Some(next) => leg = next,
            }
            let hop = errand.terms.permits_hop(leg.method.as_str(), &leg.url);
            hop.map_err(|denied| fault(errand, denied.code, &denied.subject, Retry::Never))?;
        }
        Err(fault(errand, "plugin.http.redirects", REDIRECTS_MAX, Retry::Never))
    }

    async fn ask(&self, leg: &Leg, body_bytes_max: u64) -> Result<Answer, Broken> {
        let peer = Peer {
            https: leg.url.scheme() == "https",
            host: leg.url.host_str().unwrap_or_default(),
            port: leg.url.port_or_known_default().unwrap_or_default(),
        };
        let request = leg.request().ok_or(Broken::Address)?;
        let stream = self.line.open(&peer).await?;
        let limit = usize::try_from(body_bytes_max).unwrap_or(usize::MAX);
        wire::exchange(stream, request, |response| read(response, limit)).await
    }
}

/// Reads an answer, and stops as soon as it is larger than it may be.
async fn read(response: hyper::Response<Incoming>, limit: usize) -> Result<Answer, Broken> {
    let (head, body) = response.into_parts();
    let body = match Limited::new(body, limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(Broken::TooLarge),
        Err(error) => return Err(Broken::Trouble(Trouble::unreachable(error))),
    };
    Ok(Answer { status: head.status, headers: head.headers, body })
}

impl Leg {
    fn first(errand: &Errand) -> Result<Leg, Fault> {
        let request = &errand.request;
        let method = Method::from_bytes(request.method.as_bytes()).ok();
        let method = method.filter(|method| *method != Method::CONNECT && *method != Method::TRACE);
        let refused = || fault(errand, "plugin.http.method", &request.method, Retry::Never);
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let wrong = || fault(errand, "plugin.http.header", name, Retry::Never);
            let parsed: HeaderName = name.parse().map_err(|_| wrong())?;
            if OWN_HEADERS.contains(&parsed) {
                return Err(wrong());
            }
            headers.append(parsed, HeaderValue::try_from(value).map_err(|_| wrong())?);
        }
        Ok(Leg {
            method: method.ok_or_else(refused)?,
            url: request.url.clone(),
            headers,
            body: request.body.clone().unwrap_or_default().into(),
            credential: errand.credential.clone(),
        })
    }

    /// The request that a redirect asks for.
    fn next(&self, answer: &Answer) -> Option<Leg> {
        let stays = match answer.status {
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method != Method::POST,
            StatusCode::SEE_OTHER => self.method == Method::HEAD,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
            _ => return None,
        };
        let place = answer.headers.get(header::LOCATION)?.to_str().ok()?;
        let url = self.url.join(place).ok()?;
        let mut headers = self.headers.clone();
        let same = url.origin() == self.url.origin();
        if !same {
            CONFIDENTIAL.iter().for_each(|name| drop(headers.remove(name)));
        }
        if !stays {
            headers.remove(header::CONTENT_TYPE);
        }
        Some(Leg {
            method: if stays { self.method.clone() } else { Method::GET },
            url,
            headers,
            body: if stays { self.body.clone() } else { Bytes::new() },
            credential: self.credential.clone().filter(|_| same),
        })
    }

    /// The request; none when its address is longer than one can be. It comes from a plugin, or from whoever redirects it.
    fn request(&self) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        let query = self.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let target = format!("{}{query}", self.url.path());
        *request.uri_mut() = target.parse().ok()?;
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, HeaderValue::from_static("Mortise"));
        for name in self.headers.keys() {
            headers.remove(name);
        }
        headers.extend(self.headers.clone());
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = format!("{}{port}", self.url.host_str().unwrap_or_default());
        headers.insert(header::HOST, host.parse().ok()?);
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        if let Some((name, value)) = self.credential.as_ref().and_then(secret) {
            headers.insert(name, value);
        }
        Some(request)
    }
}

/// A secret as a header that no log shows.
fn secret(credential: &Credential) -> Option<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::try_from(&credential.value).ok()?;
    value.set_sensitive(true);
    Some((credential.header.parse().ok()?, value))
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Response {
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            let shown = !OWN_HEADERS.contains(name);
            Some((name.as_str().to_owned(), value.to_str().ok().filter(|_| shown)?.to_owned()))
        };
        Response {
            status: answer.status.as_u16(),
            headers: answer.headers.iter().filter_map(text).collect(),
            body: answer.body.into(),
        }
    }
}

/// What went wrong on the way, for the plugin. It learns what it knew already, and nothing of the network behind a name.
fn explain(errand: &Errand, host: &str, broken: Broken) -> Fault {
    match broken {
        Broken::TooLarge => fault(errand, "plugin.http.too_large", errand.terms.body_bytes_max, Retry::Never),
        Broken::Address => fault(errand, "plugin.http.url", format_args!("{host}/…"), Retry::Never),
        Broken::Trouble(Trouble::Private | Trouble::Name) => {
            fault(errand, "plugin.http.private", host, Retry::Never)
        }
        Broken::Trouble(Trouble::Unreachable(reason)) => {
            tracing::debug!(tenant = errand.tenant, plugin = errand.plugin, host, reason, "nobody answers");
            fault(errand, "plugin.http.unreachable", host, Retry::Backoff)
        }
        Broken::Trouble(Trouble::Late) => fault(errand, "plugin.http.unreachable", host, Retry::Backoff),
    }
}

fn fault(errand: &Errand, code: &'static str, subject: impl std::fmt::Display, retry: Retry) -> Fault {
    let subject = subject.to_string();
    let message = locale::translate(&errand.locale, &format!("error.{code}"), &[("subject", &subject)]);
    Fault { code: code.to_owned(), message, retry }
}
