//! A closed or open opportunity as the forecast sees it, and its form in the plugin's store: a few bytes, so that thousands
//! fit. Holds no name and no text of the tenant beyond what is counted.

use serde::{Deserialize, Serialize};

/// Most interactions of one opportunity that are looked at, the earliest first.
pub(crate) const STEPS_MAX: usize = 120;
/// Most different values of one property that are told apart; later ones count as none.
const LEVELS_MAX: usize = 64;
/// Stands for no value.
pub(crate) const NONE: u8 = u8::MAX;

/// An opportunity.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Deal {
    /// Days since 1970.
    pub(crate) opened: i32,
    /// Day of closing; today when it is open.
    pub(crate) closed: i32,
    pub(crate) won: bool,
    /// Places in [`Words`], or [`NONE`].
    pub(crate) budget: u8,
    pub(crate) source: u8,
    pub(crate) competitor: bool,
    pub(crate) presales: bool,
    /// In order of time.
    pub(crate) steps: Vec<Step>,
}

/// An interaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// Days since the opportunity was opened.
    pub(crate) day: u16,
    pub(crate) kind: u8,
    pub(crate) effective: bool,
    pub(crate) inbound: bool,
}

impl Deal {
    /// Days from opening to closing.
    pub(crate) fn days(&self) -> i32 {
        (self.closed - self.opened).max(0)
    }

    /// Adds itself to a block of the store.
    pub(crate) fn write(&self, block: &mut Vec<u8>) {
        block.extend(self.opened.to_le_bytes());
        block.extend(self.closed.to_le_bytes());
        let flags = u8::from(self.won) | u8::from(self.competitor) << 1 | u8::from(self.presales) << 2;
        let steps = self.steps.len().min(STEPS_MAX);
        block.extend([flags, self.budget, self.source, u8::try_from(steps).unwrap_or(u8::MAX)]);
        for step in &self.steps[..steps] {
            block.extend(step.day.to_le_bytes());
            block.extend([step.kind, u8::from(step.effective) | u8::from(step.inbound) << 1]);
        }
    }

    /// The deals of a block; none when it is none of ours.
    pub(crate) fn read_all(mut block: &[u8]) -> Option<Vec<Deal>> {
        let mut deals = Vec::new();
        while !block.is_empty() {
            let (head, rest) = block.split_first_chunk::<12>()?;
            let [o0, o1, o2, o3, c0, c1, c2, c3, flags, budget, source, steps] = *head;
            let (steps, rest) = rest.split_at_checked(usize::from(steps) * 4)?;
            deals.push(Deal {
                opened: i32::from_le_bytes([o0, o1, o2, o3]),
                closed: i32::from_le_bytes([c0, c1, c2, c3]),
                won: flags & 1 != 0,
                budget,
                source,
                competitor: flags & 2 != 0,
                presales: flags & 4 != 0,
                steps: steps.chunks_exact(4).map(Step::read).collect(),
            });
            block = rest;
        }
        Some(deals)
    }
}

impl Step {
    fn read(bytes: &[u8]) -> Step {
        let day = u16::from_le_bytes([bytes[0], bytes[1]]);
        Step { day, kind: bytes[2], effective: bytes[3] & 1 != 0, inbound: bytes[3] & 2 != 0 }
    }
}

/// The values of the properties that are told apart, in the order in which they were met.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Words {
    pub(crate) budgets: Vec<Level>,
    pub(crate) sources: Vec<Level>,
    pub(crate) kinds: Vec<Level>,
}

/// One value of a property.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Level {
    /// As the record has it: a choice, or the id of a record.
    pub(crate) value: String,
    /// For people; the value itself until it is known.
    pub(crate) name: String,
    /// Deals that have it.
    pub(crate) deals: u32,
}

/// The place of a value, which is added when it is new and there is room.
pub(crate) fn learn(levels: &mut Vec<Level>, value: &str) -> u8 {
    if value.is_empty() {
        return NONE;
    }
    let known = place(levels, value);
    if known == NONE && levels.len() < LEVELS_MAX {
        levels.push(Level { value: value.to_owned(), name: value.to_owned(), deals: 0 });
        return place(levels, value);
    }
    known
}

/// The place of a value that was met before.
pub(crate) fn place(levels: &[Level], value: &str) -> u8 {
    let found = levels.iter().position(|level| level.value == value);
    found.and_then(|place| u8::try_from(place).ok()).unwrap_or(NONE)
}

/// The day of `2026-03-31` or of the moment `2026-03-31T08:15:00Z`, as days since 1970.
pub(crate) fn day(text: &str) -> Option<i32> {
    let date = text.get(..10)?;
    let mut parts = date.split('-').map(|part| part.parse::<i32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let good = (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !good || parts.next().is_some() {
        return None;
    }
    // Years begin in March here, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deals_come_out_of_the_store_as_they_went_in() {
        let step = |day, effective| Step { day, kind: 3, effective, inbound: !effective };
        let deals = [
            Deal { opened: 20_000, closed: 20_030, won: true, budget: 1, source: NONE, ..Deal::default() },
            Deal { presales: true, steps: vec![step(0, true), step(400, false)], ..Deal::default() },
        ];
        let mut block = Vec::new();
        deals.iter().for_each(|deal| deal.write(&mut block));
        assert_eq!(Deal::read_all(&block).unwrap(), deals);
        assert_eq!(Deal::read_all(&block[..block.len() - 1]), None, "a cut block is none");
    }

    #[test]
    fn no_more_values_are_told_apart_than_there_is_room_for() {
        let mut levels = Vec::new();
        assert_eq!((learn(&mut levels, "a"), learn(&mut levels, "b"), learn(&mut levels, "a")), (0, 1, 0));
        assert_eq!(learn(&mut levels, ""), NONE);
        for number in 0..100 {
            learn(&mut levels, &format!("n{number}"));
        }
        assert_eq!((levels.len(), learn(&mut levels, "late"), place(&levels, "b")), (LEVELS_MAX, NONE, 1));
    }

    #[test]
    fn days_are_counted_as_calendars_do() {
        assert_eq!(day("1970-01-01"), Some(0));
        assert_eq!(day("2026-03-31T08:15:00Z"), Some(20_543));
        assert_eq!(day("2024-03-01").unwrap() - day("2024-02-28").unwrap(), 2);
        for text in ["", "2026-13-01", "2026-03", "yesterday!!"] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
