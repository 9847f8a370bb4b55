//! Reading what became of calls: the run log and figures by version, for administrators. What still waits to be written is
//! written first, so that nobody misses the call that they just made.

use chrono::{DateTime, Utc};
use mortise_store::{Param, Row};
use serde::Serialize;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::Issue;

/// Runs of one page at most.
const RUNS_MAX: i64 = 200;

/// A call of a plugin, as the log tells it.
#[derive(Debug, Clone, Serialize)]
pub struct PluginRun {
    /// Its id.
    pub id: Uuid,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The plugin.
    pub plugin: String,
    /// Number of its version in this tenant.
    pub number: i64,
    /// Its version.
    pub version: String,
    /// The point.
    pub point: String,
    /// The export.
    pub export: String,
    /// Who acted.
    pub actor: Option<Uuid>,
    /// Key of the entity.
    pub entity: Option<String>,
    /// The record that it was about.
    pub record: Option<Uuid>,
    /// `ok`, or the code of the failure.
    pub outcome: String,
    /// The failure in words.
    pub message: Option<String>,
    /// How long it took, in microseconds.
    pub wall_us: i64,
    /// What was used and allowed, by counter.
    pub usage: Json,
    /// What the plugin wrote.
    pub lines: Json,
}

/// Which runs are wanted.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Of this plugin.
    pub plugin: Option<String>,
    /// About this record.
    pub record: Option<Uuid>,
    /// Only those that failed.
    pub failed: bool,
}

/// Figures of an export of a version in one hour.
#[derive(Debug, Clone, Serialize)]
pub struct PluginUsage {
    /// Number of the version in this tenant.
    pub number: i64,
    /// The point.
    pub point: String,
    /// The export.
    pub export: String,
    /// When the hour began.
    pub hour: DateTime<Utc>,
    /// Calls.
    pub calls: i64,
    /// Those that failed.
    pub failures: i64,
    /// Time of all of them, in microseconds.
    pub wall_us: i64,
    /// Time of the longest one.
    pub wall_us_max: i64,
}

impl Tenant {
    /// Calls of plugins, newest first, before this one; for administrators.
    pub async fn plugin_runs(
        &self,
        actor: &Actor,
        filter: &RunFilter,
        before: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<PluginRun>, Error> {
        administrator(actor)?;
        self.write_plugin_runs().await;
        let naming = self.store.naming();
        let mut params: Vec<Param> = vec![limit.clamp(1, RUNS_MAX).into()];
        let mut conditions = String::new();
        let mut demand = |condition: &str, param: Param| {
            params.push(param);
            conditions.push_str(&format!(" AND {} ?{}", condition, params.len()));
        };
        if let Some(plugin) = &filter.plugin {
            demand("plugin =", plugin.as_str().into());
        }
        if let Some(record) = filter.record {
            demand("record =", record.into());
        }
        if filter.failed {
            demand("outcome <>", "ok".into());
        }
        if let Some(before) = before {
            // Ids grow with time.
            demand("id <", before.into());
        }
        let sql = naming.sql(&format!(
            "SELECT id, at, plugin, number, version, point, export, actor, entity, record, outcome, message, wall_us, \
             \"usage\", lines FROM {} WHERE 1 = 1{conditions} ORDER BY at DESC, id DESC LIMIT ?1",
            naming.table("_plugin_run")
        ));
        Ok(self.store.fetch(&sql, &params, run).await?)
    }

    /// Figures of a plugin since a moment, by version, export and hour; for administrators.
    pub async fn plugin_usage(
        &self,
        actor: &Actor,
        plugin: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<PluginUsage>, Error> {
        administrator(actor)?;
        self.write_plugin_runs().await;
        let naming = self.store.naming();
        let sql = naming.sql(&format!(
            "SELECT number, point, export, hour, calls, failures, wall_us, wall_us_max FROM {} \
             WHERE plugin = ?1 AND hour >= ?2 ORDER BY hour, number, point, export",
            naming.table("_plugin_usage")
        ));
        Ok(self.store.fetch(&sql, &[plugin.into(), since.into()], usage).await?)
    }
}

fn administrator(actor: &Actor) -> Result<(), Error> {
    match actor.user.admin {
        true => Ok(()),
        false => Err(Error::Forbidden(Issue::new("permission.administrator"))),
    }
}

fn moment(row: &dyn Row, index: usize) -> mortise_store::Result<DateTime<Utc>> {
    match row.value(index, &mortise_expr::Type::DateTime)? {
        mortise_expr::Value::DateTime(moment) => Ok(moment),
        _ => Ok(DateTime::UNIX_EPOCH),
    }
}

fn json_of(text: Option<String>) -> Json {
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

fn run(row: &dyn Row) -> mortise_store::Result<PluginRun> {
    Ok(PluginRun {
        id: row.id(0)?.unwrap_or_default(),
        at: moment(row, 1)?,
        plugin: row.text(2)?.unwrap_or_default(),
        number: row.int(3)?.unwrap_or_default(),
        version: row.text(4)?.unwrap_or_default(),
        point: row.text(5)?.unwrap_or_default(),
        export: row.text(6)?.unwrap_or_default(),
        actor: row.id(7)?,
        entity: row.text(8)?,
        record: row.id(9)?,
        outcome: row.text(10)?.unwrap_or_default(),
        message: row.text(11)?,
        wall_us: row.int(12)?.unwrap_or_default(),
        usage: json_of(row.text(13)?),
        lines: json_of(row.text(14)?),
    })
}

fn usage(row: &dyn Row) -> mortise_store::Result<PluginUsage> {
    Ok(PluginUsage {
        number: row.int(0)?.unwrap_or_default(),
        point: row.text(1)?.unwrap_or_default(),
        export: row.text(2)?.unwrap_or_default(),
        hour: moment(row, 3)?,
        calls: row.int(4)?.unwrap_or_default(),
        failures: row.int(5)?.unwrap_or_default(),
        wall_us: row.int(6)?.unwrap_or_default(),
        wall_us_max: row.int(7)?.unwrap_or_default(),
    })
}
