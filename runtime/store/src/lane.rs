//! How far a tenant's events are worked off, and who may do it. Position, effects and the check that nobody took the
//! lane over are one transaction, so that no event is worked off twice or not at all.

use chrono::{DateTime, Utc};

use crate::error::{Error, Result};
use crate::tenant::TenantStore;
use crate::writer::Session;

impl TenantStore {
    /// The highest epoch with which the lane was worked.
    pub async fn lane_epoch(&self) -> Result<i64> {
        let sql = format!("SELECT epoch FROM {}", self.naming().table("_lane"));
        Ok(self.fetch(&sql, &[], |row| row.int(0)).await?.pop().flatten().unwrap_or_default())
    }
}

impl Session<'_> {
    /// Makes sure that whoever holds the lane with this epoch still does; [`Error::Fenced`] when somebody with a higher
    /// one has written. Locks the lane until the end of the transaction. What this write leaves for the lane is for its
    /// holder, who writes it: other nodes are not woken by it.
    pub fn fence(&mut self, epoch: i64) -> Result<()> {
        self.by_lane();
        let lane = self.naming.table("_lane");
        let sql = self.naming.sql(&format!("UPDATE {lane} SET epoch = ?1 WHERE epoch <= ?1"));
        match self.execute(&sql, &[epoch.into()])? {
            0 => Err(Error::Fenced),
            _ => Ok(()),
        }
    }

    /// Position of the last event that was worked off.
    pub fn lane_position(&mut self) -> Result<i64> {
        let sql = format!("SELECT position FROM {}", self.naming.table("_lane"));
        let position = self.query(&sql, &[], |row| row.int(0))?.pop().flatten();
        position.ok_or_else(|| Error::Corrupt("the position of the lane is missing".to_owned()))
    }

    /// Says that all events that are there are worked off.
    pub fn skip_events(&mut self) -> Result<()> {
        let sql = format!(
            "UPDATE {} SET position = COALESCE((SELECT max(seq) FROM {}), position)",
            self.naming.table("_lane"),
            self.naming.table("_event")
        );
        self.execute(&sql, &[]).map(drop)
    }

    /// Notes when the lane last did something.
    pub fn lane_worked(&mut self, at: DateTime<Utc>) -> Result<()> {
        let sql = self.naming.sql(&format!("UPDATE {} SET worked_at = ?1", self.naming.table("_lane")));
        self.execute(&sql, &[at.into()]).map(drop)
    }

    /// Says that all events up to this position are worked off.
    pub fn set_lane_position(&mut self, position: i64) -> Result<()> {
        let sql = self.naming.sql(&format!("UPDATE {} SET position = ?1", self.naming.table("_lane")));
        self.execute(&sql, &[position.into()]).map(drop)
    }
}
