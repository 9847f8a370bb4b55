//! The catalogue of words: every text that the runtime itself says to people, by language and key. Catalogues are
//! flat JSON files, one folder per language; English and Chinese are part of the binary, more come from a folder
//! at start-up ([`load_directory`]). What an app says is not here but in the app ([`crate::Text`]).

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{LazyLock, RwLock};

use crate::Problem;

/// The language that stands in for missing words.
pub const FALLBACK: &str = "en";

/// Largest catalogue file that is read; ours have some tens of kilobytes.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Words of one language by key.
type Catalogue = HashMap<String, String>;

/// Catalogues live as long as the process, so that words can be handed out without copying.
static CATALOGUES: LazyLock<RwLock<Vec<(&'static str, &'static Catalogue)>>> = LazyLock::new(|| {
    macro_rules! embedded {
        ($language:literal) => {{
            let files = [
                include_str!(concat!("../locales/", $language, "/author.json")),
                include_str!(concat!("../locales/", $language, "/automation.json")),
                include_str!(concat!("../locales/", $language, "/cli.json")),
                include_str!(concat!("../locales/", $language, "/dashboards.json")),
                include_str!(concat!("../locales/", $language, "/errors.json")),
                include_str!(concat!("../locales/", $language, "/forms.json")),
                include_str!(concat!("../locales/", $language, "/insight.json")),
                include_str!(concat!("../locales/", $language, "/interactions.json")),
                include_str!(concat!("../locales/", $language, "/lint.json")),
                include_str!(concat!("../locales/", $language, "/messages.json")),
                include_str!(concat!("../locales/", $language, "/model.json")),
                include_str!(concat!("../locales/", $language, "/offline.json")),
                include_str!(concat!("../locales/", $language, "/plugin-pages.json")),
                include_str!(concat!("../locales/", $language, "/plugins.json")),
                include_str!(concat!("../locales/", $language, "/sandbox.json")),
                include_str!(concat!("../locales/", $language, "/scenario.json")),
                include_str!(concat!("../locales/", $language, "/shell.json")),
                include_str!(concat!("../locales/", $language, "/table.json")),
                include_str!(concat!("../locales/", $language, "/ui.json")),
                include_str!(concat!("../locales/", $language, "/views.json")),
            ];
            let parse = |text| serde_json::from_str(text).expect("embedded catalogues are tested to parse");
            let words: Catalogue = files.into_iter().map(parse).flat_map(|words: Catalogue| words).collect();
            ($language, &*Box::leak(Box::new(words)))
        }};
    }
    let catalogues = [embedded!("en"), embedded!("zh-CN")];
    RwLock::new(catalogues.to_vec())
});

/// The languages that have a catalogue, as BCP 47 tags: `en`, `zh-CN` and what [`load_directory`] added.
pub fn languages() -> Vec<&'static str> {
    read().iter().map(|(language, _)| *language).collect()
}

/// The words for `key` in `language`, with `{name}` replaced by the detail of that name. Falls back to English,
/// then to the key itself, so that a missing translation never hides that something was said.
pub fn translate(language: &str, key: &str, args: &[(&str, &str)]) -> String {
    find(language, key, args).unwrap_or_else(|| key.to_owned())
}

/// As [`translate`], but `None` when neither `language` nor English has the key.
pub fn find(language: &str, key: &str, args: &[(&str, &str)]) -> Option<String> {
    lookup(language, key).map(|words| fill(words, args).into_owned())
}

/// One sentence after another. Between Chinese sentences stands no space: their marks are as wide as two letters.
pub fn sentences(first: &str, second: &str) -> String {
    let space = if second.is_empty() { "" } else { gap(first) };
    format!("{first}{space}{second}")
}

/// What stands between a sentence and what follows it.
pub fn gap(sentence: &str) -> &'static str {
    if sentence.chars().last().is_none_or(|last| !last.is_ascii()) { "" } else { " " }
}

/// The words for `key` as the catalogue has them, without copying.
pub fn lookup(language: &str, key: &str) -> Option<&'static str> {
    let catalogues = read();
    let of = |wanted: &str| catalogues.iter().find(|(tag, _)| *tag == wanted).map(|(_, words)| *words);
    let own = of(language).and_then(|words| words.get(key));
    own.or_else(|| of(FALLBACK)?.get(key)).map(String::as_str)
}

/// The installed language that suits a list such as the header Accept-Language best; English when none does.
pub fn negotiate(accepted: &str) -> &'static str {
    let installed = languages();
    let mut wishes: Vec<(f32, &str)> = accepted
        .split(',')
        .filter_map(|part| {
            let (tag, quality) = part.split_once(";q=").unwrap_or((part, "1"));
            Some((quality.trim().parse().ok()?, tag.trim()))
        })
        .collect();
    wishes.sort_by(|a, b| b.0.total_cmp(&a.0));
    let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    let found = wishes.iter().filter(|(quality, _)| *quality > 0.0).find_map(|(_, wish)| {
        let exact = installed.iter().find(|tag| tag.eq_ignore_ascii_case(wish));
        exact.or_else(|| installed.iter().find(|tag| primary(tag) == primary(wish)))
    });
    found.copied().unwrap_or(FALLBACK)
}

/// Adds the catalogues of a folder: `<folder>/<language>/*.json`. Words that are there already are replaced, so
/// this also serves to change single texts. Called once at start-up; returns the languages that were read.
pub fn load_directory(folder: &Path) -> Result<Vec<&'static str>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut loaded = Vec::new();
    for language_folder in entries(folder, &mut problems) {
        let Some(language) = language_folder.file_name().and_then(|name| name.to_str()) else { continue };
        if language.starts_with('.') || !language_folder.is_dir() {
            continue;
        }
        let mut words = Catalogue::new();
        for file in entries(&language_folder, &mut problems) {
            if file.extension().is_some_and(|extension| extension == "json") {
                match read_file(&file) {
                    Ok(more) => words.extend(more),
                    Err(reason) => problems.push(unreadable(&file, reason)),
                }
            }
        }
        if problems.is_empty() {
            loaded.push(add(language, words));
        }
    }
    if problems.is_empty() { Ok(loaded) } else { Err(problems) }
}

fn add(language: &str, words: Catalogue) -> &'static str {
    let mut catalogues = CATALOGUES.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    match catalogues.iter_mut().find(|(tag, _)| *tag == language) {
        Some((tag, present)) => {
            let mut merged = present.clone();
            merged.extend(words);
            *present = Box::leak(Box::new(merged));
            tag
        }
        None => {
            let tag: &'static str = Box::leak(language.to_owned().into_boxed_str());
            catalogues.push((tag, Box::leak(Box::new(words))));
            tag
        }
    }
}

fn read_file(file: &Path) -> Result<Catalogue, String> {
    let size = std::fs::metadata(file).map_err(|error| error.to_string())?.len();
    if size > FILE_BYTES_MAX {
        return Err(format!("{size} > {FILE_BYTES_MAX} bytes"));
    }
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

fn entries(folder: &Path, problems: &mut Vec<Problem>) -> Vec<std::path::PathBuf> {
    let listed = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>());
    match listed {
        Ok(mut paths) => {
            paths.sort();
            paths
        }
        Err(error) => {
            problems.push(unreadable(folder, error));
            Vec::new()
        }
    }
}

fn unreadable(file: &Path, reason: impl std::fmt::Display) -> Problem {
    Problem::error("locale.unreadable", file.display().to_string(), "").arg("reason", reason)
}

fn read() -> std::sync::RwLockReadGuard<'static, Vec<(&'static str, &'static Catalogue)>> {
    // A writer only swaps pointers, so even a poisoned lock holds whole catalogues.
    CATALOGUES.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Replaces `{name}`; braces around unknown names stay as they are. Details are never searched for names again.
fn fill<'a>(words: &'a str, args: &[(&str, &str)]) -> Cow<'a, str> {
    if args.is_empty() || !words.contains('{') {
        return Cow::Borrowed(words);
    }
    let mut filled = String::with_capacity(words.len() + 32);
    let mut rest = words;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        rest = &rest[open..];
        let value = rest.find('}').and_then(|close| {
            let value = args.iter().find(|(name, _)| *name == &rest[1..close])?.1;
            Some((close, value))
        });
        match value {
            Some((close, value)) => {
                filled.push_str(value);
                rest = &rest[close + 1..];
            }
            None => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled.push_str(rest);
    Cow::Owned(filled)
}
