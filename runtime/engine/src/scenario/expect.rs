//! What is expected in a scenario, compared with what is there.

use std::collections::BTreeSet;

use mortise_definition::source::ScenarioStep;
use mortise_expr::{Context, Expression, OutsideFunctions, Type, Value};
use mortise_store::Param;
use sea_query::ExprTrait;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::stage::Stage;
use super::step::broken;
use crate::automation::WorkState;
use crate::automation::freeze;
use crate::env::Env;
use crate::metrics::MetricQuery;
use crate::values::Issue;

/// Figures that differ by less are equal.
const EQUAL: f64 = 1e-6;

impl Stage {
    /// Checks an expectation.
    pub(super) async fn expect(&mut self, step: &ScenarioStep) -> Result<(), Issue> {
        match step {
            ScenarioStep::Expect { record, values, that, frozen, files } => {
                self.record_is(record, values, that.as_deref(), frozen.as_deref(), files).await
            }
            ScenarioStep::ExpectCount { entity, condition, values, count, at_least, at_most } => {
                let found = self.count(entity, condition.as_deref(), values).await?;
                let fits = count.is_none_or(|count| found == count)
                    && at_least.is_none_or(|least| found >= least)
                    && at_most.is_none_or(|most| found <= most);
                let wanted = wanted(*count, *at_least, *at_most);
                told(fits, || Issue::new("scenario.count").with("found", found).with("expected", wanted))
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
                let parked = parked.map_err(broken)?;
                told(parked.len() as i64 == *count, || {
                    let words = parked.iter().map(|item| format!("{} ({})", item.handler, item.error.code));
                    unlike("scenario.parked", list(words), count).with("count", parked.len())
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
    ) -> Result<(), Issue> {
        let (entity, id) = self.record(name)?;
        let system = self.system();
        let read = self.tenant.read_json(&system, &entity, id).await.map_err(broken)?;
        let record: Json =
            serde_json::from_slice(&read.0).map_err(|error| no_condition(error.to_string()))?;
        for (field, expected) in self.values(&entity, values, None).await? {
            let found = record.get(&field).cloned().unwrap_or(Json::Null);
            told(same(&expected, &found), || {
                unlike("scenario.value", self.word(&found), self.word(&expected)).with("field", &field)
            })?;
        }
        if let Some(that) = that {
            let record = self.tenant.read(&system, &entity, id).await.map_err(broken)?;
            told(self.holds(&entity, that, &record.values)?, || Issue::of("scenario.condition", that))?;
        }
        if let Some(frozen) = frozen {
            self.frozen_are(&entity, id, frozen).await?;
        }
        let attached = self.files(&entity, id).await?;
        for file in files {
            let there = attached.iter().any(|name| name.contains(file.as_str()));
            told(there, || unlike("scenario.file", list(attached.iter().cloned()), file))?;
        }
        Ok(())
    }

    /// A value as the scenario would write it: people and records by name.
    fn word(&self, value: &Json) -> String {
        let id = value.get("id").unwrap_or(value).as_str().and_then(|text| text.parse::<Uuid>().ok());
        let person = self.people.iter().find(|(_, known)| Some(**known) == id);
        let record = self.records.iter().find(|(_, (_, known))| Some(*known) == id);
        match (person, record) {
            (Some((login, _)), _) => format!("@{login}"),
            (_, Some((name, _))) => format!("${name}"),
            _ => value.to_string(),
        }
    }

    fn holds(&self, entity: &str, condition: &str, record: &[Value]) -> Result<bool, Issue> {
        let expression = self.condition(entity, condition)?;
        let model = self.tenant.model();
        let app = model.apps.iter().find(|app| app.id == self.app);
        let settings = app.map_or(&[][..], |app| &app.setting_values);
        let system = self.system();
        let roots: [&[Value]; 3] = [record, &system.user.root, settings];
        let work = self.tenant.work(&system);
        let asking = work.asking();
        let functions: Option<&dyn OutsideFunctions> = Some(&asking);
        let cx = Context { now: self.now(), tz: system.user.tz, roots: &roots, functions };
        expression.test(&cx).map_err(|error| no_condition(error.to_string()))
    }

    fn condition(&self, entity: &str, condition: &str) -> Result<Expression, Issue> {
        let model = self.tenant.model();
        let entity = model.entity(entity).ok_or_else(|| unknown(entity))?;
        let app = model.apps.iter().position(|app| app.id == self.app).unwrap_or(entity.app);
        let compiled = Expression::compile_as(condition, &model.scope(entity, app), &Type::Bool);
        compiled.map_err(|problems| no_condition(list(problems.iter().map(ToString::to_string))))
    }

    async fn frozen_are(&self, entity: &str, id: Uuid, frozen: &[String]) -> Result<(), Issue> {
        let model = self.tenant.model();
        let entity = model.entity(entity).ok_or_else(|| unknown(entity))?;
        let rows = freeze::now(&self.tenant.store, entity, id, self.now()).await;
        let found: BTreeSet<Uuid> = rows.map_err(broken)?.into_iter().map(|freeze| freeze.person).collect();
        let logins = self.logins(found.into_iter());
        let expected: BTreeSet<String> =
            frozen.iter().map(|login| login.trim_start_matches('@').to_owned()).collect();
        let same = logins == expected;
        told(same, || unlike("scenario.frozen", list(logins), list(expected)))
    }

    fn logins(&self, ids: impl Iterator<Item = Uuid>) -> BTreeSet<String> {
        let directory = self.tenant.directory();
        ids.map(|id| directory.user(id).map_or_else(|| id.to_string(), |user| user.login.clone())).collect()
    }

    async fn files(&self, entity: &str, id: Uuid) -> Result<Vec<String>, Issue> {
        let naming = self.tenant.store.naming();
        let table = naming.table("_file");
        let sql = naming.sql(&format!("SELECT name FROM {table} WHERE record = ?1 AND entity = ?2"));
        let rows = self.tenant.store.fetch(&sql, &[id.into(), entity.into()], |row| row.text(0)).await;
        Ok(rows.map_err(broken)?.into_iter().flatten().collect())
    }

    async fn count(
        &self,
        entity: &str,
        condition: Option<&str>,
        values: &Map<String, Json>,
    ) -> Result<i64, Issue> {
        let key = self.key(entity);
        let model = self.tenant.model();
        let entity = model.entity(&key).ok_or_else(|| unknown(&key))?;
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
            query.and_where(sql.map_err(|diagnostic| no_condition(diagnostic.to_string()))?);
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
        let rows = store.fetch(&sql, &params, |row| row.int(0)).await.map_err(broken)?;
        Ok(rows.into_iter().next().flatten().unwrap_or(0))
    }

    /// Values by slot, of the types of their fields.
    async fn typed(&self, key: &str, values: &Map<String, Json>) -> Result<Vec<(usize, Value)>, Issue> {
        let model = self.tenant.model();
        let entity = model.entity(key).ok_or_else(|| unknown(key))?;
        let mut typed = Vec::with_capacity(values.len());
        for (name, json) in self.values(key, values, None).await? {
            let field = entity.field(&name).ok_or_else(|| unknown(&name))?;
            let value = match (&entity.shape.members()[field.slot].ty, &json) {
                (_, Json::Null) => Value::Null,
                (Type::Id, Json::String(id)) => id
                    .parse()
                    .map(Value::Id)
                    .map_err(|_| Issue::of("scenario.not_a_value", id).with("field", &name))?,
                (_, Json::String(text)) => Value::text(text.as_str()),
                (_, Json::Bool(value)) => Value::Bool(*value),
                (_, json) => {
                    let wrong = || Issue::of("scenario.not_a_value", &json.to_string()).with("field", &name);
                    Value::Int(json.as_i64().ok_or_else(wrong)?)
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
    ) -> Result<(), Issue> {
        let key = self.key(notification);
        let since = self.told.insert(key.clone(), self.time.id()).unwrap_or_default();
        let inbox = self.rows("_inbox", "person", &key, since).await?;
        let sent = self.rows("_delivery", "channel", &key, since).await?;
        let moments: BTreeSet<&str> = inbox.iter().chain(&sent).map(|(moment, _)| moment.as_str()).collect();
        let wanted = times.unwrap_or(1) as usize;
        told(moments.len() == wanted, || {
            unlike("scenario.told_times", moments.len(), wanted).with("name", &key)
        })?;
        if let Some(people) = people {
            let found = self.logins(inbox.iter().filter_map(|(_, id)| id.parse().ok()));
            let expected: BTreeSet<String> =
                people.iter().map(|login| login.trim_start_matches('@').to_owned()).collect();
            let same = found == expected;
            told(same, || unlike("scenario.told_people", list(found), list(expected)).with("name", &key))?;
        }
        if let Some(channels) = channels {
            let found: BTreeSet<String> = sent
                .iter()
                .map(|(_, channel)| channel.clone())
                .filter(|channel| channel != "email")
                .collect();
            let expected: BTreeSet<String> = channels.iter().map(|channel| self.key(channel)).collect();
            let same = found == expected;
            told(same, || unlike("scenario.told_channels", list(found), list(expected)).with("name", &key))?;
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
    ) -> Result<Vec<(String, String)>, Issue> {
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
        rows.await.map_err(broken)
    }

    async fn clock_is(&self, name: &str, sla: &str, state: &str, due: Option<&str>) -> Result<(), Issue> {
        let (entity, id) = self.record(name)?;
        let key = self.key(sla);
        let clocks = self.tenant.clocks(&self.system(), &entity, id).await.map_err(broken)?;
        let clock = clocks.into_iter().find(|clock| clock.sla == key);
        let found = clock.as_ref().map_or("none", |clock| clock.state.name());
        told(found == state, || unlike("scenario.clock", found, state).with("name", &key))?;
        let Some(due) = due else { return Ok(()) };
        let due = chrono::DateTime::parse_from_rfc3339(due).map_err(|_| Issue::of("scenario.moment", due))?;
        let found = clock.and_then(|clock| clock.due_at);
        told(found == Some(due.to_utc()), || {
            let found = found.map(|found| found.with_timezone(due.offset()).to_rfc3339());
            unlike("scenario.clock_due", shown(found), due.to_rfc3339()).with("name", &key)
        })
    }

    async fn metric_is(
        &self,
        metric: &str,
        matching: &Map<String, Json>,
        value: Option<f64>,
    ) -> Result<(), Issue> {
        let key = self.key(metric);
        let model = self.tenant.model();
        let metric = model.automation.metrics.get(&key).ok_or_else(|| unknown(&key))?;
        let entity = &model.entities[metric.entity];
        let matching = self.typed(&entity.key, matching).await?;
        let asked = MetricQuery { matching, ..MetricQuery::default() };
        let found = self.tenant.metric(&self.system(), &key, &asked).await.map_err(broken)?;
        let found = found.1.first().and_then(|figure| figure.figure);
        let fits = match (found, value) {
            (Some(found), Some(value)) => (found - value).abs() < EQUAL,
            (found, value) => found.is_none() && value.is_none(),
        };
        told(fits, || unlike("scenario.metric", shown(found), shown(value)).with("name", &key))
    }
}

/// Something found is not what was expected.
fn unlike(code: &'static str, found: impl ToString, expected: impl ToString) -> Issue {
    Issue::new(code).with("found", found).with("expected", expected)
}

fn unknown(name: &str) -> Issue {
    Issue::new("scenario.unknown").with("name", name)
}

fn no_condition(reason: String) -> Issue {
    Issue::new("scenario.no_condition").with("reason", reason)
}

fn shown(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    if items.is_empty() { "–".to_owned() } else { items.join(", ") }
}

/// How many records are expected: `3`, `≥ 2`, `≤ 5`.
fn wanted(count: Option<i64>, at_least: Option<i64>, at_most: Option<i64>) -> String {
    let parts = [("", count), ("≥ ", at_least), ("≤ ", at_most)];
    list(parts.into_iter().filter_map(|(sign, number)| Some(format!("{sign}{}", number?))))
}

fn told(fits: bool, words: impl FnOnce() -> Issue) -> Result<(), Issue> {
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
