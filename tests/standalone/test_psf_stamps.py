# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the evaluation of a PSF at many positions."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.images import Box
from lsst.transient.bogus.standalone.images import make_gaussian_psf
from lsst.transient.bogus.standalone.psf_stamps import PsfStamps, kernel_fwhm, lanczos_shift

from .conftest import Field


def test_stamps_agree_with_the_model(field: Field) -> None:
    psf = PsfStamps.sample(field.image.psf, field.image.bbox)
    x, y = np.array([1100.3, 1255.49, 1310.2]), np.array([400.75, 420.0, 580.51])
    stamps, column, row = psf.at(x, y)
    for i in range(3):
        expected = field.image.psf.compute_stellar_image(x=x[i], y=y[i])
        assert (column[i], row[i]) == (expected.bbox.x.start, expected.bbox.y.start)
        assert np.abs(stamps[i] - expected.array).max() < 0.002 * expected.array.max()


def test_gaussian_phases_and_width() -> None:
    box = Box.factory[50:150, 20:180]
    psf = PsfStamps.sample(make_gaussian_psf(fwhm=4.0, box=box), box)
    assert psf.fwhm == pytest.approx(4.0, abs=0.06)
    stamps, column, row = psf.at(np.array([33.37]), np.array([99.81]))
    rows, columns = np.indices((psf.size, psf.size))
    total = stamps[0].sum()
    assert total == pytest.approx(1.0, abs=1e-4)
    assert column[0] + np.sum(columns * stamps[0]) / total == pytest.approx(33.37, abs=0.01)
    assert row[0] + np.sum(rows * stamps[0]) / total == pytest.approx(99.81, abs=0.01)


def test_moments_of_a_gaussian() -> None:
    box = Box.factory[0:60, 0:60]
    psf = PsfStamps.sample(make_gaussian_psf(fwhm=4.71, box=box), box)
    ixx, iyy, ixy = psf.moments(np.array([20.0]), np.array([31.0]))
    assert ixx[0] == pytest.approx(4.0, rel=0.01)
    assert iyy[0] == pytest.approx(4.0, rel=0.01)
    assert ixy[0] == pytest.approx(0.0, abs=1e-6)


def test_positions_beyond_the_grid_are_clipped(field: Field) -> None:
    psf = PsfStamps.sample(field.image.psf, field.image.bbox)
    outside, corner = (psf.centred(np.array([v]), np.array([v])) for v in (-1e4, 0.0))
    assert np.array_equal(outside, corner)


def test_shift_keeps_the_sum() -> None:
    rows, columns = np.indices((25, 25)) - 12
    image = np.exp(-(rows**2 + columns**2) / 8.0)
    moved = lanczos_shift(image, np.array([0.3, -0.5]), np.array([0.0, 0.25]))
    assert moved.sum(axis=(1, 2)) == pytest.approx(image.sum(), rel=1e-4)
    assert np.sum(columns * moved[0]) / moved[0].sum() == pytest.approx(0.3, abs=0.01)


def test_fwhm_of_a_box() -> None:
    kernel = np.zeros((21, 21))
    kernel[10, 10] = 1.0
    assert 0.5 < kernel_fwhm(kernel) < 1.6
