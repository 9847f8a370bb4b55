//! Looking for entries in the audit trail. Its table has no index but its order, so that writing stays cheap; a search
//! therefore reads a bounded part of it at a time and says where to go on. It never changes the trail.

use chrono::{DateTime, TimeDelta, Utc};
use mortise_expr::{Type, Value};
use uuid::Uuid;

use crate::audit::{self, StoredEntry};
use crate::error::Result;
use crate::exec::Param;
use crate::tenant::TenantStore;

/// Entries looked through at once: about a fifth of a second on SQLite.
const SPAN: i64 = 250_000;
/// Entries stand in the order of their commits, which is that of their times but for requests under way together and
/// clocks that were put right. Within so much the order of times is not relied on.
const DISORDER: TimeDelta = TimeDelta::days(1);

/// Which entries; what is absent lets all through.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrailFilter {
    /// Of this person.
    pub actor: Option<Uuid>,
    /// What people did (true), or what happened by itself (false).
    pub people: Option<bool>,
    /// About records of this entity.
    pub entity: Option<String>,
    /// About this record.
    pub record: Option<Uuid>,
    /// Of this kind.
    pub action: Option<String>,
    /// Not earlier.
    pub from: Option<DateTime<Utc>>,
    /// Earlier than this.
    pub until: Option<DateTime<Utc>>,
}

/// A part of the trail, newest first.
#[derive(Debug, Clone)]
pub struct Found {
    /// What was found.
    pub entries: Vec<StoredEntry>,
    /// Entries before this have not been looked at; none when there are no more. There may be fewer entries than asked for
    /// and still more to look at.
    pub next: Option<i64>,
}

impl TrailFilter {
    /// Conditions and their parameters, numbered after those that are there.
    fn conditions(&self, params: &mut Vec<Param>) -> String {
        let mut sql = match self.people {
            Some(true) => " AND actor IS NOT NULL".to_owned(),
            Some(false) => " AND actor IS NULL".to_owned(),
            None => String::new(),
        };
        let mut push = |condition: &str, param: Option<Param>| {
            if let Some(param) = param {
                params.push(param);
                sql.push_str(&format!(" AND {condition} ?{}", params.len()));
            }
        };
        push("actor =", self.actor.map(Param::from));
        push("entity =", self.entity.as_deref().map(Param::from));
        push("record =", self.record.map(Param::from));
        push("action =", self.action.as_deref().map(Param::from));
        push("at >=", self.from.map(Param::from));
        push("at <", self.until.map(Param::from));
        sql
    }
}

impl TenantStore {
    /// Entries before `before` that a filter lets through, newest first, at most `limit`.
    pub async fn trail(&self, filter: &TrailFilter, before: i64, limit: i64) -> Result<Found> {
        self.trail_within(filter, before, limit, SPAN).await
    }

    async fn trail_within(&self, filter: &TrailFilter, before: i64, limit: i64, span: i64) -> Result<Found> {
        let head = self.head().await?.seq;
        let mut upper = before.min(head.saturating_add(1));
        if let Some(end) = filter.until.and_then(|until| until.checked_add_signed(DISORDER)) {
            upper = upper.min(self.first_since(end, head).await?);
        }
        let begin = match filter.from.and_then(|from| from.checked_sub_signed(DISORDER)) {
            Some(begin) => self.first_since(begin, head).await?,
            None => 1,
        };
        let lower = begin.max(upper.saturating_sub(span));
        let mut params: Vec<Param> = vec![upper.into(), lower.into(), limit.into()];
        let conditions = filter.conditions(&mut params);
        let sql = self.naming().sql(&format!(
            "SELECT {} FROM {} WHERE seq < ?1 AND seq >= ?2{conditions} ORDER BY seq DESC LIMIT ?3",
            audit::COLUMNS,
            self.naming().table("_audit")
        ));
        let entries = self.fetch_long(&sql, &params, audit::read_entry).await?;
        let full = i64::try_from(entries.len()).is_ok_and(|count| count >= limit);
        let reached = entries.last().filter(|_| full).map_or(lower, |last| last.seq);
        Ok(Found { entries, next: (reached > begin).then_some(reached) })
    }

    /// Position of the first entry that is not earlier than a moment, found by halving; behind the last one if there is none.
    async fn first_since(&self, moment: DateTime<Utc>, head: i64) -> Result<i64> {
        let sql = self.naming().sql(&format!(
            "SELECT at FROM {} WHERE seq >= ?1 ORDER BY seq LIMIT 1",
            self.naming().table("_audit")
        ));
        let (mut low, mut high) = (1, head.saturating_add(1));
        while low < high {
            let middle = low + (high - low) / 2;
            let at = self.fetch(&sql, &[middle.into()], |row| row.value(0, &Type::DateTime)).await?.pop();
            match at {
                Some(Value::DateTime(at)) if at < moment => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{AuditEntry, Error};

    const ENTRIES: i64 = 60;

    fn moment(number: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::hours(number * 6)
    }

    fn entry(number: i64) -> AuditEntry {
        AuditEntry {
            at: moment(number),
            actor: (number % 3 > 0).then(|| Uuid::from_u128(number.unsigned_abs() as u128 % 3)),
            action: if number % 2 == 0 { "record.changed" } else { "signed_in" }.to_owned(),
            entity: (number % 2 == 0).then(|| "desk.thing".to_owned()),
            record: (number % 2 == 0).then(|| Uuid::from_u128(7)),
            version: None,
            channel: "api".to_owned(),
            ip: None,
            device: None,
            changes: "{}".to_owned(),
        }
    }

    async fn store(path: &std::path::Path) -> TenantStore {
        let store = TenantStore::open_sqlite(path).unwrap();
        for number in 1..=ENTRIES {
            let write = store.write::<(), Error, _>(move |session| {
                session.audit(entry(number));
                Ok(())
            });
            write.await.unwrap();
        }
        store
    }

    /// Positions of all pages put together, and how many pages there were.
    async fn all(store: &TenantStore, filter: &TrailFilter, span: i64) -> (Vec<i64>, usize) {
        let (mut found, mut before, mut pages) = (Vec::new(), i64::MAX, 0);
        loop {
            let page = store.trail_within(filter, before, 4, span).await.unwrap();
            pages += 1;
            found.extend(page.entries.iter().map(|entry| entry.seq));
            match page.next {
                Some(next) => before = next,
                None => return (found, pages),
            }
        }
    }

    type Fits = fn(i64) -> bool;

    #[tokio::test]
    async fn every_entry_is_found_once_however_small_the_parts_are() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder.path().join("tenant.db")).await;
        let person = Uuid::from_u128(1);
        let cases: [(TrailFilter, Fits); 8] = [
            (TrailFilter::default(), |_| true),
            (TrailFilter { people: Some(true), ..TrailFilter::default() }, |number| number % 3 > 0),
            (TrailFilter { people: Some(false), ..TrailFilter::default() }, |number| number % 3 == 0),
            (TrailFilter { actor: Some(person), ..TrailFilter::default() }, |number| number % 3 == 1),
            (TrailFilter { action: Some("signed_in".into()), ..TrailFilter::default() }, |number| {
                number % 2 == 1
            }),
            (TrailFilter { entity: Some("desk.thing".into()), ..TrailFilter::default() }, |number| {
                number % 2 == 0
            }),
            (
                TrailFilter { from: Some(moment(20)), until: Some(moment(30)), ..TrailFilter::default() },
                |number| (20..30).contains(&number),
            ),
            (
                TrailFilter {
                    record: Some(Uuid::from_u128(7)),
                    actor: Some(person),
                    from: Some(moment(40)),
                    ..TrailFilter::default()
                },
                |number| number % 2 == 0 && number % 3 == 1 && number >= 40,
            ),
        ];
        for (filter, fits) in cases {
            let expected: Vec<i64> = (1..=ENTRIES).rev().filter(|number| fits(*number)).collect();
            for span in [1, 7, SPAN] {
                let (found, _) = all(&store, &filter, span).await;
                assert_eq!(found, expected, "{filter:?} in parts of {span}");
            }
        }
        let nobody = TrailFilter { actor: Some(Uuid::from_u128(99)), ..TrailFilter::default() };
        assert_eq!(all(&store, &nobody, 20).await, (vec![], 3));
        // What lies outside of the days asked for is not looked through.
        let days = TrailFilter { from: Some(moment(20)), until: Some(moment(21)), ..nobody };
        assert_eq!(all(&store, &days, 10).await, (vec![], 1));
    }
}
