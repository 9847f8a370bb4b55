//! Days and moments. JSON takes ISO 8601 only; typed text also the usual Chinese and English ways of writing a date.
//! Orders that mean different days to different people (`03/04/2026`) are refused, not guessed.

use std::sync::LazyLock;

use chrono::{
    DateTime, Datelike, Duration, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, TimeZone,
    Utc,
};
use chrono_tz::Tz;
use mortise_expr::Value;
use regex::Regex;
use serde_json::Value as Json;

use super::{Issue, half_width};

/// Years that both databases and every browser can hold.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// Longest text looked at as a date.
const TEXT_LIMIT: usize = 64;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

fn pattern(source: &str) -> Regex {
    Regex::new(source).expect("the patterns of this file are constant and valid")
}

/// 2026-11-22, 2026/11/2, 2026.11.2, 2026年11月22日, 20261122
static YEAR_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?:(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?|(\d{4})(\d{2})(\d{2}))")
});
/// 22 Nov 2026, 22nd November, 2026
static DAY_NAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?i)(\d{1,2})(?:st|nd|rd|th)?[\s-]+([a-z]{3,9})\.?,?[\s-]+(\d{4})(?:$|[\sT,]+)")
});
/// Nov 22, 2026
static NAME_DAY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?i)([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(?:$|[\sT,]+)"));
/// 3/4/2026 or 03.04.26
static AMBIGUOUS: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})\b"));
/// 9:18, 09:18:05.25, 下午3点20分, 3:20 PM
static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?i)(凌晨|早上|上午|中午|下午|傍晚|晚上|am|pm)?\s*(\d{1,2})\s*(?:[:点时]\s*(?:(\d{1,2})|(半))?\s*分?(?:[:\s]*(\d{1,2})(\.\d{1,9})?\s*秒?)?|[点时])?\s*(a\.?m\.?|p\.?m\.?)?$",
    )
});

pub(super) fn date_from_json(json: &Json) -> Result<Value, Issue> {
    let refused = || Issue::of("value.not_date", &json.to_string());
    let text = json.as_str().ok_or_else(refused)?.trim();
    let shaped = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    let date =
        shaped.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten().ok_or_else(refused)?;
    Ok(Value::Date(date))
}

pub(super) fn datetime_from_json(json: &Json, tz: Tz) -> Result<Value, Issue> {
    let refused = || Issue::of("value.not_datetime", &json.to_string());
    let text = json.as_str().ok_or_else(refused)?.trim();
    iso_instant(text, tz).map(instant_value).ok_or_else(refused)
}

pub(super) fn date_from_text(text: &str) -> Result<Value, Issue> {
    let folded = folded(text).ok_or_else(|| Issue::of("value.not_date", text))?;
    match split_date(&folded) {
        Some((date, rest)) if rest.is_empty() || clock(rest).is_some() => Ok(Value::Date(date)),
        _ if AMBIGUOUS.is_match(&folded) => Err(Issue::of("value.date_ambiguous", text)),
        _ => Err(Issue::of("value.not_date", text)),
    }
}

pub(super) fn datetime_from_text(text: &str, tz: Tz) -> Result<Value, Issue> {
    let refused = || Issue::of("value.not_datetime", text);
    let folded = folded(text).ok_or_else(refused)?;
    if let Some(instant) = iso_instant(&folded, tz) {
        return Ok(instant_value(instant));
    }
    let Some((date, rest)) = split_date(&folded) else {
        let code = if AMBIGUOUS.is_match(&folded) { "value.date_ambiguous" } else { "value.not_datetime" };
        return Err(Issue::of(code, text));
    };
    let time = if rest.is_empty() { NaiveTime::MIN } else { clock(rest).ok_or_else(refused)? };
    local(date.and_time(time), tz).map(instant_value).ok_or_else(refused)
}

pub(super) fn check_date(date: NaiveDate) -> Result<(), Issue> {
    if YEARS.contains(&date.year()) { Ok(()) } else { Err(Issue::of("value.not_date", &date.to_string())) }
}

pub(super) fn check_instant(instant: DateTime<Utc>) -> Result<(), Issue> {
    if YEARS.contains(&instant.year()) {
        Ok(())
    } else {
        Err(Issue::of("value.not_datetime", &instant.to_rfc3339()))
    }
}

/// A moment in the zone of the reader, to the minute.
pub(super) fn display(instant: DateTime<Utc>, tz: Tz) -> String {
    instant.with_timezone(&tz).format("%Y-%m-%d %H:%M").to_string()
}

fn folded(text: &str) -> Option<String> {
    let folded = half_width(text).trim().to_owned();
    (folded.len() <= TEXT_LIMIT).then_some(folded)
}

fn instant_value(instant: DateTime<Utc>) -> Value {
    Value::DateTime(instant.trunc_subsecs(6))
}

/// RFC 3339, or ISO local time, or an ISO day (its first moment).
fn iso_instant(text: &str, tz: Tz) -> Option<DateTime<Utc>> {
    if text.len() > TEXT_LIMIT {
        return None;
    }
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.with_timezone(&Utc));
    }
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    let time = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    local(time.or_else(|| Some(day()?.and_time(NaiveTime::MIN)))?, tz)
}

/// The moment of a local time. Of a time that occurs twice the first is meant; one that a clock change skipped means an hour later.
fn local(time: NaiveDateTime, tz: Tz) -> Option<DateTime<Utc>> {
    let resolve = |time: NaiveDateTime| match tz.from_local_datetime(&time) {
        LocalResult::Single(found) | LocalResult::Ambiguous(found, _) => Some(found.with_timezone(&Utc)),
        LocalResult::None => None,
    };
    resolve(time).or_else(|| resolve(time.checked_add_signed(Duration::hours(1))?))
}

/// The day at the beginning of a text, and what follows it.
fn split_date(text: &str) -> Option<(NaiveDate, &str)> {
    let number = |found: Option<regex::Match>| found.and_then(|m| m.as_str().parse::<u32>().ok());
    let (year, month, day, end) = if let Some(parts) = YEAR_FIRST.captures(text) {
        let of = |a: usize, b: usize| number(parts.get(a).or(parts.get(b)));
        (of(1, 4)?, of(2, 5)?, of(3, 6)?, parts.get(0)?.end())
    } else if let Some(parts) = DAY_NAME.captures(text) {
        (number(parts.get(3))?, month_named(&parts[2])?, number(parts.get(1))?, parts.get(0)?.end())
    } else {
        let parts = NAME_DAY.captures(text)?;
        (number(parts.get(3))?, month_named(&parts[1])?, number(parts.get(2))?, parts.get(0)?.end())
    };
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    let rest = &text[end..];
    let goes_on =
        rest.starts_with(|c: char| c.is_ascii_digit()) && text[..end].ends_with(|c: char| c.is_ascii_digit());
    (!goes_on).then(|| (date, rest.trim_start_matches(['T', ',', ' '])))
}

/// A month by its English name or the usual beginning of it.
fn month_named(name: &str) -> Option<u32> {
    let start = name.get(..3)?.to_lowercase();
    MONTHS.iter().position(|month| *month == start).and_then(|index| u32::try_from(index + 1).ok())
}

/// A time of day.
fn clock(text: &str) -> Option<NaiveTime> {
    let parts = CLOCK.captures(text)?;
    let number = |index: usize| parts.get(index).map_or(Some(0), |m| m.as_str().parse::<u32>().ok());
    let half_day = parts.get(1).or(parts.get(7)).map(|m| m.as_str().to_lowercase().replace('.', ""));
    if text.bytes().all(|b| b.is_ascii_digit()) && half_day.is_none() {
        return None; // a bare number is no time
    }
    let hour = match (half_day.as_deref(), number(2)?) {
        (Some("pm" | "下午" | "傍晚" | "晚上" | "中午"), hour @ 1..=11) => hour + 12,
        (Some("am" | "凌晨" | "早上" | "上午"), 12) => 0,
        (_, hour) => hour,
    };
    let minute = if parts.get(4).is_some() { 30 } else { number(3)? };
    let nanos = match parts.get(6) {
        Some(fraction) => (fraction.as_str().parse::<f64>().ok()? * 1e9) as u32,
        None => 0,
    };
    NaiveTime::from_hms_nano_opt(hour, minute, number(5)?, nanos)
}
