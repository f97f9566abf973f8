# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The point-spread function of a mean of resampled images."""

from __future__ import annotations

__all__ = ("PsfContribution", "combine_psfs")

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from .psf import wrap_pixel_psf
from .psf_fit import PixelPsf, polynomial_basis
from .warp import PixelMap

if TYPE_CHECKING:
    from lsst.images import Box
    from lsst.images.psfs import PiffWrapper, PointSpreadFunction

_KNOTS = 5
_ORDER = 2


@dataclasses.dataclass(frozen=True)
class PsfContribution:
    """One image that entered the mean.

    Parameters
    ----------
    psf
        PSF of the image, in its own pixels.
    pixel_map
        Where the pixels of the mean lie in the image.
    weight
        Weight of the image.
    inside
        Pixels of the mean that the image covers, shape (H, W).
    """

    psf: PointSpreadFunction
    pixel_map: PixelMap
    weight: float
    inside: np.ndarray


def combine_psfs(contributions: Sequence[PsfContribution], box: Box) -> PiffWrapper:
    """Average PSFs as the images were averaged.

    Parameters
    ----------
    contributions
        The images that entered the mean.
    box
        Box of the mean.

    Returns
    -------
    psf : `lsst.images.psfs.PiffWrapper`
        PSF of the mean: needs no stars, so works in empty and in crowded fields.

    Notes
    -----
    At each point of a grid, the PSF of each image is resampled with the local
    derivative of the pixel map (which rotates and scales it), and averaged; a
    polynomial is then put through every pixel.
    """
    size = max(c.psf.kernel_bbox.x.size for c in contributions)
    rows, columns = (np.round(np.linspace(0, n - 1, _KNOTS)).astype(int) for n in box.shape)
    grid_row, grid_column = (a.ravel() for a in np.meshgrid(rows, columns, indexing="ij"))
    kernels, known = np.zeros((len(grid_row), size, size)), np.zeros(len(grid_row), dtype=bool)
    for k, (row, column) in enumerate(zip(grid_row, grid_column, strict=True)):
        covering = [c for c in contributions if c.inside[row, column]]
        if covering:
            kernels[k] = sum(c.weight * _resampled(c, row, column, size) for c in covering)
            kernels[k] /= kernels[k].sum()
            known[k] = True
    if not known.any():
        kernels[0] = _resampled(contributions[0], int(rows[_KNOTS // 2]), int(columns[_KNOTS // 2]), size)
        known[0] = True
    centre, scale = ((box.x.size - 1) / 2.0, (box.y.size - 1) / 2.0), max(box.shape) / 2.0
    order = _ORDER if known.sum() >= 15 else 0
    x, y = grid_column[known].astype(float), grid_row[known].astype(float)
    basis = polynomial_basis((x - centre[0]) / scale, (y - centre[1]) / scale, order)
    solution = np.linalg.lstsq(basis, kernels[known].reshape(len(x), -1))[0]
    none = np.zeros(0)
    model = PixelPsf(
        solution.reshape(-1, size, size), order, centre, scale, none, none, np.zeros(0, dtype=bool)
    )
    return wrap_pixel_psf(model, box)


def _resampled(contribution: PsfContribution, row: int, column: int, size: int) -> np.ndarray:
    """Return the PSF of one image on the pixel grid of the mean, of unit sum."""
    pixel_map = contribution.pixel_map
    x, y = float(pixel_map.x[row, column]), float(pixel_map.y[row, column])
    kernel = contribution.psf.compute_kernel_image(x=x, y=y).array
    # Derivatives over a finite step, inwards at the border.
    i, j = min(row, pixel_map.x.shape[0] - 2), min(column, pixel_map.x.shape[1] - 2)
    x_by_column = pixel_map.x[i, j + 1] - pixel_map.x[i, j]
    x_by_row = pixel_map.x[i + 1, j] - pixel_map.x[i, j]
    y_by_column = pixel_map.y[i, j + 1] - pixel_map.y[i, j]
    y_by_row = pixel_map.y[i + 1, j] - pixel_map.y[i, j]
    axis = np.arange(size) - size // 2
    v, u = np.meshgrid(axis, axis, indexing="ij")
    middle = kernel.shape[0] // 2
    coordinates = [middle + y_by_column * u + y_by_row * v, middle + x_by_column * u + x_by_row * v]
    resampled = ndimage.map_coordinates(np.asarray(kernel, dtype=float), coordinates, order=3, cval=0.0)
    return np.asarray(resampled / resampled.sum())
