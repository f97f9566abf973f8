# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the PSF of a mean of images."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.images import Box
from lsst.transient.bogus.standalone.coadd_psf import PsfContribution, combine_psfs
from lsst.transient.bogus.standalone.images import make_gaussian_psf
from lsst.transient.bogus.standalone.warp import PixelMap

BOX = Box.factory[100:260, 50:250]
SIGMA = 1.0 / 2.3548


def contribution(fwhm: float, *, scale: float = 1.0, weight: float = 1.0) -> PsfContribution:
    rows, columns = np.indices(BOX.shape, dtype=float)
    pixel_map = PixelMap(scale * columns, scale * rows, np.full(BOX.shape, scale**2))
    psf = make_gaussian_psf(fwhm=fwhm, box=Box.factory[0:1000, 0:1000], stamp_size=41)
    return PsfContribution(psf, pixel_map, weight, np.ones(BOX.shape, dtype=bool))


def kernel(contributions: list[PsfContribution]) -> np.ndarray:
    return combine_psfs(contributions, BOX).compute_kernel_image(x=120.0, y=170.0).array


def gaussian(fwhm: float) -> np.ndarray:
    axis = np.arange(41) - 20
    profile = np.exp(-0.5 * (axis / (fwhm * SIGMA)) ** 2)
    image = np.outer(profile, profile)
    return image / image.sum()


def test_weighted_mean() -> None:
    mean = kernel([contribution(3.5, weight=3.0), contribution(6.0)])
    assert mean == pytest.approx((3 * gaussian(3.5) + gaussian(6.0)) / 4, abs=1e-5)


def test_pixel_scale_of_the_source_is_taken_out() -> None:
    # A pixel of the mean is two pixels of the source: half the FWHM.
    assert kernel([contribution(8.0, scale=2.0)]) == pytest.approx(gaussian(4.0), abs=2e-4)


def test_without_coverage_of_the_knots() -> None:
    nowhere = contribution(4.0)
    nowhere.inside[...] = False
    assert kernel([nowhere]) == pytest.approx(gaussian(4.0), abs=1e-5)
