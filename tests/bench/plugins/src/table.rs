//! Figures of many calls, as rows of a Markdown table.

/// Median and 99th percentile in microseconds.
pub(crate) struct Figure {
    median: f64,
    p99: f64,
}

impl Figure {
    pub(crate) fn of(mut micros: Vec<f64>) -> Figure {
        micros.sort_by(f64::total_cmp);
        let at = |share: usize| micros[(micros.len() * share / 100).min(micros.len() - 1)];
        Figure { median: at(50), p99: at(99) }
    }
}

pub(crate) fn head(title: &str) {
    println!("| {title} | median µs | 99 % µs | times bare |\n| --- | ---: | ---: | ---: |");
}

pub(crate) fn row(name: &str, figure: &Figure, base: &Figure) {
    println!("| {name} | {:.1} | {:.1} | {:.2} |", figure.median, figure.p99, figure.median / base.median);
}
