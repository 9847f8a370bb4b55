//! Lists read in parts, for boards, calendars and maps: how many records there are of each value of a field, and the first
//! records of each of several cases. Either is one statement however many values or cases there are, within the same scope
//! as any list; fields that are closed on a record never put it into a part.

use mortise_definition::model::{EntityModel, Slot, system};
use mortise_definition::source::Operation;
use mortise_expr::{Type, Value};
use mortise_store::Select;
use sea_query::Expr;
use uuid::Uuid;

use super::{Plan, at, calculated, hide, plan, referenced, resolve};
use crate::commands::Work;
use crate::error::Error;
use crate::people::Actor;
use crate::query::{self, Condition, Query};
use crate::records::Record;
use crate::tenant::Tenant;
use crate::values::{self, Issue};

/// Most values that records are counted by: all districts of a country.
const GROUPS_MAX: u64 = 5_000;
/// Most squares with points; a map with more is a carpet.
const SPOTS_MAX: u64 = 1_500;
/// Most cases of one statement. SQLite takes 500 parts, and a scope may make two of each case.
const CASES_MAX: usize = 100;

/// The records of one value of a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The value; null for records without one.
    pub value: Value,
    /// How many there are.
    pub count: i64,
    /// What another field of theirs adds up to.
    pub sum: Value,
}

/// Records whose points lie near each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// The middle of their latitudes.
    pub lat: f64,
    /// The middle of their longitudes.
    pub lon: f64,
    /// How many there are.
    pub count: i64,
    /// What another field of theirs adds up to.
    pub sum: Value,
    /// Id and title of the only one.
    pub only: Option<(Uuid, String)>,
}

/// The first records of a case.
#[derive(Debug, Default)]
pub struct Part {
    /// The records.
    pub rows: Vec<Record>,
    /// Where the rest begins.
    pub next: Option<String>,
}

impl Tenant {
    /// How many records of a list have which value of a field, the most frequent first, and what another field adds up to.
    pub async fn groups(
        &self,
        actor: &Actor,
        query: &Query,
        by: Slot,
        sum: Option<Slot>,
    ) -> Result<Vec<Group>, Error> {
        let mut tries = 0;
        loop {
            let work = self.work(actor);
            let result = groups(&work, self, query, by, sum).await;
            if self.stands(&work, &mut tries).await {
                return result;
            }
        }
    }

    /// Where the points of a field lie, gathered in squares of so many degrees.
    pub async fn spots(
        &self,
        actor: &Actor,
        query: &Query,
        place: Slot,
        sum: Option<Slot>,
        degrees: f64,
    ) -> Result<Vec<Spot>, Error> {
        let mut tries = 0;
        loop {
            let work = self.work(actor);
            let result = spots(&work, self, query, (place, sum), degrees).await;
            if self.stands(&work, &mut tries).await {
                return result;
            }
        }
    }

    /// The first records of a list for each of several cases, which are conditions of their own; in the order of the list,
    /// as many of each as a page has.
    pub async fn parts(
        &self,
        actor: &Actor,
        query: &Query,
        cases: &[Vec<Condition>],
    ) -> Result<Vec<Part>, Error> {
        let mut tries = 0;
        loop {
            let work = self.work(actor);
            let result = parts(&work, self, query, cases).await;
            if self.stands(&work, &mut tries).await {
                return result;
            }
        }
    }
}

async fn groups(
    work: &Work,
    tenant: &Tenant,
    query: &Query,
    by: Slot,
    sum: Option<Slot>,
) -> Result<Vec<Group>, Error> {
    let entity = work.entity(&query.entity)?.clone();
    let mut plan = plan(work, &entity, query, Operation::Read)?;
    plan.conditions.extend(open(work, &entity, [Some(by), sum].into_iter().flatten())?);
    let select = Select { limit: GROUPS_MAX, ..plan.select(&entity, query) };
    let (sql, params) = select.groups(&work.published.layout, by, sum);
    let types = &work.published.layout.tables[entity.index].types;
    let read = |row: &dyn mortise_store::Row| {
        let sum = sum.map(|slot| row.value(2, &types[slot])).transpose()?;
        let count = row.int(1)?.unwrap_or(0);
        Ok(Group { value: row.value(0, &types[by])?, count, sum: sum.unwrap_or_default() })
    };
    let ground = plan.ground(work, &tenant.store, &sql, &params);
    let ask = async { Ok(tenant.store.fetch_long(&sql, &params, read).await?) };
    tenant.totals.groups.answer(ground, ask).await
}

async fn spots(
    work: &Work,
    tenant: &Tenant,
    query: &Query,
    (place, sum): (Slot, Option<Slot>),
    degrees: f64,
) -> Result<Vec<Spot>, Error> {
    let entity = work.entity(&query.entity)?.clone();
    let mut plan = plan(work, &entity, query, Operation::Read)?;
    plan.conditions.extend(open(work, &entity, [Some(place), sum].into_iter().flatten())?);
    let select = Select { limit: SPOTS_MAX, ..plan.select(&entity, query) };
    let (sql, params) = select.squares(&work.published.layout, place, sum, degrees);
    let types = &work.published.layout.tables[entity.index].types;
    let read = |row: &dyn mortise_store::Row| {
        let number =
            |index: usize| row.value(index, &Type::Float).map(|value| value.as_number().unwrap_or(0.0));
        let count = row.int(2)?.unwrap_or(0);
        let only = row.id(3)?.filter(|_| count == 1).map(|id| (id, String::new()));
        let sum = sum.map(|slot| row.value(4, &types[slot])).transpose()?;
        Ok(Spot { lat: number(0)?, lon: number(1)?, count, sum: sum.unwrap_or_default(), only })
    };
    let ground = plan.ground(work, &tenant.store, &sql, &params);
    let ask = async { Ok(tenant.store.fetch_long(&sql, &params, read).await?) };
    // Titles are for whoever asks, and not kept.
    let mut spots = tenant.totals.spots.answer(ground, ask).await?;
    let ids: Vec<Uuid> = spots.iter().filter_map(|spot| Some(spot.only.as_ref()?.0)).collect();
    if ids.is_empty() {
        return Ok(spots);
    }
    let titles = referenced(work, &tenant.store, &entity, &ids, &[]).await?;
    for (id, title) in spots.iter_mut().filter_map(|spot| spot.only.as_mut()) {
        let record = titles.get(&*id).filter(|record| record.shows(entity.title));
        let words = record.map(|record| {
            values::display(&entity.fields[entity.title], &record.values[entity.title], &work.values())
        });
        *title = words.unwrap_or_default();
    }
    Ok(spots)
}

async fn parts(
    work: &Work,
    tenant: &Tenant,
    query: &Query,
    cases: &[Vec<Condition>],
) -> Result<Vec<Part>, Error> {
    if cases.is_empty() {
        return Ok(Vec::new());
    }
    if cases.len() > CASES_MAX {
        return Err(Error::BadRequest(Issue::new("query.too_many").with("limit", CASES_MAX)));
    }
    let entity = work.entity(&query.entity)?.clone();
    let mut plan = plan(work, &entity, query, Operation::Read)?;
    plan.conditions.extend(open(work, &entity, cases.iter().flatten().map(|condition| condition.slot))?);
    let cases: Vec<Vec<Expr>> = cases
        .iter()
        .map(|case| case.iter().map(|one| query::condition_sql(work, &entity, one)).collect())
        .collect();
    let places = places(work, tenant, &entity, &plan, query, &cases).await?;
    let ids: Vec<Uuid> = places.iter().map(|(_, id)| *id).collect();
    let records = at(work, &tenant.store, &entity, &plan, query, &ids).await?;
    // A record may stand in several cases.
    let found = places.iter().filter_map(|(case, id)| Some((*case, records.get(id)?.clone()))).collect();
    let (of, rows, nexts) = cut(found, cases.len(), query, &plan);
    dressed(work, tenant, &entity, query, (of, rows, nexts)).await
}

/// Which records are the first of which case. To find few among many takes long, so that the answer is kept.
async fn places(
    work: &Work,
    tenant: &Tenant,
    entity: &EntityModel,
    plan: &Plan,
    query: &Query,
    cases: &[Vec<Expr>],
) -> Result<Vec<(usize, Uuid)>, Error> {
    let mut slots: Vec<Slot> =
        plan.sort.iter().map(|(slot, _)| *slot).filter(|slot| *slot != system::ID).collect();
    slots.insert(0, system::ID);
    let select = Select { slots: &slots, limit: query.limit + 1, ..plan.select(entity, query) };
    let (sql, params) = select.cases(&work.published.layout, cases);
    let read = |row: &dyn mortise_store::Row| {
        let case = row.int(slots.len())?.unwrap_or(0);
        Ok((usize::try_from(case).unwrap_or(0), row.id(0)?.unwrap_or_default()))
    };
    let ground = plan.ground(work, &tenant.store, &sql, &params);
    let ask = async { Ok(tenant.store.fetch_long(&sql, &params, read).await?) };
    tenant.totals.places.answer(ground, ask).await
}

/// Takes away what is beyond a page of each case, and says where it goes on.
fn cut(
    found: Vec<(usize, Record)>,
    cases: usize,
    query: &Query,
    plan: &Plan,
) -> (Vec<usize>, Vec<Record>, Vec<Option<String>>) {
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut seen = vec![0_usize; cases];
    let mut nexts: Vec<Option<String>> = vec![None; cases];
    let mut last: Vec<Option<usize>> = vec![None; cases];
    let (mut of, mut rows): (Vec<usize>, Vec<Record>) = (Vec::new(), Vec::new());
    for (case, record) in found {
        let Some(count) = seen.get_mut(case) else { continue };
        *count += 1;
        if *count <= limit {
            last[case] = Some(rows.len());
            of.push(case);
            rows.push(record);
        } else if let Some(last) = last[case] {
            nexts[case] = Some(query::write_cursor(&plan.sort, &rows[last].values));
        }
    }
    (of, rows, nexts)
}

/// Titles, what is hidden, and calculated columns: for all parts at once, so that no part asks by itself.
async fn dressed(
    work: &Work,
    tenant: &Tenant,
    entity: &EntityModel,
    query: &Query,
    (of, mut rows, nexts): (Vec<usize>, Vec<Record>, Vec<Option<String>>),
) -> Result<Vec<Part>, Error> {
    resolve(work, &tenant.store, entity, query, &mut rows).await?;
    hide(work, entity, &[Operation::Read], &mut rows);
    calculated::fill(work, query, &mut rows).await;
    let mut parts: Vec<Part> = nexts.into_iter().map(|next| Part { rows: Vec::new(), next }).collect();
    for (case, record) in of.into_iter().zip(rows) {
        parts[case].rows.push(record);
    }
    Ok(parts)
}

/// The conditions under which the person sees these fields. A field that is closed on all records tells nothing.
fn open(work: &Work, entity: &EntityModel, slots: impl Iterator<Item = Slot>) -> Result<Vec<Expr>, Error> {
    let mut slots: Vec<Slot> = slots.collect();
    slots.sort_unstable();
    slots.dedup();
    if let Some(closed) = slots.iter().find(|slot| !work.access(entity).sees(**slot)) {
        let issue = Issue::new("query.unknown_field").with("name", &entity.fields[*closed].name);
        return Err(Error::BadRequest(issue));
    }
    let openings = slots.into_iter().map(|slot| query::opening(work, entity, slot));
    Ok(openings.collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect())
}
