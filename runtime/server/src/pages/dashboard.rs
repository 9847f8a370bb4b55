//! Dashboards: a page of cards, each of which asks for its own figures, so that a slow or broken one leaves the others
//! alone. What a card shows is worked out by the function that the API uses as well.

use axum::extract::Path;
use axum::response::Response;
use chrono::TimeDelta;
use mortise_definition::model::{CardModel, FieldKind, MeasureModel, MetricModel};
use mortise_definition::source::{CardKind, Figure, Window};
use mortise_engine::plugins::{ProvidedColumn, ProvidedTable};
use mortise_engine::values;
use mortise_expr::{Expression, Value};
use serde::Serialize;
use serde_json::json;

use super::record::course::length;
use super::shell::entity_path;
use super::show::grouped;
use super::visit::Visit;
use crate::Failure;
use crate::api::metrics::{self, CardContent, CardFigures, Standing, Told};

#[derive(Serialize)]
struct Page {
    dashboard: Dashboard,
}

#[derive(Serialize)]
struct Dashboard {
    app: String,
    label: String,
    icon: String,
    cards: Vec<Frame>,
}

/// A card that has not asked for its figures yet.
#[derive(Serialize)]
struct Frame {
    id: String,
    label: String,
    kind: CardKind,
    width: u8,
    href: String,
}

/// A card with its figures.
#[derive(Serialize)]
struct Card {
    id: String,
    kind: CardKind,
    label: String,
    width: u8,
    href: String,
    description: Option<String>,
    window: Option<String>,
    problem: Option<Problem>,
    number: Option<String>,
    target: Option<String>,
    standing: Option<Standing>,
    heading: String,
    rows: Vec<Row>,
    /// What a plugin brought.
    table: Option<Brought>,
    /// The same for the script that draws.
    data: Option<String>,
    records: Option<String>,
}

/// A table that a plugin brought.
#[derive(Serialize)]
struct Brought {
    columns: Vec<BroughtColumn>,
    rows: Vec<Vec<String>>,
}

#[derive(Serialize)]
struct BroughtColumn {
    label: String,
    /// Numbers stand at the right.
    number: bool,
}

#[derive(Serialize)]
struct Problem {
    title: String,
    hint: String,
}

#[derive(Serialize)]
struct Row {
    label: String,
    value: String,
    /// Length of the bar beside it, in percent of the longest.
    share: u8,
    of_first: Option<String>,
    standing: Option<Standing>,
    href: Option<String>,
}

/// `GET /dashboards/{key}`.
pub(super) async fn show(visit: Visit, Path(key): Path<String>) -> Result<Response, Failure> {
    let found = metrics::dashboard(&visit.by, &key)?;
    let model = visit.tenant.engine.model();
    let label = found.label.get(visit.language).to_owned();
    let frame = |card: &CardModel| Frame {
        id: card.id.clone(),
        label: card.label.get(visit.language).to_owned(),
        kind: card.kind,
        width: card.width.clamp(1, 12),
        href: visit.base.path(&format!("/dashboards/{key}/{}", card.id)),
    };
    let dashboard = Dashboard {
        app: model.apps[found.app].label.get(visit.language).to_owned(),
        label: label.clone(),
        icon: found.icon.clone(),
        cards: found.cards.iter().map(frame).collect(),
    };
    visit.page("dashboard.html", &label, Page { dashboard })
}

/// `GET /dashboards/{key}/{card}`: a card, as a part of the page. What goes wrong is told inside of it.
pub(super) async fn card(
    visit: Visit,
    Path((key, card)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let dashboard = metrics::dashboard(&visit.by, &key)?;
    let card = dashboard.cards.iter().find(|known| known.id == card);
    let card = card.ok_or_else(|| Failure::not_found("dashboard.not_found").with("dashboard", &key))?;
    let href = visit.base.path(&format!("/dashboards/{key}/{}", card.id));
    let told = match metrics::card(&visit.by, card).await {
        Ok(CardContent::Figures(figures)) => tell(&visit, card, &figures, href),
        Ok(CardContent::Table(table)) => Card { table: Some(brought(&table)), ..bare(&visit, card, href) },
        Err(failure) => {
            if let Some(cause) = failure.log() {
                tracing::error!(code = failure.code(), cause, card = card.id, "a card could not be read");
            }
            failed(&visit, card, &failure, href)
        }
    };
    visit.page("card.html", card.label.get(visit.language), json!({ "card": told }))
}

fn failed(visit: &Visit, card: &CardModel, failure: &Failure, href: String) -> Card {
    let problem = Problem { title: failure.title(visit.language), hint: failure.hint(visit.language) };
    Card { problem: Some(problem), ..bare(visit, card, href) }
}

fn bare(visit: &Visit, card: &CardModel, href: String) -> Card {
    Card {
        id: card.id.clone(),
        kind: card.kind,
        label: card.label.get(visit.language).to_owned(),
        width: card.width.clamp(1, 12),
        href,
        description: None,
        window: None,
        problem: None,
        number: None,
        target: None,
        standing: None,
        heading: String::new(),
        rows: Vec::new(),
        table: None,
        data: None,
        records: None,
    }
}

/// The words of a table that a plugin brought.
fn brought(table: &ProvidedTable) -> Brought {
    let number = |kind: &str| matches!(kind, "integer" | "decimal" | "float" | "percent");
    let columns: Vec<BroughtColumn> = table
        .columns
        .iter()
        .map(|column| BroughtColumn { label: column.label.clone(), number: number(&column.kind) })
        .collect();
    let cell = |(value, column): (&serde_json::Value, &ProvidedColumn)| match (value, column.kind.as_str()) {
        (serde_json::Value::Null, _) => "—".to_owned(),
        (serde_json::Value::String(text), _) => text.clone(),
        (serde_json::Value::Number(share), "percent") => {
            format!("{}%", decimals(share.as_f64().unwrap_or(0.0) * 100.0, 1))
        }
        (serde_json::Value::Number(value), kind) if number(kind) => {
            decimals(value.as_f64().unwrap_or(0.0), 2)
        }
        (other, _) => other.to_string(),
    };
    let rows = table.rows.iter().map(|row| row.iter().zip(&table.columns).map(cell).collect());
    Brought { rows: rows.collect(), columns }
}

fn tell(visit: &Visit, card: &CardModel, figures: &CardFigures, href: String) -> Card {
    let metric = &figures.metric;
    let description = metric.description.as_ref().map(|text| text.get(visit.language).to_owned());
    let words = |figure: Option<f64>| figure.map(|figure| figure_words(visit, metric, figure));
    let first = figures.rows.first().and_then(|row| row.figured.figure);
    let number = (card.kind == CardKind::Number).then(|| words(first)).flatten();
    let whole = matches!(card.kind, CardKind::Number | CardKind::Line) || metric.figure == Figure::Percent;
    let rows = if card.kind == CardKind::Number { Vec::new() } else { rows(visit, card, figures) };
    let drawn = matches!(card.kind, CardKind::Line | CardKind::Bar | CardKind::Funnel) && !rows.is_empty();
    Card {
        description,
        window: card.window.or(metric.window).map(|window| window_words(visit, window)),
        number,
        target: figures
            .target
            .filter(|_| whole)
            .map(|target| visit.t("dashboard.target", &[("target", &figure_words(visit, metric, target))])),
        standing: (card.kind == CardKind::Number).then(|| metrics::standing(first, figures)).flatten(),
        heading: heading(visit, card, metric),
        data: drawn.then(|| drawing(card, figures, &rows).to_string()),
        records: matches!(card.kind, CardKind::Number | CardKind::Line)
            .then(|| records(visit, card, metric, None))
            .flatten(),
        rows,
        ..bare(visit, card, href)
    }
}

fn heading(visit: &Visit, card: &CardModel, metric: &MetricModel) -> String {
    let model = visit.tenant.engine.model();
    match card.by {
        Some(slot) => {
            let field = &model.entities[metric.entity].fields[slot];
            match field.kind {
                FieldKind::System => visit.t(&format!("field.{}", field.name), &[]),
                _ => field.label.get(visit.language).to_owned(),
            }
        }
        None => visit.t("dashboard.step", &[]),
    }
}

fn rows(visit: &Visit, card: &CardModel, figures: &CardFigures) -> Vec<Row> {
    let metric = &figures.metric;
    let of = |row: &Told| row.figured.figure.unwrap_or(0.0);
    let longest = figures.rows.iter().map(of).fold(0.0_f64, f64::max);
    let first = figures.rows.first().map_or(0.0, of);
    // Where a later stage holds more than the first, stages tell what is in them now, not what has come as far: then a
    // share is one of all.
    let whole = if longest > first { figures.rows.iter().map(of).sum() } else { first };
    let of_first = |row: &Told| {
        let share = (card.kind == CardKind::Funnel && whole > 0.0).then(|| of(row) / whole * 100.0);
        share.map(|share| format!("{}%", decimals(share, 0)))
    };
    let row = |row: &Told| Row {
        label: match (&row.group, row.figured.step) {
            (Some((_, words)), _) if !words.is_empty() => words.clone(),
            (None, Some(day)) => day.format("%Y-%m-%d").to_string(),
            _ => visit.t("dashboard.nobody", &[]),
        },
        value: row
            .figured
            .figure
            .map_or_else(|| "—".to_owned(), |figure| figure_words(visit, metric, figure)),
        share: percent(of(row), longest),
        of_first: of_first(row),
        standing: match card.kind {
            CardKind::Leaderboard | CardKind::Table => metrics::standing(row.figured.figure, figures),
            _ => None,
        },
        href: row
            .group
            .as_ref()
            .and_then(|(value, _)| records(visit, card, metric, card.by.zip(Some(value)))),
    };
    figures.rows.iter().map(row).collect()
}

/// A share in percent, 0 to 100.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was cut to 0 to 100")]
fn percent(part: f64, whole: f64) -> u8 {
    if whole <= 0.0 { 0 } else { (part / whole * 100.0).clamp(0.0, 100.0).round() as u8 }
}

/// What the script needs to draw a card.
fn drawing(card: &CardModel, figures: &CardFigures, rows: &[Row]) -> serde_json::Value {
    let values: Vec<Option<f64>> = figures.rows.iter().map(|row| row.figured.figure).collect();
    let target = figures.target.filter(|_| card.kind == CardKind::Line);
    let words = |row: &Row| match &row.of_first {
        Some(share) => format!("{} · {share}", row.value),
        None => row.value.clone(),
    };
    json!({
        "kind": card.kind,
        "percent": metrics::is_percent(&figures.metric),
        "labels": rows.iter().map(|row| &row.label).collect::<Vec<_>>(),
        "words": rows.iter().map(words).collect::<Vec<_>>(),
        "links": rows.iter().map(|row| &row.href).collect::<Vec<_>>(),
        "values": values,
        "target": target,
    })
}

/// The list of the records behind a figure: with the filter of its metric, its span of time and its group. None where the
/// list could not show just those: a filter over settings, or records of two metrics.
fn records(
    visit: &Visit,
    card: &CardModel,
    metric: &MetricModel,
    group: Option<(usize, &Value)>,
) -> Option<String> {
    let model = visit.tenant.engine.model();
    let entity = &model.entities[metric.entity];
    model.views_of(entity).next()?;
    let filter = metric.filter.as_ref().map(Expression::source);
    if filter.is_some_and(|filter| filter.contains("settings."))
        || matches!(metric.measure, MeasureModel::Ratio { .. })
    {
        return None;
    }
    let mut params = vec![("view".to_owned(), "-".to_owned())];
    params.extend(filter.map(|filter| ("filter".to_owned(), filter.to_owned())));
    if let Some(window) = card.window.or(metric.window) {
        let since = visit.tenant.engine.window_start(window);
        params.push((format!("where.{}.gte", entity.fields[metric.time].name), since.to_rfc3339()));
    }
    if let Some((slot, value)) = group {
        let name = &entity.fields[slot].name;
        params.push(match value {
            Value::Null => (format!("where.{name}.empty"), "true".to_owned()),
            value => (format!("where.{name}"), wire(value)),
        });
    }
    let query = serde_urlencoded::to_string(&params).ok()?;
    Some(visit.base.path(&format!("{}?{query}", entity_path(&model, entity))))
}

fn wire(value: &Value) -> String {
    match values::to_json(value) {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

fn window_words(visit: &Visit, window: Window) -> String {
    let name = match window {
        Window::Today => "today",
        Window::Week => "week",
        Window::Month => "month",
        Window::Quarter => "quarter",
        Window::Year => "year",
        Window::Days { days } => {
            return visit.t("dashboard.window.days", &[("count", &days.to_string())]);
        }
    };
    visit.t(&format!("dashboard.window.{name}"), &[])
}

/// A figure as people read it.
fn figure_words(visit: &Visit, metric: &MetricModel, figure: f64) -> String {
    match metric.figure {
        Figure::Percent => format!("{}%", decimals(figure * 100.0, 1)),
        #[expect(clippy::cast_possible_truncation, reason = "a length of time in seconds fits")]
        Figure::Duration => length(visit, TimeDelta::try_seconds(figure as i64).unwrap_or_default()),
        Figure::Money => decimals(figure, 2),
        Figure::Number => decimals(figure, if figure.abs() < 100.0 { 1 } else { 0 }),
    }
}

/// A number with thousands and at most so many decimals, without idle zeros.
fn decimals(number: f64, most: usize) -> String {
    let text = format!("{number:.most$}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
    let sign = if number < 0.0 && !whole.starts_with('-') && rest.bytes().any(|byte| byte != b'0') {
        "-"
    } else {
        ""
    };
    match rest.trim_end_matches('0') {
        "" => whole,
        rest => format!("{sign}{whole}.{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{decimals, percent};

    #[test]
    fn figures_have_thousands_and_no_idle_zeros() {
        assert_eq!(decimals(1_234_567.0, 0), "1,234,567");
        assert_eq!(decimals(12.30, 2), "12.3");
        assert_eq!(decimals(99.96, 1), "100");
        assert_eq!(decimals(-0.5, 1), "-0.5");
        assert_eq!(decimals(-12.5, 1), "-12.5");
    }

    #[test]
    fn shares_stay_within_their_bar() {
        assert_eq!(
            [percent(5.0, 10.0), percent(20.0, 10.0), percent(-1.0, 10.0), percent(1.0, 0.0)],
            [50, 100, 0, 0]
        );
    }
}
