# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The galaxy that an object most likely lies in, from the sources of many visits."""

from __future__ import annotations

__all__ = ("Galaxies", "directional_radius", "nearest_hosts", "no_hosts")

import dataclasses
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from .matching import pairs_within
from .sphere import position_angle

type _Array = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Galaxies:
    """Galaxies as one visit sees them.

    Parameters
    ----------
    ids
        Identifiers, int64, shape (G,).
    ra, dec
        Positions in degrees, shape (G,).
    semi_major, semi_minor
        Square roots of the eigenvalues of the second moments in arcsec, shape (G,).
    angle
        Direction of the major axis, from north towards east in radians, shape (G,).
    magnitude
        AB magnitudes, shape (G,).
    """

    ids: npt.NDArray[np.int64]
    ra: _Array
    dec: _Array
    semi_major: _Array
    semi_minor: _Array
    angle: _Array
    magnitude: _Array


def directional_radius(semi_major: _Array, semi_minor: _Array, angle: _Array) -> _Array:
    """Return the radius of an ellipse in a direction.

    Parameters
    ----------
    semi_major, semi_minor
        Axes, shape (N,).
    angle
        Direction from the major axis in radians, shape (N,).

    Returns
    -------
    radius : `numpy.ndarray`
        a b / √((b cos φ)² + (a sin φ)²), in the unit of the axes, shape (N,).
    """
    radius: _Array = (
        semi_major * semi_minor / np.hypot(semi_minor * np.cos(angle), semi_major * np.sin(angle))
    )
    return radius


def no_hosts(n: int) -> dict[str, np.ndarray]:
    """Return the host columns of objects whose hosts are unknown.

    Parameters
    ----------
    n
        Number of objects M.

    Returns
    -------
    columns : `dict` [`str`, `numpy.ndarray`]
        ``host_id`` (0), ``host_ra``, ``host_dec``, ``host_mag``, ``host_offset`` and
        ``host_normalized_offset`` (NaN), each of shape (M,).
    """
    names = ("host_ra", "host_dec", "host_mag", "host_offset", "host_normalized_offset")
    return {"host_id": np.zeros(n, np.int64)} | {name: np.full(n, np.nan) for name in names}


def nearest_hosts(
    ra: npt.ArrayLike,
    dec: npt.ArrayLike,
    visits: Iterable[Galaxies],
    *,
    max_offset: float,
    max_normalized_offset: float,
) -> dict[str, np.ndarray]:
    """Find the host of each object.

    Parameters
    ----------
    ra, dec
        Positions of the objects in degrees, shape (M,).
    visits
        Galaxies of each visit.
    max_offset
        Largest separation from a host in arcsec.
    max_normalized_offset
        Largest separation in units of the host's radius towards the object.

    Returns
    -------
    columns : `dict` [`str`, `numpy.ndarray`]
        As `no_hosts`.

    Notes
    -----
    In each visit the host is the galaxy of smallest separation over directional
    light radius (Sullivan et al. 2006, ApJ 648, 868).  Shapes are uncertain: of
    the visits, the one in which this is the (lower) median is reported.
    """
    parts = [_best_of_visit(ra, dec, galaxies, max_offset, max_normalized_offset) for galaxies in visits]
    owner = np.concatenate([np.zeros(0, np.int64), *(part[0] for part in parts)])
    columns = no_hosts(np.size(ra))
    if not len(owner):
        return columns
    found = {name: np.concatenate([part[1][name] for part in parts]) for name in columns}
    order = np.lexsort((found["host_normalized_offset"], owner))
    start = np.flatnonzero(np.diff(owner[order], prepend=-1))
    length = np.diff(np.append(start, len(order)))
    median = order[start + (length - 1) // 2]
    for name, column in columns.items():
        column[owner[median]] = found[name][median]
    return columns


def _best_of_visit(
    ra: npt.ArrayLike, dec: npt.ArrayLike, galaxies: Galaxies, max_offset: float, max_normalized_offset: float
) -> tuple[npt.NDArray[np.int64], dict[str, np.ndarray]]:
    """Return the objects that have a host in one visit, and the host columns of these."""
    i, j, offset = pairs_within(ra, dec, galaxies.ra, galaxies.dec, radius_arcsec=max_offset)
    lon, lat = np.asarray(ra, dtype=float)[i], np.asarray(dec, dtype=float)[i]
    towards = np.radians(position_angle(galaxies.ra[j], galaxies.dec[j], lon, lat)) - galaxies.angle[j]
    normalized = offset / directional_radius(galaxies.semi_major[j], galaxies.semi_minor[j], towards)
    rows = np.flatnonzero(normalized <= max_normalized_offset)
    rows = rows[np.lexsort((normalized[rows], i[rows]))]
    rows = rows[np.diff(i[rows], prepend=-1) != 0]
    host = j[rows]
    return i[rows], {
        "host_id": galaxies.ids[host],
        "host_ra": galaxies.ra[host],
        "host_dec": galaxies.dec[host],
        "host_mag": galaxies.magnitude[host],
        "host_offset": offset[rows],
        "host_normalized_offset": normalized[rows],
    }
