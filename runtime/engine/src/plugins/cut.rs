//! Records cut to what a plugin asked for. The record that a call is about is given as it is, so that nobody gets around a
//! check by not being allowed to see a field; what lies behind references is read with the rights of whoever acts, and only as
//! far as the plugin was granted to read it: other fields are empty.

use std::collections::HashMap;
use std::time::Duration;

use mortise_definition::model::{EntityModel, FieldKind, Slot, system};
use mortise_expr::Value;
use mortise_plugin_host::run::Failure;
use mortise_plugin_host::value::{Entry, Field, Value as Wire};
use uuid::Uuid;

use super::bound::Binding;
use super::call::{is_deleted, kind_of};
use super::entry;
use crate::commands::Work;
use crate::error::Error;
use crate::lists;

/// How long reading what lies behind references may take. Inside of the writer it waits for a connection while it holds one
/// itself, as the writers of other tenants may do at the same time.
const READING_MAX: Duration = Duration::from_secs(1);

/// A record that may be absent.
pub(super) async fn maybe(
    work: &Work,
    binding: &Binding,
    record: Option<&[Value]>,
) -> Result<Option<Entry>, Failure> {
    match record {
        Some(record) => self::entry(work, binding, record).await.map(Some),
        None => Ok(None),
    }
}

/// A record of the entity that the export is about.
pub(super) async fn entry(work: &Work, binding: &Binding, record: &[Value]) -> Result<Entry, Failure> {
    let mut cut = entries(work, binding, &[record]).await?;
    Ok(cut.pop().expect("one record goes in, one comes out"))
}

/// Records of the entity that the export is about.
pub(super) async fn entries(
    work: &Work,
    binding: &Binding,
    records: &[&[Value]],
) -> Result<Vec<Entry>, Failure> {
    let index = binding.entity.unwrap_or_default();
    let entity = &work.model().entities[index];
    let kind_of = kind_of(work, &binding.version);
    let mut behind = Behind::default();
    if binding.input.iter().any(|path| path.steps.len() > 1) {
        behind.read(work, binding, entity, records).await?;
    }
    let cut = |record: &&[Value]| {
        let fields = binding.input.iter().map(|path| {
            let found = behind.follow(work, entity, record, &path.steps);
            let value = found.map_or(Wire::Null, |(field, value)| entry::outward(field, value, &kind_of));
            Field { name: path.name.to_string(), value }
        });
        Entry {
            entity: kind_of(index).into_owned(),
            id: record[system::ID].as_id().map(|id| id.to_string()),
            fields: fields.collect(),
        }
    };
    Ok(records.iter().map(cut).collect())
}

/// Records behind references, as whoever acts may see them.
#[derive(Default)]
struct Behind(HashMap<(usize, Uuid), Vec<Value>>);

impl Behind {
    /// Reads what the paths lead to: one statement for each reference of a path, whatever the number of records.
    async fn read(
        &mut self,
        work: &Work,
        binding: &Binding,
        entity: &EntityModel,
        records: &[&[Value]],
    ) -> Result<(), Failure> {
        let longest = binding.input.iter().map(|path| path.steps.len()).max().unwrap_or_default();
        for depth in 1..longest {
            let mut wanted: HashMap<usize, Vec<Uuid>> = HashMap::new();
            for path in binding.input.iter().filter(|path| path.steps.len() > depth) {
                for record in records {
                    let found = self.follow(work, entity, record, &path.steps[..depth]);
                    if let Some((field, Value::Id(id))) = found
                        && let FieldKind::Reference { entity } = &field.kind
                    {
                        wanted.entry(*entity).or_default().push(*id);
                    }
                }
            }
            for (target, mut ids) in wanted {
                ids.sort_unstable();
                ids.dedup();
                ids.retain(|id| !self.0.contains_key(&(target, *id)));
                self.fetch(work, target, &ids).await?;
            }
        }
        Ok(())
    }

    /// What may not be seen is not found. Where the database fails there is no call: a check that takes what it was not given
    /// for empty would let through what it is there to stop.
    async fn fetch(&mut self, work: &Work, target: usize, ids: &[Uuid]) -> Result<(), Failure> {
        if ids.is_empty() {
            return Ok(());
        }
        let unread =
            || Failure::Unavailable { reason: "what the record refers to could not be read".to_owned() };
        let tenant = work.calls.tenant.upgrade().ok_or_else(unread)?;
        let entity = &work.model().entities[target];
        let slots = &work.published.layout.tables[target].stored;
        let reading = lists::referenced(work, &tenant.store, entity, ids, slots);
        match tokio::time::timeout(READING_MAX, reading).await.map_err(|_| unread())? {
            Ok(found) => {
                let living = found.into_iter().filter(|(_, record)| !is_deleted(&record.values));
                self.0.extend(living.map(|(id, record)| ((target, id), record.values)));
                Ok(())
            }
            // Nobody sees any of them.
            Err(Error::Forbidden(_)) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, tenant = tenant.slug, "records for a plugin could not be read");
                Err(unread())
            }
        }
    }

    /// What a path leads to.
    fn follow<'v>(
        &'v self,
        work: &'v Work,
        entity: &'v EntityModel,
        record: &'v [Value],
        steps: &[Slot],
    ) -> Option<(&'v mortise_definition::model::FieldModel, &'v Value)> {
        let (last, references) = steps.split_last()?;
        let (mut entity, mut record) = (entity, record);
        for slot in references {
            let FieldKind::Reference { entity: target } = &entity.fields[*slot].kind else { return None };
            let id = record[*slot].as_id()?;
            record = self.0.get(&(*target, id))?;
            entity = &work.model().entities[*target];
        }
        Some((&entity.fields[*last], &record[*last]))
    }
}
