//! What the records of a list add up to: for the whole list, and for each value of a field when it is grouped. One statement
//! answers both, within the same scope as the list; a field that is closed on a record counts there as empty.

use mortise_definition::model::{EntityModel, FieldKind, Slot};
use mortise_definition::source::{Operation, Total as Sort};
use mortise_expr::{Decimal, Dialect, Type, Value};
use mortise_store::{Param, Row, select};
use sea_query::{Alias, Expr, NullOrdering, Order, SelectStatement};
use uuid::Uuid;

use super::{Plan, plan, referenced};
use crate::commands::Work;
use crate::error::Error;
use crate::kept::Weigh;
use crate::people::Actor;
use crate::query::{self, Query};
use crate::tenant::Tenant;
use crate::values;

/// Most groups of a list: headings beyond these help nobody to find anything.
const GROUPS_MAX: u64 = 500;
/// Digits after the point of the mean of whole numbers.
const MEAN_SCALE: u8 = 2;

/// What some records add up to.
#[derive(Debug, Clone, PartialEq)]
pub struct Figured {
    /// The value that they have in common; null for records without one, and for the whole list.
    pub value: Value,
    /// Title of the record that the value points to, where the person may see it.
    pub title: Option<String>,
    /// How many records there are.
    pub count: i64,
    /// A figure for each total that was asked for, in their order.
    pub totals: Vec<Value>,
}

/// What a list adds up to.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// For each value of the field by which the list is grouped, in their order; none where it is not grouped, or may not
    /// be by this person.
    pub groups: Option<Vec<Figured>>,
    /// For the whole list.
    pub all: Figured,
}

impl Weigh for Figures {
    fn bytes(&self) -> usize {
        let of = |figured: &Figured| size_of::<Figured>() + figured.totals.bytes();
        self.groups.iter().flatten().map(of).sum::<usize>() + of(&self.all)
    }
}

/// A total while groups are put together: what was added up or compared, and how many values there were.
#[derive(Debug, Clone)]
struct Tally {
    value: Value,
    count: i64,
}

impl Tenant {
    /// What the records of a list add up to.
    pub async fn figures(
        &self,
        actor: &Actor,
        query: &Query,
        by: Option<Slot>,
        totals: &[(Slot, Sort)],
    ) -> Result<Figures, Error> {
        let mut tries = 0;
        loop {
            let work = self.work(actor);
            let result = figures(&work, self, query, by, totals).await;
            if self.stands(&work, &mut tries).await {
                return result;
            }
        }
    }
}

async fn figures(
    work: &Work,
    tenant: &Tenant,
    query: &Query,
    by: Option<Slot>,
    totals: &[(Slot, Sort)],
) -> Result<Figures, Error> {
    let entity = work.entity(&query.entity)?.clone();
    let plan = plan(work, &entity, query, Operation::Read)?;
    // Which group a record is in would tell the value of a field that is closed on it.
    let by = by.filter(|slot| work.access(&entity).sees_everywhere(*slot));
    let (sql, params) = statement(work, &entity, &plan, query, by, totals)?;
    let ground = plan.ground(work, &tenant.store, &format!("{sql}{totals:?}"), &params);
    let ask = async {
        let mut figures = added_up(tenant, &entity, (&sql, &params), by, totals).await?;
        if figures.groups.as_ref().is_some_and(|groups| groups.len() as u64 == GROUPS_MAX) {
            // The whole list is more than the groups that are shown.
            let (sql, params) = statement(work, &entity, &plan, query, None, totals)?;
            figures.all = added_up(tenant, &entity, (&sql, &params), None, totals).await?.all;
        }
        Ok(figures)
    };
    let mut figures = tenant.totals.figures.answer(ground, ask).await?;
    // Titles are for whoever asks, and not kept.
    if let (Some(by), Some(groups)) = (by, &mut figures.groups) {
        name(work, tenant, &entity, by, groups).await?;
    }
    Ok(figures)
}

/// Runs the statement and puts its groups together.
async fn added_up(
    tenant: &Tenant,
    entity: &EntityModel,
    (sql, params): (&str, &[Param]),
    by: Option<Slot>,
    totals: &[(Slot, Sort)],
) -> Result<Figures, Error> {
    let read = |row: &dyn Row| read(row, entity, by, totals);
    let found: Vec<(Value, i64, Vec<Tally>)> = tenant.store.fetch_long(sql, params, read).await?;
    let empty = || totals.iter().map(|_| Tally { value: Value::Null, count: 0 }).collect::<Vec<_>>();
    let (mut count, mut sums) = (0, empty());
    for (_, records, tallies) in &found {
        count += records;
        for ((sum, tally), (_, sort)) in sums.iter_mut().zip(tallies).zip(totals) {
            sum.value = joined(*sort, &sum.value, &tally.value);
            sum.count += tally.count;
        }
    }
    let figured = |value: Value, count: i64, tallies: Vec<Tally>| Figured {
        value,
        title: None,
        count,
        totals: tallies.into_iter().zip(totals).map(|(tally, (_, sort))| figure(*sort, tally)).collect(),
    };
    let all = figured(Value::Null, count, sums);
    let groups =
        by.map(|_| found.into_iter().map(|(value, count, part)| figured(value, count, part)).collect());
    Ok(Figures { groups, all })
}

/// Puts titles beside groups that are records.
async fn name(
    work: &Work,
    tenant: &Tenant,
    entity: &EntityModel,
    by: Slot,
    groups: &mut [Figured],
) -> Result<(), Error> {
    let FieldKind::Reference { entity: target } = &entity.fields[by].kind else { return Ok(()) };
    let target = &work.published.model.entities[*target];
    let ids: Vec<Uuid> = groups.iter().filter_map(|group| group.value.as_id()).collect();
    if ids.is_empty() || !work.access(target).sees(target.title) {
        return Ok(());
    }
    let found = referenced(work, &tenant.store, target, &ids, &[]).await?;
    for group in groups {
        let record = group.value.as_id().and_then(|id| found.get(&id));
        let Some(record) = record.filter(|record| !record.hidden.contains(&target.title)) else { continue };
        let title = &target.fields[target.title];
        group.title = Some(values::display(title, &record.values[target.title], &work.values()));
    }
    Ok(())
}

fn statement(
    work: &Work,
    entity: &EntityModel,
    plan: &Plan,
    query: &Query,
    by: Option<Slot>,
    totals: &[(Slot, Sort)],
) -> Result<(String, Vec<Param>), Error> {
    let dialect = work.published.layout.naming.dialect;
    let select = plan.heap(entity, query);
    let mut statement: SelectStatement = select.source(&work.published.layout);
    let column = |slot: Slot| Alias::new(entity.fields[slot].name.as_ref());
    if let Some(by) = by {
        statement.column(column(by)).group_by_col(column(by)).limit(GROUPS_MAX);
        match dialect {
            Dialect::Sqlite => statement.order_by(column(by), Order::Asc),
            Dialect::Postgres => statement.order_by_with_nulls(column(by), Order::Asc, NullOrdering::First),
        };
    }
    statement.expr(Expr::cust("count(*)"));
    for (slot, sort) in totals {
        let value = seen(work, entity, *slot, dialect)?;
        let figure = match (sort, value.clone()) {
            (Sort::Count, _) => None,
            // Of nothing at all there is no sum: PostgreSQL would ask of what type.
            (_, None) => Some(Expr::cust("NULL")),
            (Sort::Sum | Sort::Average, Some(value)) => {
                Some(added(value, &entity.shape.members()[*slot].ty, dialect))
            }
            (Sort::Min, Some(value)) => Some(call("min", value, dialect)),
            (Sort::Max, Some(value)) => Some(call("max", value, dialect)),
        };
        if let Some(figure) = figure {
            statement.expr(figure);
        }
        statement.expr(call("count", value.unwrap_or(Expr::cust("NULL")), dialect));
    }
    Ok(select::build(&statement, dialect))
}

/// The column on records where the person sees the field, empty on others; none where they see it on no record.
fn seen(work: &Work, entity: &EntityModel, slot: Slot, dialect: Dialect) -> Result<Option<Expr>, Error> {
    let column = select::column(entity, slot);
    if !work.access(entity).sees(slot) || !entity.fields[slot].stored() {
        return Ok(None);
    }
    Ok(Some(match query::opening(work, entity, slot)? {
        None => column,
        Some(opening) => {
            let (one, two) = marks(dialect);
            Expr::cust_with_exprs(format!("CASE WHEN {one} THEN {two} END"), [opening, column])
        }
    }))
}

fn marks(dialect: Dialect) -> (&'static str, &'static str) {
    match dialect {
        Dialect::Sqlite => ("?", "?"),
        Dialect::Postgres => ("$1", "$2"),
    }
}

fn call(function: &str, value: Expr, dialect: Dialect) -> Expr {
    Expr::cust_with_exprs(format!("{function}({})", marks(dialect).0), [value])
}

/// A sum; PostgreSQL adds whole numbers up to a type of its own.
fn added(value: Expr, ty: &Type, dialect: Dialect) -> Expr {
    let whole = dialect == Dialect::Postgres && *ty != Type::Float;
    match whole {
        true => Expr::cust_with_exprs("CAST(sum($1) AS bigint)", [value]),
        false => call("sum", value, dialect),
    }
}

fn read(
    row: &dyn Row,
    entity: &EntityModel,
    by: Option<Slot>,
    totals: &[(Slot, Sort)],
) -> mortise_store::Result<(Value, i64, Vec<Tally>)> {
    let mut index = 0;
    let mut next = || {
        index += 1;
        index - 1
    };
    let group = by.map(|slot| row.value(next(), &entity.shape.members()[slot].ty)).transpose()?;
    let count = row.int(next())?.unwrap_or_default();
    let mut tallies = Vec::with_capacity(totals.len());
    for (slot, sort) in totals {
        let value = match sort {
            Sort::Count => Value::Null,
            _ => row.value(next(), &entity.shape.members()[*slot].ty)?,
        };
        tallies.push(Tally { value, count: row.int(next())?.unwrap_or_default() });
    }
    Ok((group.unwrap_or_default(), count, tallies))
}

/// The figure that is shown for a tally.
fn figure(sort: Sort, tally: Tally) -> Value {
    match sort {
        Sort::Sum | Sort::Min | Sort::Max => tally.value,
        Sort::Count => Value::Int(tally.count),
        Sort::Average => mean(&tally.value, tally.count),
    }
}

fn mean(sum: &Value, count: i64) -> Value {
    if count == 0 {
        return Value::Null;
    }
    // A mean is rounded anyway: what a floating point number loses is less.
    let many = count as f64;
    match sum {
        Value::Int(sum) => decimal(*sum as f64 / many, MEAN_SCALE),
        Value::Decimal(sum) => decimal(sum.to_f64() / many, sum.scale),
        Value::Float(sum) => Value::Float(sum / many),
        Value::Duration(sum) => Value::Duration(sum / count),
        _ => Value::Null,
    }
}

fn decimal(number: f64, scale: u8) -> Value {
    Decimal::from_f64(number, scale).map_or(Value::Null, Value::Decimal)
}

/// Two parts of a total as one; what leaves the range of numbers is empty, never wrong.
fn joined(sort: Sort, one: &Value, other: &Value) -> Value {
    match (one, other) {
        (Value::Null, value) | (value, Value::Null) => value.clone(),
        _ if matches!(sort, Sort::Min | Sort::Max) => {
            let smaller = less(one, other);
            if smaller == (sort == Sort::Min) { one.clone() } else { other.clone() }
        }
        (Value::Int(one), Value::Int(other)) => one.checked_add(*other).map_or(Value::Null, Value::Int),
        (Value::Duration(one), Value::Duration(other)) => {
            one.checked_add(*other).map_or(Value::Null, Value::Duration)
        }
        (Value::Decimal(one), Value::Decimal(other)) => {
            one.checked_add(*other).map_or(Value::Null, Value::Decimal)
        }
        (Value::Float(one), Value::Float(other)) => Value::Float(one + other),
        _ => Value::Null,
    }
}

fn less(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Int(one), Value::Int(other)) | (Value::Duration(one), Value::Duration(other)) => one < other,
        // Both come from one column and have its scale.
        (Value::Decimal(one), Value::Decimal(other)) => one.mantissa < other.mantissa,
        (Value::Float(one), Value::Float(other)) => one < other,
        (Value::Date(one), Value::Date(other)) => one < other,
        (Value::DateTime(one), Value::DateTime(other)) => one < other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_totals_are_put_together_and_empty_ones_change_nothing() {
        let (two, five) = (Value::Int(2), Value::Int(5));
        assert_eq!(joined(Sort::Sum, &two, &five), Value::Int(7));
        assert_eq!(joined(Sort::Min, &two, &five), two);
        assert_eq!(joined(Sort::Max, &two, &five), five);
        assert_eq!(joined(Sort::Sum, &Value::Null, &five), five);
        assert_eq!(joined(Sort::Sum, &Value::Int(i64::MAX), &five), Value::Null);
    }

    #[test]
    fn a_mean_is_over_the_values_that_are_there() {
        assert_eq!(mean(&Value::Int(5), 2), Value::Decimal(Decimal::new(250, 2)));
        assert_eq!(mean(&Value::Null, 0), Value::Null);
    }
}
