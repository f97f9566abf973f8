# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lsst.transient.bogus.standalone.simulate.changing import Changing
from lsst.transient.bogus.standalone.simulate.config import SurveyConfig
from lsst.transient.bogus.standalone.simulate.plan import Survey, plan_survey


@pytest.fixture(scope="module")
def survey() -> Survey:
    return plan_survey(SurveyConfig())


def of_kind(changing: Changing, kind: str) -> Changing:
    keep = changing.kind == kind
    return Changing(**{f.name: getattr(changing, f.name)[keep] for f in dataclasses.fields(Changing)})


def test_all_kinds_with_unique_identifiers(survey: Survey) -> None:
    changing = survey.changing
    assert set(changing.kind) == {"supernova", "nucleus", "variable_star", "moving"}
    assert len(np.unique(changing.truth_id)) == len(changing)
    assert changing.flux.shape == changing.ra.shape == (len(changing), len(survey.visits))
    assert np.isfinite(changing.flux).all()
    assert (changing.flux >= 0.0).all()


def test_supernovae_follow_the_light_of_their_hosts(survey: Survey) -> None:
    supernovae, galaxies = of_kind(survey.changing, "supernova"), survey.galaxies
    host = np.searchsorted(galaxies.galaxy_id, supernovae.host_id)
    np.testing.assert_array_equal(galaxies.galaxy_id[host], supernovae.host_id)
    north = (supernovae.dec[:, 0] - galaxies.dec[host]) * 3600.0
    east = (supernovae.ra[:, 0] - galaxies.ra[host]) * 3600.0 * np.cos(np.radians(galaxies.dec[host]))
    pa, root = galaxies.position_angle[host], np.sqrt(galaxies.axis_ratio[host])
    major, minor = east * np.sin(pa) + north * np.cos(pa), -east * np.cos(pa) + north * np.sin(pa)
    radius = np.hypot(major * root, minor / root) / galaxies.half_light_radius[host]
    # Half of the light of an exponential disc is within its half-light radius.
    assert np.mean(radius < 1.0) == pytest.approx(0.5, abs=2.5 * np.sqrt(0.25 / len(radius)))


def test_supernovae_do_not_move_and_explode_once(survey: Survey) -> None:
    supernovae = of_kind(survey.changing, "supernova")
    assert np.ptp(supernovae.ra, axis=1).max() == 0.0
    assert np.mean(supernovae.flux == 0.0) > 0.1
    for band in survey.config.bands:
        curves = supernovae.flux[:, [v.index for v in survey.visits if v.band == band]]
        change = np.diff(curves, axis=1)
        has_faded = np.maximum.accumulate(change < 0.0, axis=1)
        assert not (has_faded & (change > 0.0)).any()


def test_varying_stars_are_taken_out_of_the_constant_sky(survey: Survey) -> None:
    variable = of_kind(survey.changing, "variable_star")
    assert len(variable) > 0
    assert not np.isin(variable.star_id, survey.stars.star_id).any()


def test_moving_objects_are_seen_in_one_night(survey: Survey) -> None:
    moving = of_kind(survey.changing, "moving")
    nights = np.array([v.day_obs for v in survey.visits])
    for i in range(len(moving)):
        assert len(set(nights[moving.flux[i] > 0.0])) == 1
    speed = np.hypot(moving.trail_ra, moving.trail_dec) * 3600.0 / survey.config.exposure_time
    assert 4.9 < speed.min() < speed.max() < 45.1
    both = [i for i in range(len(moving)) if np.sum(moving.flux[i] > 0.0) == 2]
    first, second = np.flatnonzero(moving.flux[both[0]] > 0.0)
    hours = (survey.visits[second].mjd_mid - survey.visits[first].mjd_mid) * 24.0
    moved = np.hypot(
        (moving.ra[both[0], second] - moving.ra[both[0], first]) * np.cos(np.radians(survey.config.dec)),
        moving.dec[both[0], second] - moving.dec[both[0], first],
    )
    assert moved * 3600.0 / hours == pytest.approx(speed[both[0]], rel=1e-3)


def test_reference_flux_leaves_out_the_own_night(survey: Survey) -> None:
    changing = survey.changing
    index = 3
    visit = survey.visits[index]
    others = [v.index for v in survey.visits if v.band == visit.band and v.day_obs != visit.day_obs]
    reference = changing.reference_flux(survey.visits, index)
    is_moving = changing.kind == "moving"
    np.testing.assert_allclose(reference[~is_moving], changing.flux[~is_moving][:, others].mean(axis=1))
    assert (reference[is_moving] == 0.0).all()
