//! Names in the values of a scenario: `$record`, `@login`, `{n}`, and records of data named by their unique text.

use mortise_definition::model::{EntityModel, FieldKind, FieldModel, system};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::stage::Stage;
use super::step::broken;
use crate::values::Issue;

impl Stage {
    /// The record of a name.
    pub(super) fn record(&self, name: &str) -> Result<(String, Uuid), Issue> {
        let plain = name.trim_start_matches('$');
        self.records.get(plain).cloned().ok_or_else(|| Issue::new("scenario.record").with("name", name))
    }

    /// Values with names replaced by what they stand for.
    pub(super) async fn values(
        &self,
        entity: &str,
        values: &Map<String, Json>,
        number: Option<u32>,
    ) -> Result<Map<String, Json>, Issue> {
        let model = self.tenant.model();
        let entity =
            model.entity(entity).ok_or_else(|| Issue::new("scenario.unknown").with("name", entity))?;
        let mut resolved = Map::with_capacity(values.len());
        for (name, value) in values {
            let value = self.value(entity, name, value, number).await?;
            resolved.insert(name.clone(), value);
        }
        Ok(resolved)
    }

    async fn value(
        &self,
        entity: &EntityModel,
        name: &str,
        value: &Json,
        number: Option<u32>,
    ) -> Result<Json, Issue> {
        let Json::String(text) = value else { return Ok(value.clone()) };
        let text = match number {
            Some(number) => text.replace("{n}", &number.to_string()),
            None => text.clone(),
        };
        if let Some(login) = text.strip_prefix('@') {
            return match self.people.get(login) {
                Some(id) => Ok(id.to_string().into()),
                None => Err(Issue::new("scenario.person").with("name", login)),
            };
        }
        if text.starts_with('$') {
            return Ok(self.record(&text)?.1.to_string().into());
        }
        let field = entity.field(name);
        if let Some(FieldKind::Reference { entity }) = field.map(|field| &field.kind)
            && Uuid::parse_str(&text).is_err()
        {
            return self.named(*entity, &text).await;
        }
        Ok(text.into())
    }

    /// The record of an entity with this unique text.
    async fn named(&self, entity: usize, text: &str) -> Result<Json, Issue> {
        let model = self.tenant.model();
        let entity = &model.entities[entity];
        let is_key = |field: &&FieldModel| field.unique && matches!(field.kind, FieldKind::Text { .. });
        let missing = || Issue::of("scenario.unnamed", text).with("entity", &entity.key);
        let key = entity.declared().iter().find(is_key).ok_or_else(missing)?;
        let naming = self.tenant.store.naming();
        let sql = naming.sql(&format!(
            "SELECT id FROM {} WHERE {} = ?1 AND {} IS NULL",
            naming.table(&entity.table),
            mortise_store::quote(&key.name),
            mortise_store::quote(&entity.fields[system::DELETED_AT].name),
        ));
        let found = self.tenant.store.fetch(&sql, &[text.into()], |row| row.id(0)).await;
        let found = found.map_err(broken)?.pop().flatten();
        found.map(|id| id.to_string().into()).ok_or_else(missing)
    }
}
