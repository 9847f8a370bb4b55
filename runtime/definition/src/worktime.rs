//! Working time: the hours of weekdays, holidays and make-up days, and the arithmetic of clocks on them. Pure: every
//! moment and zone comes in, nothing is read from a clock.
//!
//! [`elapsed`] counts the time between two moments, [`deadline`] is its inverse: the moment at which so much time has
//! been counted. Both go by instants, so an hour is an hour also on the day on which clocks are changed.

use std::collections::BTreeMap;

use chrono::{
    DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;

use crate::source::{Calendar, Weekday};

/// Most intervals of one day: one for every hour is more than anybody works by.
pub const INTERVALS_MAX: usize = 24;
/// Most days that are holidays or make-up days; some decades of both.
pub const EXCEPTIONS_MAX: usize = 20_000;
/// Days that a deadline is looked for before a calendar counts as having no more working time: a century and a bit.
const HORIZON_DAYS: u32 = 40_000;
const DAY_SECONDS: u32 = 24 * 3600;
/// Days tried for the end of a gap in local time. The largest gap ever was one day (Samoa, 2011).
const GAP_HOURS_MAX: i64 = 48;

/// A business calendar, ready for arithmetic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkCalendar {
    /// Intervals in seconds from local midnight, by days from Monday.
    week: [Vec<(u32, u32)>; 7],
    /// Days that differ from their weekday; free days have no intervals.
    days: BTreeMap<NaiveDate, Vec<(u32, u32)>>,
}

/// Why a calendar cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarError {
    /// JSON pointer within the calendar.
    pub pointer: String,
    /// Code of the problem.
    pub code: &'static str,
    /// Details by name.
    pub args: Vec<(&'static str, String)>,
}

/// In which time a clock counts.
#[derive(Debug, Clone, Copy)]
pub enum TimeBase<'a> {
    /// All time.
    Calendar,
    /// The working time of a calendar in a zone.
    Working(&'a WorkCalendar, Tz),
}

/// Microseconds that count between two moments; negative when `end` lies before `start`.
pub fn elapsed(start: DateTime<Utc>, end: DateTime<Utc>, base: TimeBase<'_>) -> i64 {
    if end < start {
        return -elapsed(end, start, base);
    }
    let TimeBase::Working(calendar, zone) = base else { return micros(end - start) };
    let mut counted = 0;
    // What is worked on a local day can lie a day off in another zone's view of the same moments.
    let mut day = local_day(start, zone);
    let last = local_day(end, zone);
    while day <= last {
        for (from, to) in calendar.intervals(day, zone) {
            let (from, to) = (from.max(start), to.min(end));
            if from < to {
                counted += micros(to - from);
            }
        }
        let Some(next) = day.checked_add_days(Days::new(1)) else { break };
        day = next;
    }
    counted
}

/// The first moment at which `amount` microseconds have been counted from `start`; with a negative amount the last
/// moment from which so many are counted until `start`. None when the calendar has no such moment within a century.
pub fn deadline(start: DateTime<Utc>, amount: i64, base: TimeBase<'_>) -> Option<DateTime<Utc>> {
    let TimeBase::Working(calendar, zone) = base else {
        return start.checked_add_signed(TimeDelta::microseconds(amount));
    };
    match amount {
        0 => Some(start),
        amount if amount > 0 => forward(start, amount, calendar, zone),
        amount => backward(start, amount.checked_neg()?, calendar, zone),
    }
}

fn forward(start: DateTime<Utc>, amount: i64, calendar: &WorkCalendar, zone: Tz) -> Option<DateTime<Utc>> {
    let mut left = amount;
    let mut day = local_day(start, zone);
    for _ in 0..HORIZON_DAYS {
        for (from, to) in calendar.intervals(day, zone) {
            let from = from.max(start);
            if from >= to {
                continue;
            }
            let length = micros(to - from);
            if left <= length {
                return from.checked_add_signed(TimeDelta::microseconds(left));
            }
            left -= length;
        }
        day = day.checked_add_days(Days::new(1))?;
    }
    None
}

fn backward(start: DateTime<Utc>, amount: i64, calendar: &WorkCalendar, zone: Tz) -> Option<DateTime<Utc>> {
    let mut left = amount;
    let mut day = local_day(start, zone);
    for _ in 0..HORIZON_DAYS {
        for (from, to) in calendar.intervals(day, zone).into_iter().rev() {
            let to = to.min(start);
            if from >= to {
                continue;
            }
            let length = micros(to - from);
            if left <= length {
                return to.checked_sub_signed(TimeDelta::microseconds(left));
            }
            left -= length;
        }
        day = day.checked_sub_days(Days::new(1))?;
    }
    None
}

impl WorkCalendar {
    /// Reads a calendar as it is written; tells everything that is wrong with it.
    pub fn new(source: &Calendar) -> Result<WorkCalendar, Vec<CalendarError>> {
        let mut errors = Vec::new();
        let mut calendar = WorkCalendar::default();
        for (weekday, hours) in &source.week {
            let pointer = format!("/week/{}", weekday_name(*weekday));
            calendar.week[index(*weekday)] = intervals(hours, &pointer, &mut errors);
        }
        for (position, holiday) in source.holidays.iter().enumerate() {
            let pointer = format!("/holidays/{position}");
            let first = date(&holiday.date, &format!("{pointer}/date"), &mut errors);
            let last = match &holiday.to {
                Some(to) => date(to, &format!("{pointer}/to"), &mut errors),
                None => first,
            };
            let (Some(first), Some(last)) = (first, last) else { continue };
            if last < first {
                errors.push(error(
                    format!("{pointer}/to"),
                    "calendar.backwards",
                    &[("date", last.to_string())],
                ));
            }
            let days = first.iter_days().take_while(|day| *day <= last).take(EXCEPTIONS_MAX + 1);
            days.for_each(|day| drop(calendar.days.insert(day, Vec::new())));
        }
        for (position, worked) in source.working_days.iter().enumerate() {
            let pointer = format!("/working_days/{position}");
            let Some(day) = date(&worked.date, &format!("{pointer}/date"), &mut errors) else { continue };
            let hours = match &worked.hours {
                Some(hours) => intervals(hours, &format!("{pointer}/hours"), &mut errors),
                None => calendar.week[index(worked.like.unwrap_or(Weekday::Monday))].clone(),
            };
            if hours.is_empty() {
                errors.push(error(pointer.clone(), "calendar.no_hours", &[("date", day.to_string())]));
            }
            if calendar.days.insert(day, hours).is_some() {
                errors.push(error(format!("{pointer}/date"), "calendar.twice", &[("date", day.to_string())]));
            }
        }
        if calendar.days.len() > EXCEPTIONS_MAX {
            errors.push(error(
                "/holidays".to_owned(),
                "calendar.too_many_days",
                &[("limit", EXCEPTIONS_MAX.to_string())],
            ));
        }
        // Make-up days alone would end some day, and with them every clock.
        if errors.is_empty() && calendar.week.iter().all(Vec::is_empty) {
            errors.push(error("/week".to_owned(), "calendar.empty", &[]));
        }
        if errors.is_empty() { Ok(calendar) } else { Err(errors) }
    }

    /// The intervals of a local day as instants, in order and apart from each other.
    fn intervals(&self, day: NaiveDate, zone: Tz) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        let weekday = day.weekday().num_days_from_monday() as usize;
        let hours = self.days.get(&day).unwrap_or(&self.week[weekday]);
        let instants = hours
            .iter()
            .filter_map(|(from, to)| Some((instant(day, *from, zone)?, instant(day, *to, zone)?)));
        instants.collect()
    }

    /// Whether a moment is working time.
    pub fn is_open(&self, at: DateTime<Utc>, zone: Tz) -> bool {
        self.intervals(local_day(at, zone), zone).iter().any(|(from, to)| *from <= at && at < *to)
    }
}

fn local_day(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// The instant of a local time. Never decreases with the local time: of a time that comes twice the first counts, one
/// that is left out stands for the end of the gap.
fn instant(day: NaiveDate, seconds: u32, zone: Tz) -> Option<DateTime<Utc>> {
    let local = match seconds {
        DAY_SECONDS => day.checked_add_days(Days::new(1))?.and_time(NaiveTime::MIN),
        seconds => day.and_time(NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0)?),
    };
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => Some(at.to_utc()),
        LocalResult::Ambiguous(first, _) => Some(first.to_utc()),
        LocalResult::None => gap_end(local, zone),
    }
}

/// The first instant after a gap in local time.
fn gap_end(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    let valid = |at: NaiveDateTime| !matches!(zone.from_local_datetime(&at), LocalResult::None);
    // Zones change at whole minutes nowadays, and did so at seconds before 1972.
    let mut low = local;
    let mut high = (1..=GAP_HOURS_MAX).map(|hours| local + TimeDelta::hours(hours)).find(|at| valid(*at))?;
    while high - low > TimeDelta::seconds(1) {
        let middle = low + (high - low) / 2;
        if valid(middle) { high = middle } else { low = middle }
    }
    zone.from_local_datetime(&high)
        .earliest()
        .map(|at| DateTime::from_timestamp(at.timestamp(), 0))
        .unwrap_or(None)
}

fn micros(delta: TimeDelta) -> i64 {
    delta.num_microseconds().unwrap_or(i64::MAX)
}

fn index(weekday: Weekday) -> usize {
    weekday as usize
}

fn weekday_name(weekday: Weekday) -> &'static str {
    const NAMES: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    NAMES[index(weekday)]
}

fn error(pointer: String, code: &'static str, args: &[(&'static str, String)]) -> CalendarError {
    CalendarError { pointer, code, args: args.to_vec() }
}

fn date(text: &str, pointer: &str, errors: &mut Vec<CalendarError>) -> Option<NaiveDate> {
    let found = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let found = found.filter(|date| (1970..=9999).contains(&date.year()));
    if found.is_none() {
        errors.push(error(pointer.to_owned(), "calendar.date", &[("text", text.to_owned())]));
    }
    found
}

fn intervals(hours: &[String], pointer: &str, errors: &mut Vec<CalendarError>) -> Vec<(u32, u32)> {
    if hours.len() > INTERVALS_MAX {
        errors.push(error(pointer.to_owned(), "calendar.too_many", &[("limit", INTERVALS_MAX.to_string())]));
        return Vec::new();
    }
    let mut found: Vec<(u32, u32)> = Vec::with_capacity(hours.len());
    for (position, text) in hours.iter().enumerate() {
        let place = format!("{pointer}/{position}");
        match interval(text) {
            None => errors.push(error(place, "calendar.interval", &[("text", text.clone())])),
            Some((from, _)) if found.last().is_some_and(|(_, to)| from < *to) => {
                errors.push(error(place, "calendar.order", &[("text", text.clone())]));
            }
            Some(interval) => found.push(interval),
        }
    }
    found
}

/// `09:00-12:00`; the end lies after the beginning.
fn interval(text: &str) -> Option<(u32, u32)> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (time(from.trim())?, time(to.trim())?);
    (from < to).then_some((from, to))
}

/// `09:30` in seconds; `24:00` is the end of the day.
fn time(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds = hours * 3600 + minutes * 60;
    (minutes < 60 && seconds <= DAY_SECONDS).then_some(seconds)
}

#[cfg(test)]
mod tests;
