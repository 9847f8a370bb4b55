//! Offers (LEAD-14): the best few are asked at once, and who takes the record first gets it. An offer that nobody takes in
//! time ends by itself, and the record is given as if it had not been offered.

use chrono::{DateTime, TimeDelta, Utc};
use mortise_definition::model::{AssignmentModel, OfferModel};
use mortise_expr::Value;
use mortise_store::Session;
use uuid::Uuid;

use super::candidates::Candidates;
use super::choose::{Choice, choose};
use super::row::{self, Kind};
use crate::automation::Subject;
use crate::automation::timer::{self, Timer, TimerKind};
use crate::commands::Work;
use crate::error::Error;
use crate::notify;
use crate::values::Issue;

/// An offer that nobody has taken yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Open {
    /// When it was made.
    pub(super) at: DateTime<Utc>,
    /// Who may take the record.
    pub(super) people: Vec<Uuid>,
}

/// Whether the policy offers this record, instead of giving it away.
pub(super) fn wanted<'p>(
    work: &Work,
    policy: &'p AssignmentModel,
    subject: &Subject,
) -> Result<Option<&'p OfferModel>, Error> {
    let Some(offer) = &policy.offer else { return Ok(None) };
    let holds = match &offer.when {
        Some(condition) => subject.test(work, policy.app, condition)?,
        None => true,
    };
    Ok(Some(offer).filter(|_| holds))
}

/// Offers the record to the best few, so that it belongs to nobody meanwhile; false when nobody could take it.
pub(super) fn make(
    work: &Work,
    session: &mut Session<'_>,
    (policy, offer): (&AssignmentModel, &OfferModel),
    subject: &mut Subject,
    closed: &[(Uuid, &str)],
    candidates: &mut Candidates,
) -> Result<bool, Error> {
    let mut choice = choose(work, policy, subject, closed, candidates)?;
    // What they have in hand may be some moments old; those who are asked are counted again.
    while !all_exact(work, session, policy, &best(&choice, offer.count), candidates)? {
        choice = choose(work, policy, subject, closed, candidates)?;
    }
    let people = best(&choice, offer.count);
    if people.is_empty() {
        return Ok(false);
    }
    let until = until(work, policy, offer, subject)?;
    let choice = Choice { person: None, offered: people.clone(), until: Some(until), ..choice };
    let id = row::insert(work, session, policy, subject, Kind::Offer, &choice)?;
    if !subject.record[policy.field].is_null() {
        super::set(work, session, policy, subject, Value::Null)?;
    }
    let timer = Timer {
        id: work.env.id(),
        due: until,
        kind: TimerKind::Offer,
        target: policy.key.clone(),
        entity: Some(subject.entity.key.clone()),
        record: Some(subject.id),
        clock: None,
        payload: Some(id.to_string()),
    };
    timer::put(session, &timer)?;
    let notification = notify::find(work, &offer.notification)?;
    notify::tell_these(work, session, &notification, people, subject)?;
    Ok(true)
}

fn best(choice: &Choice, count: usize) -> Vec<Uuid> {
    choice.considered.iter().take(count).map(|one| one.person).collect()
}

/// Counts again what these people have in hand; tells whether it was as thought.
fn all_exact(
    work: &Work,
    session: &mut Session<'_>,
    policy: &AssignmentModel,
    people: &[Uuid],
    candidates: &mut Candidates,
) -> Result<bool, Error> {
    let mut exact = true;
    for person in people {
        exact &= candidates.recount(work, session, policy, *person)?;
    }
    Ok(exact)
}

fn until(
    work: &Work,
    policy: &AssignmentModel,
    offer: &OfferModel,
    subject: &Subject,
) -> Result<DateTime<Utc>, Error> {
    let length = match subject.eval(work, policy.app, &offer.duration)? {
        Value::Duration(milliseconds) if milliseconds > 0 => TimeDelta::try_milliseconds(milliseconds),
        _ => None,
    };
    let until = length.and_then(|length| work.now.checked_add_signed(length));
    until.ok_or_else(|| {
        Error::BadRequest(Issue::new("automation.no_value").with("expression", offer.duration.source()))
    })
}

/// The offer of a record that stands now.
pub(super) fn open(work: &Work, session: &mut Session<'_>, subject: &Subject) -> Result<Option<Open>, Error> {
    let newest = row::newest(session, &subject.entity.key, subject.id)?;
    Ok(newest.filter(|(_, stored)| stored.is_open_offer(work.now)).map(|(_, stored)| Open {
        at: stored.at,
        people: stored.choice.map(|choice| choice.offered).unwrap_or_default(),
    }))
}

/// What somebody is told who was asked for a record, and does not see it any more because another one was faster.
pub(crate) fn missed(
    work: &Work,
    session: &mut Session<'_>,
    entity: &str,
    record: Uuid,
) -> Result<Option<Error>, Error> {
    let asked = |stored: &row::StoredAssignment| {
        let offered = stored.choice.iter().flat_map(|choice| &choice.offered);
        offered.into_iter().any(|person| work.actor.id() == Some(*person))
    };
    let decisions = row::of_record_in(session, entity, record)?;
    Ok(decisions.iter().any(asked).then(|| Error::Forbidden(Issue::new("claim.taken"))))
}

/// The time of an offer is over. Where nobody took the record, it is given by the policy; where something else was decided
/// meanwhile, or nobody is looked for any more, nothing happens.
pub(crate) fn lapse(work: &Work, session: &mut Session<'_>, timer: &Timer) -> Result<(), Error> {
    let Some(policy) = work.model().automation.assignments.get(&timer.target).cloned() else { return Ok(()) };
    let entity = work.published.model.entities[policy.entity].clone();
    let Some(record) = timer.record else { return Ok(()) };
    let stands = row::newest(session, &entity.key, record)?
        .is_some_and(|(id, _)| timer.payload.as_deref() == Some(id.to_string().as_str()));
    let subject = Subject::load(work, session, &entity, record, timer.due)?;
    let Some(mut subject) = subject.filter(|subject| stands && !subject.deleted) else { return Ok(()) };
    let free = subject.record[policy.field].is_null();
    let sought = match &policy.claim {
        Some(condition) => subject.test(work, policy.app, condition)?,
        None => true,
    };
    match free && sought {
        true => super::give_to_best(work, session, &policy, &mut subject).map(drop),
        false => Ok(()),
    }
}
