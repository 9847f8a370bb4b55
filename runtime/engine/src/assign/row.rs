//! The rows of decisions (`_assignment`) and the turns of the rotation.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use mortise_definition::model::AssignmentModel;
use mortise_store::{Naming, Param, Row, Session, TenantStore};
use serde::Serialize;
use uuid::Uuid;

use super::choose::Choice;
use crate::automation::Subject;
use crate::automation::timer::moment;
use crate::commands::Work;
use crate::error::Error;

/// How somebody came to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By the policy.
    Automatic,
    /// By claiming it.
    Claim,
    /// Nobody yet: the best were asked.
    Offer,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Automatic => "automatic",
            Kind::Claim => "claim",
            Kind::Offer => "offer",
        }
    }
}

/// A decision about a record.
#[derive(Debug, Clone, Serialize)]
pub struct StoredAssignment {
    /// When.
    pub at: DateTime<Utc>,
    /// Key of the policy.
    pub policy: String,
    /// The policy's version: SHA-256 of its text.
    pub digest: String,
    /// Who got the record.
    pub person: Option<Uuid>,
    /// `automatic`, `claim` or `offer`.
    pub kind: String,
    /// What the decision was made of.
    pub choice: Option<Choice>,
}

impl StoredAssignment {
    /// Whether this is an offer that can be answered at a moment, if nothing was decided since.
    pub fn is_open_offer(&self, now: DateTime<Utc>) -> bool {
        let until = self.choice.as_ref().and_then(|choice| choice.until);
        self.kind == Kind::Offer.name() && until.is_some_and(|until| until > now)
    }
}

/// Keeps a decision, and tells its id.
pub(super) fn insert(
    work: &Work,
    session: &mut Session<'_>,
    policy: &AssignmentModel,
    subject: &Subject,
    kind: Kind,
    choice: &Choice,
) -> Result<Uuid, Error> {
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} (id, at, policy, digest, entity, record, person, day, kind, detail) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        session.naming.table("_assignment")
    ));
    let detail = serde_json::to_string(choice).unwrap_or_default();
    let id = work.env.id();
    let params: [Param; 10] = [
        id.into(),
        work.now.into(),
        policy.key.as_str().into(),
        policy.digest.as_str().into(),
        subject.entity.key.as_str().into(),
        subject.id.into(),
        Param::Uuid(choice.person),
        day(work).into(),
        kind.name().into(),
        detail.into(),
    ];
    session.execute(&sql, &params)?;
    Ok(id)
}

/// The newest decision about a record, with its id.
pub(super) fn newest(
    session: &mut Session<'_>,
    entity: &str,
    record: Uuid,
) -> Result<Option<(Uuid, StoredAssignment)>, Error> {
    let sql = session.naming.sql(&format!(
        "SELECT at, policy, digest, person, kind, detail, id FROM {} WHERE record = ?1 AND entity = ?2 \
         ORDER BY id DESC LIMIT 1",
        session.naming.table("_assignment")
    ));
    let read = |row: &dyn Row| Ok((row.id(6)?.unwrap_or_default(), read(row)?));
    Ok(session.query(&sql, &[record.into(), entity.into()], read)?.pop())
}

/// The day in the tenant's zone, for what is counted by days.
pub(super) fn day(work: &Work) -> String {
    work.now.with_timezone(&work.directory.tz).date_naive().to_string()
}

/// How many records everybody got today by a policy; of one person alone when named.
pub(super) fn today(
    work: &Work,
    session: &mut Session<'_>,
    policy: &AssignmentModel,
    person: Option<Uuid>,
) -> Result<HashMap<Uuid, i64>, Error> {
    let who = if person.is_some() { "person = ?3" } else { "person IS NOT NULL" };
    let sql = session.naming.sql(&format!(
        "SELECT person, count(*) FROM {} WHERE policy = ?1 AND day = ?2 AND {who} GROUP BY person",
        session.naming.table("_assignment")
    ));
    let mut params: Vec<Param> = vec![policy.key.as_str().into(), day(work).into()];
    params.extend(person.map(Param::from));
    let rows = session.query(&sql, &params, |row| Ok((row.id(0)?, row.int(1)?)))?;
    Ok(rows.into_iter().filter_map(|(person, count)| Some((person?, count?))).collect())
}

/// The number of a person's last turn by a policy.
pub(super) fn turn(session: &mut Session<'_>, policy: &AssignmentModel, person: Uuid) -> Result<i64, Error> {
    let table = session.naming.table("_sequence");
    let sql = session.naming.sql(&format!("SELECT value FROM {table} WHERE name = ?1"));
    let name = turn_name(policy, &person.to_string());
    Ok(session.query(&sql, &[name.into()], |row| row.int(0))?.pop().flatten().unwrap_or(0))
}

/// The number of everybody's last turn by a policy.
pub(super) fn turns(
    session: &mut Session<'_>,
    policy: &AssignmentModel,
) -> Result<HashMap<Uuid, i64>, Error> {
    let prefix = turn_name(policy, "");
    let sql = session.naming.sql(&format!(
        "SELECT name, value FROM {} WHERE name >= ?1 AND name < ?2",
        session.naming.table("_sequence")
    ));
    // Names are ids in ASCII, so everything with the prefix lies below this end.
    let params = [prefix.as_str().into(), format!("{prefix}~").into()];
    let rows = session.query(&sql, &params, |row| Ok((row.text(0)?, row.int(1)?)))?;
    let person = |name: &str| name.strip_prefix(&prefix).and_then(|id| id.parse().ok());
    Ok(rows.into_iter().filter_map(|(name, value)| Some((person(&name?)?, value?))).collect())
}

/// Somebody has had a turn.
pub(super) fn remember_turn(
    session: &mut Session<'_>,
    policy: &AssignmentModel,
    person: Uuid,
    turn: i64,
) -> Result<(), Error> {
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        session.naming.table("_sequence")
    ));
    let name = turn_name(policy, &person.to_string());
    session.execute(&sql, &[name.into(), turn.into()])?;
    Ok(())
}

fn turn_name(policy: &AssignmentModel, person: &str) -> String {
    format!("turn:{}:{person}", policy.key)
}

/// The decisions about a record, the newest first.
pub(crate) async fn of_record(
    store: &TenantStore,
    entity: &str,
    record: Uuid,
) -> Result<Vec<StoredAssignment>, Error> {
    Ok(store.fetch(&of_record_sql(store.naming()), &[record.into(), entity.into()], read).await?)
}

/// The same inside of a write.
pub(crate) fn of_record_in(
    session: &mut Session<'_>,
    entity: &str,
    record: Uuid,
) -> Result<Vec<StoredAssignment>, Error> {
    let sql = of_record_sql(session.naming);
    Ok(session.query(&sql, &[record.into(), entity.into()], read)?)
}

fn of_record_sql(naming: &Naming) -> String {
    naming.sql(&format!(
        "SELECT at, policy, digest, person, kind, detail FROM {} WHERE record = ?1 AND entity = ?2 \
         ORDER BY id DESC LIMIT 100",
        naming.table("_assignment")
    ))
}

fn read(row: &dyn Row) -> mortise_store::Result<StoredAssignment> {
    let detail = row.text(5)?.unwrap_or_default();
    Ok(StoredAssignment {
        at: moment(row, 0)?.unwrap_or_default(),
        policy: row.text(1)?.unwrap_or_default(),
        digest: row.text(2)?.unwrap_or_default(),
        person: row.id(3)?,
        kind: row.text(4)?.unwrap_or_default(),
        choice: serde_json::from_str(&detail).ok(),
    })
}
