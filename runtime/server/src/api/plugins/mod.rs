//! Plugins of a tenant, for administrators: looking into a package, installing it, consenting, trying a version out, going
//! back, removing. A package comes as the bytes of the file or, with what is granted, as JSON that carries them.

pub mod kept;
mod paths;
mod work;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Query};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, patch, post, put};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use mortise_engine::plugins::{Inspection, Mapping, PluginInfo, ShippedPlugin, VersionInfo};
use mortise_plugin_host::Permissions;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::body::{Body, Raw, json as json_answer, parse};
use crate::config::PLUGIN_LIMIT_BYTES;
use crate::context::Administrator;
use crate::failure::problem_json;
use crate::{AppState, Failure, SignedIn};
pub use paths::PATHS;
pub use work::{call_state, usage};

/// Routes with ordinary bodies.
pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/plugins", get(list))
        .route("/plugins/shipped", get(shipped))
        .route("/plugins/kept", get(left))
        .route("/plugins/kept/{id}", axum::routing::delete(purge))
        .route("/plugins/{id}", get(read).delete(remove))
        .route("/plugins/{id}/grant", post(grant))
        .route("/plugins/{id}/enable", post(enable))
        .route("/plugins/{id}/disable", post(disable))
        .route("/plugins/{id}/canary", post(start_canary).delete(stop_canary))
        .route("/plugins/{id}/canary/promote", post(promote))
        .route("/plugins/{id}/rollback", post(rollback))
        .route("/plugins/{id}/settings", patch(settings))
        .route("/plugins/{id}/secrets/{name}", put(secret))
        .route("/plugins/{id}/mapping", put(mapping))
        .route("/plugins/{id}/reset", post(reset))
        .merge(work::router())
}

/// Routes that take packages.
pub(super) fn packages() -> Router<AppState> {
    Router::new()
        .route("/plugins", post(install))
        .route("/plugins/inspect", post(inspect))
        .layer(DefaultBodyLimit::max(PLUGIN_LIMIT_BYTES))
}

/// A package in a body of JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageInput {
    /// The file in base64.
    package: String,
    /// What is granted; nothing is consented to without.
    #[serde(default)]
    grant: Option<Permissions>,
    /// Consents to everything that it asks for.
    #[serde(default)]
    grant_all: bool,
    /// The version in force stays.
    #[serde(default)]
    stage: bool,
}

/// What comes with the bytes of a package.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Beside {
    grant_all: bool,
    stage: bool,
}

/// A package as it arrived.
struct Sent {
    package: Vec<u8>,
    grant: Option<Permissions>,
    grant_all: bool,
    stage: bool,
}

fn sent(headers: &HeaderMap, beside: &Beside, bytes: Bytes) -> Result<Sent, Failure> {
    if bytes.is_empty() {
        return Err(Failure::bad_request("plugin.upload_missing"));
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        let Beside { grant_all, stage } = *beside;
        return Ok(Sent { package: bytes.into(), grant: None, grant_all, stage });
    }
    let PackageInput { package, grant, grant_all, stage } = parse(&bytes)?;
    let package =
        BASE64_STANDARD.decode(package).map_err(|_| Failure::bad_request("plugin.upload_missing"))?;
    Ok(Sent { package, grant, grant_all: grant_all || beside.grant_all, stage: stage || beside.stage })
}

/// All installed plugins.
pub async fn all(by: &SignedIn) -> Result<Vec<PluginInfo>, Failure> {
    Ok(by.tenant.engine.plugins(by.actor()).await?)
}

/// One of them.
pub async fn one(by: &SignedIn, id: &str) -> Result<PluginInfo, Failure> {
    Ok(by.tenant.engine.plugin(by.actor(), id).await?)
}

/// A plugin as the API tells it: with what it says about itself in the language of the request.
fn view(info: &PluginInfo, language: &str) -> Value {
    let mut shown = json!(info);
    shown["title"] = info.title.get(language).into();
    shown["description"] = info.description.as_ref().map(|text| text.get(language)).into();
    for (of, among) in info.secrets.iter().zip(shown["secrets"].as_array_mut().into_iter().flatten()) {
        among["title"] = of.title.get(language).into();
    }
    shown["version"] = current(info).map(|version| version.version.as_str()).into();
    shown
}

/// The version in force.
pub fn current(info: &PluginInfo) -> Option<&VersionInfo> {
    info.versions.iter().find(|version| version.number == info.current)
}

/// The newest version that waits for consent.
pub fn waiting(info: &PluginInfo) -> Option<&VersionInfo> {
    let newest = info.versions.iter().max_by_key(|version| version.number)?;
    Some(newest).filter(|version| version.granted.is_none() && version.broken.is_empty())
}

/// `GET /plugins`.
async fn list(by: Administrator) -> Result<Response, Failure> {
    let rows: Vec<Value> = all(&by).await?.iter().map(|info| view(info, by.language)).collect();
    Ok(json_answer(&json!({ "rows": rows })))
}

/// `GET /plugins/{id}`.
async fn read(by: Administrator, Path(id): Path<String>) -> Result<Response, Failure> {
    Ok(json_answer(&view(&one(&by, &id).await?, by.language)))
}

/// `POST /plugins/inspect`: what a package asks for and whether it would work here; nothing is changed.
async fn inspect(
    by: Administrator,
    headers: HeaderMap,
    Query(beside): Query<Beside>,
    Raw(bytes): Raw,
) -> Result<Response, Failure> {
    let sent = sent(&headers, &beside, bytes)?;
    let found = by.tenant.engine.inspect_plugin(by.actor(), sent.package).await?;
    let Inspection { manifest, digest, problems, works, asked, allowed, needs_consent, installed } = found;
    let problems: Vec<Value> = problems.iter().map(|problem| problem_json(problem, by.language)).collect();
    Ok(json_answer(&json!({
        "id": manifest.id,
        "version": manifest.version,
        "title": manifest.title.get(by.language),
        "manifest": manifest,
        "digest": digest,
        "problems": problems,
        "works": works,
        "asked": asked,
        "allowed": allowed,
        "needs_consent": needs_consent,
        "installed": installed,
    })))
}

/// `POST /plugins`: install, or upgrade to this version.
async fn install(
    by: Administrator,
    headers: HeaderMap,
    Query(beside): Query<Beside>,
    Raw(bytes): Raw,
) -> Result<Response, Failure> {
    let sent = sent(&headers, &beside, bytes)?;
    let engine = &by.tenant.engine;
    let grant = match sent.grant_all {
        true => Some(engine.inspect_plugin(by.actor(), sent.package.clone()).await?.asked),
        false => sent.grant,
    };
    let report = match sent.stage {
        true => engine.stage_plugin(by.actor(), sent.package, grant).await?,
        false => engine.install_plugin(by.actor(), sent.package, grant).await?,
    };
    Ok(json_answer(&report))
}

/// What a version may do.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Grant {
    /// The version that waits, or the one in force, unless numbered.
    number: Option<i64>,
    /// Everything that it asks for unless said.
    permissions: Option<Permissions>,
}

/// `POST /plugins/{id}/grant`: consents, or takes something back.
async fn grant(by: Administrator, Path(id): Path<String>, Raw(bytes): Raw) -> Result<Response, Failure> {
    let grant: Grant = if bytes.is_empty() { Grant::default() } else { parse(&bytes)? };
    let info = one(&by, &id).await?;
    let number =
        grant.number.or_else(|| waiting(&info).map(|version| version.number)).unwrap_or(info.current);
    let asked = || {
        let version = info.versions.iter().find(|version| version.number == number);
        version.map(|version| version.asked.clone()).unwrap_or_default()
    };
    let permissions = grant.permissions.unwrap_or_else(asked);
    Ok(json_answer(&by.tenant.engine.grant_plugin(by.actor(), &id, number, permissions).await?))
}

/// `POST /plugins/{id}/enable`.
async fn enable(by: Administrator, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    by.tenant.engine.set_plugin_enabled(by.actor(), &id, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /plugins/{id}/disable`.
async fn disable(by: Administrator, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    by.tenant.engine.set_plugin_enabled(by.actor(), &id, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is tried out, and on whom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trial {
    number: i64,
    #[serde(default)]
    share: u8,
    #[serde(default)]
    people: Vec<Uuid>,
}

/// `POST /plugins/{id}/canary`.
async fn start_canary(
    by: Administrator,
    Path(id): Path<String>,
    Body(trial): Body<Trial>,
) -> Result<StatusCode, Failure> {
    let Trial { number, share, people } = trial;
    by.tenant.engine.start_canary(by.actor(), &id, number, share, people).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /plugins/{id}/canary`.
async fn stop_canary(by: Administrator, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    by.tenant.engine.stop_canary(by.actor(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /plugins/{id}/canary/promote`.
async fn promote(by: Administrator, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    by.tenant.engine.promote_canary(by.actor(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The version to go back to.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Back {
    number: Option<i64>,
}

/// `POST /plugins/{id}/rollback`.
async fn rollback(by: Administrator, Path(id): Path<String>, Raw(bytes): Raw) -> Result<Response, Failure> {
    let back: Back = if bytes.is_empty() { Back::default() } else { parse(&bytes)? };
    let number = by.tenant.engine.rollback_plugin(by.actor(), &id, back.number).await?;
    Ok(json_answer(&json!({ "number": number })))
}

/// Whether the store of a removed plugin stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Removal {
    #[serde(default = "yes")]
    keep_data: bool,
}

fn yes() -> bool {
    true
}

/// `DELETE /plugins/{id}?keep_data=`.
async fn remove(
    by: Administrator,
    Path(id): Path<String>,
    Query(removal): Query<Removal>,
) -> Result<StatusCode, Failure> {
    by.tenant.engine.remove_plugin(by.actor(), &id, removal.keep_data).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /plugins/shipped`: the packages that ship with the server, in their newest versions.
async fn shipped(by: Administrator) -> Result<Response, Failure> {
    let shipped = by.tenant.engine.shipped_plugins(by.actor()).await?;
    let row = |one: &ShippedPlugin| {
        let mut shown = json!(one);
        shown["title"] = one.title.get(by.language).into();
        shown["description"] = one.description.as_ref().map(|text| text.get(by.language)).into();
        shown
    };
    Ok(json_answer(&json!({ "rows": shipped.iter().map(row).collect::<Vec<_>>() })))
}

/// `GET /plugins/kept`: stores that removed plugins left behind.
async fn left(by: Administrator) -> Result<Response, Failure> {
    Ok(json_answer(&json!({ "rows": kept::all(&by).await? })))
}

/// `DELETE /plugins/kept/{id}`: drops such a store for good.
async fn purge(by: Administrator, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    by.tenant.engine.purge_plugin_data(by.actor(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PATCH /plugins/{id}/settings`: new values by name, all taken or none; `null` goes back to the default.
async fn settings(
    by: Administrator,
    Path(id): Path<String>,
    Body(values): Body<Map<String, Value>>,
) -> Result<StatusCode, Failure> {
    by.tenant.engine.set_plugin_settings(by.actor(), &id, &values).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A secret on its way in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretInput {
    secret: String,
}

/// `PUT /plugins/{id}/secrets/{name}`.
async fn secret(
    by: Administrator,
    Path((id, name)): Path<(String, String)>,
    Body(input): Body<SecretInput>,
) -> Result<StatusCode, Failure> {
    by.tenant.engine.set_plugin_secret(by.actor(), &id, &name, &input.secret).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /plugins/{id}/mapping`: what the plugin's names mean here, instead of all that was said before.
async fn mapping(
    by: Administrator,
    Path(id): Path<String>,
    Body(mapping): Body<Mapping>,
) -> Result<StatusCode, Failure> {
    by.tenant.engine.set_plugin_mapping(by.actor(), &id, mapping).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /plugins/{id}/reset`: what rests is tried again at once.
async fn reset(by: Administrator, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    one(&by, &id).await?;
    by.tenant.engine.reset_circuits(by.actor(), &id)?;
    Ok(StatusCode::NO_CONTENT)
}
