# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Least-squares fit of the kernel that turns a template into a science image."""

from __future__ import annotations

__all__ = ("MatchingKernel", "StampPairs", "fit_kernel")

import dataclasses

import numpy as np
from scipy import fft

from .psf_fit import polynomial_basis

_PIXEL_CLIP = 6.0
_STAMP_CLIP = 4.0
_N_ITERATIONS = 4
_RIDGE = 1e-7
_STAMPS_PER_TERM = 4


@dataclasses.dataclass(frozen=True)
class StampPairs:
    """Places at which both images are compared.

    Parameters
    ----------
    template
        Template stamps, larger than the science stamps by the kernel's half
        width on each side, shape (N, S + 2 k, S + 2 k).
    science
        Science stamps, shape (N, S, S).
    weight
        Inverse variance of the difference, zero for unusable pixels, shape (N, S, S).
    model_error
        Squared relative error of the model: brighter pixels weigh less by it.
    x
        Column of each stamp's centre, relative to the science image, shape (N,).
    y
        Row of each stamp's centre, shape (N,).
    """

    template: np.ndarray
    science: np.ndarray
    weight: np.ndarray
    model_error: float
    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


@dataclasses.dataclass(frozen=True)
class MatchingKernel:
    """A convolution kernel that varies as a polynomial over the science image.

    Parameters
    ----------
    images
        Kernel image of each polynomial term, shape (P, 2 k + 1, 2 k + 1).
    order
        Degree of the polynomial.
    centre
        Column and row at which the scaled coordinates are zero.
    scale
        Pixels per unit of the scaled coordinates.
    used
        Stamps that the kernel was fitted to, shape (N,).
    chi2
        Reduced chi-squared of the used stamps.
    """

    images: np.ndarray
    order: int
    centre: tuple[float, float]
    scale: float
    used: np.ndarray
    chi2: float

    @property
    def ratio(self) -> float:
        """Sum of the kernel: science flux over template flux."""
        return float(self.images[0].sum())

    @property
    def half_width(self) -> int:
        """Half width of the kernel in pixels."""
        return int(self.images.shape[-1] // 2)

    def at(self, x: float, y: float) -> np.ndarray:
        """Return the kernel at a position.

        Parameters
        ----------
        x
            Column relative to the science image.
        y
            Row relative to the science image.

        Returns
        -------
        image : `numpy.ndarray`
            Kernel, shape (2 k + 1, 2 k + 1).
        """
        terms = self._terms(np.array([x]), np.array([y]))[0]
        return np.tensordot(terms, self.images, axes=1)

    def convolve(self, template: np.ndarray, margin: int) -> np.ndarray:
        """Convolve a template that is larger than the science image.

        Parameters
        ----------
        template
            Finite pixels, shape (H + 2 margin, W + 2 margin).
        margin
            Pixels by which the template extends beyond the science image.

        Returns
        -------
        matched : `numpy.ndarray`
            Convolved template on the science grid, shape (H, W).
        """
        height, width = template.shape[0] - 2 * margin, template.shape[1] - 2 * margin
        k = self.half_width
        shape = [fft.next_fast_len(n + 2 * k, real=True) for n in template.shape]
        transformed = fft.rfft2(template, shape)
        y, x = np.arange(height, dtype=float), np.arange(width, dtype=float)
        u, v = (x - self.centre[0]) / self.scale, (y - self.centre[1]) / self.scale
        powers = [(i, j) for i in range(self.order + 1) for j in range(self.order + 1 - i)]
        matched = np.zeros((height, width))
        window = (slice(margin + k, margin + k + height), slice(margin + k, margin + k + width))
        for (i, j), image in zip(powers, self.images, strict=True):
            plane = fft.irfft2(transformed * fft.rfft2(image, shape), shape)[window]
            matched += plane * (u**i)[None, :] * (v**j)[:, None]
        return matched

    def _terms(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return polynomial_basis(
            (x - self.centre[0]) / self.scale, (y - self.centre[1]) / self.scale, self.order
        )


def fit_kernel(
    pairs: StampPairs, basis: np.ndarray, *, shape: tuple[int, int], max_order: int
) -> MatchingKernel:
    """Fit a kernel to stamps, leaving out those that changed.

    Parameters
    ----------
    pairs
        Places at which the images are compared.
    basis
        Functions that compose the kernel; the first has unit sum and the others
        zero sum, shape (M, 2 k + 1, 2 k + 1).
    shape
        Shape (H, W) of the science image.
    max_order
        Highest degree of the kernel's variation; lower if there are few stamps.

    Returns
    -------
    kernel : `MatchingKernel`
        The kernel; its sum is the same everywhere.

    Notes
    -----
    Minimises Σ w (S − Σ c_pm P_p(x, y) (T ⊗ φ_m) − b_s)² over the coefficients
    and a constant sky b_s per stamp (Alard & Lupton 1998, ApJ 503, 325; Alard
    2000, A&AS 144, 363, for the constant sum).  The polynomials are taken at
    the centre of each stamp, which makes the normal matrix a sum of products of
    small matrices.
    """
    n_allowed = max(1, len(pairs) // _STAMPS_PER_TERM)
    order = max(o for o in range(max_order + 1) if (o + 1) * (o + 2) // 2 <= n_allowed)
    centre, scale = ((shape[1] - 1) / 2.0, (shape[0] - 1) / 2.0), max(shape) / 2.0
    terms = polynomial_basis((pairs.x - centre[0]) / scale, (pairs.y - centre[1]) / scale, order)
    convolved = _convolve_stamps(pairs, basis)
    n, m = len(pairs), len(basis)
    science = pairs.science.reshape(n, -1)
    weight = pairs.weight.reshape(n, -1).copy()
    positive = weight > 0
    variance = np.where(positive, 1.0 / np.where(positive, weight, 1.0), np.inf)
    variance += pairs.model_error * np.maximum(science, 0.0) ** 2
    weight = np.where(positive, 1.0 / variance, 0.0)
    used = positive.mean(axis=1) > 0.3
    keep = np.ones((terms.shape[1], m), dtype=bool)
    keep[1:, 0] = False
    coefficients = np.zeros((terms.shape[1], m))
    chi2 = np.zeros(n)
    for _ in range(_N_ITERATIONS):
        centred, target = _remove_sky(convolved, science, weight)
        gram = np.einsum("nsm,nsk->nmk", centred * weight[:, :, None], centred, optimize=True)
        moment = np.einsum("nsm,ns->nm", centred, weight * target, optimize=True)
        coefficients = _solve(gram[used], moment[used], terms[used], keep)
        model = np.einsum("nsm,nm->ns", centred, terms @ coefficients, optimize=True)
        residual2 = (target - model) ** 2 * weight
        n_pixels = np.maximum((weight > 0).sum(axis=1), 1)
        chi2 = residual2.sum(axis=1) / n_pixels
        new_used = _accept(chi2, used, positive.mean(axis=1) > 0.3)
        clipped = residual2 > _PIXEL_CLIP**2 * np.maximum(np.median(chi2[new_used]), 1.0)
        weight = np.where(clipped, 0.0, weight)
        if np.array_equal(new_used, used) and not clipped.any():
            break
        used = new_used
    images = np.tensordot(coefficients, basis, axes=1)
    return MatchingKernel(images, order, centre, scale, used, float(np.median(chi2[used])))


def _convolve_stamps(pairs: StampPairs, basis: np.ndarray) -> np.ndarray:
    """Convolve every template stamp with every basis function, shape (N, S², M)."""
    n, large, _ = pairs.template.shape
    size = pairs.science.shape[-1]
    k = basis.shape[-1] // 2
    length = fft.next_fast_len(large + k, real=True)
    window = slice(2 * k, 2 * k + size)
    functions = fft.rfft2(basis, (length, length))
    convolved = np.empty((n, size * size, len(basis)))
    for i, stamp in enumerate(fft.rfft2(pairs.template, (length, length))):
        planes = fft.irfft2(stamp * functions, (length, length))[:, window, window]
        convolved[i] = planes.reshape(len(basis), -1).T
    return convolved


def _remove_sky(
    convolved: np.ndarray, science: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Subtract weighted means, which is to fit a constant sky in every stamp."""
    total = np.maximum(weight.sum(axis=1), 1e-30)
    mean = np.einsum("ns,nsm->nm", weight, convolved) / total[:, None]
    return convolved - mean[:, None, :], science - ((weight * science).sum(axis=1) / total)[:, None]


def _solve(gram: np.ndarray, moment: np.ndarray, terms: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Solve the normal equations for the coefficients that are kept, shape (P, M)."""
    p, m = keep.shape
    matrix = np.einsum("np,nq,nmk->pmqk", terms, terms, gram, optimize=True).reshape(p * m, p * m)
    vector = np.einsum("np,nm->pm", terms, moment).reshape(p * m)
    index = np.flatnonzero(keep.ravel())
    matrix = matrix[np.ix_(index, index)]
    # Scaling to a unit diagonal makes the ridge independent of flux.
    norm = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    matrix = matrix / norm[:, None] / norm[None, :] + _RIDGE * np.eye(len(index))
    solution = np.zeros(p * m)
    solution[index] = np.linalg.solve(matrix, vector[index] / norm) / norm
    return solution.reshape(p, m)


def _accept(chi2: np.ndarray, used: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Leave out stamps whose residuals are far worse than those of the others."""
    middle = np.median(chi2[used])
    spread = 1.4826 * np.median(np.abs(chi2[used] - middle)) + 0.1 * middle
    accepted = usable & (chi2 < middle + _STAMP_CLIP * spread)
    return accepted if accepted.sum() >= max(3, used.sum() // 3) else used
