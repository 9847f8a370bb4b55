//! Two hundred tenants at once: how long after an event its effects are there, while the machine does half of what it can,
//! and whether any tenant waits longer than the others.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mortise_tests::people::PASSWORD;
use mortise_tests::{Client, Installation, Server};
use serde_json::{Value, json};

use super::eye::{Eye, Seen, Watch, reader};
use super::{APP, Delays, ITEMS, Sizes, database, nothing_failed, text, until};
use crate::report::{Figures, Goal, Table, Unit, grouped};

/// Threads that send requests, each over a connection of its own.
const SENDERS: usize = 16;
/// Between two rounds of looking at all tenants.
const ROUND: Duration = Duration::from_millis(20);
/// Between two looks at whether everything is worked off.
const PAUSE: Duration = Duration::from_millis(2);

/// A tenant that is written to.
struct Tenant {
    path: String,
    authorization: String,
    file: PathBuf,
}

/// Makes the tenants, finds out how much they can do together, and measures the delay at half of that.
pub(super) fn measure(table: &mut Table, sizes: Sizes) -> Result<()> {
    let installation = Installation::new();
    let tenants: Vec<Tenant> =
        (0..sizes.tenants).map(|number| tenant(&installation, number)).collect::<Result<_>>()?;
    let server = installation.serve();
    let name = grouped(sizes.tenants as f64);
    // Each is opened, and its lane set in motion, before anything is measured.
    send(&server, &tenants, Pace::Count(tenants.len()))?;
    idle(&tenants)?;

    let started = Instant::now();
    let sent = send(&server, &tenants, Pace::Time(Duration::from_secs(sizes.seconds as u64)))?;
    idle(&tenants)?;
    let most = sent as f64 / started.elapsed().as_secs_f64();
    let line = format!("{name} tenants at once: records made one by one, and worked off");
    table.add(&line, Unit::PerSecond, Goal::None, Figures::of(most));

    let before: Vec<i64> = tenants.iter().map(last_event).collect::<Result<_>>()?;
    let watch = Watch::start(tenants.iter().map(|tenant| tenant.file.clone()).collect(), ROUND);
    let count = ((most / 2.0) as usize * sizes.seconds).max(tenants.len());
    let started = Instant::now();
    send(&server, &tenants, Pace::Rate(most / 2.0, count))?;
    let rate = count as f64 / started.elapsed().as_secs_f64();
    // Whoever cannot keep up is not measured at the rate that is told.
    ensure!(rate > most * 0.45, "{rate:.0} instead of {:.0} records were made in a second", most / 2.0);
    idle(&tenants)?;
    let seen = watch.end()?;
    let mut all = Vec::with_capacity(count);
    let mut slowest: f64 = 0.0;
    for ((tenant, before), seen) in tenants.iter().zip(before).zip(&seen) {
        nothing_failed(&mut Eye::sqlite(&tenant.file)?)?;
        let delays = delays(tenant, before, seen)?;
        slowest = slowest.max(Delays::of(delays.iter().copied()).percentile(95));
        all.extend(delays);
    }
    ensure!(all.len() == count, "{} of {count} events had their effects", all.len());
    let line = format!("{name} tenants at half of that: an event until its effects are there, p95");
    let p95 = Delays::of(all.into_iter()).percentile(95);
    table.add(&line, Unit::Milliseconds, Goal::AtMost(1_000.0), Figures::of(p95));
    let line = format!("{line} of the slowest tenant");
    table.add(&line, Unit::Milliseconds, Goal::AtMost(1_000.0), Figures::of(slowest));
    Ok(())
}

/// Makes a tenant with the app, an administrator and a token.
fn tenant(installation: &Installation, number: usize) -> Result<Tenant> {
    let slug = format!("t{number:03}");
    let folder = mortise_tests::server::workspace().join(APP);
    installation.run(&["tenant", "create", &slug, "--time-zone", "Asia/Shanghai"]);
    installation.run_with(&["user", "create", &slug, "admin", "--administrator", "--stdin"], PASSWORD);
    installation.run(&["app", "install", &slug, &folder.to_string_lossy()]);
    let token = installation.run(&["--json", "user", "token", &slug, "admin", "--scope", "write"]);
    let token: Value = serde_json::from_str(&token).context("a token is told as JSON")?;
    Ok(Tenant {
        path: format!("/t/{slug}/api/v1/records/{ITEMS}"),
        authorization: format!("Bearer {}", text(&token, "token")),
        file: database(installation, &slug),
    })
}

/// How fast is sent.
#[derive(Clone, Copy)]
enum Pace {
    /// So many requests, each as soon as one before is answered.
    Count(usize),
    /// For so long, each as soon as one before is answered.
    Time(Duration),
    /// So many in a second, and so many in all, whatever the answers take.
    Rate(f64, usize),
}

/// Makes records, one tenant after the other; tells how many.
fn send(server: &Server, tenants: &[Tenant], pace: Pace) -> Result<usize> {
    let (next, started) = (AtomicUsize::new(0), Instant::now());
    std::thread::scope(|scope| -> Result<()> {
        let send = || -> Result<()> {
            let mut client = server.client();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let ends = match pace {
                    Pace::Count(count) | Pace::Rate(_, count) => number >= count,
                    Pace::Time(time) => started.elapsed() >= time,
                };
                if ends {
                    // What was taken and not sent does not count.
                    next.fetch_sub(1, Ordering::Relaxed);
                    return Ok(());
                }
                if let Pace::Rate(rate, _) = pace {
                    let moment = Duration::from_secs_f64(number as f64 / rate);
                    std::thread::sleep(moment.saturating_sub(started.elapsed()));
                }
                make(&mut client, &tenants[number % tenants.len()], number)?;
            }
        };
        let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(send)).collect();
        senders.into_iter().try_for_each(|sender| sender.join().expect("a sender does not panic"))
    })?;
    Ok(next.into_inner())
}

fn make(client: &mut Client, tenant: &Tenant, number: usize) -> Result<()> {
    let body = json!({
        "name": format!("Item {number}"), "status": "new", "phone": format!("+86138{:08}", number % 100_000_000),
        "company": format!("Example {number} Ltd"), "amount": "12.50", "quantity": number % 100,
        "note": "Made while measuring",
    });
    let headers = [("content-type", "application/json"), ("authorization", tenant.authorization.as_str())];
    client.send("POST", &tenant.path, &headers, &serde_json::to_vec(&body)?)?.expect(201);
    Ok(())
}

fn idle(tenants: &[Tenant]) -> Result<()> {
    tenants.iter().try_for_each(|tenant| until(&mut Eye::sqlite(&tenant.file)?, PAUSE, Eye::is_idle))
}

fn last_event(tenant: &Tenant) -> Result<i64> {
    Eye::sqlite(&tenant.file)?.number("SELECT max(seq) FROM {_event}")
}

/// For each record made after an event: microseconds from its event until both effects could be seen.
fn delays(tenant: &Tenant, after: i64, seen: &Seen) -> Result<Vec<i64>> {
    let reader = reader(&tenant.file)?;
    let sql = "SELECT t.at, max(e.seq) FROM _event t JOIN _event e ON e.cause = t.seq \
               WHERE t.seq > ?1 AND t.entity = ?2 AND t.kind = 'record.created' GROUP BY t.seq HAVING count(*) = 2";
    let mut statement = reader.prepare(sql)?;
    let mut rows = statement.query((after, ITEMS))?;
    let mut delays = Vec::new();
    while let Some(row) = rows.next()? {
        let (at, effect): (i64, i64) = (row.get(0)?, row.get(1)?);
        delays.push(seen.at(effect)? - at);
    }
    Ok(delays)
}
