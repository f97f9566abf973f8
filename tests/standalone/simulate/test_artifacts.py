# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lsst.transient.bogus.standalone.simulate.artifacts import (
    bleed,
    cosmic_rays,
    crosstalk,
    detector_defects,
    interpolate,
)
from lsst.transient.bogus.standalone.simulate.config import SurveyConfig
from lsst.transient.bogus.standalone.simulate.settings import ArtifactConfig


def test_bleeding_conserves_charge_along_the_column() -> None:
    electrons = np.full((200, 5), 100.0)
    electrons[90:93, 2] = [3e5, 9e5, 2e5]
    bled, saturated = bleed(electrons, 1e5)
    assert bled.sum() == pytest.approx(electrons.sum())
    np.testing.assert_array_equal(bled[:, [0, 1, 3, 4]], electrons[:, [0, 1, 3, 4]])
    rows = np.flatnonzero(saturated[:, 2])
    np.testing.assert_array_equal(rows, np.arange(rows[0], rows[-1] + 1))
    # 1.1 million electrons too many fill eleven pixels, half of them each way.
    assert (rows[0], rows[-1]) == (85, 97)
    assert bled.max() == 1e5


def test_charge_that_reaches_the_edge_is_lost() -> None:
    electrons = np.zeros((10, 1))
    electrons[1, 0] = 1e6
    bled, saturated = bleed(electrons, 1e5)
    # One pixel to fill below, and four and a half above.
    assert bled.sum() == pytest.approx(1e5 + 1e5 + 4.5e5)
    assert saturated[:6, 0].all()
    assert not saturated[6:, 0].any()


def test_nothing_bleeds_below_the_full_well(rng: np.random.Generator) -> None:
    electrons = rng.uniform(0.0, 9e4, (20, 30))
    bled, saturated = bleed(electrons, 1e5)
    np.testing.assert_array_equal(bled, electrons)
    assert not saturated.any()


def test_crosstalk_is_mirrored() -> None:
    electrons = np.zeros((4, 10))
    electrons[1, 2] = 1e5
    ghost = crosstalk(electrons, 1e-3, 1e5)
    assert np.argwhere(ghost).tolist() == [[1, 7]]
    assert ghost[1, 7] == pytest.approx(100.0)


def test_interpolation_keeps_a_flat_image_and_leaves_the_rest(rng: np.random.Generator) -> None:
    image = np.full((20, 30), 7.0)
    image[5, 6] = 1e6
    where = image > 100.0
    where[:, 12] = True
    np.testing.assert_allclose(interpolate(image, where), 7.0)
    noisy = rng.normal(size=(20, 30))
    np.testing.assert_array_equal(interpolate(noisy, where)[~where], noisy[~where])
    assert interpolate(noisy, np.ones_like(where)).shape == noisy.shape


def test_defects_belong_to_the_detector() -> None:
    config = SurveyConfig()
    first, again, other = (detector_defects(config, d) for d in (0, 0, 1))
    np.testing.assert_array_equal(first.masked, again.masked)
    np.testing.assert_array_equal(first.hot, again.hot)
    assert not np.array_equal(first.masked, other.masked)
    known = first.masked[first.hot[:, 1], first.hot[:, 0]]
    assert 0 < known.sum() < len(known), "some hot pixels are masked, some are not"
    assert np.all(first.masked, axis=0).sum() == config.artifacts.bad_columns
    assert (first.charge.max(axis=0) > 0).sum() == config.artifacts.warm_columns


def test_some_hot_pixels_blink(rng: np.random.Generator) -> None:
    config = SurveyConfig(artifacts=ArtifactConfig(hot_pixels=100, warm_columns=0))
    defects = detector_defects(config, 0)
    draws = np.array([defects.draw(rng)[defects.hot[:, 1], defects.hot[:, 0]] > 0.0 for _ in range(40)])
    assert draws[:, ~defects.hot_blinks].all()
    assert draws[:, defects.hot_blinks].mean() == pytest.approx(0.5, abs=0.1)


def test_cosmic_rays_come_at_their_rate_and_some_are_missed() -> None:
    config = SurveyConfig(artifacts=ArtifactConfig(cosmic_rays=40.0))
    charge, masked = np.zeros(0), np.zeros(0, dtype=bool)
    for seed in range(5):
        one, flagged = cosmic_rays(config, np.random.default_rng(seed), noise=40.0)
        charge, masked = np.append(charge, one), np.append(masked, flagged)
    hit = charge > 200.0
    assert (masked <= (charge > 0.0)).all()
    assert 0.1 < np.mean(~masked[hit]) < 0.6
    longer = dataclasses.replace(config, exposure_time=10.0 * config.exposure_time)
    more, _ = cosmic_rays(longer, np.random.default_rng(0), noise=40.0)
    few, _ = cosmic_rays(config, np.random.default_rng(0), noise=40.0)
    assert np.sum(more > 200.0) == pytest.approx(10.0 * np.sum(few > 200.0), rel=0.5)
