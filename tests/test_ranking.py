# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves and thresholds against analytic answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from lsst.transient.bogus.ranking import (
    area_under_roc,
    average_precision,
    best_balanced_threshold,
    fpr_at_tpr,
    precision_recall_curve,
    roc_curve,
    threshold_at_fpr,
    threshold_at_tpr,
)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_area_counts_ordered_pairs_and_half_of_the_ties(pairs):
    label = np.array([p[0] for p in pairs], dtype=int)
    score = np.array([p[1] for p in pairs], dtype=float)
    positive, negative = score[label == 1], score[label == 0]
    area = area_under_roc(label, score)
    if len(positive) == 0 or len(negative) == 0:
        assert np.isnan(area)
        return
    difference = positive[:, None] - negative[None, :]
    assert area == pytest.approx(np.mean((difference > 0) + 0.5 * (difference == 0)))


def test_area_of_shifted_gaussians():
    rng = np.random.default_rng(0)
    label = np.repeat([0, 1], 20000)
    assert area_under_roc(label, rng.normal(label)) == pytest.approx(norm.cdf(1 / np.sqrt(2)), abs=0.01)


def test_roc_runs_from_corner_to_corner_through_its_thresholds():
    label, score = np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.8, 0.1])
    curve = roc_curve(label, score)
    np.testing.assert_allclose(curve.x, [0, 0, 0.5, 1])
    np.testing.assert_allclose(curve.y, [0, 0.5, 1, 1])
    np.testing.assert_allclose(curve.threshold, [np.inf, 0.9, 0.8, 0.1])


def test_precision_of_a_perfect_and_of_a_random_score():
    label = np.repeat([1, 0], [100, 900])
    assert average_precision(label, label.astype(float)) == pytest.approx(1.0)
    assert average_precision(label, np.ones(1000)) == pytest.approx(0.1)
    assert precision_recall_curve(label, np.ones(1000)).y == pytest.approx([0.1])
    assert np.isnan(average_precision(np.zeros(3), np.arange(3)))


def test_thresholds_hold_what_they_promise():
    rng = np.random.default_rng(1)
    label = (rng.random(1000) < 0.3).astype(int)
    score = np.round(rng.normal(label), 1)  # many ties
    threshold = threshold_at_tpr(label, score, 0.9)
    assert np.mean(score[label == 1] >= threshold) >= 0.9
    assert np.mean(score[label == 1] >= threshold + 0.1) < 0.9
    assert fpr_at_tpr(label, score, 0.9) == np.mean(score[label == 0] >= threshold)
    strict = threshold_at_fpr(label, score, 0.01)
    assert np.mean(score[label == 0] >= strict) <= 0.01
    assert np.mean(score[label == 0] >= strict - 0.1) > 0.01


def test_balanced_threshold_of_gaussians_is_halfway_and_moves_with_cost():
    rng = np.random.default_rng(2)
    label = np.repeat([0, 1], 50000)
    score = rng.normal(2.0 * label)
    assert best_balanced_threshold(label, score) == pytest.approx(1.0, abs=0.15)
    # Cost ratio c moves the optimum to where the likelihood ratio is c: x = 1 + ln(c)/2.
    assert best_balanced_threshold(label, score, cost_ratio=5.0) == pytest.approx(1 + np.log(5) / 2, abs=0.25)


@pytest.mark.parametrize("function", [best_balanced_threshold, area_under_roc])
def test_an_empty_class_gives_nan(function):
    assert np.isnan(function(np.ones(3), np.arange(3.0)))
    assert np.isnan(function(np.zeros(3), np.arange(3.0)))


def test_thresholds_of_an_empty_class_are_nan():
    assert np.isnan(threshold_at_tpr(np.zeros(3), np.arange(3.0), 0.9))
    assert np.isnan(threshold_at_fpr(np.ones(3), np.arange(3.0), 0.1))
    assert np.isnan(fpr_at_tpr(np.ones(3), np.arange(3.0), 0.9))
