//! Which elements of FABE a text covers: sentences are looked through for signs of each element, in Chinese and English.
//! Pure; the same text always gives the same answer.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::words::{
    ADVANTAGE_SIGNS, BENEFIT_SIGNS, CUSTOMERS, DENIALS, EVIDENCE_SIGNS, FEATURE_SIGNS, SELLERS, TERMS, TURNS,
};

/// Sentences kept for each element; the first ones convince as well as all.
const SENTENCES_MAX: usize = 3;
/// Longest sentence that is kept whole, in characters.
const SENTENCE_CHARS_MAX: usize = 200;
/// Longest transcript that is looked through, in characters: three hours of talk.
const TRANSCRIPT_CHARS_MAX: usize = 60_000;

/// An element of FABE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    Feature,
    Advantage,
    Benefit,
    Evidence,
}

impl Element {
    pub(crate) const ALL: [Element; 4] =
        [Element::Feature, Element::Advantage, Element::Benefit, Element::Evidence];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Element::Feature => "feature",
            Element::Advantage => "advantage",
            Element::Benefit => "benefit",
            Element::Evidence => "evidence",
        }
    }

    /// Words and turns of phrase that are a sign of it, in lower case.
    fn signs(self) -> &'static [&'static str] {
        match self {
            Element::Feature => FEATURE_SIGNS,
            Element::Advantage => ADVANTAGE_SIGNS,
            Element::Benefit => BENEFIT_SIGNS,
            Element::Evidence => EVIDENCE_SIGNS,
        }
    }
}

/// Sentences that show an element, for each.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Coverage {
    found: [Vec<String>; 4],
}

impl Coverage {
    /// The sentences for an element.
    pub(crate) fn sentences(&self, element: Element) -> &[String] {
        &self.found[element as usize]
    }

    /// The elements without a sentence.
    pub(crate) fn missing(&self) -> impl Iterator<Item = Element> {
        Element::ALL.into_iter().filter(|element| self.sentences(*element).is_empty())
    }

    /// `{"feature": ["…"], …}`.
    pub(crate) fn to_json(&self) -> Value {
        let entry = |element: Element| (element.name().to_owned(), json!(self.sentences(element)));
        Value::Object(Element::ALL.into_iter().map(entry).collect())
    }
}

/// Looks a transcript through.
pub(crate) fn of(transcript: &str) -> Coverage {
    let cut = transcript.char_indices().nth(TRANSCRIPT_CHARS_MAX).map_or(transcript.len(), |(at, _)| at);
    let mut coverage = Coverage::default();
    // What the customer says proves nothing about the pitch; without labels everything counts as ours.
    let mut customer_speaks = false;
    for sentence in sentences(&transcript[..cut]) {
        let (speaker, sentence) = label(sentence);
        customer_speaks = speaker.map_or(customer_speaks, |speaker| speaker == Speaker::Customer);
        // A question asks for an element and does not give it.
        if customer_speaks || sentence.ends_with(['?', '？']) {
            continue;
        }
        for words in clauses(sentence.trim_end_matches(ends).trim()) {
            coverage.look_at(words);
        }
    }
    coverage
}

impl Coverage {
    fn look_at(&mut self, words: &str) {
        let shown = shown(&words.to_ascii_lowercase());
        for element in Element::ALL.into_iter().filter(|element| shown[*element as usize]) {
            let found = &mut self.found[element as usize];
            if found.len() < SENTENCES_MAX {
                found.push(words.chars().take(SENTENCE_CHARS_MAX).collect());
            }
        }
    }
}

/// Longest Chinese sentence that is looked at as a whole, in characters.
const CLAUSE_CHARS_MAX: usize = 80;
/// A longer one is cut where it can be once so much has come together.
const CLAUSE_CHARS_MIN: usize = 12;

/// The parts of a long Chinese sentence. What was spoken comes without marks, and all of a talk would be one sentence: its
/// first words would prove everything, and a word about the deposit would spoil every figure. English is left as it is.
fn clauses(sentence: &str) -> Vec<&str> {
    let (all, han) = sentence
        .chars()
        .fold((0, 0), |(all, han), letter| (all + 1, han + usize::from(letter >= '\u{4e00}')));
    if all <= CLAUSE_CHARS_MAX || han * 2 < all {
        return vec![sentence];
    }
    let mut clauses = Vec::new();
    let (mut start, mut length) = (0, 0);
    for (at, letter) in sentence.char_indices() {
        let begins = TURNS.iter().any(|turn| sentence[at..].starts_with(turn));
        let ready = length >= CLAUSE_CHARS_MIN && (begins || matches!(letter, '，' | ',' | '、' | ' '));
        if ready || length >= CLAUSE_CHARS_MAX {
            clauses.push(&sentence[start..at]);
            (start, length) = (at, 0);
        }
        length += 1;
    }
    clauses.push(&sentence[start..]);
    let mark = |letter: char| matches!(letter, '，' | ',' | '、' | ' ');
    clauses.into_iter().map(|clause| clause.trim_matches(mark)).filter(|clause| !clause.is_empty()).collect()
}

fn ends(letter: char) -> bool {
    matches!(letter, '。' | '！' | '？' | '!' | '?' | ';' | '；' | '\n' | '\r' | '.')
}

/// Who begins to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    Customer,
    Other,
}

/// Longest label of a speaker, in characters.
const LABEL_CHARS_MAX: usize = 20;

/// Takes the label of a speaker off: `客户：…`, `[00:01:23] Sales: …`, `销售-王芳：…`. A name that is neither is no customer.
fn label(sentence: &str) -> (Option<Speaker>, &str) {
    let words = match sentence.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, rest)) => rest.trim_start(),
        None => sentence.trim_start_matches(|letter: char| letter.is_ascii_digit() || ": ".contains(letter)),
    };
    if let Some(speaker) = heading(words) {
        return (Some(speaker), "");
    }
    let Some((name, rest)) = words.split_once(['：', ':']) else { return (None, sentence) };
    if name.is_empty() || name.chars().count() > LABEL_CHARS_MAX {
        return (None, sentence);
    }
    let name = name.trim().to_lowercase();
    let named = |names: &[&str]| names.iter().any(|known| name.starts_with(known));
    if named(CUSTOMERS) {
        (Some(Speaker::Customer), rest.trim())
    } else if named(SELLERS) {
        (Some(Speaker::Other), rest.trim())
    } else if name.chars().count() <= 4 && name.chars().all(char::is_alphabetic) {
        // A short word alone before a colon is a name: it ends what the customer said, and stays in the sentence.
        (Some(Speaker::Other), sentence)
    } else {
        (None, sentence)
    }
}

/// Who speaks in the lines below a line of a name and a time: `王芳 00:12:05`, as meeting software writes them.
fn heading(line: &str) -> Option<Speaker> {
    let name = line.trim_end_matches(|letter: char| letter.is_ascii_digit() || ":：()（）".contains(letter));
    let time = &line[name.len()..];
    let name = name.trim().to_lowercase();
    if !time.contains([':', '：']) || !line[..line.len() - time.len()].ends_with([' ', '\t', '\u{3000}']) {
        return None;
    }
    let short = !name.is_empty() && name.chars().count() <= LABEL_CHARS_MAX;
    let customer = CUSTOMERS.iter().any(|known| name.starts_with(known));
    short.then_some(if customer { Speaker::Customer } else { Speaker::Other })
}

/// Sentences with their closing mark. A full stop closes one only before white space or the end: 3.5 is one number.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        let closes = ends(letter) && (letter != '.' || next.is_none_or(char::is_whitespace));
        if closes {
            let end = at + letter.len_utf8();
            sentences.push(text[start..end].trim());
            start = end;
        }
    }
    sentences.push(text[start..].trim());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// All signs by their first letter, so that a transcript is gone through once and not once for each sign.
struct Signs {
    sorted: Vec<(char, &'static str, Element)>,
    /// A bit for each remainder of a first letter: most letters begin no sign, and are done with here.
    firsts: [u64; 16],
}

impl Signs {
    fn all() -> &'static Signs {
        static SIGNS: OnceLock<Signs> = OnceLock::new();
        SIGNS.get_or_init(|| {
            let of = |element: Element| {
                let with_first = move |sign: &&'static str| Some((sign.chars().next()?, *sign, element));
                element.signs().iter().filter_map(with_first)
            };
            let mut sorted: Vec<_> = Element::ALL.into_iter().flat_map(of).collect();
            sorted.sort_by_key(|(first, _, _)| *first);
            let mut firsts = [0; 16];
            for (first, _, _) in &sorted {
                let (word, bit) = Signs::place(*first);
                firsts[word] |= bit;
            }
            Signs { sorted, firsts }
        })
    }

    fn place(letter: char) -> (usize, u64) {
        let remainder = letter as usize % 1_024;
        (remainder / 64, 1 << (remainder % 64))
    }

    /// The signs that begin with a letter.
    fn of(&self, letter: char) -> impl Iterator<Item = &(char, &'static str, Element)> {
        let (word, bit) = Signs::place(letter);
        let known = self.firsts[word] & bit != 0;
        let from = if known {
            self.sorted.partition_point(|(first, _, _)| *first < letter)
        } else {
            self.sorted.len()
        };
        self.sorted[from..].iter().take_while(move |(first, _, _)| *first == letter)
    }
}

/// Characters behind a sign within which 吗 makes it a question.
const ASKED_WITHIN: usize = 4;

/// The elements that a sentence in lower case shows. Latin signs have to begin where a word begins: `unlike` is not in
/// `funlike`.
fn shown(sentence: &str) -> [bool; 4] {
    let mut shown = [false; 4];
    let signs = Signs::all();
    let mut within_word = false;
    for (at, letter) in sentence.char_indices() {
        let begins = !(within_word && letter.is_ascii());
        within_word = letter.is_ascii_alphanumeric();
        if !begins {
            continue;
        }
        for (_, sign, element) in signs.of(letter) {
            let says = sentence[at..].starts_with(sign);
            // 有案例吗, without a question mark, asks all the same.
            let asks =
                says && sentence[at + sign.len()..].chars().take(ASKED_WITHIN).any(|letter| letter == '吗');
            if says && !asks && !DENIALS.iter().any(|denial| sentence[..at].ends_with(denial)) {
                shown[*element as usize] = true;
            }
        }
    }
    shown[Element::Evidence as usize] |= has_figure(sentence);
    shown
}

/// A percentage or a multiple is evidence on its own: 良率提升 12%, three times as… in digits.
fn has_figure(sentence: &str) -> bool {
    let figure = |(at, digit): (usize, u8)| {
        // 12 % is written with a space, too.
        let rest = || sentence[at + 1..].trim_start_matches(' ');
        digit.is_ascii_digit() && ["%", "％", "倍", "percent"].iter().any(|unit| rest().starts_with(unit))
    };
    (sentence.bytes().enumerate().any(figure) || sentence.contains("百分之"))
        && !TERMS.iter().any(|term| sentence.contains(term))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(text: &str) -> Vec<&'static str> {
        of(text).missing().map(Element::name).collect()
    }

    #[test]
    fn a_full_pitch_in_chinese_misses_nothing_and_each_sentence_stands_at_its_place() {
        let text = "这台激光切割机采用双驱伺服电机。相比传统设备，切割速度快一倍以上！帮您每月节省两个人工。\
                    这是某汽车零部件厂的案例，良率提升了 12%。";
        assert_eq!(missing(text), Vec::<&str>::new());
        let coverage = of(text);
        assert_eq!(coverage.sentences(Element::Feature), ["这台激光切割机采用双驱伺服电机"]);
        assert_eq!(coverage.sentences(Element::Evidence), ["这是某汽车零部件厂的案例，良率提升了 12%"]);
    }

    #[test]
    fn a_full_pitch_in_english_misses_nothing() {
        let text = "The unit comes with a 3.5 kW laser. Unlike older machines it never needs gas. \
                    You can run it with one person. We have a case study from a plant in Suzhou.";
        assert_eq!(missing(text), Vec::<&str>::new());
        assert_eq!(of(text).sentences(Element::Feature), ["The unit comes with a 3.5 kW laser"]);
    }

    #[test]
    fn what_is_not_said_is_missing() {
        assert_eq!(missing("你好，请问什么时候方便？"), ["feature", "advantage", "benefit", "evidence"]);
        assert_eq!(missing("这款产品支持远程维护。"), ["advantage", "benefit", "evidence"]);
    }

    #[test]
    fn questions_and_denials_are_no_proof() {
        assert!(missing("你们有没有客户案例？").contains(&"evidence"));
        assert!(missing("这款不支持远程维护。").contains(&"feature"));
        assert!(missing("Do you have a case study?").contains(&"evidence"));
    }

    #[test]
    fn what_is_denied_in_more_words_is_no_proof_either() {
        for text in [
            "我们暂时没有案例。",
            "这个型号尚无认证。",
            "We don't have a case study yet.",
            "It works without a patent.",
        ] {
            assert!(missing(text).contains(&"evidence"), "{text}");
        }
        assert!(!missing("不但支持联网，而且配备备用电源。").contains(&"feature"));
    }

    #[test]
    fn what_the_customer_says_proves_nothing() {
        let text = "销售：这台设备采用双驱伺服电机。\n客户：别家的更快，也有案例。你们贵。\n[00:01:23] 销售-王芳：帮您每月节省两个人工。";
        assert_eq!(missing(text), ["advantage", "evidence"]);
        assert_eq!(of(text).sentences(Element::Feature), ["这台设备采用双驱伺服电机"]);
        let text = "Customer: Unlike yours it is certified.\nSales: It comes with a 3 kW laser.\n10:32 Client: Others are faster.";
        assert_eq!(missing(text), ["advantage", "benefit", "evidence"]);
        assert_eq!(missing("客户：便宜点。\n王芳：相比传统设备更稳定。"), ["feature", "benefit", "evidence"]);
    }

    #[test]
    fn terms_of_payment_are_no_evidence() {
        for text in
            ["今天下单优惠5%。", "首付30%。", "We can give 10% discount.", "The deposit is 20 percent."]
        {
            assert!(missing(text).contains(&"evidence"), "{text}");
        }
    }

    #[test]
    fn a_figure_is_evidence() {
        for text in [
            "良率提高了15%。",
            "良率提升 12 %。",
            "产能是原来的3倍。",
            "Scrap fell by 8 percent.",
            "成本降低百分之十。",
        ] {
            assert!(!missing(text).contains(&"evidence"), "{text}");
        }
        assert!(missing("3 machines").contains(&"evidence"));
    }

    const SPOKEN: &str = "喂王总您好我是上次联系您的小李啊是这样的我们这台激光切割机呢用的是双驱伺服电机然后它比你们现在用的老设备\
        速度能快一倍左右这样的话您每个月差不多能省下两个人工另外付款的话首付百分之三十就可以然后我们去年在苏州一家汽车零部件厂\
        做过他们良率提升了百分之十二那个您看下周方便的话我过去给您看一下";

    #[test]
    fn a_talk_without_marks_is_cut_where_people_turn_to_something_else() {
        let coverage = of(SPOKEN);
        assert_eq!(missing(SPOKEN), Vec::<&str>::new());
        let proof = |element: Element| coverage.sentences(element).join(" | ");
        assert!(proof(Element::Feature).contains("双驱伺服电机"), "{}", proof(Element::Feature));
        assert!(proof(Element::Benefit).contains("省下两个人工"), "{}", proof(Element::Benefit));
        assert!(proof(Element::Evidence).contains("良率提升"), "{}", proof(Element::Evidence));
        assert!(!proof(Element::Evidence).contains("首付"), "{}", proof(Element::Evidence));
        for element in Element::ALL {
            assert!(
                coverage.sentences(element).iter().all(|proof| proof.chars().count() <= CLAUSE_CHARS_MAX)
            );
        }
    }

    #[test]
    fn questions_without_a_mark_are_questions() {
        for text in ["你们有案例吗我想先看看", "这个有没有认证啊", "有同行业的案例可以看吗"]
        {
            assert!(missing(text).contains(&"evidence"), "{text}");
        }
    }

    #[test]
    fn names_with_times_above_their_words_are_speakers() {
        let text = "王芳 00:00:05\n这台设备采用双驱伺服电机\n客户 00:00:12\n别家的更快也有案例\n王芳 00:01:23\n我们能帮您节省两个人工";
        assert_eq!(missing(text), ["advantage", "evidence"]);
        assert_eq!(of(text).sentences(Element::Benefit), ["我们能帮您节省两个人工"]);
    }

    #[test]
    fn any_length_is_looked_through_in_bounds() {
        let long = "这款设备支持联网。".repeat(20_000);
        assert_eq!(of(&long).sentences(Element::Feature).len(), SENTENCES_MAX);
        let endless = "支持".repeat(60_000);
        assert_eq!(of(&endless).sentences(Element::Feature)[0].chars().count(), CLAUSE_CHARS_MAX);
        let english = "it supports many machines and ".repeat(20);
        assert_eq!(of(&english).sentences(Element::Feature)[0].chars().count(), SENTENCE_CHARS_MAX);
    }
}
