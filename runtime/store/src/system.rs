//! The tables that every tenant has beside those of its entities: audit, events, definitions, files, comments and keys.

use mortise_expr::{Dialect, Type};

use crate::column::sql_type;
use crate::error::Result;
use crate::exec::{Naming, Tx};

/// Version of these tables; raised with every change, together with a step in [`create`].
pub(crate) const VERSION: i64 = 1;

struct Table {
    name: &'static str,
    columns: &'static [(&'static str, Kind, &'static str)],
    tail: &'static str,
    indexes: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy)]
enum Kind {
    /// Integer primary key that counts by itself.
    Serial,
    /// A plain column.
    Plain(&'static Type),
    /// Bytes.
    Bytes,
}

const INT: Kind = Kind::Plain(&Type::Int);
const TEXT: Kind = Kind::Plain(&Type::Text);
const ID: Kind = Kind::Plain(&Type::Id);
const TIME: Kind = Kind::Plain(&Type::DateTime);
const BOOL: Kind = Kind::Plain(&Type::Bool);

const TABLES: &[Table] = &[
    Table {
        name: "_meta",
        columns: &[("name", TEXT, "NOT NULL PRIMARY KEY"), ("value", TEXT, "NOT NULL")],
        tail: "",
        indexes: &[],
    },
    Table {
        name: "_audit",
        columns: &[
            ("seq", INT, "NOT NULL PRIMARY KEY"),
            ("at", TIME, "NOT NULL"),
            ("actor", ID, ""),
            ("action", TEXT, "NOT NULL"),
            ("entity", TEXT, ""),
            ("record", ID, ""),
            ("version", INT, ""),
            ("channel", TEXT, "NOT NULL"),
            ("ip", TEXT, ""),
            ("device", TEXT, ""),
            ("changes", TEXT, "NOT NULL"),
            ("hash", Kind::Bytes, "NOT NULL"),
        ],
        tail: "",
        indexes: &[("_audit_record", "(record, seq)")],
    },
    Table {
        name: "_audit_head",
        columns: &[("seq", INT, "NOT NULL"), ("hash", Kind::Bytes, "NOT NULL")],
        tail: "",
        indexes: &[],
    },
    Table {
        name: "_event",
        columns: &[
            ("seq", Kind::Serial, ""),
            ("at", TIME, "NOT NULL"),
            ("kind", TEXT, "NOT NULL"),
            ("entity", TEXT, "NOT NULL"),
            ("record", ID, "NOT NULL"),
            ("version", INT, "NOT NULL"),
            ("actor", ID, ""),
        ],
        tail: "",
        indexes: &[],
    },
    Table {
        name: "_definition",
        columns: &[
            ("app", TEXT, "NOT NULL"),
            ("number", INT, "NOT NULL"),
            ("version", TEXT, "NOT NULL"),
            ("at", TIME, "NOT NULL"),
            ("actor", ID, ""),
            ("digest", TEXT, "NOT NULL"),
            ("current", BOOL, "NOT NULL"),
            ("files", TEXT, "NOT NULL"),
        ],
        tail: ", PRIMARY KEY (app, number)",
        indexes: &[],
    },
    Table {
        name: "_overlay",
        columns: &[("app", TEXT, "NOT NULL PRIMARY KEY"), ("patch", TEXT, "NOT NULL")],
        tail: "",
        indexes: &[],
    },
    Table {
        name: "_setting",
        columns: &[("app", TEXT, "NOT NULL"), ("name", TEXT, "NOT NULL"), ("value", TEXT, "NOT NULL")],
        tail: ", PRIMARY KEY (app, name)",
        indexes: &[],
    },
    Table {
        name: "_sequence",
        columns: &[("name", TEXT, "NOT NULL PRIMARY KEY"), ("value", INT, "NOT NULL")],
        tail: "",
        indexes: &[],
    },
    Table {
        name: "_idempotency",
        columns: &[
            ("key", TEXT, "NOT NULL PRIMARY KEY"),
            ("at", TIME, "NOT NULL"),
            ("request", TEXT, "NOT NULL"),
            ("answer", TEXT, "NOT NULL"),
        ],
        tail: "",
        indexes: &[("_idempotency_at", "(at)")],
    },
    Table {
        name: "_comment",
        columns: &[
            ("id", ID, "NOT NULL PRIMARY KEY"),
            ("entity", TEXT, "NOT NULL"),
            ("record", ID, "NOT NULL"),
            ("at", TIME, "NOT NULL"),
            ("actor", ID, ""),
            ("text", TEXT, "NOT NULL"),
        ],
        tail: "",
        indexes: &[("_comment_record", "(record, at)")],
    },
    Table {
        name: "_file",
        columns: &[
            ("id", ID, "NOT NULL PRIMARY KEY"),
            ("sha256", TEXT, "NOT NULL"),
            ("name", TEXT, "NOT NULL"),
            ("type", TEXT, "NOT NULL"),
            ("size", INT, "NOT NULL"),
            ("at", TIME, "NOT NULL"),
            ("actor", ID, ""),
            ("entity", TEXT, ""),
            ("record", ID, ""),
            ("field", TEXT, ""),
        ],
        tail: "",
        indexes: &[("_file_record", "(record)")],
    },
];

/// Makes the tables of a new tenant.
pub(crate) fn create(tx: &mut dyn Tx, naming: &Naming) -> Result<()> {
    if let Some(schema) = &naming.schema {
        tx.batch(&format!("CREATE SCHEMA IF NOT EXISTS {}", crate::exec::quote(schema)))?;
    }
    for table in TABLES {
        let columns: Vec<String> =
            table.columns.iter().map(|column| column_sql(*column, naming.dialect)).collect();
        let strict = if naming.dialect == Dialect::Sqlite { " STRICT" } else { "" };
        tx.batch(&format!(
            "CREATE TABLE {} ({}{}){strict}",
            naming.table(table.name),
            columns.join(", "),
            table.tail
        ))?;
        for (index, columns) in table.indexes {
            tx.batch(&create_index(naming, table.name, index, columns, false, ""))?;
        }
    }
    let head =
        naming.sql(&format!("INSERT INTO {} (seq, hash) VALUES (?1, ?2)", naming.table("_audit_head")));
    let start = crate::audit::Head::START;
    tx.execute(&head, &[Some(start.seq).into(), start.hash.to_vec().into()])?;
    let meta = naming.sql(&format!("INSERT INTO {} (name, value) VALUES (?1, ?2)", naming.table("_meta")));
    tx.execute(&meta, &["version".into(), VERSION.to_string().into()])?;
    Ok(())
}

fn column_sql((name, kind, rest): (&str, Kind, &str), dialect: Dialect) -> String {
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
