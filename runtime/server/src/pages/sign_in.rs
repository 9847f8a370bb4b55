//! Signing in and out. The page tells no more than "wrong"; how often it may be tried is decided by `auth`.

use axum::extract::{Form, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use mortise_store::control::UserPatch;
use serde::{Deserialize, Serialize};

use super::visit::Guest;
use crate::{AppState, Ctx, Failure, auth, language};

#[derive(Serialize)]
struct SignIn {
    next: String,
    login: String,
    chosen: Option<&'static str>,
    error: Option<Said>,
}

#[derive(Serialize)]
struct Said {
    title: String,
    hint: String,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Credentials {
    #[serde(default)]
    login: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
    #[serde(default)]
    lang: String,
}

/// A place of this tenant to go to afterwards; addresses of other sites are dropped.
fn inside(next: &str) -> &str {
    let own = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']);
    if own { next } else { "/" }
}

fn page(guest: &Guest, form: SignIn) -> Result<Response, Failure> {
    let language = form.chosen.unwrap_or(guest.context.language);
    let title = mortise_definition::locale::translate(language, "ui.sign_in.page", &[]);
    guest.page(language, "sign_in.html", &title, form)
}

/// `GET /sign-in`.
pub(super) async fn show(guest: Guest) -> Result<Response, Failure> {
    let next = inside(guest.look.param("next").unwrap_or("/")).to_owned();
    if guest.context.person.is_some() {
        return Ok(Redirect::to(&guest.context.base.path(&next)).into_response());
    }
    let chosen = guest.look.param("lang").and_then(language::supported);
    page(&guest, SignIn { next, login: String::new(), chosen, error: None })
}

/// `POST /sign-in`.
pub(super) async fn submit(guest: Guest, Form(form): Form<Credentials>) -> Result<Response, Failure> {
    let chosen = language::supported(&form.lang).filter(|_| !form.lang.is_empty());
    let next = inside(&form.next).to_owned();
    let done = auth::sign_in(&guest.state, &guest.context, &form.login, form.password).await;
    let signed_in = match done {
        Ok(signed_in) => signed_in,
        Err(failure) if failure.status().is_server_error() => return Err(failure),
        Err(failure) => {
            let language = chosen.unwrap_or(guest.context.language);
            let error = Some(Said { title: failure.title(language), hint: failure.hint(language) });
            let mut response = page(&guest, SignIn { next, login: form.login, chosen, error })?;
            *response.status_mut() = failure.status();
            failure.add_headers(&mut response);
            return Ok(response);
        }
    };
    if let Some(language) = chosen {
        remember(&guest, signed_in.user, language).await?;
    }
    let mut response = Redirect::to(&guest.context.base.path(&next)).into_response();
    response.headers_mut().append(header::SET_COOKIE, signed_in.cookie);
    Ok(response)
}

/// The language that was chosen while signing in becomes the person's.
async fn remember(guest: &Guest, user: uuid::Uuid, language: &str) -> Result<(), Failure> {
    let (state, tenant) = (&guest.state, &guest.context.tenant);
    let patch = UserPatch { language: Some(Some(language.to_owned())), ..UserPatch::default() };
    state.control.update_user(tenant.record.id, user, None, patch, state.now()).await?;
    state.reload_directory(tenant).await
}

/// `POST /sign-out`.
pub(super) async fn sign_out(State(state): State<AppState>, Ctx(context): Ctx) -> Result<Response, Failure> {
    let cookie = auth::sign_out(&state, &context).await?;
    let mut response = Redirect::to(&context.base.path("/sign-in")).into_response();
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn nobody_is_sent_to_another_site_after_signing_in() {
        for outside in
            ["https://evil.example", "//evil.example", "/\\evil.example", "", "javascript:alert(1)"]
        {
            assert_eq!(inside(outside), "/", "{outside}");
        }
        assert_eq!(inside("/a/crm/lead?view=x"), "/a/crm/lead?view=x");
    }
}
