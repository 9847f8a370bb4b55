//! Names of companies without what says nothing about which company it is: legal form, region, brackets, case, width.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::values::fold;

/// Legal forms and kinds of organisation at the end of Chinese names, longest first.
const CHINESE_FORMS: [&str; 16] = [
    "股份有限公司",
    "有限责任公司",
    "集团有限公司",
    "有限合伙企业",
    "有限公司",
    "集团公司",
    "股份公司",
    "普通合伙",
    "有限合伙",
    "分公司",
    "总公司",
    "子公司",
    "公司",
    "集团",
    "股份",
    "控股",
];

/// Legal forms of other countries, as words at the end of a name.
const FOREIGN_FORMS: [&str; 44] = [
    "co",
    "ltd",
    "limited",
    "inc",
    "incorporated",
    "corp",
    "corporation",
    "company",
    "gmbh",
    "mbh",
    "ag",
    "kg",
    "kgaa",
    "ohg",
    "ug",
    "ev",
    "sa",
    "sas",
    "sarl",
    "srl",
    "spa",
    "bv",
    "nv",
    "oy",
    "oyj",
    "ab",
    "as",
    "aps",
    "plc",
    "llc",
    "llp",
    "lp",
    "pte",
    "pty",
    "sdn",
    "bhd",
    "kk",
    "group",
    "holding",
    "holdings",
    "und",
    "and",
    "&",
    "the",
];

/// Provinces with their cities, without 省 and 市, a line for each. A name begins with one, or has it in brackets. The plugin
/// for similar names keeps the same list, and its tests hold it against this one.
const REGIONS: &str = include_str!("regions.txt");

/// Endings of a region's name, longest first.
const REGION_ENDINGS: [&str; 9] =
    ["维吾尔自治区", "壮族自治区", "回族自治区", "特别行政区", "自治区", "新区", "省", "市", "区"];

/// Letters that must be left after a region was taken off, for a name to be still a name: 上海银行 is not 银行.
const CORE_MIN: usize = 3;

/// A company's name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanyName {
    /// What is left: lower case, single spaces between words.
    pub core: String,
    /// Where the company says that it is.
    pub region: Region,
}

/// Province and city, as positions in the table; both may be unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Region {
    province: Option<usize>,
    city: Option<&'static str>,
}

impl Region {
    /// True when two names say different places; a place and an unknown one, or a city and its province, do not.
    pub fn conflicts(self, other: Region) -> bool {
        let differ = |a: Option<&str>, b: Option<&str>| matches!((a, b), (Some(a), Some(b)) if a != b);
        matches!((self.province, other.province), (Some(a), Some(b)) if a != b)
            || differ(self.city, other.city)
    }
}

/// Takes legal form and region off a company's name. Whatever is taken, a name never becomes empty.
pub fn company_name(text: &str) -> CompanyName {
    let folded: String = text.chars().map(fold::fold).flat_map(char::to_lowercase).collect();
    let mut region = Region::default();
    let opened = without_brackets(&folded, &mut region);
    let words: Vec<&str> =
        opened.split(|c: char| !(c.is_alphanumeric() || c == '&')).filter(|word| !word.is_empty()).collect();
    let joined = without_foreign_forms(&words).join(" ");
    let mut core = strip_forms(&joined);
    core = strip_region(core, &mut region);
    core = strip_region(core, &mut region);
    // 恒远机械浙江分公司: behind the form stands the region.
    core = strip_forms(core);
    CompanyName { core: core.trim().to_owned(), region }
}

/// Takes out brackets that hold a region, a legal form or 中国; opens all others.
fn without_brackets(text: &str, region: &mut Region) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find(['(', '[', '【', '〔']) {
        let (before, bracket) = rest.split_at(open);
        kept.push_str(before);
        let close = bracket.find([')', ']', '】', '〕']).unwrap_or(bracket.len());
        let inner = bracket[..close].trim_start_matches(['(', '[', '【', '〔']).trim();
        if !is_form(inner) && inner != "中国" && !take_whole_region(inner, region) {
            kept.push(' ');
            kept.push_str(inner);
            kept.push(' ');
        }
        rest = bracket[close..].trim_start_matches([')', ']', '】', '〕']);
    }
    kept.push_str(rest);
    if kept.trim().is_empty() { text.to_owned() } else { kept }
}

fn is_form(text: &str) -> bool {
    CHINESE_FORMS.contains(&text) || FOREIGN_FORMS.contains(&text)
}

fn take_whole_region(text: &str, region: &mut Region) -> bool {
    let mut rest = text;
    let mut found = *region;
    while let Some((next, after)) = leading_region(rest) {
        found = merged(found, next);
        rest = after;
    }
    let whole = rest.is_empty() && rest.len() < text.len();
    if whole {
        *region = found;
    }
    whole
}

fn without_foreign_forms<'a>(words: &'a [&'a str]) -> &'a [&'a str] {
    let end =
        words.iter().rposition(|word| !FOREIGN_FORMS.contains(word)).map_or(words.len(), |last| last + 1);
    &words[..end]
}

fn strip_forms(text: &str) -> &str {
    let mut rest = text.trim();
    while let Some(shorter) = CHINESE_FORMS.iter().find_map(|form| rest.strip_suffix(form)) {
        let shorter = shorter.trim_end();
        if shorter.chars().count() < 2 {
            break;
        }
        rest = shorter;
    }
    rest
}

/// Takes one region off the beginning of a name.
fn strip_region<'a>(text: &'a str, region: &mut Region) -> &'a str {
    match leading_region(text.trim_start()) {
        Some((found, rest)) if rest.chars().filter(|c| c.is_alphanumeric()).count() >= CORE_MIN => {
            *region = merged(*region, found);
            rest.trim_start()
        }
        // Too short to be told apart without it: keep it in the name.
        _ => text,
    }
}

fn merged(known: Region, found: Region) -> Region {
    Region { province: known.province.or(found.province), city: known.city.or(found.city) }
}

/// The region at the beginning of a text, and the text behind it.
fn leading_region(text: &str) -> Option<(Region, &str)> {
    let first = text.chars().next()?;
    let (name, region) = regions().get(&first)?.iter().find(|(name, _)| text.starts_with(name))?;
    Some((*region, without_ending(&text[name.len()..])))
}

/// Regions by the first letter of their name.
fn regions() -> &'static HashMap<char, Vec<(&'static str, Region)>> {
    static BY_LETTER: LazyLock<HashMap<char, Vec<(&str, Region)>>> = LazyLock::new(|| {
        let mut by_letter: HashMap<char, Vec<(&str, Region)>> = HashMap::new();
        let lines = REGIONS.lines().filter_map(|line| line.split_once(':'));
        for (province, (name, cities)) in lines.enumerate() {
            let whole = (name, Region { province: Some(province), city: None });
            let city = |city| (city, Region { province: Some(province), city: Some(city) });
            for (name, region) in [whole].into_iter().chain(cities.split_ascii_whitespace().map(city)) {
                by_letter.entry(name.chars().next().unwrap_or_default()).or_default().push((name, region));
            }
        }
        by_letter
    });
    &BY_LETTER
}

fn without_ending(rest: &str) -> &str {
    REGION_ENDINGS.iter().find_map(|ending| rest.strip_prefix(ending)).unwrap_or(rest)
}
