# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of kernels that the sfft package solves for."""

from __future__ import annotations

import sys

import numba
import numpy as np
import pytest
from scipy import ndimage

from lsst.transient.bogus.standalone.sfft_kernel import fit_sfft, source_region

SHAPE, HALF_WIDTH, MARGIN = (44, 52), 2, 4


@pytest.fixture
def sfft(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sfft", reason="the sfft extra is not installed")
    # Compiling its functions would take half a minute.
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)


def test_region_is_the_usable_part_of_the_squares() -> None:
    usable = np.ones((6, 8), dtype=bool)
    usable[1, 1] = False
    region = source_region(np.array([1, 6]), np.array([0, 3]), usable, radius=1)
    expected = np.array(
        [
            [1, 1, 1, 0, 0, 0, 0, 0],
            [1, 0, 1, 0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 1, 1, 1],
            [0, 0, 0, 0, 0, 1, 1, 1],
            [0, 0, 0, 0, 0, 1, 1, 1],
            [0, 0, 0, 0, 0, 0, 0, 0],
        ]
    )
    np.testing.assert_array_equal(region, expected.astype(bool))


def test_finds_a_kernel_that_varies(sfft: None) -> None:
    """An image whose kernel is known: its width grows with the column and it shifts by half a pixel."""
    large = (SHAPE[0] + 2 * MARGIN, SHAPE[1] + 2 * MARGIN)
    stars = np.zeros(large)
    row, column = (a.ravel() for a in np.mgrid[12 : large[0] - 8 : 9, 12 : large[1] - 8 : 9])
    stars[row, column] = np.linspace(500.0, 2000.0, len(row))
    template = ndimage.gaussian_filter(stars, 1.0)
    inner = np.s_[MARGIN:-MARGIN, MARGIN:-MARGIN]
    narrow = np.zeros((5, 5))
    narrow[2, 2:4] = 0.65
    wide = narrow + np.pad([[0.1, 0.1, 0.1], [0.1, -0.8, 0.1], [0.1, 0.1, 0.1]], 1)
    along = np.arange(SHAPE[1]) / SHAPE[1]
    parts = [ndimage.convolve(template, kernel, mode="constant")[inner] for kernel in (narrow, wide)]
    science = (1.0 - along) * parts[0] + along * parts[1]
    everywhere = np.ones(SHAPE, dtype=bool)
    kernel = fit_sfft(science, template[inner], everywhere, half_width=HALF_WIDTH, order=1)
    assert kernel.ratio == pytest.approx(1.3, rel=1e-3)
    assert (kernel.order, kernel.half_width) == (1, HALF_WIDTH)
    for x in (10, 40):
        expected = narrow + x / SHAPE[1] * (wide - narrow)
        np.testing.assert_allclose(kernel.at(x, 20.0), expected, atol=0.03)
    centre = np.s_[4:-4, 4:-4]
    residual = (science - kernel.convolve(template, MARGIN))[centre]
    assert np.abs(residual).max() < 0.01 * science.max()
    # sfft leaves a number where this function was.
    assert callable(numba.set_num_threads)


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sfft", None)
    for name in [name for name in sys.modules if name.startswith("sfft.")]:
        monkeypatch.delitem(sys.modules, name)
    image = np.ones((9, 9))
    with pytest.raises(ModuleNotFoundError, match=r"lsst-transient-bogus\[sfft\]"):
        fit_sfft(image, image, image > 0, half_width=1, order=0)
