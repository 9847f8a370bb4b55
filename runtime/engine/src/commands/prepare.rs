//! Preparing a command beside others: whatever does not depend on what the writer is doing just now.

use std::collections::HashSet;
use std::sync::Arc;

use mortise_definition::model::{AssignmentModel, EntityModel, Slot, system};
use mortise_definition::source::Operation;
use mortise_expr::Value;
use mortise_store::{AuditEntry, TenantStore};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::input::{self, Input};
use super::lifecycle::{self, Taking};
use super::settle::{self, Settled};
use super::{BATCH_MAX, COMMENT_MAX, Command, Work, merge, similar, trail};
use crate::assign;
use crate::error::Error;
use crate::people::Channel;
use crate::values::Issue;

/// A prepared command.
pub(crate) enum Step {
    Create(Box<Create>),
    Update(Box<Update>),
    Delete { entity: Arc<EntityModel>, id: Uuid, version: Option<i64> },
    Restore { entity: Arc<EntityModel>, id: Uuid },
    Comment { entity: Arc<EntityModel>, id: Uuid, text: String },
    Attach { entity: Arc<EntityModel>, id: Uuid, file: Uuid },
    Transition(Box<Taking>),
    Claim { entity: Arc<EntityModel>, id: Uuid, policy: Arc<AssignmentModel> },
    Unfreeze { entity: Arc<EntityModel>, id: Uuid, person: Option<Uuid> },
    Batch { parts: Vec<Result<Step, Error>>, atomic: bool },
    Note(Box<AuditEntry>),
}

/// A new record, ready to be written.
pub(crate) struct Create {
    pub(crate) entity: Arc<EntityModel>,
    pub(crate) id: Uuid,
    pub(crate) input: Input,
    pub(crate) settled: Settled,
    pub(crate) keys: Vec<i64>,
    pub(crate) allow_duplicates: bool,
    /// The reference to the record that this one is written with, for child rows.
    pub(crate) within: Option<Slot>,
}

/// A change, worked out on the record as it was when the command was prepared.
pub(crate) struct Update {
    pub(crate) entity: Arc<EntityModel>,
    pub(crate) id: Uuid,
    pub(crate) version: Option<i64>,
    pub(crate) input: Input,
    /// The record and what becomes of it; none when it was not there (a part before may make it).
    pub(crate) base: Option<(Vec<Value>, Settled)>,
    /// What the person saw of the record, where that may be long ago.
    pub(crate) merge: Option<merge::Base>,
    /// The reference to the record that this one is changed with, for child rows.
    pub(crate) within: Option<Slot>,
}

/// Prepares a command.
pub(crate) async fn prepare(work: &Work, store: &TenantStore, command: &Command) -> Result<Step, Error> {
    match command {
        Command::Batch { commands, atomic } => prepare_batch(work, store, commands, *atomic).await,
        other => prepare_one(work, store, other, false).await,
    }
}

async fn prepare_batch(
    work: &Work,
    store: &TenantStore,
    commands: &[Command],
    atomic: bool,
) -> Result<Step, Error> {
    if commands.len() > BATCH_MAX {
        return Err(Error::BadRequest(Issue::new("batch.too_long").with("limit", BATCH_MAX)));
    }
    let mut parts = Vec::with_capacity(commands.len());
    let mut touched = HashSet::new();
    for (index, command) in commands.iter().enumerate() {
        // A record that a part before changes can be judged only when that part is done.
        let moving = target(command).is_some_and(|id| !touched.insert(id));
        let part = match command {
            Command::Batch { .. } => Err(Error::BadRequest(Issue::new("batch.nested"))),
            command => prepare_one(work, store, command, moving).await,
        };
        match part {
            Err(error) if atomic => return Err(Error::Batch { index, error: Box::new(error) }),
            part => parts.push(part),
        }
    }
    Ok(Step::Batch { parts, atomic })
}

/// The record that a command changes, where it has an id already.
fn target(command: &Command) -> Option<Uuid> {
    match command {
        Command::Create { id, .. } => *id,
        Command::Update { id, .. }
        | Command::Merge { id, .. }
        | Command::Delete { id, .. }
        | Command::Restore { id, .. }
        | Command::Transition { id, .. }
        | Command::Claim { id, .. } => Some(*id),
        _ => None,
    }
}

async fn prepare_one(
    work: &Work,
    store: &TenantStore,
    command: &Command,
    moving: bool,
) -> Result<Step, Error> {
    match command {
        Command::Create { entity, values, id, allow_duplicates } => {
            let (entity, id, input) = read_create(work, entity, values, *id)?;
            let settled = settle::new(work, &entity, id, &input).await?;
            Ok(create_step(entity, id, input, settled, *allow_duplicates))
        }
        Command::Update { .. } if moving => prepare_now(work, command),
        // What is merged is judged in the writer alone, where the record stands still.
        Command::Merge { .. } => prepare_now(work, command),
        Command::Update { entity, id, version, values } => {
            prepare_update(work, store, entity, *id, *version, values).await
        }
        Command::Delete { entity, id, version } => {
            let entity = demand(work, entity, Operation::Delete)?;
            Ok(Step::Delete { entity, id: *id, version: *version })
        }
        Command::Restore { entity, id } => {
            Ok(Step::Restore { entity: demand(work, entity, Operation::Delete)?, id: *id })
        }
        Command::Comment { entity, id, text } => {
            let entity = demand(work, entity, Operation::Read)?;
            let text = text.trim();
            if text.is_empty() || text.contains('\0') || text.chars().count() > COMMENT_MAX {
                return Err(Error::field("text", Issue::new("comment.length").with("limit", COMMENT_MAX)));
            }
            Ok(Step::Comment { entity, id: *id, text: text.to_owned() })
        }
        Command::Attach { entity, id, file } => {
            Ok(Step::Attach { entity: demand(work, entity, Operation::Update)?, id: *id, file: *file })
        }
        Command::Transition { entity, id, version, transition, values } => {
            lifecycle::prepare(work, entity, *id, *version, transition, values)
        }
        Command::Claim { entity, id, policy } => {
            let entity = demand(work, entity, Operation::Read)?;
            let policy = assign::find(work, policy)?;
            match policy.entity == entity.index {
                true => Ok(Step::Claim { entity, id: *id, policy }),
                false => Err(assign::unknown(&policy.key)),
            }
        }
        Command::Unfreeze { entity, id, person } => match work.actor.user.admin {
            true => Ok(Step::Unfreeze { entity: work.entity(entity)?.clone(), id: *id, person: *person }),
            false => Err(Error::Forbidden(Issue::new("permission.administrator"))),
        },
        Command::Note { action, details } => {
            Ok(Step::Note(Box::new(trail::entry(work, action, details.to_string()))))
        }
        Command::Batch { .. } => Err(Error::BadRequest(Issue::new("batch.nested"))),
    }
}

/// Prepares a command inside the writer, without looking anything up beforehand.
pub(crate) fn prepare_now(work: &Work, command: &Command) -> Result<Step, Error> {
    match command {
        Command::Create { entity, values, id, allow_duplicates } => {
            let (entity, id, input) = read_create(work, entity, values, *id)?;
            let settled = settle::new_now(work, &entity, id, &input)?;
            Ok(create_step(entity, id, input, settled, *allow_duplicates))
        }
        Command::Update { entity, id, version, values } => {
            let entity = demand(work, entity, Operation::Update)?;
            let input = input::read(work, &entity, Operation::Update, values).map_err(Error::Invalid)?;
            let (id, version) = (*id, *version);
            Ok(Step::Update(Box::new(Update {
                entity,
                id,
                version,
                input,
                base: None,
                merge: None,
                within: None,
            })))
        }
        Command::Merge { entity, id, base, values } => {
            let entity = demand(work, entity, Operation::Update)?;
            let input = input::read(work, &entity, Operation::Update, values).map_err(Error::Invalid)?;
            let (id, merge) = (*id, Some(merge::read(work, &entity, base)));
            let update = Update { entity, id, version: None, input, base: None, merge, within: None };
            Ok(Step::Update(Box::new(update)))
        }
        _ => Err(Error::BadRequest(Issue::new("batch.nested"))),
    }
}

pub(super) fn demand(work: &Work, key: &str, operation: Operation) -> Result<Arc<EntityModel>, Error> {
    let entity = work.entity(key)?;
    work.access(entity).demand(operation, entity)?;
    Ok(entity.clone())
}

/// What a new record is given, and its id.
fn read_create(
    work: &Work,
    key: &str,
    values: &Map<String, Json>,
    id: Option<Uuid>,
) -> Result<(Arc<EntityModel>, Uuid, Input), Error> {
    let operation = match work.actor.origin.channel {
        Channel::Import => Operation::Import,
        _ => Operation::Create,
    };
    let entity = demand(work, key, operation)?;
    let id = id.unwrap_or_else(|| work.env.id());
    let input = input::read(work, &entity, operation, values).map_err(Error::Invalid)?;
    Ok((entity, id, input))
}

fn create_step(
    entity: Arc<EntityModel>,
    id: Uuid,
    input: Input,
    settled: Settled,
    allow_duplicates: bool,
) -> Step {
    let keys = similar::keys(&entity, &settled.values);
    Step::Create(Box::new(Create { entity, id, input, settled, keys, allow_duplicates, within: None }))
}

async fn prepare_update(
    work: &Work,
    store: &TenantStore,
    key: &str,
    id: Uuid,
    version: Option<i64>,
    values: &Map<String, Json>,
) -> Result<Step, Error> {
    let entity = demand(work, key, Operation::Update)?;
    // Wrong values are told first, for records that are not there as well: else the answer would tell which are.
    let input = input::read(work, &entity, Operation::Update, values).map_err(Error::Invalid)?;
    let table = &work.published.layout.tables[entity.index];
    let old = store.fetch(table.select(), &[id.into()], |row| table.record(row)).await?.pop();
    let Some(old) = old else {
        return Ok(Step::Update(Box::new(Update {
            entity,
            id,
            version,
            input,
            base: None,
            merge: None,
            within: None,
        })));
    };
    if !old[system::DELETED_AT].is_null() {
        return Err(Error::no_record());
    }
    work.demand(store, &entity, Operation::Update, &old).await?;
    input::permit(work, &entity, Operation::Update, Some(&old), &input)?;
    let settled = settle::change(work, &entity, &old, &input).await?;
    let base = Some((old, settled));
    Ok(Step::Update(Box::new(Update { entity, id, version, input, base, merge: None, within: None })))
}
