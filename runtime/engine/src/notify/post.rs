//! The post: takes what waits for delivery and has a courier carry it out, each channel by itself, so that one that
//! does not answer holds up no other. The engine itself speaks to nobody outside; without a courier nothing leaves.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use mortise_definition::source::ConnectorKind;
use mortise_store::Session;
use parking_lot::RwLock;
use serde_json::{Value as Json, json};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::delivery::{self, DELIVERIES, Delivery, DeliveryState, EMAIL};
use super::endpoint::{Endpoint, administrator};
use crate::commands::audit_entry;
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::Issue;

/// Deliveries of a channel that are read at once.
const BATCH: i64 = 32;
/// Deliveries of a channel under way at the same time: enough for a slow mail server, bearable for any receiver.
const PARALLEL: usize = 4;
/// Deliveries of one page at most.
const PAGE_MAX: i64 = 200;
/// Pause after an error of the database.
const PAUSE: Duration = Duration::from_secs(1);
/// No timer of the runtime is set farther than this.
const FARTHEST: Duration = Duration::from_secs(24 * 3600);

/// Carries deliveries out of the house.
pub trait Courier: Send + Sync {
    /// Delivers once. Whoever receives it is told its id, since it may come again.
    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<(), Refusal>>;
}

/// Something on its way.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Id of the delivery.
    pub id: Uuid,
    /// Which way it goes.
    pub door: Door,
    /// Where the channel leads.
    pub endpoint: Endpoint,
    /// Address of the receiver, for e-mail.
    pub target: String,
    /// What is sent.
    pub payload: Json,
    /// The present time, for signatures.
    pub now: DateTime<Utc>,
}

/// Which way a delivery goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// A message by the tenant's mail server.
    Email,
    /// Words by a connector; the payload has `title`, `body` and `link`.
    Connector(ConnectorKind),
}

/// Why a delivery was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong: `error.<code>` of the catalogue.
    pub issue: Issue,
    /// Trying again cannot help.
    pub permanent: bool,
    /// When the receiver wants to be asked again.
    pub retry_after: Option<TimeDelta>,
}

impl Refusal {
    /// Something that may be better next time.
    pub fn passing(issue: Issue) -> Refusal {
        Refusal { issue, permanent: false, retry_after: None }
    }

    /// Something that stays as it is until somebody changes something.
    pub fn lasting(issue: Issue) -> Refusal {
        Refusal { issue, permanent: true, retry_after: None }
    }
}

/// What a tenant keeps of its post in memory.
#[derive(Default)]
pub(crate) struct Post {
    courier: RwLock<Option<Arc<dyn Courier>>>,
    /// Told after each commit that may have left something to send.
    pub(crate) wake: Notify,
    under_way: AtomicUsize,
}

impl Post {
    /// Gives everything to this courier from now on.
    pub(crate) fn hire(&self, courier: Arc<dyn Courier>) {
        *self.courier.write() = Some(courier);
        self.wake.notify_one();
    }

    /// Whether something is being sent.
    pub(crate) fn is_busy(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) > 0
    }

    fn courier(&self) -> Option<Arc<dyn Courier>> {
        self.courier.read().clone()
    }
}

/// Carries out what is due, and what falls due, until told to stop; what is under way by then is finished. Only whoever
/// holds the tenant's lane by this epoch writes what has become of it.
pub(crate) async fn carry(tenant: &Tenant, epoch: i64, mut stop: watch::Receiver<bool>) {
    let Some(courier) = tenant.post.courier() else { return };
    let mut busy = FuturesUnordered::new();
    let mut channels: HashSet<String> = HashSet::new();
    loop {
        match DELIVERIES.strands(&tenant.store, tenant.now()).await {
            Ok(due) => {
                for channel in due {
                    if channels.insert(channel.clone()) {
                        busy.push(drain(tenant, &*courier, channel, epoch, stop.clone()));
                    }
                }
            }
            Err(error) => {
                tracing::error!(tenant = tenant.slug, %error, "deliveries cannot be read");
                tokio::time::sleep(PAUSE).await;
            }
        }
        tenant.post.under_way.store(busy.len(), Ordering::Relaxed);
        tokio::select! {
            Some((channel, result)) = busy.next(), if !busy.is_empty() => {
                channels.remove(&channel);
                if let Err(Error::Store(mortise_store::Error::Fenced)) = result {
                    // Another node has the lane and sends what is left.
                    break;
                }
                if let Err(error) = result {
                    tracing::error!(tenant = tenant.slug, %error, "what became of deliveries cannot be written");
                    tokio::time::sleep(PAUSE).await;
                }
            }
            () = tenant.post.wake.notified() => {}
            () = until_next(tenant) => {}
            _ = stop.changed() => break,
        }
    }
    while busy.next().await.is_some() {}
    tenant.post.under_way.store(0, Ordering::Relaxed);
}

async fn until_next(tenant: &Tenant) {
    let now = tenant.now();
    let next = DELIVERIES.next(&tenant.store, now).await.ok().flatten();
    let length = next.and_then(|next| (next - now).to_std().ok());
    tokio::time::sleep(length.unwrap_or(FARTHEST).min(FARTHEST)).await;
}

/// Sends everything that is due for a channel, until told to stop.
async fn drain(
    tenant: &Tenant,
    courier: &dyn Courier,
    channel: String,
    epoch: i64,
    stop: watch::Receiver<bool>,
) -> (String, Result<(), Error>) {
    let result = try_drain(tenant, courier, &channel, Some(epoch), || *stop.borrow()).await;
    (channel, result)
}

async fn try_drain(
    tenant: &Tenant,
    courier: &dyn Courier,
    channel: &str,
    epoch: Option<i64>,
    stops: impl Fn() -> bool + Send,
) -> Result<(), Error> {
    while !stops() {
        let due = DELIVERIES.due(&tenant.store, (channel, None), tenant.now(), BATCH).await?;
        if due.is_empty() {
            break;
        }
        if let Some(epoch) = epoch {
            // Who has lost the lane, or cannot write, would never know what was sent, and send it again and again.
            tenant.store.write(move |session: &mut Session<'_>| session.fence(epoch)).await?;
        }
        let endpoint = tenant.endpoint(channel).await?;
        let sending = due.into_iter().map(|one| {
            let endpoint = endpoint.clone();
            async move {
                let outcome = send(tenant, courier, &one, endpoint).await;
                settle(tenant, one.after(&*tenant.env, &outcome), epoch).await
            }
        });
        let mut sent = stream::iter(sending).buffer_unordered(PARALLEL);
        let mut failed = None;
        while let Some(result) = sent.next().await {
            failed = failed.or(result.err());
        }
        if let Some(error) = failed {
            return Err(error);
        }
    }
    Ok(())
}

async fn send(
    tenant: &Tenant,
    courier: &dyn Courier,
    delivery: &Delivery,
    endpoint: Option<Endpoint>,
) -> Result<(), Refusal> {
    let door = door(tenant, &delivery.channel).map_err(Refusal::lasting)?;
    if endpoint.as_ref().is_some_and(|endpoint| endpoint.locked) {
        return Err(Refusal::lasting(Issue::new("connector.locked")));
    }
    let Some(endpoint) = endpoint.filter(|endpoint| !endpoint.url.is_empty()) else {
        return Err(Refusal::lasting(Issue::new("delivery.not_set_up")));
    };
    let parcel = Parcel {
        id: delivery.id,
        door,
        endpoint,
        target: delivery.target.clone(),
        payload: delivery.payload.clone(),
        // Receivers check signatures by the real time.
        now: tenant.env.real(),
    };
    courier.deliver(&parcel).await
}

fn door(tenant: &Tenant, channel: &str) -> Result<Door, Issue> {
    if channel == EMAIL {
        return Ok(Door::Email);
    }
    let model = tenant.model();
    match model.automation.connectors.get(channel).map(|connector| connector.kind) {
        Some(kind) if kind != ConnectorKind::Inbound => Ok(Door::Connector(kind)),
        _ => Err(Issue::new("delivery.no_connector").with("connector", channel)),
    }
}

async fn settle(tenant: &Tenant, delivery: Delivery, epoch: Option<i64>) -> Result<(), Error> {
    if let Some(error) = &delivery.error {
        let (id, channel) = (delivery.id, &delivery.channel);
        tracing::warn!(%id, channel, code = error.code, "a delivery was not taken");
    }
    let work = tenant.work(&Actor::system(tenant.directory().tz));
    let write = move |session: &mut Session<'_>| {
        if let Some(epoch) = epoch {
            session.fence(epoch)?;
        }
        delivery::settle(&work, session, &delivery)
    };
    tenant.store.write(write).await
}

impl Tenant {
    /// Sends everything that is due now, and tells what is left waits for later.
    pub async fn deliver_due(&self, courier: &dyn Courier) -> Result<(), Error> {
        loop {
            let channels = DELIVERIES.strands(&self.store, self.now()).await?;
            if channels.is_empty() {
                return Ok(());
            }
            for channel in channels {
                try_drain(self, courier, &channel, None, || false).await?;
            }
        }
    }

    /// How many deliveries are to be sent, and how many were given up.
    pub(crate) async fn undelivered(&self) -> Result<(i64, i64), Error> {
        DELIVERIES.left(&self.store).await
    }

    /// Whether there is something to send now, and somebody to carry it.
    pub(crate) async fn has_mail(&self) -> Result<bool, Error> {
        Ok(self.post.courier().is_some() && !DELIVERIES.strands(&self.store, self.now()).await?.is_empty())
    }

    /// When something has to be sent that is not due yet.
    pub(crate) async fn next_mail(&self) -> Result<Option<DateTime<Utc>>, Error> {
        match self.post.courier() {
            Some(_) => DELIVERIES.next(&self.store, self.now()).await,
            None => Ok(None),
        }
    }

    /// Deliveries of a state and a channel, newest first, before this one; for administrators.
    pub async fn deliveries(
        &self,
        actor: &Actor,
        (state, channel): (Option<DeliveryState>, Option<&str>),
        before: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Delivery>, Error> {
        administrator(actor)?;
        let before = before.unwrap_or(Uuid::max());
        let state = state.map(DeliveryState::name);
        DELIVERIES.list(&self.store, (state, channel), before, limit.clamp(1, PAGE_MAX)).await
    }

    /// How many deliveries wait, were sent, and were given up; for administrators.
    pub async fn delivery_counts(&self, actor: &Actor) -> Result<[i64; 3], Error> {
        administrator(actor)?;
        DELIVERIES.counts(&self.store, DeliveryState::ALL.map(DeliveryState::name)).await
    }

    /// Sends a delivery that was not taken once more, at once; for administrators.
    pub async fn send_again(&self, actor: &Actor, id: Uuid) -> Result<(), Error> {
        let missing = Error::NotFound(Issue::new("delivery.not_found"));
        match self.revive(actor, "id", id.into(), json!({ "delivery": id })).await? {
            0 => Err(missing),
            _ => Ok(()),
        }
    }

    /// Sends everything of a channel that was not taken once more; how many there were. For administrators.
    pub async fn send_all_again(&self, actor: &Actor, channel: &str) -> Result<u64, Error> {
        self.revive(actor, "channel", channel.into(), json!({ "channel": channel })).await
    }

    async fn revive(
        &self,
        actor: &Actor,
        column: &'static str,
        value: mortise_store::Param,
        details: Json,
    ) -> Result<u64, Error> {
        administrator(actor)?;
        let work = self.work(actor);
        let write = move |session: &mut Session<'_>| {
            let count = DELIVERIES.revive(session, work.now, (column, value))?;
            if count > 0 {
                session.audit(audit_entry(&work, "delivery.sent_again", details.to_string()));
            }
            Ok(count)
        };
        self.store.write(write).await
    }

    /// Sends a message to a channel right away, to see whether it is set up well; for administrators. `to` is the
    /// receiver of an e-mail.
    pub async fn try_channel(
        &self,
        actor: &Actor,
        channel: &str,
        (to, payload): (&str, Json),
        courier: &dyn Courier,
    ) -> Result<Result<(), Refusal>, Error> {
        administrator(actor)?;
        let work = self.work(actor);
        let trial = delivery::new(&work, channel, to, payload);
        let outcome = send(self, courier, &trial, self.endpoint(channel).await?).await;
        let details = json!({ "connector": channel, "worked": outcome.is_ok() });
        let entry = audit_entry(&work, "connector.tried", details.to_string());
        let write = move |session: &mut Session<'_>| {
            session.audit(entry);
            Ok::<_, Error>(())
        };
        self.store.write(write).await?;
        Ok(outcome)
    }
}
