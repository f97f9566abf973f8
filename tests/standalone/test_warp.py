# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of resampling."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lsst.images import Box
from lsst.transient.bogus.standalone.sky_positions import pixel_to_sky, sky_to_pixel
from lsst.transient.bogus.standalone.warp import map_pixels, warp_image, warp_weight

from .conftest import X0, Y0, Field


@pytest.fixture(scope="module")
def shifted(make_field: Callable[..., Field]) -> Field:
    """The same sky, moved by (7.3, -4.6) pixels."""
    return make_field(dx=7.3, dy=-4.6, noise=False, visit=8)


def test_map_is_the_exact_projection(field: Field, shifted: Field) -> None:
    box = Box.factory[Y0 - 20 : Y0 + 320, X0 - 20 : X0 + 360]
    found = map_pixels(field.image.sky_projection, box, shifted.image.sky_projection)
    rows, columns = np.array([0, 17, 339]), np.array([379, 40, 1])
    ra, dec = pixel_to_sky(field.image.sky_projection, columns + box.x.start, rows + box.y.start)
    x, y = sky_to_pixel(shifted.image.sky_projection, ra, dec)
    assert found.x[rows, columns] == pytest.approx(x, abs=1e-4)
    assert found.y[rows, columns] == pytest.approx(y, abs=1e-4)
    assert found.area == pytest.approx(1.0, abs=1e-4)


def test_resampled_image_is_the_original(make_field: Callable[..., Field], shifted: Field) -> None:
    original = make_field(noise=False)
    found = map_pixels(original.image.sky_projection, original.image.bbox, shifted.image.sky_projection)
    good = np.zeros(shifted.image.image.array.shape, dtype=bool)
    warped = warp_image(shifted.image.image.array, good, found, x0=X0, y0=Y0)
    inner = np.s_[20:-20, 20:-20]
    truth = original.image.image.array[inner]
    assert np.abs(warped[inner] - truth).max() < 0.02 * truth.max()
    assert warped[inner].sum() == pytest.approx(truth.sum(), rel=1e-3)


def test_bad_pixels_do_not_ring(field: Field) -> None:
    image = np.full(field.image.image.array.shape, 10.0, dtype=np.float32)
    bad = np.zeros(image.shape, dtype=bool)
    image[100, 100], bad[100, 100] = 1e9, True
    found = map_pixels(field.image.sky_projection, field.image.bbox, field.image.sky_projection)
    assert warp_image(image, bad, found, x0=X0, y0=Y0) == pytest.approx(10.0, rel=1e-3)
    assert warp_weight(bad, found, x0=X0, y0=Y0, fill=1.0)[100, 100] == pytest.approx(1.0, abs=1e-3)


def test_source_box(field: Field, shifted: Field) -> None:
    target = Box.factory[Y0 + 100 : Y0 + 150, X0 + 200 : X0 + 260]
    found = map_pixels(field.image.sky_projection, target, shifted.image.sky_projection)
    part = found.source_box(shifted.image.bbox, margin=5)
    assert part is not None
    assert (part.x.start, part.y.start) == (X0 + 200 + 7 - 5, Y0 + 100 - 5 - 5)
    far = Box.factory[Y0 + 5000 : Y0 + 5010, X0 : X0 + 10]
    elsewhere = map_pixels(field.image.sky_projection, far, shifted.image.sky_projection)
    assert elsewhere.source_box(shifted.image.bbox, margin=5) is None
