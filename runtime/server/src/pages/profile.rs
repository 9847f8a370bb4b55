//! What people decide for themselves: language, theme, password, where they are signed in, API tokens.

use axum::extract::{Form, Path};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::flash::Toast;
use super::sessions;
use super::show::Show;
use super::visit::{self, Visit};
use crate::api::session::{OwnInput, change_own};
use crate::api::tokens::{self, TokenInput};
use crate::{AppState, Failure};

/// Scopes that the page offers; narrower ones are made by the API.
const SCOPES: [&str; 3] = ["read", "write", "admin"];

#[derive(Serialize)]
struct Page {
    profile: Profile,
}

#[derive(Serialize)]
struct Profile {
    login: String,
    department: Option<String>,
    sessions: Vec<sessions::Row>,
    tokens: Vec<Token>,
    scopes: Vec<Scope>,
    new_token: Option<String>,
}

#[derive(Serialize)]
struct Token {
    id: String,
    name: String,
    scopes: String,
    created: String,
    expires: Option<String>,
}

#[derive(Serialize)]
struct Scope {
    id: &'static str,
    label: String,
}

async fn page(
    visit: &Visit,
    failure: Option<&Failure>,
    new_token: Option<String>,
) -> Result<Response, Failure> {
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show =
        Show { by: &visit.by, model: &model, directory: &directory, now: visit.state.now(), files: &[] };
    let person = directory.user(visit.user().id);
    let own =
        tokens::all(&visit.state, visit).await?.into_iter().filter(|token| token.user == visit.user().id);
    let label = |scope: &str| visit.t(&format!("tokens.scope_{scope}"), &[]);
    let token = |token: tokens::TokenView| Token {
        id: token.id.to_string(),
        name: token.name,
        scopes: token
            .scopes
            .iter()
            .map(|scope| if SCOPES.contains(&&**scope) { label(scope) } else { scope.clone() })
            .collect::<Vec<_>>()
            .join(" · "),
        created: show.ago(token.created_at),
        expires: token.expires_at.map(|at| show.day_words(at.with_timezone(&visit.user().tz).date_naive())),
    };
    let profile = Profile {
        login: person.map(|person| person.login.clone()).unwrap_or_default(),
        department: person
            .and_then(|person| directory.department(person.department?))
            .map(|one| one.name.clone()),
        sessions: sessions::rows(visit, visit.user().id).await?,
        tokens: own.map(token).collect(),
        scopes: SCOPES
            .iter()
            .filter(|scope| **scope != "admin" || visit.user().admin)
            .map(|id| Scope { id, label: label(id) })
            .collect(),
        new_token,
    };
    visit.page_telling("profile.html", &visit.t("profile.title", &[]), Page { profile }, failure)
}

/// `GET /profile`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    page(&visit, None, None).await
}

#[derive(Deserialize)]
pub(super) struct Theme {
    theme: String,
}

/// `POST /profile/theme`: on this device only.
pub(super) async fn theme(visit: Visit, headers: HeaderMap, Form(form): Form<Theme>) -> Response {
    let Some(theme) = visit::theme(&form.theme) else { return StatusCode::BAD_REQUEST.into_response() };
    let mut response = back(&visit, &headers);
    response.headers_mut().append(header::SET_COOKIE, visit::theme_cookie(theme));
    response
}

#[derive(Deserialize)]
pub(super) struct Language {
    language: String,
}

/// `POST /profile/language`.
pub(super) async fn language(
    visit: Visit,
    headers: HeaderMap,
    Form(form): Form<Language>,
) -> Result<Response, Failure> {
    let input = OwnInput { language: Some(Some(form.language)), ..OwnInput::default() };
    change_own(&visit.state, &visit, input).await?;
    Ok(back(&visit, &headers))
}

/// The page that the form was on, when it is one of ours.
fn back(visit: &Visit, headers: &HeaderMap) -> Response {
    let from = headers.get(header::REFERER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = from
        .split_once("://")
        .and_then(|(_, rest)| rest.strip_prefix(host))
        .filter(|path| path.starts_with('/'));
    match path {
        Some(path) => visit::go(visit.htmx, path),
        None => visit.go("/profile"),
    }
}

#[derive(Deserialize)]
pub(super) struct Password {
    old: String,
    new: String,
}

/// `POST /profile/password`.
pub(super) async fn password(visit: Visit, Form(form): Form<Password>) -> Result<Response, Failure> {
    if let Err(failure) = crate::auth::check_new_password(&form.new) {
        return page(&visit, Some(&failure), None).await;
    }
    let input =
        OwnInput { password: Some(form.new), current_password: Some(form.old), ..OwnInput::default() };
    match change_own(&visit.state, &visit, input).await {
        Ok(()) => Ok(visit.go_with("/profile", &Toast::good(visit.t("profile.password_changed", &[])))),
        Err(failure) if failure.status().is_client_error() => page(&visit, Some(&failure), None).await,
        Err(failure) => Err(failure),
    }
}

/// `POST /profile/tokens`: shows the token this once.
pub(super) async fn new_token(
    visit: Visit,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let get = |name: &str| {
        form.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let scopes = form.iter().filter(|(name, _)| name == "scopes").map(|(_, value)| value.clone()).collect();
    let days: Option<i64> = get("days").parse().ok().filter(|days| (1..=3650).contains(days));
    let input = TokenInput {
        name: get("name"),
        scopes,
        expires_at: days.map(|days| visit.state.now() + TimeDelta::days(days)),
        user: None,
    };
    match tokens::create(&visit.state, &visit, input).await {
        Ok((secret, _)) => page(&visit, None, Some(secret)).await,
        Err(failure) if failure.status().is_client_error() => page(&visit, Some(&failure), None).await,
        Err(failure) => Err(failure),
    }
}

/// `POST /profile/tokens/{id}/delete`.
pub(super) async fn delete_token(
    axum::extract::State(state): axum::extract::State<AppState>,
    visit: Visit,
    Path(id): Path<Uuid>,
) -> Result<Response, Failure> {
    tokens::remove(&state, &visit, id).await?;
    Ok(visit.go_with("/profile", &Toast::good(visit.t("tokens.revoked", &[]))))
}
