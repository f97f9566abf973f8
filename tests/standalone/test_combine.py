# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the combination of visits."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.standalone.combine import Stack, combine, select_visits

SHAPE = (120, 140)


def stacked(images: np.ndarray, good: np.ndarray | None = None) -> Stack:
    return combine(
        images,
        np.full(images.shape, 4.0),
        np.ones(images.shape, dtype=bool) if good is None else good,
        clip=5.0,
        seeing_tolerance=0.4,
        sky_size=48,
        protect=np.zeros(SHAPE, dtype=bool),
    )


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(3).normal(scale=2.0, size=(5, *SHAPE))


def test_noise_goes_down_and_variance_says_so(images: np.ndarray) -> None:
    stack = stacked(images)
    assert np.std(stack.image) == pytest.approx(2.0 / np.sqrt(5), rel=0.05)
    assert np.median(stack.variance) == pytest.approx(4.0 / 5, rel=0.01)
    assert np.all(stack.n_visits + stack.n_clipped == 5)


def test_cosmic_ray_trail_and_sky_of_one_visit_are_removed(images: np.ndarray) -> None:
    images[2, 40, 50] += 500.0
    images[3, 80:83, :] += 5.0  # below five sigma in every single pixel
    images[4] += 20.0 + np.linspace(0, 10, SHAPE[1])
    stack = stacked(images)
    flat = stack.image - np.median(stack.image)
    assert abs(flat[40, 50]) < 5.0
    assert stack.n_clipped[80:83].mean() > 0.8
    assert abs(flat[81].mean()) < 0.3
    assert np.ptp(stack.image.mean(axis=0)) < 1.5


def test_stars_of_different_seeing_are_kept(images: np.ndarray) -> None:
    rows, columns = np.indices(SHAPE)
    radius2 = (rows - 60) ** 2 + (columns - 70) ** 2
    for i, sigma in enumerate((1.6, 1.7, 1.8, 1.9, 2.0)):
        images[i] += 5e4 / sigma**2 * np.exp(-0.5 * radius2 / sigma**2)
    assert stacked(images).n_clipped[55:66, 65:76].sum() == 0


def test_pixels_without_data(images: np.ndarray) -> None:
    good = np.ones(images.shape, dtype=bool)
    good[:, 10:20, 10:20] = False
    good[1:, 30:40, 30:40] = False
    images[~good] = np.nan
    stack = stacked(images, good)
    assert np.all(stack.n_visits[10:20, 10:20] == 0)
    assert np.all(stack.image[10:20, 10:20] == 0)
    assert np.all(stack.n_visits[30:40, 30:40] == 1)
    assert np.all(np.isfinite(stack.image))
    assert np.all(stack.variance > 0)


def test_selection_by_seeing_and_coverage() -> None:
    whole, left = np.ones((10, 10), dtype=bool), np.ones((10, 10), dtype=bool)
    left[:, 5:] = False
    coverage = [whole, left, left, whole, whole]
    fwhm = [5.0, 3.0, 3.1, 4.0, 6.0]
    # The two best leave half of the pixels empty; two more fill them.
    assert select_visits(fwhm, coverage, max_visits=2, min_visits=2) == [1, 2, 3, 0]
    assert select_visits(fwhm, coverage, max_visits=2, min_visits=1) == [1, 2, 3]
    assert select_visits([], [], max_visits=2, min_visits=1) == []


def test_preferred_visits_come_first_where_there_are_enough() -> None:
    whole, left = np.ones((10, 10), dtype=bool), np.ones((10, 10), dtype=bool)
    left[:, 5:] = False
    fwhm = [3.0, 4.0, 5.0, 3.5]

    def select(coverage: list[np.ndarray], preferred: list[bool]) -> list[int]:
        return select_visits(fwhm, coverage, max_visits=3, min_visits=2, is_preferred=preferred)

    assert select([whole] * 4, [False, True, True, False]) == [1, 2]
    # Holes of the preferred are filled by the others; a single one is not preferred.
    assert select([whole, left, left, whole], [False, True, True, False]) == [1, 2, 0, 3]
    assert select([whole] * 4, [False, False, True, False]) == [0, 3, 1]
