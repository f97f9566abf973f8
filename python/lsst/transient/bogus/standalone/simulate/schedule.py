# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""When and how a simulated survey looks at its field."""

from __future__ import annotations

__all__ = ("Visit", "detector_origin", "detector_wcs", "plan_visits")

import dataclasses

import astropy.wcs
import numpy as np

from ...seeds import generator
from ..registration import day_obs_of
from .bands import BANDS
from .config import SurveyConfig

_SECONDS_PER_DAY = 86400.0


@dataclasses.dataclass(frozen=True)
class Visit:
    """One planned visit.

    Parameters
    ----------
    index
        Position in the survey, in time order.
    visit
        Visit number.
    day_obs
        Observing day, YYYYMMDD.
    seq_num
        Number within the observing day.
    band
        Band.
    mjd_begin
        TAI MJD at which the shutter opens.
    mjd_mid
        TAI MJD of the middle of the exposure.
    ra
        Right ascension of the boresight, degrees.
    dec
        Declination of the boresight, degrees.
    rotation
        Angle from the detector rows to celestial east, degrees.
    seeing
        Full width at half maximum at the centre, pixels.
    beta
        Moffat index.
    zenith_angle
        Zenith angle, degrees.
    zenith_direction
        Direction of the zenith in the pixel frame, radians from the x axis.
    sky
        Sky brightness, magnitudes per square arcsecond.
    transparency
        Transmission relative to a clear night.
    zero_point_error
        Relative error of the calibration.
    """

    index: int
    visit: int
    day_obs: int
    seq_num: int
    band: str
    mjd_begin: float
    mjd_mid: float
    ra: float
    dec: float
    rotation: float
    seeing: float
    beta: float
    zenith_angle: float
    zenith_direction: float
    sky: float
    transparency: float
    zero_point_error: float


def plan_visits(config: SurveyConfig) -> tuple[Visit, ...]:
    """Plan the visits of a survey.

    Parameters
    ----------
    config
        Survey.

    Returns
    -------
    visits : `tuple` [`Visit`]
        Visits in time order.  About half of the nights have a visit in every
        band; in the others the bands are some nights apart.
    """
    rng = generator("schedule", config.seed)
    n = config.visits_per_band
    nights = np.floor(np.linspace(0.0, config.duration, n) + rng.uniform(-0.2, 0.2, n) * config.duration / n)
    nights = np.maximum(nights, 0.0)
    planned: list[tuple[float, str]] = []
    for position, night in enumerate(nights):
        start = night + rng.uniform(0.05, 0.25)
        for order, band in enumerate(config.bands):
            apart = order * max(1.0, np.floor(0.3 * config.duration / n)) if position % 2 else 0.0
            planned.append((config.first_mjd + start + apart + order * rng.uniform(0.02, 0.04), band))
    planned.sort()
    visits: list[Visit] = []
    for index, (mjd, band) in enumerate(planned):
        day_obs = day_obs_of(mjd)
        seq_num = 1 + sum(v.day_obs == day_obs for v in visits)
        visits.append(_draw_visit(config, index, day_obs, seq_num, band, mjd))
    return tuple(visits)


def _draw_visit(
    config: SurveyConfig, index: int, day_obs: int, seq_num: int, band: str, mjd_begin: float
) -> Visit:
    """Draw pointing and conditions of one visit."""
    rng = generator("visit", config.seed, index)
    properties = BANDS[band]
    airmass = rng.uniform(1.02, 1.6)
    shift = rng.uniform(-1.0, 1.0, 2) * config.dither * config.pixel_scale / 3600.0
    step = 1 if config.columns == config.rows else 2  # a turn must leave the mosaic where it is
    seeing = config.optics.seeing * np.exp(config.optics.seeing_scatter * rng.standard_normal())
    seeing *= (properties.wavelength / 622.0) ** -0.2 * airmass**0.3
    return Visit(
        index=index,
        visit=day_obs * 100_000 + seq_num,
        day_obs=day_obs,
        seq_num=seq_num,
        band=band,
        mjd_begin=mjd_begin,
        mjd_mid=mjd_begin + 0.5 * config.exposure_time / _SECONDS_PER_DAY,
        ra=float(config.ra + shift[0] / np.cos(np.radians(config.dec))),
        dec=float(config.dec + shift[1]),
        rotation=float(
            90.0 * step * (rng.integers(4) // step) + config.rotation_scatter * rng.standard_normal()
        ),
        seeing=float(seeing / config.pixel_scale),
        beta=float(rng.uniform(2.6, 4.0)),
        zenith_angle=float(np.degrees(np.arccos(1.0 / airmass))),
        zenith_direction=float(rng.uniform(0.0, 2.0 * np.pi)),
        sky=float(properties.sky - rng.uniform(0.0, 0.5)),
        transparency=float(np.clip(1.0 + config.calibration.transparency * rng.standard_normal(), 0.5, 1.0)),
        zero_point_error=float(config.calibration.zero_point * rng.standard_normal()),
    )


def detector_origin(config: SurveyConfig, detector: int) -> tuple[float, float]:
    """Return the position of a detector in the focal plane.

    Parameters
    ----------
    config
        Survey.
    detector
        Detector number.

    Returns
    -------
    u, v : `float`
        Focal-plane coordinates (pixels from the boresight) of pixel (0, 0).
    """
    row, column = divmod(detector, config.columns)
    pitch = config.size + config.gap
    half_height = 0.5 * (config.rows * pitch - config.gap)
    return column * pitch - config.half_width + 0.5, row * pitch - half_height + 0.5


def detector_wcs(config: SurveyConfig, visit: Visit, detector: int) -> astropy.wcs.WCS:
    """Return the WCS that is attached to an image.

    Parameters
    ----------
    config
        Survey.
    visit
        Visit.
    detector
        Detector number.

    Returns
    -------
    wcs : `astropy.wcs.WCS`
        Tangent-plane projection about the boresight.
    """
    u0, v0 = detector_origin(config, detector)
    angle = np.radians(visit.rotation)
    cos, sin = np.cos(angle), np.sin(angle)
    wcs = astropy.wcs.WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [visit.ra, visit.dec]
    wcs.wcs.crpix = [1.0 - u0, 1.0 - v0]
    wcs.wcs.cd = np.array([[-cos, sin], [sin, cos]]) * config.pixel_scale / 3600.0
    wcs.wcs.radesys = "ICRS"
    wcs.wcs.set()
    return wcs
