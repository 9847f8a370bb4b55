//! Timelines: records as bars from where they begin to where they end, under a heading for each value of a field. Bars are
//! drawn here, as SVG by shares of the width, so that they are there without any script.

use chrono::{Datelike, NaiveDate, TimeDelta};
use mortise_definition::model::Slot;
use mortise_engine::{Query, Record};
use mortise_expr::Value;
use serde::Serialize;

use super::calendar::{Link, month_name};
use super::card::Card;
use super::{Scene, days};
use crate::Failure;
use crate::pages::list::field_label;

/// Bars at most; more of them are not compared but filtered.
const BARS_MAX: u64 = 200;
/// The shortest bar, in percent: what is shorter could not be seen.
const SHORTEST: f64 = 0.6;

/// A timeline as its template needs it.
#[derive(Serialize)]
pub(super) struct Timeline {
    title: String,
    spans: Vec<Link>,
    previous: String,
    next: String,
    today: String,
    ticks: Vec<Tick>,
    /// Where the present moment is, in percent.
    now: Option<String>,
    lanes: Vec<Lane>,
    /// There are more than are shown.
    cut: Option<String>,
}

#[derive(Serialize)]
struct Tick {
    at: String,
    label: String,
}

#[derive(Serialize)]
struct Lane {
    label: Option<String>,
    bars: Vec<Bar>,
}

#[derive(Serialize)]
struct Bar {
    #[serde(flatten)]
    card: Card,
    color: Option<String>,
    /// From when to when, in words.
    when: String,
    /// In percent of the width.
    x: String,
    width: String,
    /// It has no end: a point in time.
    point: bool,
}

/// The days that are shown.
struct Span {
    name: &'static str,
    from: NaiveDate,
    to: NaiveDate,
}

impl Span {
    fn of(scene: &Scene<'_>) -> Span {
        let at = days::asked(scene);
        let first = at.with_day(1).unwrap_or(at);
        let (name, from, months) = match scene.params.get("span") {
            Some("month") => ("month", first, 1),
            Some("year") => ("year", first.with_month(1).unwrap_or(first), 12),
            _ => {
                let month = (at.month0() / 3) * 3 + 1;
                ("quarter", first.with_month(month).unwrap_or(first), 3)
            }
        };
        Span { name, from, to: days::months(from, months) }
    }

    fn months(&self) -> i32 {
        match self.name {
            "month" => 1,
            "year" => 12,
            _ => 3,
        }
    }

    /// Where something lies between the ends, in percent.
    fn share(&self, since: TimeDelta) -> f64 {
        let whole = (self.to - self.from).num_minutes().max(1);
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
        let share = since.num_minutes() as f64 / whole as f64;
        (share * 100.0).clamp(0.0, 100.0)
    }

    /// A mark for each month, or for each week of a single one.
    fn ticks(&self, scene: &Scene<'_>) -> Vec<Tick> {
        let starts: Vec<NaiveDate> = match self.name {
            "month" => self.from.iter_days().take_while(|day| *day < self.to).step_by(7).collect(),
            _ => (0..self.months()).map(|month| days::months(self.from, month)).collect(),
        };
        let label = |day: NaiveDate| match self.name {
            "month" => scene.show.day_words(day),
            _ => {
                let month = day.month().to_string();
                let name = scene.visit.t(&format!("time.month_{month}"), &[]);
                scene.t("timeline.tick", &[("month", &month), ("month_name", &name)])
            }
        };
        let tick = |day: &NaiveDate| Tick { at: percent(self.share(*day - self.from)), label: label(*day) };
        starts.iter().map(tick).collect()
    }
}

fn percent(share: f64) -> String {
    format!("{share:.2}")
}

/// Reads and describes a timeline.
pub(super) async fn draw(scene: &Scene<'_>, query: &Query, start: Slot) -> Result<Timeline, Failure> {
    let span = Span::of(scene);
    let layout = &scene.view.layout;
    let sees = |slot: &Slot| scene.visit.by.sees(scene.entity, *slot);
    let end = layout.end.filter(sees);
    let mut cases = vec![days::beginning(scene, start, span.from, span.to)];
    cases.extend(end.map(|end| days::lasting(scene, start, end, span.from)));
    let read =
        Query { sort: vec![(start, false)], limit: BARS_MAX, cursor: None, total: false, ..query.clone() };
    let parts = scene.visit.tenant.engine.parts(scene.visit.actor(), &read, &cases).await?;
    let cut = parts.iter().any(|part| part.next.is_some());
    // Those that began before come first.
    let records = parts.iter().rev().flat_map(|part| &part.rows);
    let title = match span.name {
        "month" => month_name(scene, span.from),
        _ => scene.t(
            "calendar.range",
            &[("from", &month_name(scene, span.from)), ("to", &month_name(scene, days::plus(span.to, -1)))],
        ),
    };
    let link = |name: &'static str| Link {
        label: scene.t(&format!("timeline.{name}"), &[]),
        href: scene.params.rewound().with("span", name).with("at", span.from.to_string()).href(scene.path),
        active: span.name == name,
    };
    let beside =
        |direction| scene.href("at", &days::months(span.from, direction * span.months()).to_string());
    Ok(Timeline {
        title,
        spans: ["month", "quarter", "year"].map(link).into(),
        previous: beside(-1),
        next: beside(1),
        today: scene.href("at", &days::today(scene).to_string()),
        ticks: span.ticks(scene),
        now: now(scene, &span),
        lanes: lanes(scene, &span, records, (start, end)),
        cut: cut.then(|| scene.t("timeline.cut", &[("count", &BARS_MAX.to_string())])),
    })
}

fn now(scene: &Scene<'_>, span: &Span) -> Option<String> {
    let today = days::today(scene);
    let since = scene.show.now - days::midnight(scene, span.from);
    (today >= span.from && today < span.to).then(|| percent(span.share(since)))
}

/// The bars under the headings of their values, in the order in which values first come.
fn lanes<'r>(
    scene: &Scene<'_>,
    span: &Span,
    records: impl Iterator<Item = &'r Record>,
    (start, end): (Slot, Option<Slot>),
) -> Vec<Lane> {
    let by = scene.view.layout.by;
    let cards = scene.cards();
    let mut lanes: Vec<(Value, Lane)> = Vec::new();
    for record in records {
        let value = by.map_or(Value::Null, |by| record.values[by].clone());
        let bar = bar(scene, span, record, cards.card(record), (start, end));
        match lanes.iter_mut().find(|(known, _)| *known == value) {
            Some((_, lane)) => lane.bars.push(bar),
            None => {
                let label = by.map(|by| heading(scene, record, by));
                lanes.push((value, Lane { label, bars: vec![bar] }));
            }
        }
    }
    lanes.into_iter().map(|(_, lane)| lane).collect()
}

fn heading(scene: &Scene<'_>, record: &Record, by: Slot) -> String {
    let field = &scene.entity.fields[by];
    let words = match (&record.values[by], record.title(by)) {
        (Value::Null, _) => String::new(),
        (Value::Bool(true), _) => scene.visit.t("value.yes", &[]),
        (Value::Bool(false), _) => scene.visit.t("value.no", &[]),
        (_, Some(title)) => title.to_owned(),
        (value, None) => scene.show.words(field, value),
    };
    match words.is_empty() {
        true => scene.t("board.none", &[("field", &field_label(scene.show, field))]),
        false => words,
    }
}

fn bar(
    scene: &Scene<'_>,
    span: &Span,
    record: &Record,
    card: Card,
    (start, end): (Slot, Option<Slot>),
) -> Bar {
    let since = |value: &Value, whole_day: bool| match value {
        Value::Date(day) => Some(days::plus(*day, i64::from(whole_day)) - span.from),
        Value::DateTime(at) => Some(*at - days::midnight(scene, span.from)),
        _ => None,
    };
    let first = &record.values[start];
    let last = end.map(|end| &record.values[end]).filter(|last| !last.is_null());
    let x = since(first, false).map_or(0.0, |since| span.share(since));
    let until = since(last.unwrap_or(first), true).map_or(x, |since| span.share(since));
    let words =
        |value: &Value| days::of(scene, value).map(|day| scene.show.day_words(day)).unwrap_or_default();
    let when = match last.map(words) {
        Some(to) if to != words(first) => scene.t("calendar.range", &[("from", &words(first)), ("to", &to)]),
        _ => words(first),
    };
    Bar {
        color: scene.color(record).or_else(|| card.tone.clone()),
        card,
        when,
        x: percent(x.min(100.0 - SHORTEST)),
        width: percent((until - x).max(SHORTEST)),
        point: last.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Span, percent};
    use chrono::TimeDelta;

    #[test]
    fn a_bar_stays_between_the_ends() {
        let span =
            Span { name: "month", from: "2026-06-01".parse().unwrap(), to: "2026-07-01".parse().unwrap() };
        let shares = [-3, 0, 15, 30, 400].map(|days| percent(span.share(TimeDelta::days(days))));
        assert_eq!(shares, ["0.00", "0.00", "50.00", "100.00", "100.00"]);
    }
}
