# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of events that every visit draws alike."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lsst.transient.bogus.events import ANCHORS_PER_SQUARE_ARCSEC, LightCurve, hash_uniform, sky_anchors
from lsst.transient.bogus.sphere import separation_arcsec

IDS = np.arange(10**9, 10**9 + 400)


def test_numbers_are_uniform_and_independent() -> None:
    keys = np.arange(20_000, dtype=np.int64)
    one, other = hash_uniform(keys, "a", 1), hash_uniform(keys, "b", 1)
    assert stats.kstest(one, stats.uniform.cdf).pvalue > 1e-3
    assert stats.pearsonr(one, other).pvalue > 1e-3
    assert stats.pearsonr(one[1:], one[:-1]).pvalue > 1e-3
    np.testing.assert_array_equal(one[100:200], hash_uniform(keys[100:200], "a", 1))
    assert not np.any(one == hash_uniform(keys, "a", 2))


@pytest.mark.parametrize(("ra", "dec"), [(0.0, 0.0), (123.0, 89.95), (300.0, -40.0)])
def test_anchors_have_the_density_of_the_rate(ra: float, dec: float) -> None:
    radius = 0.08
    anchors = sky_anchors(ra, dec, radius, rate=0.25, seed=1)
    inside = separation_arcsec(anchors.ra, anchors.dec, ra, dec) < 3600 * radius
    expected = 0.25 * ANCHORS_PER_SQUARE_ARCSEC * np.pi * (3600 * radius) ** 2
    assert abs(inside.sum() - expected) < 5 * np.sqrt(expected)
    assert np.all(np.diff(anchors.ids) > 0)


def test_anchors_are_uniform() -> None:
    anchors = sky_anchors(10.0, 0.0, 0.1, rate=0.1, seed=3)
    inside = (np.abs(anchors.ra - 10.0) < 0.06) & (np.abs(anchors.dec) < 0.06)
    for coordinate in (anchors.ra[inside] - 10.0, anchors.dec[inside]):
        assert stats.kstest(coordinate, stats.uniform(-0.06, 0.12).cdf).pvalue > 1e-3


def test_overlapping_fields_share_their_anchors() -> None:
    one = sky_anchors(0.01, 60.0, 0.03, rate=0.2, seed=1)
    other = sky_anchors(359.99, 60.01, 0.03, rate=0.2, seed=1)
    common, first, second = np.intersect1d(one.ids, other.ids, return_indices=True)
    assert len(common) > 100
    np.testing.assert_array_equal(one.ra[first], other.ra[second])
    np.testing.assert_array_equal(one.dec[first], other.dec[second])
    assert not np.array_equal(one.ids, sky_anchors(0.01, 60.0, 0.03, rate=0.2, seed=2).ids)


def test_light_curve_rises_peaks_and_falls() -> None:
    curve = LightCurve(period=120.0, peak=(21.0, 23.0), colours={"g": 0.5}, fall_by_band={"g": 0.5})
    days = np.arange(0.0, 240.0, 0.25)
    drawn = [curve.magnitudes(IDS, 60000.0 + day, "r", seed=1) for day in days]
    magnitude, cycle = np.array([d[0] for d in drawn]), np.array([d[1] for d in drawn])
    for number in range(5):
        # One whole cycle of one anchor.
        whole = cycle[:, number] == cycle[0, number] + 1
        event = magnitude[whole, number]
        top = np.argmin(event)
        assert 21.0 <= event[top] <= 23.01
        # The peak is 30 days after the start of the cycle.
        assert days[whole][top] - days[whole][0] == pytest.approx(30.0, abs=0.6)
        assert np.all(np.diff(event[: top - 1]) < 0)
        assert np.all(np.diff(event[top + 2 :]) > 0)
        # Late decline: 1.0857 / (22 stretch) magnitudes a day, with a stretch of 0.8 to 1.3.
        slope = (event[-1] - event[-41]) / 10.0
        assert 1.0857 / (22 * 1.3) * 0.99 < slope < 1.0857 / (22 * 0.8) * 1.01


def test_peak_magnitudes_are_uniform_and_bands_agree() -> None:
    curve = LightCurve(peak=(21.0, 23.0), colours={"g": 0.5})
    days = 60000.0 + np.arange(0.0, 120.0, 1.0)
    red = np.array([curve.magnitudes(IDS, day, "r", seed=1)[0] for day in days])
    green = np.array([curve.magnitudes(IDS, day, "g", seed=1)[0] for day in days])
    np.testing.assert_allclose(green - red, 0.5)
    # The window of one period has the peak of one event or another.
    assert stats.kstest(red.min(axis=0), stats.uniform(21.0, 2.0).cdf).pvalue > 1e-3


def test_epochs_are_spread_over_the_period() -> None:
    magnitude, _ = LightCurve(peak=(21.0, 21.0)).magnitudes(np.arange(5000), 60000.0, "r", seed=1)
    # Brighter than a magnitude below the peak for about a quarter of the period.
    assert 0.15 < np.mean(magnitude < 22.0) < 0.35
