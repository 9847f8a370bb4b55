//! Measures the workloads of `docs/performance.md`, each beside its baselines; `cargo xtask bench` builds and starts it.
//!
//! Everything runs against the real binary (`MORTISE_BIN`) on a temporary folder. Nothing is asserted: the figures are
//! printed as a Markdown table, and written into the page when asked for.

mod automation;
mod constant;
mod costs;
mod driver;
mod guests;
mod load;
mod pages;
mod place;
mod process;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use costs::Costs;
use driver::Driver;
use load::{Load, Workload};
use mortise_tests::Installation;
use place::{Bulk, Place, RECORDS};
use report::{Figures, Goal, Table, Unit};

/// Records of the large installation.
const MILLION: usize = 1_000_000;
/// As long as wrk warms up the server.
const WARM_UP: Duration = Duration::from_secs(1);

/// What the person who measures decided.
struct Options {
    automation: bool,
    pages: bool,
    plugins: bool,
    quick: bool,
    million: bool,
    write: bool,
    only: Option<String>,
    seconds: u64,
    rows: usize,
    runs: usize,
}

impl Options {
    fn wanted(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only.as_str()))
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().is_some_and(|first| first == guests::first_use::ARGUMENT) {
        return guests::first_use::in_own_process(&arguments.collect::<Vec<_>>());
    }
    let options = options()?;
    let load = Load {
        wrk: std::env::var_os("MORTISE_WRK").map_or_else(|| "wrk".into(), PathBuf::from),
        scripts: mortise_tests::server::workspace().join("tests/bench/wrk"),
        seconds: options.seconds,
    };
    let postgres = std::env::var("MORTISE_TEST_POSTGRES").ok();
    if options.automation {
        return by_itself(&options, postgres.as_deref());
    }
    if options.pages {
        return of_pages(&options, postgres.as_deref());
    }
    if options.plugins {
        return with_plugins(&options, &load, postgres.as_deref());
    }
    let databases = std::iter::once(("sqlite", None)).chain(postgres.map(|url| ("postgres", Some(url))));
    for (name, server) in databases {
        let load_before = report::load_average()?;
        let bench = Bench { options: &options, load: &load, server: server.as_deref() };
        let mut text = bench.tables()?;
        text.insert_str(0, &format!("{}\n", report::machine(options.runs, &load_before)?));
        println!("## {name}\n");
        publish(&options, name, &text)?;
    }
    Ok(())
}

/// What happens by itself, instead of what people do.
fn by_itself(options: &Options, postgres: Option<&str>) -> Result<()> {
    // The size that can be given is that of the goals: a hundred thousand.
    let sizes = automation::Sizes::thousandths(options.rows / 100, options.seconds as usize);
    let text = automation::measure(sizes, options.runs, postgres, |name| options.wanted(name))?;
    publish(options, "automation", &text)
}

/// What the server needs for each page.
fn of_pages(options: &Options, postgres: Option<&str>) -> Result<()> {
    let load_before = report::load_average()?;
    let mut text = pages::measure(options.rows, None, |role| options.wanted(role))?;
    if let Some(server) = postgres {
        let there = pages::measure(options.rows, Some(server), |role| options.wanted(role))?;
        text.push_str(&format!("\nThe same on PostgreSQL:\n\n{there}"));
    }
    text.insert_str(0, &format!("{}\n", report::machine(1, &load_before)?));
    publish(options, "pages", &text)
}

/// What plugins cost.
fn with_plugins(options: &Options, load: &Load, postgres: Option<&str>) -> Result<()> {
    let sizes = match options.quick {
        true => guests::Sizes::quick(options.runs, options.seconds),
        false => guests::Sizes::full(options.runs, options.seconds),
    };
    let text = guests::measure(sizes, load, postgres, |name| options.wanted(name))?;
    publish(options, "plugins", &text)
}

/// Prints a table and, if wanted, writes it into the page.
fn publish(options: &Options, name: &str, text: &str) -> Result<()> {
    println!("{text}");
    match options.write {
        true => report::replace(&mortise_tests::server::workspace().join("docs/performance.md"), name, text),
        false => Ok(()),
    }
}

fn options() -> Result<Options> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let value = |name: &str| {
        let position = arguments.iter().position(|argument| argument == name)?;
        arguments.get(position + 1).cloned()
    };
    let number = |name: &str, default: usize| {
        let number = value(name).map_or(Ok(default), |number| number.parse());
        number.with_context(|| format!("{name} needs a number"))
    };
    let (plugins, quick) = (has("--plugins"), has("--quick"));
    let (runs, seconds) = match (plugins, quick) {
        (true, false) => (3, 5),
        (true, true) => (1, 2),
        (false, _) => (1, 10),
    };
    let options = Options {
        automation: has("--automation"),
        pages: has("--pages"),
        plugins,
        quick,
        million: has("--million"),
        write: has("--write"),
        only: value("--only"),
        seconds: number("--seconds", seconds)? as u64,
        rows: number("--rows", 100_000)?,
        runs: number("--runs", runs)?,
    };
    ensure!(options.runs > 0, "--runs needs a number from 1 on");
    Ok(options)
}

/// The measurements on one database.
struct Bench<'a> {
    options: &'a Options,
    load: &'a Load,
    /// The PostgreSQL server.
    server: Option<&'a str>,
}

impl Bench<'_> {
    fn tables(&self) -> Result<String> {
        let mut table = Table::default();
        for run in 1..=self.options.runs {
            eprintln!("run {run} of {}", self.options.runs);
            self.run(&mut table)?;
        }
        if self.options.million {
            self.million(&mut table)?;
        }
        let mut text = table.markdown(self.server.is_none());
        if let Some(server) = self.server {
            text.push_str(&format!("\n{}", self.costs(server)?));
        }
        Ok(text)
    }

    /// Everything once, in an installation of its own, so that runs do not grow on each other's records.
    fn run(&self, table: &mut Table) -> Result<()> {
        if self.options.wanted("start") || self.options.wanted("install") {
            let [install, start] = place::start_and_install(self.server)?;
            table.add("install of both apps", Unit::Seconds, Goal::AtMost(1.0), Figures::of(install));
            table.add("start to first answer", Unit::Seconds, Goal::AtMost(0.15), Figures::of(start));
        }
        let (mut place, bulk) = Place::new(self.server, self.options.rows)?;
        let (driver, memory_idle) = place.settle()?;
        table.add("memory, idle", Unit::Megabytes, Goal::AtMost(50.0), Figures::of(memory_idle));
        self.bulk(table, &bulk, &*driver, self.options.rows, Goal::AtMost(8.0))?;
        for step in STEPS.iter().filter(|step| self.options.wanted(step.name)) {
            let figures = self.step(step, &place, &*driver)?;
            table.add(step.name, Unit::PerSecond, step.goal, figures);
        }
        let memory = process::memory_mb(place.process_id())?;
        table.add("memory, after this load", Unit::Megabytes, Goal::AtMost(200.0), Figures::of(memory));
        Ok(())
    }

    fn bulk(
        &self,
        table: &mut Table,
        bulk: &Bulk,
        driver: &dyn Driver,
        rows: usize,
        goal: Goal,
    ) -> Result<()> {
        let rows = report::grouped(rows as f64);
        let driver = Some(driver.load()?.as_secs_f64());
        let figures = Figures { driver, ..Figures::of(bulk.seconds) };
        table.add(&format!("bulk load of {rows} rows"), Unit::Seconds, goal, figures);
        let name = format!("memory, peak of a load of {rows} rows");
        table.add(&name, Unit::Megabytes, Goal::AtMost(200.0), Figures::of(bulk.peak_mb));
        Ok(())
    }

    /// One workload and its baselines, one right after the other.
    fn step(&self, step: &Step, place: &Place, driver: &dyn Driver) -> Result<Figures> {
        eprintln!("{} …", step.name);
        let answers = self.load.measure(&place.workload(step.script, step.connections))?;
        let constant = self.load.measure(&Workload {
            script: "constant",
            connections: step.connections,
            address: constant::serve(place.record_bytes()?)?,
            path: RECORDS,
            ids: None,
            token: None,
        })?;
        (step.driver)(driver, WARM_UP, step.connections)?;
        let driver = (step.driver)(driver, Duration::from_secs(self.options.seconds), step.connections)?;
        Ok(Figures {
            p95: Some(answers.p95_ms),
            constant: Some(constant.per_second),
            driver: Some(driver),
            ..Figures::of(answers.per_second)
        })
    }

    /// One installation with a million records; its lists are measured as often as everything else.
    fn million(&self, table: &mut Table) -> Result<()> {
        let (mut place, bulk) = Place::new(self.server, MILLION)?;
        let (driver, _) = place.settle()?;
        self.bulk(table, &bulk, &*driver, MILLION, Goal::None)?;
        for _ in 0..self.options.runs {
            let figures = self.step(&LIST, &place, &*driver)?;
            table.add("the same list at 1,000,000 rows", Unit::PerSecond, Goal::P95(10.0), figures);
        }
        Ok(())
    }

    /// What explains how the databases differ.
    fn costs(&self, server: &str) -> Result<String> {
        let folder = Installation::new();
        let (mut sqlite, mut postgres) = (Costs::default(), Costs::default());
        for _ in 0..self.options.runs {
            sqlite.sqlite(folder.data())?;
            postgres.postgres(server)?;
        }
        Ok(Costs::table(&sqlite, &postgres))
    }
}

/// A workload.
struct Step {
    name: &'static str,
    script: &'static str,
    connections: usize,
    driver: fn(&dyn Driver, Duration, usize) -> Result<f64>,
    goal: Goal,
}

const LIST: Step = Step {
    name: "list of 50, two filters, by date, total, 16 connections",
    script: "list",
    connections: 16,
    driver: |driver, duration, _| driver.list(duration),
    goal: Goal::AtLeast(3_000.0),
};

/// Reads first, so that what they read is what was loaded.
const STEPS: &[Step] = &[
    Step {
        name: "read by id, 64 connections",
        script: "read",
        connections: 64,
        driver: |driver, duration, _| driver.read(duration),
        goal: Goal::AtLeast(40_000.0),
    },
    LIST,
    Step {
        name: "update one field, 16 connections",
        script: "update",
        connections: 16,
        driver: |driver, duration, connections| driver.update(duration, connections),
        goal: Goal::AtLeast(6_000.0),
    },
    Step {
        name: "create, 64 connections",
        script: "create",
        connections: 64,
        driver: |driver, duration, connections| driver.create(duration, connections),
        goal: Goal::AtLeast(8_000.0),
    },
];
