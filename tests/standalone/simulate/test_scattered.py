# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lsst.transient.bogus.standalone.simulate.config import SurveyConfig
from lsst.transient.bogus.standalone.simulate.scattered import (
    Streak,
    draw_glints,
    draw_streaks,
    ghosts,
    halo_and_spikes,
    streak_light,
)
from lsst.transient.bogus.standalone.simulate.schedule import detector_origin, plan_visits
from lsst.transient.bogus.standalone.simulate.settings import ArtifactConfig

CONFIG = SurveyConfig(n_detectors=1, size=700)


def test_halo_and_spikes_hold_their_share_of_the_flux() -> None:
    light, (rows, columns) = halo_and_spikes(CONFIG, 350.0, 350.0, 1e9, floor=1e-3)
    expected = (CONFIG.optics.halo_fraction + CONFIG.optics.spike_fraction) * 1e9
    assert light.sum() == pytest.approx(expected, rel=0.15)
    assert (rows.stop - rows.start, columns.stop - columns.start) == light.shape
    # A spike on the diagonal is brighter than the halo beside it.
    assert light[300 - rows.start, 300 - columns.start] > 2.0 * light[350 - rows.start, 279 - columns.start]


def test_halo_is_drawn_where_it_is_seen() -> None:
    faint, _ = halo_and_spikes(CONFIG, 350.2, 349.7, 1e6, floor=1.0)
    bright, _ = halo_and_spikes(CONFIG, 350.2, 349.7, 1e8, floor=1.0)
    assert faint.size < bright.size
    assert bright[0].max() < 3.0


def test_halo_beyond_the_detector_is_cut() -> None:
    light, (rows, columns) = halo_and_spikes(CONFIG, -20.0, 700.0, 1e8, floor=1.0)
    assert columns.start == 0
    assert rows.stop == 700
    assert light.shape == (rows.stop - rows.start, columns.stop)
    assert light.size > 0
    nothing, _ = halo_and_spikes(CONFIG, -5000.0, 100.0, 1e6, floor=1.0)
    assert nothing.size == 0


def test_ghost_is_a_ring_opposite_its_star() -> None:
    u0, v0 = detector_origin(CONFIG, 0)
    light = ghosts(CONFIG, 0, np.array([150.0 - u0]), np.array([-100.0 - v0]), np.array([1e6]))
    assert light.sum() == pytest.approx(CONFIG.optics.ghost_fraction * 1e6, rel=0.01)
    centre_x, centre_y = -0.9 * 150.0 - u0, 90.0 - v0
    y, x = np.indices(light.shape)
    assert (light * x).sum() / light.sum() == pytest.approx(centre_x, abs=0.1)
    assert (light * y).sum() / light.sum() == pytest.approx(centre_y, abs=0.1)
    assert light[round(centre_y), round(centre_x)] < 0.01 * light.max()


def test_streak_crosses_both_detectors_on_one_line() -> None:
    config = SurveyConfig(n_detectors=2, size=256, gap=10)
    streak = Streak(u=0.0, v=0.0, angle=0.1, brightness=4.0, width=4.0, tumble=0.0, period=50.0, length=1e4)
    for detector in (0, 1):
        light = streak_light(config, detector, streak)
        assert light.max() == pytest.approx(4.0, rel=0.05)
        u0, v0 = detector_origin(config, detector)
        ridge = light.argmax(axis=0) + v0
        np.testing.assert_allclose(ridge, np.tan(0.1) * (np.arange(256) + u0), atol=0.51)
    assert np.sum(light[:, 100] > 2.0) == pytest.approx(4.0 / np.cos(0.1), abs=1.0)


def test_short_streak_ends() -> None:
    streak = Streak(u=0.0, v=0.0, angle=0.0, brightness=4.0, width=4.0, tumble=0.9, period=30.0, length=50.0)
    row = streak_light(CONFIG, 0, streak).max(axis=0)
    u0, _ = detector_origin(CONFIG, 0)
    u = np.arange(CONFIG.size) + u0
    assert row[np.abs(u) > 65.0].max() < 1e-3
    assert row[np.abs(u) < 40.0].min() < 0.3 * row.max()


def test_rates_of_trails_and_glints() -> None:
    config = SurveyConfig(visits_per_band=150, artifacts=ArtifactConfig(trails=0.6, glints=0.4))
    visits = plan_visits(config)
    n_streaks = sum(len(draw_streaks(config, v)) for v in visits)
    assert n_streaks / len(visits) == pytest.approx(0.6, abs=0.2)
    with_glints = np.mean([len(draw_glints(config, v)) > 0 for v in visits])
    assert with_glints == pytest.approx(1.0 - np.exp(-0.4), abs=0.12)
    none = dataclasses.replace(config, artifacts=ArtifactConfig(trails=0.0, glints=0.0))
    assert not any(draw_streaks(none, v) or draw_glints(none, v) for v in visits)
