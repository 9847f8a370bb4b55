//! Translation of checked expressions to SQL conditions.

/// The database that a condition is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// SQLite, with the function `mortise_local` registered.
    Sqlite,
    /// PostgreSQL 15 or later.
    Postgres,
}
pub(crate) fn translate(
    _node: &crate::node::Node,
    _columns: &crate::expression::Columns,
    _dialect: Dialect,
    _alias: Option<&str>,
    _cx: Option<&crate::Context<'_>>,
) -> Result<sea_query::SimpleExpr, crate::Diagnostic> {
    unimplemented!()
}
