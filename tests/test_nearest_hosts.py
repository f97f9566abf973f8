# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the search for hosts."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.nearest_hosts import Galaxies, directional_radius, nearest_hosts


def _galaxies(ids, north, *, semi_major=2.0, semi_minor=1.0, angle=0.0, east=0.0):
    n = len(ids)
    return Galaxies(
        ids=np.array(ids, dtype=np.int64),
        ra=np.mod(np.broadcast_to(east, n) / 3600.0, 360.0),
        dec=np.asarray(north) / 3600.0,
        semi_major=np.broadcast_to(semi_major, n).astype(float),
        semi_minor=np.broadcast_to(semi_minor, n).astype(float),
        angle=np.broadcast_to(angle, n).astype(float),
        magnitude=20.0 + np.arange(n),
    )


def _find(galaxies, ra=0.0, dec=0.0, **kwargs):
    limits = {"max_offset": 20.0, "max_normalized_offset": 5.0} | kwargs
    return nearest_hosts(np.atleast_1d(ra), np.atleast_1d(dec), galaxies, **limits)


def test_radius_of_an_ellipse():
    angle = np.array([0.0, np.pi / 2, np.pi / 4])
    radius = directional_radius(np.full(3, 3.0), np.full(3, 1.0), angle)
    # On the diagonal x = y: x²/9 + x² = 1.
    np.testing.assert_allclose(radius, [3.0, 1.0, np.sqrt(2 * 0.9)])


@pytest.mark.parametrize(("angle", "expected"), [(0.0, 3.0), (np.pi / 2, 6.0)])
def test_offset_is_in_units_of_the_radius_towards_the_object(angle, expected):
    # The object is 6 arcsec south of the galaxy; at angle 0 the major axis points north.
    found = _find([_galaxies([7], [6.0], angle=angle)], max_normalized_offset=9.0)
    assert found["host_id"].tolist() == [7]
    assert found["host_offset"][0] == pytest.approx(6.0)
    assert found["host_normalized_offset"][0] == pytest.approx(expected)
    assert found["host_mag"].tolist() == [20.0]


def test_a_large_galaxy_farther_away_is_the_host():
    found = _find([_galaxies([1, 2], [1.5, -6.0], semi_major=[0.4, 4.0], semi_minor=[0.4, 4.0])])
    assert found["host_id"].tolist() == [2]


def test_across_ra_zero_and_limits():
    galaxies = [_galaxies([3], [0.0], east=-1.0, semi_major=1.0)]
    found = _find(galaxies, ra=[1.0 / 3600.0, 0.1], dec=[0.0, 0.0])
    assert found["host_id"].tolist() == [3, 0]
    assert found["host_offset"][0] == pytest.approx(2.0)
    assert np.isnan(found["host_offset"][1])
    assert _find(galaxies, ra=1.0 / 3600.0, max_normalized_offset=1.5)["host_id"].tolist() == [0]


def test_the_median_visit_is_reported():
    sizes = (1.0, 3.0, 9.0)
    visits = [_galaxies([i], [3.0], semi_major=s, semi_minor=s) for i, s in enumerate(sizes, start=1)]
    assert _find(visits)["host_id"].tolist() == [2]


def test_nothing_to_find():
    for galaxies in ([], [_galaxies([], [])]):
        found = _find(galaxies)
        assert found["host_id"].tolist() == [0]
        assert np.isnan(found["host_mag"]).all()
    broken = _galaxies([1], [1.0], semi_major=np.nan)
    assert _find([broken])["host_id"].tolist() == [0]
