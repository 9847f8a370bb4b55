//! What whoever asks chose for themselves (widths and order of columns, for example), and the filters that they keep or share.
//! Nobody reads somebody else's choices.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use mortise_engine::FilterInput;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::{Body, json as json_answer};
use super::records::id_of;
use crate::{Failure, SignedIn};

/// `GET /choices/{name}`: `{"value": …}`, null where nothing was chosen.
pub(super) async fn read(by: SignedIn, Path(name): Path<String>) -> Result<Response, Failure> {
    let value = by.tenant.engine.choice(by.actor(), &name).await?;
    Ok(json_answer(&json!({ "value": value })))
}

/// What is chosen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chosen {
    value: Value,
}

/// `PUT /choices/{name}`.
pub(super) async fn put(
    by: SignedIn,
    Path(name): Path<String>,
    Body(chosen): Body<Chosen>,
) -> Result<StatusCode, Failure> {
    let value = Some(chosen.value).filter(|value| !value.is_null());
    by.tenant.engine.choose(by.actor(), &name, value).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /choices/{name}`.
pub(super) async fn delete(by: SignedIn, Path(name): Path<String>) -> Result<StatusCode, Failure> {
    by.tenant.engine.choose(by.actor(), &name, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Of which entity.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Of {
    entity: String,
}

/// `GET /saved-filters?entity=`: the person's own, and those that others share.
pub(super) async fn filters(by: SignedIn, Query(of): Query<Of>) -> Result<Response, Failure> {
    let rows = by.tenant.engine.saved_filters(by.actor(), &of.entity).await?;
    Ok(json_answer(&json!({ "rows": rows })))
}

/// A filter to be kept.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    entity: String,
    name: String,
    params: Map<String, Value>,
    #[serde(default)]
    shared: bool,
}

impl From<Kept> for FilterInput {
    fn from(kept: Kept) -> FilterInput {
        FilterInput { entity: kept.entity, name: kept.name, params: kept.params, shared: kept.shared }
    }
}

/// `POST /saved-filters`.
pub(super) async fn keep(by: SignedIn, Body(kept): Body<Kept>) -> Result<Response, Failure> {
    let filter = by.tenant.engine.save_filter(by.actor(), None, kept.into()).await?;
    Ok((StatusCode::CREATED, json_answer(&json!(filter))).into_response())
}

/// `PUT /saved-filters/{id}`: one of the person's own.
pub(super) async fn change(
    by: SignedIn,
    Path(id): Path<String>,
    Body(kept): Body<Kept>,
) -> Result<Response, Failure> {
    let filter = by.tenant.engine.save_filter(by.actor(), Some(id_of(&id)?), kept.into()).await?;
    Ok(json_answer(&json!(filter)))
}

/// `DELETE /saved-filters/{id}`.
pub(super) async fn forget(by: SignedIn, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    by.tenant.engine.delete_filter(by.actor(), id_of(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
