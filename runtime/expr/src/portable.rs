//! Checked trees that travel: a form's conditions are compiled where the app is installed and evaluated again where somebody
//! types, by the same code. What is carried is the tree, never its source, its names, or what it does not need.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[cfg(not(target_arch = "wasm32"))]
use crate::node::Node;
use crate::node::{Kind, NodeRef};
use crate::{Context, Decimal, EvalError, GeoPoint, Value};

/// An expression that can be evaluated without the scope it was compiled in. Its roots have the same order and slots.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Portable(NodeRef);

impl Portable {
    /// The value on these records.
    pub fn eval(&self, cx: &Context<'_>) -> Result<Value, EvalError> {
        crate::eval::eval(&self.0, cx)
    }

    /// The value as a condition: null counts as false.
    pub fn test(&self, cx: &Context<'_>) -> Result<bool, EvalError> {
        crate::eval::test(&self.0, cx)
    }

    /// Whether a member is read for which this holds, given its root and slot.
    pub fn reads(&self, member: &impl Fn(usize, usize) -> bool) -> bool {
        self.0.any(&|node| match node.kind {
            Kind::Member { root, slot } => member(root, slot),
            _ => false,
        })
    }
}

/// A value as it is carried: short, exact, and the same after the way there and back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Carried {
    /// No value.
    #[serde(rename = "n")]
    Null,
    /// Yes or no.
    #[serde(rename = "b")]
    Bool(bool),
    /// A whole number.
    #[serde(rename = "i")]
    Int(i64),
    /// Mantissa and scale.
    #[serde(rename = "d")]
    Decimal(i64, u8),
    /// The bits of an inexact number: digits would be read back with the last one wrong.
    #[serde(rename = "f")]
    Float(u64),
    /// Text.
    #[serde(rename = "t")]
    Text(String),
    /// A day.
    #[serde(rename = "y")]
    Date(NaiveDate),
    /// Microseconds since 1970.
    #[serde(rename = "m")]
    Moment(i64),
    /// Milliseconds.
    #[serde(rename = "l")]
    Duration(i64),
    /// An id.
    #[serde(rename = "u")]
    Id(Uuid),
    /// Several.
    #[serde(rename = "a")]
    List(Vec<Carried>),
    /// A place: the bits of latitude and longitude.
    #[serde(rename = "g")]
    Geo(u64, u64),
    /// Anything else.
    #[serde(rename = "j")]
    Json(serde_json::Value),
}

impl From<&Value> for Carried {
    fn from(value: &Value) -> Carried {
        match value {
            Value::Null => Carried::Null,
            Value::Bool(value) => Carried::Bool(*value),
            Value::Int(number) => Carried::Int(*number),
            Value::Decimal(number) => Carried::Decimal(number.mantissa, number.scale),
            Value::Float(number) => Carried::Float(number.to_bits()),
            Value::Text(text) => Carried::Text(text.to_string()),
            Value::Date(date) => Carried::Date(*date),
            Value::DateTime(instant) => Carried::Moment(instant.timestamp_micros()),
            Value::Duration(ms) => Carried::Duration(*ms),
            Value::Id(id) => Carried::Id(*id),
            Value::List(items) => Carried::List(items.iter().map(Carried::from).collect()),
            Value::Geo(place) => Carried::Geo(place.lat.to_bits(), place.lon.to_bits()),
            Value::Json(json) => Carried::Json((**json).clone()),
        }
    }
}

impl From<Carried> for Value {
    fn from(carried: Carried) -> Value {
        match carried {
            Carried::Null => Value::Null,
            Carried::Bool(value) => Value::Bool(value),
            Carried::Int(number) => Value::Int(number),
            Carried::Decimal(mantissa, scale) => Value::Decimal(Decimal::new(mantissa, scale)),
            Carried::Float(bits) => Value::Float(f64::from_bits(bits)),
            Carried::Text(text) => Value::text(text),
            Carried::Date(date) => Value::Date(date),
            Carried::Moment(micros) => {
                DateTime::from_timestamp_micros(micros).map_or(Value::Null, Value::DateTime)
            }
            Carried::Duration(ms) => Value::Duration(ms),
            Carried::Id(id) => Value::Id(id),
            Carried::List(items) => Value::list(items.into_iter().map(Value::from)),
            Carried::Geo(lat, lon) => {
                Value::Geo(GeoPoint { lat: f64::from_bits(lat), lon: f64::from_bits(lon) })
            }
            Carried::Json(json) => Value::Json(Arc::new(json)),
        }
    }
}

/// Constants of a tree.
pub(crate) mod carried {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Carried;
    use crate::Value;

    pub(crate) fn serialize<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
        Carried::from(value).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        Carried::deserialize(deserializer).map(Value::from)
    }
}

/// The tree without what does not depend on the record.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn of(node: &NodeRef, cx: &Context<'_>) -> Option<Portable> {
    carry(node, cx).map(Portable)
}

#[cfg(not(target_arch = "wasm32"))]
fn carry(node: &NodeRef, cx: &Context<'_>) -> Option<NodeRef> {
    if is_settled(node) {
        let value = crate::eval::eval(node, cx).ok()?;
        return Some(rebuilt(node, Kind::Const(value)));
    }
    let one = |node: &NodeRef| carry(node, cx);
    let all = |nodes: &[NodeRef]| nodes.iter().map(one).collect::<Option<Vec<NodeRef>>>();
    let optional = |node: &Option<NodeRef>| match node {
        Some(node) => carry(node, cx).map(Some),
        None => Some(None),
    };
    let kind = match &node.kind {
        Kind::Const(value) => Kind::Const(value.clone()),
        Kind::Member { root, slot } => Kind::Member { root: *root, slot: *slot },
        Kind::Local(depth) => Kind::Local(*depth),
        Kind::Not(a) => Kind::Not(one(a)?),
        Kind::And(a, b) => return decided(node, one(a)?, false, || one(b), Kind::And),
        Kind::Or(a, b) => return decided(node, one(a)?, true, || one(b), Kind::Or),
        Kind::Compare(comparison, a, b) => Kind::Compare(*comparison, one(a)?, one(b)?),
        Kind::Arithmetic(operation, a, b) => Kind::Arithmetic(*operation, one(a)?, one(b)?),
        Kind::Negate(a) => Kind::Negate(one(a)?),
        Kind::If(condition, yes, no) => {
            let condition = one(condition)?;
            match condition.constant() {
                Some(value) => return if value.is_true() { one(yes) } else { one(no) },
                None => Kind::If(condition, one(yes)?, one(no)?),
            }
        }
        Kind::In(a, b) => Kind::In(one(a)?, one(b)?),
        Kind::List(items) => Kind::List(all(items)?),
        Kind::Item(a, b) => Kind::Item(one(a)?, one(b)?),
        Kind::Each(each) => Kind::Each(crate::node::Each {
            quantifier: each.quantifier,
            list: one(&each.list)?,
            local: each.local,
            condition: optional(&each.condition)?,
            result: optional(&each.result)?,
        }),
        Kind::Call(crate::node::Function::Matches, _) | Kind::Pattern(..) | Kind::Outside(..) => return None,
        Kind::Call(function, args) => Kind::Call(*function, all(args)?),
        Kind::Convert(a) => Kind::Convert(one(a)?),
    };
    Some(rebuilt(node, kind))
}

/// `&&` or `||` of which the left side alone may settle the whole; then the right side is not carried.
#[cfg(not(target_arch = "wasm32"))]
fn decided(
    node: &Node,
    left: NodeRef,
    settling: bool,
    right: impl FnOnce() -> Option<NodeRef>,
    kind: fn(NodeRef, NodeRef) -> Kind,
) -> Option<NodeRef> {
    if left.constant().is_some_and(|value| value.is_true() == settling) {
        return Some(rebuilt(node, Kind::Const(Value::Bool(settling))));
    }
    Some(rebuilt(node, kind(left, right()?)))
}

#[cfg(not(target_arch = "wasm32"))]
fn rebuilt(node: &Node, kind: Kind) -> NodeRef {
    let Node { ty, nullable, row, column, .. } = node;
    Arc::new(Node { kind, ty: ty.clone(), nullable: *nullable, row: *row, column: *column })
}

/// Whether the value is the same for every record and at every moment.
#[cfg(not(target_arch = "wasm32"))]
fn is_settled(node: &Node) -> bool {
    use crate::node::Function::{Now, Today};
    let moves = |node: &Node| matches!(node.kind, Kind::Call(Now | Today, _) | Kind::Local(_));
    !node.row && !node.any(&moves)
}
