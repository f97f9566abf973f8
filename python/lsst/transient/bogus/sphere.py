# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sphere: unit vectors, separations and directions."""

from __future__ import annotations

__all__ = (
    "ARCSEC",
    "arcsec_to_chord",
    "chord_to_arcsec",
    "local_axes",
    "position_angle",
    "separation_arcsec",
    "sky_positions",
    "unit_vectors",
)

import numpy as np
import numpy.typing as npt

type _Array = npt.NDArray[np.float64]

ARCSEC = np.pi / 180.0 / 3600.0
"""Radians of one arcsec."""


def unit_vectors(ra: npt.ArrayLike, dec: npt.ArrayLike) -> _Array:
    """Return directions on the sky as unit vectors.

    Parameters
    ----------
    ra
        Right ascension in degrees, shape (N,).
    dec
        Declination in degrees, shape (N,).

    Returns
    -------
    vectors : `numpy.ndarray`
        Unit vectors, shape (N, 3); NaN where a coordinate is not finite.
    """
    lon, lat = np.radians(np.asarray(ra, dtype=float)), np.radians(np.asarray(dec, dtype=float))
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def sky_positions(vectors: npt.ArrayLike) -> tuple[_Array, _Array]:
    """Return the right ascension and declination of vectors.

    Parameters
    ----------
    vectors
        Vectors of any length but zero, shape (N, 3).

    Returns
    -------
    ra : `numpy.ndarray`
        Right ascension in degrees, in [0, 360), shape (N,).
    dec : `numpy.ndarray`
        Declination in degrees, shape (N,).
    """
    x, y, z = np.moveaxis(np.asarray(vectors, dtype=float), -1, 0)
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))


def separation_arcsec(
    ra1: npt.ArrayLike, dec1: npt.ArrayLike, ra2: npt.ArrayLike, dec2: npt.ArrayLike
) -> _Array:
    """Return angular separations, exact at any distance.

    Parameters
    ----------
    ra1
        Right ascension of the first positions in degrees, shape (N,).
    dec1
        Declination of the first positions in degrees, shape (N,).
    ra2
        Right ascension of the second positions in degrees, shape (N,) or ().
    dec2
        Declination of the second positions in degrees, shape (N,) or ().

    Returns
    -------
    separation : `numpy.ndarray`
        Separation in arcsec, shape (N,).
    """
    chord = np.linalg.norm(unit_vectors(ra1, dec1) - unit_vectors(ra2, dec2), axis=-1)
    return chord_to_arcsec(chord)


def chord_to_arcsec(chord: npt.ArrayLike) -> _Array:
    """Return the angle that a chord of the unit sphere spans.

    Parameters
    ----------
    chord
        Length of the chord, at most 2.

    Returns
    -------
    angle : `numpy.ndarray`
        Angle in arcsec.
    """
    return 2.0 * np.arcsin(np.clip(np.asarray(chord) / 2.0, 0.0, 1.0)) / ARCSEC


def arcsec_to_chord(angle: npt.ArrayLike) -> _Array:
    """Return the chord of the unit sphere that spans an angle.

    Parameters
    ----------
    angle
        Angle in arcsec, at most 180 degrees.

    Returns
    -------
    chord : `numpy.ndarray`
        Length of the chord.
    """
    return 2.0 * np.sin(np.asarray(angle, dtype=float) * ARCSEC / 2.0)


def position_angle(
    ra1: npt.ArrayLike, dec1: npt.ArrayLike, ra2: npt.ArrayLike, dec2: npt.ArrayLike
) -> _Array:
    """Return the direction from the first to the second positions.

    Parameters
    ----------
    ra1
        Right ascension of the first positions in degrees, shape (N,).
    dec1
        Declination of the first positions in degrees, shape (N,).
    ra2
        Right ascension of the second positions in degrees, shape (N,).
    dec2
        Declination of the second positions in degrees, shape (N,).

    Returns
    -------
    angle : `numpy.ndarray`
        Degrees east of north at the first position, in [0, 360), shape (N,).
    """
    first = unit_vectors(ra1, dec1)
    east, north = local_axes(first)
    step = unit_vectors(ra2, dec2) - first
    return np.degrees(np.arctan2(np.sum(step * east, axis=-1), np.sum(step * north, axis=-1))) % 360.0


def local_axes(vectors: _Array) -> tuple[_Array, _Array]:
    """Return the directions of east and north at directions on the sky.

    Parameters
    ----------
    vectors
        Unit vectors, shape (N, 3).

    Returns
    -------
    east : `numpy.ndarray`
        Unit vectors to the east, shape (N, 3).
    north : `numpy.ndarray`
        Unit vectors to the north, shape (N, 3).
    """
    lon = np.arctan2(vectors[..., 1], vectors[..., 0])
    east = np.stack([-np.sin(lon), np.cos(lon), np.zeros_like(lon)], axis=-1)
    return east, np.cross(vectors, east)
