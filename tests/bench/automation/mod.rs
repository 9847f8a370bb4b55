//! What happens by itself: rules, timers, assignment and clocks of the real binary, with the app of this folder.
//!
//! What is measured is seen from outside: in the tenant's database, while the server writes it. Nothing is taken from what
//! the server says about itself.

mod assignment;
mod bare;
mod clocks;
mod events;
mod eye;
mod tenants;
mod timers;

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mortise_tests::Installation;
use serde_json::Value;

use crate::report::{self, Table};
use eye::Eye;

/// The app.
const APP: &str = "tests/bench/automation/app";
/// Its entity of records that a rule works on.
const ITEMS: &str = "flow.item";
/// Longer than a lane takes with anything that is measured here.
const PATIENCE: Duration = Duration::from_secs(600);

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Records that a rule works on.
    events: usize,
    /// Tenants at once.
    tenants: usize,
    /// Timers that wait.
    timers: usize,
    /// Timers that fall due in a second.
    due_per_second: usize,
    /// Length of what is measured at a given rate.
    seconds: usize,
    /// People among whom is chosen.
    people: usize,
    /// Records to be assigned, and those that were closed before.
    cases: usize,
    closed_cases: usize,
    /// Clocks that run.
    clocks: usize,
}

impl Sizes {
    /// Those of the goals, or so many thousandths of them, to try the measurements themselves.
    pub(crate) fn thousandths(share: usize, seconds: usize) -> Self {
        let of = |full: usize| (full * share / 1000).max(4);
        Self {
            events: of(30_000),
            tenants: of(200),
            timers: of(1_000_000),
            due_per_second: of(500),
            seconds,
            people: of(200),
            cases: of(10_000),
            closed_cases: of(40_000),
            clocks: of(100_000),
        }
    }
}

/// A workload: its name, and what measures it.
type Workload = (&'static str, fn(&mut Table, Sizes) -> Result<()>);

const WORKLOADS: [Workload; 5] = [
    ("events", |table, sizes| events::measure(table, None, sizes)),
    ("tenants", tenants::measure),
    ("timers", timers::measure),
    ("assignment", assignment::measure),
    ("clocks", clocks::measure),
];

/// Measures everything, or what `wanted` lets through, so many times; gives the text of the page.
pub(crate) fn measure(
    sizes: Sizes,
    runs: usize,
    postgres: Option<&str>,
    wanted: impl Fn(&str) -> bool,
) -> Result<String> {
    let load_before = report::load_average()?;
    let (mut table, mut other) = (Table::default(), Table::default());
    for run in 1..=runs {
        for (name, workload) in WORKLOADS.iter().filter(|(name, _)| wanted(name)) {
            eprintln!("{name}, run {run} of {runs} …");
            workload(&mut table, sizes)?;
        }
        if let Some(server) = postgres.filter(|_| wanted("events")) {
            events::measure(&mut other, Some(server), sizes)?;
        }
    }
    let mut text = format!("{}\n{}", report::machine(runs, &load_before)?, table.markdown(true));
    if postgres.is_some() {
        text.push_str(&format!("\nOn PostgreSQL:\n\n{}", other.markdown(false)));
    }
    Ok(text)
}

/// An installation with the app, and an administrator.
fn installed(postgres: Option<&str>) -> Installation {
    let installation = Installation::on(postgres);
    installation.tenant(&[APP]);
    installation
}

/// The database file of a tenant.
fn database(installation: &Installation, tenant: &str) -> PathBuf {
    installation.data().join("tenants").join(tenant).join("tenant.db")
}

/// A file of records for an import.
fn csv<R: Display>(path: &Path, head: &str, rows: impl Iterator<Item = R>) -> Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "{head}")?;
    for row in rows {
        writeln!(file, "{row}")?;
    }
    Ok(file.flush()?)
}

/// Waits until something that is read from a database is so.
fn until(eye: &mut Eye, pause: Duration, mut is_so: impl FnMut(&mut Eye) -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while !is_so(eye)? {
        ensure!(started.elapsed() < PATIENCE, "nothing came of it within {PATIENCE:?}");
        std::thread::sleep(pause);
    }
    Ok(())
}

/// Nothing may have failed: a figure of work that was not done is worth nothing.
fn nothing_failed(eye: &mut Eye) -> Result<()> {
    let failed = eye.number("SELECT count(*) FROM {_work}")?;
    ensure!(failed == 0, "{failed} pieces of work failed");
    Ok(())
}

/// A figure by its name in an answer of the API.
fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap_or_default()
}

/// Lengths of time in milliseconds.
struct Delays(Vec<f64>);

impl Delays {
    /// From microseconds.
    fn of(micros: impl Iterator<Item = i64>) -> Self {
        let mut sorted: Vec<f64> = micros.map(|micros| micros as f64 / 1e3).collect();
        sorted.sort_by(f64::total_cmp);
        Self(sorted)
    }

    /// So many of a hundred are not longer, by nearest rank.
    fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }
}
