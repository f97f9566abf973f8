# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""PSF photometry at given positions, all positions at once."""

from __future__ import annotations

__all__ = ("PsfPhotometry", "psf_photometry")

import dataclasses

import numpy as np

from .image_arrays import ImageArrays, stamps_at
from .psf_stamps import PsfStamps

_CHUNK = 1024


@dataclasses.dataclass(frozen=True)
class PsfPhotometry:
    """PSF fluxes at given positions.

    Parameters
    ----------
    flux
        Flux, NaN where no pixel could be used, shape (N,).
    flux_error
        Standard error from the variance plane, shape (N,).
    chi2
        Chi-squared of the fit, shape (N,).
    n_pixels
        Number of pixels in the fit, int64, shape (N,).
    good_fraction
        Fraction of the PSF's squared weight that falls on usable pixels, shape (N,).
    """

    flux: np.ndarray
    flux_error: np.ndarray
    chi2: np.ndarray
    n_pixels: np.ndarray
    good_fraction: np.ndarray


def psf_photometry(arrays: ImageArrays, psf: PsfStamps, x: np.ndarray, y: np.ndarray) -> PsfPhotometry:
    """Fit the amplitude of the PSF at fixed positions.

    Parameters
    ----------
    arrays
        Sky-subtracted pixels.
    psf
        Sampled PSF.
    x
        Columns in parent coordinates, shape (N,).
    y
        Rows in parent coordinates, shape (N,).

    Returns
    -------
    photometry : `PsfPhotometry`
        Fluxes in the unit of the pixels.

    Notes
    -----
    Pixels have equal weight, as in the stack's PSF flux: F = Σ p d / Σ p² with
    variance Σ p² v / (Σ p²)², so that a bright source's own photon noise does not
    bias its flux.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(x) == 0:
        empty = np.zeros(0)
        return PsfPhotometry(empty, empty, empty, np.zeros(0, dtype=np.int64), empty)
    parts = [_chunk(arrays, psf, x[i : i + _CHUNK], y[i : i + _CHUNK]) for i in range(0, len(x), _CHUNK)]
    return PsfPhotometry(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _chunk(arrays: ImageArrays, psf: PsfStamps, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    usable = np.isfinite(x) & np.isfinite(y)
    model, column, row = psf.at(np.where(usable, x, arrays.x0), np.where(usable, y, arrays.y0))
    column, row, size = column - arrays.x0, row - arrays.y0, psf.size
    data = stamps_at(arrays.image, column, row, size, fill=0.0)
    variance = stamps_at(arrays.variance, column, row, size, fill=1.0)
    good = ~stamps_at(arrays.bad, column, row, size, fill=True) & usable[:, None, None]
    weight = np.where(good, model, 0.0)
    norm = np.sum(weight**2, axis=(1, 2))
    fraction = norm / np.sum(model**2, axis=(1, 2))
    safe = np.where(norm > 0, norm, np.nan)
    flux = np.sum(weight * data, axis=(1, 2)) / safe
    error = np.sqrt(np.sum(weight**2 * variance, axis=(1, 2))) / safe
    residual = data - np.where(np.isfinite(flux), flux, 0.0)[:, None, None] * model
    chi2 = np.sum(np.where(good, residual**2 / variance, 0.0), axis=(1, 2))
    return flux, error, np.where(norm > 0, chi2, np.nan), good.sum(axis=(1, 2)), fraction
