//! Installed plugins as they are stored: one row for a plugin, one for each of its versions. Read as a whole and written a
//! plugin at a time; secrets, storage, runs and calls have modules of their own.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mortise_expr::{Type, Value};
use mortise_plugin_host::Permissions;
use mortise_store::{Param, Row, Session, TenantStore};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use super::complaint::Complaint;
use super::shelf::Parcel;
use super::work::OPEN;
use crate::error::Error;

/// What a plugin's names of entities mean, as far as an administrator has said it.
pub type Mapping = BTreeMap<String, EntityMapping>;

/// The entity that a plugin means by a name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntityMapping {
    /// Key of the entity: `app.entity`.
    pub entity: String,
    /// The entity's fields by the plugin's names, where they differ.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

/// A plugin as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StoredPlugin {
    pub(super) id: String,
    pub(super) on: bool,
    /// Whether a version was in force here before: what it checks then is not left unchecked because it stopped fitting.
    pub(super) proven: bool,
    /// Number of the version in force; a first version may wait for consent, or be broken.
    pub(super) current: i64,
    pub(super) canary: Option<StoredCanary>,
    pub(super) mapping: Mapping,
    pub(super) settings: BTreeMap<String, Json>,
    pub(super) stored_bytes: i64,
    pub(super) installed_at: DateTime<Utc>,
    pub(super) changed_at: DateTime<Utc>,
    /// By number, ascending.
    pub(super) versions: Vec<StoredVersion>,
}

/// Which version is tried out, and on whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredCanary {
    pub(super) number: i64,
    pub(super) share: u8,
    pub(super) people: Vec<Uuid>,
}

/// A version as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StoredVersion {
    pub(super) number: i64,
    pub(super) version: String,
    pub(super) parcel: Parcel,
    pub(super) manifest: String,
    /// None while it waits for consent.
    pub(super) granted: Option<Permissions>,
    pub(super) granted_by: Option<Uuid>,
    pub(super) granted_at: Option<DateTime<Utc>>,
    pub(super) installed_at: DateTime<Utc>,
    pub(super) installed_by: Option<Uuid>,
    /// Why it cannot be used.
    pub(super) broken: Option<Vec<Complaint>>,
}

impl StoredPlugin {
    /// A version by its number.
    pub(super) fn version(&self, number: i64) -> Option<&StoredVersion> {
        self.versions.iter().find(|version| version.number == number)
    }

    pub(super) fn version_mut(&mut self, number: i64) -> Option<&mut StoredVersion> {
        self.versions.iter_mut().find(|version| version.number == number)
    }

    /// The version in force.
    pub(super) fn current(&self) -> Option<&StoredVersion> {
        self.version(self.current)
    }
}

impl StoredVersion {
    /// Whether it was consented to and compiles.
    pub(super) fn is_usable(&self) -> bool {
        self.granted.is_some() && self.broken.is_none()
    }
}

/// States of a plugin: it is on and was in force here, it is on and never was, it is off.
const ON: &str = "on";
const NEW: &str = "new";
const OFF: &str = "off";

const PLUGIN: &str = "id, state, current, canary, canary_share, canary_people, mapping, settings, stored_bytes, \
                      installed_at, changed_at";
const VERSION: &str = "plugin, number, version, digest, manifest, manifest_digest, granted, granted_by, granted_at, \
                       package, installed_at, installed_by, broken";

/// All plugins with the versions that are in force or tried out.
pub(super) async fn in_force(store: &TenantStore) -> Result<Vec<StoredPlugin>, Error> {
    let naming = store.naming();
    let plugins = naming.table("_plugin");
    let only = format!(
        "WHERE EXISTS (SELECT 1 FROM {plugins} p WHERE p.id = plugin AND (number = p.current OR number = p.canary))"
    );
    load(store, &only).await
}

/// All plugins with all their versions.
pub(super) async fn all(store: &TenantStore) -> Result<Vec<StoredPlugin>, Error> {
    load(store, "").await
}

async fn load(store: &TenantStore, which: &str) -> Result<Vec<StoredPlugin>, Error> {
    let naming = store.naming();
    let sql = format!("SELECT {PLUGIN} FROM {} ORDER BY id", naming.table("_plugin"));
    let mut plugins = store.fetch(&sql, &[], read_plugin).await?;
    if plugins.is_empty() {
        return Ok(plugins);
    }
    let table = naming.table("_plugin_version");
    let sql = format!("SELECT {VERSION} FROM {table} {which} ORDER BY plugin, number");
    for (plugin, version) in store.fetch(&sql, &[], read_version).await? {
        if let Ok(place) = plugins.binary_search_by(|one| one.id.as_str().cmp(&plugin)) {
            plugins[place].versions.push(version);
        }
    }
    Ok(plugins)
}

/// Whether a plugin is still as it was seen. What it has in its store comes and goes meanwhile.
pub(super) fn is_as(
    session: &mut Session<'_>,
    plugin: &str,
    seen: Option<&StoredPlugin>,
) -> Result<bool, Error> {
    let naming = session.naming;
    let (plugins, versions) = (naming.table("_plugin"), naming.table("_plugin_version"));
    let sql = naming.sql(&format!("SELECT {PLUGIN} FROM {plugins} WHERE id = ?1"));
    let found = session.query(&sql, &[plugin.into()], read_plugin)?.pop();
    let (mut found, seen) = match (found, seen) {
        (Some(found), Some(seen)) => (found, seen),
        (found, seen) => return Ok(found.is_none() && seen.is_none()),
    };
    let sql = naming.sql(&format!("SELECT {VERSION} FROM {versions} WHERE plugin = ?1 ORDER BY number"));
    let read = session.query(&sql, &[plugin.into()], read_version)?;
    found.versions = read.into_iter().map(|(_, version)| version).collect();
    found.stored_bytes = seen.stored_bytes;
    Ok(found == *seen)
}

fn read_plugin(row: &dyn Row) -> mortise_store::Result<StoredPlugin> {
    let canary = match row.int(3)? {
        None => None,
        Some(number) => Some(StoredCanary {
            number,
            share: row.int(4)?.and_then(|share| u8::try_from(share).ok()).unwrap_or_default(),
            people: json(row, 5)?.unwrap_or_default(),
        }),
    };
    let state = row.text(1)?;
    Ok(StoredPlugin {
        id: row.text(0)?.unwrap_or_default(),
        on: matches!(state.as_deref(), Some(ON | NEW)),
        proven: state.as_deref() != Some(NEW),
        current: row.int(2)?.unwrap_or_default(),
        canary,
        mapping: json(row, 6)?.unwrap_or_default(),
        settings: json(row, 7)?.unwrap_or_default(),
        stored_bytes: row.int(8)?.unwrap_or_default(),
        installed_at: time(row, 9)?.unwrap_or_default(),
        changed_at: time(row, 10)?.unwrap_or_default(),
        versions: Vec::new(),
    })
}

fn read_version(row: &dyn Row) -> mortise_store::Result<(String, StoredVersion)> {
    let version = StoredVersion {
        number: row.int(1)?.unwrap_or_default(),
        version: row.text(2)?.unwrap_or_default(),
        parcel: Parcel {
            digest: row.text(3)?.unwrap_or_default(),
            manifest_digest: row.text(5)?.unwrap_or_default(),
            package: row.text(9)?.unwrap_or_default(),
        },
        manifest: row.text(4)?.unwrap_or_default(),
        granted: json(row, 6)?,
        granted_by: row.id(7)?,
        granted_at: time(row, 8)?,
        installed_at: time(row, 10)?.unwrap_or_default(),
        installed_by: row.id(11)?,
        broken: json(row, 12)?,
    };
    Ok((row.text(0)?.unwrap_or_default(), version))
}

fn time(row: &dyn Row, index: usize) -> mortise_store::Result<Option<DateTime<Utc>>> {
    Ok(match row.value(index, &Type::DateTime)? {
        Value::DateTime(at) => Some(at),
        _ => None,
    })
}

fn json<T: DeserializeOwned>(row: &dyn Row, index: usize) -> mortise_store::Result<Option<T>> {
    let corrupt = |error: serde_json::Error| mortise_store::Error::Corrupt(format!("plugin: {error}"));
    row.text(index)?.map(|text| serde_json::from_str(&text).map_err(corrupt)).transpose()
}

fn text<T: Serialize>(value: &T) -> Result<String, Error> {
    let failed = |error| Error::Store(mortise_store::Error::Corrupt(format!("plugin: {error}")));
    serde_json::to_string(value).map_err(failed)
}

/// Writes a plugin with its versions over whatever was stored of it. What it keeps in its store is left alone.
pub(super) fn put(session: &mut Session<'_>, plugin: &StoredPlugin) -> Result<(), Error> {
    let table = session.naming.table("_plugin");
    let sql = session.naming.sql(&format!(
        "INSERT INTO {table} ({PLUGIN}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (id) DO UPDATE \
         SET state = excluded.state, current = excluded.current, canary = excluded.canary, \
         canary_share = excluded.canary_share, canary_people = excluded.canary_people, mapping = excluded.mapping, \
         settings = excluded.settings, changed_at = excluded.changed_at"
    ));
    let canary = plugin.canary.as_ref();
    let params: [Param; 11] = [
        plugin.id.as_str().into(),
        match (plugin.on, plugin.proven) {
            (true, true) => ON,
            (true, false) => NEW,
            (false, _) => OFF,
        }
        .into(),
        plugin.current.into(),
        canary.map(|canary| canary.number).into(),
        canary.map(|canary| i64::from(canary.share)).into(),
        canary.map(|canary| text(&canary.people)).transpose()?.into(),
        text(&plugin.mapping)?.into(),
        text(&plugin.settings)?.into(),
        plugin.stored_bytes.into(),
        plugin.installed_at.into(),
        plugin.changed_at.into(),
    ];
    session.execute(&sql, &params)?;
    forget_versions(session, &plugin.id)?;
    plugin.versions.iter().try_for_each(|version| put_version(session, &plugin.id, version))
}

/// Notes that plugins have come into force for the first time.
pub(super) fn put_proven(session: &mut Session<'_>, plugin: &str) -> Result<(), Error> {
    let sql = session.naming.sql(&format!(
        "UPDATE {} SET state = ?2 WHERE id = ?1 AND state = ?3",
        session.naming.table("_plugin")
    ));
    session.execute(&sql, &[plugin.into(), ON.into(), NEW.into()])?;
    Ok(())
}

fn put_version(session: &mut Session<'_>, plugin: &str, version: &StoredVersion) -> Result<(), Error> {
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} ({VERSION}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        session.naming.table("_plugin_version")
    ));
    let params: [Param; 13] = [
        plugin.into(),
        version.number.into(),
        version.version.as_str().into(),
        version.parcel.digest.as_str().into(),
        version.manifest.as_str().into(),
        version.parcel.manifest_digest.as_str().into(),
        version.granted.as_ref().map(text).transpose()?.into(),
        Param::Uuid(version.granted_by),
        version.granted_at.into(),
        version.parcel.package.as_str().into(),
        version.installed_at.into(),
        Param::Uuid(version.installed_by),
        version.broken.as_ref().map(text).transpose()?.into(),
    ];
    session.execute(&sql, &params)?;
    Ok(())
}

fn forget_versions(session: &mut Session<'_>, plugin: &str) -> Result<(), Error> {
    delete(session, "_plugin_version", "plugin", plugin)
}

/// Takes a plugin away, with everything that is of no use without it. Its log stays as long as any, and so does what it
/// stored, unless that is to go, too. So is what it still had to do: it waits, or is dismissed.
pub(super) fn remove(
    session: &mut Session<'_>,
    plugin: &str,
    keep_data: bool,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    delete(session, "_plugin", "id", plugin)?;
    for table in ["_plugin_version", "_plugin_secret", "_plugin_usage"] {
        delete(session, table, "plugin", plugin)?;
    }
    if keep_data {
        // What it still had to do waits for it to come back, and is shown as waiting.
        return Ok(());
    }
    forget(session, plugin, now)
}

/// Drops what a plugin stored and what it still had to do; false while it is installed.
pub(super) fn purge(session: &mut Session<'_>, plugin: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    let sql =
        session.naming.sql(&format!("SELECT id FROM {} WHERE id = ?1", session.naming.table("_plugin")));
    if !session.query(&sql, &[plugin.into()], |row| row.text(0))?.is_empty() {
        return Ok(false);
    }
    forget(session, plugin, now).map(|()| true)
}

fn forget(session: &mut Session<'_>, plugin: &str, now: DateTime<Utc>) -> Result<(), Error> {
    delete(session, "_plugin_storage", "plugin", plugin)?;
    delete(session, "_plugin_job", "plugin", plugin)?;
    let sql = session.naming.sql(&format!(
        "UPDATE {} SET state = 'dismissed', next_at = NULL, ended_at = ?2 WHERE plugin = ?1 AND state IN ({OPEN})",
        session.naming.table("_plugin_call")
    ));
    session.execute(&sql, &[plugin.into(), now.into()])?;
    Ok(())
}

fn delete(session: &mut Session<'_>, table: &str, column: &str, plugin: &str) -> Result<(), Error> {
    let table = session.naming.table(table);
    let sql = session.naming.sql(&format!("DELETE FROM {table} WHERE {column} = ?1"));
    session.execute(&sql, &[plugin.into()])?;
    Ok(())
}

/// Bytes that a plugin has in its store: kept from an earlier installation, when it is installed again.
pub(super) async fn stored_bytes(store: &TenantStore, plugin: &str) -> Result<i64, Error> {
    let naming = store.naming();
    let length = |column: &str| match naming.dialect {
        mortise_expr::Dialect::Sqlite => format!("length(CAST({column} AS BLOB))"),
        mortise_expr::Dialect::Postgres => format!("octet_length({column})"),
    };
    let sql = naming.sql(&format!(
        "SELECT CAST(coalesce(sum({} + {}), 0) AS {}) FROM {} WHERE plugin = ?1",
        length("key"),
        length("value"),
        match naming.dialect {
            mortise_expr::Dialect::Sqlite => "INTEGER",
            mortise_expr::Dialect::Postgres => "bigint",
        },
        naming.table("_plugin_storage")
    ));
    let rows = store.fetch(&sql, &[plugin.into()], |row| row.int(0)).await?;
    Ok(rows.into_iter().next().flatten().unwrap_or_default())
}
