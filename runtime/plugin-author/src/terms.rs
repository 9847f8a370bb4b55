//! How results are told: in a language for people, or as JSON for programs.

use mortise_definition::{Problem, locale};
use serde_json::{Value, json};

use crate::error::in_words;

/// The language of messages and the form of results.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// `en` or `zh-CN`.
    pub language: &'static str,
    /// Results as JSON on standard output, and nothing else there.
    pub json: bool,
}

impl Terms {
    /// A text of the catalogue.
    pub(crate) fn text(&self, key: &str, args: &[(&str, &str)]) -> String {
        locale::translate(self.language, key, args)
    }

    /// Says something to a person; programs hear nothing.
    pub(crate) fn say(&self, key: &str, args: &[(&str, &str)]) {
        self.line(&self.text(key, args));
    }

    /// A line for people.
    pub(crate) fn line(&self, line: &str) {
        if !self.json {
            println!("{line}");
        }
    }

    /// The result, for programs.
    pub(crate) fn result(&self, value: &Value) {
        if self.json {
            println!("{value:#}");
        }
    }

    /// Problems that do not end the work.
    pub(crate) fn warn(&self, problems: &[Problem]) {
        for problem in problems {
            self.line(&in_words(problem, self.language));
        }
    }

    /// A problem for programs.
    pub(crate) fn problem_json(&self, problem: &Problem) -> Value {
        json!({
            "code": problem.code,
            "severity": if problem.is_error() { "error" } else { "warning" },
            "place": problem.place(),
            "message": problem.message(self.language),
            "hint": problem.hint(self.language),
        })
    }
}
