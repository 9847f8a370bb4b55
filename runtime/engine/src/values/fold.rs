//! The first step of understanding typed text: full-width forms and odd spaces become their plain counterparts.
//! Never used on text that is stored as typed (names, notes), only to recognise numbers, dates, labels and the like.

use std::borrow::Cow;

/// Full-width letters, digits and signs (U+FF01 to U+FF5E) as ASCII; odd spaces as a space, invisible marks dropped.
pub fn half_width(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|&c| !invisible(c)).map(fold).collect())
}

/// One character of [`half_width`].
pub(super) fn fold(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '￥' => '¥',
        '−' | '–' | '—' => '-',
        c if c.is_whitespace() => ' ',
        c => c,
    }
}

/// Marks that spreadsheets and web pages leave in copied text.
fn invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}')
}

/// The form in which labels, names and headers are compared: plain width, lower case, no white space at the ends.
pub(crate) fn comparable(text: &str) -> String {
    half_width(text).trim().to_lowercase()
}
