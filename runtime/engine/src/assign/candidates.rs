//! Who can be chosen, with all that filters and terms may ask about them: profile, figures, what they have in hand.
//! Figures are read for everybody at once and kept for a minute; what counts for capacity is exact.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mortise_definition::model::{AssignmentModel, MeasureUseModel, PoolModel, candidate_slots, system};
use mortise_expr::{Context, Dialect, Value};
use mortise_store::Session;
use parking_lot::Mutex;
use uuid::Uuid;

use super::hands::{self, Hand, Hands};
use crate::commands::Work;
use crate::error::Error;
use crate::metrics::{self, MetricQuery};
use crate::people::Person;
use crate::values::Issue;

/// How old figures may be. Capacity does not depend on them.
const KEPT: TimeDelta = TimeDelta::minutes(1);

/// What is known of the candidates of a policy, kept for the next assignments.
#[derive(Debug, Default)]
pub(crate) struct CandidateCache(Mutex<HashMap<String, Kept>>);

impl CandidateCache {
    /// Forgets what is known: a profile has changed.
    pub(super) fn forget(&self, policy: &str) {
        self.0.lock().remove(policy);
    }
}

#[derive(Debug, Clone)]
struct Kept {
    at: DateTime<Utc>,
    profiles: Arc<HashMap<Uuid, Vec<Value>>>,
    measures: Arc<Vec<Measured>>,
}

/// Figures of one measure by person.
#[derive(Debug)]
enum Measured {
    /// The same for every record.
    Figures(HashMap<Uuid, Value>),
    /// Depends on the record: figures by the values that other dimensions have to have.
    Matching(HashMap<(Uuid, String), Value>),
}

/// A person who can be chosen.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) id: Uuid,
    pub(super) name: String,
    /// The root `candidate`.
    pub(super) root: Vec<Value>,
    /// Number of the last turn, for the rotation: larger is later; 0 for who never had one.
    pub(super) turn: i64,
}

impl Candidate {
    fn new(user: &Person, hand: Hand) -> Candidate {
        Candidate {
            id: user.id,
            name: user.name.clone(),
            root: vec![
                Value::Id(user.id),
                Value::text(user.name.as_str()),
                user.department.map_or(Value::Null, Value::Id),
                Value::list(user.roles.iter().map(|role| Value::text(role.as_str()))),
                Value::Int(hand.open),
                Value::Int(hand.today),
            ],
            turn: hand.turn,
        }
    }

    fn count(&self, slot: usize) -> i64 {
        self.root[slot].as_int().unwrap_or(0)
    }
}

/// The candidates of a policy.
pub(super) struct Candidates {
    pub(super) all: Vec<Candidate>,
    kept: Kept,
    hands: Hands,
    /// What people have in hand was known from before.
    known: bool,
}

impl Candidates {
    /// Everybody who is in a pool of the policy.
    pub(super) fn of(
        work: &Work,
        session: &mut Session<'_>,
        policy: &AssignmentModel,
    ) -> Result<Candidates, Error> {
        let kept = match kept(work, policy) {
            Some(kept) => kept,
            None => Kept {
                at: work.now,
                profiles: Arc::new(profiles(work, session, policy)?),
                measures: Arc::new(measures(work, session, policy)?),
            },
        };
        let (hands, known) = Hands::of(work, session, policy)?;
        let pools = policy.fallbacks.iter().filter_map(|fallback| fallback.pool.as_ref());
        let pools: Vec<&PoolModel> = pools.chain([&policy.pool]).collect();
        let mut all: Vec<Candidate> = work
            .directory
            .users()
            .filter(|user| user.active && pools.iter().any(|pool| is_in(pool, &user.roles)))
            .map(|user| Candidate::new(user, hands.get(user.id)))
            .collect();
        all.sort_by_key(|candidate| candidate.id);
        Ok(Candidates { all, kept, hands, known })
    }

    /// The root `profile` of a candidate; empty without one.
    pub(super) fn profile(&self, person: Uuid) -> &[Value] {
        self.kept.profiles.get(&person).map_or(&[], Vec::as_slice)
    }

    /// The root `measures` of a candidate for a record.
    pub(super) fn measures(
        &self,
        policy: &AssignmentModel,
        person: Uuid,
        keys: &[Option<String>],
    ) -> Vec<Value> {
        let of_use = |(at, measure): (usize, &Measured)| {
            let found = match measure {
                Measured::Figures(figures) => figures.get(&person),
                Measured::Matching(figures) => {
                    keys[at].as_ref().and_then(|key| figures.get(&(person, key.clone())))
                }
            };
            found.cloned().unwrap_or_else(|| {
                if policy.measures[at].top.is_some() { Value::list([]) } else { Value::Null }
            })
        };
        self.kept.measures.iter().enumerate().map(of_use).collect()
    }

    /// For each measure that depends on the record: the values that it looks for.
    pub(super) fn keys(
        &self,
        policy: &AssignmentModel,
        cx: &Context<'_>,
    ) -> Result<Vec<Option<String>>, Error> {
        let of_use = |(usage, measured): (&MeasureUseModel, &Measured)| {
            if matches!(measured, Measured::Figures(_)) {
                return Ok(None);
            }
            let values = usage.matching.iter().map(|(_, value)| value.eval(cx));
            let values = values.collect::<Result<Vec<_>, _>>().map_err(|error| {
                let issue = Issue::new("automation.expression").with("expression", &usage.id);
                Error::BadRequest(issue.with("reason", error))
            })?;
            Ok(values.iter().all(|value| !value.is_null()).then(|| key_of(&values)))
        };
        policy.measures.iter().zip(self.kept.measures.iter()).map(of_use).collect()
    }

    /// Counts exactly what the person has in hand; tells whether it was as thought.
    pub(super) fn recount(
        &mut self,
        work: &Work,
        session: &mut Session<'_>,
        policy: &AssignmentModel,
        person: Uuid,
    ) -> Result<bool, Error> {
        let exact = hands::of_person(work, session, policy, person)?;
        let Some(candidate) = self.all.iter_mut().find(|candidate| candidate.id == person) else {
            return Ok(true);
        };
        let thought = (candidate.count(candidate_slots::OPEN), candidate.count(candidate_slots::TODAY));
        candidate.root[candidate_slots::OPEN] = Value::Int(exact.open);
        candidate.root[candidate_slots::TODAY] = Value::Int(exact.today);
        Ok(thought == (exact.open, exact.today))
    }

    /// Counts everybody anew, where other nodes may have made room meanwhile; tells whether it did.
    pub(super) fn look_again(
        &mut self,
        work: &Work,
        session: &mut Session<'_>,
        policy: &AssignmentModel,
    ) -> Result<bool, Error> {
        if !self.known || session.naming.dialect == Dialect::Sqlite {
            return Ok(false);
        }
        let hands = Hands::anew(work, session, policy)?;
        for candidate in &mut self.all {
            let hand = hands.get(candidate.id);
            candidate.root[candidate_slots::OPEN] = Value::Int(hand.open);
            candidate.root[candidate_slots::TODAY] = Value::Int(hand.today);
            candidate.turn = hand.turn;
        }
        (self.hands, self.known) = (hands, false);
        Ok(true)
    }

    /// The number of the turn that comes next. Counted, not timed: a thousand records may arrive in one moment.
    pub(super) fn next_turn(&self) -> i64 {
        self.all.iter().map(|candidate| candidate.turn).max().unwrap_or(0) + 1
    }

    /// The person has one more.
    pub(super) fn took(&mut self, person: Uuid) {
        let turn = self.next_turn();
        if let Some(candidate) = self.all.iter_mut().find(|candidate| candidate.id == person) {
            for slot in [candidate_slots::OPEN, candidate_slots::TODAY] {
                candidate.root[slot] = Value::Int(candidate.count(slot) + 1);
            }
            candidate.turn = turn;
        }
    }

    /// Nobody has anything in hand, and nobody had a turn (a replay begins).
    pub(super) fn empty_hands(&mut self) {
        for candidate in &mut self.all {
            candidate.root[candidate_slots::OPEN] = Value::Int(0);
            candidate.turn = 0;
        }
        self.new_day();
    }

    /// Nobody has got anything today yet.
    pub(super) fn new_day(&mut self) {
        self.all.iter_mut().for_each(|candidate| candidate.root[candidate_slots::TODAY] = Value::Int(0));
    }

    /// Keeps profiles, figures and what people have in hand for the next assignments.
    pub(super) fn keep(&self, work: &Work, policy: &AssignmentModel) {
        work.published.candidates.0.lock().insert(policy.key.clone(), self.kept.clone());
        self.hands.clone().keep(work, policy);
    }
}

/// Whether somebody with these roles is in a pool.
pub(super) fn is_in(pool: &PoolModel, roles: &[String]) -> bool {
    pool.roles.iter().any(|role| roles.contains(role))
}

fn kept(work: &Work, policy: &AssignmentModel) -> Option<Kept> {
    let kept = work.published.candidates.0.lock().get(&policy.key).cloned()?;
    let age = work.now - kept.at;
    (age >= TimeDelta::zero() && age < KEPT).then_some(kept)
}

/// The records of the profile entity, by person.
fn profiles(
    work: &Work,
    session: &mut Session<'_>,
    policy: &AssignmentModel,
) -> Result<HashMap<Uuid, Vec<Value>>, Error> {
    let pools = policy.fallbacks.iter().filter_map(|fallback| fallback.pool.as_ref());
    let profile = [&policy.pool].into_iter().chain(pools).find_map(|pool| pool.profile);
    let Some((entity, person)) = profile else { return Ok(HashMap::new()) };
    let table = &work.published.layout.tables[entity];
    let mut found = HashMap::new();
    table.each(session, |_, record| {
        if let Some(id) = record[person].as_id()
            && record[system::DELETED_AT].is_null()
        {
            found.insert(id, record.to_vec());
        }
        Ok::<(), Error>(())
    })?;
    Ok(found)
}

fn measures(
    work: &Work,
    session: &mut Session<'_>,
    policy: &AssignmentModel,
) -> Result<Vec<Measured>, Error> {
    policy.measures.iter().map(|usage| measure(work, session, usage)).collect()
}

/// Reads a measure for everybody.
fn measure(work: &Work, session: &mut Session<'_>, usage: &MeasureUseModel) -> Result<Measured, Error> {
    let metric = metrics::find(work, &usage.metric)?.clone();
    let mut by = vec![usage.person];
    by.extend(usage.matching.iter().map(|(slot, _)| *slot));
    by.extend(usage.top.map(|(slot, _)| slot));
    let rows = metrics::read_all(work, session, &metric, &MetricQuery { by, ..MetricQuery::default() })?;
    let others = usage.matching.len();
    let mut figures: HashMap<(Uuid, String), Value> = HashMap::new();
    let mut best: HashMap<(Uuid, String), Vec<Value>> = HashMap::new();
    // Rows come with the highest figures first.
    for row in rows {
        let Some(person) = row.group[0].as_id() else { continue };
        let key = (person, key_of(&row.group[1..=others]));
        match usage.top {
            Some((_, count)) => {
                let best = best.entry(key).or_default();
                let value = row.group[others + 1].clone();
                if best.len() < usize::from(count) && !value.is_null() {
                    best.push(Value::text(value.to_string()));
                }
            }
            None => {
                let figure = row.figure.and_then(|figure| mortise_expr::Decimal::from_f64(figure, 6));
                figures.insert(key, figure.map_or(Value::Null, Value::Decimal));
            }
        }
    }
    figures.extend(best.into_iter().map(|(key, values)| (key, Value::list(values))));
    Ok(match others {
        0 => Measured::Figures(figures.into_iter().map(|((person, _), value)| (person, value)).collect()),
        _ => Measured::Matching(figures),
    })
}

fn key_of(values: &[Value]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join("\u{1f}")
}
