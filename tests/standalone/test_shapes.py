# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of adaptive moments."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.standalone.shapes import Shapes, adaptive_moments


def gaussian(x: float, y: float, ixx: float, iyy: float, ixy: float, size: int = 41) -> np.ndarray:
    rows, columns = np.indices((size, size)) - size // 2
    inverse = np.linalg.inv([[ixx, ixy], [ixy, iyy]])
    u, v = columns - x, rows - y
    return 100.0 * np.exp(-0.5 * (inverse[0, 0] * u * u + 2 * inverse[0, 1] * u * v + inverse[1, 1] * v * v))


@pytest.mark.parametrize(
    ("x", "y", "ixx", "iyy", "ixy"),
    [(0.0, 0.0, 4.0, 4.0, 0.0), (0.7, -0.4, 9.0, 3.0, 2.0), (-1.2, 0.9, 3.0, 16.0, -4.0)],
)
def test_gaussians(x: float, y: float, ixx: float, iyy: float, ixy: float) -> None:
    shapes = adaptive_moments(gaussian(x, y, ixx, iyy, ixy)[None], np.zeros(1), np.zeros(1), sigma=2.0)
    assert not shapes.failed[0]
    assert (shapes.x[0], shapes.y[0]) == pytest.approx((x, y), abs=0.01)
    assert (shapes.ixx[0], shapes.iyy[0], shapes.ixy[0]) == pytest.approx((ixx, iyy, ixy), rel=0.02, abs=0.02)


def test_what_is_not_a_source_fails() -> None:
    rng = np.random.default_rng(3)
    stamps = np.stack([np.zeros((21, 21)), -gaussian(0, 0, 4, 4, 0, 21), rng.normal(size=(21, 21)) - 1.0])
    shapes = adaptive_moments(stamps, np.zeros(3), np.zeros(3), sigma=2.0)
    assert shapes.failed.all()
    assert np.isnan(shapes.ixx).all()


def test_no_stamps() -> None:
    shapes = adaptive_moments(np.zeros((0, 21, 21)), np.zeros(0), np.zeros(0), sigma=2.0)
    assert len(shapes.x) == 0


def test_rows_are_replaced() -> None:
    one = adaptive_moments(gaussian(0, 0, 4, 4, 0)[None], np.zeros(1), np.zeros(1), sigma=2.0)
    shapes = Shapes.empty(3).replaced(np.array([1]), one)
    assert list(shapes.failed) == [True, False, True]
    assert shapes.ixx[1] == pytest.approx(4.0, rel=0.01)
