//! Evaluation of checked expressions on typed values. Fields and constants are borrowed, so that comparing them
//! allocates nothing; every visit is counted, so that no expression can run away.

mod arithmetic;
mod call;
mod each;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::node::{Comparison, Kind, Node, NodeRef};
use crate::{Decimal, OutsideFunction, OutsideFunctions, Value};

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use arithmetic::{is_zero, whole_days};

/// How much one evaluation may cost: one per node visited, plus one per 16 bytes of text looked at. A large form
/// condition costs a few hundred, so only runaway lists and texts reach it, after some milliseconds.
pub const COST_LIMIT: u64 = 1_000_000;

const BYTES_PER_COST: usize = 16;

/// What an expression is evaluated on: the values of the scope's roots, and the present.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The present instant.
    pub now: DateTime<Utc>,
    /// The zone in which days begin and hours are read.
    pub tz: crate::Zone,
    /// The values of each root, in the order of the scope; each slice by slot. A missing value is null.
    pub roots: &'a [&'a [Value]],
    /// Who answers calls of functions from outside; without anybody they have the value declared for that.
    pub functions: Option<&'a dyn OutsideFunctions>,
}

/// Why an evaluation gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// The evaluation went beyond [`COST_LIMIT`].
    #[error("the expression needs too much work; shorten the lists or texts that it looks at")]
    Cost,
    /// A number or a time left its range.
    #[error("the result of `{operation}` is too large")]
    Overflow {
        /// The operator or function.
        operation: &'static str,
    },
    /// A pattern is not a regular expression, or is too large.
    #[error("the pattern of `matches` is not usable: {reason}")]
    Pattern {
        /// What the pattern's parser says.
        reason: String,
    },
    /// A value was not of the declared type.
    #[error("`{operation}` was given values of other types than declared: {found}")]
    Mismatch {
        /// The operator or function.
        operation: &'static str,
        /// What was given.
        found: String,
    },
    /// A function from outside has not answered yet: what it was asked is noted, and the evaluation is to be repeated.
    /// Never shown to anybody.
    #[error("the value is not known yet")]
    Pending,
    /// There is nobody to carry out a function from outside, and no value is declared for that.
    #[error("`{function}` needs the plugin {owner}: {reason}")]
    Missing {
        /// The function.
        function: String,
        /// Who would carry it out.
        owner: String,
        /// Why there is nobody.
        reason: String,
        /// The same in Chinese.
        reason_zh: String,
    },
    /// A function from outside was asked and gave no value.
    #[error("`{function}` of the plugin {owner} failed: {reason}")]
    Failed {
        /// The function.
        function: String,
        /// Who carried it out.
        owner: String,
        /// What happened.
        reason: String,
        /// The same in Chinese.
        reason_zh: String,
    },
}

impl EvalError {
    /// The stable code of the error.
    pub fn code(&self) -> &'static str {
        match self {
            EvalError::Cost => "expr.cost",
            EvalError::Overflow { .. } => "expr.overflow",
            EvalError::Pattern { .. } => "expr.pattern",
            EvalError::Mismatch { .. } => "expr.mismatch",
            EvalError::Pending => "expr.pending",
            EvalError::Missing { .. } => "expr.plugin_missing",
            EvalError::Failed { .. } => "expr.plugin_failed",
        }
    }

    /// The message in a language of the product: Chinese for `zh…`, English otherwise.
    pub fn message_in(&self, language: &str) -> String {
        if !language.starts_with("zh") {
            return self.to_string();
        }
        match self {
            EvalError::Cost => "表达式的计算量过大，请缩短它所用到的列表或文本".to_owned(),
            EvalError::Overflow { operation } => format!("`{operation}` 的结果过大"),
            EvalError::Pattern { reason } => format!("`matches` 的正则表达式无法使用：{reason}"),
            EvalError::Mismatch { operation, found } => {
                format!("`{operation}` 得到的值与声明的类型不符：{found}")
            }
            EvalError::Pending => "结果尚未算出".to_owned(),
            EvalError::Missing { function, owner, reason_zh, .. } => {
                format!("`{function}` 需要插件 {owner}：{reason_zh}")
            }
            EvalError::Failed { function, owner, reason_zh, .. } => {
                format!("插件 {owner} 的 `{function}` 执行失败：{reason_zh}")
            }
        }
    }
}

pub(crate) fn eval(node: &Node, cx: &Context<'_>) -> Result<Value, EvalError> {
    Machine { cx, cost: 0, locals: Vec::new() }.eval(node).map(Cow::into_owned)
}

pub(crate) fn test(node: &Node, cx: &Context<'_>) -> Result<bool, EvalError> {
    Machine { cx, cost: 0, locals: Vec::new() }.test(node)
}

/// A value that is borrowed from the record or the expression where possible.
type Held<'v> = Cow<'v, Value>;

struct Machine<'a> {
    cx: &'a Context<'a>,
    cost: u64,
    locals: Vec<Value>,
}

const NULL: &Value = &Value::Null;

impl<'a> Machine<'a> {
    fn eval(&mut self, node: &'a Node) -> Result<Held<'a>, EvalError> {
        self.spend(1)?;
        Ok(match &node.kind {
            Kind::Const(value) => Cow::Borrowed(value),
            Kind::Member { root, slot } => {
                let values: &'a [Value] = self.cx.roots.get(*root).copied().unwrap_or_default();
                Cow::Borrowed(values.get(*slot).unwrap_or(NULL))
            }
            Kind::Local(depth) => Cow::Owned(self.locals.get(*depth).cloned().unwrap_or_default()),
            Kind::Not(operand) => boolean(!self.test(operand)?),
            Kind::And(a, b) => boolean(self.test(a)? && self.test(b)?),
            Kind::Or(a, b) => boolean(self.test(a)? || self.test(b)?),
            Kind::Compare(comparison, a, b) => {
                let (a, b) = self.both(a, b)?;
                self.spend_text(&a)?;
                boolean(compare(*comparison, &a, &b))
            }
            Kind::Arithmetic(operation, a, b) => {
                let (a, b) = self.both(a, b)?;
                self.spend_text(&a)?;
                self.spend_text(&b)?;
                Cow::Owned(arithmetic::arithmetic(*operation, &a, &b)?)
            }
            Kind::Negate(operand) => Cow::Owned(arithmetic::negate(self.eval(operand)?.as_ref())?),
            Kind::If(condition, yes, no) => {
                return if self.test(condition)? { self.eval(yes) } else { self.eval(no) };
            }
            Kind::In(item, list) => boolean(self.membership(item, list)?),
            Kind::List(items) => {
                let items = items.iter().map(|item| self.eval(item).map(Cow::into_owned));
                Cow::Owned(Value::List(items.collect::<Result<Arc<[Value]>, _>>()?))
            }
            Kind::Item(list, position) => {
                let (list, position) = (self.eval(list)?, self.eval(position)?);
                let (Value::List(items), Value::Int(position)) = (&*list, &*position) else {
                    return Ok(Cow::Borrowed(NULL));
                };
                let item = usize::try_from(*position).ok().and_then(|position| items.get(position));
                Cow::Owned(item.cloned().unwrap_or_default())
            }
            Kind::Each(each) => self.each(each)?,
            #[cfg(not(target_arch = "wasm32"))]
            Kind::Pattern(text, regex) => {
                let text = self.eval(text)?;
                self.spend_text(&text)?;
                text.as_text().map_or(Cow::Borrowed(NULL), |text| boolean(regex.is_match(text)))
            }
            Kind::Call(function, args) => return self.call(*function, args),
            Kind::Outside(function, args) => return self.outside(function, args),
            Kind::Convert(operand) => {
                let operand = self.eval(operand)?;
                Cow::Owned(arithmetic::convert(&operand, &node.ty, self.cx.tz)?)
            }
        })
    }

    /// The truth of a node without making a value of it.
    fn test(&mut self, node: &'a Node) -> Result<bool, EvalError> {
        match &node.kind {
            Kind::And(a, b) => Ok(self.test(a)? && self.test(b)?),
            Kind::Or(a, b) => Ok(self.test(a)? || self.test(b)?),
            Kind::Not(operand) => Ok(!self.test(operand)?),
            _ => Ok(self.eval(node)?.is_true()),
        }
    }

    /// Two operands that are needed both. Where the first is not known yet, what the second asks for is noted as well, so
    /// that both are fetched together.
    fn both(&mut self, a: &'a Node, b: &'a Node) -> Result<(Held<'a>, Held<'a>), EvalError> {
        match self.eval(a) {
            Ok(a) => Ok((a, self.eval(b)?)),
            Err(EvalError::Pending) => {
                // Whatever is wrong with it comes to light when the first is known.
                let _noted = self.eval(b);
                Err(EvalError::Pending)
            }
            Err(error) => Err(error),
        }
    }

    /// A call of a function from outside: null as soon as one argument is null.
    fn outside(
        &mut self,
        function: &Arc<OutsideFunction>,
        args: &'a [NodeRef],
    ) -> Result<Held<'a>, EvalError> {
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            let value = self.eval(arg)?;
            if value.is_null() {
                return Ok(Cow::Borrowed(NULL));
            }
            self.spend_text(&value)?;
            values.push(value.into_owned());
        }
        let value = match self.cx.functions {
            Some(functions) => functions.value(function, &values)?,
            None => function.missing("it cannot be called here", "此处无法调用")?,
        };
        Ok(Cow::Owned(value))
    }

    fn membership(&mut self, item: &'a Node, list: &'a Node) -> Result<bool, EvalError> {
        let (item, list) = (self.eval(item)?, self.eval(list)?);
        let Value::List(items) = &*list else { return Ok(false) };
        self.spend(items.len() as u64)?;
        Ok(items.iter().any(|other| equal(&item, other)))
    }

    fn spend(&mut self, cost: u64) -> Result<(), EvalError> {
        self.cost += cost;
        if self.cost > COST_LIMIT { Err(EvalError::Cost) } else { Ok(()) }
    }

    fn spend_text(&mut self, value: &Value) -> Result<(), EvalError> {
        match value {
            Value::Text(text) => self.spend((text.len() / BYTES_PER_COST) as u64),
            Value::List(items) => self.spend(items.len() as u64),
            _ => Ok(()),
        }
    }
}

fn boolean<'v>(value: bool) -> Held<'v> {
    const TRUE: &Value = &Value::Bool(true);
    const FALSE: &Value = &Value::Bool(false);
    Cow::Borrowed(if value { TRUE } else { FALSE })
}

fn mismatch(operation: &'static str, values: &[&Value]) -> EvalError {
    let found: Vec<String> = values.iter().map(|value| value.ty().to_string()).collect();
    EvalError::Mismatch { operation, found: found.join(", ") }
}

/// The comparison as conditions mean it: null equals null only, and is neither less nor greater than anything.
pub(crate) fn compare(comparison: Comparison, a: &Value, b: &Value) -> bool {
    match comparison {
        Comparison::Equal => equal(a, b),
        Comparison::NotEqual => !equal(a, b),
        Comparison::Less => order(a, b) == Some(Ordering::Less),
        Comparison::LessOrEqual => order(a, b).is_some_and(Ordering::is_le),
        Comparison::Greater => order(a, b) == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => order(a, b).is_some_and(Ordering::is_ge),
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(&**b).all(|(a, b)| equal(a, b))
        }
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Id(a), Value::Id(b)) => a == b,
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Null, Value::Null) => true,
        (Value::Geo(a), Value::Geo(b)) => a == b,
        (Value::Json(a), Value::Json(b)) => a == b,
        _ => order(a, b) == Some(Ordering::Equal),
    }
}

/// The order of two values of one kind, or of two numbers; `None` for all else.
pub(crate) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Decimal(a), Value::Decimal(b)) => Some(a.cmp(b)),
        (Value::Decimal(a), Value::Int(b)) => Some(a.cmp(&Decimal::from(*b))),
        (Value::Int(a), Value::Decimal(b)) => Some(Decimal::from(*a).cmp(b)),
        (Value::Date(a), Value::Date(b)) => Some(a.cmp(b)),
        (Value::DateTime(a), Value::DateTime(b)) => Some(a.cmp(b)),
        (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
        (Value::Float(_), _) | (_, Value::Float(_)) => float(a)?.partial_cmp(&float(b)?),
        _ => None,
    }
}

/// A number as the nearest floating point number.
fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        Value::Int(number) => Some(*number as f64),
        Value::Decimal(number) => Some(number.to_f64()),
        _ => None,
    }
}

/// An exact number as a decimal.
fn exact(value: &Value) -> Option<Decimal> {
    match value {
        Value::Int(number) => Some(Decimal::from(*number)),
        Value::Decimal(number) => Some(*number),
        _ => None,
    }
}
