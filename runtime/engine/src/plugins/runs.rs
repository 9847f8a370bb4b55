//! What became of calls: kept in memory for a moment and written in batches beside the saves, never in their way. Failures
//! and what plugins wrote are always kept; of calls that went well as many as somebody could read, the rest are counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::run::RunRecord;
use mortise_store::{Param, Session};
use parking_lot::Mutex;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::call::Switchboard;
use super::work::tell_administrators;
use crate::env::Env;
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;

/// Successful runs without a word that are kept in a second.
const QUIET_PER_SECOND: u32 = 20;
/// Runs that wait at most; a flood of failures beyond it is only counted.
const WAITING_MAX: usize = 2_000;
/// How long runs are kept.
const KEPT: TimeDelta = TimeDelta::days(7);
/// How many are kept.
const KEPT_MAX: i64 = 10_000;
/// How long figures by the hour are kept: long enough to compare a version with one of last month.
const FIGURES_KEPT: TimeDelta = TimeDelta::days(60);
/// After so many runs it is looked for old ones.
const CLEARED_AFTER: usize = 500;

/// A call that has ended.
pub(super) struct Noted {
    pub(super) record: RunRecord,
    /// Number of the version.
    pub(super) number: i64,
    /// The clock of the work.
    pub(super) at: DateTime<Utc>,
    pub(super) wall: Duration,
    pub(super) actor: Option<Uuid>,
    /// Key of the entity, and the record.
    pub(super) about: Option<(String, Uuid)>,
}

/// Figures of an export of a version.
type Figure = (String, i64, Point, String, DateTime<Utc>);

/// Counted calls.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    calls: i64,
    failures: i64,
    wall_us: i64,
    wall_us_max: i64,
}

/// What a tenant's calls of a plugin came to since the start of the node.
#[derive(Debug, Clone, Default)]
pub struct PluginCalls {
    /// How many there were.
    pub calls: u64,
    /// Those that failed, by code.
    pub failures: BTreeMap<&'static str, u64>,
    /// How long they took, together.
    pub wall: Duration,
}

#[derive(Default)]
struct Waiting {
    runs: Vec<(Uuid, Noted)>,
    figures: BTreeMap<Figure, Sum>,
    totals: BTreeMap<String, PluginCalls>,
    /// The second in which quiet runs are counted, and how many there were.
    quiet: (i64, u32),
    /// Written since old ones were looked for.
    written: usize,
    /// A task writes what waits.
    writing: bool,
}

/// Runs that wait to be written, and totals.
#[derive(Default)]
pub(super) struct RunLog(Mutex<Waiting>);

impl Switchboard {
    /// Notes a call.
    pub(super) fn note(&self, noted: Noted, env: &dyn Env) {
        let begin = self.log.note(noted, || env.id());
        if begin {
            let (tenant, pause) = (self.tenant.clone(), self.house.options.log_pause);
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(pause).await;
                    let Some(tenant) = tenant.upgrade() else { return };
                    if !tenant.write_plugin_runs().await {
                        return;
                    }
                }
            });
        }
    }
}

impl RunLog {
    /// Takes a call in; true when somebody has to see to its being written.
    fn note(&self, noted: Noted, id: impl FnOnce() -> Uuid) -> bool {
        let mut waiting = self.0.lock();
        let wall_us = i64::try_from(noted.wall.as_micros()).unwrap_or(i64::MAX);
        let failure = noted.record.failure;
        let total = waiting.totals.entry(noted.record.plugin.clone()).or_default();
        total.calls += 1;
        total.wall += noted.wall;
        if let Some(code) = failure {
            *total.failures.entry(code).or_default() += 1;
        }
        let hour = noted.at.duration_trunc(TimeDelta::hours(1)).unwrap_or(noted.at);
        let record = &noted.record;
        let figure = (record.plugin.clone(), noted.number, record.point, record.export.clone(), hour);
        let sum = waiting.figures.entry(figure).or_default();
        sum.calls += 1;
        sum.failures += i64::from(failure.is_some());
        sum.wall_us = sum.wall_us.saturating_add(wall_us);
        sum.wall_us_max = sum.wall_us_max.max(wall_us);
        let quiet = failure.is_none() && record.lines.is_empty();
        if (!quiet || waiting.has_room_for_quiet(noted.at)) && waiting.runs.len() < WAITING_MAX {
            waiting.runs.push((id(), noted));
        }
        !std::mem::replace(&mut waiting.writing, true)
    }
}

impl Waiting {
    fn has_room_for_quiet(&mut self, at: DateTime<Utc>) -> bool {
        if self.quiet.0 != at.timestamp() {
            self.quiet = (at.timestamp(), 0);
        }
        self.quiet.1 += 1;
        self.quiet.1 <= QUIET_PER_SECOND
    }
}

impl Tenant {
    /// What its calls of plugins came to since the start of the node, by plugin.
    pub fn plugin_calls(&self) -> BTreeMap<String, PluginCalls> {
        self.calls.log.0.lock().totals.clone()
    }

    /// How many exports of its plugins are left alone for a while on this node, because they failed too often.
    pub fn resting_plugins(&self) -> usize {
        self.plugins.opened().map_or(0, |host| host.open_circuits(self.calls.counted()).len())
    }

    /// Writes the runs that wait; false when there were none, so that nobody writes them any more.
    pub(crate) async fn write_plugin_runs(&self) -> bool {
        let (runs, figures, clear) = {
            let mut waiting = self.calls.log.0.lock();
            if waiting.figures.is_empty() {
                waiting.writing = false;
                return false;
            }
            waiting.written += waiting.runs.len();
            let clear = waiting.written >= CLEARED_AFTER;
            if clear {
                waiting.written = 0;
            }
            (std::mem::take(&mut waiting.runs), std::mem::take(&mut waiting.figures), clear)
        };
        let (tenant, now) = (Arc::<str>::from(&*self.slug), self.now());
        let work = self.work(&Actor::system(self.directory().tz));
        let written = self.store.write(move |session: &mut Session<'_>| -> Result<(), Error> {
            runs.iter().try_for_each(|(id, noted)| put(session, *id, noted))?;
            runs.iter().filter(|(_, noted)| noted.record.opened).try_for_each(|(_, noted)| {
                let RunRecord { plugin, export, detail, .. } = &noted.record;
                let reason = detail.as_deref().unwrap_or_default();
                let args = [("plugin", plugin.as_str()), ("export", export), ("reason", reason)];
                tell_administrators(&work, session, "circuit", &args, None)
            })?;
            figures.iter().try_for_each(|(figure, sum)| add(session, figure, sum))?;
            if clear { clear_old(session, now) } else { Ok(()) }
        });
        if let Err(error) = written.await {
            tracing::warn!(%error, %tenant, "the run log of plugins could not be written");
        }
        true
    }
}

fn put(session: &mut Session<'_>, id: Uuid, noted: &Noted) -> Result<(), Error> {
    let record = &noted.record;
    let used: Map<String, Json> = record
        .used
        .iter()
        .map(|used| (used.counter.name().to_owned(), json!([used.used, used.limit])))
        .collect();
    let lines = serde_json::to_string(&record.lines).unwrap_or_else(|_| "[]".to_owned());
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} (id, at, plugin, number, version, point, export, actor, entity, record, outcome, message, \
         wall_us, \"usage\", lines) VALUES ({})",
        session.naming.table("_plugin_run"),
        (1..=15).map(|number| format!("?{number}")).collect::<Vec<_>>().join(", ")
    ));
    let (entity, about) = noted.about.clone().unzip();
    let params: [Param; 15] = [
        id.into(),
        noted.at.into(),
        record.plugin.as_str().into(),
        noted.number.into(),
        record.version.as_str().into(),
        record.point.name().into(),
        record.export.as_str().into(),
        Param::Uuid(noted.actor),
        Param::String(entity),
        Param::Uuid(about),
        record.failure.unwrap_or("ok").into(),
        Param::String(record.detail.as_deref().map(clean)),
        i64::try_from(noted.wall.as_micros()).unwrap_or(i64::MAX).into(),
        Json::Object(used).to_string().into(),
        clean(&lines).into(),
    ];
    session.execute(&sql, &params)?;
    Ok(())
}

/// PostgreSQL takes no NUL in a text; in JSON it is written in another way, which the answer of a page would turn back.
fn clean(text: &str) -> String {
    text.replace('\0', " ").replace("\\u0000", " ")
}

fn add(
    session: &mut Session<'_>,
    (plugin, number, point, export, hour): &Figure,
    sum: &Sum,
) -> Result<(), Error> {
    let table = session.naming.table("_plugin_usage");
    let larger = match session.naming.dialect {
        mortise_expr::Dialect::Sqlite => "max",
        mortise_expr::Dialect::Postgres => "greatest",
    };
    let sql = session.naming.sql(&format!(
        "INSERT INTO {table} AS kept (plugin, number, point, export, hour, calls, failures, wall_us, wall_us_max) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (plugin, number, point, export, hour) DO UPDATE SET \
         calls = kept.calls + excluded.calls, failures = kept.failures + excluded.failures, \
         wall_us = kept.wall_us + excluded.wall_us, \
         wall_us_max = {larger}(kept.wall_us_max, excluded.wall_us_max)"
    ));
    let params: [Param; 9] = [
        plugin.as_str().into(),
        (*number).into(),
        point.name().into(),
        export.as_str().into(),
        (*hour).into(),
        sum.calls.into(),
        sum.failures.into(),
        sum.wall_us.into(),
        sum.wall_us_max.into(),
    ];
    session.execute(&sql, &params)?;
    Ok(())
}

fn clear_old(session: &mut Session<'_>, now: DateTime<Utc>) -> Result<(), Error> {
    let naming = session.naming;
    let (runs, usage) = (naming.table("_plugin_run"), naming.table("_plugin_usage"));
    let old = naming.sql(&format!("DELETE FROM {runs} WHERE at < ?1"));
    session.execute(&old, &[(now - KEPT).into()])?;
    let many = naming.sql(&format!(
        "DELETE FROM {runs} WHERE at < (SELECT at FROM {runs} ORDER BY at DESC LIMIT 1 OFFSET ?1)"
    ));
    session.execute(&many, &[KEPT_MAX.into()])?;
    let figures = naming.sql(&format!("DELETE FROM {usage} WHERE hour < ?1"));
    session.execute(&figures, &[(now - FIGURES_KEPT).into()])?;
    Ok(())
}
