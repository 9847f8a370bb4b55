//! What the cards of dashboards show, over HTTP and for the pages as well, so that both faces tell the same. Each card
//! stands by itself: one that fails leaves the others alone. Figures only: no card asks once per row.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query as Params};
use axum::response::Response;
use futures_util::future::join_all;
use mortise_definition::model::{
    CardModel, DashboardModel, EntityModel, FieldKind, MetricModel, Shown, Slot,
};
use mortise_definition::source::{CardKind, Window};
use mortise_engine::plugins::ProvidedTable;
use mortise_engine::values;
use mortise_engine::{Figured, MetricQuery};
use mortise_expr::Value;
use serde_json::{Value as Json, json};

use super::body::json as json_answer;
use super::metrics::{self, Standing, Titles, dashboard, sees};
use super::records::Pairs;
use crate::{Failure, SignedIn};

/// Most parts of a bar, lines or shapes: more colours cannot be told apart.
const PARTS_MAX: usize = 8;
/// Most columns of a heat map.
const COLUMNS_MAX: usize = 24;
/// Longest value of a filter in an address.
const VALUE_MAX: usize = 200;
/// What parameters that narrow a dashboard begin with: `by.region=32`.
pub const PREFIX: &str = "by.";

/// A figure with the words for its groups.
#[derive(Debug, Clone)]
pub struct Told {
    /// Value of the group, and its words; none for a figure of everything.
    pub group: Option<(Value, String)>,
    /// The same of the second breakdown.
    pub split: Option<(Value, String)>,
    /// What was measured.
    pub figured: Figured,
}

/// What a card shows.
pub enum CardContent {
    /// Figures of a metric.
    Figures(CardFigures),
    /// A table of a plugin.
    Table(Arc<ProvidedTable>),
    /// Records, a form, or what concerns the person: a face shows them in its own way.
    Records,
}

/// The figures of a card.
pub struct CardFigures {
    /// The metric.
    pub metric: Arc<MetricModel>,
    /// What is aimed at; only where the card shows all of it.
    pub target: Option<f64>,
    /// How it was in the span of time before, where the card tells.
    pub before: Option<f64>,
    /// The span of time.
    pub window: Option<Window>,
    /// By what the figures are narrowed.
    pub narrowed: Narrowed,
    /// Its figures.
    pub rows: Vec<Told>,
}

/// What people chose above the cards.
#[derive(Debug, Clone, Default)]
pub struct Narrowing {
    /// Values by the name of the dimension.
    pub by: Vec<(String, String)>,
    /// Another span of time, by its name.
    pub span: Option<(String, Window)>,
}

/// What of it an entity has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Narrowed {
    /// Values of dimensions.
    pub matching: Vec<(Slot, Value)>,
    /// Nodes of trees.
    pub under: Vec<(Slot, String)>,
    /// Something was chosen that this metric does not know.
    pub partly: bool,
}

impl Narrowing {
    /// Reads the parameters of an address; those of other things are left alone.
    pub fn read(dashboard: &DashboardModel, pairs: &[(String, String)]) -> Result<Narrowing, Failure> {
        let mut narrowing = Narrowing::default();
        for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty() && value.len() <= VALUE_MAX) {
            if name == "span" && dashboard.spans {
                narrowing.span = Some((value.clone(), metrics::window(value)?));
            }
            let known = name
                .strip_prefix(PREFIX)
                .filter(|name| dashboard.filters.iter().any(|(filter, _)| filter == name));
            if let Some(name) = known {
                // A dimension has one value: the last one counts.
                narrowing.by.retain(|(other, _)| other != name);
                narrowing.by.push((name.to_owned(), value.clone()));
            }
        }
        Ok(narrowing)
    }

    /// Whether nothing was chosen.
    pub fn is_empty(&self) -> bool {
        self.by.is_empty() && self.span.is_none()
    }

    /// The part of an address behind the question mark; empty when nothing was chosen.
    pub fn query(&self) -> String {
        let by = self.by.iter().map(|(name, value)| (format!("{PREFIX}{name}"), value.as_str()));
        let span = self.span.iter().map(|(name, _)| ("span".to_owned(), name.as_str()));
        serde_urlencoded::to_string(by.chain(span).collect::<Vec<_>>()).unwrap_or_default()
    }

    fn on(&self, by: &SignedIn, entity: &EntityModel, metric: &MetricModel) -> Result<Narrowed, Failure> {
        let mut narrowed = Narrowed::default();
        for (name, text) in &self.by {
            let field = entity.field(name).filter(|field| metric.dimensions.contains(&field.slot));
            let Some(field) = field else {
                narrowed.partly = true;
                continue;
            };
            match field.kind {
                FieldKind::Tree { .. } => narrowed.under.push((field.slot, text.clone())),
                _ => narrowed.matching.push((field.slot, metrics::given(by, entity, field.slot, text)?)),
            }
        }
        Ok(narrowed)
    }
}

/// What a card shows.
pub async fn card(by: &SignedIn, card: &CardModel, narrowing: &Narrowing) -> Result<CardContent, Failure> {
    match &card.shows {
        Shown::Metric(metric) => figures(by, card, metric, narrowing).await.map(CardContent::Figures),
        Shown::Provider(ask) => Ok(CardContent::Table(by.tenant.engine.provided(by.actor(), ask).await?)),
        Shown::View(_) | Shown::Form(_) | Shown::Own => Ok(CardContent::Records),
    }
}

async fn figures(
    by: &SignedIn,
    card: &CardModel,
    key: &str,
    narrowing: &Narrowing,
) -> Result<CardFigures, Failure> {
    let engine = &by.tenant.engine;
    let model = engine.model();
    let metric = model.automation.metrics.get(key).cloned();
    let metric = metric.ok_or_else(|| Failure::not_found("metric.not_found").with("metric", key))?;
    let entity = &model.entities[metric.entity];
    let narrowed = narrowing.on(by, entity, &metric)?;
    // Only what is about a span of time at all can be about another one.
    let window = card.window.map(|own| narrowing.span.as_ref().map_or(own, |(_, span)| *span));
    let query = query(card, &metric, window, &narrowed);
    let (before, figures) = if card.trend {
        let (_, trend) = engine.metric_trend(by.actor(), key, &query).await?;
        (trend.before, vec![Figured { group: Vec::new(), step: None, figure: trend.figure }])
    } else {
        (None, engine.metric(by.actor(), key, &query).await?.1)
    };
    let figures = arranged(card, entity, &metric, figures);
    let target = engine.metric_target(by.actor(), &metric);
    let rows = told(by, entity, card, figures).await;
    Ok(CardFigures { metric, target, before, window, narrowed, rows })
}

/// True for kinds that show one figure.
pub fn is_single(kind: CardKind) -> bool {
    matches!(kind, CardKind::Number | CardKind::Gauge)
}

/// The breakdowns of a card: the first one, and the second.
fn breakdowns(card: &CardModel) -> [Option<Slot>; 2] {
    match card.kind {
        CardKind::Number | CardKind::Gauge => [None, None],
        CardKind::Line => [None, card.split],
        _ => [card.by, card.split],
    }
}

fn smallest_first(card: &CardModel, metric: &MetricModel) -> bool {
    card.kind == CardKind::Leaderboard && metric.lower_is_better
}

fn query(card: &CardModel, metric: &MetricModel, window: Option<Window>, narrowed: &Narrowed) -> MetricQuery {
    let ranked = matches!(card.kind, CardKind::Bar | CardKind::Leaderboard | CardKind::Table);
    let line = card.kind == CardKind::Line;
    MetricQuery {
        by: breakdowns(card).into_iter().flatten().collect(),
        per: line.then_some(card.per),
        window,
        matching: narrowed.matching.clone(),
        under: narrowed.under.clone(),
        uppermost: true,
        even: line,
        best: (ranked && !smallest_first(card, metric)).then_some(card.limit as u64),
    }
}

/// Figures in the order in which the card shows them, and no more than it has room for.
fn arranged(
    card: &CardModel,
    entity: &EntityModel,
    metric: &MetricModel,
    mut figures: Vec<Figured>,
) -> Vec<Figured> {
    if smallest_first(card, metric) {
        figures.sort_by(|a, b| a.figure.unwrap_or(f64::MAX).total_cmp(&b.figure.unwrap_or(f64::MAX)));
        figures.truncate(card.limit);
        return figures;
    }
    match card.kind {
        CardKind::Funnel => in_order_of_choices(entity, card.by, figures),
        CardKind::Line => largest(figures, 0, PARTS_MAX),
        CardKind::Stacked | CardKind::Heat | CardKind::Radar => {
            let columns = if card.kind == CardKind::Heat { COLUMNS_MAX } else { PARTS_MAX };
            let mut figures = largest(largest(figures, 0, card.limit), 1, columns);
            // Choices have an order that people know; what has none stays in that of its figures.
            for (position, slot) in breakdowns(card).into_iter().enumerate().rev() {
                let place =
                    |one: &Figured| one.group.get(position).and_then(|value| order(entity, slot, value));
                figures.sort_by_key(|one| place(one).unwrap_or(usize::MAX));
            }
            figures
        }
        _ => figures,
    }
}

fn order(entity: &EntityModel, slot: Option<Slot>, value: &Value) -> Option<usize> {
    let FieldKind::Choice { choices } = &entity.fields[slot?].kind else { return None };
    let code = value.as_text()?;
    choices.iter().position(|choice| choice.value == code)
}

/// The figures of the groups whose sums are largest.
fn largest(figures: Vec<Figured>, position: usize, most: usize) -> Vec<Figured> {
    let key = |one: &Figured| one.group.get(position).map(|value| format!("{value:?}")).unwrap_or_default();
    let mut sums: HashMap<String, f64> = HashMap::new();
    for one in &figures {
        *sums.entry(key(one)).or_default() += one.figure.unwrap_or(0.0).abs();
    }
    if sums.len() <= most {
        return figures;
    }
    let mut ranked: Vec<(String, f64)> = sums.into_iter().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    ranked.truncate(most);
    figures.into_iter().filter(|one| ranked.iter().any(|(kept, _)| *kept == key(one))).collect()
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

/// Titles of the records that a breakdown names.
async fn names(
    by: &SignedIn,
    entity: &EntityModel,
    figures: &[Figured],
    slot: Option<Slot>,
    position: usize,
) -> Titles {
    let Some(slot) = slot else { return Titles::new() };
    let groups = figures.iter().filter_map(|one| one.group.get(position));
    metrics::titles(by, &entity.fields[slot], groups).await
}

/// Words for the groups of figures.
async fn told(by: &SignedIn, entity: &EntityModel, card: &CardModel, figures: Vec<Figured>) -> Vec<Told> {
    let [first, second] = breakdowns(card);
    // The second breakdown is the first of a line.
    let after = usize::from(first.is_some());
    let titles = names(by, entity, &figures, first, 0).await;
    let parts = names(by, entity, &figures, second, after).await;
    let words = |slot: Option<Slot>, value: Option<&Value>, titles: &Titles| {
        let value = value.cloned().unwrap_or(Value::Null);
        slot.map(|slot| (value.clone(), metrics::words(by, &entity.fields[slot], &value, titles)))
    };
    let one = |figured: &Figured| Told {
        group: words(first, figured.group.first(), &titles),
        split: words(second, figured.group.get(after), &parts),
        figured: figured.clone(),
    };
    figures.iter().map(one).collect()
}

/// `GET /dashboards`.
pub(super) async fn list(by: SignedIn) -> Response {
    let model = by.tenant.engine.model();
    let shown = model.automation.dashboards.values().filter(|dashboard| sees(&by, dashboard));
    let rows: Vec<Json> = shown
        .map(|one| {
            json!({ "key": one.key, "label": one.label.get(by.language), "icon": one.icon, "home": one.home })
        })
        .collect();
    json_answer(&json!({ "rows": rows }))
}

/// `GET /dashboards/{key}?by.<dimension>=&span=`: all cards with their figures; a card that cannot be read has a problem
/// instead. Cards without figures say what they show.
pub(super) async fn read(
    by: SignedIn,
    Path(key): Path<String>,
    Params(pairs): Pairs,
) -> Result<Response, Failure> {
    let dashboard = dashboard(&by, &key)?;
    let narrowing = Narrowing::read(&dashboard, &pairs)?;
    let cards = dashboard.cards.iter().map(|one| async {
        let mut told = json!({
            "id": one.id, "label": one.label.get(by.language), "kind": one.kind,
        });
        match &one.shows {
            Shown::Metric(metric) => told["metric"] = json!(metric),
            Shown::Provider(ask) => told["provider"] = json!({ "plugin": ask.plugin, "name": ask.name }),
            Shown::View(view) => told["view"] = json!(view),
            Shown::Form(form) => told["form"] = json!(form),
            Shown::Own => {}
        }
        match card(&by, one, &narrowing).await {
            Ok(CardContent::Records) => {}
            Ok(CardContent::Table(table)) => {
                told["columns"] = json!(table.columns);
                told["rows"] = json!(table.rows);
            }
            Ok(CardContent::Figures(figures)) => {
                told["figure"] = json!(figures.metric.figure);
                told["target"] = json!(figures.target);
                if one.trend {
                    told["before"] = json!(figures.before);
                }
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
    if let Some((value, words)) = &row.split {
        told["split"] = values::to_json(value);
        told["split_label"] = json!(words);
    }
    if is_single(card.kind) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn figured(group: &[&str], figure: f64) -> Figured {
        let group = group.iter().map(|text| Value::text(*text)).collect();
        Figured { group, step: None, figure: Some(figure) }
    }

    #[test]
    fn groups_with_the_largest_sums_are_kept_in_their_order() {
        let figures = vec![
            figured(&["a", "x"], 1.0),
            figured(&["b", "x"], 5.0),
            figured(&["c", "y"], 4.0),
            figured(&["a", "y"], 2.0),
        ];
        let kept = largest(figures.clone(), 0, 2);
        assert_eq!(kept, [figures[1].clone(), figures[2].clone()]);
        assert_eq!(largest(figures.clone(), 0, 3), figures);
        assert_eq!(largest(figures.clone(), 1, 1), [figures[0].clone(), figures[1].clone()]);
    }

    #[test]
    fn what_was_chosen_can_be_put_into_an_address() {
        let narrowing = Narrowing {
            by: vec![("region".to_owned(), "32".to_owned())],
            span: Some(("30d".to_owned(), Window::Days { days: 30 })),
        };
        assert_eq!(narrowing.query(), "by.region=32&span=30d");
        assert!(Narrowing::default().query().is_empty() && Narrowing::default().is_empty());
    }
}
