//! How a database is to find a page of a list. How many records match is often known, as it stands beside the list.
//! A database knows how often values occur on average, and not that a page is full after a few records: left to itself it
//! collects every record that matches, and sorts them, each time somebody asks.

use mortise_definition::model::{EntityModel, Slot, system};
use mortise_definition::source::Operation;
use mortise_expr::{Dialect, Expression};
use mortise_store::select;
use sea_query::ExprTrait;

use super::{Plan, Total};
use crate::access::Scope;
use crate::commands::Work;
use crate::query::{Op, Query};

/// With so many matching records a page is full after a few steps through an index that only has the order; fewer are
/// sorted in as little time.
const MANY: i64 = 2_000;

/// How a page is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// An index has the order, or there is little to sort.
    Read,
    /// Records may have to be looked for or sorted: which ones stand on the page is worth keeping.
    Sort,
}

/// Decides on the way. Where an index has the order, but not together with the conditions, SQLite is made to walk through
/// the records in that order.
pub(super) fn steer(
    work: &Work,
    entity: &EntityModel,
    plan: &mut Plan,
    query: &Query,
    total: Option<Total>,
) -> Way {
    let many = total.is_some_and(|total| total.count > MANY);
    // Few records may lie among many that only the conditions of this list leave out.
    let as_viewed = query.conditions.is_empty() && query.filter.is_none();
    let searched = query.search.is_some();
    if query.trash || (!searched && (many || as_viewed) && known(work, entity, plan, query)) {
        return Way::Read;
    }
    let sqlite = work.published.layout.naming.dialect == Dialect::Sqlite;
    if searched || !many || !has_order(entity, &plan.sort) {
        // Nobody else writes into a file. On a server, what is kept may be a moment behind other nodes: not for a few records.
        return if plan.volatile || !(many || sqlite) { Way::Read } else { Way::Sort };
    }
    if sqlite {
        let scope = plan.branches.drain(..).reduce(ExprTrait::or);
        plan.conditions = plan.conditions.drain(..).chain(scope).map(select::unguided).collect();
    }
    Way::Read
}

/// Whether the database finds its way: where an index has the order behind fields that the conditions fix, and where a
/// condition says from where on to read.
fn known(work: &Work, entity: &EntityModel, plan: &Plan, query: &Query) -> bool {
    let view = query.view.as_ref().and_then(|view| view.filter.as_ref());
    let filters = || view.into_iter().chain(&query.filter);
    let in_filters = filters().flat_map(Expression::references).filter(|one| one.root == 0);
    let mut asked = in_filters.map(|one| one.slot).chain(query.conditions.iter().map(|one| one.slot));
    let equalities = |filter: &Expression| {
        filter.conjuncts().into_iter().filter_map(|part| Some(part.equality()?.slot)).collect::<Vec<_>>()
    };
    let mut fixed: Vec<Slot> = filters().flat_map(equalities).collect();
    let equal = query.conditions.iter().filter(|one| one.op == Op::Eq && one.values.len() == 1);
    fixed.extend(equal.map(|one| one.slot));
    fixed.extend(of_scope(work.access(entity).scope(Operation::Read), !plan.branches.is_empty()));
    let behind = |before: &[(Slot, bool)]| before.iter().all(|(slot, _)| fixed.contains(slot));
    let begins = plan.sort.get(..1).unwrap_or_default();
    let from_there = begins.iter().any(|(first, _)| asked.any(|slot| slot == *first));
    from_there && select::ordered(entity, begins).any(behind)
        || select::ordered(entity, &plan.sort).any(|before| !before.is_empty() && behind(before))
}

/// The field that the scope of a person fixes. Two cases that exclude each other fix the same one, and are merged.
fn of_scope(scope: &Scope, merged: bool) -> Option<Slot> {
    let Scope::Where(parts) = scope else { return None };
    let mut cases = parts.iter().flat_map(|(rows, _)| rows.disjuncts());
    let first = cases.next()?.equality()?;
    (merged || cases.next().is_none()).then_some(first.slot)
}

/// Whether an index has all records in this order.
fn has_order(entity: &EntityModel, sort: &[(Slot, bool)]) -> bool {
    matches!(sort, [(system::ID, _)]) || select::ordered(entity, sort).any(<[_]>::is_empty)
}
