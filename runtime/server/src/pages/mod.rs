//! Pages for people: routes, templates and assets. Everything they do goes through the engine or the functions of `api`;
//! nothing here decides who may do what.

mod admin;
mod assets;
mod dashboard;
mod design;
mod events;
mod flash;
mod form;
mod home;
mod import;
mod inbox;
mod list;
mod lookup;
mod manifest;
mod offline;
mod palette;
mod problem;
mod profile;
mod record;
mod render;
mod sessions;
mod shell;
mod show;
mod sign_in;
mod trash;
mod trees;
mod views;
mod visit;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use mortise_definition::Package;
use serde::Serialize;
use std::sync::Arc;

use admin::waiting::Waiting;

use crate::config::{BODY_LIMIT_BYTES, IMPORT_LIMIT_BYTES, PACKAGE_LIMIT_BYTES, PLUGIN_LIMIT_BYTES};
use crate::{AppState, Base, Failure, RequestContext};
use visit::Look;

/// Packages of apps that wait for a decision at the same time; each has some hundred kilobytes.
const WAITING_APPS_MAX: usize = 16;
/// The same of plugins, which may have tens of megabytes.
const WAITING_PLUGINS_MAX: usize = 6;

/// Templates and what pages keep between two requests.
pub struct Pages {
    templates: render::Pages,
    waiting: Waiting<Arc<Package>>,
    plugins: Waiting<Bytes>,
}

impl Pages {
    /// Loads what the binary carries.
    pub fn load() -> Result<Self, minijinja::Error> {
        Ok(Pages {
            templates: render::Pages::load()?,
            waiting: Waiting::new(WAITING_APPS_MAX),
            plugins: Waiting::new(WAITING_PLUGINS_MAX),
        })
    }
}

/// All pages, with paths as seen behind the tenant's base.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/", get(home::show))
        .route("/events", get(events::stream))
        .route("/dashboards/{key}", get(dashboard::show))
        .route("/dashboards/{key}/{card}", get(dashboard::card))
        .route("/search", get(palette::page))
        .route("/palette", get(palette::palette))
        .route("/design", get(design::show))
        .route("/manifest.webmanifest", get(manifest::show))
        .route("/sw.js", get(offline::worker))
        .route("/offline", get(offline::show))
        .route("/inbox", get(inbox::show))
        .route("/inbox/panel", get(inbox::panel))
        .route("/inbox/read", post(inbox::read))
        .route("/sign-in", get(sign_in::show).post(sign_in::submit))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/lookup/users", get(lookup::users))
        .route("/lookup/teams", get(lookup::teams))
        .route("/lookup/trees/{tree}", get(trees::show))
        .route("/profile", get(profile::show))
        .route("/profile/theme", post(profile::theme))
        .route("/profile/language", post(profile::language))
        .route("/profile/password", post(profile::password))
        .route("/profile/sessions/{id}/end", post(sessions::end))
        .route("/profile/end-sessions", post(sessions::end_others))
        .route("/profile/tokens", post(profile::new_token))
        .route("/profile/tokens/{id}/delete", post(profile::delete_token))
        .merge(records())
        .merge(administration())
        .merge(plugins())
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .merge(uploads())
        .route("/assets/{file}", get(assets::serve))
}

/// What scripts of pages ask for as programs do: their places below `/api/v1`.
pub fn phone() -> Router<AppState> {
    offline::phone()
}

fn records() -> Router<AppState> {
    Router::new()
        .route("/a/{app}/{entity}", get(list::show))
        .route("/a/{app}/{entity}/rows", get(list::table::rows))
        .route("/a/{app}/{entity}/figures", get(list::table::figures))
        .route("/a/{app}/{entity}/columns", post(list::personal::choose))
        .route("/a/{app}/{entity}/filters", post(list::saved::keep))
        .route("/a/{app}/{entity}/filters/{id}/delete", post(list::saved::forget))
        .route("/a/{app}/{entity}/filter-words", post(list::advanced::words))
        .route("/a/{app}/{entity}/bulk/{field}", get(list::bulk::widget).post(list::bulk::value))
        .route("/a/{app}/{entity}/bulk-delete", post(list::bulk::bulk_delete))
        .route("/a/{app}/{entity}/bulk-restore", post(list::bulk::bulk_restore))
        .route("/a/{app}/{entity}/{id}/cell/{field}", get(list::cell::show).post(list::cell::save))
        .route("/a/{app}/{entity}/new", get(form::new).post(form::create))
        .route("/a/{app}/{entity}/form-state", post(form::live))
        .route("/a/{app}/{entity}/split", post(form::split))
        .route("/a/{app}/{entity}/lookup/{field}", get(lookup::records))
        .route("/a/{app}/{entity}/cards", get(views::cards))
        .route("/a/{app}/{entity}/trash", get(trash::show))
        .route("/a/{app}/{entity}/import/{id}", get(import::show))
        .route("/a/{app}/{entity}/import/{id}/mapping", get(import::mapping).post(import::preview))
        .route("/a/{app}/{entity}/import/{id}/start", post(import::start))
        .route("/a/{app}/{entity}/import/{id}/stop", post(import::stop))
        .route("/a/{app}/{entity}/import/{id}/errors", get(import::errors))
        .route("/a/{app}/{entity}/{id}", get(record::show))
        .route("/a/{app}/{entity}/{id}/edit", get(form::edit).post(form::update))
        .route("/a/{app}/{entity}/{id}/delete", post(record::delete))
        .route("/a/{app}/{entity}/{id}/restore", post(record::restore))
        .route("/a/{app}/{entity}/{id}/comments", post(record::comment))
        .route("/a/{app}/{entity}/{id}/transitions/{transition}", get(form::transition).post(form::take))
        .route("/a/{app}/{entity}/{id}/move", post(views::take))
        .route("/a/{app}/{entity}/{id}/claim", post(record::claim))
        .route("/a/{app}/{entity}/{id}/unfreeze", post(record::unfreeze))
        .route("/a/{app}/{entity}/{id}/assignments", get(record::assignments))
}

fn administration() -> Router<AppState> {
    use admin::{apps, audit, automation, connectors, deliveries, departments, findings};
    use admin::{install, overlay, overview, purge, roles, sandbox, scenarios, stuck, users};
    Router::new()
        .route("/admin", get(overview::show))
        .route("/admin/users", get(users::list))
        .route("/admin/users/new", get(users::new).post(users::create))
        .route("/admin/users/{id}", get(users::edit).post(users::update))
        .route("/admin/users/{id}/end-sessions", post(sessions::end_of))
        .route("/admin/users/{id}/activate", post(users::activate))
        .route("/admin/users/{id}/deactivate", post(users::deactivate))
        .route("/admin/departments", get(departments::list).post(departments::create))
        .route("/admin/departments/{id}", post(departments::update))
        .route("/admin/departments/{id}/delete", post(departments::delete))
        .route("/admin/roles", get(roles::list))
        .route("/admin/apps", get(apps::list))
        .route("/admin/apps/install", post(install::install))
        .route("/admin/apps/{app}", get(apps::show))
        .route("/admin/apps/{app}/settings", post(apps::settings))
        .route("/admin/apps/{app}/export", get(apps::export))
        .route("/admin/apps/{app}/rollback", post(apps::rollback))
        .route("/admin/apps/{app}/uninstall", post(apps::uninstall))
        .route("/admin/apps/{app}/purge", get(purge::show).post(purge::purge))
        .route("/admin/apps/{app}/overlay", get(overlay::show).post(overlay::replace))
        .route("/admin/apps/{app}/overlay/export", get(overlay::export))
        .route("/admin/apps/{app}/overlay/upload", post(overlay::upload))
        .route("/admin/apps/{app}/overlay/revert", post(overlay::revert))
        .route("/admin/connectors", get(connectors::list))
        .route("/admin/connectors/{key}", get(connectors::list).post(connectors::update))
        .route("/admin/connectors/{key}/secret", post(connectors::secret))
        .route("/admin/connectors/{key}/delete", post(connectors::remove))
        .route("/admin/connectors/{key}/test", post(connectors::test))
        .route("/admin/deliveries", get(deliveries::list))
        .route("/admin/deliveries/retry", post(deliveries::retry_all))
        .route("/admin/deliveries/{id}", get(deliveries::list))
        .route("/admin/deliveries/{id}/retry", post(deliveries::retry))
        .route("/admin/apps/{app}/findings", get(findings::show))
        .route("/admin/apps/{app}/scenarios", get(scenarios::show).post(scenarios::run))
        .route("/admin/automation", get(automation::list))
        .route("/admin/automation/retry", post(automation::retry_all))
        .route("/admin/automation/{id}/retry", post(automation::retry))
        .route("/admin/automation/{id}/dismiss", post(automation::dismiss))
        .route("/admin/automation/replay/{policy}", get(automation::replay))
        .route("/admin/sandbox", get(sandbox::show))
        .route("/admin/stuck", get(stuck::show))
        .route("/admin/stuck/switch", post(stuck::switch))
        .route("/admin/stuck/delete", post(stuck::delete))
        .route("/admin/audit", get(audit::show))
        .route("/admin/audit/export", get(audit::export))
        .route("/admin/audit/verify", post(audit::verify))
}

fn plugins() -> Router<AppState> {
    use admin::plugins::{calls, change, check, kept, list, runs, settings, show};
    Router::new()
        .route("/admin/plugins", get(list))
        .route("/admin/plugins/install", post(check::install))
        .route("/admin/plugins/shelf/{id}", post(check::shipped))
        .route("/admin/plugins/kept/{id}/purge", post(kept::purge))
        .route("/admin/plugins/{id}", get(show::show))
        .route("/admin/plugins/{id}/grant", post(change::grant))
        .route("/admin/plugins/{id}/enable", post(change::enable))
        .route("/admin/plugins/{id}/disable", post(change::disable))
        .route("/admin/plugins/{id}/canary", post(change::start))
        .route("/admin/plugins/{id}/promote", post(change::promote))
        .route("/admin/plugins/{id}/stop", post(change::stop))
        .route("/admin/plugins/{id}/rollback", post(change::rollback))
        .route("/admin/plugins/{id}/settings", post(settings::save))
        .route("/admin/plugins/{id}/secrets/{name}", post(change::secret))
        .route("/admin/plugins/{id}/mapping", post(change::mapping))
        .route("/admin/plugins/{id}/reset", post(change::reset))
        .route("/admin/plugins/{id}/remove", post(change::remove))
        .route("/admin/plugins/{id}/jobs/{job}/run", post(change::run_job))
        .route("/admin/plugins/{id}/runs", get(runs::list))
        .route("/admin/plugins/{id}/calls", get(calls::list))
        .route("/admin/plugins/{id}/calls/{call}/retry", post(calls::retry))
        .route("/admin/plugins/{id}/calls/{call}/dismiss", post(calls::dismiss))
}

/// Routes that take files.
fn uploads() -> Router<AppState> {
    let imports = Router::new()
        .route("/a/{app}/{entity}/import", get(import::begin).post(import::upload))
        .layer(DefaultBodyLimit::max(IMPORT_LIMIT_BYTES));
    let packages = Router::new()
        .route("/admin/apps/check", post(admin::install::check))
        .route("/admin/sandbox", post(admin::sandbox::run))
        .layer(DefaultBodyLimit::max(PACKAGE_LIMIT_BYTES));
    let plugins = Router::new()
        .route("/admin/plugins/check", post(admin::plugins::check::check))
        .layer(DefaultBodyLimit::max(PLUGIN_LIMIT_BYTES));
    imports.merge(packages).merge(plugins)
}

/// A failure that has to be shown to a person.
#[derive(Clone, Copy)]
pub struct ErrorView<'a> {
    /// What went wrong.
    pub failure: &'a Failure,
    /// Language to tell it in.
    pub language: &'static str,
    /// Start of every link.
    pub base: &'a Base,
    /// Path and query that were asked for (with base).
    pub path: &'a str,
    /// Asked by htmx: a fragment is wanted.
    pub htmx: bool,
    /// The request, when it got as far as having one (tenant known).
    pub context: Option<&'a Arc<RequestContext>>,
}

#[derive(Serialize)]
struct ErrorPage {
    error: Told,
}

#[derive(Serialize)]
struct Told {
    status: u16,
    icon: &'static str,
    title: String,
    hint: String,
    code: String,
    retry: Option<String>,
}

/// The page of a failure; somebody who is not signed in is sent to the sign-in page and comes back afterwards.
pub fn error_page(state: &AppState, view: ErrorView<'_>) -> Response {
    let status = view.failure.status();
    if let (StatusCode::UNAUTHORIZED, Some(context)) = (status, view.context) {
        let wanted = view.path.strip_prefix(&*context.base.0).unwrap_or(view.path);
        let next = serde_urlencoded::to_string([("next", page_of(wanted))]).unwrap_or_default();
        return visit::go(view.htmx, &context.base.path(&format!("/sign-in?{next}")));
    }
    let icon = match status.as_u16() {
        403 => "lock",
        404 => "search-off",
        429 => "hourglass",
        500.. => "tool",
        _ => "alert-circle",
    };
    // What programs have to know of a kind of record that is not there tells people nothing.
    let page = |key: &str| {
        mortise_definition::locale::translate(view.language, &format!("ui.error_page.{key}"), &[])
    };
    let (title, hint) = match view.failure.code() {
        "entity.not_found" => (page("missing"), page("missing_text")),
        _ => (view.failure.title(view.language), view.failure.hint(view.language)),
    };
    let told = Told {
        status: status.as_u16(),
        icon,
        title,
        hint,
        code: view.failure.code().to_owned(),
        retry: (status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS)
            .then(|| view.path.to_owned()),
    };
    let title = told.title.clone();
    let page = match view.context {
        Some(context) => {
            let by = crate::SignedIn::of(context);
            let look = Look::plain(view.path.strip_prefix(&*context.base.0).unwrap_or(view.path));
            let page = shell::page(context, by.as_ref(), &look, view.language, &title, Vec::new());
            visit::render(state, context, &look, view.language, "error.html", page, ErrorPage { error: told })
        }
        None => return (status, plain_page(&told)).into_response(),
    };
    match page {
        Ok(mut response) => {
            *response.status_mut() = status;
            response
        }
        // A page that cannot even tell what is wrong must not hide it.
        Err(error) => {
            tracing::error!(cause = error.log(), "the error page failed");
            (status, view.failure.title(view.language)).into_response()
        }
    }
}

/// The page that an address belongs to: what can only be posted is left for the page with its form.
fn page_of(address: &str) -> &str {
    const POSTED: [&str; 31] = [
        "/switch",
        "/move",
        "/dismiss",
        "/claim",
        "/unfreeze",
        "/comments",
        "/delete",
        "/restore",
        "/bulk-delete",
        "/bulk-restore",
        "/form-state",
        "/split",
        "/start",
        "/stop",
        "/settings",
        "/revert",
        "/upload",
        "/verify",
        "/read",
        "/retry",
        "/secret",
        "/test",
        "/grant",
        "/enable",
        "/disable",
        "/canary",
        "/promote",
        "/rollback",
        "/mapping",
        "/reset",
        "/remove",
    ];
    let path = address.split('?').next().unwrap_or_default();
    POSTED.iter().find_map(|end| path.strip_suffix(end)).unwrap_or(address)
}

/// The page when not even the tenant is known: there is no base, so there are no assets.
fn plain_page(told: &Told) -> axum::response::Html<String> {
    let escape = |text: &str| minijinja::HtmlEscape(text).to_string();
    axum::response::Html(format!(
        "<!doctype html><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{0}</title><h1>{0}</h1><p>{1}</p><p><small>{2}</small></p>",
        escape(&told.title),
        escape(&told.hint),
        escape(&told.code)
    ))
}

#[cfg(test)]
mod tests {
    use super::page_of;

    #[test]
    fn after_signing_in_again_one_is_on_a_page_not_on_an_address_for_forms() {
        assert_eq!(page_of("/a/crm/lead/1/comments"), "/a/crm/lead/1");
        assert_eq!(page_of("/a/crm/lead/form-state?id=1"), "/a/crm/lead");
        assert_eq!(page_of("/a/crm/lead?view=x"), "/a/crm/lead?view=x");
    }
}
