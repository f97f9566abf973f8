# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Least-squares fit of a pixel grid, varying over the image, to the images of stars."""

from __future__ import annotations

__all__ = ("PixelPsf", "fit_pixel_psf", "polynomial_basis")

import dataclasses
from math import comb

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .psf_stamps import lanczos_shift
from .psf_stars import StarCandidates

_N_ITERATIONS = 4
_CLIP = 5.0
_MODEL_FLOOR = 0.01  # relative error of the model: keeps bright stars from deciding alone
_TOLERANCES = (0.07, 0.03, 0.0)  # of the peak: the first prediction does not vary over the image
_STARS_PER_TERM = 5
_APERTURE = 1.5  # radii in units of the half-light diameter
_CORE = 0.8
_MAX_SHIFT = 0.3


def polynomial_basis(x: np.ndarray, y: np.ndarray, order: int) -> np.ndarray:
    """Return the terms x^i y^j of total degree up to ``order``.

    Parameters
    ----------
    x
        Columns, shape (N,).
    y
        Rows, shape (N,).
    order
        Degree of the polynomial.

    Returns
    -------
    basis : `numpy.ndarray`
        Terms in order of i, then j, shape (N, P).
    """
    return np.stack([x**i * y**j for i in range(order + 1) for j in range(order + 1 - i)], axis=-1)


@dataclasses.dataclass(frozen=True)
class PixelPsf:
    """A PSF whose every pixel is a polynomial in position.

    Parameters
    ----------
    coefficients
        Coefficient images in scaled coordinates ``(x - centre) / scale``, shape (P, S, S).
    order
        Degree of the polynomial.
    centre
        Column and row of the origin of the scaled coordinates.
    scale
        Pixels per unit of the scaled coordinates.
    x
        Fitted column of each star, shape (N,).
    y
        Fitted row of each star, shape (N,).
    used
        Stars that the model was fitted to, shape (N,).
    """

    coefficients: np.ndarray
    order: int
    centre: tuple[float, float]
    scale: float
    x: np.ndarray
    y: np.ndarray
    used: np.ndarray

    @property
    def n_used(self) -> int:
        """Number of stars that the model was fitted to."""
        return int(self.used.sum())

    def coefficients_at(self, x0: int, y0: int) -> np.ndarray:
        """Expand the polynomial in unscaled parent coordinates.

        Parameters
        ----------
        x0
            Parent column of the first pixel.
        y0
            Parent row of the first pixel.

        Returns
        -------
        q : `numpy.ndarray`
            Coefficients of x^i y^j for every pixel, shape (S², P).
        """
        powers = [(i, j) for i in range(self.order + 1) for j in range(self.order + 1 - i)]
        index = {p: n for n, p in enumerate(powers)}
        cx, cy = self.centre[0] + x0, self.centre[1] + y0
        q = np.zeros((len(powers), self.coefficients[0].size))
        for (i, j), image in zip(powers, self.coefficients, strict=True):
            for k in range(i + 1):
                for m in range(j + 1):
                    factor = comb(i, k) * comb(j, m) * (-cx) ** (i - k) * (-cy) ** (j - m)
                    q[index[k, m]] += factor * self.scale ** -(i + j) * image.ravel()
        return q.T


def fit_pixel_psf(
    pixels: np.ndarray,
    variance: np.ndarray,
    bad: np.ndarray,
    stars: StarCandidates,
    *,
    size: int,
    max_order: int,
) -> PixelPsf:
    """Fit a pixel PSF to stars, together with their fluxes and positions.

    Parameters
    ----------
    pixels
        Sky-subtracted pixels, shape (H, W).
    variance
        Variance of the pixels, shape (H, W).
    bad
        Pixels that must not be used, shape (H, W).
    stars
        Stars to fit to.
    size
        Odd side of the PSF images.
    max_order
        Highest degree of the polynomial in position.

    Returns
    -------
    model : `PixelPsf`
        The model; its images have unit sum at every position.

    Notes
    -----
    Alternates between the images (each star resampled to a common centre, then a
    weighted, clipped polynomial fit in every pixel) and the stars (flux and
    position from a linearised fit of the current model).
    """
    height, width = pixels.shape
    x, y, flux = stars.x.copy(), stars.y.copy(), stars.flux.copy()
    n_terms_allowed = max(1, len(stars) // _STARS_PER_TERM)
    order = max(o for o in range(max_order + 1) if (o + 1) * (o + 2) // 2 <= n_terms_allowed)
    centre, scale = ((width - 1) / 2.0, (height - 1) / 2.0), max(height, width) / 2.0
    column, row = np.round(x).astype(int), np.round(y).astype(int)
    data, good, noise2 = _cut(pixels, variance, bad, column, row, size)
    used = np.ones(len(x), dtype=bool)
    model, coefficients = np.zeros_like(data), np.zeros((0, size, size))
    clean = np.where(good, data, 0.0)
    for _ in range(_N_ITERATIONS):
        basis = polynomial_basis((x - centre[0]) / scale, (y - centre[1]) / scale, order)
        centred = lanczos_shift(clean, column - x, row - y)
        flux = _aperture_flux(centred, coefficients, flux, stars.fwhm)
        normal, error2 = centred / flux[:, None, None], noise2 / flux[:, None, None] ** 2
        coefficients = _fit_images(normal, error2, good & used[:, None, None], basis, fwhm=stars.fwhm)
        unit = lanczos_shift(np.einsum("np,pij->nij", basis, coefficients), x - column, y - row)
        fitted, dx, dy, sky, chi2 = _refine(data, unit, good, noise2, flux, stars.fwhm)
        x, y = x + np.where(used, dx, 0.0), y + np.where(used, dy, 0.0)
        model = unit * fitted[:, None, None] + sky[:, None, None]
        clean = np.where(good & ~_polluted(data, model, noise2, stars.fwhm), data, model)
        used = _accept(chi2, fitted)
    return PixelPsf(coefficients, order, centre, scale, x, y, used)


def _aperture_flux(
    centred: np.ndarray, coefficients: np.ndarray, flux: np.ndarray, fwhm: float
) -> np.ndarray:
    """Return the flux by which each star is normalised.

    The flux in an aperture does not depend on the model of the PSF's variation,
    as a fitted flux would: errors of one would feed the other.
    """
    aperture = _radius(centred.shape[-1]) < _APERTURE * fwhm
    total = np.sum(centred * aperture, axis=(1, 2))
    share = float(np.sum(coefficients[0] * aperture)) if len(coefficients) else 1.0
    return np.where(total > 0, total / share, flux)


def _polluted(data: np.ndarray, model: np.ndarray, noise2: np.ndarray, fwhm: float) -> np.ndarray:
    """Return the pixels outside of the core that belong to something else."""
    limit = _CLIP**2 * (noise2 + (0.05 * model) ** 2)
    return ((data - model) ** 2 > limit) & (_radius(data.shape[-1]) > _CORE * fwhm)


def _radius(size: int) -> np.ndarray:
    """Return the distance of each pixel from the central one."""
    axis = np.arange(size) - size // 2
    return np.hypot(axis[:, None], axis[None, :])


def _cut(
    pixels: np.ndarray, variance: np.ndarray, bad: np.ndarray, column: np.ndarray, row: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return stamps of the pixels, of the good pixels, and of the variance."""
    half = size // 2
    rows, columns = row, column
    stamps = [
        sliding_window_view(np.pad(plane, half, constant_values=fill), (size, size))[rows, columns].astype(
            float
        )
        for plane, fill in ((pixels, 0.0), (bad, True), (np.where(bad, 1.0, variance), 1.0))
    ]
    return stamps[0], stamps[1] == 0.0, stamps[2]


def _fit_images(
    normal: np.ndarray, error2: np.ndarray, good: np.ndarray, basis: np.ndarray, *, fwhm: float
) -> np.ndarray:
    """Fit a polynomial in every pixel, with clipping, and tame the wings."""
    n, size, _ = normal.shape
    terms = basis.shape[1]
    peak = np.median(normal[:, size // 2, size // 2])
    error2 = error2 + (_MODEL_FLOOR * peak) ** 2
    flat, weight = normal.reshape(n, -1), (good / error2).reshape(n, -1)
    prediction = np.broadcast_to(np.median(flat, axis=0), flat.shape)
    solution = np.zeros((size * size, terms))
    for tolerance in _TOLERANCES:
        limit = _CLIP**2 * (error2.reshape(n, -1) + (tolerance * peak) ** 2)
        outlier = (flat - prediction) ** 2 > limit
        w = np.where(outlier, 0.0, weight)
        normal_matrix = np.einsum("ns,np,nq->spq", w, basis, basis)
        ridge = 1e-6 * np.trace(normal_matrix, axis1=1, axis2=2) + 1e-12
        normal_matrix += ridge[:, None, None] * np.eye(terms)
        solution = np.linalg.solve(normal_matrix, np.einsum("ns,np->sp", w * flat, basis)[..., None])[..., 0]
        prediction = basis @ solution.T
    coefficients = solution.T.reshape(terms, size, size)
    return _tame(coefficients, fwhm)


def _tame(coefficients: np.ndarray, fwhm: float) -> np.ndarray:
    """Replace the noisy outskirts by their radial mean, and normalise."""
    size = coefficients.shape[-1]
    radius = _radius(size)
    mean = coefficients[0]
    bins = np.round(radius).astype(int)
    counts = np.bincount(bins.ravel())
    profile = np.bincount(bins.ravel(), weights=mean.ravel()) / counts
    profile = np.minimum.accumulate(np.maximum(profile, 0.0))
    smooth = np.interp(radius, np.arange(len(profile)), profile)
    inner = np.clip((2.6 * fwhm - radius) / (0.6 * fwhm), 0.0, 1.0)
    varying = np.clip((1.8 * fwhm - radius) / (0.6 * fwhm), 0.0, 1.0)
    out = coefficients * varying
    out[0] = mean * inner + smooth * (1.0 - inner)
    out[0] /= out[0].sum()
    # Terms that vary must not change the sum.
    out[1:] -= out[1:].sum(axis=(1, 2), keepdims=True) * varying / varying.sum()
    return out


def _refine(
    data: np.ndarray, unit: np.ndarray, good: np.ndarray, noise2: np.ndarray, flux: np.ndarray, fwhm: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Fit flux, shift and a constant sky of each star to the current model."""
    n, size, _ = data.shape
    radius = _radius(size)
    inside = radius < 2.0 * fwhm
    # Without its core a star has no flux: only what lies outside (neighbours) may be clipped.
    outskirts = (radius > _CORE * fwhm).ravel()
    gy, gx = np.gradient(unit, axis=(1, 2))
    design = np.stack(
        [unit, -gx * flux[:, None, None], -gy * flux[:, None, None], np.ones_like(unit)], axis=-1
    )
    design = design.reshape(n, -1, 4)
    variance = noise2 + (0.05 * unit * flux[:, None, None]) ** 2
    weight = (good & inside) / variance
    values = data.reshape(n, -1)
    w = weight.reshape(n, -1)
    for _ in range(2):
        matrix = np.einsum("ns,nsp,nsq->npq", w, design, design)
        diagonal = np.einsum("npp->np", matrix)
        matrix = matrix + 1e-9 * diagonal[:, :, None] * np.eye(4) + 1e-30 * np.eye(4)
        solution = np.linalg.solve(matrix, np.einsum("ns,nsp->np", w * values, design)[..., None])[..., 0]
        residual2 = (values - np.einsum("nsp,np->ns", design, solution)) ** 2 / variance.reshape(n, -1)
        w = np.where((residual2 > _CLIP**2) & outskirts, 0.0, weight.reshape(n, -1))
    n_pixels = np.maximum((weight > 0).sum(axis=(1, 2)), 1)
    chi2 = np.where(weight.reshape(n, -1) > 0, residual2, 0.0).sum(axis=1) / n_pixels
    new_flux = np.where(solution[:, 0] > 0, solution[:, 0], flux)
    shift = np.clip(solution[:, 1:3], -_MAX_SHIFT, _MAX_SHIFT)
    return new_flux, shift[:, 0], shift[:, 1], solution[:, 3], chi2


def _accept(chi2: np.ndarray, flux: np.ndarray) -> np.ndarray:
    """Leave out stars that the model fits far worse than it fits the others."""
    middle = np.median(chi2)
    spread = 1.4826 * np.median(np.abs(chi2 - middle)) + 0.1 * middle
    return (chi2 < middle + 5.0 * spread) & (flux > 0)
