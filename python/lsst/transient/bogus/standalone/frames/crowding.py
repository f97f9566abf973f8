# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The point-spread function of a crowded field: neighbours are subtracted before stars are used."""

from __future__ import annotations

__all__ = ("Stars", "choose_psf_stars", "fit_stars", "measure_crowded_psf")

import dataclasses
import math

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
import sep
from numpy.lib.stride_tricks import sliding_window_view
from scipy.spatial import KDTree

from lsst.images import Box
from lsst.images.psfs import PointSpreadFunction

from ..images import make_gaussian_psf
from ..psf import measure_psf
from ..psf_stamps import PsfStamps
from ..segmentation import extract

_MODEL_ERROR = 0.05
"""Relative error of the model: keeps bright stars from deciding alone."""

_NEIGHBOUR_ERROR = 0.2
"""Relative error of a neighbour that was subtracted."""

_TOLERATED = 0.2
"""Flux of neighbours, over a star's own, from which on the star is less suited."""

_THRESHOLD = 4.0
_MAX_PSF_STARS = 60
_MAX_STARS = 4000
_N_BRIGHT = 100


@dataclasses.dataclass(frozen=True)
class Stars:
    """Stars with their fitted images.

    Parameters
    ----------
    x
        Columns, shape (N,).
    y
        Rows, shape (N,).
    flux
        Fluxes, shape (N,).
    unit
        Image of each star of unit flux, shape (N, S, S).
    """

    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    unit: np.ndarray

    def rows_and_columns(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the row and column of each pixel of each stamp, shapes (N, S, 1) and (N, 1, S)."""
        axis = np.arange(self.unit.shape[-1]) - self.unit.shape[-1] // 2
        rows = np.round(self.y).astype(int)[:, None, None] + axis[None, :, None]
        columns = np.round(self.x).astype(int)[:, None, None] + axis[None, None, :]
        return rows, columns

    def image(self, shape: tuple[int, int], chosen: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Return the image of the stars, or of some of them, shape (H, W)."""
        size = self.unit.shape[-1]
        canvas = np.zeros((shape[0] + 2 * size, shape[1] + 2 * size))
        rows, columns = self.rows_and_columns()
        values = self.flux[:, None, None] * self.unit
        np.add.at(canvas, (rows[chosen] + size, columns[chosen] + size), values[chosen])
        return canvas[size:-size, size:-size]


def measure_crowded_psf(
    image: np.ndarray,
    variance: np.ndarray,
    bad: np.ndarray,
    saturated: np.ndarray,
    *,
    fwhm: float,
    passes: int = 2,
    where: str = "",
) -> PointSpreadFunction:
    """Measure the PSF where no star is isolated.

    Parameters
    ----------
    image
        Pixels above the sky, shape (H, W).
    variance
        Variance of the pixels, shape (H, W).
    bad
        Pixels that must not be used, shape (H, W).
    saturated
        Saturated pixels, shape (H, W).
    fwhm
        First guess of the FWHM, pixels.
    passes
        Number of times that all stars are fitted and the neighbours subtracted.
    where
        Data ID for messages.

    Returns
    -------
    psf : `lsst.images.psfs.PointSpreadFunction`
        The PSF, in pixels of the array.
    """
    box = Box.from_shape(image.shape)
    psf: PointSpreadFunction = make_gaussian_psf(fwhm=fwhm, box=box)
    unusable = bad | saturated
    stars: Stars | None = None
    for _ in range(passes):
        stamps = PsfStamps.sample(psf, box)
        stars = fit_stars(image, variance, unusable, stamps, fwhm=fwhm, known=stars)
        chosen = choose_psf_stars(stars, unusable, fwhm=fwhm)
        if not chosen.any():
            break
        neighbours = stars.image(image.shape, ~chosen)
        psf = measure_psf(
            image - neighbours,
            variance + (_NEIGHBOUR_ERROR * neighbours) ** 2,
            bad,
            saturated=saturated,
            fwhm_guess=fwhm,
            where=where,
        )
    return psf


def fit_stars(
    image: np.ndarray,
    variance: np.ndarray,
    unusable: np.ndarray,
    stamps: PsfStamps,
    *,
    fwhm: float,
    known: Stars | None = None,
) -> Stars:
    """Find all stars and fit their fluxes together.

    Parameters
    ----------
    image
        Pixels above the sky, shape (H, W).
    variance
        Variance of the pixels, shape (H, W).
    unusable
        Pixels that must not be used, shape (H, W).
    stamps
        PSF.
    fwhm
        FWHM in pixels, for the detection filter.
    known
        Stars found before with another PSF; none are searched for then.

    Returns
    -------
    stars : `Stars`
        The stars; none if none was found.
    """
    if known is None:
        x, y = _find(image, variance, unusable, fwhm=fwhm)
        stars = _solve(image, variance, unusable, _model(stamps, x, y), fwhm=fwhm)
        # Those that were hidden beside brighter ones.
        more_x, more_y = _find(image - stars.image(image.shape), variance, unusable, fwhm=fwhm)
        x, y = np.concatenate([stars.x, more_x]), np.concatenate([stars.y, more_y])
    else:
        x, y = known.x, known.y
    stars = _solve(image, variance, unusable, _model(stamps, x, y), fwhm=fwhm)
    x, y = _recentre(image - stars.image(image.shape), unusable, stars, fwhm=fwhm)
    return _solve(image, variance, unusable, _model(stamps, x, y), fwhm=fwhm)


def choose_psf_stars(stars: Stars, unusable: np.ndarray, *, fwhm: float) -> np.ndarray:
    """Choose the stars that a PSF can be measured from once their neighbours are gone.

    Parameters
    ----------
    stars
        All stars.
    unusable
        Saturated and bad pixels, shape (H, W).
    fwhm
        FWHM in pixels.

    Returns
    -------
    chosen : `numpy.ndarray`
        Boolean, shape (N,).
    """
    n = len(stars.x)
    if n == 0:
        return np.zeros(0, dtype=bool)
    height, width = unusable.shape
    margin = 3.0 * fwhm
    inside = (stars.x > margin) & (stars.x < width - 1 - margin)
    inside &= (stars.y > margin) & (stars.y < height - 1 - margin)
    touched, _, _ = sep.sum_circle(unusable.astype(np.float32), stars.x, stars.y, 1.5 * fwhm, subpix=1)
    candidate = inside & (touched == 0) & (stars.flux > 0)
    # A neighbour counts by the flux it has and by how near it is.
    pairs = KDTree(np.column_stack([stars.x, stars.y])).query_pairs(4.0 * fwhm, output_type="ndarray")
    pollution = np.zeros(n)
    for one, other in ((pairs[:, 0], pairs[:, 1]), (pairs[:, 1], pairs[:, 0])):
        distance2 = (stars.x[one] - stars.x[other]) ** 2 + (stars.y[one] - stars.y[other]) ** 2
        np.add.at(pollution, one, np.maximum(stars.flux[other], 0.0) * np.exp(-distance2 / (2.0 * fwhm**2)))
    dirt = pollution / np.maximum(_TOLERATED * stars.flux, 1e-30)
    merit = np.where(candidate, stars.flux / (1.0 + dirt**2), 0.0)
    chosen = np.zeros(n, dtype=bool)
    best = np.argsort(-merit)[:_MAX_PSF_STARS]
    chosen[best[merit[best] > 0]] = True
    return chosen


def _find(
    image: np.ndarray, variance: np.ndarray, unusable: np.ndarray, *, fwhm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of all stars, saturated ones too."""
    pixels = np.ascontiguousarray(image, dtype=np.float32)
    # Blended stars would be one object: what is smooth on their scale is taken away first.
    mesh = max(16, round(4.0 * fwhm))
    pixels -= sep.Background(pixels, mask=unusable, bw=mesh, bh=mesh).back(dtype=np.float32)
    noise = np.sqrt(variance).astype(np.float32)
    half = math.ceil(0.8 * fwhm)
    axis = np.arange(-half, half + 1)
    profile = np.exp(-(axis**2) / (2.0 * (0.5 * fwhm / 2.355) ** 2))
    kernel = np.outer(profile, profile).astype(np.float32)
    found = extract(pixels, _THRESHOLD, err=noise, filter_kernel=kernel, minarea=4, deblend_cont=1e-3)
    found = found[np.argsort(-found["cflux"])][:_MAX_STARS]
    height, width = unusable.shape
    return np.clip(found["x"], 0, width - 1), np.clip(found["y"], 0, height - 1)


def _model(stamps: PsfStamps, x: np.ndarray, y: np.ndarray) -> Stars:
    unit, _, _ = stamps.at(x, y)
    return Stars(x, y, np.zeros(len(x)), unit)


def _solve(
    image: np.ndarray, variance: np.ndarray, unusable: np.ndarray, stars: Stars, *, fwhm: float
) -> Stars:
    """Return the stars with the fluxes that fit the image best, none negative."""
    if len(stars.x) == 0:
        return stars
    height, width = image.shape
    rows, columns = (np.broadcast_to(index, stars.unit.shape) for index in stars.rows_and_columns())
    counts = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    # The wings of the faint are below the noise and would only cost time.
    axis = np.arange(stars.unit.shape[-1]) - stars.unit.shape[-1] // 2
    core = np.hypot(axis[:, None], axis[None, :]) < 1.2 * fwhm
    centre = image[np.round(stars.y).astype(int), np.round(stars.x).astype(int)]
    is_faint = centre < np.partition(centre, -min(_N_BRIGHT, len(centre)))[-min(_N_BRIGHT, len(centre))]
    counts &= core | ~is_faint[:, None, None]
    pixel = rows[counts] * width + columns[counts]
    star = np.broadcast_to(np.arange(len(stars.x))[:, None, None], stars.unit.shape)[counts]
    noise = np.sqrt(variance + (_MODEL_ERROR * np.maximum(image, 0.0)) ** 2)
    weight = (np.where(unusable, 0.0, 1.0) / noise).ravel()
    design = scipy.sparse.csr_array(
        (stars.unit[counts] * weight[pixel], (pixel, star)), shape=(image.size, len(stars.x))
    )
    normal = (design.T @ design).tocsc()
    diagonal = normal.diagonal()
    normal += scipy.sparse.diags_array(1e-6 * diagonal + 1e-12 * diagonal.max(), format="csc")
    flux = scipy.sparse.linalg.spsolve(normal, design.T @ (image.ravel() * weight))
    return dataclasses.replace(stars, flux=np.maximum(flux, 0.0))


def _recentre(
    residual: np.ndarray, unusable: np.ndarray, stars: Stars, *, fwhm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return positions that fit better, from a linearised fit of each star to what is left."""
    if len(stars.x) == 0:
        return stars.x, stars.y
    size = stars.unit.shape[-1]
    half = size // 2
    row, column = np.round(stars.y).astype(int), np.round(stars.x).astype(int)
    padded = np.pad(np.where(unusable, 0.0, residual), half)
    good = np.pad(~unusable, half)
    left = sliding_window_view(padded, (size, size))[row, column]
    usable = sliding_window_view(good, (size, size))[row, column]
    axis = np.arange(size) - half
    usable = usable & (np.hypot(axis[:, None], axis[None, :]) < 0.8 * fwhm)
    gradient_y, gradient_x = np.gradient(stars.unit, axis=(1, 2))
    design = np.stack([stars.unit, -gradient_x, -gradient_y], axis=-1).reshape(len(row), -1, 3)
    weighted = design * usable.reshape(len(row), -1, 1)
    normal = np.einsum("nsp,nsq->npq", weighted, design) + 1e-12 * np.eye(3)
    right = np.einsum("nsp,ns->np", weighted, left.reshape(len(row), -1))
    solution = np.linalg.solve(normal, right[..., None])
    flux = np.maximum(stars.flux + solution[:, 0, 0], 1e-30)
    limit = 0.3 * fwhm
    step_x, step_y = (np.clip(solution[:, term, 0] / flux, -limit, limit) for term in (1, 2))
    height, width = residual.shape
    return np.clip(stars.x + step_x, 0, width - 1), np.clip(stars.y + step_y, 0, height - 1)
