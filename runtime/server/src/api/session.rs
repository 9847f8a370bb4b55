//! The session of the caller: sign in, sign out, who am I, own language and password.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use mortise_store::control::UserPatch;
use serde::Deserialize;
use serde_json::json;

use super::body::{Body, json, present};
use crate::context::Via;
use crate::{AppState, Ctx, Failure, RequestContext, SignedIn, auth, language};

/// Login and password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    login: String,
    password: String,
}

/// What people change about themselves.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct OwnInput {
    /// Language; `null` follows the browser.
    #[serde(default, deserialize_with = "present")]
    pub language: Option<Option<String>>,
    /// New password; needs the present one.
    pub password: Option<String>,
    /// Present password.
    pub current_password: Option<String>,
}

fn describe(context: &RequestContext) -> serde_json::Value {
    let person = context.person.as_ref().map(|person| {
        let user = &person.actor.user;
        let via = match &person.via {
            Via::Session { .. } => "session",
            Via::Token { .. } => "token",
            Via::Operator => "operator",
        };
        json!({
            "id": user.id,
            "name": user.name,
            "administrator": user.admin,
            "roles": user.roles,
            "via": via,
        })
    });
    let tenant = &context.tenant.record;
    json!({
        "user": person,
        "language": context.language,
        "tenant": {"slug": tenant.slug, "name": tenant.name, "time_zone": tenant.time_zone},
    })
}

/// `GET /session`: who am I.
pub(super) async fn get(by: SignedIn) -> Response {
    json(&describe(&by))
}

/// `POST /session`: sign in.
pub(super) async fn post(
    State(state): State<AppState>,
    Ctx(context): Ctx,
    Body(credentials): Body<Credentials>,
) -> Result<Response, Failure> {
    let done = auth::sign_in(&state, &context, &credentials.login, credentials.password).await?;
    let answer = json(&json!({"user": {"id": done.user}, "expires_at": done.expires_at}));
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, done.cookie)], answer).into_response())
}

/// `DELETE /session`: sign out.
pub(super) async fn delete(State(state): State<AppState>, Ctx(context): Ctx) -> Result<Response, Failure> {
    let cookie = auth::sign_out(&state, &context).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// `PATCH /session`: own language and password.
pub(super) async fn patch(
    State(state): State<AppState>,
    by: SignedIn,
    Body(input): Body<OwnInput>,
) -> Result<StatusCode, Failure> {
    change_own(&state, &by, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes what people may change about themselves. A new password ends all other sessions and keeps this one.
pub async fn change_own(state: &AppState, by: &SignedIn, input: OwnInput) -> Result<(), Failure> {
    let Via::Session { hash: own } = by.person().via else { return Err(Failure::forbidden()) };
    let (tenant, id) = (by.tenant.record.id, by.user().id);
    if let Some(Some(tag)) = &input.language
        && language::supported(tag).is_none_or(|known| known != tag)
    {
        return Err(Failure::invalid_field("language", "user.language"));
    }
    let mut patch = UserPatch { language: input.language, ..UserPatch::default() };
    let new_password = input.password.is_some();
    if let Some(password) = input.password {
        let user = state.control.user(tenant, id).await?.ok_or_else(Failure::sign_in_required)?;
        let current = input.current_password.unwrap_or_default();
        if !state.passwords.verify(current, user.password_hash).await? {
            return Err(Failure::invalid_field("current_password", "auth.wrong_password"));
        }
        patch.password_hash = Some(state.passwords.hash(password).await?);
    }
    let session = match new_password {
        true => state.control.session(&auth::hex(&own)).await?,
        false => None,
    };
    state.control.update_user(tenant, id, None, patch, state.now()).await?;
    if new_password {
        state.control.end_access(id, false).await?;
        state.sign_ins.forget_user(id);
        if let Some(session) = session {
            state.control.create_session(session).await?;
        }
        super::note(by, "password_changed", json!({"user": id})).await?;
    }
    state.reload_directory(&by.tenant).await
}
