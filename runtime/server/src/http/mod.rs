//! Assembly of all routes: health and metrics outside of tenants, everything else inside of one.

mod demo;
mod headers;
pub mod layer;
mod metrics;
mod operator;
mod patience;
mod plugin_metrics;
mod serving;
mod shrink;

use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::get;
use tower::Layer;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{AppState, Failure, api, pages};

pub use metrics::Metrics;
pub(crate) use plugin_metrics::Closed as PluginsClosed;
pub use serving::serve;

/// Every route of the server.
pub fn router(state: AppState) -> Router {
    let tenant_routes = Router::new()
        .nest("/api/v1", api::router(&state.config))
        .merge(api::inbound::router())
        .merge(pages::router())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(state.clone(), metrics::measure))
        .with_state(state.clone());
    // The layer rewrites the path (`/t/slug` is cut off), so it has to stand before routing.
    let inside_tenant = from_fn_with_state(state.clone(), layer::context).layer(tenant_routes);
    let small = shrink::layer().layer(inside_tenant);
    Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(metrics::show))
        .nest("/operator/v1", operator::router(state.clone()))
        .with_state(state)
        .fallback_service(small)
}

#[expect(clippy::needless_pass_by_value, reason = "the layer gives it so")]
/// A mistake of ours ends one request, not the server, and is told like any other failure.
fn panicked(cause: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("unknown cause");
    Failure::internal(format!("panic: {text}")).into_response()
}

/// Answers as soon as the control plane does.
async fn health(State(state): State<AppState>) -> impl IntoResponse {
    match state.control.ping().await {
        Ok(()) => (axum::http::StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::error!(%error, "the control database does not answer");
            (axum::http::StatusCode::SERVICE_UNAVAILABLE, "the control database does not answer\n")
        }
    }
}
