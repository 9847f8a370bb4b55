//! How SQLite is to read a list whose order an index has, but not together with its conditions. It knows how often values occur on
//! average, and not that a page is full after a few records: left to itself it collects every record that matches, and sorts
//! them. How many match is known here, since it is shown beside the list.

use mortise_definition::model::{EntityModel, Slot, system};
use mortise_definition::source::Operation;
use mortise_expr::{Dialect, Expression};
use mortise_store::select;

use super::{Plan, Total};
use crate::access::Scope;
use crate::commands::Work;
use crate::query::{Op, Query};

/// With so many matching records a page is full after a few steps through an index that only has the order; fewer are
/// sorted in as little time.
const MANY: i64 = 2_000;

/// Lets the database walk through the records in their order, where that finds a page sooner.
pub(super) fn steer(work: &Work, entity: &EntityModel, plan: &mut Plan, query: &Query, total: Option<Total>) {
    let many = total.is_some_and(|total| total.count > MANY);
    let plain = query.search.is_none() && !query.trash && plan.branches.len() < 2;
    let sqlite = work.published.layout.naming.dialect == Dialect::Sqlite;
    if many
        && plain
        && sqlite
        && has_order(entity, &[], &plan.sort)
        && !known(work, entity, query, &plan.sort)
    {
        let all = plan.conditions.drain(..).chain(plan.branches.drain(..));
        plan.conditions = all.map(select::unguided).collect();
    }
}

/// Whether the database finds its way: where an index has the order behind fields that the conditions fix, and where a
/// condition says from where on to read.
fn known(work: &Work, entity: &EntityModel, query: &Query, sort: &[(Slot, bool)]) -> bool {
    let view = query.view.as_ref().and_then(|view| view.filter.as_ref());
    let filters = || view.into_iter().chain(&query.filter);
    let in_filters = filters().flat_map(Expression::references).filter(|one| one.root == 0);
    let mut asked = in_filters.map(|one| one.slot).chain(query.conditions.iter().map(|one| one.slot));
    if sort.first().is_some_and(|(first, _)| asked.any(|slot| slot == *first)) {
        return true;
    }
    let equalities = |filter: &Expression| {
        filter.conjuncts().into_iter().filter_map(|part| Some(part.equality()?.slot)).collect::<Vec<_>>()
    };
    let mut fixed: Vec<Slot> = filters().flat_map(equalities).collect();
    let equal = query.conditions.iter().filter(|one| one.op == Op::Eq && one.values.len() == 1);
    fixed.extend(equal.map(|one| one.slot));
    if let Scope::Where(parts) = work.access(entity).scope(Operation::Read)
        && let [(rows, _)] = parts.as_slice()
    {
        fixed.extend(rows.equality().map(|equality| equality.slot));
    }
    !fixed.is_empty() && has_order(entity, &fixed, sort)
}

/// Whether an index has the records in this order behind columns that are fixed, at least one where there are some; read
/// forwards or backwards.
fn has_order(entity: &EntityModel, fixed: &[Slot], sort: &[(Slot, bool)]) -> bool {
    if fixed.is_empty() && matches!(sort, [(system::ID, _)]) {
        return true;
    }
    let same = |run: &[(Slot, bool)]| {
        let backwards = run.iter().zip(sort).all(|(one, other)| one.0 == other.0 && one.1 != other.1);
        run.len() == sort.len() && (run == sort || backwards)
    };
    entity.indexes.iter().any(|index| {
        let begins = index.slots.iter().take_while(|(slot, _)| fixed.contains(slot)).count();
        let rest = &index.slots[begins..];
        (begins > 0) != fixed.is_empty() && rest.get(..sort.len()).is_some_and(same)
    })
}
