//! The measured figures as a Markdown table, printed and, if wanted, written between two markers of a page.

use std::path::Path;

use anyhow::{Context, Result};

use crate::load::Figures;

/// One line of the table.
pub(crate) struct Row {
    /// What was measured.
    pub(crate) workload: String,
    /// What Mortise did, with its unit.
    pub(crate) mortise: String,
    /// What 95 of 100 requests took.
    pub(crate) p95: String,
    /// The constant answer and Mortise's share of it.
    pub(crate) constant: String,
    /// The bare driver and Mortise's share of it.
    pub(crate) driver: String,
    /// What the project asks for.
    pub(crate) goal: String,
}

impl Row {
    /// A workload with a rate, beside the rates of its baselines.
    pub(crate) fn rate(
        workload: &str,
        figures: Figures,
        constant: Option<f64>,
        driver: Option<f64>,
        goal: &str,
    ) -> Self {
        let beside = |baseline: Option<f64>| {
            baseline.map_or_else(String::new, |rate| {
                format!("{} ({:.0} %)", per_second(rate), figures.per_second / rate * 100.0)
            })
        };
        Self {
            workload: workload.to_owned(),
            mortise: per_second(figures.per_second),
            p95: format!("{:.1} ms", figures.p95_ms),
            constant: beside(constant),
            driver: beside(driver),
            goal: goal.to_owned(),
        }
    }

    /// A single figure.
    pub(crate) fn single(workload: &str, figure: String, driver: String, goal: &str) -> Self {
        let (workload, goal) = (workload.to_owned(), goal.to_owned());
        Self { workload, mortise: figure, p95: String::new(), constant: String::new(), driver, goal }
    }
}

fn per_second(rate: f64) -> String {
    format!("{}/s", grouped(rate))
}

/// A whole number with a comma for every thousand.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The whole table.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text =
        "| Workload | Mortise | p95 | Constant answer (share) | Bare driver (share) | Goal |\n".to_owned();
    text.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for row in rows {
        let cells = [&row.workload, &row.mortise, &row.p95, &row.constant, &row.driver, &row.goal];
        text.push_str(&format!("| {} |\n", cells.map(String::as_str).join(" | ")));
    }
    text
}

/// Puts a text between `<!-- name -->` and `<!-- /name -->` of a page.
pub(crate) fn replace(page: &Path, name: &str, text: &str) -> Result<()> {
    let old = std::fs::read_to_string(page).with_context(|| format!("{} is missing", page.display()))?;
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = old.split_once(&open).with_context(|| format!("no {open} in {}", page.display()))?;
    let (_, after) = rest.split_once(&close).with_context(|| format!("no {close} in {}", page.display()))?;
    Ok(std::fs::write(page, format!("{before}{open}\n{text}\n{close}{after}"))?)
}

/// One line about the machine: processors, kernel, and how busy others keep it.
pub(crate) fn machine() -> Result<String> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
    let name = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("")
        .trim_start_matches(['\t', ':', ' ']);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let cores = std::thread::available_parallelism()?;
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').nth(2).unwrap_or_default();
    Ok(format!(
        "Measured on {cores} processors ({name}), Linux {}; load average while measuring {load}.\n",
        kernel.trim()
    ))
}
