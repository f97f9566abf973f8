# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dimension records of exposures that became visits, from plain descriptions."""

from __future__ import annotations

__all__ = ("ExposureRecord", "day_obs_of", "detector_corners", "register_exposures")

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import astropy.wcs
import numpy as np
from astropy.time import Time, TimeDelta

from lsst.daf.butler import Butler, Timespan
from lsst.daf.butler.registry import ConflictingDefinitionError
from lsst.sphgeom import ConvexPolygon, LonLat, UnitVector3d

from .instrument import VISIT_SYSTEM, _PlainCamera

type Corners = Sequence[tuple[float, float]]


@dataclasses.dataclass(frozen=True)
class ExposureRecord:
    """All that the registry needs to know of one exposure, which is one visit.

    Parameters
    ----------
    visit
        Visit and exposure number.
    physical_filter
        Physical filter.
    band
        Band.
    day_obs
        Observing day, YYYYMMDD.
    seq_num
        Number within the observing day.
    mjd_begin
        TAI MJD at which the shutter opened.
    exposure_time
        Exposure time, seconds.
    corners
        Sky positions (ra, dec; degrees) of the corners of each detector.
    name
        Name of the exposure; the visit number by default.
    target
        Name of the field.
    ra
        Right ascension of the boresight, degrees.
    dec
        Declination of the boresight, degrees.
    sky_angle
        Position angle of the camera, degrees.
    zenith_angle
        Zenith angle, degrees.
    simulated
        Whether the pixels are simulated.
    """

    visit: int
    physical_filter: str
    band: str
    day_obs: int
    seq_num: int
    mjd_begin: float
    exposure_time: float
    corners: Mapping[int, Corners]
    name: str = ""
    target: str = "field"
    ra: float | None = None
    dec: float | None = None
    sky_angle: float | None = None
    zenith_angle: float | None = None
    simulated: bool = False

    @property
    def timespan(self) -> Timespan:
        """Time during which the shutter was open."""
        begin = Time(self.mjd_begin, format="mjd", scale="tai")
        return Timespan(begin, begin + TimeDelta(self.exposure_time, format="sec"))


def day_obs_of(mjd_tai: float, *, rollover: float = 0.5) -> int:
    """Return the observing day of a moment.

    Parameters
    ----------
    mjd_tai
        TAI MJD.
    rollover
        Fraction of a day after TAI midnight at which the observing day changes.
        The default, noon, suits observatories from the Americas to Africa.

    Returns
    -------
    day_obs : `int`
        Observing day, YYYYMMDD.
    """
    date = Time(np.floor(mjd_tai - rollover), format="mjd", scale="tai").strftime("%Y%m%d")
    return int(date)


def detector_corners(
    wcs: astropy.wcs.WCS, shape: tuple[int, int], *, pad: float = 20.0
) -> tuple[tuple[float, float], ...]:
    """Return the sky positions of the corners of an array.

    Parameters
    ----------
    wcs
        FITS WCS of the array.
    shape
        Shape (H, W) of the array.
    pad
        Margin to add on each side, pixels, so that astrometric errors do not
        put a source outside its own detector's region, and that both quanta at
        the border of two sky shards read every detection of an object there.

    Returns
    -------
    corners : `tuple` [`tuple` [`float`, `float`]]
        Right ascension and declination of the four corners, degrees.
    """
    height, width = shape
    low = -0.5 - pad
    x = [low, width - 0.5 + pad, width - 0.5 + pad, low]
    y = [low, low, height - 0.5 + pad, height - 0.5 + pad]
    ra, dec = wcs.all_pix2world(x, y, 0)
    return tuple((float(a), float(d)) for a, d in zip(ra, dec, strict=True))


def register_exposures(butler: Butler, camera: _PlainCamera, exposures: Iterable[ExposureRecord]) -> int:
    """Register exposures with everything that graph building needs.

    Parameters
    ----------
    butler
        Writeable butler.
    camera
        Instrument; registered if it is new, with the filters and detectors of
        the exposures.
    exposures
        Exposures to register.

    Returns
    -------
    n_new : `int`
        Number of visits that were not registered before.

    Raises
    ------
    lsst.daf.butler.registry.ConflictingDefinitionError
        Raised if a record exists with another definition.  Nothing is written.

    Notes
    -----
    Everything is written in one transaction; registering the same exposures
    again changes nothing.
    """
    exposures = list(exposures)
    filters = {e.physical_filter: e.band for e in exposures}
    detectors = {d: f"det{d}" for e in exposures for d in e.corners}
    n_new = 0
    with butler.transaction():
        camera.register_parts(
            butler.registry, filters={**camera.filters, **filters}, detectors=dict(sorted(detectors.items()))
        )
        for exposure in exposures:
            try:
                n_new += _register(butler, camera.getName(), exposure)
            except ConflictingDefinitionError as error:
                raise ConflictingDefinitionError(
                    f"Visit {exposure.visit} of {camera.getName()} is registered with another definition: "
                    f"{error}"
                ) from error
    return n_new


def _register(butler: Butler, instrument: str, exposure: ExposureRecord) -> bool:
    """Register one exposure; return whether its visit is new."""
    registry = butler.registry
    regions = {d: _polygon(corners) for d, corners in exposure.corners.items()}
    is_new = False
    for element, record in _records(instrument, exposure, regions):
        inserted = bool(registry.syncDimensionData(element, record))
        is_new |= inserted and element == "visit"
    return is_new


def _records(
    instrument: str, exposure: ExposureRecord, regions: Mapping[int, ConvexPolygon]
) -> list[tuple[str, dict[str, Any]]]:
    """Return the records of one exposure, in the order of their dependencies."""
    number, name = exposure.visit, exposure.name or str(exposure.visit)
    day_begin = Time.strptime(str(exposure.day_obs), "%Y%m%d", scale="tai") + TimeDelta(0.5, format="jd")
    day = {
        "instrument": instrument,
        "id": exposure.day_obs,
        "timespan": Timespan(day_begin, day_begin + TimeDelta(1.0, format="jd")),
    }
    common = {
        "instrument": instrument,
        "id": number,
        "physical_filter": exposure.physical_filter,
        "day_obs": exposure.day_obs,
        "seq_num": exposure.seq_num,
        "exposure_time": exposure.exposure_time,
        "target_name": exposure.target,
        "observation_reason": "science",
        "science_program": "transient_bogus",
        "zenith_angle": exposure.zenith_angle,
        "timespan": exposure.timespan,
    }
    exposure_only = {
        "obs_id": name,
        "group": name,
        "dark_time": exposure.exposure_time,
        "observation_type": "science",
        "seq_start": exposure.seq_num,
        "seq_end": exposure.seq_num,
        "tracking_ra": exposure.ra,
        "tracking_dec": exposure.dec,
        "sky_angle": exposure.sky_angle,
        "has_simulated": exposure.simulated,
        "can_see_sky": True,
    }
    pair = {"instrument": instrument, "visit": number}
    return [
        ("day_obs", day),
        ("group", {"instrument": instrument, "name": name}),
        ("exposure", {**common, **exposure_only}),
        ("visit", {**common, "name": name, "region": _hull(regions.values())}),
        ("visit_definition", {**pair, "exposure": number}),
        ("visit_system_membership", {**pair, "visit_system": VISIT_SYSTEM[0]}),
        *(
            ("visit_detector_region", {**pair, "detector": detector, "region": region})
            for detector, region in sorted(regions.items())
        ),
    ]


def _polygon(corners: Corners) -> ConvexPolygon:
    """Return the polygon through some sky positions."""
    return ConvexPolygon.convexHull([UnitVector3d(LonLat.fromDegrees(ra, dec)) for ra, dec in corners])


def _hull(polygons: Iterable[ConvexPolygon]) -> ConvexPolygon:
    """Return the smallest convex polygon around some polygons."""
    return ConvexPolygon.convexHull([vertex for polygon in polygons for vertex in polygon.getVertices()])
