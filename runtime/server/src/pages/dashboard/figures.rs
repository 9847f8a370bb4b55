//! The figures of a card in words and as the script draws them. Everything that is drawn stands there in words as well,
//! and every figure leads to its records.

use mortise_definition::model::{CardModel, FieldKind, MetricModel, Slot};
use mortise_definition::source::{CardKind, Figure};
use mortise_expr::Value;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::drill::{self, Spot};
use super::words;
use crate::api::cards::{self, CardFigures, Told};
use crate::api::metrics::Standing;
use crate::pages::visit::Visit;

/// How a figure has changed since the span of time before.
#[derive(Serialize)]
pub(super) struct TrendWords {
    /// `up`, `down` or `same`.
    direction: &'static str,
    /// `green` where that is good, `red` where it is not.
    standing: Option<Standing>,
    text: String,
    /// Compared with what.
    than: String,
}

/// A row of a card with one breakdown.
#[derive(Serialize)]
pub(super) struct Row {
    label: String,
    value: String,
    /// Length of the bar beside it, in percent of the longest.
    share: u8,
    of_first: Option<String>,
    standing: Option<Standing>,
    href: Option<String>,
}

/// Figures by two breakdowns; one part where there is one only.
#[derive(Serialize)]
pub(super) struct Grid {
    heads: Vec<Head>,
    parts: Vec<String>,
    /// Colours that the definition gives to the parts.
    #[serde(skip)]
    tones: Vec<Option<String>>,
}

#[derive(Serialize)]
struct Head {
    label: String,
    cells: Vec<Cell>,
    #[serde(skip)]
    code: Option<String>,
    #[serde(skip)]
    key: String,
}

#[derive(Serialize, Clone, Default)]
struct Cell {
    /// None where there is no figure.
    value: Option<String>,
    href: Option<String>,
    #[serde(skip)]
    figure: Option<f64>,
}

impl Grid {
    /// Whether there is nothing to show.
    pub(super) fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Whether it has two breakdowns.
    pub(super) fn is_crossed(card: &CardModel) -> bool {
        card.split.is_some()
    }

    /// The figures of a card, in the order in which they came.
    pub(super) fn of(visit: &Visit, card: &CardModel, figures: &CardFigures) -> Grid {
        let mut grid = Grid { heads: Vec::new(), parts: Vec::new(), tones: Vec::new() };
        let key = |group: Option<&(Value, String)>, row: &Told| {
            format!("{:?}{:?}", group.map(|(value, _)| value), row.figured.step)
        };
        let part = |row: &Told| words::group(visit, row.split.as_ref());
        let mut parts: Vec<(usize, String, Option<String>)> = Vec::new();
        for row in &figures.rows {
            let name = part(row);
            if !parts.iter().any(|(_, known, _)| *known == name) {
                let (at, tone) = choice(visit, card, figures, row);
                parts.push((at, name, tone));
            }
        }
        parts.sort_by_key(|(at, ..)| *at);
        for (_, name, tone) in parts {
            grid.parts.push(name);
            grid.tones.push(tone);
        }
        let width = grid.parts.len();
        for row in &figures.rows {
            let head = key(row.group.as_ref(), row);
            let at = grid.heads.iter().position(|known| known.key == head).unwrap_or_else(|| {
                grid.heads.push(Head::of(visit, row, head, width));
                grid.heads.len() - 1
            });
            let name = part(row);
            if let Some(column) = grid.parts.iter().position(|known| *known == name) {
                grid.heads[at].cells[column] = cell(visit, card, figures, row);
            }
        }
        grid
    }

    /// What the script needs to draw the card.
    pub(super) fn drawing(&self, card: &CardModel, figures: &CardFigures) -> Json {
        let all = |of: fn(&Cell) -> Json, part: usize| -> Vec<Json> {
            self.heads.iter().map(|head| of(&head.cells[part])).collect()
        };
        let series = |(part, name): (usize, &String)| {
            json!({
                "name": name,
                "tone": self.tones.get(part),
                "values": all(|cell| json!(cell.figure), part),
                "words": self.told(card, part),
                "links": all(|cell| json!(cell.href), part),
            })
        };
        let lines = card.kind == CardKind::Line;
        json!({
            "kind": card.kind,
            "percent": figures.metric.figure == Figure::Percent,
            "crossed": Self::is_crossed(card),
            "labels": self.heads.iter().map(|head| &head.label).collect::<Vec<_>>(),
            "codes": self.heads.iter().map(|head| &head.code).collect::<Vec<_>>(),
            "series": self.parts.iter().enumerate().map(series).collect::<Vec<_>>(),
            "target": figures.target.filter(|_| lines),
        })
    }

    /// What the shares of a funnel are of. Where a later stage holds more than the first, stages tell what is in them now,
    /// not what has come as far: then it is all of them.
    fn whole(&self) -> f64 {
        let longest = self.heads.iter().map(Head::first).fold(0.0_f64, f64::max);
        let first = self.heads.first().map_or(0.0, Head::first);
        if longest > first { self.heads.iter().map(Head::first).sum() } else { first }
    }

    /// The words beside what is drawn; of a funnel with their shares.
    fn told(&self, card: &CardModel, part: usize) -> Vec<Option<String>> {
        let whole = self.whole();
        let words = |head: &Head| {
            let cell = &head.cells[part];
            let value = cell.value.clone()?;
            match cell.figure.filter(|_| card.kind == CardKind::Funnel && whole > 0.0) {
                Some(figure) => Some(format!("{value} · {}%", words::decimals(figure / whole * 100.0, 0))),
                None => Some(value),
            }
        };
        self.heads.iter().map(words).collect()
    }

    /// The rows of a card with one breakdown.
    pub(super) fn rows(&self, card: &CardModel, figures: &CardFigures) -> Vec<Row> {
        let of = Head::first;
        let longest = self.heads.iter().map(of).fold(0.0_f64, f64::max);
        let whole = self.whole();
        let ranked = matches!(card.kind, CardKind::Leaderboard | CardKind::Table);
        let row = |head: &Head| {
            let cell = head.cells.first().cloned().unwrap_or_default();
            let share = (card.kind == CardKind::Funnel && whole > 0.0).then(|| of(head) / whole * 100.0);
            Row {
                label: head.label.clone(),
                share: words::percent(of(head), longest),
                of_first: share.map(|share| format!("{}%", words::decimals(share, 0))),
                standing: cards::standing(cell.figure, figures).filter(|_| ranked),
                value: cell.value.unwrap_or_else(|| "—".to_owned()),
                href: cell.href,
            }
        };
        self.heads.iter().map(row).collect()
    }
}

impl Head {
    fn first(&self) -> f64 {
        self.cells.first().and_then(|cell| cell.figure).unwrap_or(0.0)
    }

    fn of(visit: &Visit, row: &Told, key: String, width: usize) -> Head {
        let code = row.group.as_ref().and_then(|(value, _)| value.as_text());
        Head {
            label: match row.figured.step {
                Some(day) => day.format("%Y-%m-%d").to_string(),
                None => words::group(visit, row.group.as_ref()),
            },
            cells: vec![Cell::default(); width],
            // The last part of a path is the node itself.
            code: code.and_then(|code| code.rsplit('/').next()).map(str::to_owned),
            key,
        }
    }
}

/// The place and the colour of a part among the choices of its field; behind them where it is none.
fn choice(visit: &Visit, card: &CardModel, figures: &CardFigures, row: &Told) -> (usize, Option<String>) {
    let model = visit.tenant.engine.model();
    let entity = &model.entities[figures.metric.entity];
    let choices = match card.split.map(|slot| &entity.fields[slot].kind) {
        Some(FieldKind::Choice { choices }) => choices.as_slice(),
        _ => return (0, None),
    };
    let value = row.split.as_ref().and_then(|(value, _)| value.as_text());
    let at = choices.iter().position(|choice| value == Some(choice.value.as_str()));
    at.map_or((choices.len(), None), |at| (at, choices[at].color.clone()))
}

fn cell(visit: &Visit, card: &CardModel, figures: &CardFigures, row: &Told) -> Cell {
    let on = |slot: Option<Slot>, found: &'_ Option<(Value, String)>| -> Option<(Slot, Value)> {
        let (value, _) = found.as_ref()?;
        Some((slot?, value.clone()))
    };
    let (first, second) = (on(card.by, &row.group), on(card.split, &row.split));
    let groups = [&first, &second].map(|one| one.as_ref().map(|(slot, value)| (*slot, value)));
    let spot = Spot { groups, step: row.figured.step };
    Cell {
        value: row.figured.figure.map(|figure| words::figure(visit, &figures.metric, figure)),
        // Nothing is behind a figure that is not there.
        href: drill::records(visit, card, figures, spot).filter(|_| row.figured.figure.is_some()),
        figure: row.figured.figure,
    }
}

/// How a figure has changed.
pub(super) fn trend(visit: &Visit, card: &CardModel, figures: &CardFigures) -> Option<TrendWords> {
    let window = figures.window.filter(|_| card.trend)?;
    let now = figures.rows.first()?.figured.figure?;
    let before = figures.before?;
    let metric = &figures.metric;
    let change = now - before;
    // What reads the same is the same.
    let alike = words::figure(visit, metric, now) == words::figure(visit, metric, before);
    let direction = match change {
        change if alike || change.abs() < f64::EPSILON => "same",
        change if change > 0.0 => "up",
        _ => "down",
    };
    let better = (direction == "up") != metric.lower_is_better;
    Some(TrendWords {
        direction,
        standing: (direction != "same").then_some(if better { Standing::Green } else { Standing::Red }),
        text: if alike {
            visit.t("dashboard.same", &[])
        } else {
            change_words(visit, metric, before, change)
        },
        than: visit.t(
            "dashboard.than",
            &[
                ("span", &words::before_words(visit, window)),
                ("value", &words::figure(visit, metric, before)),
            ],
        ),
    })
}

/// A change: of shares in points, of other figures by its share where there is something to compare with.
fn change_words(visit: &Visit, metric: &MetricModel, before: f64, change: f64) -> String {
    let sign = if change >= 0.0 { "+" } else { "−" };
    let size = change.abs();
    if metric.figure == Figure::Percent {
        let points = words::decimals(size * 100.0, 1);
        return format!("{sign}{}", visit.t("dashboard.points", &[("points", &points)]));
    }
    if before.abs() < f64::EPSILON {
        return format!("{sign}{}", words::figure(visit, metric, size));
    }
    format!("{sign}{}%", words::decimals(size / before.abs() * 100.0, 1))
}

/// What the script needs to draw a dial.
pub(super) fn dial(visit: &Visit, figures: &CardFigures, standing: Option<Standing>) -> Option<Json> {
    let figure = figures.rows.first()?.figured.figure?;
    let metric = &figures.metric;
    let whole = match (metric.figure, figures.target) {
        (Figure::Percent, _) => 1.0_f64.max(figure),
        // A target lies at four fifths of the dial, so that there is room beyond it.
        (_, Some(target)) if target > 0.0 => (target * 1.25).max(figure),
        _ => figure.abs().max(1.0) * 1.25,
    };
    Some(json!({
        "kind": CardKind::Gauge,
        "percent": metric.figure == Figure::Percent,
        "value": figure,
        "words": words::figure(visit, metric, figure),
        "whole": whole,
        "target": figures.target,
        "standing": standing,
    }))
}
