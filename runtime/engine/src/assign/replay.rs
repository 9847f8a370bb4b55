//! Replaying past records through a draft of a policy: how the distribution would change, before it is published.
//! Nothing is written: the writes of the replay are undone with its transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use mortise_definition::model::{AssignmentModel, system};
use mortise_store::{Session, select};
use sea_query::{Alias, Expr, ExprTrait, Order, Query};
use serde::Serialize;
use uuid::Uuid;

use super::candidates::Candidates;
use super::choose;
use crate::automation::Subject;
use crate::commands::Work;
use crate::error::Error;

/// Records of one replay at most.
const RECORDS_MAX: u64 = 5_000;

/// What a draft would have done with past records.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Replay {
    /// Records looked at.
    pub records: usize,
    /// Records that would have stayed with nobody.
    pub nobody: usize,
    /// Records for which a fallback was taken, by its id.
    pub fallbacks: BTreeMap<String, usize>,
    /// Everybody who has or would have one.
    pub people: Vec<ReplayedPerson>,
}

/// Somebody's share.
#[derive(Debug, Clone, Serialize)]
pub struct ReplayedPerson {
    /// The person.
    pub person: Uuid,
    /// Records that the person got in fact.
    pub before: usize,
    /// Records that the person would get by the draft.
    pub after: usize,
}

/// Replays the latest records, oldest first. Figures of people are those of today; what they have in hand and got in a
/// day is counted as the replay goes on, day by day of the records.
pub(crate) fn replay(
    work: &Work,
    session: &mut Session<'_>,
    draft: &AssignmentModel,
    count: u64,
) -> Result<Replay, Error> {
    let entity = Arc::clone(&work.model().entities[draft.entity]);
    let table = &work.published.layout.tables[entity.index];
    let mut query = Query::select();
    for &slot in &table.stored {
        query.column(Alias::new(entity.fields[slot].name.as_ref()));
    }
    query.from(table.from.clone());
    query.and_where(Expr::col(Alias::new("deleted_at")).is_null());
    query.order_by(Alias::new("created_at"), Order::Desc).order_by(Alias::new("id"), Order::Desc);
    query.limit(Ord::min(count, RECORDS_MAX));
    let (sql, params) = select::build(&query, session.naming.dialect);
    let mut records = session.query(&sql, &params, |row| table.record(row))?;
    records.reverse();
    let mut candidates = Candidates::of(work, session, draft)?;
    candidates.empty_hands();
    let mut result = Replay { records: records.len(), ..Replay::default() };
    let mut people: BTreeMap<Uuid, (usize, usize)> = BTreeMap::new();
    let mut day = None;
    for record in records {
        let created = match &record[system::CREATED_AT] {
            mortise_expr::Value::DateTime(at) => *at,
            _ => work.now,
        };
        let local = created.with_timezone(&work.directory.tz).date_naive();
        if day.replace(local) != Some(local) {
            candidates.new_day();
        }
        if let Some(person) = record[draft.field].as_id() {
            people.entry(person).or_default().0 += 1;
        }
        let subject = Subject::new(Arc::clone(&entity), record, created);
        let choice = choose::choose(work, draft, &subject, &[], &candidates)?;
        for fallback in choice.fallbacks {
            *result.fallbacks.entry(fallback).or_default() += 1;
        }
        match choice.person {
            Some(person) => {
                people.entry(person).or_default().1 += 1;
                candidates.took(person);
            }
            None => result.nobody += 1,
        }
    }
    let person = |(person, (before, after))| ReplayedPerson { person, before, after };
    result.people = people.into_iter().map(person).collect();
    result.people.sort_by_key(|person| std::cmp::Reverse(person.after));
    Ok(result)
}
