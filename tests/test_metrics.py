# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Confusion matrices by hand, and intervals against the binomial law."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.metrics import CONFUSION_METRICS, bootstrap_metrics, confusion


def test_confusion_by_hand():
    label = np.array([1, 1, 1, 0, 0, 0, 0])
    score = np.array([0.9, 0.5, 0.2, 0.5, 0.4, 0.1, 0.0])
    matrix = confusion(label, score, 0.5)
    assert (matrix.tp, matrix.fn, matrix.fp, matrix.tn, matrix.n) == (2, 1, 1, 3, 7)
    values = matrix.as_dict()
    assert tuple(values) == CONFUSION_METRICS
    assert values["sensitivity"] == pytest.approx(2 / 3)
    assert values["specificity"] == pytest.approx(3 / 4)
    assert values["precision"] == pytest.approx(2 / 3)
    assert values["npv"] == pytest.approx(3 / 4)
    assert values["accuracy"] == pytest.approx(5 / 7)


def test_rates_of_nothing_are_nan():
    values = confusion(np.array([]), np.array([]), 0.5).as_dict()
    assert values["tp"] == 0
    assert np.isnan(values["sensitivity"])


def test_one_class_has_no_area_but_has_counts():
    metrics = bootstrap_metrics(
        np.zeros(10), np.linspace(0, 1, 10), np.arange(10), 0.5, rng=np.random.default_rng(0)
    )
    assert metrics["tn"].value == 5
    assert metrics["specificity"].low < 0.5 < metrics["specificity"].high
    assert np.isnan(metrics["auc"].value)
    assert np.isnan(metrics["auc"].low)


def test_interval_of_a_rate_has_the_binomial_width():
    rng = np.random.default_rng(1)
    label = np.ones(4000, dtype=int)
    score = rng.random(4000)
    metrics = bootstrap_metrics(label, score, rng.integers(0, 100, 4000), 0.2, rng=rng, n_resamples=2000)
    half_width = (metrics["sensitivity"].high - metrics["sensitivity"].low) / 2
    assert half_width == pytest.approx(np.sqrt(0.2 * 0.8 / 4000), rel=0.25)


def test_resampled_curves_enclose_the_exact_values():
    rng = np.random.default_rng(2)
    label = (rng.random(3000) < 0.3).astype(int)
    score = rng.normal(1.5 * label)
    metrics = bootstrap_metrics(label, score, rng.integers(0, 30, 3000), 0.7, rng=rng)
    for name in ("auc", "average_precision", "fpr_at_tpr_90", "fpr_at_tpr_95", "accuracy"):
        assert metrics[name].low < metrics[name].value < metrics[name].high, name
        assert metrics[name].n == 3000


def test_a_single_visit_still_has_intervals():
    rng = np.random.default_rng(3)
    label = (rng.random(500) < 0.3).astype(int)
    metrics = bootstrap_metrics(label, rng.normal(label), np.zeros(500), 0.5, rng=rng)
    assert np.isfinite(metrics["auc"].low)
