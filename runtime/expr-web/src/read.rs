//! From typed text to values, for what everybody writes alike: `12.5`, `2026-03-01`, the key of a choice. Whatever else people
//! write is understood by the server alone; here it is unknown, and never guessed.

use chrono::{Datelike, NaiveDate, NaiveDateTime};
use mortise_expr::{Decimal, INT_LIMIT, Value, Zone, instant_of};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How the text of a field is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reads {
    /// One line of at most so many characters.
    Line(u32),
    /// Several lines of at most so many characters.
    Text(u32),
    /// A whole number.
    Int,
    /// A number with so many digits after the point.
    Decimal(u8),
    /// A switch.
    Bool,
    /// A day.
    Day,
    /// A local time.
    Moment,
    /// A key, such as that of a choice or of a node of a tree.
    Word,
    /// Several keys.
    Words,
    /// The id of something that was picked.
    Id,
    /// Nothing but whether there is a value.
    Other,
}

/// The value of the texts of a field; none where only the server can tell. `title` is what stands beside an id.
pub(crate) fn value(reads: Reads, texts: &[String], title: &str, tz: Zone) -> Option<Value> {
    if reads == Reads::Words {
        let items: Vec<Value> =
            texts.iter().filter(|text| !text.is_empty()).map(|text| Value::text(text.as_str())).collect();
        return Some(if items.is_empty() { Value::Null } else { Value::list(items) });
    }
    let text = texts.last().map_or("", |text| text.trim());
    if text.is_empty() {
        // A name that was typed and not picked may still be somebody's.
        return (reads != Reads::Id || title.trim().is_empty()).then_some(Value::Null);
    }
    match reads {
        Reads::Line(max) => words(text, max, false),
        Reads::Text(max) => words(&text.replace("\r\n", "\n"), max, true),
        Reads::Int => whole(text).map(Value::Int),
        Reads::Decimal(scale) => decimal(text, scale).map(Value::Decimal),
        Reads::Bool => match text {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        Reads::Day => day(text).map(Value::Date),
        Reads::Moment => moment(text, tz),
        Reads::Word => Some(Value::text(text)),
        Reads::Id => Uuid::try_parse(text).ok().map(Value::Id),
        Reads::Other | Reads::Words => None,
    }
}

fn words(text: &str, max: u32, lines: bool) -> Option<Value> {
    let odd = |c: char| c.is_control() && !(lines && matches!(c, '\n' | '\t'));
    (!text.contains(odd) && text.chars().count() <= max as usize).then(|| Value::text(text))
}

fn plain(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
}

fn whole(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok().filter(|_| plain(text))?;
    (number.unsigned_abs() <= INT_LIMIT.unsigned_abs()).then_some(number)
}

/// Digits that do not fit are refused by the server, never rounded away here.
fn decimal(text: &str, scale: u8) -> Option<Decimal> {
    let number: Decimal = text.parse().ok().filter(|_| plain(text))?;
    let number = if number.scale <= scale { number.rescale(scale)? } else { return None };
    (number.mantissa.unsigned_abs() <= INT_LIMIT.unsigned_abs()).then_some(number)
}

fn day(text: &str) -> Option<NaiveDate> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10)?;
    (1..=9999).contains(&day.year()).then_some(day)
}

fn moment(text: &str, tz: Zone) -> Option<Value> {
    let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"];
    let local = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    let local = (1..=9999).contains(&local.year()).then_some(local)?;
    instant_of(local, tz).map(Value::DateTime)
}
