//! The seam between statements and databases: a few small traits that rusqlite and PostgreSQL both fill.
//! Inside a write everything is synchronous, so that the engine's rules are written once for both.

use mortise_expr::{Dialect, Type, Value};
use sea_query::{Alias, IntoTableRef, TableRef};
use uuid::Uuid;

use crate::error::Result;

/// A bound parameter.
pub type Param = sea_query::Value;

/// One row of an answer.
pub trait Row {
    /// The value of a column that stores this type.
    fn value(&self, index: usize, ty: &Type) -> Result<Value>;
    /// An integer column.
    fn int(&self, index: usize) -> Result<Option<i64>>;
    /// A text column.
    fn text(&self, index: usize) -> Result<Option<String>>;
    /// A column of bytes.
    fn bytes(&self, index: usize) -> Result<Option<Vec<u8>>>;
    /// A column of an id.
    fn id(&self, index: usize) -> Result<Option<Uuid>> {
        Ok(self.value(index, &Type::Id)?.as_id())
    }
}

/// An open transaction.
pub trait Tx {
    /// Which SQL it speaks.
    fn dialect(&self) -> Dialect;
    /// Runs a statement and tells how many rows it changed.
    fn execute(&mut self, sql: &str, params: &[Param]) -> Result<u64>;
    /// Runs a query and hands over each row.
    fn query(
        &mut self,
        sql: &str,
        params: &[Param],
        each: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()>;
    /// Runs statements about savepoints. They take effect before the next statement, and may travel with one another.
    fn mark(&mut self, statements: &[&'static str]) -> Result<()>;
    /// Runs statements without parameters (definitions of tables).
    fn batch(&mut self, sql: &str) -> Result<()>;
    /// Says that tables were altered: statements that were prepared before may have columns of other types.
    fn tables_changed(&mut self) {}
}

/// Names and placeholders of one tenant's database: `"table"` in its own file, `"schema"."table"` in a shared server.
#[derive(Debug, Clone)]
pub struct Naming {
    /// The dialect.
    pub dialect: Dialect,
    /// The PostgreSQL schema.
    pub schema: Option<String>,
}

impl Naming {
    /// The quoted, qualified name of a table.
    pub fn table(&self, table: &str) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quote(schema), quote(table)),
            None => quote(table),
        }
    }

    /// A table as statements that are built name it.
    pub fn from(&self, table: &str) -> TableRef {
        match &self.schema {
            Some(schema) => (Alias::new(schema), Alias::new(table)).into_table_ref(),
            None => Alias::new(table).into_table_ref(),
        }
    }

    /// The placeholder of the n-th parameter, from 1.
    pub fn placeholder(&self, number: usize) -> String {
        match self.dialect {
            Dialect::Sqlite => format!("?{number}"),
            Dialect::Postgres => format!("${number}"),
        }
    }

    /// `?1, ?2, …` for so many parameters.
    pub fn placeholders(&self, count: usize) -> String {
        let mut text = String::with_capacity(count * 4);
        for number in 1..=count {
            if number > 1 {
                text.push_str(", ");
            }
            text.push_str(&self.placeholder(number));
        }
        text
    }

    /// Rewrites `?1`-style placeholders to the dialect's.
    pub fn sql(&self, sql: &str) -> String {
        match self.dialect {
            Dialect::Sqlite => sql.to_owned(),
            Dialect::Postgres => sql.replace('?', "$"),
        }
    }
}

/// A quoted identifier. Names come from checked definitions; quoting keeps even a hostile one harmless.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
