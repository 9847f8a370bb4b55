//! What plugins can ask of the engine, for one call: reads with the rights of whoever acts, commands like everybody's, the
//! plugin's own store, the way outside. The host has asked for the plugin's permission before anything comes here; here
//! its names are led to the tenant's, and row scopes and rights on fields are applied.

use std::sync::Arc;

use async_trait::async_trait;
use mortise_definition::model::{EntityModel, FieldModel, system};
use mortise_expr::Value;
use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::value::{
    Condition, Entry, Fault, Field, Page, Query, Request, Response, Retry, Value as Wire,
};
use mortise_plugin_host::{Capabilities, HttpTerms};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::bound::Binding;
use super::call::kind_of;
use super::credential::masked;
use super::entry;
use super::installed::{Named, Version};
use super::outside::Errand;
use super::storage::{self, said};
use crate::commands::{Command, Outcome, RunOptions, Work};
use crate::error::Error;
use crate::lists;
use crate::query::{self, Op};
use crate::records::Record;
use crate::tenant::Tenant;
use crate::values::{self, Issue};

/// Conditions of one query at most.
const CONDITIONS_MAX: usize = 30;
/// Records are counted up to here: more tells nobody anything.
const COUNT_MAX: u64 = 1_000_000;

/// What one call can reach.
pub(super) struct Reach {
    work: Work,
    version: Arc<Version>,
    plugin: String,
    point: Point,
}

impl Reach {
    pub(super) fn new(work: &Work, binding: &Binding) -> Reach {
        let (version, plugin) = (binding.version.clone(), binding.plugin.id.clone());
        Reach { work: work.clone(), version, plugin, point: binding.export().point }
    }

    fn locale(&self) -> &str {
        &self.work.actor.user.language
    }

    fn refuse(&self, issue: Issue) -> Fault {
        said(self.locale(), &Error::BadRequest(issue))
    }

    fn failed(&self, error: &Error) -> Fault {
        said(self.locale(), error)
    }

    fn tenant(&self) -> Result<Arc<Tenant>, Fault> {
        let closing = || self.failed(&Error::Store(mortise_store::Error::Closed));
        self.work.calls.tenant.upgrade().ok_or_else(closing)
    }

    /// What the plugin means by the name of an entity.
    fn entity(&self, name: &str) -> Result<(&Named, &EntityModel), Fault> {
        let named = self.version.names.entity(name);
        let named = named.ok_or_else(|| self.refuse(Issue::new("plugin.no_entity").with("name", name)))?;
        Ok((named, &self.work.model().entities[named.entity]))
    }

    /// What it means by the name of a field. One that whoever acts may not see anywhere is as one that is not there.
    fn field<'e>(
        &self,
        (named, entity): (&Named, &'e EntityModel),
        name: &str,
    ) -> Result<&'e FieldModel, Fault> {
        let field = named.slot(entity, name).map(|slot| &entity.fields[slot]);
        field.filter(|field| field.stored()).ok_or_else(|| self.no_field(name))
    }

    fn no_field(&self, name: &str) -> Fault {
        self.refuse(Issue::new("plugin.no_field").with("name", name))
    }

    /// A field that may be asked about: the answer must not tell what may not be seen.
    fn open_field<'e>(&self, of: (&Named, &'e EntityModel), name: &str) -> Result<&'e FieldModel, Fault> {
        let field = self.field(of, name)?;
        match self.work.access(of.1).sees(field.slot) {
            true => Ok(field),
            false => Err(self.no_field(name)),
        }
    }

    fn conditions(
        &self,
        of: (&Named, &EntityModel),
        conditions: &[Condition],
    ) -> Result<Vec<query::Condition>, Fault> {
        if conditions.len() > CONDITIONS_MAX {
            return Err(self.refuse(Issue::new("query.too_many").with("limit", CONDITIONS_MAX)));
        }
        conditions.iter().map(|condition| self.condition(of, condition)).collect()
    }

    fn condition(
        &self,
        of: (&Named, &EntityModel),
        condition: &Condition,
    ) -> Result<query::Condition, Fault> {
        let field = self.open_field(of, &condition.field)?;
        let (op, empty) = match condition.op.as_str() {
            "eq" => (Op::Eq, None),
            "ne" => (Op::Ne, None),
            "lt" => (Op::Lt, None),
            "le" => (Op::Lte, None),
            "gt" => (Op::Gt, None),
            "ge" => (Op::Gte, None),
            "contains" => (Op::Contains, None),
            "starts-with" => (Op::Starts, None),
            "empty" => (Op::Empty, Some(true)),
            "filled" => (Op::Empty, Some(false)),
            other => return Err(self.refuse(Issue::new("query.unknown_operator").with("name", other))),
        };
        let value = match (op, empty) {
            (_, Some(empty)) => Value::Bool(empty),
            (Op::Contains | Op::Starts, None) => self.words(&condition.value)?,
            _ => self.compared(of.1, field, &condition.value)?,
        };
        let condition = query::Condition { slot: field.slot, op, values: vec![value], text: String::new() };
        query::check_op(of.1, &condition).map_err(|error| self.failed(&error))?;
        Ok(condition)
    }

    fn words(&self, value: &Wire) -> Result<Value, Fault> {
        let json = entry::wire_json(value).map_err(|issue| self.refuse(issue))?;
        match json {
            Json::String(text) if !text.contains('\0') => Ok(Value::text(text)),
            _ => Err(self.refuse(Issue::new("value.not_text"))),
        }
    }

    /// A value to compare with has to be of the field's type, but need not keep its limits.
    fn compared(&self, entity: &EntityModel, field: &FieldModel, value: &Wire) -> Result<Value, Fault> {
        let json = entry::wire_json(value).map_err(|issue| self.refuse(issue))?;
        let ty = &entity.shape.members()[field.slot].ty;
        let value = values::from_stored(ty, &json, &self.work.values());
        // PostgreSQL takes no NUL in a text.
        let value = value.filter(|value| !value.as_text().is_some_and(|text| text.contains('\0')));
        let wrong = || Issue::new("query.value").with("name", &field.name).with("value", json);
        value.ok_or_else(|| self.refuse(wrong()))
    }

    /// The entry of a record that was read: what may not be seen on it is null already.
    fn entry(&self, kind: &str, wanted: &[(String, &FieldModel)], record: &Record) -> Entry {
        let kind_of = kind_of(&self.work, &self.version);
        let fields = wanted.iter().map(|(name, field)| {
            Field::new(name.clone(), entry::outward(field, &record.values[field.slot], &kind_of))
        });
        Entry { entity: kind.to_owned(), id: Some(record.id().to_string()), fields: fields.collect() }
    }

    fn wanted<'e>(
        &self,
        of: (&Named, &'e EntityModel),
        names: &[String],
    ) -> Result<Vec<(String, &'e FieldModel)>, Fault> {
        names.iter().map(|name| Ok((name.clone(), self.field(of, name)?))).collect()
    }

    async fn rows(&self, query: &query::Query) -> Result<(Vec<Record>, Option<String>), Fault> {
        let tenant = self.tenant()?;
        let found = lists::rows(&self.work, &tenant.store, query).await;
        match found {
            // What nobody may see at all is as if it were empty.
            Err(Error::Forbidden(_)) => Ok((Vec::new(), None)),
            found => found.map_err(|error| self.failed(&error)),
        }
    }

    /// What a plugin sets, by the tenant's names.
    fn values(&self, of: (&Named, &EntityModel), fields: &[Field]) -> Result<Map<String, Json>, Fault> {
        let kind_of = kind_of(&self.work, &self.version);
        let mut values = Map::new();
        for given in fields {
            let field = self.field(of, &given.name)?;
            let value = entry::inward(field, &given.value, &kind_of, &self.work.values());
            let value = value.map_err(|issue| self.failed(&Error::field(&given.name, issue)))?;
            values.insert(field.name.to_string(), values::to_json(&value));
        }
        Ok(values)
    }

    async fn run(&self, command: Command) -> Result<Uuid, Fault> {
        let tenant = self.tenant()?;
        match tenant.try_run(&self.work, &command, &RunOptions::default()).await {
            Ok(Outcome::Record(written)) => Ok(written.id),
            Ok(_) => Ok(Uuid::nil()),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn id(&self, id: &str) -> Result<Uuid, Fault> {
        Uuid::try_parse(id).map_err(|_| self.failed(&Error::no_record()))
    }
}

#[async_trait]
impl Capabilities for Reach {
    async fn get(&self, entity: &str, id: &str, fields: &[String]) -> Result<Option<Entry>, Fault> {
        let of = self.entity(entity)?;
        let wanted = self.wanted(of, fields)?;
        let Ok(id) = Uuid::try_parse(id) else { return Ok(None) };
        let by_id = query::Condition {
            slot: system::ID,
            op: Op::Eq,
            values: vec![Value::Id(id)],
            text: String::new(),
        };
        let query = query::Query {
            conditions: vec![by_id],
            columns: Some(wanted.iter().map(|(_, field)| field.slot).collect()),
            sort: Vec::new(),
            limit: 1,
            ..query::Query::all(&of.1.key)
        };
        let (rows, _) = self.rows(&query).await?;
        Ok(rows.first().map(|record| self.entry(entity, &wanted, record)))
    }

    async fn find(&self, entity: &str, asked: Query) -> Result<Page, Fault> {
        let of = self.entity(entity)?;
        let wanted = self.wanted(of, &asked.fields)?;
        let mut sort = Vec::new();
        for part in &asked.order {
            let (name, descending) = part.strip_prefix('-').map_or((&**part, false), |name| (name, true));
            let field = self.open_field(of, name)?;
            if !query::sortable(of.1, self.work.access(of.1), field.slot) {
                return Err(self.refuse(Issue::new("query.not_sortable").with("name", name)));
            }
            sort.push((field.slot, descending));
        }
        let conditions = self.conditions(of, &asked.conditions)?;
        if asked.limit == 0 {
            return Ok(Page { entries: Vec::new(), next: asked.cursor });
        }
        let query = query::Query {
            conditions,
            columns: Some(wanted.iter().map(|(_, field)| field.slot).collect()),
            sort,
            limit: asked.limit.into(),
            cursor: asked.cursor,
            ..query::Query::all(&of.1.key)
        };
        let (rows, next) = self.rows(&query).await?;
        let entries = rows.iter().map(|record| self.entry(entity, &wanted, record)).collect();
        Ok(Page { entries, next })
    }

    async fn count(&self, entity: &str, conditions: Vec<Condition>) -> Result<u64, Fault> {
        let of = self.entity(entity)?;
        let conditions = self.conditions(of, &conditions)?;
        let query = query::Query { conditions, sort: Vec::new(), ..query::Query::all(&of.1.key) };
        let tenant = self.tenant()?;
        match lists::count_up_to(&self.work, &tenant.store, &query, COUNT_MAX).await {
            Err(Error::Forbidden(_)) => Ok(0),
            count => count.map_err(|error| self.failed(&error)),
        }
    }

    async fn create(&self, entity: &str, fields: Vec<Field>) -> Result<String, Fault> {
        let of = self.entity(entity)?;
        let (key, values) = (of.1.key.clone(), self.values(of, &fields)?);
        let command = Command::Create { entity: key, values, id: None, allow_duplicates: true };
        Ok(self.run(command).await?.to_string())
    }

    async fn update(&self, entity: &str, id: &str, fields: Vec<Field>) -> Result<(), Fault> {
        let of = self.entity(entity)?;
        let (key, id, values) = (of.1.key.clone(), self.id(id)?, self.values(of, &fields)?);
        self.run(Command::Update { entity: key, id, version: None, values }).await.map(drop)
    }

    async fn delete(&self, entity: &str, id: &str) -> Result<(), Fault> {
        let (_, model) = self.entity(entity)?;
        let (entity, id) = (model.key.clone(), self.id(id)?);
        self.run(Command::Delete { entity, id, version: None }).await.map(drop)
    }

    async fn send(&self, request: Request, terms: HttpTerms) -> Result<Response, Fault> {
        let nobody =
            || Fault { retry: Retry::Backoff, ..self.refuse(Issue::new("plugin.http.not_available")) };
        let outside = self.work.calls.outside().ok_or_else(nobody)?;
        let (credential, secret) = match &request.credential {
            None => (None, None),
            Some(name) => {
                let tenant = self.tenant()?;
                let found = tenant.plugin_credential(&self.plugin, self.version.manifest(), name).await;
                Some(found.map_err(|error| self.failed(&error))?).unzip()
            }
        };
        let errand = Errand {
            tenant: self.work.calls.slug.clone(),
            plugin: self.plugin.clone(),
            locale: self.locale().to_owned(),
            request,
            terms,
            credential,
        };
        let response = outside.send(errand).await?;
        Ok(match secret {
            Some(secret) => masked(response, &secret),
            None => response,
        })
    }

    async fn storage_get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        let found = storage::get(&self.tenant()?.store, &self.plugin, key).await;
        found.map_err(|error| self.failed(&error))
    }

    async fn storage_swap(
        &self,
        key: &str,
        expected: Option<Option<Vec<u8>>>,
        value: Option<Vec<u8>>,
        bytes_max: u64,
    ) -> Result<bool, Fault> {
        if self.point == Point::Assigner {
            // The writer, which would have to do it, waits for this very call.
            return Err(self.refuse(Issue::new("plugin.storage.read_only")));
        }
        let (plugin, name) = (self.plugin.clone(), key.to_owned());
        let write = move |session: &mut mortise_store::Session<'_>| {
            storage::swap(session, &plugin, &name, (expected, value), bytes_max)
        };
        match self.tenant()?.store.write(write).await {
            Ok(()) => Ok(true),
            Err(refused) => storage::fault(refused, self.locale(), bytes_max),
        }
    }

    async fn storage_keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, Fault> {
        let keys = storage::keys(&self.tenant()?.store, &self.plugin, prefix, after, limit).await;
        keys.map_err(|error| self.failed(&error))
    }
}
