//! A million timers: how fast the server starts with them, what it costs to find the next one, and how late timers fire
//! while five hundred fall due in a second.
//!
//! Timers that wait are rows put into the table, as steps of clocks that are not there: they lie years ahead. Those that
//! fire belong to real clocks on real records; only the moment at which they fall due is moved.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mortise_tests::{Installation, people};
use rusqlite::Connection;

use super::eye::{Eye, Watch, now_us};
use super::{Delays, Sizes, csv, database, installed, nothing_failed, until};
use crate::place::import;
use crate::report::{Figures, Goal, Table, Unit, grouped};

/// Starts of which the median is taken.
const STARTS: usize = 5;
/// Timers of the smaller lookup.
const FEW: usize = 1_000;
/// Lookups of one measurement.
const LOOKUPS: u32 = 10_000;
/// From the end of the preparations to the first timer: longer than the server takes to start.
const AHEAD_US: i64 = 5_000_000;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(2);

/// As the lane asks: what comes next, and what is due by now.
const NEXT: &str = "SELECT due FROM _timer ORDER BY due, id LIMIT 1";
const DUE: &str = "SELECT id, due, kind, target, entity, record, clock, payload FROM _timer WHERE due <= ?1 \
                   ORDER BY due, id LIMIT ?2";

/// Puts the timers there and measures.
pub(super) fn measure(table: &mut Table, sizes: Sizes) -> Result<()> {
    let installation = installed(None);
    let file = database(&installation, "demo");
    let (few, many) = (FEW.min(sizes.timers), sizes.timers);
    wait_for(&file, 0, few)?;
    let lookup = |count: usize| format!("next timer and those that are due, among {}", grouped(count as f64));
    table.add(&lookup(few), Unit::Microseconds, Goal::None, Figures::of(lookup_us(&file)?));
    wait_for(&file, few, many - few)?;
    table.add(&lookup(many), Unit::Microseconds, Goal::None, Figures::of(lookup_us(&file)?));

    let line = format!("start to first answer with {} timers", grouped(many as f64));
    table.add(&line, Unit::Seconds, Goal::AtMost(2.0), Figures::of(start(&installation)?));

    let delays = fire(&installation, &file, sizes)?;
    let rate = grouped(sizes.due_per_second as f64);
    for (name, percent, goal) in
        [("median", 50, Goal::None), ("p99", 99, Goal::AtMost(1_000.0)), ("longest", 100, Goal::None)]
    {
        let line = format!("timer until its effect is there, {rate} due in a second, {name}");
        table.add(&line, Unit::Milliseconds, goal, Figures::of(delays.percentile(percent)));
    }
    Ok(())
}

/// Adds timers that wait, one for each second from a day years ahead on.
fn wait_for(file: &Path, before: usize, count: usize) -> Result<()> {
    const FIRST_US: i64 = 1_900_000_000_000_000;
    let connection = Connection::open(file)?;
    let sql = "WITH RECURSIVE numbers(n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?2) \
               INSERT INTO _timer (id, due, kind, target, entity, record, clock) \
               SELECT randomblob(16), ?3 + n * 1000000, 'step', 'flow.task.remind', 'flow.task', randomblob(16), \
               randomblob(16) FROM numbers";
    if count > 0 {
        connection.execute(sql, (i64::try_from(before)?, i64::try_from(before + count)?, FIRST_US))?;
    }
    Ok(())
}

/// Microseconds of the two lookups together, on a connection of their own.
fn lookup_us(file: &Path) -> Result<f64> {
    let reader = super::eye::reader(file)?;
    let now = now_us()?;
    let once = || -> Result<()> {
        let next: i64 = reader.prepare_cached(NEXT)?.query_row([], |row| row.get(0))?;
        let mut statement = reader.prepare_cached(DUE)?;
        let due = statement.query((now, 64))?.next()?.is_some();
        ensure!(next > now && !due, "a timer that should wait is due");
        Ok(())
    };
    once()?;
    let started = Instant::now();
    for _ in 0..LOOKUPS {
        once()?;
    }
    Ok(started.elapsed().as_secs_f64() * 1e6 / f64::from(LOOKUPS))
}

/// Seconds from the start of the process to the first list.
fn start(installation: &Installation) -> Result<f64> {
    let server = installation.serve();
    let (_, token) = people::person(&mut server.administrator(), "agent", &["flow.agent"]);
    drop(server);
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let started = Instant::now();
        let server = installation.serve();
        let path = "/t/demo/api/v1/records/flow.case?limit=50";
        server.client().with_token(&token).get(path)?.expect(200);
        starts.push(started.elapsed());
        server.stop();
    }
    starts.sort();
    Ok(starts[STARTS / 2].as_secs_f64())
}

/// Lets timers fall due; tells how long after its moment the effect of each was there.
fn fire(installation: &Installation, file: &Path, sizes: Sizes) -> Result<Delays> {
    let count = sizes.due_per_second * sizes.seconds;
    let server = installation.serve();
    let records = installation.data().join("tasks.csv");
    csv(&records, "name,done", (0..count).map(|number| format!("Task {number},false")))?;
    import(&server, "flow.task", &records)?;
    until(&mut Eye::sqlite(file)?, PAUSE, Eye::is_idle)?;
    server.stop();

    let due = move_timers(file, sizes.due_per_second)?;
    ensure!(due == count, "{due} of {count} records have a timer");
    let server = installation.serve();
    // The server knows until when nothing is due in a tenant that nobody asks for; this was changed behind its back.
    server.administrator();
    let watch = Watch::start(vec![file.to_owned()], PAUSE);
    let fired = "SELECT count(*) FROM {_timer} WHERE target = 'flow.task.remind' AND due < 1900000000000000";
    until(&mut Eye::sqlite(file)?, Duration::from_millis(100), |eye| Ok(eye.number(fired)? == 0))?;
    let seen = watch.end()?;
    nothing_failed(&mut Eye::sqlite(file)?)?;
    drop(server);

    // Where the record's clock stood is where its timer was.
    let reader = super::eye::reader(file)?;
    let sql = "SELECT c.due_at, e.seq FROM _event e JOIN _clock c ON c.record = e.record \
               WHERE e.rule = 'flow.task.remind' AND e.kind = 'record.changed'";
    let mut statement = reader.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut delays = Vec::new();
    while let Some(row) = rows.next()? {
        let (due, effect): (i64, i64) = (row.get(0)?, row.get(1)?);
        delays.push(seen[0].at(effect)? - due);
    }
    ensure!(delays.len() == count, "{} of {count} timers had their effect", delays.len());
    Ok(Delays::of(delays.into_iter()))
}

/// Has the timers of the clocks fall due one after the other, so many in a second, from shortly after now on; tells how
/// many there are. The clocks are noted with the same moment.
fn move_timers(file: &Path, per_second: usize) -> Result<usize> {
    let mut connection = Connection::open(file)?;
    let transaction = connection.transaction()?;
    let ids: Vec<(Vec<u8>, Vec<u8>)> = {
        let sql = "SELECT t.id, t.clock FROM _timer t JOIN _clock c ON c.id = t.clock \
                   WHERE t.target = 'flow.task.remind' ORDER BY t.id";
        let mut statement = transaction.prepare(sql)?;
        let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        found.collect::<rusqlite::Result<_>>()?
    };
    let first = now_us()? + AHEAD_US;
    for (number, (timer, clock)) in ids.iter().enumerate() {
        let due = first + i64::try_from(number * 1_000_000 / per_second)?;
        transaction.prepare_cached("UPDATE _timer SET due = ?1 WHERE id = ?2")?.execute((due, timer))?;
        transaction.prepare_cached("UPDATE _clock SET due_at = ?1 WHERE id = ?2")?.execute((due, clock))?;
    }
    transaction.commit()?;
    Ok(ids.len())
}
