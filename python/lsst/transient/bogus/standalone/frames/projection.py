# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The projection of a frame, checked."""

from __future__ import annotations

__all__ = ("pixel_scale", "read_wcs")

import warnings

import astropy.wcs
import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from lsst.images import Box, DetectorFrame, SkyProjection

from ...errors import InputDataError

_MAX_WCS_ERROR = 0.01
"""Largest difference between the projection that is stored and the FITS standard, pixels."""


def read_wcs(header: fits.Header, shape: tuple[int, int]) -> astropy.wcs.WCS:
    """Read the projection of a frame, and check that it can be stored.

    Parameters
    ----------
    header
        Header of the image.
    shape
        Rows and columns of the image.

    Returns
    -------
    wcs : `astropy.wcs.WCS`
        The projection.

    Raises
    ------
    InputDataError
        Raised if there is none, it is not equatorial for equinox 2000, or the
        repository's form of it differs from the FITS standard.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            wcs = astropy.wcs.WCS(header, naxis=2, relax=True)
        if not wcs.has_celestial:
            raise InputDataError("has no WCS")
        _check_sky_system(wcs)
        error = _projection_error(wcs, shape)
    except (ValueError, TypeError, RuntimeError, astropy.wcs.WcsError) as problem:
        if isinstance(problem, InputDataError):
            raise
        raise InputDataError(f"WCS cannot be used: {' '.join(str(problem).split())}") from problem
    if not error < _MAX_WCS_ERROR:
        raise InputDataError(f"WCS cannot be stored: it would change by {error:.3g} pixels")
    return wcs


def _check_sky_system(wcs: astropy.wcs.WCS) -> None:
    axes, system, equinox = wcs.wcs.ctype, wcs.wcs.radesys.strip().upper() or "ICRS", wcs.wcs.equinox
    equatorial = axes[0].startswith("RA--") and axes[1].startswith("DEC-")
    if not (equatorial and system in ("ICRS", "FK5") and (np.isnan(equinox) or equinox == 2000.0)):
        raise InputDataError(
            f"WCS is {axes[0]}, {axes[1]}, {system}, equinox {equinox:g}; "
            "needs RA, DEC in ICRS or FK5 at equinox 2000"
        )


def _projection_error(wcs: astropy.wcs.WCS, shape: tuple[int, int]) -> float:
    """Return by how many pixels the stored projection is off, at worst."""
    box = Box.from_shape(shape)
    frame = DetectorFrame(instrument="Frames", visit=0, detector=0, bbox=box)
    x, y = (
        grid.ravel() for grid in np.meshgrid(np.linspace(0, shape[1] - 1, 5), np.linspace(0, shape[0] - 1, 5))
    )
    sky = SkyProjection.from_fits_wcs(wcs, frame).pixel_to_sky(x=x, y=y)
    ra, dec = wcs.all_pix2world(x, y, 0)
    scale = pixel_scale(wcs, shape) / 3600.0
    offsets = np.hypot(
        (np.mod(sky.ra.deg - ra + 180.0, 360.0) - 180.0) * np.cos(np.radians(dec)), sky.dec.deg - dec
    )
    return float(np.max(offsets) / scale)


def pixel_scale(wcs: astropy.wcs.WCS, shape: tuple[int, int]) -> float:
    """Return the pixel scale in the middle of a frame.

    Parameters
    ----------
    wcs
        The projection.
    shape
        Rows and columns of the frame.

    Returns
    -------
    scale : `float`
        Arcseconds per pixel.
    """
    x, y = 0.5 * (shape[1] - 1), 0.5 * (shape[0] - 1)
    ra, dec = wcs.all_pix2world([x, x + 1, x], [y, y, y + 1], 0)
    east = (np.mod(ra[1:] - ra[0] + 180.0, 360.0) - 180.0) * np.cos(np.radians(dec[0]))
    north = dec[1:] - dec[0]
    return float(3600.0 * np.sqrt(abs(east[0] * north[1] - east[1] * north[0])))
