# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calibration against a mixture whose probabilities are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from lsst.transient.bogus.binned import expected_calibration_error
from lsst.transient.bogus.calibration import Calibration, weigh_injections
from lsst.transient.bogus.errors import InsufficientDataError

ALPHA, N_UNLABELLED, N_INJECTED = 0.2, 40000, 8000


@pytest.fixture(scope="module")
def mixture():
    """Scores of injections (mean +1) and of unlabelled sources, a fifth of them real."""
    rng = np.random.default_rng(4)
    real = rng.random(N_UNLABELLED) < ALPHA
    unlabelled = rng.normal(np.where(real, 1.0, -1.0))
    injected = rng.normal(1.0, size=N_INJECTED)
    x = np.concatenate([unlabelled, injected])
    label = np.repeat([0, 1], [N_UNLABELLED, N_INJECTED])
    return x, label, real


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_probability_that_an_unlabelled_source_is_real(mixture, method):
    x, label, _ = mixture
    calibration = Calibration.fit(expit(0.7 * x - 0.3), label, method=method, prior=ALPHA)
    grid = np.linspace(-1.5, 2.0, 15)
    real, bogus = ALPHA * norm.pdf(grid - 1), (1 - ALPHA) * norm.pdf(grid + 1)
    # A mixture is not a logistic curve in the score: Platt's is the nearest one.
    tolerance = 0.06 if method == "isotonic" else 0.25
    assert calibration.apply(expit(0.7 * grid - 0.3)) == pytest.approx(real / (real + bogus), abs=tolerance)


def test_unlabelled_sources_are_calibrated_on_average(mixture):
    x, label, real = mixture
    p = Calibration.fit(expit(x), label, prior=ALPHA).apply(expit(x[:N_UNLABELLED]))
    assert p.mean() == pytest.approx(ALPHA, abs=0.01)
    for low in np.arange(0, 1, 0.2):
        chosen = (p >= low) & (p < low + 0.2)
        assert p[chosen].mean() == pytest.approx(real[chosen].mean(), abs=0.05)


@pytest.fixture(scope="module")
def faint_reality():
    """Scores that rise with signal-to-noise; real sources are fainter than injections."""
    rng = np.random.default_rng(8)
    n_injected, n_real, n_bogus = 1000, 500, 7500
    snr = np.concatenate(
        [rng.uniform(5, 40, n_injected), 5 + rng.exponential(4, n_real), 5 + rng.exponential(8, n_bogus)]
    )
    label = np.repeat([1, 0, 0], [n_injected, n_real, n_bogus])
    real = np.repeat([False, True, False], [n_injected, n_real, n_bogus])
    is_bogus = (label == 0) & ~real
    x = rng.normal(np.where(is_bogus, -3.0, 4 * np.log(snr / 6)), 1.5)
    edges = np.quantile(snr[label == 1], np.linspace(0, 1, 11)[1:-1])
    return expit(x), label, real, np.searchsorted(edges, snr)


def test_injections_are_weighted_to_the_brightness_of_real_sources(faint_reality):
    score, label, real, stratum = faint_reality
    weight, prior = weigh_injections(score, label, stratum)
    shifted = weigh_injections(score, label, stratum, covariate=3.0 * stratum - 1.0)
    np.testing.assert_allclose(shifted[0], weight, rtol=1e-6)
    assert shifted[1] == pytest.approx(prior)
    unlabelled = label == 0
    assert np.all(weight[unlabelled] == 1.0)
    assert weight[~unlabelled].mean() == pytest.approx(1.0)
    assert prior == pytest.approx(real[unlabelled].mean(), rel=0.25)
    n = np.bincount(stratum[real], minlength=10)
    each = [weight[~unlabelled & (stratum == k)][0] for k in range(10)]
    assert np.corrcoef(n, each)[0, 1] > 0.95
    errors = [
        expected_calibration_error(
            real[unlabelled],
            Calibration.fit(score, label, prior=prior, weight=w).apply(score[unlabelled]),
        )
        for w in (weight, None)
    ]
    assert errors[0] < 0.02
    assert errors[0] < errors[1] / 2


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_weights_count_injections(mixture, method):
    """An injection of weight two is two injections, but for smoothing and the weight of the whole class."""
    x, label, _ = mixture
    rng = np.random.default_rng(1)
    twice = (label == 1) & (rng.random(len(label)) < 0.3)
    weighted = Calibration.fit(expit(x), label, method=method, prior=ALPHA, weight=1.0 + twice)
    x2, label2 = np.append(x, x[twice]), np.append(label, label[twice])
    repeated = Calibration.fit(expit(x2), label2, method=method, prior=ALPHA)
    grid = np.linspace(0.1, 0.8, 8)
    assert weighted.apply(grid) == pytest.approx(repeated.apply(grid), abs=0.025)


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_never_decreases_and_stays_a_probability(mixture, method):
    x, label, _ = mixture
    calibration = Calibration.fit(expit(x), label, method=method, prior=ALPHA)
    p = calibration.apply(np.linspace(0, 1, 1001))
    assert np.all(np.diff(p) >= 0)
    assert p[0] >= 0
    assert p[-1] <= 1
    g = calibration.injected_probability(np.linspace(0, 1, 1001))
    assert np.all((g >= 0) & (g <= 1))


def test_perfect_separation_is_not_certainty():
    score, label = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1])
    g = Calibration.fit(score, label, prior=0.1).injected_probability(score)
    assert g[0] > 0.01
    assert g[-1] < 0.99
    assert g[-1] > g[0]


def test_nan_and_json(mixture):
    x, label, _ = mixture
    calibration = Calibration.fit(np.append(expit(x), np.nan), np.append(label, 1), prior=ALPHA)
    again = Calibration.from_dict(json.loads(json.dumps(calibration.to_dict())))
    assert again == calibration
    assert np.isnan(again.apply([np.nan, 0.5])).tolist() == [True, False]
    assert again.apply([]).shape == (0,)


def test_refusals():
    with pytest.raises(InsufficientDataError, match="2 unlabelled and 0 injected"):
        weigh_injections([0.1, 0.2], [0, 0], [0, 0])
    with pytest.raises(InsufficientDataError, match="0 injected and 2 unlabelled"):
        Calibration.fit([0.1, 0.2], [0, 0], prior=0.1)
    with pytest.raises(ValueError, match="Unknown calibration"):
        Calibration.fit([0.1, 0.2], [0, 1], method="magic", prior=0.1)
