# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the point-spread function of a crowded field."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.images import Box
from lsst.transient.bogus.standalone.frames.crowding import choose_psf_stars, fit_stars, measure_crowded_psf
from lsst.transient.bogus.standalone.images import make_gaussian_psf
from lsst.transient.bogus.standalone.psf_stamps import PsfStamps

SIZE = 220
FWHM = 4.0
SIGMA = FWHM / 2.3548
SKY_VARIANCE = 400.0


def crowded_field(density: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Render stars at a density per FWHM², with noise; return pixels, variance and stars."""
    rng = np.random.default_rng(11)
    n = int(density * (SIZE / FWHM) ** 2)
    stars = np.column_stack([rng.uniform(0, SIZE, (n, 2)), 2000.0 * (1 + rng.pareto(1.0, n))])
    stars[:, 2] = np.minimum(stars[:, 2], 3e5)
    y, x = np.mgrid[:SIZE, :SIZE]
    image = np.zeros((SIZE, SIZE))
    for star_x, star_y, flux in stars:
        profile = np.exp(-((x - star_x) ** 2 + (y - star_y) ** 2) / (2 * SIGMA**2))
        image += flux * profile / (2 * np.pi * SIGMA**2)
    variance = SKY_VARIANCE + image
    return image + rng.normal(0, 1, image.shape) * np.sqrt(variance), variance, stars


def test_seeing_of_a_crowded_field() -> None:
    image, variance, _ = crowded_field(0.1)
    nothing = np.zeros(image.shape, dtype=bool)
    psf = measure_crowded_psf(image, variance, nothing, nothing, fwhm=1.3 * FWHM)
    assert PsfStamps.sample(psf, Box.from_shape(image.shape)).fwhm == pytest.approx(FWHM, rel=0.05)


def test_bright_stars_have_the_right_flux() -> None:
    image, variance, stars = crowded_field(0.05)
    box = Box.from_shape(image.shape)
    stamps = PsfStamps.sample(make_gaussian_psf(fwhm=FWHM, box=box), box)
    nothing = np.zeros(image.shape, dtype=bool)
    fitted = fit_stars(image, variance, nothing, stamps, fwhm=FWHM)
    inside = np.all((stars[:, :2] > 10) & (stars[:, :2] < SIZE - 10), axis=1) & (stars[:, 2] > 5e4)
    ratios = []
    for x, y, flux in stars[inside]:
        near = np.hypot(fitted.x - x, fitted.y - y) < 2.0
        ratios.append(fitted.flux[near].sum() / flux)
    assert len(ratios) >= 5
    assert np.median(ratios) == pytest.approx(1.0, abs=0.05)


def test_saturated_stars_are_not_chosen() -> None:
    image, variance, _ = crowded_field(0.05)
    saturated = image > 0.5 * image.max()
    box = Box.from_shape(image.shape)
    stamps = PsfStamps.sample(make_gaussian_psf(fwhm=FWHM, box=box), box)
    fitted = fit_stars(image, variance, saturated, stamps, fwhm=FWHM)
    chosen = choose_psf_stars(fitted, saturated, fwhm=FWHM)
    assert 4 < chosen.sum() <= 60
    rows, columns = np.nonzero(saturated)
    for x, y in zip(fitted.x[chosen], fitted.y[chosen], strict=True):
        assert np.hypot(columns - x, rows - y).min() > FWHM


def test_empty_field_keeps_the_first_guess() -> None:
    image = np.random.default_rng(2).normal(0.0, 1.0, (128, 128))
    nothing = np.zeros(image.shape, dtype=bool)
    psf = measure_crowded_psf(image, np.ones(image.shape), nothing, nothing, fwhm=3.0)
    assert PsfStamps.sample(psf, Box.from_shape(image.shape)).fwhm == pytest.approx(3.0, rel=0.05)


def test_no_star_at_all() -> None:
    image = np.zeros((64, 64))
    box = Box.from_shape(image.shape)
    stamps = PsfStamps.sample(make_gaussian_psf(fwhm=FWHM, box=box), box)
    nothing = np.zeros(image.shape, dtype=bool)
    fitted = fit_stars(image, np.ones(image.shape), nothing, stamps, fwhm=FWHM)
    assert len(fitted.x) == 0
    assert choose_psf_stars(fitted, nothing, fwhm=FWHM).shape == (0,)
    assert np.all(fitted.image(image.shape) == 0)
