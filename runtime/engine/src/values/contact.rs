//! Telephone numbers, e-mail and web addresses, brought into one form so that the same address is the same text.

use mortise_expr::Value;

use super::{Issue, half_width};

/// Longest text looked at as a telephone number.
const PHONE_TEXT_LIMIT: usize = 60;
/// Digits of an international number (E.164).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// Digits of an extension.
const EXTENSION_DIGITS: std::ops::RangeInclusive<usize> = 1..=8;
/// Longest e-mail address (RFC 5321).
const EMAIL_LIMIT: usize = 254;
/// Longest web address that browsers agree on.
const URL_LIMIT: usize = 2_000;

/// What stands before an extension.
const EXTENSION_WORDS: [&str; 7] = ["转分机", "分机", "转", "extension", "ext.", "ext", ";ext="];

/// `+8613800138000`, `+862158886666;ext=801`. Numbers without country are read as Chinese, if they can be.
pub(super) fn phone(text: &str) -> Result<Value, Issue> {
    let refused = || Issue::of("value.not_phone", text);
    let folded = half_width(text).trim().to_lowercase();
    if folded.len() > PHONE_TEXT_LIMIT {
        return Err(refused());
    }
    let (number, extension) = split_extension(&folded);
    let international = number.trim_start().starts_with('+');
    let digits = digits_of(number).ok_or_else(refused)?;
    let normal = normalised(&digits, international).ok_or_else(refused)?;
    match extension {
        None => Ok(Value::text(normal)),
        Some(extension) => {
            let extension =
                digits_of(extension).filter(|e| EXTENSION_DIGITS.contains(&e.len())).ok_or_else(refused)?;
            Ok(Value::text(format!("{normal};ext={extension}")))
        }
    }
}

fn split_extension(text: &str) -> (&str, Option<&str>) {
    let word = EXTENSION_WORDS
        .iter()
        .filter_map(|word| text.find(word).map(|at| (at, word.len())))
        .min_by_key(|(at, len)| (*at, usize::MAX - len));
    match word {
        Some((at, length)) => (&text[..at], Some(&text[at + length..])),
        None => chinese_extension(text),
    }
}

/// `021-58886666-801`: a third group of few digits behind area code and number.
fn chinese_extension(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once('-') {
        Some((number, last))
            if number.starts_with('0')
                && !number.starts_with("00")
                && number.contains('-')
                && (1..=5).contains(&last.len())
                && last.bytes().all(|b| b.is_ascii_digit())
                && digits_of(number).is_some_and(|digits| digits.len() >= 10) =>
        {
            (number, Some(last))
        }
        _ => (text, None),
    }
}

/// The digits, if there is nothing else but usual punctuation. `(0)` behind a country code is dropped.
fn digits_of(text: &str) -> Option<String> {
    let text = text.trim();
    let text = match text.starts_with('+') {
        true => text[1..].replace("(0)", ""),
        false => text.to_owned(),
    };
    let plain =
        text.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '.' | '/' | '='));
    plain
        .then(|| text.chars().filter(char::is_ascii_digit).collect::<String>())
        .filter(|digits| !digits.is_empty())
}

fn normalised(digits: &str, international: bool) -> Option<String> {
    let (digits, international) = match digits.strip_prefix("00") {
        Some(rest) if !international => (rest, true),
        _ => (digits, international),
    };
    if international {
        if let Some(national) = digits.strip_prefix("86") {
            let national = national.strip_prefix('0').unwrap_or(national);
            return (is_mobile(national) || is_landline(national)).then(|| format!("+86{national}"));
        }
        let fits = PHONE_DIGITS.contains(&digits.len()) && !digits.starts_with('0');
        return fits.then(|| format!("+{digits}"));
    }
    if is_mobile(digits) || is_service(digits) {
        return Some(format!("+86{digits}"));
    }
    if let Some(national) = digits.strip_prefix("86").filter(|national| is_mobile(national)) {
        return Some(format!("+86{national}"));
    }
    let national = digits.strip_prefix('0')?;
    (is_mobile(national) || is_landline(national)).then(|| format!("+86{national}"))
}

fn is_mobile(digits: &str) -> bool {
    let bytes = digits.as_bytes();
    bytes.len() == 11 && bytes[0] == b'1' && (b'3'..=b'9').contains(&bytes[1])
}

/// Area code without its 0, then seven or eight digits.
fn is_landline(digits: &str) -> bool {
    let bytes = digits.as_bytes();
    match bytes {
        [b'1', b'0', rest @ ..] | [b'2', _, rest @ ..] => rest.len() == 8 && rest[0] != b'0',
        [b'3'..=b'9', _, _, rest @ ..] => (7..=8).contains(&rest.len()),
        _ => false,
    }
}

/// 400 and 800 numbers, which have no area code.
fn is_service(digits: &str) -> bool {
    digits.len() == 10 && (digits.starts_with("400") || digits.starts_with("800"))
}

/// As typed, with the domain in lower case.
pub(super) fn email(text: &str) -> Result<Value, Issue> {
    let refused = || Issue::of("value.not_email", text);
    let folded = half_width(text);
    let address = folded.trim();
    let (name, domain) = address.rsplit_once('@').ok_or_else(refused)?;
    let name_fits = (1..=64).contains(&name.len())
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.chars().any(|c| c.is_whitespace() || c.is_control() || "()<>[]:;,\\\"@".contains(c));
    if address.len() > EMAIL_LIMIT || !name_fits || !is_domain(domain) || !domain.contains('.') {
        return Err(refused());
    }
    Ok(Value::text(format!("{name}@{}", domain.to_lowercase())))
}

/// An http or https address; `www.example.com` gets `https://`. Other schemes can run code on a page and are refused.
pub(super) fn url(text: &str) -> Result<Value, Issue> {
    let refused = || Issue::of("value.not_url", text);
    let address = text.trim();
    if address.len() > URL_LIMIT
        || address.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"`{}|\\^".contains(c))
    {
        return Err(refused());
    }
    let scheme = address.split_once("://").map(|(scheme, rest)| (scheme.to_lowercase(), rest));
    let (scheme, rest) = match &scheme {
        Some((scheme, rest)) if scheme == "http" || scheme == "https" => (scheme.as_str(), *rest),
        Some(_) => return Err(refused()),
        None => ("https", address),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => authority,
    };
    // A bare word is more likely a slip than the name of a machine, unless a scheme was given.
    let typed_scheme = address.len() != rest.len();
    if !is_domain(host) || !(typed_scheme || host.contains('.')) {
        return Err(refused());
    }
    Ok(Value::text(format!("{scheme}://{}{path}", authority.to_lowercase())))
}

/// Labels of letters, digits and hyphens with dots between; letters of any script.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.chars().count())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    text.len() <= 253 && text.split('.').all(label)
}
