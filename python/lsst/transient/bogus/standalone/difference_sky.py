# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sky that is left in a difference image."""

from __future__ import annotations

__all__ = ("cell_sky", "fit_sky")

import numpy as np
import sep

_N_SAMPLES = 40000
_SOURCE_SIGMA = 4.0
_BRIGHT_VARIANCE = 1.5


def fit_sky(difference: np.ndarray, variance: np.ndarray, bad: np.ndarray, order: int) -> np.ndarray:
    """Fit a polynomial to the sky, leaving out sources.

    Parameters
    ----------
    difference
        Difference image, shape (H, W).
    variance
        Its variance, shape (H, W).
    bad
        Pixels to leave out, shape (H, W).
    order
        Degree of the polynomial.

    Returns
    -------
    sky : `numpy.ndarray`
        The polynomial, shape (H, W); zero if there are too few pixels.
    """
    height, width = difference.shape
    y, x = np.linspace(-1, 1, height), np.linspace(-1, 1, width)
    step = max(1, int(np.sqrt(difference.size / _N_SAMPLES)))
    rows, columns = np.mgrid[0:height:step, 0:width:step]
    good = ~bad[rows, columns]
    rows, columns = rows[good], columns[good]
    if len(rows) < 100:
        return np.zeros_like(difference)
    powers = [(i, j) for i in range(order + 1) for j in range(order + 1 - i)]
    design = np.stack([x[columns] ** i * y[rows] ** j for i, j in powers], axis=1)
    values, sigma = difference[rows, columns], np.sqrt(variance[rows, columns])
    keep = np.ones(len(values), dtype=bool)
    solution = np.zeros(len(powers))
    for _ in range(4):
        solution = np.linalg.lstsq(design[keep] / sigma[keep, None], values[keep] / sigma[keep])[0]
        residual = (values - design @ solution) / sigma
        limit = 3.0 * 1.4826 * np.median(np.abs(residual[keep]))
        keep = np.abs(residual) < limit
        if keep.sum() < 10 * len(powers):
            break
    return sum(
        (c * (y**j)[:, None] * (x**i)[None, :] for c, (i, j) in zip(solution, powers, strict=True)),
        start=np.zeros_like(difference),
    )


def cell_sky(difference: np.ndarray, variance: np.ndarray, bad: np.ndarray, size: int) -> np.ndarray:
    """Estimate the sky in cells, leaving out what stands out and what is bright in itself.

    Parameters
    ----------
    difference
        Difference image, shape (H, W).
    variance
        Its variance, shape (H, W): pixels with much more than the median lie on
        bright sources, whose residuals are not sky.
    bad
        Pixels to leave out, shape (H, W).
    size
        Side of the cells in pixels; 0 for no sky.

    Returns
    -------
    sky : `numpy.ndarray`
        Smooth sky, shape (H, W).
    """
    sky = np.zeros_like(difference)
    if size == 0 or bad.all():
        return sky
    mask = bad | (variance > _BRIGHT_VARIANCE * np.median(variance[~bad]))
    # What stands out is known only once the sky is.
    for _ in range(2):
        pixels = np.ascontiguousarray(np.where(mask, 0.0, difference), dtype=np.float32)
        cells = sep.Background(pixels, mask=mask, bw=size, bh=size, fw=1, fh=1)
        sky = np.asarray(cells.back(dtype=np.float64), dtype=difference.dtype)
        outlier = mask | ((difference - sky) ** 2 > _SOURCE_SIGMA**2 * variance)
        if outlier.all():
            break
        mask = outlier
    return sky
