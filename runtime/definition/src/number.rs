//! Patterns of numbers that the system gives: `L-{yyyy}-{00000}`. The counter starts again whenever the text of the
//! date parts changes, so a pattern without a date counts for ever.

use chrono::{Datelike, NaiveDate};

use crate::model::{NumberPart, NumberPattern};

/// Longest pattern; a number has to fit into a list's column.
pub const PATTERN_CHARS_MAX: usize = 60;
/// Most digits of a counter: a trillion records.
pub const COUNTER_DIGITS_MAX: usize = 12;

/// Why a text is no number pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Longer than [`PATTERN_CHARS_MAX`].
    #[error("too long")]
    TooLong,
    /// Braces that are not closed or hold something else than a date part or zeros.
    #[error("unknown part")]
    UnknownPart,
    /// No counter.
    #[error("no counter")]
    NoCounter,
    /// More than one counter.
    #[error("two counters")]
    TwoCounters,
    /// More digits than [`COUNTER_DIGITS_MAX`].
    #[error("counter too long")]
    CounterTooLong,
}

impl NumberPattern {
    /// Reads a pattern.
    pub fn parse(pattern: &str) -> Result<NumberPattern, NumberError> {
        if pattern.chars().count() > PATTERN_CHARS_MAX {
            return Err(NumberError::TooLong);
        }
        let mut parts = Vec::new();
        let mut rest = pattern;
        while !rest.is_empty() {
            let Some(after) = rest.strip_prefix('{') else {
                let (text, next) = rest.split_at(rest.find('{').unwrap_or(rest.len()));
                if text.contains('}') {
                    return Err(NumberError::UnknownPart);
                }
                parts.push(NumberPart::Text(text.to_owned()));
                rest = next;
                continue;
            };
            let (name, next) = after.split_once('}').ok_or(NumberError::UnknownPart)?;
            parts.push(part(name)?);
            rest = next;
        }
        match parts.iter().filter(|part| matches!(part, NumberPart::Counter(_))).count() {
            0 => Err(NumberError::NoCounter),
            1 => Ok(NumberPattern(parts)),
            _ => Err(NumberError::TwoCounters),
        }
    }

    /// The number with this counter on this day.
    pub fn format(&self, day: NaiveDate, counter: u64) -> String {
        self.0.iter().map(|part| part.format(day, counter)).collect()
    }

    /// What the counter belongs to on this day: the text of the date parts. Empty when it counts for ever.
    pub fn period(&self, day: NaiveDate) -> String {
        let dated =
            |part: &&NumberPart| matches!(part, NumberPart::Year | NumberPart::Month | NumberPart::Day);
        let parts: Vec<String> = self.0.iter().filter(dated).map(|part| part.format(day, 0)).collect();
        parts.join("-")
    }
}

impl NumberPart {
    fn format(&self, day: NaiveDate, counter: u64) -> String {
        match self {
            NumberPart::Text(text) => text.clone(),
            NumberPart::Year => format!("{:04}", day.year()),
            NumberPart::Month => format!("{:02}", day.month()),
            NumberPart::Day => format!("{:02}", day.day()),
            NumberPart::Counter(digits) => format!("{counter:0width$}", width = *digits),
        }
    }
}

fn part(name: &str) -> Result<NumberPart, NumberError> {
    match name {
        "yyyy" => Ok(NumberPart::Year),
        "mm" => Ok(NumberPart::Month),
        "dd" => Ok(NumberPart::Day),
        zeros if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => {
            if zeros.len() > COUNTER_DIGITS_MAX {
                return Err(NumberError::CounterTooLong);
            }
            Ok(NumberPart::Counter(zeros.len()))
        }
        _ => Err(NumberError::UnknownPart),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_gives_numbers_and_the_period_of_its_counter() {
        let day = NaiveDate::from_ymd_opt(2026, 3, 9).unwrap();
        let pattern = NumberPattern::parse("订单-{yyyy}{mm}-{0000}").unwrap();
        assert_eq!(pattern.format(day, 42), "订单-202603-0042");
        assert_eq!(pattern.format(day, 123_456), "订单-202603-123456");
        assert_eq!(pattern.period(day), "2026-03");
        assert_eq!(NumberPattern::parse("{000}").unwrap().period(day), "");
    }

    #[test]
    fn patterns_that_cannot_count_are_refused() {
        for (pattern, error) in [
            ("", NumberError::NoCounter),
            ("L-{yyyy}", NumberError::NoCounter),
            ("{00}{00}", NumberError::TwoCounters),
            ("{yy}-{00}", NumberError::UnknownPart),
            ("{00", NumberError::UnknownPart),
            ("00}", NumberError::UnknownPart),
            ("{}", NumberError::UnknownPart),
            ("{0000000000000}", NumberError::CounterTooLong),
        ] {
            assert_eq!(NumberPattern::parse(pattern), Err(error), "{pattern}");
        }
    }
}
