# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the sky of a difference image."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.standalone.difference_sky import cell_sky, fit_sky

SHAPE = (150, 200)


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(9).normal(scale=3.0, size=SHAPE)


def test_polynomial_is_recovered_beneath_sources(noise: np.ndarray) -> None:
    y, x = np.meshgrid(np.linspace(-1, 1, SHAPE[0]), np.linspace(-1, 1, SHAPE[1]), indexing="ij")
    sky = 50.0 + 20.0 * x - 10.0 * y * x
    sources = np.zeros(SHAPE)
    sources[40:60, 50:90] = 500.0
    found = fit_sky(noise + sky + sources, np.full(SHAPE, 9.0), np.zeros(SHAPE, bool), 2)
    assert found == pytest.approx(sky, abs=0.3)


def test_cells_follow_waves_and_spare_sources(noise: np.ndarray) -> None:
    wave = 2.0 * np.sin(np.arange(SHAPE[1]) / 25.0)[None, :]
    source = np.zeros(SHAPE)
    rows, columns = np.indices(SHAPE)
    source += 60.0 * np.exp(-0.5 * ((rows - 75) ** 2 + (columns - 100) ** 2) / 4.0)
    sky = cell_sky(noise + wave + source, np.full(SHAPE, 9.0), np.zeros(SHAPE, bool), 40)
    assert np.std(sky - wave) < 0.6
    assert abs((sky - wave)[70:80, 95:105].mean()) < 0.8


def test_large_offsets_are_sky() -> None:
    assert cell_sky(np.full(SHAPE, 1e4), np.ones(SHAPE), np.zeros(SHAPE, bool), 40) == pytest.approx(1e4)


def test_nothing_to_fit(noise: np.ndarray) -> None:
    nowhere = np.ones(SHAPE, dtype=bool)
    assert np.all(fit_sky(noise, np.ones(SHAPE), nowhere, 2) == 0)
    assert np.all(cell_sky(noise, np.ones(SHAPE), nowhere, 40) == 0)
    assert np.all(cell_sky(noise, np.ones(SHAPE), ~nowhere, 0) == 0)
