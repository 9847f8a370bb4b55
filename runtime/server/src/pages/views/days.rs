//! Days and moments of calendars and timelines, in the time zone of whoever looks.

use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use mortise_definition::model::Slot;
use mortise_engine::{Condition, Op, Record};
use mortise_expr::{Type, Value};

use super::{Scene, condition};

/// Today, where the person is.
pub(super) fn today(scene: &Scene<'_>) -> NaiveDate {
    scene.show.now.with_timezone(&scene.visit.user().tz).date_naive()
}

/// The day that an address names, as a day or a month; today without one.
pub(super) fn asked(scene: &Scene<'_>) -> NaiveDate {
    let text = scene.params.get("at").unwrap_or_default();
    let day: Option<NaiveDate> = text.parse().ok().or_else(|| format!("{text}-01").parse().ok());
    // Beyond that no month can be added any more.
    let near = NaiveDate::from_ymd_opt(1900, 1, 1)..NaiveDate::from_ymd_opt(2200, 1, 1);
    day.filter(|day| near.contains(&Some(*day))).unwrap_or_else(|| today(scene))
}

/// Another day.
pub(super) fn plus(day: NaiveDate, days: i64) -> NaiveDate {
    day.checked_add_signed(TimeDelta::days(days)).unwrap_or(day)
}

/// The same day of another month.
pub(super) fn months(day: NaiveDate, months: i32) -> NaiveDate {
    let count = Months::new(months.unsigned_abs());
    let moved = if months < 0 { day.checked_sub_months(count) } else { day.checked_add_months(count) };
    moved.unwrap_or(day)
}

/// The day of a value.
pub(super) fn of(scene: &Scene<'_>, value: &Value) -> Option<NaiveDate> {
    match value {
        Value::Date(day) => Some(*day),
        Value::DateTime(at) => Some(at.with_timezone(&scene.visit.user().tz).date_naive()),
        _ => None,
    }
}

/// The time of day of a moment.
pub(super) fn clock(scene: &Scene<'_>, value: &Value) -> Option<String> {
    match value {
        Value::DateTime(at) => Some(at.with_timezone(&scene.visit.user().tz).format("%H:%M").to_string()),
        _ => None,
    }
}

/// The first instant of a day.
pub(super) fn midnight(scene: &Scene<'_>, day: NaiveDate) -> DateTime<Utc> {
    instant(&scene.visit.user().tz, day, NaiveTime::MIN)
}

/// A time of a day. Where clocks are put forward there is none such: then an hour later.
fn instant<Z: TimeZone>(zone: &Z, day: NaiveDate, time: NaiveTime) -> DateTime<Utc> {
    let local = day.and_time(time);
    let found = zone.from_local_datetime(&local).earliest();
    let found = found.or_else(|| zone.from_local_datetime(&(local + TimeDelta::hours(1))).earliest());
    found.map_or_else(|| local.and_utc(), |at| at.with_timezone(&Utc))
}

/// The beginning of a day as a value of a field.
fn bound(scene: &Scene<'_>, slot: Slot, day: NaiveDate) -> Value {
    match scene.entity.shape.members()[slot].ty {
        Type::Date => Value::Date(day),
        _ => Value::DateTime(midnight(scene, day)),
    }
}

/// Records that begin within some days, the last not included.
pub(super) fn beginning(scene: &Scene<'_>, start: Slot, from: NaiveDate, to: NaiveDate) -> Vec<Condition> {
    vec![
        condition(start, Op::Gte, bound(scene, start, from)),
        condition(start, Op::Lt, bound(scene, start, to)),
    ]
}

/// Records that began before a day and last into it.
pub(super) fn lasting(scene: &Scene<'_>, start: Slot, end: Slot, from: NaiveDate) -> Vec<Condition> {
    vec![
        condition(start, Op::Lt, bound(scene, start, from)),
        condition(end, Op::Gte, bound(scene, end, from)),
    ]
}

/// What changes when a record is moved to a day: its beginning, at the same time of day, and its end by as much.
pub(super) fn moved(scene: &Scene<'_>, record: &Record, start: Slot, day: NaiveDate) -> Vec<(Slot, Value)> {
    let zone = scene.visit.user().tz;
    let by = of(scene, &record.values[start]).map_or(TimeDelta::zero(), |old| day - old);
    let shifted = |value: &Value| match value {
        Value::Date(old) => old.checked_add_signed(by).map(Value::Date),
        Value::DateTime(at) => {
            let local = at.with_timezone(&zone);
            let day = local.date_naive().checked_add_signed(by)?;
            Some(Value::DateTime(instant(&zone, day, local.time())))
        }
        _ => None,
    };
    let slots = [Some(start), scene.view.layout.end].into_iter().flatten();
    slots.filter_map(|slot| Some((slot, shifted(&record.values[slot])?))).collect()
}

/// The Monday on or before a day.
pub(super) fn monday(day: NaiveDate) -> NaiveDate {
    use chrono::Datelike;
    day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::{instant, monday, months};
    use chrono::{NaiveDate, NaiveTime, Utc};

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn weeks_begin_on_monday() {
        assert_eq!(monday(day("2026-11-22")), day("2026-11-16"));
        assert_eq!(monday(day("2026-11-23")), day("2026-11-23"));
    }

    #[test]
    fn a_month_later_is_never_beyond_that_month() {
        assert_eq!(months(day("2026-01-31"), 1), day("2026-02-28"));
        assert_eq!(months(day("2026-03-31"), -1), day("2026-02-28"));
    }

    #[test]
    fn a_day_begins_at_midnight() {
        assert_eq!(
            instant(&Utc, day("2026-05-01"), NaiveTime::MIN).to_rfc3339(),
            "2026-05-01T00:00:00+00:00"
        );
    }
}
