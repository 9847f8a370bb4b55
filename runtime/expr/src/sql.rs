//! Translation of checked expressions to SQL conditions.

/// The database that a condition is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// SQLite, with the function `mortise_local` registered.
    Sqlite,
    /// PostgreSQL 15 or later.
    Postgres,
}
