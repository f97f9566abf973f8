# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from lsst.transient.bogus.standalone.simulate.config import SurveyConfig
from lsst.transient.bogus.standalone.simulate.settings import SkyConfig
from lsst.transient.bogus.standalone.simulate.sky import (
    draw_galaxies,
    draw_stars,
    footprint_arcmin2,
    offset_position,
)

CONFIG = SurveyConfig(size=1024)


def test_counts_and_slopes() -> None:
    area = footprint_arcmin2(CONFIG)
    galaxies, stars = draw_galaxies(CONFIG), draw_stars(CONFIG)
    n25 = np.sum(galaxies.mag < 25.0)
    assert n25 / area == pytest.approx(CONFIG.sky.galaxy_density, rel=5.0 / np.sqrt(n25))
    n22 = np.sum(stars.mag < 22.0)
    assert n22 / area == pytest.approx(CONFIG.sky.star_density, rel=5.0 / np.sqrt(n22))
    slope = np.log10(n25 / np.sum(galaxies.mag < 23.0)) / 2.0
    assert slope == pytest.approx(CONFIG.sky.galaxy_slope, abs=0.03)
    assert len(np.unique(galaxies.galaxy_id)) == len(galaxies.galaxy_id)


def test_fainter_galaxies_are_smaller() -> None:
    galaxies = draw_galaxies(CONFIG)
    bright = np.median(galaxies.half_light_radius[galaxies.mag < 22.0])
    faint = np.median(galaxies.half_light_radius[galaxies.mag > 25.0])
    assert 0.1 < faint < 0.35 < bright < 1.0


def test_companions_make_blends() -> None:
    def close_pairs(fraction: float) -> int:
        config = dataclasses.replace(CONFIG, sky=SkyConfig(companion_fraction=fraction))
        galaxies = draw_galaxies(config)
        sky = SkyCoord(galaxies.ra, galaxies.dec, unit="deg")
        _, separation, _ = sky.match_to_catalog_sky(sky, nthneighbor=2)
        return int(np.sum(separation.arcsec < 3.0))

    assert close_pairs(0.12) > 1.1 * close_pairs(0.0)


def test_populated_sky_covers_every_pointing() -> None:
    from lsst.transient.bogus.standalone.simulate.schedule import detector_wcs, plan_visits

    config = SurveyConfig()
    stars = draw_stars(config)
    for visit in plan_visits(config):
        for detector in range(config.n_detectors):
            x, y = detector_wcs(config, visit, detector).all_world2pix(stars.ra, stars.dec, 0)
            for low in (0.0, 0.75):
                strip = (
                    (x > low * config.size) & (x < (low + 0.25) * config.size) & (y > 0) & (y < config.size)
                )
                assert strip.sum() > 10


def test_offset_position_is_exact_enough() -> None:
    ra, dec = offset_position(10.0, -60.0, np.array([30.0]), np.array([-40.0]))
    start, end = SkyCoord(10.0, -60.0, unit="deg"), SkyCoord(ra[0], dec[0], unit="deg")
    assert start.separation(end).arcsec == pytest.approx(50.0, abs=0.01)
