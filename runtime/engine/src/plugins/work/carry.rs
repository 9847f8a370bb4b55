//! The loop that makes the calls of the queue, each plugin by itself, so that one which is slow holds up no other. Works
//! beside the lane, for whoever holds the lane; what is under way when it is told to stop is finished.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use mortise_store::Session;
use tokio::sync::{Notify, watch};

use super::make::{Made, make};
use super::row::{self, PluginCall};
use super::{jobs, settle};
use crate::error::Error;
use crate::tenant::Tenant;

/// Calls of a plugin that are read at once.
const BATCH: i64 = 16;
/// Pause after an error of the database.
const PAUSE: Duration = Duration::from_secs(1);
/// No timer of the runtime is set farther than this.
const FARTHEST: Duration = Duration::from_secs(24 * 3600);

/// What a tenant keeps of its background calls in memory.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// Told after each commit that may have left something to call.
    pub(crate) wake: Notify,
    under_way: AtomicUsize,
}

impl Desk {
    /// Whether a plugin is being called.
    pub(crate) fn is_busy(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) > 0
    }
}

/// What is worked off one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Strand {
    /// The calls of a plugin.
    Calls(String),
    /// A job of a plugin.
    Job(String, String),
}

type Drained = (Strand, Result<(), Error>);

/// Makes the calls that are due, and those that fall due, until told to stop. Only whoever holds the tenant's lane by this
/// epoch writes what has become of them.
pub(crate) async fn carry(tenant: &Arc<Tenant>, epoch: i64, mut stop: watch::Receiver<bool>) {
    let mut busy: FuturesUnordered<BoxFuture<'_, Drained>> = FuturesUnordered::new();
    let mut strands: HashSet<Strand> = HashSet::new();
    loop {
        match due(tenant).await {
            Ok(due) => {
                for strand in due {
                    if strands.insert(strand.clone()) {
                        busy.push(Box::pin(drain(tenant, strand, epoch, stop.clone())));
                    }
                }
            }
            Err(error) => {
                tracing::error!(tenant = tenant.slug, %error, "calls of plugins cannot be read");
                tokio::time::sleep(PAUSE).await;
            }
        }
        tenant.desk.under_way.store(busy.len(), Ordering::Relaxed);
        tokio::select! {
            Some((strand, result)) = busy.next(), if !busy.is_empty() => {
                strands.remove(&strand);
                if let Err(Error::Store(mortise_store::Error::Fenced)) = result {
                    // Another node has the lane and makes the calls that are left.
                    break;
                }
                if let Err(error) = result {
                    tracing::error!(tenant = tenant.slug, %error, "what became of calls of plugins cannot be written");
                    tokio::time::sleep(PAUSE).await;
                }
            }
            () = tenant.desk.wake.notified() => {}
            () = until_next(tenant) => {}
            _ = stop.changed() => break,
        }
    }
    while busy.next().await.is_some() {}
    tenant.desk.under_way.store(0, Ordering::Relaxed);
}

async fn until_next(tenant: &Arc<Tenant>) {
    let next = tenant.next_call().await.ok().flatten();
    let length = next.and_then(|next| (next - tenant.now()).to_std().ok());
    tokio::time::sleep(length.unwrap_or(FARTHEST).min(FARTHEST)).await;
}

/// What there is to do now, of plugins that are in force.
async fn due(tenant: &Arc<Tenant>) -> Result<Vec<Strand>, Error> {
    let plugins = tenant.published().plugins.clone();
    if plugins.is_empty() {
        return Ok(Vec::new());
    }
    let now = tenant.now();
    let mut due = Vec::new();
    for plugin in row::CALLS.strands(&tenant.store, now).await? {
        // What earlier calls stand before waits for them.
        if plugins.plugin(&plugin).is_some() && !row::due(&tenant.store, &plugin, now, 1).await?.is_empty() {
            due.push(Strand::Calls(plugin));
        }
    }
    let jobs = jobs::due(tenant, now).await?;
    due.extend(jobs.into_iter().map(|job| Strand::Job(job.plugin, job.export)));
    Ok(due)
}

/// Works a strand off, until nothing of it is due or it is told to stop.
async fn drain(tenant: &Arc<Tenant>, strand: Strand, epoch: i64, stop: watch::Receiver<bool>) -> Drained {
    let stops = || *stop.borrow();
    let result = match &strand {
        Strand::Calls(plugin) => calls(tenant, plugin, Some(epoch), &stops).await,
        Strand::Job(plugin, export) => jobs::run(tenant, (plugin, export), Some(epoch), &stops).await,
    };
    (strand, result)
}

async fn calls(
    tenant: &Arc<Tenant>,
    plugin: &str,
    epoch: Option<i64>,
    stops: &(dyn Fn() -> bool + Send + Sync),
) -> Result<(), Error> {
    while !stops() && tenant.published().plugins.plugin(plugin).is_some() {
        let due = row::due(&tenant.store, plugin, tenant.now(), BATCH).await?;
        if due.is_empty() {
            break;
        }
        hold(tenant, epoch).await?;
        let making = due.into_iter().map(|call| one(tenant, call, epoch));
        let mut made = stream::iter(making).buffer_unordered(tenant.plugins.options.parallel);
        let mut failed = None;
        while let Some(result) = made.next().await {
            failed = failed.or(result.err());
        }
        if let Some(error) = failed {
            return Err(error);
        }
    }
    Ok(())
}

/// Who has lost the lane, or cannot write, would never know what was called, and call it again and again.
pub(super) async fn hold(tenant: &Arc<Tenant>, epoch: Option<i64>) -> Result<(), Error> {
    match epoch {
        Some(epoch) => {
            tenant.store.write(move |session: &mut Session<'_>| Ok::<_, Error>(session.fence(epoch)?)).await
        }
        None => Ok(()),
    }
}

async fn one(tenant: &Arc<Tenant>, call: PluginCall, epoch: Option<i64>) -> Result<(), Error> {
    if call.result.is_some() {
        return settle::go_on(tenant, &call, epoch).await;
    }
    // What stumbles over a call must not take the lane with it: the call counts as failed, and the others go on.
    let made = AssertUnwindSafe(make(tenant, &call)).catch_unwind().await;
    match made.unwrap_or_else(|_| Some(Made::stumbled())) {
        Some(made) => settle::settle(tenant, &call, &made, epoch).await,
        None if tenant.published().plugins.plugin(&call.plugin).is_some() => {
            settle::put_off(tenant, &call, epoch).await
        }
        None => Ok(()),
    }
}

impl Tenant {
    /// Makes every call and every step of a job that is due now; what is left waits for later, or for its plugin.
    pub async fn call_due(self: &Arc<Self>) -> Result<(), Error> {
        loop {
            let due = due(self).await?;
            if due.is_empty() {
                return Ok(());
            }
            for strand in due {
                match strand {
                    Strand::Calls(plugin) => calls(self, &plugin, None, &|| false).await?,
                    Strand::Job(plugin, export) => {
                        jobs::run(self, (&plugin, &export), None, &|| false).await?
                    }
                }
            }
        }
    }

    /// Whether there is a plugin to be called now.
    pub(crate) async fn has_calls(self: &Arc<Self>) -> Result<bool, Error> {
        Ok(!due(self).await?.is_empty())
    }

    /// When a plugin is to be called that is not to be called yet.
    pub(crate) async fn next_call(&self) -> Result<Option<DateTime<Utc>>, Error> {
        if self.published().plugins.is_empty() {
            return Ok(None);
        }
        let now = self.now();
        let (call, job) = (row::CALLS.next(&self.store, now).await?, jobs::next(self, now).await?);
        Ok([call, job].into_iter().flatten().min())
    }
}
