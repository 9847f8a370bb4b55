//! The statements of the store for the measured entity, in both dialects, as its log shows them.
//!
//! They are written down here and not taken from the store, so that a slower statement there shows as a smaller share
//! and never moves its own baseline.

use anyhow::{Context, Result};

/// Which SQL is spoken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// A table with the columns that are read and written.
pub(crate) struct Table {
    /// Quoted and qualified.
    pub(crate) name: String,
    /// In the order of every row.
    pub(crate) columns: Vec<String>,
}

impl Table {
    /// Where a column stands in a row.
    pub(crate) fn position(&self, column: &str) -> Result<usize> {
        let position = self.columns.iter().position(|name| name == column);
        position.with_context(|| format!("{} has no column {column}", self.name))
    }

    fn listed(&self) -> String {
        self.columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ")
    }
}

/// The tables of a change.
pub(crate) struct Tables {
    /// Which SQL is spoken.
    pub(crate) dialect: Dialect,
    /// The measured entity.
    pub(crate) item: Table,
    /// The audit trail.
    pub(crate) audit: Table,
    /// The events; without their number, which the database counts.
    pub(crate) event: Table,
    /// Name of the table with the head of the trail.
    pub(crate) head: String,
}

impl Tables {
    /// From the names and columns that the database tells. Keys that it counts and search indexes are its own.
    pub(crate) fn new(
        dialect: Dialect,
        schema: Option<&str>,
        item: &str,
        columns: impl Fn(&str) -> Result<Vec<String>>,
    ) -> Result<Self> {
        let name = |table: &str| match schema {
            Some(schema) => format!("\"{schema}\".\"{table}\""),
            None => format!("\"{table}\""),
        };
        let table = |plain: &str, own: &[&str]| -> Result<Table> {
            let mut columns = columns(plain)?;
            columns.retain(|column| !own.contains(&column.as_str()));
            Ok(Table { name: name(plain), columns })
        };
        Ok(Self {
            dialect,
            item: table(item, &["_rid", "_search"])?,
            audit: table("_audit", &[])?,
            event: table("_event", &["seq"])?,
            head: name("_audit_head"),
        })
    }

    /// Reads a record: id.
    pub(crate) fn read(&self) -> String {
        format!("SELECT {} FROM {} WHERE id = {}", self.item.listed(), self.item.name, self.place(1))
    }

    /// Reads a page: status, active, person, limit. Reading an index in order, SQLite merges the cases by itself.
    pub(crate) fn list(&self) -> String {
        let order = match self.dialect {
            Dialect::Sqlite => "ORDER BY \"created_at\" DESC, \"id\" DESC",
            Dialect::Postgres => "ORDER BY \"created_at\" DESC NULLS LAST, \"id\" DESC NULLS LAST",
        };
        let limit = format!("LIMIT {}", self.place(4));
        let case = |owner: &str| {
            let case = format!(
                "SELECT {} FROM {} WHERE \"deleted_at\" IS NULL AND \"status\" = {} AND \"active\" = {} AND {owner}",
                self.item.listed(),
                self.item.name,
                self.place(1),
                self.place(2)
            );
            match self.dialect {
                Dialect::Sqlite => case,
                Dialect::Postgres => format!("SELECT * FROM ({case} {order} {limit}) AS \"branch\""),
            }
        };
        let [owned, free] = self.cases(3).map(|owner| case(&owner));
        format!("{owned} UNION ALL {free} {order} {limit}")
    }

    /// Count the records of both cases, each up to a cap: one, status, active, cap, and person in the first.
    pub(crate) fn counts(&self) -> [String; 2] {
        self.cases(5).map(|owner| {
            format!(
                "SELECT count(*) FROM (SELECT {} FROM {} WHERE \"deleted_at\" IS NULL AND \"status\" = {} \
                 AND \"active\" = {} AND {owner} LIMIT {}) AS \"counted\"",
                self.place(1),
                self.item.name,
                self.place(2),
                self.place(3),
                self.place(4)
            )
        })
    }

    /// Reads records in the order of their making: id before, limit.
    pub(crate) fn page(&self) -> String {
        let (listed, name) = (self.item.listed(), &self.item.name);
        format!(
            "SELECT {listed} FROM {name} WHERE id > {} ORDER BY id LIMIT {}",
            self.place(1),
            self.place(2)
        )
    }

    /// Changes a field: quantity, version, time, person, id, version before.
    pub(crate) fn update(&self) -> String {
        let [one, two, three, four, five, six] = [1, 2, 3, 4, 5, 6].map(|number| self.place(number));
        format!(
            "UPDATE {} SET \"quantity\" = {one}, \"version\" = {two}, \"updated_at\" = {three}, \
             \"updated_by\" = {four} WHERE id = {five} AND version = {six}",
            self.item.name
        )
    }

    /// Writes so many rows at once.
    pub(crate) fn insert(&self, table: &Table, rows: usize) -> String {
        let width = table.columns.len();
        let row = |row: usize| {
            let places: Vec<String> = (1..=width).map(|column| self.place(row * width + column)).collect();
            format!("({})", places.join(", "))
        };
        let rows: Vec<String> = (0..rows).map(row).collect();
        format!("INSERT INTO {} ({}) VALUES {}", table.name, table.listed(), rows.join(", "))
    }

    /// The last row about a record.
    pub(crate) fn last(&self, table: &Table) -> String {
        let (listed, name) = (table.listed(), &table.name);
        format!("SELECT {listed} FROM {name} WHERE version IS NOT NULL ORDER BY seq DESC LIMIT 1")
    }

    /// Number and hash of the last entry of the trail.
    pub(crate) fn last_number(&self) -> String {
        format!("SELECT seq, hash FROM {}", self.head)
    }

    /// Moves the head of the trail: number, hash.
    pub(crate) fn move_head(&self) -> String {
        format!("UPDATE {} SET seq = {}, hash = {}", self.head, self.place(1), self.place(2))
    }

    /// Empties the tables that a load fills.
    pub(crate) fn empty(&self) -> String {
        let names = [&self.item.name, &self.audit.name, &self.event.name];
        match self.dialect {
            Dialect::Sqlite => names.map(|name| format!("DELETE FROM {name}")).join("; "),
            Dialect::Postgres => format!("TRUNCATE {}", names.map(String::as_str).join(", ")),
        }
    }

    /// The two cases of the row scope: mine (the parameter of this number), and nobody's.
    fn cases(&self, person: usize) -> [String; 2] {
        let owned = format!("(\"owner\" = {} AND \"owner\" IS NOT NULL)", self.place(person));
        [owned, "\"owner\" IS NULL".to_owned()]
    }

    fn place(&self, number: usize) -> String {
        match self.dialect {
            Dialect::Sqlite => format!("?{number}"),
            Dialect::Postgres => format!("${number}"),
        }
    }
}
