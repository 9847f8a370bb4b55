//! Text and long text: stored as typed, without white space at the ends and without control characters.

use mortise_expr::Value;
use regex::Regex;
use serde_json::Value as Json;

use super::Issue;

/// Longest text that is bounded by no field option (numbers given by the system, computed text), in characters.
pub(super) const LINE_LIMIT: u32 = 20_000;

/// The text of a JSON string.
pub(super) fn of_json(json: &Json) -> Result<&str, Issue> {
    json.as_str().ok_or_else(|| Issue::new("value.not_text"))
}

/// One line: a pasted line break becomes a space.
pub(super) fn line(text: &str) -> Result<Value, Issue> {
    let text = text.trim();
    if text.contains(['\n', '\r', '\t']) {
        let words: Vec<&str> =
            text.split(['\n', '\r', '\t']).map(str::trim).filter(|part| !part.is_empty()).collect();
        return clean(&words.join(" "));
    }
    clean(text)
}

/// Several lines, with one kind of line end.
pub(super) fn lines(text: &str) -> Result<Value, Issue> {
    let text = text.trim();
    if text.contains('\r') {
        return clean(&text.replace("\r\n", "\n").replace('\r', "\n"));
    }
    clean(text)
}

fn clean(text: &str) -> Result<Value, Issue> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    refuse_control(text)?;
    Ok(Value::text(text))
}

/// Control characters come from broken files; PostgreSQL cannot store NUL, and people cannot see any of them.
fn refuse_control(text: &str) -> Result<(), Issue> {
    match text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        Some(c) => {
            Err(Issue::new("value.control_character").with("character", format!("U+{:04X}", u32::from(c))))
        }
        None => Ok(()),
    }
}

/// Length in characters, pattern (anchored by the compiler), control characters.
pub(super) fn check(text: &str, max_length: u32, pattern: Option<&Regex>) -> Result<(), Issue> {
    refuse_control(text)?;
    // Bytes are an upper bound of characters, so counting is needed for long texts only.
    if text.len() > max_length as usize {
        let length = text.chars().count();
        if length > max_length as usize {
            return Err(Issue::new("value.too_long").with("max", max_length).with("length", length));
        }
    }
    match pattern {
        Some(pattern) if !pattern.is_match(text) => {
            Err(Issue::of("value.pattern", text).with("pattern", pattern))
        }
        _ => Ok(()),
    }
}
