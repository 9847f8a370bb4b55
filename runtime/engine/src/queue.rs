//! Reading queues: rows that wait, fall due, are tried again and are kept when they were given up. What leaves the house and
//! what plugins do in the background are two such queues, asked the same questions. Which state follows from what became of a
//! row is decided by each of them, and only they write.

use chrono::{DateTime, Utc};
use mortise_store::{Param, Row, Session, TenantStore};
use uuid::Uuid;

use crate::automation::timer::moment;
use crate::error::Error;

/// A table of rows that wait. It has the columns `id`, `state`, `attempts`, `next_at`, `ended_at`, and knows the states
/// `waiting` and `dead`.
pub(crate) struct Queue<T> {
    /// The table.
    pub(crate) table: &'static str,
    /// The columns that make a row.
    pub(crate) columns: &'static str,
    /// The column by which rows are worked off, each of its values by itself.
    pub(crate) strand: &'static str,
    /// States of rows that fall due, as a list for SQL.
    pub(crate) pending: &'static str,
    /// States of rows of which something is still to come, as a list for SQL.
    pub(crate) open: &'static str,
    /// What a row says.
    pub(crate) read: fn(&dyn Row) -> mortise_store::Result<T>,
}

impl<T: Send> Queue<T> {
    /// Strands of which something is due.
    pub(crate) async fn strands(
        &self,
        store: &TenantStore,
        now: DateTime<Utc>,
    ) -> Result<Vec<String>, Error> {
        let (naming, Queue { strand, pending, .. }) = (store.naming(), self);
        let table = naming.table(self.table);
        let sql = naming.sql(&format!(
            "SELECT DISTINCT {strand} FROM {table} WHERE state IN ({pending}) AND next_at <= ?1"
        ));
        Ok(store.fetch(&sql, &[now.into()], |row| row.text(0)).await?.into_iter().flatten().collect())
    }

    /// What is due of a strand, first what was due first. `unless` are conditions of rows `e` that hold up a row `q`.
    pub(crate) async fn due(
        &self,
        store: &TenantStore,
        (strand, unless): (&str, Option<&str>),
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<T>, Error> {
        let (naming, Queue { columns, strand: column, pending, .. }) = (store.naming(), self);
        let table = naming.table(self.table);
        let unless = unless.map_or_else(String::new, |rows| {
            format!(" AND NOT EXISTS (SELECT 1 FROM {table} e WHERE {rows})")
        });
        let sql = naming.sql(&format!(
            "SELECT {columns} FROM {table} q WHERE {column} = ?1 AND state IN ({pending}) AND next_at <= ?2{unless} \
             ORDER BY next_at, id LIMIT ?3"
        ));
        Ok(store.fetch(&sql, &[strand.into(), now.into(), limit.into()], self.read).await?)
    }

    /// When something falls due that is not due yet.
    pub(crate) async fn next(
        &self,
        store: &TenantStore,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let (naming, pending) = (store.naming(), self.pending);
        let table = naming.table(self.table);
        let sql = naming
            .sql(&format!("SELECT min(next_at) FROM {table} WHERE state IN ({pending}) AND next_at > ?1"));
        Ok(store.fetch(&sql, &[now.into()], |row| moment(row, 0)).await?.pop().flatten())
    }

    /// Rows in a state (any without one) and of a strand, newest first, before this one.
    pub(crate) async fn list(
        &self,
        store: &TenantStore,
        (state, strand): (Option<&str>, Option<&str>),
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<T>, Error> {
        let mut params: Vec<Param> = vec![before.into(), limit.into()];
        let mut more = String::new();
        for (name, value) in [("state", state), (self.strand, strand)] {
            if let Some(value) = value {
                params.push(value.into());
                more.push_str(&format!(" AND {name} = ?{}", params.len()));
            }
        }
        let (naming, columns) = (store.naming(), self.columns);
        let table = naming.table(self.table);
        let sql = naming
            .sql(&format!("SELECT {columns} FROM {table} WHERE id < ?1{more} ORDER BY id DESC LIMIT ?2"));
        Ok(store.fetch(&sql, &params, self.read).await?)
    }

    /// How many rows there are in each of these states.
    pub(crate) async fn counts<const STATES: usize>(
        &self,
        store: &TenantStore,
        states: [&str; STATES],
    ) -> Result<[i64; STATES], Error> {
        let table = store.naming().table(self.table);
        let sql = format!("SELECT state, count(*) FROM {table} GROUP BY state");
        let found = store.fetch(&sql, &[], |row| Ok((row.text(0)?, row.int(1)?.unwrap_or(0)))).await?;
        let of = |state: &str| {
            let fits = |(name, _): &&(Option<String>, i64)| name.as_deref() == Some(state);
            found.iter().filter(fits).map(|(_, count)| *count).sum()
        };
        Ok(states.map(of))
    }

    /// Of how many something is still to come, and how many were given up; those that are over are not counted.
    pub(crate) async fn left(&self, store: &TenantStore) -> Result<(i64, i64), Error> {
        let (table, open) = (store.naming().table(self.table), self.open);
        let count = |states: &str| format!("(SELECT count(*) FROM {table} WHERE state IN ({states}))");
        let sql = format!("SELECT {}, {}", count(open), count("'dead'"));
        let read = |row: &dyn Row| Ok((row.int(0)?.unwrap_or(0), row.int(1)?.unwrap_or(0)));
        Ok(store.fetch(&sql, &[], read).await?.pop().unwrap_or_default())
    }

    /// Has what was given up, or waits for its next try, tried once more: all whose `column` is `value`. How many there were.
    pub(crate) fn revive(
        &self,
        session: &mut Session<'_>,
        now: DateTime<Utc>,
        (column, value): (&str, Param),
    ) -> Result<u64, Error> {
        let sql = session.naming.sql(&format!(
            "UPDATE {} SET state = 'waiting', attempts = 0, next_at = ?1, ended_at = NULL \
             WHERE state IN ('dead', 'waiting') AND {column} = ?2",
            session.naming.table(self.table)
        ));
        let count = session.execute(&sql, &[now.into(), value])?;
        session.wake_lane();
        Ok(count)
    }
}
