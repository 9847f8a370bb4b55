//! Rules about Markdown: one title, links that lead somewhere, and no page of the book that its summary forgets.

use std::path::Path;

use crate::source::{files_below, read, relative};
use crate::{expect_none, root};

const ARCHITECTURE_LINES_MAX: usize = 300;

fn pages() -> Vec<std::path::PathBuf> {
    let mut pages = files_below(&["docs", "sdk", "plugins", "app-templates", "tests", "runtime"]);
    pages.push(root().join("README.md"));
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages
}

/// Lines outside of fenced code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

#[test]
fn every_page_has_one_title_in_its_first_line() {
    let mut findings = Vec::new();
    for page in pages() {
        let text = read(&page);
        let titles = prose(&text).filter(|(_, line)| line.starts_with("# ")).count();
        if titles != 1 && !page.ends_with("SUMMARY.md") || !text.starts_with("# ") {
            findings.push(format!("{}: {titles} titles", relative(&page)));
        }
    }
    expect_none("A page begins with its title and has no second one", &findings);
}

#[test]
fn every_relative_link_leads_to_a_file() {
    let mut findings = Vec::new();
    for page in pages() {
        let folder = page.parent().unwrap_or(Path::new("/")).to_path_buf();
        let text = read(&page);
        for (number, line) in prose(&text) {
            for target in
                links(line).filter(|target| !target.contains("://") && !target.starts_with(['#', '/']))
            {
                let file = target.split('#').next().unwrap_or_default();
                if !target.starts_with("mailto:") && !folder.join(file).exists() {
                    findings.push(format!("{}:{}: {target}", relative(&page), number + 1));
                }
            }
        }
    }
    expect_none("A link leads to a file", &findings);
}

fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

#[test]
fn the_summary_lists_every_page_of_the_book() {
    let summary = read(&root().join("docs/SUMMARY.md"));
    let mut pages = files_below(&["docs"]);
    pages.retain(|page| {
        page.extension().is_some_and(|extension| extension == "md") && !page.ends_with("SUMMARY.md")
    });
    let missing: Vec<String> = pages
        .iter()
        .map(|page| relative(page).trim_start_matches("docs/").to_owned())
        .filter(|page| !summary.contains(&format!("({page})")))
        .collect();
    expect_none("docs/SUMMARY.md lists every page", &missing);
}

#[test]
fn the_architecture_stays_short_enough_to_stay_true() {
    let lines = read(&root().join("docs/architecture.md")).lines().count();
    assert!((1..=ARCHITECTURE_LINES_MAX).contains(&lines), "docs/architecture.md has {lines} lines");
}
