//! The store of a plugin in a tenant: keys with values, and how many bytes they are together, kept exact in the same
//! transaction. Knows no permission: the quota is given by whoever asks.

use mortise_plugin_host::value::{Fault, Retry};
use mortise_store::{Param, Session, TenantStore};

use crate::error::Error;
use crate::values::Issue;

/// What is expected of a key: anything, or this value; none of it means that the key is not there.
pub(super) type Expected = Option<Option<Vec<u8>>>;

/// The value of a key.
pub(super) async fn get(store: &TenantStore, plugin: &str, key: &str) -> Result<Option<Vec<u8>>, Error> {
    let naming = store.naming();
    let sql = naming.sql(&format!(
        "SELECT value FROM {} WHERE plugin = ?1 AND \"key\" = ?2",
        naming.table("_plugin_storage")
    ));
    Ok(store.fetch(&sql, &[plugin.into(), key.into()], |row| row.bytes(0)).await?.pop().flatten())
}

/// Keys in order, beginning with `prefix` and behind `after`.
pub(super) async fn keys(
    store: &TenantStore,
    plugin: &str,
    prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<String>, Error> {
    let naming = store.naming();
    let starts = match naming.dialect {
        mortise_expr::Dialect::Sqlite => "instr(\"key\", ?2) = 1",
        mortise_expr::Dialect::Postgres => "strpos(\"key\", ?2) = 1",
    };
    // With an empty prefix every key begins with it, but not every database finds nothing in something.
    let sql = naming.sql(&format!(
        "SELECT \"key\" FROM {} WHERE plugin = ?1 AND \"key\" >= ?2 AND (?2 = '' OR {starts}) \
         AND \"key\" > ?3 \
         ORDER BY \"key\" LIMIT ?4",
        naming.table("_plugin_storage")
    ));
    let params: [Param; 4] =
        [plugin.into(), prefix.into(), after.unwrap_or_default().into(), i64::from(limit).into()];
    Ok(store.fetch(&sql, &params, |row| row.text(0)).await?.into_iter().flatten().collect())
}

/// Why a key was not changed.
pub(super) enum Refused {
    /// It is not as expected.
    Unexpected,
    /// The store would be too large.
    Full,
    /// The database failed.
    Failed(Error),
}

impl From<mortise_store::Error> for Refused {
    fn from(error: mortise_store::Error) -> Refused {
        Refused::Failed(error.into())
    }
}

/// Changes a key: from `expected`, when given, to `value`; none removes it.
pub(super) fn swap(
    session: &mut Session<'_>,
    plugin: &str,
    key: &str,
    (expected, value): (Expected, Option<Vec<u8>>),
    bytes_max: u64,
) -> Result<(), Refused> {
    let (plugins, stored) = (session.naming.table("_plugin"), session.naming.table("_plugin_storage"));
    let naming = session.naming;
    let of_key: [Param; 2] = [plugin.into(), key.into()];
    let find = naming.sql(&format!("SELECT value FROM {stored} WHERE plugin = ?1 AND \"key\" = ?2"));
    let present = session.query(&find, &of_key, |row| row.bytes(0))?.pop().flatten();
    if expected.is_some_and(|expected| expected != present) {
        return Err(Refused::Unexpected);
    }
    let size = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, |bytes| (key.len() + bytes.len()) as i64);
    let grown = size(&value) - size(&present);
    let total = naming.sql(&format!("SELECT stored_bytes FROM {plugins} WHERE id = ?1"));
    let total = session.query(&total, &[plugin.into()], |row| row.int(0))?.pop().flatten();
    // What is already there may be more than is granted now; it may shrink.
    let full = |total: i64| grown > 0 && u64::try_from(total + grown).is_ok_and(|bytes| bytes > bytes_max);
    if total.is_none_or(full) {
        return Err(Refused::Full);
    }
    match value {
        Some(value) => {
            let put = naming.sql(&format!(
                "INSERT INTO {stored} (plugin, \"key\", value) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (plugin, \"key\") DO UPDATE SET value = excluded.value"
            ));
            session.execute(&put, &[plugin.into(), key.into(), value.into()])?;
        }
        None => {
            let remove = naming.sql(&format!("DELETE FROM {stored} WHERE plugin = ?1 AND \"key\" = ?2"));
            session.execute(&remove, &of_key)?;
        }
    }
    let count = naming.sql(&format!("UPDATE {plugins} SET stored_bytes = stored_bytes + ?1 WHERE id = ?2"));
    session.execute(&count, &[grown.into(), plugin.into()])?;
    Ok(())
}

/// What the plugin is told.
pub(super) fn fault(refused: Refused, locale: &str, bytes_max: u64) -> Result<bool, Fault> {
    match refused {
        Refused::Unexpected => Ok(false),
        Refused::Full => {
            let issue = Issue::new("plugin.storage.full").with("limit", bytes_max);
            Err(said(locale, &Error::BadRequest(issue)))
        }
        Refused::Failed(error) => Err(said(locale, &error)),
    }
}

/// An error of the engine, as a plugin is told of it.
pub(super) fn said(locale: &str, error: &Error) -> Fault {
    let args = error.args();
    let args: Vec<(&str, &str)> = args.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut message =
        mortise_definition::locale::translate(locale, &format!("error.{}", error.code()), &args);
    if let Some(first) = error.issues().first() {
        let own = first.text.as_ref().map(|text| text.get(locale).to_owned());
        let args: Vec<(&str, &str)> =
            first.issue.args.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let words =
            || mortise_definition::locale::translate(locale, &format!("error.{}", first.issue.code), &args);
        message = format!("{message} {}: {}", first.field, own.unwrap_or_else(words));
    }
    let retry = match error {
        Error::Stale { .. } | Error::ModelChanged | Error::Store(_) => Retry::Backoff,
        _ => Retry::Never,
    };
    Fault { code: error.code().to_owned(), message, retry }
}
