//! Measures the workloads of `docs/performance.md`, each beside its baselines; `cargo xtask bench` builds and starts it.
//!
//! Everything runs against the real binary (`MORTISE_BIN`) on a temporary folder. Nothing is asserted: the figures are
//! printed as a Markdown table, and written into the page when asked for.

mod constant;
mod driver;
mod load;
mod place;
mod process;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use load::{Figures, Load, Workload};
use place::{Place, RECORDS};
use report::Row;

/// What the person who measures decided.
struct Options {
    million: bool,
    write: bool,
    only: Option<String>,
    seconds: u64,
    rows: usize,
}

fn main() -> Result<()> {
    let options = options()?;
    let load = Load {
        wrk: std::env::var_os("MORTISE_WRK").map_or_else(|| "wrk".into(), PathBuf::from),
        scripts: mortise_tests::server::workspace().join("tests/bench/wrk"),
        seconds: options.seconds,
    };
    let page = mortise_tests::server::workspace().join("docs/performance.md");
    let postgres = std::env::var("MORTISE_TEST_POSTGRES").ok();
    let databases = std::iter::once(("sqlite", None)).chain(postgres.map(|url| ("postgres", Some(url))));
    for (name, url) in databases {
        let mut rows = measure(&options, &load, url.as_deref())?;
        if url.is_some() {
            // The goals are set for the default database.
            rows.iter_mut().for_each(|row| row.goal.clear());
        }
        let table = format!("{}\n{}", report::machine()?, report::table(&rows));
        println!("## {name}\n\n{table}");
        if options.write {
            report::replace(&page, name, &table)?;
        }
    }
    Ok(())
}

fn options() -> Result<Options> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let value = |name: &str| {
        let position = arguments.iter().position(|argument| argument == name)?;
        arguments.get(position + 1).cloned()
    };
    let seconds = value("--seconds").map_or(Ok(10), |seconds| seconds.parse());
    let rows = value("--rows").map_or(Ok(100_000), |rows| rows.parse());
    Ok(Options {
        million: has("--million"),
        write: has("--write"),
        only: value("--only"),
        seconds: seconds.context("--seconds needs a number")?,
        rows: rows.context("--rows needs a number")?,
    })
}

fn measure(options: &Options, load: &Load, postgres: Option<&str>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let wanted = |name: &str| options.only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    if wanted("start") || wanted("install") {
        rows.extend(place::start_and_install(postgres)?);
    }
    let (mut place, bulk) = Place::new(postgres, options.rows)?;
    rows.push(Row::single(
        &format!("bulk load of {} rows", report::grouped(options.rows as f64)),
        bulk.to_string(),
        String::new(),
        "8 s, 200 MB",
    ));
    eprintln!("bulk load: {bulk}");
    let memory_idle = place.restart()?;
    rows.push(Row::single("memory, idle", format!("{memory_idle:.0} MB"), String::new(), "50 MB"));
    let baseline = constant::serve(place.record_bytes()?)?;
    for step in STEPS.iter().filter(|step| wanted(step.name)) {
        eprintln!("{} …", step.name);
        let mortise = load.measure(&place.workload(step.script, step.connections))?;
        let constant = load.measure(&Workload {
            script: "constant",
            connections: step.connections,
            address: baseline,
            path: RECORDS,
            ids: None,
            token: None,
        })?;
        let driver = place
            .driver(Duration::from_secs(options.seconds), |driver| (step.driver)(driver, step.connections))?;
        eprintln!(
            "{}: {:.0}/s, constant {:.0}/s, driver {driver:?}",
            step.name, mortise.per_second, constant.per_second
        );
        rows.push(Row::rate(step.name, mortise, Some(constant.per_second), driver, step.goal));
    }
    let memory = process::memory_mb(place.process_id())?;
    rows.push(Row::single("memory, after this load", format!("{memory:.0} MB"), String::new(), "200 MB"));
    drop(place);
    if options.million {
        rows.extend(million(load, postgres)?);
    }
    Ok(rows)
}

/// A workload on 100,000 records.
struct Step {
    name: &'static str,
    script: &'static str,
    connections: usize,
    driver: fn(&driver::Driver, usize) -> Result<f64>,
    goal: &'static str,
}

/// Reads first, so that what they read is what was loaded.
const STEPS: &[Step] = &[
    Step {
        name: "read by id, 64 connections",
        script: "read",
        connections: 64,
        driver: |driver, _| driver.read(),
        goal: "40,000/s",
    },
    Step {
        name: "list of 50, two filters, by date, total, 16 connections",
        script: "list",
        connections: 16,
        driver: |driver, _| driver.list(),
        goal: "3,000/s",
    },
    Step {
        name: "update one field, 16 connections",
        script: "update",
        connections: 16,
        driver: |driver, connections| driver.update(connections),
        goal: "6,000/s",
    },
    Step {
        name: "create, 64 connections",
        script: "create",
        connections: 64,
        driver: |driver, connections| driver.create(connections),
        goal: "8,000/s",
    },
];

fn million(load: &Load, postgres: Option<&str>) -> Result<Vec<Row>> {
    let (mut place, bulk) = Place::new(postgres, 1_000_000)?;
    eprintln!("bulk load: {bulk}");
    place.restart()?;
    let figures: Figures = load.measure(&place.workload("list", 16))?;
    Ok(vec![
        Row::single("bulk load of 1,000,000 rows", bulk.to_string(), String::new(), "200 MB"),
        Row::rate("the same list at 1,000,000 rows", figures, None, None, "p95 10 ms"),
    ])
}
