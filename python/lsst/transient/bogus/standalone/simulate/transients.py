# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real astrophysical change hidden in a simulated survey."""

from __future__ import annotations

__all__ = ("draw_changing",)

from collections.abc import Sequence

import numpy as np

from ...seeds import generator
from .bands import BANDS, flux_of
from .changing import Changing, concatenate
from .config import SurveyConfig
from .light_curves import damped_random_walk, flare, periodic, supernova_magnitudes
from .schedule import Visit
from .sky import Galaxies, Stars, footprint_arcmin2, offset_position

_SUPERNOVA_ID = 10_000_000
_NUCLEUS_ID = 20_000_000
_VARIABLE_ID = 30_000_000
_MOVING_ID = 40_000_000
_HOURS_PER_DAY = 24.0


def draw_changing(
    config: SurveyConfig, visits: Sequence[Visit], stars: Stars, galaxies: Galaxies
) -> Changing:
    """Draw everything in the field that changes.

    Parameters
    ----------
    config
        Survey.
    visits
        All visits, in time order.
    stars
        Stars; some of them vary.
    galaxies
        Galaxies; some of them host supernovae or active nuclei.

    Returns
    -------
    changing : `Changing`
        Changing sources.
    """
    parts = [
        _supernovae(config, visits, galaxies),
        _nuclei(config, visits, galaxies),
        _variable_stars(config, visits, stars),
        _moving_objects(config, visits),
    ]
    return concatenate(parts)


def _make(
    kind: str,
    first_id: int,
    *,
    ra: np.ndarray,
    dec: np.ndarray,
    flux: np.ndarray,
    colour: np.ndarray,
    host_id: np.ndarray | None = None,
    star_id: np.ndarray | None = None,
    trail: np.ndarray | None = None,
) -> Changing:
    """Fill the columns of sources of one kind; fixed positions are repeated for each visit."""
    n = len(colour)
    trail = trail if trail is not None else np.zeros((2, n))
    none = np.zeros(n, dtype=np.int64)
    return Changing(
        truth_id=first_id + np.arange(n, dtype=np.int64),
        kind=np.full(n, kind, dtype="U16"),
        host_id=host_id if host_id is not None else none,
        star_id=star_id if star_id is not None else none,
        colour=colour,
        ra=np.broadcast_to(ra[:, None], flux.shape) if ra.ndim == 1 else ra,
        dec=np.broadcast_to(dec[:, None], flux.shape) if dec.ndim == 1 else dec,
        flux=flux,
        trail_ra=trail[0],
        trail_dec=trail[1],
    )


def _pick(rng: np.random.Generator, candidates: np.ndarray, n: int, weight: np.ndarray) -> np.ndarray:
    """Pick distinct candidates, at most as many as there are."""
    n = min(n, len(candidates))
    return rng.choice(candidates, n, replace=False, p=weight / weight.sum()) if n else candidates[:0]


def _supernovae(config: SurveyConfig, visits: Sequence[Visit], galaxies: Galaxies) -> Changing:
    """Draw supernovae beside galaxies, offset along the host light."""
    rng = generator("supernovae", config.seed)
    settings = config.transients
    candidates = np.flatnonzero((galaxies.mag > 18.5) & (galaxies.mag < 24.5))
    weight = flux_of(galaxies.mag[candidates]) ** 0.4
    n = round(settings.supernova_density * footprint_arcmin2(config))
    host = _pick(rng, candidates, n, weight)
    n = len(host)
    # An exponential disc in the host's own frame follows its light.
    radius = rng.gamma(2.0, 1.0, n) * galaxies.half_light_radius[host] / 1.678
    along, angle = np.sqrt(galaxies.axis_ratio[host]), rng.uniform(0.0, 2.0 * np.pi, n)
    major, minor = radius * np.cos(angle) / along, radius * np.sin(angle) * along
    sin, cos = np.sin(galaxies.position_angle[host]), np.cos(galaxies.position_angle[host])
    ra, dec = offset_position(
        galaxies.ra[host], galaxies.dec[host], major * sin - minor * cos, major * cos + minor * sin
    )
    peak = rng.uniform(settings.supernova_peak_bright, settings.supernova_peak_faint, n)
    maximum = config.first_mjd + rng.uniform(-15.0, config.duration + 5.0, n)
    kinds = rng.choice(["thermonuclear", "plateau", "fast"], n, p=[0.6, 0.3, 0.1])
    stretch = rng.normal(1.25, 0.2, n).clip(0.7, 2.0)
    mjd, bands = np.array([v.mjd_mid for v in visits]), np.array([v.band for v in visits])
    flux = np.array(
        [
            flux_of(
                peak[i] + supernova_magnitudes(mjd - maximum[i], bands, kind=kinds[i], stretch=stretch[i])
            )
            for i in range(n)
        ]
    ).reshape(n, len(visits))
    return _make(
        "supernova",
        _SUPERNOVA_ID,
        ra=ra,
        dec=dec,
        flux=flux,
        colour=np.full(n, 0.5),
        host_id=galaxies.galaxy_id[host],
    )


def _nuclei(config: SurveyConfig, visits: Sequence[Visit], galaxies: Galaxies) -> Changing:
    """Draw nuclei that flicker; a third of them flare or fade as well."""
    rng = generator("nuclei", config.seed)
    candidates = np.flatnonzero((galaxies.mag > 18.0) & (galaxies.mag < 23.5))
    n = round(config.transients.nucleus_density * footprint_arcmin2(config))
    host = _pick(rng, candidates, n, flux_of(galaxies.mag[candidates]) ** 0.25)
    n = len(host)
    mjd = np.array([v.mjd_mid for v in visits])
    blue = np.array([BANDS[v.band].colour_term for v in visits])
    mag = galaxies.mag[host] + rng.uniform(0.4, 2.0, n)
    colour = rng.normal(0.3, 0.2, n)
    flux = np.zeros((n, len(visits)))
    for i in range(n):
        # Active nuclei vary more in the blue; all bands follow one process.
        walk = damped_random_walk(rng, mjd, rms=rng.uniform(0.1, 0.4), tau=rng.uniform(20.0, 150.0))
        outburst = flare(
            mjd,
            start=config.first_mjd + rng.uniform(-0.2, 0.9) * config.duration,
            rise=rng.uniform(3.0, 10.0),
            decay=rng.uniform(15.0, 50.0),
        )
        strength = rng.uniform(1.0, 4.0) if i % 3 == 0 else 0.0
        base = flux_of(mag[i] + colour[i] * blue)
        flux[i] = base * (10 ** (-0.4 * walk * (1.0 + 0.3 * blue)) + strength * outburst)
    return _make(
        "nucleus",
        _NUCLEUS_ID,
        ra=galaxies.ra[host],
        dec=galaxies.dec[host],
        flux=flux,
        colour=colour,
        host_id=galaxies.galaxy_id[host],
    )


def _variable_stars(config: SurveyConfig, visits: Sequence[Visit], stars: Stars) -> Changing:
    """Turn some stars into pulsators, slow variables and flare stars."""
    rng = generator("variables", config.seed)
    candidates = np.flatnonzero((stars.mag > 17.5) & (stars.mag < 23.0))
    n = round(config.transients.variable_star_fraction * len(candidates))
    chosen = _pick(rng, candidates, n, np.ones(len(candidates)))
    n = len(chosen)
    mjd = np.array([v.mjd_mid for v in visits])
    term = np.array([BANDS[v.band].colour_term for v in visits])
    flux = np.zeros((n, len(visits)))
    for i, star in enumerate(chosen):
        sort = rng.choice(3, p=[0.45, 0.35, 0.2])
        if sort == 0:
            curve = periodic(
                mjd, period=rng.uniform(0.3, 3.0), phase=rng.random(), skew=rng.uniform(0.12, 0.5)
            )
            change = rng.uniform(0.1, 0.5) * curve * (1.0 + 0.4 * term)
        elif sort == 1:
            curve = periodic(mjd, period=rng.uniform(60.0, 300.0), phase=rng.random(), skew=0.5)
            change = rng.uniform(0.15, 0.8) * curve
        else:
            burst = rng.choice(mjd)
            change = -rng.uniform(0.5, 2.0) * flare(mjd, start=burst, rise=0.01, decay=0.08)
        flux[i] = flux_of(stars.mag[star] + stars.colour[star] * term + change)
    return _make(
        "variable_star",
        _VARIABLE_ID,
        ra=stars.ra[chosen],
        dec=stars.dec[chosen],
        flux=flux,
        colour=stars.colour[chosen],
        star_id=stars.star_id[chosen],
    )


def _moving_objects(config: SurveyConfig, visits: Sequence[Visit]) -> Changing:
    """Draw moving objects, each seen in the visits of one night."""
    rng = generator("moving", config.seed)
    nights = sorted({v.day_obs for v in visits})
    counts = rng.poisson(config.transients.moving_per_night, len(nights))
    night_of = np.repeat(np.arange(len(nights)), counts)
    n = len(night_of)
    east, north = rng.uniform(-1.0, 1.0, (2, n)) * config.half_width * config.pixel_scale
    speed, direction = rng.uniform(5.0, 45.0, n), rng.normal(0.0, 0.4, n) + np.pi * rng.integers(2, size=n)
    rate = speed * np.array([np.cos(direction), np.sin(direction)])  # arcseconds an hour
    mag = rng.triangular(20.0, 24.5, 24.8, n)
    colour = rng.normal(0.8, 0.15, n)
    shape = (n, len(visits))
    ra, dec, flux = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for visit in visits:
        night = nights.index(visit.day_obs)
        first = min(v.mjd_mid for v in visits if v.day_obs == visit.day_obs)
        hours = (visit.mjd_mid - first) * _HOURS_PER_DAY
        ra[:, visit.index], dec[:, visit.index] = offset_position(
            config.ra, config.dec, east + rate[0] * hours, north + rate[1] * hours
        )
        seen = flux_of(mag + colour * BANDS[visit.band].colour_term)
        flux[:, visit.index] = np.where(night_of == night, seen, 0.0)
    return _make(
        "moving",
        _MOVING_ID,
        ra=ra,
        dec=dec,
        flux=flux,
        colour=colour,
        trail=rate * config.exposure_time / 3600.0,
    )
