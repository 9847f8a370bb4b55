//! Why a tool could not do its work. Everything that an author reads is a [`Problem`] with a code, so that it can be said in
//! both languages and looked up.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use mortise_cases::CaseError;
use mortise_definition::Problem;
use mortise_plugin_host::HostError;

/// An error of the author's tools.
#[derive(Debug, thiserror::Error)]
pub enum AuthorError {
    /// Something is wrong with what the author wrote, or with the machine.
    #[error("{}", list(.0))]
    Problems(Vec<Problem>),
    /// A file or folder cannot be used.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The host of plugins refuses.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl AuthorError {
    /// Everything that is wrong, for people.
    pub fn problems(&self) -> Vec<Problem> {
        let one = |problem: Problem| vec![problem];
        match self {
            AuthorError::Problems(problems) | AuthorError::Host(HostError::Problems(problems)) => {
                problems.clone()
            }
            AuthorError::File { path, source } => {
                let problem = Problem::error("author.file", path.display().to_string(), "");
                one(problem.arg("reason", reason(source)).arg("detail", source))
            }
            AuthorError::Host(HostError::Compile(detail)) => {
                one(problem("plugin.compile").arg("detail", detail))
            }
            AuthorError::Host(HostError::GivenUp { reason }) => {
                one(problem("plugin.compile_given_up").arg("detail", reason))
            }
            AuthorError::Host(HostError::Link(detail)) => one(problem("plugin.link").arg("detail", detail)),
            AuthorError::Host(error) => one(problem("author.host").arg("detail", error)),
        }
    }

    /// The same in the words of a language, a paragraph for each problem.
    pub fn words(&self, language: &str) -> String {
        let problems = self.problems();
        problems.iter().map(|problem| in_words(problem, language)).collect::<Vec<_>>().join("\n")
    }
}

impl From<Problem> for AuthorError {
    fn from(problem: Problem) -> AuthorError {
        AuthorError::Problems(vec![problem])
    }
}

impl From<Vec<Problem>> for AuthorError {
    fn from(problems: Vec<Problem>) -> AuthorError {
        AuthorError::Problems(problems)
    }
}

/// A problem with its place, its code and what to do.
pub(crate) fn in_words(problem: &Problem, language: &str) -> String {
    let place = problem.place();
    let place = if place.is_empty() { place } else { format!("{place}: ") };
    let hint = problem.hint(language).map(|hint| format!("\n  {hint}")).unwrap_or_default();
    format!("{place}{} [{}]{hint}", problem.message(language), problem.code)
}

/// An error without a place.
pub(crate) fn problem(code: &'static str) -> Problem {
    Problem::error(code, "", "")
}

/// What the catalogue has words for.
pub(crate) fn reason(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => "missing",
        ErrorKind::PermissionDenied => "denied",
        ErrorKind::ConnectionRefused => "refused",
        ErrorKind::StorageFull => "full",
        _ => "",
    }
}

/// A case that cannot be run: the file, behind it the number of the case, and why not.
pub(crate) fn of_case(place: &str, error: &CaseError) -> AuthorError {
    let problem = Problem::error("author.case", place, "").arg("detail", error);
    problem.arg("detail_zh", error.words("zh-CN")).into()
}

/// Names the file that could not be used.
pub(crate) fn about<T>(path: &Path, result: std::io::Result<T>) -> Result<T, AuthorError> {
    result.map_err(|source| AuthorError::File { path: path.to_path_buf(), source })
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
