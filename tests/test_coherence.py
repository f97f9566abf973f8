# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the evidence of fluxes and positions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from lsst.transient.bogus import coherence
from lsst.transient.bogus.coherence import light_curve_ratio, position_ratio


def _rows(*curves, error=1.0, band="r"):
    """Return rows and owners of light curves with a point in every night."""
    time = np.concatenate([60000.3 + 4.0 * np.arange(len(c)) for c in curves])
    rows = {
        "midpointMjdTai": time,
        "night": np.floor(time).astype(int),
        "band": np.full(len(time), band),
        "psfFlux": np.concatenate(curves).astype(float),
        "psfFluxErr": np.full(len(time), error),
    }
    return rows, np.repeat(np.arange(len(curves)), [len(c) for c in curves])


def _ratio(*curves, **kwargs):
    rows, owner = _rows(*curves, **kwargs)
    return light_curve_ratio(rows, owner, n_objects=len(curves), outlier_rate=0.05)


SUPERNOVA = [0, 1, -1, 0, 1, 0, 8, 20, 35, 30, 24]
SPORADIC = [0, 20, -1, 0, 1, 30, 0, 1, -1, 25, 0]


def test_sources_and_artefacts_are_told_apart():
    fading = np.linspace(30, -30, 11)
    constant = 20.0 + 0.5 * np.array([1, -1, 1, 1, -1, 0, -1, 1, 0, -1, 1])
    supernova, in_template, smooth, sporadic, steady = _ratio(
        SUPERNOVA, np.array(SUPERNOVA) - 12.0, fading, SPORADIC, constant
    )
    assert min(supernova, in_template, smooth) > 1.5
    assert sporadic < -1.5
    assert steady < 0.0


def test_one_wrong_night_does_not_reject_a_source():
    wrong = list(SUPERNOVA)
    wrong[2] = -9
    assert _ratio(wrong)[0] > 0.5


def test_without_two_nights_nothing_is_said():
    rows, owner = _rows([10.0, 12.0, 11.0], [5.0])
    rows["night"][:3] = 7
    np.testing.assert_array_equal(light_curve_ratio(rows, owner, n_objects=3, outlier_rate=0.05), 0.0)


def test_unusable_fluxes_do_not_count():
    rows, owner = _rows(SUPERNOVA)
    more, _ = _rows([*SUPERNOVA, np.nan, 50.0])
    more["psfFluxErr"][-1] = np.nan
    expected = light_curve_ratio(rows, owner, n_objects=1, outlier_rate=0.05)
    found = light_curve_ratio(more, np.zeros(13, int), n_objects=1, outlier_rate=0.05)
    np.testing.assert_allclose(found, expected)


def test_other_objects_and_the_order_of_rows_do_not_matter():
    rows, owner = _rows(SUPERNOVA, SPORADIC, [3, 4])
    expected = np.concatenate([_ratio(c) for c in (SUPERNOVA, SPORADIC, [3, 4])])
    shuffle = np.random.default_rng(0).permutation(len(owner))
    shuffled = {name: column[shuffle] for name, column in rows.items()}
    found = light_curve_ratio(shuffled, owner[shuffle], n_objects=3, outlier_rate=0.05)
    np.testing.assert_allclose(found, expected)


def test_points_of_a_night_and_band_are_one():
    rows, owner = _rows(SUPERNOVA, error=1.0)
    twice = {name: np.repeat(column, 2) for name, column in rows.items()}
    twice["psfFluxErr"] = twice["psfFluxErr"] * np.sqrt(2.0)
    found = light_curve_ratio(twice, np.repeat(owner, 2), n_objects=1, outlier_rate=0.05)
    np.testing.assert_allclose(found, _ratio(SUPERNOVA), rtol=1e-9)


def test_walk_is_a_gaussian_process():
    time, flux, variance = np.array([1.0, 2.5, 6.0]), np.array([3.0, 2.0, -1.0]), np.array([0.5, 1.0, 0.2])
    order = np.array([2, 0, 1])
    points = {
        "time": time[order],
        "flux": flux[order],
        "variance": variance[order],
        "owner": np.zeros(3, int),
    }
    chains, _ = coherence._Chains.of(np.zeros(3, int), points["time"])
    for scale in (4.0, np.inf):
        found = coherence._walk(points, chains, np.full(3, 2.0), np.full(3, scale), 1)[0]
        covariance = 4.0 * np.exp(-np.abs(time[:, None] - time) / scale) + np.diag(variance)
        assert found == pytest.approx(multivariate_normal(np.zeros(3), covariance).logpdf(flux))


def test_window_sums_over_all_windows():
    n, rate = 4, 1.0 / 5.0
    off, on = norm.logpdf([0.1, 3.0, 2.0, -0.2]), norm.logpdf([0.1, 3.0, 2.0, -0.2], scale=3.0)
    total = []
    for state in itertools.product((0, 1, 2), repeat=n):
        if state[0] == 2 or np.any(np.diff(state) < 0) or np.any(np.diff(state) > 1):
            continue
        prior = np.log(0.5)
        for before, after in itertools.pairwise(state):
            prior += 0.0 if before == 2 else np.log(1 - rate if after == before else rate)
        total.append(prior + sum(on[i] if s == 1 else off[i] for i, s in enumerate(state)))
    chains, member = coherence._Chains.of(np.zeros(n, int), np.arange(n, dtype=float))
    assert coherence._window(off, on, chains, member, 1)[0] == pytest.approx(logsumexp(total))


def test_positions():
    x = np.array([0.0, 0.0, -2.0, 2.0, 5.0])
    ratio = position_ratio(x, np.zeros(5), np.full(5, 0.1), np.array([0, 0, 1, 1, 2]), n_objects=3)
    # Two that agree: freedom 2, chi-squared 0.
    scatter = np.array([1.0, 2.0, 4.0])
    expected = np.log(np.sum([0.8, 0.15, 0.05] / scatter**2) / np.mean(scatter**-2.0))
    assert ratio[0] == pytest.approx(expected)
    # Far more than even four times the errors: the share of sources that scatter so over that of artefacts.
    assert ratio[1] == pytest.approx(np.log(0.05 * 3))
    assert ratio[2] == pytest.approx(0.0, abs=1e-12)
