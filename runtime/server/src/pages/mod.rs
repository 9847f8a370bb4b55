//! Pages for people: routes, templates and assets. Everything they do goes through the engine or the functions of `api`.

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::http::StatusCode;

use crate::{AppState, Base, Failure, RequestContext};

/// Templates and assets, loaded once at start.
pub struct Pages {}

impl Pages {
    /// Loads what the binary carries.
    pub fn load() -> Result<Self, std::io::Error> {
        Ok(Pages {})
    }
}

/// All pages, with paths as seen behind the tenant's base.
pub fn router() -> Router<AppState> {
    Router::new()
}

/// A failure that has to be shown to a person.
pub struct ErrorView<'a> {
    /// What went wrong.
    pub failure: &'a Failure,
    /// Language to tell it in.
    pub language: &'static str,
    /// Start of every link.
    pub base: &'a Base,
    /// Path and query that were asked for (with base).
    pub path: &'a str,
    /// Asked by htmx: a fragment is wanted.
    pub htmx: bool,
    /// The request, when it got as far as having one (tenant known).
    pub context: Option<&'a RequestContext>,
}

/// The page of a failure; somebody who is not signed in is sent to the sign-in page.
pub fn error_page(_state: &AppState, view: ErrorView<'_>) -> Response {
    if view.failure.status() == StatusCode::UNAUTHORIZED && view.context.is_some() {
        return Redirect::to(&view.base.path("/sign-in")).into_response();
    }
    (view.failure.status(), view.failure.title(view.language)).into_response()
}
