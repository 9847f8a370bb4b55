//! Signing in and out, and making tokens. Everything here leaves a note in the tenant's audit.

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use mortise_store::control::{Session, Token};
use uuid::Uuid;

use super::{Scopes, hash_secret, hex, new_secret, throttle};
use crate::context::Via;
use crate::{AppState, Base, Failure, RequestContext};

/// Name of the cookie.
pub(super) const COOKIE: &str = "mortise_session";
/// A session ends when it has not been used for this long; long enough for a holiday on a phone.
pub(super) const SESSION_LASTS: TimeDelta = TimeDelta::days(14);
/// How long a browser keeps the cookie (the longest that browsers allow); whether it is still good is decided here, not there.
const COOKIE_LASTS: TimeDelta = TimeDelta::days(400);
/// Start of every token, so that scanners of leaked secrets can tell it.
pub(super) const TOKEN_PREFIX: &str = "mrt_";

/// What a successful sign-in gives.
#[derive(Debug, Clone)]
pub struct SignedInCookie {
    /// Person.
    pub user: Uuid,
    /// Value of `Set-Cookie`.
    pub cookie: HeaderValue,
    /// When the session ends unless used.
    pub expires_at: DateTime<Utc>,
}

/// Checks login and password and starts a session.
pub async fn sign_in(
    state: &AppState,
    context: &RequestContext,
    login: &str,
    password: String,
) -> Result<SignedInCookie, Failure> {
    let tenant = context.tenant.record.id;
    let login = login.trim();
    throttle::count_attempt(state, tenant, login, context.ip).await?;
    let user = state.control.user_by_login(tenant, login).await?;
    let hash = user.as_ref().filter(|user| user.active).and_then(|user| user.password_hash.clone());
    let right = state.passwords.verify(password, hash).await?;
    let Some(user) = user.filter(|_| right) else {
        tracing::info!(tenant = %context.tenant.record.slug, ip = ?context.ip, "sign-in failed");
        return Err(Failure::new(StatusCode::UNAUTHORIZED, "auth.wrong_password"));
    };
    throttle::forget(state, tenant, login, context.ip).await?;
    let secret = new_secret("");
    let now = state.now();
    let session = Session {
        hash: hex(&hash_secret(&secret)),
        tenant_id: tenant,
        user_id: user.id,
        created_at: now,
        expires_at: now + SESSION_LASTS,
        ip: context.ip.map(|ip| ip.to_string()),
        device: context.device.as_deref().map(str::to_owned),
    };
    let expires_at = session.expires_at;
    state.control.create_session(session).await?;
    super::identify::note(context, user.id, "signed_in").await?;
    let cookie = cookie(&secret, &context.base, context.secure, COOKIE_LASTS);
    Ok(SignedInCookie { user: user.id, cookie, expires_at })
}

/// Ends the session of this request; the answer is the `Set-Cookie` that removes the cookie.
pub async fn sign_out(state: &AppState, context: &RequestContext) -> Result<HeaderValue, Failure> {
    if let Some(person) = &context.person
        && let Via::Session { hash } = &person.via
    {
        state.sign_ins.forget(hash);
        state.control.delete_session(&hex(hash)).await?;
        super::identify::note(context, person.actor.user.id, "signed_out").await?;
    }
    Ok(sign_out_cookie(context))
}

/// `Set-Cookie` that removes the session cookie.
pub fn sign_out_cookie(context: &RequestContext) -> HeaderValue {
    cookie("", &context.base, context.secure, TimeDelta::zero())
}

fn cookie(secret: &str, base: &Base, secure: bool, lasts: TimeDelta) -> HeaderValue {
    let path = if base.0.is_empty() { "/" } else { &base.0 };
    let secure = if secure { "; Secure" } else { "" };
    let seconds = lasts.num_seconds();
    let text = format!("{COOKIE}={secret}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).expect("secrets and slugs are visible ASCII")
}

/// Values of session cookies of a request: a browser may send one of `/` and one of `/t/slug`.
pub(super) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(axum::http::header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE && !value.is_empty()).then_some(value)
    })
}

/// Makes an API token; the text is shown once and never stored.
pub async fn new_token(
    state: &AppState,
    tenant: Uuid,
    user: Uuid,
    name: String,
    scopes: &Scopes,
    expires_at: Option<DateTime<Utc>>,
) -> Result<(String, Token), Failure> {
    let secret = new_secret(TOKEN_PREFIX);
    let token = Token {
        id: state.new_id(),
        hash: hex(&hash_secret(&secret)),
        tenant_id: tenant,
        user_id: user,
        name,
        scopes: scopes.words().join(" "),
        created_at: state.now(),
        expires_at,
    };
    state.control.create_token(token.clone()).await?;
    Ok((secret, token))
}
