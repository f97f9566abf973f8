# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choice of the places at which science image and template are compared."""

from __future__ import annotations

__all__ = ("cut_pairs", "psf_pairs", "select_positions")

import numpy as np
import sep
from scipy import ndimage

from .image_arrays import ImageArrays, stamps_at
from .kernel_fit import StampPairs
from .psf_stamps import PsfStamps
from .segmentation import extract

_MODEL_ERROR = 0.02
_MIN_GOOD_FRACTION = 0.7
_PSF_GRID = 4


def select_positions(
    science: ImageArrays,
    usable: np.ndarray,
    *,
    radius: int,
    min_snr: float,
    n_cells: int,
    per_cell: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose bright sources spread over the image.

    Parameters
    ----------
    science
        Science image, sky subtracted.
    usable
        Pixels in which both images may be compared, shape (H, W).
    radius
        Half side of the stamps.
    min_snr
        Lowest signal-to-noise of a source.
    n_cells
        Number of cells along each axis over which sources are spread.
    per_cell
        Most sources per cell.

    Returns
    -------
    column : `numpy.ndarray`
        Columns relative to the science image, int64, shape (N,).
    row : `numpy.ndarray`
        Rows, int64, shape (N,).
    """
    found = extract(science.image, 5.0, var=science.variance, mask=~usable, minarea=5, deblend_cont=0.01)
    height, width = science.image.shape
    column, row = np.round(found["xpeak"]).astype(np.int64), np.round(found["ypeak"]).astype(np.int64)
    flux, error, _ = sep.sum_circle(
        science.image,
        column.astype(float),
        row.astype(float),
        0.5 * radius,
        var=science.variance,
        mask=~usable,
    )
    good_share = ndimage.uniform_filter(usable.astype(np.float32), 2 * radius + 1, mode="constant")
    centre_share = ndimage.uniform_filter(usable.astype(np.float32), radius | 1, mode="constant")
    good = (flux > min_snr * error) & (good_share[row, column] > _MIN_GOOD_FRACTION)
    good &= centre_share[row, column] > 0.999
    cell = (row * n_cells // height) * n_cells + column * n_cells // width
    candidates = np.flatnonzero(good)
    order = candidates[np.lexsort((-flux[candidates], cell[candidates]))]
    cells = cell[order]
    rank = np.arange(len(order)) - np.searchsorted(cells, cells, side="left")
    chosen = np.sort(order[rank < per_cell])
    return column[chosen], row[chosen]


def cut_pairs(
    science: ImageArrays,
    template: ImageArrays,
    usable: np.ndarray,
    column: np.ndarray,
    row: np.ndarray,
    *,
    radius: int,
    half_width: int,
) -> StampPairs:
    """Cut stamps of both images.

    Parameters
    ----------
    science
        Science image.
    template
        Template, on a larger grid that contains the science image.
    usable
        Pixels in which both images may be compared, shape (H, W).
    column
        Columns of the stamps' centres relative to the science image, shape (N,).
    row
        Rows, shape (N,).
    radius
        Half side of the stamps.
    half_width
        Half width of the kernel.

    Returns
    -------
    pairs : `StampPairs`
        The stamps.
    """
    dx, dy = science.x0 - template.x0, science.y0 - template.y0
    size, large = 2 * radius + 1, 2 * (radius + half_width) + 1
    i, j = column - radius, row - radius
    variance = stamps_at(science.variance, i, j, size, fill=1.0).astype(float)
    variance += stamps_at(template.variance, i + dx, j + dy, size, fill=1.0)
    good = stamps_at(usable, i, j, size, fill=False)
    return StampPairs(
        stamps_at(template.image, i + dx - half_width, j + dy - half_width, large, fill=0.0).astype(float),
        stamps_at(science.image, i, j, size, fill=0.0).astype(float),
        np.where(good, 1.0 / variance, 0.0),
        _MODEL_ERROR**2,
        column.astype(float),
        row.astype(float),
    )


def psf_pairs(
    science: PsfStamps, template: PsfStamps, science_arrays: ImageArrays, *, radius: int, half_width: int
) -> StampPairs:
    """Make stamps of ideal stars from the two PSF models, for images without bright sources.

    Parameters
    ----------
    science
        PSF of the science image.
    template
        PSF of the template.
    science_arrays
        Science image: says where to put the stars.
    radius
        Half side of the stamps.
    half_width
        Half width of the kernel.

    Returns
    -------
    pairs : `StampPairs`
        Noiseless stamps on a regular grid.
    """
    height, width = science_arrays.image.shape
    x, y = (
        a.ravel()
        for a in np.meshgrid(
            np.round((np.arange(_PSF_GRID) + 0.5) * width / _PSF_GRID),
            np.round((np.arange(_PSF_GRID) + 0.5) * height / _PSF_GRID),
        )
    )
    size, large = 2 * radius + 1, 2 * (radius + half_width) + 1
    parent = x + science_arrays.x0, y + science_arrays.y0
    return StampPairs(
        _resize(template.centred(*parent), large),
        _resize(science.centred(*parent), size),
        np.ones((len(x), size, size)),
        _MODEL_ERROR**2,
        x,
        y,
    )


def _resize(stamps: np.ndarray, size: int) -> np.ndarray:
    """Pad or crop centred stamps of odd side."""
    change = (size - stamps.shape[-1]) // 2
    if change >= 0:
        return np.pad(stamps, ((0, 0), (change, change), (change, change)))
    return stamps[:, -change:change, -change:change]
