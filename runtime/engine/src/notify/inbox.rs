//! The inbox of each person: what they were told, and what of it they have read. Everybody reads their own only.

use chrono::{DateTime, Utc};
use mortise_store::{Param, Row, Session};
use serde::Serialize;
use uuid::Uuid;

use crate::automation::timer::moment;
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::Issue;

/// Messages of one page at most.
const MESSAGES_MAX: i64 = 200;
/// Messages marked at once at most.
const MARKED_MAX: usize = 500;

/// Something that a person was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Id; newer messages have larger ones.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Key of the notification.
    pub notification: String,
    /// What it is about, in a line.
    pub title: String,
    /// The words; empty when there is nothing more to say.
    pub body: String,
    /// Entity of the record.
    pub entity: Option<String>,
    /// The record, where the person may see it.
    pub record: Option<Uuid>,
    /// When the person read it.
    pub read_at: Option<DateTime<Utc>>,
}

/// Puts a message into an inbox.
pub(crate) fn put(session: &mut Session<'_>, person: Uuid, message: &Message) -> Result<(), Error> {
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} (id, person, at, notification, title, body, entity, record, read_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULL)",
        session.naming.table("_inbox")
    ));
    let params: [Param; 8] = [
        message.id.into(),
        person.into(),
        message.at.into(),
        message.notification.as_str().into(),
        message.title.as_str().into(),
        message.body.as_str().into(),
        Param::String(message.entity.clone()),
        Param::Uuid(message.record),
    ];
    session.execute(&sql, &params)?;
    Ok(())
}

impl Tenant {
    /// What the person was told, newest first, before this message; perhaps only what they have not read.
    pub async fn inbox(
        &self,
        actor: &Actor,
        unread: bool,
        before: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Message>, Error> {
        let Some(person) = actor.id() else { return Ok(Vec::new()) };
        let only = if unread { " AND read_at IS NULL" } else { "" };
        let sql = self.store.naming().sql(&format!(
            "SELECT id, at, notification, title, body, entity, record, read_at FROM {} \
             WHERE person = ?1 AND id < ?2{only} ORDER BY at DESC, id DESC LIMIT ?3",
            self.store.naming().table("_inbox")
        ));
        let params =
            [person.into(), before.unwrap_or(Uuid::max()).into(), limit.clamp(1, MESSAGES_MAX).into()];
        Ok(self.store.fetch(&sql, &params, read).await?)
    }

    /// How many messages the person has not read.
    pub async fn unread(&self, actor: &Actor) -> Result<i64, Error> {
        let Some(person) = actor.id() else { return Ok(0) };
        let sql = self.store.naming().sql(&format!(
            "SELECT count(*) FROM {} WHERE person = ?1 AND read_at IS NULL",
            self.store.naming().table("_inbox")
        ));
        Ok(self.store.fetch(&sql, &[person.into()], |row| row.int(0)).await?.pop().flatten().unwrap_or(0))
    }

    /// Marks messages of the person as read, all of them without ids. Those that are not the person's own do not exist.
    pub async fn mark_read(&self, actor: &Actor, ids: Option<Vec<Uuid>>) -> Result<(), Error> {
        let Some(person) = actor.id() else { return Ok(()) };
        if ids.as_ref().is_some_and(|ids| ids.len() > MARKED_MAX) {
            return Err(Error::BadRequest(Issue::new("batch.too_long").with("limit", MARKED_MAX)));
        }
        let now = self.now();
        let write = move |session: &mut Session<'_>| {
            let table = session.naming.table("_inbox");
            let mark = format!("UPDATE {table} SET read_at = ?2 WHERE person = ?1 AND read_at IS NULL");
            match ids {
                None => drop(session.execute(&session.naming.sql(&mark), &[person.into(), now.into()])?),
                Some(ids) => {
                    let sql = session.naming.sql(&format!("{mark} AND id = ?3"));
                    for id in ids {
                        session.execute(&sql, &[person.into(), now.into(), id.into()])?;
                    }
                }
            }
            // The badges on other pages of the person are counted anew.
            session.wake_lane();
            Ok::<_, Error>(())
        };
        self.store.write(write).await
    }
}

fn read(row: &dyn Row) -> mortise_store::Result<Message> {
    Ok(Message {
        id: row.id(0)?.unwrap_or_default(),
        at: moment(row, 1)?.unwrap_or_default(),
        notification: row.text(2)?.unwrap_or_default(),
        title: row.text(3)?.unwrap_or_default(),
        body: row.text(4)?.unwrap_or_default(),
        entity: row.text(5)?,
        record: row.id(6)?,
        read_at: moment(row, 7)?,
    })
}
