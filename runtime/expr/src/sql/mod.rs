//! Translation of checked expressions to SQL conditions, so that the database picks exactly the rows for which the
//! evaluator says true.
//!
//! What is known before a row is read (other roots, `now()`, any function of them) is evaluated here and becomes a
//! bound constant; nothing of it is ever written into the text of the statement. What depends on the row is
//! translated, or refused with the reason.
//!
//! # How three-valued SQL is made two-valued
//!
//! Where a condition stands so that null and false mean the same (at the top, and below `AND` and `OR` there), it
//! is translated plainly, because an index serves `status = ?` but not `coalesce(status = ?, false)`. `!` is pushed
//! down to the comparisons. Where null would come out as something else (below a negation, as an operand), `IS
//! TRUE`, `IS NOT TRUE`, `IS NOT DISTINCT FROM` (`IS` in SQLite) make it definite.
//!
//! # How columns are stored
//!
//! | type | SQLite | PostgreSQL |
//! | --- | --- | --- |
//! | bool | INTEGER 0, 1 | boolean |
//! | int, decimal | INTEGER, scaled | bigint, scaled |
//! | float | REAL | double precision |
//! | text | TEXT | text COLLATE "C" |
//! | date | INTEGER, days since 1970-01-01 | date |
//! | datetime | INTEGER, microseconds since 1970-01-01T00:00Z | timestamptz |
//! | duration | INTEGER, milliseconds | bigint, milliseconds |
//! | id | BLOB of 16 bytes | uuid |
//! | list | TEXT holding JSON | jsonb |
//!
//! Bound constants have the same types for both (`Uuid`, `ChronoDate`, `ChronoDateTimeUtc`, `BigInt` …); who
//! executes on SQLite binds them in its storage form, and registers [`crate::local_part`] as `mortise_local`,
//! which gives null for null.

mod compare;
mod condition;
mod exact;
mod operand;
mod time;

use std::sync::Arc;

use sea_query::{Alias, Expr, ExprTrait};

use crate::expression::Columns;
use crate::node::{Function, Kind, Node, NodeRef};
use crate::{Context, Decimal, Diagnostic, OutsideFunction, Type, Value};

/// The database that a condition is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// SQLite, with the function `mortise_local` registered.
    Sqlite,
    /// PostgreSQL 15 or later.
    Postgres,
}

/// Translates a node; without a context only to see whether it can be.
pub(crate) fn translate(
    node: &NodeRef,
    columns: &Columns,
    dialect: Dialect,
    alias: Option<&str>,
    cx: Option<&Context<'_>>,
) -> Result<Expr, Diagnostic> {
    let translator = Translator { columns, dialect, alias, cx };
    if node.ty == Type::Bool {
        return translator.condition(node, Sense::PLAIN);
    }
    translator.typed_operand(node)
}

struct Translator<'a> {
    columns: &'a Columns,
    dialect: Dialect,
    alias: Option<&'a str>,
    cx: Option<&'a Context<'a>>,
}

/// What is known of a node that does not depend on the row.
enum Known {
    Value(Value),
    /// A value that only a context will tell.
    Later,
}

/// How a condition is wanted.
#[derive(Clone, Copy)]
struct Sense {
    negated: bool,
    /// Whether it must be true or false, never null.
    definite: bool,
}

impl Sense {
    const PLAIN: Sense = Sense { negated: false, definite: false };
    const DEFINITE: Sense = Sense { negated: false, definite: true };

    fn negate(self) -> Sense {
        Sense { negated: !self.negated, ..self }
    }
}

/// A condition in SQL that is null, if at all, only where one of its operands is.
struct Atom {
    sql: Expr,
    nullable: bool,
}

impl Translator<'_> {
    /// The value of a node that does not depend on the row; `None` for one that does.
    fn known(&self, node: &Node) -> Result<Option<Known>, Diagnostic> {
        if node.row && self.depends_on_row(node)? {
            return Ok(None);
        }
        if let Some(value) = node.constant() {
            return Ok(Some(Known::Value(value.clone())));
        }
        let Some(cx) = self.cx else { return Ok(Some(Known::Later)) };
        match crate::eval::eval(node, cx) {
            Ok(value) => Ok(Some(Known::Value(value))),
            Err(error) => {
                let refusal = refuse(node, "evaluation", format!("this part cannot be computed: {error}"));
                Err(refusal.arg("detail_zh", error.message_in("zh-CN")))
            }
        }
    }

    /// Whether the value depends on the row when all constants are known: of `user.admin ? 1 : record.rank` only
    /// one branch is left then. What does not is evaluated; the evaluator visits no more than is looked at here.
    fn depends_on_row(&self, node: &Node) -> Result<bool, Diagnostic> {
        if !node.row || self.cx.is_none() {
            return Ok(node.row);
        }
        let value = |node: &Node| {
            Ok::<_, Diagnostic>(match self.known(node)? {
                Some(Known::Value(value)) => Some(value),
                _ => None,
            })
        };
        match &node.kind {
            Kind::Member { .. } => Ok(true),
            Kind::If(condition, yes, no) => match value(condition)? {
                Some(truth) => self.depends_on_row(if truth.is_true() { yes } else { no }),
                None => Ok(true),
            },
            Kind::And(a, b) | Kind::Or(a, b) => {
                let decisive = matches!(node.kind, Kind::Or(..));
                let (a, b) = (value(a)?, value(b)?);
                let decided = a.iter().chain(&b).any(|value| value.is_true() == decisive);
                Ok(!decided && (a.is_none() || b.is_none()))
            }
            Kind::Call(Function::Coalesce, args) => {
                for arg in args {
                    match value(arg)? {
                        Some(Value::Null) => {}
                        known => return Ok(known.is_none()),
                    }
                }
                Ok(false)
            }
            _ => node
                .children()
                .into_iter()
                .try_fold(false, |found, child| Ok(found || self.depends_on_row(child)?)),
        }
    }

    fn column(&self, node: &Node, slot: usize) -> Result<Expr, Diagnostic> {
        let (name, column) = &self.columns.members[slot];
        let Some(column) = column else {
            let message = format!("`{name}` is not stored in a column, so the database cannot look at it");
            return Err(refuse(node, "not_stored", message).arg("name", name));
        };
        Ok(match self.alias {
            Some(alias) => Expr::col((Alias::new(alias), Alias::new(&**column))),
            None => Expr::col(Alias::new(&**column)),
        })
    }

    /// SQL that sea-query has no words for: each `{}` stands for one of the parts.
    fn custom<const N: usize>(&self, template: &str, parts: [Expr; N]) -> Expr {
        let mark = match self.dialect {
            Dialect::Sqlite => "?",
            Dialect::Postgres => "$",
        };
        let mut pieces = template.split("{}");
        let mut text = pieces.next().unwrap_or_default().to_owned();
        for (part, piece) in parts.iter().zip(pieces) {
            let simple = matches!(part, Expr::Column(_) | Expr::Value(_) | Expr::FunctionCall(_));
            text.push_str(&if simple { mark.to_owned() } else { format!("({mark})") });
            text.push_str(piece);
        }
        Expr::cust_with_exprs(text, parts)
    }

    /// An atom in the wanted sense.
    fn finish(&self, atom: Atom, sense: Sense) -> Expr {
        match (sense.negated, atom.nullable) {
            (false, true) if sense.definite => self.custom("{} IS TRUE", [atom.sql]),
            (false, _) => atom.sql,
            (true, true) => self.custom("{} IS NOT TRUE", [atom.sql]),
            (true, false) => atom.sql.not(),
        }
    }
}

/// A function from outside stands where only the database can tell which rows are meant.
pub(crate) fn no_outside(column: usize, function: &OutsideFunction) -> Diagnostic {
    let what = function.full_name();
    let message = format!(
        "`{what}` is a function of a plugin, and a database cannot call it; keep its result in a computed field, and \
         use that field here"
    );
    Diagnostic::new("expr.sql", column, message).arg("reason", "outside").arg("what", what)
}

fn refuse(node: &Node, reason: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new("expr.sql", node.column, message).arg("reason", reason)
}

/// The places after the point of what is stored as a scaled integer.
fn stored_scale(ty: &Type) -> Option<u8> {
    match ty {
        Type::Duration => Some(0),
        ty => ty.scale(),
    }
}

/// The integer that stores an exact number at a scale.
fn mantissa(value: &Value, scale: u8) -> Option<i64> {
    let number = match value {
        Value::Int(number) | Value::Duration(number) => Decimal::from(*number),
        Value::Decimal(number) => *number,
        _ => return None,
    };
    number.rescale(scale).map(|number| number.mantissa)
}

/// A known value as a bound constant of its type.
fn bind(node: &Node, known: &Known, ty: &Type) -> Result<Expr, Diagnostic> {
    use sea_query::Value as Sql;
    let value = match known {
        Known::Value(value) => value,
        Known::Later => &Value::Null,
    };
    let wrong = || {
        let message = format!("a constant of type {} does not fit where {ty} is declared", value.ty());
        refuse(node, "constant", message)
    };
    let null = value.is_null();
    let bound = match ty {
        Type::Null | Type::Bool => Sql::Bool(match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        }),
        Type::Int | Type::Decimal(_) | Type::Duration => {
            Sql::BigInt(stored_scale(ty).and_then(|scale| mantissa(value, scale)))
        }
        Type::Float => Sql::Double(match value {
            Value::Float(number) => Some(*number),
            Value::Int(number) => Some(*number as f64),
            Value::Decimal(number) => Some(number.to_f64()),
            _ => None,
        }),
        Type::Text => Sql::String(value.as_text().map(str::to_owned)),
        Type::Date => Sql::ChronoDate(match value {
            Value::Date(date) => Some(*date),
            _ => None,
        }),
        Type::DateTime => Sql::ChronoDateTimeUtc(match value {
            Value::DateTime(instant) => Some(*instant),
            _ => None,
        }),
        Type::Id => Sql::Uuid(value.as_id()),
        Type::List(_) | Type::Geo | Type::Json => {
            let message = format!(
                "values of type {ty} cannot be used in a database condition except with `in` and null"
            );
            return Err(refuse(node, "type", message));
        }
    };
    let lost = !null && bound == bound.as_null();
    if lost { Err(wrong()) } else { Ok(Expr::val(bound)) }
}

/// A bound truth value.
fn truth(value: bool) -> Expr {
    Expr::val(value)
}

fn is_row_member(node: &Node, columns: &Columns) -> bool {
    matches!(node.kind, Kind::Member { root, .. } if Some(root) == columns.root)
}

/// The name of a zone as a bound constant.
fn zone(tz: Option<chrono_tz::Tz>) -> Expr {
    let name: Arc<str> = tz.unwrap_or(chrono_tz::UTC).name().into();
    Expr::val(name.as_ref())
}
