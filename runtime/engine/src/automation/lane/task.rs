//! The task that works a tenant's lane while the server runs. It sleeps until something is committed or falls due; an
//! idle tenant costs a sleeping task and nothing else, and after a while not even the lane.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::error::Error;
use crate::notify;
use crate::plugins;
use crate::tenant::Tenant;

/// Pause after an error of the database.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest sleep; clocks of machines are set now and then.
const FARTHEST: Duration = Duration::from_secs(3600);
/// How long a lane is kept without anything to do.
const IDLE: Duration = Duration::from_secs(30);
/// How long something that is due is left to the node which has the lane, before it is looked after again.
const TAKEN: Duration = Duration::from_secs(30);
/// How often a lane that is kept is claimed anew; has to be well below the length of a lease.
pub const LANE_RENEWAL: Duration = Duration::from_secs(5);

/// Who may work which lane: where several nodes serve the same tenants, one of them at a time.
pub trait Lanes: Send + Sync {
    /// Takes the lane of a tenant, and tells its epoch: larger with each taking, or 0 where there is only one node. None
    /// when another node has it.
    fn acquire<'a>(&'a self, slug: &'a str) -> BoxFuture<'a, Result<Option<i64>, Error>>;
    /// Keeps it; false when another node has taken it over.
    fn renew<'a>(&'a self, slug: &'a str, epoch: i64) -> BoxFuture<'a, Result<bool, Error>>;
    /// Gives it back, and says when there is something to do again.
    fn release<'a>(
        &'a self,
        slug: &'a str,
        epoch: i64,
        next_due: Option<DateTime<Utc>>,
    ) -> BoxFuture<'a, Result<(), Error>>;
}

/// The only node: every lane is its own.
#[derive(Debug, Default)]
pub struct Sole;

impl Lanes for Sole {
    fn acquire<'a>(&'a self, _slug: &'a str) -> BoxFuture<'a, Result<Option<i64>, Error>> {
        Box::pin(async { Ok(Some(0)) })
    }

    fn renew<'a>(&'a self, _slug: &'a str, _epoch: i64) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async { Ok(true) })
    }

    fn release<'a>(
        &'a self,
        _slug: &'a str,
        _epoch: i64,
        _next_due: Option<DateTime<Utc>>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

/// Why a lane was left.
enum Left {
    /// Nothing to do for a while.
    Idle,
    /// Another node has it.
    Lost,
    /// The tenant is closing.
    Closed,
}

/// Works the lane of a tenant until it is closed.
pub(crate) async fn run(tenant: Arc<Tenant>, lanes: Arc<dyn Lanes>) {
    loop {
        match turn(&tenant, &*lanes).await {
            Ok(Left::Closed) => return,
            Ok(Left::Idle | Left::Lost) => {}
            Err(error) => {
                tracing::error!(tenant = tenant.slug, %error, "the lane stumbled");
                tokio::time::sleep(PAUSE).await;
            }
        }
        if tenant.lane.stopping() {
            return;
        }
    }
}

/// Waits for something to do, takes the lane, works until there is nothing more for a while, and gives it back.
async fn turn(tenant: &Arc<Tenant>, lanes: &dyn Lanes) -> Result<Left, Error> {
    let due = tenant.lane_due().await?;
    if due.is_none_or(|due| due > tenant.now()) {
        sleep(tenant, due, FARTHEST).await;
        return Ok(if tenant.lane.stopping() { Left::Closed } else { Left::Idle });
    }
    let Some(epoch) = lanes.acquire(&tenant.slug).await? else {
        // Whoever has it is told of the same commits, and should that node die, its lease ends. But one that is just
        // giving the lane back may have looked for the last time before the commit of which this one was told.
        sleep(tenant, None, TAKEN).await;
        return Ok(Left::Lost);
    };
    let (stop, stopped) = watch::channel(false);
    let working = async {
        let left = work(tenant, lanes, epoch).await;
        stop.send_replace(true);
        left
    };
    // What leaves the house is sent beside the work, by whoever holds the lane.
    tenant.lane.set_working(true);
    let calling = plugins::carry(tenant, epoch, stopped.clone());
    let (left, (), ()) = tokio::join!(working, notify::carry(tenant, epoch, stopped), calling);
    tenant.lane.set_working(false);
    if !matches!(left, Ok(Left::Lost)) {
        // What is left is for whoever comes next.
        let next = tenant.lane_due().await.unwrap_or_else(|_| Some(tenant.now()));
        lanes.release(&tenant.slug, epoch, next).await?;
    }
    left
}

async fn work(tenant: &Arc<Tenant>, lanes: &dyn Lanes, epoch: i64) -> Result<Left, Error> {
    let mut claimed = tokio::time::Instant::now();
    let mut busy = claimed;
    loop {
        if tenant.lane.stopping() {
            return Ok(Left::Closed);
        }
        if claimed.elapsed() >= LANE_RENEWAL {
            if !lanes.renew(&tenant.slug, epoch).await? {
                return Ok(Left::Lost);
            }
            claimed = tokio::time::Instant::now();
        }
        match tenant.run_batch((epoch > 0).then_some(epoch)).await {
            Ok(done) => {
                let worked = done.events + done.timers + done.items > 0;
                if worked {
                    busy = tokio::time::Instant::now();
                }
                if done.more {
                    continue;
                }
            }
            Err(Error::Store(mortise_store::Error::Fenced)) => return Ok(Left::Lost),
            Err(Error::Store(mortise_store::Error::Closed)) => return Ok(Left::Closed),
            Err(error) => return Err(error),
        }
        loop {
            if tenant.post.is_busy() || tenant.desk.is_busy() {
                busy = tokio::time::Instant::now();
            }
            tenant.clear_meanwhile(epoch).await?;
            if busy.elapsed() >= IDLE {
                return Ok(Left::Idle);
            }
            // What is to be sent has its own sleep.
            sleep(tenant, tenant.next_due().await?, LANE_RENEWAL).await;
            if tenant.lane.stopping() || claimed.elapsed() >= LANE_RENEWAL || tenant.has_due().await? {
                break;
            }
        }
    }
}

impl Tenant {
    /// When the lane has something to do, or to send: now, later, or not as far as anybody knows.
    pub async fn lane_due(self: &Arc<Self>) -> Result<Option<DateTime<Utc>>, Error> {
        if self.has_due().await? || self.has_mail().await? || self.has_calls().await? {
            return Ok(Some(self.now()));
        }
        let next = [self.next_due().await?, self.next_mail().await?, self.next_call().await?];
        Ok(next.into_iter().flatten().min())
    }
}

/// Sleeps until something is committed, until this moment, at most so long.
async fn sleep(tenant: &Tenant, until: Option<DateTime<Utc>>, most: Duration) {
    let until = until.map(|until| (until - tenant.now()).to_std().unwrap_or_default());
    tokio::select! {
        () = tenant.lane.wake.notified() => {}
        () = tokio::time::sleep(until.unwrap_or(most).min(most)) => {}
    }
}
