//! A failure as a page shows it above a form: what is wrong, what to do, and each field concerned.

use serde::Serialize;

use crate::Failure;

/// What went wrong, in words.
#[derive(Serialize)]
pub(super) struct Problem {
    title: String,
    hint: String,
    issues: Vec<String>,
}

impl Problem {
    /// A failure in a language.
    pub(super) fn of(failure: &Failure, language: &str) -> Problem {
        Problem {
            title: failure.title(language),
            hint: failure.hint(language),
            issues: failure.issues().iter().map(|issue| issue.text(language)).collect(),
        }
    }

    /// The same with another advice.
    #[must_use]
    pub(super) fn with_hint(mut self, hint: String) -> Problem {
        self.hint = hint;
        self
    }
}
