//! The compiled expression: the crate's main type.

use std::ops::Range;
use std::sync::Arc;

use crate::node::{Comparison, Function, Kind, Node, NodeRef};
use crate::{
    Context, Diagnostic, Dialect, EvalError, OutsideFunction, Portable, Scope, Type, Value, portable, sql,
};

/// A member that an expression reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The position of the root in the scope.
    pub root: usize,
    /// The position of the member in the root's shape.
    pub slot: usize,
    /// The root's name.
    pub root_name: Arc<str>,
    /// The member's name.
    pub name: Arc<str>,
    /// Where it stands in the source, in bytes, from the root's name to the end of the member's.
    pub span: Range<usize>,
    /// Where it stands in the source: the character, counted from 1.
    pub column: usize,
    /// Whether the member may be null.
    pub nullable: bool,
    /// Whether the expression looks at the case that it is null: compared with null, inside `coalesce` or `has`,
    /// or beside such a test.
    pub guarded: bool,
}

/// An expression that is nothing but `member == value` on the row root, with a value known before any row is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equality {
    /// The member's slot in the row root.
    pub slot: usize,
    /// Whether it is compared with null.
    pub null: bool,
}

/// A condition that is nothing but a test of one member against values that are written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Membership {
    /// The position of the root in the scope.
    pub root: usize,
    /// The position of the member in the root's shape.
    pub slot: usize,
    /// The values; null is one of them where the member is compared with it.
    pub values: Vec<Value>,
    /// Whether the condition holds for all other values instead.
    pub negated: bool,
}

/// A compiled expression. Cheap to clone, safe to share between threads.
#[derive(Clone, Debug)]
pub struct Expression {
    node: NodeRef,
    source: Arc<str>,
    references: Arc<[Reference]>,
    columns: Arc<Columns>,
    volatile: bool,
    /// Each once; shared by all expressions without any.
    outside: Option<Arc<[Arc<OutsideFunction>]>>,
}

/// Where the members of the row root are stored.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) root: Option<usize>,
    /// By slot: the name of the member and its column.
    pub(crate) members: Vec<(Arc<str>, Option<Arc<str>>)>,
}

impl Expression {
    /// Compiles an expression. On failure every finding is given, not only the first.
    pub fn compile(source: &str, scope: &Scope) -> Result<Expression, Vec<Diagnostic>> {
        Expression::compile_wanting(source, scope, None)
    }

    /// Compiles an expression whose value is wanted as `want`; converts where that loses nothing but digits.
    pub fn compile_as(source: &str, scope: &Scope, want: &Type) -> Result<Expression, Vec<Diagnostic>> {
        Expression::compile_wanting(source, scope, Some(want))
    }

    fn compile_wanting(
        source: &str,
        scope: &Scope,
        want: Option<&Type>,
    ) -> Result<Expression, Vec<Diagnostic>> {
        let parsed = crate::source::parse(source)?;
        let checked = crate::check::check(&parsed, scope, want)?;
        let root = scope.row_root();
        let members = scope.roots().nth(root.unwrap_or(usize::MAX)).map(|(_, shape)| {
            shape.members().iter().map(|member| (member.name.clone(), member.column.clone())).collect()
        });
        let columns = Arc::new(Columns { root, members: members.unwrap_or_default() });
        Ok(Expression::of(checked.node, source.into(), checked.references.into(), columns))
    }

    fn of(
        node: NodeRef,
        source: Arc<str>,
        references: Arc<[Reference]>,
        columns: Arc<Columns>,
    ) -> Expression {
        let volatile = node.any(&|node| matches!(node.kind, Kind::Call(Function::Now | Function::Today, _)));
        let mut outside = Vec::new();
        collect_outside(&node, &mut outside);
        let outside = (!outside.is_empty()).then(|| outside.into());
        Expression { node, source, references, columns, volatile, outside }
    }

    /// The source as written. For a part from [`Expression::conjuncts`] it is the source of the whole.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The type of the value.
    pub fn ty(&self) -> &Type {
        &self.node.ty
    }

    /// Whether the value may be null.
    pub fn nullable(&self) -> bool {
        self.node.nullable
    }

    /// All members that the expression reads, in order of appearance. For a part from [`Expression::conjuncts`]
    /// these are those of the part.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Whether the value depends on the present: `now()` or `today()` is used.
    pub fn volatile(&self) -> bool {
        self.volatile
    }

    /// The functions from outside that the expression calls, each once.
    pub fn outside(&self) -> &[Arc<OutsideFunction>] {
        self.outside.as_deref().unwrap_or_default()
    }

    /// The value on these records.
    pub fn eval(&self, cx: &Context<'_>) -> Result<Value, EvalError> {
        crate::eval::eval(&self.node, cx)
    }

    /// The value as a condition: null counts as false.
    pub fn test(&self, cx: &Context<'_>) -> Result<bool, EvalError> {
        crate::eval::test(&self.node, cx)
    }

    /// The expression as a tree that can be evaluated elsewhere: whatever does not depend on the record is evaluated here, so
    /// that settings and facts about a person stay behind as far as possible. None where only the server can tell:
    /// regular expressions, functions from outside, what cannot be evaluated.
    pub fn portable(&self, cx: &Context<'_>) -> Option<Portable> {
        portable::of(&self.node, cx)
    }

    /// Whether the expression can be translated to SQL; the reason and the place if not.
    pub fn check_sql(&self) -> Result<(), Diagnostic> {
        self.refuse_outside()?;
        // The dialects differ in words, not in what can be said.
        sql::translate(&self.node, &self.columns, Dialect::Postgres, None, None).map(|_| ())
    }

    /// The expression as SQL. Members of the row root become columns, qualified by `alias` where given; all else
    /// is evaluated on `cx` and becomes bound constants, so the row root's slice in `cx` may be empty.
    /// A condition (type bool) is true in SQL exactly where [`Expression::test`] is; elsewhere it is false or null.
    pub fn to_sql(
        &self,
        dialect: Dialect,
        alias: Option<&str>,
        cx: &Context<'_>,
    ) -> Result<sea_query::SimpleExpr, Diagnostic> {
        self.refuse_outside()?;
        sql::translate(&self.node, &self.columns, dialect, alias, Some(cx))
    }

    /// No database can call a function from outside, and what holds for many rows is not asked of one by one.
    fn refuse_outside(&self) -> Result<(), Diagnostic> {
        if self.outside.is_none() {
            return Ok(());
        }
        first_outside(&self.node).map_or(Ok(()), |(column, function)| Err(sql::no_outside(column, function)))
    }

    /// The parts of a condition that all have to hold: split at the outermost `&&`.
    pub fn conjuncts(&self) -> Vec<Expression> {
        self.split(&|node| match &node.kind {
            Kind::And(a, b) => Some((a.clone(), b.clone())),
            _ => None,
        })
    }

    /// The parts of a condition of which one has to hold: split at the outermost `||`.
    pub fn disjuncts(&self) -> Vec<Expression> {
        self.split(&|node| match &node.kind {
            Kind::Or(a, b) => Some((a.clone(), b.clone())),
            _ => None,
        })
    }

    fn split(&self, halves: &dyn Fn(&NodeRef) -> Option<(NodeRef, NodeRef)>) -> Vec<Expression> {
        let mut parts = Vec::new();
        let mut left = vec![self.node.clone()];
        while let Some(node) = left.pop() {
            match halves(&node) {
                Some((a, b)) => left.extend([b, a]),
                None => parts.push(node),
            }
        }
        parts.iter().map(|node| self.part(node)).collect()
    }

    fn part(&self, node: &NodeRef) -> Expression {
        let mut columns = Vec::new();
        collect_member_columns(node, &mut columns);
        let references = self.references.iter().filter(|reference| columns.contains(&reference.column));
        Expression::of(node.clone(), self.source.clone(), references.cloned().collect(), self.columns.clone())
    }

    /// The value, where the expression gives the same for every record.
    pub fn constant(&self) -> Option<&Value> {
        self.node.constant()
    }

    /// The test, where the whole expression is one of a single member: `record.a == 'x'`, `record.a in ['x', 'y']`,
    /// `record.a != null`, `!record.flag`.
    pub fn membership(&self) -> Option<Membership> {
        membership(&self.node)
    }

    /// The member and kind of value, where the whole expression is an equality on the row root.
    pub fn equality(&self) -> Option<Equality> {
        let Kind::Compare(Comparison::Equal, a, b) = &self.node.kind else { return None };
        let of = |member: &NodeRef, value: &NodeRef| match member.kind {
            Kind::Member { root, slot } if Some(root) == self.columns.root && !value.row => {
                Some(Equality { slot, null: value.is_null() })
            }
            _ => None,
        };
        of(a, b).or_else(|| of(b, a))
    }
}

fn membership(node: &NodeRef) -> Option<Membership> {
    let member = |node: &NodeRef| match node.kind {
        Kind::Member { root, slot } => Some((root, slot)),
        _ => None,
    };
    let (member, values, negated) = match &node.kind {
        Kind::Member { root, slot } => ((*root, *slot), vec![Value::Bool(true)], false),
        Kind::Not(inner) => {
            let inner = membership(inner)?;
            return Some(Membership { negated: !inner.negated, ..inner });
        }
        Kind::Compare(comparison, a, b) if comparison.is_equality() => {
            let (of, value) = member(a).zip(b.constant()).or_else(|| member(b).zip(a.constant()))?;
            (of, vec![value.clone()], *comparison == Comparison::NotEqual)
        }
        Kind::In(item, list) => {
            let Value::List(values) = list.constant()? else { return None };
            (member(item)?, values.to_vec(), false)
        }
        _ => return None,
    };
    Some(Membership { root: member.0, slot: member.1, values, negated })
}

/// The functions from outside that are called at a node or below it.
fn collect_outside(node: &Node, functions: &mut Vec<Arc<OutsideFunction>>) {
    if let Kind::Outside(function, _) = &node.kind
        && !functions.contains(function)
    {
        functions.push(Arc::clone(function));
    }
    node.children().into_iter().for_each(|child| collect_outside(child, functions));
}

/// The first call of a function from outside, and where it stands.
fn first_outside(node: &Node) -> Option<(usize, &OutsideFunction)> {
    match &node.kind {
        Kind::Outside(function, _) => Some((node.column, function)),
        _ => node.children().into_iter().find_map(|child| first_outside(child)),
    }
}

/// Where in the source the members below a node stand; a place identifies a reference.
fn collect_member_columns(node: &NodeRef, columns: &mut Vec<usize>) {
    if matches!(node.kind, Kind::Member { .. }) {
        columns.push(node.column);
    }
    for child in node.children() {
        collect_member_columns(child, columns);
    }
}
