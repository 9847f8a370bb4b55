//! Commands that were done already: a client that did not hear the answer sends the command again with the same key
//! and gets the same answer, not a second record. The answer is stored in the transaction of the command.

use chrono::{DateTime, TimeDelta, Utc};
use mortise_store::{Session, TenantStore, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::commands::{Command, Outcome, Written};
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::Issue;

/// How long answers are kept: a phone may be without network over a long week-end.
const KEPT: TimeDelta = TimeDelta::days(7);

/// A key together with the request it was given for.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    key: String,
    request: String,
}

impl Key {
    /// Keys belong to a person: nobody can ask for another's answer.
    pub(crate) fn new(actor: &Actor, key: &str, command: &Command) -> Key {
        let request = serde_json::to_vec(command).unwrap_or_default();
        Key { key: format!("{}:{key}", actor.user.id), request: hex(&Sha256::digest(&request)) }
    }

    /// One request in some hundred clears away what is too old; by its own digest, since nothing here throws dice.
    fn purges(&self) -> bool {
        self.request.starts_with("00")
    }
}

/// The stored form of an outcome.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Record(Written),
    Batch(Vec<Option<Written>>),
    Done,
}

impl Tenant {
    /// Whether the person's command with this idempotency key was done, whatever exactly it was. For keys that were made for
    /// one wish only: by definitions that changed since, the same wish may have become another command.
    pub async fn is_done(&self, actor: &Actor, key: &str) -> Result<bool, Error> {
        let naming = self.store.naming();
        let sql = naming.sql(&format!("SELECT key FROM {} WHERE key = ?1", naming.table("_idempotency")));
        let key = format!("{}:{key}", actor.user.id);
        let rows = self.store.fetch(&sql, &[key.as_str().into()], |row| row.text(0)).await?;
        Ok(!rows.is_empty())
    }
}

/// The answer that was given before, if the command was done.
pub(crate) async fn find(store: &TenantStore, key: &Key) -> Result<Option<Result<Outcome, Error>>, Error> {
    let naming = store.naming();
    let sql =
        naming.sql(&format!("SELECT request, answer FROM {} WHERE key = ?1", naming.table("_idempotency")));
    let rows = store.fetch(&sql, &[key.key.as_str().into()], |row| Ok((row.text(0)?, row.text(1)?))).await?;
    let Some((request, answer)) = rows.into_iter().next() else { return Ok(None) };
    if request.as_deref() != Some(&key.request) {
        return Ok(Some(Err(Error::KeyReused)));
    }
    let answer: Answer = serde_json::from_str(&answer.unwrap_or_default())
        .map_err(|error| mortise_store::Error::Corrupt(format!("stored answer: {error}")))?;
    Ok(Some(Ok(match answer {
        Answer::Record(written) => Outcome::Record(written),
        Answer::Done => Outcome::Done,
        // A part that was refused is refused again only by being sent again; here it is known not to be done.
        Answer::Batch(parts) => Outcome::Batch(
            parts
                .into_iter()
                .map(|part| part.ok_or_else(|| Error::BadRequest(Issue::new("batch.refused_before"))))
                .collect(),
        ),
    })))
}

/// Stores an answer with the command's own changes. Two of a kind at the same time: the second is undone and finds
/// the first one's answer when it is tried again.
pub(crate) fn put(
    session: &mut Session<'_>,
    key: &Key,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let answer = match outcome {
        Outcome::Record(written) => Answer::Record(bare(written)),
        Outcome::Batch(parts) => {
            Answer::Batch(parts.iter().map(|part| part.as_ref().ok().map(bare)).collect())
        }
        Outcome::Done => Answer::Done,
    };
    let text =
        serde_json::to_string(&answer).map_err(|error| mortise_store::Error::Corrupt(error.to_string()))?;
    let table = session.naming.table("_idempotency");
    if key.purges() {
        let purge = session.naming.sql(&format!("DELETE FROM {table} WHERE at < ?1"));
        session.execute(&purge, &[(now - KEPT).into()])?;
    }
    let sql = session
        .naming
        .sql(&format!("INSERT INTO {table} (key, at, request, answer) VALUES (?1, ?2, ?3, ?4)"));
    let params = [key.key.as_str().into(), now.into(), key.request.as_str().into(), text.into()];
    match session.execute(&sql, &params) {
        Err(mortise_store::Error::Unique(_)) => Err(Error::ModelChanged),
        other => Ok(other.map(drop)?),
    }
}

fn bare(written: &Written) -> Written {
    Written { entity: written.entity.clone(), id: written.id, version: written.version, values: Vec::new() }
}
