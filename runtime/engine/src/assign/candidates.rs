//! Who can be chosen, with all that filters and terms may ask about them: profile, figures, what they have in hand.
//! Figures are read for everybody at once and kept for a minute; what counts for capacity is exact.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mortise_definition::model::{AssignmentModel, MeasureUseModel, PoolModel, candidate_slots, system};
use mortise_expr::{Context, Value};
use mortise_store::{Session, select};
use parking_lot::Mutex;
use sea_query::{Alias, Expr, ExprTrait, Query};
use uuid::Uuid;

use super::row;
use crate::commands::Work;
use crate::error::Error;
use crate::metrics::{self, MetricQuery};
use crate::values::Issue;

/// How old figures may be. Capacity does not depend on them.
const KEPT: TimeDelta = TimeDelta::minutes(1);

/// What is known of the candidates of a policy, kept for the next assignments.
#[derive(Debug, Default)]
pub(crate) struct CandidateCache(Mutex<HashMap<String, Kept>>);

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
    fn count(&self, slot: usize) -> i64 {
        self.root[slot].as_int().unwrap_or(0)
    }
}

/// The candidates of a policy.
pub(super) struct Candidates {
    pub(super) all: Vec<Candidate>,
    kept: Kept,
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
        let today = row::today(work, session, policy)?;
        let turns = row::turns(session, policy)?;
        let open = open(work, session, policy, None)?;
        let pools = policy.fallbacks.iter().filter_map(|fallback| fallback.pool.as_ref());
        let pools: Vec<&PoolModel> = pools.chain([&policy.pool]).collect();
        let mut all: Vec<Candidate> = work
            .directory
            .users()
            .filter(|user| user.active && pools.iter().any(|pool| is_in(pool, &user.roles)))
            .map(|user| Candidate {
                id: user.id,
                name: user.name.clone(),
                root: vec![
                    Value::Id(user.id),
                    Value::text(user.name.as_str()),
                    user.department.map_or(Value::Null, Value::Id),
                    Value::list(user.roles.iter().map(|role| Value::text(role.as_str()))),
                    Value::Int(open.get(&user.id).copied().unwrap_or(0)),
                    Value::Int(today.get(&user.id).copied().unwrap_or(0)),
                ],
                turn: turns.get(&user.id).copied().unwrap_or(0),
            })
            .collect();
        all.sort_by_key(|candidate| candidate.id);
        Ok(Candidates { all, kept })
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
        if policy.open.is_none() {
            return Ok(true);
        }
        let exact = open(work, session, policy, Some(person))?.get(&person).copied().unwrap_or(0);
        let Some(candidate) = self.all.iter_mut().find(|candidate| candidate.id == person) else {
            return Ok(true);
        };
        let same = candidate.count(candidate_slots::OPEN) == exact;
        candidate.root[candidate_slots::OPEN] = Value::Int(exact);
        Ok(same)
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

    /// Keeps profiles and figures for the next assignments.
    pub(super) fn keep(&self, work: &Work, policy: &AssignmentModel) {
        work.published.candidates.0.lock().insert(policy.key.clone(), self.kept.clone());
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

/// Open records by person; of one person alone when named.
fn open(
    work: &Work,
    session: &mut Session<'_>,
    policy: &AssignmentModel,
    person: Option<Uuid>,
) -> Result<HashMap<Uuid, i64>, Error> {
    let entity = &work.model().entities[policy.entity];
    let table = &work.published.layout.tables[entity.index];
    let column = select::column(entity, policy.field);
    let mut query = Query::select();
    query.column(Alias::new(entity.fields[policy.field].name.as_ref())).expr(Expr::cust("count(*)"));
    query.from(table.from.clone());
    query.and_where(select::column(entity, system::DELETED_AT).is_null());
    query.and_where(match person {
        Some(person) => column.eq(person),
        None => column.is_not_null(),
    });
    if let Some(condition) = &policy.open_when {
        let settings = &work.model().apps[policy.app].setting_values;
        let roots: [&[Value]; 3] = [&[], &work.actor.user.root, settings];
        let cx = Context { now: work.now, tz: work.actor.user.tz, roots: &roots };
        query.and_where(condition.to_sql(session.naming.dialect, None, &cx).map_err(|diagnostic| {
            let issue = Issue::new("automation.expression").with("expression", condition.source());
            Error::BadRequest(issue.with("reason", diagnostic.message))
        })?);
    }
    query.group_by_col(Alias::new(entity.fields[policy.field].name.as_ref()));
    let (sql, params) = select::build(&query, session.naming.dialect);
    let rows = session.query(&sql, &params, |row| Ok((row.id(0)?, row.int(1)?)))?;
    Ok(rows.into_iter().filter_map(|(person, count)| Some((person?, count?))).collect())
}
