//! The choice itself: filters, capacity, weighted terms, rotation, fallbacks. Pure: candidates in, choice out.

use chrono::{DateTime, Utc};
use mortise_definition::model::{AssignmentModel, FallbackModel, PoolModel, candidate_slots};
use mortise_expr::{Context, Expression, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::advice::{self, Advice};
use super::candidates::{Candidate, Candidates, is_in};
use crate::automation::{Subject, failed};
use crate::commands::Work;
use crate::error::Error;

/// Candidates kept with all their terms in a decision; of the others it is kept why they were out, or their sum.
const SHOWN_MAX: usize = 25;
/// Sums that differ by less are a tie: further digits are noise of the weights.
const TIE: f64 = 1e-9;

/// A decision, as it is kept and shown.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Choice {
    /// Who was chosen; nobody when all are out.
    pub person: Option<Uuid>,
    /// The best candidates, the chosen one first.
    pub considered: Vec<Considered>,
    /// Candidates beyond those, by number.
    pub more: usize,
    /// Who was out, and why.
    pub excluded: Vec<Excluded>,
    /// Ids of the fallbacks that were taken, in order.
    pub fallbacks: Vec<String>,
    /// How many were as good as the chosen one; the one who waited longest among them was taken.
    pub tied: usize,
    /// What a plugin had to say, where one has a say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<Advice>,
    /// Who was asked, where the record was offered: the best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offered: Vec<Uuid>,
    /// Until when it was offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// Milliseconds from the offer until somebody took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_ms: Option<i64>,
}

impl Choice {
    /// What a person may know of it who may not know how their colleagues stand.
    pub(crate) fn seen_by(mut self, person: Option<Uuid>) -> Choice {
        let all = self.considered.len();
        self.considered.retain(|one| Some(one.person) == person);
        self.more += all - self.considered.len();
        self.excluded.retain(|one| Some(one.person) == person);
        self.offered.retain(|one| Some(*one) == person);
        self
    }
}

/// A candidate who could have been chosen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Considered {
    /// The person.
    pub person: Uuid,
    /// Name at that time.
    pub name: String,
    /// Weighted sum.
    pub total: f64,
    /// Open records at that time.
    pub open: i64,
    /// Records given on that day before.
    pub today: i64,
    /// Terms in the order of the policy.
    pub terms: Vec<Score>,
}

/// A term of a candidate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Score {
    /// Id of the term.
    pub term: String,
    /// Weight.
    pub weight: f64,
    /// Score, 0 to 1.
    pub score: f64,
    /// The score had no value, so that the one for missing values counted.
    pub missing: bool,
}

/// Somebody who was out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Excluded {
    /// The person.
    pub person: Uuid,
    /// `filter:id`, `capacity:per_day`, `capacity:open`, `holder` (has it now), `frozen`.
    pub reason: String,
}

/// Chooses, with the fallbacks where nobody is left. `closed` are people who cannot get this record, whatever the policy
/// says, with the reason.
pub(super) fn choose(
    work: &Work,
    policy: &AssignmentModel,
    subject: &Subject,
    closed: &[(Uuid, &str)],
    candidates: &Candidates,
) -> Result<Choice, Error> {
    let mut choice = attempt(work, policy, subject, closed, candidates, (&policy.pool, &[]))?;
    let mut taken = Vec::new();
    for fallback in &policy.fallbacks {
        if choice.person.is_some() {
            break;
        }
        if !applies(work, policy, subject, fallback)? {
            continue;
        }
        taken.push(fallback.id.clone());
        let pool = fallback.pool.as_ref().unwrap_or(&policy.pool);
        choice = attempt(work, policy, subject, closed, candidates, (pool, &fallback.without))?;
    }
    Ok(Choice { fallbacks: taken, ..choice })
}

fn applies(
    work: &Work,
    policy: &AssignmentModel,
    subject: &Subject,
    fallback: &FallbackModel,
) -> Result<bool, Error> {
    match &fallback.when {
        Some(condition) => subject.test(work, policy.app, condition),
        None => Ok(true),
    }
}

fn attempt(
    work: &Work,
    policy: &AssignmentModel,
    subject: &Subject,
    closed: &[(Uuid, &str)],
    candidates: &Candidates,
    (pool, without): (&PoolModel, &[usize]),
) -> Result<Choice, Error> {
    let keys = subject.with_roots(work, policy.app, |cx| candidates.keys(policy, cx))?;
    let weights = weights(work, policy, subject)?;
    let mut excluded = Vec::new();
    let mut scored: Vec<(f64, &Candidate, Vec<Score>)> = Vec::new();
    for candidate in &candidates.all {
        let roles = work.directory.user(candidate.id).map_or(&[][..], |user| &user.roles);
        if !is_in(pool, roles) {
            continue;
        }
        if let Some((_, reason)) = closed.iter().find(|(person, _)| *person == candidate.id) {
            excluded.push(Excluded { person: candidate.id, reason: (*reason).to_owned() });
            continue;
        }
        let measures = candidates.measures(policy, candidate.id, &keys);
        let asked =
            Asked { work, policy, subject, candidate, profile: candidates.profile(candidate.id), measures };
        if let Some(reason) = asked.out(without)? {
            excluded.push(Excluded { person: candidate.id, reason });
            continue;
        }
        let terms = asked.terms(&weights)?;
        let total = terms.iter().map(|term| term.weight * term.score).sum();
        scored.push((total, candidate, terms));
    }
    // The highest sum; on a tie the longest wait, and of those who never had a turn the oldest account.
    let rank = |sum: f64| (sum / TIE).round() + 0.0;
    scored.sort_by(|(a, one, _), (b, other, _)| {
        let by_sum = rank(*b).total_cmp(&rank(*a));
        by_sum.then(one.turn.cmp(&other.turn)).then(one.id.cmp(&other.id))
    });
    let advice = advice::ask(work, policy, subject, &scored);
    if let Some(chosen) = advice.as_ref().and_then(|advice| advice.person)
        && let Some(place) = scored.iter().position(|(_, candidate, _)| candidate.id == chosen)
    {
        let chosen = scored.remove(place);
        scored.insert(0, chosen);
    }
    let best = scored.first().map(|(total, ..)| *total);
    let by_plugin = advice.as_ref().is_some_and(|advice| advice.person.is_some());
    let best = best.filter(|_| !by_plugin);
    let tied = best.map_or(0, |best| scored.iter().filter(|(total, ..)| (best - total).abs() < TIE).count());
    let person = scored.first().map(|(_, candidate, _)| candidate.id);
    let more = scored.len().saturating_sub(SHOWN_MAX);
    let considered = scored.into_iter().take(SHOWN_MAX).map(|(total, candidate, terms)| Considered {
        person: candidate.id,
        name: candidate.name.clone(),
        total,
        open: candidate.root[candidate_slots::OPEN].as_int().unwrap_or(0),
        today: candidate.root[candidate_slots::TODAY].as_int().unwrap_or(0),
        terms,
    });
    let considered = considered.collect();
    Ok(Choice { person, considered, more, excluded, tied, advice, ..Choice::default() })
}

fn weights(work: &Work, policy: &AssignmentModel, subject: &Subject) -> Result<Vec<f64>, Error> {
    let weight = |term: &mortise_definition::model::TermModel| {
        Ok(subject.eval(work, policy.app, &term.weight)?.as_number().unwrap_or(0.0))
    };
    policy.terms.iter().map(weight).collect()
}

/// Questions about one candidate.
pub(super) struct Asked<'a> {
    pub(super) work: &'a Work,
    pub(super) policy: &'a AssignmentModel,
    pub(super) subject: &'a Subject,
    pub(super) candidate: &'a Candidate,
    pub(super) profile: &'a [Value],
    pub(super) measures: Vec<Value>,
}

impl Asked<'_> {
    fn eval(&self, expression: &Expression) -> Result<Value, Error> {
        let work = self.work;
        let settings = &work.published.model.apps[self.policy.app].setting_values;
        let roots: [&[Value]; 6] = [
            &self.subject.record,
            &work.actor.user.root,
            settings,
            &self.candidate.root,
            self.profile,
            &self.measures,
        ];
        let functions = work.asking();
        let cx =
            Context { now: work.now, tz: work.actor.user.tz, roots: &roots, functions: Some(&functions) };
        expression.eval(&cx).map_err(|error| failed(expression, &error))
    }

    /// Why the candidate is out, if so.
    pub(super) fn out(&self, without: &[usize]) -> Result<Option<String>, Error> {
        for (position, filter) in self.policy.filters.iter().enumerate() {
            if !without.contains(&position) && !self.eval(&filter.condition)?.is_true() {
                return Ok(Some(format!("filter:{}", filter.id)));
            }
        }
        self.full()
    }

    /// Which capacity is used up, if one is.
    pub(super) fn full(&self) -> Result<Option<String>, Error> {
        let limits = [
            (&self.policy.per_day, candidate_slots::TODAY, "capacity:per_day"),
            (&self.policy.open, candidate_slots::OPEN, "capacity:open"),
        ];
        for (limit, slot, reason) in limits {
            let Some(limit) = limit else { continue };
            let has = self.candidate.root[slot].as_int().unwrap_or(0);
            // No number means no limit: a profile that leaves it open.
            if let Some(limit) = self.eval(limit)?.as_number()
                && has as f64 >= limit
            {
                return Ok(Some(reason.to_owned()));
            }
        }
        Ok(None)
    }

    fn terms(&self, weights: &[f64]) -> Result<Vec<Score>, Error> {
        let term = |(term, weight): (&mortise_definition::model::TermModel, &f64)| {
            let score = self.eval(&term.score)?.as_number();
            let missing = match (score, &term.missing) {
                (None, Some(missing)) => self.eval(missing)?.as_number(),
                _ => None,
            };
            let value = score.or(missing).unwrap_or(0.0);
            let value = if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
            Ok(Score { term: term.id.clone(), weight: *weight, score: value, missing: score.is_none() })
        };
        self.policy.terms.iter().zip(weights).map(term).collect()
    }
}
