//! Working time: hours of weekdays, holidays and make-up days, and the arithmetic on them. Pure: no clock, no zone of its own.

/// A business calendar, ready for arithmetic.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WorkCalendar {}
