//! Records over HTTP. The hot paths of the whole server: bodies are parsed once and handed to the engine, answers are the
//! engine's bytes. Who may do what, and what is valid, is decided by the engine alone.

use axum::extract::{Path, Query as Params};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mortise_engine::exchange::{self, Format};
use mortise_engine::{Command, Outcome, RunOptions, Written};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::body::{Body, Raw, json as json_answer, json_bytes, parse};
use super::etag::{self, IfMatch};
use crate::failure::problem_of;
use crate::{Failure, SignedIn};

/// Longest idempotency key; a UUID has 36 characters.
const KEY_CHARS: usize = 200;
/// Timeline entries of one answer.
const TIMELINE: i64 = 50;

/// Parameters as given, in order.
pub type Pairs = Params<Vec<(String, String)>>;

/// Id out of a path; a malformed one names no record.
pub(super) fn id_of(text: &str) -> Result<Uuid, Failure> {
    Uuid::try_parse(text).map_err(|_| Failure::bad_request("http.id").with("value", shortened(text)))
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

/// The key under which a repeated request is recognised; the engine binds it to the person.
pub(super) fn idempotency(headers: &HeaderMap) -> Result<RunOptions, Failure> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(RunOptions::default()) };
    let key = value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= KEY_CHARS);
    let wrong = || Failure::bad_request("http.idempotency_key").with("max", KEY_CHARS);
    Ok(RunOptions { idempotency_key: Some(key.ok_or_else(wrong)?.to_owned()) })
}

fn wants_record(headers: &HeaderMap) -> bool {
    headers
        .get("prefer")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|text| text.contains("return=representation"))
}

/// Runs a command that writes one record.
pub(super) async fn write(by: &SignedIn, command: Command, options: RunOptions) -> Result<Written, Failure> {
    match by.tenant.engine.run(by.actor(), command, options).await? {
        Outcome::Record(written) => Ok(written),
        Outcome::Batch(_) | Outcome::Done => Err(Failure::internal("a command for one record wrote none")),
    }
}

/// The answer to a write: id and version, or the whole record when the caller prefers it.
pub(super) async fn written(
    by: &SignedIn,
    headers: &HeaderMap,
    written: Written,
) -> Result<Response, Failure> {
    let version = written.version;
    let bytes = match wants_record(headers) {
        true => by.tenant.engine.written_json(by.actor(), written).await?,
        false => format!("{{\"id\":\"{}\",\"version\":{version}}}", written.id).into_bytes(),
    };
    Ok(etag::with(json_bytes(bytes), version))
}

/// `GET /records/{entity}`.
pub(super) async fn list(
    by: SignedIn,
    Path(entity): Path<String>,
    Params(params): Pairs,
) -> Result<Response, Failure> {
    let params = params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let query = by.tenant.engine.query(by.actor(), &entity, params)?;
    Ok(json_bytes(by.tenant.engine.list_json(by.actor(), &query).await?))
}

/// `GET /records/{entity}/{id}`.
pub(super) async fn read(
    by: SignedIn,
    Path((entity, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (bytes, version) = by.tenant.engine.read_json(by.actor(), &entity, id_of(&id)?).await?;
    Ok(etag::whole(&headers, version, bytes))
}

/// `POST /records/{entity}`.
pub(super) async fn create(
    by: SignedIn,
    Path(entity): Path<String>,
    Params(params): Pairs,
    headers: HeaderMap,
    Raw(bytes): Raw,
) -> Result<Response, Failure> {
    let mut values: Map<String, Value> = parse(&bytes)?;
    let allow_duplicates = params.iter().any(|(name, value)| name == "allow_duplicates" && value == "true");
    let id = match values.shift_remove("id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(id_of(&id)?),
        Some(other) => {
            return Err(Failure::bad_request("http.id").with("value", shortened(&other.to_string())));
        }
    };
    let location = by.base.path(&format!("/api/v1/records/{entity}/"));
    let options = idempotency(&headers)?;
    let done = write(&by, Command::Create { entity, values, id, allow_duplicates }, options).await?;
    let id = done.id;
    let mut response = written(&by, &headers, done).await?;
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::try_from(format!("{location}{id}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// `PATCH /records/{entity}/{id}`. The version comes by `If-Match` or as `version` in the body; with `_base`, the values that
/// were seen before the change, it is merged field by field with what others did since.
pub(super) async fn update(
    by: SignedIn,
    Path((entity, id)): Path<(String, String)>,
    IfMatch(seen): IfMatch,
    headers: HeaderMap,
    Raw(bytes): Raw,
) -> Result<Response, Failure> {
    let mut values: Map<String, Value> = parse(&bytes)?;
    let version = match values.shift_remove("version") {
        Some(Value::Number(number)) if seen.is_none() => number.as_i64(),
        _ => seen,
    };
    let options = idempotency(&headers)?;
    let command = match values.shift_remove("_base") {
        Some(Value::Object(base)) => Command::Merge { entity, id: id_of(&id)?, base, values },
        _ => Command::Update { entity, id: id_of(&id)?, version, values },
    };
    let done = write(&by, command, options).await.map_err(|failure| precondition(failure, seen))?;
    written(&by, &headers, done).await
}

/// `DELETE /records/{entity}/{id}`: into the trash.
pub(super) async fn delete(
    by: SignedIn,
    Path((entity, id)): Path<(String, String)>,
    IfMatch(version): IfMatch,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    let options = idempotency(&headers)?;
    let command = Command::Delete { entity, id: id_of(&id)?, version };
    let done = by.tenant.engine.run(by.actor(), command, options).await;
    done.map_err(|error| precondition(error.into(), version))?;
    Ok(StatusCode::NO_CONTENT)
}

/// A stale version is 412 where the caller made it a condition, 409 otherwise.
pub(super) fn precondition(failure: Failure, seen: Option<i64>) -> Failure {
    match failure.code() {
        "record.stale" if seen.is_some() => failure.with_status(StatusCode::PRECONDITION_FAILED),
        _ => failure,
    }
}

/// `POST /records/{entity}/{id}/restore`: out of the trash.
pub(super) async fn restore(
    by: SignedIn,
    Path((entity, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let options = idempotency(&headers)?;
    let done = write(&by, Command::Restore { entity, id: id_of(&id)? }, options).await?;
    written(&by, &headers, done).await
}

/// Which part of a timeline.
#[derive(Deserialize)]
pub(super) struct Part {
    before: Option<i64>,
    limit: Option<i64>,
}

/// `GET /records/{entity}/{id}/timeline`: newest first.
pub(super) async fn timeline(
    by: SignedIn,
    Path((entity, id)): Path<(String, String)>,
    Params(part): Params<Part>,
) -> Result<Response, Failure> {
    let limit = part.limit.unwrap_or(TIMELINE).clamp(1, TIMELINE * 4);
    let entries = by.tenant.engine.timeline(by.actor(), &entity, id_of(&id)?, part.before, limit).await?;
    Ok(json_answer(&json!({"rows": entries})))
}

/// A comment, or a file to attach.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    text: Option<String>,
    file: Option<Uuid>,
}

/// `POST /records/{entity}/{id}/comments`: a text, a file, or both.
pub(super) async fn comment(
    by: SignedIn,
    Path((entity, id)): Path<(String, String)>,
    headers: HeaderMap,
    Body(said): Body<Said>,
) -> Result<StatusCode, Failure> {
    super::sync::same_person_by_header(&by, &headers)?;
    let id = id_of(&id)?;
    let options = idempotency(&headers)?;
    let late = headers.contains_key(super::sync::PERSON);
    if late
        && let Some(key) = &options.idempotency_key
        && by.tenant.engine.is_done(by.actor(), key).await?
    {
        return Ok(StatusCode::CREATED);
    }
    let text = said.text.map(|text| Command::Comment { entity: entity.clone(), id, text });
    let file = said.file.map(|file| Command::Attach { entity, id, file });
    let mut commands: Vec<Command> = text.into_iter().chain(file).collect();
    let command = match commands.len() {
        0 => return Err(Failure::invalid_field("text", "field.required")),
        1 => commands.remove(0),
        _ => Command::Batch { commands, atomic: true },
    };
    by.tenant.engine.run(by.actor(), command, options).await?;
    Ok(StatusCode::CREATED)
}

/// `POST /records/{entity}/duplicates`: records that look like the one being typed.
pub(super) async fn duplicates(
    by: SignedIn,
    Path(entity): Path<String>,
    Body(values): Body<Map<String, Value>>,
) -> Result<Response, Failure> {
    // The record being edited is not its own duplicate.
    let own = values.get("id").and_then(Value::as_str).map(id_of).transpose()?;
    let suspects = by.tenant.engine.suspects(by.actor(), &entity, &values, own).await?;
    Ok(json_answer(&json!({"suspects": suspects})))
}

/// `POST /records/{entity}/form-state`: what a form shows, requires and calculates for values that are being typed.
/// With `id`, over that record.
pub(super) async fn form_state(
    by: SignedIn,
    Path(entity): Path<String>,
    Body(mut values): Body<Map<String, Value>>,
) -> Result<Response, Failure> {
    let id = values.shift_remove("id");
    let id = id.as_ref().and_then(Value::as_str).map(id_of).transpose()?;
    let state = by.tenant.engine.form_state(by.actor(), &entity, id, &values).await?;
    let issues = state.issues.iter().map(|issue| {
        let issue = crate::failure::Issue::from(issue);
        json!({"field": issue.field, "code": issue.code, "message": issue.text(by.language)})
    });
    Ok(json_answer(&json!({
        "visible": state.visible,
        "required": state.required,
        "computed": state.computed,
        "issues": issues.collect::<Vec<_>>(),
    })))
}

/// File format of an export.
#[derive(Clone, Copy)]
struct Wanted(Format);

impl Wanted {
    fn parse(params: &[(String, String)]) -> Result<Self, Failure> {
        let format =
            params.iter().find(|(name, _)| name == "format").map_or("csv", |(_, value)| value.as_str());
        match format {
            "csv" => Ok(Wanted(Format::Csv)),
            "xlsx" => Ok(Wanted(Format::Xlsx)),
            other => Err(Failure::bad_request("http.parameter")
                .with("name", "format")
                .with("value", shortened(other))
                .with("allowed", "csv, xlsx")),
        }
    }
}

/// `GET /records/{entity}/export`: the list as a file, with the same parameters.
pub(super) async fn export(
    by: SignedIn,
    Path(entity): Path<String>,
    Params(params): Pairs,
) -> Result<Response, Failure> {
    export_file(&by, &entity, &params).await
}

/// A list as a file, streamed from a temporary file that vanishes afterwards.
pub async fn export_file(
    by: &SignedIn,
    entity: &str,
    params: &[(String, String)],
) -> Result<Response, Failure> {
    let Wanted(format) = Wanted::parse(params)?;
    let others = params.iter().filter(|(name, _)| name != "format");
    let others = others.map(|(name, value)| (name.as_str(), value.as_str()));
    let query = by.tenant.engine.query(by.actor(), entity, others)?;
    let export = exchange::export(&by.tenant.engine, by.actor(), query, format).await?;
    let stream = tokio_util::io::ReaderStream::new(tokio::fs::File::from_std(export.file));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(export.media_type)),
        (header::CONTENT_LENGTH, HeaderValue::from(export.bytes)),
        (header::CONTENT_DISPOSITION, super::files::disposition("attachment", &export.name)),
    ];
    Ok((headers, axum::body::Body::from_stream(stream)).into_response())
}

/// Several changes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Changes {
    #[serde(default = "yes")]
    atomic: bool,
    operations: Vec<Change>,
}

fn yes() -> bool {
    true
}

/// One change of a batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    op: Op,
    entity: Option<String>,
    id: Option<Uuid>,
    version: Option<i64>,
    #[serde(default)]
    values: Map<String, Value>,
    #[serde(default)]
    allow_duplicates: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Op {
    Create,
    Update,
    Delete,
    Restore,
}

impl Change {
    /// The command, for the entity of the path unless the change names one.
    fn command(self, index: usize, of_path: Option<&str>) -> Result<Command, Failure> {
        let missing =
            |name: &str| Failure::invalid_field(format!("operations/{index}/{name}"), "field.required");
        let entity = match (self.entity, of_path) {
            (Some(named), Some(path)) if named != path => {
                return Err(Failure::invalid_field(
                    format!("operations/{index}/entity"),
                    "batch.other_entity",
                ));
            }
            (Some(named), _) => named,
            (None, Some(path)) => path.to_owned(),
            (None, None) => return Err(missing("entity")),
        };
        let id = self.id.ok_or_else(|| missing("id"));
        Ok(match self.op {
            Op::Create => Command::Create {
                entity,
                values: self.values,
                id: self.id,
                allow_duplicates: self.allow_duplicates,
            },
            Op::Update => Command::Update { entity, id: id?, version: self.version, values: self.values },
            Op::Delete => Command::Delete { entity, id: id?, version: self.version },
            Op::Restore => Command::Restore { entity, id: id? },
        })
    }
}

/// `POST /batch`.
pub(super) async fn batch(by: SignedIn, headers: HeaderMap, Raw(bytes): Raw) -> Result<Response, Failure> {
    run_batch(&by, &headers, &bytes, None).await
}

/// `POST /records/{entity}/batch`.
pub(super) async fn batch_of_entity(
    by: SignedIn,
    Path(entity): Path<String>,
    headers: HeaderMap,
    Raw(bytes): Raw,
) -> Result<Response, Failure> {
    run_batch(&by, &headers, &bytes, Some(&entity)).await
}

async fn run_batch(
    by: &SignedIn,
    headers: &HeaderMap,
    bytes: &[u8],
    entity: Option<&str>,
) -> Result<Response, Failure> {
    let changes: Changes = parse(bytes)?;
    let commands = changes.operations.into_iter().enumerate();
    let commands = commands.map(|(index, change)| change.command(index, entity)).collect::<Result<_, _>>()?;
    let options = idempotency(headers)?;
    let command = Command::Batch { commands, atomic: changes.atomic };
    let Outcome::Batch(parts) = by.tenant.engine.run(by.actor(), command, options).await? else {
        return Err(Failure::internal("a batch gave no answers"));
    };
    let failed = parts.iter().filter(|part| part.is_err()).count();
    let rows = parts.into_iter().map(|part| match part {
        Ok(written) => json!({"entity": written.entity, "id": written.id, "version": written.version}),
        Err(error) => json!({"problem": problem_of(error, by.language)}),
    });
    let answer = json!({"results": rows.collect::<Vec<_>>(), "failed": failed});
    let status = if failed > 0 { StatusCode::MULTI_STATUS } else { StatusCode::OK };
    Ok((status, json_answer(&answer)).into_response())
}
