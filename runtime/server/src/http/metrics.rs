//! Counters for Prometheus: requests by route and status, how long they took, and how the engine's writers are doing.
//! A request costs two counter updates; routes are patterns, never addresses, so that their number is bounded.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use mortise_engine::Engine;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

use crate::AppState;

/// Upper bounds in seconds: from a cached read to a request that a person notices.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// All counters of the server.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    queue: IntGauge,
    tenants: IntGauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let known = "names and labels are constants that Prometheus accepts";
        let requests = Opts::new("mortise_requests_total", "Requests by route, method and status.");
        let requests = IntCounterVec::new(requests, &["route", "method", "status"]).expect(known);
        let seconds = HistogramOpts::new("mortise_request_seconds", "Time to answer by route.");
        let seconds = HistogramVec::new(seconds.buckets(SECONDS.to_vec()), &["route"]).expect(known);
        let queue = IntGauge::new("mortise_writer_queue", "Commands that wait for a writer.").expect(known);
        let tenants = IntGauge::new("mortise_tenants_open", "Tenants whose storage is open.").expect(known);
        let registry = Registry::new();
        registry.register(Box::new(requests.clone())).expect(known);
        registry.register(Box::new(seconds.clone())).expect(known);
        registry.register(Box::new(queue.clone())).expect(known);
        registry.register(Box::new(tenants.clone())).expect(known);
        Metrics { registry, requests, seconds, queue, tenants }
    }
}

impl Metrics {
    /// Everything in Prometheus' text format.
    pub fn render(&self, engine: &Engine) -> Vec<u8> {
        let state = engine.metrics();
        self.queue.set(i64::try_from(state.queued).unwrap_or(i64::MAX));
        self.tenants.set(i64::try_from(state.tenants).unwrap_or(i64::MAX));
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics cannot be written");
        }
        // Totals that the engine keeps itself.
        for (name, help, value) in [
            ("mortise_commits_total", "Commits of all writers.", state.commits),
            ("mortise_commands_total", "Commands in those commits.", state.commands),
        ] {
            let lines = format!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}\n");
            text.extend_from_slice(lines.as_bytes());
        }
        text
    }
}

/// Middleware: counts and times every request by the pattern of its route.
pub(super) async fn measure(
    State(state): State<AppState>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let response = next.run(request).await;
    let elapsed = started.elapsed();
    let route = matched.as_ref().map_or("none", MatchedPath::as_str);
    let status = response.status();
    state.metrics.requests.with_label_values(&[route, method.as_str(), status.as_str()]).inc();
    state.metrics.seconds.with_label_values(&[route]).observe(elapsed.as_secs_f64());
    if state.config.serving.log_requests {
        let milliseconds = elapsed.as_secs_f64() * 1000.0;
        tracing::info!(%method, route, status = status.as_u16(), milliseconds, "request");
    }
    response
}
