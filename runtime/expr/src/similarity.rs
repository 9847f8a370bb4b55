//! How alike two short texts are, such as names of companies. Deterministic and language-neutral: no dictionary,
//! no word list.

use std::collections::HashMap;

/// How alike two texts are, from 0 (nothing in common) to 1 (the same but for case, width, spaces and
/// punctuation).
///
/// Both are normalised: full-width forms become half-width, letters small, and everything that is neither letter
/// nor digit is left out. Then the Dice coefficient of their bigrams is taken, counting repeated ones:
/// twice the number of bigrams in common ÷ number of bigrams of both. Texts of one character are equal or not.
pub fn similarity(a: &str, b: &str) -> f64 {
    let (a, b) = (normalised(a), normalised(b));
    if a == b {
        return if a.is_empty() { 0.0 } else { 1.0 };
    }
    if a.len() < 2 || b.len() < 2 {
        return 0.0;
    }
    let mut counts: HashMap<[char; 2], usize> = HashMap::with_capacity(a.len());
    for pair in bigrams(&a) {
        *counts.entry(pair).or_default() += 1;
    }
    let mut common = 0usize;
    for pair in bigrams(&b) {
        if let Some(count) = counts.get_mut(&pair).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    (2 * common) as f64 / (a.len() + b.len() - 2) as f64
}

fn bigrams(text: &[char]) -> impl Iterator<Item = [char; 2]> {
    text.windows(2).map(|pair| [pair[0], pair[1]])
}

fn normalised(text: &str) -> Vec<char> {
    text.chars().map(half_width).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Full-width ASCII (U+FF01 to U+FF5E) as ordinary ASCII.
fn half_width(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_width_spaces_and_punctuation_do_not_count() {
        assert_eq!(similarity("ＡＢＣ Ltd.", "abc-ltd"), 1.0);
        assert_eq!(similarity("上海（浦东）医院", "上海浦东医院"), 1.0);
    }

    #[test]
    fn alike_is_high_and_different_is_low() {
        assert!(similarity("上海明德医疗器械有限公司", "上海明德医疗器械公司") >= 0.8);
        assert!(similarity("night", "nacht") < 0.5);
        assert_eq!(similarity("abc", "xyz"), 0.0);
    }

    #[test]
    fn empty_and_single_characters_are_defined() {
        assert_eq!(similarity("", ""), 0.0);
        assert_eq!(similarity("", "abc"), 0.0);
        assert_eq!(similarity("李", "李"), 1.0);
        assert_eq!(similarity("李", "李明"), 0.0);
    }

    #[test]
    fn repeated_bigrams_count_as_often_as_they_occur() {
        assert!(similarity("aaaa", "aa") < 1.0);
        assert_eq!(similarity("aaaa", "aa"), similarity("aa", "aaaa"));
    }
}
