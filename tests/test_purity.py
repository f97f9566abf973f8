# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contamination and purity against mixtures whose composition is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsst.transient.bogus.errors import InsufficientDataError
from lsst.transient.bogus.purity import estimate_contamination, label_free_rates, real_posterior


def _expit(z):
    return 1.0 / (1.0 + np.exp(-z))


def _mixture(seed, *, n_unlabelled=3000, n_injected=400, alpha=0.05, n_visits=16, spread=1.7):
    """Normal logits, shifted from visit to visit; returns scores, truth of the unlabelled and visits."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(0.0, 0.3, n_visits)
    visits = rng.integers(0, n_visits, n_unlabelled), rng.integers(0, n_visits, n_injected)
    real = rng.random(n_unlabelled) < alpha
    unlabelled = np.where(
        real, rng.normal(4.0 + quality[visits[0]], 1.5), rng.normal(-2.0, spread, n_unlabelled)
    )
    injected = rng.normal(4.0 + quality[visits[1]], 1.5)
    return _expit(unlabelled), _expit(injected), real, visits


def test_well_separated_scores_are_counted_exactly():
    rng = np.random.default_rng(1)
    unlabelled = np.concatenate([np.full(30, 0.99), rng.uniform(1e-6, 1e-3, 970)])
    injected = np.concatenate([np.full(90, 0.99), np.full(10, 0.5)])
    rates = label_free_rates(unlabelled, injected, 0.95, rng=rng)
    assert rates.purity.value == pytest.approx(1.0, abs=0.01)
    assert rates.fpr.value == pytest.approx(0.0, abs=0.002)
    # All that score like injections are seen, and nothing lies where the tenth part would.
    assert rates.alpha.value == pytest.approx(0.03, rel=0.02)
    assert rates.tpr.value == pytest.approx(1.0, abs=0.02)


def test_no_real_source_gives_a_contamination_near_zero():
    rng = np.random.default_rng(2)
    result = estimate_contamination(_expit(rng.normal(-3, 1.5, 5000)), _expit(rng.normal(4, 1.5, 1000)))
    assert result.alpha < 0.003
    assert result.low < 0.001


def test_everything_real_gives_one():
    rng = np.random.default_rng(3)
    result = estimate_contamination(_expit(rng.normal(4, 1.5, 4000)), _expit(rng.normal(4, 1.5, 4000)))
    assert result.alpha == pytest.approx(1.0, abs=0.06)


def test_nan_scores_are_ignored_and_stay_unknown():
    unlabelled, injected, _, _ = _mixture(4)
    posterior = real_posterior(np.append(unlabelled, np.nan), np.append(injected, np.nan))
    assert np.isnan(posterior.probability[-1])
    np.testing.assert_allclose(
        posterior.probability[:-1], real_posterior(unlabelled, injected).probability, rtol=1e-4, atol=1e-6
    )
    assert np.isnan(posterior.rates(np.ones(3001, dtype=bool)).alpha.low)


@pytest.mark.parametrize(("n_unlabelled", "n_injected"), [(0, 10), (10, 0)])
def test_one_kind_alone_is_refused_with_its_counts(n_unlabelled, n_injected):
    with pytest.raises(InsufficientDataError) as raised:
        estimate_contamination(np.full(n_unlabelled, 0.5), np.full(n_injected, 0.5))
    assert raised.value.metadata == {"n_unlabelled": n_unlabelled, "n_injected": n_injected}


def test_a_covariate_undoes_a_difference_in_signal_to_noise():
    """Faint sources score low, and real ones are fainter than injections: pooling underestimates."""
    rng = np.random.default_rng(5)
    brightness = rng.normal(-1.0, 1.0, 600), rng.normal(0.0, 1.0, 6000), rng.normal(0.0, 1.0, 1500)
    real, injected = (_expit(3.0 + 1.5 * b + rng.normal(0.0, 1.0, len(b))) for b in brightness[::2])
    bogus = _expit(rng.normal(-5.0, 1.5, 6000))
    unlabelled, truth = np.concatenate([real, bogus]), 600 / 6600
    pooled = estimate_contamination(unlabelled, injected)
    helped = estimate_contamination(
        unlabelled,
        injected,
        covariates_unlabelled=np.concatenate(brightness[:2])[:, None],
        covariates_injected=brightness[2][:, None],
    )
    assert pooled.alpha < 0.75 * truth
    # Most of the bias is gone; where real ones are fainter than any injection nothing can be known.
    assert pooled.alpha + 0.5 * (truth - pooled.alpha) < helped.alpha < 1.1 * truth


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_unlabelled=st.integers(5, 400),
    n_injected=st.integers(2, 100),
    alpha=st.floats(0.0, 0.5),
    threshold=st.floats(0.01, 0.999),
)
def test_an_estimate_lies_in_its_own_interval(seed, n_unlabelled, n_injected, alpha, threshold):
    unlabelled, injected, _, (visit_u, visit_i) = _mixture(
        seed, n_unlabelled=n_unlabelled, n_injected=n_injected, alpha=alpha, n_visits=5
    )
    rates = label_free_rates(
        unlabelled,
        injected,
        threshold,
        group_unlabelled=visit_u,
        group_injected=visit_i,
        rng=np.random.default_rng(seed),
        n_resamples=50,
    )
    for estimate in (rates.alpha, rates.tpr, rates.fpr, rates.purity):
        if np.isfinite(estimate.low):
            assert 0.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0


def test_intervals_cover_the_truth_and_the_estimates_are_not_biased():
    """68 % intervals over 80 surveys, against what is true of each survey."""
    covered = np.zeros((80, 3), dtype=bool)
    ratio = np.zeros((80, 2))
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
        ratio[seed] = rates.alpha.value / truth[0], rates.purity.value / truth[1]
    share = covered.mean(axis=0)
    # Four binomial standard deviations, √(0.68 · 0.32 / 80) = 0.052, about 68 %.
    assert np.all(np.abs(share - 0.68) < 0.21), share
    assert np.all(np.abs(ratio.mean(axis=0) - 1.0) < 0.05)
    assert np.all(ratio.std(axis=0) < 0.15)
