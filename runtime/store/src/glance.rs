//! A glance at tenants that are not open: a few texts out of their tables, for what has to be known of all tenants. Opens
//! nothing for longer than that, and changes nothing.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::error::Result;
use crate::exec::quote;
use crate::postgres::PostgresServer;

/// A row of texts.
pub type Texts = Vec<Option<String>>;

/// Tells each row that a query gives in a tenant's file; none where it has no such table. Every column has to be a text.
pub fn glance_sqlite(file: &Path, table: &str, sql: &str, mut each: impl FnMut(Texts)) -> Result<()> {
    // Not for reading only: whoever is the last to close such a file has to tidy up.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    let known = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1";
    if connection.query_row(known, [table], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(());
    }
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each((0..columns).map(|column| row.get(column)).collect::<std::result::Result<_, _>>()?);
    }
    Ok(())
}

impl PostgresServer {
    /// Tells each row that a query gives in all schemas that have this table, one after the other. `sql` makes the query out
    /// of a function that qualifies the name of a table.
    pub async fn glance(
        &self,
        table: &str,
        sql: impl Fn(&dyn Fn(&str) -> String) -> String,
        mut each: impl FnMut(Texts),
    ) -> Result<()> {
        for schema in self.schemas_with(table, None).await? {
            let qualified = |name: &str| format!("{}.{}", quote(&schema), quote(name));
            let statement = Statement::from_string(DbBackend::Postgres, sql(&qualified));
            let rows = match self.connection.query_all_raw(statement).await {
                Ok(rows) => rows,
                // It was dropped meanwhile.
                Err(_) if self.schemas_with(table, Some(&schema)).await?.is_empty() => continue,
                Err(error) => return Err(error.into()),
            };
            for row in rows {
                let columns = 0..row.column_names().len();
                let texts = columns.map(|column| row.try_get_by_index::<Option<String>>(column));
                each(texts.collect::<std::result::Result<Texts, _>>()?);
            }
        }
        Ok(())
    }

    async fn schemas_with(&self, table: &str, only: Option<&str>) -> Result<Vec<String>> {
        let sql =
            "SELECT schemaname::text FROM pg_tables WHERE tablename = $1 AND coalesce(schemaname = $2, true)";
        let params = [table.into(), only.map(str::to_owned).into()];
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, params);
        let rows = self.connection.query_all_raw(statement).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }
}
