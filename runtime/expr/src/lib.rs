//! Expressions: compile CEL once, check it against declared types, evaluate it on typed records and translate it
//! to SQL conditions. This crate does no I/O, keeps no clock and knows no table: time, zone and values come in by
//! [`Context`], names and types by [`Scope`].
//!
//! ```
//! use mortise_expr::{Context, Decimal, Expression, Member, Scope, Shape, Type, Value};
//! use std::sync::Arc;
//!
//! let record = Shape::new(vec![
//!     Member::new("status", Type::Text).column("f_status"),
//!     Member::new("amount", Type::Decimal(2)).nullable().column("f_amount"),
//! ]);
//! let scope = Scope::new().root("record", Arc::new(record));
//! let expression = Expression::compile("record.status == 'open' && record.amount * 0.85 > 100", &scope).unwrap();
//!
//! let row = [Value::text("open"), Value::Decimal(Decimal::new(20_000, 2))];
//! let cx = Context { now: chrono::Utc::now(), tz: chrono_tz::UTC, roots: &[&row], functions: None };
//! assert!(expression.test(&cx).unwrap());
//! ```
//!
//! # What expressions mean
//!
//! The rules are made for people who do not program: an expression never fails because a field is empty.
//!
//! - **Empty values.** Logic has two values. `<`, `<=`, `>`, `>=` with an empty (null) operand are false; `==` and
//!   `!=` compare null like any value (`null == null` is true); null as a condition is false, so `!null` is true.
//!   Arithmetic and functions with a null operand give null; only `coalesce`, `has`, `min` and `max` look past it.
//! - **Numbers.** Int and Decimal are exact, Float is not. A literal such as `0.85` is an exact decimal and becomes
//!   a Float only beside a Float. Int with Decimal gives Decimal; a product adds scales (at most 9, rounded half
//!   up); `/` of exact numbers gives a Decimal with 6 places, rounded half up; division by zero gives null. What
//!   leaves the range of 64 bits is an error, never a wrong number.
//! - **Time.** A DateTime is an instant with microseconds; a Date has no zone. `today()`, `date(x)`, `year(x)`,
//!   `hour(x)` … see an instant in the zone of the [`Context`]. A duration added to a Date counts in whole days.
//!   `days_between(a, b)` counts from `a` to `b`, so it is positive when `b` is later.
//! - **Text** is compared by code point, case counts, and `size` counts characters.
//!
//! The same compiled expression is evaluated here and translated for SQLite and PostgreSQL; all three agree.
//! See [`sql`] for how that is kept true, and [`functions`] for the list of functions. What a form asks while it is
//! filled in goes to the browser as a checked tree ([`Portable`]) and is evaluated there by this same crate.

// In a browser only what was compiled here is evaluated: no parser, no checks, no SQL.
#![cfg_attr(target_arch = "wasm32", allow(dead_code))]

mod calendar;
#[cfg(not(target_arch = "wasm32"))]
mod check;
#[cfg(not(target_arch = "wasm32"))]
mod chinese;
mod decimal;
#[cfg(not(target_arch = "wasm32"))]
mod diagnostic;
mod eval;
#[cfg(not(target_arch = "wasm32"))]
mod expression;
#[cfg(not(target_arch = "wasm32"))]
pub mod functions;
mod node;
mod outside;
mod portable;
mod scope;
mod similarity;
#[cfg(not(target_arch = "wasm32"))]
mod source;
#[cfg(not(target_arch = "wasm32"))]
pub mod sql;
mod value;
mod zone;

pub use calendar::instant_of;
#[cfg(not(target_arch = "wasm32"))]
pub use calendar::local_part;
pub use decimal::{Decimal, DecimalError, SCALE_LIMIT};
#[cfg(not(target_arch = "wasm32"))]
pub use diagnostic::{Diagnostic, suggest};
pub use eval::{COST_LIMIT, Context, EvalError};
#[cfg(not(target_arch = "wasm32"))]
pub use expression::{Equality, Expression, Membership, Reference};
pub use outside::{OutsideFunction, OutsideFunctions};
pub use portable::{Carried, Portable};
pub use scope::{Member, Scope, Shape, Type};
pub use similarity::similarity;
#[cfg(not(target_arch = "wasm32"))]
pub use source::{NESTING_LIMIT, SOURCE_LIMIT};
#[cfg(not(target_arch = "wasm32"))]
pub use sql::Dialect;
pub use value::{GeoPoint, INT_LIMIT, Value};
pub use zone::Zone;
