//! Definitions as they are stored: every version of every app, overlays, and values of settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::DateTime;
use mortise_definition::{Overlay, Package, SettingValues};
use mortise_expr::{Type, Value};
use mortise_store::{Param, Session, TenantStore};
use serde_json::Value as Json;

use super::AppVersion;
use crate::commands::Work;
use crate::error::Error;

/// What the model of a tenant is compiled from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    pub(crate) packages: Vec<Arc<Package>>,
    pub(crate) overlays: Vec<Overlay>,
    pub(crate) settings: SettingValues,
}

fn corrupt(what: &str, error: impl std::fmt::Display) -> Error {
    Error::Store(mortise_store::Error::Corrupt(format!("{what}: {error}")))
}

/// Reads what is in force.
pub(crate) async fn load(store: &TenantStore) -> Result<Sources, Error> {
    let naming = store.naming();
    let current =
        format!("SELECT app, files FROM {} WHERE current ORDER BY app", naming.table("_definition"));
    let rows = store.fetch(&current, &[], |row| Ok((row.text(0)?, row.text(1)?))).await?;
    let mut packages = Vec::with_capacity(rows.len());
    for (_, files) in rows {
        packages.push(Arc::new(read_package(&files.unwrap_or_default())?));
    }
    let sql = format!("SELECT patch FROM {}", naming.table("_overlay"));
    let patches = store.fetch(&sql, &[], |row| row.text(0)).await?;
    let overlays = patches
        .into_iter()
        .flatten()
        .map(|patch| serde_json::from_str(&patch).map_err(|error| corrupt("overlay", error)));
    let sql = format!("SELECT app, name, value FROM {}", naming.table("_setting"));
    let mut settings = SettingValues::new();
    for (app, name, value) in
        store.fetch(&sql, &[], |row| Ok((row.text(0)?, row.text(1)?, row.text(2)?))).await?
    {
        let value: Json =
            serde_json::from_str(&value.unwrap_or_default()).map_err(|error| corrupt("setting", error))?;
        settings.entry(app.unwrap_or_default()).or_default().insert(name.unwrap_or_default(), value);
    }
    Ok(Sources { packages, overlays: overlays.collect::<Result<_, _>>()?, settings })
}

fn read_package(files: &str) -> Result<Package, Error> {
    let files: BTreeMap<String, String> =
        serde_json::from_str(files).map_err(|error| corrupt("definition", error))?;
    Package::trusted_from_files(&files).map_err(Error::Definition)
}

/// All versions of an app, newest first.
pub(crate) async fn versions(store: &TenantStore, app: &str) -> Result<Vec<AppVersion>, Error> {
    let naming = store.naming();
    let sql = naming.sql(&format!(
        "SELECT app, number, version, at, actor, digest, current FROM {} WHERE app = ?1 ORDER BY number DESC",
        naming.table("_definition")
    ));
    let map = |row: &dyn mortise_store::Row| {
        Ok(AppVersion {
            app: row.text(0)?.unwrap_or_default(),
            number: row.int(1)?.unwrap_or_default(),
            version: row.text(2)?.unwrap_or_default(),
            at: match row.value(3, &Type::DateTime)? {
                Value::DateTime(at) => at,
                _ => DateTime::default(),
            },
            actor: row.id(4)?,
            digest: row.text(5)?.unwrap_or_default(),
            current: row.value(6, &Type::Bool)?.is_true(),
        })
    };
    Ok(store.fetch(&sql, &[app.into()], map).await?)
}

/// The package of an installed version.
pub(crate) async fn package(store: &TenantStore, app: &str, number: i64) -> Result<Option<Package>, Error> {
    let naming = store.naming();
    let sql = naming
        .sql(&format!("SELECT files FROM {} WHERE app = ?1 AND number = ?2", naming.table("_definition")));
    let found = store.fetch(&sql, &[app.into(), number.into()], |row| row.text(0)).await?.pop().flatten();
    found.map(|files| read_package(&files)).transpose()
}

/// Puts an earlier version into force again.
pub(crate) fn put_again(session: &mut Session<'_>, app: &str, number: i64) -> Result<(), Error> {
    retire(session, app)?;
    let table = session.naming.table("_definition");
    let sql = session.naming.sql(&format!("UPDATE {table} SET current = ?3 WHERE app = ?1 AND number = ?2"));
    session.execute(&sql, &[app.into(), number.into(), true.into()])?;
    Ok(())
}

/// Puts a package into force as a new version.
pub(crate) fn put(work: &Work, session: &mut Session<'_>, package: &Package) -> Result<(), Error> {
    let app = package.app.id.as_str();
    retire(session, app)?;
    let table = session.naming.table("_definition");
    let sql = session.naming.sql(&format!("SELECT max(number) FROM {table} WHERE app = ?1"));
    let last = session.query(&sql, &[app.into()], |row| row.int(0))?.pop().flatten().unwrap_or(0);
    let sql = session.naming.sql(&format!(
        "INSERT INTO {table} (app, number, version, at, actor, digest, current, files) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    ));
    let files = serde_json::to_string(&package.files()).map_err(|error| corrupt("definition", error))?;
    let params: [Param; 8] = [
        app.into(),
        (last + 1).into(),
        package.app.version.as_str().into(),
        work.now.into(),
        Param::Uuid(work.actor.id()),
        package.digest().into(),
        true.into(),
        files.into(),
    ];
    session.execute(&sql, &params)?;
    Ok(())
}

/// Takes an app out of force; its versions are kept.
pub(crate) fn retire(session: &mut Session<'_>, app: &str) -> Result<(), Error> {
    let table = session.naming.table("_definition");
    let sql = session.naming.sql(&format!("UPDATE {table} SET current = ?2 WHERE app = ?1"));
    session.execute(&sql, &[app.into(), false.into()])?;
    Ok(())
}

/// Stores the overlay of an app, or removes it.
pub(crate) fn put_overlay(
    session: &mut Session<'_>,
    app: &str,
    overlay: Option<&Overlay>,
) -> Result<(), Error> {
    let table = session.naming.table("_overlay");
    let sql = session.naming.sql(&format!("DELETE FROM {table} WHERE app = ?1"));
    session.execute(&sql, &[app.into()])?;
    if let Some(overlay) = overlay {
        let patch = serde_json::to_string(overlay).map_err(|error| corrupt("overlay", error))?;
        let sql = session.naming.sql(&format!("INSERT INTO {table} (app, patch) VALUES (?1, ?2)"));
        session.execute(&sql, &[app.into(), patch.into()])?;
    }
    Ok(())
}

/// Stores the value of a setting.
pub(crate) fn put_setting(
    session: &mut Session<'_>,
    app: &str,
    name: &str,
    value: &Json,
) -> Result<(), Error> {
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} (app, name, value) VALUES (?1, ?2, ?3) ON CONFLICT (app, name) DO UPDATE SET value = excluded.value",
        session.naming.table("_setting")
    ));
    session.execute(&sql, &[app.into(), name.into(), value.to_string().into()])?;
    Ok(())
}
