//! Words of the command line in the language of the person at the terminal, and output for people or (`--json`) for programs.

use anyhow::anyhow;
use mortise_definition::locale;
use serde_json::Value;

use crate::{Failure, language};

/// Language and form of the output.
pub(super) struct Words {
    pub(super) language: &'static str,
    pub(super) json: bool,
}

impl Words {
    /// From `--language`, else from the environment as other programs read it (`LC_ALL`, `LC_MESSAGES`, `LANG`).
    pub(super) fn new(language: Option<&str>, json: bool) -> Self {
        let variables = ["LC_ALL", "LC_MESSAGES", "LANG"];
        let from_environment = || {
            let text =
                variables.iter().find_map(|name| std::env::var(name).ok().filter(|text| !text.is_empty()))?;
            language::supported(text.split('.').next().unwrap_or_default())
        };
        let chosen = language.and_then(language::supported).or_else(from_environment);
        Words { language: chosen.unwrap_or(language::FALLBACK), json }
    }

    /// A text of the catalogue.
    pub(super) fn text(&self, key: &str, args: &[(&str, &str)]) -> String {
        locale::translate(self.language, key, args)
    }

    /// Says something to a person; programs hear nothing.
    pub(super) fn say(&self, key: &str, args: &[(&str, &str)]) {
        if !self.json {
            println!("{}", self.text(key, args));
        }
    }

    /// Gives the result to a program; people hear nothing.
    pub(super) fn result(&self, value: &Value) {
        if self.json {
            println!("{value:#}");
        }
    }

    /// Rows as a table for people, as they are for programs.
    pub(super) fn table(&self, rows: &[Value], columns: &[&str]) {
        if self.json {
            return self.result(&Value::from(rows));
        }
        let cell = |row: &Value, column: &str| match &row[column] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            Value::Array(items) => {
                let texts =
                    items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
                texts.collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        let heads = columns.iter().map(|column| self.text(&format!("cli.column.{column}"), &[])).collect();
        let mut lines: Vec<Vec<String>> = vec![heads];
        lines.extend(rows.iter().map(|row| columns.iter().map(|column| cell(row, column)).collect()));
        let widths: Vec<usize> = (0..columns.len())
            .map(|column| lines.iter().map(|line| width(&line[column])).max().unwrap_or(0))
            .collect();
        for line in lines {
            let cells = line
                .iter()
                .zip(&widths)
                .map(|(text, size)| format!("{text}{}", " ".repeat(size - width(text))));
            println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
    }

    /// A failure of our own as an error of the command line.
    pub(super) fn failure(&self, failure: &Failure) -> anyhow::Error {
        // What went wrong is for the log, unless there are words for it.
        match failure.log().filter(|_| failure.code() == "server.failed") {
            Some(cause) => anyhow!("{} ({cause})", failure.title(self.language)),
            None => self.problem(&failure.problem(self.language)),
        }
    }

    /// A problem document as an error of the command line.
    pub(super) fn problem(&self, problem: &Value) -> anyhow::Error {
        if self.json {
            return anyhow!("{problem:#}");
        }
        let mut lines = vec![problem["title"].as_str().unwrap_or("?").to_owned()];
        for issue in problem["issues"].as_array().into_iter().flatten() {
            let (field, message) = (issue["field"].as_str(), issue["message"].as_str());
            lines.push(format!("  {}: {}", field.unwrap_or_default(), message.unwrap_or_default()));
        }
        for found in problem["problems"].as_array().into_iter().flatten() {
            lines.push(problem_line(found));
        }
        for step in problem["steps"].as_array().into_iter().flatten() {
            lines.push(format!("  --confirm {}", step["key"].as_str().unwrap_or_default()));
        }
        if let Some(hint) = problem["hint"].as_str() {
            lines.push(hint.to_owned());
        }
        anyhow!(lines.join("\n"))
    }
}

/// A problem of an app on one line, with its hint on the next.
pub(super) fn problem_line(problem: &Value) -> String {
    let text = |name: &str| problem[name].as_str().unwrap_or_default();
    let line = problem["line"].as_u64().map(|line| format!(":{line}")).unwrap_or_default();
    let mut place = format!("{}{line}", text("file"));
    if !text("pointer").is_empty() {
        place = format!("{place} {}", text("pointer"));
    }
    let hint = match text("hint") {
        "" => String::new(),
        hint => format!("\n      {hint}"),
    };
    format!("  {} [{}] {place}\n      {}{hint}", text("severity"), text("code"), text("message"))
}

/// Width on a terminal: Chinese characters take two columns.
fn width(text: &str) -> usize {
    text.chars().map(|c| if ('\u{1100}'..='\u{ffe6}').contains(&c) { 2 } else { 1 }).sum()
}
