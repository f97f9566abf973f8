# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detections of many visits matched into objects on the sphere."""

from __future__ import annotations

__all__ = ("associate", "mean_positions", "object_ids")

import numpy as np
import numpy.typing as npt

from .geometry import arcsec_to_chord, sky_positions, unit_vectors

_MIN_CELL = 2e-6
_CELL_RADII = 8.0
_MAX_BUCKETS = 1 << 24
# Places on the sky for sorting: cells of 25 arcsec, and the masks that spread 14 bits to every third.
_PLACE_BITS = 14
_PLACES = (1 << (_PLACE_BITS - 1)) * (1.0 - 1e-12)
_SPREADING = (
    (32, 0x1F00000000FFFF),
    (16, 0x1F0000FF0000FF),
    (8, 0x100F00F00F00F00F),
    (4, 0x10C30C30C30C30C3),
    (2, 0x1249249249249249),
)


def associate(
    ra: npt.ArrayLike,
    dec: npt.ArrayLike,
    mjd: npt.ArrayLike,
    visit: npt.ArrayLike,
    *,
    radius_arcsec: float,
) -> npt.NDArray[np.int64]:
    """Match detections into objects, the nearest object first, in time order.

    Parameters
    ----------
    ra, dec
        Positions in degrees, shape (N,).
    mjd
        Times in days, shape (N,).  The earliest time of a visit orders it.
    visit
        Visits, shape (N,): two detections of one visit never share an object.
    radius_arcsec
        Largest separation of a detection from the mean position of an object.

    Returns
    -------
    index : `numpy.ndarray`
        Object of each detection, int64, shape (N,): 0, 1, ... in the order in
        which the objects were first seen, and -1 for rows whose position or
        time is not finite.

    Raises
    ------
    ValueError
        Raised if the arrays differ in length or the radius is not positive.

    Notes
    -----
    All pairs of a visit's detections and the known objects within the radius
    are taken in order of separation; a pair is accepted if both are still
    free.  The object then moves to the mean of its detections.  Detections
    left over become new objects.  Rows are first brought into an order of
    their own (time, visit, position), so that the objects do not depend on
    the order in which the rows are given.

    Objects live in a hash grid of cells in three dimensions, with neither
    poles nor a wrap in right ascension: time is linear in the detections.
    """
    from .association_kernel import match_visits

    columns = [np.asarray(c) for c in (ra, dec, mjd, visit)]
    if len({c.shape for c in columns}) != 1 or columns[0].ndim != 1:
        raise ValueError(f"ra, dec, mjd and visit must have one length; got {[c.shape for c in columns]}.")
    if not 0.0 < radius_arcsec < 3600.0:
        raise ValueError(f"radius_arcsec must lie between 0 and 3600; got {radius_arcsec}.")
    lon, lat, time = (c.astype(np.float64, copy=False) for c in columns[:3])
    index = np.full(len(lon), -1, np.int64)
    usable = np.isfinite(lon) & np.isfinite(lat) & np.isfinite(time)
    rows = np.flatnonzero(usable)
    if not len(rows):
        return index
    rank = _visit_rank(time[rows], columns[3][rows])
    vectors = unit_vectors(lon[rows], lat[rows])
    order = _canonical_order(rank, vectors)
    starts = np.concatenate(([0], np.cumsum(np.bincount(rank)))).astype(np.int64)
    chord = float(arcsec_to_chord(radius_arcsec))
    # In wide cells, most balls of one radius stay within one cell or two.
    cell = max(_MIN_CELL, _CELL_RADII * chord)
    buckets = min(_MAX_BUCKETS, 1 << max(10, len(rows).bit_length()))
    index[rows[order]] = match_visits(vectors[order], starts, chord, cell, buckets)
    return index


def mean_positions(
    ra: npt.ArrayLike, dec: npt.ArrayLike, index: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return the mean position of each object.

    Parameters
    ----------
    ra, dec
        Positions of the detections in degrees, shape (N,).
    index
        Object of each detection as `associate` returns it, shape (N,).

    Returns
    -------
    ra : `numpy.ndarray`
        Right ascension of each object in degrees, float64, shape (M,), in
        [0, 360).
    dec : `numpy.ndarray`
        Declination of each object in degrees, float64, shape (M,).
    n : `numpy.ndarray`
        Number of detections of each object, int64, shape (M,).
    """
    owner = np.asarray(index, dtype=np.int64)
    rows = owner >= 0
    owner = owner[rows]
    vectors = unit_vectors(np.asarray(ra, dtype=np.float64)[rows], np.asarray(dec, dtype=np.float64)[rows])
    total = np.stack([np.bincount(owner, weights=vectors[:, axis]) for axis in range(3)], axis=-1)
    lon, lat = sky_positions(total / np.linalg.norm(total, axis=-1, keepdims=True))
    return lon, lat, np.bincount(owner)


def object_ids(
    index: npt.ArrayLike, mjd: npt.ArrayLike, dia_source_id: npt.ArrayLike
) -> npt.NDArray[np.int64]:
    """Name each object after its first detection.

    Parameters
    ----------
    index
        Object of each detection as `associate` returns it, shape (N,).
    mjd
        Times in days, shape (N,).
    dia_source_id
        Identifiers of the detections, shape (N,).

    Returns
    -------
    ids : `numpy.ndarray`
        Identifier of the earliest detection of each object (the smallest, of
        several at one time), int64, shape (M,): unique where the identifiers
        of the detections are, whatever the shard the object was made in.
    """
    owner = np.asarray(index, dtype=np.int64)
    names = np.asarray(dia_source_id, dtype=np.int64)
    order = np.lexsort((names, np.asarray(mjd), owner))
    order = order[owner[order] >= 0]
    first = np.flatnonzero(np.diff(owner[order], prepend=-1))
    return names[order[first]]


def _visit_rank(mjd: npt.NDArray[np.float64], visit: np.ndarray) -> npt.NDArray[np.int64]:
    """Return the position of each row's visit in time order."""
    visits, inverse = np.unique(visit, return_inverse=True)
    start = np.full(len(visits), np.inf)
    np.minimum.at(start, inverse, mjd)
    rank = np.empty(len(visits), np.int64)
    rank[np.lexsort((visits, start))] = np.arange(len(visits))
    return rank[inverse]


def _canonical_order(rank: npt.NDArray[np.int64], vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Return the order by visit and place on the sky, whatever the order of the rows.

    Neighbours on the sky become neighbours in memory: objects are numbered in this
    order when they are first seen, and looked up in it in later visits.
    """
    place = _interleaved(((vectors + 1.0) * _PLACES).astype(np.uint64))
    place |= rank.astype(np.uint64) << np.uint64(3 * _PLACE_BITS)
    order = np.argsort(place)
    tied = np.diff(place[order]) == 0
    if not tied.any():
        return order
    # Only rows of equal visit and place need the exact position.
    tied = np.append(tied, False) | np.append(False, tied)
    rows = order[tied]
    order[tied] = rows[np.lexsort((*vectors[rows].T, place[rows]))]
    return order


def _interleaved(place: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return the Morton number of three coordinates of 14 bits, shape (N,)."""
    spread = place.T.copy()
    for shift, mask in _SPREADING:
        spread = (spread | (spread << np.uint64(shift))) & np.uint64(mask)
    number: npt.NDArray[np.uint64] = spread[0] | (spread[1] << np.uint64(1)) | (spread[2] << np.uint64(2))
    return number
