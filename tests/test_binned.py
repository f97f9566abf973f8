# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calibration and completeness against analytic answers."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.binned import (
    binned_fraction,
    brier_score,
    expected_calibration_error,
    reliability,
    wilson_interval,
)


def test_honest_probabilities_lie_on_the_diagonal():
    rng = np.random.default_rng(0)
    probability = rng.random(200_000)
    outcome = (rng.random(200_000) < probability).astype(int)
    predicted, observed, number, events = reliability(outcome, probability, n_bins=5)
    np.testing.assert_allclose(predicted, [0.1, 0.3, 0.5, 0.7, 0.9], atol=0.005)
    np.testing.assert_allclose(observed, predicted, atol=0.01)
    assert number.sum() == 200_000
    assert events.sum() == outcome.sum()
    assert expected_calibration_error(outcome, probability) < 0.01
    assert brier_score(outcome, probability) == pytest.approx(1 / 6, abs=0.002)


def test_overconfidence_is_measured():
    outcome = np.tile([1, 0], 500)
    assert expected_calibration_error(outcome, np.full(1000, 0.9)) == pytest.approx(0.4)
    assert brier_score(outcome, np.full(1000, 0.9)) == pytest.approx(0.41)


def test_probability_one_belongs_to_the_last_bin():
    assert reliability(np.array([1]), np.array([1.0]), n_bins=4)[2].tolist() == [0, 0, 0, 1]


def test_nothing_gives_nan():
    assert np.isnan(brier_score(np.array([]), np.array([])))
    assert np.isnan(expected_calibration_error(np.array([]), np.array([])))


def test_wilson_interval_is_never_empty_at_the_ends():
    low, high = wilson_interval(np.array([0, 10, 5]), np.array([10, 10, 10]))
    assert low[0] == pytest.approx(0.0, abs=1e-12)
    assert high[0] == pytest.approx(1 / 11)
    assert low[1] == pytest.approx(10 / 11)
    assert low[2] + high[2] == pytest.approx(1.0)
    assert np.isnan(wilson_interval(np.array([0]), np.array([0]))[0][0])


def test_binned_fraction_ignores_what_is_outside_or_unknown():
    value = np.array([19.0, 20.0, 20.5, 21.0, 22.0, np.nan])
    hit = np.array([True, True, False, True, True, True])
    fraction, low, high, number = binned_fraction(value, hit, np.array([20.0, 21.0, 22.0, 23.0, 24.0]))
    np.testing.assert_array_equal(number, [2, 1, 1, 0])
    np.testing.assert_allclose(fraction[:3], [0.5, 1.0, 1.0])
    assert np.isnan(fraction[3])
    assert low[0] < 0.5 < high[0]
