//! What plugins cost: one call, a list, the first use, many of them in memory, saves, and what a hostile one does to a
//! neighbour. Each figure stands beside the one that it is compared with, taken in the same run. Nothing is asserted.

mod calls;
mod column;
pub(crate) mod first_use;
mod many;
mod neighbour;
mod packages;
mod saving;
mod sheet;

use anyhow::{Context, Result};
use mortise_tests::people::PASSWORD;
use mortise_tests::{Installation, Server};
use serde_json::Value;

use crate::load::Load;
use crate::place::Place;
use crate::report;
use sheet::Sheet;

/// The app of the tenants.
const APP: &str = "tests/bench/app";

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Runs of everything that varies.
    runs: usize,
    /// Calls of one run.
    calls: usize,
    /// Lists of one run.
    lists: usize,
    /// Processes that start.
    starts: usize,
    /// Plugins in each tenant, and tenants.
    plugins: usize,
    tenants: usize,
    /// Length of one measurement of latency.
    seconds: u64,
}

impl Sizes {
    /// Those of the goals.
    pub(crate) fn full(runs: usize, seconds: u64) -> Sizes {
        Sizes { runs, calls: 3_000, lists: 100, starts: 11, plugins: 100, tenants: 200, seconds }
    }

    /// Enough to see that everything can be measured; the figures say little.
    pub(crate) fn quick(runs: usize, seconds: u64) -> Sizes {
        Sizes { runs, calls: 300, lists: 10, starts: 3, plugins: 5, tenants: 5, seconds }
    }
}

/// Measures everything, or what `wanted` lets through; gives the text of the page.
pub(crate) fn measure(
    sizes: Sizes,
    load: &Load,
    postgres: Option<&str>,
    wanted: impl Fn(&str) -> bool,
) -> Result<String> {
    let load_before = report::load_average()?;
    let guard = packages::guard()?;
    let mut sheet = Sheet::default();
    let mut measure = |name: &str, work: &dyn Fn(&mut Sheet) -> Result<()>| match wanted(name) {
        false => Ok(()),
        true => {
            eprintln!("{name} …");
            work(&mut sheet)
        }
    };
    measure("calls", &|sheet| calls::measure(sheet, &sizes))?;
    measure("column", &|sheet| column::measure(sheet, &sizes, &guard))?;
    measure("first use", &|sheet| first_use::measure(sheet, &sizes))?;
    measure("many", &|sheet| many::measure(sheet, &sizes, &guard))?;
    measure("saving", &|sheet| {
        saving::measure(sheet, &sizes, load, None, &guard)?;
        postgres.map_or(Ok(()), |server| saving::measure(sheet, &sizes, load, Some(server), &guard))
    })?;
    measure("neighbour", &|sheet| neighbour::measure(sheet, &sizes))?;
    Ok(format!("{}\n{}", report::machine(sizes.runs, &load_before)?, sheet.markdown()))
}

/// Makes a tenant with the app; the token of its administrator.
fn tenant(installation: &Installation, slug: &str) -> Result<String> {
    let app = mortise_tests::server::workspace().join(APP);
    installation.run(&["tenant", "create", slug, "--time-zone", "Asia/Shanghai"]);
    installation.run_with(&["user", "create", slug, "admin", "--administrator", "--stdin"], PASSWORD);
    installation.run(&["app", "install", slug, &app.to_string_lossy()]);
    let token = installation.run(&["--json", "user", "token", slug, "admin", "--scope", "admin"]);
    let token: Value = serde_json::from_str(&token).context("a token is told as JSON")?;
    Ok(token["token"].as_str().context("a token is told")?.to_owned())
}

/// Installs a package in a tenant with all that it asks for.
fn install(server: &Server, slug: &str, token: &str, package: &[u8]) -> Result<()> {
    let path = format!("/t/{slug}/api/v1/plugins?grant_all=true");
    let kind = [("content-type", "application/octet-stream")];
    server.client().with_token(token).send("POST", &path, &kind, package)?.expect(200);
    Ok(())
}

/// Calls of a plugin that went well since the start, as the server counts them.
fn called(place: &Place, plugin: &str) -> Result<f64> {
    called_in(place.server(), plugin)
}

/// The same of all plugins whose ids begin like this.
fn called_in(server: &Server, plugin: &str) -> Result<f64> {
    let text = server.client().get("/metrics")?.expect(200).text();
    let begin = format!("mortise_plugin_calls_total{{plugin=\"{plugin}");
    let lines = text.lines().filter(|line| line.starts_with(&begin) && line.contains("outcome=\"ok\""));
    let number = |line: &str| line.rsplit(' ').next().and_then(|number| number.parse::<f64>().ok());
    lines.map(|line| number(line).with_context(|| line.to_owned())).sum()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
