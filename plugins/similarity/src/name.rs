//! What distinguishes a company name from others: without legal form, region and punctuation; and how alike two such cores
//! are. Pure: names in, a number between 0 and 1 out.

use crate::lists::{
    BRANCHES, FORM_ENDS, FORMS_CHINESE, FORMS_LATIN, NO_ENDS, PARTS, REGION_ENDS, REGIONS, REGIONS_LATIN,
};
use crate::script::simplified;

/// Longest name that is compared, in characters; the rest of a longer one is cut off. Comparing takes the square of it.
const CHARS_MAX: usize = 120;
/// Chinese characters that have to be left for a name to be one without its region: 银行 is none, 上海银行 is.
const CORE_MIN: usize = 3;
/// Latin letters for the same behind a name: Air China is not Air.
const WORD_MIN: usize = 4;
/// Companies of one name in two regions are seldom the same.
const OTHER_REGION: f64 = 0.8;

/// The distinctive part of a name. A name of nothing but form and region stays as it is.
pub(crate) fn core(name: &str) -> String {
    Name::of(name).core
}

/// A name, taken apart.
#[derive(Debug)]
struct Name {
    core: String,
    /// The same with the region in front, where the core would be too short without it.
    keeps_region: bool,
    /// Without the legal form only.
    whole: String,
    region: Region,
}

/// Where a company says that it is; a branch does not say that of its company.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Region {
    province: Option<u8>,
    city: Option<&'static str>,
    latin: Option<&'static str>,
}

impl Region {
    fn add(&mut self, found: Region) {
        self.province = self.province.or(found.province);
        self.city = self.city.or(found.city);
        self.latin = self.latin.or(found.latin);
    }

    /// Two places, neither of which lies in the other.
    fn conflicts(self, other: Region) -> bool {
        let cities = matches!((self.city, other.city), (Some(one), Some(other)) if one != other);
        let latin = matches!((self.latin, other.latin), (Some(one), Some(other)) if one != other);
        cities || latin || matches!((self.province, other.province), (Some(one), Some(other)) if one != other)
    }
}

impl Name {
    fn of(name: &str) -> Name {
        let mut region = Region::default();
        let plain = plain(name, &mut region);
        let whole = without_forms(&plain);
        let (core, keeps_region) = without_regions(whole, &mut region);
        let kept = if core.is_empty() { plain.trim() } else { core };
        Name { core: squeeze(kept), keeps_region, whole: squeeze(whole), region }
    }
}

fn squeeze(words: &str) -> String {
    match words.contains(' ') {
        true => words.split_whitespace().collect::<Vec<_>>().join(" "),
        false => words.to_owned(),
    }
}

/// How alike two names are: 1 for the same company, 0 for nothing in common.
pub(crate) fn similarity(one: &str, other: &str) -> f64 {
    let (one, other) = (Name::of(one), Name::of(other));
    let alike = alike(&letters(&one.core), &letters(&other.core));
    // 长春高新 keeps its region, 长春高新技术产业 does not need to: the short one is looked for in the whole long one.
    let short = if one.keeps_region { contained(&letters(&one.core), &letters(&other.whole)) } else { 0.0 };
    let long = if other.keeps_region { contained(&letters(&other.core), &letters(&one.whole)) } else { 0.0 };
    let elsewhere = if one.region.conflicts(other.region) { OTHER_REGION } else { 1.0 };
    (alike.max(short).max(long) * elsewhere * 1_000.0).round() / 1_000.0
}

fn alike(one: &[char], other: &[char]) -> f64 {
    if one.is_empty() || other.is_empty() {
        return 0.0;
    }
    if one == other {
        return 1.0;
    }
    let edits = 1.0 - distance(one, other) as f64 / one.len().max(other.len()) as f64;
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    edits.max(shared_pairs(one, other)).max(contained(short, long))
}

/// A core that contains the other whole is often the same company with its trade behind it: never certain, though.
fn contained(short: &[char], long: &[char]) -> f64 {
    let inside = short.len() >= 2 && long.windows(short.len()).any(|window| window == short);
    if inside { 0.6 + 0.3 * short.len() as f64 / long.len() as f64 } else { 0.0 }
}

/// Lower case, half width, simplified, with a space for each mark; what stands in brackets goes when it is only a region.
fn plain(name: &str, region: &mut Region) -> String {
    let mut plain = String::with_capacity(name.len());
    for letter in name.chars().take(CHARS_MAX) {
        let half = match letter {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(letter as u32 - 0xfee0).unwrap_or(letter),
            '\u{3000}' => ' ',
            other => other,
        };
        match half {
            // A full stop within an abbreviation joins: S.A. is SA.
            '.' | '\'' | '’' => {}
            letter if is_han(letter) => plain.push(simplified(letter)),
            letter if letter.is_ascii_alphanumeric() => plain.push(letter.to_ascii_lowercase()),
            letter if letter.is_alphanumeric() => plain.extend(letter.to_lowercase()),
            '(' | ')' | '[' | ']' | '【' | '】' | '〔' | '〕' => plain.push('|'),
            '&' => plain.push_str(" and "),
            _ => plain.push(' '),
        }
    }
    if !plain.contains('|') {
        return plain;
    }
    let parts = plain.split('|').enumerate();
    let kept: Vec<&str> = parts
        .filter(|(place, part)| *place == 0 || !is_region(part, region))
        .map(|(_, part)| part.trim())
        .collect();
    // Brackets within Chinese words leave no gap: 华为（深圳）技术 is 华为技术.
    let chinese = kept.iter().any(|part| part.chars().any(is_han));
    kept.join(if chinese { "" } else { " " })
}

fn is_han(letter: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&letter)
}

/// Whether a bracket holds a region and nothing else.
fn is_region(part: &str, region: &mut Region) -> bool {
    let (mut rest, mut found) = (part.trim(), Region::default());
    let nothing = rest.is_empty();
    while let Some((next, place)) = strip_region(rest) {
        found.add(place);
        rest = without_end(next).0;
    }
    let whole = rest.is_empty() && !nothing;
    if whole {
        region.add(found);
    }
    whole
}

fn without_forms(name: &str) -> &str {
    let mut name = name.trim();
    loop {
        let before = name;
        name = without_branch(name);
        if name.ends_with(FORM_ENDS) {
            let rest = FORMS_CHINESE.iter().find_map(|form| name.strip_suffix(form));
            match rest.map(str::trim) {
                // Nothing but a form is a name after all.
                Some("") => return name,
                Some(rest) => name = rest,
                None => {}
            }
        }
        if let Some((rest, last)) = name.rsplit_once(' ') {
            let country = REGIONS_LATIN.binary_search(&last).is_ok() && is_whole(rest);
            if FORMS_LATIN.contains(&last) || last == "and" || country {
                name = rest.trim();
            }
        }
        if name == before {
            return name;
        }
    }
}

/// Whether words stand for a company by themselves: Bosch does before China, Air and Bank of do not.
fn is_whole(words: &str) -> bool {
    let joins = ["of", "in", "the", "and"].iter().any(|word| words.rsplit(' ').next() == Some(word));
    !joins && words.chars().filter(|letter| letter.is_alphanumeric()).count() >= WORD_MIN
}

/// A name without the branch at its end and where that is: 华为技术有限公司北京分公司 is 华为技术有限公司.
fn without_branch(name: &str) -> &str {
    let part = PARTS.iter().find_map(|part| name.strip_suffix(part));
    let Some(rest) = BRANCHES.iter().find_map(|branch| name.strip_suffix(branch)).or(part) else {
        return name;
    };
    if let Some(company) = rest.rfind("公司") {
        return &rest[..company + "公司".len()];
    }
    if part.is_some() {
        return name;
    }
    let mut ended = rest;
    while let Some(shorter) = without_region_behind(ended) {
        ended = shorter;
    }
    if ended.trim().is_empty() { name } else { ended.trim() }
}

fn without_region_behind(name: &str) -> Option<&str> {
    let plain = REGION_ENDS.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    REGIONS.iter().find_map(|(region, _, _)| plain.strip_suffix(region))
}

/// A name without the regions in front, unless too little would be left; tells whether one was kept for that.
fn without_regions<'a>(name: &'a str, region: &mut Region) -> (&'a str, bool) {
    let mut name = name.trim();
    while let Some((rest, found)) = strip_region(name) {
        region.add(found);
        let (rest, certain) = without_end(rest);
        let rest = if certain { without_district(rest) } else { rest };
        let left = rest.chars().filter(|letter| !letter.is_whitespace()).count();
        // Behind 市 or 省 a name may be short: 深圳市腾讯. A single character is none.
        let enough = left >= CORE_MIN || (certain && left == 2);
        if left > 0 && !enough {
            return (name, true);
        }
        name = rest;
    }
    (name, false)
}

/// What is behind 市, 省 and the like, and whether there was one. Behind 市 a zone of it may follow: 苏州市工业园区.
fn without_end(rest: &str) -> (&str, bool) {
    let strip = |text: &'_ str| -> Option<usize> {
        let word = NO_ENDS.iter().any(|word| text.starts_with(word));
        REGION_ENDS.iter().find(|end| !word && text.starts_with(**end)).map(|end| end.len())
    };
    let Some(end) = strip(rest) else { return (rest.trim(), false) };
    let (end, left) = (&rest[..end], &rest[end..]);
    let zone = if end == "市" { strip(left).unwrap_or(0) } else { 0 };
    (left[zone..].trim(), true)
}

/// 顺德区 and 昆山县 behind a city: two characters and the word for what they are.
fn without_district(name: &str) -> &str {
    let mut letters = name.char_indices().skip(2);
    match (letters.next(), letters.next()) {
        (Some((_, '区' | '县')), Some((rest, _))) if name.chars().take(2).all(is_han) => &name[rest..],
        _ => name,
    }
}

/// The rest behind the name of a region. Looks for the first character by halves: this runs for every row of a list.
fn strip_region(name: &str) -> Option<(&str, Region)> {
    if let Some(found) = strip_latin_region(name) {
        return Some(found);
    }
    let first = name.chars().next()?;
    if let Some(rest) = name.strip_prefix("中国") {
        return Some((rest, Region::default()));
    }
    let from = REGIONS.partition_point(|(region, _, _)| region.chars().next() < Some(first));
    let mut alike = REGIONS[from..].iter().take_while(|(region, _, _)| region.starts_with(first));
    alike.find_map(|(region, province, is_city)| {
        let city = is_city.then_some(*region);
        Some((name.strip_prefix(region)?, Region { province: Some(*province), city, latin: None }))
    })
}

/// The rest behind a region in Latin letters, which is a word of its own; looked for by halves.
fn strip_latin_region(name: &str) -> Option<(&str, Region)> {
    let found = |latin| Region { latin: Some(latin), ..Region::default() };
    let rest = name.strip_prefix("hong kong").filter(|rest| rest.is_empty() || rest.starts_with(' '));
    if let Some(rest) = rest {
        return Some((rest.trim(), found("hongkong")));
    }
    let (first, rest) = name.split_once(' ').unwrap_or((name, ""));
    let place = REGIONS_LATIN.binary_search(&first).ok()?;
    let country = ["china", "prc"].contains(&first);
    Some((rest.trim(), if country { Region::default() } else { found(REGIONS_LATIN[place]) }))
}

fn letters(core: &str) -> Vec<char> {
    core.chars().filter(|letter| !letter.is_whitespace()).collect()
}

/// How many letters have to be put in, taken out or replaced.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = place + 1;
        for (column, opposite) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != opposite);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

/// The share of neighbouring letters that both have, in any order: words that changed places count as alike.
fn shared_pairs(one: &[char], other: &[char]) -> f64 {
    let pairs = |letters: &[char]| -> Vec<(char, char)> {
        letters.windows(2).map(|pair| (pair[0], pair[1])).collect()
    };
    let (one, mut left) = (pairs(one), pairs(other));
    let all = one.len() + left.len();
    if all == 0 {
        return 0.0;
    }
    let mut shared = 0;
    for pair in &one {
        if let Some(place) = left.iter().position(|other| other == pair) {
            left.swap_remove(place);
            shared += 2;
        }
    }
    f64::from(shared) / all as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_forms_regions_and_marks_are_not_what_distinguishes_a_company() {
        for (name, expected) in [
            ("深圳市华为技术有限公司", "华为技术"),
            ("华为技术（深圳）有限公司", "华为技术"),
            ("广东省深圳市腾讯计算机系统有限公司", "腾讯计算机系统"),
            ("上海ＡＢＣ集团股份有限公司", "abc"),
            ("Acme Inc.", "acme"),
            ("ACME Trading Co., Ltd.", "acme trading"),
            ("Müller & Söhne GmbH & Co. KG", "müller and söhne"),
            ("Société Dupont S.A.", "société dupont"),
            ("Apple (China) Limited", "apple"),
            ("Shanghai Acme Trading Co., Ltd.", "acme trading"),
            ("Acme (Hong Kong) Trading Limited", "acme trading"),
            ("Shanghailand GmbH", "shanghailand"),
            ("华为技术有限公司北京分公司", "华为技术"),
            ("中国平安保险（集团）股份有限公司苏州市分公司", "平安保险"),
            ("苏州工业园区新区科技有限公司", "新区科技"),
            ("香港長江集團有限公司", "香港长江"),
        ] {
            assert_eq!(core(name), expected, "{name}");
        }
    }

    #[test]
    fn a_name_of_nothing_but_form_and_region_stays_as_it_is() {
        for name in ["有限公司", "北京", "上海市", "Limited", "shanghai", "分公司", "", "  "] {
            assert_eq!(core(name), name.trim().to_lowercase(), "{name}");
        }
    }

    #[test]
    fn the_same_company_written_twice_is_found_and_others_are_not() {
        for (one, other) in [
            ("北京字节跳动科技有限公司", "字节跳动科技"),
            ("Acme Ltd.", "ACME Limited"),
            ("苏州大族激光（集团）有限公司", "苏州市大族激光有限公司"),
            ("大族激光科技有限公司", "大族激光科技有限公司深圳分公司"),
            ("Acme Trading (Suzhou) Co Ltd", "Suzhou Acme Trading Co., Ltd."),
        ] {
            assert!(similarity(one, other) >= 0.95, "{one} / {other}: {}", similarity(one, other));
        }
        assert!(similarity("大族激光", "大族激光智能装备") >= 0.7);
        assert!(similarity("Siemens Healthcare GmbH", "Simens Healthcare") >= 0.85);
        for (one, other) in [
            ("深圳市华为技术有限公司", "深圳市中兴通讯股份有限公司"),
            ("上海浦东有限公司", "上海宝山有限公司"),
            ("Acme Ltd", "Zenith Ltd"),
            ("", ""),
        ] {
            assert!(similarity(one, other) < 0.55, "{one} / {other}: {}", similarity(one, other));
        }
    }

    #[test]
    fn what_is_left_without_its_region_has_to_be_a_name() {
        for (one, other) in [
            ("上海银行股份有限公司", "北京银行股份有限公司"),
            ("青岛啤酒", "燕京啤酒"),
            ("中国银行", "中国农业银行"),
            ("大连重工", "沈阳重工"),
            ("Bank of China", "Bank of Beijing"),
        ] {
            assert!(similarity(one, other) < 0.65, "{one} / {other}: {}", similarity(one, other));
        }
        assert_eq!((core("上海银行"), core("深圳市腾讯有限公司")), ("上海银行".into(), "腾讯".into()));
        assert_eq!(
            (core("南京市政工程"), core("广州区块链研究院")),
            ("市政工程".into(), "区块链研究院".into())
        );
        assert_eq!(
            (core("Air China Ltd"), core("Siemens Ltd., China")),
            ("air china".into(), "siemens".into())
        );
        assert!(similarity("长春高新", "长春高新技术产业（集团）股份有限公司") >= 0.7);
    }

    #[test]
    fn the_same_name_elsewhere_is_less_certain_and_a_branch_is_its_company() {
        assert_eq!(similarity("北京恒远机械有限公司", "上海恒远机械有限公司"), 0.8);
        assert_eq!(
            similarity("广东恒远机械有限公司", "深圳市恒远机械有限公司"),
            1.0,
            "one lies in the other"
        );
        for branch in [
            "恒远机械有限公司上海市浦东新区分公司",
            "恒远机械有限公司（上海）分公司",
            "恒远机械有限公司北京研究所",
        ] {
            assert_eq!(similarity("恒远机械有限公司", branch), 1.0, "{branch}");
        }
        assert_eq!(core("佛山市顺德区美的电器"), "美的电器");
        assert_eq!(core("江苏省苏州市工业园区恒瑞医药科技有限公司"), "恒瑞医药科技");
    }

    #[test]
    fn traditional_characters_are_those_of_the_same_name() {
        for (one, other) in [
            ("臺灣積體電路製造股份有限公司", "台湾积体电路制造股份有限公司"),
            ("內蒙古伊利實業集團股份有限公司", "内蒙古伊利实业集团股份有限公司"),
            ("ＡＢＣ（中國）有限公司", "ABC有限公司"),
        ] {
            assert_eq!(similarity(one, other), 1.0, "{one} / {other}");
        }
    }

    #[test]
    fn regions_are_those_by_which_the_runtime_finds_duplicates() {
        let text = include_str!("../../../runtime/engine/src/values/normalize/regions.txt");
        let mut listed: Vec<(&str, u8, bool)> = Vec::new();
        for (province, line) in (0..).zip(text.lines()) {
            let (name, cities) = line.split_once(':').unwrap();
            listed.push((name, province, false));
            listed.extend(cities.split_whitespace().map(|city| (city, province, true)));
        }
        let mut own = REGIONS.to_vec();
        own.sort_unstable();
        listed.sort_unstable();
        assert_eq!(own, listed);
    }

    #[test]
    fn forms_and_regions_stand_where_they_are_looked_for() {
        assert!(FORMS_CHINESE.iter().all(|form| form.ends_with(FORM_ENDS)));
        assert!(REGIONS.is_sorted_by_key(|(region, _, _)| region.chars().next()));
        assert!(REGIONS_LATIN.is_sorted());
    }

    #[test]
    fn the_order_of_the_names_does_not_matter_and_no_text_is_too_long() {
        let long = "长".repeat(10_000);
        for (one, other) in [("大族激光", "大族"), ("abc", "abd"), (long.as_str(), "长江")] {
            assert_eq!(similarity(one, other), similarity(other, one));
            assert!((0.0..=1.0).contains(&similarity(one, other)));
        }
    }
}
