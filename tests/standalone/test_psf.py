# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the measurement of the PSF."""

from __future__ import annotations

import galsim
import numpy as np
import pytest

from lsst.images.psfs import GaussianPointSpreadFunction, PiffWrapper
from lsst.transient.bogus.errors import InsufficientDataError
from lsst.transient.bogus.standalone.psf import measure_psf, psf_star_positions

from .conftest import X0, Y0, Field, moffat


def true_kernel(x: float, size: int, width: int) -> np.ndarray:
    kernel = moffat(4.0, x, width).drawImage(nx=size, ny=size, scale=1.0).array
    return kernel / kernel.sum()


@pytest.mark.parametrize(("x", "y"), [(X0 + 60, Y0 + 50), (X0 + 170, Y0 + 150), (X0 + 300, Y0 + 250)])
def test_model_matches_the_stars(field: Field, x: float, y: float) -> None:
    psf = field.image.psf
    assert isinstance(psf, PiffWrapper)
    kernel = psf.compute_kernel_image(x=x, y=y).array
    truth = true_kernel(x - X0, kernel.shape[0], 340)
    # The flux of a star measured with the model, relative to its true flux.
    assert np.sum(kernel * truth) / np.sum(kernel**2) == pytest.approx(1.0, abs=0.02)
    assert np.abs(kernel - truth).max() < 0.04 * truth.max()


def test_remembers_its_stars(field: Field) -> None:
    used = psf_star_positions(field.image.psf)
    stars = np.column_stack([field.x, field.y])[field.is_star]
    distance = np.hypot(used[:, None, 0] - stars[None, :, 0], used[:, None, 1] - stars[None, :, 1]).min(
        axis=1
    )
    assert len(used) >= 6
    assert np.all(distance < 0.3)


def test_saturated_and_bad_stars_are_not_used(field: Field) -> None:
    used = psf_star_positions(field.image.psf)
    bad = np.zeros(field.image.image.array.shape, dtype=bool)
    column, row = np.round(used[0]).astype(int) - (X0, Y0)
    bad[row, column] = True
    psf = measure_psf(field.image.image.array, field.image.variance.array, bad, x0=X0, y0=Y0)
    assert not np.any(np.hypot(*(psf_star_positions(psf) - used[0]).T) < 1.0)


def test_gaussian_with_few_stars(caplog: pytest.LogCaptureFixture) -> None:
    canvas = galsim.Image(64, 80, xmin=0, ymin=0, dtype=float)
    galsim.Gaussian(fwhm=4.0, flux=1e5).drawImage(canvas, scale=1.0, center=galsim.PositionD(30.2, 40.4))
    pixels = canvas.array + np.random.default_rng(1).normal(size=(80, 64))
    psf = measure_psf(
        pixels, np.ones((80, 64)), np.zeros((80, 64), dtype=bool), x0=10, y0=20, where="visit 3"
    )
    assert isinstance(psf, GaussianPointSpreadFunction)
    assert psf.sigma * 2.355 == pytest.approx(np.hypot(4.0, 2.355 / np.sqrt(12)), rel=0.05)
    assert "visit 3: only 1 usable stars" in caplog.text


def test_no_star_at_all() -> None:
    noise = np.random.default_rng(1).normal(size=(64, 64))
    arguments = (noise, np.ones((64, 64)), np.zeros((64, 64), dtype=bool))
    assert isinstance(measure_psf(*arguments, fwhm_guess=3.0), GaussianPointSpreadFunction)
    with pytest.raises(InsufficientDataError, match="visit 5") as error:
        measure_psf(*arguments, where="visit 5")
    assert error.value.metadata["n_stars"] == 0


def test_masked_image_fails() -> None:
    with pytest.raises(InsufficientDataError, match="No usable pixel"):
        measure_psf(np.zeros((32, 32)), np.ones((32, 32)), np.ones((32, 32), dtype=bool), fwhm_guess=3.0)
