# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of host shapes and of the choice of hosts."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.hosts import (
    choose_hosts,
    ellipses_from_moments,
    is_within,
    sky_ellipses,
    stochastic_round,
)


def moments(a: np.ndarray, b: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the second moments of ellipses: R diag(a², b²) Rᵀ."""
    c, s = np.cos(angle), np.sin(angle)
    return a**2 * c**2 + b**2 * s**2, a**2 * s**2 + b**2 * c**2, (a**2 - b**2) * s * c


def test_axes_and_angle_come_back() -> None:
    rng = np.random.default_rng(1)
    a, angle = rng.uniform(1, 9, 100), rng.uniform(-np.pi / 2, np.pi / 2, 100)
    b = a * rng.uniform(0.1, 0.95, 100)
    found = ellipses_from_moments(*moments(a, b, angle))
    np.testing.assert_allclose([found.semi_major, found.semi_minor, found.angle], [a, b, angle], rtol=1e-9)


@pytest.mark.parametrize(
    "bad", [(np.nan, 1.0, 0.0), (1.0, np.inf, 0.0), (-1.0, 2.0, 0.0), (1.0, 1.0, 1.5), (0.0, 0.0, 0.0)]
)
def test_moments_of_no_ellipse_are_nan(bad: tuple[float, float, float]) -> None:
    found = ellipses_from_moments(
        *(np.array([m, good]) for m, good in zip(bad, (4.0, 1.0, 0.0), strict=True))
    )
    assert np.isnan(found.semi_major[0])
    assert np.isnan(found.semi_minor[0])
    assert (found.semi_major[1], found.semi_minor[1]) == (2.0, 1.0)


@pytest.mark.parametrize("parity", [-1.0, 1.0])
@pytest.mark.parametrize("rotation", [0.0, 30.0, 200.0])
def test_position_angle_under_rotation_and_flips(rotation: float, parity: float) -> None:
    # East of a pixel step: parity * (cos, -sin); north: (sin, cos); with 0.2 arcsec a pixel.
    t = np.radians(rotation)
    jacobian = 0.2 * np.array([[parity * np.cos(t), -parity * np.sin(t)], [np.sin(t), np.cos(t)]])
    angle = np.radians([0.0, 20.0, 80.0])
    found = sky_ellipses(*moments(np.full(3, 5.0), np.full(3, 2.0), angle), np.stack([jacobian] * 3))
    np.testing.assert_allclose(found.semi_major, 1.0)
    np.testing.assert_allclose(found.semi_minor, 0.4)
    east, north = jacobian @ np.stack([np.cos(angle), np.sin(angle)])
    difference = found.angle - np.arctan2(east, north)
    np.testing.assert_allclose(np.sin(difference), 0.0, atol=1e-9)


def test_within_leaves_a_margin_and_out_what_is_missing() -> None:
    box = (10.0, 20.0, 110.0, 320.0)
    x, y = np.array([30.0, 29.9, 60.0, 60.0, np.nan]), np.array([40.0, 60.0, 300.0, 300.1, 60.0])
    assert is_within(x, y, box, 20.0).tolist() == [True, False, True, False, False]


def test_rounding_keeps_the_mean() -> None:
    rng = np.random.default_rng(2)
    draws = np.array([stochastic_round(2.3, rng) for _ in range(4000)])
    assert set(draws) == {2, 3}
    assert draws.mean() == pytest.approx(2.3, abs=4 * np.sqrt(0.21 / 4000))
    assert stochastic_round(0.0, rng) == 0


@pytest.mark.parametrize(
    ("n", "fraction", "minimum", "maximum", "expected"),
    [
        (100, 0.25, 0, 1000, 25),
        (100, 0.0, 7, 1000, 7),
        (100, 1.0, 0, 30, 30),
        (3, 0.1, 10, 1000, 3),
        (0, 0.5, 4, 9, 0),
    ],
)
def test_number_of_hosts(n: int, fraction: float, minimum: int, maximum: int, expected: int) -> None:
    candidates = 10 * np.arange(n)
    chosen = choose_hosts(
        candidates, fraction=fraction, minimum=minimum, maximum=maximum, rng=np.random.default_rng(3)
    )
    assert len(chosen) == len(set(chosen)) == expected
    assert set(chosen) <= set(candidates)


def test_every_candidate_is_equally_likely() -> None:
    rng = np.random.default_rng(4)
    counts = np.zeros(20)
    for _ in range(3000):
        counts[choose_hosts(np.arange(20), fraction=0.1, minimum=0, maximum=99, rng=rng)] += 1
    assert np.all(np.abs(counts - 300) < 5 * np.sqrt(300))
