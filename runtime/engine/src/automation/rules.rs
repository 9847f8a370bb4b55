//! Rules: which of them an event sets off, and running one.

use mortise_definition::model::{RuleModel, Slot, TriggerModel};
use mortise_store::Session;

use super::{Subject, act};
use crate::commands::Work;
use crate::error::Error;
use crate::metrics;

/// Whether an event sets a rule off. A transition changes the record, too.
pub(super) fn sets_off(rule: &RuleModel, kind: &str, changed: &[Slot], detail: Option<&str>) -> bool {
    rule.triggers.iter().any(|trigger| match trigger {
        TriggerModel::Created => kind == "record.created",
        TriggerModel::Deleted => kind == "record.deleted",
        TriggerModel::Restored => kind == "record.restored",
        TriggerModel::Changed(slots) => {
            matches!(kind, "record.changed" | "record.transitioned")
                && (slots.is_empty() || slots.iter().any(|slot| changed.contains(slot)))
        }
        TriggerModel::Transition(wanted) => {
            kind == "record.transitioned" && (wanted.is_none() || wanted.as_deref() == detail)
        }
        TriggerModel::Schedule { .. } => false,
    })
}

/// Whether the condition of a rule holds. Reads the figures that the rule asks for; its actions see the same.
pub(super) fn holds(
    work: &Work,
    session: &mut Session<'_>,
    rule: &RuleModel,
    subject: &mut Subject,
) -> Result<bool, Error> {
    subject.measures = metrics::figures(work, session, rule.app, &rule.measures, subject)?;
    match &rule.condition {
        Some(condition) => subject.test(work, rule.app, condition),
        None => Ok(true),
    }
}

/// Does what a rule says, all of it or, by the caller's savepoint, nothing. `work` carries the rule as its cause.
pub(super) fn run(
    work: &Work,
    session: &mut Session<'_>,
    rule: &RuleModel,
    subject: &mut Subject,
) -> Result<(), Error> {
    if let Some(cause) = &work.cause {
        cause.limit(session)?;
    }
    act::all(work, session, rule.app, subject, &rule.actions)
}
