//! A person's visit to a page: the request, how it is to look, and the ways to answer (a page, the next page, a fragment).
//! Handlers of pages take a [`Visit`]; those of pages before sign-in take a [`Guest`].

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use minijinja::value::Serde;
use minijinja::{Value, context};
use mortise_definition::locale;
use mortise_definition::model::EntityModel;
use mortise_definition::source::Operation;
use serde::Serialize;

use super::flash::{self, Toast};
use super::problem::Problem;
use super::shell;
use crate::{AppState, Ctx, Failure, RequestContext, SignedIn};

/// Cookie with the theme that was chosen on this device.
const THEME: &str = "mortise_theme";
/// A year, in seconds: as long as a device is used.
const THEME_LASTS: u32 = 31_536_000;

/// The header of pages that are read to be kept, and that nobody sees now: messages stay for the next page.
const KEEP: &str = "x-mortise-keep";

/// How a page is to look, and where it is.
pub(super) struct Look {
    /// `auto`, `light` or `dark`.
    pub theme: &'static str,
    /// Message that the page before left.
    pub flash: Option<Toast>,
    /// Path without base.
    pub path: String,
    /// Parameters of the address, in order.
    pub params: Vec<(String, String)>,
}

impl Look {
    /// Reads a request.
    pub(super) fn of(parts: &Parts) -> Look {
        let params =
            axum::extract::Query::try_from_uri(&parts.uri).map(|query: axum::extract::Query<_>| query.0);
        Look {
            theme: theme(flash::cookie(&parts.headers, THEME).unwrap_or_default()).unwrap_or("auto"),
            flash: flash::read(&parts.headers).filter(|_| !parts.headers.contains_key(KEEP)),
            path: parts.uri.path().to_owned(),
            params: params.unwrap_or_default(),
        }
    }

    /// When nothing is known of the request.
    pub(super) fn plain(path: &str) -> Look {
        Look { theme: "auto", flash: None, path: path.to_owned(), params: Vec::new() }
    }

    /// The last value of a parameter.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A theme by its name.
pub(super) fn theme(name: &str) -> Option<&'static str> {
    ["auto", "light", "dark"].into_iter().find(|known| *known == name)
}

/// `Set-Cookie` that remembers the theme on this device.
pub(super) fn theme_cookie(theme: &str) -> HeaderValue {
    let text = format!("{THEME}={theme}; Path=/; Max-Age={THEME_LASTS}; SameSite=Lax");
    HeaderValue::try_from(text).expect("themes are plain words")
}

/// A visit of somebody who is signed in.
pub(super) struct Visit {
    /// Shared state.
    pub state: AppState,
    /// Who.
    pub by: SignedIn,
    /// How it looks.
    pub look: Look,
}

impl Deref for Visit {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.by
    }
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failure> {
        let by = SignedIn::from_request_parts(parts, state).await?;
        Ok(Visit { state: state.clone(), by, look: Look::of(parts) })
    }
}

/// A visit of anybody.
pub(super) struct Guest {
    /// Shared state.
    pub state: AppState,
    /// The request.
    pub context: Arc<RequestContext>,
    /// How it looks.
    pub look: Look,
}

impl FromRequestParts<AppState> for Guest {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failure> {
        let Ctx(context) = Ctx::from_request_parts(parts, state).await?;
        Ok(Guest { state: state.clone(), context, look: Look::of(parts) })
    }
}

impl Visit {
    /// Whether the person may do this with any record of the entity.
    pub(super) fn may(&self, entity: &EntityModel, operation: Operation) -> bool {
        self.tenant.engine.may(self.actor(), &entity.key, operation)
    }

    /// Words of the catalogue.
    pub(super) fn t(&self, key: &str, args: &[(&str, &str)]) -> String {
        locale::translate(self.language, &format!("ui.{key}"), args)
    }

    /// A page: `parts` are what its template needs, by name.
    pub(super) fn page(
        &self,
        template: &str,
        title: &str,
        parts: impl Serialize,
    ) -> Result<Response, Failure> {
        self.page_with(template, title, parts, Vec::new())
    }

    /// A page that tells what went wrong on the way to it, if anything did: as `problem` in its template, and by its status.
    pub(super) fn page_telling(
        &self,
        template: &str,
        title: &str,
        parts: impl Serialize,
        failure: Option<&Failure>,
    ) -> Result<Response, Failure> {
        let problem = failure.map(|failure| Problem::of(failure, self.language));
        let mut response = self.page(template, title, Telling { parts, problem })?;
        if let Some(failure) = failure {
            *response.status_mut() = failure.status();
        }
        Ok(response)
    }

    /// A page with messages of its own.
    pub(super) fn page_with(
        &self,
        template: &str,
        title: &str,
        parts: impl Serialize,
        toasts: Vec<Toast>,
    ) -> Result<Response, Failure> {
        let page = shell::page(&self.by, Some(&self.by), &self.look, self.language, title, toasts);
        render(&self.state, self.by.context(), &self.look, self.language, template, page, parts)
    }

    /// Goes to another page of the tenant (a path without base).
    pub(super) fn go(&self, path: &str) -> Response {
        go(self.htmx, &self.base.path(path))
    }

    /// Goes to another page, which shows a message.
    pub(super) fn go_with(&self, path: &str, toast: &Toast) -> Response {
        let mut response = self.go(path);
        if let Some(cookie) = toast.cookie(&self.base) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

/// The parts of a page, with what went wrong.
#[derive(Serialize)]
struct Telling<T> {
    #[serde(flatten)]
    parts: T,
    problem: Option<Problem>,
}

impl Guest {
    /// A page in a language.
    pub(super) fn page(
        &self,
        language: &'static str,
        template: &str,
        title: &str,
        parts: impl Serialize,
    ) -> Result<Response, Failure> {
        let page = shell::page(&self.context, None, &self.look, language, title, Vec::new());
        render(&self.state, &self.context, &self.look, language, template, page, parts)
    }
}

/// The way to another page: for htmx by its header, because a browser follows redirects of `fetch` unseen.
pub(super) fn go(htmx: bool, address: &str) -> Response {
    if !htmx {
        return Redirect::to(address).into_response();
    }
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::try_from(address) {
        headers.insert("hx-redirect", value);
    }
    (StatusCode::OK, headers).into_response()
}

/// Renders a template with the shell's values and the page's.
pub(super) fn render(
    state: &AppState,
    context: &RequestContext,
    look: &Look,
    language: &str,
    template: &str,
    page: shell::Page,
    parts: impl Serialize,
) -> Result<Response, Failure> {
    let parts = context! { page => Value::from(Serde(page)), ..Value::from(Serde(parts)) };
    let html = state.pages.templates.render(language, template, parts);
    let html = html.map_err(|error| Failure::internal(format!("{error:#}")))?;
    let mut response = Html(html).into_response();
    if look.flash.is_some() {
        response.headers_mut().append(header::SET_COOKIE, flash::clear(&context.base));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;
    use crate::Base;

    #[test]
    fn a_page_that_is_kept_leaves_the_message_for_the_one_that_is_seen() {
        let cookie = Toast::good("Saved").cookie(&Base("/t/demo".into())).unwrap();
        let look = |name: &str| {
            let (parts, ()) =
                Request::get("/").header("cookie", &cookie).header(name, "1").body(()).unwrap().into_parts();
            Look::of(&parts).flash
        };
        assert!(look("accept").is_some());
        assert!(look(KEEP).is_none());
    }
}
