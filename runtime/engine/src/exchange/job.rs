//! An import as people see it: the file, the mapping of its columns, progress, and what was wrong with which row.

use chrono::{DateTime, Utc};
use mortise_definition::Text;
use mortise_definition::locale::translate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ReadOptions, Sniffed};
use crate::error::{Error, FieldIssue};
use crate::values::Issue;

/// An import.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// Id.
    pub id: Uuid,
    /// Key of the entity (`app.entity`).
    pub entity: String,
    /// Name of the file as it was uploaded.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// When it was uploaded.
    pub created_at: DateTime<Utc>,
    /// By whom; the rows are imported with this person's rights.
    pub created_by: Option<Uuid>,
    /// How far it is.
    pub state: State,
    /// What the file is.
    pub sniffed: Sniffed,
    /// The headings.
    pub headers: Vec<String>,
    /// Rows below the headings.
    pub total_rows: u64,
    /// Names of the fields that the columns seem to belong to.
    pub guessed: Vec<Option<String>>,
    /// What the person decided; none before the start.
    pub mapping: Option<Mapping>,
    /// What is done.
    pub progress: Progress,
    /// The first wrong rows; all of them are in the report.
    pub errors: Vec<RowError>,
    /// Why the import stopped, when it did not come to its end.
    pub failure: Option<Complaint>,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for the mapping.
    Uploaded,
    /// Is being imported; after a restart of the server it goes on by itself.
    Running,
    /// Stopped by a person; can be resumed.
    Cancelled,
    /// Stopped by an error that is not the fault of single rows; can be resumed.
    Failed,
    /// At its end. Rows may have been refused.
    Done,
}

/// What a person decides about an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// How the file is read.
    #[serde(default)]
    pub read: ReadOptions,
    /// Fields of the columns.
    #[serde(default)]
    pub columns: Vec<ColumnMapping>,
    /// Name of the field by which rows update existing records; without one every row makes a new record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Similar records do not stop a new one.
    #[serde(default)]
    pub allow_duplicates: bool,
}

/// A column and its field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnMapping {
    /// Position of the column, from 0.
    pub column: usize,
    /// Name of the field; `id` for the id of the record to update.
    pub field: String,
}

/// What an import has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Rows worked off.
    pub rows: u64,
    /// New records.
    pub created: u64,
    /// Changed records.
    pub updated: u64,
    /// Refused rows.
    pub failed: u64,
    /// Batches worked off; names the next one.
    pub batches: u64,
    /// Length of the report at that time; what is behind it belongs to a batch that was interrupted.
    pub report_bytes: u64,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowError {
    /// Number of the row in the file.
    pub row: u64,
    /// Column, from 0; none when the row as a whole is wrong.
    pub column: Option<usize>,
    /// Name of the field.
    pub field: Option<String>,
    /// Text of the cell.
    pub value: String,
    /// What is wrong.
    pub complaint: Complaint,
}

/// A stored error: code and arguments, so that it can be told in any language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// Stable code.
    pub code: String,
    /// Arguments of its words.
    pub args: Vec<(String, String)>,
    /// The app's own words, where it has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
}

impl Complaint {
    /// What is told to a person.
    pub fn message(&self, language: &str) -> String {
        if let Some(text) = &self.text {
            return text.get(language).to_owned();
        }
        let args: Vec<(&str, &str)> = self.args.iter().map(|(name, value)| (&**name, &**value)).collect();
        translate(language, &format!("error.{}", self.code), &args)
    }

    /// What the person can do about it, where there is something.
    pub fn hint(&self, language: &str) -> Option<String> {
        let args: Vec<(&str, &str)> = self.args.iter().map(|(name, value)| (&**name, &**value)).collect();
        mortise_definition::locale::find(language, &format!("error.{}.hint", self.code), &args)
    }
}

impl From<&Issue> for Complaint {
    fn from(issue: &Issue) -> Complaint {
        let args = issue.args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Complaint { code: issue.code.to_owned(), args, text: None }
    }
}

impl From<&FieldIssue> for Complaint {
    fn from(found: &FieldIssue) -> Complaint {
        Complaint { text: found.text.clone(), ..Complaint::from(&found.issue) }
    }
}

impl From<&Error> for Complaint {
    fn from(error: &Error) -> Complaint {
        let args = error.args().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Complaint { code: error.code().to_owned(), args, text: None }
    }
}
