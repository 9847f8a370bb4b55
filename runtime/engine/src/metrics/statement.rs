//! A metric as one statement: measure, filter, window, scope and breakdown compiled to SQL. All figures come out as
//! floating point numbers; decimals are divided by their scale, lengths of time are seconds.

use chrono::{DateTime, Utc};
use mortise_definition::model::{EntityModel, FieldKind, MeasureModel, MetricModel, Slot, system};
use mortise_expr::{Context, Dialect, Expression, Type, Value};
use mortise_store::{Naming, Param, Row, column, select};
use sea_query::{Alias, Expr, ExprTrait, NullOrdering, Order, Query, SelectStatement};

use crate::commands::Work;
use crate::error::Error;
use crate::values::Issue;

/// What is asked of a metric that is not a ratio.
pub(super) struct Asked<'a> {
    pub(super) metric: &'a MetricModel,
    pub(super) entity: &'a EntityModel,
    /// Fields by which it is broken down.
    pub(super) group: &'a [Slot],
    /// First instants of the steps of time by which it is broken down, after `group`.
    pub(super) steps: &'a [DateTime<Utc>],
    /// Only records of these values.
    pub(super) matching: &'a [(Slot, Value)],
    /// Only records of these nodes of trees and of those below them.
    pub(super) under: &'a [(Slot, String)],
    /// Trees are broken down by their uppermost nodes.
    pub(super) uppermost: bool,
    /// Only records from then on.
    pub(super) since: Option<DateTime<Utc>>,
    /// The moment that `now()` means.
    pub(super) now: DateTime<Utc>,
    /// Only records that the reader may see.
    pub(super) scope: Option<Expr>,
    /// Rows at most, those with the highest figures.
    pub(super) best: u64,
}

/// A row of the answer: values of the groups (and the position of the step), and the figure.
pub(crate) type Answer = (Vec<Value>, Option<i64>, Option<f64>);

const FIGURE: &str = "figure";
const STEP: &str = "step";

impl Asked<'_> {
    /// The statement.
    pub(super) fn build(&self, work: &Work, naming: &Naming) -> Result<(String, Vec<Param>), Error> {
        let mut statement = match &self.metric.measure {
            MeasureModel::Percentile(value, percent) => self.percentile(work, naming, value, *percent)?,
            measure => {
                let mut statement = self.rows(work, naming)?;
                self.columns(&mut statement, naming);
                statement.expr_as(self.measure(work, naming, measure)?, Alias::new(FIGURE));
                self.grouped(&mut statement);
                statement
            }
        };
        // PostgreSQL would put what has no figure before the highest ones.
        statement.order_by_with_nulls(Alias::new(FIGURE), Order::Desc, NullOrdering::Last).limit(self.best);
        Ok(select::build(&statement, naming.dialect))
    }

    /// Reads a row of the statement.
    pub(super) fn read(&self, row: &dyn Row) -> mortise_store::Result<Answer> {
        let mut values = Vec::with_capacity(self.group.len());
        for (index, &slot) in self.group.iter().enumerate() {
            values.push(row.value(index, &self.entity.shape.members()[slot].ty)?);
        }
        let mut index = self.group.len();
        let mut step = None;
        if !self.steps.is_empty() {
            step = row.int(index)?;
            index += 1;
        }
        let figure = row.value(index, &Type::Float)?.as_number();
        Ok((values, step, figure))
    }

    /// The records that count.
    fn rows(&self, work: &Work, naming: &Naming) -> Result<SelectStatement, Error> {
        let table = &work.published.layout.tables[self.entity.index];
        let mut statement = Query::select();
        statement.from(table.from.clone());
        statement.and_where(select::column(self.entity, system::DELETED_AT).is_null());
        if let Some(filter) = &self.metric.filter {
            statement.and_where(self.sql(work, naming, filter)?);
        }
        let time = select::column(self.entity, self.metric.time);
        if let Some(since) = self.since {
            statement.and_where(time.gte(since));
        }
        for (slot, value) in self.matching {
            let column = select::column(self.entity, *slot);
            statement.and_where(match value {
                Value::Null => column.is_null(),
                value => {
                    let param = column::param(value, &self.entity.shape.members()[*slot].ty);
                    column.eq(Expr::Value(param))
                }
            });
        }
        for (slot, node) in self.under {
            let column = || select::column(self.entity, *slot);
            // A node below has the path of this one before a slash; the zero follows the slash.
            let below = column().gte(format!("{node}/")).and(column().lt(format!("{node}0")));
            statement.and_where(column().eq(node.as_str()).or(below));
        }
        if let Some(scope) = &self.scope {
            statement.and_where(scope.clone());
        }
        Ok(statement)
    }

    /// The name of a group among the columns of the answer.
    fn name(&self, slot: Slot) -> String {
        let name = &self.entity.fields[slot].name;
        if self.is_cut(slot) { format!("_top_{name}") } else { name.to_string() }
    }

    /// Whether only the uppermost node of a value counts.
    fn is_cut(&self, slot: Slot) -> bool {
        self.uppermost && matches!(self.entity.fields[slot].kind, FieldKind::Tree { .. })
    }

    fn columns(&self, statement: &mut SelectStatement, naming: &Naming) {
        for &slot in self.group {
            match self.is_cut(slot) {
                true => {
                    let column = mortise_store::quote(&self.entity.fields[slot].name);
                    statement
                        .expr_as(Expr::cust(top_of(&column, naming.dialect)), Alias::new(self.name(slot)))
                }
                false => statement.column(Alias::new(self.entity.fields[slot].name.as_ref())),
            };
        }
        if !self.steps.is_empty() {
            let time = mortise_store::quote(&self.entity.fields[self.metric.time].name);
            // The numbers of the steps would be smaller ones on PostgreSQL.
            let step = format!("CAST({} AS bigint)", step_of(&time, self.steps, 0, naming.dialect));
            statement.expr_as(Expr::cust(step), Alias::new(STEP));
        }
    }

    fn grouped(&self, statement: &mut SelectStatement) {
        for &slot in self.group {
            statement.group_by_col(Alias::new(self.name(slot)));
        }
        if !self.steps.is_empty() {
            statement.group_by_col(Alias::new(STEP));
        }
    }

    fn measure(&self, work: &Work, naming: &Naming, measure: &MeasureModel) -> Result<Expr, Error> {
        let of = |function: &str, value: &Expression| {
            let sql = self.number(work, naming, value)?;
            Ok::<_, Error>(Expr::cust_with_exprs(format!("{function}({})", mark(naming, 1)), [sql]))
        };
        match measure {
            MeasureModel::Count => Ok(Expr::cust(format!("CAST(count(*) AS {})", float(naming)))),
            MeasureModel::Sum(value) => of("sum", value),
            MeasureModel::Average(value) => of("avg", value),
            MeasureModel::Min(value) => of("min", value),
            MeasureModel::Max(value) => of("max", value),
            MeasureModel::Share(condition) => {
                let sql = self.sql(work, naming, condition)?;
                let one = format!("CAST(1 AS {})", float(naming));
                let zero = format!("CAST(0 AS {})", float(naming));
                let text = format!("avg(CASE WHEN {} THEN {one} ELSE {zero} END)", mark(naming, 1));
                Ok(Expr::cust_with_exprs(text, [sql]))
            }
            MeasureModel::Percentile(..) | MeasureModel::Ratio { .. } => {
                Err(Error::BadRequest(Issue::new("metric.measure").with("metric", &self.metric.key)))
            }
        }
    }

    /// The value at a rank: the smallest of which at least so many percent are as small (nearest rank).
    fn percentile(
        &self,
        work: &Work,
        naming: &Naming,
        value: &Expression,
        percent: u8,
    ) -> Result<SelectStatement, Error> {
        let number = self.number(work, naming, value)?;
        let mut values = self.rows(work, naming)?;
        self.columns(&mut values, naming);
        values.expr_as(number, Alias::new(FIGURE));
        let names = self.names();
        let window =
            if names.is_empty() { String::new() } else { format!("PARTITION BY {} ", names.join(", ")) };
        let figure = mortise_store::quote(FIGURE);
        let mut ranked = Query::select();
        ranked.expr(Expr::cust("*"));
        let rank = format!("row_number() OVER ({window}ORDER BY {figure})");
        ranked.expr_as(Expr::cust(rank), Alias::new("rank"));
        ranked.expr_as(Expr::cust(format!("count(*) OVER ({window})")), Alias::new("many"));
        ranked.from_subquery(values, Alias::new("measured"));
        ranked.and_where(Expr::cust(format!("{figure} IS NOT NULL")));
        let mut chosen = Query::select();
        for name in &names {
            chosen.expr(Expr::cust(name.clone()));
        }
        chosen.expr_as(Expr::cust(figure), Alias::new(FIGURE));
        chosen.from_subquery(ranked, Alias::new("ranked"));
        let wanted = match percent {
            0 => "1".to_owned(),
            percent => format!("({percent} * \"many\" + 99) / 100"),
        };
        chosen.and_where(Expr::cust(format!("\"rank\" = {wanted}")));
        Ok(chosen)
    }

    fn names(&self) -> Vec<String> {
        let fields = self.group.iter().map(|&slot| mortise_store::quote(&self.name(slot)));
        let step = (!self.steps.is_empty()).then(|| mortise_store::quote(STEP));
        fields.chain(step).collect()
    }

    /// A number as floating point, in units.
    fn number(&self, work: &Work, naming: &Naming, value: &Expression) -> Result<Expr, Error> {
        let sql = self.sql(work, naming, value)?;
        let scale = match value.ty() {
            Type::Decimal(scale) => 10_f64.powi(i32::from(*scale)),
            // Milliseconds.
            Type::Duration => 1_000.0,
            _ => 1.0,
        };
        let text = format!("CAST({} AS {}) / {scale:.1}", mark(naming, 1), float(naming));
        Ok(Expr::cust_with_exprs(text, [sql]))
    }

    fn sql(&self, work: &Work, naming: &Naming, expression: &Expression) -> Result<Expr, Error> {
        let settings = &work.published.model.apps[self.metric.app].setting_values;
        let roots: [&[Value]; 3] = [&[], &work.actor.user.root, settings];
        let cx = Context { now: self.now, tz: work.actor.user.tz, roots: &roots, functions: None };
        expression.to_sql(naming.dialect, None, &cx).map_err(|diagnostic| {
            let issue = Issue::new("metric.expression").with("metric", &self.metric.key);
            Error::BadRequest(issue.with("reason", diagnostic.message))
        })
    }
}

fn mark(naming: &Naming, number: usize) -> String {
    match naming.dialect {
        Dialect::Sqlite => "?".to_owned(),
        Dialect::Postgres => format!("${number}"),
    }
}

fn float(naming: &Naming) -> &'static str {
    match naming.dialect {
        Dialect::Sqlite => "REAL",
        Dialect::Postgres => "double precision",
    }
}

/// The uppermost node of a tree's value, which is the path to a node with slashes between.
fn top_of(column: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => format!(
            "CASE instr({column}, '/') WHEN 0 THEN {column} ELSE substr({column}, 1, instr({column}, '/') - 1) END"
        ),
        // An empty value has no node, and so has none above.
        Dialect::Postgres => format!("split_part({column}, '/', 1)"),
    }
}

/// The position of the step in which a moment lies, found by halving; moments before the first count to it.
fn step_of(column: &str, steps: &[DateTime<Utc>], offset: usize, dialect: Dialect) -> String {
    if steps.len() <= 1 {
        return offset.to_string();
    }
    let middle = steps.len() / 2;
    // The bounds are our own numbers and dates, nothing that anybody wrote.
    let bound = match dialect {
        Dialect::Sqlite => steps[middle].timestamp_micros().to_string(),
        Dialect::Postgres => format!("'{}'::timestamptz", steps[middle].format("%Y-%m-%d %H:%M:%S+00")),
    };
    let below = step_of(column, &steps[..middle], offset, dialect);
    let above = step_of(column, &steps[middle..], offset + middle, dialect);
    format!("CASE WHEN {column} < {bound} THEN {below} ELSE {above} END")
}
