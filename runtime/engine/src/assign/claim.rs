//! Claiming (LEAD-08): somebody of the pool takes a record that belongs to nobody, within their capacity.

use mortise_definition::model::AssignmentModel;
use mortise_store::{Session, version_of};

use super::candidates::{Candidates, is_in};
use super::choose::{Asked, Choice};
use super::row::{self, Kind};
use super::{give, offer};
use crate::automation::Subject;
use crate::commands::{Work, Written};
use crate::error::Error;
use crate::values::Issue;

/// Gives a free record to the person who asks for it. Claiming is a right of the policy, not of the field: the field is
/// set in the person's name, but with all rights.
pub(crate) fn claim(
    work: &Work,
    session: &mut Session<'_>,
    policy: &AssignmentModel,
    mut subject: Subject,
) -> Result<Written, Error> {
    let system = &work.with_all_rights();
    let refuse = |code: &'static str| Error::Forbidden(Issue::new(code).with("policy", &policy.key));
    let person = work.actor.id().ok_or_else(|| refuse("claim.not_in_pool"))?;
    if subject.deleted {
        return Err(Error::no_record());
    }
    if !subject.record[policy.field].is_null() {
        return Err(Error::Forbidden(Issue::new("claim.taken")));
    }
    let offer = offer::open(system, session, &subject)?;
    match &offer {
        Some(offer) if offer.people.contains(&person) => {}
        Some(_) => return Err(refuse("claim.offered")),
        None => demand(system, policy, &subject)?,
    }
    let mut candidates = Candidates::of(system, session, policy)?;
    candidates.recount(system, session, policy, person)?;
    let candidate = candidates.all.iter().find(|candidate| candidate.id == person);
    let candidate = candidate.ok_or_else(|| refuse("claim.not_in_pool"))?;
    let measures = candidates.measures(policy, person, &vec![None; policy.measures.len()]);
    let profile = candidates.profile(person);
    let asked = Asked { work: system, policy, subject: &subject, candidate, profile, measures };
    if let Some(reason) = asked.full()? {
        let code = if reason == "capacity:per_day" { "claim.full_today" } else { "claim.full_open" };
        return Err(refuse(code));
    }
    let mut choice = Choice { person: Some(person), ..Choice::default() };
    if let Some(offer) = offer {
        choice.answered_ms = Some((work.now - offer.at).num_milliseconds());
        choice.offered = offer.people;
    }
    row::insert(system, session, policy, &subject, Kind::Claim, &choice)?;
    give(system, session, policy, &mut subject, (person, candidates.next_turn()))?;
    let version = version_of(&subject.record);
    Ok(Written { entity: subject.entity.key.clone(), id: subject.id, version, values: subject.record })
}

/// What nobody is asked for in particular can be claimed by people of the pool, as far as the policy lets them.
fn demand(work: &Work, policy: &AssignmentModel, subject: &Subject) -> Result<(), Error> {
    let refuse = |code: &'static str| Error::Forbidden(Issue::new(code).with("policy", &policy.key));
    let Some(condition) = &policy.claim else { return Err(refuse("claim.closed")) };
    if !is_in(&policy.pool, &work.actor.user.roles) {
        return Err(refuse("claim.not_in_pool"));
    }
    match subject.test(work, policy.app, condition)? {
        true => Ok(()),
        false => Err(refuse("claim.closed")),
    }
}
