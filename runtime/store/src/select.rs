//! Lists: filter, scope, search, order and place in the list become one statement that an index can serve.
//!
//! A row scope such as "mine or nobody's" has one branch per case. Each branch is read in order by its own index and
//! the branches are merged, so that such a list costs as little as a list with a single condition. Branches must
//! exclude each other; the caller sees to that.

use mortise_definition::model::{EntityModel, Slot, system};
use mortise_expr::{Dialect, Type, Value};
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

/// A condition for which SQLite looks into no index, so that another one can serve the order of a list.
pub fn unguided(condition: Expr) -> Expr {
    Expr::cust_with_exprs("+(?)", [condition])
}

/// For each index that holds the records in this order, forwards or backwards: the columns that stand before it there.
pub fn ordered<'a>(
    entity: &'a EntityModel,
    sort: &'a [(Slot, bool)],
) -> impl Iterator<Item = &'a [(Slot, bool)]> {
    let same = move |run: &[(Slot, bool)]| {
        let backwards = run.iter().zip(sort).all(|(one, other)| one.0 == other.0 && one.1 != other.1);
        run == sort || backwards
    };
    let runs = entity.indexes.iter().filter(|_| !sort.is_empty());
    runs.filter_map(move |index| {
        let begins = index.slots.windows(sort.len()).position(same)?;
        Some(&index.slots[..begins])
    })
}

impl Select<'_> {
    /// The statement that reads the records.
    pub fn records(&self, layout: &Layout) -> (String, Vec<Param>) {
        build(&self.statement(layout), layout.naming.dialect)
    }

    /// The statement that reads the first records of each of several cases, in the order of all of them. Behind the columns
    /// stands the position of the case.
    pub fn cases(&self, layout: &Layout, cases: &[Vec<Expr>]) -> (String, Vec<Param>) {
        let arm = |(position, case): (usize, &Vec<Expr>)| {
            let mut part = self.clone();
            part.conditions.extend(case.iter().cloned());
            let mut arm = wrapped(part.statement(layout));
            // PostgreSQL takes a bare number for a smaller one than those that are read.
            arm.expr_as(Expr::cust(format!("CAST({position} AS bigint)")), Alias::new("_case"));
            arm
        };
        let mut arms = cases.iter().enumerate().map(arm);
        let Some(mut statement) = arms.next() else { return self.records(layout) };
        for arm in arms {
            statement.union(UnionType::All, arm);
        }
        self.order(&mut statement, layout.naming.dialect);
        build(&statement, layout.naming.dialect)
    }

    /// The statement that counts the records of each value of a field, the most frequent values first, and adds up another
    /// field of theirs.
    pub fn groups(&self, layout: &Layout, by: Slot, sum: Option<Slot>) -> (String, Vec<Param>) {
        let table = &layout.tables[self.entity.index];
        let dialect = layout.naming.dialect;
        let mut statement = self.filtered(layout, table, self.either().as_ref());
        let name = || Alias::new(self.entity.fields[by].name.as_ref());
        statement.column(name()).expr_as(Expr::cust("count(*)"), Alias::new("_count"));
        if let Some(sum) = sum {
            statement.expr_as(Expr::cust(added(self.entity, table, sum, dialect)), Alias::new("_sum"));
        }
        statement
            .group_by_col(name())
            .order_by(Alias::new("_count"), Order::Desc)
            .order_by(name(), Order::Asc);
        statement.limit(self.limit);
        build(&statement, dialect)
    }

    /// The records of the list in no order and without columns: what a statement that adds them up starts from.
    pub fn source(&self, layout: &Layout) -> SelectStatement {
        self.filtered(layout, &layout.tables[self.entity.index], self.either().as_ref())
    }

    /// The statement that reads the records from the one at this position on. Those before it are walked past, so that it
    /// is for jumps; pages go on with `after`.
    pub fn records_at(&self, layout: &Layout, position: u64) -> (String, Vec<Param>) {
        let wide = Select { limit: self.limit.saturating_add(position), ..self.clone() };
        let mut statement = wide.statement(layout);
        statement.limit(self.limit).offset(position);
        build(&statement, layout.naming.dialect)
    }

    /// The statement that gathers points in squares of so many degrees: middle, number of records, what a field of theirs adds
    /// up to, and of a single record its id; the fullest squares first.
    pub fn squares(
        &self,
        layout: &Layout,
        place: Slot,
        sum: Option<Slot>,
        degrees: f64,
    ) -> (String, Vec<Param>) {
        let table = &layout.tables[self.entity.index];
        let dialect = layout.naming.dialect;
        let column = crate::exec::quote(&self.entity.fields[place].name);
        let part = |index: u8| match dialect {
            Dialect::Sqlite => format!("CAST(json_extract({column}, '$[{index}]') AS REAL)"),
            Dialect::Postgres => format!("CAST({column} ->> {index} AS double precision)"),
        };
        // Both numbers become positive, so that cutting off is rounding down.
        let square = |part: &str, most: u16| match dialect {
            Dialect::Sqlite => format!("CAST(({part} + {most}) / {degrees:?} AS INTEGER)"),
            Dialect::Postgres => format!("floor(({part} + {most}) / {degrees:?})"),
        };
        let (lat, lon) = (part(0), part(1));
        let only = match dialect {
            Dialect::Sqlite => "min(\"id\")",
            Dialect::Postgres => "CAST(min(CAST(\"id\" AS text)) AS uuid)",
        };
        let mut statement = self.filtered(layout, table, self.either().as_ref());
        statement.and_where(self::column(self.entity, place).is_not_null());
        for text in [format!("avg({lat})"), format!("avg({lon})"), "count(*)".to_owned(), only.to_owned()] {
            statement.expr(Expr::cust(text));
        }
        if let Some(sum) = sum {
            statement.expr(Expr::cust(added(self.entity, table, sum, dialect)));
        }
        for text in [square(&lat, 90), square(&lon, 180)] {
            statement.add_group_by([Expr::cust(text)]);
        }
        statement.order_by_expr(Expr::cust("count(*)"), Order::Desc).limit(self.limit);
        build(&statement, dialect)
    }

    /// All cases as one condition, for statements that put nothing in order.
    fn either(&self) -> Option<Expr> {
        self.branches.iter().cloned().reduce(|one, other| one.or(other))
    }

    fn statement(&self, layout: &Layout) -> SelectStatement {
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
        statement
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
        if layout.naming.dialect == Dialect::Sqlite && ordered(self.entity, self.sort).next().is_some() {
            return statement;
        }
        self.order(&mut statement, layout.naming.dialect);
        statement.limit(self.limit);
        wrapped(statement)
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

/// The sum of a field. PostgreSQL adds whole numbers up to a type of their own.
fn added(entity: &EntityModel, table: &TableLayout, slot: Slot, dialect: Dialect) -> String {
    let column = crate::exec::quote(&entity.fields[slot].name);
    let whole = dialect == Dialect::Postgres && table.types[slot] != Type::Float;
    if whole { format!("CAST(sum({column}) AS bigint)") } else { format!("sum({column})") }
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
