//! Looks into a tenant's database from outside while the server writes it: how far the lane is, and when something was
//! there to be seen. Reads only.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};
use rusqlite::{Connection, OpenFlags};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use tokio::runtime::Runtime;

use crate::driver::connect;

/// A connection that reads.
pub(super) enum Eye {
    /// A tenant's file.
    Sqlite(Connection),
    /// The schema of the tenant `demo`.
    Postgres(Box<(Runtime, PgConnection)>),
}

impl Eye {
    /// Into a file.
    pub(super) fn sqlite(file: &Path) -> Result<Self> {
        Ok(Self::Sqlite(reader(file)?))
    }

    /// Into the tenant `demo` on a server.
    pub(super) fn postgres(url: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let connection = runtime.block_on(connect(url))?;
        Ok(Self::Postgres(Box::new((runtime, connection))))
    }

    /// The only number of an answer; 0 for none. Tables stand in braces: `{_event}`.
    pub(super) fn number(&mut self, sql: &str) -> Result<i64> {
        match self {
            Self::Sqlite(connection) => {
                let sql = sql.replace(['{', '}'], "\"");
                let number =
                    connection.prepare_cached(&sql)?.query_row([], |row| row.get::<_, Option<i64>>(0));
                Ok(number?.unwrap_or_default())
            }
            Self::Postgres(held) => {
                let sql = sql.replace('{', "\"t_demo\".\"").replace('}', "\"");
                let (runtime, connection) = &mut **held;
                let number = sqlx::query_scalar::<_, Option<i64>>(AssertSqlSafe(sql)).fetch_one(connection);
                Ok(runtime.block_on(number)?.unwrap_or_default())
            }
        }
    }

    /// Whether every event was worked off.
    pub(super) fn is_idle(&mut self) -> Result<bool> {
        let left = "SELECT (SELECT max(seq) FROM {_event}) - (SELECT position FROM {_lane})";
        Ok(self.number(left)? <= 0)
    }
}

/// A connection to a file, as the server's own readers are.
pub(super) fn reader(file: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}

/// Microseconds of now, as the server counts them.
pub(super) fn now_us() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?)
}

/// When which events of a tenant could first be seen.
#[derive(Debug, Default)]
pub(super) struct Seen(Vec<(i64, i64)>);

impl Seen {
    /// The moment, in microseconds, at which an event was there: not earlier than its commit.
    pub(super) fn at(&self, event: i64) -> Result<i64> {
        let place = self.0.partition_point(|(last, _)| *last < event);
        self.0.get(place).map(|(_, at)| *at).with_context(|| format!("event {event} was never seen"))
    }
}

/// Looks at the last event of each file, one file after the other, until it is told to end.
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Seen>>>,
}

impl Watch {
    /// Begins; between two rounds lies a pause, so that looking does not become a load of its own.
    pub(super) fn start(files: Vec<PathBuf>, pause: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let readers: Vec<Connection> = files.iter().map(|file| reader(file)).collect::<Result<_>>()?;
            let mut seen: Vec<Seen> = files.iter().map(|_| Seen::default()).collect();
            let mut ending = false;
            loop {
                for (reader, seen) in readers.iter().zip(&mut seen) {
                    let mut statement = reader.prepare_cached("SELECT max(seq) FROM _event")?;
                    let last: i64 = statement.query_row([], |row| row.get::<_, Option<i64>>(0))?.unwrap_or(0);
                    if seen.0.last().is_none_or(|(before, _)| *before < last) {
                        seen.0.push((last, now_us()?));
                    }
                }
                if ending {
                    return Ok(seen);
                }
                // Told to end, it looks once more at all of them.
                ending = stopped.load(Ordering::Relaxed);
                std::thread::sleep(pause);
            }
        });
        Self { stop, thread }
    }

    /// Ends; tells what was seen, file by file.
    pub(super) fn end(self) -> Result<Vec<Seen>> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the watch panicked"))?
    }
}
