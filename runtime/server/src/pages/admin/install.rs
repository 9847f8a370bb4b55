//! Installing or upgrading an app in two steps: the upload is checked and its consequences are shown; then it is installed.
//! Between the steps the package waits in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Form, Multipart};
use axum::response::Response;
use indexmap::IndexSet;
use mortise_definition::model::Model;
use mortise_definition::{Change, ChangeKind, Package, Problem as Finding};
use mortise_engine::plugins::PlannedPlugin;
use mortise_engine::{Error, Plan};
use mortise_store::catalog::Destructive;
use serde::Serialize;
use uuid::Uuid;

use super::{administrator, apps, confirm, value};
use crate::Failure;
use crate::api::apps::{app_problems, unzip};
use crate::pages::flash::Toast;
use crate::pages::visit::Visit;

#[derive(Serialize)]
struct Page {
    check: Check,
}

#[derive(Serialize, Default)]
struct Check {
    id: String,
    label: String,
    version: String,
    from: Option<String>,
    upload: String,
    ok: bool,
    problems: Vec<Found>,
    changes: Vec<Changed>,
    steps: Vec<String>,
    destructive: Vec<Dangerous>,
    /// Plugins that come with the app.
    plugins: Vec<Brought>,
    /// What becomes of the clocks that run, when any of them moves.
    clocks: Option<String>,
}

/// Something wrong with an app, in words.
#[derive(Serialize)]
pub(super) struct Found {
    error: bool,
    code: &'static str,
    text: String,
    hint: Option<String>,
    place: String,
}

#[derive(Serialize)]
struct Changed {
    kind: String,
    color: &'static str,
    text: String,
    path: String,
}

/// A plugin that comes with an app, and what it is to be allowed.
#[derive(Serialize)]
struct Brought {
    id: String,
    text: String,
    /// Line by line; nothing where it asks for nothing.
    rights: Vec<String>,
}

#[derive(Serialize)]
struct Dangerous {
    id: String,
    text: String,
}

/// The files of an upload: a ZIP file, or the files of a folder.
async fn files(mut form: Multipart) -> Result<BTreeMap<String, String>, Failure> {
    let bad =
        |error: axum::extract::multipart::MultipartError| Failure::new(error.status(), "http.bad_request");
    let mut files = BTreeMap::new();
    while let Some(part) = form.next_field().await.map_err(bad)? {
        let name = part.name().unwrap_or_default().to_owned();
        let Some(file) = part.file_name().filter(|file| !file.is_empty()).map(str::to_owned) else {
            continue;
        };
        let bytes = part.bytes().await.map_err(bad)?;
        match name.as_str() {
            "zip" => return unzip(&bytes),
            // Hidden files of editors and systems are not part of an app.
            "folder" if !file.split('/').any(|part| part.starts_with('.')) => {
                files.insert(file, String::from_utf8_lossy(&bytes).into_owned());
            }
            _ => {}
        }
    }
    Ok(below_app(files))
}

/// Browsers name files from the chosen folder on; the app begins where `app.json` is.
fn below_app(files: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let manifests = files.keys().filter(|name| name.as_str() == "app.json" || name.ends_with("/app.json"));
    let Some(top) =
        manifests.min_by_key(|name| name.len()).map(|name| name.trim_end_matches("app.json").to_owned())
    else {
        return files;
    };
    files.into_iter().filter_map(|(name, text)| Some((name.strip_prefix(&top)?.to_owned(), text))).collect()
}

/// `POST /admin/apps/check`.
pub(in crate::pages) async fn check(visit: Visit, form: Multipart) -> Result<Response, Failure> {
    administrator(&visit)?;
    let files = match files(form).await {
        Ok(files) if files.is_empty() => {
            let toast = Toast::error(visit.t("apps.no_upload", &[]));
            return Ok(visit.go_with("/admin/apps", &toast));
        }
        Ok(files) => files,
        Err(failure) => return apps::list_page(&visit, Some(&failure)).await,
    };
    match Package::from_files(files) {
        Ok(package) => plan(&visit, Arc::new(package), None).await,
        Err(findings) => {
            let check = Check { problems: found(&visit, &findings), ..Check::default() };
            let failure = app_problems(findings);
            page(&visit, check, Some(&failure))
        }
    }
}

/// Shows what installing a package would do.
async fn plan(visit: &Visit, package: Arc<Package>, failure: Option<&Failure>) -> Result<Response, Failure> {
    let mut check = Check {
        id: package.app.id.clone(),
        label: package.app.label.get(visit.language).to_owned(),
        version: package.app.version.clone(),
        ..Check::default()
    };
    match visit.tenant.engine.plan(package.clone()).await {
        Ok(plan) => {
            describe(visit, &mut check, &plan);
            check.upload = visit.state.pages.waiting.put(visit, package).to_string();
            check.ok = true;
            page(visit, check, failure)
        }
        Err(Error::Definition(findings)) => {
            check.problems = found(visit, &findings);
            page(visit, check, Some(&app_problems(findings)))
        }
        Err(error) => Err(error.into()),
    }
}

fn describe(visit: &Visit, check: &mut Check, plan: &Plan) {
    let model = visit.tenant.engine.model();
    check.from.clone_from(&plan.from);
    check.problems = found(visit, &plan.warnings);
    // Of a new app everything is new: that needs no list.
    if plan.from.is_some() {
        check.changes = plan.changes.iter().map(|change| changed(visit, change)).collect();
    }
    check.clocks = (plan.clocks.changed > 0).then(|| confirm::clocks_text(visit, &plan.clocks));
    check.steps = plan.migration.steps.iter().filter_map(|step| step_text(visit, step)).collect();
    let dangerous =
        |step: &Destructive| Dangerous { id: step.key.clone(), text: destructive_text(visit, &model, step) };
    check.destructive = plan.destructive().iter().map(dangerous).collect();
    check.plugins = plan.plugins.iter().map(|plugin| brought(visit, plugin)).collect();
}

fn brought(visit: &Visit, planned: &PlannedPlugin) -> Brought {
    let (plugin, grant) = (&planned.plugin, &planned.grant);
    let join = |names: &IndexSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let records = |key: &str, entity: &str, fields: &IndexSet<String>| {
        visit.t(key, &[("entity", entity), ("fields", &join(fields))])
    };
    let read = grant.read.iter().map(|right| records("apps.plugin_reads", &right.entity, &right.fields));
    let write = grant.write.iter().map(|right| records("apps.plugin_writes", &right.entity, &right.fields));
    let http = grant.http.iter().map(|right| visit.t("apps.plugin_calls", &[("host", &right.host)]));
    let store = grant
        .storage
        .iter()
        .map(|right| visit.t("apps.plugin_stores", &[("kib", &right.bytes.div_ceil(1024).to_string())]));
    Brought {
        id: planned.key.clone(),
        text: format!("{} {}", plugin.title.get(visit.language), plugin.version),
        rights: read.chain(write).chain(http).chain(store).collect(),
    }
}

/// What was found, errors first.
pub(super) fn found(visit: &Visit, findings: &[Finding]) -> Vec<Found> {
    let mut found: Vec<Found> = findings
        .iter()
        .map(|finding| Found {
            error: finding.is_error(),
            code: finding.code,
            text: finding.message(visit.language),
            hint: finding.hint(visit.language),
            place: finding.place(),
        })
        .collect();
    found.sort_by_key(|one| !one.error);
    found
}

fn changed(visit: &Visit, change: &Change) -> Changed {
    let (key, color) = match change.kind {
        ChangeKind::Added => ("apps.change_added", "green"),
        ChangeKind::Removed => ("apps.change_removed", "red"),
        ChangeKind::Changed => ("apps.change_changed", "blue"),
        ChangeKind::Renamed => ("apps.change_renamed", "purple"),
    };
    let place = format!("{} {}", change.artifact, change.path);
    Changed {
        kind: visit.t(key, &[]),
        color,
        text: change.describe(visit.language),
        path: place.trim().to_owned(),
    }
}

/// A step in the database in words; technical ones are not worth a line.
fn step_text(visit: &Visit, step: &mortise_store::catalog::Step) -> Option<String> {
    use mortise_store::catalog::Step;
    let said = |key: &str, args: &[(&str, &str)]| Some(visit.t(key, args));
    match step {
        Step::CreateTable { table, .. } => said("apps.step_create_table", &[("table", table)]),
        Step::RenameTable { from, to, .. } => said("apps.step_rename_table", &[("from", from), ("to", to)]),
        Step::AddColumn { table, column, .. } => {
            said("apps.step_add_column", &[("table", table), ("column", column)])
        }
        Step::RenameColumn { table, from, to, .. } => {
            said("apps.step_rename_column", &[("table", table), ("from", from), ("to", to)])
        }
        Step::Widen { table, column, .. } => said("apps.step_widen", &[("table", table), ("column", column)]),
        Step::DropColumn { table, column, .. } => {
            said("apps.step_drop_column", &[("table", table), ("column", column)])
        }
        Step::DropTable { table, .. } => said("apps.step_drop_table", &[("table", table)]),
        Step::CreateIndex { .. }
        | Step::DropIndex { .. }
        | Step::RebuildSearch { .. }
        | Step::RebuildDuplicates { .. } => None,
    }
}

/// What a destructive step takes away, by the names that people know.
pub(super) fn destructive_text(visit: &Visit, model: &Model, step: &Destructive) -> String {
    let entity = model.entity(&step.entity);
    let name = entity.map_or(step.entity.as_str(), |entity| entity.plural.get(visit.language)).to_owned();
    let field = step.field.as_deref().unwrap_or_default();
    let known = entity.and_then(|entity| entity.field(field));
    let field = known.map_or(field, |field| field.label.get(visit.language)).to_owned();
    visit.t(&format!("apps.destructive_{}", step.kind), &[("entity", &name), ("field", &field)])
}

fn page(visit: &Visit, check: Check, failure: Option<&Failure>) -> Result<Response, Failure> {
    let title = match (&check.from, check.label.is_empty()) {
        (_, true) => visit.t("apps.install", &[]),
        (Some(_), _) => visit.t("apps.check_upgrade", &[("label", &check.label)]),
        (None, _) => visit.t("apps.check_install", &[("label", &check.label)]),
    };
    visit.page_telling("admin/app_check.html", &title, Page { check }, failure)
}

/// `POST /admin/apps/install`.
pub(in crate::pages) async fn install(
    visit: Visit,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    let id: Option<Uuid> = value(&form, "upload").parse().ok();
    let Some(package) = id.and_then(|id| visit.state.pages.waiting.get(&visit, id)) else {
        return Ok(visit.go_with("/admin/apps", &Toast::error(visit.t("apps.upload_gone", &[]))));
    };
    let confirm: Vec<String> =
        form.iter().filter(|(name, _)| name == "confirm").map(|(_, step)| step.clone()).collect();
    match visit.tenant.engine.install(visit.actor(), package.clone(), &confirm).await {
        Ok(report) => {
            let version = report.version.unwrap_or_default();
            let label = package.app.label.get(visit.language);
            let toast = Toast::good(visit.t("apps.installed", &[("label", label), ("version", &version)]));
            Ok(visit.go_with(&format!("/admin/apps/{}", package.app.id), &toast))
        }
        Err(error) => {
            let failure = Failure::from(error);
            if failure.status().is_server_error() {
                Err(failure)
            } else {
                plan(&visit, package, Some(&failure)).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::below_app;

    #[test]
    fn an_app_begins_where_its_manifest_is() {
        let files = ["my/crm/app.json", "my/crm/entities/lead.json", "my/readme.md"]
            .map(|name| (name.to_owned(), String::new()));
        let names: Vec<String> = below_app(files.into()).into_keys().collect();
        assert_eq!(names, ["app.json", "entities/lead.json"]);
    }
}
