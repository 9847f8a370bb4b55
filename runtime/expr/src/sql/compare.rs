//! Comparisons. A plain field beside a constant stays plain (`amount > ?`), whatever the scales of both are, so
//! that an index on the field serves it.

use chrono::{DateTime, Days, LocalResult, NaiveDate, TimeZone, Utc};
use sea_query::{BinOper, Expr, ExprTrait};

use super::{Atom, Dialect, Known, Sense, Translator, bind, is_row_member, stored_scale, truth};
use crate::calendar::Part;
use crate::decimal::power;
use crate::node::{Comparison, Function, Kind, Node, NodeRef};
use crate::{Decimal, Diagnostic, Type, Value};

impl Translator<'_> {
    pub(super) fn comparison(
        &self,
        comparison: Comparison,
        a: &NodeRef,
        b: &NodeRef,
        sense: Sense,
    ) -> Result<Expr, Diagnostic> {
        // What is known stands on the right from here on.
        let (comparison, a, b) = if a.row { (comparison, a, b) } else { (comparison.mirrored(), b, a) };
        let known = self.known(b)?;
        if let Some(Known::Value(Value::Null)) = known {
            let is_null = self.null_test(a)?;
            return Ok(match (comparison, sense.negated) {
                (Comparison::Equal, false) | (Comparison::NotEqual, true) => is_null.is_null(),
                (Comparison::Equal, true) | (Comparison::NotEqual, false) => is_null.is_not_null(),
                _ => truth(sense.negated),
            });
        }
        if let Some(Known::Value(value)) = &known
            && let Some(sql) = self.local_day(comparison, a, value, sense)?
        {
            return Ok(sql);
        }
        let Some((comparison, left, right)) = self.sides(comparison, a, b, known.as_ref())? else {
            // The constant cannot be a value of the field: nothing equals it.
            return Ok(truth((comparison == Comparison::NotEqual) != sense.negated));
        };
        let nullable = (a.nullable, b.nullable && known.is_none());
        Ok(self.compared(comparison, left, right, nullable, sense))
    }

    /// A comparison of two translated sides, with which of them may be null.
    fn compared(
        &self,
        comparison: Comparison,
        left: Expr,
        right: Expr,
        nullable: (bool, bool),
        sense: Sense,
    ) -> Expr {
        let some_nullable = nullable.0 || nullable.1;
        // Equality takes part in null, so its opposite is exact; the opposite of an order only without null.
        let (comparison, sense) = if sense.negated && (comparison.is_equality() || !some_nullable) {
            (comparison.negated(), sense.negate())
        } else {
            (comparison, sense)
        };
        match comparison {
            Comparison::Equal if nullable == (true, true) => self.same(left, right),
            Comparison::NotEqual if some_nullable => self.differs(left, right),
            _ => self.finish(Atom { sql: plain(comparison, left, right), nullable: some_nullable }, sense),
        }
    }

    fn same(&self, left: Expr, right: Expr) -> Expr {
        match self.dialect {
            Dialect::Sqlite => left.binary(BinOper::Is, right),
            Dialect::Postgres => left.binary(BinOper::Custom("IS NOT DISTINCT FROM"), right),
        }
    }

    fn differs(&self, left: Expr, right: Expr) -> Expr {
        match self.dialect {
            Dialect::Sqlite => left.binary(BinOper::IsNot, right),
            Dialect::Postgres => left.binary(BinOper::Custom("IS DISTINCT FROM"), right),
        }
    }

    /// What a test against null looks at: any column, also of types that cannot be compared otherwise.
    fn null_test(&self, node: &NodeRef) -> Result<Expr, Diagnostic> {
        match node.kind {
            Kind::Member { slot, .. } if is_row_member(node, self.columns) => self.column(node, slot),
            _ => self.operand(node),
        }
    }

    /// Both sides in one unit; `None` where an equality can never hold.
    fn sides(
        &self,
        comparison: Comparison,
        a: &NodeRef,
        b: &NodeRef,
        known: Option<&Known>,
    ) -> Result<Option<(Comparison, Expr, Expr)>, Diagnostic> {
        if a.ty.is_number() && b.ty.is_number() {
            if a.ty == Type::Float || b.ty == Type::Float {
                return Ok(Some((comparison, self.float_operand(a)?, self.float_operand(b)?)));
            }
            let constant = match (known, a.ty.scale()) {
                (Some(Known::Value(value)), Some(scale)) => Some(at_scale(comparison, value, scale)),
                (Some(Known::Later), _) => Some(Some((comparison, 0))),
                _ => None,
            };
            if let Some(constant) = constant {
                // Refused where the field's side is, even if the constant alone decides.
                let operand = self.operand(a)?;
                return Ok(constant.map(|(comparison, constant)| (comparison, operand, Expr::val(constant))));
            }
            let scale = std::cmp::max(stored_scale(&a.ty), stored_scale(&b.ty)).unwrap_or(0);
            return Ok(Some((comparison, self.scaled(a, scale)?, self.scaled(b, scale)?)));
        }
        let mut left = self.operand(a)?;
        let right = self.operand(b)?;
        let by_column = is_row_member(a, self.columns) || is_row_member(b, self.columns);
        if a.ty == Type::Text && !comparison.is_equality() && !by_column && self.dialect == Dialect::Postgres
        {
            // Columns are declared so; what is computed would follow the database's language.
            left = self.custom("{} COLLATE \"C\"", [left]);
        }
        Ok(Some((comparison, left, right)))
    }

    /// `date(moment) == day` as a range of moments, which an index serves. Only where midnight exists once, so
    /// that the local days follow each other in order.
    fn local_day(
        &self,
        comparison: Comparison,
        a: &NodeRef,
        value: &Value,
        sense: Sense,
    ) -> Result<Option<Expr>, Diagnostic> {
        let (Kind::Call(Function::Part(Part::Date), args), Value::Date(day), Some(cx)) =
            (&a.kind, value, self.cx)
        else {
            return Ok(None);
        };
        let moment = &args[0];
        let next = day.checked_add_days(Days::new(1));
        let (Some(start), Some(end)) = (midnight(*day, cx.tz), next.and_then(|next| midnight(next, cx.tz)))
        else {
            return Ok(None);
        };
        if moment.ty != Type::DateTime {
            return Ok(None);
        }
        let column = self.operand(moment)?;
        let sense = if comparison == Comparison::NotEqual { sense.negate() } else { sense };
        let sql = match comparison {
            Comparison::Equal | Comparison::NotEqual => column.clone().gte(start).and(column.lt(end)),
            Comparison::Less => column.lt(start),
            Comparison::LessOrEqual => column.lt(end),
            Comparison::Greater => column.gte(end),
            Comparison::GreaterOrEqual => column.gte(start),
        };
        Ok(Some(self.finish(Atom { sql, nullable: moment.nullable }, sense)))
    }
}

/// A constant as something that an item stored as `ty` can be equal to; none where it never is.
pub(super) fn comparable_constant(item: &Node, ty: &Type, value: &Value) -> Result<Option<Expr>, Diagnostic> {
    match (ty.scale(), value) {
        (Some(scale), Value::Int(_) | Value::Decimal(_)) => {
            Ok(at_scale(Comparison::Equal, value, scale).map(|(_, constant)| Expr::val(constant)))
        }
        _ => bind(item, &Known::Value(value.clone()), ty).map(Some),
    }
}

fn midnight(day: NaiveDate, tz: chrono_tz::Tz) -> Option<DateTime<Utc>> {
    match tz.from_local_datetime(&day.and_hms_opt(0, 0, 0)?) {
        LocalResult::Single(start) => Some(start.with_timezone(&Utc)),
        _ => None,
    }
}

fn plain(comparison: Comparison, left: Expr, right: Expr) -> Expr {
    match comparison {
        Comparison::Equal => left.eq(right),
        Comparison::NotEqual => left.ne(right),
        Comparison::Less => left.lt(right),
        Comparison::LessOrEqual => left.lte(right),
        Comparison::Greater => left.gt(right),
        Comparison::GreaterOrEqual => left.gte(right),
    }
}

/// The same comparison against an integer at the field's scale. `None` where an equality can never hold. A
/// constant beyond 64 bits becomes the nearest end, which no field reaches.
fn at_scale(comparison: Comparison, value: &Value, scale: u8) -> Option<(Comparison, i64)> {
    let number = match value {
        Value::Int(number) => Decimal::from(*number),
        Value::Decimal(number) => *number,
        _ => return None,
    };
    let wide = i128::from(number.mantissa) * power(scale);
    let unit = power(number.scale);
    let (floor, exact) = (wide.div_euclid(unit), wide.rem_euclid(unit) == 0);
    let clamp = |number: i128| number.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
    match (comparison, exact) {
        (_, true) => Some((comparison, clamp(floor))),
        (Comparison::Equal | Comparison::NotEqual, false) => None,
        // x > 1.5 and x >= 1.5 both say x > 1, as x < 1.5 and x <= 1.5 both say x <= 1.
        (Comparison::Greater | Comparison::GreaterOrEqual, false) => {
            Some((Comparison::Greater, clamp(floor)))
        }
        (Comparison::Less | Comparison::LessOrEqual, false) => Some((Comparison::LessOrEqual, clamp(floor))),
    }
}
