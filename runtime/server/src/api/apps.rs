//! Apps of a tenant: check, plan, install, go back, uninstall, export, settings. For administrators.
//! A package comes as JSON (`{"files": {"app.json": "…"}}`) or as a ZIP file of the folder.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use mortise_definition::{FILE_BYTES_MAX, FILES_MAX, Overlay, PACKAGE_BYTES_MAX, Package};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::{Body, Raw, json as json_answer, parse};
use crate::context::Administrator;
use crate::failure::problem_json;
use crate::{Failure, SignedIn};

/// A package in the body of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageInput {
    /// Text by path within the folder.
    pub files: BTreeMap<String, String>,
    /// Names of destructive steps that may be done.
    #[serde(default)]
    pub confirm: Vec<String>,
}

/// Steps to confirm.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Confirmed {
    #[serde(default)]
    confirm: Vec<String>,
}

/// The version to go back to.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Back {
    version: Option<String>,
    #[serde(default)]
    confirm: Vec<String>,
}

/// What to drop for good.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Purge {
    /// Only tell what there is.
    #[serde(default)]
    dry_run: bool,
    /// Keys of what may be dropped.
    #[serde(default)]
    confirm: Vec<String>,
}

/// An administrator's changes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverlayInput {
    overlay: Overlay,
    #[serde(default)]
    confirm: Vec<String>,
}

/// A package out of a body, whichever form it has.
pub fn package_of(headers: &HeaderMap, bytes: &Bytes) -> Result<(Arc<Package>, Vec<String>), Failure> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let input = match kind.starts_with("application/zip") {
        true => PackageInput { files: unzip(bytes)?, confirm: Vec::new() },
        false => parse(bytes)?,
    };
    let package = Package::from_files(input.files).map_err(app_problems)?;
    Ok((Arc::new(package), input.confirm))
}

/// 422 with everything that is wrong in an app.
pub fn app_problems(problems: Vec<mortise_definition::Problem>) -> Failure {
    mortise_engine::Error::Definition(problems).into()
}

/// Text files of a ZIP archive. Sizes are those that come out, not those that the archive claims.
pub fn unzip(bytes: &[u8]) -> Result<BTreeMap<String, String>, Failure> {
    let broken =
        |reason: String| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "app.archive").with("reason", reason);
    let mut archive =
        zip::ZipArchive::new(std::io::Cursor::new(bytes)).map_err(|error| broken(error.to_string()))?;
    if archive.len() > FILES_MAX {
        return Err(broken(format!("> {FILES_MAX} files")));
    }
    let mut files = BTreeMap::new();
    let mut total = 0;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|error| broken(error.to_string()))?;
        if entry.is_dir() {
            continue;
        }
        let name = entry.enclosed_name().ok_or_else(|| broken(entry.name().to_owned()))?;
        let name = name.to_string_lossy().replace('\\', "/");
        let mut text = String::new();
        let limit = FILE_BYTES_MAX as u64 + 1;
        entry.take(limit).read_to_string(&mut text).map_err(|error| broken(format!("{name}: {error}")))?;
        total += text.len();
        if text.len() > FILE_BYTES_MAX || total > PACKAGE_BYTES_MAX {
            return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "http.too_large"));
        }
        files.insert(name, text);
    }
    Ok(without_folder(files))
}

/// Archives often have the folder itself at the top.
fn without_folder(files: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let top = files.keys().find_map(|name| name.strip_suffix("/app.json").map(|folder| format!("{folder}/")));
    match top {
        Some(top) if !files.contains_key("app.json") => files
            .into_iter()
            .filter_map(|(name, text)| Some((name.strip_prefix(&top)?.to_owned(), text)))
            .collect(),
        _ => files,
    }
}

/// `GET /apps`: what is installed.
pub(super) async fn list(by: SignedIn) -> Result<Response, Failure> {
    let model = by.tenant.engine.model();
    let row = |app: &mortise_definition::model::AppModel| {
        let entities = model.entities.iter().filter(|entity| model.apps[entity.app].id == app.id);
        json!({
            "id": app.id,
            "version": app.version,
            "label": app.label.get(by.language),
            "description": app.description.as_ref().map(|text| text.get(by.language)),
            "icon": app.icon,
            "entities": entities.map(|entity| entity.key.as_str()).collect::<Vec<_>>(),
        })
    };
    Ok(json_answer(&json!({"rows": model.apps.iter().map(row).collect::<Vec<_>>()})))
}

/// `GET /apps/{app}`: settings and versions.
pub(super) async fn read(by: SignedIn, Path(id): Path<String>) -> Result<Response, Failure> {
    let model = by.tenant.engine.model();
    let app = model.app(&id).ok_or_else(|| no_app(&id))?;
    let settings = app.settings.iter().map(|setting| {
        json!({
            "name": setting.name,
            "label": setting.declaration.label.get(by.language),
            "help": setting.declaration.help.as_ref().map(|text| text.get(by.language)),
            "type": setting.declaration.kind,
            "default": setting.declaration.default,
            "value": mortise_engine::values::to_json(&setting.value),
        })
    });
    let mut answer = json!({
        "id": app.id,
        "version": app.version,
        "label": app.label.get(by.language),
        "settings": settings.collect::<Vec<_>>(),
    });
    if by.user().admin {
        answer["versions"] = json!(by.tenant.engine.app_versions(&id).await?);
    }
    Ok(json_answer(&answer))
}

fn no_app(id: &str) -> Failure {
    Failure::not_found("app.not_found").with("app", id)
}

/// `POST /apps/check`: everything that is wrong with a package, installed nowhere.
pub(super) async fn check(
    by: Administrator,
    headers: HeaderMap,
    Raw(bytes): Raw,
) -> Result<Response, Failure> {
    let (package, _) = package_of(&headers, &bytes)?;
    let problems = match by.tenant.engine.plan(package).await {
        Ok(plan) => plan.warnings,
        Err(mortise_engine::Error::Definition(problems)) => problems,
        Err(error) => return Err(error.into()),
    };
    let problems: Vec<Value> = problems.iter().map(|problem| problem_json(problem, by.language)).collect();
    Ok(json_answer(&json!({"problems": problems})))
}

/// `POST /apps/plan`: what installing a package would do.
pub(super) async fn plan(
    by: Administrator,
    headers: HeaderMap,
    Raw(bytes): Raw,
) -> Result<Response, Failure> {
    let (package, _) = package_of(&headers, &bytes)?;
    let plan = by.tenant.engine.plan(package).await?;
    Ok(json_answer(&plan_json(&plan, by.language)))
}

/// A plan as the API tells it.
pub fn plan_json(plan: &mortise_engine::Plan, language: &str) -> Value {
    let warnings = plan.warnings.iter().map(|problem| problem_json(problem, language));
    let changes = plan.changes.iter().map(|change| {
        let mut row = json!(change);
        row["text"] = change.describe(language).into();
        row
    });
    json!({
        "app": plan.app,
        "from": plan.from,
        "to": plan.to,
        "changes": changes.collect::<Vec<_>>(),
        "conflicts": plan.conflicts,
        "steps": plan.migration.steps,
        "destructive": plan.destructive(),
        "warnings": warnings.collect::<Vec<_>>(),
        "clocks": plan.clocks,
        "plugins": plan.plugins,
    })
}

/// `POST /apps`: install, or upgrade to this version.
pub(super) async fn install(
    by: Administrator,
    headers: HeaderMap,
    Raw(bytes): Raw,
) -> Result<Response, Failure> {
    let (package, confirm) = package_of(&headers, &bytes)?;
    let report = by.tenant.engine.install(by.actor(), package, &confirm).await?;
    Ok(json_answer(&report))
}

/// `POST /apps/{app}/rollback`.
pub(super) async fn rollback(
    by: Administrator,
    Path(id): Path<String>,
    Raw(bytes): Raw,
) -> Result<Response, Failure> {
    let back: Back = if bytes.is_empty() { Back::default() } else { parse(&bytes)? };
    let number = match &back.version {
        Some(version) => {
            let versions = by.tenant.engine.app_versions(&id).await?;
            let unknown = || Failure::invalid_field("version", "app.version_unknown");
            Some(versions.iter().find(|known| known.version == *version).ok_or_else(unknown)?.number)
        }
        None => None,
    };
    let report = by.tenant.engine.rollback(by.actor(), &id, number, &back.confirm).await?;
    Ok(json_answer(&report))
}

/// `DELETE /apps/{app}`, with confirmed steps in the body.
pub(super) async fn uninstall(
    by: Administrator,
    Path(id): Path<String>,
    Raw(bytes): Raw,
) -> Result<StatusCode, Failure> {
    let confirmed: Confirmed = if bytes.is_empty() { Confirmed::default() } else { parse(&bytes)? };
    by.tenant.engine.uninstall(by.actor(), &id, &confirmed.confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /apps/{app}/export`: the files, with the administrator's changes in them.
pub(super) async fn export(by: Administrator, Path(id): Path<String>) -> Result<Response, Failure> {
    let package = by.tenant.engine.package(&id).await?;
    Ok(json_answer(&json!({"app": id, "files": package.files()})))
}

/// `PATCH /apps/{app}/settings`: new values by name; `null` goes back to the default.
pub(super) async fn settings(
    by: Administrator,
    Path(id): Path<String>,
    Body(values): Body<Map<String, Value>>,
) -> Result<StatusCode, Failure> {
    for (name, value) in values {
        by.tenant.engine.set_setting(by.actor(), &id, &name, value).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /apps/{app}/purge`: drops for good what earlier versions of an app left behind, or tells what there is.
pub(super) async fn purge(
    by: Administrator,
    Path(id): Path<String>,
    Raw(bytes): Raw,
) -> Result<Response, Failure> {
    purge_of(&by, Some(&id), &bytes).await
}

/// `POST /apps/purge`: the same of all apps, those that were removed included.
pub(super) async fn purge_all(by: Administrator, Raw(bytes): Raw) -> Result<Response, Failure> {
    purge_of(&by, None, &bytes).await
}

async fn purge_of(by: &Administrator, app: Option<&str>, bytes: &Bytes) -> Result<Response, Failure> {
    let input: Purge = if bytes.is_empty() { Purge::default() } else { parse(bytes)? };
    let engine = &by.tenant.engine;
    if input.dry_run {
        let retired = engine.retired(by.actor(), app).await?;
        if let Some(app) = app.filter(|app| retired.is_empty() && engine.model().app(app).is_none()) {
            return Err(no_app(app));
        }
        return Ok(json_answer(&json!({"retired": retired})));
    }
    let dropped = engine.purge(by.actor(), app, &input.confirm).await?;
    Ok(json_answer(&json!({"dropped": dropped})))
}

/// `GET /apps/{app}/overlay`: what administrators changed in an app.
pub(super) async fn overlay(by: Administrator, Path(id): Path<String>) -> Result<Response, Failure> {
    Ok(json_answer(&by.tenant.engine.overlay(by.actor(), &id).await?))
}

/// `PUT /apps/{app}/overlay`: these changes instead of all earlier ones.
pub(super) async fn set_overlay(
    by: Administrator,
    Path(id): Path<String>,
    Body(input): Body<OverlayInput>,
) -> Result<Response, Failure> {
    check_overlay(&input.overlay, &id)?;
    let report = by.tenant.engine.set_overlay(by.actor(), input.overlay, &input.confirm).await?;
    Ok(json_answer(&report))
}

/// Refuses changes that were made for another app.
pub fn check_overlay(overlay: &Overlay, app: &str) -> Result<(), Failure> {
    if overlay.app == app {
        return Ok(());
    }
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    Err(Failure::new(status, "overlay.other_app").with("app", &overlay.app).with("wanted", app))
}
