//! The typed tree that a checked expression becomes. Evaluator and SQL translation both read this tree and nothing
//! else, so that there is one meaning. A node is immutable, and its types have been checked when it is built.

use std::sync::Arc;

#[cfg(not(target_arch = "wasm32"))]
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::calendar::Part;
use crate::portable::carried;
use crate::{OutsideFunction, Type, Value};

/// A node with what is known about its value before any record is read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Node {
    #[serde(rename = "k")]
    pub(crate) kind: Kind,
    #[serde(rename = "t")]
    pub(crate) ty: Type,
    /// Whether the value may be null. Like what follows it is for those who look at a tree, and not carried with it.
    #[serde(skip)]
    pub(crate) nullable: bool,
    /// Whether the value depends on the row root.
    #[serde(skip)]
    pub(crate) row: bool,
    /// Where the node stands in the source: the character, counted from 1.
    #[serde(skip)]
    pub(crate) column: usize,
}

/// A shared node: parts of an expression are handed out by [`crate::Expression::conjuncts`].
pub(crate) type NodeRef = Arc<Node>;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Kind {
    Const(#[serde(with = "carried")] Value),
    Member {
        root: usize,
        slot: usize,
    },
    /// A variable of a list macro, by its depth.
    Local(usize),
    Not(NodeRef),
    And(NodeRef, NodeRef),
    Or(NodeRef, NodeRef),
    Compare(Comparison, NodeRef, NodeRef),
    Arithmetic(Operation, NodeRef, NodeRef),
    Negate(NodeRef),
    If(NodeRef, NodeRef, NodeRef),
    In(NodeRef, NodeRef),
    List(Vec<NodeRef>),
    /// The item of a list at a position counted from 0; null beyond the end.
    Item(NodeRef, NodeRef),
    Each(Each),
    /// `matches` with a constant pattern, compiled once.
    #[cfg(not(target_arch = "wasm32"))]
    #[serde(skip)]
    Pattern(NodeRef, Regex),
    Call(Function, Vec<NodeRef>),
    /// A function that somebody outside carries out.
    #[serde(skip)]
    Outside(Arc<OutsideFunction>, Vec<NodeRef>),
    /// The operand as the node's own type: a number of another kind or scale, or a Date as local midnight.
    Convert(NodeRef),
}

/// A list macro: `list.exists(x, body)` and its kin.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Each {
    pub(crate) quantifier: Quantifier,
    pub(crate) list: NodeRef,
    pub(crate) local: usize,
    /// The condition; of `map` with two arguments there is none.
    pub(crate) condition: Option<NodeRef>,
    /// What `map` makes of each item.
    pub(crate) result: Option<NodeRef>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Quantifier {
    Exists,
    All,
    ExistsOne,
    Filter,
    Map,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }

    pub(crate) fn is_equality(self) -> bool {
        matches!(self, Comparison::Equal | Comparison::NotEqual)
    }

    /// The comparison that holds exactly where this one does not, as long as no operand is null.
    pub(crate) fn negated(self) -> Comparison {
        match self {
            Comparison::Equal => Comparison::NotEqual,
            Comparison::NotEqual => Comparison::Equal,
            Comparison::Less => Comparison::GreaterOrEqual,
            Comparison::LessOrEqual => Comparison::Greater,
            Comparison::Greater => Comparison::LessOrEqual,
            Comparison::GreaterOrEqual => Comparison::Less,
        }
    }

    /// The same comparison with its sides exchanged.
    pub(crate) fn mirrored(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            same => same,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl Operation {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Operation::Add => "+",
            Operation::Subtract => "-",
            Operation::Multiply => "*",
            Operation::Divide => "/",
            Operation::Modulo => "%",
        }
    }
}

/// The functions, after overloads have been told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Function {
    Now,
    Today,
    /// A part of a Date or of the local time of a DateTime.
    Part(Part),
    /// A Date from a text such as 2026-03-01.
    ParseDate,
    /// A DateTime from a text with a zone offset.
    ParseDateTime,
    /// A duration of so many milliseconds per unit.
    Duration(i64),
    DaysBetween,
    Coalesce,
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    LowerAscii,
    UpperAscii,
    Trim,
    Substring,
    Replace,
    ToText,
    ToInt,
    ToDecimal,
    ToFloat,
    Abs,
    Min,
    Max,
    Round,
    Floor,
    Ceil,
    DistanceKm,
    Similarity,
    Under,
    IpKey,
}

impl Function {
    /// The name by which errors call the function.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Function::Now => "now",
            Function::Today => "today",
            Function::Part(part) => part.name(),
            Function::ParseDate => "date",
            Function::ParseDateTime => "datetime",
            Function::Duration(crate::calendar::DAY_MS) => "days",
            Function::Duration(3_600_000) => "hours",
            Function::Duration(_) => "minutes",
            Function::DaysBetween => "days_between",
            Function::Coalesce => "coalesce",
            Function::Size => "size",
            Function::Contains => "contains",
            Function::StartsWith => "startsWith",
            Function::EndsWith => "endsWith",
            Function::Matches => "matches",
            Function::LowerAscii => "lowerAscii",
            Function::UpperAscii => "upperAscii",
            Function::Trim => "trim",
            Function::Substring => "substring",
            Function::Replace => "replace",
            Function::ToText => "string",
            Function::ToInt => "int",
            Function::ToDecimal => "decimal",
            Function::ToFloat => "float",
            Function::Abs => "abs",
            Function::Min => "min",
            Function::Max => "max",
            Function::Round => "round",
            Function::Floor => "floor",
            Function::Ceil => "ceil",
            Function::DistanceKm => "distance_km",
            Function::Similarity => "similarity",
            Function::Under => "under",
            Function::IpKey => "ip_key",
        }
    }
}

impl Node {
    /// The value of a constant node.
    pub(crate) fn constant(&self) -> Option<&Value> {
        match &self.kind {
            Kind::Const(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.constant().is_some_and(Value::is_null)
    }

    /// All direct children, in order of evaluation.
    pub(crate) fn children(&self) -> Vec<&NodeRef> {
        match &self.kind {
            Kind::Const(_) | Kind::Member { .. } | Kind::Local(_) => vec![],
            Kind::Not(a) | Kind::Negate(a) | Kind::Convert(a) => vec![a],
            #[cfg(not(target_arch = "wasm32"))]
            Kind::Pattern(a, _) => vec![a],
            Kind::And(a, b)
            | Kind::Or(a, b)
            | Kind::Compare(_, a, b)
            | Kind::Arithmetic(_, a, b)
            | Kind::In(a, b)
            | Kind::Item(a, b) => vec![a, b],
            Kind::If(a, b, c) => vec![a, b, c],
            Kind::List(items) | Kind::Call(_, items) | Kind::Outside(_, items) => items.iter().collect(),
            Kind::Each(each) => {
                std::iter::once(&each.list).chain(&each.condition).chain(&each.result).collect()
            }
        }
    }

    /// Whether the node or one below it satisfies a test.
    pub(crate) fn any(&self, test: &impl Fn(&Node) -> bool) -> bool {
        test(self) || self.children().into_iter().any(|child| child.any(test))
    }
}
