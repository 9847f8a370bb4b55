//! Functions that are not part of the language: somebody outside carries them out, a plugin for example. Expressions know
//! their names and types; how a value comes about is none of this crate's business.
//!
//! Calling outside is dear, and a thousand rows ask for the same function. So whoever evaluates may answer "not yet"
//! ([`crate::EvalError::Pending`]) and note what was asked for; when all rows have been tried, everything that was noted is
//! fetched at once, and the rows are evaluated again, until nothing is pending. A function gives the same value for the
//! same arguments, so that it makes no difference how often it is asked. What a condition does not reach is never asked for.

use std::fmt;
use std::sync::Arc;

use crate::{EvalError, Type, Value};

/// A function that somebody outside carries out: `space.name(…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct OutsideFunction {
    /// What stands before the dot.
    pub space: Arc<str>,
    /// What stands behind it.
    pub name: Arc<str>,
    /// Who carries it out.
    pub owner: Arc<str>,
    /// What it is called there.
    pub export: Arc<str>,
    /// What it takes. A call with an empty argument is empty and nobody is asked.
    pub parameters: Vec<Type>,
    /// What it gives, or nothing.
    pub returns: Type,
    /// The value while there is nobody to ask.
    pub otherwise: Option<Value>,
}

impl OutsideFunction {
    /// The name in expressions.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.space, self.name)
    }

    /// How a call looks, with the result.
    pub fn form(&self) -> String {
        let parameters: Vec<String> = self.parameters.iter().map(Type::to_string).collect();
        format!("{}.{}({}) → {}", self.space, self.name, parameters.join(", "), self.returns)
    }

    /// What a call gives while there is nobody to ask: the declared value, or an error that tells why.
    pub fn missing(&self, reason: &str, reason_zh: &str) -> Result<Value, EvalError> {
        self.otherwise.clone().ok_or_else(|| EvalError::Missing {
            function: self.full_name(),
            owner: self.owner.to_string(),
            reason: reason.to_owned(),
            reason_zh: reason_zh.to_owned(),
        })
    }
}

/// Whoever answers calls of functions from outside.
pub trait OutsideFunctions: fmt::Debug + Sync {
    /// The value of a call, none of whose arguments is null; [`EvalError::Pending`] when it is not known yet.
    fn value(&self, function: &Arc<OutsideFunction>, args: &[Value]) -> Result<Value, EvalError>;
}
