//! Between the doors that the macros make and the functions that authors write. For the macros only; may change.

use crate::{
    Call, Candidate, Change, Context, Document, Entry, Fault, Field, Fields, Outcome, Progress, Reason,
    Record, Scored, Table, Verdict, Violation, fault,
};

/// A number for a record, with its reasons.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Score {
    /// The number.
    pub value: f64,
    /// What made it.
    pub reasons: Vec<Reason>,
}

/// What a connector is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To do its work.
    Invoke,
    /// To see whether the other system can be reached; nothing may change there.
    Probe,
}

/// The fault of a name that the plugin does not have; the host checks names before it calls.
pub fn unknown(point: &str, name: &str) -> Fault {
    fault("unknown_export", format!("this plugin has no {point} named {name}"))
}

pub fn validator<R: Record>(
    own: impl FnOnce(&Context, &Change<R>) -> Result<Vec<Violation>, Fault>,
    call: Call,
    before: Option<Entry>,
    after: Entry,
) -> Result<Vec<Violation>, Fault> {
    let op = if before.is_some() { "update" } else { "create" };
    own(&Context::of(call), &change(op.to_owned(), before, Some(after)))
}

pub fn before_save<R: Record>(
    own: impl FnOnce(&Context, &Change<R>) -> Result<Verdict, Fault>,
    call: Call,
    op: String,
    before: Option<Entry>,
    after: Option<Entry>,
) -> Result<Verdict, Fault> {
    own(&Context::of(call), &change(op, before, after))
}

pub fn after_commit<R: Record>(
    own: impl FnOnce(&Context, &Change<R>) -> Result<(), Fault>,
    call: Call,
    op: String,
    before: Option<Entry>,
    after: Option<Entry>,
) -> Result<(), Fault> {
    own(&Context::of(call), &change(op, before, after))
}

fn change<R: Record>(op: String, before: Option<Entry>, after: Option<Entry>) -> Change<R> {
    Change { op, before: before.map(R::of), after: after.map(R::of) }
}

pub fn action(
    own: impl FnOnce(&Context, Fields, Option<Fields>) -> Result<Outcome, Fault>,
    call: Call,
    input: Vec<Field>,
    resumed: Option<Vec<Field>>,
) -> Result<Outcome, Fault> {
    own(&Context::of(call), Fields::of(input), resumed.map(Fields::of))
}

pub fn scorer<R: Record>(
    own: impl Fn(&Context, &R) -> Result<Score, Fault>,
    call: Call,
    subjects: Vec<Entry>,
) -> Result<Vec<Scored>, Fault> {
    let context = Context::of(call);
    let score = |entry: Entry| {
        let id = entry.id.clone().unwrap_or_default();
        let score = own(&context, &R::of(entry))?;
        Ok(Scored { id, score: score.value, reasons: score.reasons })
    };
    subjects.into_iter().map(score).collect()
}

#[allow(clippy::needless_pass_by_value, reason = "all doors take what the host sends")]
pub fn assigner<R: Record>(
    own: impl FnOnce(&Context, &R, &[Candidate]) -> Result<Option<String>, Fault>,
    call: Call,
    subject: Entry,
    candidates: Vec<Candidate>,
) -> Result<Option<String>, Fault> {
    own(&Context::of(call), &R::of(subject), &candidates)
}

pub fn provider(
    own: impl FnOnce(&Context, Fields) -> Result<Table, Fault>,
    call: Call,
    params: Vec<Field>,
) -> Result<Table, Fault> {
    own(&Context::of(call), Fields::of(params))
}

pub fn renderer<R: Record>(
    own: impl FnOnce(&Context, &R, Fields) -> Result<Document, Fault>,
    call: Call,
    subject: Entry,
    params: Vec<Field>,
) -> Result<Document, Fault> {
    own(&Context::of(call), &R::of(subject), Fields::of(params))
}

pub fn job(
    own: impl FnOnce(&Context, Option<Vec<u8>>, Fields) -> Result<Progress, Fault>,
    call: Call,
    cursor: Option<Vec<u8>>,
    params: Vec<Field>,
) -> Result<Progress, Fault> {
    own(&Context::of(call), cursor, Fields::of(params))
}

pub fn connector(
    own: impl FnOnce(&Context, Fields, Purpose) -> Result<Fields, Fault>,
    call: Call,
    input: Vec<Field>,
    purpose: Purpose,
) -> Result<Vec<Field>, Fault> {
    own(&Context::of(call), Fields::of(input), purpose).map(Fields::into_inner)
}
