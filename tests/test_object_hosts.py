# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of hosts from coadd objects."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.geometry import SkyMap, fit_sky_map
from lsst.transient.bogus.hosts import ellipses_from_moments, sky_ellipses
from lsst.transient.bogus.object_hosts import detector_moments, hosts_from_objects, is_near


def straight_map() -> SkyMap:
    """Return a map of 0.5 arcsec pixels with x to the east and y to the north."""
    x, y = np.random.default_rng(1).uniform(0, 1000, (2, 60))
    return fit_sky_map(x, y, 100.0 + x * 0.5 / 3600, y * 0.5 / 3600)


@pytest.mark.parametrize("rotation", [0.0, 35.0, 160.0])
@pytest.mark.parametrize("parity", [-1.0, 1.0])
def test_moments_come_back_on_the_sky(rotation: float, parity: float) -> None:
    t = np.radians(rotation)
    jacobian = 0.2 * np.array([[[parity * np.cos(t), -parity * np.sin(t)], [np.sin(t), np.cos(t)]]])
    west, north, mixed = np.array([3.0]), np.array([2.0]), np.array([0.7])
    on_detector = detector_moments(west, north, mixed, jacobian)
    expected = ellipses_from_moments(north, west, -mixed)
    found = sky_ellipses(*on_detector, jacobian)
    np.testing.assert_allclose(found.semi_major, expected.semi_major)
    np.testing.assert_allclose(found.semi_minor, expected.semi_minor)
    np.testing.assert_allclose(np.sin(found.angle - expected.angle), 0.0, atol=1e-9)


def test_objects_in_pixels() -> None:
    columns = {
        "id": np.array([5, 6]),
        "ra": np.array([100.0 + 100 * 0.5 / 3600, 280.0]),
        "dec": np.array([200 * 0.5 / 3600, 0.0]),
        "ixx": np.array([16.0, 16.0]),
        "iyy": np.array([4.0, 4.0]),
        "ixy": np.array([0.0, 0.0]),
        "flux": np.array([1e9, np.nan]),
    }
    hosts = hosts_from_objects(columns, straight_map(), moment_scale=0.25, point_flux_error=7.0)
    # One unit of the moments is a quarter arcsec, half a pixel of the detector.
    np.testing.assert_allclose([hosts.x[0], hosts.y[0]], [100.0, 200.0], atol=1e-3)
    np.testing.assert_allclose([hosts.ixx[0], hosts.iyy[0], hosts.ixy[0]], [4.0, 1.0, 0.0], atol=1e-4)
    assert hosts.magnitude[0] == pytest.approx(8.9)
    # The other is on the far side of the sky.
    assert np.isnan([hosts.x[1], hosts.y[1], hosts.magnitude[1]]).all()
    assert hosts.ids.tolist() == [5, 6]


def test_near_is_the_circle_through_the_corners() -> None:
    box = (0.0, 0.0, 1000.0, 600.0)
    # Half the diagonal is 583 pixels, 291.5 arcsec; the middle is at (500, 300).
    ra, dec = 100.0 + 250.0 / 3600, 150.0 / 3600
    steps = np.array([0.0, 290.0, 293.0]) / 3600
    assert is_near(ra + steps, np.full(3, dec), straight_map(), box).tolist() == [True, True, False]
    assert not is_near([np.nan], [0.0], straight_map(), box)[0]
