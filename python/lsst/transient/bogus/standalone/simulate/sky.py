# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The constant sky of a simulated survey: galaxies and stars."""

from __future__ import annotations

__all__ = ("Galaxies", "Stars", "draw_galaxies", "draw_stars", "footprint_arcmin2", "offset_position")

import dataclasses

import numpy as np

from ...seeds import generator
from .config import SurveyConfig

_STAR_ID = 1_000_000
_GALAXY_ID = 2_000_000


@dataclasses.dataclass(frozen=True)
class Stars:
    """Stars; all arrays have shape (N,).

    Parameters
    ----------
    star_id
        Identifier.
    ra
        Right ascension at the start of the survey, degrees.
    dec
        Declination at the start of the survey, degrees.
    mag
        Magnitude in r.
    colour
        g − i.
    motion_ra
        Proper motion in right ascension times cos(dec), arcseconds a year.
    motion_dec
        Proper motion in declination, arcseconds a year.
    """

    star_id: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    mag: np.ndarray
    colour: np.ndarray
    motion_ra: np.ndarray
    motion_dec: np.ndarray


@dataclasses.dataclass(frozen=True)
class Galaxies:
    """Galaxies with one Sérsic profile each; all arrays have shape (N,).

    Parameters
    ----------
    galaxy_id
        Identifier.
    ra
        Right ascension, degrees.
    dec
        Declination, degrees.
    mag
        Magnitude in r.
    colour
        g − i.
    sersic
        Sérsic index.
    half_light_radius
        Half-light radius along the geometric mean of the axes, arcseconds.
    axis_ratio
        Minor over major axis.
    position_angle
        Position angle of the major axis, north through east, radians.
    """

    galaxy_id: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    mag: np.ndarray
    colour: np.ndarray
    sersic: np.ndarray
    half_light_radius: np.ndarray
    axis_ratio: np.ndarray
    position_angle: np.ndarray


def _half_side(config: SurveyConfig) -> float:
    """Half the side of the square of sky that is populated, arcseconds."""
    return (np.sqrt(2.0) * config.half_width + config.dither + 60.0) * config.pixel_scale


def footprint_arcmin2(config: SurveyConfig) -> float:
    """Return the area of sky that is populated.

    Parameters
    ----------
    config
        Survey.

    Returns
    -------
    area : `float`
        Square arcminutes.  Larger than the focal plane, so that no dither or
        rotation sees an empty edge.
    """
    return float((2.0 * _half_side(config) / 60.0) ** 2)


def offset_position(
    ra: np.ndarray | float, dec: np.ndarray | float, east: np.ndarray, north: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Move positions by small offsets.

    Parameters
    ----------
    ra
        Right ascension, degrees.
    dec
        Declination, degrees.
    east
        Offset towards the east, arcseconds.
    north
        Offset towards the north, arcseconds.

    Returns
    -------
    ra, dec : `numpy.ndarray`
        Positions, degrees; exact to a milliarcsecond for offsets of arcminutes
        away from the poles.
    """
    new_dec = np.asarray(dec + north / 3600.0)
    return np.asarray(ra + east / 3600.0 / np.cos(np.radians(dec))), new_dec


def draw_stars(config: SurveyConfig) -> Stars:
    """Draw the stars of the field.

    Parameters
    ----------
    config
        Survey.

    Returns
    -------
    stars : `Stars`
        Stars.
    """
    rng = generator("stars", config.seed)
    sky = config.sky
    mean = sky.star_density * 10 ** (sky.star_slope * (sky.star_faint - 22.0)) * footprint_arcmin2(config)
    n = int(rng.poisson(mean))
    ra, dec = _uniform_positions(config, rng, n)
    is_red = rng.random(n) < 0.45
    colour = np.where(is_red, rng.normal(2.2, 0.4, n), rng.normal(0.6, 0.2, n))
    speed = rng.exponential(0.01, n)
    speed = np.where(rng.random(n) < sky.fast_star_fraction, rng.uniform(0.2, 0.8, n), speed)
    direction = rng.uniform(0.0, 2.0 * np.pi, n)
    return Stars(
        star_id=_STAR_ID + np.arange(n),
        ra=ra,
        dec=dec,
        mag=_power_law_magnitudes(rng, n, sky.star_slope, sky.star_bright, sky.star_faint),
        colour=colour,
        motion_ra=speed * np.cos(direction),
        motion_dec=speed * np.sin(direction),
    )


def draw_galaxies(config: SurveyConfig) -> Galaxies:
    """Draw the galaxies of the field.

    Parameters
    ----------
    config
        Survey.

    Returns
    -------
    galaxies : `Galaxies`
        Galaxies, some of them with close neighbours.
    """
    rng = generator("galaxies", config.seed)
    sky = config.sky
    density = sky.galaxy_density * 10 ** (sky.galaxy_slope * (sky.galaxy_faint - 25.0))
    n = int(rng.poisson(density * footprint_arcmin2(config)))
    ra, dec = _uniform_positions(config, rng, n)
    mag = _power_law_magnitudes(rng, n, sky.galaxy_slope, sky.galaxy_bright, sky.galaxy_faint)
    # A companion is an existing galaxy moved next to a brighter one.
    moved = np.flatnonzero(rng.random(n) < sky.companion_fraction)
    parent = rng.choice(np.flatnonzero(mag < 24.5), len(moved)) if np.any(mag < 24.5) else moved
    radius, angle = rng.uniform(0.6, 3.0, len(moved)), rng.uniform(0.0, 2.0 * np.pi, len(moved))
    ra[moved], dec[moved] = offset_position(
        ra[parent], dec[parent], radius * np.cos(angle), radius * np.sin(angle)
    )
    is_early = rng.random(n) < 0.25
    sersic = np.where(is_early, np.where(mag < 23.0, 3.5, 2.0), 1.0)
    size = 0.55 * 10 ** (-0.12 * (mag - 22.0)) * np.exp(0.35 * rng.standard_normal(n))
    flat = rng.beta(2.0, 1.6, n)
    return Galaxies(
        galaxy_id=_GALAXY_ID + np.arange(n),
        ra=ra,
        dec=dec,
        mag=mag,
        colour=np.where(is_early, rng.normal(1.3, 0.25, n), rng.normal(0.7, 0.3, n)),
        sersic=sersic,
        half_light_radius=np.clip(size, 0.08, 4.0),
        axis_ratio=np.where(is_early, 0.5 + 0.5 * flat, 0.15 + 0.85 * flat),
        position_angle=rng.uniform(0.0, np.pi, n),
    )


def _uniform_positions(
    config: SurveyConfig, rng: np.random.Generator, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw positions uniform over the populated square."""
    east, north = rng.uniform(-1.0, 1.0, (2, n)) * _half_side(config)
    return offset_position(config.ra, config.dec, east, north)


def _power_law_magnitudes(
    rng: np.random.Generator, n: int, slope: float, bright: float, faint: float
) -> np.ndarray:
    """Draw magnitudes whose cumulative counts grow as 10**(slope * mag)."""
    low = 10 ** (slope * (bright - faint))
    return np.asarray(faint + np.log10(rng.uniform(low, 1.0, n)) / slope)
