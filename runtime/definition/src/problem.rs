//! Problems: what is wrong with an app, where, and what to do about it. A problem carries a stable code and its
//! details by name; its words come from the catalogue of the reader's language ([`crate::locale`]), never from here.

use std::fmt;

use mortise_expr::Diagnostic;
use serde::Serialize;

use crate::locale;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The app cannot be installed.
    Error,
    /// The app works, but probably not as its author wants.
    Warning,
}

/// One thing that is wrong with an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Stable kind: `field.unknown_entity`.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// File within the app, with the app's id in front once that is known: `order-desk/entities/order.json`.
    pub file: String,
    /// JSON pointer within the file; empty for the whole file.
    pub pointer: String,
    /// Line in the file (from 1), when the JSON itself is broken.
    pub line: Option<usize>,
    /// Character (from 1): in the line when `line` is given, otherwise in the expression at `pointer`.
    pub column: Option<usize>,
    /// Details by name, for the words of the message. `suggestion` is a likely intended name.
    pub args: Vec<(&'static str, String)>,
}

impl Problem {
    /// An error.
    pub fn error(code: &'static str, file: impl Into<String>, pointer: impl Into<String>) -> Problem {
        Problem {
            code,
            severity: Severity::Error,
            file: file.into(),
            pointer: pointer.into(),
            line: None,
            column: None,
            args: Vec::new(),
        }
    }

    /// A warning.
    pub fn warning(code: &'static str, file: impl Into<String>, pointer: impl Into<String>) -> Problem {
        Problem { severity: Severity::Warning, ..Problem::error(code, file, pointer) }
    }

    /// An error in the expression at `pointer`.
    pub fn expression(
        diagnostic: Diagnostic,
        file: impl Into<String>,
        pointer: impl Into<String>,
    ) -> Problem {
        let mut problem = Problem::error(diagnostic.code, file, pointer);
        problem.column = Some(diagnostic.column);
        let chinese = diagnostic.message_in("zh-CN");
        problem.args = diagnostic.args;
        problem.args.push(("message", diagnostic.message));
        problem.args.push(("message_zh", chinese));
        problem
    }

    /// The same problem with one more detail.
    #[must_use]
    pub fn arg(mut self, name: &'static str, value: impl fmt::Display) -> Problem {
        self.args.push((name, value.to_string()));
        self
    }

    /// The same problem with a likely intended name, if there is one among the candidates.
    #[must_use]
    pub fn suggest<'a>(self, name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Problem {
        match mortise_expr::suggest(name, candidates) {
            Some(suggestion) => self.arg("suggestion", suggestion),
            None => self,
        }
    }

    /// The same problem at a place in a line of the file.
    #[must_use]
    pub fn at(mut self, line: usize, column: usize) -> Problem {
        self.line = Some(line);
        self.column = Some(column);
        self
    }

    /// The detail of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.args.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    /// True when the app cannot be installed because of this.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// What is wrong, in `language`.
    pub fn message(&self, language: &str) -> String {
        let args = self.borrowed_args();
        // Some problems have one text per reason.
        let by_reason = self
            .get("reason")
            .and_then(|reason| locale::find(language, &format!("error.{}.{reason}", self.code), &args));
        let mut message =
            by_reason.unwrap_or_else(|| locale::translate(language, &format!("error.{}", self.code), &args));
        if self.get("suggestion").is_some()
            // The words of expressions say it themselves.
            && self.get("message").is_none()
        {
            message.push_str(&locale::translate(language, "error.suggestion", &args));
        }
        message
    }

    /// What to do about it, in `language`; `None` where the message says it all.
    pub fn hint(&self, language: &str) -> Option<String> {
        locale::find(language, &format!("error.{}.hint", self.code), &self.borrowed_args())
    }

    /// Where it is: file, JSON pointer, line and column, as far as they are known.
    pub fn place(&self) -> String {
        let mut place = self.file.clone();
        if !self.pointer.is_empty() {
            place.push('#');
            place.push_str(&self.pointer);
        }
        for number in [self.line, self.column].into_iter().flatten() {
            place.push_str(&format!(":{number}"));
        }
        place
    }

    fn borrowed_args(&self) -> Vec<(&str, &str)> {
        self.args.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
}

impl fmt::Display for Problem {
    /// English, on one or two lines: severity, place, message, code, hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.is_error() { "error" } else { "warning" };
        let place = self.place();
        let gap = if place.is_empty() { "" } else { " " };
        write!(f, "{severity}{gap}{place}: {} [{}]", self.message("en"), self.code)?;
        match self.hint("en") {
            Some(hint) => write!(f, "\n  {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// Where problems are collected while an app is read and compiled: never only the first.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<Problem>,
}

impl Problems {
    /// Adds a problem.
    pub(crate) fn push(&mut self, problem: Problem) {
        self.found.push(problem);
    }

    /// Adds many.
    pub(crate) fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.found.extend(problems);
    }

    /// Takes out those that are looked for.
    pub(crate) fn take(&mut self, wanted: impl Fn(&Problem) -> bool) -> Vec<Problem> {
        self.found.extract_if(.., |problem| wanted(problem)).collect()
    }

    /// True when one of them is an error.
    pub(crate) fn has_errors(&self) -> bool {
        self.found.iter().any(Problem::is_error)
    }

    /// All of them, errors first, otherwise in the order in which they were found.
    pub(crate) fn into_sorted(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| problem.severity);
        self.found
    }
}
