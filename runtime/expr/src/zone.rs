//! The zone in which days begin: out of the table of all zones on a server, asked of the browser where that table would
//! be most of what is loaded.

#[cfg(target_arch = "wasm32")]
pub use asked::Zone;
#[cfg(not(target_arch = "wasm32"))]
pub use chrono_tz::Tz as Zone;

#[cfg(target_arch = "wasm32")]
mod asked {
    use chrono::{FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone};

    /// A zone that somebody outside knows.
    #[derive(Clone, Copy, Debug)]
    pub enum Zone {
        /// Tells how many seconds clocks are ahead of UTC at an instant, given in seconds since 1970.
        Asked(fn(i64) -> i32),
        /// Always the same.
        Fixed(FixedOffset),
    }

    impl Zone {
        fn at(&self, seconds: i64) -> FixedOffset {
            match self {
                Zone::Asked(ask) => FixedOffset::east_opt(ask(seconds)).unwrap_or_else(|| chrono::Utc.fix()),
                Zone::Fixed(offset) => *offset,
            }
        }
    }

    impl TimeZone for Zone {
        type Offset = FixedOffset;

        fn from_offset(offset: &FixedOffset) -> Zone {
            Zone::Fixed(*offset)
        }

        fn offset_from_local_date(&self, local: &NaiveDate) -> MappedLocalTime<FixedOffset> {
            self.offset_from_local_datetime(&local.and_time(chrono::NaiveTime::MIN))
        }

        /// Clocks change at most once within a day: the offset is the one of the day before or of the day after.
        fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> MappedLocalTime<FixedOffset> {
            let seconds = local.and_utc().timestamp();
            let day = TimeDelta::days(1).num_seconds();
            let (before, after) = (self.at(seconds - day), self.at(seconds + day));
            let holds =
                |offset: &FixedOffset| self.at(seconds - i64::from(offset.local_minus_utc())) == *offset;
            match (holds(&before), before != after && holds(&after)) {
                (true, true) => MappedLocalTime::Ambiguous(before, after),
                (true, false) => MappedLocalTime::Single(before),
                (false, true) => MappedLocalTime::Single(after),
                (false, false) => MappedLocalTime::None,
            }
        }

        fn offset_from_utc_date(&self, utc: &NaiveDate) -> FixedOffset {
            self.at(utc.and_time(chrono::NaiveTime::MIN).and_utc().timestamp())
        }

        fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> FixedOffset {
            self.at(utc.and_utc().timestamp())
        }
    }
}
