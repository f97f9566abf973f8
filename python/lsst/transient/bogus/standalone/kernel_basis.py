# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions of which a PSF-matching kernel is composed."""

from __future__ import annotations

__all__ = ("polar_basis", "radial_knots")

import numpy as np

_RADII = (0.0, 1.0, 2.0, 3.0, 4.5, 6.5, 9.0, 12.0, 16.0, 21.0, 27.0)


def radial_knots(fwhm: float, half_width: int) -> np.ndarray:
    """Return the radii of the maxima of the radial functions.

    Parameters
    ----------
    fwhm
        Smaller of the two FWHMs, in pixels: no detail of the kernel below a
        quarter of it can be seen.
    half_width
        Half width of the kernel in pixels.

    Returns
    -------
    knots : `numpy.ndarray`
        Ascending radii from zero, below ``half_width``; spacing grows outwards.
    """
    radii = max(1.0, 0.25 * fwhm) * np.array(_RADII)
    return radii[radii < half_width]


def polar_basis(knots: np.ndarray, half_width: int, *, max_harmonic: int) -> np.ndarray:
    """Return triangular radial functions times circular harmonics.

    Parameters
    ----------
    knots
        Radii of the maxima, the first of them zero, shape (R,).
    half_width
        Half width of the images; every function vanishes beyond.
    max_harmonic
        Highest angular order; lower near the centre, where pixels resolve less.

    Returns
    -------
    basis : `numpy.ndarray`
        Images, shape (M, 2 half_width + 1, 2 half_width + 1).  The first has
        unit sum, all others have zero sum: the first coefficient is the
        photometric ratio.
    """
    axis = np.arange(-half_width, half_width + 1, dtype=float)
    radius = np.hypot(axis[:, None], axis[None, :])
    angle = np.arctan2(axis[:, None], axis[None, :])
    edges = np.concatenate([knots, [float(half_width) + 1.0]])
    functions = []
    for i, knot in enumerate(knots):
        inner = (radius - edges[i - 1]) / (knot - edges[i - 1]) if i > 0 else np.where(radius > 0, 1.0, 1.0)
        outer = (edges[i + 1] - radius) / (edges[i + 1] - knot)
        hat = np.clip(np.minimum(inner, outer), 0.0, None)
        functions.append(hat)
        for m in range(1, min(max_harmonic, 2 * i) + 1):
            functions += [hat * np.cos(m * angle), hat * np.sin(m * angle)]
    basis = np.array(functions)
    basis[0] /= basis[0].sum()
    basis[1:] /= np.sqrt((basis[1:] ** 2).sum(axis=(1, 2), keepdims=True))
    basis[1:] -= basis[1:].sum(axis=(1, 2), keepdims=True) * basis[0]
    return basis
