# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of forced PSF photometry."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lsst.transient.bogus.standalone.image_arrays import ImageArrays
from lsst.transient.bogus.standalone.photometry import psf_photometry
from lsst.transient.bogus.standalone.psf_stamps import PsfStamps

from .conftest import READ_NOISE2, SKY, X0, Y0, Field


def test_noiseless_fluxes_at_all_phases(make_field: Callable[..., Field]) -> None:
    extra = {(X0 + 40.0 + 60 * i, Y0 + 50.5 + 0.25 * i): 1e4 for i in range(5)}
    field = make_field(n_stars=0, n_galaxies=0, extra=extra, noise=False, gaussian=True)
    arrays = ImageArrays.from_masked_image(field.image, [])
    psf = PsfStamps.sample(field.image.psf, field.image.bbox)
    result = psf_photometry(arrays, psf, field.x, field.y)
    assert result.flux == pytest.approx(1e4, rel=0.01)
    assert result.good_fraction == pytest.approx(1.0)
    # Sky-limited error: the square root of the sky variance over the sum of squares of the PSF.
    faint = psf_photometry(arrays, psf, np.array([X0 + 150.0]), np.array([Y0 + 200.0]))
    expected = np.sqrt((SKY + READ_NOISE2) / np.sum(psf.mean_kernel**2))
    assert faint.flux_error[0] == pytest.approx(expected, rel=0.01)


def test_pulls_are_standard_normal(make_field: Callable[..., Field]) -> None:
    field = make_field(n_stars=0, n_galaxies=0, gaussian=True, visit=5)
    arrays = ImageArrays.from_masked_image(field.image, [])
    psf = PsfStamps.sample(field.image.psf, field.image.bbox)
    x, y = (a.ravel() + 20.0 for a in np.meshgrid(np.arange(0, 300, 15.0), np.arange(0, 260, 15.0)))
    result = psf_photometry(arrays, psf, x + X0, y + Y0)
    pull = result.flux / result.flux_error
    assert np.std(pull) == pytest.approx(1.0, abs=0.12)
    assert np.mean(pull) == pytest.approx(0.0, abs=0.2)
    assert np.median(result.chi2 / result.n_pixels) == pytest.approx(1.0, abs=0.05)


def test_unusable_positions_are_nan(field: Field) -> None:
    arrays = ImageArrays.from_masked_image(field.image, [])
    psf = PsfStamps.sample(field.image.psf, field.image.bbox)
    result = psf_photometry(arrays, psf, np.array([X0 - 500.0, np.nan]), np.array([Y0 + 50.0, Y0]))
    assert np.isnan(result.flux).all()
    assert list(result.n_pixels) == [0, 0]
    assert list(result.good_fraction) == [0.0, 0.0]


def test_no_positions(field: Field) -> None:
    psf = PsfStamps.sample(field.image.psf, field.image.bbox)
    result = psf_photometry(ImageArrays.from_masked_image(field.image, []), psf, np.zeros(0), np.zeros(0))
    assert result.flux.shape == (0,)
    assert result.n_pixels.dtype == np.int64
