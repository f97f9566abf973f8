# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much flux is at each of many positions of an image."""

from __future__ import annotations

__all__ = ("box_sums",)

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
