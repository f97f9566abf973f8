# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels and sky through the projection of an image, also for no positions at all."""

from __future__ import annotations

__all__ = ("pixel_to_sky", "sky_to_pixel")

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from astropy.coordinates import SkyCoord

if TYPE_CHECKING:
    from lsst.images import SkyProjection


def pixel_to_sky(
    projection: SkyProjection[Any], x: npt.ArrayLike, y: npt.ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sky positions of pixels.

    Parameters
    ----------
    projection
        Projection of an image.
    x
        Columns in parent coordinates, shape (N,); N may be zero, which the
        projection itself refuses.
    y
        Rows, shape (N,).

    Returns
    -------
    ra, dec : `numpy.ndarray`
        Right ascension and declination (ICRS) in degrees, shape (N,).
    """
    columns, rows = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if columns.size == 0:
        return np.zeros(0), np.zeros(0)
    sky = projection.pixel_to_sky(x=columns, y=rows)
    return np.asarray(sky.ra.deg), np.asarray(sky.dec.deg)


def sky_to_pixel(
    projection: SkyProjection[Any], ra: npt.ArrayLike, dec: npt.ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels of sky positions.

    Parameters
    ----------
    projection
        Projection of an image.
    ra
        Right ascension (ICRS) in degrees, shape (N,); N may be zero.
    dec
        Declination in degrees, shape (N,).

    Returns
    -------
    x, y : `numpy.ndarray`
        Columns and rows in parent coordinates, shape (N,).
    """
    longitude, latitude = np.asarray(ra, dtype=float), np.asarray(dec, dtype=float)
    if longitude.size == 0:
        return np.zeros(0), np.zeros(0)
    pixel = projection.sky_to_pixel(SkyCoord(longitude, latitude, unit="deg", frame="icrs"))
    return np.asarray(pixel.x, dtype=float), np.asarray(pixel.y, dtype=float)
