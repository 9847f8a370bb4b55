//! What only the database knows about rows of a file: which record a title names, and which records have a key.
//! Looks through the eyes of the person who imports: what they may not see does not exist.

use std::collections::{BTreeSet, HashMap};

use mortise_definition::model::{EntityModel, FieldKind, Slot, system};
use mortise_expr::Value;
use uuid::Uuid;

use super::convert::{Converted, cell_error};
use crate::error::Error;
use crate::people::Actor;
use crate::query::{Condition, Op, Query};
use crate::tenant::Tenant;
use crate::values::{self, Issue};

/// Values asked for in one statement.
const CHUNK: usize = 200;
/// Titles remembered over all batches.
const REMEMBERED_MAX: usize = 20_000;

/// Records by what names them: entity, field, JSON of the value.
type Named = HashMap<(usize, Slot, String), Vec<Uuid>>;

/// Finds records by what people call them.
pub(crate) struct Names<'a> {
    tenant: &'a Tenant,
    actor: &'a Actor,
    /// Ids by entity and name.
    known: HashMap<usize, HashMap<String, Vec<Uuid>>>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(tenant: &'a Tenant, actor: &'a Actor) -> Names<'a> {
        Names { tenant, actor, known: HashMap::new() }
    }

    /// Looks up names of an entity that are not known yet. What is missing now may be made later, so it is not remembered.
    pub(crate) async fn look_up(
        &mut self,
        entity: usize,
        names: impl IntoIterator<Item = String>,
    ) -> Result<(), Error> {
        let known = self.known.entry(entity).or_default();
        if known.len() > REMEMBERED_MAX {
            known.clear();
        }
        let wanted: BTreeSet<String> =
            names.into_iter().filter(|name| known.get(name).is_none_or(Vec::is_empty)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let model = self.tenant.model();
        let found = self.named(&model.entities[entity], wanted).await?;
        self.known.entry(entity).or_default().extend(found);
        Ok(())
    }

    /// The records of this name, as far as they were looked up.
    pub(crate) fn ids(&self, entity: usize, name: &str) -> &[Uuid] {
        self.known.get(&entity).and_then(|known| known.get(name)).map_or(&[], Vec::as_slice)
    }

    /// Puts ids in the place of titles; complains about titles that name no record, or several.
    pub(super) async fn references(
        &mut self,
        entity: &EntityModel,
        rows: &mut [Converted],
    ) -> Result<(), Error> {
        let target_of = |slot: Slot| match &entity.fields[slot].kind {
            FieldKind::Reference { entity: target } => Some(*target),
            _ => None,
        };
        let mut wanted: HashMap<usize, Vec<String>> = HashMap::new();
        for (slot, title, _) in rows.iter().flat_map(|row| &row.references) {
            if let Some(target) = target_of(*slot) {
                wanted.entry(target).or_default().push(title.clone());
            }
        }
        for (target, titles) in wanted {
            self.look_up(target, titles).await?;
        }
        let model = self.tenant.model();
        for row in rows {
            for (slot, title, column) in std::mem::take(&mut row.references) {
                let (field, Some(target)) = (&entity.fields[slot], target_of(slot)) else { continue };
                let ids = self.ids(target, &title);
                if let [id] = ids {
                    row.values.insert(field.name.to_string(), values::to_json(&Value::Id(*id)));
                    continue;
                }
                let code =
                    if ids.is_empty() { "import.unknown_reference" } else { "import.ambiguous_reference" };
                let label = model.entities[target].label.get(&self.actor.user.language);
                let issue = Issue::of(code, &title).with("entity", label).with("count", ids.len());
                row.errors.push(cell_error(row.row, column, field, &title, &issue));
            }
        }
        Ok(())
    }

    /// Records with these titles; what no title names is looked for in the numbers and the unique texts.
    async fn named(
        &self,
        entity: &EntityModel,
        titles: BTreeSet<String>,
    ) -> Result<HashMap<String, Vec<Uuid>>, Error> {
        let mut found: HashMap<String, Vec<Uuid>> =
            titles.into_iter().map(|title| (title, Vec::new())).collect();
        let naming = entity.declared().iter().filter(|field| match &field.kind {
            FieldKind::Autonumber { .. } => true,
            FieldKind::Text { .. } => field.unique && field.slot != entity.title,
            _ => false,
        });
        let textual = entity.shape.members()[entity.title].ty == mortise_expr::Type::Text;
        let slots = textual.then_some(entity.title).into_iter().chain(naming.map(|field| field.slot));
        for slot in slots {
            let open: Vec<Value> = found
                .iter()
                .filter(|(_, ids)| ids.is_empty())
                .map(|(title, _)| Value::text(title.as_str()))
                .collect();
            let records = match self.by_value(entity, slot, &open).await {
                // A naming field that the person may not see names nothing.
                Err(Error::BadRequest(_)) => continue,
                records => records?,
            };
            for (title, ids) in found.iter_mut().filter(|(_, ids)| ids.is_empty()) {
                let key = (entity.index, slot, values::to_json(&Value::text(title.as_str())).to_string());
                if let Some(records) = records.get(&key) {
                    ids.extend(records);
                }
            }
        }
        Ok(found)
    }

    /// Records by the value of a field.
    pub(super) async fn by_value(
        &self,
        entity: &EntityModel,
        slot: Slot,
        wanted: &[Value],
    ) -> Result<Named, Error> {
        let mut found = Named::new();
        for chunk in wanted.chunks(CHUNK) {
            let condition = Condition { slot, op: Op::In, values: chunk.to_vec(), text: String::new() };
            let query = Query {
                conditions: vec![condition],
                sort: vec![(system::ID, false)],
                columns: Some(vec![system::ID, slot]),
                // Enough to tell one from several.
                limit: 2 * CHUNK as u64,
                total: false,
                ..Query::all(&entity.key)
            };
            for record in self.tenant.list(self.actor, &query).await?.rows {
                let key = (entity.index, slot, key_text(&record.values[slot]));
                found.entry(key).or_default().push(record.id());
            }
        }
        Ok(found)
    }
}

/// The form in which values are compared with what the database gave.
pub(super) fn key_text(value: &Value) -> String {
    values::to_json(value).to_string()
}
