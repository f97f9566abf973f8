# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mixture's coefficients against samples drawn from the model itself."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.mixture import (
    MixtureSample,
    fit_mixture,
    real_per_injection,
    real_probability,
    resample_mixture,
    standard_covariates,
)

MEAN, SIGMA, SLOPE = 4.0, 1.5, 2.0


def _sample(n_injected, n_real, n_bogus, seed=0, n_groups=20):
    """Injections and real ~ N(4, 1.5); tilted by exp(-2 s) that is N(4 - 2 · 1.5², 1.5), the bogus."""
    rng = np.random.default_rng(seed)
    n = n_injected + n_real + n_bogus
    kind = np.repeat([0, 1, 2], [n_injected, n_real, n_bogus])
    logit = rng.normal(np.where(kind == 2, MEAN - SLOPE * SIGMA**2, MEAN), SIGMA)
    standard = (logit - MEAN) / SIGMA
    return MixtureSample(standard, np.ones((n, 1)), kind == 0, rng.integers(0, n_groups, n)), kind


def test_coefficients_of_the_model_are_found():
    sample, _ = _sample(4000, 1000, 20000)
    gamma, *bogus = fit_mixture(sample)
    assert np.exp(gamma) == pytest.approx(1000 / 4000, rel=0.1)
    # In units of the injections the bogus are SLOPE SIGMA = 3 below, and the ratio of the two normals
    # is exp(-3 s - 3² / 2): compared where both are seen, because slope and bend make up for each other.
    delta, log_slope, bend = bogus
    for s in (-2.0, -1.5, -1.0):
        fitted = delta - np.exp(log_slope) * s - bend * (s**2 - 1) / 2
        assert fitted == pytest.approx(np.log(20000 / 4000) - 3.0 * s - 4.5, abs=0.3)


def test_a_covariate_of_the_real_detections_is_found():
    rng = np.random.default_rng(3)
    sample, kind = _sample(4000, 2000, 8000, seed=1)
    # Real detections have the covariate's mean at -1, others at 0: ρ falls as exp(-x).
    x = rng.normal(np.where(kind == 1, -1.0, 0.0), 1.0)
    covariates = np.column_stack([np.ones(len(x)), x])
    coefficients = fit_mixture(MixtureSample(sample.logit, covariates, sample.injected, sample.group))
    assert coefficients[1] == pytest.approx(-1.0, abs=0.15)


def test_probability_and_ratio_by_hand():
    coefficients = np.array([[np.log(0.5), 0.0, np.log(2.0), 0.0, np.log(1.0), 0.0]])
    covariates = np.array([[1.0, 7.0]])
    # ρ = 0.5 and ε = 2 exp(-s): equal at s = log 4.
    assert real_probability(coefficients, np.array([np.log(4.0)]), covariates)[0, 0] == pytest.approx(0.5)
    assert real_per_injection(coefficients, covariates)[0, 0] == pytest.approx(0.5)


def test_the_spread_of_resamples_is_that_of_new_samples():
    sample, _ = _sample(400, 100, 2000)
    best = fit_mixture(sample)
    rng = np.random.default_rng(2)
    once = resample_mixture(sample, best, np.ones((400, 20)), rng)
    # Only the prior differs: no matter for ρ, which the data tell.
    assert once[:, 0].std() < 0.05
    weights = np.random.default_rng(1).multinomial(20, np.full(20, 0.05), size=400).astype(float)
    resampled = resample_mixture(sample, best, weights, rng)
    again = np.array([fit_mixture(_sample(400, 100, 2000, seed)[0]) for seed in range(1, 41)])
    # ρ itself: 100 real, 400 injections, so about √(1/100 + 1/400) = 0.11 in its logarithm.
    assert resampled[:, 0].std() == pytest.approx(again[:, 0].std(), rel=0.5)
    assert 0.08 < again[:, 0].std() < 0.2


def test_covariates_are_scaled_by_the_injections_and_held_in_their_range():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(5.0, 2.0, 1000), [np.nan, 1e6, -1e6]])[:, None]
    injected = np.arange(1003) < 1000
    scaled = standard_covariates(values, injected)
    assert np.all(scaled[:, 0] == 1.0)
    assert scaled[:1000, 1].mean() == pytest.approx(0.0, abs=1e-12)
    assert scaled[:1000, 1].std() == pytest.approx(1.0)
    assert scaled[1000, 1] == 0.0
    assert scaled[1001, 1] == scaled[:1000, 1].max()
    assert scaled[1002, 1] == scaled[:1000, 1].min()


def test_a_constant_covariate_changes_nothing():
    sample, _ = _sample(200, 50, 1000)
    constant = standard_covariates(np.full((1250, 1), 3.0), sample.injected)
    np.testing.assert_array_equal(constant[:, 1], 0.0)
    fitted = fit_mixture(MixtureSample(sample.logit, constant, sample.injected, sample.group))
    np.testing.assert_allclose(fitted[[0, 2, 4, 5]], fit_mixture(sample), atol=1e-3)
