//! A tenant beside one whose plugin never ends: what saves and reads of the one take while the other's saves and jobs call
//! that plugin again and again, and what they take without it. The circuits of the hostile plugin are closed again and again, so
//! that they do not end the attack at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mortise_tests::Client;
use serde_json::json;

use super::packages::{HOSTILE, JOB};
use super::sheet::{About, Goal, Sheet};
use super::{Sizes, install, packages, tenant};
use crate::place::{Place, RECORDS};
use crate::report::Unit;

/// Records of the neighbour.
const COUNT: usize = 10_000;
/// The hostile tenant.
const EVIL: &str = "evil";
/// Connections over which its saves come.
const SAVERS: usize = 4;
/// Between two times that its circuits are closed and its job is started.
const AGAIN: Duration = Duration::from_millis(20);
/// Senders of each kind for the neighbour, and their requests in a second: well below what the machine can do.
const SENDERS: usize = 4;
const SAVES: f64 = 200.0;
const READS: f64 = 400.0;
/// Before anything is counted.
const WARM_UP: Duration = Duration::from_secs(1);

/// 95 of 100 saves, and reads, within so many milliseconds.
type Latency = [f64; 2];

/// Measures in turns, with and without.
pub(super) fn measure(sheet: &mut Sheet, sizes: &Sizes) -> Result<()> {
    let mut evil = Ok(String::new());
    let (mut place, _) = Place::beside(None, COUNT, |installation| evil = tenant(installation, EVIL))?;
    let evil = evil?;
    place.settle()?;
    install(place.server(), EVIL, &evil, &packages::hostile()?)?;
    let mut runs: [Vec<(f64, Option<f64>)>; 2] = Default::default();
    for _ in 0..sizes.runs {
        let calm = latency(&place, sizes.seconds)?;
        let (beset, attempts) = while_attacked(&place, &evil, || latency(&place, sizes.seconds))?;
        eprintln!("  {attempts} saves of the hostile tenant were refused meanwhile");
        runs.iter_mut().enumerate().for_each(|(kind, runs)| runs.push((beset[kind], Some(calm[kind]))));
    }
    for (what, runs) in ["saves", "reads"].iter().zip(runs) {
        let what = format!("{what} of a tenant while another one's plugin never ends, p95");
        let goals = &[Goal::TimesAtMost(2.0)];
        sheet.add(About { what, beside: "without", unit: Unit::Milliseconds, goals }, runs);
    }
    Ok(())
}

/// Does something while the hostile tenant saves, and runs its job; also how many of its saves were refused.
fn while_attacked<T>(place: &Place, token: &str, work: impl FnOnce() -> Result<T>) -> Result<(T, usize)> {
    let (over, refused) = (AtomicBool::new(false), AtomicUsize::new(0));
    let client = || place.server().client().with_token(token);
    let done = std::thread::scope(|scope| {
        for _ in 0..SAVERS {
            scope.spawn(|| {
                let mut client = client();
                let body = json!({ "name": "Item", "status": "new" });
                while !over.load(Ordering::Relaxed) {
                    let path = format!("/t/{EVIL}/api/v1/records/bench.item");
                    let refusal = client.json("POST", &path, &body).is_ok_and(|answer| answer.status == 422);
                    refused.fetch_add(usize::from(refusal), Ordering::Relaxed);
                }
            });
        }
        scope.spawn(|| {
            let mut client = client();
            let plugin = format!("/t/{EVIL}/api/v1/plugins/{HOSTILE}");
            while !over.load(Ordering::Relaxed) {
                // A job that runs already is not started: whatever the answers are, the next try comes.
                for path in [format!("{plugin}/reset"), format!("{plugin}/jobs/{JOB}/run")] {
                    drop(client.json("POST", &path, &json!({})));
                }
                std::thread::sleep(AGAIN);
            }
        });
        std::thread::sleep(WARM_UP);
        let done = work();
        over.store(true, Ordering::Relaxed);
        done
    })?;
    Ok((done, refused.into_inner()))
}

/// Saves and reads at fixed times, both at once.
fn latency(place: &Place, seconds: u64) -> Result<Latency> {
    let length = Duration::from_secs(seconds);
    std::thread::scope(|scope| {
        let save = |client: &mut Client, id: &str, number: usize| {
            let body = json!({ "quantity": number % 1_000 });
            client.json("PATCH", &format!("{RECORDS}/{id}"), &body)
        };
        let read = |client: &mut Client, id: &str, _| client.get(&format!("{RECORDS}/{id}"));
        let saves = scope.spawn(move || paced(place, SAVES, length, save));
        let reads = scope.spawn(move || paced(place, READS, length, read));
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<f64>>| {
            thread.join().expect("a sender does not panic")
        };
        Ok([join(saves)?, join(reads)?])
    })
}

/// Sends so many requests in a second; 95 of 100 are answered within the result, in milliseconds.
fn paced(
    place: &Place,
    rate: f64,
    length: Duration,
    request: impl Fn(&mut Client, &str, usize) -> std::io::Result<mortise_tests::Answer> + Sync,
) -> Result<f64> {
    let (next, started) = (AtomicUsize::new(0), Instant::now());
    let send = || -> Result<Vec<f64>> {
        let mut client = place.client();
        let mut times = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let moment = Duration::from_secs_f64(number as f64 / rate);
            if moment >= length {
                return Ok(times);
            }
            // Who is late because the answer before was counts from the moment at which the request was due.
            let begin = match moment.checked_sub(started.elapsed()) {
                Some(early) => {
                    std::thread::sleep(early);
                    Instant::now()
                }
                None => started + moment,
            };
            request(&mut client, &place.id(number).to_string(), number)?.expect(200);
            times.push(begin.elapsed().as_secs_f64() * 1e3);
        }
    };
    let mut times = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(send)).collect();
        let times = senders.into_iter().map(|sender| sender.join().expect("a sender does not panic"));
        times.collect::<Result<Vec<_>>>()
    })?
    .concat();
    times.sort_by(f64::total_cmp);
    let rank = (times.len() * 95).div_ceil(100).max(1);
    times.get(rank - 1).copied().context("a request was sent")
}
