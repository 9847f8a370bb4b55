//! Jobs of plugins as rows: one for each, with how far it has come. Only the statements; what follows from a step is said
//! elsewhere.

use chrono::{DateTime, Utc};
use mortise_expr::Type;
use mortise_store::{Param, Row, Session, TenantStore};
use serde::Serialize;
use serde_json::Value as Json;

use crate::automation::Failure;
use crate::automation::timer::moment;
use crate::error::Error;

/// A job of a plugin.
#[derive(Debug, Clone, Serialize)]
pub struct PluginJob {
    /// The plugin.
    pub plugin: String,
    /// The plugin's export.
    pub export: String,
    /// When its next step is done.
    pub next_at: Option<DateTime<Utc>>,
    /// It is under way: the next step goes on where the last one stopped.
    pub running: bool,
    /// How much this run, or the last one, has done.
    pub processed: i64,
    /// What the last step said.
    pub note: Option<String>,
    /// When the last step ended.
    pub last_at: Option<DateTime<Utc>>,
    /// Steps in a row that failed.
    pub failures: i64,
    /// Why the last step failed.
    pub error: Option<Failure>,
    /// The plugin is off, broken or gone, so that it waits for that to change.
    pub held: bool,
    /// Where the next step goes on.
    #[serde(skip)]
    pub(crate) cursor: Option<Vec<u8>>,
    /// What it was told when somebody started it by hand.
    #[serde(skip)]
    pub(crate) params: Option<Json>,
    /// When it began.
    #[serde(skip)]
    pub(crate) begun: Option<DateTime<Utc>>,
    /// The schedule by which its next time was worked out.
    #[serde(skip)]
    pub(crate) schedule: Option<String>,
}

const COLUMNS: &str = "plugin, export, next_at, cursor, params, running, processed, note, last_at, failures, error, begun, \
     schedule";

impl PluginJob {
    pub(super) fn new(plugin: &str, export: &str) -> PluginJob {
        PluginJob {
            plugin: plugin.to_owned(),
            export: export.to_owned(),
            next_at: None,
            running: false,
            processed: 0,
            note: None,
            last_at: None,
            failures: 0,
            error: None,
            held: false,
            cursor: None,
            params: None,
            begun: None,
            schedule: None,
        }
    }
}

fn values(job: &PluginJob) -> Vec<Param> {
    let error = job.error.as_ref().and_then(|error| serde_json::to_string(error).ok());
    vec![
        job.plugin.as_str().into(),
        job.export.as_str().into(),
        Param::ChronoDateTimeUtc(job.next_at),
        Param::Bytes(job.cursor.clone()),
        Param::String(job.params.as_ref().map(Json::to_string)),
        job.running.into(),
        job.processed.into(),
        Param::String(job.note.clone()),
        Param::ChronoDateTimeUtc(job.last_at),
        job.failures.into(),
        Param::String(error),
        Param::ChronoDateTimeUtc(job.begun),
        Param::String(job.schedule.clone()),
    ]
}

/// Notes a job that was not there before.
pub(super) fn put(session: &mut Session<'_>, job: &PluginJob) -> Result<(), Error> {
    let table = session.naming.table("_plugin_job");
    let sql = session.naming.sql(&format!(
        "INSERT INTO {table} ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
    ));
    session.execute(&sql, &values(job))?;
    session.wake_lane();
    Ok(())
}

/// Writes how far a job has come, unless somebody started it anew since it was read.
pub(super) fn update(session: &mut Session<'_>, was: &PluginJob, job: &PluginJob) -> Result<bool, Error> {
    let table = session.naming.table("_plugin_job");
    let sql = session.naming.sql(&format!(
        "UPDATE {table} SET next_at = ?3, cursor = ?4, params = ?5, running = ?6, processed = ?7, note = ?8, last_at = ?9, \
         failures = ?10, error = ?11, begun = ?12, schedule = ?13 WHERE plugin = ?1 AND export = ?2 \
         AND (begun = ?14 OR (begun IS NULL AND ?14 IS NULL))"
    ));
    let mut params = values(job);
    params.push(Param::ChronoDateTimeUtc(was.begun));
    let changed = session.execute(&sql, &params)?;
    session.wake_lane();
    Ok(changed > 0)
}

/// A job inside a write.
pub(super) fn read(
    session: &mut Session<'_>,
    plugin: &str,
    export: &str,
) -> Result<Option<PluginJob>, Error> {
    let table = session.naming.table("_plugin_job");
    let sql = session.naming.sql(&format!("SELECT {COLUMNS} FROM {table} WHERE plugin = ?1 AND export = ?2"));
    Ok(session.query(&sql, &[plugin.into(), export.into()], of_row)?.pop())
}

/// A job.
pub(super) async fn find(
    store: &TenantStore,
    plugin: &str,
    export: &str,
) -> Result<Option<PluginJob>, Error> {
    let table = store.naming().table("_plugin_job");
    let sql = store.naming().sql(&format!("SELECT {COLUMNS} FROM {table} WHERE plugin = ?1 AND export = ?2"));
    Ok(store.fetch(&sql, &[plugin.into(), export.into()], of_row).await?.pop())
}

/// All jobs, in order.
pub(super) async fn all(store: &TenantStore) -> Result<Vec<PluginJob>, Error> {
    let sql =
        format!("SELECT {COLUMNS} FROM {} ORDER BY plugin, export", store.naming().table("_plugin_job"));
    Ok(store.fetch(&sql, &[], of_row).await?)
}

/// Jobs whose next step is due.
pub(super) async fn due(store: &TenantStore, now: DateTime<Utc>) -> Result<Vec<PluginJob>, Error> {
    let table = store.naming().table("_plugin_job");
    let sql =
        store.naming().sql(&format!("SELECT {COLUMNS} FROM {table} WHERE next_at <= ?1 ORDER BY next_at"));
    Ok(store.fetch(&sql, &[now.into()], of_row).await?)
}

/// When a job falls due that is not due yet.
pub(super) async fn next(store: &TenantStore, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Error> {
    let table = store.naming().table("_plugin_job");
    let sql = store.naming().sql(&format!("SELECT min(next_at) FROM {table} WHERE next_at > ?1"));
    Ok(store.fetch(&sql, &[now.into()], |row| moment(row, 0)).await?.pop().flatten())
}

fn of_row(row: &dyn Row) -> mortise_store::Result<PluginJob> {
    Ok(PluginJob {
        plugin: row.text(0)?.unwrap_or_default(),
        export: row.text(1)?.unwrap_or_default(),
        next_at: moment(row, 2)?,
        cursor: row.bytes(3)?,
        params: row.text(4)?.and_then(|text| serde_json::from_str(&text).ok()),
        running: row.value(5, &Type::Bool)?.is_true(),
        processed: row.int(6)?.unwrap_or_default(),
        note: row.text(7)?,
        last_at: moment(row, 8)?,
        failures: row.int(9)?.unwrap_or_default(),
        error: row.text(10)?.and_then(|text| serde_json::from_str(&text).ok()),
        begun: moment(row, 11)?,
        schedule: row.text(12)?,
        held: false,
    })
}
