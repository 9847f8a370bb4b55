//! Counts what happened on the copy of a tenant since it was made: day by day, in pages, out of what the tenant writes
//! anyway. Nothing is kept of it but numbers and the first of each kind.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use mortise_definition::model::EntityModel;
use mortise_store::{Param, Row};
use serde::Deserialize;
use serde_json::Value as Json;
use uuid::Uuid;

use super::forecast::{Day, Forecast, Message, Named, Parked, Recipient, RecordKey, Route, Tally};
use crate::automation::Failure;
use crate::automation::timer::moment;
use crate::commands::Work;
use crate::env::{Env, Simulated};
use crate::error::Error;
use crate::lists;
use crate::notify::EMAIL;
use crate::people::Actor;
use crate::plugins::scheduled_jobs;
use crate::records::Record;
use crate::tenant::Tenant;
use crate::values;

/// Rows read at once.
const PAGE: i64 = 1_000;
/// Messages that are told in full.
const MESSAGES_MAX: usize = 200;
/// Characters of a message; what is longer is cut.
const BODY_CHARS_MAX: usize = 600;
/// Records whose names are looked up at once.
const NAMES_MAX: usize = 500;

/// What is counted so far, and up to where.
pub(super) struct Gather<'a> {
    sandbox: &'a Tenant,
    time: &'a Simulated,
    forecast: Forecast,
    day: Day,
    emails: HashMap<String, Uuid>,
    audit: i64,
    event: i64,
    assignment: Uuid,
    inbox: Uuid,
    delivery: Uuid,
    call: Uuid,
}

/// What the trail says of work that failed.
#[derive(Deserialize)]
struct Failed {
    handler: String,
    state: String,
    error: Failure,
}

/// What the trail says of a clock.
#[derive(Deserialize)]
struct Ticked {
    sla: String,
    #[serde(default)]
    step: Option<String>,
}

impl<'a> Gather<'a> {
    /// Everything that is there now was there before.
    pub(super) async fn begin(sandbox: &'a Tenant, time: &'a Simulated) -> Result<Gather<'a>, Error> {
        let naming = sandbox.store.naming();
        let last = async |table: &str| {
            let sql = format!("SELECT coalesce(max(seq), 0) FROM {}", naming.table(table));
            sandbox.store.fetch(&sql, &[], |row| row.int(0)).await
        };
        let audit = last("_audit").await?.pop().flatten().unwrap_or_default();
        let event = last("_event").await?.pop().flatten().unwrap_or_default();
        let directory = sandbox.directory();
        let emails = directory.users().filter_map(|user| Some((user.email.clone()?, user.id))).collect();
        let id = time.id();
        Ok(Gather {
            forecast: Forecast {
                from: time.now(),
                until: time.now(),
                stopped: None,
                records: 0,
                moments: 0,
                took_ms: 0,
                days: Vec::new(),
                assignments: BTreeMap::new(),
                clocks: BTreeMap::new(),
                transitions: BTreeMap::new(),
                told: BTreeMap::new(),
                messages: Vec::new(),
                parked: BTreeMap::new(),
                plugins: BTreeMap::new(),
                names: HashMap::new(),
                model: sandbox.model(),
                directory,
            },
            sandbox,
            time,
            day: Day::default(),
            emails,
            audit,
            event,
            assignment: id,
            inbox: id,
            delivery: id,
            call: id,
        })
    }

    /// Counts what happened since the last time, on this day.
    pub(super) async fn day(&mut self, date: NaiveDate) -> Result<(), Error> {
        self.day = Day { date, ..Day::default() };
        self.trail().await?;
        self.transitions().await?;
        self.assignments().await?;
        self.inboxes().await?;
        self.deliveries().await?;
        self.calls().await?;
        self.jobs();
        self.forecast.days.push(self.day);
        self.forecast.until = self.time.now();
        Ok(())
    }

    /// A page of rows behind a mark, in order.
    async fn page<T: Send>(
        &self,
        (table, key, columns): (&str, &str, &str),
        mark: Param,
        condition: &str,
        read: impl FnMut(&dyn Row) -> mortise_store::Result<T> + Send,
    ) -> Result<Vec<T>, Error> {
        let store = &self.sandbox.store;
        let sql = store.naming().sql(&format!(
            "SELECT {key}, {columns} FROM {} WHERE {key} > ?1{condition} ORDER BY {key} LIMIT ?2",
            store.naming().table(table)
        ));
        Ok(store.fetch_long(&sql, &[mark, PAGE.into()], read).await?)
    }

    /// Clocks and failed work, out of the audit trail.
    async fn trail(&mut self) -> Result<(), Error> {
        let wanted = " AND action IN ('clock.breached', 'clock.step', 'automation.failed')";
        loop {
            let columns = ("_audit", "seq", "action, entity, record, changes");
            let rows = self.page(columns, self.audit.into(), wanted, |row| {
                let seq = row.int(0)?.unwrap_or_default();
                let details = row.text(4)?.unwrap_or_default();
                Ok((seq, row.text(1)?.unwrap_or_default(), record(row, 2)?, details))
            });
            let rows = rows.await?;
            let full = is_full(&rows);
            for (seq, action, record, details) in rows {
                self.audit = seq;
                match action.as_str() {
                    "automation.failed" => self.failed(&details, record),
                    _ => self.ticked(&action, &details, record),
                }
            }
            if !full {
                return Ok(());
            }
        }
    }

    fn ticked(&mut self, action: &str, details: &str, record: Option<RecordKey>) {
        let Ok(Ticked { sla, step }) = serde_json::from_str(details) else { return };
        match action {
            "clock.step" => self.day.steps += 1,
            _ => self.day.breached += 1,
        }
        self.forecast.clocks.entry((sla, step)).or_default().add(record);
    }

    fn failed(&mut self, details: &str, record: Option<RecordKey>) {
        let Ok(Failed { handler, state, error }) = serde_json::from_str(details) else { return };
        if state != "parked" {
            return;
        }
        self.day.parked += 1;
        let key = (handler, error.code.clone());
        let new = || Parked { failure: error, tally: Tally::default() };
        self.forecast.parked.entry(key).or_insert_with(new).tally.add(record);
    }

    async fn transitions(&mut self) -> Result<(), Error> {
        loop {
            let columns = ("_event", "seq", "entity, record, detail, rule");
            let only = " AND kind = 'record.transitioned'";
            let rows = self.page(columns, self.event.into(), only, |row| {
                let taken = (row.text(3)?.unwrap_or_default(), row.text(4)?);
                Ok((row.int(0)?.unwrap_or_default(), record(row, 1)?, taken))
            });
            let rows = rows.await?;
            let full = is_full(&rows);
            for (seq, record, (transition, rule)) in rows {
                self.event = seq;
                self.day.transitions += 1;
                let entity = record.as_ref().map(|(entity, _)| entity.clone()).unwrap_or_default();
                self.forecast.transitions.entry((entity, transition, rule)).or_default().add(record);
            }
            if !full {
                return Ok(());
            }
        }
    }

    async fn assignments(&mut self) -> Result<(), Error> {
        loop {
            let columns = ("_assignment", "id", "policy, person, entity, record");
            // An offer is no decision yet: who gets the record, or that nobody does, is one of its own.
            let decided = " AND kind <> 'offer'";
            let rows = self.page(columns, self.assignment.into(), decided, |row| {
                let (policy, person) = (row.text(1)?.unwrap_or_default(), row.id(2)?);
                Ok((row.id(0)?.unwrap_or_default(), policy, person, record(row, 3)?))
            });
            let rows = rows.await?;
            let full = is_full(&rows);
            for (id, policy, person, record) in rows {
                self.assignment = id;
                match person {
                    Some(_) => self.day.assigned += 1,
                    None => self.day.nobody += 1,
                }
                self.forecast.assignments.entry((policy, person)).or_default().add(record);
            }
            if !full {
                return Ok(());
            }
        }
    }

    async fn inboxes(&mut self) -> Result<(), Error> {
        loop {
            let columns = ("_inbox", "id", "at, person, notification, title, body, entity, record");
            let rows = self.page(columns, self.inbox.into(), "", |row| {
                let text = |index| Ok::<_, mortise_store::Error>(row.text(index)?.unwrap_or_default());
                let person = row.id(2)?.unwrap_or_default();
                let message = Message {
                    at: moment(row, 1)?.unwrap_or_default(),
                    to: Recipient::Person(person),
                    notification: row.text(3)?,
                    title: text(4)?,
                    body: text(5)?,
                    record: record(row, 6)?,
                };
                Ok((row.id(0)?.unwrap_or_default(), person, message))
            });
            let rows = rows.await?;
            let full = is_full(&rows);
            for (id, person, message) in rows {
                self.inbox = id;
                self.day.messages += 1;
                let notification = message.notification.clone();
                let route = Route { notification, channel: None, person: Some(person) };
                self.forecast.told.entry(route).or_default().count += 1;
                self.tell(message);
            }
            if !full {
                return Ok(());
            }
        }
    }

    async fn deliveries(&mut self) -> Result<(), Error> {
        loop {
            let columns =
                ("_delivery", "id", "at, channel, target, notification, state, entity, record, payload");
            let rows = self.page(columns, self.delivery.into(), "", |row| {
                let text = |index| Ok::<_, mortise_store::Error>(row.text(index)?.unwrap_or_default());
                let leaving = Leaving {
                    at: moment(row, 1)?.unwrap_or_default(),
                    channel: text(2)?,
                    target: text(3)?,
                    notification: row.text(4)?,
                    hopeless: row.text(5)?.as_deref() == Some("dead"),
                    record: record(row, 6)?,
                    payload: text(8)?,
                };
                Ok((row.id(0)?.unwrap_or_default(), leaving))
            });
            let rows = rows.await?;
            let full = is_full(&rows);
            for (id, leaving) in rows {
                self.delivery = id;
                self.leaves(leaving);
            }
            if !full {
                return Ok(());
            }
        }
    }

    /// Calls of plugins: nobody makes them here, so that only their beginnings are known.
    async fn calls(&mut self) -> Result<(), Error> {
        loop {
            let columns = ("_plugin_call", "id", "plugin, point, export, entity, record");
            let rows = self.page(columns, self.call.into(), "", |row| {
                let text = |index| Ok::<_, mortise_store::Error>(row.text(index)?.unwrap_or_default());
                let export = (text(1)?, text(2)?, text(3)?);
                Ok((row.id(0)?.unwrap_or_default(), export, record(row, 4)?))
            });
            let rows = rows.await?;
            let full = is_full(&rows);
            for (id, export, record) in rows {
                self.call = id;
                self.day.calls += 1;
                self.forecast.plugins.entry(export).or_default().add(record);
            }
            if !full {
                return Ok(());
            }
        }
    }

    /// Jobs of plugins that their schedules would start; nobody does here.
    fn jobs(&mut self) {
        for (plugin, export) in scheduled_jobs(self.sandbox, self.forecast.until, self.time.now()) {
            self.day.calls += 1;
            self.forecast.plugins.entry((plugin, "job".to_owned(), export)).or_default().add(None);
        }
    }

    fn leaves(&mut self, leaving: Leaving) {
        self.day.deliveries += 1;
        let person = self.emails.get(&leaving.target).copied();
        let route = Route {
            notification: leaving.notification.clone(),
            channel: Some(leaving.channel.clone()),
            person: person.filter(|_| leaving.channel == EMAIL),
        };
        let sent = self.forecast.told.entry(route).or_default();
        sent.count += 1;
        sent.hopeless += usize::from(leaving.hopeless);
        // An e-mail says what the inbox says.
        if leaving.channel != EMAIL {
            self.tell(leaving.message());
        }
    }

    fn tell(&mut self, mut message: Message) {
        if self.forecast.messages.len() < MESSAGES_MAX {
            if let Some((end, _)) = message.body.char_indices().nth(BODY_CHARS_MAX) {
                message.body.truncate(end);
                message.body.push('…');
            }
            self.forecast.messages.push(message);
        }
    }

    /// Puts names to the records.
    pub(super) async fn finish(self, original: &Tenant, actor: &Actor) -> Result<Forecast, Error> {
        let mut forecast = self.forecast;
        forecast.messages.sort_by_key(|message| message.at);
        let mut by_entity: BTreeMap<String, BTreeSet<Uuid>> = BTreeMap::new();
        for (entity, id) in forecast.shown() {
            by_entity.entry(entity.clone()).or_default().insert(*id);
        }
        for (entity, ids) in by_entity {
            let ids: Vec<Uuid> = ids.into_iter().collect();
            for ids in ids.chunks(NAMES_MAX) {
                let real = titles(original, actor, &entity, ids).await?;
                for (id, title) in titles(self.sandbox, actor, &entity, ids).await? {
                    let real = real.contains_key(&id);
                    forecast.names.insert((entity.clone(), id), Named { title, real });
                }
            }
        }
        Ok(forecast)
    }
}

impl Forecast {
    /// The records that are named.
    fn shown(&self) -> impl Iterator<Item = &RecordKey> {
        let tallies = self.assignments.values().chain(self.clocks.values());
        let tallies = tallies.chain(self.transitions.values());
        let tallies = tallies.chain(self.parked.values().map(|parked| &parked.tally));
        let tallies = tallies.chain(self.plugins.values());
        let messages = self.messages.iter().filter_map(|message| message.record.as_ref());
        tallies.flat_map(|tally| &tally.records).chain(messages)
    }
}

/// Something that would leave the house.
struct Leaving {
    at: DateTime<Utc>,
    channel: String,
    target: String,
    notification: Option<String>,
    hopeless: bool,
    record: Option<RecordKey>,
    payload: String,
}

impl Leaving {
    fn message(self) -> Message {
        let payload: Json = serde_json::from_str(&self.payload).unwrap_or_default();
        let text = |name: &str| payload.get(name).and_then(Json::as_str).map(str::to_owned);
        let (title, body) = match text("title") {
            Some(title) => (title, text("body").unwrap_or_default()),
            None => (String::new(), self.payload.clone()),
        };
        let to = Recipient::Connector(self.channel);
        Message { at: self.at, to, notification: self.notification, title, body, record: self.record }
    }
}

fn is_full<T>(rows: &[T]) -> bool {
    i64::try_from(rows.len()).is_ok_and(|rows| rows >= PAGE)
}

/// Entity and record out of two columns.
fn record(row: &dyn Row, index: usize) -> mortise_store::Result<Option<RecordKey>> {
    Ok(row.text(index)?.zip(row.id(index + 1)?))
}

/// What those of the records are called that are there.
async fn titles(
    tenant: &Tenant,
    actor: &Actor,
    entity: &str,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, String>, Error> {
    let work = tenant.work(actor);
    let Some(entity) = work.model().entity(entity).cloned() else { return Ok(HashMap::new()) };
    let found = lists::referenced(&work, &tenant.store, &entity, ids, &[]).await?;
    Ok(found.into_iter().map(|(id, record)| (id, title(&work, &entity, &record))).collect())
}

fn title(work: &Work, entity: &EntityModel, record: &Record) -> String {
    let field = &entity.fields[entity.title];
    values::display(field, &record.values[field.slot], &work.values())
}
