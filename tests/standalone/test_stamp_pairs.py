# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the choice of stamps."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.images import Box
from lsst.transient.bogus.standalone.image_arrays import ImageArrays
from lsst.transient.bogus.standalone.images import make_gaussian_psf
from lsst.transient.bogus.standalone.kernel_basis import polar_basis, radial_knots
from lsst.transient.bogus.standalone.kernel_fit import fit_kernel
from lsst.transient.bogus.standalone.psf_stamps import PsfStamps
from lsst.transient.bogus.standalone.stamp_pairs import cut_pairs, psf_pairs, select_positions

from .conftest import Field


def select(arrays: ImageArrays, usable: np.ndarray, per_cell: int = 3) -> np.ndarray:
    return np.column_stack(
        select_positions(arrays, usable, radius=9, min_snr=20.0, n_cells=3, per_cell=per_cell)
    )


def test_spread_bright_and_usable(field: Field) -> None:
    arrays = ImageArrays.from_masked_image(field.image, [])
    usable = ~arrays.bad
    chosen = select(arrays, usable)
    assert len(chosen) >= 10
    cells = chosen[:, 1] * 3 // 300 * 3 + chosen[:, 0] * 3 // 340
    assert np.bincount(cells).max() <= 3
    column, row = chosen[0]
    usable[row - 1, column + 1] = False
    assert not np.any(np.all(select(arrays, usable) == chosen[0], axis=1))


def test_stamps_beyond_the_border_have_no_weight(field: Field) -> None:
    arrays = ImageArrays.from_masked_image(field.image, [])
    pairs = cut_pairs(arrays, arrays, ~arrays.bad, np.array([2]), np.array([150]), radius=5, half_width=3)
    assert pairs.template.shape == (1, 17, 17)
    assert np.all(pairs.weight[0, :, :3] == 0)
    assert np.all(pairs.weight[0, :, 3:] > 0)
    assert np.array_equal(pairs.template[0, 3:-3, 3:-3], pairs.science[0])


def test_psf_models_stand_in_for_stars() -> None:
    box = Box.factory[0:100, 0:120]
    science, template = (PsfStamps.sample(make_gaussian_psf(fwhm=f, box=box), box) for f in (5.0, 4.0))
    nothing = ImageArrays(np.zeros(box.shape), np.ones(box.shape), np.zeros(box.shape, bool), 0, 0)
    pairs = psf_pairs(science, template, nothing, radius=9, half_width=8)
    basis = polar_basis(radial_knots(4.0, 8), 8, max_harmonic=2)
    kernel = fit_kernel(pairs, basis, shape=(100, 120), max_order=2)
    assert kernel.ratio == pytest.approx(1.0, abs=0.01)
    # A Gaussian of FWHM 3 turns one of 4 into one of 5.
    rows, columns = np.indices((17, 17)) - 8
    width = np.sum((rows**2 + columns**2) * kernel.at(50, 50)) / 2
    assert 2.355 * np.sqrt(width) == pytest.approx(3.0, rel=0.05)
