//! Reproducible dice: every named value of every record throws its own, so one value never depends on how many others there
//! are. Not for secrets.

/// A stream of random numbers (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// The dice of one named value: seed of the run, hash of entity and name, index of the record.
    pub(super) fn new(seed: u64, stream: u64, index: u64) -> Dice {
        let mut dice = Dice(seed ^ stream.rotate_left(17));
        dice.0 = dice.next() ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        dice.next();
        dice
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number in [0, 1) with more small ones where `skew` is above 1.
    pub(super) fn skewed(&mut self, skew: f64) -> f64 {
        let unit = self.unit();
        if skew == 1.0 { unit } else { unit.powf(skew) }
    }

    /// A position below `count`, which must not be 0.
    pub(super) fn below(&mut self, count: usize) -> usize {
        ((self.unit() * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// A position by weight; the sums grow from one to the next.
    pub(super) fn by_weight(&mut self, sums: &[f64]) -> usize {
        let total = sums.last().copied().unwrap_or(0.0);
        let thrown = self.unit() * total;
        sums.partition_point(|sum| *sum <= thrown).min(sums.len().saturating_sub(1))
    }
}

/// FNV-1a: names streams, the same in every version of the program.
pub(super) fn stream(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_fall_the_same_way_again_and_spread_evenly() {
        let throw = |index| Dice::new(7, stream(&["a.b", "name"]), index).unit();
        assert_eq!(throw(17), throw(17));
        let mean: f64 = (0..10_000).map(throw).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        let mut dice = Dice::new(1, 2, 3);
        let first = (0..10_000).filter(|_| dice.by_weight(&[3.0, 4.0]) == 0).count();
        assert!((7_200..7_800).contains(&first), "{first}");
    }
}
