//! What the engine has promised by its answers, to be looked for at the end, and what may be there without an answer,
//! wholly or not at all.

use std::collections::{BTreeMap, BTreeSet};

use mortise_engine::{Command, Outcome};
use serde_json::Value as Json;
use uuid::Uuid;

/// A version of a record that was acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) step: usize,
    pub(crate) entity: String,
    pub(crate) id: Uuid,
    pub(crate) version: i64,
}

/// Everything that was promised.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    pub(crate) versions: Vec<Version>,
    /// Comments: exactly one each.
    pub(crate) comments: Vec<String>,
    /// Records with rows that were sent, by id: so many rows, if the record is there.
    pub(crate) rows: BTreeMap<Uuid, usize>,
    /// Batches that were to be done wholly or not at all, whose end nobody has heard.
    pub(crate) batches: Vec<Vec<Uuid>>,
    /// Records whose names begin so: exactly so many.
    pub(crate) imported: Vec<(String, usize)>,
    clients: BTreeSet<Uuid>,
    jobs: BTreeSet<Uuid>,
    tickets: BTreeSet<Uuid>,
}

impl Promises {
    /// The engine has said that a command is done.
    pub(crate) fn keep(&mut self, step: usize, command: &Command, outcome: &Outcome) {
        match (command, outcome) {
            (Command::Comment { text, .. }, _) => self.comments.push(text.clone()),
            // Lifting a freeze leaves the record as it is.
            (Command::Unfreeze { .. }, _) => {}
            (Command::Batch { commands, .. }, Outcome::Batch(parts)) => {
                for (command, part) in commands.iter().zip(parts) {
                    if let Ok(written) = part {
                        self.keep(step, command, &Outcome::Record(written.clone()));
                    }
                }
            }
            (command, Outcome::Record(written)) => {
                let (entity, id, version) = (written.entity.clone(), written.id, written.version);
                self.versions.push(Version { step, entity, id, version });
                self.know(command);
            }
            _ => {}
        }
    }

    /// A command was committed, but nobody heard.
    pub(crate) fn may_be_there(&mut self, command: &Command) {
        if let Command::Batch { commands, atomic } = command {
            let ids = commands.iter().filter_map(|command| match command {
                Command::Create { id, .. } => *id,
                _ => None,
            });
            if *atomic {
                self.batches.push(ids.collect());
            }
            commands.iter().for_each(|command| self.know(command));
        }
        self.know(command);
    }

    /// Remembers a record that people work with from now on.
    fn know(&mut self, command: &Command) {
        let Command::Create { entity, id: Some(id), values, .. } = command else { return };
        match entity.as_str() {
            crate::app::CLIENT => self.clients.insert(*id),
            crate::app::JOB => self.jobs.insert(*id),
            crate::app::TICKET => self.tickets.insert(*id),
            _ => false,
        };
        if let Some(rows) = values.get("tasks").and_then(Json::as_array) {
            self.rows.insert(*id, rows.len());
        }
    }

    pub(crate) fn clients(&self) -> Vec<Uuid> {
        self.clients.iter().copied().collect()
    }

    pub(crate) fn jobs(&self) -> Vec<Uuid> {
        self.jobs.iter().copied().collect()
    }

    pub(crate) fn tickets(&self) -> Vec<Uuid> {
        self.tickets.iter().copied().collect()
    }
}
