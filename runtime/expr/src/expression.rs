//! The compiled expression: the crate's main type.

use std::ops::Range;
use std::sync::Arc;

use crate::{Context, Diagnostic, Dialect, EvalError, Scope, Type, Value};

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

/// A compiled expression. Cheap to clone, safe to share between threads.
#[derive(Clone, Debug)]
pub struct Expression {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    source: Arc<str>,
    ty: Type,
    references: Vec<Reference>,
}

impl Expression {
    /// Compiles an expression. On failure every finding is given, not only the first.
    pub fn compile(_source: &str, _scope: &Scope) -> Result<Expression, Vec<Diagnostic>> {
        unimplemented!("the checker follows in the next commit")
    }

    /// Compiles an expression whose value is wanted as `want`; converts where that loses nothing but digits.
    pub fn compile_as(_source: &str, _scope: &Scope, _want: &Type) -> Result<Expression, Vec<Diagnostic>> {
        unimplemented!("the checker follows in the next commit")
    }

    /// The source as written.
    pub fn source(&self) -> &str {
        &self.inner.source
    }

    /// The type of the value.
    pub fn ty(&self) -> &Type {
        &self.inner.ty
    }

    /// Whether the value may be null.
    pub fn nullable(&self) -> bool {
        true
    }

    /// All members that the expression reads, in order of appearance.
    pub fn references(&self) -> &[Reference] {
        &self.inner.references
    }

    /// Whether the value depends on the present: `now()` or `today()` is used.
    pub fn volatile(&self) -> bool {
        false
    }

    /// The value on these records.
    pub fn eval(&self, _cx: &Context<'_>) -> Result<Value, EvalError> {
        unimplemented!("the evaluator follows in the next commit")
    }

    /// The value as a condition: null counts as false.
    pub fn test(&self, cx: &Context<'_>) -> Result<bool, EvalError> {
        Ok(self.eval(cx)?.is_true())
    }

    /// Whether the expression can be translated to SQL; the reason and the place if not.
    pub fn check_sql(&self) -> Result<(), Diagnostic> {
        unimplemented!("the translation follows in the next commit")
    }

    /// The expression as SQL. Members of the row root become columns, qualified by `alias` where given; all else
    /// is evaluated on `cx` and becomes bound constants, so the row root's slice in `cx` may be empty.
    /// A condition (type bool) is true in SQL exactly where [`Expression::test`] is; elsewhere it is false or null.
    pub fn to_sql(
        &self,
        _dialect: Dialect,
        _alias: Option<&str>,
        _cx: &Context<'_>,
    ) -> Result<sea_query::SimpleExpr, Diagnostic> {
        unimplemented!("the translation follows in the next commit")
    }

    /// The parts of a condition that all have to hold: split at the outermost `&&`.
    pub fn conjuncts(&self) -> Vec<Expression> {
        vec![self.clone()]
    }

    /// The parts of a condition of which one has to hold: split at the outermost `||`.
    pub fn disjuncts(&self) -> Vec<Expression> {
        vec![self.clone()]
    }

    /// The member and kind of value, where the whole expression is an equality on the row root.
    pub fn equality(&self) -> Option<Equality> {
        None
    }
}
