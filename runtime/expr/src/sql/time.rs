//! Dates and datetimes in SQL: parts in the local zone, differences, and moving by a duration.

use sea_query::{Expr, ExprTrait, Func};

use super::{Dialect, Known, Translator, bind, refuse, zone};
use crate::calendar::{DAY_MS, Part};
use crate::eval::whole_days;
use crate::node::{Node, NodeRef, Operation};
use crate::{Diagnostic, Type, Value};

/// How far a condition can move a stored date or datetime: a hundred years. Both databases compute exactly within
/// it, and no stored time comes near the end of their calendars.
const MOVE_LIMIT_MS: i64 = 36_525 * DAY_MS;

const DAY_MICROS: i64 = DAY_MS * 1000;

impl Translator<'_> {
    /// A part of a date, or of the local time of a datetime.
    pub(super) fn part(&self, part: Part, of: &NodeRef) -> Result<Expr, Diagnostic> {
        let operand = self.operand(of)?;
        if of.ty == Type::Date && part == Part::Date {
            return Ok(operand);
        }
        let tz = self.cx.map(|cx| cx.tz);
        Ok(match (self.dialect, &of.ty) {
            (Dialect::Sqlite, Type::Date) => local(part, operand.mul(DAY_MICROS), zone(None)),
            (Dialect::Sqlite, _) => local(part, operand, zone(tz)),
            (Dialect::Postgres, Type::Date) => self.extract(part, operand),
            (Dialect::Postgres, _) => {
                let time = self.custom("{} AT TIME ZONE {}", [operand, zone(tz)]);
                self.extract(part, time)
            }
        })
    }

    fn extract(&self, part: Part, time: Expr) -> Expr {
        match part {
            Part::Date => self.custom("CAST({} AS date)", [time]),
            Part::Weekday => self.custom("CAST(extract(isodow FROM {}) AS bigint)", [time]),
            part => self.custom(&format!("CAST(extract({} FROM {{}}) AS bigint)", part.name()), [time]),
        }
    }

    pub(super) fn days_between(&self, from: &NodeRef, to: &NodeRef) -> Result<Expr, Diagnostic> {
        let days = self.local_date(to)?.sub(self.local_date(from)?);
        Ok(match self.dialect {
            Dialect::Sqlite => days,
            Dialect::Postgres => self.custom("CAST({} AS bigint)", [days]),
        })
    }

    fn local_date(&self, node: &NodeRef) -> Result<Expr, Diagnostic> {
        match self.known(node)? {
            Some(Known::Value(Value::DateTime(instant))) => {
                let tz = self.cx.map_or(chrono_tz::UTC, |cx| cx.tz);
                let date = crate::calendar::local(instant, tz).date();
                bind(node, &Known::Value(Value::Date(date)), &Type::Date)
            }
            Some(known) => bind(node, &known, &Type::Date),
            None => self.part(Part::Date, node),
        }
    }

    /// The milliseconds between two datetimes, without the fraction of one.
    pub(super) fn elapsed(&self, later: &NodeRef, earlier: &NodeRef) -> Result<Expr, Diagnostic> {
        let micros = self.operand(later)?.sub(self.operand(earlier)?);
        Ok(match self.dialect {
            Dialect::Sqlite => micros.div(1000i64),
            Dialect::Postgres => {
                self.custom("CAST(trunc(extract(epoch FROM {}) * 1000) AS bigint)", [micros])
            }
        })
    }

    /// A date or datetime plus or minus a duration that is known before.
    pub(super) fn moved(
        &self,
        node: &Node,
        operation: Operation,
        a: &NodeRef,
        b: &NodeRef,
    ) -> Result<Expr, Diagnostic> {
        let (time, duration) = if b.ty == Type::Duration { (a, b) } else { (b, a) };
        let ms = match self.known(duration)? {
            Some(Known::Value(Value::Duration(ms))) => ms,
            Some(Known::Value(_)) => return bind(node, &Known::Value(Value::Null), &node.ty),
            Some(Known::Later) => 0,
            None => {
                let message = "a date can be moved only by a duration that does not depend on the record; \
                               compare the difference of two datetimes instead";
                return Err(refuse(duration, "duration", message));
            }
        };
        if !(-MOVE_LIMIT_MS..=MOVE_LIMIT_MS).contains(&ms) {
            return Err(refuse(
                duration,
                "range",
                "a database condition can move a date by at most a hundred years",
            ));
        }
        let ms = if operation == Operation::Subtract { -ms } else { ms };
        let time = self.operand(time)?;
        Ok(match (self.dialect, &node.ty) {
            (Dialect::Sqlite, Type::Date) => time.add(whole_days(ms)),
            (Dialect::Sqlite, _) => time.add(ms * 1000),
            // PostgreSQL adds only 32-bit integers to dates.
            (Dialect::Postgres, Type::Date) => {
                time.add(i32::try_from(whole_days(ms)).expect("a hundred years are fewer days than 2^31"))
            }
            (Dialect::Postgres, _) => {
                self.custom("{} + {} * interval '1 millisecond'", [time, Expr::val(ms)])
            }
        })
    }
}

/// SQLite's function that knows zones; see [`crate::local_part`].
fn local(part: Part, micros: Expr, zone: Expr) -> Expr {
    Func::cust("mortise_local").args([Expr::val(part.name()), micros, zone]).into()
}
