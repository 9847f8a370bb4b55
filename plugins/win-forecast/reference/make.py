"""Makes reference.json: what scikit-learn says about made-up examples, for the tests of the plugin's own arithmetic.

Run with scikit-learn 1.9: python make.py > reference.json
"""

import json

import numpy as np
from sklearn.calibration import _SigmoidCalibration
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

random = np.random.RandomState(20260331)


def examples(count, shift):
    """Counts as doublings, two properties of yes or no, one that is rare, and a weight as for one of several days."""
    doublings = np.log2(1 + random.poisson([6, 2, 20], size=(count, 3)))
    flags = random.uniform(size=(count, 3)) < [0.5, 0.3, 0.04]
    columns = np.round(np.hstack([doublings, flags]), 4)
    odds = columns @ [-0.4, 0.9, 0.2, -0.8, 0.6, 1.5] + shift
    won = random.uniform(size=count) < 1 / (1 + np.exp(-odds))
    counts = 1 / random.randint(1, 7, size=count)
    return columns, won.astype(int), counts


learn, calibrate, test = examples(240, -0.9), examples(80, -0.5), examples(120, -0.5)
fitted = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-12, max_iter=1000)
fitted.fit(learn[0], learn[1], sample_weight=learn[2])

with_constant = np.hstack([np.ones((240, 1)), learn[0]])
chance = fitted.predict_proba(learn[0])[:, 1]
curvature = (with_constant * (learn[2] * chance * (1 - chance))[:, None]).T @ with_constant
curvature += np.diag([0] + [1] * 6)

platt = _SigmoidCalibration()
platt.fit(fitted.decision_function(calibrate[0]), calibrate[1], calibrate[2])
predicted = platt.predict(fitted.decision_function(test[0]))


def rows(part):
    return [[*map(float, row), int(won), float(counts)] for row, won, counts in zip(*part)]


print(
    json.dumps(
        {
            "learn": rows(learn),
            "calibrate": rows(calibrate),
            "test": rows(test),
            "weights": [float(fitted.intercept_[0]), *map(float, fitted.coef_[0])],
            "errors": [float(error) for error in np.sqrt(np.diag(np.linalg.inv(curvature)))],
            "slope": float(-platt.a_),
            "shift": float(-platt.b_),
            "brier": float(brier_score_loss(test[1], predicted, sample_weight=test[2])),
            "log_loss": float(log_loss(test[1], predicted, sample_weight=test[2])),
            "auc": float(roc_auc_score(test[1], predicted, sample_weight=test[2])),
        }
    )
)
