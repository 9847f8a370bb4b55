//! Simulation: the administrator chooses how many days to look ahead, perhaps with other settings or another version of an
//! app, and sees what the tenant would come to by itself. With scripts the page tells how far it is; without them it waits.

use std::collections::BTreeMap;

use axum::extract::Multipart;
use axum::extract::multipart::MultipartError;
use axum::http::HeaderMap;
use axum::response::Response;
use minijinja::value::Serde;
use minijinja::{Value as Shown, context};
use mortise_definition::SettingValues;
use mortise_definition::model::{Model, SettingModel};
use mortise_definition::source::SettingType;
use mortise_engine::scenario::sandbox::{DAYS_MAX, Forecast, Wish};
use serde::Serialize;
use serde_json::{Value, json};

use super::apps::{plain, setting_json};
use super::{administrator, value};
use crate::Failure;
use crate::api::apps::unzip;
use crate::api::forecast::forecast_json;
use crate::api::sandbox::{News, lines, outcome, package, start, wants_lines};
use crate::pages::problem::Problem;
use crate::pages::shell;
use crate::pages::show::grouped;
use crate::pages::visit::Visit;

/// Days unless chosen otherwise: a month of work.
const DAYS: u32 = 30;
/// Numbers of days that one press chooses.
const CHOICES: [u32; 4] = [7, 14, 30, 90];

#[derive(Serialize)]
struct Page {
    sandbox: Sandbox,
    report: Option<Value>,
}

#[derive(Serialize)]
struct Sandbox {
    days: String,
    days_max: u32,
    choices: [u32; 4],
    apps: Vec<App>,
    /// Something else than the days was chosen.
    changed: bool,
}

#[derive(Serialize)]
struct App {
    label: String,
    settings: Vec<Setting>,
}

#[derive(Serialize)]
struct Setting {
    name: String,
    label: String,
    help: Option<String>,
    kind: &'static str,
    /// As it is typed, else as it is in force.
    value: String,
    now: String,
}

/// `GET /admin/sandbox`.
pub(in crate::pages) async fn show(visit: Visit) -> Result<Response, Failure> {
    administrator(&visit)?;
    page(&visit, &[], None, None)
}

/// `POST /admin/sandbox`: the page with what came of it; with scripts, lines that tell how far it is and then the report.
pub(in crate::pages) async fn run(
    visit: Visit,
    headers: HeaderMap,
    form: Multipart,
) -> Result<Response, Failure> {
    let by = administrator(&visit)?;
    let (form, files) = read(form).await?;
    let begun = match wish(&visit, &form, files) {
        Ok(wish) => start(&visit.state, &by, wish).await,
        Err(failure) => Err(failure),
    };
    if !wants_lines(&headers) {
        let done = match begun {
            Ok(mut news) => outcome(&mut news).await,
            Err(failure) => Err(failure),
        };
        return match done {
            Ok(forecast) => page(&visit, &form, Some(report(&visit, &forecast)), None),
            Err(failure) => page(&visit, &form, None, Some(&failure)),
        };
    }
    let news = match begun {
        Ok(news) => news,
        Err(failure) => refused(failure),
    };
    Ok(lines(news, move |news| told(&visit, news)))
}

/// News of a simulation that does not begin.
fn refused(failure: Failure) -> tokio::sync::mpsc::Receiver<News> {
    let (tell, news) = tokio::sync::mpsc::channel(1);
    tell.try_send(News::Done(Err(failure))).ok();
    news
}

/// What the script of the page is told: words, or markup in the place of the last report.
fn told(visit: &Visit, news: News) -> Value {
    let outcome = |report: Option<Value>, failure: Option<&Failure>| {
        let problem = failure.map(|failure| Problem::of(failure, visit.language));
        match fragment(visit, report, problem) {
            Ok(html) => json!({ "html": html }),
            Err(failure) => json!({ "html": failure.title(visit.language) }),
        }
    };
    match news {
        News::Passes(progress) => {
            let (day, days) = (progress.day.to_string(), progress.days.to_string());
            let key = if progress.day == 0 { "sandbox.copying" } else { "sandbox.passing" };
            let text = visit.t(key, &[("day", &day), ("days", &days)]);
            json!({"day": progress.day, "days": progress.days, "text": text})
        }
        News::Done(Ok(forecast)) => outcome(Some(report(visit, &forecast)), None),
        News::Done(Err(failure)) => outcome(None, Some(&failure)),
    }
}

/// The report alone.
fn fragment(visit: &Visit, report: Option<Value>, problem: Option<Problem>) -> Result<String, Failure> {
    let frame = shell::page(&visit.by, Some(&visit.by), &visit.look, visit.language, "", Vec::new());
    let problem = Shown::from(Serde(problem));
    let parts = context! { page => Shown::from(Serde(frame)), report => Shown::from(Serde(report)), problem };
    let html = visit.state.pages.templates.render(visit.language, "admin/forecast.html", parts);
    html.map_err(|error| Failure::internal(format!("{error:#}")))
}

/// A report with its figures as people write them.
fn report(visit: &Visit, forecast: &Forecast) -> Value {
    let mut report = forecast_json(forecast, visit.language);
    let days = (forecast.until - forecast.from).num_days().to_string();
    let seconds = format!("{:.1}", forecast.took_ms as f64 / 1_000.0);
    let records = grouped(forecast.records);
    report["summary"] =
        visit.t("sandbox.summary", &[("days", &days), ("records", &records), ("seconds", &seconds)]).into();
    let nothing = report["totals"].as_object().is_some_and(|totals| totals.values().all(|count| *count == 0));
    report["nothing"] = nothing.into();
    report
}

fn page(
    visit: &Visit,
    form: &[(String, String)],
    report: Option<Value>,
    failure: Option<&Failure>,
) -> Result<Response, Failure> {
    let model = visit.tenant.engine.model();
    let apps = apps(visit, &model, form);
    let days = Some(value(form, "days")).filter(|days| !days.is_empty());
    let sandbox = Sandbox {
        days: days.map_or_else(|| DAYS.to_string(), str::to_owned),
        days_max: DAYS_MAX,
        choices: CHOICES,
        changed: apps.iter().flat_map(|app| &app.settings).any(|setting| setting.value != setting.now),
        apps,
    };
    let page = Page { sandbox, report };
    visit.page_telling("admin/sandbox.html", &visit.t("sandbox.title", &[]), page, failure)
}

/// The apps that have settings.
fn apps(visit: &Visit, model: &Model, form: &[(String, String)]) -> Vec<App> {
    let setting = |app: &str, setting: &SettingModel| {
        let kind = setting.declaration.kind;
        let name = input(app, setting);
        let now = plain(kind, &mortise_engine::values::to_json(&setting.value));
        let typed = form.iter().any(|(known, _)| *known == name).then(|| value(form, &name).to_owned());
        Setting {
            label: setting.declaration.label.get(visit.language).to_owned(),
            help: setting.declaration.help.as_ref().map(|text| text.get(visit.language).to_owned()),
            kind: match kind {
                SettingType::Integer | SettingType::Decimal => "number",
                SettingType::Boolean => "boolean",
                SettingType::Text => "text",
            },
            value: typed.unwrap_or_else(|| now.clone()),
            now,
            name,
        }
    };
    let with_settings = model.apps.iter().filter(|app| !app.settings.is_empty());
    let app = with_settings.map(|app| App {
        label: app.label.get(visit.language).to_owned(),
        settings: app.settings.iter().map(|one| setting(&app.id, one)).collect(),
    });
    app.collect()
}

/// Name of the input of a setting. Ids have no colon.
fn input(app: &str, setting: &SettingModel) -> String {
    format!("setting:{app}:{}", setting.name)
}

/// What the form wishes for. Settings that are as they are now are left out.
fn wish(
    visit: &Visit,
    form: &[(String, String)],
    files: Option<BTreeMap<String, String>>,
) -> Result<Wish, Failure> {
    let days = value(form, "days").parse().unwrap_or(0);
    let mut settings = SettingValues::new();
    for app in &visit.tenant.engine.model().apps {
        for setting in &app.settings {
            let name = input(&app.id, setting);
            let typed = form.iter().any(|(known, _)| *known == name);
            let json = setting_json(setting.declaration.kind, value(form, &name));
            if typed && json != mortise_engine::values::to_json(&setting.value) {
                settings.entry(app.id.clone()).or_default().insert(setting.name.clone(), json);
            }
        }
    }
    Ok(Wish { days, settings, package: files.map(package).transpose()? })
}

/// The fields of the form, and the files of an app in a ZIP file.
async fn read(
    mut form: Multipart,
) -> Result<(Vec<(String, String)>, Option<BTreeMap<String, String>>), Failure> {
    let bad = |error: MultipartError| Failure::new(error.status(), "http.bad_request");
    let (mut fields, mut files) = (Vec::new(), None);
    while let Some(part) = form.next_field().await.map_err(bad)? {
        let name = part.name().unwrap_or_default().to_owned();
        match part.file_name() {
            None => fields.push((name, part.text().await.map_err(bad)?)),
            // Without a choice browsers send a file without a name.
            Some("") => {}
            Some(_) => files = Some(unzip(&part.bytes().await.map_err(bad)?)?),
        }
    }
    Ok((fields, files))
}
