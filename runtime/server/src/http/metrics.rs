//! Counters for Prometheus: requests by route and status, how long they took, and how the engine's writers are doing.
//! A request costs two counter updates; routes are patterns, never addresses, so that their number is bounded.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use mortise_engine::Engine;
use mortise_store::control::Noted;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};
use uuid::Uuid;

use super::plugin_metrics;
use crate::{AppState, Failure, auth};

/// Upper bounds in seconds: from a cached read to a request that a person notices.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// All counters of the server.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    queue: IntGauge,
    tenants: IntGauge,
    connections: IntGauge,
    lanes: Lanes,
}

/// How what happens by itself is doing, over all tenants: no tenant is named.
struct Lanes {
    worked: IntGauge,
    behind: IntGauge,
    oldest: IntGauge,
    waiting: IntGauge,
    parked: IntGauge,
    unsent: IntGauge,
    dead: IntGauge,
    calls_waiting: IntGauge,
    calls_dead: IntGauge,
}

/// A connection that is counted until this is dropped.
pub(super) struct Open(IntGauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
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
        let connections = IntGauge::new("mortise_connections_open", "Connections of clients.").expect(known);
        let registry = Registry::new();
        let lanes = Lanes::register(&registry);
        registry.register(Box::new(requests.clone())).expect(known);
        registry.register(Box::new(seconds.clone())).expect(known);
        registry.register(Box::new(queue.clone())).expect(known);
        registry.register(Box::new(tenants.clone())).expect(known);
        registry.register(Box::new(connections.clone())).expect(known);
        Metrics { registry, requests, seconds, queue, tenants, connections, lanes }
    }
}

impl Lanes {
    fn register(registry: &Registry) -> Lanes {
        let gauge = |name: &str, help: &str| {
            let known = "names and labels are constants that Prometheus accepts";
            let gauge = IntGauge::new(name, help).expect(known);
            registry.register(Box::new(gauge.clone())).expect(known);
            gauge
        };
        Lanes {
            worked: gauge("mortise_lanes_worked", "Tenants whose lane this node works now."),
            behind: gauge("mortise_lane_events_behind", "Events that wait for the lanes of open tenants."),
            oldest: gauge("mortise_lane_oldest_event_seconds", "Age of the oldest of them."),
            waiting: gauge("mortise_work_waiting", "Failed work of all tenants that is tried again."),
            parked: gauge("mortise_work_parked", "Failed work of all tenants that somebody has to look at."),
            unsent: gauge("mortise_deliveries_waiting", "Deliveries of all tenants that are to be sent."),
            dead: gauge("mortise_deliveries_dead", "Deliveries of all tenants that were given up."),
            calls_waiting: gauge(
                "mortise_plugin_calls_waiting",
                "Background calls of plugins that open tenants have to make.",
            ),
            calls_dead: gauge(
                "mortise_plugin_calls_dead",
                "Background calls of plugins that open tenants have given up.",
            ),
        }
    }

    /// Counts in tenants that are open, and adds what was noted of the others when they were closed.
    async fn count(&self, state: &AppState) -> Result<(), Failure> {
        let mut noted: HashMap<Uuid, Noted> = state.control.noted_lanes().await?.into_iter().collect();
        let (mut worked, mut behind, mut oldest) = (0, 0, TimeDelta::zero());
        let (mut calls_waiting, mut calls_dead) = (0, 0);
        for tenant in state.open_tenants() {
            let vitals = tenant.engine.vitals().await?;
            worked += i64::from(tenant.engine.is_worked());
            behind += vitals.behind;
            oldest = oldest.max(vitals.lag);
            calls_waiting += vitals.calls_waiting;
            calls_dead += vitals.calls_dead;
            noted.insert(tenant.record.id, crate::state::noted(&vitals));
        }
        let sum = |of: fn(&Noted) -> i64| noted.values().map(of).sum();
        self.worked.set(worked);
        self.behind.set(behind);
        self.oldest.set(oldest.num_seconds());
        self.waiting.set(sum(|noted| noted.waiting));
        self.parked.set(sum(|noted| noted.parked));
        self.unsent.set(sum(|noted| noted.unsent));
        self.dead.set(sum(|noted| noted.dead));
        self.calls_waiting.set(calls_waiting);
        self.calls_dead.set(calls_dead);
        Ok(())
    }
}

impl Metrics {
    /// Counts a connection.
    pub(super) fn connection(&self) -> Open {
        self.connections.inc();
        Open(self.connections.clone())
    }

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

/// What proxies add to requests that they pass on from elsewhere.
const PASSED_ON: [&str; 4] = ["x-forwarded-for", "forwarded", "x-real-ip", "via"];

/// `GET /metrics`: all counters, for those who may read them.
pub(super) async fn show(
    State(state): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    match (&state.config.serving.metrics_token, may_read(&state, peer, &headers)) {
        (_, true) => {
            if let Err(failure) = state.metrics.lanes.count(&state).await {
                // The other figures are good all the same.
                let reason = failure.log().unwrap_or_default();
                tracing::error!(code = failure.code(), reason, "lanes could not be counted");
            }
            let content_type = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
            let mut text = state.metrics.render(&state.engine);
            text.extend_from_slice(plugin_metrics::render(&state).as_bytes());
            ([content_type], text).into_response()
        }
        (Some(_), false) => {
            let challenge = (header::WWW_AUTHENTICATE, "Bearer realm=\"mortise metrics\"");
            (StatusCode::UNAUTHORIZED, [challenge], "send the token of MORTISE_METRICS_TOKEN\n")
                .into_response()
        }
        (None, false) => {
            let what = "metrics are for this machine only, unless MORTISE_METRICS_TOKEN is set\n";
            (StatusCode::FORBIDDEN, what).into_response()
        }
    }
}

/// Figures tell how a business is doing: they need the operator's token or, without one, a seat at the machine.
fn may_read(state: &AppState, peer: SocketAddr, headers: &HeaderMap) -> bool {
    match &state.config.serving.metrics_token {
        Some(token) => {
            let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            let given = given.and_then(|text| text.strip_prefix("Bearer ")).map(str::trim);
            // Hashes, so that the time of the comparison says nothing about the token.
            given.is_some_and(|given| auth::hash_secret(given) == auth::hash_secret(token))
        }
        None => peer.ip().is_loopback() && !PASSED_ON.iter().any(|name| headers.contains_key(*name)),
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
