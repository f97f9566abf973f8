# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Robust combination of resampled visit images into a template."""

from __future__ import annotations

__all__ = ("Stack", "combine", "select_visits")

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from .difference_sky import cell_sky

_SMOOTHING = 5
_NOISE_SIGMA = 4.0
_WORTHWHILE = 0.02  # fraction of the pixels that an additional visit must fill


@dataclasses.dataclass(frozen=True)
class Stack:
    """The combined image.

    Parameters
    ----------
    image
        Weighted mean, zero where there are no data, float32, shape (H, W).
    variance
        Its variance, float32, shape (H, W).
    n_visits
        Number of visits in each pixel, shape (H, W).
    n_clipped
        Number of visits left out of each pixel as outliers, shape (H, W).
    weights
        Weight of each visit.
    """

    image: np.ndarray
    variance: np.ndarray
    n_visits: np.ndarray
    n_clipped: np.ndarray
    weights: tuple[float, ...]


def select_visits(
    fwhm: Sequence[float],
    coverage: Sequence[np.ndarray],
    *,
    max_visits: int,
    min_visits: int,
    is_preferred: Sequence[bool] | None = None,
) -> list[int]:
    """Choose the visits of best seeing, and more where they leave holes.

    Parameters
    ----------
    fwhm
        Seeing of each visit.
    coverage
        Pixels that each visit covers, on any one grid.
    max_visits
        Number of visits to choose by seeing alone.
    min_visits
        Number of visits that each pixel should have, if enough visits cover it.
    is_preferred
        Visits to which the others are added only where they leave holes; all by default, and
        where fewer than ``min_visits`` are.

    Returns
    -------
    chosen : `list` [`int`]
        Indices of the chosen visits, preferred ones first, then by seeing.
    """
    preferred = np.ones(len(fwhm), dtype=bool) if is_preferred is None else np.asarray(is_preferred)
    if np.count_nonzero(preferred) < min_visits:
        preferred = np.ones(len(fwhm), dtype=bool)
    order = [int(i) for i in np.lexsort((np.asarray(fwhm), ~preferred))]
    max_visits = min(max_visits, int(np.count_nonzero(preferred)))
    chosen = order[:max_visits]
    depth = np.sum([coverage[i] for i in chosen], axis=0) if chosen else np.zeros(0)
    for index in order[max_visits:]:
        if np.mean(coverage[index] & (depth < min_visits)) > _WORTHWHILE:
            chosen.append(index)
            depth = depth + coverage[index]
    return chosen


def combine(
    images: np.ndarray,
    variances: np.ndarray,
    good: np.ndarray,
    *,
    clip: float,
    seeing_tolerance: float,
    sky_size: int,
    protect: np.ndarray,
) -> Stack:
    """Average visits, leaving out what only one of them saw.

    Parameters
    ----------
    images
        Resampled images on one flux scale, shape (N, H, W).
    variances
        Their variances, shape (N, H, W).
    good
        Usable pixels, shape (N, H, W).
    clip
        Number of standard deviations from the median beyond which a pixel is
        left out; needs at least three visits in the pixel.
    seeing_tolerance
        Fraction of the local brightness by which visits may differ because of
        their seeing, without being left out.
    sky_size
        Side of the cells in which the sky of each visit is matched to that of
        the median, in pixels.
    protect
        Pixels in which nothing is left out, shape (H, W).

    Returns
    -------
    stack : `Stack`
        The combined image.  Every visit has one weight, so that the PSF is the
        same mixture everywhere.

    Notes
    -----
    Deviations are looked for in single pixels (cosmic rays) and in smoothed
    images (trails that no single pixel shows).
    """
    images = np.where(good, images, 0.0)
    images = _match_sky(images, variances, good, _masked_median(images, good), sky_size)
    median = _masked_median(images, good)
    tolerance2 = (seeing_tolerance * _brightness(median, variances, good)) ** 2
    clippable = good & (good.sum(axis=0) >= 3) & ~protect
    outlier = np.zeros(good.shape, dtype=bool)
    for i in range(len(images)):
        residual = np.where(good[i], images[i] - median, 0.0)
        smooth = ndimage.uniform_filter(residual, _SMOOTHING)
        error2 = variances[i] + tolerance2
        single = residual**2 > clip**2 * error2
        trail = smooth**2 > clip**2 * (variances[i] / _SMOOTHING**2 + tolerance2)
        outlier[i] = clippable[i] & (single | ndimage.binary_dilation(trail, iterations=_SMOOTHING // 2))
    kept = good & ~outlier
    weight = [1.0 / np.median(v[g]) if g.any() else 0.0 for v, g in zip(variances, good, strict=True)]
    w = np.where(kept, np.array(weight, dtype=np.float32)[:, None, None], np.float32(0.0))
    total = w.sum(axis=0)
    safe = np.where(total > 0, total, 1.0)
    mean = (w * images).sum(axis=0) / safe
    variance = (w**2 * np.where(kept, variances, 0.0)).sum(axis=0) / safe**2
    fill = float(np.median(variance[total > 0])) if (total > 0).any() else 1.0
    return Stack(
        mean.astype(np.float32),
        np.where(total > 0, variance, fill).astype(np.float32),
        kept.sum(axis=0),
        outlier.sum(axis=0),
        tuple(float(value) for value in weight),
    )


def _brightness(median: np.ndarray, variances: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Return the local brightness of the sky's sources, zero where there is only noise."""
    noise = np.sqrt(np.median(variances[good]) / len(variances)) if good.any() else 0.0
    smooth = np.abs(ndimage.uniform_filter(median, 3)) - _NOISE_SIGMA * 1.25 * noise / 3.0
    return np.asarray(ndimage.maximum_filter(np.maximum(smooth, 0.0), size=5))


def _match_sky(
    images: np.ndarray, variances: np.ndarray, good: np.ndarray, median: np.ndarray, size: int
) -> np.ndarray:
    """Subtract from each visit the smooth part of its difference from the median."""
    matched = np.empty_like(images)
    for i, image in enumerate(images):
        matched[i] = image
        if good[i].any():
            residual = np.where(good[i], image - median, 0.0)
            matched[i] = np.where(good[i], image - cell_sky(residual, variances[i], ~good[i], size), 0.0)
    return matched


def _masked_median(images: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Return the median over visits of the good pixels; zero where there are none."""
    n = good.sum(axis=0)
    ordered = np.sort(np.where(good, images, np.inf), axis=0)
    low = np.take_along_axis(ordered, np.maximum((n - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(n // 2, len(images) - 1)[None], axis=0)[0]
    return np.where(n > 0, 0.5 * (np.where(n > 0, low, 0.0) + np.where(n > 0, high, 0.0)), 0.0)
