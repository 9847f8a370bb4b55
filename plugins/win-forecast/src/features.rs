//! What the forecast looks at: an opportunity as it stood on one day, as a row of numbers. Only what was known on that day
//! goes in, so that nothing is learnt from how a deal ended.

use serde::{Deserialize, Serialize};

use crate::deal::{Deal, Level, Words};

/// Days after opening on which a closed deal is looked at, as long as it was still open.
const LANDMARKS: [i32; 6] = [0, 7, 21, 45, 90, 150];
/// Older than this, deals are alike.
const AGE_MAX: i32 = 365;
/// Interactions count as recent for so many days.
pub(crate) const RECENT_DAYS: i32 = 14;
/// A value that fewer deals have says nothing.
const LEVEL_DEALS_MIN: u32 = 10;
const BUDGETS_MAX: usize = 8;
const SOURCES_MAX: usize = 16;
const KINDS_MAX: usize = 12;

/// What a column stands for. Values of a property are places in [`Words`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Factor {
    Age,
    Effective,
    Recent,
    Silence,
    Inbound,
    Competitor,
    Presales,
    Budget(u8),
    Source(u8),
    Kind(u8),
}

/// The columns behind the constant.
pub(crate) fn factors(words: &Words) -> Vec<Factor> {
    let mut factors = vec![
        Factor::Age,
        Factor::Effective,
        Factor::Recent,
        Factor::Silence,
        Factor::Inbound,
        Factor::Competitor,
        Factor::Presales,
    ];
    factors.extend(frequent(&words.budgets, BUDGETS_MAX).map(Factor::Budget));
    factors.extend(frequent(&words.sources, SOURCES_MAX).map(Factor::Source));
    factors.extend(frequent(&words.kinds, KINDS_MAX).map(Factor::Kind));
    factors
}

/// The places of the values that most deals have.
fn frequent(levels: &[Level], most: usize) -> impl Iterator<Item = u8> {
    let mut places: Vec<(u32, u8)> =
        (0_u8..).zip(levels).map(|(place, level)| (level.deals, place)).collect();
    places.retain(|(deals, _)| *deals >= LEVEL_DEALS_MIN);
    places.sort_by_key(|(deals, place)| (u32::MAX - deals, *place));
    places.truncate(most);
    places.into_iter().map(|(_, place)| place)
}

/// The days on which a closed deal is looked at; together they count as one deal.
pub(crate) fn landmarks(deal: &Deal) -> Vec<i32> {
    LANDMARKS.into_iter().filter(|age| *age == 0 || *age < deal.days()).collect()
}

/// What had happened by a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) age: i32,
    pub(crate) effective: u32,
    pub(crate) recent: u32,
    /// Days since the last interaction, or since the beginning.
    pub(crate) silence: i32,
    pub(crate) inbound: u32,
    /// A bit for each kind of interaction.
    kinds: u64,
}

impl Seen {
    pub(crate) fn by(deal: &Deal, age: i32) -> Seen {
        let mut seen = Seen { age, effective: 0, recent: 0, silence: age, inbound: 0, kinds: 0 };
        for step in deal.steps.iter().filter(|step| i32::from(step.day) <= age) {
            let ago = age - i32::from(step.day);
            seen.effective += u32::from(step.effective);
            seen.recent += u32::from(ago < RECENT_DAYS);
            seen.inbound += u32::from(step.inbound);
            seen.silence = seen.silence.min(ago);
            seen.kinds |= 1_u64.checked_shl(step.kind.into()).unwrap_or(0);
        }
        seen
    }

    pub(crate) fn had(&self, kind: u8) -> bool {
        self.kinds & 1_u64.checked_shl(kind.into()).unwrap_or(0) != 0
    }
}

/// The row of a deal on a day; the constant comes first.
pub(crate) fn columns(factors: &[Factor], deal: &Deal, age: i32) -> Vec<f64> {
    let seen = Seen::by(deal, age);
    let column = |factor: &Factor| match *factor {
        Factor::Age => doublings(seen.age.min(AGE_MAX)),
        Factor::Effective => doublings(seen.effective),
        Factor::Recent => doublings(seen.recent),
        Factor::Silence => doublings(seen.silence.min(AGE_MAX)),
        Factor::Inbound => doublings(seen.inbound),
        Factor::Competitor => f64::from(deal.competitor),
        Factor::Presales => f64::from(deal.presales),
        Factor::Budget(place) => f64::from(deal.budget == place),
        Factor::Source(place) => f64::from(deal.source == place),
        Factor::Kind(place) => f64::from(seen.had(place)),
    };
    std::iter::once(1.0).chain(factors.iter().map(column)).collect()
}

/// How often a number has doubled: the second interaction matters more than the twentieth.
fn doublings(number: impl Into<f64>) -> f64 {
    (1.0 + number.into()).log2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deal::{NONE, Step};

    fn deal() -> Deal {
        let step = |day, kind, effective| Step { day, kind, effective, inbound: kind == 1 };
        Deal {
            opened: 100,
            closed: 130,
            steps: vec![step(0, 0, true), step(5, 1, true), step(25, 0, false)],
            budget: 0,
            source: NONE,
            ..Deal::default()
        }
    }

    #[test]
    fn only_what_was_known_on_the_day_is_seen() {
        let seen = Seen::by(&deal(), 7);
        assert_eq!((seen.effective, seen.recent, seen.silence, seen.inbound), (2, 2, 2, 1));
        assert!(seen.had(0) && seen.had(1) && !seen.had(2) && !seen.had(NONE));
        let later = Seen::by(&deal(), 29);
        assert_eq!((later.effective, later.recent, later.silence), (2, 1, 4));
        let nothing = Seen::by(&Deal::default(), 12);
        assert_eq!((nothing.silence, nothing.effective), (12, 0));
    }

    #[test]
    fn a_deal_is_looked_at_while_it_is_open() {
        assert_eq!(landmarks(&deal()), [0, 7, 21]);
        assert_eq!(landmarks(&Deal { closed: 100, ..deal() }), [0]);
    }

    #[test]
    fn columns_stand_in_the_order_of_their_factors() {
        let level = |deals| Level { value: "x".into(), name: "x".into(), deals };
        let words =
            Words { budgets: vec![level(10), level(30)], sources: vec![level(9)], kinds: vec![level(50)] };
        let factors = factors(&words);
        assert_eq!(factors[7..], [Factor::Budget(1), Factor::Budget(0), Factor::Kind(0)]);
        let row = columns(&factors, &deal(), 7);
        assert_eq!(row, [1.0, 3.0, 3_f64.log2(), 3_f64.log2(), 3_f64.log2(), 1.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    }
}
