//! One batch of rows: planned, written down, run, counted. Writing it down first makes repeating harmless: after a crash the
//! very same commands are sent again under the same idempotency key, and the answer is that of the first time.

use std::collections::HashMap;

use mortise_definition::model::system;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::convert::{Columns, Converted, cell_error, command_errors};
use super::guess::names_record;
use super::job::{Job, Mapping, RowError};
use super::resolve::{Names, key_text};
use super::rows::Row;
use crate::commands::{self, Command, Outcome, RunOptions};
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::Issue;

/// Code of a part of a repeated batch that was refused the first time.
const REFUSED_BEFORE: &str = "batch.refused_before";

/// What a batch is going to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Number of the batch.
    pub(super) number: u64,
    /// Rows that can be tried.
    steps: Vec<Step>,
    /// What is wrong with the others.
    errors: Vec<RowError>,
}

/// What is to be done with one row.
#[derive(Debug, Serialize, Deserialize)]
struct Step {
    /// Position of the row in the batch.
    index: usize,
    /// The record, new or old.
    id: Uuid,
    /// It exists already.
    update: bool,
    values: Map<String, Json>,
}

/// What a batch did.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) created: u64,
    pub(super) updated: u64,
    /// Refused rows by position, with the reasons.
    pub(super) refused: Vec<(usize, Vec<RowError>)>,
}

/// Works out what to do with each row.
pub(super) async fn plan(
    tenant: &Tenant,
    actor: &Actor,
    names: &mut Names<'_>,
    columns: &mut Columns,
    number: u64,
    rows: &[Row],
) -> Result<Plan, Error> {
    let work = tenant.work(actor);
    let cx = work.values();
    let mut converted: Vec<Converted> = rows.iter().map(|row| columns.convert(row, &cx)).collect();
    names.references(&columns.entity, &mut converted).await?;
    let keys = match columns.key {
        Some(slot) if slot != system::ID => {
            let wanted: Vec<_> = converted.iter().filter_map(|row| row.key.clone()).collect();
            names.by_value(&columns.entity, slot, &wanted).await?
        }
        _ => HashMap::new(),
    };
    let mut plan = Plan { number, steps: Vec::with_capacity(rows.len()), errors: Vec::new() };
    // Rows of this batch that make a record, by key: a later row with the same key changes it.
    let mut made: HashMap<String, Uuid> = HashMap::new();
    for (index, row) in converted.into_iter().enumerate() {
        if !row.errors.is_empty() {
            plan.errors.extend(row.errors);
            continue;
        }
        let (id, update) = match (columns.key, &row.key) {
            (Some(system::ID), Some(key)) => (key.as_id().unwrap_or_default(), true),
            (Some(slot), Some(key)) => {
                let text = key_text(key);
                let found =
                    keys.get(&(columns.entity.index, slot, text.clone())).map_or(&[][..], Vec::as_slice);
                match (found, made.get(&text)) {
                    ([id], _) => (*id, true),
                    ([], Some(id)) => (*id, true),
                    // A number that the system never gave is a slip; a new record would get another one.
                    ([], None) if names_record(&columns.entity.fields[slot]) => {
                        plan.errors.push(key_error(columns, &rows[index], &Issue::new("record.not_found")));
                        continue;
                    }
                    ([], None) => (*made.entry(text).or_insert(work.env.id()), false),
                    (many, _) => {
                        let column = columns.key_column();
                        let issue = Issue::of("import.ambiguous_key", rows[index].cell(column));
                        plan.errors.push(key_error(columns, &rows[index], &issue.with("count", many.len())));
                        continue;
                    }
                }
            }
            _ => (work.env.id(), false),
        };
        plan.steps.push(Step { index, id, update, values: row.values });
    }
    Ok(plan)
}

fn key_error(columns: &Columns, row: &Row, issue: &Issue) -> RowError {
    let field = &columns.entity.fields[columns.key.unwrap_or(system::ID)];
    let column = columns.key_column();
    cell_error(row.number, column, field, row.cell(column), issue)
}

/// The command of a step.
fn command(step: &Step, entity: &str, mapping: &Mapping) -> Command {
    let (entity, values, id) = (entity.to_owned(), step.values.clone(), step.id);
    match step.update {
        true => Command::Update { entity, id, version: None, values },
        false => Command::Create { entity, values, id: Some(id), allow_duplicates: mapping.allow_duplicates },
    }
}

/// Whatever would be refused without looking at other records; nothing is written.
pub(super) async fn try_out(
    tenant: &Tenant,
    actor: &Actor,
    mapping: &Mapping,
    columns: &Columns,
    plan: Plan,
    rows: &[Row],
) -> Vec<RowError> {
    let mut errors = plan.errors;
    for step in &plan.steps {
        let command = command(step, &columns.entity.key, mapping);
        if let Err(error) = commands::prepare(&tenant.work(actor), &tenant.store, &command).await {
            errors.extend(command_errors(columns, &rows[step.index], &error));
        }
    }
    errors.sort_by_key(|error| error.row);
    errors
}

/// Runs a planned batch.
pub(super) async fn run(
    tenant: &Tenant,
    actor: &Actor,
    job: &Job,
    columns: &Columns,
    plan: &Plan,
    rows: &[Row],
) -> Result<Done, Error> {
    let mapping = job.mapping.clone().unwrap_or_default();
    let mut done = Done::default();
    let mut refused: HashMap<u64, Vec<RowError>> = HashMap::new();
    for error in &plan.errors {
        refused.entry(error.row).or_default().push(error.clone());
    }
    if !plan.steps.is_empty() {
        let commands = plan.steps.iter().map(|step| command(step, &columns.entity.key, &mapping)).collect();
        let options = RunOptions { idempotency_key: Some(format!("import:{}:{}", job.id, plan.number)) };
        let outcome = tenant.run(actor, Command::Batch { commands, atomic: false }, options).await?;
        let Outcome::Batch(results) = outcome else { return Ok(done) };
        for (step, result) in plan.steps.iter().zip(results) {
            match result {
                Ok(_) if step.update => done.updated += 1,
                Ok(_) => done.created += 1,
                Err(error) => {
                    let Some(row) = rows.get(step.index) else { continue };
                    let error = reason(tenant, actor, step, columns, &mapping, error).await;
                    refused.insert(row.number, command_errors(columns, row, &error));
                }
            }
        }
    }
    let positions = rows.iter().enumerate();
    done.refused = positions.filter_map(|(index, row)| Some((index, refused.remove(&row.number)?))).collect();
    Ok(done)
}

/// Why a row was refused. The answer to a batch that is repeated after a crash says only that it was: ask again.
async fn reason(
    tenant: &Tenant,
    actor: &Actor,
    step: &Step,
    columns: &Columns,
    mapping: &Mapping,
    error: Error,
) -> Error {
    if error.code() != REFUSED_BEFORE {
        return error;
    }
    let command = command(step, &columns.entity.key, mapping);
    match commands::prepare(&tenant.work(actor), &tenant.store, &command).await {
        Err(found) => found,
        Ok(_) => error,
    }
}
