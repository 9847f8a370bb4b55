//! Assignment (PLAT-11): who gets a record. Everything is decided inside the writer, so that capacities hold however
//! many records arrive at once, and every decision is kept with what it was made of.

mod advice;
mod candidates;
mod choose;
mod claim;
mod hands;
mod offer;
mod replay;
mod row;

use std::sync::Arc;

use mortise_definition::model::AssignmentModel;
use mortise_definition::source::Operation;
use mortise_expr::Value;
use mortise_store::Session;
use uuid::Uuid;

use crate::access::Scope;
use crate::automation::{Subject, freeze};
use crate::commands::{self, Input, Work};
use crate::error::Error;
use crate::values::Issue;

pub use advice::Advice;
pub(crate) use candidates::CandidateCache;
use candidates::Candidates;
pub use choose::{Choice, Considered, Excluded, Score};
pub(crate) use claim::claim;
pub(crate) use hands::{HandsCache, follows, note};
pub(crate) use offer::{lapse, missed};
pub(crate) use replay::replay;
pub use replay::{Replay, ReplayedPerson};
pub use row::StoredAssignment;
pub(crate) use row::{Kind, of_record, of_record_in};

/// Whether a person may know how the candidates of a policy stand: who may read their profiles, as far as it has some.
pub(crate) fn compares_for(work: &Work, policy: &AssignmentModel) -> bool {
    let profiles = |entity: usize| work.access(&work.model().entities[entity]).scope(Operation::Read);
    let all = |(entity, _): (usize, _)| matches!(profiles(entity), Scope::Everything);
    work.actor.user.admin || policy.pool.profile.is_none_or(all)
}

/// Gives a record to whom the policy chooses, or offers it to the best few; none when it is offered, or when nobody can
/// take it and the record waits. Who holds the record now is not chosen again.
pub(crate) fn assign(
    work: &Work,
    session: &mut Session<'_>,
    policy: &AssignmentModel,
    subject: &mut Subject,
) -> Result<Option<Uuid>, Error> {
    if let Some(wanted) = offer::wanted(work, policy, subject)? {
        let mut candidates = Candidates::of(work, session, policy)?;
        candidates.keep(work, policy);
        let closed = closed(work, session, policy, subject)?;
        if offer::make(work, session, (policy, wanted), subject, &closed, &mut candidates)? {
            return Ok(None);
        }
    }
    give_to_best(work, session, policy, subject)
}

/// Chooses a person for a record and gives it to them; none when nobody can take it, and the record waits.
fn give_to_best(
    work: &Work,
    session: &mut Session<'_>,
    policy: &AssignmentModel,
    subject: &mut Subject,
) -> Result<Option<Uuid>, Error> {
    let mut candidates = Candidates::of(work, session, policy)?;
    if candidates.all.is_empty() {
        // Not the same as when all have enough: nobody could claim the record either.
        let name = policy.label.get(&work.actor.user.language);
        return Err(Error::BadRequest(Issue::new("assignment.empty_pool").with("policy", name)));
    }
    candidates.keep(work, policy);
    let closed = closed(work, session, policy, subject)?;
    let mut choice = choose::choose(work, policy, subject, &closed, &candidates)?;
    if choice.person.is_none() && candidates.look_again(work, session, policy)? {
        candidates.keep(work, policy);
        choice = choose::choose(work, policy, subject, &closed, &candidates)?;
    }
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
    Ok(Some(person))
}

/// People who cannot get this record, whatever the policy says, with the reason.
fn closed(
    work: &Work,
    session: &mut Session<'_>,
    policy: &AssignmentModel,
    subject: &Subject,
) -> Result<Vec<(Uuid, &'static str)>, Error> {
    let frozen = freeze::of_record(session, &subject.entity, subject.id, work.now)?;
    let holder = subject.record[policy.field].as_id().map(|holder| (holder, "holder"));
    Ok(holder.into_iter().chain(frozen.into_iter().map(|freeze| (freeze.person, "frozen"))).collect())
}

/// Gives the record to a person, who has had a turn with that.
fn give(
    work: &Work,
    session: &mut Session<'_>,
    policy: &AssignmentModel,
    subject: &mut Subject,
    (person, turn): (Uuid, i64),
) -> Result<(), Error> {
    set(work, session, policy, subject, Value::Id(person))?;
    row::remember_turn(session, policy, person, turn)
}

fn set(
    work: &Work,
    session: &mut Session<'_>,
    policy: &AssignmentModel,
    subject: &mut Subject,
    value: Value,
) -> Result<(), Error> {
    let input = Input::of(vec![(policy.field, value)]);
    let base = Some(subject.record.clone());
    subject.record = commands::change(work, session, &subject.entity, subject.id, input, base)?.values;
    Ok(())
}

/// The policy of a key.
pub(crate) fn find(work: &Work, key: &str) -> Result<Arc<AssignmentModel>, Error> {
    work.model().automation.assignments.get(key).cloned().ok_or_else(|| unknown(key))
}

/// There is no such policy for such records.
pub(crate) fn unknown(key: &str) -> Error {
    Error::NotFound(Issue::new("assignment.not_found").with("policy", key))
}
