# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the combined probability of an object and of the rule of confirmation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsst.transient.bogus.evidence import (
    ConfirmationRule,
    EvidenceModel,
    combine_scores,
    group_pairs,
    probability,
)

_NO_FAILURES = {"failure_rate": 1e-300, "negative_failure_rate": 1e-300}


def _combine(score, night, *, negative=False, **kwargs):
    model = EvidenceModel(**(_NO_FAILURES | kwargs))
    zero = np.zeros(len(score), int)
    negative = np.broadcast_to(negative, len(score))
    return combine_scores(score, zero, night, is_negative=negative, n_objects=1, model=model)[0]


@given(st.floats(0.01, 0.99), st.floats(0.05, 0.95))
def test_one_epoch_keeps_its_score(score, prior):
    log_ratio = _combine([score], [0], prior=prior, max_log_ratio=20.0)
    assert probability(log_ratio, prior) == pytest.approx(score, rel=1e-6)


def test_independent_nights_add_up_and_identical_ones_count_once():
    log9 = np.log(9.0)
    score, night = [0.9, 0.9, 0.9], [1, 2, 3]
    assert _combine(score, night, correlation=0.0) == pytest.approx(3 * log9)
    assert _combine(score, night, correlation=1.0) == pytest.approx(log9)
    assert _combine(score, night, correlation=0.5) == pytest.approx(3 * log9 / 2)


def test_epochs_of_a_night_are_discounted_before_nights():
    log9 = np.log(9.0)
    log_ratio = _combine([0.9, 0.9, 0.9], [1, 1, 2], night_correlation=1.0, correlation=0.0)
    assert log_ratio == pytest.approx(2 * log9)


def test_positive_and_negative_detections_are_not_correlated():
    log9 = np.log(9.0)
    log_ratio = _combine([0.9, 0.9, 0.9], [1, 2, 3], negative=[False, True, True], correlation=1.0)
    assert log_ratio == pytest.approx(2 * log9)


def test_formula_is_the_exact_ratio_of_equicorrelated_gaussians():
    rho, mean, n = 0.4, 1.3, 4
    x = np.array([0.2, 1.1, -0.4, 2.0])
    covariance = (1 - rho) * np.eye(n) + rho
    inverse = np.linalg.inv(covariance)
    exact = 0.5 * ((x + mean) @ inverse @ (x + mean) - (x - mean) @ inverse @ (x - mean))
    score = 1.0 / (1.0 + np.exp(-2.0 * mean * x))
    assert _combine(score, range(n), correlation=rho, max_log_ratio=50.0) == pytest.approx(exact)


def test_clipping_bounds_certainty():
    assert _combine([1.0], [0], max_log_ratio=3.0) == pytest.approx(3.0)
    assert _combine([0.0], [0], max_log_ratio=3.0) == pytest.approx(-3.0)
    many = _combine(np.ones(1000), np.arange(1000), max_log_ratio=3.0, correlation=0.5)
    assert 5.9 < many < 6.0


@pytest.mark.parametrize(("negative", "rate"), [(False, 0.1), (True, 0.6)])
def test_failed_epochs_bound_what_a_low_score_says(negative, rate):
    kwargs = {"negative": negative, "failure_rate": 0.1, "negative_failure_rate": 0.6, "max_log_ratio": 9.0}
    lowest = _combine([0.0], [0], **kwargs)
    assert lowest == pytest.approx(np.log((1 - rate) * np.exp(-9.0) + rate))
    # A share of rate of the epochs is of bogus: the mean of a density ratio over bogus is 1.
    assert _combine([0.5], [0], **kwargs) == pytest.approx(0.0)


def test_unknown_scores_do_not_count():
    log_ratio = combine_scores(
        [np.nan, 0.9, np.nan],
        [0, 0, 1],
        [1, 2, 3],
        is_negative=np.zeros(3, bool),
        n_objects=3,
        model=EvidenceModel(correlation=0.9, **_NO_FAILURES),
    )
    np.testing.assert_allclose(log_ratio, [np.log(9.0), np.nan, np.nan])
    np.testing.assert_allclose(probability(log_ratio, 0.5), [0.9, np.nan, np.nan])


def test_group_pairs():
    group, first = group_pairs(np.array([1, 0, 1, 1]), np.array([5, 7, 5, 4]))
    np.testing.assert_array_equal(group, [2, 0, 2, 1])
    np.testing.assert_array_equal(first, [1, 3, 0])


def _objects(**changed):
    good = {
        "n_injected": 0,
        "n_nights_above": 1,
        "n_nights_supporting": 2,
        "probability": 0.95,
        "peak_snr": 10.0,
        "negative_fraction": 0.0,
        "motion": 0.0,
        "motion_significance": 0.0,
    }
    return {name: np.array([value]) for name, value in (good | changed).items()}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"n_injected": 1}, False),
        ({"n_nights_supporting": 1}, False),
        ({"n_nights_above": 0}, False),
        ({"probability": 0.9}, False),
        ({"probability": np.nan}, False),
        ({"peak_snr": 4.0}, False),
        ({"negative_fraction": 0.6}, False),
        ({"motion": 0.3, "motion_significance": 7.0}, False),
        ({"motion": 0.3, "motion_significance": 4.0}, True),
        ({"motion": 0.01, "motion_significance": 7.0}, True),
        ({"motion": np.nan, "motion_significance": np.nan}, True),
    ],
)
def test_rule(changed, expected):
    rule = ConfirmationRule(min_peak_snr=5.0, max_negative_fraction=0.5)
    assert rule.holds(_objects(**changed)).tolist() == [expected]
    assert "n_nights_above >= 1 (score > 0.25) and n_nights_supporting >= 2 (forced snr >= 4)" in str(rule)
