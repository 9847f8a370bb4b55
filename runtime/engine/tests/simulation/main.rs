//! The whole engine in a made-up world, many times over: one seed is one run of random commands, weeks that pass, machines
//! that fail between any two steps of a write and receivers that do not answer. Whatever happens, every promise is kept.
//!
//! `MORTISE_SEEDS` sets how many seeds are run, `MORTISE_SEED` runs one and tells all that happened.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, reason = "JSON literals are handed over as they stand")]

mod actions;
mod app;
mod fate;
mod invariants;
mod ledger;
mod promises;
mod watch;
mod world;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use mortise_engine::Database;
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use world::{Template, Trace, World};

/// Seeds of a run unless `MORTISE_SEEDS` says otherwise: as many as a minute of one core bears.
const SEEDS: u64 = 200;
/// A server needs so many times longer for a seed than a file in memory.
const SERVER: u64 = 20;
/// One seed in so many is run twice, to see that it is the same run.
const TWICE: u64 = 40;
/// Steps of a run.
const STEPS: Range<usize> = 60..101;
/// Steps told of a run that failed.
const TOLD: usize = 25;

/// Who runs seeds beside others.
struct Runner {
    kind: Database,
    template: Template,
    next: AtomicU64,
    failures: Mutex<Vec<String>>,
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Number of seeds, or the one seed that is asked for.
fn asked(part: u64) -> Range<u64> {
    let number = |name: &str| Some(std::env::var(name).ok()?.parse::<u64>().expect(name));
    match number("MORTISE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..1 + (number("MORTISE_SEEDS").unwrap_or(SEEDS) / part).max(1),
    }
}

/// Runs a seed to its end and tells what happened; an error is what must not happen.
fn run(kind: &Database, template: &Template, seed: u64) -> Result<Vec<String>, String> {
    let trace = Trace::default();
    let runtime = runtime();
    let told = trace.clone();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let mut world = World::new(seed, kind.clone(), template, told).await;
            let steps = world.dice.usize(STEPS);
            for _ in 0..steps {
                world.act().await;
            }
            invariants::at_end(&mut world).await;
            let (seq, hash) = world.head().await;
            world.tell(&format!("the trail ends at {seq} {hash}"));
            world.end().await;
        });
    }));
    // Writers linger for a moment; nothing of them is waited for.
    runtime.shutdown_background();
    let lines = std::mem::take(&mut *trace.lock());
    match ended {
        Ok(()) => Ok(lines),
        Err(panic) => {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
            let last = lines[lines.len().saturating_sub(TOLD)..].join("\n");
            Err(format!(
                "seed {seed}: {}\n{last}\nRun it alone: MORTISE_SEED={seed} cargo nextest run -p mortise-engine --test simulation --no-capture",
                words.unwrap_or_default()
            ))
        }
    }
}

impl Runner {
    fn work(&self, end: u64) {
        loop {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            if let Err(failure) = run(&self.kind, &self.template, seed) {
                self.failures.lock().push(failure);
            }
        }
    }
}

/// Runs seeds on all processors.
fn run_all(kind: Database, seeds: Range<u64>) {
    let template = runtime().block_on(Template::make());
    let runner = Runner { kind, template, next: AtomicU64::new(seeds.start), failures: Mutex::default() };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| runner.work(seeds.end));
        }
    });
    let failures = runner.failures.into_inner();
    let count = failures.len();
    assert!(count == 0, "{count} of {} seeds failed:\n\n{}", seeds.end - seeds.start, failures.join("\n\n"));
}

#[test]
fn every_promise_is_kept_on_sqlite_whatever_fails() {
    run_all(Database::Sqlite, asked(1));
}

#[test]
fn every_promise_is_kept_on_postgresql_whatever_fails() {
    match std::env::var("MORTISE_TEST_POSTGRES") {
        Ok(url) => run_all(Database::Postgres { url }, asked(SERVER)),
        Err(_) if std::env::var("MORTISE_TEST_REQUIRE").is_ok() => panic!("MORTISE_TEST_POSTGRES is not set"),
        Err(_) => eprintln!("skipped on PostgreSQL: MORTISE_TEST_POSTGRES is not set"),
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let template = runtime().block_on(Template::make());
    for seed in asked(TWICE) {
        let [one, other] = [(); 2].map(|()| run(&Database::Sqlite, &template, seed).unwrap());
        if std::env::var("MORTISE_SEED").is_ok() {
            println!("{}", one.join("\n"));
        }
        let differs = one.iter().zip(&other).find(|(one, other)| one != other);
        assert!(differs.is_none() && one.len() == other.len(), "seed {seed}: {differs:?}");
    }
}
