//! API tokens: everybody makes tokens in their own name; administrators see and remove those of all.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use mortise_store::control::Token;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::body::{Body, json};
use crate::auth::{Scopes, new_token};
use crate::{AppState, Failure, SignedIn};

/// Longest name of a token.
const NAME_CHARS: usize = 100;

/// A token without its secret.
#[derive(Debug, Clone, Serialize)]
pub struct TokenView {
    /// Id.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// In whose name it acts.
    pub user: Uuid,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        TokenView {
            id: token.id,
            name: token.name,
            user: token.user_id,
            scopes: Scopes::from_stored(&token.scopes).words().to_vec(),
            created_at: token.created_at,
            expires_at: token.expires_at,
        }
    }
}

/// A new token as asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenInput {
    /// What it is for.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// When it ends; never unless given.
    pub expires_at: Option<DateTime<Utc>>,
    /// In whose name; the own unless given. For administrators.
    pub user: Option<Uuid>,
}

/// The own tokens, or all tokens of the tenant for an administrator.
pub async fn all(state: &AppState, by: &SignedIn) -> Result<Vec<TokenView>, Failure> {
    let user = (!by.user().admin).then_some(by.user().id);
    let tokens = state.control.tokens(by.tenant.record.id, user).await?;
    Ok(tokens.into_iter().map(TokenView::from).collect())
}

/// Makes a token; the text of the token is in the answer only.
pub async fn create(
    state: &AppState,
    by: &SignedIn,
    input: TokenInput,
) -> Result<(String, TokenView), Failure> {
    let scopes = Scopes::parse(input.scopes.iter().map(String::as_str))?;
    if input.name.trim().is_empty() || input.name.chars().count() > NAME_CHARS {
        return Err(Failure::invalid_field("name", "user.name_length"));
    }
    if input.expires_at.is_some_and(|expiry| expiry <= state.now()) {
        return Err(Failure::invalid_field("expires_at", "token.expiry"));
    }
    let user = input.user.unwrap_or(by.user().id);
    if user != by.user().id {
        by.require_admin()?;
    }
    if by.tenant.engine.directory().user(user).is_none() {
        return Err(Failure::invalid_field("user", "user.not_found"));
    }
    let name = input.name.trim().to_owned();
    let (secret, token) =
        new_token(state, by.tenant.record.id, user, name, &scopes, input.expires_at).await?;
    super::note(by, "token_created", json!({"token": token.id, "name": token.name, "user": user})).await?;
    Ok((secret, token.into()))
}

/// Removes a token; it stops working at once.
pub async fn remove(state: &AppState, by: &SignedIn, id: Uuid) -> Result<(), Failure> {
    let user = (!by.user().admin).then_some(by.user().id);
    let token = state.control.delete_token(by.tenant.record.id, user, id).await?;
    let token = token.ok_or_else(|| Failure::not_found("token.not_found"))?;
    state.sign_ins.forget_user(token.user_id);
    super::note(by, "token_removed", json!({"token": id, "name": token.name})).await
}

/// `GET /tokens`.
pub(super) async fn list(State(state): State<AppState>, by: SignedIn) -> Result<Response, Failure> {
    Ok(json(&json!({"rows": all(&state, &by).await?})))
}

/// `POST /tokens`.
pub(super) async fn post(
    State(state): State<AppState>,
    by: SignedIn,
    Body(input): Body<TokenInput>,
) -> Result<Response, Failure> {
    let (secret, view) = create(&state, &by, input).await?;
    let mut answer = serde_json::to_value(view).map_err(Failure::internal)?;
    answer["token"] = secret.into();
    Ok((StatusCode::CREATED, json(&answer)).into_response())
}

/// `DELETE /tokens/{id}`.
pub(super) async fn delete(
    State(state): State<AppState>,
    by: SignedIn,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Failure> {
    remove(&state, &by, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
