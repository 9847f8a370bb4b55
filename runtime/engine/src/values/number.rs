//! Whole numbers, decimals and money. Numbers are exact: digits that do not fit are refused, never rounded away.
//! On a page of text, `￥1,250.50`, `1.5万`, `3亿`, `(300)` and full-width digits are numbers too.

use mortise_expr::{Decimal, INT_LIMIT, Value};
use serde_json::Value as Json;

use super::{Issue, half_width};

/// Longest number that is looked at; the largest that fits has 16 digits.
const TEXT_LIMIT: usize = 64;

/// Chinese words for powers of ten behind a number, longest first.
const POWERS: [(&str, u32); 7] =
    [("百万", 6), ("千万", 7), ("百", 2), ("千", 3), ("万", 4), ("亿", 8), ("萬", 4)];

/// Signs and words for money around an amount.
const CURRENCIES: [&str; 10] = ["¥", "$", "€", "£", "元整", "元", "rmb", "人民币", "cny", "usd"];

/// A number as digits: `mantissa` × 10^-`scale`.
#[derive(Clone, Copy)]
struct Digits {
    mantissa: i128,
    scale: u32,
}

pub(super) fn integer_from_json(json: &Json) -> Result<Value, Issue> {
    let refused = || Issue::of("value.not_integer", &json.to_string());
    let Json::Number(number) = json else { return Err(refused()) };
    match number.as_i64() {
        Some(number) => Ok(Value::Int(number)),
        None if number.is_u64() => Err(out_of_range()),
        // 12.0 is whole; programs in some languages know no other numbers.
        None => number
            .as_f64()
            .filter(|n| n.fract() == 0.0 && n.abs() <= INT_LIMIT as f64)
            .map(|n| Value::Int(n as i64))
            .ok_or_else(refused),
    }
}

pub(super) fn integer_from_text(text: &str) -> Result<Value, Issue> {
    let digits = lenient(text, None).ok_or_else(|| Issue::of("value.not_integer", text))?;
    match rescale(digits, 0) {
        Some(number) => i64::try_from(number).map(Value::Int).map_err(|_| out_of_range()),
        None => Err(Issue::of("value.not_integer", text)),
    }
}

pub(super) fn decimal_from_json(json: &Json, scale: u8) -> Result<Value, Issue> {
    let text = match json {
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) => number.to_string(),
        other => return Err(Issue::of("value.not_number", &other.to_string())),
    };
    let digits = plain(&text).ok_or_else(|| Issue::of("value.not_number", &text))?;
    to_decimal(digits, scale)
}

pub(super) fn decimal_from_text(text: &str, scale: u8, currency: Option<&str>) -> Result<Value, Issue> {
    let digits = lenient(text, currency).ok_or_else(|| Issue::of("value.not_number", text))?;
    to_decimal(digits, scale)
}

fn to_decimal(digits: Digits, scale: u8) -> Result<Value, Issue> {
    let mantissa = rescale(digits, u32::from(scale))
        .ok_or_else(|| Issue::new("value.too_many_places").with("places", scale))?;
    let mantissa = i64::try_from(mantissa).map_err(|_| out_of_range())?;
    Ok(Value::Decimal(Decimal::new(mantissa, scale)))
}

pub(super) fn check_integer(number: i64, min: i64, max: i64) -> Result<(), Issue> {
    if number.unsigned_abs() > INT_LIMIT.unsigned_abs() {
        return Err(out_of_range());
    }
    within(number, Some(min), Some(max))
}

pub(super) fn check_decimal(
    number: Decimal,
    scale: u8,
    min: Option<Decimal>,
    max: Option<Decimal>,
) -> Result<(), Issue> {
    if number.mantissa.unsigned_abs() > INT_LIMIT.unsigned_abs() {
        return Err(out_of_range());
    }
    if number.scale != scale {
        return Err(Issue::new("value.too_many_places").with("places", scale));
    }
    within(number, min, max)
}

fn within<T: PartialOrd + ToString + Copy>(number: T, min: Option<T>, max: Option<T>) -> Result<(), Issue> {
    match (min, max) {
        (Some(min), _) if number < min => Err(Issue::new("value.too_small").with("min", min.to_string())),
        (_, Some(max)) if number > max => Err(Issue::new("value.too_large").with("max", max.to_string())),
        _ => Ok(()),
    }
}

fn out_of_range() -> Issue {
    Issue::new("value.out_of_range").with("limit", INT_LIMIT)
}

/// An amount for people: thousands apart, with the sign of its currency.
pub(super) fn display(number: Decimal, currency: Option<&str>) -> String {
    let plain = number.grouped();
    let (sign, grouped) = plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
    match currency.map(currency_sign) {
        None => plain,
        Some(Ok(mark)) => format!("{sign}{mark}{grouped}"),
        Some(Err(code)) => format!("{sign}{code} {grouped}"),
    }
}

/// The sign that people write before amounts of a currency; its code where there is none that everybody knows.
pub fn currency_sign(code: &str) -> Result<&'static str, &str> {
    match code {
        "CNY" => Ok("¥"),
        "USD" => Ok("$"),
        "EUR" => Ok("€"),
        "GBP" => Ok("£"),
        code => Err(code),
    }
}

/// `12`, `-12.50`, `1e3` as JSON writes numbers; no separators.
fn plain(text: &str) -> Option<Digits> {
    if text.len() > TEXT_LIMIT {
        return None;
    }
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if digits().next().is_none() || !digits().all(|b| b.is_ascii_digit()) || exponent.unsigned_abs() > 30 {
        return None;
    }
    let mantissa =
        digits().try_fold(0i128, |sum, digit| sum.checked_mul(10)?.checked_add(i128::from(digit - b'0')))?;
    let mantissa = if negative { -mantissa } else { mantissa };
    shift(Digits { mantissa, scale: u32::try_from(fraction.len()).ok()? }, exponent)
}

/// A number as people write it.
fn lenient(text: &str, currency: Option<&str>) -> Option<Digits> {
    let folded = half_width(text).trim().to_lowercase();
    if folded.len() > TEXT_LIMIT {
        return None;
    }
    let (negative, rest) = match folded.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => (true, inner),
        None => match folded.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, folded.as_str()),
        },
    };
    let code = currency.map(str::to_lowercase);
    let mut rest = rest.trim();
    for sign in CURRENCIES.iter().copied().chain(code.as_deref()) {
        rest = rest.strip_prefix(sign).unwrap_or(rest).trim();
        rest = rest.strip_suffix(sign).unwrap_or(rest).trim();
    }
    let power = POWERS.iter().find(|(word, _)| rest.ends_with(word));
    if let Some((word, _)) = power {
        rest = rest.trim_end_matches(word).trim();
    }
    if negative && rest.starts_with(['-', '+']) {
        return None;
    }
    let digits = plain(&ungrouped(rest)?)?;
    let digits = shift(digits, power.map_or(0, |(_, power)| i32::try_from(*power).unwrap_or(0)))?;
    Some(Digits {
        mantissa: if negative { digits.mantissa.checked_neg()? } else { digits.mantissa },
        ..digits
    })
}

/// Takes out thousands separators, but only where they stand between groups of three: `1,5` stays a riddle and is refused.
fn ungrouped(text: &str) -> Option<String> {
    let separator = match text.find([',', ' ', '\'']) {
        None => return Some(text.to_owned()),
        Some(position) => text[position..].chars().next()?,
    };
    let (whole, fraction) =
        text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut groups = whole.split(separator);
    let first = groups.next()?;
    let sizes_fit =
        (1..=3).contains(&first.trim_start_matches('-').len()) && groups.all(|group| group.len() == 3);
    sizes_fit.then(|| match fraction {
        Some(fraction) => format!("{}.{fraction}", whole.replace(separator, "")),
        None => whole.replace(separator, ""),
    })
}

/// Multiplies with a power of ten.
fn shift(digits: Digits, power: i32) -> Option<Digits> {
    let scale = i64::from(digits.scale) - i64::from(power);
    match u32::try_from(scale) {
        Ok(scale) => Some(Digits { scale, ..digits }),
        Err(_) => {
            let factor = 10i128.checked_pow(u32::try_from(-scale).ok()?)?;
            Some(Digits { mantissa: digits.mantissa.checked_mul(factor)?, scale: 0 })
        }
    }
}

/// The mantissa at another scale; `None` when digits would be lost or the number leaves 128 bits.
fn rescale(digits: Digits, scale: u32) -> Option<i128> {
    if scale >= digits.scale {
        return digits.mantissa.checked_mul(10i128.checked_pow(scale - digits.scale)?);
    }
    match 10i128.checked_pow(digits.scale - scale) {
        Some(factor) => (digits.mantissa % factor == 0).then(|| digits.mantissa / factor),
        None => (digits.mantissa == 0).then_some(0),
    }
}
