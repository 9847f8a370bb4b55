//! Simulation: what a tenant comes to by itself in the next days, on a copy that is thrown away afterwards. An answer may be
//! one document at the end, or lines that tell how far it is; when nobody reads them any more, the simulation ends.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::body::Body;
use axum::extract::{Query as Params, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream;
use mortise_definition::{Package, SettingValues};
use mortise_engine::scenario::sandbox::{Forecast, Progress, Watcher, Wish};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use uuid::Uuid;

use super::apps::{app_problems, unzip};
use super::body::{Raw, json as json_answer, parse};
use super::forecast::forecast_json;
use crate::context::Administrator;
use crate::{AppState, Failure};

/// Simulations at a time in this process: each keeps a core busy, and others have to be served.
const RUNS: usize = 1;
/// Simulations of a tenant in a row.
const BURST: f64 = 12.0;
/// Simulations of a tenant per second in the long run: one a minute.
const PER_SECOND: f64 = 1.0 / 60.0;
/// When it may be tried again while another tenant's simulation runs.
const BUSY_SECONDS: u64 = 15;
/// News that may wait for whoever reads them.
const WAITING: usize = 16;

/// Form of an answer of lines, each a JSON document.
pub const LINES: &str = "application/x-ndjson";

/// What runs, and what ran lately, by tenant.
pub struct Runs {
    seats: Arc<Semaphore>,
    lately: Mutex<HashMap<Uuid, (f64, DateTime<Utc>)>>,
}

impl Default for Runs {
    fn default() -> Self {
        Runs { seats: Arc::new(Semaphore::new(RUNS)), lately: Mutex::default() }
    }
}

impl Runs {
    /// Takes a seat, unless the tenant had many lately or all are taken.
    fn begin(&self, tenant: Uuid, now: DateTime<Utc>) -> Result<OwnedSemaphorePermit, Failure> {
        let wait =
            |seconds| Failure::new(StatusCode::TOO_MANY_REQUESTS, "sandbox.too_many").retry_after(seconds);
        let mut lately = self.lately.lock();
        let (left, at) = lately.entry(tenant).or_insert((BURST, now));
        let passed = (now - *at).max(TimeDelta::zero()).as_seconds_f64();
        *left = (*left + passed * PER_SECOND).min(BURST);
        *at = now.max(*at);
        if *left < 1.0 {
            return Err(wait(60));
        }
        let seat = self.seats.clone().try_acquire_owned().map_err(|_| wait(BUSY_SECONDS))?;
        *left -= 1.0;
        Ok(seat)
    }
}

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    days: u32,
    /// Values of settings by app and name.
    #[serde(default)]
    settings: SettingValues,
    /// Files of an app that is not in force yet, text by path.
    #[serde(default)]
    files: Option<BTreeMap<String, String>>,
}

/// What is asked for beside an app in a ZIP file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Beside {
    days: Option<u32>,
}

/// Files as an app.
pub fn package(files: BTreeMap<String, String>) -> Result<Arc<Package>, Failure> {
    Package::from_files(files).map(Arc::new).map_err(app_problems)
}

fn wish_of(headers: &HeaderMap, beside: &Beside, bytes: &Bytes) -> Result<Wish, Failure> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/zip") {
        let days = beside.days.ok_or_else(|| Failure::invalid_field("days", "field.required"))?;
        let package = Some(package(unzip(bytes)?)?);
        return Ok(Wish { days, package, ..Wish::default() });
    }
    let asked: Asked = parse(bytes)?;
    let package = asked.files.map(package).transpose()?;
    Ok(Wish { days: asked.days, settings: asked.settings, package })
}

/// `POST /sandbox`: the next days of the tenant.
pub(super) async fn run(
    State(state): State<AppState>,
    by: Administrator,
    Params(beside): Params<Beside>,
    headers: HeaderMap,
    Raw(bytes): Raw,
) -> Result<Response, Failure> {
    let wish = wish_of(&headers, &beside, &bytes)?;
    let mut news = start(&state, &by, wish)?;
    if !wants_lines(&headers) {
        let forecast = outcome(&mut news).await?;
        return Ok(json_answer(&forecast_json(&forecast, by.language)));
    }
    let language = by.language;
    Ok(lines(news, move |news| match news {
        News::Passes(progress) => json!({"progress": {"day": progress.day, "days": progress.days}}),
        News::Done(Ok(forecast)) => json!({"report": forecast_json(&forecast, language)}),
        News::Done(Err(failure)) => json!({"problem": failure.problem(language)}),
    }))
}

/// Whether the answer is wanted line by line.
pub fn wants_lines(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| kind.contains(LINES))
}

/// What a simulation tells.
pub enum News {
    /// How far it is.
    Passes(Progress),
    /// What came of it.
    Done(Result<Box<Forecast>, Failure>),
}

/// Starts a simulation. It runs to its end beside the request, so that its copy goes whatever comes of it; it ends early
/// when the news are dropped.
pub fn start(state: &AppState, by: &Administrator, wish: Wish) -> Result<mpsc::Receiver<News>, Failure> {
    let seat = state.sandboxes.begin(by.tenant.record.id, state.now())?;
    let (tell, news) = mpsc::channel(WAITING);
    let (state, by) = (state.clone(), by.clone());
    tokio::spawn(async move {
        let (told, stop, last) = (tell.clone(), state.stop.clone(), AtomicU32::new(u32::MAX));
        let watcher: Watcher = Arc::new(move |progress| {
            if last.swap(progress.day, Ordering::Relaxed) != progress.day {
                // Whoever is slow to read misses a day, and hears of the next.
                told.try_send(News::Passes(progress)).ok();
            }
            !told.is_closed() && !stop.is_cancelled()
        });
        let done = state.engine.sandbox(&by.tenant.engine, by.actor(), &wish, &watcher).await;
        drop(seat);
        // Nobody may be there any more.
        tell.send(News::Done(done.map(Box::new).map_err(failed))).await.ok();
    });
    Ok(news)
}

/// A tenant has one simulation at a time.
fn failed(error: mortise_engine::Error) -> Failure {
    let failure = Failure::from(error);
    match failure.code() {
        "sandbox.busy" => failure.with_status(StatusCode::CONFLICT),
        "sandbox.too_large" => failure.with_status(StatusCode::UNPROCESSABLE_ENTITY),
        _ => failure,
    }
}

/// Waits for what comes of it.
pub async fn outcome(news: &mut mpsc::Receiver<News>) -> Result<Box<Forecast>, Failure> {
    loop {
        match news.recv().await {
            Some(News::Passes(_)) => {}
            Some(News::Done(done)) => return done,
            None => return Err(Failure::internal("the simulation ended unexpectedly")),
        }
    }
}

/// An answer that tells the news as they come, each on a line.
pub fn lines(news: mpsc::Receiver<News>, mut line: impl FnMut(News) -> Value + Send + 'static) -> Response {
    let lines = stream::unfold(news, |mut news| async move { Some((news.recv().await?, news)) });
    let lines = futures_util::StreamExt::map(lines, move |news| {
        let mut text = line(news).to_string();
        text.push('\n');
        Ok::<_, Infallible>(text)
    });
    let mut response = Response::new(Body::from_stream(lines));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(LINES));
    // Proxies that collect answers before they pass them on would hold everything back.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_may_look_ahead_often_but_not_all_the_time() {
        let runs = Runs::default();
        let (tenant, now) = (Uuid::nil(), DateTime::UNIX_EPOCH);
        for _ in 0..12 {
            drop(runs.begin(tenant, now).expect("a seat is free"));
        }
        assert_eq!(runs.begin(tenant, now).expect_err("too often").code(), "sandbox.too_many");
        assert!(runs.begin(Uuid::max(), now).is_ok(), "another tenant waits for nobody");
        assert!(runs.begin(tenant, now + TimeDelta::minutes(1)).is_ok());
    }

    #[test]
    fn one_runs_at_a_time() {
        let runs = Runs::default();
        let first = runs.begin(Uuid::nil(), DateTime::UNIX_EPOCH).expect("a seat is free");
        assert!(runs.begin(Uuid::max(), DateTime::UNIX_EPOCH).is_err());
        drop(first);
        assert!(runs.begin(Uuid::max(), DateTime::UNIX_EPOCH).is_ok());
    }
}
