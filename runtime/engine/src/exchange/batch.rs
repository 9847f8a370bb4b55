//! One batch of rows: planned, written down, run, counted. Writing it down first makes repeating harmless: after a crash the
//! very same commands are sent again under the same idempotency key, and the answer is that of the first time.

use std::collections::HashMap;

use mortise_definition::model::system;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::convert::{Columns, Converted, command_errors};
use super::job::{Job, RowError};
use super::resolve::{Finder, key_text};
use super::rows::Row;
use crate::commands::{Command, Outcome, RunOptions};
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::{Issue, ValueContext};

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
    finder: &mut Finder<'_>,
    columns: &mut Columns,
    number: u64,
    rows: &[Row],
) -> Result<Plan, Error> {
    let model = tenant.model();
    let directory = tenant.directory();
    let user = &actor.user;
    let cx = ValueContext { model: &model, directory: &*directory, tz: user.tz, language: &user.language };
    let mut converted: Vec<Converted> = rows.iter().map(|row| columns.convert(row, &cx)).collect();
    finder.references(&columns.entity, &mut converted).await?;
    let keys = match columns.key {
        Some(slot) if slot != system::ID => {
            let wanted: Vec<_> = converted.iter().filter_map(|row| row.key.clone()).collect();
            finder.by_value(&columns.entity, slot, &wanted).await?
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
                let found = keys.get(&(columns.entity.index, slot, text.clone())).map_or(&[][..], Vec::as_slice);
                match (found, made.get(&text)) {
                    ([id], _) => (*id, true),
                    ([], Some(id)) => (*id, true),
                    ([], None) => (*made.entry(text).or_insert(tenant.env().id()), false),
                    (many, _) => {
                        plan.errors.push(ambiguous(columns, &rows[index], many.len()));
                        continue;
                    }
                }
            }
            _ => (tenant.env().id(), false),
        };
        plan.steps.push(Step { index, id, update, values: row.values });
    }
    Ok(plan)
}

fn ambiguous(columns: &Columns, row: &Row, count: usize) -> RowError {
    let slot = columns.key.unwrap_or(system::ID);
    let field = &columns.entity.fields[slot];
    let column = columns.column_of(&field.name).unwrap_or_default();
    let issue = Issue::of("import.ambiguous_key", row.cell(column)).with("count", count);
    super::convert::cell_error(row.number, column, field, row.cell(column), &issue)
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
    let allow_duplicates = job.mapping.as_ref().is_some_and(|mapping| mapping.allow_duplicates);
    let entity = &columns.entity.key;
    let command = |step: &Step| match step.update {
        true => Command::Update { entity: entity.clone(), id: step.id, version: None, values: step.values.clone() },
        false => Command::Create {
            entity: entity.clone(),
            values: step.values.clone(),
            id: Some(step.id),
            allow_duplicates,
        },
    };
    let mut done = Done::default();
    let mut refused: HashMap<u64, Vec<RowError>> = HashMap::new();
    for error in &plan.errors {
        refused.entry(error.row).or_default().push(error.clone());
    }
    if !plan.steps.is_empty() {
        let commands = plan.steps.iter().map(command).collect();
        let options = RunOptions { idempotency_key: Some(format!("import:{}:{}", job.id, plan.number)) };
        let outcome = tenant.run(actor, Command::Batch { commands, atomic: false }, options).await?;
        let Outcome::Batch(results) = outcome else { return Ok(done) };
        for (step, result) in plan.steps.iter().zip(results) {
            match result {
                Ok(_) if step.update => done.updated += 1,
                Ok(_) => done.created += 1,
                Err(error) => {
                    let Some(row) = rows.get(step.index) else { continue };
                    refused.insert(row.number, command_errors(columns, row, &error));
                }
            }
        }
    }
    let positions = rows.iter().enumerate();
    done.refused = positions.filter_map(|(index, row)| Some((index, refused.remove(&row.number)?))).collect();
    Ok(done)
}
