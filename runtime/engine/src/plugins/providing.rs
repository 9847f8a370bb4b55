//! Tables that plugins bring for cards of dashboards. A plugin sees with the eyes of whoever looks, so that nothing of one
//! person's answer is ever shown to another; the same person gets the same answer for a minute without another call.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mortise_definition::model::ProviderAsk;
use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::run::Failure;
use mortise_plugin_host::value::{Field, Table, Value};
use parking_lot::Mutex;
use serde_json::Value as Json;
use uuid::Uuid;

use super::call::Calling;
use super::complaint::reason;
use crate::commands::Work;
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::Issue;

/// For how long an answer is shown again: as long as people look at a page before they reload it to see something new.
const KEPT_FOR: TimeDelta = TimeDelta::seconds(60);
/// Answers that are kept for a tenant; beyond that the old ones go.
const KEPT_MAX: usize = 200;
/// Largest answer that is kept, as JSON; one of as many rows as a card shows has some kilobytes.
const KEPT_BYTES_MAX: usize = 64 * 1024;
/// Rows of a card: more is a list, not a card.
const ROWS_MAX: usize = 200;
/// Columns of a card.
const COLUMNS_MAX: usize = 20;

/// What makes two questions the same: the set of plugins in force, the question, and who asks in which language.
type Key = (String, String, Option<Uuid>, String);

/// An answer, and when it came.
type Told = (DateTime<Utc>, Arc<Table>);

/// Answers of a tenant's providers, of the last minute.
#[derive(Default)]
pub(super) struct Kept(Mutex<HashMap<Key, Told>>);

impl Kept {
    fn get(&self, key: &Key, now: DateTime<Utc>) -> Option<Arc<Table>> {
        let kept = self.0.lock();
        kept.get(key).filter(|(at, _)| now - *at < KEPT_FOR).map(|(_, table)| table.clone())
    }

    fn put(&self, key: Key, now: DateTime<Utc>, table: Arc<Table>) {
        let mut kept = self.0.lock();
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, (at, _)| now - *at < KEPT_FOR);
        }
        if kept.len() < KEPT_MAX {
            kept.insert(key, (now, table));
        }
    }
}

impl Tenant {
    /// What a plugin brings for a card, at most as many rows and columns as fit on one.
    pub async fn provided(&self, actor: &Actor, ask: &ProviderAsk) -> Result<Arc<Table>, Error> {
        let work = self.work(actor);
        let user = &work.actor.user;
        // Whose rights have changed since asks anew.
        let question = format!("{}/{}{:?} {}", ask.plugin, ask.name, ask.params, user.access_key);
        let language = user.language.clone();
        let key: Key = (work.published.digest.clone(), question, work.actor.id(), language);
        if let Some(table) = work.calls.provided.get(&key, work.now) {
            return Ok(table);
        }
        let mut table = load(&work, ask).await?;
        table.rows.truncate(ROWS_MAX);
        table.columns.truncate(COLUMNS_MAX);
        let table = Arc::new(table);
        if serde_json::to_vec(&table.rows).is_ok_and(|json| json.len() <= KEPT_BYTES_MAX) {
            work.calls.provided.put(key, work.now, table.clone());
        }
        Ok(table)
    }
}

async fn load(work: &Work, ask: &ProviderAsk) -> Result<Table, Error> {
    let missing = || {
        let issue = Issue::new("plugin.no_provider").with("plugin", &ask.plugin).with("name", &ask.name);
        Error::NotFound(issue)
    };
    let key = work.env.id().to_string();
    let plugins = &work.published.plugins;
    let binding = plugins.find(Point::Provider, &ask.plugin, &ask.name, work.actor.id(), &key);
    let binding = binding.ok_or_else(missing)?;
    let params: Vec<Field> = ask.params.iter().map(|(name, value)| Field::new(name, given(value))).collect();
    // Nothing is saved meanwhile, so that it may take as long as work in the background.
    let answer = Calling::background(work, key).load(binding, &params).await;
    let title = binding.version.manifest().title.get(&work.actor.user.language);
    answer.map_err(|failure| failed(work, title, &failure))?.ok_or_else(missing)
}

/// A parameter that an app gives.
fn given(json: &Json) -> Value {
    match json {
        Json::Bool(value) => Value::Boolean(*value),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Integer(whole),
            (None, Some(float)) => Value::Float(float),
            (None, None) => Value::Null,
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Null => Value::Null,
        nested => Value::Json(nested.to_string()),
    }
}

fn failed(work: &Work, title: &str, failure: &Failure) -> Error {
    let reason = reason(failure, &work.actor.user.language);
    Error::BadRequest(Issue::new("plugin.no_answer").with("plugin", title).with("reason", reason))
}
