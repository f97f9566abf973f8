# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of detection on difference images, on arrays."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.standalone.difference_detection import find_peaks, merge_lobes, significance_map
from lsst.transient.bogus.standalone.image_arrays import ImageArrays

SHAPE, SIGMA = (140, 180), 1.8


def kernel() -> np.ndarray:
    axis = np.arange(21) - 10
    profile = np.exp(-0.5 * (axis / SIGMA) ** 2)
    image = np.outer(profile, profile)
    return image / image.sum()


def source(x: float, y: float, flux: float) -> np.ndarray:
    rows, columns = np.indices(SHAPE)
    radius2 = (columns - x) ** 2 + (rows - y) ** 2
    return flux / (2 * np.pi * SIGMA**2) * np.exp(-0.5 * radius2 / SIGMA**2)


def arrays(image: np.ndarray, variance: float = 4.0, bad: np.ndarray | None = None) -> ImageArrays:
    none = np.zeros(SHAPE, dtype=bool)
    return ImageArrays(image.astype(np.float32), np.full(SHAPE, variance), none if bad is None else bad, 0, 0)


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(12).normal(scale=2.0, size=SHAPE)


def test_map_is_in_standard_deviations(noise: np.ndarray) -> None:
    result = significance_map(arrays(noise), kernel(), rescale=False)
    assert np.std(result.snr) == pytest.approx(1.0, abs=0.05)
    # Variance that is too small by four is found out.
    rescaled = significance_map(arrays(noise, 1.0), kernel(), rescale=True)
    assert rescaled.scale == pytest.approx(4.0, rel=0.1)
    assert np.std(rescaled.snr) == pytest.approx(1.0, abs=0.05)


def test_significance_of_a_point_source(noise: np.ndarray) -> None:
    flux = 20.0 * 2.0 / np.sqrt(np.sum(kernel() ** 2))
    result = significance_map(arrays(noise + source(90.0, 60.0, flux)), kernel(), rescale=False)
    assert result.snr[60, 90] == pytest.approx(20.0, abs=3.0)


def test_both_signs_with_positions(noise: np.ndarray) -> None:
    image = noise + source(40.3, 50.6, 900.0) - source(120.5, 90.2, 600.0)
    snr = significance_map(arrays(image), kernel(), rescale=False).snr
    peaks = find_peaks(snr, threshold=5.0, min_area=1, deblend_contrast=0.02)
    assert len(peaks) == 2
    assert peaks.snr[0] > 0 > peaks.snr[1]
    assert (peaks.x[0], peaks.y[0]) == pytest.approx((40.3, 50.6), abs=0.1)
    assert (peaks.x[1], peaks.y[1]) == pytest.approx((120.5, 90.2), abs=0.3)
    assert peaks.segments[51, 40] == 1
    assert peaks.segments[90, 120] == 2
    assert not peaks.centroid_failed.any()


def test_lobes_are_joined() -> None:
    image = source(50.0, 50.0, 2000.0) - source(53.0, 50.0, 1500.0) - source(120.0, 100.0, 800.0)
    snr = significance_map(arrays(image), kernel(), rescale=False).snr
    peaks = find_peaks(snr, threshold=5.0, min_area=1, deblend_contrast=0.02)
    merged = merge_lobes(peaks, radius=8.0)
    assert (len(peaks), len(merged)) == (3, 2)
    assert merged.partner[0] == 1
    assert merged.partner[1] == -1
    assert set(np.unique(merged.segments)) == {0, 1, 2}
    assert len(merge_lobes(peaks, radius=0.0)) == 3


def test_bad_pixels_and_no_detections() -> None:
    bad = np.zeros(SHAPE, dtype=bool)
    bad[40:60, 40:60] = True
    result = significance_map(arrays(source(100.0, 100.0, 1e3), bad=bad), kernel(), rescale=False)
    assert np.all(result.snr[bad] == 0.0)
    nothing = find_peaks(np.zeros(SHAPE, np.float32), threshold=5.0, min_area=1, deblend_contrast=0.02)
    assert len(merge_lobes(nothing, radius=5.0)) == 0
    everywhere = np.ones(SHAPE, dtype=bool)
    assert significance_map(arrays(np.zeros(SHAPE), bad=everywhere), kernel(), rescale=True).rms == 0.0


def test_peak_at_the_border() -> None:
    snr = np.zeros(SHAPE, dtype=np.float32)
    snr[0, 5] = 9.0
    peaks = find_peaks(snr, threshold=5.0, min_area=1, deblend_contrast=0.02)
    assert (peaks.x[0], peaks.y[0]) == (5.0, 0.0)
    assert peaks.centroid_failed[0]
