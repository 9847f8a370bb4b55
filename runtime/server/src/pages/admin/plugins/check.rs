//! Installing or upgrading a plugin in two steps: the package is looked into and everything that it asks for is shown, with
//! boxes; then it is installed with what is still ticked. In between the package waits in memory.

use std::collections::HashSet;

use axum::extract::{Form, Multipart, Path};
use axum::response::Response;
use bytes::Bytes;
use mortise_definition::Problem as Finding;
use mortise_engine::Error;
use mortise_engine::plugins::{Difference, ExportName, Inspection, PluginReport, Standing};
use mortise_plugin_host::manifest::Secret;
use serde::Serialize;
use uuid::Uuid;

use super::consent::{Consent, Part, narrowed};
use super::names::Names;
use super::words::{Does, does};
use super::{PATH, list_page, words};
use crate::Failure;
use crate::api::plugins as api;
use crate::pages::admin::install::{Found, found};
use crate::pages::admin::{administrator, value};
use crate::pages::flash::Toast;
use crate::pages::visit::Visit;

#[derive(Serialize)]
struct Page {
    check: Check,
}

#[derive(Serialize, Default)]
struct Check {
    id: String,
    title: String,
    description: Option<String>,
    version: String,
    from: Option<String>,
    upload: String,
    /// It can be installed.
    ok: bool,
    /// It can be installed, and then lacks something that can be mended on its page.
    lacks: bool,
    /// It is the version that is in force already.
    same: bool,
    /// Functions that come and go with this version.
    comes: Option<String>,
    goes: Option<String>,
    /// An upgrade that asks for more than the version in force.
    more: bool,
    problems: Vec<Found>,
    does: Vec<Does>,
    parts: Vec<Part>,
    secrets: Vec<String>,
}

/// The package of an upload; none when nothing was chosen.
async fn package(mut form: Multipart) -> Result<Option<Bytes>, Failure> {
    let bad =
        |error: axum::extract::multipart::MultipartError| Failure::new(error.status(), "http.bad_request");
    while let Some(part) = form.next_field().await.map_err(bad)? {
        if part.name() == Some("file") {
            let bytes = part.bytes().await.map_err(bad)?;
            return Ok(Some(bytes).filter(|bytes| !bytes.is_empty()));
        }
    }
    Ok(None)
}

/// `POST /admin/plugins/check`.
pub(in crate::pages) async fn check(visit: Visit, form: Multipart) -> Result<Response, Failure> {
    administrator(&visit)?;
    match package(form).await {
        Ok(Some(bytes)) => look(&visit, bytes, None).await,
        Ok(None) => Ok(visit.go_with(PATH, &Toast::error(visit.t("plugins.no_upload", &[])))),
        Err(failure) => list_page(&visit, Some(&failure)).await,
    }
}

/// `POST /admin/plugins/shelf/{id}`: the same with a package that ships.
pub(in crate::pages) async fn shipped(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    administrator(&visit)?;
    match visit.tenant.engine.shipped_package(visit.actor(), &id).await.map_err(Failure::from) {
        Ok(bytes) => look(&visit, bytes.into(), None).await,
        Err(failure) if failure.status().is_client_error() => list_page(&visit, Some(&failure)).await,
        Err(failure) => Err(failure),
    }
}

/// Shows what is in a package.
async fn look(visit: &Visit, bytes: Bytes, failure: Option<&Failure>) -> Result<Response, Failure> {
    match visit.tenant.engine.inspect_plugin(visit.actor(), bytes.to_vec()).await {
        Ok(inspection) => {
            let mut check = describe(visit, &inspection).await?;
            check.problems = found(visit, &inspection.problems);
            check.ok = inspection.works;
            check.lacks = inspection.works && inspection.problems.iter().any(Finding::is_error);
            if check.ok {
                check.upload = visit.state.pages.plugins.put(visit, bytes).to_string();
            }
            page(visit, check, failure)
        }
        Err(Error::Plugin(findings)) => {
            let check = Check { problems: found(visit, &findings), ..Check::default() };
            page(visit, check, Some(&Error::Plugin(findings).into()))
        }
        Err(error) => Err(error.into()),
    }
}

async fn describe(visit: &Visit, inspection: &Inspection) -> Result<Check, Failure> {
    let Inspection { manifest, allowed, installed: difference, .. } = inspection;
    let (model, language) = (visit.tenant.engine.model(), visit.language);
    let installed = match difference {
        Some(_) => Some(api::one(&visit.by, &manifest.id).await?),
        None => None,
    };
    let before = installed.as_ref().and_then(api::current);
    let names = Names::new(&model, language, manifest, installed.as_ref());
    let consent = Consent {
        asked: allowed,
        granted: before.and_then(|version| version.granted.as_ref()),
        known: before.map(|version| &version.asked),
        names: &names,
    };
    let parts = consent.parts(visit);
    let secret = |secret: &Secret| names.secret(&secret.name).to_owned();
    let separator = visit.t("value.list_separator", &[]);
    let exports = |of: fn(&Difference) -> &Vec<ExportName>| {
        let named = |one: &ExportName| format!("{} {}", words::point(visit, one.point), one.name);
        let exports: Vec<String> = difference.iter().flat_map(of).map(named).collect();
        Some(exports.join(&separator)).filter(|exports| !exports.is_empty())
    };
    Ok(Check {
        id: manifest.id.clone(),
        title: manifest.title.get(language).to_owned(),
        description: manifest.description.as_ref().map(|text| text.get(language).to_owned()),
        version: manifest.version.clone(),
        from: before.map(|version| version.version.clone()),
        more: before.is_some_and(|version| version.granted.is_some()) && parts.iter().any(Part::is_fresh),
        same: difference.as_ref().is_some_and(|difference| difference.same),
        comes: exports(|difference| &difference.added),
        goes: exports(|difference| &difference.removed),
        does: does(visit, manifest, &names),
        parts,
        secrets: manifest.secrets.iter().map(secret).collect(),
        ..Check::default()
    })
}

fn page(visit: &Visit, check: Check, failure: Option<&Failure>) -> Result<Response, Failure> {
    let title = match (&check.from, check.title.is_empty()) {
        (_, true) => visit.t("plugins.install", &[]),
        (Some(_), _) => visit.t("plugins.check_upgrade", &[("title", &check.title)]),
        (None, _) => visit.t("plugins.check_install", &[("title", &check.title)]),
    };
    visit.page_telling("admin/plugin_check.html", &title, Page { check }, failure)
}

/// The boxes that are ticked.
pub(super) fn ticked(form: &[(String, String)]) -> HashSet<&str> {
    form.iter().filter(|(name, _)| name == "grant").map(|(_, key)| key.as_str()).collect()
}

/// `POST /admin/plugins/install`: with everything that is ticked; beside the version in force when it is to be tried first.
pub(in crate::pages) async fn install(
    visit: Visit,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    let id: Option<Uuid> = value(&form, "upload").parse().ok();
    let Some(bytes) = id.and_then(|id| visit.state.pages.plugins.get(&visit, id)) else {
        return Ok(visit.go_with(PATH, &Toast::error(visit.t("plugins.upload_gone", &[]))));
    };
    let engine = &visit.tenant.engine;
    let inspection = engine.inspect_plugin(visit.actor(), bytes.to_vec()).await?;
    let grant = Some(narrowed(&inspection.allowed, &ticked(&form)));
    let done = match value(&form, "stage") {
        "" => engine.install_plugin(visit.actor(), bytes.to_vec(), grant).await,
        _ => engine.stage_plugin(visit.actor(), bytes.to_vec(), grant).await,
    };
    match done.map_err(Failure::from) {
        Ok(report) => {
            let title = inspection.manifest.title.get(visit.language);
            let toast = told(&visit, title, inspection.installed.is_some(), &report);
            Ok(visit.go_with(&format!("{PATH}/{}", report.id), &toast))
        }
        Err(failure) if failure.status().is_server_error() => Err(failure),
        Err(failure) => look(&visit, bytes, Some(&failure)).await,
    }
}

/// What became of a version, in a line.
pub(super) fn told(visit: &Visit, title: &str, upgrade: bool, report: &PluginReport) -> Toast {
    let args = [("title", title), ("version", report.version.as_str())];
    let say = |key: &str| visit.t(&format!("plugins.{key}"), &args);
    match report.standing {
        Standing::InForce if upgrade => Toast::good(say("upgraded")),
        Standing::InForce => Toast::good(say("installed")),
        Standing::Kept => Toast::good(say("kept")),
        Standing::Waits => Toast::good(say("waits")),
        Standing::Broken if upgrade => Toast::error(say("stayed_broken")),
        Standing::Broken => Toast::error(say("installed_broken")),
    }
}
