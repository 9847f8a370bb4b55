//! Takes apart what people send each other about somebody: a name, a telephone number, a company, an address in any order, with or
//! without words before them, in Chinese and in English. The same text is always taken apart the same way, and nothing is
//! lost: whatever has no kind is a piece of its own, and between pieces there are only spaces, marks and words such as “Tel:”.

mod kinds;
mod labels;

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

use crate::values::contact_phone;

/// Longest text that is taken apart; a message with a card in it has some hundred characters.
pub const SPLIT_BYTES_MAX: usize = 8 * 1024;

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PieceKind {
    /// Name of a person.
    Person,
    /// Telephone number.
    Phone,
    /// E-mail address.
    Email,
    /// Web address.
    Url,
    /// Name of a company or another organisation.
    Organisation,
    /// What somebody is there.
    Position,
    /// Where it is.
    Address,
    /// Anything else.
    Rest,
}

/// A part of the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// What it is.
    pub kind: PieceKind,
    /// Its words, as they stand in the text.
    pub text: String,
    /// Where it stands, in bytes.
    #[serde(skip)]
    pub span: Range<usize>,
}

fn pattern(source: &str) -> Regex {
    Regex::new(source).expect("the patterns of this file are constant and valid")
}

static EMAIL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[A-Za-z0-9][A-Za-z0-9._%+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"));
static URL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)(?:https?://|www\.)[A-Za-z0-9][A-Za-z0-9\-._~:/?#@!$&'*+;=%]*[A-Za-z0-9/]")
});
/// Digits in groups; whether it is a number is told by the rules of telephone numbers.
static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:\+|00)?\(?\d[\d \-()（）.]{5,22}\d(?:\s*(?:转分机|分机|转|ext\.?|extension|-)\s*\d{1,6})?")
});

/// What stands between pieces.
pub(crate) fn separates(letter: char) -> bool {
    letter.is_whitespace()
        || letter.is_control()
        || matches!(
            letter,
            ',' | '，' | ';' | '；' | '|' | '｜' | '、' | '。' | '\u{3000}' | '•' | '·' | '\u{FEFF}'
        )
}

/// What stands between pieces whatever they are.
fn ends(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\t' | ';' | '；' | '|' | '｜' | '，' | '、' | '。' | '•')
        || letter.is_control()
}

/// Takes a text apart, in its own order.
pub fn split(text: &str) -> Vec<Piece> {
    let text = cut(text);
    let mut taken: Vec<(PieceKind, Range<usize>)> = Vec::new();
    for (kind, pattern) in [(PieceKind::Email, &*EMAIL), (PieceKind::Url, &*URL)] {
        for found in pattern.find_iter(text) {
            take(&mut taken, kind, found.range());
        }
    }
    for found in PHONE.find_iter(text) {
        phone(text, found.range(), &mut taken);
    }
    taken.sort_by_key(|(_, span)| span.start);
    let mut pieces = Vec::new();
    let mut from = 0;
    for (kind, span) in taken {
        words(text, from..span.start, &mut pieces);
        from = span.end;
        pieces.push(Piece { kind, text: text[span.clone()].to_owned(), span });
    }
    words(text, from..text.len(), &mut pieces);
    pieces
}

/// The text up to the limit, at the end of a letter.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(SPLIT_BYTES_MAX)]
}

fn take(taken: &mut Vec<(PieceKind, Range<usize>)>, kind: PieceKind, span: Range<usize>) {
    if taken.iter().all(|(_, other)| span.end <= other.start || other.end <= span.start) {
        taken.push((kind, span));
    }
}

/// Takes a telephone number; of digits in a row that are none together, the parts that are.
fn phone(text: &str, span: Range<usize>, taken: &mut Vec<(PieceKind, Range<usize>)>) {
    // Part of a longer word, such as a tax number.
    let letter = |c: char| c.is_ascii_alphanumeric();
    let glued = text[..span.start].ends_with(letter) || text[span.end..].starts_with(letter);
    if glued {
        return;
    }
    if contact_phone(&text[span.clone()]) {
        return take(taken, PieceKind::Phone, span);
    }
    let mut at = span.start;
    for part in text[span].split(' ') {
        let piece = at..at + part.len();
        at += part.len() + 1;
        if contact_phone(part) {
            take(taken, PieceKind::Phone, piece);
        }
    }
}

/// What stands between numbers and addresses of the net: words, by lines and marks.
fn words(text: &str, span: Range<usize>, pieces: &mut Vec<Piece>) {
    let mut start = span.start;
    for (at, letter) in text[span.clone()].char_indices() {
        if ends(letter) {
            segment(text, start..span.start + at, pieces);
            start = span.start + at + letter.len_utf8();
        }
    }
    segment(text, start..span.end, pieces);
}

/// One segment: perhaps with a word before it that says what it is, perhaps several things side by side.
fn segment(text: &str, span: Range<usize>, pieces: &mut Vec<Piece>) {
    let span = trimmed(text, span);
    if span.is_empty() {
        return;
    }
    if let Some((kind, length)) = labels::of(&text[span.clone()]) {
        let value = trimmed(text, span.start + length..span.end);
        match kind {
            // “Tel:” before a number that is taken already leaves nothing.
            _ if value.is_empty() => return,
            Some(kind) => return push(text, kind, value, pieces),
            None => return segment(text, value, pieces),
        }
    }
    let whole = &text[span.clone()];
    // Chinese puts spaces between things, not between words; a comma separates in English but not within an address.
    let comma = |c: char| c == ',';
    let space = |c: char| c.is_whitespace();
    let chinese = kinds::is_chinese(whole);
    if chinese && whole.contains(|c: char| space(c) || comma(c)) {
        return each(text, span, |c| space(c) || comma(c), pieces);
    }
    if !chinese && whole.contains(',') && kinds::of(whole) != PieceKind::Address {
        return each(text, span, comma, pieces);
    }
    if let Some(at) = kinds::name_behind_organisation(whole) {
        push(text, PieceKind::Organisation, span.start..span.start + at, pieces);
        return segment(text, span.start + at..span.end, pieces);
    }
    if let Some(at) = kinds::position_behind_name(whole) {
        push(text, PieceKind::Person, span.start..span.start + at, pieces);
        return push(text, PieceKind::Position, trimmed(text, span.start + at..span.end), pieces);
    }
    push(text, kinds::of(whole), span, pieces);
}

/// The parts of a segment, each by itself.
fn each(text: &str, span: Range<usize>, between: impl Fn(char) -> bool, pieces: &mut Vec<Piece>) {
    let mut start = span.start;
    for (at, letter) in text[span.clone()].char_indices() {
        if between(letter) {
            segment(text, start..span.start + at, pieces);
            start = span.start + at + letter.len_utf8();
        }
    }
    segment(text, start..span.end, pieces);
}

fn push(text: &str, kind: PieceKind, span: Range<usize>, pieces: &mut Vec<Piece>) {
    if !span.is_empty() {
        pieces.push(Piece { kind, text: text[span.clone()].to_owned(), span });
    }
}

/// Without what separates at both ends.
fn trimmed(text: &str, span: Range<usize>) -> Range<usize> {
    let part = &text[span.clone()];
    let start = span.start + (part.len() - part.trim_start_matches(separates).len());
    let end = span.end - (part.len() - part.trim_end_matches(separates).len());
    if start < end { start..end } else { span.start..span.start }
}

#[cfg(test)]
mod tests {
    use PieceKind::*;
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> Vec<(PieceKind, String)> {
        split(text).into_iter().map(|piece| (piece.kind, piece.text)).collect()
    }

    fn of(pieces: &[(PieceKind, String)], kind: PieceKind) -> Vec<&str> {
        pieces.iter().filter(|(known, _)| *known == kind).map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn chinese_messages_are_taken_apart() {
        let cases: [(&str, &str, &str, &str, &str); 6] = [
            (
                "王小明，13800138000，上海明德医疗器械有限公司，上海市浦东新区张江路1000号3号楼",
                "王小明",
                "13800138000",
                "上海明德医疗器械有限公司",
                "上海市浦东新区张江路1000号3号楼",
            ),
            (
                "姓名：李静\n电话：021-58886666转801\n单位：苏州大学附属第一医院\n地址：江苏省苏州市平江路899号",
                "李静",
                "021-58886666转801",
                "苏州大学附属第一医院",
                "江苏省苏州市平江路899号",
            ),
            (
                "杭州云启科技有限公司 欧阳文 138 0013 8000 浙江省杭州市西湖区文三路 90 号",
                "欧阳文",
                "138 0013 8000",
                "杭州云启科技有限公司",
                "浙江省杭州市西湖区文三路",
            ),
            ("张伟13912345678北京恒远机械集团", "张伟", "13912345678", "北京恒远机械集团", ""),
            (
                "收件人: 陈丽\n手机号码: 13712345678\n所在地区: 广东省深圳市南山区\n详细地址: 科技园南路12号",
                "陈丽",
                "13712345678",
                "",
                "广东省深圳市南山区",
            ),
            ("联系人 赵敏（女士）｜+86 136-1234-5678", "赵敏（女士）", "+86 136-1234-5678", "", ""),
        ];
        for (text, person, phone, organisation, address) in cases {
            let pieces = told(text);
            let first = |kind| of(&pieces, kind).first().copied().unwrap_or_default();
            assert_eq!(
                (first(Person), first(Phone), first(Organisation), first(Address)),
                (person, phone, organisation, address),
                "{text}: {pieces:?}"
            );
        }
    }

    #[test]
    fn english_messages_are_taken_apart() {
        let text = "Anna Berg, Head of Procurement\nNorthern Instruments GmbH\nTel: +49 30 1234567\nanna.berg@example.com | www.example.com\nHauptstrasse 12, 10115 Berlin, Germany";
        let pieces = told(text);
        let one = |kind| of(&pieces, kind).join(" / ");
        assert_eq!(one(Person), "Anna Berg");
        assert_eq!(one(Position), "Head of Procurement");
        assert_eq!(one(Organisation), "Northern Instruments GmbH");
        assert_eq!(
            (one(Phone).as_str(), one(Email).as_str(), one(Url).as_str()),
            ("+49 30 1234567", "anna.berg@example.com", "www.example.com")
        );
        assert_eq!(one(Address), "Hauptstrasse 12, 10115 Berlin, Germany");
        let spoken = told(
            "Name: John O'Neill\nCompany: Acme Ltd.\nAddress: 221B Baker Street, London\nWants a demo next week",
        );
        assert_eq!(of(&spoken, Person), ["John O'Neill"]);
        assert_eq!(of(&spoken, Organisation), ["Acme Ltd."]);
        assert_eq!(of(&spoken, Address), ["221B Baker Street, London"]);
        assert_eq!(of(&spoken, Rest), ["Wants a demo next week"]);
    }

    #[test]
    fn what_is_no_telephone_number_stays_as_it_is() {
        let pieces = told("统一社会信用代码 91310000MA1FL0XX0X，邮编 200120");
        assert!(of(&pieces, Phone).is_empty(), "{pieces:?}");
        assert!(of(&pieces, Rest).join(" ").contains("91310000MA1FL0XX0X"));
    }

    #[test]
    fn a_text_beyond_the_limit_is_cut_between_letters() {
        let long = "漢".repeat(SPLIT_BYTES_MAX);
        assert!(split(&long).iter().all(|piece| piece.span.end <= SPLIT_BYTES_MAX));
    }

    proptest! {
        #[test]
        fn whatever_is_pasted_nothing_is_lost(text in r"(\PC|[\n\t，；：:,0-9]|姓名|电话|王小明|有限公司|Tel|GmbH|@|\.com){0,60}") {
            let pieces = split(&text);
            let mut at = 0;
            for piece in &pieces {
                prop_assert!(piece.span.start >= at, "pieces follow each other");
                prop_assert_eq!(&text[piece.span.clone()], &piece.text);
                prop_assert!(between(&text[at..piece.span.start]), "lost: {:?}", &text[at..piece.span.start]);
                at = piece.span.end;
            }
            prop_assert!(between(&text[at..]), "lost: {:?}", &text[at..]);
            prop_assert_eq!(split(&text), pieces);
        }
    }

    /// Only what separates, and words that say what follows.
    fn between(text: &str) -> bool {
        let mut rest = text.trim_start_matches(separates);
        while !rest.is_empty() {
            // A word that says what follows may be followed by nothing, or by another such word.
            let alone = rest.split(separates).next().unwrap_or_default();
            let whole = labels::of(rest).or_else(|| labels::of(rest.trim_end_matches(separates)));
            let found = whole.or_else(|| labels::of(alone));
            let Some((_, length)) = found.filter(|(_, length)| *length > 0) else { return false };
            rest = rest[length..].trim_start_matches(separates);
        }
        true
    }
}
