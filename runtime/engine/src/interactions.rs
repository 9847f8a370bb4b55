//! How forms are used: opened, left, saved, refused, and how long their fields take. Kept without what was typed and without
//! who typed it: every text that is stored is a name from the definitions or the code of an error. It is noted in memory and
//! written in batches beside the saves, never in their way.

mod figures;
mod report;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mortise_definition::locale;
use mortise_definition::model::Model;
use mortise_store::{Param, Session, put_meta};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::commands::audit_entry;
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::Issue;

pub use report::{ErrorMet, FieldUse, FormUse, FormUses, InteractionFilter, ROLE_PEOPLE_MIN};

/// Interactions of one request: a form of sixty fields, left, with as many messages.
pub const INTERACTIONS_MAX: usize = 200;
/// Interactions of one person that are taken within a minute; nobody fills in forms faster.
const PERSON_PER_MINUTE: u32 = 1_000;
/// What waits to be written at most; more is dropped, since nothing depends on it.
const WAITING_MAX: usize = 10_000;
/// Rows of one transaction, so that saves never wait long.
const BATCH: usize = 500;
/// Rows that are deleted in one transaction.
const DELETED: i64 = 5_000;
/// How long rows are gathered: a form that is saved sends several.
const PAUSE: Duration = Duration::from_secs(5);
/// Longest time of a field or a form in milliseconds, four hours: beyond it nobody was there.
const MILLIS_MAX: i64 = 4 * 3_600_000;
/// Name of the note that says whether forms are watched.
const SWITCH: &str = "interactions";

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InteractionKind {
    /// A form was opened.
    Opened,
    /// A field had the focus for so long.
    Field,
    /// A save was refused, with this code.
    Refused,
    /// The form was saved, after so long.
    Saved,
    /// The form was left with something in it that was not saved. It may still be saved later.
    Abandoned,
    /// The form was left as it was.
    Left,
}

impl InteractionKind {
    fn name(self) -> &'static str {
        match self {
            InteractionKind::Opened => "opened",
            InteractionKind::Field => "field",
            InteractionKind::Refused => "refused",
            InteractionKind::Saved => "saved",
            InteractionKind::Abandoned => "abandoned",
            InteractionKind::Left => "left",
        }
    }
}

/// Where it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Screen {
    /// On a small screen that is touched.
    Phone,
    /// Anywhere else.
    Desktop,
}

impl Screen {
    fn name(self) -> &'static str {
        match self {
            Screen::Phone => "phone",
            Screen::Desktop => "desktop",
        }
    }
}

/// One thing that happened on a form. There is no place for what was typed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interaction {
    /// One opening of a form; an id that means nothing elsewhere.
    pub visit: Uuid,
    /// What happened.
    pub kind: InteractionKind,
    /// Key of the entity.
    pub entity: String,
    /// Key of the form; empty for the one of all fields.
    #[serde(default)]
    pub form: String,
    /// Name of the field.
    #[serde(default)]
    pub field: Option<String>,
    /// Code of the error.
    #[serde(default)]
    pub code: Option<String>,
    /// How long it took.
    #[serde(default)]
    pub millis: Option<i64>,
}

impl Interaction {
    /// Whether it names only what the definitions and the catalogue of errors name, and has what its kind needs.
    fn makes_sense(&self, model: &Model) -> bool {
        let Some(entity) = model.entity(&self.entity) else { return false };
        let own_form = model.forms.get(&self.form).is_some_and(|form| form.entity == entity.index);
        let known_field = |name: &String| entity.field(name).is_some();
        let known_code = |code: &String| locale::lookup(locale::FALLBACK, &format!("error.{code}")).is_some();
        let complete = match self.kind {
            InteractionKind::Field => self.field.is_some() && self.millis.is_some(),
            InteractionKind::Refused => self.code.is_some(),
            _ => true,
        };
        complete
            && (self.form.is_empty() || own_form)
            && self.field.as_ref().is_none_or(known_field)
            && self.code.as_ref().is_none_or(known_code)
    }
}

/// A row that waits to be written.
struct Noted {
    at: DateTime<Utc>,
    interaction: Interaction,
    screen: Screen,
    roles: Arc<str>,
}

#[derive(Default)]
struct Waiting {
    rows: Vec<Noted>,
    /// The minute in which interactions are counted, and how many there were of each person.
    minute: i64,
    counted: HashMap<Uuid, u32>,
    /// A task writes what waits.
    writing: bool,
}

impl Waiting {
    /// How many of so many interactions of a person are taken now.
    fn room(&mut self, person: Uuid, now: DateTime<Utc>, wanted: usize) -> usize {
        let minute = now.timestamp().div_euclid(60);
        if self.minute != minute {
            self.minute = minute;
            self.counted.clear();
        }
        let counted = self.counted.entry(person).or_default();
        let left = PERSON_PER_MINUTE.saturating_sub(*counted) as usize;
        let taken = wanted.min(left).min(WAITING_MAX.saturating_sub(self.rows.len()));
        *counted += u32::try_from(taken).unwrap_or(PERSON_PER_MINUTE);
        taken
    }
}

/// Whether a tenant's forms are watched, and what waits to be written.
pub(crate) struct Watch {
    on: AtomicBool,
    waiting: Mutex<Waiting>,
}

impl Watch {
    /// As the tenant's note says; without one, forms are watched.
    pub(crate) fn new(note: Option<&str>) -> Watch {
        Watch { on: AtomicBool::new(note != Some("off")), waiting: Mutex::default() }
    }
}

impl Tenant {
    /// Whether it is noted how forms are used.
    pub fn watches_forms(&self) -> bool {
        self.watch.on.load(Ordering::Relaxed)
    }

    /// Notes what happened on forms that somebody had open; how much of it was taken. What makes no sense is left out, and
    /// so is what comes in such amounts that no person can have done it.
    pub fn note_interactions(
        self: &Arc<Self>,
        actor: &Actor,
        screen: Screen,
        mut seen: Vec<Interaction>,
    ) -> usize {
        let Some(person) = actor.id().filter(|_| self.watches_forms()) else { return 0 };
        let model = self.model();
        seen.truncate(INTERACTIONS_MAX);
        seen.retain(|interaction| interaction.makes_sense(&model));
        let (now, roles) = (self.now(), roles_of(actor));
        let mut waiting = self.watch.waiting.lock();
        seen.truncate(waiting.room(person, now, seen.len()));
        let taken = seen.len();
        let noted =
            seen.into_iter().map(|interaction| Noted { at: now, interaction, screen, roles: roles.clone() });
        waiting.rows.extend(noted);
        let begin = taken > 0 && !std::mem::replace(&mut waiting.writing, true);
        drop(waiting);
        if begin {
            self.write_soon();
        }
        taken
    }

    fn write_soon(self: &Arc<Self>) {
        let tenant = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(PAUSE).await;
                let Some(tenant) = tenant.upgrade() else { return };
                if !tenant.write_interactions().await {
                    return;
                }
            }
        });
    }

    /// Writes what waits; false when there was nothing, so that nobody writes it any more.
    pub(crate) async fn write_interactions(&self) -> bool {
        let rows = {
            let mut waiting = self.watch.waiting.lock();
            if waiting.rows.is_empty() {
                waiting.writing = false;
                return false;
            }
            std::mem::take(&mut waiting.rows)
        };
        let mut rows = rows.into_iter();
        loop {
            let batch: Vec<Noted> = rows.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return true;
            }
            let written = self.store.write(move |session: &mut Session<'_>| -> Result<bool, Error> {
                // Another node may have switched it off.
                let on = is_on(session)?;
                batch.iter().filter(|_| on).try_for_each(|noted| put(session, noted))?;
                Ok(on)
            });
            match written.await {
                Ok(on) => self.watch.on.store(on, Ordering::Relaxed),
                Err(error) => {
                    tracing::warn!(%error, tenant = self.slug, "the use of forms could not be written");
                    return true;
                }
            }
        }
    }

    /// Switches the watching of forms on or off; for administrators. What was recorded stays until it is old, or deleted.
    pub async fn watch_forms(&self, actor: &Actor, on: bool) -> Result<(), Error> {
        administrator(actor)?;
        let work = self.work(actor);
        self.store
            .write(move |session: &mut Session<'_>| -> Result<(), Error> {
                put_meta(session, SWITCH, if on { "on" } else { "off" })?;
                session.audit(audit_entry(&work, "interactions.switched", json!({ "on": on }).to_string()));
                Ok(())
            })
            .await?;
        self.watch.on.store(on, Ordering::Relaxed);
        if !on {
            self.watch.waiting.lock().rows.clear();
        }
        Ok(())
    }

    /// Deletes everything that was recorded of the use of forms; for administrators. How many rows there were.
    pub async fn delete_interactions(&self, actor: &Actor) -> Result<u64, Error> {
        administrator(actor)?;
        self.watch.waiting.lock().rows.clear();
        let mut deleted = 0;
        loop {
            let some = self.store.write(|session: &mut Session<'_>| -> Result<u64, Error> {
                let table = session.naming.table("_interaction");
                let sql =
                    format!("DELETE FROM {table} WHERE seq IN (SELECT seq FROM {table} LIMIT {DELETED})");
                Ok(session.execute(&sql, &[])?)
            });
            match some.await? {
                0 => break,
                count => deleted += count,
            }
        }
        let work = self.work(actor);
        self.store
            .write(move |session: &mut Session<'_>| -> Result<(), Error> {
                let details = json!({ "count": deleted }).to_string();
                session.audit(audit_entry(&work, "interactions.deleted", details));
                Ok(())
            })
            .await?;
        Ok(deleted)
    }

    /// Asks again whether forms are watched: another node may have changed it.
    pub(crate) async fn look_at_switch(&self) -> Result<(), Error> {
        let note = self.store.meta(SWITCH).await?;
        self.watch.on.store(note.as_deref() != Some("off"), Ordering::Relaxed);
        Ok(())
    }
}

/// The note of a tenant that says whether forms are watched.
pub(crate) async fn switch(store: &mortise_store::TenantStore) -> Result<Option<String>, Error> {
    Ok(store.meta(SWITCH).await?)
}

fn is_on(session: &mut Session<'_>) -> Result<bool, Error> {
    let table = session.naming.table("_meta");
    let sql = session.naming.sql(&format!("SELECT value FROM {table} WHERE name = ?1"));
    let found = session.query(&sql, &[SWITCH.into()], |row| row.text(0))?;
    Ok(found.into_iter().flatten().all(|note| note != "off"))
}

fn administrator(actor: &Actor) -> Result<(), Error> {
    match actor.user.admin {
        true => Ok(()),
        false => Err(Error::Forbidden(Issue::new("permission.administrator"))),
    }
}

/// `|a|b|`: a role is looked for with its borders.
fn roles_of(actor: &Actor) -> Arc<str> {
    match actor.user.roles.as_slice() {
        [] => Arc::from(""),
        roles => Arc::from(format!("|{}|", roles.join("|"))),
    }
}

fn put(session: &mut Session<'_>, noted: &Noted) -> Result<(), Error> {
    let naming = session.naming;
    let sql = naming.sql(&format!(
        "INSERT INTO {} (at, visit, kind, entity, form, field, code, millis, device, roles) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        naming.table("_interaction")
    ));
    let Interaction { visit, kind, entity, form, field, code, millis } = &noted.interaction;
    let params: [Param; 10] = [
        noted.at.into(),
        (*visit).into(),
        kind.name().into(),
        entity.as_str().into(),
        form.as_str().into(),
        Param::String(field.clone()),
        Param::String(code.clone()),
        Param::BigInt(millis.map(|millis| millis.clamp(0, MILLIS_MAX))),
        noted.screen.name().into(),
        noted.roles.as_ref().into(),
    ];
    session.execute(&sql, &params)?;
    Ok(())
}
