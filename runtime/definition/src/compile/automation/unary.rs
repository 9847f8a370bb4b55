//! Reads the cells of decision tables: unary tests in the simple form that DMN gives them (S-FEEL), each literal of
//! the type of its input. Nothing is guessed: what cannot be read says why.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate};
use mortise_expr::{Decimal, Type, Value};
use uuid::Uuid;

use crate::model::Test;

/// Longest cell in characters: some dozens of values still fit.
const CELL_CHARS_MAX: usize = 2_000;
/// Most values in one cell.
const VALUES_MAX: usize = 200;

/// Why a cell cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CellError {
    /// Last part of the key of its words.
    pub(super) reason: &'static str,
    /// The part that is wrong.
    pub(super) value: String,
}

fn wrong<T>(reason: &'static str, value: &str) -> Result<T, CellError> {
    Err(CellError { reason, value: value.trim().to_owned() })
}

/// The test that a cell stands for.
pub(super) fn parse(cell: &str, ty: &Type) -> Result<Test, CellError> {
    let text = cell.trim();
    if text.chars().count() > CELL_CHARS_MAX {
        return wrong("too_long", &CELL_CHARS_MAX.to_string());
    }
    if text == "-" {
        return Ok(Test::Any);
    }
    if let Some(inner) = text.strip_prefix("not").map(str::trim_start).and_then(|rest| rest.strip_prefix('('))
    {
        let Some(inner) = inner.strip_suffix(')') else { return wrong("bracket", text) };
        return values(inner, ty).map(Test::NotIn);
    }
    if text.starts_with(['[', '(', ']']) {
        return range(text, ty);
    }
    for (operator, low, inclusive) in
        [(">=", true, true), ("<=", false, true), (">", true, false), ("<", false, false)]
    {
        if let Some(rest) = text.strip_prefix(operator) {
            let end = Some((bound(rest, ty)?, inclusive));
            return Ok(match low {
                true => Test::Range { low: end, high: None },
                false => Test::Range { low: None, high: end },
            });
        }
    }
    values(text, ty).map(Test::In)
}

/// `[1..5)`: square brackets take the end in, round ones (and square ones turned outwards) leave it out.
fn range(text: &str, ty: &Type) -> Result<Test, CellError> {
    let mut chars = text.chars();
    let (open, close) = (chars.next(), chars.next_back());
    let (Some(open), Some(close)) = (open, close) else { return wrong("bracket", text) };
    if !matches!(close, ']' | ')' | '[') {
        return wrong("bracket", text);
    }
    let inner = chars.as_str();
    let Some((low, high)) = split_outside_quotes(inner, "..") else { return wrong("range", text) };
    let (low, high) = (bound(low, ty)?, bound(high, ty)?);
    let (low_in, high_in) = (open == '[', close == ']');
    let empty = match order(&low, &high) {
        Some(Ordering::Greater) => true,
        Some(Ordering::Equal) => !(low_in && high_in),
        _ => false,
    };
    if empty {
        return wrong("empty_range", text);
    }
    Ok(Test::Range { low: Some((low, low_in)), high: Some((high, high_in)) })
}

/// One end of a range: a value of a type that has an order.
fn bound(text: &str, ty: &Type) -> Result<Value, CellError> {
    if matches!(ty, Type::Bool | Type::Text | Type::Id) {
        return wrong("no_order", text);
    }
    match literal(text.trim(), ty)? {
        (Value::Null, _) => wrong("no_order", text),
        (value, "") => Ok(value),
        (_, rest) => wrong("rest", rest),
    }
}

fn values(text: &str, ty: &Type) -> Result<Vec<Value>, CellError> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    loop {
        let (value, after) = literal(rest, ty)?;
        found.push(value);
        if found.len() > VALUES_MAX {
            return wrong("too_many", &VALUES_MAX.to_string());
        }
        let after = after.trim_start();
        match after.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None if after.is_empty() => return Ok(found),
            None => return wrong("rest", after),
        }
    }
}

/// A value at the start, and what follows it.
fn literal<'t>(text: &'t str, ty: &Type) -> Result<(Value, &'t str), CellError> {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let (inner, rest) = quoted(&text[1..], quote)?;
        let value = match ty {
            Type::Text => Some(Value::text(inner.as_str())),
            Type::Date | Type::DateTime | Type::Duration | Type::Id => bare(&inner, ty),
            _ => None,
        };
        return match value {
            Some(value) => Ok((value, rest)),
            None => wrong("type", &inner),
        };
    }
    let end = text.find(',').unwrap_or(text.len());
    let (word, rest) = (text[..end].trim(), &text[end..]);
    match word {
        "" => wrong("empty", text),
        "null" => Ok((Value::Null, rest)),
        _ => match bare(word, ty) {
            Some(value) => Ok((value, rest)),
            None if *ty == Type::Text => wrong("quotes", word),
            None => wrong("type", word),
        },
    }
}

/// The text up to the closing quote, in which a backslash keeps the next character from meaning anything.
fn quoted(text: &str, quote: char) -> Result<(String, &str), CellError> {
    let mut inner = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => inner.extend(chars.next().map(|(_, c)| c)),
            c if c == quote => return Ok((inner, &text[at + c.len_utf8()..])),
            c => inner.push(c),
        }
    }
    wrong("open_quote", text)
}

fn bare(word: &str, ty: &Type) -> Option<Value> {
    match ty {
        Type::Bool => word.parse().ok().map(Value::Bool),
        Type::Int => word.parse().ok().map(Value::Int),
        Type::Decimal(scale) => {
            let number: Decimal = word.parse().ok()?;
            // As stored, so that equal numbers are equal values; finer bounds of ranges keep their digits.
            Some(Value::Decimal(if number.scale <= *scale { number.rescale(*scale)? } else { number }))
        }
        Type::Float => word.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float),
        Type::Date => NaiveDate::parse_from_str(word, "%Y-%m-%d").ok().map(Value::Date),
        Type::DateTime => {
            let instant = DateTime::parse_from_rfc3339(word).ok()?;
            DateTime::from_timestamp_micros(instant.timestamp_micros()).map(Value::DateTime)
        }
        Type::Duration => duration(word).map(Value::Duration),
        Type::Id => Uuid::parse_str(word).ok().map(Value::Id),
        _ => None,
    }
}

/// Milliseconds of `72h`, `1d12h`, `90s`, `-30m`.
pub(super) fn duration(word: &str) -> Option<i64> {
    let (sign, mut rest) = word.strip_prefix('-').map_or((1, word), |rest| (-1, rest));
    let mut total: i64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let amount: i64 = rest[..end].parse().ok()?;
        let unit = match rest[end..].chars().next()? {
            'w' => 7 * 86_400_000,
            'd' => 86_400_000,
            'h' => 3_600_000,
            'm' => 60_000,
            's' => 1_000,
            _ => return None,
        };
        total = total.checked_add(amount.checked_mul(unit)?)?;
        rest = &rest[end + 1..];
    }
    total.checked_mul(sign)
}

/// Which of two values of one type comes first; `None` where the type has no order.
pub(super) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Decimal(a), Value::Decimal(b)) => a.partial_cmp(b),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Date(a), Value::Date(b)) => Some(a.cmp(b)),
        (Value::DateTime(a), Value::DateTime(b)) => Some(a.cmp(b)),
        (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn split_outside_quotes<'t>(text: &'t str, separator: &str) -> Option<(&'t str, &'t str)> {
    let mut quote: Option<char> = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None if text[at..].starts_with(separator) => {
                return Some((&text[..at], &text[at + separator.len()..]));
            }
            None => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::text(value)
    }

    #[test]
    fn cells_are_read_by_the_type_of_their_input() {
        let decimal = |mantissa| Value::Decimal(Decimal::new(mantissa, 2));
        for (cell, ty, test) in [
            ("-", Type::Text, Test::Any),
            ("'a', \"b, c\"", Type::Text, Test::In(vec![text("a"), text("b, c")])),
            (r"'it\'s'", Type::Text, Test::In(vec![text("it's")])),
            ("null", Type::Text, Test::In(vec![Value::Null])),
            ("not('a', null)", Type::Text, Test::NotIn(vec![text("a"), Value::Null])),
            ("true", Type::Bool, Test::In(vec![Value::Bool(true)])),
            (">= 5", Type::Int, Test::Range { low: Some((Value::Int(5), true)), high: None }),
            ("<-5", Type::Int, Test::Range { low: None, high: Some((Value::Int(-5), false)) }),
            (
                "[1..2.5)",
                Type::Decimal(2),
                Test::Range { low: Some((decimal(100), true)), high: Some((decimal(250), false)) },
            ),
            ("72h", Type::Duration, Test::In(vec![Value::Duration(72 * 3_600_000)])),
            ("'1d12h'", Type::Duration, Test::In(vec![Value::Duration(36 * 3_600_000)])),
            (
                "]2026-01-01..2026-01-31]",
                Type::Date,
                Test::Range {
                    low: Some((Value::Date(NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()), false)),
                    high: Some((Value::Date(NaiveDate::from_ymd_opt(2026, 1, 31).unwrap()), true)),
                },
            ),
        ] {
            assert_eq!(parse(cell, &ty), Ok(test), "{cell}");
        }
    }

    #[test]
    fn a_cell_that_cannot_be_read_says_why() {
        for (cell, ty, reason) in [
            ("", Type::Int, "empty"),
            ("gold", Type::Text, "quotes"),
            ("'gold", Type::Text, "open_quote"),
            ("'a' 'b'", Type::Text, "rest"),
            ("'a',", Type::Text, "empty"),
            ("> 'a'", Type::Text, "no_order"),
            ("five", Type::Int, "type"),
            ("5.5", Type::Int, "type"),
            ("[1, 5]", Type::Int, "range"),
            ("[1..5", Type::Int, "bracket"),
            ("[5..1]", Type::Int, "empty_range"),
            ("(1..1]", Type::Int, "empty_range"),
            (">= null", Type::Int, "no_order"),
            ("not(1", Type::Int, "bracket"),
            ("maybe", Type::Bool, "type"),
            ("3 days", Type::Duration, "type"),
            ("99999999999999999d", Type::Duration, "type"),
            ("(", Type::Int, "bracket"),
        ] {
            assert_eq!(parse(cell, &ty).map_err(|error| error.reason), Err(reason), "{cell}");
        }
        assert_eq!(parse(&"1,".repeat(900), &Type::Int).unwrap_err().reason, "too_many");
        assert_eq!(parse(&"1".repeat(3_000), &Type::Int).unwrap_err().reason, "too_long");
    }
}
