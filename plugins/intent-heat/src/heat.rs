//! The arithmetic of heat: points for each touch within a window of days, of which older touches lose a part. The part is
//! small enough that three views of the price stay hot for the whole week. Pure: times are handed in.

use std::collections::BTreeMap;

const DAY: i64 = 86_400;

/// What a contact did.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Touch {
    pub(crate) kind: String,
    /// Seconds since 1970.
    pub(crate) at: i64,
}

/// How touches count.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rules {
    pub(crate) points: BTreeMap<String, f64>,
    pub(crate) days: i64,
    /// Percent that a touch has lost when the window closes behind it.
    pub(crate) fade: i64,
    pub(crate) high: i64,
    pub(crate) medium: i64,
}

impl Default for Rules {
    fn default() -> Self {
        let points = [
            ("pricing_page", 30.0),
            ("product_page", 8.0),
            ("white_paper", 30.0),
            ("form", 40.0),
            ("chat", 20.0),
            ("call", 35.0),
            ("exhibition", 30.0),
        ];
        let points = points.map(|(kind, points)| (kind.to_owned(), points)).into();
        Rules { points, days: 7, fade: 15, high: 65, medium: 25 }
    }
}

/// How warm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    High,
    Medium,
    Low,
}

impl Rules {
    /// Seconds that count.
    pub(crate) fn window(&self) -> i64 {
        self.days * DAY
    }

    pub(crate) fn level(&self, total: f64) -> Level {
        if total >= self.high as f64 {
            Level::High
        } else if total >= self.medium as f64 {
            Level::Medium
        } else {
            Level::Low
        }
    }
}

/// A sum and where it comes from, the weightiest first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sum {
    pub(crate) total: f64,
    pub(crate) by_kind: Vec<Part>,
}

/// What one kind of touch adds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub(crate) kind: String,
    pub(crate) count: usize,
    pub(crate) points: f64,
}

/// Adds touches up. What lies in the future by a wrong clock counts as now.
pub(crate) fn add_up(touches: &[Touch], now: i64, rules: &Rules) -> Sum {
    let lost_in_all = rules.fade as f64 / 100.0;
    let mut parts: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for touch in touches {
        let age = (now - touch.at).max(0);
        let Some(points) = rules.points.get(&touch.kind).filter(|_| age <= rules.window()) else { continue };
        let part = parts.entry(touch.kind.as_str()).or_default();
        part.0 += 1;
        part.1 += points * (1.0 - lost_in_all * age as f64 / rules.window() as f64);
    }
    let mut by_kind: Vec<Part> = parts
        .into_iter()
        .map(|(kind, (count, points))| Part { kind: kind.to_owned(), count, points: tenth(points) })
        .collect();
    by_kind.sort_by(|one, other| other.points.total_cmp(&one.points).then_with(|| one.kind.cmp(&other.kind)));
    // The parts as shown, so that they add up to what is shown.
    let total = tenth(by_kind.iter().map(|part| part.points).sum());
    Sum { total, by_kind }
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Seconds since 1970 of `2026-03-31T08:15:00Z`; fractions of a second are cut off.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let time = time.split('.').next()?;
    let mut time = time.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let in_range = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    in_range.then(|| days(year, month, day) * DAY + hour * 3_600 + minute * 60 + second)
}

/// The timestamp of seconds since 1970.
pub(crate) fn timestamp(seconds: i64) -> String {
    let (day, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = date(day);
    let (hour, minute, second) = (rest / 3_600, rest % 3_600 / 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Days since 1970. Years begin in March here, so that the leap day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_alike() {
        for text in
            ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59Z", "2026-03-31T08:15:00Z", "2100-03-01T00:00:00Z"]
        {
            assert_eq!(timestamp(seconds(text).unwrap()), text);
        }
        assert_eq!(seconds("2026-03-31T08:15:00Z"), Some(1_774_944_900));
        assert_eq!(seconds("2026-03-31T08:15:00.123Z"), seconds("2026-03-31T08:15:00Z"));
        for text in ["", "2026-03-31", "2026-13-01T00:00:00Z", "2026-03-31T08:15:00+08:00", "x-y-zTa:b:cZ"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn older_touches_count_less_and_those_beyond_the_window_nothing() {
        let rules = Rules::default();
        let now = 100 * DAY;
        let one = |days: i64| {
            let touch = Touch { kind: "white_paper".into(), at: now - days * DAY };
            add_up(&[touch], now, &rules).total
        };
        assert_eq!(one(0), 30.0);
        assert!(one(1) < one(0) && one(6) < one(1) && one(6) > 0.0);
        assert_eq!((one(8), one(-1)), (0.0, 30.0));
    }

    #[test]
    fn what_is_hot_stays_hot_for_the_whole_week() {
        let rules = Rules::default();
        let level = |kind: &str, count: usize, days: i64| {
            let touch = Touch { kind: kind.into(), at: -days * DAY };
            rules.level(add_up(&vec![touch; count], 0, &rules).total)
        };
        for days in 0..=7 {
            assert_eq!(level("pricing_page", 3, days), Level::High, "{days}");
            assert_eq!(level("pricing_page", 2, days), Level::Medium, "{days}");
            assert_eq!(level("white_paper", 1, days), Level::Medium, "{days}");
            assert_eq!(level("product_page", 2, days), Level::Low, "{days}");
        }
    }

    #[test]
    fn parts_add_up_to_the_sum_and_unknown_kinds_are_left_out() {
        let rules = Rules::default();
        let touch = |kind: &str, at: i64| Touch { kind: kind.into(), at };
        let touches = [touch("call", 0), touch("form", -DAY), touch("call", -2 * DAY), touch("dance", 0)];
        let sum = add_up(&touches, 0, &rules);
        let parts: f64 = sum.by_kind.iter().map(|part| part.points).sum();
        assert_eq!(sum.total, (parts * 10.0).round() / 10.0);
        assert_eq!(sum.by_kind.iter().map(|part| part.count).sum::<usize>(), 3);
        assert_eq!(sum.by_kind[0].kind, "call");
    }
}
