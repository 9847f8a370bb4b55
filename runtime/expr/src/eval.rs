//! Evaluation of checked expressions.

use chrono::{DateTime, Utc};

use crate::Value;

/// How much one evaluation may cost: one per node visited, plus one per 16 bytes of text looked at. A large form
/// condition costs a few hundred, so only runaway lists and texts reach it, after some milliseconds.
pub const COST_LIMIT: u64 = 1_000_000;

/// What an expression is evaluated on: the values of the scope's roots, and the present.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The present instant.
    pub now: DateTime<Utc>,
    /// The zone in which days begin and hours are read.
    pub tz: chrono_tz::Tz,
    /// The values of each root, in the order of the scope; each slice by slot. A missing value is null.
    pub roots: &'a [&'a [Value]],
}

/// Why an evaluation gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// The evaluation went beyond [`COST_LIMIT`].
    #[error("the expression needs too much work for this record; shorten the lists or texts that it looks at")]
    Cost,
    /// A number or a time left its range.
    #[error("the result of `{operation}` is too large")]
    Overflow {
        /// The operator or function.
        operation: &'static str,
    },
    /// A pattern is not a regular expression, or is too large.
    #[error("the pattern of matches() is not usable: {reason}")]
    Pattern {
        /// What the pattern's parser says.
        reason: String,
    },
    /// A value was not of the declared type.
    #[error("a value of type {found} was given where the declaration promises {expected}")]
    Value {
        /// What the declaration says.
        expected: &'static str,
        /// What was given.
        found: String,
    },
}

impl EvalError {
    /// The stable code of the error.
    pub fn code(&self) -> &'static str {
        match self {
            EvalError::Cost => "expr.cost",
            EvalError::Overflow { .. } => "expr.overflow",
            EvalError::Pattern { .. } => "expr.pattern",
            EvalError::Value { .. } => "expr.value",
        }
    }
}
