//! What came of a sandbox: numbers of what happened, by day, by what did it and by person, with the first records of each.
//! It is bounded however much happens, and holds keys; words are put to them where it is shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use mortise_definition::model::Model;
use uuid::Uuid;

use crate::automation::Failure;
use crate::people::Directory;

/// Records that are named of each kind of happening.
pub const RECORDS_SHOWN: usize = 50;

/// A record: key of its entity, and its id.
pub type RecordKey = (String, Uuid);

/// What came of a sandbox.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// When it began: the moment of the copy.
    pub from: DateTime<Utc>,
    /// How far it came.
    pub until: DateTime<Utc>,
    /// Why it did not come to its end.
    pub stopped: Option<Stop>,
    /// Records that were copied.
    pub records: i64,
    /// Moments at which something was due.
    pub moments: usize,
    /// Time that it took, in milliseconds.
    pub took_ms: u64,
    /// Each day, by the calendar of the tenant's zone.
    pub days: Vec<Day>,
    /// Decisions by policy and person; nobody where nobody was found.
    pub assignments: BTreeMap<(String, Option<Uuid>), Tally>,
    /// Limits of clocks that passed, and steps that were carried out, by the keys of both.
    pub clocks: BTreeMap<(String, Option<String>), Tally>,
    /// Transitions that were taken: entity, transition, and the rule or step that took it.
    pub transitions: BTreeMap<(String, String, Option<String>), Tally>,
    /// What would be told, and by which way.
    pub told: BTreeMap<Route, Sent>,
    /// The first messages.
    pub messages: Vec<Message>,
    /// Work that failed for good, by who does it and the code of the reason.
    pub parked: BTreeMap<(String, String), Parked>,
    /// Calls of plugins that would be made, by plugin, point and export.
    pub plugins: BTreeMap<(String, String, String), Tally>,
    /// What the records are called that are named above.
    pub names: HashMap<RecordKey, Named>,
    /// The definitions that were in force in the sandbox.
    pub model: Arc<Model>,
    /// The people.
    pub directory: Arc<Directory>,
}

/// Why a sandbox did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It took too long.
    Time,
    /// Something falls due again and again.
    Endless,
}

/// What happened on a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Day {
    /// The day.
    pub date: NaiveDate,
    /// Records that somebody got.
    pub assigned: usize,
    /// Records that nobody got.
    pub nobody: usize,
    /// Limits that passed.
    pub breached: usize,
    /// Steps of clocks that were carried out.
    pub steps: usize,
    /// Transitions that were taken.
    pub transitions: usize,
    /// Messages in inboxes.
    pub messages: usize,
    /// What would leave the house.
    pub deliveries: usize,
    /// Calls of plugins that would be made.
    pub calls: usize,
    /// Work that failed for good.
    pub parked: usize,
}

/// How often something happened, and to which records first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often.
    pub count: usize,
    /// The first records, each once.
    pub records: Vec<RecordKey>,
}

impl Tally {
    /// Counts once more.
    pub(super) fn add(&mut self, record: Option<RecordKey>) {
        self.count += 1;
        if let Some(record) = record
            && self.records.len() < RECORDS_SHOWN
            && !self.records.contains(&record)
        {
            self.records.push(record);
        }
    }
}

/// What is told by which way to whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Key of the notification; none for calls of other systems.
    pub notification: Option<String>,
    /// None for inboxes, `email`, or the key of a connector.
    pub channel: Option<String>,
    /// The person, where it is for one.
    pub person: Option<Uuid>,
}

/// How often something would be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// How often.
    pub count: usize,
    /// How often it could not even be tried: there is no address.
    pub hopeless: usize,
}

/// Who would read a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// A person, in their inbox.
    Person(Uuid),
    /// A robot or another system, by the key of its connector.
    Connector(String),
}

/// A message that would be read.
#[derive(Debug, Clone)]
pub struct Message {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub to: Recipient,
    /// Key of the notification.
    pub notification: Option<String>,
    /// What it is about, in a line.
    pub title: String,
    /// The words.
    pub body: String,
    /// The record.
    pub record: Option<RecordKey>,
}

/// Work that fails for good.
#[derive(Debug, Clone)]
pub struct Parked {
    /// Why it failed first.
    pub failure: Failure,
    /// How often, and at which records.
    pub tally: Tally,
}

/// What a record is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its title in the sandbox.
    pub title: String,
    /// It is there outside of the sandbox as well.
    pub real: bool,
}
