//! Reading sources: which files there are, which lines are code and which are tests, and where functions begin and end.
//!
//! The readers rely on rustfmt's layout (a closing brace stands where its line began), which CI enforces.

use std::path::{Path, PathBuf};

use crate::root;

/// One source file, split into lines.
pub(crate) struct Source {
    /// Relative to the workspace, with forward slashes.
    pub(crate) path: String,
    lines: Vec<Line>,
}

struct Line {
    text: String,
    test: bool,
}

/// A function with where it begins and how many lines it has.
#[derive(Debug, PartialEq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) length: usize,
}

impl Source {
    /// Splits a text; `path` decides whether all of it is a test.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let all_test = is_test_path(path);
        let mut lines = Vec::new();
        let mut rest = text.lines().peekable();
        while let Some(line) = rest.next() {
            lines.push(Line { text: line.to_owned(), test: all_test });
            let opens =
                rest.peek().is_some_and(|next| next.starts_with("mod ") || next.starts_with("pub mod "));
            if line == "#[cfg(test)]" && opens {
                take_test_module(&mut rest, &mut lines);
            }
        }
        Self { path: path.to_owned(), lines }
    }

    /// Number and text of the lines that are neither comments nor tests.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.lines.iter().enumerate();
        numbered
            .filter(|(_, line)| !line.test && !line.text.trim_start().starts_with("//"))
            .map(|(index, line)| (index + 1, line.text.as_str()))
    }

    /// How many lines are not tests.
    pub(crate) fn length(&self) -> usize {
        self.lines.iter().filter(|line| !line.test).count()
    }

    /// The opening `//!` paragraph as one line; empty when there is none.
    pub(crate) fn opening(&self) -> String {
        let texts = self.lines.iter().map_while(|line| line.text.strip_prefix("//!"));
        let paragraph: Vec<&str> = texts.map(str::trim).take_while(|text| !text.is_empty()).collect();
        paragraph.join(" ")
    }

    /// All functions outside of tests that have a body.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            let Some(name) = function_name(&line.text).filter(|_| !line.test) else { continue };
            let indent = line.text.len() - line.text.trim_start().len();
            let closing = format!("{}}}", " ".repeat(indent));
            let end = self.lines[index..].iter().position(|line| {
                line.text == closing
                    || line.text.trim_end().ends_with(';')
                        && line.text.len() - line.text.trim_start().len() == indent
            });
            let length = if line.text.ends_with('}') { 1 } else { end.map_or(1, |offset| offset + 1) };
            functions.push(Function { name, line: index + 1, length });
        }
        functions
    }
}

fn take_test_module<'a>(
    rest: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
    lines: &mut Vec<Line>,
) {
    let Some(opening) = rest.next() else { return };
    lines.push(Line { text: opening.to_owned(), test: true });
    if opening.ends_with(';') {
        return;
    }
    for line in rest.by_ref() {
        lines.push(Line { text: line.to_owned(), test: true });
        if line == "}" {
            return;
        }
    }
}

fn function_name(line: &str) -> Option<String> {
    let mut words = line.trim_start();
    for prefix in ["pub(crate) ", "pub(super) ", "pub ", "const ", "async "] {
        words = words.strip_prefix(prefix).unwrap_or(words);
    }
    let rest = words.strip_prefix("fn ")?;
    Some(rest.split(['(', '<']).next()?.to_owned())
}

fn is_test_path(path: &str) -> bool {
    path.starts_with("tests/")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
}

/// All Rust sources of the workspace.
pub(crate) fn rust_sources() -> Vec<Source> {
    let mut files = files_below(&["runtime", "tests", "sdk", "plugins"]);
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files.iter().map(|file| Source::new(&relative(file), &read(file))).collect()
}

/// All files below some folders of the workspace, without what is built or installed.
pub(crate) fn files_below(folders: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in folders {
        collect(&root().join(folder), &mut files);
    }
    files.sort();
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !path.is_dir() {
            files.push(path);
        } else if !["node_modules", "dist", "target", ".git", "data", "book"].contains(&name.as_str())
            || is_sources(&path)
        {
            collect(&path, files);
        }
    }
}

/// A folder of sources may be called `data`; one that a run made has none.
fn is_sources(folder: &Path) -> bool {
    folder.ends_with("tests/data") || folder.join("mod.rs").is_file()
}

/// A path relative to the workspace.
pub(crate) fn relative(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).to_string_lossy().replace('\\', "/")
}

/// The text of a file; files that are not text are empty.
pub(crate) fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

#[test]
fn a_function_is_measured_from_its_first_line_to_its_closing_brace() {
    let text = "//! Text.\n\nfn short() {}\n\nimpl A {\n    pub(crate) async fn long(\n        &self,\n    ) {\n        go();\n    }\n}\n";
    let source = Source::new("runtime/a/src/a.rs", text);
    let expected = [
        Function { name: "short".into(), line: 3, length: 1 },
        Function { name: "long".into(), line: 6, length: 5 },
    ];
    assert_eq!(source.functions(), expected);
}

#[test]
fn code_inside_a_test_module_is_not_code_of_the_product() {
    let text = "//! Text.\nfn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
    let source = Source::new("runtime/a/src/a.rs", text);
    let names: Vec<String> = source.functions().into_iter().map(|function| function.name).collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(source.length(), 4);
}
