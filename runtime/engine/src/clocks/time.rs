//! From counted time to moments and back, for a clock as it stands. Pure.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use mortise_definition::model::{Model, SlaModel};
use mortise_definition::worktime::{TimeBase, deadline, elapsed};

use super::row::{ClockState, StoredClock};

/// The time that a policy counts in.
pub(super) fn base<'a>(model: &'a Model, sla: &SlaModel, zone: Tz) -> TimeBase<'a> {
    let calendar = sla.calendar.as_ref().and_then(|key| model.automation.calendars.get(key));
    match calendar {
        Some(calendar) => TimeBase::Working(&calendar.work, calendar.zone.unwrap_or(zone)),
        None => TimeBase::Calendar,
    }
}

/// Microseconds counted until a moment.
pub(super) fn counted(clock: &StoredClock, at: DateTime<Utc>, base: TimeBase<'_>) -> i64 {
    match clock.state {
        ClockState::Running => clock.counted.saturating_add(elapsed(clock.since, at.max(clock.since), base)),
        _ => clock.counted,
    }
}

/// The moment at which so much has been counted, if the clock goes on running.
pub(super) fn moment(clock: &StoredClock, counted: i64, base: TimeBase<'_>) -> Option<DateTime<Utc>> {
    deadline(clock.since, counted.checked_sub(clock.counted)?, base)
}
