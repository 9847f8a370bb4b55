//! The REST API below `/api/v1`: thin handlers that turn requests into commands and queries of the engine.
//! What pages need as well is a public function here, so that both faces do exactly the same.

pub mod apps;
pub mod audit;
pub mod automation;
pub mod body;
pub mod cards;
mod choices;
pub mod connectors;
pub mod deliveries;
pub mod departments;
pub mod etag;
pub mod files;
pub mod forecast;
pub mod imports;
pub mod inbound;
mod inbox;
pub mod interactions;
pub mod metrics;
pub mod openapi;
mod photos;
pub mod plugins;
pub mod records;
pub mod roles;
pub mod sandbox;
pub mod scenarios;
pub mod session;
pub mod sessions;
pub mod sync;
pub mod tokens;
pub mod users;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::{delete, get, patch, post, put};
use mortise_engine::{Command, RunOptions};

use crate::config::{
    BATCH_LIMIT_BYTES, BODY_LIMIT_BYTES, IMPORT_LIMIT_BYTES, INTERACTIONS_LIMIT_BYTES, PACKAGE_LIMIT_BYTES,
};
use crate::{AppState, Config, Failure, SignedIn};

/// All routes of the API.
pub fn router(config: &Config) -> Router<AppState> {
    Router::new()
        .merge(record_routes())
        .merge(app_routes())
        .merge(message_routes())
        .merge(automation_routes())
        .merge(plugins::router())
        .merge(crate::pages::phone())
        .route("/users", get(users::list).post(users::post))
        .route("/users/{id}", get(users::read).patch(users::patch))
        .route("/users/{id}/sessions", get(sessions::list_of).delete(sessions::end_of))
        .route("/sessions", get(sessions::list).delete(sessions::end_others))
        .route("/sessions/{id}", delete(sessions::end_one))
        .route("/departments", get(departments::list).post(departments::post))
        .route("/departments/{id}", patch(departments::patch).delete(departments::delete))
        .route("/audit", get(audit::list))
        .route("/audit/export", get(audit::export))
        .route("/roles", get(roles::list))
        .merge(interaction_routes())
        .route("/choices/{name}", get(choices::read).put(choices::put).delete(choices::delete))
        .route("/saved-filters", get(choices::filters).post(choices::keep))
        .route("/saved-filters/{id}", put(choices::change).delete(choices::forget))
        .route("/tokens", get(tokens::list).post(tokens::post))
        .route("/tokens/{id}", delete(tokens::delete))
        .route(
            "/session",
            get(session::get).post(session::post).patch(session::patch).delete(session::delete),
        )
        .route("/openapi.json", get(document))
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .merge(large_routes(config))
}

fn record_routes() -> Router<AppState> {
    Router::new()
        .route("/records/{entity}", get(records::list).post(records::create))
        .route("/records/{entity}/duplicates", post(records::duplicates))
        .route("/records/{entity}/form-state", post(records::form_state))
        .route("/records/{entity}/export", get(records::export))
        .route("/records/{entity}/{id}", get(records::read).patch(records::update).delete(records::delete))
        .route("/records/{entity}/{id}/restore", post(records::restore))
        .route("/records/{entity}/{id}/timeline", get(records::timeline))
        .route("/records/{entity}/{id}/comments", post(records::comment))
        .route("/files/{id}", get(files::read))
        .route("/files/{id}/preview", get(files::preview))
}

fn app_routes() -> Router<AppState> {
    Router::new()
        .route("/apps", get(apps::list))
        .route("/apps/{app}", get(apps::read).delete(apps::uninstall))
        .route("/apps/{app}/export", get(apps::export))
        .route("/apps/purge", post(apps::purge_all))
        .route("/apps/{app}/purge", post(apps::purge))
        .route("/apps/{app}/overlay", get(apps::overlay).put(apps::set_overlay))
        .route("/apps/{app}/rollback", post(apps::rollback))
        .route("/apps/{app}/settings", patch(apps::settings))
        .route("/apps/{app}/test", post(scenarios::run))
}

fn automation_routes() -> Router<AppState> {
    Router::new()
        .route("/records/{entity}/{id}/transitions", get(automation::transitions))
        .route("/records/{entity}/{id}/transitions/{transition}", post(automation::take))
        .route("/records/{entity}/{id}/claim", post(automation::claim))
        .route("/records/{entity}/{id}/clocks", get(automation::clocks))
        .route("/records/{entity}/{id}/assignments", get(automation::assignments))
        .route("/records/{entity}/{id}/freezes", get(automation::freezes).delete(automation::lift))
        .route("/metrics", get(metrics::list))
        .route("/metrics/{key}", get(metrics::read))
        .route("/dashboards", get(cards::list))
        .route("/dashboards/{key}", get(cards::read))
        .route("/work", get(automation::work))
        .route("/work/{id}/retry", post(automation::retry))
        .route("/work/{id}/dismiss", post(automation::dismiss))
        .route("/assignments/{policy}/replay", get(automation::replay))
}

/// What pages tell of forms is small; whatever is larger comes from somewhere else.
fn interaction_routes() -> Router<AppState> {
    let told = post(interactions::note).layer(DefaultBodyLimit::max(INTERACTIONS_LIMIT_BYTES));
    let rest = get(interactions::read).put(interactions::switch).delete(interactions::delete);
    Router::new().route("/interactions", told.merge(rest))
}

fn message_routes() -> Router<AppState> {
    Router::new()
        .route("/inbox", get(inbox::list))
        .route("/inbox/read", post(inbox::mark))
        .route("/deliveries", get(deliveries::list))
        .route("/deliveries/retry", post(deliveries::retry_all))
        .route("/deliveries/{id}/retry", post(deliveries::retry))
        .route("/connectors", get(connectors::list))
        .route("/connectors/{key}", put(connectors::put).delete(connectors::delete))
        .route("/connectors/{key}/secret", post(connectors::secret))
        .route("/connectors/{key}/test", post(connectors::test))
}

/// Routes that take more than an ordinary body.
fn large_routes(config: &Config) -> Router<AppState> {
    let batches = Router::new()
        .route("/records/{entity}/batch", post(records::batch_of_entity))
        .route("/batch", post(records::batch))
        .layer(DefaultBodyLimit::max(BATCH_LIMIT_BYTES));
    let packages = Router::new()
        .route("/apps", post(apps::install))
        .route("/apps/check", post(apps::check))
        .route("/apps/plan", post(apps::plan))
        .route("/sandbox", post(sandbox::run))
        .layer(DefaultBodyLimit::max(PACKAGE_LIMIT_BYTES));
    let imports = imports::router().layer(DefaultBodyLimit::max(IMPORT_LIMIT_BYTES));
    let files = Router::new()
        .route("/files", post(files::upload))
        .layer(DefaultBodyLimit::max(config.upload_limit_bytes()));
    batches.merge(packages).merge(imports).merge(files).merge(plugins::packages())
}

/// Leaves a note about administration in the tenant's audit.
pub async fn note(by: &SignedIn, action: &'static str, details: serde_json::Value) -> Result<(), Failure> {
    let command = Command::Note { action: action.to_owned(), details };
    by.tenant.engine.run(by.actor(), command, RunOptions::default()).await?;
    Ok(())
}

/// `GET /openapi.json`.
async fn document(State(state): State<AppState>, by: SignedIn) -> Response {
    let model = by.tenant.engine.model();
    let server = state.config.serving.public_url.as_deref().unwrap_or_default();
    let server = format!("{}{}", server.trim_end_matches('/'), by.base);
    body::json(&openapi::document(&model, &by.tenant.record.name, &server, by.language))
}
