//! Changes that rules and clocks make inside of a write, on values that are typed already. They take the same way as
//! those of people from there on: validity, uniqueness, links, audit and events.

use std::sync::Arc;

use mortise_definition::model::{EntityModel, Slot};
use mortise_expr::Value;
use mortise_store::Session;
use uuid::Uuid;

use super::input::Input;
use super::lifecycle::{self, Taking, lifecycle_of, state_of};
use super::prepare::{Create, Step, Update, prepare_now};
use super::{Command, Work, Written, apply, lines, rollups, settle, similar};
use crate::error::Error;
use crate::values::Issue;

impl Input {
    /// An input of values by slot.
    pub(crate) fn of(given: Vec<(Slot, Value)>) -> Input {
        Input { given, ..Input::default() }
    }
}

/// Makes a record.
pub(crate) fn make(
    work: &Work,
    session: &mut Session<'_>,
    entity: &Arc<EntityModel>,
    input: Input,
) -> Result<Written, Error> {
    let id = work.env.id();
    let settled = settle::new_now(work, entity, id, &input)?;
    let keys = similar::keys(entity, &settled.values);
    let entity = entity.clone();
    let create = Create { entity, id, input, settled, keys, allow_duplicates: true, within: None };
    let written = apply::create(work, session, create)?;
    rollups::settle(work, session, None)?;
    Ok(written)
}

/// Changes a record; `base` is the record as it is, where it is known.
pub(crate) fn change(
    work: &Work,
    session: &mut Session<'_>,
    entity: &Arc<EntityModel>,
    id: Uuid,
    input: Input,
    base: Option<Vec<Value>>,
) -> Result<Written, Error> {
    let base = match base {
        Some(old) => {
            let settled = settle::change_now(work, entity, &old, &input)?;
            Some((old, settled))
        }
        None => None,
    };
    let entity = entity.clone();
    let update = Update { entity, id, version: None, input, base, merge: None, within: None };
    let written = apply::update(work, session, update)?;
    rollups::settle(work, session, None)?;
    Ok(written)
}

/// Takes a transition, where the record is in a state from which it starts.
pub(crate) fn take_if_open(
    work: &Work,
    session: &mut Session<'_>,
    entity: &Arc<EntityModel>,
    record: &[Value],
    transition: &str,
) -> Result<Option<Written>, Error> {
    let none = || Error::BadRequest(Issue::new("lifecycle.none").with("entity", &entity.key));
    let lifecycle = lifecycle_of(work, entity).cloned().ok_or_else(none)?;
    let state = state_of(&lifecycle, record);
    if !lifecycle::find(&lifecycle, transition)?.from.iter().any(|from| from == state) {
        return Ok(None);
    }
    let (id, transition) = (mortise_store::id_of(record), transition.to_owned());
    let input = Input::default();
    let taking = Taking { entity: entity.clone(), id, version: None, lifecycle, transition, input };
    let written = lifecycle::take(work, session, taking)?;
    rollups::settle(work, session, None)?;
    Ok(Some(written))
}

/// Reads what a new record is to be, without making it: the step, and the record's values.
pub(crate) fn prepare_new(work: &Work, command: &Command) -> Result<(Step, Vec<Value>), Error> {
    let step = prepare_now(work, command)?;
    let values = match &step {
        Step::Create(create) => create.settled.values.clone(),
        _ => Vec::new(),
    };
    Ok((step, values))
}

/// Adds a comment to a record.
pub(crate) fn say(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    id: Uuid,
    text: &str,
) -> Result<(), Error> {
    apply::comment(work, session, entity, id, text).map(drop)
}

/// Attaches a file to a record.
pub(crate) fn attach_file(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    id: Uuid,
    file: Uuid,
) -> Result<(), Error> {
    apply::attach(work, session, entity, id, file).map(drop)
}

/// Ids of the living records whose reference points to a record.
pub(crate) fn living_rows(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    via: Slot,
    record: Uuid,
) -> Result<Vec<Uuid>, Error> {
    lines::living(work, session, entity, via, record)
}
