# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A point-spread function evaluated at many positions at once."""

from __future__ import annotations

__all__ = ("PsfStamps", "kernel_fwhm", "lanczos_shift")

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from lsst.images import Box
    from lsst.images.psfs import PointSpreadFunction

_LANCZOS_ORDER = 7
_ZOOM = 6
_FWHM_PER_SIGMA = 2.3548200450309493


def _shift_matrix(shift: np.ndarray, size: int) -> np.ndarray:
    """Return matrices (N, size, size) that resample a line of pixels, moved by ``shift``."""
    distance = np.arange(size)[None, :, None] - np.arange(size)[None, None, :] - shift[:, None, None]
    weight = np.sinc(distance) * np.sinc(distance / _LANCZOS_ORDER)
    weight[np.abs(distance) >= _LANCZOS_ORDER] = 0.0
    # Rows near the border see a part of the kernel only: dividing by what they
    # see would amplify the border, so divide by the sum of the whole kernel.
    offsets = np.arange(-_LANCZOS_ORDER, _LANCZOS_ORDER + 1)[None, :] - shift[:, None]
    whole = (np.sinc(offsets) * np.sinc(offsets / _LANCZOS_ORDER) * (np.abs(offsets) < _LANCZOS_ORDER)).sum(1)
    return weight / whole[:, None, None]


def lanczos_shift(stamps: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Move images by fractions of a pixel.

    Parameters
    ----------
    stamps
        Images, shape (N, S, S), or one image (S, S) to be moved N times.
    dx
        Shift towards higher column of each image, shape (N,).
    dy
        Shift towards higher row of each image, shape (N,).

    Returns
    -------
    shifted : `numpy.ndarray`
        Resampled images, shape (N, S, S); zero is assumed beyond the border.
    """
    size = stamps.shape[-1]
    rows = _shift_matrix(np.asarray(dy, dtype=float), size)
    columns = _shift_matrix(np.asarray(dx, dtype=float), size)
    return rows @ stamps @ columns.transpose(0, 2, 1)


@dataclasses.dataclass(frozen=True)
class PsfStamps:
    """Images of a PSF on a coarse grid of positions, interpolated between them.

    Parameters
    ----------
    x
        Columns of the grid, ascending, shape (nx,).
    y
        Rows of the grid, ascending, shape (ny,).
    kernels
        Centred PSF images of unit sum, shape (ny, nx, S, S), S odd.
    """

    x: np.ndarray
    y: np.ndarray
    kernels: np.ndarray

    @classmethod
    def sample(cls, psf: PointSpreadFunction, bbox: Box, *, step: int = 128) -> PsfStamps:
        """Evaluate a PSF model on a grid over a box.

        Parameters
        ----------
        psf
            Model to evaluate.
        bbox
            Region to cover.
        step
            Largest distance of grid points, in pixels.

        Returns
        -------
        stamps : `PsfStamps`
            The sampled model.
        """
        x, y = (
            np.linspace(axis.min, axis.max, max(2, 1 + -(-(axis.max - axis.min) // step)))
            for axis in (bbox.x, bbox.y)
        )
        kernels = np.array([[psf.compute_kernel_image(x=i, y=j).array for i in x] for j in y], dtype=float)
        return cls(x, y, kernels)

    @property
    def size(self) -> int:
        """Side of a stamp in pixels."""
        return int(self.kernels.shape[-1])

    @property
    def mean_kernel(self) -> np.ndarray:
        """Mean of the centred images, shape (S, S)."""
        return self.kernels.mean(axis=(0, 1))

    @property
    def fwhm(self) -> float:
        """Diameter of the circle with the area above half of the peak, in pixels."""
        return kernel_fwhm(self.mean_kernel)

    @property
    def effective_area(self) -> float:
        """Number of pixels whose noise enters a PSF flux: one over the sum of squares of the PSF."""
        return float(1.0 / np.sum(self.mean_kernel**2))

    def centred(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the centred PSF image at each position.

        Parameters
        ----------
        x
            Columns, shape (N,); clipped to the grid.
        y
            Rows, shape (N,); clipped to the grid.

        Returns
        -------
        kernels : `numpy.ndarray`
            Images, shape (N, S, S).
        """
        i, u = _bracket(self.x, x)
        j, v = _bracket(self.y, y)
        low = self.kernels[j, i] * (1 - u)[:, None, None] + self.kernels[j, i + 1] * u[:, None, None]
        high = self.kernels[j + 1, i] * (1 - u)[:, None, None] + self.kernels[j + 1, i + 1] * u[:, None, None]
        return low * (1 - v)[:, None, None] + high * v[:, None, None]

    def at(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return images of point sources at each position.

        Parameters
        ----------
        x
            Columns, shape (N,).
        y
            Rows, shape (N,).

        Returns
        -------
        stamps : `numpy.ndarray`
            Images with the right sub-pixel phase, shape (N, S, S).
        column : `numpy.ndarray`
            Column of the first pixel of each image, int64, shape (N,).
        row : `numpy.ndarray`
            Row of the first pixel of each image, int64, shape (N,).
        """
        column, row = np.floor(x + 0.5).astype(np.int64), np.floor(y + 0.5).astype(np.int64)
        stamps = lanczos_shift(self.centred(x, y), x - column, y - row)
        half = self.size // 2
        return stamps, column - half, row - half

    def moments(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return adaptive second moments of the PSF at each position.

        Parameters
        ----------
        x
            Columns, shape (N,).
        y
            Rows, shape (N,).

        Returns
        -------
        ixx, iyy, ixy : `numpy.ndarray`
            Second moments with a matched Gaussian weight, in pixels², shape (N,).
        """
        from .shapes import adaptive_moments

        ny, nx, size, _ = self.kernels.shape
        flat = self.kernels.reshape(-1, size, size)
        shapes = adaptive_moments(
            flat, np.zeros(len(flat)), np.zeros(len(flat)), sigma=self.fwhm / _FWHM_PER_SIGMA
        )
        i, u = _bracket(self.x, x)
        j, v = _bracket(self.y, y)
        out = []
        for values in (shapes.ixx, shapes.iyy, shapes.ixy):
            grid = values.reshape(ny, nx)
            low = grid[j, i] * (1 - u) + grid[j, i + 1] * u
            high = grid[j + 1, i] * (1 - u) + grid[j + 1, i + 1] * u
            out.append(low * (1 - v) + high * v)
        return out[0], out[1], out[2]


def kernel_fwhm(kernel: np.ndarray) -> float:
    """Return the diameter of the circle with the area above half of the peak.

    Parameters
    ----------
    kernel
        Centred PSF image, shape (S, S).

    Returns
    -------
    fwhm : `float`
        Full width at half maximum in pixels.
    """
    fine = ndimage.zoom(kernel, _ZOOM, order=3)
    # Zooming keeps the centres of the first and the last pixel where they are.
    step = (kernel.shape[0] - 1) / (fine.shape[0] - 1)
    return float(2.0 * step * np.sqrt(np.sum(fine > 0.5 * fine.max()) / np.pi))


def _bracket(knots: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of each value and its fraction within it, clipped to the knots."""
    clipped = np.clip(np.asarray(values, dtype=float), knots[0], knots[-1])
    index = np.clip(np.searchsorted(knots, clipped, side="right") - 1, 0, len(knots) - 2)
    return index, (clipped - knots[index]) / (knots[index + 1] - knots[index])
