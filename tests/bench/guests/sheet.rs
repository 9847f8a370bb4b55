//! The figures of plugins as one table: each beside the figure that it is compared with, taken in the same run, and beside
//! what the project asks for.

use crate::report::{Samples, Unit};

/// What the project asks for.
#[derive(Clone, Copy)]
pub(super) enum Goal {
    /// No more than that.
    AtMost(f64),
    /// No more than that above what it is compared with.
    Above(f64),
    /// So many times what it is compared with at most.
    TimesAtMost(f64),
    /// So many times what it is compared with at least.
    TimesAtLeast(f64),
}

impl Goal {
    fn met(self, measured: f64, beside: Option<f64>) -> bool {
        match self {
            Goal::AtMost(goal) => measured <= goal,
            Goal::Above(goal) => beside.is_some_and(|beside| measured - beside <= goal),
            Goal::TimesAtMost(goal) => beside.is_some_and(|beside| measured <= goal * beside),
            Goal::TimesAtLeast(goal) => beside.is_some_and(|beside| measured >= goal * beside),
        }
    }

    fn words(self, unit: Unit) -> String {
        match self {
            Goal::AtMost(goal) => format!("at most {}", unit.show(goal)),
            Goal::Above(goal) => format!("at most {} more", unit.show(goal)),
            Goal::TimesAtMost(goal) => format!("at most {goal} times"),
            Goal::TimesAtLeast(goal) => format!("at least {goal} times"),
        }
    }
}

/// What a line is about.
pub(super) struct About {
    /// What is measured.
    pub(super) what: String,
    /// What it is compared with.
    pub(super) beside: &'static str,
    pub(super) unit: Unit,
    pub(super) goals: &'static [Goal],
}

/// What was measured in one run, and what it is compared with.
type Run = (f64, Option<f64>);

struct Line {
    about: About,
    runs: Vec<Run>,
}

impl Line {
    fn cells(&self) -> [String; 5] {
        let About { what, beside, unit, goals } = &self.about;
        let all = |of: &dyn Fn(&Run) -> Option<f64>| {
            let mut samples = Samples::default();
            self.runs.iter().filter_map(of).for_each(|value| samples.push(value));
            samples
        };
        let base = all(&|run| run.1);
        let beside = match base.median() {
            None => String::new(),
            Some(_) => format!("{beside}: {}", base.show(*unit)),
        };
        // Of two figures taken within seconds, compared in each run: their median says more than that of two medians.
        let compared = match goals.iter().any(|goal| matches!(goal, Goal::Above(_))) {
            true => all(&|run| Some(run.0 - run.1?)).show(*unit),
            false => all(&|run| Some(run.0 / run.1?)).show(Unit::Times),
        };
        let goals: Vec<String> = goals.iter().map(|goal| self.verdict(*goal)).collect();
        [what.clone(), all(&|run| Some(run.0)).show(*unit), beside, compared, goals.join("; ")]
    }

    fn verdict(&self, goal: Goal) -> String {
        let words = goal.words(self.about.unit);
        let all = self.runs.len();
        match self.runs.iter().filter(|(measured, beside)| goal.met(*measured, *beside)).count() {
            0 => format!("{words}: **missed**"),
            met if met == all => format!("{words}: met"),
            met => format!("{words}: met in {met} of {all}"),
        }
    }
}

/// The table, filled line by line.
#[derive(Default)]
pub(super) struct Sheet(Vec<Line>);

impl Sheet {
    /// Adds what the runs came to, each with what it is compared with.
    pub(super) fn add(&mut self, about: About, runs: Vec<(f64, Option<f64>)>) {
        let line = Line { about, runs };
        eprintln!("  {}", line.cells().join(" | "));
        self.0.push(line);
    }

    /// As Markdown.
    pub(super) fn markdown(&self) -> String {
        let mut text =
            "| | Measured | Compared with | Difference | Goal |\n| --- | --- | --- | --- | --- |\n"
                .to_owned();
        self.0.iter().for_each(|line| text.push_str(&format!("| {} |\n", line.cells().join(" | "))));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_median_range_and_whether_goals_are_met() {
        let mut sheet = Sheet::default();
        let goals = &[Goal::AtMost(40.0), Goal::TimesAtMost(2.0)];
        let about = About { what: "a call".into(), beside: "bare", unit: Unit::Microseconds, goals };
        sheet.add(about, vec![(30.0, Some(20.0)), (50.0, Some(20.0)), (36.0, Some(20.0))]);
        let about = About {
            what: "a list".into(),
            beside: "without",
            unit: Unit::Milliseconds,
            goals: &[Goal::Above(2.0)],
        };
        sheet.add(about, vec![(5.5, Some(3.0))]);
        let expected = "\
| | Measured | Compared with | Difference | Goal |
| --- | --- | --- | --- | --- |
| a call | 36 µs (30–50) | bare: 20 µs | 1.80 times (1.50–2.50) | at most 40 µs: met in 2 of 3; at most 2 times: met in 2 of 3 |
| a list | 5.5 ms | without: 3.0 ms | 2.5 ms | at most 2.0 ms more: **missed** |
";
        assert_eq!(sheet.markdown(), expected);
    }
}
