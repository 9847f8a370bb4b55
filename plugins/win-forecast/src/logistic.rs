//! Logistic regression by Newton's method with a ridge, over examples that are handed in one by one: only sums are kept, so
//! the memory does not grow with the history. The same examples always give the same numbers. Pure.

/// Most passes over the examples. Newton's method needs about eight.
const PASSES_MAX: u32 = 25;
/// A step below this changes no figure that anybody sees.
const STEP_MIN: f64 = 1e-9;

/// What was learnt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fit {
    /// One for each column; the first belongs to the constant.
    pub(crate) weights: Vec<f64>,
    /// How far each may be off: standard errors.
    pub(crate) errors: Vec<f64>,
    /// How often the examples were gone through.
    pub(crate) passes: u32,
}

/// An example: its columns, of which the first is 1; what happened, from 0 to 1; how much it counts.
pub(crate) type See<'a> = dyn FnMut(&[f64], f64, f64) + 'a;

/// Fits weights. `each` shows all examples, in the same order each time; `ridge` pulls all weights but the first to 0, as
/// `1 / C` does in scikit-learn.
pub(crate) fn fit<E>(
    width: usize,
    ridge: f64,
    mut each: impl FnMut(&mut See<'_>) -> Result<(), E>,
) -> Result<Fit, E> {
    let mut weights = vec![0.0; width];
    let mut best: Option<(Vec<f64>, Sums)> = None;
    let mut passes = 0;
    while passes < PASSES_MAX {
        passes += 1;
        let mut sums = Sums::new(width);
        each(&mut |columns, target, counts| sums.add(&weights, columns, target, counts))?;
        sums.ridge(&weights, ridge);
        if let Some((before, best)) = &best
            && sums.loss > best.loss + 1e-12 * best.loss.abs()
        {
            // Too far: half way back. Below the optimum's precision there is nothing left to gain.
            let halved: Vec<f64> =
                weights.iter().zip(before).map(|(one, other)| (one + other) / 2.0).collect();
            if farthest(&halved, before) < STEP_MIN {
                break;
            }
            weights = halved;
            continue;
        }
        let step = sums.root().solve(&sums.gradient);
        let next: Vec<f64> = weights.iter().zip(&step).map(|(weight, step)| weight + step).collect();
        let moved = farthest(&next, &weights);
        best = Some((weights, sums));
        weights = next;
        if moved < STEP_MIN {
            break;
        }
    }
    let (weights, errors) = match best {
        Some((weights, sums)) => (weights, sums.root().errors()),
        None => (weights, vec![0.0; width]),
    };
    Ok(Fit { weights, errors, passes })
}

fn farthest(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f64::max)
}

/// The probability of log odds.
pub(crate) fn sigmoid(odds: f64) -> f64 {
    if odds >= 0.0 {
        1.0 / (1.0 + (-odds).exp())
    } else {
        let small = odds.exp();
        small / (1.0 + small)
    }
}

/// The log odds of columns.
pub(crate) fn odds(weights: &[f64], columns: &[f64]) -> f64 {
    weights.iter().zip(columns).map(|(weight, column)| weight * column).sum()
}

/// How surprising what happened is: the negative logarithm of its probability.
pub(crate) fn surprise(odds: f64, target: f64) -> f64 {
    // ln(1 + e^odds), without overflow.
    let both = odds.max(0.0) + (-odds.abs()).exp().ln_1p();
    both - target * odds
}

/// Sums of one pass.
struct Sums {
    loss: f64,
    gradient: Vec<f64>,
    /// The lower half of the matrix of second derivatives, row by row.
    curvature: Vec<f64>,
}

impl Sums {
    fn new(width: usize) -> Sums {
        Sums { loss: 0.0, gradient: vec![0.0; width], curvature: vec![0.0; width * (width + 1) / 2] }
    }

    fn add(&mut self, weights: &[f64], columns: &[f64], target: f64, counts: f64) {
        let odds = odds(weights, columns);
        let chance = sigmoid(odds);
        self.loss += counts * surprise(odds, target);
        let bend = counts * chance * (1.0 - chance);
        let mut place = 0;
        for (row, column) in columns.iter().enumerate() {
            self.gradient[row] += counts * (target - chance) * column;
            // Most columns are yes or no, and mostly no.
            if *column != 0.0 {
                for (left, other) in columns[..=row].iter().enumerate() {
                    self.curvature[place + left] += bend * column * other;
                }
            }
            place += row + 1;
        }
    }

    fn ridge(&mut self, weights: &[f64], ridge: f64) {
        let mut place = 0;
        for (row, weight) in weights.iter().enumerate() {
            place += row;
            let pull = if row == 0 { 0.0 } else { ridge };
            self.loss += pull * weight * weight / 2.0;
            self.gradient[row] -= pull * weight;
            // A trace of it everywhere, so that a column that is always 0 does not stop the arithmetic.
            self.curvature[place + row] += pull + 1e-10;
        }
    }

    /// The Cholesky root of the curvature.
    fn root(&self) -> Root {
        let width = self.gradient.len();
        let mut root = self.curvature.clone();
        for row in 0..width {
            let start = row * (row + 1) / 2;
            for column in 0..=row {
                let other = column * (column + 1) / 2;
                let known: f64 = (0..column).map(|at| root[start + at] * root[other + at]).sum();
                let rest = root[start + column] - known;
                root[start + column] =
                    if row == column { rest.max(1e-12).sqrt() } else { rest / root[other + column] };
            }
        }
        Root { width, root }
    }
}

struct Root {
    width: usize,
    root: Vec<f64>,
}

impl Root {
    fn at(&self, row: usize, column: usize) -> f64 {
        self.root[row * (row + 1) / 2 + column]
    }

    fn solve(&self, right: &[f64]) -> Vec<f64> {
        let mut answer = right.to_vec();
        for row in 0..self.width {
            let known: f64 = (0..row).map(|at| self.at(row, at) * answer[at]).sum();
            answer[row] = (answer[row] - known) / self.at(row, row);
        }
        for row in (0..self.width).rev() {
            let known: f64 = (row + 1..self.width).map(|at| self.at(at, row) * answer[at]).sum();
            answer[row] = (answer[row] - known) / self.at(row, row);
        }
        answer
    }

    /// The roots of the diagonal of the inverse.
    fn errors(&self) -> Vec<f64> {
        let error = |row: usize| {
            let mut unit = vec![0.0; self.width];
            unit[row] = 1.0;
            self.solve(&unit)[row].max(0.0).sqrt()
        };
        (0..self.width).map(error).collect()
    }
}

/// Brings log odds to what really happens: `slope * odds + shift`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Calibration {
    pub(crate) slope: f64,
    pub(crate) shift: f64,
}

/// Calibrates by Platt's method on log odds, what happened, and how much each counts. Targets are kept away from 0 and 1 as
/// he proposes, so that few examples give no certainty.
pub(crate) fn calibrate(seen: &[(f64, bool, f64)]) -> Calibration {
    let sum = |wanted: bool| -> f64 {
        seen.iter().filter(|(_, won, _)| *won == wanted).map(|(_, _, counts)| counts).sum()
    };
    let (won, lost) = (sum(true), sum(false));
    let (high, low) = ((won + 1.0) / (won + 2.0), 1.0 / (lost + 2.0));
    let fitted: Result<Fit, std::convert::Infallible> = fit(2, 0.0, |see| {
        for (odds, won, counts) in seen {
            see(&[1.0, *odds], if *won { high } else { low }, *counts);
        }
        Ok(())
    });
    let Ok(fitted) = fitted;
    if fitted.weights[1] > 0.0 {
        return Calibration { slope: fitted.weights[1], shift: fitted.weights[0] };
    }
    // What was learnt says nothing about the newer deals: the share of those won is all that is known.
    Calibration { slope: 0.0, shift: ((won + 1.0) / (lost + 1.0)).ln() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(examples: &[(f64, bool)], ridge: f64) -> Fit {
        let each = |see: &mut See<'_>| {
            for (column, won) in examples {
                see(&[1.0, *column], f64::from(*won), 1.0);
            }
            Ok::<(), std::convert::Infallible>(())
        };
        fit(2, ridge, each).unwrap()
    }

    #[test]
    fn two_groups_give_the_logarithm_of_their_odds() {
        // 3 of 4 against 1 of 4: log odds of 3 and of 1/3.
        let group = |column: f64, won: usize| (0..4).map(move |number| (column, number < won));
        let examples: Vec<(f64, bool)> = group(1.0, 3).chain(group(0.0, 1)).collect();
        let fit = fitted(&examples, 0.0);
        assert!((fit.weights[0] - (1.0_f64 / 3.0).ln()).abs() < 1e-8, "{fit:?}");
        assert!((fit.weights[1] - 9.0_f64.ln()).abs() < 1e-8, "{fit:?}");
        assert!(fit.passes < 12, "{fit:?}");
    }

    #[test]
    fn what_separates_perfectly_is_held_back_by_the_ridge() {
        let examples: Vec<(f64, bool)> = (-50..50).map(|at| (f64::from(at) / 10.0, at >= 0)).collect();
        let fit = fitted(&examples, 1.0);
        assert!(fit.weights.iter().all(|weight| weight.is_finite() && weight.abs() < 10.0), "{fit:?}");
    }

    #[test]
    fn no_examples_and_one_outcome_only_are_no_certainty() {
        assert_eq!(sigmoid(fitted(&[], 1.0).weights[0]), 0.5);
        let all_won: Vec<(f64, bool, f64)> = (0..20).map(|_| (1.0, true, 1.0)).collect();
        let calibration = calibrate(&all_won);
        let chance = sigmoid(calibration.slope + calibration.shift);
        assert!((0.9..1.0).contains(&chance), "{chance}");
    }

    #[test]
    fn a_model_that_is_wrong_about_newer_deals_falls_back_to_their_share() {
        let wrong: Vec<(f64, bool, f64)> = (0..40).map(|at| (f64::from(at % 4), at % 4 < 2, 1.0)).collect();
        let calibration = calibrate(&wrong);
        assert_eq!((calibration.slope, sigmoid(calibration.shift)), (0.0, 0.5));
    }

    #[test]
    fn far_odds_do_not_overflow() {
        assert_eq!((sigmoid(-800.0), sigmoid(800.0)), (0.0, 1.0));
        assert!(surprise(800.0, 0.0) == 800.0 && surprise(-800.0, 1.0) == 800.0);
    }
}
