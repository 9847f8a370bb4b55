//! A plugin for the simulation: what it stamps and refuses can be seen at every record that was ever saved, and what it was
//! told in its store. Built once; `README.md` beside it says how.

use mortise_sdk::prelude::*;

schema!("plugin.json");

/// What the stamp of a job has to be.
fn stamp_of(job: &Job) -> String {
    let amount = job.amount().integer().map_or_else(|| "-".to_owned(), |amount| amount.to_string());
    format!("{amount} {}", job.name().text())
}

#[before_save("stamp")]
fn stamp(_: &Context, change: &Change<Job>) -> Result<Verdict, Fault> {
    let Some(job) = &change.after else { return Ok(Verdict::Proceed) };
    Ok(Verdict::Change(Fields::default().with("stamp", stamp_of(job)).into_inner()))
}

/// Refuses jobs without their stamp, and notes that end with a seven.
#[validator("check")]
fn check(_: &Context, change: &Change<Job>) -> Result<Vec<Violation>, Fault> {
    let Some(job) = &change.after else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    if job.stamp().text() != stamp_of(job) {
        found.push(violation("stamp", "stamp", "it has no stamp"));
    }
    if job.note().text().ends_with('7') {
        found.push(violation("note", "seven", "no sevens"));
    }
    Ok(found)
}

/// Writes down each job with the key of the call, which is the same for every try.
#[after_commit("told")]
fn told(cx: &Context, change: &Change<Job>) -> Result<(), Fault> {
    let job = change.record().and_then(|job| job.entry().id.clone()).unwrap_or_default();
    cx.storage().set(&format!("{job} {}", cx.call().idempotency_key), change.op.as_bytes())
}

export!();
