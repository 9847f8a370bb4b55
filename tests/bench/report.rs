//! The measured figures as a Markdown table, printed and, if wanted, written between two markers of a page.

use std::path::Path;

use anyhow::{Context, Result};

/// What a figure counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// So many in a second: more is better.
    PerSecond,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds, shown as milliseconds from a thousand on.
    Microseconds,
    /// Millions of bytes.
    Megabytes,
    /// How many times as much.
    Times,
    /// So many, on average.
    Number,
}

impl Unit {
    /// A number without its unit, as exact as it is meant.
    fn number(self, value: f64) -> String {
        match self {
            Self::Seconds if value < 1.0 => format!("{value:.3}"),
            Self::Times | Self::Number => format!("{value:.2}"),
            Self::Milliseconds | Self::Seconds => format!("{value:.1}"),
            Self::Microseconds if value < 10.0 => format!("{value:.1}"),
            Self::PerSecond | Self::Megabytes | Self::Microseconds => grouped(value),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::PerSecond => "/s",
            Self::Seconds => " s",
            Self::Milliseconds => " ms",
            Self::Microseconds => " µs",
            Self::Megabytes => " MB",
            Self::Times => " times",
            Self::Number => "",
        }
    }

    pub(crate) fn show(self, value: f64) -> String {
        format!("{}{}", self.number(value), self.name())
    }

    /// What Mortise reaches of what the baseline reaches: of time, less is more.
    fn share(self, mortise: f64, baseline: f64) -> f64 {
        match self {
            Self::PerSecond => mortise / baseline,
            _ => baseline / mortise,
        }
    }
}

/// The same figure of several runs.
#[derive(Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Adds the figure of a run.
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The median; of an even number of runs the mean of the two in the middle.
    pub(crate) fn median(&self) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let upper = *sorted.get(sorted.len() / 2)?;
        let lower = sorted[(sorted.len() - 1) / 2];
        Some(f64::midpoint(lower, upper))
    }

    /// The median with its unit, and the range when there were several runs.
    pub(crate) fn show(&self, unit: Unit) -> String {
        let Some(median) = self.median() else { return String::new() };
        let shown = unit.show(median);
        let least = unit.number(self.0.iter().copied().fold(f64::INFINITY, f64::min));
        let most = unit.number(self.0.iter().copied().fold(0.0, f64::max));
        if least == most { shown } else { format!("{shown} ({least}–{most})") }
    }
}

/// What one run found out about one workload.
#[derive(Default)]
pub(crate) struct Figures {
    /// What Mortise did.
    pub(crate) mortise: f64,
    /// What 95 of 100 requests took, in milliseconds.
    pub(crate) p95: Option<f64>,
    /// The constant answer.
    pub(crate) constant: Option<f64>,
    /// The bare driver.
    pub(crate) driver: Option<f64>,
}

impl Figures {
    /// A figure without baselines.
    pub(crate) fn of(mortise: f64) -> Self {
        Self { mortise, ..Self::default() }
    }
}

/// What the project asks for.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// Nothing.
    None,
    /// So much, in the unit of the line.
    AtLeast(f64),
    /// No more than that, in the unit of the line.
    AtMost(f64),
    /// 95 of 100 requests within so many milliseconds.
    P95(f64),
}

impl Goal {
    fn met(self, run: &Figures) -> bool {
        match self {
            Self::None => true,
            Self::AtLeast(goal) => run.mortise >= goal,
            Self::AtMost(goal) => run.mortise <= goal,
            Self::P95(goal) => run.p95.is_some_and(|p95| p95 <= goal),
        }
    }

    fn show(self, unit: Unit, runs: &[Figures]) -> String {
        let goal = match self {
            Self::None => return String::new(),
            Self::AtLeast(goal) | Self::AtMost(goal) => unit.show(goal),
            Self::P95(goal) => format!("p95 {}", Unit::Milliseconds.show(goal)),
        };
        match runs.iter().filter(|run| self.met(run)).count() {
            0 => format!("{goal}: missed"),
            count if count == runs.len() => format!("{goal}: met"),
            count => format!("{goal}: met in {count} of {}", runs.len()),
        }
    }
}

/// One line of the table.
struct Row {
    workload: String,
    unit: Unit,
    goal: Goal,
    runs: Vec<Figures>,
}

impl Row {
    fn cells(&self) -> [String; 6] {
        let all = |of: fn(&Figures) -> Option<f64>| Samples(self.runs.iter().filter_map(of).collect());
        let beside = |of: fn(&Figures) -> Option<f64>| {
            let share = |run: &Figures| Some(self.unit.share(run.mortise, of(run)?) * 100.0);
            let shares = Samples(self.runs.iter().filter_map(share).collect());
            // Each share is one of figures taken within a minute; their median says more than that of two medians.
            shares
                .median()
                .map_or_else(String::new, |share| format!("{:.0} % of {}", share, all(of).show(self.unit)))
        };
        [
            self.workload.clone(),
            all(|run| Some(run.mortise)).show(self.unit),
            all(|run| run.p95).show(Unit::Milliseconds),
            beside(|run| run.constant),
            beside(|run| run.driver),
            self.goal.show(self.unit, &self.runs),
        ]
    }
}

/// The table, filled run by run.
#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    /// Adds what a run found out; lines stand in the order in which they first came.
    pub(crate) fn add(&mut self, workload: &str, unit: Unit, goal: Goal, figures: Figures) {
        let row = match self.0.iter().position(|row| row.workload == workload) {
            Some(position) => &mut self.0[position],
            None => {
                self.0.push(Row { workload: workload.to_owned(), unit, goal, runs: Vec::new() });
                self.0.last_mut().expect("just added")
            }
        };
        row.runs.push(figures);
        eprintln!("  {}", row.cells().join(" | "));
    }

    /// As Markdown, without the columns in which nothing stands; the goals are set for the default database and can be
    /// left out.
    pub(crate) fn markdown(&self, goals: bool) -> String {
        const HEADS: [&str; 6] = ["Workload", "Mortise", "p95", "Constant answer", "Bare driver", "Goal"];
        let rows: Vec<[String; 6]> = self.0.iter().map(Row::cells).collect();
        let is_shown =
            |column: &usize| (goals || *column < 5) && rows.iter().any(|row| !row[*column].is_empty());
        let shown: Vec<usize> = (0..6).filter(is_shown).collect();
        let line = |cell: &dyn Fn(usize) -> String| {
            let cells: Vec<String> = shown.iter().map(|column| cell(*column)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let mut text = line(&|column| HEADS[column].to_owned());
        text.push_str(&line(&|_| "---".to_owned()));
        rows.iter().for_each(|row| text.push_str(&line(&|column| row[column].clone())));
        text
    }
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

/// Puts a text between `<!-- name -->` and `<!-- /name -->` of a page.
pub(crate) fn replace(page: &Path, name: &str, text: &str) -> Result<()> {
    let old = std::fs::read_to_string(page).with_context(|| format!("{} is missing", page.display()))?;
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = old.split_once(&open).with_context(|| format!("no {open} in {}", page.display()))?;
    let (_, after) = rest.split_once(&close).with_context(|| format!("no {close} in {}", page.display()))?;
    Ok(std::fs::write(page, format!("{before}{open}\n{text}\n{close}{after}"))?)
}

/// One line about the machine: processors, kernel, runs, and how busy others kept it before.
pub(crate) fn machine(runs: usize, load_before: &str) -> Result<String> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
    let name = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("")
        .trim_start_matches(['\t', ':', ' ']);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let cores = std::thread::available_parallelism()?;
    let runs = match runs {
        1 => "One run".to_owned(),
        several => format!("Medians of {several} runs with their range"),
    };
    Ok(format!(
        "{runs} on {cores} processors ({name}), Linux {}. Load average {load_before} when it began; {} when it ended, with \
         the load of the measurements themselves.\n",
        kernel.trim(),
        load_average()?
    ))
}

/// How many processes wanted a processor in the last minute.
pub(crate) fn load_average() -> Result<String> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    Ok(load.split(' ').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_runs_are_shown_as_median_and_range_shares_are_taken_within_a_run_and_empty_columns_left_out() {
        let mut table = Table::default();
        for (mortise, driver) in [(16_082.0, 32_000.0), (7_100.0, 20_000.0), (17_664.0, 18_000.0)] {
            let figures = Figures { p95: Some(5.3), driver: Some(driver), ..Figures::of(mortise) };
            table.add("create", Unit::PerSecond, Goal::AtLeast(8_000.0), figures);
        }
        let start = Figures { driver: Some(0.02), ..Figures::of(0.04) };
        table.add("start", Unit::Seconds, Goal::AtMost(0.15), start);
        let expected = "\
| Workload | Mortise | p95 | Bare driver | Goal |
| --- | --- | --- | --- | --- |
| create | 16,082/s (7,100–17,664) | 5.3 ms | 50 % of 20,000/s (18,000–32,000) | 8,000/s: met in 2 of 3 |
| start | 0.040 s |  | 50 % of 0.020 s | 0.150 s: met |
";
        assert_eq!(table.markdown(true), expected);
    }
}
