//! Figures over HTTP: metrics broken down by fields and by time, and dashboards. What a card shows is worked out here, for
//! the pages as well, so that both faces tell the same. Each card stands by itself: one that fails leaves the others alone.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query as Params};
use axum::response::Response;
use futures_util::future::join_all;
use mortise_definition::model::{
    CardModel, DashboardModel, EntityModel, FieldKind, FieldModel, MetricModel, Shown, Slot, system,
};
use mortise_definition::source::{CardKind, Figure, Grain, Window};
use mortise_engine::plugins::ProvidedTable;
use mortise_engine::values::{self, ValueContext};
use mortise_engine::{Figured, MetricQuery};
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

/// A figure with the words for its group.
#[derive(Debug, Clone)]
pub struct Told {
    /// Value of the group, and its words; none for a figure of everything.
    pub group: Option<(Value, String)>,
    /// What was measured.
    pub figured: Figured,
}

/// What a card shows.
pub enum CardContent {
    /// Figures of a metric.
    Figures(CardFigures),
    /// A table of a plugin.
    Table(Arc<ProvidedTable>),
}

/// The figures of a card.
pub struct CardFigures {
    /// The metric.
    pub metric: Arc<MetricModel>,
    /// What is aimed at; only where the card shows all of it.
    pub target: Option<f64>,
    /// Its figures.
    pub rows: Vec<Told>,
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

/// What a card shows.
pub async fn card(by: &SignedIn, card: &CardModel) -> Result<CardContent, Failure> {
    match &card.shows {
        Shown::Metric(metric) => figures(by, card, metric).await.map(CardContent::Figures),
        Shown::Provider(ask) => Ok(CardContent::Table(by.tenant.engine.provided(by.actor(), ask).await?)),
    }
}

async fn figures(by: &SignedIn, card: &CardModel, metric: &str) -> Result<CardFigures, Failure> {
    let engine = &by.tenant.engine;
    let model = engine.model();
    let ranked = matches!(card.kind, CardKind::Bar | CardKind::Leaderboard | CardKind::Table);
    let known = model.automation.metrics.get(metric);
    let smallest_first = card.kind == CardKind::Leaderboard && known.is_some_and(|one| one.lower_is_better);
    let query = MetricQuery {
        by: card.by.into_iter().filter(|_| !matches!(card.kind, CardKind::Number | CardKind::Line)).collect(),
        per: (card.kind == CardKind::Line).then_some(card.per),
        window: card.window,
        matching: Vec::new(),
        best: (ranked && !smallest_first).then_some(card.limit as u64),
    };
    let (metric, mut figures) = engine.metric(by.actor(), metric, &query).await?;
    let entity = &model.entities[metric.entity];
    if smallest_first {
        figures.sort_by(|a, b| a.figure.unwrap_or(f64::MAX).total_cmp(&b.figure.unwrap_or(f64::MAX)));
        figures.truncate(card.limit);
    }
    if card.kind == CardKind::Funnel {
        figures = in_order_of_choices(entity, card.by, figures);
    }
    let target = engine.metric_target(by.actor(), &metric);
    let rows = told(by, entity, query.by.first().copied(), figures).await;
    Ok(CardFigures { metric, target, rows })
}

/// Every choice in its order, also those without records: a funnel with a step left out would lie.
fn in_order_of_choices(entity: &EntityModel, slot: Option<Slot>, figures: Vec<Figured>) -> Vec<Figured> {
    let Some(FieldKind::Choice { choices }) = slot.map(|slot| &entity.fields[slot].kind) else {
        return figures;
    };
    let of = |code: &str| {
        let found = figures.iter().find(|one| one.group.first().and_then(Value::as_text) == Some(code));
        let empty = || Figured { group: vec![Value::text(code)], step: None, figure: Some(0.0) };
        found.cloned().unwrap_or_else(empty)
    };
    choices.iter().filter(|choice| !choice.retired).map(|choice| of(&choice.value)).collect()
}

/// Words for the groups of figures.
async fn told(by: &SignedIn, entity: &EntityModel, slot: Option<Slot>, figures: Vec<Figured>) -> Vec<Told> {
    let Some(slot) = slot else {
        return figures.into_iter().map(|figured| Told { group: None, figured }).collect();
    };
    let field = &entity.fields[slot];
    let titles = titles(by, field, figures.iter().filter_map(|one| one.group.first())).await;
    let words = |figured: Figured| {
        let value = figured.group.first().cloned().unwrap_or(Value::Null);
        let words = words(by, field, &value, &titles);
        Told { group: Some((value, words)), figured }
    };
    figures.into_iter().map(words).collect()
}

type Titles = HashMap<Uuid, String>;

/// Titles of the records that a reference names, as far as the person may read them.
async fn titles(by: &SignedIn, field: &FieldModel, groups: impl Iterator<Item = &Value>) -> Titles {
    let FieldKind::Reference { entity } = &field.kind else { return Titles::new() };
    let engine = &by.tenant.engine;
    let model = engine.model();
    let target = &model.entities[*entity];
    let ids: Vec<Uuid> = groups.filter_map(Value::as_id).take(TITLES_MAX).collect();
    let read = ids.iter().map(|id| engine.read(by.actor(), &target.key, *id));
    let records = join_all(read).await.into_iter().flatten();
    let field = &target.fields[target.title];
    let directory = engine.directory();
    let cx = context(by, &model, &directory);
    records.map(|record| (record.id(), values::display(field, &record.values[field.slot], &cx))).collect()
}

fn context<'a>(
    by: &SignedIn,
    model: &'a mortise_definition::model::Model,
    directory: &'a mortise_engine::Directory,
) -> ValueContext<'a> {
    ValueContext { model, directory, tz: by.user().tz, language: by.language }
}

fn words(by: &SignedIn, field: &FieldModel, value: &Value, titles: &Titles) -> String {
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
fn window(text: &str) -> Result<Window, Failure> {
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

fn given(by: &SignedIn, entity: &EntityModel, slot: Slot, text: &str) -> Result<Value, Failure> {
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

/// `GET /dashboards`.
pub(super) async fn dashboards(by: SignedIn) -> Response {
    let model = by.tenant.engine.model();
    let shown = model.automation.dashboards.values().filter(|dashboard| sees(&by, dashboard));
    let rows: Vec<Json> = shown
        .map(|one| json!({ "key": one.key, "label": one.label.get(by.language), "icon": one.icon }))
        .collect();
    json_answer(&json!({ "rows": rows }))
}

/// `GET /dashboards/{key}`: all cards with their figures; a card that cannot be read has a problem instead.
pub(super) async fn read_dashboard(by: SignedIn, Path(key): Path<String>) -> Result<Response, Failure> {
    let dashboard = dashboard(&by, &key)?;
    let cards = dashboard.cards.iter().map(|one| async {
        let mut told = json!({
            "id": one.id, "label": one.label.get(by.language), "kind": one.kind,
        });
        match &one.shows {
            Shown::Metric(metric) => told["metric"] = json!(metric),
            Shown::Provider(ask) => told["provider"] = json!({ "plugin": ask.plugin, "name": ask.name }),
        }
        match card(&by, one).await {
            Ok(CardContent::Table(table)) => {
                told["columns"] = json!(table.columns);
                told["rows"] = json!(table.rows);
            }
            Ok(CardContent::Figures(figures)) => {
                told["figure"] = json!(figures.metric.figure);
                told["target"] = json!(figures.target);
                told["rows"] = figures.rows.iter().map(|row| row_json(row, &figures, one)).collect();
            }
            Err(failure) => told["problem"] = failure.problem(by.language),
        }
        told
    });
    let cards = join_all(cards).await;
    Ok(json_answer(&json!({
        "key": dashboard.key, "label": dashboard.label.get(by.language), "cards": cards,
    })))
}

fn row_json(row: &Told, figures: &CardFigures, card: &CardModel) -> Json {
    let (value, label) = row.group.as_ref().map(|(value, words)| (values::to_json(value), words)).unzip();
    let mut told = json!({
        "group": value, "label": label, "step": row.figured.step, "figure": row.figured.figure,
    });
    if card.kind == CardKind::Number {
        told["standing"] = json!(standing(row.figured.figure, figures));
    }
    told
}

/// Where a figure of a card stands; none without a target.
pub fn standing(figure: Option<f64>, card: &CardFigures) -> Option<Standing> {
    let metric = &card.metric;
    let (figure, target) = figure.zip(card.target)?;
    Some(Standing::of(figure, target, metric.lower_is_better, metric.amber))
}

/// Whether figures of this kind are shares, which are shown as percent.
pub fn is_percent(metric: &MetricModel) -> bool {
    metric.figure == Figure::Percent
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
