//! Calendars: a month, a week or a day with the records that begin on each day, and those that last into it. All days are
//! read by one statement; a day with more than fits leads to a page of its own.

use chrono::{Datelike, NaiveDate};
use mortise_definition::model::Slot;
use mortise_definition::source::Operation;
use mortise_engine::{Part, Query, Record};
use serde::Serialize;

use super::card::{Card, Line};
use super::{Scene, days};
use crate::Failure;

/// Records on a day of a month.
const MONTH_DAY: u64 = 5;
/// Records on a day of a week.
const WEEK_DAY: u64 = 40;
/// Records of a single day.
const DAY: u64 = 300;

/// A calendar as its template needs it.
#[derive(Serialize)]
pub(super) struct Calendar {
    url: String,
    view: String,
    title: String,
    span: &'static str,
    spans: Vec<Link>,
    previous: String,
    next: String,
    today: String,
    weekdays: Vec<String>,
    weeks: Vec<Vec<Day>>,
    movable: bool,
    /// No day of it has anything.
    idle: bool,
    texts: String,
}

/// One of several ways to look at time.
#[derive(Serialize)]
pub(super) struct Link {
    pub(super) label: String,
    pub(super) href: String,
    pub(super) active: bool,
}

#[derive(Serialize)]
struct Day {
    iso: String,
    number: u32,
    /// In full, for those who hear it.
    name: String,
    weekday: String,
    today: bool,
    /// Of another month.
    outside: bool,
    events: Vec<Event>,
    more: Option<String>,
}

#[derive(Serialize, Clone)]
struct Event {
    id: String,
    title: String,
    href: String,
    version: i64,
    tone: Option<String>,
    time: Option<String>,
    /// What else there is to know, where there is room.
    lines: Vec<Line>,
    /// It began on an earlier day.
    continued: bool,
}

/// The span of days that is shown.
struct Span {
    name: &'static str,
    from: NaiveDate,
    to: NaiveDate,
    per_day: u64,
    at: NaiveDate,
}

impl Span {
    fn of(scene: &Scene<'_>) -> Span {
        let at = days::asked(scene);
        match scene.params.get("span") {
            Some("week") => {
                let from = days::monday(at);
                Span { name: "week", from, to: days::plus(from, 7), per_day: WEEK_DAY, at }
            }
            Some("day") => Span { name: "day", from: at, to: days::plus(at, 1), per_day: DAY, at },
            _ => {
                let first = at.with_day(1).unwrap_or(at);
                let last = days::plus(days::months(first, 1), -1);
                let (from, to) = (days::monday(first), days::plus(days::monday(last), 7));
                Span { name: "month", from, to, per_day: MONTH_DAY, at: first }
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = NaiveDate> {
        let to = self.to;
        self.from.iter_days().take_while(move |day| *day < to)
    }

    /// The same span before or after.
    fn beside(&self, direction: i32) -> NaiveDate {
        match self.name {
            "week" => days::plus(self.at, i64::from(direction) * 7),
            "day" => days::plus(self.at, i64::from(direction)),
            _ => days::months(self.at, direction),
        }
    }
}

/// Reads and describes a calendar.
pub(super) async fn draw(scene: &Scene<'_>, query: &Query, start: Slot) -> Result<Calendar, Failure> {
    let span = Span::of(scene);
    let end = scene.view.layout.end.filter(|slot| scene.visit.by.sees(scene.entity, *slot));
    let mut cases: Vec<_> =
        span.all().map(|day| days::beginning(scene, start, day, days::plus(day, 1))).collect();
    cases.extend(end.map(|end| days::lasting(scene, start, end, span.from)));
    let read = Query {
        sort: vec![(start, false)],
        limit: span.per_day,
        cursor: None,
        total: false,
        ..query.clone()
    };
    let parts = scene.visit.tenant.engine.parts(scene.visit.actor(), &read, &cases).await?;
    let mut shown: Vec<Day> = span.all().map(|day| empty_day(scene, &span, day)).collect();
    for (at, part) in parts.iter().enumerate() {
        fill(scene, &span, &mut shown, (at, part), (start, end));
    }
    let movable =
        scene.visit.by.opens(scene.entity, Operation::Update, start) && scene.entity.fields[start].writable();
    let link = |name: &'static str| Link {
        label: scene.t(&format!("calendar.{name}"), &[]),
        href: scene.params.rewound().with("span", name).with("at", span.at.to_string()).href(scene.path),
        active: span.name == name,
    };
    let idle = shown.iter().all(|day| day.outside || day.events.is_empty());
    let week = if span.name == "day" { 1 } else { 7 };
    let mut weeks: Vec<Vec<Day>> = Vec::new();
    for day in shown {
        match weeks.last_mut() {
            Some(last) if last.len() < week => last.push(day),
            _ => weeks.push(vec![day]),
        }
    }
    Ok(Calendar {
        url: scene.path.to_owned(),
        view: scene.view.key.clone(),
        title: title(scene, &span),
        span: span.name,
        spans: ["month", "week", "day"].map(link).into(),
        previous: scene.href("at", &span.beside(-1).to_string()),
        next: scene.href("at", &span.beside(1).to_string()),
        today: scene.href("at", &days::today(scene).to_string()),
        weekdays: weeks.first().into_iter().flatten().map(|day| day.weekday.clone()).collect(),
        weeks,
        movable,
        idle,
        texts: super::moving::texts(scene),
    })
}

/// What a month, week or day is called.
fn title(scene: &Scene<'_>, span: &Span) -> String {
    match span.name {
        "week" => {
            let (from, to) = (scene.show.day_words(span.from), scene.show.day_words(days::plus(span.to, -1)));
            scene.t("calendar.range", &[("from", &from), ("to", &to)])
        }
        "day" => scene.show.day_words(span.at),
        _ => month_name(scene, span.at),
    }
}

/// A month with its year.
pub(super) fn month_name(scene: &Scene<'_>, day: NaiveDate) -> String {
    let (year, month) = (day.year().to_string(), day.month().to_string());
    let name = scene.visit.t(&format!("time.month_{month}"), &[]);
    scene.t("calendar.month_title", &[("year", &year), ("month", &month), ("month_name", &name)])
}

fn empty_day(scene: &Scene<'_>, span: &Span, day: NaiveDate) -> Day {
    let weekday = scene.t(&format!("calendar.weekday_{}", day.weekday().number_from_monday()), &[]);
    Day {
        iso: day.to_string(),
        number: day.day(),
        name: scene.show.day_words(day),
        weekday,
        today: day == days::today(scene),
        outside: span.name == "month" && day.month() != span.at.month(),
        events: Vec::new(),
        more: None,
    }
}

/// Puts the records of a part on their days: on that where they begin, and on those into which they last.
fn fill(
    scene: &Scene<'_>,
    span: &Span,
    shown: &mut [Day],
    (at, part): (usize, &Part),
    (start, end): (Slot, Option<Slot>),
) {
    let cards = scene.cards();
    for record in &part.rows {
        let began = days::of(scene, &record.values[start]);
        let ended = end.and_then(|end| days::of(scene, &record.values[end])).or(began);
        let event = event(scene, cards.card(record), record, start);
        for (position, day) in span.all().enumerate() {
            let continued = began.is_some_and(|began| began < day);
            let here = began == Some(day) || (continued && ended.is_some_and(|ended| ended >= day));
            if here && let Some(day) = shown.get_mut(position) {
                let time = event.time.clone().filter(|_| !continued);
                day.events.push(Event { continued, time, ..event.clone() });
            }
        }
    }
    if part.next.is_some()
        && let Some(day) = shown.get_mut(at)
    {
        let whole = scene.params.rewound().with("span", "day").with("at", day.iso.as_str());
        // Of a single day the rest is behind filters: there is no larger page.
        day.more = (span.name != "day").then(|| whole.href(scene.path));
    }
}

fn event(scene: &Scene<'_>, card: Card, record: &Record, start: Slot) -> Event {
    Event {
        id: card.id,
        title: card.title,
        href: card.href,
        version: card.version,
        tone: scene.color(record).or(card.tone),
        time: days::clock(scene, &record.values[start]),
        lines: card.lines,
        continued: false,
    }
}
