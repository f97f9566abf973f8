# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.columns import SIMULATED_TRUTH
from lsst.transient.bogus.standalone.images import midpoint_mjd_tai
from lsst.transient.bogus.standalone.simulate.products import exposure_records


def test_image_carries_its_identity(simulated) -> None:
    visit = simulated.survey.visits[simulated.visit_index]
    image = simulated.image
    assert image.obs_info.visit_id == visit.visit
    assert image.obs_info.observing_day == visit.day_obs
    assert midpoint_mjd_tai(image.obs_info) == pytest.approx(visit.mjd_mid, abs=1e-9)
    assert image.physical_filter == "sim-r"
    assert image.bbox.shape == (256, 256)


def test_truth_rows(simulated) -> None:
    truth = simulated.truth
    SIMULATED_TRUTH.check(truth)
    assert len(truth) > 0
    assert np.ptp(truth["midpointMjdTai"]) == 0.0
    assert ((truth["x"] > -0.5) & (truth["x"] < 255.5)).all()
    hosted = np.isin(truth["kind"], ["supernova", "nucleus"])
    assert (truth["host_id"][hosted] > 0).all()
    assert (truth["host_id"][~hosted] == 0).all()
    sky = simulated.image.sky_projection.pixel_to_sky(x=np.array(truth["x"]), y=np.array(truth["y"]))
    # True positions are off the attached WCS by fractions of a pixel.
    assert np.abs(sky.dec.deg - truth["dec"]).max() * 3600.0 < 0.2


def test_records_describe_the_visits(small_survey) -> None:
    records = exposure_records(small_survey)
    assert [r.visit for r in records] == [v.visit for v in small_survey.visits]
    record, visit = records[0], small_survey.visits[0]
    assert set(record.corners) == {0, 1}
    corners = np.array([c for detector in record.corners.values() for c in detector])
    # Two detectors of 256 pixels and their gap, of a fifth of an arcsecond each.
    extent = np.hypot(np.ptp(corners[:, 0]) * np.cos(np.radians(visit.dec)), np.ptp(corners[:, 1]))
    assert 100.0 < extent * 3600.0 < 140.0
    assert record.simulated
    assert record.timespan.begin.tai.mjd == pytest.approx(visit.mjd_begin, abs=1e-9)
