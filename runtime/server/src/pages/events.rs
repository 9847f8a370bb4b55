//! What open pages are told without asking: how many messages are unread, and of which kinds of records some have changed,
//! so that what shows them asks again. The number is a state, not a message: whoever connects again gets it anew, and
//! nothing can be missed.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use mortise_definition::source::Operation;
use mortise_engine::{Actor, Tenant};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{AppState, SignedIn};

/// Without news, something is sent so often, so that proxies keep the connection and gone clients are noticed.
const HEARTBEAT: Duration = Duration::from_secs(25);
/// News of one connection come at most so often, however much happens.
const BREATH: Duration = Duration::from_secs(1);
/// So often at most is said what has changed: whatever asks again then reads the database.
const CHANGES_BREATH: Duration = Duration::from_secs(3);
/// A connection lasts so long; the browser comes again, and proves again who it is.
const LASTS: Duration = Duration::from_secs(600);

/// A page that listens.
struct Listener {
    tenant: Arc<Tenant>,
    actor: Actor,
    bell: watch::Receiver<()>,
    stop: CancellationToken,
    ends: Instant,
    told: Option<i64>,
    /// How often records of a kind had changed when it was looked last, by key.
    seen: HashMap<String, u64>,
    /// Kinds with changes that the page has not been told of.
    changed: BTreeSet<String>,
    changes_from: Instant,
}

/// `GET /events`: server-sent events.
pub(super) async fn stream(State(state): State<AppState>, by: SignedIn) -> Response {
    let tenant = by.tenant.engine.clone();
    let listener = Listener {
        bell: tenant.bell(),
        tenant,
        actor: by.actor().clone(),
        stop: state.stop.clone(),
        ends: Instant::now() + LASTS,
        told: None,
        seen: HashMap::new(),
        changed: BTreeSet::new(),
        changes_from: Instant::now(),
    };
    let events = stream::unfold(listener, |mut listener| async {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let mut response = Sse::new(events).into_response();
    // Proxies that collect answers before they pass them on would hold everything back.
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    response.headers_mut().insert(unbuffered, HeaderValue::from_static("no"));
    response
}

impl Listener {
    /// Waits for news; none when the connection is to end.
    async fn next(&mut self) -> Option<Event> {
        let heartbeat = Instant::now() + HEARTBEAT;
        let news_from = Instant::now() + if self.told.is_some() { BREATH } else { Duration::ZERO };
        loop {
            self.bell.mark_unchanged();
            let unread = self.tenant.unread(&self.actor).await.ok()?;
            if self.told != Some(unread) {
                self.told = Some(unread);
                return Some(Event::default().event("inbox").data(json!({ "unread": unread }).to_string()));
            }
            self.note_changes();
            if !self.changed.is_empty() && Instant::now() >= self.changes_from {
                self.changes_from = Instant::now() + CHANGES_BREATH;
                let changed = std::mem::take(&mut self.changed);
                return Some(Event::default().event("changed").data(json!(changed).to_string()));
            }
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep_until(self.ends) => return None,
                () = tokio::time::sleep_until(heartbeat) => {
                    let known = self.tenant.directory().context(self.actor.user.id).is_some();
                    return known.then(|| Event::default().comment("still here"));
                }
                () = tokio::time::sleep_until(self.changes_from), if !self.changed.is_empty() => {}
                rung = self.bell.changed() => rung.ok()?,
            }
            tokio::time::sleep_until(news_from.max(Instant::now() + BREATH / 10)).await;
        }
    }
    /// Notes of which kinds that the person may read some records have changed.
    fn note_changes(&mut self) {
        for entity in &self.tenant.model().entities {
            let count = self.tenant.changes(entity.index);
            let before = match self.seen.get_mut(&entity.key) {
                Some(seen) => std::mem::replace(seen, count),
                None => {
                    self.seen.insert(entity.key.clone(), count);
                    continue;
                }
            };
            if before != count && self.tenant.may(&self.actor, &entity.key, Operation::Read) {
                self.changed.insert(entity.key.clone());
            }
        }
    }
}
