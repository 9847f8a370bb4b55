//! From what was given to what is written: the only place where a [`Settled`] is made. Nothing writes a record without one,
//! so that no way of saving gets around the app's rules or the plugins that have a say.

use mortise_definition::model::{EntityModel, Slot};
use mortise_expr::Value;
use uuid::Uuid;

use super::input::Input;
use super::{Work, rules};
use crate::error::Error;

/// A record as it is going to be, valid in every respect, with the slots that differ from before.
#[derive(Debug, Clone)]
pub(crate) struct Settled {
    pub(crate) values: Vec<Value>,
    pub(crate) changed: Vec<Slot>,
    /// Only this module makes one.
    _made_here: (),
}

/// A new record.
pub(crate) async fn new(
    work: &Work,
    entity: &EntityModel,
    id: Uuid,
    input: &Input,
) -> Result<Settled, Error> {
    new_now(work, entity, id, input)
}

/// The same inside the writer.
pub(crate) fn new_now(work: &Work, entity: &EntityModel, id: Uuid, input: &Input) -> Result<Settled, Error> {
    let draft = rules::draft_new(work, entity, id, input);
    let judged = rules::judge_new(work, entity, input, draft);
    let (values, changed) = judged.map_err(Error::Invalid)?;
    Ok(Settled { values, changed, _made_here: () })
}

/// A changed record.
pub(crate) async fn change(
    work: &Work,
    entity: &EntityModel,
    old: &[Value],
    input: &Input,
) -> Result<Settled, Error> {
    change_now(work, entity, old, input)
}

/// The same inside the writer.
pub(crate) fn change_now(
    work: &Work,
    entity: &EntityModel,
    old: &[Value],
    input: &Input,
) -> Result<Settled, Error> {
    let draft = rules::draft_change(work, entity, old, input);
    let judged = rules::judge_change(work, entity, old, input, draft);
    let (values, changed) = judged.map_err(Error::Invalid)?;
    Ok(Settled { values, changed, _made_here: () })
}
