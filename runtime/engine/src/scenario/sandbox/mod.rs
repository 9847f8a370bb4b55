//! Sandboxes: what a tenant comes to by itself in the next days. The tenant is copied as it is now, perhaps with other
//! settings or another version of an app; time passes on the copy from one due moment to the next; what happens is
//! counted, and the copy is thrown away. Nothing leaves it: nobody carries its deliveries, no node hears of it, files of
//! the tenant are not in it, and the tenant itself is only read.

mod forecast;
mod gather;
mod place;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use mortise_definition::{Package, SettingValues};
use mortise_store::{Files, Wanted};

use crate::engine::Engine;
use crate::env::{Env, Simulated};
use crate::error::Error;
use crate::metrics::midnight;
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::Issue;
pub use forecast::{
    Day, Forecast, Message, Named, Parked, RECORDS_SHOWN, Recipient, RecordKey, Route, Sent, Stop, Tally,
};
use gather::Gather;
use place::Place;

/// Most days of a sandbox: a quarter of a year. What people do is not in it, so that farther ahead it says less and less.
pub const DAYS_MAX: u32 = 92;
/// Most records of a tenant that is copied: some gigabytes on the disk, and a minute for the copy.
pub const RECORDS_MAX: i64 = 500_000;
/// How long a sandbox may take. It tells how far it came.
const PATIENCE: Duration = Duration::from_secs(120);
/// Moments at which something is due; more are a loop.
const MOMENTS_MAX: usize = 200_000;
/// Seed of ids: they need not be unforeseeable in a world of one's own.
const SEED: u64 = 13;

/// What is wished for.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Days to look ahead, from 1 to [`DAYS_MAX`].
    pub days: u32,
    /// Values that settings have in the sandbox instead of their own.
    pub settings: SettingValues,
    /// An app that is installed in the sandbox, or upgraded to this version.
    pub package: Option<Arc<Package>>,
}

/// How far a sandbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The day that passes; 0 while the tenant is copied.
    pub day: u32,
    /// Days in all.
    pub days: u32,
}

/// Told again and again how far a sandbox is. It says whether the outcome is still wanted.
pub type Watcher = Arc<dyn Fn(Progress) -> bool + Send + Sync>;

impl Engine {
    /// What a tenant comes to by itself in the days that are wished for; for administrators. It has to be awaited to its
    /// end, which the watcher can bring about: then the copy is gone.
    pub async fn sandbox(
        &self,
        tenant: &Tenant,
        actor: &Actor,
        wish: &Wish,
        watcher: &Watcher,
    ) -> Result<Forecast, Error> {
        if !actor.user.admin {
            return Err(Error::Forbidden(Issue::new("permission.administrator")));
        }
        let days = wish.days;
        if !(1..=DAYS_MAX).contains(&days) {
            return Err(Error::field("days", Issue::new("sandbox.days").with("max", DAYS_MAX)));
        }
        let begun = Instant::now();
        let watched = watcher.clone();
        let wanted: Wanted =
            Arc::new(move || watched(Progress { day: 0, days }) && begun.elapsed() < PATIENCE);
        let records = place::count(tenant).await?;
        let place = Place::copy(self, tenant, &wanted).await?;
        let run = Run { tenant, actor, wish, watcher, begun };
        let forecast = run.on(&place, self).await;
        // Whatever came of it, the copy goes; that it could not be dropped is told, since it takes room.
        place.remove().await?;
        let mut forecast = forecast?;
        forecast.records = records;
        forecast.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(forecast)
    }
}

fn unwanted() -> Error {
    Error::BadRequest(Issue::new("sandbox.ended"))
}

/// A sandbox that is wished for.
struct Run<'a> {
    tenant: &'a Tenant,
    actor: &'a Actor,
    wish: &'a Wish,
    watcher: &'a Watcher,
    begun: Instant,
}

impl Run<'_> {
    /// Opens the copy in a world of its own and lets time pass.
    async fn on(&self, place: &Place, engine: &Engine) -> Result<Forecast, Error> {
        let store = place.open().await?;
        let files = Files::folder(&place.folder().join("files"), engine.file_bytes_max)?;
        // Later than everything that is there, by ids as well.
        let time = Arc::new(Simulated::new(self.tenant.now() + TimeDelta::milliseconds(1), SEED));
        let folder = place.folder().to_owned();
        let plugins = engine.plugins.clone();
        let sandbox = Tenant::open(&self.tenant.slug, folder, store, files, time.clone(), plugins).await?;
        sandbox.calls.count_apart();
        sandbox.set_directory((*self.tenant.directory()).clone());
        let forecast = self.pass(&sandbox, &time).await;
        sandbox.close().await;
        sandbox.calls.forget_copy();
        forecast
    }

    async fn pass(&self, sandbox: &Tenant, time: &Simulated) -> Result<Forecast, Error> {
        self.prepare(sandbox).await?;
        let from = time.now();
        let end = from + TimeDelta::days(self.wish.days.into());
        let mut gather = Gather::begin(sandbox, time).await?;
        let mut course = Course { run: self, sandbox, time, moments: 0, stopped: None };
        while time.now() < end && course.stopped.is_none() {
            let zone = sandbox.directory().tz;
            let today = time.now().with_timezone(&zone).date_naive();
            let tomorrow = today.succ_opt().map_or(end, |day| midnight(day, zone));
            course.until(tomorrow.min(end), tomorrow >= end, from).await?;
            gather.day(today).await?;
        }
        let mut forecast = gather.finish(self.tenant, self.actor).await?;
        (forecast.moments, forecast.stopped) = (course.moments, course.stopped);
        Ok(forecast)
    }

    /// Lets come into force on the copy what is not yet in force.
    async fn prepare(&self, sandbox: &Tenant) -> Result<(), Error> {
        let actor = Actor::system(sandbox.directory().tz);
        if let Some(package) = &self.wish.package {
            let plan = sandbox.plan(package.clone()).await?;
            // On a copy nothing can be lost: everything is confirmed.
            let given_up = plan.conflicts.iter().map(|lost| format!("{}/{}", lost.artifact, lost.path));
            let confirm: Vec<String> =
                plan.destructive().iter().map(|step| step.key.clone()).chain(given_up).collect();
            sandbox.install(&actor, package.clone(), &confirm).await?;
        }
        for (app, values) in &self.wish.settings {
            for (name, value) in values {
                sandbox.set_setting(&actor, app, name, value.clone()).await?;
            }
        }
        Ok(())
    }
}

/// Time that passes on a copy.
struct Course<'a> {
    run: &'a Run<'a>,
    sandbox: &'a Tenant,
    time: &'a Simulated,
    moments: usize,
    stopped: Option<Stop>,
}

impl Course<'_> {
    /// Lets time pass until a moment, which is the next day's unless it is the last.
    async fn until(&mut self, end: DateTime<Utc>, last: bool, from: DateTime<Utc>) -> Result<(), Error> {
        // By the moment: days are counted from the beginning, lines of the outcome by the calendar.
        while self.settle(from).await? {
            let due = self.sandbox.next_due().await?;
            let Some(due) = due.filter(|due| *due < end || (last && *due == end)) else {
                self.move_to(end);
                return Ok(());
            };
            self.move_to(due);
            self.moments += 1;
            if self.moments >= MOMENTS_MAX {
                self.stopped = Some(Stop::Endless);
                return Ok(());
            }
        }
        Ok(())
    }

    fn move_to(&self, moment: DateTime<Utc>) {
        self.time.advance((moment - self.time.now()).max(TimeDelta::zero()));
    }

    /// Works off everything that is due; false when the sandbox has taken too long.
    async fn settle(&mut self, from: DateTime<Utc>) -> Result<bool, Error> {
        let days = self.run.wish.days;
        let passed = u32::try_from((self.time.now() - from).num_days()).unwrap_or(days);
        let progress = Progress { day: (passed + 1).min(days), days };
        let (watcher, begun) = (self.run.watcher, self.run.begun);
        let wanted = move || watcher(progress) && begun.elapsed() < PATIENCE;
        if self.sandbox.run_due_while(&wanted).await? {
            return Ok(true);
        }
        if begun.elapsed() < PATIENCE {
            return Err(unwanted());
        }
        self.stopped = Some(Stop::Time);
        Ok(false)
    }
}
