# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of photon noise, and of the flux in boxes of an image with an origin of its own."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.injected_flux import box_sums, with_photon_noise


def test_sums_are_of_the_box_around_the_nearest_pixel() -> None:
    array = np.zeros((12, 20), dtype=np.float32)
    array[3, 7], array[5, 9], array[0, 0] = 1.0, 10.0, np.nan
    sums = box_sums(array, [107.4, 108.6, 101.0], [53.4, 54.6, 51.0], x0=100, y0=50, radius=1)
    assert sums.tolist() == [1.0, 10.0, 0.0]


def test_boxes_that_leave_the_image_have_no_sum() -> None:
    array = np.ones((12, 20))
    x, y = np.array([1, 2, 17, 18, 10, 10, np.nan]), np.array([5, 5, 5, 5, 1, 9, 5])
    assert np.isnan(box_sums(array, x, y, x0=0, y0=0, radius=2)).tolist() == [
        True,
        False,
        False,
        True,
        True,
        False,
        True,
    ]


def test_no_positions() -> None:
    assert box_sums(np.ones((5, 5)), [], [], x0=0, y0=0, radius=1).shape == (0,)


def test_photon_noise() -> None:
    expected = np.full((200, 200), 30.0)
    flux, variance = with_photon_noise(expected, 0.25, np.random.default_rng(2))
    assert flux.mean() == pytest.approx(30.0, rel=0.01)
    assert flux.var() == pytest.approx(0.25 * 30.0, rel=0.03)
    assert variance == pytest.approx(0.25 * flux)
    same, none = with_photon_noise(expected, 0.0, np.random.default_rng(2))
    assert np.array_equal(same, expected)
    assert not none.any()
