//! Lists: one statement for the records, one per reference column for titles, a cached or capped count for the total.
//! The row scope of the person is part of every one of them.

mod calculated;
mod figures;
mod json;
mod parts;
mod walk;

use std::collections::HashMap;

use mortise_definition::model::{CalculatedModel, EntityModel, FieldKind, Slot, system};
use mortise_definition::source::Operation;
use mortise_expr::{Context, Expression, Value};
use mortise_store::{Param, Select, TenantStore, select};
use sea_query::{Alias, Expr, ExprTrait};
use uuid::Uuid;

use crate::commands::Work;
use crate::error::Error;
use crate::kept::{self, Ground, Kept, Weigh};
use crate::query::{self, Query};
use crate::records::Record;
use crate::values::{self, Issue};

pub use figures::{Figured as GroupFigures, Figures};
pub(crate) use json::write_page;
pub use parts::{Group, Part, Spot};
use walk::Way;

/// Totals are counted up to this many, then shown as "10,000+".
pub const TOTAL_CAP: i64 = 10_000;
/// Exact totals are counted up to this many: a scroll bar cannot show more.
const EXACT_CAP: i64 = 1_000_000;
/// Most ids of one statement.
const IDS_MAX: usize = 500;

/// How many records a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// So many, or more.
    pub count: i64,
    /// Exactly so many.
    pub exact: bool,
}

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    /// The records.
    pub rows: Vec<Record>,
    /// Where the next page begins.
    pub next: Option<String>,
    /// Where the page before ends, given as `before`.
    pub previous: Option<String>,
    /// How many there are in all, when asked for.
    pub total: Option<Total>,
}

/// What lists add up to, as it was last worked out.
#[derive(Default)]
pub(crate) struct Totals {
    counts: Kept<Total>,
    figures: Kept<Figures>,
    groups: Kept<Vec<Group>>,
    spots: Kept<Vec<Spot>>,
    places: Kept<Vec<(usize, Uuid)>>,
    sorted: Kept<Vec<Uuid>>,
}

impl Weigh for Total {
    fn bytes(&self) -> usize {
        size_of::<Total>()
    }
}

/// A list request in the form of conditions.
struct Plan {
    branches: Vec<Expr>,
    conditions: Vec<Expr>,
    sort: Vec<(Slot, bool)>,
    slots: Vec<Slot>,
    /// What the person may read depends on the second: what was found is never kept.
    volatile: bool,
    /// Entities on whose records a total depends.
    watched: Vec<usize>,
}

impl Plan {
    /// The list as a whole: columns, conditions and order of the plan, as many records as a page has.
    fn select<'a>(&'a self, entity: &'a EntityModel, query: &'a Query) -> Select<'a> {
        Select {
            entity,
            slots: &self.slots,
            branches: self.branches.clone(),
            conditions: self.conditions.clone(),
            search: query.search.as_deref(),
            sort: &self.sort,
            after: None,
            limit: query.limit,
            trash: query.trash,
        }
    }

    /// The list in no order and without columns, to be counted or added up.
    fn heap<'a>(&'a self, entity: &'a EntityModel, query: &'a Query) -> Select<'a> {
        Select { slots: &[], sort: &[], limit: 0, ..self.select(entity, query) }
    }

    /// What the answer to a statement of this plan rests on.
    fn ground(&self, work: &Work, store: &TenantStore, sql: &str, params: &[Param]) -> Ground {
        Ground::new(work, store, &self.watched, (sql, params), self.volatile)
    }
}

/// Reads a page.
pub(crate) async fn page(
    work: &Work,
    store: &TenantStore,
    totals: &Totals,
    query: &Query,
) -> Result<Page, Error> {
    let entity = work.entity(&query.entity)?.clone();
    let mut plan = plan(work, &entity, query, query::operation(query))?;
    let total = match query.total {
        true => Some(total(work, store, totals, &entity, &plan, query).await?),
        false => None,
    };
    let begins = query.cursor.is_none() && query.before.is_none();
    if begins && total == Some(Total { count: 0, exact: true }) {
        return Ok(Page { rows: Vec::new(), next: None, previous: None, total });
    }
    let way = walk::steer(work, &entity, &mut plan, query, total);
    let backwards = query.before.is_some();
    if backwards {
        // The records before a place are those behind it in the order turned round.
        turn(&mut plan.sort);
    }
    let mut rows = match way {
        Way::Read => read(work, store, &entity, &plan, query, query.limit + 1).await?,
        Way::Sort => sorted(work, store, totals, &entity, &plan, query, query.limit + 1).await?,
    };
    let more = rows.len() as u64 > query.limit;
    rows.truncate(usize::try_from(query.limit).unwrap_or(usize::MAX));
    if backwards {
        turn(&mut plan.sort);
        rows.reverse();
    }
    let place = |row: &Record| query::write_cursor(&plan.sort, &row.values);
    let next = rows.last().filter(|_| more || backwards).map(place);
    let begun = if backwards { more } else { query.cursor.is_some() || query.offset > 0 };
    let previous = rows.first().filter(|_| begun).map(place);
    resolve(work, store, &entity, query, &mut rows).await?;
    hide(work, &entity, &[Operation::Read], &mut rows);
    calculated::fill(work, query, &mut rows).await;
    Ok(Page { rows, next, previous, total })
}

/// The order turned round.
fn turn(sort: &mut [(Slot, bool)]) {
    sort.iter_mut().for_each(|(_, descending)| *descending = !*descending);
}

/// Reads a page without titles and total, for programs; and where the next one begins.
pub(crate) async fn rows(
    work: &Work,
    store: &TenantStore,
    query: &Query,
) -> Result<(Vec<Record>, Option<String>), Error> {
    let entity = work.entity(&query.entity)?.clone();
    let plan = plan(work, &entity, query, Operation::Read)?;
    let mut rows = read(work, store, &entity, &plan, query, query.limit + 1).await?;
    let more = rows.len() as u64 > query.limit;
    rows.truncate(usize::try_from(query.limit).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more).map(|row| query::write_cursor(&plan.sort, &row.values));
    hide(work, &entity, &[Operation::Read], &mut rows);
    Ok((rows, next))
}

/// Counts the records of a list, up to a number.
pub(crate) async fn count_up_to(
    work: &Work,
    store: &TenantStore,
    query: &Query,
    cap: u64,
) -> Result<u64, Error> {
    let entity = work.entity(&query.entity)?.clone();
    let plan = plan(work, &entity, query, Operation::Read)?;
    let select = plan.heap(&entity, query);
    let counted = counted(store, &select.counts(&work.published.layout, cap)).await?;
    Ok(Ord::min(counted.unsigned_abs(), cap))
}

/// Hands over all records of a list, a batch at a time, in constant memory.
pub(crate) async fn export(
    work: &Work,
    store: &TenantStore,
    mut query: Query,
    mut each: impl FnMut(&[Record]) -> Result<(), Error>,
) -> Result<(), Error> {
    let entity = work.entity(&query.entity)?.clone();
    work.access(&entity).demand(Operation::Export, &entity)?;
    query.limit = crate::query::LIMIT_MAX;
    loop {
        // What may be exported is what may be seen, in the trash what may be seen there, and exported.
        let mut plan = plan(work, &entity, &query, query::operation(&query))?;
        let exported = work.own_scope_sql(&entity, Operation::Export)?;
        plan.conditions.extend(exported.single());
        let mut rows = read(work, store, &entity, &plan, &query, query.limit).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        let full = rows.len() as u64 == query.limit;
        (query.cursor, query.offset) = (Some(query::write_cursor(&plan.sort, &last.values)), 0);
        resolve(work, store, &entity, &query, &mut rows).await?;
        hide(work, &entity, &[Operation::Read, Operation::Export], &mut rows);
        calculated::fill(work, &query, &mut rows).await;
        each(&rows)?;
        if !full {
            return Ok(());
        }
    }
}

fn plan(work: &Work, entity: &EntityModel, query: &Query, operation: Operation) -> Result<Plan, Error> {
    if query.model.as_ref().is_some_and(|model| *model != work.published.digest) {
        return Err(Error::ModelChanged);
    }
    let access = work.access(entity);
    access.demand(operation, entity)?;
    let scope = work.scope_sql(entity, operation)?;
    let above = work.above(entity);
    let scopes = [operation, Operation::Read, Operation::Update];
    let reads = |index: &usize| scopes.iter().any(|one| work.access.entity(*index).scope(*one).volatile());
    let watched: Vec<usize> = above.into_iter().chain([entity.index]).collect();
    let volatile = watched.iter().any(reads);
    let mut conditions: Vec<Expr> = scope.condition.into_iter().collect();
    if operation != Operation::Read
        && let Some(read) = work.own_scope_sql(entity, Operation::Read)?.single()
    {
        conditions.push(read);
    }
    let view_filter = query.view.as_ref().and_then(|view| Some((view.filter.as_ref()?, view.app)));
    for (filter, app) in
        view_filter.into_iter().chain(query.filter.as_ref().map(|filter| (filter, entity.app)))
    {
        let roots: [&[Value]; 3] =
            [&[], &work.actor.user.root, &work.published.model.apps[app].setting_values];
        let now = kept::minute(work.now);
        let cx = Context { now, tz: work.actor.user.tz, roots: &roots, functions: None };
        conditions.push(filter.to_sql(work.published.layout.naming.dialect, None, &cx).map_err(
            |diagnostic| {
                Error::BadRequest(
                    Issue::new("query.filter")
                        .with("column", diagnostic.column)
                        .with("reason", diagnostic.message),
                )
            },
        )?);
    }
    conditions.extend(query.conditions.iter().map(|condition| query::condition_sql(work, entity, condition)));
    conditions.extend(query::openings(work, entity, query)?);
    if let Some(words) = &query.search {
        conditions.extend(query::in_visible_fields(work, entity, words)?);
    }
    let sort = query.total_order(access);
    let slots = columns(work, entity, query, &sort);
    Ok(Plan { branches: scope.branches, conditions, sort, slots, volatile, watched })
}

/// Columns to read: those of the answer, and what tells which fields of a record the person may see.
fn columns(work: &Work, entity: &EntityModel, query: &Query, sort: &[(Slot, bool)]) -> Vec<Slot> {
    let access = work.access(entity);
    let mut slots = asked(work, entity, query, sort);
    slots.extend([Operation::Read, Operation::Export].into_iter().flat_map(|one| access.decisive(one)));
    slots.retain(|slot| entity.fields[*slot].stored());
    slots.sort_unstable();
    slots.dedup();
    slots
}

/// Columns of the answer: those asked for, and those that are needed anyhow (id, version, order, title).
fn asked(work: &Work, entity: &EntityModel, query: &Query, sort: &[(Slot, bool)]) -> Vec<Slot> {
    let table = &work.published.layout.tables[entity.index];
    let viewed = query.view.as_ref().map(|view| {
        let highlights = view.highlights.iter().map(|(when, _)| when);
        let shown = view.calculated.iter().filter_map(CalculatedModel::expression);
        let references = highlights.chain(shown).flat_map(Expression::references);
        let read = references.filter(|reference| reference.root == 0).map(|reference| reference.slot);
        let shown = view.columns.iter().map(|column| column.slot).chain(view.layout.slots());
        shown.chain(read).collect::<Vec<Slot>>()
    });
    let Some(wanted) = query.columns.clone().or(viewed) else { return table.stored.clone() };
    let mut slots = vec![system::ID, system::VERSION, system::OWNER, entity.title];
    slots.extend(sort.iter().map(|(slot, _)| *slot));
    slots.extend(wanted);
    slots.retain(|slot| entity.fields[*slot].stored());
    slots.sort_unstable();
    slots.dedup();
    slots
}

async fn read(
    work: &Work,
    store: &TenantStore,
    entity: &EntityModel,
    plan: &Plan,
    query: &Query,
    limit: u64,
) -> Result<Vec<Record>, Error> {
    let select = Select { limit, ..plan.select(entity, query) };
    let (sql, params) = statement(work, plan, query, select)?;
    let table = &work.published.layout.tables[entity.index];
    let map = |row: &dyn mortise_store::Row| Ok(Record::new(table.partial(row, &plan.slots)?));
    // A list that an index serves is over before another thread would have woken up.
    Ok(store.fetch_long(&sql, &params, map).await?)
}

/// As [`read`], where the database has to sort: which records stand on the page is kept.
async fn sorted(
    work: &Work,
    store: &TenantStore,
    totals: &Totals,
    entity: &EntityModel,
    plan: &Plan,
    query: &Query,
    limit: u64,
) -> Result<Vec<Record>, Error> {
    let mut slots = vec![system::ID];
    slots.extend(plan.sort.iter().map(|(slot, _)| *slot).filter(|slot| *slot != system::ID));
    let select = Select { slots: &slots, limit, ..plan.select(entity, query) };
    let (sql, params) = statement(work, plan, query, select)?;
    let ground = plan.ground(work, store, &sql, &params);
    let id = |row: &dyn mortise_store::Row| Ok(row.id(0)?.unwrap_or_default());
    let ask = async { Ok(store.fetch_long(&sql, &params, id).await?) };
    let ids = totals.sorted.answer(ground, ask).await?;
    let mut records = at(work, store, entity, plan, query, &ids).await?;
    Ok(ids.iter().filter_map(|id| records.remove(id)).collect())
}

/// These records, those that are in the list.
async fn at(
    work: &Work,
    store: &TenantStore,
    entity: &EntityModel,
    plan: &Plan,
    query: &Query,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Record>, Error> {
    let table = &work.published.layout.tables[entity.index];
    let read = |row: &dyn mortise_store::Row| Ok(Record::new(table.partial(row, &plan.slots)?));
    let mut records = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(IDS_MAX) {
        let mut select = Select { limit: IDS_MAX as u64, ..plan.select(entity, query) };
        let ids = ids.iter().map(|id| Expr::val(Param::from(*id)));
        select.conditions.push(select::column(entity, system::ID).is_in(ids));
        let (sql, params) = select.records(&work.published.layout);
        let found = store.fetch_long(&sql, &params, read).await?;
        records.extend(found.into_iter().map(|record| (record.id(), record)));
    }
    Ok(records)
}

/// The statement from the place on that the query names.
fn statement(work: &Work, plan: &Plan, query: &Query, select: Select) -> Result<(String, Vec<Param>), Error> {
    let after = match query.cursor.as_ref().or(query.before.as_ref()) {
        Some(cursor) => Some(query::read_cursor(work, select.entity, &plan.sort, cursor)?),
        None => None,
    };
    let select = Select { after: after.as_deref(), ..select };
    Ok(match Ord::min(query.offset, query::OFFSET_MAX) {
        0 => select.records(&work.published.layout),
        offset => select.records_at(&work.published.layout, offset),
    })
}

async fn total(
    work: &Work,
    store: &TenantStore,
    totals: &Totals,
    entity: &EntityModel,
    plan: &Plan,
    query: &Query,
) -> Result<Total, Error> {
    let select = plan.heap(entity, query);
    let cap = if query.exact { EXACT_CAP } else { TOTAL_CAP };
    let counts = select.counts(&work.published.layout, (cap + 1).unsigned_abs());
    let ground = plan.ground(work, store, &format!("{counts:?}"), &[]);
    totals.counts.answer(ground, count(store, &counts, cap)).await
}

async fn count(store: &TenantStore, counts: &[(String, Vec<Param>)], cap: i64) -> Result<Total, Error> {
    let count = counted(store, counts).await?;
    Ok(Total { count: Ord::min(count, cap), exact: count <= cap })
}

async fn counted(store: &TenantStore, counts: &[(String, Vec<Param>)]) -> Result<i64, Error> {
    let mut count = 0;
    for (sql, params) in counts {
        count += store.fetch_long(sql, params, |row| row.int(0)).await?.pop().flatten().unwrap_or(0);
    }
    Ok(count)
}

/// Puts titles of references, and fields read through them, beside the records: one statement per reference column.
pub(crate) async fn resolve(
    work: &Work,
    store: &TenantStore,
    entity: &EntityModel,
    query: &Query,
    rows: &mut [Record],
) -> Result<(), Error> {
    let through: Vec<(Slot, Slot)> = query
        .view
        .iter()
        .flat_map(|view| &view.columns)
        .filter_map(|column| Some((column.slot, column.through?)))
        .collect();
    resolve_with(work, store, entity, &through, rows).await
}

/// As [`resolve`], with the fields to be read through references given.
pub(crate) async fn resolve_with(
    work: &Work,
    store: &TenantStore,
    entity: &EntityModel,
    through: &[(Slot, Slot)],
    rows: &mut [Record],
) -> Result<(), Error> {
    for field in &entity.fields {
        let FieldKind::Reference { entity: target } = &field.kind else { continue };
        let mut ids: Vec<Uuid> = rows.iter().filter_map(|row| row.values[field.slot].as_id()).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() || !work.access(entity).sees(field.slot) {
            continue;
        }
        let target = &work.published.model.entities[*target];
        let read: Vec<Slot> =
            through.iter().filter(|(slot, _)| *slot == field.slot).map(|(_, slot)| *slot).collect();
        let found = referenced(work, store, target, &ids, &read).await?;
        for row in rows.iter_mut() {
            let Some(values) = row.values[field.slot].as_id().and_then(|id| found.get(&id)) else { continue };
            let (values, hidden) = (&values.values, &values.hidden);
            let open = |slot: &Slot| work.access(target).sees(*slot) && !hidden.contains(slot);
            if open(&target.title) {
                let title = &target.fields[target.title];
                row.titles.push((field.slot, values::display(title, &values[target.title], &work.values())));
            }
            let read = read.iter().filter(|slot| open(slot));
            row.through.extend(read.map(|slot| ((field.slot, *slot), values[*slot].clone())));
        }
    }
    Ok(())
}

/// Records of these ids that the person may see: title and some fields. Deleted ones keep their title.
pub(crate) async fn referenced(
    work: &Work,
    store: &TenantStore,
    target: &EntityModel,
    ids: &[Uuid],
    read: &[Slot],
) -> Result<HashMap<Uuid, Record>, Error> {
    let access = work.access(target);
    if !access.may(Operation::Read) {
        return Ok(HashMap::new());
    }
    let table = &work.published.layout.tables[target.index];
    let mut slots = vec![system::ID, target.title];
    slots.extend(read);
    slots.retain(|slot| access.sees(*slot));
    slots.extend(access.decisive(Operation::Read));
    slots.sort_unstable();
    slots.dedup();
    let mut statement = sea_query::Query::select();
    statement.from(table.from.clone());
    for slot in &slots {
        statement.column(Alias::new(target.fields[*slot].name.as_ref()));
    }
    // In powers of two, so that a handful of statements serves pages of every size.
    let padding = ids.last().into_iter().cycle().take(ids.len().next_power_of_two() - ids.len());
    let ids = ids.iter().chain(padding).map(|id| Expr::val(Param::from(*id)));
    statement.and_where(select::column(target, system::ID).is_in(ids));
    if let Some(scope) = work.scope_sql(target, Operation::Read)?.single() {
        statement.and_where(scope);
    }
    let (sql, params) = select::build(&statement, work.published.layout.naming.dialect);
    let map = |row: &dyn mortise_store::Row| Ok(Record::new(table.partial(row, &slots)?));
    let mut rows = store.fetch(&sql, &params, map).await?;
    hide(work, target, &[Operation::Read], &mut rows);
    Ok(rows.into_iter().map(|row| (row.id(), row)).collect())
}

/// Takes away what the person's roles hide: fields that are closed everywhere, and those that are closed on a record.
/// All of the operations have to be open.
pub(crate) fn hide(work: &Work, entity: &EntityModel, operations: &[Operation], rows: &mut [Record]) {
    let access = work.access(entity);
    let closed = |slot: &Slot| operations.iter().any(|operation| !access.opens(*operation, *slot));
    let nowhere: Vec<Slot> = (0..entity.fields.len()).filter(closed).collect();
    if nowhere.is_empty() && operations.iter().all(|operation| access.partial(*operation).is_empty()) {
        return;
    }
    for row in rows {
        row.hidden =
            operations.iter().flat_map(|operation| work.closed(entity, *operation, &row.values)).collect();
        for slot in nowhere.iter().chain(&row.hidden) {
            row.values[*slot] = Value::Null;
        }
        let hidden = |slot: Slot| nowhere.contains(&slot) || row.hidden.contains(&slot);
        row.titles.retain(|(slot, _)| !hidden(*slot));
        row.through.retain(|((slot, _), _)| !hidden(*slot));
    }
}

#[cfg(test)]
#[path = "list_plan_tests.rs"]
mod plans;
