# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the fit of a pixel PSF."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.standalone.psf_fit import PixelPsf, fit_pixel_psf, polynomial_basis
from lsst.transient.bogus.standalone.psf_stars import StarCandidates


def gaussian(x: float, y: float, sigma: float, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = np.indices(shape)
    return np.exp(-0.5 * ((columns - x) ** 2 + (rows - y) ** 2) / sigma**2) / (2 * np.pi * sigma**2)


def test_recovers_a_linear_change_of_width() -> None:
    rng = np.random.default_rng(4)
    shape = (200, 160)
    x, y = (a.ravel() for a in np.meshgrid(np.arange(17.0, 150, 25), np.arange(18.0, 190, 32)))
    x, y = x + rng.uniform(-0.5, 0.5, 36), y + rng.uniform(-0.5, 0.5, 36)
    pixels = sum(1e5 * gaussian(a, b, 1.7 + 0.004 * (a - 80), shape) for a, b in zip(x, y, strict=True))
    stars = StarCandidates(x + rng.normal(0, 0.05, 36), y, np.full(36, 0.9e5), 4.0)
    no_bad = np.zeros(shape, dtype=bool)
    model = fit_pixel_psf(pixels, np.ones(shape), no_bad, stars, size=21, max_order=2)
    assert model.order == 2
    q = model.coefficients_at(0, 0)
    for column in (30.0, 130.0):
        kernel = (polynomial_basis(np.array([column]), np.array([100.0]), 2) @ q.T).reshape(21, 21)
        truth = gaussian(10, 10, 1.7 + 0.004 * (column - 80), (21, 21))
        assert kernel.sum() == pytest.approx(1.0, abs=1e-9)
        assert kernel[10, 10] == pytest.approx(truth[10, 10], rel=0.02)


def test_order_follows_the_number_of_stars() -> None:
    shape = (120, 120)
    x = y = np.array([30.0, 60.0, 90.0])
    pixels = sum(1e4 * gaussian(a, b, 1.7, shape) for a, b in zip(x, y, strict=True))
    stars = StarCandidates(x, y, np.full(3, 1e4), 4.0)
    model = fit_pixel_psf(pixels, np.ones(shape), np.zeros(shape, bool), stars, size=15, max_order=2)
    assert model.order == 0
    assert model.n_used == 3


def test_expansion_in_parent_coordinates() -> None:
    rng = np.random.default_rng(5)
    coefficients = rng.normal(size=(6, 3, 3))
    model = PixelPsf(coefficients, 2, (40.0, 60.0), 80.0, np.zeros(1), np.zeros(1), np.ones(1, bool))
    local = polynomial_basis(np.array([(10 - 40) / 80.0]), np.array([(20 - 60) / 80.0]), 2)
    parent = polynomial_basis(np.array([10 + 500.0]), np.array([20 + 700.0]), 2)
    expected = local @ coefficients.reshape(6, -1)
    assert parent @ model.coefficients_at(500, 700).T == pytest.approx(expected, abs=1e-8)
