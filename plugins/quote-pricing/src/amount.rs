//! Exact amounts: reading numbers from text, rounding to the cent, and arithmetic that never overflows unseen. Never uses a
//! floating point.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::quotation::{What, Wrong};

/// Half a cent goes up, as traders count.
pub(crate) fn cents(amount: Decimal) -> Decimal {
    let mut rounded = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(2);
    rounded
}

/// Nothing, to the cent.
pub(crate) fn nothing() -> Decimal {
    Decimal::new(0, 2)
}

/// A percentage of an amount, to the cent.
pub(crate) fn share(amount: Decimal, percent: Decimal) -> Result<Decimal, Wrong> {
    Ok(cents(product(amount, percent)? / Decimal::ONE_HUNDRED))
}

/// An amount without a percentage of it, to the cent.
pub(crate) fn less(amount: Decimal, percent: Decimal) -> Result<Decimal, Wrong> {
    Ok(cents(product(amount, Decimal::ONE_HUNDRED - percent)? / Decimal::ONE_HUNDRED))
}

/// By how many percent `after` lies below `before`; 0 when it does not.
pub(crate) fn percent_off(before: Decimal, after: Decimal) -> Decimal {
    if before <= Decimal::ZERO || after >= before {
        return Decimal::ZERO;
    }
    (before - after) * Decimal::ONE_HUNDRED / before
}

pub(crate) fn sum(one: Decimal, other: Decimal) -> Result<Decimal, Wrong> {
    one.checked_add(other).ok_or_else(too_large)
}

pub(crate) fn product(one: Decimal, other: Decimal) -> Result<Decimal, Wrong> {
    one.checked_mul(other).ok_or_else(too_large)
}

fn too_large() -> Wrong {
    Wrong { code: "range", line: None, what: What::Sum, text: String::new() }
}

fn read(
    text: &str,
    what: What,
    line: Option<usize>,
    good: impl Fn(Decimal) -> bool,
) -> Result<Decimal, Wrong> {
    let wrong = |code| Wrong { code, line, what, text: text.to_owned() };
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
    let number: Decimal = text.parse().ok().filter(|_| plain).ok_or_else(|| wrong("number"))?;
    // Beyond a billion with more than six places nobody sells anything, and products stay exact below.
    let in_range = number.abs() <= Decimal::new(1_000_000_000, 0) && number.scale() <= 6;
    if in_range && good(number) { Ok(number) } else { Err(wrong("range")) }
}

pub(crate) fn positive(text: &str, what: What, line: Option<usize>) -> Result<Decimal, Wrong> {
    read(text, what, line, |number| number > Decimal::ZERO)
}

pub(crate) fn not_negative(text: &str, what: What, line: Option<usize>) -> Result<Decimal, Wrong> {
    read(text, what, line, |number| number >= Decimal::ZERO)
}

pub(crate) fn percent(text: Option<&str>, what: What, line: Option<usize>) -> Result<Decimal, Wrong> {
    text.map_or(Ok(Decimal::ZERO), |text| {
        read(text, what, line, |number| number >= Decimal::ZERO && number <= Decimal::ONE_HUNDRED)
    })
}
