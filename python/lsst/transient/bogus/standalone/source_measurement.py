# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detection and measurement of the sources of a calibrated image, on arrays."""

from __future__ import annotations

__all__ = ("Detections", "detect_sources", "extendedness_from_size", "measure_shapes", "size_probability")

import dataclasses

import numpy as np
import sep
from scipy.special import ndtr

from .difference_detection import significance_map
from .image_arrays import ImageArrays, stamps_at
from .psf_stamps import PsfStamps
from .segmentation import extract
from .shapes import Shapes, adaptive_moments

_CHUNK = 1024
_SIZE_SYSTEMATIC = 0.04


@dataclasses.dataclass(frozen=True)
class Detections:
    """Sources above a threshold.

    Parameters
    ----------
    image
        Pixels after subtraction of the local sky, shape (H, W).
    x
        Column of the barycentre relative to the array, shape (N,).
    y
        Row of the barycentre relative to the array, shape (N,).
    segments
        Segmentation map, labels 1 to N, shape (H, W).
    blended
        The source was separated from another one, shape (N,).
    """

    image: np.ndarray
    x: np.ndarray
    y: np.ndarray
    segments: np.ndarray
    blended: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


def detect_sources(
    arrays: ImageArrays,
    kernel: np.ndarray,
    *,
    threshold: float,
    min_area: int,
    background_size: int,
    deblend_contrast: float,
) -> Detections:
    """Subtract the local sky and find sources with a PSF-matched filter.

    Parameters
    ----------
    arrays
        Pixels.
    kernel
        Centred PSF, shape (S, S).
    threshold
        Significance of a pixel of the matched image above which it is detected.
    min_area
        Fewest connected pixels of a source.
    background_size
        Side of the cells in which the sky is estimated, in pixels; 0 leaves the sky as it is.
    deblend_contrast
        Least fraction of the flux of a blend that becomes a source of its own.

    Returns
    -------
    detections : `Detections`
        The sources.
    """
    image = arrays.image
    if background_size > 0 and not arrays.bad.all():
        sky = sep.Background(image, mask=arrays.bad, bw=background_size, bh=background_size)
        image = np.where(arrays.bad, 0.0, image - sky.back(dtype=np.float32)).astype(np.float32)
    sky_free = ImageArrays(image, arrays.variance, arrays.bad, arrays.x0, arrays.y0)
    # Not SEP's own matched filter: with a noise map, its cleaning takes isolated sources of S/N 30 for
    # pieces of their neighbours, because it compares thresholds in S/N with fluxes.
    found, segments = extract(
        significance_map(sky_free, kernel, rescale=False).snr,
        threshold,
        mask=arrays.bad,
        minarea=min_area,
        filter_kernel=None,
        deblend_cont=deblend_contrast,
        segmentation_map=True,
    )
    blended = (found["flag"] & sep.OBJ_MERGED) != 0
    return Detections(image, found["x"], found["y"], segments, blended)


def measure_shapes(
    detections: Detections, arrays: ImageArrays, psf: PsfStamps, *, rows: np.ndarray | None = None
) -> Shapes:
    """Measure centroid and moments of each source without the pixels of its neighbours.

    Parameters
    ----------
    detections
        The sources.
    arrays
        Pixels in which they were found.
    psf
        Sampled PSF.
    rows
        Sources to measure, shape (M,); all by default.

    Returns
    -------
    shapes : `Shapes`
        Moments of each of ``rows``; centroids are relative to the array's first pixel.
    """
    rows = np.arange(len(detections)) if rows is None else rows
    shapes = Shapes.empty(len(rows))
    for start in range(0, len(rows), _CHUNK):
        part = np.arange(start, min(start + _CHUNK, len(rows)))
        shapes = shapes.replaced(part, _measure_chunk(detections, arrays, psf, rows[part]))
    return shapes


def _measure_chunk(detections: Detections, arrays: ImageArrays, psf: PsfStamps, rows: np.ndarray) -> Shapes:
    size = psf.size
    x, y = detections.x[rows], detections.y[rows]
    column, row = np.round(x).astype(np.int64), np.round(y).astype(np.int64)
    i, j = column - size // 2, row - size // 2
    owner = stamps_at(detections.segments, i, j, size, fill=0)
    mine = (owner == 0) | (owner == rows[:, None, None] + 1)
    mine &= ~stamps_at(arrays.bad, i, j, size, fill=True)
    stamps = np.where(mine, stamps_at(detections.image, i, j, size, fill=0.0), 0.0)
    shapes = adaptive_moments(stamps, x - column, y - row, sigma=1.2 * psf.fwhm / 2.355)
    return dataclasses.replace(shapes, x=shapes.x + column, y=shapes.y + row)


def extendedness_from_size(
    size: np.ndarray, psf_size: np.ndarray, snr: np.ndarray, *, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Compare the size of sources to that of the PSF.

    Parameters
    ----------
    size
        Trace of the moments of each source, in pixels², shape (N,).
    psf_size
        Trace of the moments of the PSF there, shape (N,).
    snr
        Signal-to-noise of the PSF flux, shape (N,).
    threshold
        Relative excess of size above which a source is extended.

    Returns
    -------
    extendedness : `numpy.ndarray`
        1 for extended, 0 for point-like, NaN if the size is unknown, shape (N,).
    probability : `numpy.ndarray`
        Probability that the true size exceeds the threshold, shape (N,).
    """
    probability = size_probability(size / psf_size - 1.0, snr, threshold=threshold)
    return np.where(np.isfinite(probability), (probability > 0.5).astype(float), np.nan), probability


def size_probability(excess: np.ndarray, snr: np.ndarray, *, threshold: float) -> np.ndarray:
    """Return the probability that a relative excess of size is above a threshold.

    Parameters
    ----------
    excess
        Size over PSF size, minus one, shape (N,).
    snr
        Signal-to-noise, shape (N,).
    threshold
        Threshold.

    Returns
    -------
    probability : `numpy.ndarray`
        Probability, NaN where the excess is, shape (N,).

    Notes
    -----
    The trace of adaptive moments of a Gaussian has a relative error of 2 / SNR; a
    few per cent are added for the error of the PSF model.
    """
    error = np.hypot(2.0 / np.maximum(snr, 1.0), _SIZE_SYSTEMATIC)
    return np.asarray(ndtr((excess - threshold) / error))
