//! Lengths of time, stored in milliseconds: `PT2H30M` on the wire; `2h30m`, `2:30`, `1.5小时`, `3天` when typed.

use std::fmt::Write;

use mortise_definition::locale::translate;
use mortise_expr::Value;
use serde_json::Value as Json;

use super::{Issue, half_width};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Longest length of time: a thousand years, which leaves room for sums.
const LIMIT: i64 = 365_000 * DAY;

/// Longest text looked at.
const TEXT_LIMIT: usize = 64;

const UNITS: [(&[&str], i64); 6] = [
    (&["ms", "毫秒"], 1),
    (&["seconds", "second", "secs", "sec", "秒钟", "秒", "s"], SECOND),
    (&["minutes", "minute", "mins", "min", "分钟", "分", "m"], MINUTE),
    (&["hours", "hour", "hrs", "hr", "个小时", "小时", "时", "h"], HOUR),
    (&["days", "day", "天", "日", "d"], DAY),
    (&["weeks", "week", "周", "星期", "w"], 7 * DAY),
];

pub(super) fn from_json(json: &Json) -> Result<Value, Issue> {
    let refused = || Issue::of("value.not_duration", &json.to_string());
    let text = json.as_str().ok_or_else(refused)?;
    parse(text).map(Value::Duration).ok_or_else(refused)
}

pub(super) fn from_text(text: &str) -> Result<Value, Issue> {
    let folded = half_width(text);
    let parsed = parse(&folded).or_else(|| clock(&folded));
    parsed.map(Value::Duration).ok_or_else(|| Issue::of("value.not_duration", text))
}

pub(super) fn check(ms: i64) -> Result<(), Issue> {
    if ms.unsigned_abs() <= LIMIT.unsigned_abs() {
        Ok(())
    } else {
        Err(Issue::new("value.not_duration").with("value", ms))
    }
}

/// The wire form.
pub(super) fn write_iso(ms: i64, out: &mut Vec<u8>) {
    let mut text = String::with_capacity(16);
    if ms < 0 {
        text.push('-');
    }
    let total = ms.unsigned_abs();
    let (hours, rest) = (total / HOUR.unsigned_abs(), total % HOUR.unsigned_abs());
    let (minutes, rest) = (rest / MINUTE.unsigned_abs(), rest % MINUTE.unsigned_abs());
    let (seconds, millis) = (rest / 1_000, rest % 1_000);
    text.push_str("PT");
    // Writing into a String cannot fail.
    if hours > 0 {
        let _ = write!(text, "{hours}H");
    }
    if minutes > 0 {
        let _ = write!(text, "{minutes}M");
    }
    if millis > 0 {
        let _ = write!(text, "{seconds}.{millis:03}S");
    } else if seconds > 0 || total == 0 {
        let _ = write!(text, "{seconds}S");
    }
    out.extend_from_slice(text.as_bytes());
}

/// Days, hours, minutes, seconds in words; zero parts left out.
pub(super) fn display(ms: i64, language: &str) -> String {
    let total = ms.unsigned_abs();
    let parts = [
        ("ui.value.days", total / DAY.unsigned_abs()),
        ("ui.value.hours", total / HOUR.unsigned_abs() % 24),
        ("ui.value.minutes", total / MINUTE.unsigned_abs() % 60),
        ("ui.value.seconds", total / 1_000 % 60),
    ];
    let word = |key: &str, count: u64| translate(language, key, &[("count", &count.to_string())]);
    let mut words: Vec<String> =
        parts.iter().filter(|(_, count)| *count > 0).map(|(key, count)| word(key, *count)).collect();
    if words.is_empty() {
        words.push(word("ui.value.seconds", 0));
    }
    let joined = words.join(&translate(language, "ui.value.duration_separator", &[]));
    if ms < 0 { format!("-{joined}") } else { joined }
}

/// ISO 8601 (`P1DT2H`) or numbers with units (`2h30m`, `1.5小时`).
fn parse(text: &str) -> Option<i64> {
    let lower = text.trim().to_lowercase();
    if lower.len() > TEXT_LIMIT {
        return None;
    }
    let (sign, rest) = lower.strip_prefix('-').map_or((1, lower.as_str()), |rest| (-1, rest));
    let ms = match rest.strip_prefix('p') {
        Some(iso) => {
            let (days, time) = iso.split_once('t').map_or((iso, None), |(days, time)| (days, Some(time)));
            // Years and months have no fixed length; `m` before `T` would be one.
            if days.contains(['m', 'y']) || (days.is_empty() && time.is_none_or(str::is_empty)) {
                return None;
            }
            units(days)?.checked_add(time.map_or(Some(0), units)?)?
        }
        None if rest.is_empty() => return None,
        None => units(rest)?,
    };
    ms.checked_mul(sign).filter(|ms| check(*ms).is_ok())
}

/// A run of `<number><unit>`.
fn units(mut text: &str) -> Option<i64> {
    let mut sum = 0i64;
    text = text.trim();
    while !text.is_empty() {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, rest) = text.split_at(end);
        let rest = rest.trim_start();
        let (word, size) = UNITS
            .iter()
            .flat_map(|(words, size)| words.iter().map(move |word| (*word, *size)))
            .filter(|(word, _)| rest.starts_with(word))
            .max_by_key(|(word, _)| word.len())?;
        sum = sum.checked_add(times(number, size)?)?;
        text = rest[word.len()..].trim_start_matches([' ', ',', '、']);
    }
    Some(sum)
}

/// A decimal number times a unit, exact to the millisecond.
fn times(number: &str, size: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.len() > 9 || fraction.contains('.') {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: i64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let power = 10i128.pow(u32::try_from(fraction.len()).ok()?);
    let part = i64::try_from(i128::from(part) * i128::from(size) / power).ok()?;
    whole.checked_mul(size)?.checked_add(part)
}

/// `2:30` or `2:30:15`: hours, minutes, seconds.
fn clock(text: &str) -> Option<i64> {
    let text = text.trim();
    let mut parts = text.split(':');
    let hours: i64 = parts.next().filter(|part| !part.is_empty() && part.len() <= 5)?.parse().ok()?;
    let below_sixty = |part: &str| {
        (part.len() == 2).then(|| part.parse::<i64>().ok()).flatten().filter(|n| (0..60).contains(n))
    };
    let minutes = below_sixty(parts.next()?)?;
    let seconds = parts.next().map_or(Some(0), below_sixty)?;
    (parts.next().is_none() && hours >= 0).then_some(hours * HOUR + minutes * MINUTE + seconds * SECOND)
}
