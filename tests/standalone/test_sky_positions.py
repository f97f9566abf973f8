# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of pixels and sky."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.standalone.sky_positions import pixel_to_sky, sky_to_pixel

from .conftest import PIXEL_SCALE, X0, Y0, Field


def test_round_trip_and_scale(field: Field) -> None:
    projection = field.image.sky_projection
    x, y = np.array([X0 + 10.0, X0 + 300.5]), np.array([Y0 + 20.0, Y0 + 20.0])
    ra, dec = pixel_to_sky(projection, x, y)
    assert np.array(sky_to_pixel(projection, ra, dec)) == pytest.approx(np.array([x, y]), abs=1e-6)
    separation = np.hypot((ra[1] - ra[0]) * np.cos(np.radians(dec[0])), dec[1] - dec[0]) * 3600
    assert separation == pytest.approx(290.5 * PIXEL_SCALE, rel=1e-4)


def test_no_positions(field: Field) -> None:
    for function in (pixel_to_sky, sky_to_pixel):
        first, second = function(field.image.sky_projection, [], [])
        assert first.shape == second.shape == (0,)
