# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Matching kernel of free pixels, solved in Fourier space by the optional package sfft."""

from __future__ import annotations

__all__ = ("fit_sfft", "source_region")

import numba
import numpy as np

from .kernel_fit import MatchingKernel

_MAX_ORDER = 3


def source_region(column: np.ndarray, row: np.ndarray, usable: np.ndarray, *, radius: int) -> np.ndarray:
    """Return the pixels about sources that may decide a kernel.

    Parameters
    ----------
    column
        Columns of the sources, int, shape (N,).
    row
        Rows, int, shape (N,).
    usable
        Pixels that are good in both images, bool, shape (H, W).
    radius
        Half side of the square about each source.

    Returns
    -------
    region : `numpy.ndarray`
        Usable pixels within a square of a source, bool, shape (H, W).
    """
    height, width = usable.shape
    # Corners of the squares, summed up along both axes, count the squares over each pixel.
    count = np.zeros((height + 1, width + 1), dtype=np.int64)
    bottom, top = np.maximum(row - radius, 0), np.minimum(row + radius + 1, height)
    left, right = np.maximum(column - radius, 0), np.minimum(column + radius + 1, width)
    for y, x, sign in ((bottom, left, 1), (bottom, right, -1), (top, left, -1), (top, right, 1)):
        np.add.at(count, (y, x), sign)
    inside: np.ndarray = count.cumsum(axis=0).cumsum(axis=1)[:-1, :-1] > 0
    return inside & usable


def fit_sfft(
    science: np.ndarray, template: np.ndarray, region: np.ndarray, *, half_width: int, order: int
) -> MatchingKernel:
    """Fit a kernel whose every pixel is free.

    Parameters
    ----------
    science
        Science image without its sky, shape (H, W).
    template
        Template without its sky, on the same grid, shape (H, W).
    region
        Pixels that decide the kernel: both images count as zero elsewhere, bool,
        shape (H, W).
    half_width
        Half width k of the kernel in pixels.
    order
        Degree of the kernel's variation over the image; sfft knows up to 3.

    Returns
    -------
    kernel : `MatchingKernel`
        The kernel, of constant sum; its ``used`` and ``chi2`` are empty and NaN.

    Raises
    ------
    ModuleNotFoundError
        Raised if sfft is not installed.

    Notes
    -----
    Hu et al. 2022, ApJ 936, 157.  All pixels of the region weigh the same.
    The solution holds, for each polynomial term in ((row + 1) / H, (column + 1) / W),
    the coefficients of pixels minus the central pixel, and at the central
    pixel the sum of the kernel, all times H W.
    """
    try:
        from sfft.sfftcore.SFFTConfigure import SingleSFFTConfigure
        from sfft.sfftcore.SFFTSubtract import ElementalSFFTSubtract
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "method='sfft' needs the package sfft: pip install 'lsst-transient-bogus[sfft]'.", name=error.name
        ) from error
    height, width = science.shape
    order = min(order, _MAX_ORDER)
    options = {"BACKEND_4SUBTRACT": "Numpy", "NUM_CPU_THREADS_4SUBTRACT": 1, "VERBOSE_LEVEL": 0}
    set_num_threads = numba.set_num_threads
    try:
        config = SingleSFFTConfigure.SSC(
            NX=height, NY=width, KerHW=half_width, KerPolyOrder=order, BGPolyOrder=0, **options
        )
    finally:
        # sfft overwrites this function of numba with a number.
        numba.set_num_threads = set_num_threads
    masked = (np.where(region, image, 0.0).astype(np.float64) for image in (template, science))
    solution, _ = ElementalSFFTSubtract.ESS(*masked, config, **options)
    return _as_kernel(solution[:-1], (height, width), half_width, order)


def _as_kernel(solution: np.ndarray, shape: tuple[int, int], half_width: int, order: int) -> MatchingKernel:
    """Turn the coefficients of sfft into kernel images."""
    height, width = shape
    size = 2 * half_width + 1
    images = solution.reshape(-1, size, size) / (height * width)
    total = images[:, half_width, half_width].copy()
    images[:, half_width, half_width] = 2.0 * total - images.sum(axis=(1, 2))
    powers = [(i, j) for i in range(order + 1) for j in range(order + 1 - i)]
    scaled = {(j, i): images[n] / (float(height) ** i * float(width) ** j) for n, (i, j) in enumerate(powers)}
    return MatchingKernel(
        images=np.array([scaled[power] for power in powers]),
        order=order,
        centre=(-1.0, -1.0),
        scale=1.0,
        used=np.zeros(0, dtype=bool),
        chi2=float("nan"),
    )
