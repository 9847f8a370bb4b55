//! Calls that came before, by what they are known again.

use chrono::{DateTime, Utc};
use mortise_store::{Param, Session};
use uuid::Uuid;

use crate::error::Error;

/// What is known of a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It has not come before.
    New,
    /// It became this record.
    Taken(Uuid),
    /// It could not be taken, and waits for the administrator.
    Kept,
}

/// Looks for a call by its keys.
pub(super) fn find(session: &mut Session<'_>, connector: &str, keys: &[String]) -> Result<Known, Error> {
    let table = session.naming.table("_received");
    let sql =
        session.naming.sql(&format!("SELECT record FROM {table} WHERE connector = ?1 AND \"key\" = ?2"));
    for key in keys {
        let found = session.query(&sql, &[connector.into(), key.as_str().into()], |row| row.id(0))?.pop();
        match found {
            Some(Some(record)) => return Ok(Known::Taken(record)),
            Some(None) => return Ok(Known::Kept),
            None => {}
        }
    }
    Ok(Known::New)
}

/// Remembers a call; without a record as one that could not be taken.
pub(super) fn put(
    session: &mut Session<'_>,
    connector: &str,
    keys: &[String],
    at: DateTime<Utc>,
    record: Option<Uuid>,
) -> Result<(), Error> {
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} (connector, \"key\", at, record) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (connector, \"key\") DO UPDATE SET record = excluded.record",
        session.naming.table("_received")
    ));
    for key in keys {
        let params = [connector.into(), key.as_str().into(), at.into(), Param::Uuid(record)];
        session.execute(&sql, &params)?;
    }
    Ok(())
}
