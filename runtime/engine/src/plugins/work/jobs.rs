//! Jobs of plugins: work by the clock, cut into steps. After each step its cursor is written, so that a restart goes on where
//! the work stopped. A job that fails is tried again with growing pauses, and administrators are told when that does not help.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use futures_util::FutureExt;
use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::run::Failure as RunFailure;
use mortise_plugin_host::value::{Field, Progress, Retry};
use mortise_store::Session;
use sha2::{Digest, Sha256};

use super::job_row::{self, PluginJob};
use super::{alert, carry, course};
use crate::again;
use crate::automation::Cause;
use crate::commands::Work;
use crate::error::Error;
use crate::people::Actor;
use crate::plugins::call::Calling;
use crate::plugins::{Binding, Bound};
use crate::tenant::Tenant;

/// Failures in a row after which administrators are told.
const FAILURES_TOLD: i64 = 3;
/// Longest pause between two tries of a step.
const PAUSE_MAX: TimeDelta = TimeDelta::hours(1);

/// Jobs that are due, of plugins in force.
pub(super) async fn due(tenant: &Tenant, now: DateTime<Utc>) -> Result<Vec<PluginJob>, Error> {
    let plugins = tenant.published().plugins.clone();
    if plugins.at(Point::Job).is_empty() {
        return Ok(Vec::new());
    }
    let mut due = job_row::due(&tenant.store, now).await?;
    due.retain(|job| plugins.plugin(&job.plugin).is_some());
    Ok(due)
}

/// When a job falls due that is not due yet.
pub(super) async fn next(tenant: &Tenant, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Error> {
    match tenant.published().plugins.at(Point::Job).is_empty() {
        true => Ok(None),
        false => job_row::next(&tenant.store, now).await,
    }
}

/// Does the steps of a job that is due, until it has finished, failed, or is told to stop.
pub(super) async fn run(
    tenant: &Arc<Tenant>,
    (plugin, export): (&str, &str),
    epoch: Option<i64>,
    stops: &(dyn Fn() -> bool + Send + Sync),
) -> Result<(), Error> {
    while !stops() {
        let Some(job) = job_row::find(&tenant.store, plugin, export).await? else { return Ok(()) };
        if job.next_at.is_none_or(|next| next > tenant.now()) {
            return Ok(());
        }
        carry::hold(tenant, epoch).await?;
        let stepped = AssertUnwindSafe(step(tenant, &job)).catch_unwind().await;
        let stumbled =
            |_| Some(Err(RunFailure::Trap { reason: "the server stumbled over this step".to_owned() }));
        let Some(said) = stepped.unwrap_or_else(stumbled) else { return Ok(()) };
        settle(tenant, job, said, epoch).await?;
    }
    Ok(())
}

/// The binding of a job, in the version that serves this step.
fn binding<'a>(plugins: &'a Bound, job: &PluginJob, key: &str) -> Option<&'a Arc<Binding>> {
    plugins.find(Point::Job, &job.plugin, &job.export, None, key)
}

/// Does one step; none while the plugin is not in force.
async fn step(tenant: &Arc<Tenant>, job: &PluginJob) -> Option<Result<Progress, RunFailure>> {
    let system = tenant.work(&Actor::system(tenant.directory().tz));
    let plugins = system.published.plugins.clone();
    plugins.plugin(&job.plugin)?;
    let key = job.key();
    let missing = || RunFailure::Missing { point: Point::Job, name: job.export.clone() };
    let Some(binding) = binding(&plugins, job, &key) else { return Some(Err(missing())) };
    let cause = Cause::time(format!("plugin:{}/{}", job.plugin, job.export));
    let work = system.as_plugin(&job.plugin, cause);
    let params: Vec<Field> =
        serde_json::from_value(job.params.clone().unwrap_or_default()).unwrap_or_default();
    let attempt = u32::try_from(job.failures + 1).unwrap_or(u32::MAX);
    let calling = Calling::background(&work, key).attempt(attempt);
    let said = calling.step(binding, job.cursor.as_deref(), &params).await;
    Some(match said {
        Ok(Some(progress)) if stuck(job, &progress) => {
            Err(RunFailure::Output { reason: "the step did nothing and asks to be done again".to_owned() })
        }
        Ok(Some(progress)) => Ok(progress),
        Ok(None) => Ok(Progress { cursor: None, processed: 0, note: None }),
        Err(failure) => Err(failure),
    })
}

/// A step that leads to itself would be done for ever.
fn stuck(job: &PluginJob, progress: &Progress) -> bool {
    progress.processed == 0 && progress.cursor.is_some() && progress.cursor == job.cursor
}

async fn settle(
    tenant: &Arc<Tenant>,
    was: PluginJob,
    said: Result<Progress, RunFailure>,
    epoch: Option<i64>,
) -> Result<(), Error> {
    if let Err(failure) = &said {
        let (plugin, export) = (&was.plugin, &was.export);
        tracing::warn!(tenant = tenant.slug, plugin, export, code = failure.code(), "a step of a job failed");
    }
    let dice = again::dice(&*tenant.env);
    let work = tenant.work(&Actor::system(tenant.directory().tz));
    let write = move |session: &mut Session<'_>| {
        if let Some(epoch) = epoch {
            session.fence(epoch)?;
        }
        let planned = planned(&work.published.plugins, &was, work.directory.tz, work.now);
        let now = match &said {
            Ok(progress) => was.after(work.now, progress, planned),
            Err(failure) => was.failed((work.now, dice), failure, planned),
        };
        let now = match job_row::read(session, &was.plugin, &was.export)? {
            // Somebody asked for another run while this one was at its only step.
            Some(row) if !now.running && (row.next_at, &row.params) != (was.next_at, &was.params) => {
                PluginJob { next_at: row.next_at, params: row.params, ..now }
            }
            _ => now,
        };
        if job_row::update(session, &was, &now)? {
            tell(&work, session, &was, &now)?;
        }
        Ok::<_, Error>(())
    };
    tenant.store.write(write).await
}

/// Administrators are told of a job that fails again and again, and of one that says itself that trying is no use.
fn tell(work: &Work, session: &mut Session<'_>, was: &PluginJob, now: &PluginJob) -> Result<(), Error> {
    let Some(error) = &now.error else { return Ok(()) };
    let hopeless = (was.failures, now.failures) == (0, 1) && !now.retries(work.now);
    let again_and_again = was.failures < now.failures && now.failures == FAILURES_TOLD;
    if !hopeless && !again_and_again {
        return Ok(());
    }
    let reason = error.args.get("reason").cloned().unwrap_or_else(|| error.reason.clone());
    let failures = now.failures.to_string();
    let args = [
        ("plugin", now.plugin.as_str()),
        ("export", now.export.as_str()),
        ("reason", reason.as_str()),
        ("failures", failures.as_str()),
    ];
    alert::administrators(work, session, "job", &args, None)
}

impl PluginJob {
    /// After a step that went well.
    fn after(&self, now: DateTime<Utc>, progress: &Progress, planned: Option<DateTime<Utc>>) -> PluginJob {
        let processed = i64::try_from(progress.processed).unwrap_or(i64::MAX);
        let before = if self.running { self.processed } else { 0 };
        let job = PluginJob {
            processed: before.saturating_add(processed),
            note: progress.note.clone(),
            last_at: Some(now),
            failures: 0,
            error: None,
            begun: self.began(),
            ..self.clone()
        };
        match &progress.cursor {
            Some(cursor) => {
                PluginJob { running: true, cursor: Some(cursor.clone()), next_at: Some(now), ..job }
            }
            None => PluginJob { running: false, cursor: None, params: None, next_at: planned, ..job },
        }
    }

    /// After a step that went wrong. Its cursor stays: what was done is not done again.
    fn failed(
        &self,
        (now, dice): (DateTime<Utc>, u64),
        failure: &RunFailure,
        planned: Option<DateTime<Utc>>,
    ) -> PluginJob {
        let error = Some(course::reason(&self.plugin, &self.export, failure));
        if let RunFailure::Busy | RunFailure::Resting { .. } = failure {
            // The step was never made, so that it was no try.
            let left = match failure {
                RunFailure::Resting { left } => TimeDelta::from_std(*left).unwrap_or(PAUSE_MAX),
                _ => TimeDelta::zero(),
            };
            let next = now + left.max(TimeDelta::seconds(2));
            return PluginJob { next_at: Some(next), error, ..self.clone() };
        }
        let failures = self.failures + 1;
        let asked = match failure.retry() {
            Retry::AfterMs(asked) => Some(TimeDelta::milliseconds(i64::try_from(asked).unwrap_or(3_600_000))),
            Retry::Backoff | Retry::Never => None,
        };
        let pause = again::pause(failures.min(again::ATTEMPTS_MAX), asked, dice).min(PAUSE_MAX);
        let next = match failure.retry() {
            // It says itself that trying again is no use: until its next hour.
            Retry::Never => planned,
            Retry::Backoff | Retry::AfterMs(_) => Some(now + pause),
        };
        let (begun, last_at) = (self.began(), Some(now));
        let processed = if self.running { self.processed } else { 0 };
        PluginJob { running: true, begun, processed, last_at, failures, error, next_at: next, ..self.clone() }
    }

    /// When this run began: with its first step, at the time at which that was due.
    fn began(&self) -> Option<DateTime<Utc>> {
        if self.running { self.begun } else { self.next_at }
    }

    /// Whether it is tried again before long.
    fn retries(&self, now: DateTime<Utc>) -> bool {
        self.next_at.is_some_and(|next| next <= now + PAUSE_MAX * 2)
    }

    /// What is the same for every try at the same step.
    fn key(&self) -> String {
        let cursor = mortise_store::hex(&Sha256::digest(self.cursor.as_deref().unwrap_or_default()));
        let begun = self.began().map_or(0, |begun| begun.timestamp_millis());
        format!("{}/{}:{begun}:{}", self.plugin, self.export, &cursor[..16])
    }
}

/// When a job runs next by its schedule.
fn planned(plugins: &Bound, job: &PluginJob, zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    // While a version is tried out, the one in force says when.
    let of = |binding: &&Arc<Binding>| {
        binding.plugin.id == job.plugin
            && binding.export().name == job.export
            && binding.version.number == binding.plugin.current.number
    };
    let binding = plugins.at(Point::Job).iter().find(of)?;
    next_time(binding.export().schedule.as_deref()?, zone, after)
}

fn cron(line: &str) -> Result<Cron, CronError> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(line.trim())
}

/// The next time of a cron line after a moment.
fn next_time(line: &str, zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let cron = cron(line).ok()?;
    let local = after.with_timezone(&zone);
    cron.find_next_occurrence(&local, false).ok().map(|next| next.with_timezone(&Utc))
}

/// Plugin and export of each run of a job that its schedule wants after one moment and up to another.
pub(crate) fn scheduled(tenant: &Tenant, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<(String, String)> {
    let (plugins, zone) = (tenant.published().plugins.clone(), tenant.directory().tz);
    let current = |binding: &&Arc<Binding>| binding.version.number == binding.plugin.current.number;
    let mut runs = Vec::new();
    for binding in plugins.at(Point::Job).iter().filter(current) {
        let export = binding.export();
        let Some(line) = export.schedule.as_deref() else { continue };
        let mut at = from;
        while let Some(next) = next_time(line, zone, at).filter(|next| *next <= until) {
            runs.push((binding.plugin.id.clone(), export.name.clone()));
            at = next;
        }
    }
    runs
}

/// Brings the jobs in line with the plugins in force: a new one waits for its first hour, one whose schedule or zone has
/// changed for the next by that. One that is due keeps being due, and those of plugins that are away wait for them.
pub(crate) fn sync(work: &Work, session: &mut Session<'_>) -> Result<(), Error> {
    let plugins = work.published.plugins.clone();
    let zone = work.directory.tz;
    for binding in plugins.at(Point::Job) {
        if binding.version.number != binding.plugin.current.number {
            continue;
        }
        let export = binding.export();
        let schedule = export.schedule.as_ref().map(|line| format!("{line} {zone}"));
        let known = job_row::read(session, &binding.plugin.id, &export.name)?;
        let planned = |after| export.schedule.as_deref().and_then(|line| next_time(line, zone, after));
        match known {
            None => {
                let new = PluginJob::new(&binding.plugin.id, &export.name);
                job_row::put(session, &PluginJob { next_at: planned(work.now), schedule, ..new })?;
            }
            Some(job) if job.schedule != schedule => {
                let idle = !job.running && job.next_at.is_none_or(|next| next > work.now);
                let next_at = if idle { planned(work.now) } else { job.next_at };
                job_row::update(session, &job, &PluginJob { schedule, next_at, ..job.clone() })?;
            }
            // Its version was away when it was to be planned.
            Some(job) if job.next_at.is_none() && schedule.is_some() => {
                job_row::update(session, &job, &PluginJob { next_at: planned(work.now), ..job.clone() })?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}
