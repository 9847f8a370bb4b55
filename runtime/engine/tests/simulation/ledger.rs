//! What the database says, read past the engine: events and what caused them, timers, who has how much. And the audit
//! trail as a whole.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mortise_engine::{Delivery, StoredClock, TrailFilter, WorkItem, WorkState};
use sea_orm::{ConnectionTrait, QueryResult, Statement};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::app::JOB;
use crate::world::World;

/// An event.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) seq: i64,
    pub(crate) kind: String,
    pub(crate) entity: String,
    pub(crate) record: Uuid,
    pub(crate) version: i64,
    pub(crate) cause: Option<i64>,
    pub(crate) rule: Option<String>,
}

/// An entry of the trail.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) at: DateTime<Utc>,
    pub(crate) action: String,
    pub(crate) entity: String,
    pub(crate) record: Option<Uuid>,
    pub(crate) changes: Json,
}

/// A timer of a step.
#[derive(Debug)]
pub(crate) struct Timer {
    pub(crate) target: String,
    pub(crate) clock: Uuid,
}

/// Everything that is looked at in the end.
pub(crate) struct Ledger {
    /// By position.
    pub(crate) events: Vec<Event>,
    /// By position.
    pub(crate) trail: Vec<Entry>,
    pub(crate) timers: Vec<Timer>,
    /// Clocks of each job, the newest first.
    pub(crate) clocks: BTreeMap<Uuid, Vec<StoredClock>>,
    /// Jobs as they are; none for those in the trash.
    pub(crate) jobs: BTreeMap<Uuid, Option<Json>>,
    pub(crate) work: Vec<WorkItem>,
    pub(crate) deliveries: Vec<Delivery>,
}

/// Rows of a statement; `{}` stands before the names of tables.
pub(crate) async fn rows(world: &World, sql: &str) -> Vec<QueryResult> {
    let connection = world.database().await;
    let sql = sql.replace("{}", &world.schema());
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    connection.query_all_raw(statement).await.unwrap()
}

/// The most that anybody has of what a statement counts.
pub(crate) async fn most(world: &World, sql: &str) -> i64 {
    let rows = rows(world, &format!("SELECT coalesce(max(n), 0) AS n FROM ({sql}) AS counted")).await;
    rows[0].try_get::<i64>("", "n").unwrap()
}

impl Ledger {
    pub(crate) async fn read(world: &World) -> Ledger {
        let jobs = "SELECT id FROM {}yard__job ORDER BY id";
        let ids: Vec<Uuid> =
            rows(world, jobs).await.iter().map(|row| row.try_get("", "id").unwrap()).collect();
        let (mut clocks, mut jobs) = (BTreeMap::new(), BTreeMap::new());
        let root = world.root();
        for id in ids {
            clocks.insert(id, world.tenant().clocks(&root, JOB, id).await.unwrap());
            let (json, _) = world.tenant().read_json(&root, JOB, id).await.unwrap();
            let json: Json = serde_json::from_slice(&json).unwrap();
            jobs.insert(id, json["deleted_at"].is_null().then_some(json));
        }
        let mut work = Vec::new();
        for state in [WorkState::Waiting, WorkState::Parked, WorkState::Done, WorkState::Dismissed] {
            work.extend(world.tenant().failed_work(&root, state, None, 200).await.unwrap());
        }
        Ledger {
            events: events(world).await,
            trail: trail(world).await,
            timers: timers(world).await,
            clocks,
            jobs,
            work,
            deliveries: deliveries(world).await,
        }
    }

    /// Failed work of somebody about a record that is not done.
    pub(crate) fn failed(&self, handler: &str, record: Uuid) -> bool {
        let is = |item: &&WorkItem| {
            item.handler == handler && item.record == Some(record) && item.state != WorkState::Done
        };
        self.work.iter().any(|item| is(&item))
    }

    /// Entries about a job, oldest first.
    pub(crate) fn of_job(&self, id: Uuid) -> impl Iterator<Item = &Entry> {
        self.trail.iter().filter(move |entry| entry.record == Some(id) && entry.entity == JOB)
    }
}

async fn events(world: &World) -> Vec<Event> {
    let sql = "SELECT seq, kind, entity, record, CAST(version AS bigint) AS version, cause, rule FROM {}_event ORDER BY seq";
    let event = |row: &QueryResult| Event {
        seq: row.try_get("", "seq").unwrap(),
        kind: row.try_get("", "kind").unwrap(),
        entity: row.try_get("", "entity").unwrap(),
        record: row.try_get("", "record").unwrap(),
        version: row.try_get("", "version").unwrap(),
        cause: row.try_get("", "cause").unwrap(),
        rule: row.try_get("", "rule").unwrap(),
    };
    rows(world, sql).await.iter().map(event).collect()
}

async fn timers(world: &World) -> Vec<Timer> {
    let sql = "SELECT target, clock FROM {}_timer WHERE clock IS NOT NULL";
    let timer = |row: &QueryResult| Timer {
        target: row.try_get("", "target").unwrap(),
        clock: row.try_get("", "clock").unwrap(),
    };
    rows(world, sql).await.iter().map(timer).collect()
}

async fn trail(world: &World) -> Vec<Entry> {
    let (root, mut before, mut entries) = (world.root(), None, Vec::new());
    loop {
        let found = world.tenant().trail(&root, &TrailFilter::default(), before, 200).await.unwrap();
        entries.extend(found.entries.into_iter().map(|stored| Entry {
            at: stored.entry.at,
            action: stored.entry.action,
            entity: stored.entry.entity.unwrap_or_default(),
            record: stored.entry.record,
            changes: serde_json::from_str(&stored.entry.changes).unwrap_or_default(),
        }));
        before = found.next;
        if before.is_none() {
            entries.reverse();
            return entries;
        }
    }
}

/// All deliveries that are kept.
pub(crate) async fn deliveries(world: &World) -> Vec<Delivery> {
    let (root, mut before, mut all) = (world.root(), None, Vec::new());
    loop {
        let page = world.tenant().deliveries(&root, (None, None), before, 200).await.unwrap();
        let Some(last) = page.last() else { return all };
        before = Some(last.id);
        all.extend(page);
    }
}
