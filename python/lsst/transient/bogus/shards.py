# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which shard of the sky owns a position: HTM trixels for whole arrays."""

from __future__ import annotations

__all__ = ("htm_index", "in_trixel")

import numpy as np
import numpy.typing as npt

from lsst.sphgeom import HtmPixelization, UnitVector3d

from .geometry import unit_vectors

# Triple products smaller than this may have the wrong sign from rounding.
_DOUBT = 1e-14


def htm_index(ra: npt.ArrayLike, dec: npt.ArrayLike, *, level: int) -> npt.NDArray[np.int64]:
    """Return the HTM trixel of each position.

    Parameters
    ----------
    ra
        Right ascension in degrees, shape (N,).
    dec
        Declination in degrees, shape (N,).
    level
        Level of the HTM pixelization; 7 for the butler's ``htm7``.

    Returns
    -------
    index : `numpy.ndarray`
        Trixel that owns each position, as `lsst.sphgeom` has it, int64, shape
        (N,); -1 where the position is not finite.

    Notes
    -----
    The descent through the levels is done for all positions at once.  Where a
    position lies so close to an edge that rounding decides, `lsst.sphgeom`'s
    exact arithmetic is asked, so that every position has exactly one owner.
    """
    lon, lat = np.asarray(ra, dtype=float), np.asarray(dec, dtype=float)
    index = np.full(len(lon), -1, np.int64)
    rows = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
    if len(rows):
        vectors = unit_vectors(lon[rows], lat[rows])
        index[rows], doubtful = _descend(vectors, level)
        pixelization = HtmPixelization(level)
        for i in doubtful:
            index[rows[i]] = pixelization.index(UnitVector3d(*vectors[i]))
    return index


def in_trixel(ra: npt.ArrayLike, dec: npt.ArrayLike, *, trixel: int, level: int) -> npt.NDArray[np.bool_]:
    """Tell which positions a trixel owns.

    Parameters
    ----------
    ra
        Right ascension in degrees, shape (N,).
    dec
        Declination in degrees, shape (N,).
    trixel
        HTM index of the trixel.
    level
        Level of the HTM pixelization.

    Returns
    -------
    owned : `numpy.ndarray`
        Whether the trixel owns the position, bool, shape (N,).
    """
    return htm_index(ra, dec, level=level) == trixel


def _descend(vectors: npt.NDArray[np.float64], level: int) -> tuple[npt.NDArray[np.int64], np.ndarray]:
    """Return the trixels of unit vectors, and where rounding may have decided."""
    roots = HtmPixelization(0)
    corners = np.array([[tuple(v) for v in roots.triangle(8 + r).getVertices()] for r in range(8)])
    # A root is an octant: the sign of each coordinate at its centre.
    octant = np.sign(corners.sum(axis=1))
    doubtful = np.any(np.abs(vectors) < _DOUBT, axis=1)
    index = 8 + np.argmax(np.sign(vectors) @ octant.T, axis=1).astype(np.int64)
    v0, v1, v2 = np.moveaxis(corners[index - 8], 1, 0)
    for _ in range(level):
        m12, m20, m01 = _middle(v1, v2), _middle(v2, v0), _middle(v0, v1)
        sides = np.stack([_volume(vectors, m01, m20), _volume(vectors, m12, m01), _volume(vectors, m20, m12)])
        doubtful |= np.any(np.abs(sides) < _DOUBT, axis=0)
        child = np.where(np.any(sides >= 0, axis=0), np.argmax(sides >= 0, axis=0), 3)
        index = 4 * index + child
        choose = child[:, np.newaxis]
        v0, v1, v2 = (
            np.select([choose == 0, choose == 1, choose == 2], [v0, v1, v2], m12),
            np.select([choose == 0, choose == 1, choose == 2], [m01, m12, m20], m20),
            np.select([choose == 0, choose == 1, choose == 2], [m20, m01, m12], m01),
        )
    return index, np.flatnonzero(doubtful)


def _middle(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the middles of arcs, shape (N, 3)."""
    total = one + other
    return total / np.linalg.norm(total, axis=1, keepdims=True)


def _volume(v: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return triple products, shape (N,): positive on the left of the arc."""
    return np.einsum("ij,ij->i", v, np.cross(one, other))
