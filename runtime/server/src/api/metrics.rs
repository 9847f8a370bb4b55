//! Figures over HTTP: metrics broken down by fields and by time, and who may see which dashboard. What stands on a card is
//! worked out by `cards`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query as Params};
use axum::response::Response;
use mortise_definition::model::{
    DashboardModel, EntityModel, FieldKind, FieldModel, MetricModel, Slot, system,
};
use mortise_definition::source::{Grain, Window};
use mortise_engine::values::{self, ValueContext};
use mortise_engine::{Condition, Figured, MetricQuery, Op, Query};
use mortise_expr::Value;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::body::json as json_answer;
use super::records::Pairs;
use crate::{Failure, SignedIn};

/// Records whose titles are told beside their ids; a chart with more cannot be read anyway.
const TITLES_MAX: usize = 100;

/// Where a figure stands beside what is aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// The target is reached.
    Green,
    /// Near to it.
    Amber,
    /// Far from it.
    Red,
}

impl Standing {
    /// Where a figure stands.
    pub fn of(figure: f64, target: f64, lower_is_better: bool, amber: f64) -> Standing {
        let (reached, near) = match lower_is_better {
            true => (figure <= target, figure * amber <= target),
            false => (figure >= target, figure >= target * amber),
        };
        match (reached, near) {
            (true, _) => Standing::Green,
            (false, true) => Standing::Amber,
            (false, false) => Standing::Red,
        }
    }
}

/// The dashboard of a key, if it is for the person.
pub fn dashboard(by: &SignedIn, key: &str) -> Result<Arc<DashboardModel>, Failure> {
    let model = by.tenant.engine.model();
    let found = model.automation.dashboards.get(key).filter(|dashboard| sees(by, dashboard)).cloned();
    found.ok_or_else(|| Failure::not_found("dashboard.not_found").with("dashboard", key))
}

/// Whether a dashboard is for the person.
pub fn sees(by: &SignedIn, dashboard: &DashboardModel) -> bool {
    let user = by.user();
    let roles = &dashboard.roles;
    user.admin || roles.is_empty() || roles.iter().any(|role| user.roles.contains(role))
}

/// Titles of records by their ids.
pub(super) type Titles = HashMap<Uuid, String>;

/// Titles of the records that a reference names, as far as the person may read them; one question for all of them.
pub(super) async fn titles(
    by: &SignedIn,
    field: &FieldModel,
    groups: impl Iterator<Item = &Value>,
) -> Titles {
    let FieldKind::Reference { entity } = &field.kind else { return Titles::new() };
    let engine = &by.tenant.engine;
    let model = engine.model();
    let target = &model.entities[*entity];
    let mut ids: Vec<Uuid> = groups.filter_map(Value::as_id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(TITLES_MAX);
    if ids.is_empty() {
        return Titles::new();
    }
    let limit = ids.len() as u64;
    let values = ids.into_iter().map(Value::Id).collect();
    let condition = Condition { slot: system::ID, op: Op::In, values, text: String::new() };
    let columns = Some(vec![target.title]);
    let query =
        Query { conditions: vec![condition], columns, limit, total: false, ..Query::all(&target.key) };
    // Where these records may not be read, there are figures without names.
    let rows = engine.list(by.actor(), &query).await.map(|page| page.rows).unwrap_or_default();
    let field = &target.fields[target.title];
    let directory = engine.directory();
    let cx = context(by, &model, &directory);
    rows.iter().map(|record| (record.id(), values::display(field, &record.values[field.slot], &cx))).collect()
}

fn context<'a>(
    by: &SignedIn,
    model: &'a mortise_definition::model::Model,
    directory: &'a mortise_engine::Directory,
) -> ValueContext<'a> {
    ValueContext { model, directory, tz: by.user().tz, language: by.language }
}

/// The words for the value of a group.
pub(super) fn words(by: &SignedIn, field: &FieldModel, value: &Value, titles: &Titles) -> String {
    let (model, directory) = (by.tenant.engine.model(), by.tenant.engine.directory());
    match (&field.kind, value) {
        (FieldKind::Reference { .. }, Value::Id(id)) => {
            titles.get(id).cloned().unwrap_or_else(|| "…".to_owned())
        }
        // Owners and the like are people although the system gives them.
        (FieldKind::System, Value::Id(id)) => {
            directory.user(*id).map_or_else(|| id.to_string(), |user| user.name.clone())
        }
        _ => values::display(field, value, &context(by, &model, &directory)),
    }
}

/// A span of time by its name: `today`, `week`, `month`, `quarter`, `year`, or days as `30d`.
pub(super) fn window(text: &str) -> Result<Window, Failure> {
    let days = |text: &str| text.strip_suffix('d')?.parse().ok().filter(|days| (1..=3_660).contains(days));
    Ok(match text {
        "today" => Window::Today,
        "week" => Window::Week,
        "month" => Window::Month,
        "quarter" => Window::Quarter,
        "year" => Window::Year,
        text => match days(text) {
            Some(days) => Window::Days { days },
            None => return Err(wrong("window", text, "today, week, month, quarter, year, 30d")),
        },
    })
}

fn grain(text: &str) -> Result<Grain, Failure> {
    match text {
        "day" => Ok(Grain::Day),
        "week" => Ok(Grain::Week),
        "month" => Ok(Grain::Month),
        _ => Err(wrong("per", text, "day, week, month")),
    }
}

fn wrong(name: &str, value: &str, allowed: &str) -> Failure {
    let value: String = value.chars().take(60).collect();
    Failure::bad_request("http.parameter").with("name", name).with("value", value).with("allowed", allowed)
}

/// The query of an address, over the dimensions of a metric.
fn asked(by: &SignedIn, metric: &MetricModel, pairs: &[(String, String)]) -> Result<MetricQuery, Failure> {
    let model = by.tenant.engine.model();
    let entity = &model.entities[metric.entity];
    let slot = |name: &str| {
        let field = entity.field(name).filter(|field| metric.dimensions.contains(&field.slot));
        let known: Vec<&str> = metric.dimensions.iter().map(|slot| &*entity.fields[*slot].name).collect();
        field.map(|field| field.slot).ok_or_else(|| wrong("by", name, &known.join(", ")))
    };
    let mut query = MetricQuery::default();
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        match name.as_str() {
            "by" => {
                for name in value.split(',') {
                    let slot = slot(name)?;
                    // Once is enough: a statement has only so many columns.
                    if !query.by.contains(&slot) {
                        query.by.push(slot);
                    }
                }
            }
            "per" => query.per = Some(grain(value)?),
            "window" => query.window = Some(window(value)?),
            "best" => {
                query.best = Some(value.parse().map_err(|_| wrong("best", value, "1, 2, 3 …"))?);
            }
            name => match name.strip_prefix("where.") {
                Some(field) => {
                    let slot = slot(field)?;
                    // A field has one value: the last one counts.
                    query.matching.retain(|(known, _)| *known != slot);
                    query.matching.push((slot, given(by, entity, slot, value)?));
                }
                None => return Err(wrong("name", name, "by, per, window, best, where.<field>")),
            },
        }
    }
    Ok(query)
}

/// A value of a dimension, as it was given in an address.
pub(super) fn given(by: &SignedIn, entity: &EntityModel, slot: Slot, text: &str) -> Result<Value, Failure> {
    let field = &entity.fields[slot];
    if text == "me" && matches!(field.kind, FieldKind::User | FieldKind::System) {
        return Ok(Value::Id(by.user().id));
    }
    if slot < system::FIRST {
        let id = text.parse().map(Value::Id);
        return id.map_err(|_| Failure::bad_request("http.id").with("value", text));
    }
    let (model, directory) = (by.tenant.engine.model(), by.tenant.engine.directory());
    let value = values::from_json(field, &json!(text), &context(by, &model, &directory));
    value.map_err(|issue| mortise_engine::Error::field(&field.name, issue).into())
}

/// `GET /metrics`: what can be asked for.
pub(super) async fn list(by: SignedIn) -> Response {
    let model = by.tenant.engine.model();
    let readable = |metric: &&Arc<MetricModel>| {
        by.tenant.engine.may_read(by.actor(), &model.entities[metric.entity].key)
    };
    let rows: Vec<Json> = model
        .automation
        .metrics
        .values()
        .filter(readable)
        .map(|metric| {
            let entity = &model.entities[metric.entity];
            let names = metric.dimensions.iter().map(|slot| &*entity.fields[*slot].name);
            json!({
                "key": metric.key, "label": metric.label.get(by.language), "entity": entity.key,
                "description": metric.description.as_ref().map(|text| text.get(by.language)),
                "figure": metric.figure, "dimensions": names.collect::<Vec<_>>(), "window": metric.window,
            })
        })
        .collect();
    json_answer(&json!({ "rows": rows }))
}

/// `GET /metrics/{key}?by=&per=&window=&best=&where.<field>=`.
pub(super) async fn read(
    by: SignedIn,
    Path(key): Path<String>,
    Params(pairs): Pairs,
) -> Result<Response, Failure> {
    let engine = &by.tenant.engine;
    let model = engine.model();
    let known = model.automation.metrics.get(&key).cloned();
    let metric = known.ok_or_else(|| Failure::not_found("metric.not_found").with("metric", &key))?;
    let query = asked(&by, &metric, &pairs)?;
    let (metric, figures) = engine.metric(by.actor(), &key, &query).await?;
    let entity = &model.entities[metric.entity];
    let mut all_titles = Vec::new();
    for (place, slot) in query.by.iter().enumerate() {
        let groups = figures.iter().filter_map(|one| one.group.get(place));
        all_titles.push(titles(&by, &entity.fields[*slot], groups).await);
    }
    let row = |one: &Figured| {
        let (mut group, mut labels) = (Map::new(), Map::new());
        for ((slot, value), titles) in query.by.iter().zip(&one.group).zip(&all_titles) {
            let field = &entity.fields[*slot];
            group.insert(field.name.to_string(), values::to_json(value));
            labels.insert(field.name.to_string(), words(&by, field, value, titles).into());
        }
        json!({ "group": group, "labels": labels, "step": one.step, "figure": one.figure })
    };
    let rows: Vec<Json> = figures.iter().map(row).collect();
    Ok(json_answer(&json!({
        "key": metric.key, "label": metric.label.get(by.language), "figure": metric.figure,
        "target": engine.metric_target(by.actor(), &metric), "rows": rows,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_green_at_its_target_and_amber_near_it() {
        let standing = |figure| Standing::of(figure, 0.9, false, 0.8);
        assert_eq!(
            [0.95, 0.9, 0.8, 0.5].map(standing),
            [Standing::Green, Standing::Green, Standing::Amber, Standing::Red]
        );
    }

    #[test]
    fn where_smaller_is_better_it_is_the_other_way_round() {
        let standing = |figure| Standing::of(figure, 60.0, true, 0.8);
        assert_eq!(
            [30.0, 60.0, 70.0, 80.0].map(standing),
            [Standing::Green, Standing::Green, Standing::Amber, Standing::Red]
        );
    }

    #[test]
    fn spans_are_words_or_days() {
        assert_eq!(window("month").ok(), Some(Window::Month));
        assert_eq!(window("30d").ok(), Some(Window::Days { days: 30 }));
        for text in ["", "0d", "9999d", "30", "d", "-1d"] {
            assert!(window(text).is_err(), "{text}");
        }
    }
}
