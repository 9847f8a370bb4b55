//! The words by which the search box finds a record: the same on SQLite (FTS5) and PostgreSQL (GIN over tsvector).
//!
//! Chinese, Japanese and Korean text becomes overlapping pairs of characters, other text becomes lower-case words, and
//! long runs of digits also become their endings, so that the last digits of a phone number find it. Neither database
//! is trusted to cut Chinese into words.

/// Words of one record at most; more are left out (about 30 kB of text).
const TOKENS_MAX: usize = 4000;
/// Words of a query at most.
const QUERY_TOKENS_MAX: usize = 16;
/// Longest word kept; longer ones are cut.
const TOKEN_CHARS_MAX: usize = 40;
/// Shortest ending of a number that can be searched for.
const ENDING_MIN: usize = 4;
/// Numbers longer than this get no endings.
const NUMBER_MAX: usize = 20;

fn is_ideographic(c: char) -> bool {
    matches!(c as u32, 0x2E80..=0x9FFF | 0xA960..=0xA97F | 0xAC00..=0xD7FF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// Runs of one kind: a word (false) or ideographs (true), in lower case.
fn runs(text: &str) -> Vec<(bool, String)> {
    let mut runs: Vec<(bool, String)> = Vec::new();
    let mut open = false;
    for c in text.chars().flat_map(char::to_lowercase) {
        // Full-width letters and digits are what Chinese keyboards produce.
        let c = match c as u32 {
            code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(c),
            _ => c,
        };
        if !c.is_alphanumeric() {
            open = false;
            continue;
        }
        let kind = is_ideographic(c);
        match runs.last_mut() {
            Some((last, run)) if open && *last == kind => run.push(c),
            _ => runs.push((kind, c.to_string())),
        }
        open = true;
    }
    runs
}

/// The words of a record's text.
pub fn tokens<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut tokens = Vec::new();
    for (ideographic, run) in texts.flat_map(runs) {
        if ideographic {
            let chars: Vec<char> = run.chars().collect();
            tokens.extend(
                (0..chars.len()).map(|at| chars[at..(at + 2).min(chars.len())].iter().collect::<String>()),
            );
        } else {
            let digits = run.chars().all(|c| c.is_ascii_digit());
            if digits && run.len() <= NUMBER_MAX {
                tokens.extend((1..run.len().saturating_sub(ENDING_MIN - 1)).map(|at| run[at..].to_owned()));
            }
            tokens.push(run.chars().take(TOKEN_CHARS_MAX).collect());
        }
        if tokens.len() >= TOKENS_MAX {
            tokens.truncate(TOKENS_MAX);
            break;
        }
    }
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}

/// The words of a query, each with whether it is only the beginning of a word. All of them have to be found.
fn query_tokens(query: &str) -> Vec<(String, bool)> {
    let mut tokens = Vec::new();
    for (ideographic, run) in runs(query) {
        if ideographic {
            let chars: Vec<char> = run.chars().collect();
            match chars.len() {
                1 => tokens.push((run, true)),
                n => tokens.extend((0..n - 1).map(|at| (chars[at..at + 2].iter().collect(), false))),
            }
        } else {
            tokens.push((run.chars().take(TOKEN_CHARS_MAX).collect(), true));
        }
    }
    tokens.truncate(QUERY_TOKENS_MAX);
    tokens
}

/// The words of a query, as they have to stand in a text in lower case.
pub fn words(query: &str) -> Vec<String> {
    query_tokens(query).into_iter().map(|(word, _)| word).collect()
}

/// The query for FTS5; `None` when there is nothing to search for.
pub fn sqlite_match(query: &str) -> Option<String> {
    let terms: Vec<String> = query_tokens(query)
        .iter()
        .map(|(token, prefix)| format!("\"{token}\"{}", if *prefix { "*" } else { "" }))
        .collect();
    (!terms.is_empty()).then(|| terms.join(" AND "))
}

/// The query for a tsvector; `None` when there is nothing to search for.
pub fn postgres_match(query: &str) -> Option<String> {
    let terms: Vec<String> = query_tokens(query)
        .iter()
        .map(|(token, prefix)| format!("'{token}'{}", if *prefix { ":*" } else { "" }))
        .collect();
    (!terms.is_empty()).then(|| terms.join(" & "))
}

/// The words as a tsvector literal (words hold letters and digits only, so that nothing needs escaping).
pub fn postgres_vector(tokens: &[String]) -> String {
    let mut text = String::with_capacity(tokens.len() * 8);
    for token in tokens {
        text.push('\'');
        text.push_str(token);
        text.push_str("' ");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_becomes_pairs_and_numbers_get_endings() {
        let found = tokens(["上海云帆科技 Acme-Ltd", "+8613812345678"].into_iter());
        for token in ["上海", "海云", "技", "acme", "ltd", "8613812345678", "5678", "12345678"] {
            assert!(found.iter().any(|have| have == token), "{token} in {found:?}");
        }
        assert!(!found.iter().any(|token| token == "678"));
    }

    #[test]
    fn queries_cannot_break_out_of_their_quotes() {
        assert_eq!(sqlite_match("张\" OR *").as_deref(), Some("\"张\"* AND \"or\"*"));
        assert_eq!(postgres_match("云帆 ':* | a").as_deref(), Some("'云帆' & 'a':*"));
        assert_eq!(sqlite_match(" ?! "), None);
    }
}
