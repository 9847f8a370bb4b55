//! Local time: what an instant is called on the calendar of a zone. The one place that decides it, for the
//! evaluator and for SQLite (where the store registers [`local_part`] as the function `mortise_local`).

use chrono::{DateTime, Datelike, LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc};
use serde::{Deserialize, Serialize};

use crate::Zone;

/// Milliseconds of a day of 24 hours.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// A part of a date or of a local time that expressions can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Part {
    Date,
    Year,
    Month,
    Day,
    Weekday,
    Hour,
}

impl Part {
    /// The name of the part in expressions and in `mortise_local`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Part::Date => "date",
            Part::Year => "year",
            Part::Month => "month",
            Part::Day => "day",
            Part::Weekday => "weekday",
            Part::Hour => "hour",
        }
    }

    fn from_name(name: &str) -> Option<Part> {
        [Part::Date, Part::Year, Part::Month, Part::Day, Part::Weekday, Part::Hour]
            .into_iter()
            .find(|part| part.name() == name)
    }

    /// The part as a number; a date as days since 1970-01-01.
    pub(crate) fn of(self, local: NaiveDateTime) -> i64 {
        let date = local.date();
        match self {
            Part::Date => epoch_days(date),
            Part::Year => i64::from(date.year()),
            Part::Month => i64::from(date.month()),
            Part::Day => i64::from(date.day()),
            Part::Weekday => i64::from(date.weekday().number_from_monday()),
            Part::Hour => i64::from(local.hour()),
        }
    }
}

/// The local time of an instant in a zone.
pub(crate) fn local(instant: DateTime<Utc>, tz: Zone) -> NaiveDateTime {
    instant.with_timezone(&tz).naive_local()
}

/// The instant of a local time. Of a time that occurs twice the first is meant; one that a change of clocks skipped means an
/// hour later.
pub fn instant_of(time: NaiveDateTime, tz: Zone) -> Option<DateTime<Utc>> {
    let resolve = |time: NaiveDateTime| match tz.from_local_datetime(&time) {
        LocalResult::Single(found) | LocalResult::Ambiguous(found, _) => Some(found.with_timezone(&Utc)),
        LocalResult::None => None,
    };
    resolve(time).or_else(|| resolve(time.checked_add_signed(TimeDelta::hours(1))?))
}

/// A day written as 2026-03-01.
pub(crate) fn read_date(text: &str) -> Option<NaiveDate> {
    (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}

/// A moment written as 2026-03-01T08:00:00+08:00, cut to microseconds.
pub(crate) fn read_instant(text: &str) -> Option<DateTime<Utc>> {
    let instant = DateTime::parse_from_rfc3339(text).ok()?;
    DateTime::from_timestamp_micros(instant.timestamp_micros())
}

/// Days since 1970-01-01.
pub(crate) fn epoch_days(date: NaiveDate) -> i64 {
    date.signed_duration_since(NaiveDate::default()).num_days()
}

/// The instant of a number of microseconds since 1970-01-01T00:00:00Z.
pub(crate) fn instant(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
}

/// A part of the local time of an instant, for SQLite's function `mortise_local(part, micros, zone)`: `date` as
/// days since 1970-01-01, `year`, `month`, `day`, `weekday` (1 is Monday) and `hour` as they are read.
/// `None` for an unknown part or zone, or an instant outside of the calendar.
#[cfg(not(target_arch = "wasm32"))]
pub fn local_part(part: &str, micros: i64, tz: &str) -> Option<i64> {
    let part = Part::from_name(part)?;
    let tz: Zone = tz.parse().ok()?;
    let time = instant(micros)?;
    Some(part.of(local(time, tz)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_the_zone() {
        // 2026-03-01T20:30:00Z is Sunday in London and Monday in Shanghai.
        let micros = 1_772_397_000_000_000;
        let all = |tz: &str| {
            ["year", "month", "day", "weekday", "hour"].map(|part| local_part(part, micros, tz).unwrap())
        };
        assert_eq!(all("Europe/London"), [2026, 3, 1, 7, 20]);
        assert_eq!(all("Asia/Shanghai"), [2026, 3, 2, 1, 4]);
        assert_eq!(local_part("date", micros, "Asia/Shanghai"), Some(20_514));
        assert_eq!(local_part("date", -1, "UTC"), Some(-1));
    }

    #[test]
    fn unknown_parts_and_zones_give_nothing() {
        assert_eq!(local_part("second", 0, "UTC"), None);
        assert_eq!(local_part("year", 0, "Mars/Base"), None);
        assert_eq!(local_part("year", i64::MAX, "UTC"), None);
    }
}
