//! Assignment (PLAT-11): who gets a record. Everything is decided inside the writer, so that capacities hold however
//! many records arrive at once, and every decision is kept with what it was made of.

mod candidates;
mod choose;
mod claim;
mod replay;
mod row;

use std::sync::Arc;

use mortise_definition::model::AssignmentModel;
use mortise_expr::Value;
use mortise_store::Session;
use uuid::Uuid;

use crate::automation::{Subject, freeze};
use crate::commands::{self, Input, Work};
use crate::error::Error;
use crate::values::Issue;

pub(crate) use candidates::CandidateCache;
use candidates::Candidates;
pub use choose::{Choice, Considered, Excluded, Score};
pub(crate) use claim::claim;
pub(crate) use replay::replay;
pub use replay::{Replay, ReplayedPerson};
pub use row::StoredAssignment;
pub(crate) use row::{Kind, of_record, of_record_in};

/// Chooses a person for a record and gives it to them; none when nobody can take it, and the record waits.
/// Who holds the record now is not chosen again.
pub(crate) fn assign(
    work: &Work,
    session: &mut Session<'_>,
    policy: &AssignmentModel,
    subject: &mut Subject,
) -> Result<Option<Uuid>, Error> {
    let mut candidates = Candidates::of(work, session, policy)?;
    let frozen = freeze::of_record(session, &subject.entity, subject.id, work.now)?;
    let holder = subject.record[policy.field].as_id().map(|holder| (holder, "holder"));
    let frozen = frozen.into_iter().map(|freeze| (freeze.person, "frozen"));
    let closed: Vec<(Uuid, &str)> = holder.into_iter().chain(frozen).collect();
    let mut choice = choose::choose(work, policy, subject, &closed, &candidates)?;
    // What the candidates have in hand may be some moments old; the one who was chosen is counted again.
    while let Some(person) = choice.person {
        if candidates.recount(work, session, policy, person)? {
            break;
        }
        choice = choose::choose(work, policy, subject, &closed, &candidates)?;
    }
    row::insert(work, session, policy, subject, Kind::Automatic, &choice)?;
    let Some(person) = choice.person else { return Ok(None) };
    give(work, session, policy, subject, (person, candidates.next_turn()))?;
    candidates.took(person);
    candidates.keep(work, policy);
    Ok(Some(person))
}

/// Sets the field of the policy.
fn give(
    work: &Work,
    session: &mut Session<'_>,
    policy: &AssignmentModel,
    subject: &mut Subject,
    (person, turn): (Uuid, i64),
) -> Result<(), Error> {
    let input = Input::of(vec![(policy.field, Value::Id(person))]);
    let base = Some(subject.record.clone());
    subject.record = commands::change(work, session, &subject.entity, subject.id, input, base)?.values;
    row::remember_turn(session, policy, person, turn)
}

/// The policy of a key.
pub(crate) fn find(work: &Work, key: &str) -> Result<Arc<AssignmentModel>, Error> {
    work.model().automation.assignments.get(key).cloned().ok_or_else(|| unknown(key))
}

/// There is no such policy for such records.
pub(crate) fn unknown(key: &str) -> Error {
    Error::NotFound(Issue::new("assignment.not_found").with("policy", key))
}
