# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of drawing synthetic sources."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.standalone.injection_draw import make_profile, paint, variance_slope

ARCSEC_PER_PIXEL = 0.2


def gaussian_kernel(sigma: float, size: int = 41) -> np.ndarray:
    axis = np.arange(size) - size // 2
    profile = np.exp(-0.5 * (axis / sigma) ** 2)
    kernel = np.outer(profile, profile)
    return kernel / kernel.sum()


def elliptical_moffat(size: int = 61) -> np.ndarray:
    rows, columns = np.indices((size, size)) - size // 2
    kernel = (1.0 + (columns**2 + 0.3 * rows * columns + 0.7 * rows**2) / 9.0) ** -3.5
    return kernel / kernel.sum()


@pytest.mark.parametrize("kernel", [gaussian_kernel(1.3), gaussian_kernel(3.0), elliptical_moffat()])
@pytest.mark.parametrize("phase", [(0.0, 0.0), (0.25, -0.4), (0.5, 0.5), (-0.13, 0.49)])
@pytest.mark.parametrize("flux", [50.0, 1e6])
def test_flux_and_centroid(kernel: np.ndarray, phase: tuple[float, float], flux: float) -> None:
    x, y = 60.0 + phase[0], 45.0 + phase[1]
    painted = paint(kernel, x, y, flux, (100, 120))
    assert painted is not None
    rows, columns = np.mgrid[painted.rows, painted.columns]
    total = painted.pixels.sum()
    assert total == pytest.approx(flux, rel=0.01)
    assert np.sum(columns * painted.pixels) / total == pytest.approx(x, abs=0.05)
    assert np.sum(rows * painted.pixels) / total == pytest.approx(y, abs=0.05)


def test_partly_and_wholly_off_the_image() -> None:
    kernel = gaussian_kernel(2.0)
    painted = paint(kernel, -0.5, 50.0, 100.0, (100, 120))
    assert painted is not None
    assert painted.columns.start == 0
    assert painted.pixels.sum() == pytest.approx(50.0, rel=0.01)
    assert paint(kernel, -100.0, 50.0, 100.0, (100, 120)) is None


def test_trail_is_as_long_and_as_inclined_as_asked() -> None:
    profile = make_profile("Trail", {"trail_length": 20.0, "beta": 90.0}, np.eye(2))
    painted = paint(gaussian_kernel(1.5), 60.0, 60.0, 1000.0, (121, 121), profile=profile)
    assert painted is not None
    rows, columns = np.mgrid[painted.rows, painted.columns]
    along, across = (np.sum((a - 60.0) ** 2 * painted.pixels) / painted.pixels.sum() for a in (rows, columns))
    # A line of length L has the variance L² / 12.
    assert along == pytest.approx(20.0**2 / 12 + 1.5**2, rel=0.03)
    assert across == pytest.approx(1.5**2, rel=0.03)


def test_galaxy_has_its_half_light_radius() -> None:
    jacobian = ARCSEC_PER_PIXEL * np.array([[-1.0, 0.0], [0.0, 1.0]])
    profile = make_profile("Exponential", {"half_light_radius": 3.0, "q": np.nan}, jacobian)
    painted = paint(gaussian_kernel(1.0), 100.0, 100.0, 1000.0, (201, 201), profile=profile)
    assert painted is not None
    rows, columns = np.mgrid[painted.rows, painted.columns]
    inside = np.hypot(rows - 100.0, columns - 100.0) < 3.0 / ARCSEC_PER_PIXEL
    assert painted.pixels[inside].sum() == pytest.approx(500.0, rel=0.05)


def test_slope_of_poisson_variance() -> None:
    rng = np.random.default_rng(8)
    flux = np.concatenate([np.zeros(9000), rng.uniform(100, 1e4, 1000)])
    image = flux + rng.normal(size=10000) * np.sqrt(0.4 * flux + 30.0)
    none = np.zeros(10000, dtype=bool)
    assert variance_slope(image, 0.4 * flux + 30.0, none) == pytest.approx(0.4, rel=0.05)
    # The stack's task silently injects nothing here.
    assert variance_slope(image, np.full(10000, 30.0), none) == 0.0
    assert variance_slope(image, 0.4 * flux + 30.0, ~none) == 0.0
