//! The one write path (invariant 1). A command is prepared beside others (authorised, parsed, calculated, validated),
//! then applied by the tenant's one writer, where everything that depends on rows is decided: version, uniqueness,
//! numbers, references, duplicates. The change, its audit entries and its events commit together (invariant 2).

mod apply;
mod by_itself;
mod input;
mod lifecycle;
mod lines;
mod links;
mod merge;
mod numbers;
mod prepare;
mod rollups;
pub(crate) mod rules;
mod settle;
pub(crate) mod similar;
mod trail;
mod trash;
mod work;

use mortise_expr::Value;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

pub(crate) use apply::reindex;
pub(crate) use by_itself::{attach_file, change, living_rows, make, prepare_new, say, take_if_open};
pub(crate) use input::Input;
pub(crate) use lifecycle::{guarded, leaves_open, lifecycle_of, open_to, state_of};
pub(crate) use prepare::{prepare, prepare_now};
pub(crate) use rollups::aggregate;
pub(crate) use settle::wait;
pub(crate) use trail::entry as audit_entry;
pub(crate) use work::Work;

use crate::error::Error;

/// Parts of a batch at most; larger work is sent as several batches.
pub const BATCH_MAX: usize = 5_000;
/// Longest comment in characters.
pub const COMMENT_MAX: usize = 10_000;

/// A change of tenant data. Entities are named by key (`app.entity`), values are in their wire form by field name.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// A new record.
    Create {
        /// Entity.
        entity: String,
        /// Values by field name; what is absent gets its default.
        values: Map<String, Json>,
        /// Id, where the client made one (offline).
        #[serde(default)]
        id: Option<Uuid>,
        /// The person has seen the similar records and wants this one all the same.
        #[serde(default)]
        allow_duplicates: bool,
    },
    /// Changes to a record; absent fields stay as they are.
    Update {
        /// Entity.
        entity: String,
        /// Record.
        id: Uuid,
        /// The version that the person has seen; refused when it is not the present one.
        #[serde(default)]
        version: Option<i64>,
        /// New values by field name.
        values: Map<String, Json>,
    },
    /// Changes that were made on an older version, without network: merged field by field with what others did since.
    Merge {
        /// Entity.
        entity: String,
        /// Record.
        id: Uuid,
        /// Values of the changed fields as the person saw them; of child rows their ids and versions.
        base: Map<String, Json>,
        /// New values by field name.
        values: Map<String, Json>,
    },
    /// Puts a record, and its child rows, into the trash.
    Delete {
        /// Entity.
        entity: String,
        /// Record.
        id: Uuid,
        /// The version that the person has seen.
        #[serde(default)]
        version: Option<i64>,
    },
    /// Takes a record, and the child rows deleted with it, out of the trash.
    Restore {
        /// Entity.
        entity: String,
        /// Record.
        id: Uuid,
    },
    /// A comment on a record.
    Comment {
        /// Entity.
        entity: String,
        /// Record.
        id: Uuid,
        /// What is said.
        text: String,
    },
    /// Attaches an uploaded file to a record.
    Attach {
        /// Entity.
        entity: String,
        /// Record.
        id: Uuid,
        /// File.
        file: Uuid,
    },
    /// Takes a transition of the record's lifecycle, the only way to change its state.
    Transition {
        /// Entity.
        entity: String,
        /// Record.
        id: Uuid,
        /// The version that the person has seen.
        #[serde(default)]
        version: Option<i64>,
        /// Id of the transition.
        transition: String,
        /// Values that come along by field name: evidence, reasons.
        values: Map<String, Json>,
    },
    /// Takes a record that belongs to nobody, by the right that an assignment policy gives.
    Claim {
        /// Entity.
        entity: String,
        /// Record.
        id: Uuid,
        /// Key of the policy.
        policy: String,
    },
    /// Lifts freezes of a record; for administrators.
    Unfreeze {
        /// Entity.
        entity: String,
        /// Record.
        id: Uuid,
        /// Whose rights come back; everybody's unless given.
        #[serde(default)]
        person: Option<Uuid>,
    },
    /// Several changes in one transaction.
    Batch {
        /// The changes, in order; batches do not nest.
        commands: Vec<Command>,
        /// All or nothing; otherwise each stands or falls by itself.
        atomic: bool,
    },
    /// An entry of the audit trail about something outside of records (sign-in, a permission that changed).
    Note {
        /// What happened: `session.opened`.
        action: String,
        /// Details; never a secret.
        details: Json,
    },
}

/// How a command is run.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Names the command: sent again with the same key, it is not done again and gets the same answer.
    pub idempotency_key: Option<String>,
}

/// What a command did.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// A record was written.
    Record(Written),
    /// Each part of a batch.
    Batch(Vec<Result<Written, Error>>),
    /// Done; there is nothing to tell.
    Done,
}

/// A record that was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Written {
    /// Entity.
    pub entity: String,
    /// Record.
    pub id: Uuid,
    /// Its version now.
    pub version: i64,
    /// All its values by slot; empty when the answer is a repeated one.
    #[serde(skip)]
    pub values: Vec<Value>,
}
