//! What the engine refuses and why. Every error has a stable code; its words are `error.<code>` in the catalogue of
//! translations, with the arguments given here.

use mortise_definition::Problem;
use mortise_store::catalog::Destructive;
use serde::Serialize;
use uuid::Uuid;

use crate::values::Issue;

/// An issue with one field of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldIssue {
    /// Name of the field; `lines/2/amount` inside child rows; empty for the record as a whole.
    pub field: String,
    /// What is wrong.
    pub issue: Issue,
    /// The app's own words by language, where it has some.
    pub text: Option<mortise_definition::Text>,
}

/// An existing record that looks like the one being made.
#[derive(Debug, Clone, Serialize)]
pub struct Suspect {
    /// Its id; none when the person may not see it.
    pub id: Option<Uuid>,
    /// Similarity, 0 to 1.
    pub similarity: f64,
    /// Name of the field that decided.
    pub field: String,
    /// Only fields that give hints are alike: shown to people, refuses nothing.
    pub hint: bool,
    /// Shown fields: name, label in English and Chinese is the caller's business; value for display.
    pub shown: Vec<(String, serde_json::Value)>,
}

/// A field that two people changed to different values, neither knowing of the other.
#[derive(Debug, Clone, Serialize)]
pub struct FieldConflict {
    /// Name of the field.
    pub field: String,
    /// What both began with; null where it is not known.
    pub base: serde_json::Value,
    /// What this person gave.
    pub mine: serde_json::Value,
    /// What is stored; null for child rows.
    pub theirs: serde_json::Value,
}

/// What went wrong.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// There is no such thing, or the person may not know of it.
    #[error("{0}")]
    NotFound(Issue),
    /// The person may not do this.
    #[error("{0}")]
    Forbidden(Issue),
    /// The request itself makes no sense (unknown filter, bad cursor).
    #[error("{0}")]
    BadRequest(Issue),
    /// Values are not acceptable; everything that is wrong is listed.
    #[error("{} invalid values, first: {}", .0.len(), .0.first().map_or_else(String::new, |issue| format!("{}: {}", issue.field, issue.issue)))]
    Invalid(Vec<FieldIssue>),
    /// Somebody else changed the record in the meantime.
    #[error("the record has version {current} now")]
    Stale {
        /// Present version.
        current: i64,
    },
    /// Others changed the same fields since this change was begun; the person has to decide.
    #[error("{} fields were changed by others to something else", fields.len())]
    Conflict {
        /// Present version.
        current: i64,
        /// The fields.
        fields: Vec<FieldConflict>,
    },
    /// Similar records exist; the person has to decide.
    #[error("{} similar records exist", .0.len())]
    Duplicate(Vec<Suspect>),
    /// The idempotency key was used for another request.
    #[error("idempotency key used for another request")]
    KeyReused,
    /// The app cannot be installed.
    #[error("{} problems with the app, first: {}", .0.len(), .0.first().map_or_else(String::new, ToString::to_string))]
    Definition(Vec<Problem>),
    /// The plugin cannot be installed.
    #[error("{} problems with the plugin, first: {}", .0.len(), .0.first().map_or_else(String::new, ToString::to_string))]
    Plugin(Vec<Problem>),
    /// Plugins cannot be run here at all.
    #[error("{0}")]
    PluginHost(String),
    /// Steps that take something away have to be confirmed first.
    #[error("{} destructive steps to confirm", .0.len())]
    Unconfirmed(Vec<Destructive>),
    /// More bytes than allowed.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// A part of a batch failed, so that nothing of it was done.
    #[error("part {index} of the batch: {error}")]
    Batch {
        /// Position of the part.
        index: usize,
        /// What was wrong with it.
        error: Box<Error>,
    },
    /// An action failed, and with it the rule or step that it belongs to.
    #[error("{place}: {error}")]
    Within {
        /// JSON pointer of the action within its artifact.
        place: String,
        /// What was wrong.
        error: Box<Error>,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] mortise_store::Error),
    /// The definitions changed while this was prepared; it is tried again by itself.
    #[error("the definitions changed meanwhile")]
    ModelChanged,
}

impl Error {
    /// The record does not exist or is out of sight.
    pub fn no_record() -> Error {
        Error::NotFound(Issue::new("record.not_found"))
    }

    /// One field is wrong.
    pub fn field(field: &str, issue: Issue) -> Error {
        Error::Invalid(vec![FieldIssue { field: field.to_owned(), issue, text: None }])
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Error::NotFound(issue) | Error::Forbidden(issue) | Error::BadRequest(issue) => issue.code,
            Error::Invalid(_) => "record.invalid",
            Error::Stale { .. } => "record.stale",
            Error::Conflict { .. } => "record.conflict",
            Error::Duplicate(_) => "record.duplicate",
            Error::KeyReused => "idempotency.key_reused",
            Error::Definition(_) => "app.invalid",
            Error::Plugin(_) => "plugin.invalid",
            Error::PluginHost(_) => "plugin.host_failed",
            Error::Unconfirmed(_) => "app.unconfirmed",
            Error::TooLarge(_) => "request.too_large",
            Error::Batch { error, .. } | Error::Within { error, .. } => error.code(),
            Error::Store(mortise_store::Error::Closed) => "server.closing",
            Error::Store(mortise_store::Error::Newer { .. }) => "tenant.newer",
            Error::Store(mortise_store::Error::KeyUnreadable) => "server.key_unreadable",
            Error::Store(mortise_store::Error::KeyMissing { .. }) => "server.key_missing",
            Error::Store(mortise_store::Error::KeyWrong { .. }) => "server.key_wrong",
            Error::Store(mortise_store::Error::Locked) => "connector.locked",
            Error::Store(mortise_store::Error::Migration(_)) => "app.migration",
            Error::Store(mortise_store::Error::Repeated { .. }) => "app.not_unique",
            Error::Store(mortise_store::Error::TooLarge { .. }) => "app.too_large",
            Error::Store(_) | Error::ModelChanged => "server.failed",
        }
    }

    /// Arguments of the words.
    pub fn args(&self) -> Vec<(&'static str, String)> {
        match self {
            Error::NotFound(issue) | Error::Forbidden(issue) | Error::BadRequest(issue) => issue.args.clone(),
            Error::Invalid(issues) => vec![("count", issues.len().to_string())],
            Error::Stale { current } => vec![("current", current.to_string())],
            Error::Conflict { fields, .. } => vec![("count", fields.len().to_string())],
            Error::Duplicate(suspects) => vec![("count", suspects.len().to_string())],
            Error::Definition(problems) | Error::Plugin(problems) => {
                vec![("count", problems.len().to_string())]
            }
            Error::Unconfirmed(steps) => vec![("count", steps.len().to_string())],
            Error::TooLarge(limit) => vec![("limit", limit.to_string())],
            Error::Batch { index, error } => {
                let mut args = error.args();
                args.push(("row", (index + 1).to_string()));
                args
            }
            Error::Within { error, .. } => error.args(),
            Error::Store(mortise_store::Error::Newer { stored, known }) => {
                vec![("stored", stored.to_string()), ("known", known.to_string())]
            }
            Error::Store(mortise_store::Error::Migration(reason)) => vec![("reason", reason.clone())],
            Error::Store(mortise_store::Error::KeyMissing { sealed_with }) => {
                vec![("sealed_with", sealed_with.clone())]
            }
            Error::Store(mortise_store::Error::KeyWrong { sealed_with, here }) => {
                vec![("sealed_with", sealed_with.clone()), ("here", here.clone())]
            }
            Error::Store(mortise_store::Error::Repeated { entity, fields, count }) => {
                vec![("entity", entity.clone()), ("fields", fields.clone()), ("count", count.to_string())]
            }
            Error::Store(mortise_store::Error::TooLarge { entity, field, count }) => {
                vec![("entity", entity.clone()), ("field", field.clone()), ("count", count.to_string())]
            }
            Error::PluginHost(reason) => vec![("reason", reason.clone())],
            Error::KeyReused | Error::Store(_) | Error::ModelChanged => Vec::new(),
        }
    }

    /// Issues by field.
    pub fn issues(&self) -> &[FieldIssue] {
        match self {
            Error::Invalid(issues) => issues,
            Error::Batch { error, .. } | Error::Within { error, .. } => error.issues(),
            _ => &[],
        }
    }
}

impl std::fmt::Display for Issue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let args: Vec<(&str, &str)> = self.args.iter().map(|(name, value)| (*name, value.as_str())).collect();
        f.write_str(&mortise_definition::locale::translate("en", &format!("error.{}", self.code), &args))
    }
}
