//! Spans of time in the zone of the tenant: where a window begins, and its days, weeks or months. Pure.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use mortise_definition::source::{Grain, Window};

use crate::kept::minute;

/// Most points of a line; a year of days fits.
pub(super) const BUCKETS_MAX: usize = 400;

/// The moment at which a window begins.
pub(crate) fn start(window: &Window, now: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    let today = now.with_timezone(&zone).date_naive();
    let first = match window {
        Window::Days { days } => return minute(now) - TimeDelta::days(i64::from(*days)),
        Window::Today => today,
        Window::Week => bucket_of(today, Grain::Week),
        Window::Month => bucket_of(today, Grain::Month),
        Window::Quarter => {
            let month = today.month0() / 3 * 3 + 1;
            NaiveDate::from_ymd_opt(today.year(), month, 1).unwrap_or(today)
        }
        Window::Year => NaiveDate::from_ymd_opt(today.year(), 1, 1).unwrap_or(today),
    };
    midnight(first, zone)
}

/// The moment at which the window before the one that begins at `since` begins.
pub(super) fn before_start(window: &Window, since: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    let day = since.with_timezone(&zone).date_naive();
    let first = match window {
        Window::Days { days } => return since - TimeDelta::days(i64::from(*days)),
        Window::Today => day.pred_opt(),
        Window::Week => day.checked_sub_days(Days::new(7)),
        Window::Month => day.checked_sub_months(Months::new(1)),
        Window::Quarter => day.checked_sub_months(Months::new(3)),
        Window::Year => day.checked_sub_months(Months::new(12)),
    };
    first.map_or(since, |first| midnight(first, zone))
}

/// The first days of the steps from `start` until now, at most [`BUCKETS_MAX`] of them, the latest.
pub(super) fn buckets(start: DateTime<Utc>, now: DateTime<Utc>, grain: Grain, zone: Tz) -> Vec<NaiveDate> {
    let last = bucket_of(now.with_timezone(&zone).date_naive(), grain);
    let first = bucket_of(start.with_timezone(&zone).date_naive(), grain);
    let mut days = vec![last];
    while days.len() < BUCKETS_MAX {
        let Some(day) = days.last().and_then(|day| before(*day, grain)).filter(|day| *day >= first) else {
            break;
        };
        days.push(day);
    }
    days.reverse();
    days
}

fn bucket_of(day: NaiveDate, grain: Grain) -> NaiveDate {
    match grain {
        Grain::Day => day,
        Grain::Week => day - Days::new(u64::from(day.weekday().num_days_from_monday())),
        Grain::Month => day.with_day(1).unwrap_or(day),
    }
}

fn before(day: NaiveDate, grain: Grain) -> Option<NaiveDate> {
    match grain {
        Grain::Day => day.pred_opt(),
        Grain::Week => day.checked_sub_days(Days::new(7)),
        Grain::Month => day.checked_sub_months(Months::new(1)),
    }
}

/// The first instant of a day.
pub(crate) fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    // Where midnight is left out the day begins an hour later.
    let at = |hours| {
        zone.from_local_datetime(&(day.and_time(NaiveTime::MIN) + TimeDelta::hours(hours))).earliest()
    };
    (0..24).find_map(at).map_or_else(|| day.and_time(NaiveTime::MIN).and_utc(), |at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    #[test]
    fn windows_begin_at_local_midnight() {
        let zone = chrono_tz::Asia::Shanghai;
        let now = at("2026-05-20T07:30:00+08:00"); // a Wednesday
        let begins = |window| start(&window, now, zone);
        assert_eq!(begins(Window::Today), at("2026-05-20T00:00:00+08:00"));
        assert_eq!(begins(Window::Week), at("2026-05-18T00:00:00+08:00"));
        assert_eq!(begins(Window::Month), at("2026-05-01T00:00:00+08:00"));
        assert_eq!(begins(Window::Quarter), at("2026-04-01T00:00:00+08:00"));
        assert_eq!(begins(Window::Year), at("2026-01-01T00:00:00+08:00"));
        assert_eq!(begins(Window::Days { days: 7 }), at("2026-05-13T07:30:00+08:00"));
        let later = at("2026-05-20T07:30:59+08:00");
        assert_eq!(start(&Window::Days { days: 7 }, later, zone), at("2026-05-13T07:30:00+08:00"));
    }

    #[test]
    fn the_window_before_is_of_the_same_kind() {
        let zone = chrono_tz::Asia::Shanghai;
        let now = at("2026-05-20T07:30:00+08:00");
        let begins = |window| before_start(&window, start(&window, now, zone), zone);
        assert_eq!(begins(Window::Today), at("2026-05-19T00:00:00+08:00"));
        assert_eq!(begins(Window::Week), at("2026-05-11T00:00:00+08:00"));
        assert_eq!(begins(Window::Month), at("2026-04-01T00:00:00+08:00"));
        assert_eq!(begins(Window::Quarter), at("2026-01-01T00:00:00+08:00"));
        assert_eq!(begins(Window::Year), at("2025-01-01T00:00:00+08:00"));
        assert_eq!(begins(Window::Days { days: 7 }), at("2026-05-06T07:30:00+08:00"));
    }

    #[test]
    fn steps_cover_the_window_and_have_a_limit() {
        let zone = chrono_tz::Asia::Shanghai;
        let now = at("2026-05-20T07:30:00+08:00");
        let days = buckets(at("2026-05-18T10:00:00+08:00"), now, Grain::Day, zone);
        assert_eq!(
            days.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["2026-05-18", "2026-05-19", "2026-05-20"]
        );
        let months = buckets(at("2026-01-31T10:00:00+08:00"), now, Grain::Month, zone);
        assert_eq!(months.len(), 5);
        assert_eq!(buckets(at("1990-01-01T00:00:00Z"), now, Grain::Day, zone).len(), BUCKETS_MAX);
    }
}
