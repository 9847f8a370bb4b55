//! Imports over HTTP: upload a file, look at it, map its columns, start, watch, fetch the refused rows.

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use mortise_engine::exchange::{FILE_BYTES_MAX, Job, Mapping, Preview, RowError};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::body::{Body, Raw, json as json_answer, parse};
use crate::{AppState, Failure, SignedIn};

/// Routes below `/imports`.
pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/imports", get(list).post(upload))
        .route("/imports/{id}", get(read).delete(remove))
        .route("/imports/{id}/preview", post(preview))
        .route("/imports/{id}/start", post(start))
        .route("/imports/{id}/cancel", post(cancel))
        .route("/imports/{id}/report", get(report))
}

/// What is imported, and how the file is called.
#[derive(Deserialize)]
struct Target {
    entity: String,
    name: Option<String>,
}

/// An import as the API tells it, with its errors in words.
pub fn job_json(job: &Job, language: &str) -> Value {
    let mut value = json!(job);
    value["errors"] = job.errors.iter().map(|error| error_json(error, language)).collect();
    if let Some(failure) = &job.failure {
        value["failure"] = json!({"code": failure.code, "message": failure.message(language), "hint": failure.hint(language)});
    }
    value
}

fn error_json(error: &RowError, language: &str) -> Value {
    json!({
        "row": error.row,
        "column": error.column,
        "field": error.field,
        "value": error.value,
        "code": error.complaint.code,
        "message": error.complaint.message(language),
        "hint": error.complaint.hint(language),
    })
}

fn preview_json(preview: &Preview, language: &str) -> Value {
    let rows = preview.rows.iter().map(|row| json!({"row": row.number, "cells": row.cells}));
    json!({
        "headers": preview.headers,
        "guessed": preview.guessed,
        "rows": rows.collect::<Vec<_>>(),
        "errors": preview.errors.iter().map(|error| error_json(error, language)).collect::<Vec<_>>(),
    })
}

/// `GET /imports`.
async fn list(by: SignedIn) -> Result<Response, Failure> {
    let jobs = by.tenant.engine.imports().list(by.actor())?;
    let rows: Vec<Value> = jobs.iter().map(|job| job_json(job, by.language)).collect();
    Ok(json_answer(&json!({"rows": rows})))
}

/// `POST /imports?entity=app.entity&name=leads.csv`: the body is the file.
async fn upload(
    State(_): State<AppState>,
    by: SignedIn,
    Query(target): Query<Target>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Failure> {
    super::files::refuse_announced(&headers, FILE_BYTES_MAX, FILE_BYTES_MAX)?;
    let name = target.name.unwrap_or_else(|| "import".to_owned());
    let bytes = request.into_body().into_data_stream();
    let job = by
        .tenant
        .engine
        .imports()
        .upload(&by.tenant.engine, by.actor(), &target.entity, &name, bytes)
        .await?;
    let location = (header::LOCATION, by.base.path(&format!("/api/v1/imports/{}", job.id)));
    Ok((StatusCode::CREATED, [location], json_answer(&job_json(&job, by.language))).into_response())
}

/// `GET /imports/{id}`: state and progress.
async fn read(by: SignedIn, Path(id): Path<Uuid>) -> Result<Response, Failure> {
    Ok(json_answer(&job_json(&by.tenant.engine.imports().job(by.actor(), id)?, by.language)))
}

/// `POST /imports/{id}/preview`: what a mapping would do with the first rows; the guess without a body.
async fn preview(by: SignedIn, Path(id): Path<Uuid>, Raw(bytes): Raw) -> Result<Response, Failure> {
    let mapping: Mapping = if bytes.is_empty() { Mapping::default() } else { parse(&bytes)? };
    let preview = by.tenant.engine.imports().preview(&by.tenant.engine, by.actor(), id, &mapping).await?;
    Ok(json_answer(&preview_json(&preview, by.language)))
}

/// What to start with; nothing goes on with an import that was stopped.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    mapping: Option<Mapping>,
}

/// `POST /imports/{id}/start`.
async fn start(by: SignedIn, Path(id): Path<Uuid>, Body(start): Body<Start>) -> Result<Response, Failure> {
    let job = by.tenant.engine.imports().start(&by.tenant.engine, by.actor(), id, start.mapping).await?;
    Ok((StatusCode::ACCEPTED, json_answer(&job_json(&job, by.language))).into_response())
}

/// `POST /imports/{id}/cancel`.
async fn cancel(by: SignedIn, Path(id): Path<Uuid>) -> Result<StatusCode, Failure> {
    by.tenant.engine.imports().cancel(by.actor(), id)?;
    Ok(StatusCode::ACCEPTED)
}

/// `DELETE /imports/{id}`: the import and its file; the records stay.
async fn remove(by: SignedIn, Path(id): Path<Uuid>) -> Result<StatusCode, Failure> {
    by.tenant.engine.imports().remove(by.actor(), id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /imports/{id}/report`: refused rows as CSV.
async fn report(by: SignedIn, Path(id): Path<Uuid>) -> Result<Response, Failure> {
    report_file(&by, id).await
}

/// The refused rows of an import as a file.
pub async fn report_file(by: &SignedIn, id: Uuid) -> Result<Response, Failure> {
    let path = by.tenant.engine.imports().report(by.actor(), id)?;
    let file = tokio::fs::File::open(path).await.map_err(Failure::internal)?;
    let stream = tokio_util::io::ReaderStream::new(file);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (header::CONTENT_DISPOSITION, super::files::disposition("attachment", "errors.csv")),
    ];
    Ok((headers, axum::body::Body::from_stream(stream)).into_response())
}
