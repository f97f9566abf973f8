# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the sphere."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.sphere import (
    arcsec_to_chord,
    chord_to_arcsec,
    local_axes,
    position_angle,
    separation_arcsec,
    sky_positions,
    unit_vectors,
)


def test_vectors_round_trip() -> None:
    ra, dec = np.array([0.0, 359.999, 180.0, 12.0]), np.array([-89.9, 45.0, 0.0, 89.999])
    vectors = unit_vectors(ra, dec)
    assert vectors.shape == (4, 3)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0)
    back = sky_positions(3.0 * vectors)
    np.testing.assert_allclose(back, [ra, dec], atol=1e-9)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0.0, 90.0), (123.0, 90.0), 0.0),
        ((359.9999, 0.0), (0.0001, 0.0), 0.72),
        ((10.0, -90.0), (200.0, -89.0), 3600.0),
        ((0.0, 0.0), (180.0, 0.0), 180 * 3600.0),
        ((40.0, 60.0), (40.0 + 1e-7 / 0.5, 60.0), 3.6e-4),
    ],
)
def test_separation(first: tuple[float, float], second: tuple[float, float], expected: float) -> None:
    assert separation_arcsec(*first, *second) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_chords_are_inverse_of_angles() -> None:
    angles = np.array([0.0, 1e-6, 0.5, 3600.0, 180 * 3600.0])
    np.testing.assert_allclose(chord_to_arcsec(arcsec_to_chord(angles)), angles, rtol=1e-7)


def test_position_angle_is_east_of_north() -> None:
    ra, dec = np.full(4, 359.99999), np.full(4, 60.0)
    step = 1e-5 * np.array([[0.0, 1.0], [2.0, 0.0], [0.0, -1.0], [-2.0, 0.0]])
    angle = position_angle(ra, dec, ra + step[:, 0], dec + step[:, 1])
    np.testing.assert_allclose((angle - [0.0, 90.0, 180.0, 270.0] + 180) % 360 - 180, 0.0, atol=1e-3)


def test_local_axes_are_a_right_handed_frame() -> None:
    outward = unit_vectors([10.0, 200.0], [-40.0, 80.0])
    east, north = local_axes(outward)
    np.testing.assert_allclose(np.cross(east, north), outward, atol=1e-12)
    assert np.all(north[:, 2] > 0)
    np.testing.assert_allclose(east[:, 2], 0.0, atol=1e-12)
