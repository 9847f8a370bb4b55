//! Tests of the arithmetic of working time: known cases by hand, and the two functions as inverses of each other.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::json;

use super::{TimeBase, WorkCalendar, deadline, elapsed};

const HOUR: i64 = 3_600_000_000;

fn calendar(source: serde_json::Value) -> WorkCalendar {
    WorkCalendar::new(&serde_json::from_value(source).unwrap()).unwrap()
}

/// Chinese office hours with the National Day of 2026 and its make-up days.
fn office() -> WorkCalendar {
    let day = json!(["09:00-12:00", "13:30-18:00"]);
    calendar(json!({
        "id": "work", "label": "Work",
        "week": {"monday": day, "tuesday": day, "wednesday": day, "thursday": day, "friday": day},
        "holidays": [{"date": "2026-10-01", "to": "2026-10-07"}],
        "working_days": [{"date": "2026-09-27"}, {"date": "2026-10-10", "hours": ["10:00-12:00"]}],
    }))
}

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn shanghai(calendar: &WorkCalendar) -> TimeBase<'_> {
    TimeBase::Working(calendar, chrono_tz::Asia::Shanghai)
}

#[test]
fn a_limit_passes_over_lunch_night_and_weekend() {
    let office = office();
    let due = |start, hours| deadline(at(start), hours * HOUR, shanghai(&office)).unwrap();
    assert_eq!(
        due("2026-03-02T09:00:00+08:00", 3),
        at("2026-03-02T12:00:00+08:00"),
        "ends with the interval"
    );
    assert_eq!(due("2026-03-02T11:00:00+08:00", 2), at("2026-03-02T14:30:00+08:00"), "over lunch");
    assert_eq!(due("2026-03-02T17:00:00+08:00", 2), at("2026-03-03T10:00:00+08:00"), "over night");
    assert_eq!(due("2026-03-06T17:30:00+08:00", 1), at("2026-03-09T09:30:00+08:00"), "over the weekend");
    assert_eq!(due("2026-03-07T12:00:00+08:00", 1), at("2026-03-09T10:00:00+08:00"), "from a free day");
}

#[test]
fn holidays_are_free_and_make_up_days_are_worked() {
    let office = office();
    let count = |start, end| elapsed(at(start), at(end), shanghai(&office)) as f64 / HOUR as f64;
    assert_eq!(count("2026-09-26T00:00:00+08:00", "2026-09-28T00:00:00+08:00"), 7.5, "the Sunday is worked");
    assert_eq!(count("2026-10-01T00:00:00+08:00", "2026-10-08T00:00:00+08:00"), 0.0, "a week off");
    assert_eq!(count("2026-10-10T00:00:00+08:00", "2026-10-11T00:00:00+08:00"), 2.0, "hours of its own");
    let due = deadline(at("2026-09-30T17:00:00+08:00"), 2 * HOUR, shanghai(&office)).unwrap();
    assert_eq!(due, at("2026-10-08T10:00:00+08:00"));
}

#[test]
fn a_step_before_the_limit_goes_back_over_free_time() {
    let office = office();
    let before = deadline(at("2026-03-09T10:00:00+08:00"), -2 * HOUR, shanghai(&office)).unwrap();
    assert_eq!(before, at("2026-03-06T17:00:00+08:00"));
}

#[test]
fn an_hour_is_an_hour_when_clocks_are_changed() {
    let night = calendar(json!({"id": "n", "label": "N", "week": {"sunday": ["00:00-24:00"]}}));
    let base = TimeBase::Working(&night, chrono_tz::Europe::Berlin);
    let zone: Tz = chrono_tz::Europe::Berlin;
    let day = |month, day| zone.with_ymd_and_hms(2026, month, day, 0, 0, 0).unwrap().to_utc();
    assert_eq!(elapsed(day(3, 29), day(3, 30), base), 23 * HOUR, "spring");
    assert_eq!(elapsed(day(10, 25), day(10, 26), base), 25 * HOUR, "autumn");
    // 02:30 does not exist: an interval that begins then begins at 03:00.
    let gap = calendar(json!({"id": "n", "label": "N", "week": {"sunday": ["02:30-04:00"]}}));
    let base = TimeBase::Working(&gap, chrono_tz::Europe::Berlin);
    assert_eq!(elapsed(day(3, 29), day(3, 30), base), HOUR);
}

#[test]
fn a_calendar_says_what_is_wrong_with_it() {
    let source = serde_json::from_value(json!({
        "id": "work", "label": "Work",
        "week": {"monday": ["09:00-09:00", "9-10", "08:00-25:00"], "tuesday": ["09:00-12:00", "11:00-13:00"]},
        "holidays": [{"date": "2026-02-30"}, {"date": "2026-10-07", "to": "2026-10-01"}, {"date": "2026-05-01"}],
        "working_days": [{"date": "2026-05-01", "hours": ["09:00-10:00"]}, {"date": "2026-05-02", "like": "friday"}],
    }));
    let errors = WorkCalendar::new(&source.unwrap()).unwrap_err();
    let found: Vec<String> = errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect();
    let expected = [
        "/week/monday/0 calendar.interval",
        "/week/monday/1 calendar.interval",
        "/week/monday/2 calendar.interval",
        "/week/tuesday/1 calendar.order",
        "/holidays/0/date calendar.date",
        "/holidays/1/to calendar.backwards",
        "/working_days/0/date calendar.twice",
        "/working_days/1 calendar.no_hours",
    ];
    assert_eq!(found, expected);
    let empty = serde_json::from_value(json!({"id": "w", "label": "W", "week": {}})).unwrap();
    assert_eq!(WorkCalendar::new(&empty).unwrap_err()[0].code, "calendar.empty");
}

/// Zones with all kinds of changes: none, one hour, half an hour, around midnight, a day left out.
const ZONES: [Tz; 6] = [
    chrono_tz::Asia::Shanghai,
    chrono_tz::America::New_York,
    chrono_tz::Australia::Lord_Howe,
    chrono_tz::America::Sao_Paulo,
    chrono_tz::Pacific::Apia,
    chrono_tz::Africa::Casablanca,
];

fn any_calendar() -> impl Strategy<Value = WorkCalendar> {
    let cuts = proptest::collection::btree_set(0u32..=96, 0..6);
    let intervals = cuts.prop_map(|cuts| {
        let cuts: Vec<u32> = cuts.into_iter().map(|quarter| quarter * 900).collect();
        cuts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>()
    });
    let week = proptest::collection::vec(intervals.clone(), 7);
    let days = proptest::collection::btree_map(0i64..30_000, intervals, 0..20);
    (week, days).prop_filter_map("a week without work has no deadlines", |(week, days)| {
        if week.iter().all(Vec::is_empty) {
            return None;
        }
        let start = chrono::NaiveDate::from_ymd_opt(1990, 1, 1).unwrap();
        let days = days.into_iter().map(|(day, hours)| (start + TimeDelta::days(day), hours));
        Some(WorkCalendar { week: week.try_into().unwrap(), days: days.collect() })
    })
}

fn any_time() -> impl Strategy<Value = DateTime<Utc>> {
    // 1990 to 2060, to the microsecond.
    (631_152_000_000_000i64..2_840_140_800_000_000)
        .prop_map(|at| DateTime::from_timestamp_micros(at).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_deadline_and_the_time_counted_are_inverses(
        calendar in any_calendar(), zone in 0..ZONES.len(), start in any_time(), amount in -2_000 * HOUR..2_000 * HOUR,
    ) {
        let base = TimeBase::Working(&calendar, ZONES[zone]);
        let due = deadline(start, amount, base).unwrap();
        prop_assert_eq!(elapsed(start, due, base), amount);
    }

    #[test]
    fn counting_is_additive_and_monotone(
        calendar in any_calendar(), zone in 0..ZONES.len(), start in any_time(),
        first in 0..3_000 * HOUR, second in 0..3_000 * HOUR,
    ) {
        let base = TimeBase::Working(&calendar, ZONES[zone]);
        let middle = start + TimeDelta::microseconds(first);
        let end = middle + TimeDelta::microseconds(second);
        let (a, b) = (elapsed(start, middle, base), elapsed(middle, end, base));
        prop_assert!(a >= 0 && b >= 0);
        prop_assert!(a <= first && b <= second, "no more than the time that passes");
        prop_assert_eq!(elapsed(start, end, base), a + b);
        prop_assert_eq!(elapsed(end, start, base), -(a + b));
    }

    #[test]
    fn a_deadline_is_the_first_moment(
        calendar in any_calendar(), zone in 0..ZONES.len(), start in any_time(), amount in 1..500 * HOUR,
    ) {
        let base = TimeBase::Working(&calendar, ZONES[zone]);
        let due = deadline(start, amount, base).unwrap();
        prop_assert!(elapsed(start, due - TimeDelta::microseconds(1), base) < amount);
    }

    #[test]
    fn a_pause_moves_the_deadline_by_itself_in_calendar_time(
        start in any_time(), amount in 0..5_000 * HOUR, before in 0..1_000 * HOUR, pause in 0..1_000 * HOUR,
    ) {
        // A clock counts `before`, stands still for `pause`, and goes on with what is left.
        let counted = before.min(amount);
        let resumed = start + TimeDelta::microseconds(counted + pause);
        let due = deadline(resumed, amount - counted, TimeBase::Calendar).unwrap();
        prop_assert_eq!(due, start + TimeDelta::microseconds(amount + pause));
    }
}
