//! Finding records that are probably the same: normal forms, blocking keys and similarity for the duplicate check.
//! Pure and stable: keys are stored beside records, so the same text must give the same keys in every version of the
//! program ([`KEYS_VERSION`] counts the exceptions).
//!
//! # Why keys never miss a pair
//!
//! A text is the set of its bigrams (the second `ab` of a text is another token than the first). Let `a` and `b` be the
//! sizes of two sets and `o` the size of their intersection. Dice's coefficient is `2o / (a + b)`; let it be at least `t`.
//! Then `o ≥ t(a + b) / 2`. Because `o ≤ a`, it follows that `b ≥ t·a / (2 − t)` from `2b ≥ 2o ≥ t(a + b)`; put into the first
//! inequality, `o ≥ t·a / (2 − t)`. So whatever the partner is, at least `m(a) = ⌈t·a / (2 − t)⌉` tokens are shared.
//!
//! Order the tokens of all texts by one global order and keep the first `a − m(a) + 1` of each set. Suppose the prefixes of
//! two similar sets had nothing in common, and let the last token of A's prefix come before the last one of B's (or be the
//! same). Then no token of A's prefix is in B at all: up to that place of the order, B's tokens are in B's prefix. So all
//! shared tokens are among the `m(a) − 1` last ones of A, fewer than `m(a)`: a contradiction. The other case is symmetric.
//!
//! The order puts tokens that occur in many names last, so that prefixes hold the rare ones and few records share a key.

mod company;

use std::collections::HashMap;
use std::sync::LazyLock;

use mortise_definition::source::Compare;

use super::{contact, fold};

pub use company::company_name;

/// Counts changes of normal forms, order or hashes; stored keys of another version have to be computed again.
pub const KEYS_VERSION: u32 = 1;

/// Characters of a text that take part; beyond that, names do not differ.
const TEXT_LIMIT: usize = 200;

/// The share by which names of companies from different regions are less alike than their words say.
const OTHER_REGION: f64 = 0.8;

/// Bigrams of half of all company names; as keys they would find everything. Their order here is part of the stored form.
const COMMON: &str = "科技 技术 信息 电子 实业 贸易 商贸 医疗 器械 机械 设备 制造 工程 建筑 材料 发展 投资 咨询 服务 网络 软件 \
    智能 自动 动化 工业 国际 物流 文化 传媒 食品 生物 医药 药业 化工 能源 环保 教育 管理 汽车 配件 精密 金属 塑料 包装 印刷 服装 \
    纺织 家具 装饰 房地 地产 农业 置业 系统 数据 通信 光电 电气 电器 仪器 仪表 新材 创新 控股 中心 医院 学院 大学 in er on an re te es st \
    en at or ti al ch he is ro ne ra co io la ic se el ng gr ec ou to ma ta as me us na nd ic no le de ri si li tr";

/// The blocking keys of a text: two texts whose [`similarity`] is at least `threshold` have a key in common.
pub fn duplicate_keys(compare: Compare, threshold: f64, text: &str) -> Vec<u64> {
    match compare {
        Compare::Exact => {
            let normal = exact(text);
            let letters: Vec<char> = normal.chars().collect();
            if letters.is_empty() { Vec::new() } else { vec![hash(&letters, 0)] }
        }
        Compare::Similar => prefix(&letters(text), threshold),
        Compare::CompanyName => prefix(&letters(&company_name(text).core), threshold),
    }
}

/// How alike two texts are, 0.0 to 1.0. Two empty texts are not alike.
pub fn similarity(compare: Compare, a: &str, b: &str) -> f64 {
    match compare {
        Compare::Exact => {
            let a = exact(a);
            if !a.is_empty() && a == exact(b) { 1.0 } else { 0.0 }
        }
        Compare::Similar => dice(&letters(a), &letters(b)),
        Compare::CompanyName => {
            let (a, b) = (company_name(a), company_name(b));
            let alike = dice(&letters(&a.core), &letters(&b.core));
            if a.region.conflicts(b.region) { alike * OTHER_REGION } else { alike }
        }
    }
}

/// Telephone numbers and addresses in their stored form, everything else in lower case without spaces.
fn exact(text: &str) -> String {
    if let Ok(mortise_expr::Value::Text(phone)) = contact::phone(text) {
        return phone.to_string();
    }
    fold::comparable(text).chars().filter(|c| !c.is_whitespace()).collect()
}

/// The letters and digits that are compared.
fn letters(text: &str) -> Vec<char> {
    let plain = text.chars().map(fold::fold).filter(|c| c.is_alphanumeric());
    plain.flat_map(char::to_lowercase).take(TEXT_LIMIT).collect()
}

/// A bigram with the number of equal ones before it; a text of a single character has that one for its only token.
type Token = ([char; 2], u32);

/// What stands in the second place of the token of a single character; no letter or digit.
const NONE: char = '\0';

fn tokens(letters: &[char]) -> Vec<Token> {
    if let [single] = letters {
        return vec![([*single, NONE], 0)];
    }
    let mut tokens: Vec<Token> = letters.windows(2).map(|pair| ([pair[0], pair[1]], 0)).collect();
    tokens.sort_unstable();
    for index in 1..tokens.len() {
        if tokens[index].0 == tokens[index - 1].0 {
            tokens[index].1 = tokens[index - 1].1 + 1;
        }
    }
    tokens
}

fn dice(a: &[char], b: &[char]) -> f64 {
    let (a, b) = (tokens(a), tokens(b));
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let common = a.iter().filter(|token| b.binary_search(token).is_ok()).count();
    (2 * common) as f64 / (a.len() + b.len()) as f64
}

/// The keys of the first tokens in the global order; see the proof above.
fn prefix(letters: &[char], threshold: f64) -> Vec<u64> {
    let mut ordered: Vec<(usize, u64)> = tokens(letters)
        .into_iter()
        .map(|(pair, count)| (rank(pair), hash(&[pair[0], pair[1]], count)))
        .collect();
    ordered.sort_unstable();
    let shared = least_shared(ordered.len(), threshold);
    let keep = (ordered.len() + 1).saturating_sub(shared);
    ordered.truncate(keep);
    ordered.into_iter().map(|(_, key)| key).collect()
}

/// `⌈t·a / (2 − t)⌉`, at least 1. The small amount taken off guards against rounding up by an error of the last digit.
fn least_shared(size: usize, threshold: f64) -> usize {
    let threshold = threshold.clamp(0.0, 1.0);
    let shared = (threshold * size as f64 / (2.0 - threshold) - 1e-9).ceil();
    (shared.max(1.0) as usize).min(size.max(1))
}

/// Place of a bigram in the global order before its hash: 0 for rare ones, later for common ones.
fn rank(pair: [char; 2]) -> usize {
    static RANKS: LazyLock<HashMap<[char; 2], usize>> = LazyLock::new(|| {
        let pair = |word: &str| {
            let mut letters = word.chars();
            Some([letters.next()?, letters.next()?])
        };
        let common = COMMON.split_ascii_whitespace().rev().filter_map(pair);
        common.enumerate().map(|(place, pair)| (pair, place + 1)).collect()
    });
    RANKS.get(&pair).copied().unwrap_or(0)
}

/// FNV-1a with a final mix: short, and the same for ever (the hashers of the standard library promise neither).
fn hash(letters: &[char], count: u32) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let bytes = letters.iter().map(|letter| u32::from(*letter)).chain([count]).flat_map(u32::to_le_bytes);
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, step);
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share_a_key(compare: Compare, threshold: f64, a: &str, b: &str) -> bool {
        let keys = duplicate_keys(compare, threshold, a);
        duplicate_keys(compare, threshold, b).iter().any(|key| keys.contains(key))
    }

    #[test]
    fn the_same_company_is_recognised_in_its_usual_spellings() {
        let same = [
            ("上海明德医疗器械有限公司", "明德医疗器械（上海）有限公司"),
            ("深圳市华强电子股份有限公司", "广东深圳华强电子"),
            ("浙江恒远机械集团有限公司", "恒远机械集团"),
            ("Acme Robotics Co., Ltd.", "ACME ROBOTICS LIMITED"),
            ("Müller Maschinenbau GmbH & Co. KG", "müller maschinenbau"),
            ("ＡＢＣ科技有限公司", "abc科技"),
        ];
        for (a, b) in same {
            assert_eq!(similarity(Compare::CompanyName, a, b), 1.0, "{a} / {b}");
            assert!(share_a_key(Compare::CompanyName, 0.85, a, b), "{a} / {b}");
        }
    }

    #[test]
    fn other_companies_are_not_suspected() {
        let different = [
            ("北京师范大学", "上海师范大学"),
            ("上海银行", "北京银行"),
            ("苏州恒远机械有限公司", "杭州恒远机械有限公司"),
            ("上海明德医疗器械有限公司", "上海明达医疗器械有限公司"),
            ("Acme Robotics Inc", "Apex Robotics Inc"),
        ];
        for (a, b) in different {
            assert!(similarity(Compare::CompanyName, a, b) < 0.85, "{a} / {b}");
        }
    }

    #[test]
    fn telephone_numbers_are_equal_in_every_spelling() {
        assert_eq!(similarity(Compare::Exact, "138-0013 8000", "+86 13800138000"), 1.0);
        assert_eq!(similarity(Compare::Exact, "Wang@Example.com ", "wang@example.com"), 1.0);
        assert_eq!(similarity(Compare::Exact, "", ""), 0.0);
        assert!(share_a_key(Compare::Exact, 0.85, "138-0013 8000", "+86 13800138000"));
    }

    #[test]
    fn few_keys_are_kept_at_the_usual_threshold() {
        let keys = duplicate_keys(Compare::CompanyName, 0.85, "上海明德医疗器械科技有限公司");
        assert_eq!(keys.len(), 2);
        assert_eq!(duplicate_keys(Compare::Similar, 0.85, ""), Vec::<u64>::new());
        assert_eq!(duplicate_keys(Compare::Similar, 0.85, "李").len(), 1);
    }

    #[test]
    fn keys_do_not_change_between_versions_of_the_program() {
        let keys = duplicate_keys(Compare::CompanyName, 0.85, "明德医疗");
        assert_eq!(keys, duplicate_keys(Compare::CompanyName, 0.85, "上海明德医疗有限公司"));
        assert_eq!(hash(&['明', '德'], 0), 7_956_531_032_917_872_099);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn similar_texts_always_share_a_key(
            a in "[ab科技明德]{0,14}",
            edits in prop::collection::vec((0usize..14, "[ab科技明德]{0,2}"), 0..4),
            threshold in 0.3f64..=1.0,
        ) {
            let mut letters: Vec<char> = a.chars().collect();
            for (place, text) in edits {
                let place = place.min(letters.len());
                letters.splice(place..(place + 1).min(letters.len()), text.chars());
            }
            let b: String = letters.into_iter().collect();
            for compare in [Compare::Similar, Compare::CompanyName, Compare::Exact] {
                if similarity(compare, &a, &b) >= threshold {
                    prop_assert!(share_a_key(compare, threshold, &a, &b), "{a} / {b} at {threshold}");
                }
            }
        }

        #[test]
        fn similarity_is_symmetric_and_bounded(a in "\\PC{0,30}", b in "\\PC{0,30}") {
            for compare in [Compare::Similar, Compare::CompanyName, Compare::Exact] {
                let alike = similarity(compare, &a, &b);
                prop_assert!((0.0..=1.0).contains(&alike));
                prop_assert_eq!(alike, similarity(compare, &b, &a));
            }
        }

        #[test]
        fn similar_agrees_with_the_function_of_expressions(a in "[ab明 .Ａ]{0,9}", b in "[ab明 .Ａ]{0,9}") {
            prop_assert_eq!(similarity(Compare::Similar, &a, &b), mortise_expr::similarity(&a, &b));
        }
    }
}
