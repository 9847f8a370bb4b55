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

/// Finds records.
pub(super) struct Finder<'a> {
    tenant: &'a Tenant,
    actor: &'a Actor,
    titles: HashMap<(usize, String), Vec<Uuid>>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(tenant: &'a Tenant, actor: &'a Actor) -> Finder<'a> {
        Finder { tenant, actor, titles: HashMap::new() }
    }

    /// Puts ids in the place of titles; complains about titles that name no record, or several.
    pub(super) async fn references(&mut self, entity: &EntityModel, rows: &mut [Converted]) -> Result<(), Error> {
        if self.titles.len() > REMEMBERED_MAX {
            self.titles.clear();
        }
        let model = self.tenant.model();
        let mut wanted: HashMap<usize, BTreeSet<String>> = HashMap::new();
        for (slot, title, _) in rows.iter().flat_map(|row| &row.references) {
            let FieldKind::Reference { entity: target } = &entity.fields[*slot].kind else { continue };
            if !self.titles.contains_key(&(*target, title.clone())) {
                wanted.entry(*target).or_default().insert(title.clone());
            }
        }
        let mut missing: HashMap<(usize, String), Vec<Uuid>> = HashMap::new();
        for (target, titles) in wanted {
            for (title, ids) in self.named(&model.entities[target], titles).await? {
                // What is missing now may be made by the next batch.
                let known = if ids.is_empty() { &mut missing } else { &mut self.titles };
                known.insert((target, title), ids);
            }
        }
        let language = &self.actor.user.language;
        for row in rows {
            for (slot, title, column) in std::mem::take(&mut row.references) {
                let field = &entity.fields[slot];
                let FieldKind::Reference { entity: target } = &field.kind else { continue };
                let key = (*target, title);
                let ids = self.titles.get(&key).or_else(|| missing.get(&key)).map_or(&[][..], Vec::as_slice);
                let label = || model.entities[*target].label.get(language);
                match ids {
                    [id] => {
                        row.values.insert(field.name.to_string(), values::to_json(&Value::Id(*id)));
                    }
                    [] => {
                        let issue = Issue::of("import.unknown_reference", &key.1).with("entity", label());
                        row.errors.push(cell_error(row.row, column, field, &key.1, &issue));
                    }
                    many => {
                        let issue = Issue::of("import.ambiguous_reference", &key.1).with("entity", label());
                        row.errors.push(cell_error(row.row, column, field, &key.1, &issue.with("count", many.len())));
                    }
                }
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
        let mut found: HashMap<String, Vec<Uuid>> = titles.into_iter().map(|title| (title, Vec::new())).collect();
        let naming = entity.declared().iter().filter(|field| match &field.kind {
            FieldKind::Autonumber { .. } => true,
            FieldKind::Text { .. } => field.unique && field.slot != entity.title,
            _ => false,
        });
        let textual = entity.shape.members()[entity.title].ty == mortise_expr::Type::Text;
        let slots = textual.then_some(entity.title).into_iter().chain(naming.map(|field| field.slot));
        for slot in slots {
            let open: Vec<Value> =
                found.iter().filter(|(_, ids)| ids.is_empty()).map(|(title, _)| Value::text(title.as_str())).collect();
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
    pub(super) async fn by_value(&self, entity: &EntityModel, slot: Slot, wanted: &[Value]) -> Result<Named, Error> {
        let mut found = Named::new();
        for chunk in wanted.chunks(CHUNK) {
            let condition =
                Condition { slot, op: Op::In, values: chunk.to_vec(), text: String::new() };
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
