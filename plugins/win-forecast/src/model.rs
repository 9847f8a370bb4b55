//! What was learnt, as it is kept in the plugin's store, and what it says about an opportunity: a probability, and what
//! moves it away from that of an average one. Pure.

use serde::{Deserialize, Serialize};

use crate::deal::{Deal, Words};
use crate::features::{Factor, columns};
use crate::logistic::{odds, sigmoid};
use crate::quality::Quality;

/// What there is in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum State {
    /// Too few deals to say anything.
    TooFew(TooFew),
    Trained(Box<Model>),
}

/// How many there are and how many it takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TooFew {
    /// Closed records when it was looked at, whether usable or not.
    pub(crate) closed: u64,
    pub(crate) at: String,
    pub(crate) won: u32,
    pub(crate) lost: u32,
    pub(crate) minimum: u32,
}

/// What was learnt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Model {
    /// Closed records when it was learnt, whether usable or not.
    pub(crate) closed: u64,
    pub(crate) at: String,
    pub(crate) won: u32,
    pub(crate) lost: u32,
    pub(crate) words: Words,
    pub(crate) factors: Vec<Factor>,
    /// One for the constant and one for each factor.
    pub(crate) weights: Vec<f64>,
    pub(crate) errors: Vec<f64>,
    /// The average deal.
    pub(crate) means: Vec<f64>,
    pub(crate) slope: f64,
    pub(crate) shift: f64,
    pub(crate) quality: Option<Quality>,
}

/// What moves the probability of a deal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mover {
    pub(crate) factor: Factor,
    /// By how many percentage points, compared with the average deal.
    pub(crate) points: f64,
}

impl Model {
    /// Calibrated log odds of a row.
    pub(crate) fn odds(&self, row: &[f64]) -> f64 {
        self.slope * odds(&self.weights, row) + self.shift
    }

    /// The probability of winning, from 0 to 1.
    pub(crate) fn chance(&self, deal: &Deal, age: i32) -> f64 {
        sigmoid(self.odds(&columns(&self.factors, deal, age)))
    }

    /// What moves it, the strongest first. A property with several values is one mover.
    pub(crate) fn movers(&self, deal: &Deal, age: i32) -> Vec<Mover> {
        let row = columns(&self.factors, deal, age);
        let odds = self.odds(&row);
        let mut parts: Vec<(Factor, f64)> = Vec::new();
        for (place, factor) in self.factors.iter().enumerate() {
            let part = self.slope * self.weights[place + 1] * (row[place + 1] - self.means[place + 1]);
            match parts.iter_mut().find(|(known, _)| same_property(*known, *factor)) {
                Some((known, sum)) => {
                    *sum += part;
                    if row[place + 1] != 0.0 {
                        *known = *factor;
                    }
                }
                None => parts.push((*factor, part)),
            }
        }
        let points = |part: f64| (sigmoid(odds) - sigmoid(odds - part)) * 100.0;
        let mover =
            |(factor, part): (Factor, f64)| Mover { factor, points: (points(part) * 10.0).round() / 10.0 };
        let mut movers: Vec<Mover> = parts.into_iter().map(mover).collect();
        // A stable sort: equals stay in the order of the factors.
        movers.sort_by(|one, other| other.points.abs().total_cmp(&one.points.abs()));
        movers
    }

    /// The share of deals won.
    pub(crate) fn share(&self) -> f64 {
        f64::from(self.won) / f64::from(self.won + self.lost).max(1.0)
    }
}

fn same_property(one: Factor, other: Factor) -> bool {
    matches!((one, other), (Factor::Budget(_), Factor::Budget(_)) | (Factor::Source(_), Factor::Source(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deal::NONE;

    fn model() -> Model {
        Model {
            closed: 100,
            at: "2026-03-31T08:15:00Z".into(),
            won: 40,
            lost: 60,
            words: Words::default(),
            factors: vec![Factor::Competitor, Factor::Budget(0), Factor::Budget(1)],
            weights: vec![0.0, -1.0, 0.5, -0.5],
            errors: vec![0.1; 4],
            means: vec![1.0, 0.5, 0.5, 0.5],
            slope: 1.0,
            shift: 0.0,
            quality: None,
        }
    }

    #[test]
    fn movers_are_what_differs_from_the_average_deal() {
        let deal = Deal { competitor: true, budget: 1, source: NONE, ..Deal::default() };
        assert!((model().chance(&deal, 0) - sigmoid(-1.5)).abs() < 1e-12);
        let movers = model().movers(&deal, 0);
        assert_eq!(movers.len(), 2, "the values of a property are one mover: {movers:?}");
        assert_eq!(movers[0].factor, Factor::Competitor);
        assert_eq!(movers[1].factor, Factor::Budget(1), "called by the value that it has");
        let expected = (sigmoid(-1.5) - sigmoid(-1.0)) * 100.0;
        assert!((movers[0].points - expected).abs() < 0.051, "{movers:?}");
    }

    #[test]
    fn what_was_learnt_is_kept_as_it_was() {
        let state = State::Trained(Box::new(model()));
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state);
    }
}
