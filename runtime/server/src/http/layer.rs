//! The layer around everything that happens inside a tenant: finds tenant, person and language, refuses requests forged
//! by other sites, and renders failures at the end. After it, handlers see paths without `/t/slug`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header, uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::headers;
use super::patience::Lateness;
use mortise_engine::{Channel, Origin};

use crate::pages::ErrorView;
use crate::{AppState, Base, Failure, RequestContext, TenantHandle, auth, language, pages};

/// A device says at most so much about itself; the rest of a longer `User-Agent` is cut off.
const DEVICE_CHARS: usize = 200;

/// How failures of this request are told.
struct Telling {
    program: bool,
    htmx: bool,
    language: &'static str,
    base: Base,
    uri: Uri,
    https: bool,
}

/// Middleware: everything described at the top of the module.
pub async fn context(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let mut telling = Telling::of(&state, &request);
    let prepared = prepare(&state, &mut request, &mut telling).await;
    let known = prepared.as_ref().ok().cloned();
    let lateness = request.extensions().get::<Lateness>().cloned();
    let mut response = match prepared {
        Ok(_) => patiently(next, request).await,
        Err(failure) => failure.into_response(),
    };
    if lateness.is_some_and(|lateness| lateness.is_late()) {
        response = Failure::new(StatusCode::REQUEST_TIMEOUT, "http.too_slow").into_response();
    }
    if response.status().is_client_error() || response.status().is_server_error() {
        response = tell(&state, response, &telling, known.as_ref());
    }
    headers::secure(response.headers_mut(), telling.https, telling.program);
    response
}

/// Definitions that change once more while a question is asked again are rare.
const ASKED_MAX: usize = 3;

/// Runs a request. A question that met definitions on their way is asked again: nobody did anything wrong.
async fn patiently(next: Next, request: Request) -> Response {
    if !request.method().is_safe() {
        return next.run(request).await;
    }
    let (parts, _) = request.into_parts();
    let mut asked = 1;
    loop {
        let response = next.clone().run(Request::from_parts(parts.clone(), Body::empty())).await;
        let moved = |failure: &Arc<Failure>| failure.model_moved();
        if asked == ASKED_MAX || !response.extensions().get().is_some_and(moved) {
            return response;
        }
        asked += 1;
    }
}

/// Finds out who asks for what and puts it into the extensions of the request.
async fn prepare(
    state: &AppState,
    request: &mut Request,
    telling: &mut Telling,
) -> Result<Arc<RequestContext>, Failure> {
    let (tenant, base) = resolve_tenant(state, request).await?;
    telling.base = base.clone();
    let ip = client_ip(state, request);
    let headers = request.headers();
    let path = request.uri().path();
    let call = path.starts_with("/hooks/");
    if !call {
        auth::refuse_forged(request.method(), headers)?;
    }
    let device = device(headers);
    // Assets are for everybody; who calls from another system is known by the signature.
    let person = match call || path.starts_with("/assets/") {
        true => None,
        false => {
            let channel = if telling.program { Channel::Api } else { Channel::Page };
            let origin = Origin { channel, ip, device: device.clone() };
            auth::identify(state, &tenant, headers, (request.method(), request.uri().path()), origin).await?
        }
    };
    let directory = tenant.engine.directory();
    let own = person.as_ref().and_then(|person| directory.user(person.actor.user.id)?.language.as_deref());
    telling.language = language::negotiate(own, headers, Some(&tenant.record.language));
    let context = Arc::new(RequestContext {
        base: base.clone(),
        tenant,
        person,
        language: telling.language,
        ip,
        device,
        secure: telling.https,
        htmx: telling.htmx,
    });
    request.extensions_mut().insert(context.clone());
    Ok(context)
}

impl Telling {
    fn of(state: &AppState, request: &Request) -> Self {
        let headers = request.headers();
        let forwarded = state.config.serving.trust_proxy.then(|| headers.get("x-forwarded-proto")).flatten();
        Telling {
            program: is_program(request.uri().path()),
            htmx: headers.contains_key("hx-request"),
            language: language::negotiate(None, headers, None),
            base: Base("".into()),
            uri: request.uri().clone(),
            https: state.config.public_https() || forwarded.is_some_and(|proto| proto == "https"),
        }
    }
}

/// Programs ask below `/api/` and call at `/hooks/`, in whichever tenant.
fn is_program(path: &str) -> bool {
    let inside = path.strip_prefix("/t/").and_then(|rest| rest.split_once('/')).map(|(_, rest)| rest);
    let inside = inside.or(path.strip_prefix('/'));
    inside.is_some_and(|rest| rest.starts_with("api/") || rest.starts_with("hooks/"))
}

/// The tenant by `/t/slug` (which is then cut off the path) or by host.
async fn resolve_tenant(
    state: &AppState,
    request: &mut Request,
) -> Result<(Arc<TenantHandle>, Base), Failure> {
    let path = request.uri().path();
    if let Some(rest) = path.strip_prefix("/t/") {
        let slug = rest.split('/').next().unwrap_or_default();
        let tenant = state.tenant(slug).await?;
        let base = tenant.base.clone();
        let rewritten = without_prefix(request.uri(), base.0.len());
        *request.uri_mut() = rewritten;
        return Ok((tenant, base));
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let slug = state.slug_of_host(host);
    let slug = slug.ok_or_else(|| Failure::not_found("tenant.unknown").with("tenant", host.unwrap_or("")))?;
    Ok((state.tenant(&slug).await?, Base("".into())))
}

/// The same address without the first `length` bytes of its path.
fn without_prefix(address: &Uri, length: usize) -> Uri {
    let path = address.path_and_query().map_or("/", |path| path.as_str());
    let rest = &path[length..];
    let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    let mut parts = address.clone().into_parts();
    parts.path_and_query = uri::PathAndQuery::try_from(rest).ok();
    Uri::from_parts(parts).unwrap_or_else(|_| Uri::from_static("/"))
}

fn client_ip(state: &AppState, request: &Request) -> Option<IpAddr> {
    let forwarded = || {
        let header = request.headers().get("x-forwarded-for")?.to_str().ok()?;
        // The last entry was written by our own proxy; those before it may be invented.
        header.rsplit(',').next()?.trim().parse().ok()
    };
    let peer = || request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    if state.config.serving.trust_proxy { forwarded().or_else(peer) } else { peer() }
}

fn device(headers: &HeaderMap) -> Option<Arc<str>> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    // Header values that are `str` are ASCII, so that every index is between characters.
    Some(text[..text.len().min(DEVICE_CHARS)].into())
}

/// Puts a failure into words: a problem document for programs, a page for people.
fn tell(
    state: &AppState,
    response: Response,
    telling: &Telling,
    known: Option<&Arc<RequestContext>>,
) -> Response {
    let carried = response.extensions().get::<Arc<Failure>>().cloned();
    let failure = match carried {
        Some(failure) => failure,
        // Already told by the handler itself (a form with errors beside its fields).
        None if is_told(&response) => return response,
        None => Arc::new(by_status(response.status())),
    };
    if let Some(cause) = failure.log() {
        tracing::error!(path = telling.uri.path(), code = failure.code(), cause, "request failed");
    }
    if telling.program {
        return failure.to_problem_response(telling.language);
    }
    let mut page = pages::error_page(
        state,
        ErrorView {
            failure: &failure,
            language: telling.language,
            base: &telling.base,
            path: telling.uri.path_and_query().map_or("/", |path| path.as_str()),
            htmx: telling.htmx,
            context: known,
        },
    );
    failure.add_headers(&mut page);
    page
}

/// True for answers that have words for people or programs already.
fn is_told(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| !kind.starts_with("text/plain"))
}

/// What a refusal of the framework (no such route, wrong method, body too large) means.
fn by_status(status: StatusCode) -> Failure {
    let code = match status {
        StatusCode::NOT_FOUND => "http.not_found",
        StatusCode::METHOD_NOT_ALLOWED => "http.method_not_allowed",
        StatusCode::PAYLOAD_TOO_LARGE => "http.too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "http.unsupported_type",
        status if status.is_server_error() => "server.failed",
        _ => "http.bad_request",
    };
    Failure::new(status, code)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use mortise_engine::Error;
    use tower::Service;

    use super::*;

    /// How often a handler is asked that meets changing definitions so many times, and what is answered in the end.
    async fn ask(method: &str, changes: usize) -> (usize, StatusCode) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let handler = move || {
            let turn = counter.fetch_add(1, Ordering::Relaxed);
            async move { if turn < changes { Err(Failure::from(Error::ModelChanged)) } else { Ok("rows") } }
        };
        let layer = from_fn(|request: Request, next: Next| patiently(next, request));
        let mut routes = Router::new().route("/", get(handler.clone()).post(handler)).layer(layer);
        let request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
        let response = routes.call(request).await.unwrap();
        (asked.load(Ordering::Relaxed), response.status())
    }

    #[tokio::test]
    async fn a_question_that_meets_changing_definitions_is_asked_again() {
        assert_eq!(ask("GET", 0).await, (1, StatusCode::OK));
        assert_eq!(ask("GET", 1).await, (2, StatusCode::OK));
        assert_eq!(ask("GET", 9).await, (ASKED_MAX, StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(ask("POST", 1).await, (1, StatusCode::SERVICE_UNAVAILABLE), "it may have been done");
    }
}
