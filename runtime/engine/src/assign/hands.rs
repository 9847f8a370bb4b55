//! What everybody has in hand by a policy: open records, records of today, turns. Counted for everybody once, and after
//! that only for people of whose records something was written, so that a decision costs the same however many records
//! there are. Must never be relied on for a limit: who is chosen is counted exactly before.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use mortise_definition::model::{AssignmentModel, EntityModel, FieldKind, Slot, roots, system};
use mortise_expr::{Context, Dialect, Value};
use mortise_store::{Session, select};
use parking_lot::Mutex;
use sea_query::{Alias, Expr, ExprTrait, Query};
use uuid::Uuid;

use super::row;
use crate::commands::Work;
use crate::error::Error;
use crate::values::Issue;

/// How old counts may be where other nodes write, too.
const KEPT: TimeDelta = TimeDelta::minutes(1);
/// More people than these are counted in one go with all others.
const STALE_MAX: usize = 32;

/// What a person has in hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hand {
    /// Open records.
    pub(super) open: i64,
    /// Records given by the policy today.
    pub(super) today: i64,
    /// Number of the last turn, for the rotation: larger is later; 0 for who never had one.
    pub(super) turn: i64,
}

/// What everybody has in hand.
#[derive(Debug, Clone)]
pub(super) struct Hands {
    /// When everybody was counted.
    at: DateTime<Utc>,
    day: String,
    people: HashMap<Uuid, Hand>,
    /// Who has to be counted again.
    stale: HashSet<Uuid>,
}

/// Counts by policy, kept for the next decisions of the lane.
#[derive(Debug, Default)]
pub(crate) struct HandsCache(Mutex<HashMap<String, Hands>>);

impl HandsCache {
    /// Forgets everything: something was undone after it had been counted.
    pub(crate) fn forget(&self) {
        self.0.lock().clear();
    }

    fn mark(&self, policy: &str, person: Uuid) {
        if let Some(hands) = self.0.lock().get_mut(policy) {
            hands.stale.insert(person);
        }
    }

    fn find(&self, work: &Work, dialect: Dialect, policy: &AssignmentModel) -> Option<Hands> {
        let kept = self.0.lock().get(&policy.key).cloned()?;
        // What this process writes is noted; what other nodes write is not.
        let current = dialect == Dialect::Sqlite || work.now - kept.at < KEPT;
        (current && kept.day == row::day(work) && kept.stale.len() <= STALE_MAX).then_some(kept)
    }
}

impl Hands {
    /// What everybody has in hand now, and whether most of it was known from before.
    pub(super) fn of(
        work: &Work,
        session: &mut Session<'_>,
        policy: &AssignmentModel,
    ) -> Result<(Hands, bool), Error> {
        let Some(mut kept) = work.published.hands.find(work, session.naming.dialect, policy) else {
            return Ok((Hands::anew(work, session, policy)?, false));
        };
        for person in std::mem::take(&mut kept.stale) {
            kept.people.insert(person, of_person(work, session, policy, person)?);
        }
        Ok((kept, true))
    }

    /// Counts everybody.
    pub(super) fn anew(
        work: &Work,
        session: &mut Session<'_>,
        policy: &AssignmentModel,
    ) -> Result<Hands, Error> {
        let mut people: HashMap<Uuid, Hand> = HashMap::new();
        for (person, open) in open(work, session, policy, None)? {
            people.entry(person).or_default().open = open;
        }
        for (person, today) in row::today(work, session, policy, None)? {
            people.entry(person).or_default().today = today;
        }
        for (person, turn) in row::turns(session, policy)? {
            people.entry(person).or_default().turn = turn;
        }
        Ok(Hands { at: work.now, day: row::day(work), people, stale: HashSet::new() })
    }

    /// What a person has in hand.
    pub(super) fn get(&self, person: Uuid) -> Hand {
        self.people.get(&person).copied().unwrap_or_default()
    }

    /// Keeps the counts for the next decisions. Only for the lane: nothing that it counts inside of its transaction is
    /// undone without everything being forgotten.
    pub(super) fn keep(self, work: &Work, policy: &AssignmentModel) {
        if work.published.assigning[policy.entity].iter().any(|known| known.key == policy.key) {
            work.published.hands.0.lock().insert(policy.key.clone(), self);
        }
    }
}

/// Counts exactly what a person has in hand.
pub(super) fn of_person(
    work: &Work,
    session: &mut Session<'_>,
    policy: &AssignmentModel,
    person: Uuid,
) -> Result<Hand, Error> {
    let of = |counts: HashMap<Uuid, i64>| counts.get(&person).copied().unwrap_or(0);
    Ok(Hand {
        open: of(open(work, session, policy, Some(person))?),
        today: of(row::today(work, session, policy, Some(person))?),
        turn: row::turn(session, policy, person)?,
    })
}

/// Whether every change of what people have in hand by a policy is a change of its records, and so is seen by [`note`]:
/// not where the present moment, or whoever asks, decides what is open, and not where other records do.
pub(crate) fn follows(policy: &AssignmentModel, entity: &EntityModel) -> bool {
    policy.open_when.as_ref().is_none_or(|open| {
        let known = |root: usize, slot: Slot| match root {
            roots::RECORD => !matches!(entity.fields[slot].kind, FieldKind::Rollup { .. }),
            root => root == roots::SETTINGS,
        };
        !open.volatile() && open.references().iter().all(|reference| known(reference.root, reference.slot))
    })
}

/// Notes what a change of a record means for what is known of candidates. It was `old` and is `new` (either may be
/// absent).
pub(crate) fn note(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    old: Option<&[Value]>,
    new: Option<&[Value]>,
) {
    for policy in &work.published.profiling[entity.index] {
        work.published.candidates.forget(&policy.key);
        let (published, policy) = (work.published.clone(), policy.clone());
        session.after_commit(move || published.candidates.forget(&policy.key));
    }
    for policy in &work.published.assigning[entity.index] {
        if !matters(policy, old, new) {
            continue;
        }
        for person in [old, new].into_iter().flatten().filter_map(|record| record[policy.field].as_id()) {
            if work.cause.is_some() {
                // The next decision may come within this very transaction.
                work.published.hands.mark(&policy.key, person);
            } else {
                let (published, policy) = (work.published.clone(), policy.clone());
                session.after_commit(move || published.hands.mark(&policy.key, person));
            }
        }
    }
}

/// Whether a change can make a difference to what somebody has in hand.
fn matters(policy: &AssignmentModel, old: Option<&[Value]>, new: Option<&[Value]>) -> bool {
    let (Some(old), Some(new)) = (old, new) else { return true };
    let read = policy.open_when.iter().flat_map(|open| open.references());
    let read = read.filter(|reference| reference.root == roots::RECORD).map(|reference| reference.slot);
    [policy.field].into_iter().chain(read).any(|slot| old[slot] != new[slot])
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
        let cx = Context { now: work.now, tz: work.actor.user.tz, roots: &roots, functions: None };
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
