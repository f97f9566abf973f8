# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selection of the stars from which a point-spread function can be measured."""

from __future__ import annotations

__all__ = ("StarCandidates", "find_stars", "stellar_locus")

import dataclasses

import numpy as np
import sep
from scipy.spatial import KDTree

from .segmentation import extract

_RADIUS_TO_FWHM = 2.0
_CROWDING_FLUX_RATIO = 0.05
_MIN_LOCUS_WIDTH = 0.03
_MAX_LOCUS_WIDTH = 0.12
_PARTLY_BLENDED = sep.OBJ_MERGED | sep.OBJ_TRUNC


@dataclasses.dataclass(frozen=True)
class StarCandidates:
    """Stars that look usable, brightest first.

    Parameters
    ----------
    x
        Column relative to the array's first pixel, shape (N,).
    y
        Row relative to the array's first pixel, shape (N,).
    flux
        Aperture flux, shape (N,).
    fwhm
        Median FWHM in pixels; NaN if there is no star.
    """

    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    fwhm: float

    def __len__(self) -> int:
        return len(self.x)


def find_stars(
    pixels: np.ndarray,
    variance: np.ndarray,
    bad: np.ndarray,
    *,
    min_snr: float,
    max_stars: int,
    min_stars: int,
) -> StarCandidates:
    """Find isolated, unsaturated point sources.

    Parameters
    ----------
    pixels
        Sky-subtracted pixels, float32, C-contiguous, shape (H, W).
    variance
        Variance of the pixels, shape (H, W).
    bad
        Pixels that must not be used, shape (H, W).
    min_snr
        Lowest signal-to-noise of a star.
    max_stars
        Most stars to return.
    min_stars
        If fewer stars than this are isolated, those least affected by
        neighbours are returned as well.

    Returns
    -------
    stars : `StarCandidates`
        The stars.
    """
    noise = np.sqrt(np.where(bad, 1.0, variance)).astype(np.float32)
    found = extract(pixels, 5.0, err=noise, mask=bad, minarea=5, deblend_cont=0.005)
    bright = found[found["cflux"] > 0]
    if len(bright) == 0:
        return StarCandidates(np.zeros(0), np.zeros(0), np.zeros(0), float("nan"))
    seeing = float(np.percentile(_RADIUS_TO_FWHM * np.sqrt(np.maximum(bright["npix"], 5) / np.pi), 30))
    aperture = float(np.clip(1.5 * seeing, 3.0, 12.0))
    x, y = bright["x"], bright["y"]
    flux, flux_error, _ = sep.sum_circle(pixels, x, y, aperture, err=noise, mask=bad)
    radius, radius_flag = sep.flux_radius(
        pixels, x, y, np.full(len(x), 2 * aperture), 0.5, normflux=flux, mask=bad
    )
    reach = 2.0 * seeing
    inside = (x > reach) & (y > reach) & (x < pixels.shape[1] - 1 - reach) & (y < pixels.shape[0] - 1 - reach)
    clean = ~_touches(bad, x, y, max(2.0, seeing))
    usable = inside & clean & (radius_flag == 0) & (radius > 0.5) & (flux > min_snr * flux_error)
    usable &= (bright["flag"] & sep.OBJ_TRUNC) == 0
    pollution = _pollution(x, y, flux, reach)
    isolated = usable & (pollution < _CROWDING_FLUX_RATIO)
    if isolated.sum() < 2 * min_stars and usable.any():
        order = np.argsort(np.where(usable, pollution, np.inf))[: min(usable.sum(), 4 * min_stars)]
        isolated = np.zeros(len(x), dtype=bool)
        isolated[order] = True
    members = np.flatnonzero(isolated)
    members = members[stellar_locus(radius[members], flux[members] / flux_error[members])]
    members = members[np.argsort(-flux[members])][:max_stars]
    if len(members) == 0:
        return StarCandidates(np.zeros(0), np.zeros(0), np.zeros(0), float("nan"))
    fwhm = float(_RADIUS_TO_FWHM * np.median(radius[members]))
    xw, yw, failed = sep.winpos(pixels, x[members], y[members], 0.425 * fwhm, mask=bad)
    xw, yw = np.where(failed == 0, xw, x[members]), np.where(failed == 0, yw, y[members])
    return StarCandidates(xw, yw, flux[members], fwhm)


def stellar_locus(radius: np.ndarray, snr: np.ndarray) -> np.ndarray:
    """Select the objects of the size that point sources share.

    Parameters
    ----------
    radius
        Half-light radius of each object, shape (N,).
    snr
        Signal-to-noise of each object, shape (N,).

    Returns
    -------
    member : `numpy.ndarray`
        Whether an object has the size of a point source, shape (N,).

    Notes
    -----
    Point sources share one size and galaxies do not, so the densest interval of
    log size is the stellar one.  Small intervals are preferred by looking at the
    smaller two thirds of the objects only.
    """
    if len(radius) < 3:
        return np.ones(len(radius), dtype=bool)
    log_size = np.log(radius)
    order = np.argsort(log_size)
    weight = np.minimum(snr, 200.0)[order]
    kernel = np.exp(-0.5 * ((log_size[order][:, None] - log_size[order][None, :]) / 0.04) ** 2)
    density = kernel @ weight
    centre = log_size[order][np.argmax(density[: max(3, (2 * len(order)) // 3)])]
    near = np.abs(log_size - centre) < _MAX_LOCUS_WIDTH
    spread = 1.4826 * np.median(np.abs(log_size[near] - np.median(log_size[near])))
    width = np.clip(3.0 * spread, 2 * _MIN_LOCUS_WIDTH, _MAX_LOCUS_WIDTH)
    return np.abs(log_size - np.median(log_size[near])) < width


def _touches(bad: np.ndarray, x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    """Return whether a bad pixel lies within a radius of each position."""
    count, _, _ = sep.sum_circle(bad.astype(np.float32), x, y, radius, subpix=1)
    return count > 0


def _pollution(x: np.ndarray, y: np.ndarray, flux: np.ndarray, reach: float) -> np.ndarray:
    """Return the flux of neighbours within reach over each object's own flux."""
    tree = KDTree(np.column_stack([x, y]))
    pairs = tree.query_pairs(reach, output_type="ndarray")
    total = np.zeros(len(x))
    np.add.at(total, pairs[:, 0], np.maximum(flux[pairs[:, 1]], 0.0))
    np.add.at(total, pairs[:, 1], np.maximum(flux[pairs[:, 0]], 0.0))
    return np.where(flux > 0, total / np.maximum(flux, 1e-30), np.inf)
