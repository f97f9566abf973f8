# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contamination and purity against mixtures whose composition is known."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.errors import InsufficientDataError
from lsst.transient.bogus.purity import estimate_contamination, label_free_rates


def _mixture(seed, *, n_unlabelled=5000, n_injected=1500, alpha=0.05, n_visits=20):
    """Beta-distributed scores; returns unlabelled, injected, truth of the unlabelled and visits."""
    rng = np.random.default_rng(seed)
    real = rng.random(n_unlabelled) < alpha
    unlabelled = np.where(real, rng.beta(8, 2, n_unlabelled), rng.beta(1, 9, n_unlabelled))
    injected = rng.beta(8, 2, n_injected)
    visits = rng.integers(0, n_visits, n_unlabelled), rng.integers(0, n_visits, n_injected)
    return unlabelled, injected, real, visits


def test_separable_scores_are_counted_exactly():
    unlabelled = np.concatenate([np.full(30, 0.9), np.full(970, 0.1)])
    injected = np.concatenate([np.full(80, 0.9), np.full(20, 0.1)])
    result = estimate_contamination(unlabelled, injected)
    # 30 above, of which injections say 80 % would be above.
    assert result.alpha == pytest.approx(30 / 0.8 / 1000)
    assert result.threshold == pytest.approx(0.9)
    assert result.low < result.alpha < result.high
    rates = label_free_rates(unlabelled, injected, 0.5, rng=np.random.default_rng(1))
    assert rates.tpr.value == pytest.approx(0.8)
    assert rates.purity.value == pytest.approx(1.0)
    assert rates.fpr.value == pytest.approx(0.0)
    assert np.isnan(rates.alpha.low)


def test_no_real_source_gives_a_contamination_near_zero():
    rng = np.random.default_rng(2)
    result = estimate_contamination(rng.beta(1, 9, 5000), rng.beta(9, 1, 1000))
    assert result.alpha < 0.01
    assert result.low == 0.0 or result.low < result.alpha


def test_everything_real_gives_one():
    rng = np.random.default_rng(3)
    result = estimate_contamination(rng.beta(8, 2, 4000), rng.beta(8, 2, 4000))
    assert result.alpha == pytest.approx(1.0, abs=0.06)


def test_nan_scores_are_ignored():
    unlabelled, injected, _, _ = _mixture(4)
    with_nan = np.append(unlabelled, [np.nan, np.nan])
    assert estimate_contamination(with_nan, injected) == estimate_contamination(unlabelled, injected)


@pytest.mark.parametrize(("n_unlabelled", "n_injected"), [(0, 10), (10, 0)])
def test_one_kind_alone_is_refused_with_its_counts(n_unlabelled, n_injected):
    with pytest.raises(InsufficientDataError) as raised:
        estimate_contamination(np.full(n_unlabelled, 0.5), np.full(n_injected, 0.5))
    assert raised.value.metadata == {"n_unlabelled": n_unlabelled, "n_injected": n_injected}


def test_strata_undo_a_difference_in_signal_to_noise():
    """Faint real sources score low; injections are mostly bright, so pooling underestimates."""
    rng = np.random.default_rng(5)
    n_bogus, n_real = 6000, 600
    real_faint = rng.random(n_real) < 0.8
    injected_faint = rng.random(3000) < 0.2

    def scores(faint):
        return np.where(faint, rng.beta(3, 3, len(faint)), rng.beta(12, 1, len(faint)))

    unlabelled = np.concatenate([scores(real_faint), rng.beta(1, 30, n_bogus)])
    stratum = np.concatenate([real_faint, rng.random(n_bogus) < 0.5]).astype(int)
    injected = scores(injected_faint)
    truth = n_real / (n_real + n_bogus)
    pooled = estimate_contamination(unlabelled, injected)
    stratified = estimate_contamination(
        unlabelled, injected, stratum_unlabelled=stratum, stratum_injected=injected_faint.astype(int)
    )
    assert pooled.alpha < 0.9 * truth
    assert stratified.alpha == pytest.approx(truth, rel=0.12)


def test_intervals_cover_the_truth_and_the_estimates_are_not_biased():
    """68 % intervals over 60 surveys, against what is true of each survey."""
    covered = np.zeros((60, 3), dtype=bool)
    offset = np.zeros(60)
    for seed in range(len(covered)):
        unlabelled, injected, real, (visit_u, visit_i) = _mixture(seed)
        rates = label_free_rates(
            unlabelled,
            injected,
            0.5,
            group_unlabelled=visit_u,
            group_injected=visit_i,
            rng=np.random.default_rng(seed),
            n_resamples=100,
        )
        selected = unlabelled >= 0.5
        truth = (real.mean(), real[selected].mean(), selected[~real].mean())
        for column, (interval, value) in enumerate(
            zip((rates.alpha, rates.purity, rates.fpr), truth, strict=True)
        ):
            covered[seed, column] = interval.low <= value <= interval.high
        offset[seed] = rates.alpha.value / truth[0] - 1
    share = covered.mean(axis=0)
    assert np.all((share > 0.55) & (share < 0.85)), share
    assert abs(offset.mean()) < 0.04
    # Choosing the smallest ratio on the same detections would be 10 % too low.
    assert offset.std() < 0.15
