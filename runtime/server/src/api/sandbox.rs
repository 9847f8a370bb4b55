//! Simulation: what a tenant comes to by itself in the next days, on a copy that is thrown away afterwards. An answer may be
//! one document at the end, or lines that tell how far it is; when nobody reads them any more, the simulation ends.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

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
use tokio_util::sync::CancellationToken;
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
/// How long the end of somebody's simulation before is waited for: it ends with the batch at hand.
const HANDOVER: Duration = Duration::from_secs(10);
/// News that may wait for whoever reads them.
const WAITING: usize = 16;

/// Form of an answer of lines, each a JSON document.
pub const LINES: &str = "application/x-ndjson";

/// What runs, and what ran lately, by tenant.
pub struct Runs {
    seats: Arc<Semaphore>,
    lately: Mutex<HashMap<Uuid, (f64, DateTime<Utc>)>>,
    /// Who has a seat, with the way to take it back.
    seated: Arc<Mutex<Vec<(Whose, CancellationToken)>>>,
}

/// A tenant, and who looks ahead.
type Whose = (Uuid, Uuid);

impl Default for Runs {
    fn default() -> Self {
        let seats = Arc::new(Semaphore::new(RUNS));
        Runs { seats, lately: Mutex::default(), seated: Arc::default() }
    }
}

impl Runs {
    /// Takes a seat, unless the tenant had many lately or all are taken. Somebody's next simulation ends the one before:
    /// browsers keep an answer that was given up for a while.
    async fn begin(&self, whose: Whose, now: DateTime<Utc>) -> Result<Seat, Failure> {
        let wait =
            |seconds| Failure::new(StatusCode::TOO_MANY_REQUESTS, "sandbox.too_many").retry_after(seconds);
        self.count(whose.0, now).map_err(wait)?;
        let permit = match self.seats.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) if self.take_back(whose) => {
                let freed = tokio::time::timeout(HANDOVER, self.seats.clone().acquire_owned()).await;
                freed.ok().and_then(Result::ok).ok_or_else(|| wait(BUSY_SECONDS))?
            }
            Err(_) => return Err(wait(BUSY_SECONDS)),
        };
        let stop = CancellationToken::new();
        self.seated.lock().push((whose, stop.clone()));
        Ok(Seat { whose, stop, seated: self.seated.clone(), _permit: permit })
    }

    /// Counts one more; seconds to wait when there were too many.
    fn count(&self, tenant: Uuid, now: DateTime<Utc>) -> Result<(), u64> {
        let mut lately = self.lately.lock();
        let (left, at) = lately.entry(tenant).or_insert((BURST, now));
        let passed = (now - *at).max(TimeDelta::zero()).as_seconds_f64();
        *left = (*left + passed * PER_SECOND).min(BURST);
        *at = now.max(*at);
        if *left < 1.0 {
            return Err(60);
        }
        *left -= 1.0;
        Ok(())
    }

    /// Ends what the same person runs; false when they run nothing.
    fn take_back(&self, whose: Whose) -> bool {
        let seated = self.seated.lock();
        let own: Vec<_> = seated.iter().filter(|(of, _)| *of == whose).collect();
        own.iter().for_each(|(_, stop)| stop.cancel());
        !own.is_empty()
    }
}

/// The right to run a simulation.
#[derive(Debug)]
struct Seat {
    whose: Whose,
    stop: CancellationToken,
    seated: Arc<Mutex<Vec<(Whose, CancellationToken)>>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seated.lock().retain(|(whose, _)| *whose != self.whose);
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
    let mut news = start(&state, &by, wish).await?;
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
pub async fn start(
    state: &AppState,
    by: &Administrator,
    wish: Wish,
) -> Result<mpsc::Receiver<News>, Failure> {
    let seat = state.sandboxes.begin((by.tenant.record.id, by.user().id), state.now()).await?;
    let (tell, news) = mpsc::channel(WAITING);
    let (state, by) = (state.clone(), by.clone());
    tokio::spawn(async move {
        let (told, last) = (tell.clone(), AtomicU32::new(u32::MAX));
        let stops = [state.stop.clone(), seat.stop.clone()];
        let watcher: Watcher = Arc::new(move |progress| {
            if last.swap(progress.day, Ordering::Relaxed) != progress.day {
                // Whoever is slow to read misses a day, and hears of the next.
                told.try_send(News::Passes(progress)).ok();
            }
            !told.is_closed() && !stops.iter().any(CancellationToken::is_cancelled)
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

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn person(tenant: u128) -> Whose {
        (Uuid::from_u128(tenant), Uuid::nil())
    }

    #[tokio::test]
    async fn a_tenant_may_look_ahead_often_but_not_all_the_time() {
        let runs = Runs::default();
        for _ in 0..12 {
            drop(runs.begin(person(1), NOW).await.expect("a seat is free"));
        }
        let refused = runs.begin(person(1), NOW).await.expect_err("too often");
        assert_eq!(refused.code(), "sandbox.too_many");
        assert!(runs.begin(person(2), NOW).await.is_ok(), "another tenant waits for nobody");
        assert!(runs.begin(person(1), NOW + TimeDelta::minutes(1)).await.is_ok());
    }

    #[tokio::test]
    async fn one_runs_at_a_time_and_makes_room_for_the_next_of_the_same_person() {
        let runs = Arc::new(Runs::default());
        let first = runs.begin(person(1), NOW).await.expect("a seat is free");
        assert!(runs.begin(person(2), NOW).await.is_err());
        assert!(!first.stop.is_cancelled());
        let waiting = runs.clone();
        let second = tokio::spawn(async move { waiting.begin(person(1), NOW).await });
        first.stop.cancelled().await;
        drop(first);
        let second = second.await.expect("it does not panic").expect("the seat is free again");
        assert!(!second.stop.is_cancelled());
    }
}
