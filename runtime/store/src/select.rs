//! Lists: filter, scope, search, order and place in the list become one statement that an index can serve.
//!
//! A row scope such as "mine or nobody's" has one branch per case. Each branch is read in order by its own index and
//! the branches are merged, so that such a list costs as little as a list with a single condition. Branches must
//! exclude each other; the caller sees to that.

use mortise_definition::model::{EntityModel, Slot, system};
use mortise_expr::{Dialect, Value};
use sea_query::{
    Alias, Cond, Expr, ExprTrait, NullOrdering, Order, PostgresQueryBuilder, Query, SelectStatement,
    SqliteQueryBuilder, UnionType,
};

use crate::column::param;
use crate::exec::Param;
use crate::layout::{Layout, TableLayout};
use crate::search;

/// A list to be read.
#[derive(Debug, Clone)]
pub struct Select<'a> {
    /// The entity.
    pub entity: &'a EntityModel,
    /// Columns to read; [`TableLayout::partial`] puts them back in their slots.
    pub slots: &'a [Slot],
    /// Cases that exclude each other, of which one must hold; empty when there is no such condition.
    pub branches: Vec<Expr>,
    /// Conditions that must hold.
    pub conditions: Vec<Expr>,
    /// Words to be found.
    pub search: Option<&'a str>,
    /// Order, total: it ends with the id. True is descending.
    pub sort: &'a [(Slot, bool)],
    /// Values of the sort slots of the last record before this page.
    pub after: Option<&'a [Value]>,
    /// Records at most.
    pub limit: u64,
    /// The trash instead of the living records.
    pub trash: bool,
}

impl Select<'_> {
    /// The statement that reads the records.
    pub fn records(&self, layout: &Layout) -> (String, Vec<Param>) {
        let table = &layout.tables[self.entity.index];
        let dialect = layout.naming.dialect;
        let mut statement = match self.branches.as_slice() {
            [] => self.part(layout, table, None),
            [only] => self.part(layout, table, Some(only)),
            [first, rest @ ..] => {
                let mut union = self.arm(layout, table, first);
                for branch in rest {
                    union.union(UnionType::All, self.arm(layout, table, branch));
                }
                union
            }
        };
        self.order(&mut statement, dialect);
        statement.limit(self.limit);
        build(&statement, dialect)
    }

    /// Statements whose numbers add up to how many records there are, each counting to `cap` at most.
    pub fn counts(&self, layout: &Layout, cap: u64) -> Vec<(String, Vec<Param>)> {
        let table = &layout.tables[self.entity.index];
        let one = |branch: Option<&Expr>| {
            let mut inner = self.filtered(layout, table, branch);
            inner.expr(Expr::val(1)).limit(cap);
            let mut outer = Query::select();
            outer.expr(Expr::cust("count(*)")).from_subquery(inner, Alias::new("counted"));
            build(&outer, layout.naming.dialect)
        };
        match self.branches.len() {
            0 => vec![one(None)],
            _ => self.branches.iter().map(|branch| one(Some(branch))).collect(),
        }
    }

    /// One case of several. Where an index has the order, SQLite reads each case in order, merges them and stops at the
    /// limit of the whole; otherwise the database is told to keep no more of each than can be needed.
    fn arm(&self, layout: &Layout, table: &TableLayout, branch: &Expr) -> SelectStatement {
        let mut statement = self.part(layout, table, Some(branch));
        if layout.naming.dialect == Dialect::Sqlite && self.in_order() {
            return statement;
        }
        self.order(&mut statement, layout.naming.dialect);
        statement.limit(self.limit);
        wrapped(statement)
    }

    /// Whether an index holds the records in the order asked for, forwards or backwards.
    fn in_order(&self) -> bool {
        let same = |run: &[(Slot, bool)]| {
            let backwards =
                run.iter().zip(self.sort).all(|(one, other)| one.0 == other.0 && one.1 != other.1);
            run == self.sort || backwards
        };
        !self.sort.is_empty()
            && self.entity.indexes.iter().any(|index| index.slots.windows(self.sort.len()).any(same))
    }

    fn part(&self, layout: &Layout, table: &TableLayout, branch: Option<&Expr>) -> SelectStatement {
        let mut statement = self.filtered(layout, table, branch);
        for &slot in self.slots {
            statement.column(Alias::new(self.entity.fields[slot].name.as_ref()));
        }
        if let Some(after) = self.after {
            statement.cond_where(self.beyond(table, after));
        }
        statement
    }

    fn filtered(&self, layout: &Layout, table: &TableLayout, branch: Option<&Expr>) -> SelectStatement {
        let mut statement = Query::select();
        statement.from(table.from.clone());
        let deleted = column(self.entity, system::DELETED_AT);
        statement.and_where(if self.trash { deleted.is_not_null() } else { deleted.is_null() });
        for condition in self.conditions.iter().chain(branch) {
            statement.and_where(condition.clone());
        }
        if let Some(words) = self.search {
            statement.and_where(found(layout, table, words));
        }
        statement
    }

    fn order(&self, statement: &mut SelectStatement, dialect: Dialect) {
        for &(slot, descending) in self.sort {
            let name = Alias::new(self.entity.fields[slot].name.as_ref());
            let order = if descending { Order::Desc } else { Order::Asc };
            // SQLite's own order: nulls are smallest. PostgreSQL is told the same, and its indexes are made so.
            match (dialect, descending) {
                (Dialect::Sqlite, _) => statement.order_by(name, order),
                (Dialect::Postgres, true) => statement.order_by_with_nulls(name, order, NullOrdering::Last),
                (Dialect::Postgres, false) => statement.order_by_with_nulls(name, order, NullOrdering::First),
            };
        }
    }

    /// Records behind the last one of the page before: `a < x or (a = x and (b < y or …))`, nulls being smallest.
    fn beyond(&self, table: &TableLayout, after: &[Value]) -> Cond {
        let mut condition = Cond::any();
        let mut bound = None;
        for (position, (&(slot, descending), value)) in self.sort.iter().zip(after).enumerate().rev() {
            let name = || column(self.entity, slot);
            let bind = || Expr::val(param(value, &table.types[slot]));
            let past = match (value.is_null(), descending) {
                (false, false) => Some(name().gt(bind())),
                (false, true) if nullable(self.entity, slot) => Some(name().lt(bind()).or(name().is_null())),
                (false, true) => Some(name().lt(bind())),
                (true, false) => Some(name().is_not_null()),
                (true, true) => None,
            };
            let same = if value.is_null() { name().is_null() } else { name().eq(bind()) };
            let mut next = Cond::any();
            if let Some(past) = past {
                next = next.add(past);
            }
            if position + 1 < self.sort.len() {
                next = next.add(Cond::all().add(same).add(condition));
            }
            condition = next;
            if position == 0 && !value.is_null() && !(descending && nullable(self.entity, slot)) {
                // Implied by the rest (nulls come last in a descending order only); spelled out because it is what
                // an index can start from.
                bound = Some(if descending { name().lte(bind()) } else { name().gte(bind()) });
            }
        }
        match bound {
            Some(bound) => Cond::all().add(bound).add(condition),
            None => condition,
        }
    }
}

fn nullable(entity: &EntityModel, slot: Slot) -> bool {
    !matches!(slot, system::ID | system::VERSION | system::CREATED_AT | system::UPDATED_AT)
        && entity.shape.members()[slot].nullable
}

/// The column of a slot.
pub fn column(entity: &EntityModel, slot: Slot) -> Expr {
    Expr::col(Alias::new(entity.fields[slot].name.as_ref()))
}

fn found(layout: &Layout, table: &TableLayout, words: &str) -> Expr {
    let nothing = || Expr::cust("1 = 0");
    if !table.searchable() {
        return nothing();
    }
    match layout.naming.dialect {
        Dialect::Sqlite => {
            let index = crate::exec::quote(&format!("{}__search", table.plain));
            search::sqlite_match(words).map_or_else(nothing, |query| {
                Expr::cust_with_values(
                    format!("_rid IN (SELECT rowid FROM {index} WHERE {index} MATCH ?)"),
                    [query],
                )
            })
        }
        Dialect::Postgres => search::postgres_match(words)
            .map_or_else(nothing, |query| Expr::cust_with_values("_search @@ $1::tsquery", [query])),
    }
}

/// A branch with its own order and limit may stand in a union only as a subquery.
fn wrapped(branch: SelectStatement) -> SelectStatement {
    let mut outer = Query::select();
    outer.expr(Expr::cust("*")).from_subquery(branch, Alias::new("branch"));
    outer
}

/// The text and parameters of a statement.
pub fn build(statement: &SelectStatement, dialect: Dialect) -> (String, Vec<Param>) {
    let (sql, values) = match dialect {
        Dialect::Sqlite => statement.build(SqliteQueryBuilder),
        Dialect::Postgres => statement.build(PostgresQueryBuilder),
    };
    (sql, values.0)
}
