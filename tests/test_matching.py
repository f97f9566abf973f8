# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of matching on the sphere, against an exhaustive search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lsst.transient.bogus.matching import match_one_to_one, nearest, pairs_within
from lsst.transient.bogus.sphere import separation_arcsec

CENTERS = [(0.0, 0.0), (359.9999, 40.0), (77.0, 90.0), (200.0, -89.9999)]


def field(center: tuple[float, float], offsets: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return positions at offsets in milliarcsec from a centre; duplicates are duplicates."""
    dx, dy = np.array(offsets, dtype=float).reshape(-1, 2).T * 1e-3 / 3600
    dec = np.clip(center[1] + dy, -90.0, 90.0)
    return (center[0] + dx / max(np.cos(np.radians(center[1])), 1e-3)) % 360.0, dec


def exhaustive(
    first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...], radius: float
) -> set[tuple[int, int]]:
    """Find the mutual nearest neighbours by looking at every pair."""
    separation = separation_arcsec(
        first[0][:, np.newaxis], first[1][:, np.newaxis], second[0][np.newaxis], second[1][np.newaxis]
    )
    pairs = [(separation[i, j], i, j) for i, j in zip(*np.nonzero(separation <= radius), strict=True)]
    return {
        (int(pair[1]), int(pair[2]))
        for pair in pairs
        if pair == min(p for p in pairs if p[1] == pair[1])
        and pair == min(p for p in pairs if p[2] == pair[2])
    }


OFFSETS = st.lists(st.tuples(st.integers(-2000, 2000), st.integers(-2000, 2000)), max_size=14)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.filter_too_much])
@given(OFFSETS, OFFSETS, st.sampled_from(CENTERS), st.sampled_from([0.05, 0.25, 0.55, 3.05]))
def test_equals_exhaustive_search_in_crowded_fields(
    offsets1: list[tuple[int, int]],
    offsets2: list[tuple[int, int]],
    center: tuple[float, float],
    radius: float,
) -> None:
    first, second = field(center, offsets1), field(center, offsets2)
    assume(no_ties(first, second, radius))
    index1, index2, separation = match_one_to_one(*first, *second, radius_arcsec=radius)
    assert set(zip(index1.tolist(), index2.tolist(), strict=True)) == exhaustive(first, second, radius)
    assert len(set(index1.tolist())) == len(set(index2.tolist())) == len(index1)
    assert np.all(np.diff(index1) > 0)
    assert np.all(separation <= radius)


def no_ties(first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...], radius: float) -> bool:
    """Whether rounding cannot decide: no two separations are equal, and none is at the radius."""
    _, _, separation = pairs_within(*first, *second, radius_arcsec=2 * radius)
    return bool(np.all(np.diff(separation) > 1e-6) and np.all(np.abs(separation - radius) > 1e-6))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 3), max_size=9),
    st.lists(st.integers(0, 3), max_size=9),
    # Not so near a pole that steps in right ascension go all around it and end where they began.
    st.sampled_from([center for center in CENTERS if abs(center[1]) < 89.99]),
)
def test_duplicates_equal_exhaustive_search(
    places1: list[int], places2: list[int], center: tuple[float, float]
) -> None:
    """Positions that are the same to the last bit are told apart by their rows."""
    corners = [(0, 0), (1500, 0), (0, -1500), (-1500, -1500)]
    first, second = (field(center, [corners[place] for place in places]) for places in (places1, places2))
    index1, index2, separation = match_one_to_one(*first, *second, radius_arcsec=0.5)
    assert set(zip(index1.tolist(), index2.tolist(), strict=True)) == exhaustive(first, second, 0.5)
    np.testing.assert_allclose(separation, 0.0, atol=1e-6)


def test_equals_exhaustive_search_without_ties() -> None:
    rng = np.random.default_rng(1)
    for center in CENTERS:
        first, second = (field(center, rng.normal(0, 1000, (60, 2)).tolist()) for _ in range(2))
        index1, index2, _ = match_one_to_one(*first, *second, radius_arcsec=0.5)
        found = set(zip(index1.tolist(), index2.tolist(), strict=True))
        assert found == exhaustive(first, second, 0.5)
        assert 5 < len(found) < 60


def test_duplicates_match_once() -> None:
    ra, dec = np.full(3, 150.0), np.full(3, 2.0)
    index1, index2, separation = match_one_to_one(ra, dec, ra[:2], dec[:2], radius_arcsec=0.5)
    assert (index1.tolist(), index2.tolist()) == ([0], [0])
    assert separation[0] == 0.0


def test_across_zero_and_at_the_poles() -> None:
    ra1, dec1 = [359.99999, 10.0, 0.0], [0.0, 90.0, -89.99999]
    ra2, dec2 = [200.0, 0.00001, 250.0], [90.0, 0.0, -89.99999]
    index1, index2, _ = match_one_to_one(ra1, dec1, ra2, dec2, radius_arcsec=0.2)
    assert (index1.tolist(), index2.tolist()) == ([0, 1, 2], [1, 0, 2])


@pytest.mark.parametrize(("n1", "n2"), [(0, 3), (3, 0), (0, 0)])
def test_empty(n1: int, n2: int) -> None:
    found = match_one_to_one(np.zeros(n1), np.zeros(n1), np.zeros(n2), np.zeros(n2), radius_arcsec=1.0)
    assert [len(column) for column in found] == [0, 0, 0]
    assert found[0].dtype == np.int64
    row, separation = nearest(np.zeros(n1), np.zeros(n1), np.zeros(n2), np.zeros(n2))
    assert row.tolist() == [-1] * n1
    assert np.isnan(separation).all()


def test_missing_positions_match_nothing() -> None:
    index1, index2, _ = match_one_to_one(
        [np.nan, 5.0], [0.0, 0.0], [5.0, np.nan], [0.0, 0.0], radius_arcsec=1.0
    )
    assert (index1.tolist(), index2.tolist()) == ([1], [0])
    row, separation = nearest([np.nan, 5.0], [0.0, 0.0], [np.nan, 6.0], [0.0, 0.0])
    assert row.tolist() == [-1, 1]
    np.testing.assert_allclose(separation, [np.nan, 3600.0])


def test_pairs_are_complete_and_ordered() -> None:
    ra = np.array([0.0, 1.0, 2.0]) / 3600
    index1, index2, separation = pairs_within(ra, np.zeros(3), ra, np.zeros(3), radius_arcsec=1.5)
    pairs = list(zip(index1.tolist(), index2.tolist(), strict=True))
    assert pairs[:3] == [(0, 0), (1, 1), (2, 2)]
    assert set(pairs[3:]) == {(0, 1), (1, 0), (1, 2), (2, 1)}
    assert np.all(np.diff(separation) >= 0)
