//! What the faces of roles ask: what a person has to do and until when, what is overdue and how far it has gone, what
//! has changed lately, and whether anything has. Reads only, each within the scope of whoever asks.

use std::collections::{BTreeMap, HashSet};

use mortise_definition::model::{EntityModel, Model, system};
use mortise_definition::source::Operation;
use mortise_expr::Value;
use mortise_store::{StoredEntry, TrailFilter, select};
use sea_query::{Alias, ExprTrait, Query as Sql, SelectStatement};
use uuid::Uuid;

use crate::clocks::{self, StoredClock};
use crate::commands::Work;
use crate::error::Error;
use crate::lists;
use crate::people::Actor;
use crate::query::{Condition, Op, Query};
use crate::records::Record;
use crate::tenant::Tenant;
use crate::timeline::{self, TimelineEntry};

/// Most tasks of one answer.
const TASKS_MAX: usize = 100;
/// Entries of the trail that are looked through at a time.
const TRAIL_PAGE: i64 = 200;
/// Pages of the trail at most: somebody who sees little must not make us read all of it.
const TRAIL_PAGES: usize = 5;

/// A clock that runs, with the record on which it does.
#[derive(Debug)]
pub struct Task {
    /// The clock.
    pub clock: StoredClock,
    /// Microseconds that it has counted.
    pub counted: i64,
    /// Position of the entity.
    pub entity: usize,
    /// The record: its title and what says whose it is.
    pub record: Record,
}

/// Clocks beyond their limit that have come to the same step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// Key of the policy.
    pub sla: String,
    /// The last step that was carried out or passed over; none before the first.
    pub step: Option<String>,
    /// How many.
    pub count: i64,
}

/// A record that has changed, with its last change.
#[derive(Debug)]
pub struct ChangedRecord {
    /// Position of the entity.
    pub entity: usize,
    /// The record, with its title.
    pub record: Record,
    /// What happened.
    pub entry: TimelineEntry,
}

impl Tenant {
    /// How often records of an entity changed since the start; a different answer means that something did.
    pub fn changes(&self, entity: usize) -> u64 {
        self.store.changes(entity)
    }

    /// Running clocks on records that belong to the person, the most urgent first.
    pub async fn tasks(&self, actor: &Actor, limit: usize) -> Result<Vec<Task>, Error> {
        self.running(actor, true, limit).await
    }

    /// Clocks beyond their limit on records that the person may read, the longest overdue first.
    pub async fn overdue(&self, actor: &Actor, limit: usize) -> Result<Vec<Task>, Error> {
        self.running(actor, false, limit).await
    }

    /// The same clocks counted by the step of their ladder to which they have come.
    pub async fn overdue_by_step(&self, actor: &Actor) -> Result<Vec<Overdue>, Error> {
        let work = self.work(actor);
        let mut found: Vec<Overdue> = Vec::new();
        for entity in timed(work.model(), &work) {
            let records = readable(&work, entity, false)?;
            for (sla, fired, count) in clocks::overdue(&work, &self.store, entity, records).await? {
                let step = fired.into_iter().next_back();
                match found.iter_mut().find(|one| one.sla == sla && one.step == step) {
                    Some(known) => known.count += count,
                    None => found.push(Overdue { sla, step, count }),
                }
            }
        }
        found.sort_by_key(|one| std::cmp::Reverse(one.count));
        Ok(found)
    }

    async fn running(&self, actor: &Actor, own: bool, limit: usize) -> Result<Vec<Task>, Error> {
        let limit = limit.min(TASKS_MAX);
        let work = self.work(actor);
        let mut tasks: Vec<Task> = Vec::new();
        for entity in timed(work.model(), &work) {
            let records = readable(&work, entity, own)?;
            let clocks = clocks::urgent(&work, &self.store, entity, records, !own, limit).await?;
            let ids = clocks.iter().map(|clock| clock.record).collect();
            let rows = self.rows_of(actor, &work, entity, ids).await?;
            for clock in clocks {
                // Two clocks may run on one record.
                let Some(record) = rows.iter().find(|row| row.id() == clock.record).cloned() else {
                    continue;
                };
                let counted = clocks::counted(&work, &clock);
                tasks.push(Task { counted, entity: entity.index, record, clock });
            }
        }
        tasks.sort_by_key(|task| task.clock.due_at);
        tasks.truncate(limit);
        Ok(tasks)
    }

    /// Records by their ids, as a list shows them.
    async fn rows_of(
        &self,
        actor: &Actor,
        work: &Work,
        entity: &EntityModel,
        ids: HashSet<Uuid>,
    ) -> Result<Vec<Record>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let limit = ids.len() as u64;
        let values = ids.into_iter().map(Value::Id).collect();
        let condition = Condition { slot: system::ID, op: Op::In, values, text: String::new() };
        let query = Query {
            conditions: vec![condition],
            limit,
            total: false,
            model: Some(work.published.digest.clone()),
            ..Query::all(&entity.key)
        };
        Ok(self.list(actor, &query).await?.rows)
    }

    /// What changed last among the records that the person may see: each record once, with its newest change.
    pub async fn latest_changes(&self, actor: &Actor, limit: usize) -> Result<Vec<ChangedRecord>, Error> {
        let work = self.work(actor);
        let mut told: Vec<ChangedRecord> = Vec::new();
        let mut seen: HashSet<Uuid> = HashSet::new();
        let mut before = i64::MAX;
        for _ in 0..TRAIL_PAGES {
            let page = self.store.trail(&TrailFilter::default(), before, TRAIL_PAGE).await?;
            let fresh = page.entries.into_iter().filter(|stored| {
                let of_record = stored.entry.action.starts_with("record.");
                of_record && stored.entry.record.is_some_and(|record| seen.insert(record))
            });
            told.extend(self.changed(&work, fresh.collect()).await?);
            match page.next.filter(|_| told.len() < limit) {
                Some(next) => before = next,
                None => break,
            }
        }
        told.sort_by_key(|one| std::cmp::Reverse(one.entry.seq));
        told.truncate(limit);
        Ok(told)
    }

    /// Those entries whose records the person may see, in words.
    async fn changed(&self, work: &Work, entries: Vec<StoredEntry>) -> Result<Vec<ChangedRecord>, Error> {
        let mut by_entity: BTreeMap<usize, Vec<StoredEntry>> = BTreeMap::new();
        for stored in entries {
            let entity = stored.entry.entity.as_deref().and_then(|key| work.model().entity(key));
            // Rows that live inside of other records have no page of their own.
            let shown = entity.filter(|entity| work.model().views_of(entity).next().is_some());
            if let Some(entity) = shown {
                by_entity.entry(entity.index).or_default().push(stored);
            }
        }
        let mut told = Vec::new();
        for (index, entries) in by_entity {
            let entity = work.model().entities[index].clone();
            let ids: Vec<Uuid> = entries.iter().filter_map(|stored| stored.entry.record).collect();
            let mut records = lists::referenced(work, &self.store, &entity, &ids, &[]).await?;
            let titles = timeline::titles(work, &self.store, &entity, &entries).await?;
            for stored in entries {
                let record = stored.entry.record.and_then(|id| records.remove(&id));
                let Some(record) = record else { continue };
                let entry = timeline::tell(work, &entity, &record.hidden, stored, &titles);
                told.push(ChangedRecord { entity: index, record, entry });
            }
        }
        Ok(told)
    }
}

/// Entities with clocks that the person may read.
fn timed<'a>(model: &'a Model, work: &Work) -> Vec<&'a EntityModel> {
    let mut timed: Vec<usize> = model.automation.slas.values().map(|sla| sla.entity).collect();
    timed.sort_unstable();
    timed.dedup();
    let entities = timed.into_iter().map(|index| &*model.entities[index]);
    entities.filter(|entity| work.access(entity).may(Operation::Read)).collect()
}

/// Ids of the living records that the person may read, or of those among them that are the person's own.
fn readable(work: &Work, entity: &EntityModel, own: bool) -> Result<SelectStatement, Error> {
    let mut records = Sql::select();
    records.column(Alias::new(&*entity.fields[system::ID].name));
    records.from(work.published.layout.tables[entity.index].from.clone());
    records.and_where(select::column(entity, system::DELETED_AT).is_null());
    if own {
        // Who is not a person has nothing to do.
        let person = work.actor.id().unwrap_or_default();
        records.and_where(select::column(entity, system::OWNER).eq(person));
    }
    if let Some(scope) = work.scope_sql(entity, Operation::Read)?.single() {
        records.and_where(scope);
    }
    Ok(records)
}
