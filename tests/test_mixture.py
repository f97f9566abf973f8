# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts of a mixture, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.errors import InsufficientDataError
from lsst.transient.bogus.mixture import (
    Sample,
    best_threshold,
    count_mixture,
    real_bound,
    real_number,
    thinning_error,
)


def _counts():
    unlabelled = Sample(np.array([0.9, 0.1, 0.1, np.nan, 0.9]), group=np.array([7, 7, 8, 8, 8]))
    injected = Sample(np.array([0.9, 0.9, 0.9, 0.1]), group=np.array([7, 7, 8, 8]))
    return count_mixture(unlabelled, injected, 10, 0.5)


def test_counts_per_group_and_threshold():
    counts, thresholds = _counts()
    assert thresholds.tolist() == [0.1, 0.5, 0.9]
    assert counts.unlabelled[:, 0].tolist() == [[2, 1, 1], [2, 1, 1]]
    assert counts.injected[:, 0].tolist() == [[2, 2, 2], [2, 1, 1]]
    assert counts.n_unlabelled.tolist() == [[2], [2]]
    twice = counts.sum_groups(np.array([[2.0, 0.0]]), np.array([[0.0, 1.0]]))
    assert twice.unlabelled[0, 0].tolist() == [4, 2, 2]
    assert twice.tpr[0, 0].tolist() == [1.0, 0.5, 0.5]


def test_fraction_and_number_of_real_detections():
    counts, _ = _counts()
    ones = np.ones((1, 2))
    number, error, usable = real_bound(counts.sum_groups(ones, ones), 0.8)
    np.testing.assert_allclose(number[0, 0], [4.0, 2 / 0.75, 2 / 0.75])
    assert usable[0, 0].tolist() == [True, False, False]
    assert np.all(error > 0)
    real, seen, tpr = real_number(counts, ones, 0.1, 0.0)
    # By group 8 alone the ratios tie, so group 7 is counted at the lowest threshold, where
    # both of its detections pass; by group 7 alone group 8 is counted where one passes.
    assert real[0, 0] == pytest.approx(2 / 1.0 + 1 / 0.75)
    assert seen[0, 0] == 3
    assert tpr[0, 0] == pytest.approx((1.0 + 0.75) / 2)


def test_no_usable_threshold_is_an_error():
    counts, _ = count_mixture(
        Sample(np.array([0.5])), Sample(np.array([0.1, 0.9]), stratum=np.array([0, 1])), 5, 0.95
    )
    ones = np.ones((1, counts.n_injected.shape[0]))
    with pytest.raises(InsufficientDataError, match="No threshold"):
        best_threshold(counts.sum_groups(ones, ones), 1.1, 1.0)


def test_thinning_is_binomial_above_and_negative_binomial_below():
    # Of 99 + 1 seen, half pass a stricter threshold: sqrt(100 · 0.5 · 0.5).
    assert thinning_error(np.array(99.0), np.array(0.8), np.array(0.4)) == pytest.approx(5.0)
    # They are half of all: the number of all has variance 100 · 0.5 / 0.5².
    assert thinning_error(np.array(99.0), np.array(0.5), np.array(1.0)) == pytest.approx(np.sqrt(200.0))
    assert thinning_error(np.array(100.0), np.array(0.5), np.array(0.5)) == 0.0
