//! Demo data: records made from the descriptions in `demo/` of apps (see docs/demo-data.md). The generator knows no business
//! word; what it makes goes through the same commands, with the same checks, as anything that people type.

mod dice;
mod generator;
mod item;
mod make;
mod simple;
mod source;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::commands::{Command, RunOptions};
use crate::error::Error;
use crate::exchange::Names;
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::Issue;
use item::Draft;
use make::Maker;
use source::{COUNT_MAX, EntityDemo};

pub use source::{Demo, DemoDepartment, DemoUser, People};

/// Records written in one transaction.
const BATCH: u64 = 1_000;

/// What is made.
#[derive(Debug, Clone, Copy)]
pub struct DemoOptions {
    /// Decides every value, together with the base time.
    pub seed: u64,
    /// The present of the made-up world.
    pub base: DateTime<Utc>,
    /// Factor of all counts.
    pub scale: f64,
}

/// Makes the records of a demo in a tenant whose apps are installed and whose people are there.
/// Tells how far it is: entity, records made, records to be made.
pub async fn generate(
    tenant: &Tenant,
    demo: &Demo,
    options: DemoOptions,
    mut progress: impl FnMut(&str, u64, u64),
) -> Result<u64, Error> {
    let (model, people) = (tenant.model(), tenant.directory());
    let actor = Actor::system(people.tz);
    let mut maker = Maker::new(demo, &model, &people, options.seed, options.base);
    let mut names = Names::new(tenant, &actor);
    let mut total = 0;
    for file in &demo.entities {
        let unknown = || broken(file, 0, "the entity is not installed");
        let entity = model.entity(&file.entity).ok_or_else(unknown)?;
        let fixed = file.records.len() as u64;
        let count = if fixed > 0 {
            fixed
        } else {
            ((file.count as f64 * options.scale).round() as u64).min(COUNT_MAX)
        };
        let mut made = 0;
        while made < count {
            let upto = count.min(made + BATCH);
            let mut drafts = Vec::with_capacity(usize::try_from(upto - made).unwrap_or_default());
            for index in made..upto {
                let draft = if fixed > 0 {
                    maker.fixed(file, entity, index)
                } else {
                    maker.record(file, entity, index)
                };
                let draft = draft.map_err(|reason| broken(file, index, &reason))?;
                drafts.push((maker.id(file, index), draft));
            }
            let commands = commands(&mut names, file, made, drafts).await?;
            tenant.run(&actor, Command::Batch { commands, atomic: true }, RunOptions::default()).await?;
            made = upto;
            progress(&file.entity, made, count);
        }
        total += count;
    }
    Ok(total)
}

/// Commands of drafts, with ids in the place of keys.
async fn commands(
    names: &mut Names<'_>,
    file: &EntityDemo,
    first: u64,
    mut drafts: Vec<(Uuid, Draft)>,
) -> Result<Vec<Command>, Error> {
    let mut wanted: HashMap<usize, Vec<String>> = HashMap::new();
    for (_, target, key) in drafts.iter().flat_map(|(_, draft)| &draft.references) {
        wanted.entry(*target).or_default().push(key.clone());
    }
    for (target, keys) in wanted {
        names.look_up(target, keys).await?;
    }
    let mut commands = Vec::with_capacity(drafts.len());
    for (index, (id, draft)) in (first..).zip(drafts.drain(..)) {
        let mut values = Json::Object(draft.values);
        for (pointer, target, key) in draft.references {
            let found = names.ids(target, &key);
            let [id] = found else {
                let count = found.len();
                return Err(broken(
                    file,
                    index,
                    &format!("{count} records are called `{key}`, one was expected"),
                ));
            };
            if let Some(place) = values.pointer_mut(&pointer) {
                *place = Json::String(id.to_string());
            }
        }
        let Json::Object(values) = values else { continue };
        commands.push(Command::Create {
            entity: file.entity.clone(),
            values,
            id: Some(id),
            allow_duplicates: true,
        });
    }
    Ok(commands)
}

fn broken(file: &EntityDemo, index: u64, reason: &str) -> Error {
    let place = format!("{}/demo ({}, record {index})", file.app, file.entity);
    Error::BadRequest(Issue::new("demo.broken").with("file", place).with("reason", reason))
}
