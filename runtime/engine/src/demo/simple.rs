//! The simple generators: a value from dice and the values before it, without a look at definitions, people or other records.

use chrono::{DateTime, Datelike, NaiveTime, TimeDelta, Timelike, Utc, Weekday};
use chrono_tz::Tz;
use mortise_expr::Decimal;
use serde_json::Value as Json;

use super::dice::Dice;
use super::generator::{Figure, Path, Piece};
use super::item::{Item, instant};

/// Named values of a record so far.
pub(super) type Scope<'a> = Vec<(&'a str, Item<'a>)>;

/// Minutes of the day between which an office works.
const OFFICE: (u32, u32) = (8 * 60 + 30, 18 * 60 + 30);

pub(super) fn constant(json: &Json) -> Item<'_> {
    match json {
        Json::Null => Item::Null,
        Json::Bool(yes) => Item::Bool(*yes),
        Json::String(text) => Item::Text(text.clone()),
        Json::Number(number) => number.to_string().parse::<Decimal>().map_or(Item::Json(json), Item::Number),
        other => Item::Json(other),
    }
}

pub(super) fn named<'a>(name: &str, scope: &Scope<'a>) -> Result<Item<'a>, String> {
    let found = scope.iter().rev().find(|(known, _)| *known == name);
    found.map(|(_, item)| item.clone()).ok_or_else(|| format!("there is no value `{name}` before this one"))
}

pub(super) fn get<'a>(path: &Path, scope: &Scope<'a>) -> Result<Item<'a>, String> {
    let item = named(&path.name, scope)?;
    path.part.as_ref().map_or(Ok(item.clone()), |part| item.part(part))
}

pub(super) fn text<'a>(pieces: &[Piece], scope: &Scope<'a>) -> Result<Item<'a>, String> {
    let mut whole = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => whole.push_str(text),
            Piece::Value(path) => match get(path, scope)?.text() {
                Some(text) => whole.push_str(&text),
                None => return Ok(Item::Null),
            },
        }
    }
    Ok(Item::Text(whole))
}

pub(super) fn digit(figure: &Figure, dice: &mut Dice) -> char {
    match figure {
        Figure::Fixed(c) => *c,
        Figure::OneOf(set) => set[dice.below(set.len())],
    }
}

/// min + (max − min) · u, rounded down to a step.
pub(super) fn number(unit: f64, [min, max]: [f64; 2], step: Option<f64>, places: u8) -> Decimal {
    let scale = 10f64.powi(i32::from(places));
    let units = |number: f64| (number * scale).round() as i64;
    let raw = ((min + (max - min) * unit) * scale).floor() as i64;
    let step = step.map_or(1, |step| units(step).max(1));
    Decimal::new((raw - raw.rem_euclid(step)).max(units(min)), places)
}

pub(super) fn sample<'a>(from: &[String], min: usize, max: usize, dice: &mut Dice) -> Item<'a> {
    let count = min + dice.below(max - min + 1);
    let mut open: Vec<usize> = (0..from.len()).collect();
    let mut chosen: Vec<usize> = (0..count).map(|_| open.swap_remove(dice.below(open.len()))).collect();
    chosen.sort_unstable();
    if chosen.is_empty() {
        Item::Null
    } else {
        Item::Texts(chosen.into_iter().map(|index| from[index].clone()).collect())
    }
}

/// Moves a moment into working hours; week-ends go to the Friday before.
pub(super) fn in_office(moment: DateTime<Utc>, tz: Tz, dice: &mut Dice) -> DateTime<Utc> {
    let local = moment.with_timezone(&tz);
    let minute = local.hour() * 60 + local.minute();
    let back = match local.weekday() {
        Weekday::Sat => 1,
        Weekday::Sun => 2,
        _ => 0,
    };
    if back == 0 && (OFFICE.0..OFFICE.1).contains(&minute) {
        return moment;
    }
    let span = usize::try_from(OFFICE.1 - OFFICE.0).unwrap_or(1);
    let minute = OFFICE.0 + u32::try_from(dice.below(span)).unwrap_or(0);
    let day = local.date_naive() - TimeDelta::days(back);
    let time = NaiveTime::from_num_seconds_from_midnight_opt(minute * 60 + local.second(), 0);
    time.and_then(|time| instant(day.and_time(time), tz)).unwrap_or(moment)
}
