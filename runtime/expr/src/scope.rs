//! Types and scopes: which names an expression may use, and what they hold. A scope is declared once per entity
//! and shared; values are then given by position ([`crate::Context::roots`]), never by name.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::OutsideFunction;

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// Yes or no.
    Bool,
    /// A whole number.
    Int,
    /// An exact number with so many digits after the point.
    Decimal(u8),
    /// An inexact number.
    Float,
    /// Text.
    Text,
    /// A day without a zone.
    Date,
    /// An instant.
    DateTime,
    /// A length of time.
    Duration,
    /// The id of a record, a person or a team.
    Id,
    /// Several values of one type.
    List(Box<Type>),
    /// A place on earth.
    Geo,
    /// Anything else.
    Json,
    /// The type of `null` alone.
    Null,
}

impl Type {
    /// Whether the type is a number.
    pub fn is_number(&self) -> bool {
        matches!(self, Type::Int | Type::Decimal(_) | Type::Float)
    }

    /// The digits after the point of an exact number; `None` for everything else.
    pub(crate) fn scale(&self) -> Option<u8> {
        match self {
            Type::Int => Some(0),
            Type::Decimal(scale) => Some(*scale),
            _ => None,
        }
    }
}

impl fmt::Display for Type {
    /// The name by which diagnostics call the type.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Bool => f.write_str("bool"),
            Type::Int => f.write_str("int"),
            Type::Decimal(scale) => write!(f, "decimal({scale})"),
            Type::Float => f.write_str("float"),
            Type::Text => f.write_str("text"),
            Type::Date => f.write_str("date"),
            Type::DateTime => f.write_str("datetime"),
            Type::Duration => f.write_str("duration"),
            Type::Id => f.write_str("id"),
            Type::List(item) => write!(f, "list({item})"),
            Type::Geo => f.write_str("geo"),
            Type::Json => f.write_str("json"),
            Type::Null => f.write_str("null"),
        }
    }
}

/// One name of a root: a field, a setting, a property of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name in expressions.
    pub name: Arc<str>,
    /// What it holds.
    pub ty: Type,
    /// Whether it may hold nothing.
    pub nullable: bool,
    /// The column that stores it, where there is one.
    pub column: Option<Arc<str>>,
}

impl Member {
    /// A member that always has a value and no column.
    pub fn new(name: impl Into<Arc<str>>, ty: Type) -> Member {
        Member { name: name.into(), ty, nullable: false, column: None }
    }

    /// The same member, possibly empty.
    #[must_use]
    pub fn nullable(mut self) -> Member {
        self.nullable = true;
        self
    }

    /// The same member, stored in a column.
    #[must_use]
    pub fn column(mut self, column: impl Into<Arc<str>>) -> Member {
        self.column = Some(column.into());
        self
    }
}

/// The ordered members of a root. The position of a member is its slot in the slice of values.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    members: Vec<Member>,
    slots: HashMap<Arc<str>, usize>,
}

impl Shape {
    /// A shape of these members; where two have one name, the first is found.
    pub fn new(members: Vec<Member>) -> Shape {
        let mut slots = HashMap::with_capacity(members.len());
        for (slot, member) in members.iter().enumerate() {
            slots.entry(member.name.clone()).or_insert(slot);
        }
        Shape { members, slots }
    }

    /// The slot of the member of this name.
    pub fn slot(&self, name: &str) -> Option<usize> {
        self.slots.get(name).copied()
    }

    /// All members by slot.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member of this name.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.slot(name).map(|slot| &self.members[slot])
    }

    fn has_columns(&self) -> bool {
        self.members.iter().any(|member| member.column.is_some())
    }
}

/// The roots that an expression may use, in the order in which their values are given. At most one root has
/// columns: the row root, whose members become columns in SQL while all else becomes bound constants.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    roots: Vec<(Arc<str>, Arc<Shape>)>,
    functions: Arc<[Arc<OutsideFunction>]>,
}

impl Scope {
    /// A scope without names.
    pub fn new() -> Scope {
        Scope::default()
    }

    /// The scope with one more root.
    #[must_use]
    pub fn root(mut self, name: impl Into<Arc<str>>, shape: Arc<Shape>) -> Scope {
        debug_assert!(
            !shape.has_columns() || self.row_root().is_none(),
            "at most one root of a scope may have columns"
        );
        self.roots.push((name.into(), shape));
        self
    }

    /// The scope with these functions from outside.
    #[must_use]
    pub fn functions(mut self, functions: Arc<[Arc<OutsideFunction>]>) -> Scope {
        self.functions = functions;
        self
    }

    /// The functions from outside whose names begin with `space`.
    pub(crate) fn space<'s>(&'s self, space: &'s str) -> impl Iterator<Item = &'s Arc<OutsideFunction>> {
        self.functions.iter().filter(move |function| &*function.space == space)
    }

    /// All roots in order.
    pub fn roots(&self) -> impl ExactSizeIterator<Item = (&str, &Arc<Shape>)> {
        self.roots.iter().map(|(name, shape)| (&**name, shape))
    }

    /// The position of the root whose members are columns.
    pub fn row_root(&self) -> Option<usize> {
        self.roots.iter().position(|(_, shape)| shape.has_columns())
    }

    /// The position and shape of the root of this name.
    pub fn find(&self, name: &str) -> Option<(usize, &Arc<Shape>)> {
        self.roots.iter().enumerate().find(|(_, (root, _))| &**root == name).map(|(i, (_, shape))| (i, shape))
    }

    pub(crate) fn root_name(&self, root: usize) -> &Arc<str> {
        &self.roots[root].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_follow_the_order_and_the_first_of_two_equal_names_wins() {
        let shape = Shape::new(vec![
            Member::new("a", Type::Int),
            Member::new("b", Type::Text),
            Member::new("a", Type::Bool),
        ]);
        assert_eq!((shape.slot("a"), shape.slot("b"), shape.slot("c")), (Some(0), Some(1), None));
        assert_eq!(shape.members().len(), 3);
    }

    #[test]
    fn the_row_root_is_the_one_with_columns() {
        let scope = Scope::new()
            .root("user", Arc::new(Shape::new(vec![Member::new("id", Type::Id)])))
            .root("record", Arc::new(Shape::new(vec![Member::new("id", Type::Id).column("id")])));
        assert_eq!(scope.row_root(), Some(1));
    }
}
