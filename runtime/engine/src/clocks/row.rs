//! The rows of clocks: reading and writing the table `_clock`.

use chrono::{DateTime, Utc};
use mortise_definition::model::EntityModel;
use mortise_expr::{Type, Value};
use mortise_store::{Naming, Param, Row, Session, TenantStore, select as select_sql};
use sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement};
use serde::Serialize;
use uuid::Uuid;

use crate::commands::Work;
use crate::error::Error;

/// What a clock does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockState {
    /// It counts.
    Running,
    /// It stands still.
    Paused,
    /// It was stopped within its limit.
    Met,
    /// It was stopped after its limit.
    Late,
    /// It ended without a result.
    Cancelled,
}

impl ClockState {
    const ALL: [ClockState; 5] =
        [ClockState::Running, ClockState::Paused, ClockState::Met, ClockState::Late, ClockState::Cancelled];

    /// Name in tables and answers.
    pub fn name(self) -> &'static str {
        match self {
            ClockState::Running => "running",
            ClockState::Paused => "paused",
            ClockState::Met => "met",
            ClockState::Late => "late",
            ClockState::Cancelled => "cancelled",
        }
    }

    /// Whether it can still come to something.
    pub fn is_active(self) -> bool {
        matches!(self, ClockState::Running | ClockState::Paused)
    }

    /// The entry of the timeline when a clock comes to this.
    pub(super) fn event(self) -> &'static str {
        match self {
            ClockState::Running => "clock.started",
            ClockState::Paused => "clock.paused",
            ClockState::Met => "clock.met",
            ClockState::Late => "clock.late",
            ClockState::Cancelled => "clock.cancelled",
        }
    }
}

/// A clock of a record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredClock {
    /// Id.
    pub id: Uuid,
    /// Key of its policy.
    pub sla: String,
    /// Entity of the record.
    pub entity: String,
    /// The record.
    pub record: Uuid,
    /// What it does.
    pub state: ClockState,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When its limit is; none while it stands still, and where the calendar has no more working time.
    pub due_at: Option<DateTime<Utc>>,
    /// Since when it stands still.
    pub paused_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// From when on it counts beyond `counted`.
    pub since: DateTime<Utc>,
    /// Microseconds counted before `since`.
    pub counted: i64,
    /// Limit in microseconds.
    pub limit: i64,
    /// The limit has passed.
    pub breached: bool,
    /// Steps that were carried out or passed over, by id.
    pub fired: Vec<String>,
}

const COLUMNS: &str = "id, sla, entity, record, state, started_at, due_at, paused_at, ended_at, since, counted, \
                       limit_us, breached, fired";

/// The present clock of a policy on a record.
pub(super) fn current(
    session: &mut Session<'_>,
    sla: &str,
    record: Uuid,
) -> Result<Option<StoredClock>, Error> {
    let sql = select(session.naming, "record = ?1 AND sla = ?2 AND current = ?3");
    Ok(session.query(&sql, &[record.into(), sla.into(), true.into()], read)?.pop())
}

/// A clock by its id.
pub(super) fn by_id(session: &mut Session<'_>, id: Uuid) -> Result<Option<StoredClock>, Error> {
    let sql = select(session.naming, "id = ?1");
    Ok(session.query(&sql, &[id.into()], read)?.pop())
}

/// The running clocks of a policy after an id, in the order of ids.
pub(super) async fn running(
    store: &TenantStore,
    sla: &str,
    after: Uuid,
    limit: i64,
) -> Result<Vec<StoredClock>, Error> {
    let sql = select(store.naming(), "sla = ?1 AND state = ?2 AND id > ?3 ORDER BY id LIMIT ?4");
    let params = [sla.into(), "running".into(), after.into(), limit.into()];
    Ok(store.fetch_long(&sql, &params, read).await?)
}

/// All clocks of a record, the newest first.
pub(crate) async fn of_record(
    store: &TenantStore,
    entity: &str,
    record: Uuid,
) -> Result<Vec<StoredClock>, Error> {
    let sql = select(store.naming(), OF_RECORD);
    Ok(store.fetch(&sql, &[record.into(), entity.into()], read).await?)
}

/// The same inside of a write.
pub(crate) fn of_record_in(
    session: &mut Session<'_>,
    entity: &str,
    record: Uuid,
) -> Result<Vec<StoredClock>, Error> {
    let sql = select(session.naming, OF_RECORD);
    Ok(session.query(&sql, &[record.into(), entity.into()], read)?)
}

/// Clients may choose ids, so that records of two entities can have the same one.
const OF_RECORD: &str = "record = ?1 AND entity = ?2 ORDER BY id DESC";

/// The present clocks of some records.
pub(crate) async fn of_records(store: &TenantStore, records: &[Uuid]) -> Result<Vec<StoredClock>, Error> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let marks: Vec<String> = (1..=records.len()).map(|number| format!("?{number}")).collect();
    let sql = select(store.naming(), &format!("record IN ({}) AND current", marks.join(", ")));
    let params: Vec<Param> = records.iter().map(|record| (*record).into()).collect();
    Ok(store.fetch(&sql, &params, read).await?)
}

/// The running clocks on some records of an entity, those with the nearest limit first; only those beyond it, if wanted.
pub(crate) async fn urgent(
    work: &Work,
    store: &TenantStore,
    entity: &EntityModel,
    records: SelectStatement,
    overdue: bool,
    limit: usize,
) -> Result<Vec<StoredClock>, Error> {
    let naming = store.naming();
    let mut statement = on_records(work, naming, entity, records, overdue);
    for column in COLUMNS.split(", ") {
        statement.column(Alias::new(column));
    }
    statement.order_by(Alias::new("due_at"), Order::Asc).limit(limit as u64);
    let (sql, params) = select_sql::build(&statement, naming.dialect);
    Ok(store.fetch_long(&sql, &params, read).await?)
}

/// How many clocks on some records are beyond their limit: by policy, and by the steps that were carried out.
pub(crate) async fn overdue(
    work: &Work,
    store: &TenantStore,
    entity: &EntityModel,
    records: SelectStatement,
) -> Result<Vec<(String, Vec<String>, i64)>, Error> {
    let naming = store.naming();
    let mut statement = on_records(work, naming, entity, records, true);
    statement.column(Alias::new("sla")).column(Alias::new("fired")).expr(Expr::cust("count(*)"));
    statement.group_by_col(Alias::new("sla")).group_by_col(Alias::new("fired"));
    let (sql, params) = select_sql::build(&statement, naming.dialect);
    let row = |row: &dyn Row| {
        let fired = row.text(1)?.unwrap_or_default();
        let steps = serde_json::from_str(&fired).unwrap_or_default();
        Ok((row.text(0)?.unwrap_or_default(), steps, row.int(2)?.unwrap_or_default()))
    };
    Ok(store.fetch_long(&sql, &params, row).await?)
}

/// The running clocks on some records of an entity, without columns.
fn on_records(
    work: &Work,
    naming: &Naming,
    entity: &EntityModel,
    mut records: SelectStatement,
    overdue: bool,
) -> SelectStatement {
    let column = |name: &str| Expr::col(Alias::new(name));
    let mut statement = Query::select();
    statement.from(naming.from("_clock"));
    statement.and_where(column("entity").eq(entity.key.as_str()));
    // The index of clocks begins with their policy.
    let policies = work.model().automation.slas.values().filter(|sla| sla.entity == entity.index);
    statement.and_where(column("sla").is_in(policies.map(|sla| sla.key.as_str())));
    statement.and_where(column("state").eq(ClockState::Running.name()));
    statement.and_where(Expr::cust("current"));
    if overdue {
        statement.and_where(column("due_at").lte(Expr::val(Param::from(work.now))));
    }
    statement.and_where(match overdue {
        // Few clocks are beyond their limit, and nearly all records may be readable: asked of each clock.
        true => {
            let record = (Alias::new("_clock"), Alias::new("record"));
            Expr::exists(records.and_where(column("id").equals(record)).take())
        }
        // A person has few records of their own.
        false => column("record").in_subquery(records),
    });
    statement
}

/// Takes an ended clock out of the way of the next one.
pub(super) fn retire(session: &mut Session<'_>, id: Uuid) -> Result<(), Error> {
    let table = session.naming.table("_clock");
    let sql = session.naming.sql(&format!("UPDATE {table} SET current = ?2 WHERE id = ?1"));
    session.execute(&sql, &[id.into(), false.into()])?;
    Ok(())
}

/// Writes a new clock.
pub(super) fn insert(session: &mut Session<'_>, clock: &StoredClock) -> Result<(), Error> {
    let table = session.naming.table("_clock");
    let marks: Vec<String> = (1..=15).map(|number| format!("?{number}")).collect();
    let sql = session
        .naming
        .sql(&format!("INSERT INTO {table} ({COLUMNS}, current) VALUES ({})", marks.join(", ")));
    let mut params =
        vec![clock.id.into(), clock.sla.as_str().into(), clock.entity.as_str().into(), clock.record.into()];
    params.extend(moving(clock));
    params.push(true.into());
    session.execute(&sql, &params)?;
    Ok(())
}

/// Writes what a clock has become.
pub(super) fn update(session: &mut Session<'_>, clock: &StoredClock) -> Result<(), Error> {
    let table = session.naming.table("_clock");
    let sql = session.naming.sql(&format!(
        "UPDATE {table} SET state = ?1, started_at = ?2, due_at = ?3, paused_at = ?4, ended_at = ?5, since = ?6, \
         counted = ?7, limit_us = ?8, breached = ?9, fired = ?10 WHERE id = ?11"
    ));
    let mut params = moving(clock);
    params.push(clock.id.into());
    session.execute(&sql, &params)?;
    Ok(())
}

fn moving(clock: &StoredClock) -> Vec<Param> {
    vec![
        clock.state.name().into(),
        clock.started_at.into(),
        Param::ChronoDateTimeUtc(clock.due_at),
        Param::ChronoDateTimeUtc(clock.paused_at),
        Param::ChronoDateTimeUtc(clock.ended_at),
        clock.since.into(),
        clock.counted.into(),
        clock.limit.into(),
        clock.breached.into(),
        serde_json::to_string(&clock.fired).unwrap_or_default().into(),
    ]
}

fn select(naming: &Naming, condition: &str) -> String {
    naming.sql(&format!("SELECT {COLUMNS} FROM {} WHERE {condition}", naming.table("_clock")))
}

fn read(row: &dyn Row) -> mortise_store::Result<StoredClock> {
    let corrupt = || mortise_store::Error::Corrupt("a clock's row cannot be read".to_owned());
    let time = |index| match row.value(index, &Type::DateTime)? {
        Value::DateTime(at) => Ok(Some(at)),
        _ => Ok::<_, mortise_store::Error>(None),
    };
    let state = row.text(4)?.unwrap_or_default();
    let state = ClockState::ALL.into_iter().find(|known| known.name() == state);
    let fired = row.text(13)?.unwrap_or_default();
    Ok(StoredClock {
        id: row.id(0)?.ok_or_else(corrupt)?,
        sla: row.text(1)?.unwrap_or_default(),
        entity: row.text(2)?.unwrap_or_default(),
        record: row.id(3)?.ok_or_else(corrupt)?,
        state: state.ok_or_else(corrupt)?,
        started_at: time(5)?.ok_or_else(corrupt)?,
        due_at: time(6)?,
        paused_at: time(7)?,
        ended_at: time(8)?,
        since: time(9)?.ok_or_else(corrupt)?,
        counted: row.int(10)?.unwrap_or(0),
        limit: row.int(11)?.unwrap_or(0),
        breached: row.value(12, &Type::Bool)?.is_true(),
        fired: serde_json::from_str(&fired).unwrap_or_default(),
    })
}
