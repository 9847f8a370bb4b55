//! What an administrator does on the page of a plugin: each form one handler, by the same functions as the API.

use axum::extract::{Form, Path};
use axum::response::Response;
use mortise_engine::Error;
use mortise_engine::plugins::{EntityMapping, Mapping};
use serde_json::Map;
use uuid::Uuid;

use super::PATH;
use super::check::{ticked, told};
use super::consent::narrowed;
use super::settings::Refused;
use super::show::plugin_page;
use crate::Failure;
use crate::api::plugins as api;
use crate::pages::admin::{administrator, value};
use crate::pages::flash::Toast;
use crate::pages::visit::Visit;

pub(super) type Fields = Form<Vec<(String, String)>>;

/// Makes a change; then the page of the plugin with a message, or with what went wrong.
pub(super) async fn change(
    visit: &Visit,
    id: &str,
    key: &str,
    change: impl Future<Output = Result<(), Error>>,
) -> Result<Response, Failure> {
    administrator(visit)?;
    match change.await.map_err(Failure::from) {
        Ok(()) => done(visit, id, key).await,
        Err(failure) => refused(visit, id, &[], failure).await,
    }
}

/// The page of the plugin with a message.
pub(super) async fn done(visit: &Visit, id: &str, key: &str) -> Result<Response, Failure> {
    let title = title(visit, id).await;
    let toast = Toast::good(visit.t(&format!("plugins.{key}"), &[("title", &title)]));
    Ok(visit.go_with(&format!("{PATH}/{id}"), &toast))
}

/// The page of the plugin with what went wrong, and settings as they were typed.
pub(super) async fn refused(
    visit: &Visit,
    id: &str,
    entered: &[Refused],
    failure: Failure,
) -> Result<Response, Failure> {
    match failure.status().is_client_error() {
        true => plugin_page(visit, id, entered, Some(&failure)).await,
        false => Err(failure),
    }
}

/// Name of a plugin.
async fn title(visit: &Visit, id: &str) -> String {
    match api::one(&visit.by, id).await {
        Ok(info) => info.title.get(visit.language).to_owned(),
        Err(_) => id.to_owned(),
    }
}

/// `POST /admin/plugins/{id}/grant`: what is ticked is granted, the rest is not.
pub(in crate::pages) async fn grant(
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Fields,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    let info = api::one(&visit.by, &id).await?;
    let number: i64 = value(&form, "number").parse().unwrap_or(info.current);
    let version = info.versions.iter().find(|version| version.number == number);
    let asked = version.map(|version| version.asked.clone()).unwrap_or_default();
    let grant = narrowed(&asked, &ticked(&form));
    match visit.tenant.engine.grant_plugin(visit.actor(), &id, number, grant).await {
        Ok(report) => {
            let saved = number == info.current && version.is_some_and(|version| version.granted.is_some());
            let toast = match saved {
                true => Toast::good(visit.t("plugins.granted", &[])),
                false => told(&visit, info.title.get(visit.language), true, &report),
            };
            Ok(visit.go_with(&format!("{PATH}/{id}"), &toast))
        }
        Err(error) => refused(&visit, &id, &[], error.into()).await,
    }
}

/// `POST /admin/plugins/{id}/enable`.
pub(in crate::pages) async fn enable(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let done = visit.tenant.engine.set_plugin_enabled(visit.actor(), &id, true);
    change(&visit, &id, "enabled", done).await
}

/// `POST /admin/plugins/{id}/disable`.
pub(in crate::pages) async fn disable(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let done = visit.tenant.engine.set_plugin_enabled(visit.actor(), &id, false);
    change(&visit, &id, "disabled", done).await
}

/// `POST /admin/plugins/{id}/canary`.
pub(in crate::pages) async fn start(
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Fields,
) -> Result<Response, Failure> {
    let number = value(&form, "number").parse().unwrap_or_default();
    // What is no number between 0 and 100 is refused by the engine as the share that it cannot be.
    let share = value(&form, "share").parse().unwrap_or(u8::MAX);
    let people = form.iter().filter(|(name, _)| name == "people");
    let people: Vec<Uuid> = people.filter_map(|(_, id)| id.parse().ok()).collect();
    let done = visit.tenant.engine.start_canary(visit.actor(), &id, number, share, people);
    change(&visit, &id, "canary_started", done).await
}

/// `POST /admin/plugins/{id}/promote`.
pub(in crate::pages) async fn promote(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let done = visit.tenant.engine.promote_canary(visit.actor(), &id);
    change(&visit, &id, "promoted", done).await
}

/// `POST /admin/plugins/{id}/stop`.
pub(in crate::pages) async fn stop(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let done = visit.tenant.engine.stop_canary(visit.actor(), &id);
    change(&visit, &id, "canary_stopped", done).await
}

/// `POST /admin/plugins/{id}/rollback`.
pub(in crate::pages) async fn rollback(
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Fields,
) -> Result<Response, Failure> {
    let number = value(&form, "number").parse().ok();
    let done = async { visit.tenant.engine.rollback_plugin(visit.actor(), &id, number).await.map(drop) };
    change(&visit, &id, "rolled_back", done).await
}

/// `POST /admin/plugins/{id}/reset`.
pub(in crate::pages) async fn reset(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let done = async { visit.tenant.engine.reset_circuits(visit.actor(), &id) };
    change(&visit, &id, "reset_done", done).await
}

/// `POST /admin/plugins/{id}/remove`: what the plugin keeps in its store stays, unless that is to go as well.
pub(in crate::pages) async fn remove(
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Fields,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    let (title, keep) = (title(&visit, &id).await, value(&form, "purge").is_empty());
    match visit.tenant.engine.remove_plugin(visit.actor(), &id, keep).await {
        Ok(()) => Ok(visit.go_with(PATH, &Toast::good(visit.t("plugins.removed", &[("title", &title)])))),
        Err(error) => refused(&visit, &id, &[], error.into()).await,
    }
}

/// `POST /admin/plugins/{id}/jobs/{job}/run`.
pub(in crate::pages) async fn run_job(
    visit: Visit,
    Path((id, job)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let nothing = Map::new();
    let done = visit.tenant.engine.run_plugin_job(visit.actor(), &id, &job, &nothing);
    change(&visit, &id, "run_started", done).await
}

/// `POST /admin/plugins/{id}/secrets/{name}`.
pub(in crate::pages) async fn secret(
    visit: Visit,
    Path((id, name)): Path<(String, String)>,
    Form(form): Fields,
) -> Result<Response, Failure> {
    let done = visit.tenant.engine.set_plugin_secret(visit.actor(), &id, &name, value(&form, "secret"));
    change(&visit, &id, "secret_saved", done).await
}

/// `POST /admin/plugins/{id}/mapping`: names without an entity are found as if nobody had said anything.
pub(in crate::pages) async fn mapping(
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Fields,
) -> Result<Response, Failure> {
    let mut mapping = Mapping::new();
    for (key, chosen) in form.iter().filter(|(_, value)| !value.trim().is_empty()) {
        if let Some(name) = key.strip_prefix("entity/") {
            mapping.insert(
                name.to_owned(),
                EntityMapping { entity: chosen.clone(), ..EntityMapping::default() },
            );
        }
    }
    for (key, own) in form.iter().filter(|(_, value)| !value.trim().is_empty()) {
        let place = key.strip_prefix("field/").and_then(|rest| rest.split_once('/'));
        if let Some((entity, field)) = place
            && let Some(known) = mapping.get_mut(entity)
        {
            known.fields.insert(field.to_owned(), own.trim().to_owned());
        }
    }
    let done = visit.tenant.engine.set_plugin_mapping(visit.actor(), &id, mapping);
    change(&visit, &id, "mapping_saved", done).await
}
