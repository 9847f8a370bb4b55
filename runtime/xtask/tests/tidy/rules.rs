//! Rules about Rust sources: openings, sizes, banned calls, the clock, business words, files that nobody compiles.

use std::collections::BTreeSet;
use std::path::Path;

use crate::source::{Source, files_below, read, relative, rust_sources};
use crate::{expect_none, root};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Files that may be longer, each with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Functions that may be longer (`path::name`), each with the reason.
const LONG_FUNCTIONS: &[(&str, &str)] = &[];

/// Calls that end a process or leave a trace of unfinished work, and what to write instead.
const BANNED: &[(&str, &str)] = &[
    (".unwrap()", "return an error, or `expect` with the invariant that makes it impossible"),
    ("todo!(", "finish it"),
    ("unimplemented!(", "finish it"),
    ("dbg!(", "use tracing"),
    ("#[ignore", "a test that cannot run is no test"),
    ("#[should_panic", "return an error and assert it"),
    ("process::exit(", "return an exit code from main"),
];

/// Clocks and dice that only an `Env` may read.
const HIDDEN: &[&str] =
    &["Utc::now()", "Local::now()", "SystemTime::now()", "Uuid::now_v7()", "Uuid::new_v4()"];

/// Crates whose results depend on data and arguments only, never on the time of day.
const WITHOUT_CLOCK: &[&str] = &["runtime/expr/", "runtime/definition/", "runtime/store/", "runtime/engine/"];

/// Where the real `Env` and measurements of the machine live.
const CLOCKS: &[(&str, &str)] = &[("runtime/engine/src/env.rs", "the real environment")];

/// Words of one trade, which the runtime must not know.
const BUSINESS_WORDS: &[&str] = &[
    "opportunity",
    "opportunities",
    "salesperson",
    "salesman",
    "crm",
    "prospect",
    "customer",
    "customers",
    "competitor",
    "campaign",
    "discount",
    "sales",
    "revenue",
    "invoice",
    "quotations",
    "线索",
    "商机",
    "报价",
    "拜访",
    "销售",
];

/// The same, but ordinary verbs in prose, and so looked for in code only.
const BUSINESS_NAMES: &[&str] = &["lead", "leads"];

/// Words that mean something else here (texts are quoted, serde and people visit), unless they stand alone as the name of a
/// thing, `"visit"`, or beside one of the partners that they have in the trade, `visit_report`.
const AMBIGUOUS: &[&str] = &["visit", "visits", "quote", "quotes", "quotation"];
const PARTNERS: &[&str] = &[
    "amount",
    "approval",
    "approvals",
    "audit",
    "audits",
    "checklist",
    "client",
    "discount",
    "draft",
    "evidence",
    "expiry",
    "followup",
    "item",
    "items",
    "plan",
    "plans",
    "price",
    "prices",
    "report",
    "reports",
    "site",
    "template",
    "total",
    "valid",
];

#[test]
fn every_file_opens_with_a_full_sentence() {
    let product = rust_sources();
    let findings = product.iter().filter(|source| {
        let opening = source.opening();
        opening.len() < 20 || !opening.ends_with(['.', ':', '!', '?'])
    });
    expect_none("A file opens with `//!` and a full sentence", &paths(findings));
}

#[test]
fn files_stay_short_enough_to_be_read() {
    let sources = rust_sources();
    let long = sources.iter().filter(|source| source.length() > FILE_LINES_MAX);
    let found: Vec<(String, usize)> = long.map(|source| (source.path.clone(), source.length())).collect();
    check_exceptions(&format!("A file has at most {FILE_LINES_MAX} lines"), &found, LONG_FILES);
}

#[test]
fn functions_stay_short_enough_to_be_seen_at_once() {
    let mut found = Vec::new();
    for source in rust_sources() {
        let long = source.functions().into_iter().filter(|function| function.length > FUNCTION_LINES_MAX);
        found.extend(long.map(|function| (format!("{}::{}", source.path, function.name), function.length)));
    }
    check_exceptions(&format!("A function has at most {FUNCTION_LINES_MAX} lines"), &found, LONG_FUNCTIONS);
}

#[test]
fn nothing_outside_tests_panics_by_convenience() {
    let mut findings = Vec::new();
    for source in rust_sources() {
        for (number, line) in source.code() {
            for (banned, instead) in BANNED.iter().filter(|(banned, _)| line.contains(banned)) {
                findings.push(format!("{}:{number}: `{banned}`: {instead}", source.path));
            }
        }
    }
    expect_none("Banned outside tests", &findings);
}

#[test]
fn time_and_chance_come_from_the_environment_passed_in() {
    let mut found = Vec::new();
    for source in
        rust_sources().iter().filter(|source| WITHOUT_CLOCK.iter().any(|part| source.path.starts_with(part)))
    {
        let hits =
            source.code().filter(|(_, line)| HIDDEN.iter().any(|hidden| line.contains(hidden))).count();
        if hits > 0 {
            found.push((source.path.clone(), hits));
        }
    }
    check_exceptions("Time, ids and randomness come from `Env`", &found, CLOCKS);
}

#[test]
fn the_runtime_knows_no_business_word() {
    let mut findings = Vec::new();
    for file in files_below(&["runtime"]) {
        let path = relative(&file);
        if !["rs", "html", "jinja", "ts", "css", "json"]
            .iter()
            .any(|ending| path.ends_with(&format!(".{ending}")))
        {
            continue;
        }
        // The rule itself has to name the words.
        if path.starts_with("runtime/xtask/") || path.ends_with("package-lock.json") {
            continue;
        }
        let code = path.ends_with(".rs") || path.ends_with(".ts");
        for (number, line) in Source::new(&path, &read(&file)).code() {
            findings.extend(business_words(line, code).map(|word| format!("{path}:{number}: {word}")));
        }
    }
    expect_none("Business words belong to app-templates, plugins, tests and docs", &findings);
}

fn business_words(line: &str, code: bool) -> impl Iterator<Item = &'static str> {
    let lower = line.to_lowercase();
    let words: BTreeSet<String> =
        lower.split(|letter: char| !letter.is_ascii_alphanumeric()).map(str::to_owned).collect();
    let names = if code { BUSINESS_NAMES } else { &[] };
    let ambiguous: Vec<&str> =
        AMBIGUOUS.iter().copied().filter(|word| code && is_of_the_trade(word, &lower)).collect();
    let searched = BUSINESS_WORDS.iter().chain(names).copied();
    let found = searched
        .filter(move |word| if word.is_ascii() { words.contains(*word) } else { lower.contains(word) });
    found.chain(ambiguous)
}

fn is_of_the_trade(word: &str, line: &str) -> bool {
    // Only what is written as one name: `visit_report` or `visit-report`, but not `visit.report`.
    let names = line.split(|letter: char| !letter.is_ascii_alphanumeric() && !['_', '-'].contains(&letter));
    let beside = |name: &str| {
        let parts: Vec<&str> = name.split(['_', '-']).collect();
        parts.windows(2).any(|pair| {
            pair[0] == word && PARTNERS.contains(&pair[1]) || pair[1] == word && PARTNERS.contains(&pair[0])
        })
    };
    line.contains(&format!("\"{word}\"")) && !line.contains(&format!("(\"{word}\""))
        || names.into_iter().any(beside)
}

#[test]
fn every_source_file_is_part_of_a_crate() {
    let sources = rust_sources();
    let findings =
        sources.iter().filter(|source| source.path.contains("/src/") && !is_declared(&source.path));
    expect_none("A file that no `mod` names is never compiled", &paths(findings));
}

/// True when the file is a root, or the file above it declares it, by its name or by a `#[path]`.
fn is_declared(path: &str) -> bool {
    let path = Path::new(path);
    let (Some(stem), Some(folder)) = (path.file_stem().and_then(|stem| stem.to_str()), path.parent()) else {
        return false;
    };
    if folder.ends_with("src") && ["main", "lib"].contains(&stem) || folder.ends_with("bin") {
        return true;
    }
    let (name, folder) = match (stem, folder.parent(), folder.file_name()) {
        ("mod", Some(parent), Some(name)) => (name.to_string_lossy().into_owned(), parent),
        _ => (stem.to_owned(), folder),
    };
    let own = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut parents = vec![folder.join("mod.rs"), folder.join("lib.rs"), folder.join("main.rs")];
    parents.push(folder.with_file_name(format!("{own}.rs")));
    let declarations = [format!("mod {name};"), format!("#[path = \"{stem}.rs\"]")];
    let mut folder_files = files_below(&[&folder.to_string_lossy()]);
    folder_files.retain(|file| file.parent().is_some_and(|parent| parent == root().join(folder)));
    let above = parents.iter().map(|parent| root().join(parent)).map(|parent| (parent, &declarations[0]));
    let beside = folder_files.into_iter().map(|file| (file, &declarations[1]));
    above.chain(beside).any(|(file, declaration)| read(&file).contains(declaration.as_str()))
}

fn paths<'a>(sources: impl Iterator<Item = &'a Source>) -> Vec<String> {
    sources.map(|source| source.path.clone()).collect()
}

/// Compares what was found with the listed exceptions, in both directions.
#[track_caller]
fn check_exceptions(rule: &str, found: &[(String, usize)], exceptions: &[(&str, &str)]) {
    let excepted = |name: &str| exceptions.iter().any(|(exception, _)| *exception == name);
    let mut findings: Vec<String> = found
        .iter()
        .filter(|(name, _)| !excepted(name))
        .map(|(name, count)| format!("{name}: {count}"))
        .collect();
    for (exception, _) in exceptions {
        if !found.iter().any(|(name, _)| name == exception) {
            findings.push(format!("{exception}: the exception is no longer needed"));
        }
    }
    expect_none(rule, &findings);
}

#[test]
fn a_word_is_found_whole_and_not_inside_another() {
    assert_eq!(business_words("let lead_count = 1;", true).collect::<Vec<_>>(), ["lead"]);
    assert_eq!(business_words("leading zeros", true).count(), 0);
    assert_eq!(business_words("fn visit_map(quote: char)", true).count(), 0);
    assert_eq!(business_words("visit.items(quote_value)", true).count(), 0);
    assert_eq!(business_words("let visit_report = \"quote\";", true).collect::<Vec<_>>(), ["visit", "quote"]);
}
