//! Freezes: for a while a person may not change a record, although roles would permit it, nor its rows, their rows, and
//! what is attached to them. They still see it, and may comment. Nobody is exempt, administrators neither: they may lift a freeze, and the trail tells that they did.

use chrono::{DateTime, Utc};
use mortise_definition::Text;
use mortise_definition::model::EntityModel;
use mortise_expr::Value;
use mortise_store::{AuditEntry, Naming, Param, Row, Session, TenantStore, version_of};
use serde_json::json;
use uuid::Uuid;

use super::timer::moment;
use crate::commands::{Work, Written, audit_entry};
use crate::error::Error;
use crate::published::Published;
use crate::values::Issue;

/// A freeze that is in force.
#[derive(Debug, Clone)]
pub struct Freeze {
    /// Id.
    pub id: Uuid,
    /// Whose rights are frozen.
    pub person: Uuid,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Until when; until somebody lifts it without.
    pub until: Option<DateTime<Utc>>,
    /// What the person is told.
    pub reason: Text,
    /// Key of the rule or clock step that froze them.
    pub rule: String,
}

const COLUMNS: &str = "id, person, at, until, reason, rule";

/// Fails when the person who acts may not change this record for the time being, or one that it is a row of, however
/// far above.
pub(crate) fn check(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    record: &[Value],
) -> Result<(), Error> {
    let Some(person) = work.actor.id() else { return Ok(()) };
    let mut climb = Climb::from(&work.published, entity, record);
    while let Some((sql, id)) = climb.next(session.naming) {
        let found = session.query(&sql, &[id.into()], |row| climb.references(row))?.pop();
        climb.reach(found);
    }
    for (entity, id) in climb.concerned() {
        check_one(work, session, person, (entity, id))?;
    }
    Ok(())
}

/// The same for a row alone, where those above it were looked at already.
pub(crate) fn check_row(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    record: &[Value],
) -> Result<(), Error> {
    match work.actor.id().filter(|_| work.published.freezable[entity.index]) {
        Some(person) => check_one(work, session, person, (entity, mortise_store::id_of(record))),
        None => Ok(()),
    }
}

fn check_one(
    work: &Work,
    session: &mut Session<'_>,
    person: Uuid,
    (entity, id): (&EntityModel, Uuid),
) -> Result<(), Error> {
    let sql = session.naming.sql(&format!(
        "SELECT {COLUMNS} FROM {} WHERE person = ?1 AND record = ?2 AND entity = ?3 AND lifted_at IS NULL \
         ORDER BY at DESC",
        session.naming.table("_freeze")
    ));
    let params: [Param; 3] = [person.into(), id.into(), entity.key.as_str().into()];
    let found = session.query(&sql, &params, read)?;
    match found.into_iter().find(|freeze| freeze.in_force(work.now)) {
        Some(freeze) => Err(refusal(work, &freeze)),
        None => Ok(()),
    }
}

/// Whether the person who acts may not change this record for the time being.
pub(crate) async fn frozen(
    work: &Work,
    store: &TenantStore,
    entity: &EntityModel,
    record: &[Value],
) -> Result<bool, Error> {
    let Some(person) = work.actor.id() else { return Ok(false) };
    let mut climb = Climb::from(&work.published, entity, record);
    while let Some((sql, id)) = climb.next(store.naming()) {
        let found = store.fetch(&sql, &[id.into()], |row| climb.references(row)).await?.pop();
        climb.reach(found);
    }
    for (entity, id) in climb.concerned() {
        if now(store, entity, id, work.now).await?.iter().any(|freeze| freeze.person == person) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The way from a record up to those that it is a row of, at every level, as far as anything can freeze rights up there.
/// Row by row from a list: how far up it goes is up to the data, which may even run in a circle.
struct Climb<'a> {
    published: &'a Published,
    /// Entity and id of all records on the way.
    seen: Vec<(usize, Uuid)>,
    /// How many of them were asked what they are rows of.
    asked: usize,
}

impl<'a> Climb<'a> {
    fn from(published: &'a Published, entity: &EntityModel, record: &[Value]) -> Climb<'a> {
        let mut climb =
            Climb { published, seen: vec![(entity.index, mortise_store::id_of(record))], asked: 0 };
        let parents = &published.parents[entity.index];
        climb.reach(Some(parents.iter().map(|(_, via)| record[*via].as_id()).collect()));
        climb
    }

    /// The statement and the id that tell what the next record is a row of; none when all were asked.
    fn next(&mut self, naming: &Naming) -> Option<(String, Uuid)> {
        while let Some(&(entity, id)) = self.seen.get(self.asked) {
            if self.published.freezable_above[entity] {
                let table = &self.published.layout.tables[entity];
                let parents = &self.published.parents[entity];
                let columns: Vec<&str> =
                    parents.iter().map(|(_, via)| table.columns[*via].as_str()).collect();
                let sql = format!("SELECT {} FROM {} WHERE id = ?1", columns.join(", "), table.name);
                return Some((naming.sql(&sql), id));
            }
            self.asked += 1;
        }
        None
    }

    fn references(&self, row: &dyn Row) -> mortise_store::Result<Vec<Option<Uuid>>> {
        let (entity, _) = self.seen[self.asked];
        (0..self.published.parents[entity].len()).map(|column| row.id(column)).collect()
    }

    /// Takes in what the record that was asked is a row of.
    fn reach(&mut self, references: Option<Vec<Option<Uuid>>>) {
        let (entity, _) = self.seen[self.asked];
        self.asked += 1;
        for ((parent, _), id) in self.published.parents[entity].iter().zip(references.unwrap_or_default()) {
            let matters = self.published.freezable[*parent] || self.published.freezable_above[*parent];
            if let Some(id) = id.filter(|id| matters && !self.seen.contains(&(*parent, *id))) {
                self.seen.push((*parent, id));
            }
        }
    }

    /// The records on which rights can be frozen.
    fn concerned(&self) -> impl Iterator<Item = (&'a EntityModel, Uuid)> {
        let published = self.published;
        let freezable = self.seen.iter().filter(|(entity, _)| published.freezable[*entity]);
        freezable.map(|(entity, id)| (&*published.model.entities[*entity], *id))
    }
}

impl Freeze {
    fn in_force(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

fn refusal(work: &Work, freeze: &Freeze) -> Error {
    let reason = freeze.reason.get(&work.actor.user.language);
    Error::Forbidden(match freeze.until {
        Some(until) => {
            let until = until.with_timezone(&work.actor.user.tz).format("%Y-%m-%d %H:%M");
            Issue::new("record.frozen").with("until", until).with("reason", reason)
        }
        None => Issue::new("record.frozen_open").with("reason", reason),
    })
}

/// Freezes the rights of a person on a record.
pub(crate) fn freeze(
    work: &Work,
    session: &mut Session<'_>,
    (entity, record): (&EntityModel, &[Value]),
    person: Uuid,
    until: Option<DateTime<Utc>>,
    reason: &Text,
) -> Result<(), Error> {
    let id = mortise_store::id_of(record);
    let rule = work.cause.as_ref().map_or("", |cause| &cause.rule);
    let words = serde_json::to_string(reason).unwrap_or_default();
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} (id, entity, record, person, at, until, lifted_at, reason, rule) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, ?7, ?8)",
        session.naming.table("_freeze")
    ));
    let params: [Param; 8] = [
        work.env.id().into(),
        entity.key.as_str().into(),
        id.into(),
        person.into(),
        work.now.into(),
        Param::ChronoDateTimeUtc(until),
        words.into(),
        rule.into(),
    ];
    session.execute(&sql, &params)?;
    let details = json!({ "person": person, "until": until, "reason": reason });
    session.audit(told(work, entity, record, "rights.frozen", &details));
    Ok(())
}

/// Lifts the freezes of a record, of one person or of everybody, and tells how many there were.
pub(crate) fn lift(
    work: &Work,
    session: &mut Session<'_>,
    (entity, record): (&EntityModel, &[Value]),
    person: Option<Uuid>,
) -> Result<usize, Error> {
    let id = mortise_store::id_of(record);
    let found = of_record(session, entity, id, work.now)?;
    let lifted: Vec<&Freeze> =
        found.iter().filter(|freeze| person.is_none_or(|person| freeze.person == person)).collect();
    let sql = session
        .naming
        .sql(&format!("UPDATE {} SET lifted_at = ?2 WHERE id = ?1", session.naming.table("_freeze")));
    for freeze in &lifted {
        session.execute(&sql, &[freeze.id.into(), work.now.into()])?;
    }
    if !lifted.is_empty() {
        let people: Vec<Uuid> = lifted.iter().map(|freeze| freeze.person).collect();
        session.audit(told(work, entity, record, "rights.restored", &json!({ "people": people })));
    }
    Ok(lifted.len())
}

/// Lifts freezes on the word of an administrator.
pub(crate) fn lift_by_hand(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    record: Vec<Value>,
    person: Option<Uuid>,
) -> Result<Written, Error> {
    if lift(work, session, (entity, &record), person)? == 0 {
        return Err(Error::NotFound(Issue::new("record.not_frozen")));
    }
    let (id, version) = (mortise_store::id_of(&record), version_of(&record));
    Ok(Written { entity: entity.key.clone(), id, version, values: record })
}

fn told(
    work: &Work,
    entity: &EntityModel,
    record: &[Value],
    action: &str,
    details: &serde_json::Value,
) -> AuditEntry {
    AuditEntry {
        entity: Some(entity.key.clone()),
        record: Some(mortise_store::id_of(record)),
        version: Some(version_of(record)),
        ..audit_entry(work, action, details.to_string())
    }
}

fn select(naming: &mortise_store::Naming) -> String {
    naming.sql(&format!(
        "SELECT {COLUMNS} FROM {} WHERE record = ?1 AND entity = ?2 AND lifted_at IS NULL ORDER BY at",
        naming.table("_freeze")
    ))
}

pub(crate) fn of_record(
    session: &mut Session<'_>,
    entity: &EntityModel,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<Freeze>, Error> {
    let sql = select(session.naming);
    let found = session.query(&sql, &[id.into(), entity.key.as_str().into()], read)?;
    Ok(found.into_iter().filter(|freeze| freeze.in_force(now)).collect())
}

/// The freezes of a record that are in force, oldest first.
pub(crate) async fn now(
    store: &TenantStore,
    entity: &EntityModel,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<Freeze>, Error> {
    let sql = select(store.naming());
    let found = store.fetch(&sql, &[id.into(), entity.key.as_str().into()], read).await?;
    Ok(found.into_iter().filter(|freeze| freeze.in_force(now)).collect())
}

fn read(row: &dyn Row) -> mortise_store::Result<Freeze> {
    let reason = row.text(4)?.unwrap_or_default();
    Ok(Freeze {
        id: row.id(0)?.unwrap_or_default(),
        person: row.id(1)?.unwrap_or_default(),
        at: moment(row, 2)?.unwrap_or_default(),
        until: moment(row, 3)?,
        reason: serde_json::from_str(&reason).unwrap_or_else(|_| Text::from(reason.as_str())),
        rule: row.text(5)?.unwrap_or_default(),
    })
}
