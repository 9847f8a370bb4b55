//! Which types fit where: conversions that lose nothing happen by themselves, all others have to be written.

use uuid::Uuid;

use super::Checker;
use crate::calendar::{read_date, read_instant};
use crate::node::{Kind, NodeRef};
use crate::{Type, Value};

impl Checker<'_> {
    /// The value as the wanted type, as for a field that it is stored in. Digits may be rounded here, nowhere else.
    pub(super) fn assign(&mut self, node: NodeRef, want: &Type) -> Option<NodeRef> {
        let fits = fits(&node, want)
            || matches!(
                (&node.ty, want),
                (Type::Decimal(_), Type::Decimal(_)) | (Type::Date, Type::DateTime)
            );
        if fits {
            return self.convert(node, want);
        }
        let hint = match (&node.ty, want) {
            (Type::Decimal(_) | Type::Float, Type::Int) => "; use round(…)".to_owned(),
            (Type::Float, Type::Decimal(scale)) => format!("; use decimal(…, {scale})"),
            (Type::DateTime, Type::Date) => "; use date(…)".to_owned(),
            (_, Type::Text) => "; use string(…)".to_owned(),
            (_, Type::Bool) => "; compare it with something".to_owned(),
            _ => String::new(),
        };
        let message = format!("the expression gives {}, but {want} is needed here{hint}", node.ty);
        let diagnostic = crate::Diagnostic::new("expr.type", node.column, message)
            .arg("reason", "assign")
            .arg("wanted", want)
            .arg("found", &node.ty);
        self.report(diagnostic)
    }

    /// All nodes converted to the type that holds each of them.
    pub(super) fn common(&mut self, nodes: Vec<NodeRef>, of: &str, column: usize) -> Option<Vec<NodeRef>> {
        let mut ty = Type::Null;
        for node in &nodes {
            let Some(wider) = unify(&ty, &node.ty) else {
                // A constant text can still be meant as a day, a moment or an id.
                if nodes.iter().all(|other| fits(other, &node.ty)) {
                    ty = node.ty.clone();
                    continue;
                }
                if fits(node, &ty) {
                    continue;
                }
                let message = format!("{of} cannot mix values of type {ty} and {}", node.ty);
                let args: [(&str, &dyn std::fmt::Display); 2] = [("left", &ty), ("right", &node.ty)];
                return self.type_finding(column, "mixed", message, &args).map(|_| Vec::new());
            };
            ty = wider;
        }
        nodes.into_iter().map(|node| self.convert(node, &ty)).collect()
    }

    /// Two operands of a comparison made comparable; `None` where they cannot be.
    pub(super) fn comparable(&mut self, a: &NodeRef, b: &NodeRef) -> Option<(NodeRef, NodeRef)> {
        if (a.ty.is_number() && b.ty.is_number()) || a.ty == b.ty || a.is_null() || b.is_null() {
            return Some((a.clone(), b.clone()));
        }
        if fits(a, &b.ty) {
            return Some((self.convert(a.clone(), &b.ty.clone())?, b.clone()));
        }
        if fits(b, &a.ty) {
            return Some((a.clone(), self.convert(b.clone(), &a.ty.clone())?));
        }
        None
    }

    /// A constant read as another type, where it can be.
    pub(super) fn convert_constant(&self, node: &NodeRef, want: &Type) -> Option<NodeRef> {
        let value = read_constant(node.constant()?, want)?;
        Some(self.constant(value, want.clone(), node.column))
    }

    /// The node as another type that it fits into.
    pub(super) fn convert(&mut self, node: NodeRef, want: &Type) -> Option<NodeRef> {
        if node.ty == *want {
            return Some(node);
        }
        if let Some(value) = node.constant().and_then(|value| read_constant(value, want)) {
            return Some(self.constant(value, want.clone(), node.column));
        }
        let (nullable, column) = (node.nullable, node.column);
        self.build(Kind::Convert(node), want.clone(), nullable, column)
    }
}

/// Whether a node can be used as a type without being told to.
pub(super) fn fits(node: &NodeRef, want: &Type) -> bool {
    let by_type = unify(&node.ty, want).as_ref() == Some(want);
    by_type || node.constant().is_some_and(|value| read_constant(value, want).is_some())
}

/// The narrowest type that holds the values of both, if there is one.
fn unify(a: &Type, b: &Type) -> Option<Type> {
    Some(match (a, b) {
        (a, b) if a == b => a.clone(),
        (Type::Null, other) | (other, Type::Null) => other.clone(),
        (Type::Float, other) | (other, Type::Float) if other.is_number() => Type::Float,
        (Type::List(a), Type::List(b)) if **a == Type::Null || **b == Type::Null => {
            Type::List(Box::new(unify(a, b)?))
        }
        _ => Type::Decimal(a.scale()?.max(b.scale()?)),
    })
}

/// A constant as another type where the type alone does not tell: nulls, and texts that are written ids, days or
/// moments.
fn read_constant(value: &Value, want: &Type) -> Option<Value> {
    match (value, want) {
        (Value::Null, _) => Some(Value::Null),
        (Value::Text(text), Type::Id) => Uuid::parse_str(text).ok().map(Value::Id),
        (Value::Text(text), Type::Date) => read_date(text).map(Value::Date),
        (Value::Text(text), Type::DateTime) => read_instant(text).map(Value::DateTime),
        (Value::List(items), Type::List(want)) => items
            .iter()
            .map(|item| if item.ty() == **want { Some(item.clone()) } else { read_constant(item, want) })
            .collect::<Option<Vec<_>>>()
            .map(Value::list),
        _ => None,
    }
}
