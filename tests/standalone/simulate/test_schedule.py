# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from lsst.transient.bogus.standalone.simulate.config import SurveyConfig
from lsst.transient.bogus.standalone.simulate.schedule import detector_origin, detector_wcs, plan_visits


@pytest.fixture(scope="module")
def config() -> SurveyConfig:
    return SurveyConfig(dec=-40.0, ra=0.01, visits_per_band=8, n_detectors=4, size=512)


def test_cadence(config: SurveyConfig) -> None:
    visits = plan_visits(config)
    assert [v.index for v in visits] == list(range(16))
    assert all(np.diff([v.mjd_begin for v in visits]) > config.exposure_time / 86400.0)
    for band in config.bands:
        own = [v for v in visits if v.band == band]
        assert len(own) == config.visits_per_band
        assert len({v.day_obs for v in own}) == config.visits_per_band
        assert np.ptp([v.mjd_mid for v in own]) > 0.8 * config.duration
    nights = [v.day_obs for v in visits]
    assert len(set(nights)) < len(nights), "some nights must have both bands"
    assert len({v.visit for v in visits}) == len(visits)
    # Identifiers of sources keep 41 bits for the visit.
    assert max(v.visit for v in visits) < 2**41


def test_visits_differ_in_pointing_rotation_and_seeing(config: SurveyConfig) -> None:
    visits = plan_visits(config)
    assert len({round(v.rotation / 90.0) % 4 for v in visits}) > 1
    centre = SkyCoord(config.ra, config.dec, unit="deg")
    offsets = [SkyCoord(v.ra, v.dec, unit="deg").separation(centre).arcsec for v in visits]
    assert 0.0 < max(offsets) < config.dither * config.pixel_scale * np.sqrt(2.0) * 1.001
    seeing = np.array([v.seeing for v in visits]) * config.pixel_scale
    assert 0.4 < seeing.min() < seeing.max() < 2.0


@pytest.mark.parametrize(("n_detectors", "step"), [(1, 90.0), (2, 180.0), (4, 90.0)])
def test_turns_leave_the_mosaic_where_it_is(config: SurveyConfig, n_detectors: int, step: float) -> None:
    visits = plan_visits(dataclasses.replace(config, n_detectors=n_detectors, rotation_scatter=0.0))
    turns = {v.rotation / step for v in visits}
    assert turns == set(range(round(360.0 / step)))


def test_same_seed_same_survey(config: SurveyConfig) -> None:
    assert plan_visits(config) == plan_visits(config)
    assert plan_visits(config) != plan_visits(dataclasses.replace(config, seed=2))


def test_mosaic_has_gaps_and_one_tangent_point(config: SurveyConfig) -> None:
    visit = plan_visits(config)[0]
    origins = np.array([detector_origin(config, d) for d in range(4)])
    np.testing.assert_allclose(origins[1] - origins[0], [config.size + config.gap, 0.0])
    np.testing.assert_allclose(origins[2] - origins[0], [0.0, config.size + config.gap])
    # The middle of the mosaic is the boresight.
    np.testing.assert_allclose(origins.mean(axis=0) + 0.5 * (config.size - 1.0), 0.0, atol=1e-9)
    for detector in range(4):
        wcs = detector_wcs(config, visit, detector)
        u0, v0 = detector_origin(config, detector)
        ra, dec = wcs.all_pix2world(-u0, -v0, 0)
        assert (
            SkyCoord(ra, dec, unit="deg").separation(SkyCoord(visit.ra, visit.dec, unit="deg")).arcsec < 1e-6
        )


def test_wcs_has_scale_and_rotation(config: SurveyConfig) -> None:
    visit = dataclasses.replace(plan_visits(config)[0], rotation=90.0, ra=10.0)
    wcs = detector_wcs(config, visit, 0)
    u0, v0 = detector_origin(config, 0)
    here = SkyCoord(*wcs.all_pix2world(-u0, -v0, 0), unit="deg")
    right = SkyCoord(*wcs.all_pix2world(-u0 + 10.0, -v0, 0), unit="deg")
    assert here.separation(right).arcsec == pytest.approx(10.0 * config.pixel_scale, rel=1e-6)
    # Turned by a quarter, rows run to the north rather than to the west.
    assert abs(here.position_angle(right).wrap_at("180d").deg) < 1e-3
