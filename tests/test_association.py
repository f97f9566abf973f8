# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the association of detections into objects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsst.transient.bogus.association import associate, mean_positions, object_ids
from lsst.transient.bogus.geometry import separation_arcsec, sky_positions


def _field(rng, n_objects=200, n_visits=12, scatter=0.1, dec=-30.0):
    """Return detections of known objects on a grid of 6 arcsec in the tangent plane at RA 0."""
    side = int(np.ceil(np.sqrt(n_objects)))
    grid = 6.0 * (np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2) - side / 2)
    truth, visit = (a.ravel() for a in np.meshgrid(np.arange(n_objects), np.arange(n_visits)))
    seen = rng.random(len(truth)) < 0.7
    truth, visit = truth[seen], visit[seen]
    xi, eta = (grid[truth] + rng.normal(0.0, scatter, (len(truth), 2))).T / 206264.806
    sine, cosine = np.sin(np.radians(dec)), np.cos(np.radians(dec))
    vectors = np.stack([cosine - eta * sine, xi, sine + eta * cosine], axis=-1)
    return *sky_positions(vectors), 60000.0 + visit, visit, truth


def _same_partition(one, other):
    pairs = np.unique(np.stack([one, other]), axis=1)
    return pairs.shape[1] == len(np.unique(one)) == len(np.unique(other))


@pytest.mark.parametrize("dec", [-30.0, 0.0, 89.995])
def test_known_objects_are_recovered_across_ra_zero_and_near_the_pole(dec):
    rng = np.random.default_rng(1)
    ra, dec_, mjd, visit, truth = _field(rng, dec=dec, scatter=0.05)
    index = associate(ra, dec_, mjd, visit, radius_arcsec=0.6)
    assert _same_partition(index, truth)


def test_row_order_does_not_matter():
    rng = np.random.default_rng(2)
    ra, dec, mjd, visit, _ = _field(rng, scatter=1.5)
    index = associate(ra, dec, mjd, visit, radius_arcsec=3.0)
    shuffle = rng.permutation(len(ra))
    again = associate(ra[shuffle], dec[shuffle], mjd[shuffle], visit[shuffle], radius_arcsec=3.0)
    np.testing.assert_array_equal(again, index[shuffle])


def test_detections_of_one_visit_never_share_an_object():
    ra, dec = np.array([10.0, 10.0, 10.0, 10.0]), np.array([0.0, 0.2, 0.05, 0.3]) / 3600.0
    mjd, visit = np.array([1.0, 1.0, 2.0, 2.0]), np.array([1, 1, 2, 2])
    # The nearest pairs are 0.05 and 0.10 arcsec apart.
    np.testing.assert_array_equal(associate(ra, dec, mjd, visit, radius_arcsec=1.0), [0, 1, 0, 1])


def test_nearest_pair_wins_and_the_loser_takes_the_next_object():
    # Objects at 0 and 1; both detections are nearest to the first object.
    dec = np.array([0.0, 1.0, 0.1, 0.3]) / 3600.0
    index = associate(np.full(4, 5.0), dec, [1, 1, 2, 2], [1, 1, 2, 2], radius_arcsec=1.0)
    np.testing.assert_array_equal(index, [0, 1, 0, 1])


def test_radius_is_measured_from_the_mean_position():
    dec = np.array([0.0, 0.8, 1.3, 1.5]) / 3600.0
    index = associate(np.full(4, 5.0), dec, [1, 2, 3, 4], [1, 2, 3, 4], radius_arcsec=1.0)
    # Means are 0, 0.4, 0.7; then 1.5 is 0.8 away from the third mean of 0.7.
    np.testing.assert_array_equal(index, [0, 0, 0, 0])
    index = associate(
        np.full(3, 5.0), np.array([0.0, 0.8, 1.5]) / 3600.0, [1, 2, 3], [1, 2, 3], radius_arcsec=1.0
    )
    np.testing.assert_array_equal(index, [0, 0, 1])


def test_time_orders_visits_whatever_their_numbers():
    dec = np.array([0.0, 0.9, 1.7]) / 3600.0
    index = associate(np.full(3, 5.0), dec, [3.0, 2.0, 1.0], [1, 2, 3], radius_arcsec=1.0)
    # In time: 1.7, then 0.9 joins (mean 1.3), then 0.0 is alone.
    np.testing.assert_array_equal(index, [1, 0, 0])


def test_unusable_rows_get_no_object():
    index = associate(
        [np.nan, 1.0, 1.0, 1.0], [0.0, np.inf, 0.0, 0.0], [1, 1, np.nan, 1], [1, 1, 1, 1], radius_arcsec=1
    )
    np.testing.assert_array_equal(index, [-1, -1, -1, 0])


def test_empty():
    index = associate([], [], [], [], radius_arcsec=1.0)
    assert index.dtype == np.int64
    assert len(index) == 0
    ra, dec, n = mean_positions([], [], index)
    assert len(ra) == len(dec) == len(n) == 0
    assert len(object_ids(index, [], [])) == 0


@pytest.mark.parametrize("radius", [0.0, -1.0, np.nan, 4000.0])
def test_bad_radius(radius):
    with pytest.raises(ValueError, match="radius_arcsec"):
        associate([1.0], [1.0], [1.0], [1], radius_arcsec=radius)


def test_bad_lengths():
    with pytest.raises(ValueError, match="one length"):
        associate([1.0, 2.0], [1.0], [1.0], [1], radius_arcsec=1.0)


def test_mean_positions_across_ra_zero():
    ra, dec, n = mean_positions([359.9999, 0.0001, 90.0, 7.0], [0.0, 0.0, 45.0, 7.0], [0, 0, 1, -1])
    np.testing.assert_allclose(np.mod(ra + 180.0, 360.0), [180.0, 270.0], atol=1e-9)
    np.testing.assert_allclose(dec, [0.0, 45.0], atol=1e-9)
    np.testing.assert_array_equal(n, [2, 1])


def test_object_ids_are_those_of_the_first_detections():
    ids = object_ids([0, 1, 0, -1, 1], [5.0, 2.0, 4.0, 1.0, 2.0], [50, 22, 40, 10, 21])
    np.testing.assert_array_equal(ids, [40, 21])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.05, 5.0), st.integers(1, 60))
def test_every_pair_within_the_radius_was_considered(seed, radius, n):
    """No detection founds an object while a free one of its past lies within the radius."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=3)
    vectors = centre / np.linalg.norm(centre) + rng.normal(0.0, 2.0 * radius / 206265.0, (n, 3))
    ra, dec = sky_positions(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    visit = np.arange(n)
    index = associate(ra, dec, visit * 1.0, visit, radius_arcsec=radius)
    for i in range(1, n):
        mean_ra, mean_dec, _ = mean_positions(ra[:i], dec[:i], index[:i])
        distance = separation_arcsec(
            mean_ra, mean_dec, np.full_like(mean_ra, ra[i]), np.full_like(mean_ra, dec[i])
        )
        if index[i] == len(distance):
            assert distance.min() > radius * (1 - 1e-6)
        else:
            assert index[i] == np.argmin(distance)
            assert distance.min() < radius * (1 + 1e-6)
