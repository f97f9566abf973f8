# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the fit of matching kernels."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.standalone.image_arrays import ImageArrays
from lsst.transient.bogus.standalone.kernel_basis import polar_basis, radial_knots
from lsst.transient.bogus.standalone.kernel_fit import MatchingKernel, fit_kernel
from lsst.transient.bogus.standalone.stamp_pairs import cut_pairs

SHAPE, MARGIN = (200, 240), 9
POSITIONS = [(y, x) for y in range(20, 200, 32) for x in range(20, 240, 33)]


def stars(
    sigma: float, *, varying: bool = True, shape: tuple[int, int] = SHAPE, offset: int = 0
) -> np.ndarray:
    image = np.zeros(shape)
    rows, columns = np.indices(shape)
    for k, (y, x) in enumerate(POSITIONS):
        width2 = sigma**2 + 0.004 * (x - 120) * varying
        amplitude = 1e4 * (1 + k % 5)
        radius2 = (rows - y - offset) ** 2 + (columns - x - offset) ** 2
        image += amplitude / (2 * np.pi * width2) * np.exp(-0.5 * radius2 / width2)
    return image


def fitted(science: np.ndarray, template: np.ndarray, order: int = 1) -> MatchingKernel:
    arrays = ImageArrays(science, np.ones(SHAPE), np.zeros(SHAPE, bool), 0, 0)
    large = ImageArrays(template, np.ones(template.shape), np.zeros(template.shape, bool), -MARGIN, -MARGIN)
    row, column = np.array(POSITIONS).T
    pairs = cut_pairs(arrays, large, np.ones(SHAPE, bool), column, row, radius=9, half_width=MARGIN)
    basis = polar_basis(radial_knots(4.0, MARGIN), MARGIN, max_harmonic=3)
    return fit_kernel(pairs, basis, shape=SHAPE, max_order=order)


@pytest.fixture(scope="module")
def template() -> np.ndarray:
    large = (SHAPE[0] + 2 * MARGIN, SHAPE[1] + 2 * MARGIN)
    return stars(1.6, varying=False, shape=large, offset=MARGIN)


def test_matches_a_varying_psf_and_the_flux_ratio(template: np.ndarray) -> None:
    science = 1.3 * stars(2.2) + 7.0
    kernel = fitted(science, template)
    assert kernel.ratio == pytest.approx(1.3, rel=2e-3)
    matched = kernel.convolve(template, MARGIN)
    inner = np.s_[12:-12, 12:-12]
    residual = (science - 7.0 - matched)[inner]
    assert np.abs(residual).max() < 0.01 * science.max()


def test_deconvolves_when_science_is_sharper(template: np.ndarray) -> None:
    science = stars(1.45, varying=False)
    matched = fitted(science, template, order=0).convolve(template, MARGIN)
    assert np.abs(science - matched).max() < 0.02 * science.max()


def test_a_transient_is_left_out_of_the_fit(template: np.ndarray) -> None:
    science = stars(2.0, varying=False)
    y, x = POSITIONS[10]
    rows, columns = np.indices(SHAPE)
    transient = 3e4 / (2 * np.pi * 4.0) * np.exp(-0.5 * ((rows - y) ** 2 + (columns - x - 1.5) ** 2) / 4.0)
    kernel = fitted(science + transient, template)
    assert not kernel.used[10]
    assert kernel.used.sum() > 0.8 * len(POSITIONS)
    difference = science + transient - kernel.convolve(template, MARGIN)
    part = np.s_[y - 10 : y + 11, x - 10 : x + 12]
    assert difference[part].sum() == pytest.approx(3e4, rel=0.02)


def test_convolution_agrees_with_the_kernel_at_each_position(template: np.ndarray) -> None:
    kernel = fitted(stars(2.2), template)
    matched = kernel.convolve(template, MARGIN)
    for x, y in ((0, 0), (100, 60), (239, 199)):
        patch = template[y : y + 2 * MARGIN + 1, x : x + 2 * MARGIN + 1]
        assert matched[y, x] == pytest.approx(np.sum(patch * kernel.at(x, y)[::-1, ::-1]), abs=1e-6)


def test_order_follows_the_number_of_stamps(template: np.ndarray) -> None:
    assert fitted(stars(2.0), template, order=4).order == 3
