# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import astropy.wcs
import numpy as np
import pytest

from lsst.daf.butler import Butler
from lsst.daf.butler.registry import ConflictingDefinitionError
from lsst.sphgeom import LonLat, UnitVector3d
from lsst.transient.bogus.standalone.instrument import FrameCamera
from lsst.transient.bogus.standalone.registration import (
    ExposureRecord,
    day_obs_of,
    detector_corners,
    register_exposures,
)


def make_wcs(ra: float, dec: float) -> astropy.wcs.WCS:
    wcs = astropy.wcs.WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [50.5, 30.5]
    wcs.wcs.cd = np.array([[-1.0, 0.0], [0.0, 1.0]]) / 3600.0
    wcs.wcs.set()
    return wcs


def make_exposure(visit: int, **changes) -> ExposureRecord:
    corners = {d: detector_corners(make_wcs(150.0 + 0.05 * d, 2.0), (60, 100)) for d in (0, 1)}
    exposure = ExposureRecord(
        visit=visit,
        physical_filter="I_b",
        band="i",
        day_obs=20230101,
        seq_num=visit,
        mjd_begin=59945.8 + 0.01 * visit,
        exposure_time=30.0,
        corners=corners,
        ra=150.0,
        dec=2.0,
    )
    return dataclasses.replace(exposure, **changes)


@pytest.fixture
def butler(tmp_path: Path) -> Iterator[Butler]:
    Butler.makeRepo(str(tmp_path / "repo"))
    with Butler.from_config(str(tmp_path / "repo"), writeable=True) as butler:
        yield butler


def count(butler: Butler, element: str) -> int:
    return len(butler.query_dimension_records(element, instrument="Frames", explain=False))


def test_everything_a_graph_needs(butler: Butler) -> None:
    exposures = [make_exposure(1), make_exposure(2)]
    assert register_exposures(butler, FrameCamera(), exposures) == 2
    expected = {
        "visit": 2,
        "exposure": 2,
        "visit_detector_region": 4,
        "day_obs": 1,
        "detector": 2,
        "group": 2,
    }
    assert {element: count(butler, element) for element in expected} == expected
    with butler.query() as query:
        joined = query.join_dimensions(["visit", "detector", "htm7", "exposure"]).where(instrument="Frames")
        data_ids = list(joined.data_ids(["visit", "detector", "htm7", "exposure", "band"]))
    assert {(d["visit"], d["detector"], d["exposure"]) for d in data_ids} == {
        (v, d, v) for v in (1, 2) for d in (0, 1)
    }
    assert {d["band"] for d in data_ids} == {"i"}


def test_visit_covers_its_detectors(butler: Butler) -> None:
    register_exposures(butler, FrameCamera(), [make_exposure(1)])
    (visit,) = butler.query_dimension_records("visit", instrument="Frames")
    for record in butler.query_dimension_records("visit_detector_region", instrument="Frames"):
        centre = UnitVector3d(LonLat.fromDegrees(150.0 + 0.05 * record.detector, 2.0))
        assert record.region.contains(centre)
        assert visit.region.contains(centre)
    midpoint = visit.timespan.begin + 0.5 * (visit.timespan.end - visit.timespan.begin)
    assert midpoint.tai.mjd == pytest.approx(59945.81 + 15.0 / 86400.0, abs=1e-9)


def test_again_is_nothing_new(butler: Butler) -> None:
    exposures = [make_exposure(1), make_exposure(2)]
    register_exposures(butler, FrameCamera(), exposures)
    assert register_exposures(butler, FrameCamera(), [*exposures, make_exposure(3)]) == 1
    assert count(butler, "visit") == 3


def test_conflict_names_the_visit_and_writes_nothing(butler: Butler) -> None:
    register_exposures(butler, FrameCamera(), [make_exposure(1)])
    changed = make_exposure(1, exposure_time=31.0)
    with pytest.raises(ConflictingDefinitionError, match="Visit 1 of Frames"):
        register_exposures(butler, FrameCamera(), [make_exposure(7), changed])
    assert count(butler, "visit") == 1


@pytest.mark.parametrize(
    ("mjd", "rollover", "expected"),
    # MJD 60310 is 2024-01-01.
    [(60310.2, 0.5, 20231231), (60310.6, 0.5, 20240101), (60310.2, 0.0, 20240101)],
)
def test_day_obs(mjd: float, rollover: float, expected: int) -> None:
    assert day_obs_of(mjd, rollover=rollover) == expected


def test_corners_enclose_the_pixels() -> None:
    corners = np.array(detector_corners(make_wcs(150.0, 2.0), (60, 100), pad=0.0))
    # One arcsecond a pixel: 100 pixels of right ascension and 60 of declination.
    assert np.ptp(corners[:, 1]) * 3600.0 == pytest.approx(60.0, rel=1e-3)
    assert np.ptp(corners[:, 0]) * 3600.0 * np.cos(np.radians(2.0)) == pytest.approx(100.0, rel=1e-3)
    padded = np.array(detector_corners(make_wcs(150.0, 2.0), (60, 100), pad=10.0))
    assert np.ptp(padded[:, 1]) * 3600.0 == pytest.approx(80.0, rel=1e-3)
