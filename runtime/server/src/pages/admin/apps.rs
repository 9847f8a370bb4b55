//! Apps of a tenant: what is installed, its settings and versions; installing, upgrading, going back, removing.
//! An uploaded app is checked and shown first; nothing is changed before the administrator says so.

use axum::extract::{Form, Path};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use mortise_definition::model::{AppModel, SettingModel};
use mortise_definition::source::SettingType;
use mortise_engine::{AppVersion, Error, Recomputed, Report};
use serde::Serialize;
use serde_json::{Value, json};

use super::confirm::{self, confirmed};
use super::purge::{self, Kept};
use super::{administrator, value};
use crate::Failure;
use crate::api::files::disposition;
use crate::pages::flash::Toast;
use crate::pages::show::Show;
use crate::pages::visit::Visit;

#[derive(Serialize)]
struct Listed {
    id: String,
    version: String,
    icon: String,
    label: String,
    description: Option<String>,
}

#[derive(Serialize)]
struct ListPage {
    apps: Vec<Listed>,
    /// Apps that were removed and left their records.
    removed: Vec<purge::Removed>,
}

/// The page of all apps, with what went wrong.
pub(super) async fn list_page(visit: &Visit, failure: Option<&Failure>) -> Result<Response, Failure> {
    let model = visit.tenant.engine.model();
    let listed = |app: &AppModel| Listed {
        id: app.id.clone(),
        version: app.version.clone(),
        icon: app.icon.clone(),
        label: app.label.get(visit.language).to_owned(),
        description: app.description.as_ref().map(|text| text.get(visit.language).to_owned()),
    };
    let page =
        ListPage { apps: model.apps.iter().map(listed).collect(), removed: purge::removed(visit).await? };
    visit.page_telling("admin/apps.html", &visit.t("apps.title", &[]), page, failure)
}

/// `GET /admin/apps`.
pub(in crate::pages) async fn list(visit: Visit) -> Result<Response, Failure> {
    administrator(&visit)?;
    list_page(&visit, None).await
}

#[derive(Serialize)]
struct AppPage {
    app: App,
}

#[derive(Serialize)]
struct App {
    id: String,
    version: String,
    icon: String,
    label: String,
    description: Option<String>,
    settings: Vec<Setting>,
    contents: Vec<Contents>,
    versions: Vec<Version>,
    /// What earlier versions left behind.
    kept: Vec<Kept>,
    /// How many changes administrators made.
    customized: usize,
}

#[derive(Serialize)]
struct Setting {
    name: String,
    label: String,
    help: Option<String>,
    kind: &'static str,
    value: String,
    default: String,
    changed: bool,
    error: Option<String>,
}

#[derive(Serialize)]
struct Contents {
    label: String,
    names: Vec<String>,
}

#[derive(Serialize)]
struct Version {
    id: i64,
    version: String,
    when: String,
    who: Option<String>,
    current: bool,
    can_return: bool,
}

/// `GET /admin/apps/{app}`.
pub(in crate::pages) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    administrator(&visit)?;
    app_page(&visit, &id, &[], None).await
}

/// The page of an app; `typed` are settings that were not accepted, with their messages.
async fn app_page(
    visit: &Visit,
    id: &str,
    typed: &[(String, String, String)],
    failure: Option<&Failure>,
) -> Result<Response, Failure> {
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let app = model.app(id).ok_or_else(|| Failure::not_found("app.not_found").with("app", id))?;
    let versions = visit.tenant.engine.app_versions(id).await?;
    let show = Show::new(&visit.by, &model, &directory);
    let index = model.apps.iter().position(|other| other.id == id);
    let language = visit.language;
    let names = |key: &str, names: Vec<String>| Contents { label: visit.t(key, &[]), names };
    let entities = model
        .entities
        .iter()
        .filter(|one| Some(one.app) == index)
        .map(|one| one.plural.get(language).to_owned());
    let views = model
        .views
        .values()
        .filter(|one| Some(one.app) == index)
        .map(|one| one.label.get(language).to_owned());
    let forms = model
        .forms
        .values()
        .filter(|one| Some(one.app) == index)
        .map(|one| one.label.get(language).to_owned());
    let roles = model
        .roles
        .values()
        .filter(|one| Some(one.app) == index)
        .map(|one| one.label.get(language).to_owned());
    let contents = vec![
        names("apps.entities", entities.collect()),
        names("apps.views", views.collect()),
        names("apps.forms", forms.collect()),
        names("apps.roles", roles.collect()),
    ];
    let page = AppPage {
        app: App {
            id: app.id.clone(),
            version: app.version.clone(),
            icon: app.icon.clone(),
            label: app.label.get(language).to_owned(),
            description: app.description.as_ref().map(|text| text.get(language).to_owned()),
            settings: app.settings.iter().map(|one| setting(visit, one, typed)).collect(),
            contents: contents.into_iter().filter(|one| !one.names.is_empty()).collect(),
            versions: versions.into_iter().map(|one| version(&show, one)).collect(),
            kept: purge::kept(visit, id).await?,
            customized: visit.tenant.engine.overlay(visit.actor(), id).await?.patches.len(),
        },
    };
    visit.page_telling("admin/app.html", app.label.get(language), page, failure)
}

fn version(show: &Show, version: AppVersion) -> Version {
    Version {
        id: version.number,
        when: show.ago(version.at),
        who: version.actor.and_then(|id| show.directory.user(id)).map(|user| user.name.clone()),
        current: version.current,
        can_return: !version.current,
        version: version.version,
    }
}

/// A JSON value as it stands in an input, a decimal without the zeros at its end.
pub(super) fn plain(kind: SettingType, json: &Value) -> String {
    let text = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    match kind {
        SettingType::Decimal if text.contains('.') => {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => text,
    }
}

fn setting(visit: &Visit, setting: &SettingModel, typed: &[(String, String, String)]) -> Setting {
    let refused = typed.iter().find(|(name, _, _)| *name == setting.name);
    let kind = setting.declaration.kind;
    let value = plain(kind, &mortise_engine::values::to_json(&setting.value));
    let default = plain(kind, &setting.declaration.default);
    Setting {
        name: setting.name.clone(),
        label: setting.declaration.label.get(visit.language).to_owned(),
        help: setting.declaration.help.as_ref().map(|text| text.get(visit.language).to_owned()),
        kind: match setting.declaration.kind {
            SettingType::Integer => "integer",
            SettingType::Decimal => "decimal",
            SettingType::Boolean => "boolean",
            SettingType::Text => "text",
        },
        changed: value != default,
        default,
        value: refused.map_or(value, |(_, typed, _)| typed.clone()),
        error: refused.map(|(_, _, message)| message.clone()),
    }
}

/// The wire form of a typed setting; nonsense stays text and is refused by the engine.
pub(super) fn setting_json(kind: SettingType, text: &str) -> Value {
    match kind {
        SettingType::Boolean => json!(text == "true"),
        SettingType::Integer => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
        SettingType::Decimal | SettingType::Text => json!(text),
    }
}

/// What typed settings would make of the clocks that run, when any of these moves. What is wrong with the settings
/// themselves is told when they are saved.
async fn moved_clocks(visit: &Visit, app: &AppModel, form: &[(String, String)]) -> Option<Recomputed> {
    let given = app.settings.iter().filter(|setting| form.iter().any(|(name, _)| *name == setting.name));
    let json = |setting: &SettingModel| {
        (setting.name.clone(), setting_json(setting.declaration.kind, value(form, &setting.name)))
    };
    let values: Vec<(String, Value)> = given.map(json).collect();
    let moved = visit.tenant.engine.preview_settings(visit.actor(), &app.id, &values).await.ok()?;
    (moved.changed > 0).then_some(moved)
}

/// `POST /admin/apps/{app}/settings`: each changed setting by itself; refused ones keep what was typed.
pub(in crate::pages) async fn settings(
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    let model = visit.tenant.engine.model();
    let app = model.app(&id).ok_or_else(|| Failure::not_found("app.not_found").with("app", &id))?;
    if !confirmed(&form).iter().any(|step| step == confirm::CLOCKS)
        && let Some(moved) = moved_clocks(&visit, app, &form).await
    {
        let place = format!("/admin/apps/{id}");
        let places = (&*format!("{place}/settings"), &*place);
        return confirm::clocks(&visit, &moved, places, "form.save", form);
    }
    let mut refused = Vec::new();
    let mut failure = None;
    for setting in &app.settings {
        if !form.iter().any(|(name, _)| *name == setting.name) {
            continue;
        }
        let text = value(&form, &setting.name);
        let json = setting_json(setting.declaration.kind, text);
        if json == mortise_engine::values::to_json(&setting.value) {
            continue;
        }
        if let Err(error) = visit.tenant.engine.set_setting(visit.actor(), &id, &setting.name, json).await {
            let error = Failure::from(error);
            let message = error
                .issues()
                .first()
                .map_or_else(|| error.title(visit.language), |issue| issue.text(visit.language));
            refused.push((setting.name.clone(), text.to_owned(), message));
            failure = Some(error);
        }
    }
    match failure {
        None => {
            Ok(visit.go_with(&format!("/admin/apps/{id}"), &Toast::good(visit.t("apps.settings_saved", &[]))))
        }
        Some(failure) => app_page(&visit, &id, &refused, Some(&failure)).await,
    }
}

/// `GET /admin/apps/{app}/export`: the app as a ZIP file, with the administrator's changes in it.
pub(in crate::pages) async fn export(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    administrator(&visit)?;
    let package = visit.tenant.engine.package(&id).await?;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, text) in package.files() {
        archive.start_file(format!("{id}/{name}"), options).map_err(Failure::internal)?;
        std::io::Write::write_all(&mut archive, text.as_bytes()).map_err(Failure::internal)?;
    }
    let bytes = archive.finish().map_err(Failure::internal)?.into_inner();
    let name = format!("{id}-{}.zip", package.app.version);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/zip")),
        (header::CONTENT_DISPOSITION, disposition("attachment", &name)),
    ];
    Ok((headers, bytes).into_response())
}

/// What changing an app came to: done, steps to be confirmed first, or refused.
async fn answer(
    visit: &Visit,
    id: &str,
    done: Result<Report, Error>,
    told: impl FnOnce(&Report) -> (String, Toast),
    (action, button, fields): (&str, &str, Vec<(String, String)>),
) -> Result<Response, Failure> {
    match done {
        Ok(report) => {
            let (path, toast) = told(&report);
            Ok(visit.go_with(&path, &toast))
        }
        Err(Error::Unconfirmed(steps)) => {
            let place = format!("/admin/apps/{id}");
            confirm::page(visit, &steps, (&format!("{place}/{action}"), &place), button, fields)
        }
        Err(error) => {
            let failure = Failure::from(error);
            if failure.status().is_server_error() {
                Err(failure)
            } else {
                app_page(visit, id, &[], Some(&failure)).await
            }
        }
    }
}

/// `POST /admin/apps/{app}/rollback`.
pub(in crate::pages) async fn rollback(
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    let number = value(&form, "version").parse().ok();
    let done = visit.tenant.engine.rollback(visit.actor(), &id, number, &confirmed(&form)).await;
    let told = |report: &Report| {
        let label = label(&visit, &id);
        let version = report.version.clone().unwrap_or_default();
        let toast = Toast::good(visit.t("apps.rolled_back", &[("label", &label), ("version", &version)]));
        (format!("/admin/apps/{id}"), toast)
    };
    let again = vec![("version".to_owned(), value(&form, "version").to_owned())];
    answer(&visit, &id, done, told, ("rollback", "apps.rollback", again)).await
}

/// `POST /admin/apps/{app}/uninstall`, with the app's id typed as confirmation.
pub(in crate::pages) async fn uninstall(
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    if value(&form, "confirm") != id {
        let toast = Toast::error(visit.t("apps.uninstall_mismatch", &[]));
        return Ok(visit.go_with(&format!("/admin/apps/{id}"), &toast));
    }
    let label = label(&visit, &id);
    let done = visit.tenant.engine.uninstall(visit.actor(), &id, &confirmed(&form)).await;
    let told = |_: &Report| {
        ("/admin/apps".to_owned(), Toast::good(visit.t("apps.uninstalled", &[("label", &label)])))
    };
    let again = vec![("confirm".to_owned(), id.clone())];
    answer(&visit, &id, done, told, ("uninstall", "apps.uninstall", again)).await
}

/// Name of an app.
fn label(visit: &Visit, id: &str) -> String {
    visit
        .tenant
        .engine
        .model()
        .app(id)
        .map_or_else(|| id.to_owned(), |app| app.label.get(visit.language).to_owned())
}
