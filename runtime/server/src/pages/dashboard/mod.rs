//! Dashboards: a page of cards, each of which asks for its own figures, so that a slow or broken one leaves the others
//! alone. What a card shows is worked out by the function that the API uses as well. The first page of a role may be one.

mod drill;
mod figures;
mod narrow;
mod own;
mod words;

use std::sync::Arc;

use axum::extract::Path;
use axum::response::Response;
use mortise_definition::model::{CardModel, DashboardModel, MeasureModel, Model, Shown};
use mortise_definition::source::{CardKind, Figure};
use mortise_engine::plugins::{ProvidedColumn, ProvidedTable};
use serde::Serialize;
use serde_json::json;

use self::drill::Spot;
use self::figures::{Grid, Row, TrendWords};
use self::narrow::Choices;
use self::own::{Entry, Own};
use super::visit::Visit;
use crate::api::cards::{self, CardContent, CardFigures, Narrowing};
use crate::api::metrics::{self, Standing};
use crate::{Failure, SignedIn};

#[derive(Serialize)]
struct Page {
    dashboard: Dashboard,
}

/// A dashboard whose cards have not asked for their figures yet.
#[derive(Serialize)]
pub(super) struct Dashboard {
    app: String,
    label: String,
    icon: String,
    /// Its address, without what was chosen.
    href: String,
    choices: Option<Choices>,
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
    /// A form needs no figures.
    entry: Option<Entry>,
}

/// A card with its figures.
#[derive(Serialize)]
struct Card {
    id: String,
    kind: CardKind,
    label: String,
    width: u8,
    href: String,
    /// Keys of the kinds of records whose changes change it.
    follows: String,
    description: Option<String>,
    window: Option<String>,
    /// What was chosen above the cards does not reach this one.
    partly: bool,
    problem: Option<Problem>,
    number: Option<String>,
    target: Option<String>,
    standing: Option<Standing>,
    trend: Option<TrendWords>,
    heading: String,
    rows: Vec<Row>,
    /// Figures by two breakdowns.
    grid: Option<Grid>,
    /// What a plugin brought.
    table: Option<Brought>,
    /// Records, a form, what changed.
    own: Option<Own>,
    /// What the script draws.
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

/// `GET /dashboards/{key}`.
pub(super) async fn show(visit: Visit, Path(key): Path<String>) -> Result<Response, Failure> {
    let found = metrics::dashboard(&visit.by, &key)?;
    let label = found.label.get(visit.language).to_owned();
    let dashboard = frames(&visit, &found, &format!("/dashboards/{key}")).await?;
    visit.page("dashboard.html", &label, Page { dashboard })
}

/// The frames of a dashboard that is shown at an address (a path without base).
pub(super) async fn frames(
    visit: &Visit,
    found: &DashboardModel,
    address: &str,
) -> Result<Dashboard, Failure> {
    let narrowing = Narrowing::read(found, &visit.look.params)?;
    let model = visit.tenant.engine.model();
    let mut cards = Vec::with_capacity(found.cards.len());
    for card in &found.cards {
        let entry = match &card.shows {
            // One that cannot be drawn asks like the others, and tells what is wrong.
            Shown::Form(key) => own::entry(visit, key).await.ok(),
            _ => None,
        };
        cards.push(Frame {
            id: card.id.clone(),
            label: card.label.get(visit.language).to_owned(),
            kind: card.kind,
            width: card.width.clamp(1, 12),
            href: card_address(visit, found, card, &narrowing),
            entry,
        });
    }
    Ok(Dashboard {
        app: model.apps[found.app].label.get(visit.language).to_owned(),
        label: found.label.get(visit.language).to_owned(),
        icon: found.icon.clone(),
        href: visit.base.path(address),
        choices: narrow::choices(visit, found, &narrowing).await,
        cards,
    })
}

/// The dashboard that is the first page of the person's roles: of several, the first of the app that stands on the others.
pub(super) fn home(by: &SignedIn) -> Option<Arc<DashboardModel>> {
    let roles = &by.user().roles;
    // Administrators see everything, but only what is for their own roles is their home.
    let own = |dashboard: &&Arc<DashboardModel>| {
        dashboard.roles.is_empty() || dashboard.roles.iter().any(|role| roles.contains(role))
    };
    let model = by.tenant.engine.model();
    let homes = model.automation.dashboards.values().filter(|dashboard| dashboard.home).filter(own);
    // Of equal ones this finds the first.
    homes.min_by_key(|dashboard| std::cmp::Reverse(dashboard.app)).cloned()
}

fn card_address(
    visit: &Visit,
    dashboard: &DashboardModel,
    card: &CardModel,
    narrowing: &Narrowing,
) -> String {
    let path = format!("/dashboards/{}/{}", dashboard.key, card.id);
    let query = narrowing.query();
    visit.base.path(&if query.is_empty() { path } else { format!("{path}?{query}") })
}

/// `GET /dashboards/{key}/{card}`: a card, as a part of the page. What goes wrong is told inside of it.
pub(super) async fn card(
    mut visit: Visit,
    Path((key, card)): Path<(String, String)>,
) -> Result<Response, Failure> {
    // A message is for the next page, not for a card that comes in between.
    visit.look.flash = None;
    let dashboard = metrics::dashboard(&visit.by, &key)?;
    let card = dashboard.cards.iter().find(|known| known.id == card);
    let card = card.ok_or_else(|| Failure::not_found("dashboard.not_found").with("dashboard", &key))?;
    let narrowing = Narrowing::read(&dashboard, &visit.look.params)?;
    let href = card_address(&visit, &dashboard, card, &narrowing);
    let told = match content(&visit, card, &narrowing, &href).await {
        Ok(told) => told,
        Err(failure) => {
            if let Some(cause) = failure.log() {
                tracing::error!(code = failure.code(), cause, card = card.id, "a card could not be read");
            }
            failed(&visit, card, &failure, href)
        }
    };
    visit.page("card.html", card.label.get(visit.language), json!({ "card": told }))
}

async fn content(
    visit: &Visit,
    card: &CardModel,
    narrowing: &Narrowing,
    href: &str,
) -> Result<Card, Failure> {
    let bare = bare(visit, card, href.to_owned());
    Ok(match cards::card(&visit.by, card, narrowing).await? {
        CardContent::Figures(figures) => tell(visit, card, &figures, bare),
        CardContent::Table(table) => Card { table: Some(brought(&table)), ..bare },
        CardContent::Records => Card { own: Some(own::read(visit, card).await?), ..bare },
    })
}

fn failed(visit: &Visit, card: &CardModel, failure: &Failure, href: String) -> Card {
    let problem = Problem { title: failure.title(visit.language), hint: failure.hint(visit.language) };
    Card { problem: Some(problem), ..bare(visit, card, href) }
}

fn bare(visit: &Visit, card: &CardModel, href: String) -> Card {
    let model = visit.tenant.engine.model();
    Card {
        id: card.id.clone(),
        kind: card.kind,
        label: card.label.get(visit.language).to_owned(),
        width: card.width.clamp(1, 12),
        href,
        follows: follows(visit, &model, card).join(" "),
        description: None,
        window: None,
        partly: false,
        problem: None,
        number: None,
        target: None,
        standing: None,
        trend: None,
        heading: String::new(),
        rows: Vec::new(),
        grid: None,
        table: None,
        own: None,
        data: None,
        records: None,
    }
}

/// Keys of the entities whose changes change a card.
fn follows(visit: &Visit, model: &Model, card: &CardModel) -> Vec<String> {
    let Shown::Metric(key) = &card.shows else { return own::entities(visit, model, card) };
    let metrics = &model.automation.metrics;
    let Some(metric) = metrics.get(key) else { return Vec::new() };
    let parts = match &metric.measure {
        MeasureModel::Ratio { of, to, .. } => vec![metrics.get(of), metrics.get(to)],
        _ => vec![Some(metric)],
    };
    let mut keys: Vec<String> =
        parts.into_iter().flatten().map(|part| model.entities[part.entity].key.clone()).collect();
    keys.dedup();
    keys
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
            format!("{}%", words::decimals(share.as_f64().unwrap_or(0.0) * 100.0, 1))
        }
        (serde_json::Value::Number(value), kind) if number(kind) => {
            words::decimals(value.as_f64().unwrap_or(0.0), 2)
        }
        (other, _) => other.to_string(),
    };
    let rows = table.rows.iter().map(|row| row.iter().zip(&table.columns).map(cell).collect());
    Brought { rows: rows.collect(), columns }
}

/// The figures of a card in words.
fn tell(visit: &Visit, card: &CardModel, figures: &CardFigures, bare: Card) -> Card {
    let metric = &figures.metric;
    let description = metric.description.as_ref().map(|text| text.get(visit.language).to_owned());
    // A target is one for everything, or one for each where it is a share.
    let whole =
        cards::is_single(card.kind) || card.kind == CardKind::Line || metric.figure == Figure::Percent;
    let target = figures
        .target
        .filter(|_| whole)
        .map(|target| visit.t("dashboard.target", &[("target", &words::figure(visit, metric, target))]));
    let described = Card {
        description,
        window: figures.window.map(|window| words::window_words(visit, window)),
        partly: figures.narrowed.partly,
        target,
        ..bare
    };
    match cards::is_single(card.kind) {
        true => single(visit, card, figures, described),
        false => several(visit, card, figures, described),
    }
}

/// A card with one figure.
fn single(visit: &Visit, card: &CardModel, figures: &CardFigures, described: Card) -> Card {
    let first = figures.rows.first().and_then(|row| row.figured.figure);
    let standing = cards::standing(first, figures);
    let dial = (card.kind == CardKind::Gauge).then(|| figures::dial(visit, figures, standing)).flatten();
    Card {
        number: first.map(|first| words::figure(visit, &figures.metric, first)),
        standing,
        trend: figures::trend(visit, card, figures),
        data: dial.map(|dial| dial.to_string()),
        records: drill::records(visit, card, figures, Spot::default()),
        ..described
    }
}

/// A card with figures by groups or steps of time.
fn several(visit: &Visit, card: &CardModel, figures: &CardFigures, described: Card) -> Card {
    let model = visit.tenant.engine.model();
    let entity = &model.entities[figures.metric.entity];
    let grid = Grid::of(visit, card, figures);
    let drawn = !matches!(card.kind, CardKind::Leaderboard | CardKind::Table) && !grid.is_empty();
    let crossed = Grid::is_crossed(card) && !grid.is_empty();
    Card {
        heading: match card.by {
            Some(slot) => words::dimension(visit, entity, slot),
            None => visit.t("dashboard.step", &[]),
        },
        data: drawn.then(|| grid.drawing(card, figures).to_string()),
        rows: if crossed { Vec::new() } else { grid.rows(card, figures) },
        grid: crossed.then_some(grid),
        ..described
    }
}
