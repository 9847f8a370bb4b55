//! How good probabilities are, measured on deals that were not learnt from. Pure.

use serde::{Deserialize, Serialize};

use crate::logistic::surprise;

/// Bars of the calibration: 0 to 10 %, 10 to 20 % …
pub(crate) const BINS: usize = 10;

/// A prediction and what came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outcome {
    /// Calibrated log odds.
    pub(crate) odds: f64,
    /// The probability of winning, from 0 to 1.
    pub(crate) chance: f64,
    pub(crate) won: bool,
    /// How much it counts.
    pub(crate) counts: f64,
}

/// Figures of a back-test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Quality {
    /// Deals tested on.
    pub(crate) deals: f64,
    /// The mean squared error: 0 is perfect, lower is better.
    pub(crate) brier: f64,
    /// The same for one who always says the share of deals won.
    pub(crate) brier_of_share: f64,
    /// The mean surprise, in natural units.
    pub(crate) log_loss: f64,
    /// How often a won deal is above a lost one: 0.5 is chance, 1 perfect.
    pub(crate) auc: f64,
    /// How far predictions and shares lie apart on average.
    pub(crate) calibration_error: f64,
    pub(crate) bins: Vec<Bin>,
}

/// Deals with about the same prediction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bin {
    pub(crate) deals: f64,
    /// The mean prediction.
    pub(crate) predicted: f64,
    /// The share that was won.
    pub(crate) actual: f64,
}

/// Measures predictions; none without deals.
pub(crate) fn measure(mut outcomes: Vec<Outcome>) -> Option<Quality> {
    let deals: f64 = outcomes.iter().map(|one| one.counts).sum();
    if deals <= 0.0 {
        return None;
    }
    let mean =
        |of: &dyn Fn(&Outcome) -> f64| outcomes.iter().map(|one| one.counts * of(one)).sum::<f64>() / deals;
    let share = mean(&|one| f64::from(one.won));
    let brier = mean(&|one| (one.chance - f64::from(one.won)).powi(2));
    let log_loss = mean(&|one| surprise(one.odds, f64::from(one.won)));
    let bins = bins(&outcomes);
    let apart = bins.iter().map(|bin| bin.deals * (bin.predicted - bin.actual).abs()).sum::<f64>();
    Some(Quality {
        deals,
        brier,
        brier_of_share: share * (1.0 - share),
        log_loss,
        auc: auc(&mut outcomes),
        calibration_error: apart / deals,
        bins,
    })
}

fn bins(outcomes: &[Outcome]) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); BINS];
    for one in outcomes {
        let place = ((one.chance * BINS as f64) as usize).min(BINS - 1);
        bins[place].deals += one.counts;
        bins[place].predicted += one.counts * one.chance;
        bins[place].actual += one.counts * f64::from(one.won);
    }
    for bin in bins.iter_mut().filter(|bin| bin.deals > 0.0) {
        bin.predicted /= bin.deals;
        bin.actual /= bin.deals;
    }
    bins
}

/// Pairs of a won and a lost deal in the right order, as a share; equals count half.
fn auc(outcomes: &mut [Outcome]) -> f64 {
    outcomes.sort_by(|one, other| one.chance.total_cmp(&other.chance));
    let (mut pairs, mut lost_below, mut won_all) = (0.0, 0.0, 0.0);
    for equals in outcomes.chunk_by(|one, other| one.chance == other.chance) {
        let sum =
            |wanted: bool| equals.iter().filter(|one| one.won == wanted).map(|one| one.counts).sum::<f64>();
        let (won, lost) = (sum(true), sum(false));
        pairs += won * (lost_below + lost / 2.0);
        lost_below += lost;
        won_all += won;
    }
    if won_all * lost_below > 0.0 { pairs / (won_all * lost_below) } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(chance: f64, won: bool) -> Outcome {
        Outcome { odds: (chance / (1.0 - chance)).ln(), chance, won, counts: 1.0 }
    }

    #[test]
    fn figures_of_a_handful_are_those_of_a_pencil() {
        let outcomes = vec![outcome(0.9, true), outcome(0.8, false), outcome(0.3, true), outcome(0.2, false)];
        let quality = measure(outcomes).unwrap();
        assert!((quality.brier - (0.01 + 0.64 + 0.49 + 0.04) / 4.0).abs() < 1e-12);
        assert_eq!((quality.brier_of_share, quality.auc), (0.25, 0.75));
        assert!((quality.log_loss - -(0.9_f64 * 0.2 * 0.3 * 0.8).ln() / 4.0).abs() < 1e-12);
        assert_eq!((quality.bins[8].deals, quality.bins[8].actual), (1.0, 0.0));
        let apart = (0.1 + 0.8 + 0.7 + 0.2) / 4.0;
        assert!((quality.calibration_error - apart).abs() < 1e-12, "{}", quality.calibration_error);
    }

    #[test]
    fn equals_and_one_outcome_only_are_no_skill() {
        assert_eq!(measure(vec![outcome(0.5, true), outcome(0.5, false)]).unwrap().auc, 0.5);
        assert_eq!(measure(vec![outcome(0.9, true)]).unwrap().auc, 0.5);
        assert_eq!(measure(Vec::new()), None);
    }
}
