# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts from a table of coadd objects, in the pixels of a detector."""

from __future__ import annotations

__all__ = ("detector_moments", "hosts_from_objects", "is_near")

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .geometry import SkyMap
from .host_injections import Box, HostSources
from .injection_laws import flux_to_magnitude
from .sphere import separation_arcsec

type _Array = npt.NDArray[np.float64]


def detector_moments(
    west: npt.ArrayLike, north: npt.ArrayLike, mixed: npt.ArrayLike, jacobian: _Array
) -> tuple[_Array, _Array, _Array]:
    """Turn second moments on a coadd into second moments on a detector.

    Parameters
    ----------
    west
        Second moment along the columns of the coadd, which run west, in square
        arcsec, shape (N,).
    north
        Second moment along the rows of the coadd, which run north, in square arcsec,
        shape (N,).
    mixed
        Mixed second moment in square arcsec, shape (N,).
    jacobian
        Derivative of (east, north) in arcsec by (x, y) of the detector in pixels,
        shape (N, 2, 2).

    Returns
    -------
    ixx : `numpy.ndarray`
        Second moment along x in square pixels, shape (N,).
    iyy : `numpy.ndarray`
        Second moment along y in square pixels, shape (N,).
    ixy : `numpy.ndarray`
        Mixed second moment in square pixels, shape (N,).
    """
    ww, nn, wn = (np.asarray(m, dtype=float) for m in (west, north, mixed))
    sky = np.stack([np.stack([ww, -wn], axis=-1), np.stack([-wn, nn], axis=-1)], axis=-2)
    inverse = np.linalg.inv(jacobian)
    moments = inverse @ sky @ np.swapaxes(inverse, -1, -2)
    return moments[..., 0, 0], moments[..., 1, 1], moments[..., 0, 1]


def is_near(ra: npt.ArrayLike, dec: npt.ArrayLike, sky_map: SkyMap, box: Box) -> npt.NDArray[np.bool_]:
    """Tell which positions are in the circle around a detector.

    Parameters
    ----------
    ra
        Right ascension in degrees, shape (N,).
    dec
        Declination in degrees, shape (N,).
    sky_map
        Map of the detector.
    box
        Box of the detector.

    Returns
    -------
    near : `numpy.ndarray`
        Shape (N,), bool.
    """
    middle = sky_map.pixel_to_sky((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    x, y = np.array([box[0], box[2], box[0], box[2]]), np.array([box[1], box[1], box[3], box[3]])
    radius = separation_arcsec(*sky_map.pixel_to_sky(x, y), *middle).max()
    return separation_arcsec(ra, dec, *middle) <= radius


def hosts_from_objects(
    columns: Mapping[str, npt.NDArray[np.generic]],
    sky_map: SkyMap,
    *,
    moment_scale: float,
    point_flux_error: float,
) -> HostSources:
    """Place coadd objects on a detector.

    Parameters
    ----------
    columns
        Arrays of shape (N,): ``id``, ``ra`` and ``dec`` in degrees, moments ``ixx``,
        ``iyy`` and ``ixy`` along the columns (west) and rows (north) of the coadd, and
        ``flux`` in nJy.
    sky_map
        Map of the detector.
    moment_scale
        Arcsec for each unit of the square root of the moments.
    point_flux_error
        Standard error of the flux of a faint point source on the visit, in nJy.

    Returns
    -------
    hosts : `HostSources`
        N rows, on the detector or not; positions far off it may be NaN.
    """
    ra, dec = (np.asarray(columns[name], dtype=float) for name in ("ra", "dec"))
    x, y = sky_map.sky_to_pixel(ra, dec)
    on_map = np.isfinite(x) & np.isfinite(y)
    # Far off the detector there are no pixels; any orientation does there.
    x_known, y_known = np.where(on_map, x, sky_map.origin[0]), np.where(on_map, y, sky_map.origin[1])
    west, north, mixed = (
        moment_scale**2 * np.asarray(columns[name], dtype=float) for name in ("ixx", "iyy", "ixy")
    )
    ixx, iyy, ixy = detector_moments(west, north, mixed, sky_map.jacobian(x_known, y_known))
    return HostSources(
        ids=np.asarray(columns["id"], dtype=np.int64),
        ra=ra,
        dec=dec,
        x=x,
        y=y,
        ixx=ixx,
        iyy=iyy,
        ixy=ixy,
        magnitude=flux_to_magnitude(columns["flux"]),
        point_flux_error=point_flux_error,
    )
