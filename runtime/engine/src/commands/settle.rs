//! From what was given to what is written: the only place where a [`Settled`] is made. Nothing writes a record without one,
//! so that no way of saving gets around the app's rules or the plugins that have a say.
//!
//! Beside the writer plugins are waited for like anything else. Inside of it they are asked as well, where a record was not
//! known before or has changed since: the writer's own thread waits for them then, and they read what is committed.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use mortise_definition::model::{EntityModel, Slot};
use mortise_expr::Value;
use mortise_plugin_host::TransactionBudget;
use uuid::Uuid;

use super::input::Input;
use super::rules::Draft;
use super::{Work, rules};
use crate::error::Error;
use crate::plugins::{Heard, Op, Saving};

/// A record as it is going to be, valid in every respect, with the slots that differ from before.
pub(crate) struct Settled {
    pub(crate) values: Vec<Value>,
    pub(crate) changed: Vec<Slot>,
    /// What is left from asking plugins. Only this module makes a settled record.
    heard: Heard,
}

impl Settled {
    /// Its parts.
    pub(crate) fn take(self) -> (Vec<Value>, Vec<Slot>, Heard) {
        (self.values, self.changed, self.heard)
    }
}

/// A new record.
pub(crate) async fn new(
    work: &Work,
    entity: &EntityModel,
    id: Uuid,
    input: &Input,
) -> Result<Settled, Error> {
    let draft = rules::draft_new(work, entity, id, input);
    let Some(mut saving) = Saving::begin(work, entity, Op::Create, None, &draft.values) else {
        return settled(rules::judge_new(work, entity, input, draft), Heard::default());
    };
    let draft = saving.before(draft).await?;
    let (values, changed) = rules::judge_new(work, entity, input, draft).map_err(Error::Invalid)?;
    saving.check(&values).await?;
    Ok(Settled { values, changed, heard: saving.finish() })
}

/// The same inside the writer.
pub(crate) fn new_now(work: &Work, entity: &EntityModel, id: Uuid, input: &Input) -> Result<Settled, Error> {
    wait(work, new(work, entity, id, input))
}

/// A changed record.
pub(crate) async fn change(
    work: &Work,
    entity: &EntityModel,
    old: &[Value],
    input: &Input,
) -> Result<Settled, Error> {
    let draft = rules::draft_change(work, entity, old, input);
    // What changes nothing is not written.
    let idle = draft.values == old && input.lines.is_empty() && input.transition.is_none();
    let saving = (!idle).then(|| Saving::begin(work, entity, Op::Update, Some(old), old)).flatten();
    let Some(mut saving) = saving else {
        return settled(rules::judge_change(work, entity, old, input, draft), Heard::default());
    };
    let draft = saving.before(draft).await?;
    let (values, changed) = rules::judge_change(work, entity, old, input, draft).map_err(Error::Invalid)?;
    saving.check(&values).await?;
    Ok(Settled { values, changed, heard: saving.finish() })
}

/// The same inside the writer.
pub(crate) fn change_now(
    work: &Work,
    entity: &EntityModel,
    old: &[Value],
    input: &Input,
) -> Result<Settled, Error> {
    wait(work, change(work, entity, old, input))
}

/// A record that comes out of the trash, inside the writer. What was wrong before and is not touched now does not stand in
/// the way, but plugins look at it as at a new one.
pub(super) fn restore_now(work: &Work, entity: &EntityModel, old: &[Value]) -> Result<Settled, Error> {
    wait(work, async {
        let draft = Draft { values: old.to_vec(), issues: Vec::new() };
        let Some(mut saving) = Saving::begin(work, entity, Op::Create, None, old) else {
            return Ok(Settled { values: draft.values, changed: Vec::new(), heard: Heard::default() });
        };
        let draft = saving.before(draft).await?;
        let judged = rules::judge_change(work, entity, old, &Input::default(), draft);
        let (values, changed) = judged.map_err(Error::Invalid)?;
        saving.check(&values).await?;
        Ok(Settled { values, changed, heard: saving.finish() })
    })
}

/// Asks plugins whether a record may go into the trash, inside the writer.
pub(super) fn delete_now(work: &Work, entity: &EntityModel, old: &[Value]) -> Result<Heard, Error> {
    wait(work, async {
        let Some(mut saving) = Saving::begin(work, entity, Op::Delete, Some(old), old) else {
            return Ok(Heard::default());
        };
        saving.before(Draft { values: old.to_vec(), issues: Vec::new() }).await?;
        Ok(saving.finish())
    })
}

fn settled(
    judged: Result<(Vec<Value>, Vec<Slot>), Vec<crate::error::FieldIssue>>,
    heard: Heard,
) -> Result<Settled, Error> {
    let (values, changed) = judged.map_err(Error::Invalid)?;
    Ok(Settled { values, changed, heard })
}

/// Waits on the writer's thread. Without plugins there is nothing to wait for.
pub(crate) fn wait<T>(work: &Work, future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match work.published.plugins.is_empty() {
        true => futures_util::FutureExt::now_or_never(future).expect("nothing is waited for without plugins"),
        false => tokio::runtime::Handle::current().block_on(future),
    }
}

impl Work {
    /// The same at the expense of a budget, so that all that is written together shares one.
    pub(super) fn spending(&self, budget: Option<&Arc<TransactionBudget>>) -> Cow<'_, Work> {
        if self.budget.is_some() || self.published.plugins.is_empty() {
            return Cow::Borrowed(self);
        }
        let budget = Some(budget.cloned().unwrap_or_else(|| self.calls.budget()));
        Cow::Owned(Work { budget, ..self.clone() })
    }
}
