//! What is expected in a scenario, compared with what is there.

use std::collections::{BTreeMap, BTreeSet};

use mortise_definition::source::ScenarioStep;
use mortise_expr::{Context, Expression, Type, Value};
use mortise_store::Param;
use sea_query::ExprTrait;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::stage::Stage;
use crate::automation::WorkState;
use crate::automation::freeze;
use crate::env::Env;
use crate::metrics::MetricQuery;

/// Figures that differ by less are equal.
const EQUAL: f64 = 1e-6;

impl Stage {
    /// Checks an expectation.
    pub(super) async fn expect(&mut self, step: &ScenarioStep) -> Result<(), String> {
        match step {
            ScenarioStep::Expect { record, values, that, frozen, files } => {
                self.record_is(record, values, that.as_deref(), frozen.as_deref(), files).await
            }
            ScenarioStep::ExpectCount { entity, condition, values, count, at_least, at_most } => {
                let found = self.count(entity, condition.as_deref(), values).await?;
                let fits = count.is_none_or(|count| found == count)
                    && at_least.is_none_or(|least| found >= least)
                    && at_most.is_none_or(|most| found <= most);
                told(fits, || format!("there are {found} records"))
            }
            ScenarioStep::ExpectNotified { notification, people, channels, times } => {
                self.notified(notification, people.as_deref(), channels.as_deref(), *times).await
            }
            ScenarioStep::ExpectClock { record, sla, state, due } => {
                self.clock_is(record, sla, state, due.as_deref()).await
            }
            ScenarioStep::ExpectMetric { metric, matching, value } => {
                self.metric_is(metric, matching, *value).await
            }
            ScenarioStep::ExpectParked { count } => {
                let parked = self.tenant.failed_work(&self.system(), WorkState::Parked, None, 200).await;
                let parked = parked.map_err(|error| error.to_string())?;
                let words: Vec<String> =
                    parked.iter().map(|item| format!("{} ({})", item.handler, item.error.code)).collect();
                told(parked.len() as i64 == *count, || {
                    format!("{} pieces of work are parked: {}", parked.len(), words.join(", "))
                })
            }
            _ => Ok(()),
        }
    }

    async fn record_is(
        &self,
        name: &str,
        values: &Map<String, Json>,
        that: Option<&str>,
        frozen: Option<&[String]>,
        files: &[String],
    ) -> Result<(), String> {
        let (entity, id) = self.record(name)?;
        let system = self.system();
        let read = self.tenant.read_json(&system, &entity, id).await.map_err(|error| error.to_string())?;
        let record: Json = serde_json::from_slice(&read.0).map_err(|error| error.to_string())?;
        for (field, expected) in self.values(&entity, values, None).await? {
            let found = record.get(&field).cloned().unwrap_or(Json::Null);
            told(same(&expected, &found), || format!("{field} is {found}, not {expected}"))?;
        }
        if let Some(that) = that {
            let record = self.tenant.read(&system, &entity, id).await.map_err(|error| error.to_string())?;
            told(self.holds(&entity, that, &record.values)?, || format!("{that} does not hold"))?;
        }
        if let Some(frozen) = frozen {
            self.frozen_are(&entity, id, frozen).await?;
        }
        let attached = self.files(&entity, id).await?;
        for file in files {
            let there = attached.iter().any(|name| name.contains(file.as_str()));
            told(there, || format!("no file {file:?} is attached, only {attached:?}"))?;
        }
        Ok(())
    }

    fn holds(&self, entity: &str, condition: &str, record: &[Value]) -> Result<bool, String> {
        let expression = self.condition(entity, condition)?;
        let model = self.tenant.model();
        let app = model.apps.iter().find(|app| app.id == self.app);
        let settings = app.map_or(&[][..], |app| &app.setting_values);
        let system = self.system();
        let roots: [&[Value]; 3] = [record, &system.user.root, settings];
        let cx = Context { now: self.now(), tz: system.user.tz, roots: &roots };
        expression.test(&cx).map_err(|error| error.to_string())
    }

    fn condition(&self, entity: &str, condition: &str) -> Result<Expression, String> {
        let model = self.tenant.model();
        let entity = model.entity(entity).ok_or_else(|| format!("there is no entity {entity}"))?;
        let app = model.apps.iter().position(|app| app.id == self.app).unwrap_or(entity.app);
        let compiled = Expression::compile_as(condition, &model.scope(entity, app), &Type::Bool);
        compiled.map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }

    async fn frozen_are(&self, entity: &str, id: Uuid, frozen: &[String]) -> Result<(), String> {
        let model = self.tenant.model();
        let entity = model.entity(entity).ok_or_else(|| format!("there is no entity {entity}"))?;
        let rows = freeze::now(&self.tenant.store, entity, id, self.now()).await;
        let found: BTreeSet<Uuid> =
            rows.map_err(|error| error.to_string())?.into_iter().map(|freeze| freeze.person).collect();
        let logins = self.logins(found.into_iter());
        let expected: BTreeSet<String> =
            frozen.iter().map(|login| login.trim_start_matches('@').to_owned()).collect();
        told(logins == expected, || format!("frozen are {logins:?}, not {expected:?}"))
    }

    fn logins(&self, ids: impl Iterator<Item = Uuid>) -> BTreeSet<String> {
        let directory = self.tenant.directory();
        ids.map(|id| directory.user(id).map_or_else(|| id.to_string(), |user| user.login.clone())).collect()
    }

    async fn files(&self, entity: &str, id: Uuid) -> Result<Vec<String>, String> {
        let naming = self.tenant.store.naming();
        let table = naming.table("_file");
        let sql = naming.sql(&format!("SELECT name FROM {table} WHERE record = ?1 AND entity = ?2"));
        let rows = self.tenant.store.fetch(&sql, &[id.into(), entity.into()], |row| row.text(0)).await;
        Ok(rows.map_err(|error| error.to_string())?.into_iter().flatten().collect())
    }

    async fn count(
        &self,
        entity: &str,
        condition: Option<&str>,
        values: &Map<String, Json>,
    ) -> Result<i64, String> {
        let key = self.key(entity);
        let model = self.tenant.model();
        let entity = model.entity(&key).ok_or_else(|| format!("there is no entity {key}"))?;
        let store = &self.tenant.store;
        let mut query = sea_query::Query::select();
        query.expr(sea_query::Expr::cust("count(*)"));
        let work = self.tenant.work(&self.system());
        query.from(work.published.layout.tables[entity.index].from.clone());
        query.and_where(sea_query::Expr::cust("deleted_at IS NULL"));
        if let Some(condition) = condition {
            let expression = self.condition(&key, condition)?;
            let app = model.apps.iter().position(|app| app.id == self.app).unwrap_or(entity.app);
            let sql = work.with_roots(app, &[], |cx| expression.to_sql(store.naming().dialect, None, cx));
            query.and_where(sql.map_err(|diagnostic| diagnostic.to_string())?);
        }
        for (slot, value) in self.typed(&key, values).await? {
            let column = mortise_store::select::column(entity, slot);
            query.and_where(match value {
                Value::Null => column.is_null(),
                value => {
                    let ty = &entity.shape.members()[slot].ty;
                    column.eq(sea_query::Expr::Value(mortise_store::column::param(&value, ty)))
                }
            });
        }
        let (sql, params) = mortise_store::select::build(&query, store.naming().dialect);
        let rows = store.fetch(&sql, &params, |row| row.int(0)).await.map_err(|error| error.to_string())?;
        Ok(rows.into_iter().next().flatten().unwrap_or(0))
    }

    /// Values by slot, of the types of their fields.
    async fn typed(&self, key: &str, values: &Map<String, Json>) -> Result<Vec<(usize, Value)>, String> {
        let model = self.tenant.model();
        let entity = model.entity(key).ok_or_else(|| format!("there is no entity {key}"))?;
        let mut typed = Vec::with_capacity(values.len());
        for (name, json) in self.values(key, values, None).await? {
            let field = entity.field(&name).ok_or_else(|| format!("there is no field {name}"))?;
            let value = match (&entity.shape.members()[field.slot].ty, &json) {
                (_, Json::Null) => Value::Null,
                (Type::Id, Json::String(id)) => {
                    id.parse().map(Value::Id).map_err(|_| format!("{id} is no id"))?
                }
                (_, Json::String(text)) => Value::text(text.as_str()),
                (_, Json::Bool(value)) => Value::Bool(*value),
                (_, json) => {
                    Value::Int(json.as_i64().ok_or_else(|| format!("{json} is no value of {name}"))?)
                }
            };
            typed.push((field.slot, value));
        }
        Ok(typed)
    }

    async fn notified(
        &mut self,
        notification: &str,
        people: Option<&[String]>,
        channels: Option<&[String]>,
        times: Option<u32>,
    ) -> Result<(), String> {
        let key = self.key(notification);
        let since = self.told.insert(key.clone(), self.time.id()).unwrap_or_default();
        let inbox = self.rows("_inbox", "person", &key, since).await?;
        let sent = self.rows("_delivery", "channel", &key, since).await?;
        let moments: BTreeSet<&str> = inbox.iter().chain(&sent).map(|(moment, _)| moment.as_str()).collect();
        let wanted = times.unwrap_or(1) as usize;
        told(moments.len() == wanted, || format!("{key} went out {} times, not {wanted}", moments.len()))?;
        if let Some(people) = people {
            let found = self.logins(inbox.iter().filter_map(|(_, id)| id.parse().ok()));
            let expected: BTreeSet<String> =
                people.iter().map(|login| login.trim_start_matches('@').to_owned()).collect();
            told(found == expected, || format!("{key} told {found:?}, not {expected:?}"))?;
        }
        if let Some(channels) = channels {
            let found: BTreeSet<String> = sent
                .iter()
                .map(|(_, channel)| channel.clone())
                .filter(|channel| channel != "email")
                .collect();
            let expected: BTreeSet<String> = channels.iter().map(|channel| self.key(channel)).collect();
            told(found == expected, || format!("{key} went to {found:?}, not {expected:?}"))?;
        }
        Ok(())
    }

    /// Moment and a column of what was written since about a notification.
    async fn rows(
        &self,
        table: &str,
        column: &str,
        notification: &str,
        since: Uuid,
    ) -> Result<Vec<(String, String)>, String> {
        let naming = self.tenant.store.naming();
        let sql = naming.sql(&format!(
            "SELECT at, {column} FROM {} WHERE notification = ?1 AND id > ?2 ORDER BY id",
            naming.table(table)
        ));
        let person = column == "person";
        let params: [Param; 2] = [notification.into(), since.into()];
        let rows = self.tenant.store.fetch(&sql, &params, |row| {
            let moment = format!("{:?}", row.value(0, &Type::DateTime)?);
            let value = if person { row.id(1)?.map(|id| id.to_string()) } else { row.text(1)? };
            Ok((moment, value.unwrap_or_default()))
        });
        rows.await.map_err(|error| error.to_string())
    }

    async fn clock_is(&self, name: &str, sla: &str, state: &str, due: Option<&str>) -> Result<(), String> {
        let (entity, id) = self.record(name)?;
        let key = self.key(sla);
        let clocks =
            self.tenant.clocks(&self.system(), &entity, id).await.map_err(|error| error.to_string())?;
        let clock = clocks.into_iter().find(|clock| clock.sla == key);
        let found = clock.as_ref().map_or("none", |clock| clock.state.name());
        told(found == state, || format!("the clock is {found}, not {state}"))?;
        let Some(due) = due else { return Ok(()) };
        let due =
            chrono::DateTime::parse_from_rfc3339(due).map_err(|_| format!("{due:?} is not a moment"))?;
        let found = clock.and_then(|clock| clock.due_at);
        told(found == Some(due.to_utc()), || format!("its limit is {found:?}, not {due}"))
    }

    async fn metric_is(
        &self,
        metric: &str,
        matching: &Map<String, Json>,
        value: Option<f64>,
    ) -> Result<(), String> {
        let key = self.key(metric);
        let model = self.tenant.model();
        let metric = model.automation.metrics.get(&key).ok_or_else(|| format!("there is no metric {key}"))?;
        let entity = &model.entities[metric.entity];
        let matching = self.typed(&entity.key, matching).await?;
        let asked = MetricQuery { matching, ..MetricQuery::default() };
        let found =
            self.tenant.metric(&self.system(), &key, &asked).await.map_err(|error| error.to_string())?;
        let found = found.1.first().and_then(|figure| figure.figure);
        let fits = match (found, value) {
            (Some(found), Some(value)) => (found - value).abs() < EQUAL,
            (found, value) => found.is_none() && value.is_none(),
        };
        told(fits, || format!("{key} is {found:?}, not {value:?}"))
    }
}

fn told(fits: bool, words: impl FnOnce() -> String) -> Result<(), String> {
    if fits { Ok(()) } else { Err(words()) }
}

/// Whether a value is the expected one; a reference is told by its id.
fn same(expected: &Json, found: &Json) -> bool {
    match (expected, found) {
        (Json::Object(_), _) | (_, Json::Null) => expected == found,
        (expected, Json::Object(found)) => found.get("id").is_some_and(|id| id == expected),
        (Json::Number(a), Json::String(b)) => b.parse::<f64>().ok() == a.as_f64(),
        (expected, found) => expected == found,
    }
}
