# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Matching of positions on the sphere."""

from __future__ import annotations

__all__ = ("match_one_to_one", "nearest", "pairs_within")

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from .sphere import arcsec_to_chord, chord_to_arcsec, unit_vectors

type _Indices = npt.NDArray[np.int64]
type _Array = npt.NDArray[np.float64]


def _finite_vectors(ra: npt.ArrayLike, dec: npt.ArrayLike) -> tuple[_Indices, _Array]:
    """Return the rows with finite positions and their unit vectors."""
    vectors = unit_vectors(ra, dec).reshape(-1, 3)
    rows = np.flatnonzero(np.all(np.isfinite(vectors), axis=1))
    return rows, vectors[rows]


def pairs_within(
    ra1: npt.ArrayLike,
    dec1: npt.ArrayLike,
    ra2: npt.ArrayLike,
    dec2: npt.ArrayLike,
    *,
    radius_arcsec: float,
) -> tuple[_Indices, _Indices, _Array]:
    """Find every pair of positions within a radius.

    Parameters
    ----------
    ra1
        Right ascension of the first set in degrees, shape (N,).
    dec1
        Declination of the first set in degrees, shape (N,).
    ra2
        Right ascension of the second set in degrees, shape (M,).
    dec2
        Declination of the second set in degrees, shape (M,).
    radius_arcsec
        Largest separation, in arcsec.

    Returns
    -------
    index1 : `numpy.ndarray`
        Rows of the first set, shape (P,), int64.
    index2 : `numpy.ndarray`
        Rows of the second set, shape (P,), int64.
    separation : `numpy.ndarray`
        Separations in arcsec, shape (P,); pairs are in ascending order of
        (separation, row in first set, row in second set).

    Notes
    -----
    Positions that are not finite are in no pair.
    """
    (rows1, vectors1), (rows2, vectors2) = _finite_vectors(ra1, dec1), _finite_vectors(ra2, dec2)
    if not (len(rows1) and len(rows2)):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    # A little wider, then cut exactly: KDTree's radius is that of its own rounding.
    reach = float(arcsec_to_chord(radius_arcsec)) * (1 + 1e-9) + 1e-15
    found = KDTree(vectors1).sparse_distance_matrix(KDTree(vectors2), reach, output_type="ndarray")
    index1, index2 = rows1[found["i"]], rows2[found["j"]]
    separation = chord_to_arcsec(found["v"])
    order = np.lexsort((index2, index1, separation))
    order = order[separation[order] <= radius_arcsec]
    return index1[order], index2[order], separation[order]


def match_one_to_one(
    ra1: npt.ArrayLike,
    dec1: npt.ArrayLike,
    ra2: npt.ArrayLike,
    dec2: npt.ArrayLike,
    *,
    radius_arcsec: float,
) -> tuple[_Indices, _Indices, _Array]:
    """Match two sets of positions: mutual nearest neighbours within a radius.

    Parameters
    ----------
    ra1
        Right ascension of the first set in degrees, shape (N,).
    dec1
        Declination of the first set in degrees, shape (N,).
    ra2
        Right ascension of the second set in degrees, shape (M,).
    dec2
        Declination of the second set in degrees, shape (M,).
    radius_arcsec
        Largest separation of a match, in arcsec.

    Returns
    -------
    index1 : `numpy.ndarray`
        Matched rows of the first set in ascending order, shape (P,), int64.
    index2 : `numpy.ndarray`
        Their matches in the second set, shape (P,), int64.
    separation : `numpy.ndarray`
        Separations in arcsec, shape (P,).

    Notes
    -----
    Pairs are in a total order by (separation, row in first set, row in second
    set), so that duplicates and exact ties have one answer: the closest pair of
    any cluster always matches.
    """
    index1, index2, separation = pairs_within(ra1, dec1, ra2, dec2, radius_arcsec=radius_arcsec)
    _, best1 = np.unique(index1, return_index=True)
    _, best2 = np.unique(index2, return_index=True)
    mutual = np.intersect1d(best1, best2)
    mutual = mutual[np.argsort(index1[mutual])]
    return index1[mutual], index2[mutual], separation[mutual]


def nearest(
    ra1: npt.ArrayLike, dec1: npt.ArrayLike, ra2: npt.ArrayLike, dec2: npt.ArrayLike
) -> tuple[_Indices, _Array]:
    """Find the nearest position of the second set for each of the first.

    Parameters
    ----------
    ra1
        Right ascension of the first set in degrees, shape (N,).
    dec1
        Declination of the first set in degrees, shape (N,).
    ra2
        Right ascension of the second set in degrees, shape (M,).
    dec2
        Declination of the second set in degrees, shape (M,).

    Returns
    -------
    index2 : `numpy.ndarray`
        Row of the nearest, shape (N,), int64; -1 where there is none.
    separation : `numpy.ndarray`
        Separation in arcsec, shape (N,); NaN where there is none.
    """
    n = np.size(ra1)
    index2, separation = np.full(n, -1, np.int64), np.full(n, np.nan)
    (rows1, vectors1), (rows2, vectors2) = _finite_vectors(ra1, dec1), _finite_vectors(ra2, dec2)
    if len(rows1) and len(rows2):
        chord, found = KDTree(vectors2).query(vectors1)
        index2[rows1], separation[rows1] = rows2[found], chord_to_arcsec(chord)
    return index2, separation
