//! From our types to the generated ones and back. What comes from a plugin is checked on the way: numbers that are none and
//! text that is no JSON never get further.

use super::types as wire;
use crate::run::Failure;
use crate::value as own;

/// A fault of ours, as a plugin sees it.
pub(crate) fn fault(code: &str, message: String) -> own::Fault {
    own::Fault { code: code.to_owned(), message, retry: own::Retry::Never }
}

/// The answer of a plugin: its fault becomes a failure, its value is converted and checked.
pub(crate) fn answer<W, T>(
    answer: Result<W, wire::Fault>,
    convert: impl FnOnce(W) -> Result<T, Failure>,
) -> Result<T, Failure> {
    match answer {
        Ok(value) => convert(value),
        Err(fault) => Err(Failure::Fault(fault.into())),
    }
}

/// Something of a plugin that has to be checked.
pub(crate) trait Checked: Sized {
    /// Our type.
    type Own;
    /// Converts it, or says what is wrong.
    fn checked(self) -> Result<Self::Own, Failure>;
}

/// Longest code that a plugin may give: codes are for programs.
const CODE_CHARS_MAX: usize = 100;
/// Longest message: as much as anybody reads.
const MESSAGE_CHARS_MAX: usize = 2_000;

fn output(reason: impl Into<String>) -> Failure {
    Failure::Output { reason: words(&reason.into(), MESSAGE_CHARS_MAX) }
}

/// Words of a plugin, which people read and logs keep: not without end, and without NUL, which PostgreSQL takes in no text.
fn words(text: &str, limit: usize) -> String {
    text.chars().take(limit).map(|letter| if letter == '\0' { ' ' } else { letter }).collect()
}

fn finite(number: f64, what: &str) -> Result<f64, Failure> {
    if number.is_finite() { Ok(number) } else { Err(output(format!("{what} is no finite number"))) }
}

impl<W: Checked> Checked for Vec<W> {
    type Own = Vec<W::Own>;
    fn checked(self) -> Result<Self::Own, Failure> {
        self.into_iter().map(Checked::checked).collect()
    }
}

impl Checked for wire::Value {
    type Own = own::Value;
    fn checked(self) -> Result<own::Value, Failure> {
        Ok(match self {
            wire::Value::Null => own::Value::Null,
            wire::Value::Boolean(value) => own::Value::Boolean(value),
            wire::Value::Integer(value) => own::Value::Integer(value),
            wire::Value::Float(value) => own::Value::Float(finite(value, "a value")?),
            wire::Value::Decimal(text) if is_decimal(&text) => own::Value::Decimal(text),
            wire::Value::Decimal(text) => return Err(output(format!("`{}` is no decimal", short(&text)))),
            wire::Value::Text(text) => own::Value::Text(text),
            wire::Value::Date(text) => own::Value::Date(text),
            wire::Value::Timestamp(text) => own::Value::Timestamp(text),
            wire::Value::Bytes(bytes) => own::Value::Bytes(bytes),
            wire::Value::Reference(wire::Reference { entity, id }) => own::Value::Reference { entity, id },
            wire::Value::Many(texts) => own::Value::Many(texts),
            wire::Value::Json(text) => {
                let read = serde_json::from_str::<serde::de::IgnoredAny>(&text);
                read.map_err(|error| output(format!("a value is no JSON: {error}")))?;
                own::Value::Json(text)
            }
            wire::Value::Other(wire::Other { kind, text }) => own::Value::Other { kind, text },
        })
    }
}

/// Digits with an optional sign and point, as the interface says.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole) && all_digits(fraction)
}

fn short(text: &str) -> String {
    words(text, 40)
}

impl Checked for wire::Field {
    type Own = own::Field;
    fn checked(self) -> Result<own::Field, Failure> {
        Ok(own::Field { name: self.name, value: self.value.checked()? })
    }
}

impl Checked for wire::Violation {
    type Own = own::Violation;
    fn checked(self) -> Result<own::Violation, Failure> {
        Ok(own::Violation {
            field: self.field,
            code: words(&self.code, CODE_CHARS_MAX),
            message: words(&self.message, MESSAGE_CHARS_MAX),
        })
    }
}

impl Checked for wire::Verdict {
    type Own = own::Verdict;
    fn checked(self) -> Result<own::Verdict, Failure> {
        Ok(match self {
            wire::Verdict::Proceed => own::Verdict::Proceed,
            wire::Verdict::Change(fields) => own::Verdict::Change(fields.checked()?),
            wire::Verdict::Reject(fault) => own::Verdict::Reject(fault.into()),
        })
    }
}

impl Checked for wire::Outcome {
    type Own = own::Outcome;
    fn checked(self) -> Result<own::Outcome, Failure> {
        Ok(match self {
            wire::Outcome::Done(fields) => own::Outcome::Done(fields.checked()?),
            wire::Outcome::SleepUntil(time) => own::Outcome::SleepUntil(time),
            wire::Outcome::WaitFor(event) => own::Outcome::WaitFor(event),
        })
    }
}

impl Checked for wire::Scored {
    type Own = own::Scored;
    fn checked(self) -> Result<own::Scored, Failure> {
        Ok(own::Scored {
            score: finite(self.score, "a score")?,
            id: self.id,
            reasons: self.reasons.checked()?,
        })
    }
}

impl Checked for wire::Reason {
    type Own = own::Reason;
    fn checked(self) -> Result<own::Reason, Failure> {
        Ok(own::Reason { weight: finite(self.weight, "a weight")?, text: self.text })
    }
}

impl Checked for wire::Table {
    type Own = own::Table;
    fn checked(self) -> Result<own::Table, Failure> {
        let rows: Vec<Vec<serde_json::Value>> = serde_json::from_str(&self.rows_json)
            .map_err(|error| output(format!("rows-json is no array of arrays: {error}")))?;
        let width = self.columns.len();
        if let Some(row) = rows.iter().position(|row| row.len() != width) {
            return Err(output(format!("row {} has not {width} cells, one for each column", row + 1)));
        }
        let columns = self.columns.into_iter().map(|wire::Column { name, label, kind }| own::Column {
            name,
            label,
            kind,
        });
        Ok(own::Table { columns: columns.collect(), rows })
    }
}

impl Checked for wire::Document {
    type Own = own::Document;
    fn checked(self) -> Result<own::Document, Failure> {
        Ok(own::Document { name: self.name, media_type: self.media_type, content: self.content })
    }
}

impl Checked for wire::Progress {
    type Own = own::Progress;
    fn checked(self) -> Result<own::Progress, Failure> {
        Ok(own::Progress {
            cursor: self.cursor,
            processed: self.processed,
            note: self.note.map(|note| words(&note, MESSAGE_CHARS_MAX)),
        })
    }
}

impl Checked for wire::Condition {
    type Own = own::Condition;
    fn checked(self) -> Result<own::Condition, Failure> {
        Ok(own::Condition { field: self.field, op: self.op, value: self.value.checked()? })
    }
}

impl Checked for wire::Query {
    type Own = own::Query;
    fn checked(self) -> Result<own::Query, Failure> {
        Ok(own::Query {
            conditions: self.conditions.checked()?,
            order: self.order,
            fields: self.fields,
            limit: self.limit,
            cursor: self.cursor,
        })
    }
}

impl From<wire::Fault> for own::Fault {
    fn from(fault: wire::Fault) -> Self {
        let retry = match fault.retry {
            wire::Retry::Never => own::Retry::Never,
            wire::Retry::Backoff => own::Retry::Backoff,
            wire::Retry::AfterMs(ms) => own::Retry::AfterMs(ms),
        };
        own::Fault {
            code: words(&fault.code, CODE_CHARS_MAX),
            message: words(&fault.message, MESSAGE_CHARS_MAX),
            retry,
        }
    }
}

impl From<own::Fault> for wire::Fault {
    fn from(fault: own::Fault) -> Self {
        let retry = match fault.retry {
            own::Retry::Never => wire::Retry::Never,
            own::Retry::Backoff => wire::Retry::Backoff,
            own::Retry::AfterMs(ms) => wire::Retry::AfterMs(ms),
        };
        wire::Fault { code: fault.code, message: fault.message, retry }
    }
}

impl From<&own::Value> for wire::Value {
    fn from(value: &own::Value) -> Self {
        match value {
            own::Value::Null => wire::Value::Null,
            own::Value::Boolean(value) => wire::Value::Boolean(*value),
            own::Value::Integer(value) => wire::Value::Integer(*value),
            own::Value::Float(value) => wire::Value::Float(*value),
            own::Value::Decimal(text) => wire::Value::Decimal(text.clone()),
            own::Value::Text(text) => wire::Value::Text(text.clone()),
            own::Value::Date(text) => wire::Value::Date(text.clone()),
            own::Value::Timestamp(text) => wire::Value::Timestamp(text.clone()),
            own::Value::Bytes(bytes) => wire::Value::Bytes(bytes.clone()),
            own::Value::Reference { entity, id } => {
                wire::Value::Reference(wire::Reference { entity: entity.clone(), id: id.clone() })
            }
            own::Value::Many(texts) => wire::Value::Many(texts.clone()),
            own::Value::Json(text) => wire::Value::Json(text.clone()),
            own::Value::Other { kind, text } => {
                wire::Value::Other(wire::Other { kind: kind.clone(), text: text.clone() })
            }
        }
    }
}

impl From<&own::Field> for wire::Field {
    fn from(field: &own::Field) -> Self {
        wire::Field { name: field.name.clone(), value: (&field.value).into() }
    }
}

impl From<&own::Entry> for wire::Entry {
    fn from(entry: &own::Entry) -> Self {
        wire::Entry { entity: entry.entity.clone(), id: entry.id.clone(), fields: fields(&entry.fields) }
    }
}

impl From<&own::Call> for wire::Call {
    fn from(call: &own::Call) -> Self {
        wire::Call {
            tenant: call.tenant.clone(),
            actor: call.actor.clone(),
            locale: call.locale.clone(),
            time_zone: call.time_zone.clone(),
            now: call.now.clone(),
            idempotency_key: call.idempotency_key.clone(),
            attempt: call.attempt,
            depth: call.depth,
            config: fields(&call.config),
        }
    }
}

impl From<&own::Candidate> for wire::Candidate {
    fn from(candidate: &own::Candidate) -> Self {
        wire::Candidate { id: candidate.id.clone(), fields: fields(&candidate.fields) }
    }
}

impl From<own::Page> for wire::Page {
    fn from(page: own::Page) -> Self {
        wire::Page { entries: page.entries.iter().map(Into::into).collect(), next: page.next }
    }
}

/// Fields, as a plugin gets them.
pub(crate) fn fields(fields: &[own::Field]) -> Vec<wire::Field> {
    fields.iter().map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_none_and_text_that_is_no_json_never_get_in() {
        for value in [f64::NAN, f64::INFINITY] {
            assert!(wire::Value::Float(value).checked().is_err());
            let scored = wire::Scored { id: "1".into(), score: value, reasons: Vec::new() };
            assert!(scored.checked().is_err());
        }
        for text in ["", "-", "1.", ".5", "1e3", "0x1", "١"] {
            assert!(wire::Value::Decimal(text.into()).checked().is_err(), "{text}");
        }
        for text in ["0", "-12.50", "100000000000000000000.1"] {
            assert!(wire::Value::Decimal(text.into()).checked().is_ok(), "{text}");
        }
        assert!(wire::Value::Json("{".into()).checked().is_err());
        assert!(wire::Value::Json("{}".into()).checked().is_ok());
    }

    #[test]
    fn a_table_has_as_many_cells_as_columns() {
        let table = |rows: &str| {
            let column = wire::Column { name: "a".into(), label: "A".into(), kind: "text".into() };
            wire::Table { columns: vec![column], rows_json: rows.into() }.checked()
        };
        assert_eq!(table(r#"[["x"],[1]]"#).unwrap().rows.len(), 2);
        assert!(table(r#"[["x","y"]]"#).is_err());
        assert!(table(r#"{"a":1}"#).is_err());
    }

    #[test]
    fn what_a_step_notes_is_kept_short_and_without_what_no_database_takes() {
        let note = Some(format!("a\0{}", "b".repeat(5_000)));
        let note = wire::Progress { cursor: None, processed: 1, note }.checked().unwrap().note.unwrap();
        assert!(note.starts_with("a b") && note.chars().count() == MESSAGE_CHARS_MAX, "{}", note.len());
    }
}
