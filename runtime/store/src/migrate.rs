//! Carries out the steps of a migration inside the transaction that brings a new model into force.
//! A step that fails undoes the whole installation; the tenant stays exactly as it was.

use mortise_expr::{Dialect, Type};

use crate::catalog::{Step, Table};
use crate::column::sql_type;
use crate::error::{Error, Result};
use crate::exec::quote;
use crate::system::create_index;
use crate::writer::Session;

/// Living records only: what the trash holds takes part in no list and no uniqueness.
const LIVING: &str = " WHERE deleted_at IS NULL";

/// Carries out one step. `tables` tells the wanted shape of new tables.
pub(crate) fn apply(
    session: &mut Session<'_>,
    step: &Step,
    wanted: &dyn Fn(&str) -> Option<Table>,
) -> Result<()> {
    match step {
        Step::CreateTable { entity, .. } => {
            let table = wanted(entity).ok_or_else(|| Error::Migration(format!("no shape for {entity}")))?;
            create_table(session, &table)
        }
        Step::RenameTable { from, to, .. } => rename_table(session, from, to),
        Step::AddColumn { table, column, ty, .. } => {
            let ty = ty.as_ref().unwrap_or(&Type::Text);
            let column = format!("{} {}", quote(column), sql_type(ty, session.naming.dialect));
            alter(session, table, &format!("ADD COLUMN {column}"))
        }
        Step::RenameColumn { table, from, to, .. } => {
            alter(session, table, &format!("RENAME COLUMN {} TO {}", quote(from), quote(to)))
        }
        Step::Widen { entity, table, column, types } => match types {
            Some((from, to)) => widen(session, (entity, table, column), from, to),
            None => Ok(()),
        },
        Step::DropIndex { index, .. } => {
            let index = session.naming.table(index);
            session.batch(&format!("DROP INDEX IF EXISTS {index}"))
        }
        Step::CreateIndex { entity, table, index, columns, unique } => {
            if *unique {
                refuse_repeated(session, entity, table, columns)?;
            }
            let sql = create_index(
                session.naming,
                table,
                index,
                &index_columns(session.naming.dialect, columns),
                *unique,
                LIVING,
            );
            session.batch(&sql)
        }
        Step::RebuildSearch { table, drop, create, .. } => rebuild_search(session, table, *drop, *create),
        Step::RebuildDuplicates { table, drop, create, .. } => {
            rebuild_duplicates(session, table, *drop, *create)
        }
        Step::DropColumn { table, column, .. } => {
            alter(session, table, &format!("DROP COLUMN {}", quote(column)))
        }
        Step::DropTable { entity, table } => drop_table(session, entity, table),
    }
}

/// Tables of the runtime whose rows are nothing without the record that they belong to. The trail, events, and what was
/// sent to people stand for themselves.
const BESIDE: [&str; 6] = ["_comment", "_file", "_timer", "_clock", "_freeze", "_assignment"];

/// Drops a table with its indexes and what stands beside its records.
fn drop_table(session: &mut Session<'_>, entity: &str, table: &str) -> Result<()> {
    for beside in BESIDE {
        let delete = format!("DELETE FROM {} WHERE entity = ?1", session.naming.table(beside));
        session.execute(&session.naming.sql(&delete), &[entity.into()])?;
    }
    // First the table itself: in PostgreSQL an index of it has the name that in SQLite is a table of its own.
    for name in [table.to_owned(), format!("{table}__search"), format!("{table}__similar")] {
        session.batch(&format!("DROP TABLE IF EXISTS {}", session.naming.table(&name)))?;
    }
    Ok(())
}

fn alter(session: &mut Session<'_>, table: &str, change: &str) -> Result<()> {
    let table = session.naming.table(table);
    session.batch(&format!("ALTER TABLE {table} {change}"))
}

fn create_table(session: &mut Session<'_>, table: &Table) -> Result<()> {
    let dialect = session.naming.dialect;
    let mut columns: Vec<String> = Vec::with_capacity(table.columns.len() + 1);
    if dialect == Dialect::Sqlite {
        // A short row number beside the id: indexes stay small, and the search index needs one.
        columns.push("_rid INTEGER PRIMARY KEY".to_owned());
    }
    for (id, column) in &table.columns {
        let constraint = match id.as_str() {
            "id" if dialect == Dialect::Sqlite => " NOT NULL UNIQUE",
            "id" => " NOT NULL PRIMARY KEY",
            "version" | "created_at" | "updated_at" => " NOT NULL",
            _ => "",
        };
        columns.push(format!("{} {}{constraint}", quote(&column.name), sql_type(&column.ty, dialect)));
    }
    let strict = if dialect == Dialect::Sqlite { " STRICT" } else { "" };
    let name = session.naming.table(&table.name);
    session.batch(&format!("CREATE TABLE {name} ({}){strict}", columns.join(", ")))?;
    create_trash_index(session, &table.name)
}

fn trash_index(table: &str) -> String {
    short(&format!("{table}__trash"))
}

fn create_trash_index(session: &mut Session<'_>, table: &str) -> Result<()> {
    let trash = " WHERE deleted_at IS NOT NULL";
    let sql = create_index(session.naming, table, &trash_index(table), "(deleted_at)", false, trash);
    session.batch(&sql)
}

/// Says which values stand in the way of a unique index; the database would name one of them in its own words.
fn refuse_repeated(
    session: &mut Session<'_>,
    entity: &str,
    table: &str,
    columns: &[(String, bool)],
) -> Result<()> {
    let listed = columns.iter().map(|(name, _)| quote(name)).collect::<Vec<_>>();
    let filled = listed.iter().map(|name| format!(" AND {name} IS NOT NULL")).collect::<String>();
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 AS one FROM {}{LIVING}{filled} GROUP BY {} HAVING count(*) > 1) AS repeated",
        session.naming.table(table),
        listed.join(", ")
    );
    let count = session.query(&sql, &[], |row| row.int(0))?.pop().flatten().unwrap_or(0);
    if count == 0 {
        return Ok(());
    }
    let fields = columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    Err(Error::Repeated { entity: entity.to_owned(), fields, count })
}

/// PostgreSQL cuts names at 63 bytes.
fn short(name: &str) -> String {
    if name.len() <= 60 {
        return name.to_owned();
    }
    use sha2::Digest;
    let hash = sha2::Sha256::digest(name.as_bytes());
    format!("{}_{:02x}{:02x}{:02x}{:02x}", &name[..50], hash[0], hash[1], hash[2], hash[3])
}

/// Renames a table with all that is named after it: another table may take over the name.
fn rename_table(session: &mut Session<'_>, from: &str, to: &str) -> Result<()> {
    alter(session, from, &format!("RENAME TO {}", quote(to)))?;
    for suffix in ["__search", "__similar"] {
        if table_exists(session, &format!("{from}{suffix}"))? {
            alter(
                session,
                &format!("{from}{suffix}"),
                &format!("RENAME TO {}", quote(&format!("{to}{suffix}"))),
            )?;
        }
    }
    match session.naming.dialect {
        Dialect::Sqlite => {
            session.batch(&format!("DROP INDEX IF EXISTS {}", quote(&trash_index(from))))?;
            create_trash_index(session, to)
        }
        Dialect::Postgres => {
            let names = [(trash_index(from), trash_index(to)), (search_index(from), search_index(to))];
            names.iter().try_for_each(|(from, to)| {
                let from = session.naming.table(from);
                session.batch(&format!("ALTER INDEX IF EXISTS {from} RENAME TO {}", quote(to)))
            })
        }
    }
}

/// The index over the search words in PostgreSQL.
fn search_index(table: &str) -> String {
    short(&format!("{table}__search"))
}

fn table_exists(session: &mut Session<'_>, name: &str) -> Result<bool> {
    let naming = session.naming;
    let rows = match &naming.schema {
        None => session.query(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1",
            &[name.into()],
            |_| Ok(()),
        )?,
        Some(schema) => session.query(
            "SELECT 1::bigint FROM information_schema.tables WHERE table_name = $1 AND table_schema = $2",
            &[name.into(), schema.as_str().into()],
            |_| Ok(()),
        )?,
    };
    Ok(!rows.is_empty())
}

/// Columns of an index. Nulls are smallest in SQLite, so PostgreSQL is told the same.
fn index_columns(dialect: Dialect, columns: &[(String, bool)]) -> String {
    let column = |(name, descending): &(String, bool)| {
        let order = match (dialect, descending) {
            (Dialect::Sqlite, false) => "",
            (Dialect::Sqlite, true) => " DESC",
            (Dialect::Postgres, false) => " ASC NULLS FIRST",
            (Dialect::Postgres, true) => " DESC NULLS LAST",
        };
        format!("{}{order}", quote(name))
    };
    format!("({})", columns.iter().map(column).collect::<Vec<_>>().join(", "))
}

fn widen(
    session: &mut Session<'_>,
    (entity, table, column): (&str, &str, &str),
    from: &Type,
    to: &Type,
) -> Result<()> {
    let name = session.naming.table(table);
    let quoted = quote(column);
    let scale = |ty: &Type| match ty {
        Type::Decimal(scale) => Some(*scale),
        Type::Int => Some(0),
        _ => None,
    };
    if let (Some(from), Some(to)) = (scale(from), scale(to)) {
        let factor = 10i64.pow(u32::from(to.saturating_sub(from)));
        let limit = mortise_expr::INT_LIMIT / factor;
        let count = format!("SELECT count(*) FROM {name} WHERE {quoted} > {limit} OR {quoted} < -{limit}");
        let count = session.query(&count, &[], |row| row.int(0))?.pop().flatten().unwrap_or(0);
        if count > 0 {
            return Err(Error::TooLarge { entity: entity.to_owned(), field: column.to_owned(), count });
        }
        session.execute(&format!("UPDATE {name} SET {quoted} = {quoted} * {factor}"), &[])?;
        return Ok(());
    }
    // To text: through a new column, since SQLite's strict tables keep the type of a column.
    let moving = quote(&format!("_widening_{column}"));
    let text = sql_type(&Type::Text, session.naming.dialect);
    session.batch(&format!("ALTER TABLE {name} ADD COLUMN {moving} {text}"))?;
    let source = as_text(session.naming.dialect, &quoted, from);
    session.execute(&format!("UPDATE {name} SET {moving} = {source}"), &[])?;
    session.batch(&format!("ALTER TABLE {name} DROP COLUMN {quoted}"))?;
    session.batch(&format!("ALTER TABLE {name} RENAME COLUMN {moving} TO {quoted}"))
}

/// A column as the text that people see.
fn as_text(dialect: Dialect, column: &str, from: &Type) -> String {
    match from {
        Type::Bool => format!("CASE WHEN {column} THEN 'true' WHEN NOT {column} THEN 'false' END"),
        Type::Decimal(scale) if *scale > 0 => {
            let factor = 10i64.pow(u32::from(*scale));
            let padded =
                format!("'{}' || CAST(abs({column}) % {factor} AS text)", "0".repeat((*scale).into()));
            let places = match dialect {
                Dialect::Sqlite => format!("substr({padded}, -{scale})"),
                Dialect::Postgres => format!("right({padded}, {scale})"),
            };
            let sign = format!("CASE WHEN {column} < 0 THEN '-' ELSE '' END");
            format!("{sign} || CAST(abs({column}) / {factor} AS text) || '.' || {places}")
        }
        _ => format!("CAST({column} AS text)"),
    }
}

fn rebuild_search(session: &mut Session<'_>, table: &str, drop: bool, create: bool) -> Result<()> {
    match session.naming.dialect {
        Dialect::Sqlite => {
            let name = quote(&format!("{table}__search"));
            if drop {
                session.batch(&format!("DROP TABLE IF EXISTS {name}"))?;
            }
            if create {
                // The words come ready; "ascii" only parts them at the spaces (it takes all beyond ASCII for letters).
                session.batch(&format!(
                    "CREATE VIRTUAL TABLE {name} USING fts5(tokens, content='', contentless_delete=1, detail=none, tokenize='ascii')"
                ))?;
            }
        }
        Dialect::Postgres => {
            if drop {
                alter(session, table, "DROP COLUMN IF EXISTS _search")?;
            }
            if create {
                alter(session, table, "ADD COLUMN _search tsvector")?;
                let name = session.naming.table(table);
                let index = quote(&search_index(table));
                session.batch(&format!("CREATE INDEX {index} ON {name} USING gin (_search)"))?;
            }
        }
    }
    Ok(())
}

fn rebuild_duplicates(session: &mut Session<'_>, table: &str, drop: bool, create: bool) -> Result<()> {
    let naming = session.naming;
    let name = naming.table(&format!("{table}__similar"));
    if drop {
        session.batch(&format!("DROP TABLE IF EXISTS {name}"))?;
    }
    if create {
        let id = sql_type(&Type::Id, naming.dialect);
        let int = sql_type(&Type::Int, naming.dialect);
        let tail = if naming.dialect == Dialect::Sqlite { " STRICT, WITHOUT ROWID" } else { "" };
        session.batch(&format!(
            "CREATE TABLE {name} (key {int} NOT NULL, id {id} NOT NULL, PRIMARY KEY (key, id)){tail}"
        ))?;
    }
    Ok(())
}
