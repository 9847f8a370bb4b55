//! Diagnostics: what is wrong with an expression, where, and what to do about it. The message is English; `code`
//! and `args` let callers phrase it in any language. A diagnostic never quotes record data, only the source.

use std::fmt;

/// One finding about the source of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable kind: `expr.syntax`, `expr.unknown_name`, `expr.type`, `expr.sql` or `expr.limit`.
    pub code: &'static str,
    /// Where in the source: the character, counted from 1 over the whole source.
    pub column: usize,
    /// Details by name. `reason` is a stable word that says which rule was broken; `suggestion` is a likely
    /// intended name.
    pub args: Vec<(&'static str, String)>,
    /// What is wrong and what to do, in English.
    pub message: String,
}

impl Diagnostic {
    pub(crate) fn new(code: &'static str, column: usize, message: impl Into<String>) -> Diagnostic {
        Diagnostic { code, column, args: Vec::new(), message: message.into() }
    }

    #[must_use]
    pub(crate) fn arg(mut self, name: &'static str, value: impl fmt::Display) -> Diagnostic {
        self.args.push((name, value.to_string()));
        self
    }

    /// The detail of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.args.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    /// The message in a language of the product: Chinese for `zh…`, English otherwise.
    pub fn message_in(&self, language: &str) -> String {
        let translated = if language.starts_with("zh") { crate::chinese::message(self) } else { None };
        translated.unwrap_or_else(|| self.message.clone())
    }

    /// The message with the offending line of the source and a caret under the place.
    pub fn render(&self, source: &str) -> String {
        let (mut left, mut line_number) = (self.column.saturating_sub(1), 1);
        let mut offending = "";
        for line in source.split('\n') {
            offending = line;
            let length = line.chars().count();
            if left <= length {
                break;
            }
            left -= length + 1;
            line_number += 1;
        }
        let quoted = format!("  {offending}");
        // A wide character takes two cells, so the padding repeats the text's own width.
        let padding: String =
            offending.chars().take(left).map(|c| if c.is_ascii() { " " } else { "\u{3000}" }).collect();
        let code = self.code;
        format!("{code} at {line_number}:{}: {}\n{}\n  {padding}^", left + 1, self.message, quoted.trim_end())
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {} [{}]", self.column, self.message, self.code)
    }
}

impl std::error::Error for Diagnostic {}

/// The candidate nearest to a name, if one is near enough to be a likely slip.
pub fn suggest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = match name.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    let scored = candidates.into_iter().filter_map(|candidate| {
        let distance = edit_distance(&name.to_lowercase(), &candidate.to_lowercase());
        (distance <= limit && distance < candidate.chars().count()).then_some((distance, candidate))
    });
    scored.min().map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut current = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = previous[j] + usize::from(x != y);
            let mut best = replaced.min(previous[j + 1] + 1).min(current[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_nearest_name_and_a_stranger_finds_none() {
        let names = ["status", "state", "amount", "id"];
        assert_eq!(suggest("statsu", names), Some("status"));
        assert_eq!(suggest("Amount", names), Some("amount"));
        assert_eq!(suggest("customer", names), None);
        assert_eq!(suggest("xy", names), None);
    }

    #[test]
    fn the_caret_stands_under_the_place_also_behind_chinese_and_on_later_lines() {
        let rendered = Diagnostic::new("expr.type", 11, "wrong").render("1 ==\n '客户' x");
        expect_test::expect![[r#"
            expr.type at 2:6: wrong
               '客户' x
                　　 ^"#]]
        .assert_eq(&rendered);
    }
}
