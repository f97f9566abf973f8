# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detection of positive and negative sources on a difference image, on arrays."""

from __future__ import annotations

__all__ = ("Peaks", "SignificanceMap", "find_peaks", "merge_lobes", "significance_map")

import dataclasses

import numpy as np
from scipy import fft
from scipy.spatial import KDTree

from .image_arrays import ImageArrays
from .segmentation import extract


@dataclasses.dataclass(frozen=True)
class SignificanceMap:
    """The PSF-matched difference in units of its standard deviation.

    Parameters
    ----------
    snr
        Significance of a point source centred on each pixel, signed, zero
        where there are no data, float32, shape (H, W).
    scale
        Factor by which the variance plane was multiplied to make the robust
        rms of the map unity.
    rms
        Robust rms of the map before that.
    """

    snr: np.ndarray
    scale: float
    rms: float


@dataclasses.dataclass(frozen=True)
class Peaks:
    """Detections of both signs.

    Parameters
    ----------
    x
        Column relative to the array, shape (N,).
    y
        Row relative to the array, shape (N,).
    snr
        Signed significance of the peak pixel, shape (N,).
    segments
        Segmentation map, labels 1 to N, 0 for sky, shape (H, W).
    centroid_failed
        The peak is not a maximum that a parabola can be put through, shape (N,).
    partner
        Index of the opposite lobe of a pair, -1 if none, shape (N,).
    """

    x: np.ndarray
    y: np.ndarray
    snr: np.ndarray
    segments: np.ndarray
    centroid_failed: np.ndarray
    partner: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


def significance_map(arrays: ImageArrays, kernel: np.ndarray, *, rescale: bool) -> SignificanceMap:
    """Filter a difference image with its PSF.

    Parameters
    ----------
    arrays
        Difference image.
    kernel
        Centred PSF, shape (S, S).
    rescale
        Whether to multiply the variance so that the map's robust rms is unity:
        the template's noise is correlated between pixels, which a variance
        plane cannot say.

    Returns
    -------
    significance : `SignificanceMap`
        The map.
    """
    good = ~arrays.bad
    signal = _correlate(arrays.image.astype(float), kernel)
    noise2 = _correlate(np.where(good, arrays.variance, 0.0).astype(float), kernel**2)
    floor = 1e-3 * float(np.median(arrays.variance)) * float(np.sum(kernel**2))
    covered = good & (noise2 > floor)
    snr = np.where(covered, signal / np.sqrt(np.maximum(noise2, floor)), 0.0)
    values = snr[covered]
    if len(values) == 0:
        return SignificanceMap(np.zeros(snr.shape, dtype=np.float32), 1.0, 0.0)
    rms = float(1.4826 * np.median(np.abs(values - np.median(values))))
    scale = rms**2 if rescale and rms > 0 else 1.0
    return SignificanceMap((snr / np.sqrt(scale)).astype(np.float32), scale, rms)


def find_peaks(snr: np.ndarray, *, threshold: float, min_area: int, deblend_contrast: float) -> Peaks:
    """Find connected regions above and below the threshold.

    Parameters
    ----------
    snr
        Significance, float32, C-contiguous, shape (H, W).
    threshold
        Significance of the faintest detection.
    min_area
        Fewest connected pixels of a detection.
    deblend_contrast
        Least fraction of the signal of a blend that becomes a detection of its own.

    Returns
    -------
    peaks : `Peaks`
        Detections in descending order of absolute significance.
    """
    columns, rows, values = [], [], []
    segments = np.zeros(snr.shape, dtype=np.int64)
    n = 0
    for sign in (1.0, -1.0):
        found, own = extract(
            np.ascontiguousarray(sign * snr),
            threshold,
            minarea=min_area,
            filter_kernel=None,
            deblend_cont=deblend_contrast,
            clean=False,
            segmentation_map=True,
        )
        segments = np.where(own > 0, own + n, segments)
        n += len(found)
        columns.append(found["xpeak"])
        rows.append(found["ypeak"])
        values.append(sign * found["peak"])
    column, row = np.concatenate(columns).astype(np.int64), np.concatenate(rows).astype(np.int64)
    significance = np.concatenate(values)
    order = np.argsort(-np.abs(significance), kind="stable")
    label = np.zeros(n + 1, dtype=np.int64)
    label[order + 1] = np.arange(1, n + 1)
    column, row, significance = column[order], row[order], significance[order]
    dx, dy, failed = _parabola(snr, column, row)
    nobody = np.full(n, -1, dtype=np.int64)
    return Peaks(column + dx, row + dy, significance, label[segments], failed, nobody)


def merge_lobes(peaks: Peaks, *, radius: float) -> Peaks:
    """Join positive and negative detections that are each other's nearest.

    Parameters
    ----------
    peaks
        Detections of both signs.
    radius
        Largest distance of the lobes, in pixels.

    Returns
    -------
    merged : `Peaks`
        The stronger lobe of each pair and all single detections; ``partner``
        holds the significance-ordered index that the weaker lobe had.
    """
    positive, negative = np.flatnonzero(peaks.snr > 0), np.flatnonzero(peaks.snr < 0)
    if len(positive) == 0 or len(negative) == 0:
        return peaks
    position = np.column_stack([peaks.x, peaks.y])
    distance, to_negative = KDTree(position[negative]).query(position[positive])
    _, to_positive = KDTree(position[positive]).query(position[negative])
    mutual = (to_positive[to_negative] == np.arange(len(positive))) & (distance < radius)
    first, second = positive[mutual], negative[to_negative[mutual]]
    # Detections are in descending order of significance.
    keep, drop = np.minimum(first, second), np.maximum(first, second)
    partner = peaks.partner.copy()
    partner[keep] = drop
    kept = np.ones(len(peaks), dtype=bool)
    kept[drop] = False
    label = np.zeros(len(peaks) + 1, dtype=np.int64)
    label[1:][kept] = np.arange(1, kept.sum() + 1)
    label[1:][drop] = label[1:][keep]
    return Peaks(
        peaks.x[kept],
        peaks.y[kept],
        peaks.snr[kept],
        label[peaks.segments],
        peaks.centroid_failed[kept],
        partner[kept],
    )


def _parabola(
    snr: np.ndarray, column: np.ndarray, row: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the offset of the maximum of a parabola through each peak pixel and its neighbours."""
    height, width = snr.shape
    inside = (column > 0) & (row > 0) & (column < width - 1) & (row < height - 1)
    i, j = np.clip(column, 1, width - 2), np.clip(row, 1, height - 2)
    centre = snr[j, i].astype(float)
    offsets, failed = [], ~inside
    for low, high in ((snr[j, i - 1], snr[j, i + 1]), (snr[j - 1, i], snr[j + 1, i])):
        curvature = 2.0 * centre - low - high
        usable = np.sign(centre) * curvature > 0
        offset = np.where(usable, 0.5 * (high - low) / np.where(usable, curvature, 1.0), 0.0)
        failed = failed | ~usable | (np.abs(offset) > 1.0)
        offsets.append(np.clip(offset, -0.5, 0.5))
    return np.where(inside, offsets[0], 0.0), np.where(inside, offsets[1], 0.0), failed


def _correlate(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Correlate with a centred kernel; zero is assumed beyond the border."""
    half = kernel.shape[0] // 2
    shape = [fft.next_fast_len(n + 2 * half, real=True) for n in image.shape]
    product = fft.rfft2(image, shape) * fft.rfft2(kernel[::-1, ::-1], shape)
    return fft.irfft2(product, shape)[half : half + image.shape[0], half : half + image.shape[1]]
