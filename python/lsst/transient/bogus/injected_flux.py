# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flux of injections: its photon noise, and how much of it is in an image."""

from __future__ import annotations

__all__ = ("box_sums", "with_photon_noise")

import numpy as np
import numpy.typing as npt


def box_sums(
    array: npt.NDArray[np.floating],
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    x0: int,
    y0: int,
    radius: int,
) -> npt.NDArray[np.float64]:
    """Sum the pixels of a box around each position.

    Parameters
    ----------
    array
        Image, shape (rows, columns).
    x
        Columns of the positions in parent coordinates, shape (N,).
    y
        Rows of the positions in parent coordinates, shape (N,).
    x0
        Column of the first pixel of the image.
    y0
        Row of the first pixel of the image.
    radius
        The box reaches this many pixels to either side of the nearest pixel.

    Returns
    -------
    sums : `numpy.ndarray`
        Sum of the finite pixels of each box, shape (N,); NaN where the box is not
        entirely in the image.
    """
    x, y = np.asarray(x, dtype=float) - x0, np.asarray(y, dtype=float) - y0
    sums = np.full(len(x), np.nan)
    height, width = array.shape
    with np.errstate(invalid="ignore"):
        inside = (np.rint(x) >= radius) & (np.rint(x) < width - radius)
        inside &= (np.rint(y) >= radius) & (np.rint(y) < height - radius)
    steps = np.arange(-radius, radius + 1)
    columns = np.rint(x[inside]).astype(int)[:, None, None] + steps[None, None, :]
    rows = np.rint(y[inside]).astype(int)[:, None, None] + steps[None, :, None]
    sums[inside] = np.nansum(array[rows, columns], axis=(1, 2), dtype=float)
    return sums


def with_photon_noise(
    pixels: npt.NDArray[np.floating], slope: float, rng: np.random.Generator | None
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """Return the flux that photons would have left, and its variance.

    Parameters
    ----------
    pixels
        Expected flux, shape (h, w).
    slope
        Variance per unit of flux; zero for neither noise nor variance.
    rng
        Source of noise; the expected flux is returned if `None`.

    Returns
    -------
    flux : `numpy.ndarray`
        Flux, shape (h, w).
    variance : `numpy.ndarray`
        Variance as it would be estimated from that flux, shape (h, w).

    Notes
    -----
    A pixel of expected flux f holds Poisson(f / slope) photons of flux ``slope``
    each: the variance is f · slope, whatever the unit of the pixels.
    """
    if slope <= 0.0:
        return pixels, np.zeros_like(pixels)
    if rng is None:
        return pixels, slope * np.maximum(pixels, 0.0)
    photons = rng.poisson(np.maximum(pixels, 0.0) / slope)
    return slope * photons + np.minimum(pixels, 0.0), slope**2 * photons
