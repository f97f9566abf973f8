# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Injections of events that all visits share: supernovae with light curves, and moving objects."""

from __future__ import annotations

__all__ = ("Movers", "draw_coherent", "draw_moving")

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from .events import Anchors, LightCurve, hash_uniform, sky_anchors
from .geometry import SkyMap
from .host_injections import UNKNOWN_OF_HOSTLESS, Box, HostSources
from .hosts import ellipses_from_moments, is_within, sky_ellipses
from .sphere import ARCSEC, local_axes, separation_arcsec, sky_positions, unit_vectors

type _Array = npt.NDArray[np.float64]
type _Rows = npt.NDArray[np.int64]

_REACH = 4.0
"""Injections beyond this number of semi-major axes do not occur (their law is below 1e-3)."""
_CYCLE_BITS = np.int64(40)


@dataclasses.dataclass(frozen=True)
class Movers:
    """Moving objects.

    Parameters
    ----------
    rate
        Fraction of the anchors with an object in a night.
    speed
        Lowest and highest speed in arcsec per hour.
    magnitude
        Brightest and faintest magnitude.
    """

    rate: float = 1e-4
    speed: tuple[float, float] = (1.0, 40.0)
    magnitude: tuple[float, float] = (19.0, 24.0)


def draw_coherent(
    sources: HostSources,
    candidates: _Rows,
    sky_map: SkyMap,
    box: Box,
    light_curve: LightCurve,
    *,
    rate: float,
    faintest: float,
    mjd: float,
    band: str,
    seed: int,
) -> dict[str, np.ndarray]:
    """Draw the supernovae that are seen beside the galaxies of a detector at an epoch.

    Parameters
    ----------
    sources
        All sources, N rows.
    candidates
        Rows of the galaxies.
    sky_map
        Map of the detector.
    box
        Box of the detector.
    light_curve
        Light curves.
    rate
        Fraction of the anchors that can be the place of an event.
    faintest
        Events fainter than this magnitude are left out.
    mjd
        Epoch in days.
    band
        Band.
    seed
        Another seed gives other events.

    Returns
    -------
    columns : `dict` [`str`, `numpy.ndarray`]
        Columns of the injection catalogue, ``event_id`` included.

    Notes
    -----
    An anchor beside a galaxy is the place of an event with the probability
    exp(−q²/2), where q is its distance from the galaxy in units of the ellipse of the
    moments: offsets follow a normal distribution with the moments of the host.  The
    place does not depend on how the galaxy was measured in a visit; only whether it
    is taken does, where the probability happens to be close to the anchor's number.
    Of several anchors that are taken beside one galaxy, one alone, the same at all
    times, is the place of events: a galaxy has one supernova at a time.
    """
    anchors, x, y = _anchors_in_box(sky_map, box, rate=rate, seed=seed, reach_arcsec=0.0)
    host, distance2 = _nearest_host(sources, candidates, x, y)
    taken = hash_uniform(anchors.ids, "taken", seed) < np.exp(-distance2 / 2)
    magnitude, cycle = light_curve.magnitudes(anchors.ids, mjd, band, seed=seed)
    rows = _one_per_host(np.flatnonzero(taken), host, hash_uniform(anchors.ids, "first", seed))
    rows = rows[magnitude[rows] <= faintest]
    hosts = host[rows]
    moments = (sources.ixx[hosts], sources.iyy[hosts], sources.ixy[hosts])
    on_sky = sky_ellipses(*moments, sky_map.jacobian(sources.x[hosts], sources.y[hosts]))
    return {
        "x": x[rows],
        "y": y[rows],
        "mag": magnitude[rows],
        "host_id": sources.ids[hosts],
        "host_mag": sources.magnitude[hosts],
        "host_x": sources.x[hosts],
        "host_y": sources.y[hosts],
        "host_ra": sources.ra[hosts],
        "host_dec": sources.dec[hosts],
        "host_semi_major": on_sky.semi_major,
        "host_semi_minor": on_sky.semi_minor,
        "host_pa": np.degrees(on_sky.angle) % 180.0,
        "is_hostless": np.zeros(len(rows), dtype=bool),
        "event_id": anchors.ids[rows] | (cycle[rows] << _CYCLE_BITS),
    }


def draw_moving(
    sky_map: SkyMap, box: Box, movers: Movers, *, hours: float, night: int, seed: int
) -> dict[str, np.ndarray]:
    """Draw the moving objects that are on a detector at an epoch.

    Parameters
    ----------
    sky_map
        Map of the detector.
    box
        Box of the detector.
    movers
        The objects.
    hours
        Hours since the middle of the night.
    night
        Number of the night: objects move along a great circle within a night, and
        every night has others.
    seed
        Another seed gives other objects.

    Returns
    -------
    columns : `dict` [`str`, `numpy.ndarray`]
        Columns of the injection catalogue, ``event_id`` included.
    """
    reach = abs(hours) * movers.speed[1]
    anchors, *_ = _anchors_in_box(sky_map, box, rate=movers.rate, seed=seed + night, reach_arcsec=reach)
    low, high = movers.speed
    speed = low + (high - low) * hash_uniform(anchors.ids, "speed", seed, night)
    direction = 2.0 * np.pi * hash_uniform(anchors.ids, "direction", seed, night)
    start = unit_vectors(anchors.ra, anchors.dec)
    east, north = local_axes(start)
    way = np.sin(direction)[:, np.newaxis] * east + np.cos(direction)[:, np.newaxis] * north
    angle = (speed * hours * ARCSEC)[:, np.newaxis]
    x, y = sky_map.sky_to_pixel(*sky_positions(np.cos(angle) * start + np.sin(angle) * way))
    rows = np.flatnonzero(is_within(x, y, box, 0.0))
    low, high = movers.magnitude
    n = len(rows)
    return {
        "x": x[rows],
        "y": y[rows],
        "mag": low + (high - low) * hash_uniform(anchors.ids, "magnitude", seed, night)[rows],
        "host_id": np.zeros(n, dtype=np.int64),
        **dict.fromkeys(UNKNOWN_OF_HOSTLESS, np.full(n, np.nan)),
        "is_hostless": np.ones(n, dtype=bool),
        "event_id": anchors.ids[rows] | (np.int64(night) << _CYCLE_BITS),
    }


def _anchors_in_box(
    sky_map: SkyMap, box: Box, *, rate: float, seed: int, reach_arcsec: float
) -> tuple[Anchors, _Array, _Array]:
    """Return the anchors on a detector, or within a reach of it, and their pixels."""
    corners = sky_map.pixel_to_sky(
        np.array([box[0], box[2], box[0], box[2]]), np.array([box[1], box[1], box[3], box[3]])
    )
    ra, dec = sky_positions(unit_vectors(*corners).mean(axis=0))
    radius = float(separation_arcsec(ra, dec, *corners).max()) + reach_arcsec
    anchors = sky_anchors(float(ra), float(dec), radius / 3600.0, rate=rate, seed=seed)
    x, y = sky_map.sky_to_pixel(anchors.ra, anchors.dec)
    margin = -reach_arcsec / sky_map.pixel_scale
    rows = np.flatnonzero(is_within(x, y, box, margin))
    return anchors[rows], x[rows], y[rows]


def _one_per_host(rows: _Rows, host: _Rows, order: _Array) -> _Rows:
    """Return, of the rows of each host, the one that is first in an order."""
    ranked = rows[np.lexsort((order[rows], host[rows]))]
    _, first = np.unique(host[ranked], return_index=True)
    return np.sort(ranked[first])


def _nearest_host(sources: HostSources, candidates: _Rows, x: _Array, y: _Array) -> tuple[_Rows, _Array]:
    """Return the nearest candidate of each position, and the squared distance by its ellipse."""
    if len(candidates) == 0 or len(x) == 0:
        return np.zeros(len(x), dtype=np.int64), np.full(len(x), np.inf)
    xx, yy, xy = (m[candidates] for m in (sources.ixx, sources.iyy, sources.ixy))
    reach = _REACH * float(np.max(ellipses_from_moments(xx, yy, xy).semi_major))
    tree = KDTree(np.stack([sources.x[candidates], sources.y[candidates]], axis=1))
    _, found = tree.query(np.stack([x, y], axis=1), distance_upper_bound=reach)
    is_near = found < len(candidates)
    found = np.where(is_near, found, 0)
    host = candidates[found]
    dx, dy = x - sources.x[host], y - sources.y[host]
    xx, yy, xy = xx[found], yy[found], xy[found]
    distance2 = (yy * dx**2 - 2.0 * xy * dx * dy + xx * dy**2) / (xx * yy - xy**2)
    return host, np.where(is_near, distance2, np.inf)
