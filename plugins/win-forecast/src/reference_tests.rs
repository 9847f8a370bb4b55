//! Holds the arithmetic against scikit-learn: weights, standard errors, calibration and figures on the same made-up examples.
//! `reference/make.py` says how its numbers were made.

use std::convert::Infallible;

use serde::Deserialize;

use crate::logistic::{See, calibrate, fit, odds, sigmoid};
use crate::quality::{Outcome, measure};

#[derive(Deserialize)]
struct Reference {
    learn: Vec<Example>,
    calibrate: Vec<Example>,
    test: Vec<Example>,
    weights: Vec<f64>,
    errors: Vec<f64>,
    slope: f64,
    shift: f64,
    brier: f64,
    log_loss: f64,
    auc: f64,
}

/// Six columns, whether it was won, and how much it counts.
#[derive(Deserialize)]
struct Example([f64; 8]);

impl Example {
    fn row(&self) -> Vec<f64> {
        std::iter::once(1.0).chain(self.0[..6].iter().copied()).collect()
    }

    fn won(&self) -> bool {
        self.0[6] == 1.0
    }

    fn counts(&self) -> f64 {
        self.0[7]
    }
}

fn close(what: &str, own: f64, theirs: f64, apart: f64) {
    assert!((own - theirs).abs() <= apart, "{what}: {own} instead of {theirs}");
}

#[test]
fn weights_calibration_and_figures_are_those_of_scikit_learn() {
    let text = include_str!("../reference/reference.json");
    let reference: Reference = serde_json::from_str(text).unwrap();
    let fitted = fit(7, 1.0, |see: &mut See<'_>| {
        reference.learn.iter().for_each(|one| see(&one.row(), f64::from(one.won()), one.counts()));
        Ok::<(), Infallible>(())
    })
    .unwrap();
    for (place, weight) in fitted.weights.iter().enumerate() {
        close("weight", *weight, reference.weights[place], 1e-6);
        close("error", fitted.errors[place], reference.errors[place], 1e-6);
    }

    let seen: Vec<(f64, bool, f64)> = reference
        .calibrate
        .iter()
        .map(|one| (odds(&fitted.weights, &one.row()), one.won(), one.counts()))
        .collect();
    let calibration = calibrate(&seen);
    // Theirs stops earlier than ours.
    close("slope", calibration.slope, reference.slope, 1e-3);
    close("shift", calibration.shift, reference.shift, 1e-3);

    let outcome = |one: &Example| {
        let odds = calibration.slope * odds(&fitted.weights, &one.row()) + calibration.shift;
        Outcome { odds, chance: sigmoid(odds), won: one.won(), counts: one.counts() }
    };
    let quality = measure(reference.test.iter().map(outcome).collect()).unwrap();
    close("Brier score", quality.brier, reference.brier, 1e-5);
    close("log loss", quality.log_loss, reference.log_loss, 1e-5);
    close("AUC", quality.auc, reference.auc, 1e-9);
}
