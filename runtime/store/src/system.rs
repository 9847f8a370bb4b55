//! The tables that every tenant has beside those of its entities: made for a new tenant, brought up to date for an old
//! one. All steps of an update are one transaction: a tenant is of one version or of another, never between.

mod face_tables;
mod plugin_tables;
mod tables;

use mortise_expr::Dialect;

use self::tables::{ADDED, Column, INDEXED, Kind, Table, all};
use crate::column::sql_type;
use crate::error::{Error, Result};
use crate::exec::{Naming, Param, Row, Tx};

/// Version of these tables; raised with every release that changes them.
const VERSION: i64 = 6;

/// Makes or updates the tables of a tenant, in the transaction given; does nothing when that was done in the meantime.
pub(crate) fn bring_up_to_date(tx: &mut dyn Tx, naming: &Naming) -> Result<()> {
    if let Some(schema) = &naming.schema {
        // Two nodes may open the tenant at the same moment: the second waits here and finds everything done.
        let mut each = |_: &dyn Row| Ok(());
        tx.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))::text", &[schema.into()], &mut each)?;
    }
    match version(tx, naming)? {
        None => create(tx, naming)?,
        Some(VERSION) => return Ok(()),
        Some(stored @ 1..VERSION) => (stored + 1..=VERSION).try_for_each(|step| update(tx, naming, step))?,
        Some(stored) => return Err(Error::Newer { stored, known: VERSION }),
    }
    let sql = naming.sql(&format!(
        "INSERT INTO {} (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        naming.table("_meta")
    ));
    tx.execute(&sql, &["version".into(), VERSION.to_string().into()])?;
    Ok(())
}

/// The version of the tables that are there.
fn version(tx: &mut dyn Tx, naming: &Naming) -> Result<Option<i64>> {
    let exists = match naming.dialect {
        Dialect::Sqlite => "SELECT 1 FROM sqlite_master WHERE name = '_meta'",
        Dialect::Postgres => {
            "SELECT 1 FROM information_schema.tables WHERE table_schema = $1 AND table_name = '_meta'"
        }
    };
    let mut known = false;
    let schema: Vec<Param> = naming.schema.iter().map(Into::into).collect();
    tx.query(exists, &schema, &mut |_| {
        known = true;
        Ok(())
    })?;
    if !known {
        return Ok(None);
    }
    let mut stored = None;
    let sql = format!("SELECT value FROM {} WHERE name = 'version'", naming.table("_meta"));
    tx.query(&sql, &[], &mut |row| {
        stored = row.text(0)?.and_then(|version| version.parse().ok());
        Ok(())
    })?;
    stored.map(Some).ok_or_else(|| Error::Corrupt("the version of the tables is missing".to_owned()))
}

fn create(tx: &mut dyn Tx, naming: &Naming) -> Result<()> {
    if let Some(schema) = &naming.schema {
        tx.batch(&format!("CREATE SCHEMA IF NOT EXISTS {}", crate::exec::quote(schema)))?;
    }
    all().try_for_each(|table| create_table(tx, naming, table, VERSION))?;
    add_indexes(tx, naming, None)?;
    let head =
        naming.sql(&format!("INSERT INTO {} (seq, hash) VALUES (?1, ?2)", naming.table("_audit_head")));
    let start = crate::audit::Head::START;
    tx.execute(&head, &[Some(start.seq).into(), start.hash.to_vec().into()])?;
    start_lane(tx, naming)
}

/// Brings the tables from the version before to this one.
fn update(tx: &mut dyn Tx, naming: &Naming, version: i64) -> Result<()> {
    for (_, table, added) in ADDED.iter().filter(|(since, ..)| *since == version) {
        let columns = all().filter(|known| known.name == *table).flat_map(|known| known.columns);
        for column in columns.filter(|(name, ..)| added.contains(name)) {
            let definition = column_sql(*column, naming.dialect);
            tx.batch(&format!("ALTER TABLE {} ADD COLUMN {definition}", naming.table(table)))?;
        }
    }
    let new = all().filter(|table| table.since == version);
    new.into_iter().try_for_each(|table| create_table(tx, naming, table, version))?;
    match version {
        2 => start_lane(tx, naming)?,
        // When it ended was not written down before.
        4 => tx.batch(&format!(
            "UPDATE {} SET ended_at = at WHERE state IN ('done', 'dismissed')",
            naming.table("_work")
        ))?,
        _ => {}
    }
    add_indexes(tx, naming, Some(version))
}

/// Makes the indexes that came with a version, or with any.
fn add_indexes(tx: &mut dyn Tx, naming: &Naming, version: Option<i64>) -> Result<()> {
    let came = INDEXED.iter().filter(|(since, ..)| version.is_none_or(|version| *since == version));
    for (_, table, index, columns) in came {
        tx.batch(&create_index(naming, table, index, columns, false, ""))?;
    }
    Ok(())
}

/// The lane starts after the events that are there: nothing waits for what happened before there were rules.
fn start_lane(tx: &mut dyn Tx, naming: &Naming) -> Result<()> {
    let (lane, event) = (naming.table("_lane"), naming.table("_event"));
    tx.batch(&format!("INSERT INTO {lane} (position, epoch) SELECT coalesce(max(seq), 0), 0 FROM {event}"))
}

/// Makes a table as it is in a version: columns that came later are added by the steps to those versions.
fn create_table(tx: &mut dyn Tx, naming: &Naming, table: &Table, version: i64) -> Result<()> {
    let later = |(name, ..): &&Column| {
        let mut added = ADDED.iter().filter(|(since, known, _)| *since > version && *known == table.name);
        added.any(|(.., columns)| columns.contains(name))
    };
    let columns = table.columns.iter().filter(|column| !later(column));
    let columns: Vec<String> = columns.map(|column| column_sql(*column, naming.dialect)).collect();
    let strict = if naming.dialect == Dialect::Sqlite { " STRICT" } else { "" };
    let (name, columns) = (naming.table(table.name), columns.join(", "));
    tx.batch(&format!("CREATE TABLE {name} ({columns}{}){strict}", table.tail))?;
    for (index, columns) in table.indexes {
        tx.batch(&create_index(naming, table.name, index, columns, false, ""))?;
    }
    Ok(())
}

fn column_sql((name, kind, rest): Column, dialect: Dialect) -> String {
    let name = crate::exec::quote(name);
    match (kind, dialect) {
        (Kind::Serial, Dialect::Sqlite) => format!("{name} INTEGER PRIMARY KEY AUTOINCREMENT"),
        (Kind::Serial, Dialect::Postgres) => {
            format!("{name} bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
        }
        (Kind::Bytes, Dialect::Sqlite) => format!("{name} BLOB {rest}"),
        (Kind::Bytes, Dialect::Postgres) => format!("{name} bytea {rest}"),
        (Kind::Plain(ty), _) => format!("{name} {} {rest}", sql_type(ty, dialect)),
    }
}

/// `CREATE INDEX`; SQLite qualifies nothing, PostgreSQL puts an index beside its table.
pub(crate) fn create_index(
    naming: &Naming,
    table: &str,
    index: &str,
    columns: &str,
    unique: bool,
    filter: &str,
) -> String {
    let unique = if unique { "UNIQUE " } else { "" };
    format!("CREATE {unique}INDEX {} ON {} {columns}{filter}", crate::exec::quote(index), naming.table(table))
}
