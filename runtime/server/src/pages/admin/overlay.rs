//! What administrators changed in an app: a list of changes, each of which can be taken back; as a file for another
//! installation, and from one. An app is changed through the same door as by the API.

use axum::extract::{Form, Multipart, Path};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use mortise_definition::{Overlay, Patch, Problem as Finding};
use mortise_engine::Error;
use serde::Serialize;
use serde_json::Value;

use super::confirm::{self, confirmed};
use super::install::{Found, found};
use super::{administrator, value};
use crate::Failure;
use crate::api::apps::{app_problems, check_overlay};
use crate::api::body::parse;
use crate::api::files::disposition;
use crate::pages::flash::Toast;
use crate::pages::visit::Visit;

/// Longest value shown of a change, in characters; the file has all of it.
const SHOWN_CHARS_MAX: usize = 300;

type Pairs = Form<Vec<(String, String)>>;

#[derive(Serialize)]
struct Page {
    overlay: Shown,
    problems: Vec<Found>,
}

#[derive(Serialize)]
struct Shown {
    app: String,
    label: String,
    changes: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    artifact: String,
    path: String,
    kind: String,
    color: &'static str,
    before: Option<String>,
    after: Option<String>,
}

/// A value of an app's files in one line.
fn words(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text;
    }
    text.chars().take(SHOWN_CHARS_MAX).chain(['…']).collect()
}

fn row(visit: &Visit, patch: &Patch) -> Row {
    let (key, color) = match (&patch.before, &patch.after) {
        (None, _) => ("apps.change_added", "green"),
        (_, None) => ("apps.change_removed", "red"),
        _ => ("apps.change_changed", "blue"),
    };
    Row {
        artifact: patch.artifact.clone(),
        path: patch.path.clone(),
        kind: visit.t(key, &[]),
        color,
        before: patch.before.as_ref().map(words),
        after: patch.after.as_ref().map(words),
    }
}

async fn page(
    visit: &Visit,
    app: &str,
    failure: Option<&Failure>,
    findings: &[Finding],
) -> Result<Response, Failure> {
    let overlay = visit.tenant.engine.overlay(visit.actor(), app).await?;
    let model = visit.tenant.engine.model();
    let label = model.app(app).map_or(app, |app| app.label.get(visit.language)).to_owned();
    let shown = Shown {
        app: app.to_owned(),
        label,
        changes: overlay.patches.iter().map(|patch| row(visit, patch)).collect(),
    };
    let page = Page { overlay: shown, problems: found(visit, findings) };
    visit.page_telling("admin/overlay.html", &visit.t("overlay.title", &[]), page, failure)
}

/// `GET /admin/apps/{app}/overlay`.
pub(in crate::pages) async fn show(visit: Visit, Path(app): Path<String>) -> Result<Response, Failure> {
    administrator(&visit)?;
    page(&visit, &app, None, &[]).await
}

/// `GET /admin/apps/{app}/overlay/export`: the changes as a file.
pub(in crate::pages) async fn export(visit: Visit, Path(app): Path<String>) -> Result<Response, Failure> {
    administrator(&visit)?;
    let overlay = visit.tenant.engine.overlay(visit.actor(), &app).await?;
    let mut text = serde_json::to_string_pretty(&overlay).map_err(Failure::internal)?;
    text.push('\n');
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CONTENT_DISPOSITION, disposition("attachment", &format!("{app}-overlay.json"))),
    ];
    Ok((headers, text).into_response())
}

/// `POST /admin/apps/{app}/overlay/upload`: the changes of a file instead of those that are there.
pub(in crate::pages) async fn upload(
    visit: Visit,
    Path(app): Path<String>,
    mut form: Multipart,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    let bad =
        |error: axum::extract::multipart::MultipartError| Failure::new(error.status(), "http.bad_request");
    let mut text = None;
    while let Some(part) = form.next_field().await.map_err(bad)? {
        let named = part.file_name().is_some_and(|name| !name.is_empty());
        if part.name() == Some("overlay") && named {
            text = Some(part.bytes().await.map_err(bad)?);
        }
    }
    let Some(text) = text else {
        let toast = Toast::error(visit.t("overlay.no_upload", &[]));
        return Ok(visit.go_with(&format!("/admin/apps/{app}/overlay"), &toast));
    };
    apply(&visit, &app, &text, &[]).await
}

/// `POST /admin/apps/{app}/overlay`: the same, after what it takes away was confirmed.
pub(in crate::pages) async fn replace(
    visit: Visit,
    Path(app): Path<String>,
    Form(form): Pairs,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    apply(&visit, &app, value(&form, "overlay").as_bytes(), &confirmed(&form)).await
}

async fn apply(visit: &Visit, app: &str, text: &[u8], confirm: &[String]) -> Result<Response, Failure> {
    let overlay = parse(text).and_then(|overlay| check_overlay(&overlay, app).map(|()| overlay));
    match overlay {
        Ok(overlay) => {
            let again = vec![("overlay".to_owned(), String::from_utf8_lossy(text).into_owned())];
            put(visit, app, overlay, confirm, ("", again)).await
        }
        Err(failure) => page(visit, app, Some(&failure), &[]).await,
    }
}

/// `POST /admin/apps/{app}/overlay/revert`: takes back one change, or all.
pub(in crate::pages) async fn revert(
    visit: Visit,
    Path(app): Path<String>,
    Form(form): Pairs,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    let mut overlay = visit.tenant.engine.overlay(visit.actor(), &app).await?;
    let (artifact, path) = (value(&form, "artifact"), value(&form, "path"));
    if value(&form, "all") == "true" {
        overlay.patches.clear();
    } else {
        // Somebody else may have taken it back already, which is as good.
        overlay.patches.retain(|patch| patch.artifact != artifact || patch.path != path);
    }
    let again = form.iter().filter(|(name, _)| matches!(name.as_str(), "all" | "artifact" | "path"));
    let again: Vec<(String, String)> = again.cloned().collect();
    put(&visit, &app, overlay, &confirmed(&form), ("/revert", again)).await
}

/// Brings changes into force, asks for confirmation, or says what is wrong with them.
async fn put(
    visit: &Visit,
    app: &str,
    overlay: Overlay,
    confirm: &[String],
    (action, again): (&str, Vec<(String, String)>),
) -> Result<Response, Failure> {
    let place = format!("/admin/apps/{app}/overlay");
    let mut again = again;
    if confirm.iter().any(|step| step == confirm::CLOCKS) {
        again.push(("confirm_step".to_owned(), confirm::CLOCKS.to_owned()));
    // What is wrong with the changes themselves is told below.
    } else if let Ok(moved) = visit.tenant.engine.preview_overlay(visit.actor(), overlay.clone()).await
        && moved.changed > 0
    {
        let places = (&*format!("{place}{action}"), &*place);
        return confirm::clocks(visit, &moved, places, "overlay.apply", again);
    }
    match visit.tenant.engine.set_overlay(visit.actor(), overlay, confirm).await {
        Ok(_) => Ok(visit.go_with(&place, &Toast::good(visit.t("overlay.saved", &[])))),
        Err(Error::Unconfirmed(steps)) => {
            confirm::page(visit, &steps, (&format!("{place}{action}"), &place), "overlay.apply", again)
        }
        Err(Error::Definition(findings)) => {
            page(visit, app, Some(&app_problems(findings.clone())), &findings).await
        }
        Err(error) => {
            let failure = Failure::from(error);
            if failure.status().is_server_error() {
                Err(failure)
            } else {
                page(visit, app, Some(&failure), &[]).await
            }
        }
    }
}
