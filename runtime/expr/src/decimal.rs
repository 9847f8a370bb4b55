//! Exact decimal numbers with a fixed scale, as money and measures are stored: a 64-bit mantissa and the number of
//! digits after the point. Arithmetic is checked and rounds half up (away from zero); it never wraps and never
//! goes through floating point.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Digits after the point that a decimal can have. 10^9 leaves nine digits before the point even for products.
pub const SCALE_LIMIT: u8 = 9;

/// The scale of a quotient of exact numbers.
pub(crate) const QUOTIENT_SCALE: u8 = 6;

/// An exact decimal number: `mantissa` × 10^-`scale`. Compared by value: 1.50 equals 1.5.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    /// All digits, without the point.
    pub mantissa: i64,
    /// How many of the digits stand after the point.
    pub scale: u8,
}

/// Why a text is not a decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// The text holds something else than digits, a sign and one point.
    #[error("this is not a number; write digits with at most one point, such as 12.50")]
    Syntax,
    /// More digits after the point than [`SCALE_LIMIT`].
    #[error("a number can have at most {SCALE_LIMIT} digits after the point")]
    Scale,
    /// The number does not fit into 64 bits.
    #[error("the number is too large")]
    Range,
}

impl Decimal {
    /// The number `mantissa` × 10^-`scale`. The scale must not exceed [`SCALE_LIMIT`]; larger ones are cut to it.
    pub fn new(mantissa: i64, scale: u8) -> Decimal {
        debug_assert!(scale <= SCALE_LIMIT, "scale {scale} exceeds {SCALE_LIMIT}");
        Decimal { mantissa, scale: scale.min(SCALE_LIMIT) }
    }

    /// The same number with another scale, rounded half up; `None` where it does not fit into 64 bits.
    pub fn rescale(self, scale: u8) -> Option<Decimal> {
        rescale_wide(i128::from(self.mantissa), self.scale, scale)
    }

    /// The nearest floating point number.
    pub fn to_f64(self) -> f64 {
        // One rounding for the mantissa and one for the division, exactly as the databases do it.
        self.mantissa as f64 / power_f64(self.scale)
    }

    /// The decimal with the given scale nearest to a floating point number.
    pub fn from_f64(number: f64, scale: u8) -> Option<Decimal> {
        let scaled = (number * power_f64(scale)).round();
        let fits = scaled.is_finite() && scaled.abs() < 9.2e18;
        fits.then(|| Decimal::new(scaled as i64, scale))
    }

    /// The exact sum; none outside of 64 bits.
    pub fn checked_add(self, other: Decimal) -> Option<Decimal> {
        let (a, b, scale) = self.aligned(other);
        Some(Decimal::new(i64::try_from(a + b).ok()?, scale))
    }

    pub(crate) fn sub(self, other: Decimal) -> Option<Decimal> {
        let (a, b, scale) = self.aligned(other);
        Some(Decimal::new(i64::try_from(a - b).ok()?, scale))
    }

    /// The product: scales add up, and what exceeds [`SCALE_LIMIT`] is rounded half up.
    pub(crate) fn mul(self, other: Decimal) -> Option<Decimal> {
        let product = i128::from(self.mantissa) * i128::from(other.mantissa);
        let scale = self.scale + other.scale;
        rescale_wide(product, scale, scale.min(SCALE_LIMIT))
    }

    /// The quotient with [`QUOTIENT_SCALE`] digits, rounded half up. The divisor must not be zero.
    pub(crate) fn div(self, other: Decimal) -> Option<Decimal> {
        let shift = u32::from(QUOTIENT_SCALE + other.scale);
        let numerator = i128::from(self.mantissa).checked_mul(10i128.checked_pow(shift)?)?;
        let denominator = i128::from(other.mantissa) * power(self.scale);
        let mantissa = divide_half_up(numerator, denominator);
        Some(Decimal::new(i64::try_from(mantissa).ok()?, QUOTIENT_SCALE))
    }

    /// The number without the zeros that only its scale asks for; two places stay, as people write amounts.
    pub fn shortened(self) -> Decimal {
        let mut short = self;
        while short.scale > 2 && short.mantissa % 10 == 0 {
            short = Decimal::new(short.mantissa / 10, short.scale - 1);
        }
        short
    }

    /// The digits in groups of three: `1,234.50`.
    pub fn grouped(self) -> String {
        let plain = self.to_string();
        let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
        let (whole, fraction) =
            digits.split_once('.').map_or((digits, ""), |(whole, fraction)| (whole, fraction));
        let mut grouped = String::with_capacity(plain.len() + 8);
        grouped.push_str(sign);
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index) % 3 == 0 {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        if !fraction.is_empty() {
            grouped.push('.');
            grouped.push_str(fraction);
        }
        grouped
    }

    pub(crate) fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Both mantissas at the larger of the two scales. 64 bits times 10^9 always fit into 128.
    fn aligned(self, other: Decimal) -> (i128, i128, u8) {
        let scale = self.scale.max(other.scale);
        let a = i128::from(self.mantissa) * power(scale - self.scale);
        let b = i128::from(other.mantissa) * power(scale - other.scale);
        (a, b, scale)
    }
}

/// 10 to the power of a scale.
pub(crate) fn power(scale: u8) -> i128 {
    10i128.pow(u32::from(scale))
}

fn power_f64(scale: u8) -> f64 {
    10f64.powi(i32::from(scale))
}

fn rescale_wide(mantissa: i128, from: u8, to: u8) -> Option<Decimal> {
    let mantissa = if to >= from {
        mantissa.checked_mul(power(to - from))?
    } else {
        divide_half_up(mantissa, power(from - to))
    };
    Some(Decimal::new(i64::try_from(mantissa).ok()?, to))
}

/// Integer division rounded half away from zero. The divisor must not be zero.
pub(crate) fn divide_half_up(numerator: i128, denominator: i128) -> i128 {
    let quotient = numerator / denominator;
    let remainder = (numerator % denominator).unsigned_abs();
    let up = remainder >= denominator.unsigned_abs().div_ceil(2);
    match (up, (numerator < 0) == (denominator < 0)) {
        (false, _) => quotient,
        (true, true) => quotient + 1,
        (true, false) => quotient - 1,
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Decimal {
        Decimal { mantissa: number, scale: 0 }
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Decimal) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        if self.scale == other.scale {
            return self.mantissa.cmp(&other.mantissa);
        }
        let (a, b, _) = self.aligned(*other);
        a.cmp(&b)
    }
}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Equal numbers must hash alike whatever their scale.
        let (mut mantissa, mut scale) = (self.mantissa, self.scale);
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        (mantissa, scale).hash(state);
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = self.mantissa.unsigned_abs();
        if self.scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let unit = 10u64.pow(u32::from(self.scale));
        let width = usize::from(self.scale);
        write!(f, "{sign}{}.{:0width$}", digits / unit, digits % unit)
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Decimal, DecimalError> {
        let text = text.trim();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return Err(DecimalError::Syntax);
        }
        let scale =
            u8::try_from(fraction.len()).ok().filter(|s| *s <= SCALE_LIMIT).ok_or(DecimalError::Scale)?;
        let mut mantissa: i64 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            let digit = i64::from(digit - b'0');
            let signed = if negative { -digit } else { digit };
            mantissa =
                mantissa.checked_mul(10).and_then(|m| m.checked_add(signed)).ok_or(DecimalError::Range)?;
        }
        Ok(Decimal { mantissa, scale })
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn text_and_back_keeps_the_scale() {
        for text in
            ["0", "12.50", "-0.05", "-12", "0.000000001", "9223372036854775807", "-9223372036854775808"]
        {
            assert_eq!(decimal(text).to_string(), text);
        }
    }

    #[test]
    fn texts_that_are_no_numbers_are_refused() {
        for text in ["", ".", "-", "1e3", "1,5", "1.2.3", "０", "--1"] {
            assert_eq!(text.parse::<Decimal>(), Err(DecimalError::Syntax), "{text}");
        }
        assert_eq!("0.0000000001".parse::<Decimal>(), Err(DecimalError::Scale));
        assert_eq!("9223372036854775808".parse::<Decimal>(), Err(DecimalError::Range));
    }

    #[test]
    fn equality_order_and_hash_go_by_value() {
        assert_eq!(decimal("1.50"), decimal("1.5"));
        assert!(decimal("-1.51") < decimal("-1.5"));
        let hash = |d: Decimal| {
            let mut hasher = std::hash::DefaultHasher::new();
            d.hash(&mut hasher);
            hasher.finish()
        };
        assert_eq!(hash(decimal("1.50")), hash(decimal("1.5")));
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        for (text, scale, rounded) in [
            ("2.5", 0, "3"),
            ("-2.5", 0, "-3"),
            ("2.4", 0, "2"),
            ("0.005", 2, "0.01"),
            ("-0.004", 2, "0.00"),
            ("1.2", 3, "1.200"),
        ] {
            assert_eq!(decimal(text).rescale(scale).unwrap().to_string(), rounded, "{text}");
        }
    }

    #[test]
    fn division_has_six_places_and_rounds_half_up() {
        for (a, b, quotient) in [
            ("1", "3", "0.333333"),
            ("2", "3", "0.666667"),
            ("-2", "3", "-0.666667"),
            ("1", "-2", "-0.500000"),
            ("10.00", "0.004", "2500.000000"),
        ] {
            assert_eq!(decimal(a).div(decimal(b)).unwrap().to_string(), quotient, "{a}/{b}");
        }
    }

    #[test]
    fn what_leaves_sixty_four_bits_is_none() {
        let max = Decimal::from(i64::MAX);
        assert!(max.checked_add(Decimal::from(1)).is_none());
        assert!(max.mul(Decimal::from(2)).is_none());
        assert!(max.rescale(1).is_none());
        assert!(Decimal::from(i64::MIN).sub(Decimal::from(1)).is_none());
        assert!(max.div(Decimal::new(1, 9)).is_none());
    }
}
