# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of source detection and measurement on arrays."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.standalone.image_arrays import ImageArrays
from lsst.transient.bogus.standalone.psf_stamps import PsfStamps
from lsst.transient.bogus.standalone.source_measurement import (
    detect_sources,
    extendedness_from_size,
    measure_shapes,
    size_probability,
)

from .conftest import X0, Y0, Field


def test_finds_and_centres_sources(field: Field) -> None:
    arrays = ImageArrays.from_masked_image(field.image, [])
    psf = PsfStamps.sample(field.image.psf, field.image.bbox)
    found = detect_sources(
        arrays, psf.mean_kernel, threshold=5.0, min_area=5, background_size=64, deblend_contrast=0.005
    )
    shapes = measure_shapes(found, arrays, psf)
    bright = field.is_star & (field.flux > 2e4)
    bright &= (np.abs(field.x - X0 - 170) < 155) & (np.abs(field.y - Y0 - 150) < 135)
    distance = np.hypot(shapes.x[:, None] + X0 - field.x[bright], shapes.y[:, None] + Y0 - field.y[bright])
    assert np.median(np.nanmin(distance, axis=0)) < 0.05
    some = np.array([2, 0])
    part = measure_shapes(found, arrays, psf, rows=some)
    assert np.array_equal(part.ixx, shapes.ixx[some], equal_nan=True)


def test_isolated_stars_are_found_and_noise_is_not() -> None:
    """Stars of S/N 30 beside one that is a hundred times brighter, on noise alone."""
    rng = np.random.default_rng(1)
    shape, sigma = (300, 320), 2.0
    rows, columns = np.mgrid[20:300:40, 20:320:40].reshape(2, -1) + rng.uniform(-0.5, 0.5, (2, 56))
    # The noise of an optimal flux is that of sqrt(4 pi) sigma pixels.
    flux = np.full(56, 30.0 * np.sqrt(4.0 * np.pi) * sigma)
    flux[20] *= 100.0
    along = [
        np.exp(-((np.arange(n) - c[:, None]) ** 2) / (2 * sigma**2))
        for n, c in zip(shape, (rows, columns), strict=True)
    ]
    image = np.einsum("i,iy,ix->yx", flux / (2.0 * np.pi * sigma**2), *along) + rng.normal(size=shape)
    kernel = np.exp(-((np.arange(-12, 13)) ** 2) / (2 * sigma**2))
    kernel = np.outer(kernel, kernel) / kernel.sum() ** 2
    arrays = ImageArrays(image.astype(np.float32), np.ones(shape, np.float32), np.zeros(shape, bool), 0, 0)
    found = detect_sources(
        arrays, kernel, threshold=5.0, min_area=5, background_size=0, deblend_contrast=0.005
    )
    distance = np.hypot(found.x[:, None] - columns, found.y[:, None] - rows)
    assert distance.min(axis=0).max() < 0.5
    assert len(found) == 56


def test_extendedness() -> None:
    size, psf_size = np.array([8.0, 8.2, 16.0, np.nan]), np.full(4, 8.0)
    extended, probability = extendedness_from_size(size, psf_size, np.full(4, 100.0), threshold=0.15)
    assert extended[:3].tolist() == [0.0, 0.0, 1.0]
    assert np.isnan(extended[3])
    assert np.all(np.diff(probability[:3]) > 0)


def test_probability_at_the_threshold_is_a_half() -> None:
    assert size_probability(np.array([0.2]), np.array([50.0]), threshold=0.2)[0] == pytest.approx(0.5)
    # The fainter, the less is known.
    faint, bright = size_probability(np.full(2, 0.5), np.array([5.0, 500.0]), threshold=0.2)
    assert 0.5 < faint < bright
