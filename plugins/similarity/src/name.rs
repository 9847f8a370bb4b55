//! What distinguishes a company name from others: without legal form, region and punctuation; and how alike two such cores
//! are. Pure: names in, a number between 0 and 1 out.

use crate::lists::{BRANCHES, FORM_ENDS, FORMS_CHINESE, FORMS_LATIN, REGION_ENDS, REGIONS, REGIONS_LATIN};

/// Longest name that is compared, in characters; the rest of a longer one is cut off. Comparing takes the square of it.
const CHARS_MAX: usize = 120;

/// The distinctive part of a name. A name of nothing but form and region stays as it is.
pub(crate) fn core(name: &str) -> String {
    let plain = plain(name);
    let cut = without_regions(without_forms(&plain));
    if cut.is_empty() { squeeze(plain.trim()) } else { squeeze(cut) }
}

fn squeeze(words: &str) -> String {
    match words.contains(' ') {
        true => words.split_whitespace().collect::<Vec<_>>().join(" "),
        false => words.to_owned(),
    }
}

/// How alike two names are: 1 for the same company, 0 for nothing in common.
pub(crate) fn similarity(one: &str, other: &str) -> f64 {
    let (one, other) = (letters(&core(one)), letters(&core(other)));
    if one.is_empty() || other.is_empty() {
        return 0.0;
    }
    if one == other {
        return 1.0;
    }
    let edits = 1.0 - distance(&one, &other) as f64 / one.len().max(other.len()) as f64;
    let alike = edits.max(shared_pairs(&one, &other));
    // A core that contains the other whole is often the same company with its trade behind it: never certain, though.
    let (short, long) = if one.len() < other.len() { (&one, &other) } else { (&other, &one) };
    let contained = short.len() >= 2 && long.windows(short.len()).any(|window| window == short.as_slice());
    let floor = if contained { 0.6 + 0.3 * short.len() as f64 / long.len() as f64 } else { 0.0 };
    (alike.max(floor) * 1_000.0).round() / 1_000.0
}

/// Lower case, half width, with a space for each mark; what stands in brackets goes when it is only a region.
fn plain(name: &str) -> String {
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
            letter if is_han(letter) => plain.push(letter),
            letter if letter.is_ascii_alphanumeric() => plain.push(letter.to_ascii_lowercase()),
            letter if letter.is_alphanumeric() => plain.extend(letter.to_lowercase()),
            '(' | ')' | '（' | '）' | '[' | ']' | '【' | '】' => plain.push('|'),
            '&' => plain.push_str(" and "),
            _ => plain.push(' '),
        }
    }
    if !plain.contains('|') {
        return plain;
    }
    let parts = plain.split('|').enumerate();
    let kept: Vec<&str> =
        parts.filter(|(place, part)| *place == 0 || !is_region(part)).map(|(_, part)| part.trim()).collect();
    // Brackets within Chinese words leave no gap: 华为（深圳）技术 is 华为技术.
    let chinese = kept.iter().any(|part| part.chars().any(is_han));
    kept.join(if chinese { "" } else { " " })
}

fn is_han(letter: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&letter)
}

fn is_region(part: &str) -> bool {
    let part = part.trim();
    !part.is_empty() && without_regions(part).is_empty()
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
        if let Some((rest, last)) = name.rsplit_once(' ')
            && (FORMS_LATIN.contains(&last) || last == "and")
        {
            name = rest.trim();
        }
        if name == before {
            return name;
        }
    }
}

/// A name without the branch at its end and where that is: 华为技术有限公司北京分公司 is 华为技术有限公司.
fn without_branch(name: &str) -> &str {
    let Some(rest) = BRANCHES.iter().find_map(|branch| name.strip_suffix(branch)) else { return name };
    let plain = REGION_ENDS.iter().find_map(|end| rest.strip_suffix(end)).unwrap_or(rest);
    let ended = REGIONS.iter().find_map(|region| plain.strip_suffix(region)).unwrap_or(rest);
    if ended.trim().is_empty() { name } else { ended.trim() }
}

fn without_regions(name: &str) -> &str {
    let mut name = name.trim();
    loop {
        if let Some(rest) = strip_latin_region(name) {
            name = rest;
            continue;
        }
        let Some(rest) = strip_region(name) else { return name };
        let ended = REGION_ENDS.iter().find_map(|end| rest.strip_prefix(end));
        // 中山 without 市 may be a name of its own; whatever is left has to be at least two characters to be one.
        let rest = ended.unwrap_or(rest).trim();
        if rest.chars().count() == 1 {
            return name;
        }
        name = rest;
    }
}

/// The rest behind the name of a region. Looks for the first character by halves: this runs for every row of a list.
fn strip_region(name: &str) -> Option<&str> {
    let first = name.chars().next()?;
    let from = REGIONS.partition_point(|region| region.chars().next() < Some(first));
    let mut alike = REGIONS[from..].iter().take_while(|region| region.starts_with(first));
    alike.find_map(|region| name.strip_prefix(region))
}

/// The rest behind a region in Latin letters, which is a word of its own; looked for by halves.
fn strip_latin_region(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("hong kong").filter(|rest| rest.is_empty() || rest.starts_with(' '));
    if let Some(rest) = rest {
        return Some(rest.trim());
    }
    let (first, rest) = name.split_once(' ').unwrap_or((name, ""));
    REGIONS_LATIN.binary_search(&first).ok().map(|_| rest.trim())
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
            ("香港長江集團有限公司", "長江"),
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
            assert!(similarity(one, other) < 0.5, "{one} / {other}: {}", similarity(one, other));
        }
    }

    #[test]
    fn forms_and_regions_stand_where_they_are_looked_for() {
        assert!(FORMS_CHINESE.iter().all(|form| form.ends_with(FORM_ENDS)));
        assert!(REGIONS.is_sorted_by_key(|region| region.chars().next()));
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
