//! Why work failed, in a form that is stored with it and read by people later, in their own language.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Why work failed, as it is stored: the words are `error.<code>` of the catalogue of translations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable code.
    pub code: String,
    /// Arguments of the words.
    pub args: BTreeMap<String, String>,
    /// Where: JSON pointer of the action within its rule or clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What is wrong with which field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FailedField>,
    /// The reason for the log, in English.
    #[serde(default)]
    pub reason: String,
}

/// A field that stood in the way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedField {
    /// Its name; empty for the record as a whole.
    pub field: String,
    /// Stable code.
    pub code: String,
    /// Arguments of the words.
    pub args: BTreeMap<String, String>,
}

impl Failure {
    /// What an error says.
    pub(crate) fn of(error: &Error) -> Failure {
        let (place, inner) = match error {
            Error::Within { place, error } => (Some(place.clone()), &**error),
            error => (None, error),
        };
        let named = |args: &[(&'static str, String)]| {
            args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        };
        let fields = inner.issues().iter().map(|found| FailedField {
            field: found.field.clone(),
            code: found.issue.code.to_owned(),
            args: named(&found.issue.args),
        });
        Failure {
            code: inner.code().to_owned(),
            args: named(&inner.args()),
            place,
            fields: fields.collect(),
            reason: inner.to_string(),
        }
    }
}
