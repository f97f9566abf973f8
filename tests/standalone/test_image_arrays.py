# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of images as plain arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lsst.transient.bogus.standalone.image_arrays import ImageArrays, centre_hits, footprint_hits, stamps_at

from .conftest import X0, Y0, Field


def test_unusable_pixels(make_field: Callable[..., Field]) -> None:
    shape = (60, 80)
    bad, saturated = np.zeros((2, *shape), dtype=bool)
    bad[3, 4], saturated[5, 6] = True, True
    image = make_field(
        shape=shape, n_stars=0, n_galaxies=0, mask_bits={"BAD": bad, "SATURATED": saturated}
    ).image
    image.image.array[7, 8] = np.nan
    image.variance.array[9, 10] = 0.0
    arrays = ImageArrays.from_masked_image(image, ["BAD", "NOT_THERE"])
    assert sorted(map(tuple, np.argwhere(arrays.bad).tolist())) == [(3, 4), (7, 8), (9, 10)]
    assert (arrays.x0, arrays.y0) == (X0, Y0)
    assert np.all(np.isfinite(arrays.image))
    assert np.all(arrays.variance > 0)


def test_stamps_near_and_beyond_the_border() -> None:
    plane = np.arange(20.0).reshape(4, 5)
    stamps = stamps_at(plane, np.array([-1, 3, 100]), np.array([-1, 2, -100]), 3, fill=-1.0)
    assert stamps[0].tolist() == [[-1, -1, -1], [-1, 0, 1], [-1, 5, 6]]
    assert stamps[1].tolist() == [[13, 14, -1], [18, 19, -1], [-1, -1, -1]]
    assert np.all(stamps[2] == -1.0)


def test_hits() -> None:
    segments = np.zeros((6, 7), dtype=np.int64)
    segments[1:3, 1:3], segments[4, 5] = 1, 3
    plane = np.zeros((6, 7), dtype=bool)
    plane[2, 2] = True
    assert footprint_hits(plane, segments, 3).tolist() == [True, False, False]
    assert centre_hits(plane, np.array([3.2, 4.0, 0.6]), np.array([2.9, 2.0, 0.9])).tolist() == [
        True,
        False,
        True,
    ]
