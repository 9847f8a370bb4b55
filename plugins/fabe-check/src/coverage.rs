//! Which elements of FABE a text covers: sentences are looked through for signs of each element, in Chinese and English.
//! Pure; the same text always gives the same answer.

use serde_json::{Value, json};

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

const FEATURE_SIGNS: &[&str] = &[
    "采用",
    "配备",
    "搭载",
    "内置",
    "支持",
    "具备",
    "具有",
    "配置了",
    "特点是",
    "功能",
    "材质",
    "规格",
    "参数",
    "型号",
    "equipped with",
    "features",
    "built-in",
    "built in",
    "comes with",
    "it has",
    "is made of",
    "supports",
    "consists of",
    "specification",
    "based on",
];
const ADVANTAGE_SIGNS: &[&str] = &[
    "相比",
    "比同类",
    "比传统",
    "比竞品",
    "优势",
    "更快",
    "更高",
    "更稳定",
    "更安全",
    "更耐用",
    "更准",
    "更低",
    "更省",
    "领先",
    "唯一",
    "不同于",
    "优于",
    "compared to",
    "compared with",
    "unlike",
    "better than",
    "faster",
    "more accurate",
    "more reliable",
    "advantage",
    "stronger",
    "lighter",
    "longer than",
    "outperform",
];
const BENEFIT_SIGNS: &[&str] = &[
    "帮您",
    "帮助您",
    "帮你",
    "让您",
    "让你",
    "您可以",
    "你可以",
    "您就能",
    "给您带来",
    "为您",
    "对您来说",
    "贵公司",
    "您的团队",
    "节省",
    "降低成本",
    "提高效率",
    "增加收入",
    "减少",
    "for you",
    "you can",
    "you save",
    "your team",
    "helps you",
    "help you",
    "saves you",
    "lets you",
    "allows you",
    "your company",
    "means that you",
    "your costs",
    "your profit",
];
const EVIDENCE_SIGNS: &[&str] = &[
    "案例",
    "客户反馈",
    "检测报告",
    "认证",
    "证书",
    "数据显示",
    "实测",
    "测试报告",
    "统计",
    "已经有",
    "已服务",
    "第三方",
    "专利",
    "获奖",
    "样品",
    "演示",
    "case study",
    "certified",
    "certificate",
    "test report",
    "customers like",
    "reference customer",
    "according to",
    "data shows",
    "measured",
    "studies show",
    "patent",
    "award",
    "for example at",
    "proven",
];

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
        let words = sentence.trim_end_matches(ENDS).trim();
        let lower = words.to_lowercase();
        for element in Element::ALL {
            let shown = element.signs().iter().any(|sign| says(&lower, sign))
                || element == Element::Evidence && has_figure(&lower);
            let found = &mut coverage.found[element as usize];
            if shown && found.len() < SENTENCES_MAX {
                found.push(words.chars().take(SENTENCE_CHARS_MAX).collect());
            }
        }
    }
    coverage
}

const ENDS: &[char] = &['。', '！', '？', '!', '?', ';', '；', '\n', '\r', '.'];

/// Who begins to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    Customer,
    Other,
}

const CUSTOMERS: &[&str] =
    &["客户", "顾客", "对方", "甲方", "买方", "customer", "client", "buyer", "prospect"];
const SELLERS: &[&str] = &[
    "销售",
    "业务",
    "顾问",
    "客服",
    "我方",
    "乙方",
    "sales",
    "seller",
    "salesperson",
    "rep",
    "agent",
    "advisor",
];
/// Longest label of a speaker, in characters.
const LABEL_CHARS_MAX: usize = 20;

/// Takes the label of a speaker off: `客户：…`, `[00:01:23] Sales: …`, `销售-王芳：…`. A name that is neither is no customer.
fn label(sentence: &str) -> (Option<Speaker>, &str) {
    let words = match sentence.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, rest)) => rest.trim_start(),
        None => sentence.trim_start_matches(|letter: char| letter.is_ascii_digit() || ": ".contains(letter)),
    };
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

/// Sentences with their closing mark. A full stop closes one only before white space or the end: 3.5 is one number.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        let closes = ENDS.contains(&letter) && (letter != '.' || next.is_none_or(char::is_whitespace));
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

/// Words before a sign that turn it into its opposite.
const DENIALS: &[&str] = &[
    "不",
    "没",
    "无",
    "未",
    "没有",
    "暂无",
    "尚无",
    "缺乏",
    "缺少",
    "不能",
    "无法",
    "不会",
    "不是",
    "并非",
    "not ",
    "no ",
    "not a ",
    "not yet ",
    "without ",
    "without a ",
    "never ",
    "n't ",
    "n't have a ",
    "n't have ",
    "cannot ",
    "not have ",
];

/// Whether a sentence has a sign. Latin signs have to begin where a word begins: `unlike` is not in `funlike`.
fn says(sentence: &str, sign: &str) -> bool {
    let latin = sign.is_ascii();
    sentence.match_indices(sign).any(|(at, _)| {
        let before = sentence[..at].chars().next_back();
        let negated = DENIALS.iter().any(|denial| sentence[..at].ends_with(denial));
        !negated && (!latin || before.is_none_or(|before| !before.is_ascii_alphanumeric()))
    })
}

/// Percentages of money are terms of the offer and prove nothing.
const TERMS: &[&str] = &[
    "优惠",
    "折扣",
    "打折",
    "首付",
    "预付",
    "付款",
    "尾款",
    "定金",
    "税",
    "返点",
    "discount",
    "deposit",
    "down payment",
    "prepay",
    "payment",
    "tax",
    "vat",
    "rebate",
];

/// A percentage or a multiple is evidence on its own: 良率提升 12%, three times as… in digits.
fn has_figure(sentence: &str) -> bool {
    if TERMS.iter().any(|term| sentence.contains(term)) {
        return false;
    }
    let letters: Vec<char> = sentence.chars().collect();
    letters.windows(2).any(|pair| pair[0].is_ascii_digit() && ['%', '％', '倍'].contains(&pair[1]))
        || sentence.contains("百分之")
        || letters
            .windows(9)
            .any(|window| window[0].is_ascii_digit() && window[1..].iter().collect::<String>() == " percent")
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
        for text in ["良率提高了15%。", "产能是原来的3倍。", "Scrap fell by 8 percent.", "成本降低百分之十。"]
        {
            assert!(!missing(text).contains(&"evidence"), "{text}");
        }
        assert!(missing("3 machines").contains(&"evidence"));
    }

    #[test]
    fn any_length_is_looked_through_in_bounds() {
        let long = "这款设备支持联网。".repeat(20_000);
        assert_eq!(of(&long).sentences(Element::Feature).len(), SENTENCES_MAX);
        let endless = "支持".repeat(60_000);
        assert_eq!(of(&endless).sentences(Element::Feature)[0].chars().count(), SENTENCE_CHARS_MAX);
    }
}
