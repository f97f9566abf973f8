# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the ownership of positions by HTM trixels."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.sphgeom import HtmPixelization, UnitVector3d
from lsst.transient.bogus.geometry import sky_positions, unit_vectors
from lsst.transient.bogus.shards import htm_index, in_trixel


def _reference(ra, dec, level):
    pixelization = HtmPixelization(level)
    return [pixelization.index(UnitVector3d(*v)) for v in unit_vectors(ra, dec)]


@pytest.mark.parametrize("level", [0, 1, 7, 10])
def test_agrees_with_sphgeom_over_the_whole_sky(level):
    ra, dec = sky_positions(np.random.default_rng(3).normal(size=(3000, 3)))
    np.testing.assert_array_equal(htm_index(ra, dec, level=level), _reference(ra, dec, level))


def test_corners_and_edges_have_one_owner():
    pixelization = HtmPixelization(7)
    corners, middles = [], []
    for trixel in pixelization.index(UnitVector3d(0.3, 0.5, -0.2)) + np.arange(40):
        vertices = np.array([tuple(v) for v in pixelization.triangle(int(trixel)).getVertices()])
        corners.append(vertices)
        middles.append(vertices + np.roll(vertices, 1, axis=0))
    vectors = np.concatenate([*corners, *middles, np.eye(3), -np.eye(3), [[1, 1, 0], [-1, 0, 1]]])
    ra, dec = sky_positions(vectors)
    owners = htm_index(ra, dec, level=7)
    np.testing.assert_array_equal(owners, _reference(ra, dec, 7))
    claims = sum(in_trixel(ra, dec, trixel=t, level=7).astype(int) for t in np.unique(owners))
    np.testing.assert_array_equal(claims, 1)


def test_unknown_positions_have_no_owner():
    np.testing.assert_array_equal(htm_index([np.nan, 10.0], [0.0, np.inf], level=7), [-1, -1])
    assert htm_index([], [], level=7).shape == (0,)
